"""Parquet files, read in batches."""

from collections.abc import Iterator

from pipeline.data.compression import seekable
from pipeline.data.formats.arrow import refuse_twice, rows_of, unbroken
from pipeline.data.places import EVERYTHING, Choice, Dialect, Place, Row

BATCH = 1000
FIX = "Save it again as Parquet, or as CSV."


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The rows, only with the columns that are wanted.

    Raises:
        DataError: It is not a whole Parquet file, or has a column twice.
    """
    import pyarrow.parquet

    whole = unbroken(place, "a whole Parquet file", FIX)
    with seekable(place, dialect) as path, whole, pyarrow.parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        refuse_twice(place, names)
        columns = None if choice.columns is None else [name for name in names if name in choice.columns]
        yield from rows_of(file.iter_batches(batch_size=BATCH, columns=columns), choice)
