"""Reads all files of a source, batch by batch: counts every row, and keeps all of them, or a seeded sample that fits."""

import sys
import tempfile
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from pipeline.data.census import DRAW, HELD_ROWS, TEST, TRAIN, VALIDATION, Counter, Draw
from pipeline.data.duplicates import text_hash
from pipeline.data.reading import column, read_batches
from pipeline.data.splitting import Side, draw_place, row_ids, row_key
from pipeline.data.values import as_text
from pipeline.errors import DataError
from pipeline.records import Census, DataSource, name_of
from pipeline.task import Answer, Array, Input, Rows, Task

MEMORY_SHARE = 0.25
"""Share of the free memory that texts may fill; what is made of them needs as much again, and more. Set by us."""
HASH_SHARE = 0.02
"""Share of the memory that hashes may fill before they go to disk. Set by us."""
MOST_ROWS = 20_000
"""Training rows that are kept where it is not said how many; what is measured, and the time it takes, then stays the same however many
there are. Set by us."""
HELD = 5 * MOST_ROWS
"""Training rows that are held while reading; where there are more, those that are drawn are read a second time, which costs time and no
memory. Set by us."""
MOST_UNLABELLED = 4_000
"""Rows without an answer whose inputs are kept, to see what the labelled ones leave out."""
ROW_BYTES = 400
"""What a row needs beside its text and its answer: hashes, an id, a side."""
ORIGINS: dict[Side | None, int] = {None: TRAIN, "validation": VALIDATION, "test": TEST}


@dataclass
class _Kept:
    """Rows that are in memory, with where each stands."""

    inputs: list[Input] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    hashes: list[Array] = field(default_factory=list)
    files: list[Array] = field(default_factory=list)
    numbers: list[Array] = field(default_factory=list)
    beside: list[tuple[str, ...]] = field(default_factory=list)
    """For each row what the further columns hold that rows are told apart by."""

    def extend(self, other: "_Kept") -> None:
        """Add the rows of another."""
        self.inputs += other.inputs
        self.answers += other.answers
        self.hashes += other.hashes
        self.files += other.files
        self.numbers += other.numbers
        self.beside += other.beside

    def take(self, positions: Sequence[int]) -> "_Kept":
        """The rows at these positions."""
        return _Kept(
            [self.inputs[position] for position in positions],
            [self.answers[position] for position in positions],
            [_joined(self.hashes, np.uint64)[positions]],
            [_joined(self.files, np.uint32)[positions]],
            [_joined(self.numbers, np.uint64)[positions]],
            [self.beside[position] for position in positions],
        )


def _joined(arrays: Sequence[Array], kind: type) -> Array:
    return np.concatenate(arrays) if arrays else np.empty(0, dtype=kind)


@dataclass(frozen=True)
class Places:
    """Where rows stand.

    Shapes: `files` and `numbers` have one entry per row.
    """

    names: tuple[str, ...]
    """What messages call the files."""
    files: Array
    """Which of the names."""
    numbers: Array
    """The number of the row in its file, from 1."""

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, position: int) -> str:
        """Where a row stands, for people: `reviews.csv row 17`."""
        return f"{self.names[int(self.files[position])]} row {int(self.numbers[position])}"


@dataclass(frozen=True)
class Gathered:
    """All rows that are kept, and what was counted among all.

    Shapes: `rows`, `hashes`, `given` and `places` have one entry per row.
    """

    rows: Rows
    hashes: Array
    given: list[Side | None]
    places: Places
    census: Census
    beside: list[tuple[str, ...]]
    """What the further columns hold."""
    unlabelled: Sequence[Input]
    """Inputs of the first training rows without an answer."""


