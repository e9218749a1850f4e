"""All rows of a source with their sides: what the advisor measures and the pipeline trains on, read in one way."""

import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.duplicates import Groups, group
from pipeline.data.reading import read
from pipeline.data.splitting import Side, SplitRequest, load_splits, row_ids, split
from pipeline.errors import DataError
from pipeline.records import DataSource, name_of
from pipeline.task import Rows, Task


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
    places: Sequence[str] = ()
    """Where each row stands, for people; empty when it is not known."""

    def place(self, position: int) -> str:
        """Where a row stands, such as "reviews.csv row 17"; its id when that is not known."""
        return self.places[position] if self.places else f"row {self.rows.ids[position]}"

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


def load_dataset(source: DataSource, task: Task, folder: Path, seed: int, *, check: bool = True) -> Dataset:
    """Read all files of a source, group near-duplicates and give each row a side.

    Args:
        source: Files and columns; every column that the task needs is named.
        task: Reads rows from tables.
        folder: What relative paths are relative to.
        seed: Of sample and split.
        check: Refuse what cannot be learned from as it is; the audit reports it instead.

    Raises:
        DataError: A file, a column or the labels cannot be used as they are.
    """
    parts: list[Rows] = []
    given: list[Side | None] = []
    places: list[str] = []
    unlabelled = 0
    files: list[tuple[str | list[str] | None, Side | None]] = [
        (source.train, None),
        (source.validation, "validation"),
        (source.test, "test"),
    ]
    for name, side in files:
        if name is None:
            continue
        table = read(name, source, folder, split=side or "train")
        rows = task.rows(table, source.columns, name_of(name), labelled=True)
        if side is not None and not len(rows):
            raise DataError(
                f"No row of '{name_of(name)}' has an answer to score against.",
                f"Fill the column that holds the truth, or take `{side}` out of [data].",
            )
        if side is None and source.max_rows is not None:
            rows = _sample(rows, source.max_rows, seed)
        unlabelled += len(table) - len(rows) if source.max_rows is None or side is not None else 0
        parts.append(rows)
        given += [side] * len(rows)
        places += [f"{name_of(name)} row {row}" for row in rows.ids]
    together = _together(parts)
    if check:
        task.check(together, source.name)
    groups = group(together.inputs)
    earlier = load_splits(folder / source.splits) if source.splits else None
    sides = split(SplitRequest(groups, task.strata(together), given, seed, earlier))
    if source.test is None:
        sides = _keep_rare_classes(task, together, groups, sides)
    if check:
        _refuse_what_cannot_be_split(task, together, sides, source)
    fixed = given if set(given) != {None} else []
    return Dataset(together, groups, sides, source.test is not None, unlabelled, fixed, places)


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


def _sample(rows: Rows, most: int, seed: int) -> Rows:
    """A seeded sample in the order of the file; a row's place in the draw follows from what it holds."""
    if len(rows) <= most:
        return rows
    places = [hashlib.sha256(f"{seed}:{row}".encode()).digest() for row in row_ids(rows.inputs, rows.answers)]
    return rows.take(sorted(sorted(range(len(rows)), key=places.__getitem__)[:most]))


def _together(parts: Sequence[Rows]) -> Rows:
    inputs = tuple(given for part in parts for given in part.inputs)
    answers = tuple(answer for part in parts for answer in part.answers)
    if not inputs:
        raise DataError(
            "No row has an answer to learn from.", "Fill the column that holds the truth, or name another one."
        )
    return Rows(ids=row_ids(inputs, answers), inputs=inputs, answers=answers)
