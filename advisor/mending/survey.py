"""A first look at all rows: what in them is to be mended, and the little of each row that tells which are copies.

Of a row it keeps two hashes of eight bytes, so that files larger than memory can be mended; texts are kept only where nearly
equal ones are to be found, and only as many as those are looked for among.
"""

import hashlib
import heapq
import json
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow

from advisor.audit.spelling import spelled_labels
from advisor.mending.cells import CellMends
from advisor.mending.mends import MendName
from advisor.mending.output import infer_schema
from advisor.mending.source import Batch, Row, Source
from pipeline.data.duplicates import COMPARED_TEXTS, text_hash
from pipeline.data.label_variants import fold
from pipeline.data.personal_data import find
from pipeline.data.values import is_missing
from pipeline.errors import DataError
from pipeline.task import Answer, Input, Task

MOST_LABELS = 100_000
"""Different labels; a column with more holds something else."""
UNANSWERED = 0
"""What stands for the answer of a row that has none."""
Advance = Callable[[float, float], None]


@dataclass
class Survey:
    """What was seen.

    Shapes: `texts`, `answers` and `empty` have one entry per row, in the order of the files; `texts` and `empty` of a row
    that lacks an input are 0 and 1.
    """

    files: list[int] = field(default_factory=list)
    """Rows of each file."""
    columns: dict[str, None] = field(default_factory=dict)
    schema: pyarrow.Schema | None = None
    texts: "array[int]" = field(default_factory=lambda: array("Q"))
    answers: "array[int]" = field(default_factory=lambda: array("Q"))
    empty: bytearray = field(default_factory=bytearray)
    scores: "dict[int, float]" = field(default_factory=dict)
    """For each answer that is a number the number."""
    labels: Counter[str] = field(default_factory=Counter)
    """Rows of each label, or of each type of tag."""
    touched: Counter[MendName] = field(default_factory=Counter)
    """Rows whose cells a mend changes."""
    inputs: dict[int, Input] = field(default_factory=dict)
    """Different inputs by their hash, as many as are compared."""
    has_more_inputs: bool = False
    """Whether there are more different inputs than are compared; those with the lowest hashes are, which is a draw."""
    beside: dict[str, set[str]] = field(default_factory=dict)
    """Kinds of personal data that the first rows have in columns which the task does not read, by column."""
    _highest: list[int] = field(default_factory=list)

    def keep_input(self, key: int, given: Input) -> None:
        """Keep an input unless there are as many with lower hashes."""
        if key in self.inputs:
            return
        if len(self.inputs) >= COMPARED_TEXTS:
            self.has_more_inputs = True
            if key > -self._highest[0]:
                return
            del self.inputs[-heapq.heappop(self._highest)]
        self.inputs[key] = given
        heapq.heappush(self._highest, -key)


@dataclass(frozen=True)
class Look:
    """What to look for.

    Attributes:
        source: The rows.
        task: Reads them.
        mends: Of cells.
        is_trial: Whether the mends of cells are only counted, and rows compared as they stand.
        folds_labels: Whether answers are the same that differ only in how their labels are written.
        keeps_inputs: Whether nearly equal inputs are to be found.
        keeps_types: Whether the types of all columns are to be found.
    """

    source: Source
    task: Task
    mends: CellMends
    is_trial: bool = False
    folds_labels: bool = False
    keeps_inputs: bool = False
    keeps_types: bool = False


def survey(look: Look, advance: Advance) -> Survey:
    """Look at all rows once.

    Raises:
        DataError: A file cannot be read, or a cell is not what the task reads.
    """
    seen = Survey(files=[0] * len(look.source.files))
    total = look.source.estimate_rows()
    for batch in look.source.batches():
        seen.files[batch.file] += len(batch.rows)
        for row in batch.rows:
            seen.columns |= dict.fromkeys(row)
        if look.keeps_types:
            _keep_types(seen, batch)
        if "personal-data" in look.mends.chosen and not batch.begins:
            _look_beside(seen, batch.rows, named_columns(look.mends.columns))
        _look_at(seen, look, batch)
        if total:
            advance(min(len(seen.texts), total), total)
    return seen