def gather(source: DataSource, task: Task, folder: Path, seed: int, memory_bytes: int | None = None) -> Gathered:
    """Read all files of a source.

    Args:
        source: Files and columns; every column that the task needs is named.
        task: Reads rows from tables.
        folder: What relative paths are relative to.
        seed: Of the sample.
        memory_bytes: Memory that may be used; what is free when not given.

    Raises:
        DataError: A file or a column cannot be used as it is, or no row has an answer.
    """
    sides: list[Side | None] = [None, *(side for side in ("validation", "test") if getattr(source, side) is not None)]
    memory = memory_bytes or psutil.virtual_memory().available
    allowance = MEMORY_SHARE * memory / len(sides)
    held_rows = min(HELD_ROWS, max(1, int(HASH_SHARE * memory / DRAW.itemsize)))
    with tempfile.TemporaryDirectory(prefix="finetune-advisor-") as scratch:
        counter = Counter(Path(scratch), held_rows)
        names: list[str] = []
        parts: list[_Kept] = []
        given: list[Side | None] = []
        unlabelled: list[Input] = []
        sampled: int | None = None
        for side in sides:
            reading = _Reading(source, task, folder, side, names)
            kept = reading.run(counter, Draw(Path(scratch), seed, held_rows), allowance)
            unlabelled += reading.unlabelled
            if side is None:
                sampled = len(kept.inputs) if len(kept.inputs) < reading.count else None
            parts.append(kept)
            given += [side] * len(kept.inputs)
        rows = _together(parts)
        census = counter.census(len(rows), sampled)
    hashes = _joined([each for part in parts for each in part.hashes], np.uint64)
    files = _joined([each for part in parts for each in part.files], np.uint32)
    numbers = _joined([each for part in parts for each in part.numbers], np.uint64)
    beside = [values for part in parts for values in part.beside]
    return Gathered(rows, hashes, given, Places(tuple(names), files, numbers), census, beside, unlabelled)


def _together(parts: Sequence[_Kept]) -> Rows:
    inputs = tuple(given for part in parts for given in part.inputs)
    answers = tuple(answer for part in parts for answer in part.answers)
    if not inputs:
        raise DataError(
            "No row has an answer to learn from.", "Fill the column that holds the truth, or name another one."
        )
    return Rows(ids=row_ids(inputs, answers), inputs=inputs, answers=answers)


