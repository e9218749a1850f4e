"""Mends files: a look at all rows, the decisions, a new file with its record. The files themselves are only read."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from advisor.mending.cells import CellMends
from advisor.mending.mends import CELL_MENDS, MENDS, ROW_MENDS, MendName
from advisor.mending.output import Shape, TableWriter, drafts, form_of, refuse_existing, table_writer
from advisor.mending.partition import Partition, part_path, splits_path, write_parts
from advisor.mending.record import RecordWriter
from advisor.mending.records import MendCount, Prepared
from advisor.mending.removal import KEPT, Removal, decide_removal
from advisor.mending.source import Batch, Row, Source
from advisor.mending.survey import Advance, FileRows, Look, Survey, survey
from advisor.records import Answers
from advisor.report.terminal import Steps
from pipeline.data.label_variants import spellings
from pipeline.data.personal_data import Names
from pipeline.data.reading import read_batches
from pipeline.errors import DataError
from pipeline.task import Input, Task, load_task


@dataclass(frozen=True)
class Order:
    """What is to be mended.

    Attributes:
        source: The files.
        answers: With task and columns; they may name test and validation files.
        out: The new file.
        names: Finds names of people, where a model for them was named.
    """

    source: Source
    answers: Answers
    out: Path
    names: Names | None = None

    @property
    def task(self) -> Task:
        """The task that the rows are for."""
        return load_task(self.answers.settled_task, self.answers.task_options, self.answers.data.columns)

    @property
    def other_files(self) -> list[tuple[str | list[str], str]]:
        """Files with rows that are kept apart, and the split that they are."""
        data = self.answers.data
        return [(name, side) for name, side in ((data.validation, "validation"), (data.test, "test")) if name]


def record_path(out: Path) -> Path:
    """Where the record of a new file goes."""
    return out.with_name(out.name + ".record.jsonl")


def count_mends(order: Order, advance: Advance) -> dict[MendName, int]:
    """Rows that each mend would change or drop if it were made alone; mends that would do nothing are left out."""
    columns = order.answers.data.columns
    look = Look(
        order.source, order.task, CellMends(columns, CELL_MENDS, names=order.names), is_trial=True, keeps_inputs=True
    )
    seen = survey(look, advance)
    found: Counter[MendName] = Counter(seen.touched)
    found["labels"] = sum(seen.labels[label] for label in spellings(seen.labels))
    others = _other_inputs(order)
    for mend in ROW_MENDS:
        if mend != "leaks" or others:
            found[mend] = decide_removal(seen, [mend], others).counts()[mend]
    return {mend.name: found[mend.name] for mend in MENDS if found[mend.name]}


def prepare(order: Order, chosen: Sequence[MendName], steps: Steps) -> Prepared:
    """Write the mended rows and the record of what was done; a file that is there is never touched.

    Raises:
        DataError: A file cannot be read, or the new one cannot be written as asked.
        StorageError: The disk or the folder cannot take it.
    """
    form = form_of(order.out)
    parts = [part_path(order.out, side) for side in Partition.SIDES] if "split" in chosen else []
    extra = [*parts, splits_path(order.out)] if "split" in chosen else []
    refuse_existing(order.out, record_path(order.out), *extra)
    schema = order.source.schema if form == ".parquet" else None
    steps.step("looking at the rows")
    look = _look(order, chosen, keeps_types=form == ".parquet" and schema is None)
    seen = survey(look, steps.advance)
    steps.step("finding what repeats")
    removal = decide_removal(seen, chosen, _other_inputs(order) if "leaks" in chosen else ())
    if not (removal.why == KEPT).any():
        raise DataError("No row would be left.", "Choose fewer mends, or look at the data with `advisor audit`.")
    spelling = spellings(seen.labels) if "labels" in chosen else {}
    writing = replace(look, mends=replace(look.mends, spelling=spelling))
    shape = Shape(list(seen.columns), order.source.delimiter, schema or seen.schema)
    steps.step("writing")
    with drafts(*extra, record_path(order.out), order.out) as draft:
        with (
            draft[record_path(order.out)].open("w", encoding="utf-8") as file,
            table_writer(draft[order.out], shape) as writer,
        ):
            record = RecordWriter(file, FileRows(seen.files, order.source.names), order.names)
            _write(writing, removal, writer, record, steps.advance)
        partition = None
        if "split" in chosen:
            steps.step("splitting")
            partition = write_parts(order.answers, draft, order.out, shape)
    return _summary(order, chosen, seen, removal, record.changed, spelling, partition)


def _look(order: Order, chosen: Sequence[MendName], *, keeps_types: bool) -> Look:
    return Look(
        order.source,
        order.task,
        CellMends(order.answers.data.columns, [name for name in chosen if name in CELL_MENDS], names=order.names),
        folds_labels="labels" in chosen,
        keeps_inputs=bool({"near-copies", "leaks"} & set(chosen)),
        keeps_types=keeps_types,
    )


def _other_inputs(order: Order) -> list[Input]:
    """Inputs of the test and validation files. Their texts are compared, and their answers are not read."""
    found: list[Input] = []
    for given, side in order.other_files:
        for batch in read_batches(given, order.answers.data, order.source.folder, split=side):
            found += order.task.rows(batch.table, order.answers.data.columns, batch.file, labelled=False).inputs
    return found


def _write(look: Look, removal: Removal, writer: TableWriter, record: RecordWriter, advance: Advance) -> None:
    begun, all_rows = 0, len(removal.why)
    for batch in look.source.batches():
        if begun + len(batch.rows) > all_rows:
            raise _changed_meanwhile()
        writer.write(_kept(look, batch, begun, removal, record))
        begun += len(batch.rows)
        advance(begun, all_rows)
    if begun != all_rows:
        raise _changed_meanwhile()


def _changed_meanwhile() -> DataError:
    return DataError("The data changed while it was read.", "Run the same command again when nothing writes to it.")


def _kept(look: Look, batch: Batch, begun: int, removal: Removal, record: RecordWriter) -> list[Row]:
    """The rows of a batch that stay, mended; every change and every drop is written down."""
    kept = []
    look.mends.read_ahead(batch.rows)
    for place, given in enumerate(batch.rows, start=begun):
        if removal.why[place] != KEPT:
            record.drop(place, removal)
            continue
        row = dict(given)
        touches = look.mends.apply(row)
        if touches:
            record.change(place, touches)
        kept.append(row)
    return kept


def _summary(
    order: Order,
    chosen: Sequence[MendName],
    seen: Survey,
    removal: Removal,
    changed: Counter[MendName],
    spelling: dict[str, str],
    partition: Partition | None,
) -> Prepared:
    dropped = removal.counts()
    return Prepared(
        out=str(order.out),
        record=str(record_path(order.out)),
        rows_read=len(seen.texts),
        rows_written=int((removal.why == KEPT).sum()),
        mends=[
            MendCount(mend=name, rows_changed=changed[name], rows_dropped=dropped[name])
            for name in chosen
            if name != "split"
        ],
        spelling=spelling,
        parts=partition.rows if partition else {},
        splits=str(splits_path(order.out)) if partition else None,
        notes=[*removal.notes, *_left_beside(seen), *(partition.notes if partition else [])],
    )


def _left_beside(seen: Survey) -> list[str]:
    return [
        f"The column '{column}' holds personal data too ({', '.join(sorted(kinds))}) and was left as it is: "
        "only what the task reads is masked. Take the column out if nobody needs it."
        for column, kinds in seen.beside.items()
    ]
