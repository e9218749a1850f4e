"""Writes down every row that was dropped and every cell that was changed, and why; never a piece of personal data."""

import json
from collections import Counter
from typing import IO, Any

from advisor.mending.cells import Touch, as_joined
from advisor.mending.mends import ROW_MENDS, MendName
from advisor.mending.records import RecordLine
from advisor.mending.removal import NOBODY, Removal
from advisor.mending.survey import FileRows
from pipeline.data.personal_data import Names, find, mask

ALONE: dict[MendName, str] = {
    "empty": "It lacks a text.",
    "conflicts": "Its text has several answers, none of them more often than all others.",
    "leaks": "It also stands, exactly or nearly, in the rows that are kept for testing.",
}
BESIDE: dict[MendName, str] = {
    "conflicts": "Its text more often has the answer of {row}.",
    "copies": "It is a copy of {row}.",
    "near-copies": "It is nearly like {row}.",
}


class RecordWriter:
    """Writes one JSON object a line, and counts rows.

    Args:
        file: Open for writing.
        rows: Names rows.
        names: Finds names of people, where a model for them was named.
    """

    def __init__(self, file: IO[str], rows: FileRows, names: Names | None = None) -> None:
        self._file, self._rows, self._names = file, rows, names
        self.changed: Counter[MendName] = Counter()
        """Rows that stay and have a changed cell, by mend."""

    def drop(self, place: int, removal: Removal) -> None:
        """Write down why a row was dropped."""
        mend, other = ROW_MENDS[int(removal.why[place]) - 1], int(removal.other[place])
        because = ALONE[mend] if other == NOBODY else BESIDE[mend].format(row=self._rows.say(other))
        self._write(place, mend=mend, action="dropped", because=because)

    def change(self, place: int, touches: list[Touch]) -> None:
        """Write down what was changed in a row."""
        self.changed.update({touch.mend for touch in touches})
        for touch in touches:
            self._write(
                place,
                mend=touch.mend,
                action="changed",
                because=self._why(touch),
                column=touch.column,
                before=self._safe(touch.before),
                after=self._safe(touch.after),
            )

    def _write(self, place: int, **line: Any) -> None:
        file, row = self._rows.find(place)
        found = RecordLine(file=file, row=row, **line).model_dump(exclude_none=True)
        try:
            self._file.write(json.dumps(found, ensure_ascii=False) + "\n")
        except UnicodeEncodeError:  # half of a character, which only its escape can say
            self._file.write(json.dumps(found) + "\n")

    def _why(self, touch: Touch) -> str:
        if touch.mend == "encoding":
            return "It was decoded with the wrong encoding."
        if touch.mend == "labels":
            return "The label is mostly written in the other way."
        kinds = Counter(span.kind for span in find(as_joined(touch.before), self._names))
        return f"It holds personal data: {', '.join(f'{kind} ({count})' for kind, count in kinds.items())}."

    def _safe(self, cell: Any) -> str:
        return mask(as_joined(cell), self._names)