class _Reading:
    """Reads one side of a source, once, and where its rows do not fit a second time for those that were drawn.

    Args:
        source: Files and columns.
        task: Reads rows from tables.
        folder: What relative paths are relative to.
        side: Which side, None for the rows to learn from.
        names: Names of the files so far; those of this side are added.
    """

    def __init__(self, source: DataSource, task: Task, folder: Path, side: Side | None, names: list[str]) -> None:
        self.source, self.task, self.folder, self.side, self.names = source, task, folder, side, names
        self.files: str | list[str] = getattr(source, side or "train")
        self.first = len(names)
        self.count = self.bytes = 0
        self.unlabelled: list[Input] = []

    def run(self, counter: Counter, draw: Draw, allowance: float) -> _Kept:
        """Count every row, and keep all, or as many as were asked for or fit.

        Raises:
            DataError: No row has an answer to score against, or too many have.
        """
        most = (self.source.max_rows or MOST_ROWS) if self.side is None else None
        kept: _Kept | None = _Kept()
        for table, rows, piece in self._pieces(None):
            counter.add(piece.hashes[0], rows.answers, ORIGINS[self.side])
            counter.unlabelled += table - len(rows)
            self.count += len(rows)
            self.bytes += sum(map(_bytes, rows.inputs)) + ROW_BYTES * len(rows)
            if kept is None:
                draw.add(*_keys(piece))
                continue
            kept.extend(piece)
            if self.bytes > allowance:
                self._refuse_given(allowance)
            if self.bytes > allowance or (most is not None and self.count > max(HELD, most)):
                draw.add(*_keys(kept))
                kept = None
        if self.side is not None and not self.count:
            raise DataError(
                f"No row of '{name_of(self.files)}' has an answer to score against.",
                f"Fill the column that holds the truth, or take `{self.side}` out of [data].",
            )
        if kept is None:
            fit = max(1, int(allowance / self.bytes * self.count))
            return self._read_again(draw.drawn(self.source.max_rows or min(fit, MOST_ROWS)))
        return kept if most is None or self.count <= most else _sample(kept, most, draw.seed)

    def _pieces(self, wanted: Sequence[Container[int]] | None) -> Iterator[tuple[int, Rows, _Kept]]:
        """Rows of the table, rows with an answer, and these as what is kept, batch by batch."""
        columns = [*needed_columns(self.source, self.task), *self.source.slices]
        found = read_batches(self.files, self.source, self.folder, self.side or "train", columns, wanted)
        for batch in found:
            file = self.first + batch.number
            if file >= len(self.names):
                self.names.append(batch.file)
            rows = self.task.rows(batch.table, self.source.columns, batch.file, labelled=True)
            if self.side is None and wanted is None and len(rows) < len(batch.table):
                rest = batch.table[~batch.table.index.astype(str).isin(rows.ids)].head(
                    MOST_UNLABELLED - len(self.unlabelled)
                )
                self.unlabelled += self.task.rows(rest, self.source.columns, batch.file, labelled=False).inputs
            piece = _Kept(
                list(rows.inputs),
                list(rows.answers),
                [np.array([int(text_hash(given), 16) for given in rows.inputs], dtype=np.uint64)],
                [np.full(len(rows), file, dtype=np.uint32)],
                [np.array([int(row) for row in rows.ids], dtype=np.uint64)],
                _beside(batch.table, self.source.slices, rows.ids, batch.file),
            )
            yield len(batch.table), rows, piece

    def _read_again(self, drawn: Array) -> _Kept:
        """Read the rows that were drawn.

        Raises:
            DataError: Other rows stand there now.
        """
        files = len(self.names) - self.first
        wanted = [set(drawn["row"][drawn["file"] == self.first + file].tolist()) for file in range(files)]
        kept = _Kept()
        for _, _, piece in self._pieces(wanted):
            kept.extend(piece)
        if _keys(kept)[0].tolist() != drawn["key"].tolist():
            raise DataError(
                f"'{name_of(self.files)}' held other rows when it was read a second time, for a sample of them.",
                "Give data that stays as it is; a query needs an ORDER BY over a column without repeats.",
            )
        return kept

    def _refuse_given(self, allowance: float) -> None:
        """Refuse rows to score against that do not fit: only rows to learn from are sampled.

        Raises:
            DataError: Says how many rows fit.
        """
        if self.side is not None:
            fit = int(allowance / self.bytes * self.count)
            raise DataError(
                f"'{name_of(self.files)}' holds more rows than fit into memory.",
                f"Give a {self.side} file of at most {fit:,} rows; more would hardly make a score surer.",
            )


def _beside(table: Any, names: Sequence[str], ids: Sequence[str], file: str) -> list[tuple[str, ...]]:
    """What further columns hold of the rows with these numbers.

    Raises:
        DataError: There is no such column.
    """
    if not names:
        return [()] * len(ids)
    cells = [column(table, name, file).loc[[int(row) for row in ids]] for name in names]
    return list(zip(*([as_text(cell) for cell in each] for each in cells), strict=True))


def needed_columns(source: DataSource, task: Task) -> list[str]:
    """The columns that a task reads."""
    roles = dict.fromkeys(role.key for layout in task.layouts for role in layout.roles)
    given = [source.columns[role] for role in roles if role in source.columns]
    return list(dict.fromkeys(name for each in given for name in ([each] if isinstance(each, str) else each)))


def _bytes(given: Input) -> int:
    return sys.getsizeof(given) + (0 if isinstance(given, str) else sum(map(sys.getsizeof, given)))


def _keys(kept: _Kept) -> tuple[Array, Array, Array]:
    """The hash of what each row holds, its file, and its number there."""
    keys = [int(row_key(*row), 16) for row in zip(kept.inputs, kept.answers, strict=True)]
    return np.array(keys, dtype=np.uint64), _joined(kept.files, np.uint32), _joined(kept.numbers, np.uint64)


def _sample(kept: _Kept, most: int, seed: int) -> _Kept:
    """A seeded sample in the order of the files; a row's place in the draw follows from what it holds."""
    places = [draw_place(seed, row) for row in row_ids(kept.inputs, kept.answers)]
    return kept.take(sorted(sorted(range(len(places)), key=places.__getitem__)[:most]))
