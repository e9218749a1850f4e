"""Reads tagged sentences from tables: words with a tag each, or texts with spans of characters."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.data.values import as_label, as_list, as_number, as_text, is_missing
from pipeline.errors import DataError
from pipeline.task import Rows
from pipeline.tasks.spans import Span, begin_inside
from pipeline.tasks.word_splitting import split_words

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Sentence = tuple[tuple[str, ...], tuple[str, ...]]
"""Words and their tags."""
SHOWN_FAULTS = 3
LONGEST_SHOWN = 40
"""Characters of a text that a fault quotes."""
_PRINTED_LIST = {
    "words": re.compile(r"\s*\[\s*[\"'].*\]\s*", re.DOTALL),
    "tags": re.compile(r"\s*\[.*\]\s*", re.DOTALL),
}
_AS_JSON = 'Write lists as JSON, with double quotes: ["New", "York"]; in Python `json.dumps` does.'
_SPAN_SHAPE = (
    'Write spans as a list of objects: [{"start": 0, "end": 8, "label": "city"}], in characters, the end exclusive.'
)


class Fault(Exception):
    """What is wrong with a row, without its number, and the mend."""

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.problem, self.fix = problem, fix


def read_tagged_words(table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
    """Rows of words and, when asked for, their tags; rows whose tags are missing are left out.

    Raises:
        DataError: A column is missing, or rows cannot be read; names them.
    """
    from pipeline.data.reading import column

    cells = column(table, columns["tokens"], file).tolist()
    if not labelled:
        read = _each(list(table.index), cells, lambda cell: _words(cell, columns["tokens"]), file)
        return Rows(tuple(read), tuple(read.values()), ())
    tags = column(table, columns["tags"], file).tolist()
    kept = [place for place, cell in enumerate(tags) if not is_missing(cell)]
    found: dict[str, Sentence] = _each(
        [table.index[place] for place in kept],
        [(cells[place], tags[place]) for place in kept],
        lambda pair: _sentence(pair[0], pair[1], columns),
        file,
    )
    return _labelled(found)


def read_texts_with_spans(
    table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool
) -> tuple[Rows, dict[Sentence, list[str]]]:
    """Rows of texts split into words and, when asked for, tags from spans; rows whose spans are missing are left out.

    Returns:
        The rows, and for each sentence with spans that begin or end inside a word what they were widened to.

    Raises:
        DataError: A column is missing, or rows cannot be read; names them.
    """
    from pipeline.data.reading import column

    texts = [as_text(cell) for cell in column(table, columns["text"], file)]
    if not labelled:
        inputs = tuple(tuple(text[start:end] for start, end in split_words(text)) for text in texts)
        return Rows(tuple(map(str, table.index)), inputs, ()), {}
    spans = column(table, columns["spans"], file).tolist()
    kept = [place for place, cell in enumerate(spans) if not is_missing(cell)]
    read = _each(
        [table.index[place] for place in kept],
        [(texts[place], spans[place]) for place in kept],
        lambda pair: _tagged_text(pair[0], pair[1], columns["spans"]),
        file,
    )
    found = {row: sentence for row, (sentence, _) in read.items()}
    return _labelled(found), {sentence: widened for sentence, widened in read.values() if widened}


def _labelled(found: Mapping[str, Sentence]) -> Rows:
    return Rows(tuple(found), tuple(words for words, _ in found.values()), tuple(tags for _, tags in found.values()))


def _each(rows: Sequence[Any], cells: Sequence[Any], read: Callable[[Any], T], file: str) -> dict[str, T]:
    """What was read of each row, by its number.

    Raises:
        DataError: Names the first rows that cannot be read, and how many there are.
    """
    found: dict[str, T] = {}
    faults: list[tuple[str, Fault]] = []
    for row, cell in zip(map(str, rows), cells, strict=True):
        try:
            found[row] = read(cell)
        except Fault as fault:
            faults.append((row, fault))
    if faults:
        shown = "; ".join(f"row {row}: {fault.problem}" for row, fault in faults[:SHOWN_FAULTS])
        more = f"; and {len(faults) - SHOWN_FAULTS} more rows" if len(faults) > SHOWN_FAULTS else ""
        mends = " ".join(dict.fromkeys(fault.fix for _, fault in faults[:SHOWN_FAULTS]))
        raise DataError(f"'{Path(file).name}' {shown}{more}.", mends)
    return found


def _sentence(words: Any, tags: Any, columns: Mapping[str, Any]) -> Sentence:
    read = _words(words, columns["tokens"])
    found = [as_label(part) for part in _parts(tags, columns["tags"], "tags")]
    if not read:
        raise Fault(f"'{columns['tokens']}' holds no words", "Take rows without words out.")
    if len(read) != len(found):
        raise Fault(
            f"'{columns['tags']}' holds {len(found)} tags for {len(read)} words",
            "Give each word one tag; words that hold spaces need JSON lists.",
        )
    if None in found:
        raise Fault(f"'{columns['tags']}' holds no tag for word {found.index(None) + 1}", "Give each word one tag.")
    return read, tuple(str(tag) for tag in found)


def _words(cell: Any, column: str) -> tuple[str, ...]:
    return tuple(as_text(part) for part in _parts(cell, column, "words"))


def _parts(cell: Any, column: str, what: str) -> list[Any]:
    """The entries of a list, or the parts of a text that spaces separate."""
    if is_missing(cell):
        return []
    found = as_list(cell)
    if found is None and isinstance(cell, str) and not _PRINTED_LIST[what].fullmatch(cell):
        return cell.split()
    if found is None or any(isinstance(part, list | tuple | dict) for part in found):
        raise Fault(f"'{column}' holds no list of {what}: {_cut(str(cell))}", _AS_JSON)
    return found


def _tagged_text(text: str, cell: Any, column: str) -> tuple[Sentence, list[str]]:
    places = split_words(text)
    words = tuple(text[start:end] for start, end in places)
    if not words:
        raise Fault("the text holds no words", "Take rows without words out.")
    spans: list[Span] = []
    widened: list[str] = []
    for given in sorted(_spans(text, cell, column)):
        touched = [word for word, (start, end) in enumerate(places) if start < given.end and end > given.start]
        if not touched:
            raise Fault(f"'{column}' has a span without words: {_say(given, text)}", "Take such spans out.")
        found = Span(touched[0], touched[-1] + 1, given.kind)
        if spans and found.start < spans[-1].end:
            raise Fault(
                f"'{column}' has spans that overlap or share a word, the second being {_say(given, text)}",
                "Keep one of them: each word can be in one span only.",
            )
        spans.append(found)
        start, end = places[touched[0]][0], places[touched[-1]][1]
        if start < given.start or end > given.end:
            widened.append(f"'{_cut(text[given.start : given.end])}' to '{_cut(text[start:end])}'")
    return (words, begin_inside(len(words), spans)), widened


def _spans(text: str, cell: Any, column: str) -> list[Span]:
    """Spans of characters as they stand in a cell."""
    found = as_list(cell)
    if found is None:
        raise Fault(f"'{column}' holds no list of spans: {_cut(str(cell))}", _SPAN_SHAPE)
    spans = []
    for entry in found:
        if not isinstance(entry, Mapping) or not {"start", "end", "label"} <= set(entry):
            raise Fault(f"'{column}' holds something that is no span: {_cut(str(entry))}", _SPAN_SHAPE)
        start, end, label = as_number(entry["start"]), as_number(entry["end"]), as_label(entry["label"])
        if start is None or end is None or label is None or start % 1 or end % 1:
            raise Fault(f"'{column}' holds something that is no span: {_cut(str(dict(entry)))}", _SPAN_SHAPE)
        if not 0 <= start < end <= len(text):
            raise Fault(
                f"'{column}' has a span from {start:g} to {end:g} in a text of {len(text)} characters",
                "Count characters from 0, and give the end as the character behind the last one.",
            )
        spans.append(Span(int(start), int(end), label))
    return spans


def _say(span: Span, text: str) -> str:
    return f"{span.start} to {span.end} '{_cut(text[span.start : span.end])}' ({span.kind})"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"
