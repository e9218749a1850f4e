"""The rows that are to be mended, a batch at a time, as often as they are asked for."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet

from pipeline.data.places import EVERYTHING, NO_ROWS_FIX, Dialect, Place
from pipeline.data.preview import described
from pipeline.data.recognition import records
from pipeline.errors import DataError
from pipeline.records import DataSource

BATCH_ROWS = 2_000
SAMPLE_BYTES = 1 << 20
"""Of a text file, from which its rows are estimated."""
Row = dict[str, Any]
"""The cells of a row by column, in the order in which the file has them; a key that it lacks is not there."""


@dataclass(frozen=True)
class Batch:
    """Some rows of one file.

    Attributes:
        file: Its place among the files.
        begins: Rows of the file before these.
        rows: With all their cells.
    """

    file: int
    begins: int
    rows: list[Row]

    def table(self, rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of these rows, mended or not; the index counts the rows of the file from 1."""
        index = pd.RangeIndex(self.begins + 1, self.begins + 1 + len(rows))
        cells = {name: pd.Series([row.get(name) for row in rows], index, dtype=object) for name in columns}
        return pd.DataFrame(cells, index)


@dataclass(frozen=True)
class Source:
    """Files that are read one behind the other.

    Attributes:
        data: What the user said of them.
        folder: What relative paths are relative to.
    """

    data: DataSource
    folder: Path

    @cached_property
    def files(self) -> list[tuple[Place, Dialect]]:
        """The files, each with how it is written."""
        return described(self.data.train, self.data, self.folder)

    @property
    def names(self) -> list[str]:
        """What messages call the files."""
        return [place.name for place, _ in self.files]

    def batches(self) -> Iterator[Batch]:
        """All rows.

        Raises:
            DataError: A file cannot be read, or has no rows.
        """
        for file, (place, dialect) in enumerate(self.files):
            found = (cells for _, cells in records(place, dialect, EVERYTHING))
            begins = 0
            while rows := list(itertools.islice(found, BATCH_ROWS)):
                yield Batch(file, begins, rows)
                begins += len(rows)
            if not begins:
                raise DataError(f"'{place.name}' holds no rows.", NO_ROWS_FIX)

    @property
    def delimiter(self) -> str:
        """The delimiter of the first file, a comma where it has none."""
        dialect = self.files[0][1]
        return dialect.delimiter if dialect.format == "delimited" else ","

    @property
    def schema(self) -> pyarrow.Schema | None:
        """The types of the columns where all files are Parquet and agree on them."""
        if any(dialect.format != "parquet" or dialect.compression for _, dialect in self.files):
            return None
        schemas = [pyarrow.parquet.read_schema(place.path).remove_metadata() for place, _ in self.files]
        return schemas[0] if all(schema.equals(schemas[0]) for schema in schemas) else None

    def estimate_rows(self) -> int | None:
        """About how many rows there are, for the time that is left; None where nobody can tell before reading."""
        counts = [_estimate(place, dialect) for place, dialect in self.files]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None


def _estimate(place: Place, dialect: Dialect) -> int | None:
    if place.kind != "file" or dialect.compression:
        return None
    if dialect.format == "parquet":
        return int(pyarrow.parquet.read_metadata(place.path).num_rows)
    if dialect.format not in ("delimited", "json_lines"):
        return None
    with place.path.open("rb") as file:
        sample = file.read(SAMPLE_BYTES)
    return round(place.path.stat().st_size * sample.count(b"\n") / len(sample)) if sample else None
