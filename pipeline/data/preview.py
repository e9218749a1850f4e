"""A light look at data: how it is written, its columns and some rows. Free of torch and pandas.

The reader in `reading.py` takes places, dialects and rows from the same door, so what a person confirms is what is read.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.data.places import EVERYTHING, NO_ROWS_FIX, Dialect, Place
from pipeline.data.recognition import find_dialect, find_places, records
from pipeline.errors import DataError
from pipeline.records import DataSource, Record, name_of

COMPARED_ROWS = 200
"""Rows from which the columns of each of several files are taken."""


class Preview(Record):
    """The columns of a source and some of its rows."""

    path: str
    """The file or folder, the pattern that found several, or the name that was given where there is none of these."""
    dialect: Dialect
    """Of the first file."""
    columns: list[str]
    rows: list[dict[str, Any]]


def preview(
    source: DataSource, folder: Path, rows: int = 200, *, whole: bool = False, from_hub: bool = False
) -> Preview:
    """Look at some rows of a source's training data.

    Args:
        source: Where the data is, and what the user said of how it is written.
        folder: What relative paths are relative to.
        rows: How many rows to look at.
        from_hub: Look at a data set on the hub too, which loads it; else nothing of it is known.
        whole: Take them evenly from all of it, which is read through; else from its start. A file may be sorted.

    Raises:
        DataError: A file is missing, empty, or not readable as asked, or its columns are not those of the others.
    """
    found = described(source.train, source, folder)
    first, dialect = found[0]
    if first.kind == "hub" and not from_hub:
        return Preview(path=first.location, dialect=dialect, columns=[], rows=[])
    cells = (cells for place, each in found for cells in _cells(place, each))
    seen = _evenly(cells, rows) if whole else list(itertools.islice(cells, rows))
    if not seen:
        raise DataError(f"'{first.name}' holds no rows.", NO_ROWS_FIX)
    columns = list(dict.fromkeys(name for row in seen for name in row))
    path = first.location
    if len(found) > 1:
        path = str(folder.resolve() / source.train) if isinstance(source.train, str) else source.name
    return Preview(path=path, dialect=dialect, columns=columns, rows=seen)


def say_dialects(source: DataSource, folder: Path) -> list[str]:
    """How the training data is written, a line for each way, for people: what was detected can be said otherwise.

    Raises:
        DataError: A file is missing, or not readable as asked.
    """
    names: dict[str, list[str]] = {}
    for place in find_places(source.train, folder):
        dialect = find_dialect(place, source)
        said = f"{dialect.said}. {dialect.surprise}" if dialect.surprise else f"{dialect.said}."
        names.setdefault(said, []).append(place.name)
    return [f"{name_of(each)}: {said}" for said, each in names.items()]


def described(
    given: str | list[str], source: DataSource, folder: Path, split: str = "train"
) -> list[tuple[Place, Dialect]]:
    """The places that were named, each with how it is written.

    Raises:
        DataError: One is missing or not readable as asked, or has not the columns of the first.
    """
    found = [(place, find_dialect(place, source)) for place in find_places(given, folder, split)]
    if len(found) > 1:
        _refuse_other_columns(found)
    return found


def _refuse_other_columns(found: list[tuple[Place, Dialect]]) -> None:
    columns = [
        dict.fromkeys(name for cells in itertools.islice(_cells(place, dialect), COMPARED_ROWS) for name in cells)
        for place, dialect in found
    ]
    for (place, _), names in zip(found, columns, strict=True):
        if not names:
            raise DataError(f"'{place.name}' holds no rows.", NO_ROWS_FIX)
        lacking = [name for name in columns[0] if name not in names]
        beyond = [name for name in names if name not in columns[0]]
        if lacking or beyond:
            lacks = f"it lacks {', '.join(map(repr, lacking[:10]))}" if lacking else ""
            has = f"it also has {', '.join(map(repr, beyond[:10]))}" if beyond else ""
            raise DataError(
                f"'{place.name}' has not the columns of '{found[0][0].name}': {' and '.join(filter(None, (lacks, has)))}.",
                "Give files whose columns have the same names, or assess them apart.",
            )


def _cells(place: Place, dialect: Dialect) -> Iterator[dict[str, Any]]:
    return (cells for _, cells in records(place, dialect, EVERYTHING))


def _evenly(rows: Iterator[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Rows at even distances: whenever twice as many are in hand, every other one is put back."""
    kept: list[dict[str, Any]] = []
    step = 1
    for place, row in enumerate(rows):
        if place % step == 0:
            kept.append(row)
            if len(kept) == 2 * most:
                kept, step = kept[::2], 2 * step
    return kept
