"""Data sets on the hub. The only door to the loaders of `datasets`."""

import itertools
from collections.abc import Iterator
from typing import Any

from pipeline.data.places import EVERYTHING, Choice, Dialect, Place, Row
from pipeline.errors import DataError

LARGE_BYTES = 20 * 2**30
"""A data set beyond this is read from the hub row by row instead of being downloaded first."""
BATCH = 1000


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The rows of the split; labels that are kept as numbers by their names.

    Raises:
        DataError: There is no such data set, configuration, revision or split, or it cannot be reached.
    """
    found = _load(place, dialect)
    words = {key: feature for key, feature in (found.features or {}).items() if _labels(feature) is not None}
    columns = [name for name in found.features or () if choice.columns is None or name in choice.columns]
    if choice.columns is not None and columns:
        found = found.select_columns(columns)
    rows = itertools.chain.from_iterable(map(_rows, found.iter(batch_size=BATCH)))
    for number, row in enumerate(rows, start=1):
        if choice.wants(number):
            yield number, {name: _in_words(cell, words.get(name)) for name, cell in row.items()}


def _rows(batch: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for cells in zip(*batch.values(), strict=True):
        yield dict(zip(batch, cells, strict=True))


def _load(place: Place, dialect: Dialect) -> Any:
    import datasets

    name, config, revision = place.location, dialect.config, dialect.revision
    try:
        size = datasets.load_dataset_builder(name, config, revision=revision).info.dataset_size or 0
        return datasets.load_dataset(name, config, split=place.split, revision=revision, streaming=size > LARGE_BYTES)
    except Exception as error:  # the loaders raise whatever their parts raise
        said = str(error).splitlines()[0] if str(error) else ""
        if isinstance(error, ValueError) and ("onfig" in said or "split" in said):
            raise DataError(
                f"The data set '{name}' cannot be read as asked: {said[:300]}", "Say --config, or name another split."
            ) from error
        raise DataError(
            f"There is no file '{name}', and no data set of that name could be loaded ({type(error).__name__}).",
            "Check the path; for a data set on the hub check its id, --config and --revision, and the connection.",
        ) from error


def _labels(feature: Any) -> Any:
    """What names labels that are kept as numbers, or None."""
    import datasets

    inner = getattr(feature, "feature", feature)
    return inner if isinstance(inner, datasets.ClassLabel) else None


def _in_words(cell: Any, feature: Any) -> Any:
    """The names of labels that are kept as numbers; a number below 0 stands for none."""
    if feature is None or cell is None:
        return cell
    if isinstance(cell, list):
        return [_in_words(each, feature) for each in cell]
    return _labels(feature).int2str(cell) if cell >= 0 else None
