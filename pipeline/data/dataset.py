"""All rows of a source with their sides: what the advisor measures and the pipeline trains on, read in one way."""

import datetime
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.data.census import Counter
from pipeline.data.duplicates import Groups, group
from pipeline.data.gathering import ORIGINS, Places, gather
from pipeline.data.splitting import Side, SplitRequest, load_splits, split
from pipeline.errors import DataError
from pipeline.records import Census, DataSource, name_of
from pipeline.task import Input, Rows, Task


@dataclass(frozen=True)
class Dataset:
    """Rows with their sides. Test rows are handed out only by `open_test_rows`, which logs it.

    Shapes: `rows`, `groups` and `sides` have one entry per row.
    """

    rows: Rows
    groups: Groups
    sides: list[Side]
    test_file_given: bool
    unlabelled_rows: int
    """Rows without an answer, left out."""
    given: Sequence[Side | None] = ()
    """The side that the file of each row fixes, None for the training file; empty when all rows come from it."""
    places: Places | Sequence[str] | None = None
    """Where each row stands; null when it is not known."""
    counted: Census | None = None
    """What was counted while reading; null when the rows here are all there were."""
    unlabelled: Sequence[Input] = ()
    """Inputs of the first of the training file's rows without an answer."""

    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Further columns that rows are told apart by, one value a row."""

    @cached_property
    def census(self) -> Census:
        """What was counted among all rows, whether they are kept here or not."""
        if self.counted is not None:
            return self.counted
        hashes = np.array([int(key, 16) for key in self.groups.text_hashes], dtype=np.uint64)
        with tempfile.TemporaryDirectory(prefix="finetune-advisor-") as scratch:
            counter = Counter(Path(scratch))
            counter.unlabelled = self.unlabelled_rows
            for side, origin in ORIGINS.items():
                rows = [row for row in range(len(self.rows)) if (self.given[row] if self.given else None) == side]
                counter.add(hashes[rows], [self.rows.answers[row] for row in rows], origin)
            return _with_near(counter.census(len(self.rows)), self.groups)

    def place(self, position: int) -> str:
        """Where a row stands, such as "reviews.csv row 17"; its id when that is not known."""
        return f"row {self.rows.ids[position]}" if self.places is None else self.places[position]

    def positions(self, *sides: Side) -> list[int]:
        """Positions of the rows on these sides, in the order of the file.

        Raises:
            AssertionError: The test side was asked for; it has a door of its own.
        """
        assert "test" not in sides, "test rows are sealed: use open_test_rows"
        return [position for position, side in enumerate(self.sides) if side in sides]

    def unsealed(self) -> Rows:
        """All rows but the test rows: what classes and other choices may be taken from."""
        return self.on("train", "validation", "reserve", "left_out")

    def on(self, *sides: Side) -> Rows:
        """The rows on these sides."""
        return self.rows.take(self.positions(*sides))

    def test_columns(self) -> dict[str, list[str]]:
        """The further columns of the sealed rows, in their order; no truth is among them."""
        positions = [position for position, side in enumerate(self.sides) if side == "test"]
        return {name: [values[position] for position in positions] for name, values in self.columns.items()}

    def open_test_rows(self, folder: Path, purpose: str) -> Rows:
        """Open the sealed rows, and write down when and why in `test_readings.jsonl`."""
        positions = [position for position, side in enumerate(self.sides) if side == "test"]
        log_test_reading(folder, purpose, len(positions))
        return self.rows.take(positions)


def log_test_reading(folder: Path, purpose: str, rows: int) -> None:
    """Append one reading of test rows to the run folder's log."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    with (folder / "test_readings.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"time": now, "purpose": purpose, "rows": rows}) + "\n")


def load_dataset(
    source: DataSource,
    task: Task,
    folder: Path,
    seed: int,
    *,
    check: bool = True,
    memory_bytes: int | None = None,
) -> Dataset:
    """Read all files of a source, group near-duplicates and give each row a side.

    Args:
        source: Files and columns; every column that the task needs is named.
        task: Reads rows from tables.
        folder: What relative paths are relative to.
        seed: Of sample and split.
        check: Refuse answers that cannot be learned as they are; an audit says what is wrong with them instead.
        memory_bytes: Memory that may be used; what is free when not given. More rows than fit are sampled.

    Raises:
        DataError: A file, a column or the labels cannot be used as they are.
    """
    found = gather(source, task, folder, seed, memory_bytes)
    rows = found.rows
    if check:
        task.check(rows, source.name)
    groups = group(rows.inputs, [f"{number:016x}" for number in found.hashes.tolist()])
    earlier = load_splits(folder / source.splits) if source.splits else None
    sides = split(SplitRequest(groups, task.strata(rows), found.given, seed, earlier))
    if source.test is None:
        sides = _keep_rare_classes(task, rows, groups, sides)
    if check:
        _refuse_what_cannot_be_split(task, rows, sides, source)
    census = _with_near(found.census, groups)
    fixed = found.given if set(found.given) != {None} else []
    bare = census.unlabelled_rows
    columns = {name: [values[place] for values in found.beside] for place, name in enumerate(source.slices)}
    parts = (fixed, found.places, census, found.unlabelled, columns)
    return Dataset(rows, groups, sides, source.test is not None, bare, *parts)


def _with_near(census: Census, groups: Groups) -> Census:
    return census.model_copy(update={"near_compared_texts": groups.compared_texts, "near_copies": groups.near_copies})


def _refuse_what_cannot_be_split(task: Task, rows: Rows, sides: Sequence[Side], source: DataSource) -> None:
    """Refuse classes that only the test rows have, and files that leave nothing to train on.

    Raises:
        DataError: Names them.
    """
    _refuse_unseen_classes(task, rows, sides, source)
    if "train" not in sides:
        raise DataError(
            f"No row of '{source.name}' is left to train on: each also stands in the validation or test file.",
            "Give files that do not hold the same rows.",
        )


def _keep_rare_classes(task: Task, rows: Rows, groups: Groups, sides: Sequence[Side]) -> list[Side]:
    """The sides with every class somewhere outside the test rows: a drawn one that is alone with its class goes back to training."""
    known = set(task.classes(rows.take([row for row, side in enumerate(sides) if side != "test"])))
    drawn = [row for row, side in enumerate(sides) if side == "test"]
    back = {groups.keys[row] for row in drawn if not known.issuperset(task.classes(rows.take([row])))}
    return ["train" if side == "test" and groups.keys[row] in back else side for row, side in enumerate(sides)]


def _refuse_unseen_classes(task: Task, rows: Rows, sides: Sequence[Side], source: DataSource) -> None:
    """A test file may not hold a class that no other row has: nothing could ever answer it.

    Raises:
        DataError: Names the classes.
    """
    sealed = task.classes(rows.take([row for row, side in enumerate(sides) if side == "test"]))
    known = set(task.classes(rows.take([row for row, side in enumerate(sides) if side != "test"])))
    unseen = [label for label in sealed if label not in known]
    if unseen:
        listed = ", ".join(f"'{label}'" for label in unseen)
        raise DataError(
            f"The test rows of '{name_of(source.test or source.train)}' hold labels that no other row has: {listed}.",
            "Add training rows with these labels, or take those rows out of the test file.",
        )
