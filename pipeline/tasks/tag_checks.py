"""What is wrong or odd about tags: refused before anything is learned from them, or counted for the audit."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import DataError
from pipeline.findings import Found
from pipeline.task import Rows
from pipeline.tasks.labels import MOST_CLASSES, ROWS_TO_JUDGE_LABELS, check_labels
from pipeline.tasks.spans import OUTSIDE, SCHEMES, as_tags, illegal_places, letters_of, parse
from pipeline.tasks.tag_reading import Sentence

EXAMPLES = 3
ODD_PREFIX = re.compile(r"[BIESLU][_/:.]\w|[biesluo]-\w|\w[\w ]*-[BIESLU]$")
"""Prefixes as other tools write them, and suffixes; read as they stand they would make two types of one."""
LONGEST_EXAMPLE = 120
OPENERS = frozenset("BISU")
"""Letters of which a scheme needs one: without any, no span could begin or have an inside."""
_ONE_A_WORD = 'If each word has a tag of its own, such as a part of speech, set task_options.tags = "words".'


def check_tags(sentences: Sequence[Sequence[str]], file: str, *, by_spans: bool) -> None:
    """Refuse one tag only, far too many, tags that differ by case or space, and for spans tags that are in no scheme.

    Raises:
        DataError: Names the tags, with the mend.
    """
    words = sum(map(len, sentences))
    rows = Counter(tag for tags in sentences for tag in set(tags))
    name = Path(file).name
    if words >= ROWS_TO_JUDGE_LABELS and len(rows) > min(MOST_CLASSES, words // 2):
        raise DataError(
            f"The tags of '{name}' are {len(rows):,} different ones for {words:,} words.",
            "Name the column that holds the tags.",
        )
    if len(sentences) >= ROWS_TO_JUDGE_LABELS and all(len(row) == 1 for row in sentences):
        raise DataError(
            f"Every row of '{name}' holds one word: a tag is told from the words around it.",
            "Put the words of a sentence into one row, as a list, and their tags beside them.",
        )
    if by_spans:
        _check_spans(sentences, set(rows) - {OUTSIDE}, name)
    check_labels(rows, 0, file)


def _check_spans(sentences: Sequence[Sequence[str]], tags: set[str], name: str) -> None:
    if not tags:
        raise DataError(f"'{name}' has no span in any row.", "Add rows with spans, or name another column.")
    if all(tag.lstrip("-").isdigit() for tag in tags):
        raise DataError(
            f"The tags of '{name}' are numbers, which do not say where spans begin: {_listed(tags)}.",
            f"Write their names, such as 'B-city', 'I-city' and 'O'. {_ONE_A_WORD}",
        )
    odd = {tag for tag in tags if ODD_PREFIX.match(tag)}
    if len(odd) > len(tags) / 2 or tags <= set("BIESLU"):
        raise DataError(
            f"The tags of '{name}' are in no scheme that is known: {_listed(odd or tags)}.",
            f"Write 'B-city' and 'I-city', with a capital letter, a hyphen and the type. {_ONE_A_WORD}",
        )
    letters = letters_of(tags)
    words = Counter(tag for row in sentences for tag in row)
    commonest, most = words.most_common(1)[0]
    if OUTSIDE not in words and most > words.total() / 2 and not letters_of([commonest]):
        raise DataError(
            f"Most words of '{name}' have the tag '{commonest}' and none has 'O', which says that a word is in no span.",
            f"Write 'O' instead of '{commonest}' if that is what it means. {_ONE_A_WORD}",
        )
    bare = {tag for tag in tags if not letters_of([tag])}
    if letters and bare:
        raise DataError(
            f"'{name}' has tags with a letter in front of the type ({_listed(tags - bare)}) and tags without: {_listed(bare)}.",
            f"Write 'B-' and 'I-' in front of every type, or of none; a word outside of spans is 'O'. {_ONE_A_WORD}",
        )
    if letters and not (set(letters) & OPENERS and any(set(letters) <= set(known) for known in SCHEMES.values())):
        raise DataError(
            f"The letters in front of the types in '{name}' are of no scheme: {', '.join(sorted(letters))}.",
            f"Use the letters of one scheme: {', '.join(SCHEMES)}. {_ONE_A_WORD}",
        )
    kinds = Counter(kind for row in sentences for kind in {parse(tag).kind for tag in row if tag != OUTSIDE})
    if len(kinds) > 1:
        check_labels(kinds, 0, name)


def _listed(tags: set[str]) -> str:
    shown = ", ".join(f"'{tag}'" for tag in sorted(tags)[:EXAMPLES])
    return f"{shown}, …" if len(tags) > EXAMPLES else shown


def audit_tags(rows: Rows, widened: Mapping[Sentence, Sequence[str]], *, by_spans: bool) -> list[Found]:
    """What is odd about the tags of rows.

    Args:
        rows: Labelled rows.
        widened: For each sentence whose spans began or ended inside a word what they were widened to.
        by_spans: Whether tags are spans.
    """
    found = [_empty_words(rows)]
    if by_spans:
        found += [_widened(rows, widened), _illegal(rows), _nothing_outside(rows)]
    return [each for each in found if each.count]


def _empty_words(rows: Rows) -> Found:
    empty = [given for given in rows.inputs if any(not word.strip() for word in given)]
    return Found("empty_words", len(empty), len(rows), [_shown(given) for given in empty[:EXAMPLES]])


def _widened(rows: Rows, widened: Mapping[Sentence, Sequence[str]]) -> Found:
    found = [
        example
        for given, answer in zip(rows.inputs, rows.answers, strict=True)
        for example in widened.get((tuple(given), as_tags(answer)), ())
    ]
    return Found("widened_spans", len(found), len(rows), found[:EXAMPLES])


def _illegal(rows: Rows) -> Found:
    sentences = [as_tags(answer) for answer in rows.answers]
    found = illegal_places(sentences)
    examples = []
    for row, place in list(found.items())[:EXAMPLES]:
        before = f"behind '{sentences[row][place - 1]}'" if place else "at the start"
        examples.append(f"'{sentences[row][place]}' {before}: {_shown(rows.inputs[row])}")
    return Found("illegal_tags", len(found), len(rows), examples)


def _nothing_outside(rows: Rows) -> Found:
    tags = {tag for answer in rows.answers for tag in as_tags(answer)}
    whole = bool(tags) and OUTSIDE not in tags and not letters_of(tags)
    return Found("nothing_outside", len(rows) if whole else 0, len(rows))


def _shown(words: Sequence[str]) -> str:
    return " ".join(words)[:LONGEST_EXAMPLE]
