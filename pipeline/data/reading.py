"""Reads data into tables, some rows at a time."""

import difflib
import itertools
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.data.places import EVERYTHING, NO_ROWS_FIX, Choice, Dialect, Place, Row
from pipeline.data.preview import described
from pipeline.data.recognition import records
from pipeline.errors import DataError
from pipeline.records import DataSource

BATCH_ROWS = 10_000
_LATE = ("json_lines", "json")
"""Formats in which a row may lack a column that later ones have."""


@dataclass(frozen=True)
class Batch:
    """Some rows of one file.

    Attributes:
        file: What messages call the file.
        number: Which of the files it is, from 0.
        table: Its index is the number of the row in its file, from 1; `attrs["whole"]` is whether these are all rows of it.
    """

    file: str
    number: int
    table: pd.DataFrame


def read_batches(
    given: str | list[str],
    source: DataSource,
    folder: Path,
    split: str = "train",
    columns: Sequence[str] | None = None,
    rows: Sequence[Container[int]] | None = None,
) -> Iterator[Batch]:
    """Read one side of a source, batch by batch; a batch holds rows of one file.

    Args:
        given: One of `source.train`, `source.validation`, `source.test`.
        source: What the user said of how the files are written.
        folder: What relative paths are relative to.
        split: Which split of a data set on the hub.
        columns: The columns that are needed; all when not given.
        rows: The numbers of the rows that are wanted of each file, in their order; all when not given.

    Raises:
        DataError: A file is missing, empty, lacks a column, or cannot be read as asked.
    """
    for number, (place, dialect) in enumerate(described(given, source, folder, split)):
        choice = Choice(None if columns is None else frozenset(columns), None if rows is None else rows[number])
        for table in _tables(place, dialect, choice, columns):
            yield Batch(place.name, number, table)


def _tables(place: Place, dialect: Dialect, choice: Choice, columns: Sequence[str] | None) -> Iterator[pd.DataFrame]:
    """The rows of one file, some at a time. A key of JSON may first come late, so that one is missed at the end only."""
    found = records(place, dialect, choice)
    seen: dict[str, None] = {}
    first = True
    chunk = list(itertools.islice(found, BATCH_ROWS))
    if not chunk and choice.rows is None:
        raise DataError(f"'{place.name}' holds no rows.", NO_ROWS_FIX)
    while chunk:
        for _, cells in chunk:
            if cells.keys() - seen.keys():
                seen |= dict.fromkeys(cells)
        following = list(itertools.islice(found, BATCH_ROWS))
        missing = [] if columns is None else [name for name in columns if name not in seen]
        if missing and choice.rows is None and (not following or dialect.format not in _LATE):
            raise no_column(missing[0], _every_column(place, dialect, seen), place.name)
        table = _table(chunk, seen if columns is None else columns)
        table.attrs["whole"] = first and not following and choice.rows is None
        yield table
        chunk, first = following, False


def _every_column(place: Place, dialect: Dialect, seen: Iterable[str]) -> list[str]:
    """All columns of a file of which some were left unread."""
    head = itertools.islice(records(place, dialect, EVERYTHING), 200)
    return list(dict.fromkeys([*(name for _, cells in head for name in cells), *seen]))


def _table(rows: Sequence[Row], columns: Iterable[str]) -> pd.DataFrame:
    index = pd.Index([number for number, _ in rows])
    return pd.DataFrame(
        {name: pd.Series([cells.get(name) for _, cells in rows], index=index, dtype=object) for name in columns},
        index=index,
    )


def read(given: str | list[str], source: DataSource, folder: Path, split: str = "train") -> pd.DataFrame:
    """Read all rows of one side of a source at once.

    Returns:
        One row per record, columns as named in the file; the index counts data rows from 1.

    Raises:
        DataError: A file is missing, empty, or cannot be read as asked.
    """
    table = pd.concat([batch.table for batch in read_batches(given, source, folder, split)])
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def column(table: pd.DataFrame, name: str, file: str) -> pd.Series:
    """One column of a table.

    Raises:
        DataError: There is no such column; names the near one.
    """
    if name in table.columns:
        found: pd.Series = table[name]
        return found
    raise no_column(name, [str(known) for known in table.columns], file)


def no_column(name: str, columns: Sequence[str], file: str) -> DataError:
    """What to say of a column that is not there."""
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return DataError(f"'{Path(file).name}' has no column '{name}'.", f"It has: {', '.join(columns)}.{hint}")
