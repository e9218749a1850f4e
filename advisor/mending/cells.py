"""Changes what stands in the cells of a row: encoding, spelling of labels, personal data. Nothing else in them is touched."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from advisor.mending.mends import CELL_MENDS, MendName
from advisor.mending.positions import Edit, edit, move
from advisor.mending.source import Row
from pipeline.data.mojibake import repair
from pipeline.data.personal_data import PLACEHOLDERS, Names, find, mask
from pipeline.data.values import as_label, as_list, is_missing
from pipeline.tasks.spans import type_of

TEXT_ROLES = ("text", "text_pair", "tokens")
LABEL_ROLES = ("label", "labels", "tags", "spans")
NUMBER_ROLES = ("score",)
"""Every role of every task is one of these: a new one has to say what may be changed in its cells."""
Change = Callable[[str], str]


@dataclass(frozen=True)
class Touch:
    """One cell that a mend changed."""

    mend: MendName
    column: str
    before: Any
    after: Any


@dataclass(frozen=True)
class CellMends:
    """The mends of cells that were chosen, for the columns of one task.

    Attributes:
        columns: By role, as the answers have them.
        chosen: Mends; those of whole rows are not looked at.
        spelling: For each label that is to be written otherwise its spelling.
        names: Finds names of people, where a model for them was named.
    """

    columns: Mapping[str, Any]
    chosen: Sequence[MendName]
    spelling: Mapping[str, str] = field(default_factory=dict)
    names: Names | None = None

    def read_ahead(self, rows: Sequence[Row]) -> None:
        """Look for names in the texts of rows that are mended next."""
        if self.names is not None and "personal-data" in self.chosen:
            self.names.read([as_joined(row[column]) for row in rows for _, column in self._texts(row)])

    def apply(self, row: Row) -> list[Touch]:
        """Mend the cells of a row in place; what was changed, in the order in which it was."""
        touches: list[Touch] = []
        for mend in (name for name in CELL_MENDS if name in self.chosen):
            before = dict(row)
            _MENDERS[mend](self, row)
            touches += [
                Touch(mend, column, before[column], cell)
                for column, cell in row.items()
                if cell is not before[column] and cell != before[column]
            ]
        return touches

    def mend_encoding(self, row: Row) -> None:
        """Texts, words and labels as they were meant; text whose answers are places in it piece by piece."""
        for role, column in self._present(row):
            if role in LABEL_ROLES:
                row[column] = change_labels(row[column], role, repair, self._delimiter(role))
            elif role in TEXT_ROLES and (role != "text" or not self._moves_spans(row, _repairs)):
                row[column] = _change_text(row[column], role, repair)

    def mask_personal_data(self, row: Row) -> None:
        """Placeholders in texts and words; labels and numbers stay."""
        for role, column in self._texts(row):
            if role == "tokens":
                row[column] = _mask_words(row[column], self.names)
            elif role != "text" or not self._moves_spans(row, self._masks):
                row[column] = _change_text(row[column], role, lambda text: mask(text, self.names))

    def _masks(self, text: str, borders: Sequence[int]) -> list[Edit] | None:
        del borders
        return [Edit(span.start, span.end, PLACEHOLDERS[span.kind]) for span in find(text, self.names)]

    def _texts(self, row: Row) -> list[tuple[str, str]]:
        return [(role, column) for role, column in self._present(row) if role in TEXT_ROLES]

    def spell_labels(self, row: Row) -> None:
        """Each label in its one spelling; a row that thereby has a label twice has it once."""
        for role, column in self._present(row):
            if role in LABEL_ROLES:
                row[column] = change_labels(row[column], role, self._spelled, self._delimiter(role))

    def _spelled(self, label: str) -> str:
        return self.spelling.get(label, label)

    def _delimiter(self, role: str) -> str | None:
        found = self.columns.get("label_delimiter") if role == "labels" else None
        return str(found) if found else None

    def _present(self, row: Row) -> list[tuple[str, str]]:
        """Roles with a column of their own whose cell holds something."""
        named = [(role, column) for role, column in self.columns.items() if isinstance(column, str)]
        return [(role, column) for role, column in named if column in row and not is_missing(row[column])]

    def _moves_spans(self, row: Row, edits: Callable[[str, Sequence[int]], list[Edit] | None]) -> bool:
        """Whether the row has spans; then text and spans are changed together."""
        column, text = str(self.columns.get("spans")), row[self.columns["text"]]
        spans = None if is_missing(row.get(column)) else as_list(row[column])
        if not spans or not isinstance(text, str):
            return False
        made = edits(text, sorted({int(float(span[end])) for span in spans for end in ("start", "end")}))
        if made:
            row[self.columns["text"]] = edit(text, made)
            moved = [{**span, **move(int(float(span["start"])), int(float(span["end"])), made)} for span in spans]
            row[column] = _like(row[column], moved)
        return True


def change_labels(cell: Any, role: str, change: Change, delimiter: str | None) -> Any:
    """A cell with its labels changed, in the form that it had."""
    if role == "label":
        label = as_label(cell)
        return cell if label is None or change(label) == label else change(label)
    entries = as_list(cell)
    if role == "spans":
        return _like(cell, [{**span, "label": _changed(span["label"], change)} for span in entries or []])
    one = _tag_change(change) if role == "tags" else change
    if entries is not None:
        found = [_changed(entry, one) for entry in entries]
        return _like(cell, found if role == "tags" else _once(found))
    if not isinstance(cell, str):
        return _changed(cell, one)
    if role == "tags":
        return _each_word(cell, one)
    return _change_delimited(cell, one, delimiter) if delimiter else change(cell)


def _tag_change(change: Change) -> Change:
    def changed(tag: str) -> str:
        kind = type_of(tag)
        return tag[: len(tag) - len(kind)] + change(kind)

    return changed


def _changed(entry: Any, change: Change) -> Any:
    label = as_label(entry)
    return entry if label is None or change(label) == label else change(label)


def _once(entries: list[Any]) -> list[Any]:
    return [entry for place, entry in enumerate(entries) if entry not in entries[:place]]


def _change_delimited(cell: str, change: Change, delimiter: str) -> str:
    parts = cell.split(delimiter)
    found = [part.replace(part.strip(), change(part.strip()), 1) if part.strip() else part for part in parts]
    if found == parts:
        return cell
    seen: set[str] = set()
    kept = [part for part in found if not (part.strip() in seen or seen.add(part.strip()))]  # type: ignore[func-returns-value]
    return delimiter.join(kept)


def _change_text(cell: Any, role: str, change: Change) -> Any:
    """A text changed, or the words of a sentence one by one, whose number stays."""
    if role != "tokens":
        return change(cell) if isinstance(cell, str) else cell
    entries = as_list(cell)
    if entries is None:
        return _each_word(cell, change) if isinstance(cell, str) else cell
    return _like(cell, [change(entry) if isinstance(entry, str) else entry for entry in entries])


def _each_word(text: str, change: Change) -> str:
    """Words between spaces changed one by one; a change that would make more or fewer of one is not made."""
    words = re.split(r"(\s+)", text)
    return "".join(new if len((new := change(word)).split()) == len(word.split()) else word for word in words)


def as_joined(cell: Any) -> str:
    """A cell as one text, so that personal data is seen that stands in several words of a list."""
    entries = as_list(cell)
    return str(cell) if entries is None else " ".join(map(str, entries))


def _mask_words(cell: Any, names: Names | None) -> Any:
    """Each word that holds some of a piece of personal data becomes its placeholder, so that tags stay beside their words."""
    entries = as_list(cell)
    if entries is None:
        words = str(cell).split()
        masked = _masked(words, names)
        return cell if masked == words else " ".join(masked)
    return _like(cell, _masked([entry if isinstance(entry, str) else str(entry) for entry in entries], names))


def _masked(words: list[str], names: Names | None) -> list[str]:
    found, place = list(words), 0
    spans = find(" ".join(words), names)
    for number, word in enumerate(words):
        touching = [span for span in spans if span.start < place + len(word) and place < span.end]
        if touching:
            found[number] = PLACEHOLDERS[touching[0].kind]
        place += len(word) + 1
    return found


def _like(cell: Any, found: list[Any]) -> Any:
    """A list in the form in which a cell had it; the very cell where nothing changed."""
    if found == as_list(cell):
        return cell
    return json.dumps(found, ensure_ascii=False) if isinstance(cell, str) else found


def _repairs(text: str, borders: Sequence[int]) -> list[Edit] | None:
    """A repair of each piece between the ends of spans; none where a piece by itself reads otherwise than in the whole."""
    ends = [0, *(border for border in borders if 0 < border < len(text)), len(text)]
    pieces = list(pairwise(ends))
    edits = [Edit(start, end, new) for start, end in pieces if (new := repair(text[start:end])) != text[start:end]]
    return edits if edit(text, edits) == repair(text) else None


_MENDERS: Mapping[str, Callable[[CellMends, Row], None]] = {
    "encoding": CellMends.mend_encoding,
    "labels": CellMends.spell_labels,
    "personal-data": CellMends.mask_personal_data,
}
