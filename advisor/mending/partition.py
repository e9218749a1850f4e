"""Writes the mended rows once more, split into files for training, validation and testing as `advisor assess` would."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from advisor.mending.output import Shape, TableWriter, form_of, table_writer
from advisor.mending.source import Row, Source
from advisor.mending.survey import named_columns
from advisor.records import Answers
from pipeline.data.dataset import load_dataset
from pipeline.data.splitting import Side, save_splits
from pipeline.errors import DataError
from pipeline.records import DataSource
from pipeline.task import load_task


@dataclass
class Partition:
    """Files and how many rows each has.

    Attributes:
        rows: By file.
        notes: What a reader should know of them.
    """

    SIDES: ClassVar[tuple[Side, ...]] = ("train", "validation", "test", "reserve", "left_out")
    rows: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


NOTES: dict[str, str] = {
    "reserve": "Rows of 'reserve' are in no other part: they stay out of training, so that test rows stay sealed when rows are added.",
    "left_out": "Rows of 'left_out' also stand in the files for testing or validation.",
}


def part_path(out: Path, side: Side) -> Path:
    """The file of a side, beside the new file."""
    suffix = form_of(out) + (".gz" if out.name.lower().endswith(".gz") else "")
    return out.with_name(f"{out.name[: -len(suffix)]}.{side}{out.name[-len(suffix) :]}")


def splits_path(out: Path) -> Path:
    """The file that `[data] splits` takes."""
    return out.with_name(out.name + ".splits.parquet")


def _of_draft(answers: Answers, draft: Path, shape: Shape) -> DataSource:
    """The new file as data, said as it is written; the files of the user that are kept apart stay what they are."""
    given = {name: getattr(answers.data, name) for name in ("validation", "test", "columns", "phrases")}
    delimiter = shape.delimiter if form_of(draft) == ".csv" and not (given["validation"] or given["test"]) else None
    return DataSource(train=str(draft), delimiter=delimiter, **given)


def write_parts(answers: Answers, draft: dict[Path, Path], out: Path, shape: Shape) -> Partition:
    """Split the new file and write its parts; all its texts are in memory at once, as when it is assessed.

    Raises:
        DataError: The rows cannot be split, as when their labels cannot be learned.
    """
    task = load_task(answers.settled_task, answers.task_options, answers.data.columns)
    source = _of_draft(answers, draft[out], shape)
    try:
        data = load_dataset(source, task, Path.cwd(), answers.seed)
    except DataError as error:
        raise DataError(
            f"The mended rows cannot be split yet: {error.problem}",
            "Add the mend that this needs to the same command, such as `--mend labels`, or leave `--mend split` out.",
        ) from error
    save_splits(draft[splits_path(out)], data.rows.ids, data.groups, data.sides)
    sides = iter(data.sides)
    found = Partition()
    unanswered = 0
    with ExitStack() as open_files:
        writers: dict[Side, TableWriter] = {}
        for batch in Source(source, Path.cwd()).batches():
            table = batch.table(batch.rows, [name for name in named_columns(source.columns) if name in shape.columns])
            labelled = set(task.rows(table, source.columns, out.name, labelled=True).ids)
            rows: dict[Side, list[Row]] = {}
            for number, row in zip(map(str, table.index), batch.rows, strict=True):
                if number in labelled:
                    rows.setdefault(next(sides), []).append(row)
            unanswered += len(batch.rows) - len(labelled)
            for side, members in rows.items():
                path = part_path(out, side)
                if side not in writers:
                    writers[side] = open_files.enter_context(table_writer(draft[path], shape))
                writers[side].write(members)
                found.rows[str(path)] = found.rows.get(str(path), 0) + len(members)
    found.notes = [note for side, note in NOTES.items() if side in writers]
    if unanswered:
        found.notes.append(f"{unanswered:,} rows without an answer are in no part.")
    return found