def _keep_types(seen: Survey, batch: Batch) -> None:
    found = infer_schema(batch.rows, list(seen.columns))
    try:
        seen.schema = pyarrow.unify_schemas([seen.schema or found, found], promote_options="permissive")
    except pyarrow.ArrowException as error:
        raise DataError(
            f"A column holds values of several types, which Parquet cannot keep: {error}.", "Write .jsonl, which can."
        ) from error


def _look_beside(seen: Survey, rows: Sequence[Row], named: Sequence[str]) -> None:
    for row in rows:
        for column, cell in row.items():
            if column not in named and isinstance(cell, str) and (spans := find(cell)):
                seen.beside.setdefault(column, set()).update(span.kind for span in spans)


def _look_at(seen: Survey, look: Look, batch: Batch) -> None:
    rows = _mended(seen, look, batch.rows)
    columns = dict(look.mends.columns)
    inputs = [column for role, column in columns.items() if role in _input_roles(look.task)]
    empty = [any(_is_empty(row.get(column)) for column in inputs) for row in rows]
    table = batch.table(rows, [name for name in named_columns(columns) if name in seen.columns])
    is_unreadable = bool({"tokens", "spans"} & set(columns))  # no task reads a sentence without words
    file, rest = look.source.names[batch.file], table[[not (each and is_unreadable) for each in empty]]
    given = look.task.rows(rest, columns, file, labelled=False)
    labelled = look.task.rows(rest, columns, file, labelled=True)
    answers = dict(zip(labelled.ids, labelled.answers, strict=True))
    by_row = dict(zip(given.ids, given.inputs, strict=True))
    for number, is_empty in zip(map(str, table.index), empty, strict=True):
        lacks = is_empty or look.task.is_empty(by_row[number])
        seen.empty.append(lacks)
        seen.texts.append(UNANSWERED if lacks else _keep_input(seen, look, by_row[number]))
        seen.answers.append(_keep_answer(seen, look, answers[number]) if number in answers else UNANSWERED)


def _mended(seen: Survey, look: Look, rows: Sequence[Row]) -> list[Row]:
    """The rows mended, unless this is a trial; what would change is counted."""
    found = [dict(row) for row in rows]
    look.mends.read_ahead(found)
    for row in found:
        seen.touched.update({touch.mend for touch in look.mends.apply(row)})
    return list(rows) if look.is_trial else found


def named_columns(columns: Mapping[str, Any]) -> list[str]:
    """The columns that are named for a role, or several for one."""
    named = [name for column in columns.values() for name in ([column] if isinstance(column, str) else column)]
    return list(dict.fromkeys(named))


def _input_roles(task: Task) -> set[str]:
    return {role.key for layout in task.layouts for role in layout.roles if role.required_to_predict}


def _is_empty(cell: Any) -> bool:
    return is_missing(cell) or (isinstance(cell, list | tuple) and not len(cell)) or cell == "[]"


def _keep_input(seen: Survey, look: Look, given: Input) -> int:
    key = int(text_hash(given), 16)
    if look.keeps_inputs:
        seen.keep_input(key, given)
    return key


def _keep_answer(seen: Survey, look: Look, answer: Answer) -> int:
    if isinstance(answer, float):
        key = _hash(answer)
        seen.scores[key] = answer
        return key
    seen.labels.update(spelled_labels(answer, look.mends.columns))
    if len(seen.labels) > MOST_LABELS:
        raise DataError(
            f"There are more than {MOST_LABELS:,} different labels.", "Name the column that holds the classes."
        )
    return _hash(_folded(answer) if look.folds_labels else answer)


def _folded(answer: Answer) -> Any:
    if isinstance(answer, str):
        return fold(answer)
    return [fold(label) for label in answer] if isinstance(answer, tuple) else answer


def _hash(answer: Any) -> int:
    digest = hashlib.sha256(json.dumps(answer).encode()).digest()
    return int.from_bytes(digest[:8], "big") or 1


@dataclass(frozen=True)
class FileRows:
    """Numbers of all rows turned into file and row."""

    files: list[int]
    names: list[str]

    def say(self, place: int) -> str:
        """A row, with its file where there are several."""
        file, row = self.find(place)
        return f"row {row} of '{file}'" if len(self.names) > 1 else f"row {row}"

    def find(self, place: int) -> tuple[str, int]:
        """File, and row counted from 1."""
        for rows, name in zip(self.files, self.names, strict=True):
            if place < rows:
                return name, place + 1
            place -= rows
        raise IndexError(place)
