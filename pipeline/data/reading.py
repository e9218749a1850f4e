"""Reads whole data files into tables. The only door to the loaders of `datasets`."""

import difflib
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.data.preview import find_dialect, find_file, records
from pipeline.errors import DataError
from pipeline.records import DataSource


def read(name: str, source: DataSource, folder: Path, split: str = "train") -> pd.DataFrame:
    """Read one file or hub data set of a source.

    Args:
        name: The file or hub id: one of `source.train`, `source.validation`, `source.test`.
        source: Gives encoding and delimiter.
        folder: What relative paths are relative to.
        split: Which split of a hub data set.

    Returns:
        One row per record, columns as named in the file; the index counts data rows from 1.

    Raises:
        DataError: The file is missing, empty, or cannot be read as asked.
    """
    path = find_file(name, folder)
    if path is None:
        return _from_hub(name, split)
    dialect = find_dialect(path, source)
    table = pd.DataFrame(list(records(path, dialect)), dtype=object)
    if table.empty:
        raise DataError(
            f"'{path.name}' holds no rows.", "Give a file with a header line and at least one row below it."
        )
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def _from_hub(name: str, split: str) -> pd.DataFrame:
    import datasets

    try:
        found: Any = datasets.load_dataset(name, split=split)
    except Exception as error:  # the loaders raise whatever their parts raise
        raise DataError(
            f"There is no file '{name}', and no data set of that name could be loaded ({type(error).__name__}).",
            "Check the path; for a data set on the hub check its id and the connection.",
        ) from error
    table: pd.DataFrame = found.to_pandas().astype(object)
    for key, feature in found.features.items():
        labels = getattr(feature, "feature", feature)
        if isinstance(labels, datasets.ClassLabel):
            table[key] = [_in_words(cell, labels) for cell in table[key]]
    table.index = pd.RangeIndex(1, len(table) + 1)
    return table


def _in_words(cell: Any, labels: Any) -> Any:
    """The names of labels that a data set on the hub keeps as numbers; -1 stands for none."""
    if isinstance(cell, int):
        return labels.int2str(cell) if cell >= 0 else None
    return [labels.int2str(int(each)) for each in cell]


def column(table: pd.DataFrame, name: str, file: str) -> pd.Series:
    """One column of a table.

    Raises:
        DataError: There is no such column; names the near one.
    """
    if name in table.columns:
        found: pd.Series = table[name]
        return found
    columns = [str(known) for known in table.columns]
    near = difflib.get_close_matches(name, columns, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise DataError(f"'{Path(file).name}' has no column '{name}'.", f"It has: {', '.join(columns)}.{hint}")
