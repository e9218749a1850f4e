"""Arrow: IPC files and streams, and folders that `save_to_disk` of `datasets` wrote."""

import contextlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.data.compression import seekable
from pipeline.data.places import EVERYTHING, Choice, Dialect, Place, Row, why
from pipeline.errors import DataError

MAGIC = b"ARROW1"
STREAM = b"\xff\xff\xff\xff"
FIX = "Save it again, as Arrow or as Parquet."


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The rows of a file, a stream, or the files of a saved data set; labels that are kept as numbers by their names.

    Raises:
        DataError: It is not whole Arrow data, or has a column twice.
    """
    if place.kind == "folder":
        yield from _saved_rows(place, choice)
        return
    with seekable(place, dialect) as path, unbroken(place, "whole Arrow data", FIX):
        yield from rows_of(_batches(place, path), choice)


@contextlib.contextmanager
def unbroken(place: Place, what: str, fix: str) -> Iterator[None]:
    """Turns what the library says of a broken file into an error that names it.

    Raises:
        DataError: The file is broken.
    """
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, ValueError, OverflowError, TypeError, LookupError) as error:
        raise DataError(f"'{place.name}' is not {what}: {why(error)}.", fix) from error


def _batches(place: Place, path: Path) -> Iterator[Any]:
    import pyarrow
    import pyarrow.ipc

    with pyarrow.memory_map(str(path)) as source:
        if source.read(len(MAGIC)) == MAGIC:
            source.seek(0)
            reader = pyarrow.ipc.open_file(source)
            refuse_twice(place, reader.schema.names)
            yield from (reader.get_batch(number) for number in range(reader.num_record_batches))
        else:
            source.seek(0)
            stream = pyarrow.ipc.open_stream(source)
            refuse_twice(place, stream.schema.names)
            yield from stream


def rows_of(batches: Iterable[Any], choice: Choice) -> Iterator[Row]:
    """The rows of batches of Arrow data."""
    number = 0
    for batch in batches:
        batch.validate(full=True)  # a broken file would otherwise be read past the end of its memory
        kept = batch
        if choice.columns is not None:
            kept = batch.select([name for name in batch.schema.names if name in choice.columns])
        wanted = [place for place in range(batch.num_rows) if choice.wants(number + place + 1)]
        if len(wanted) == batch.num_rows:
            yield from enumerate(kept.to_pylist(), start=number + 1)
        elif wanted:
            yield from zip((number + place + 1 for place in wanted), kept.take(wanted).to_pylist(), strict=True)
        number += batch.num_rows


def refuse_twice(place: Place, names: list[str]) -> None:
    """Refuse a name that two columns bear.

    Raises:
        DataError: Names it.
    """
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"'{place.name}' has two columns named '{twice[0][:60]}'.", "Give every column a name of its own."
        )


def is_saved(folder: Path) -> bool:
    """Whether `save_to_disk` wrote this folder."""
    return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()


def _saved_rows(place: Place, choice: Choice) -> Iterator[Row]:
    folder = _split_folder(place)
    state = _read_json(place, folder / "state.json")
    names = _label_names(_read_json(place, folder / "dataset_info.json"))
    number = 0
    for entry in state.get("_data_files", []):
        path = folder / str(entry.get("filename", ""))
        if path.parent != folder or not path.is_file():
            raise DataError(f"'{place.name}' lacks its file '{path.name[:60]}'.", "Copy the whole folder again.")
        shifted = Choice(choice.columns, None)
        with unbroken(place, "whole Arrow data", FIX):
            for _, row in rows_of(_batches(place, path), shifted):
                number += 1
                if choice.wants(number):
                    yield number, {name: in_words(cell, names.get(name)) for name, cell in row.items()}


def _split_folder(place: Place) -> Path:
    """The folder of the split, where several were saved together."""
    if not (place.path / "dataset_dict.json").is_file():
        return place.path
    splits = [str(name) for name in _read_json(place, place.path / "dataset_dict.json").get("splits", [])]
    if place.split not in splits or not (place.path / place.split).is_dir():
        raise DataError(
            f"'{place.name}' has no split '{place.split}'; it has {', '.join(splits) or 'none'}.",
            f"Name the folder of the split that is meant, such as '{place.name}/{(splits or ['train'])[0]}'.",
        )
    return place.path / place.split


def _read_json(place: Place, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"'{place.name}' has no '{path.name}' that can be read: {why(error)}.", FIX) from error
    return found if isinstance(found, dict) else {}


def _label_names(info: dict[str, Any]) -> dict[str, list[str]]:
    """The names of labels that are kept as numbers, by column."""
    found = {}
    for column, feature in (info.get("features") or {}).items():
        inner = feature.get("feature", feature) if isinstance(feature, dict) else feature
        if isinstance(inner, dict) and inner.get("_type") == "ClassLabel" and isinstance(inner.get("names"), list):
            found[column] = [str(name) for name in inner["names"]]
    return found


def in_words(cell: Any, names: list[str] | None) -> Any:
    """The names of labels that are kept as numbers; a number below 0 stands for none."""
    if names is None or cell is None:
        return cell
    if isinstance(cell, list):
        return [in_words(each, names) for each in cell]
    return names[cell] if isinstance(cell, int) and 0 <= cell < len(names) else None
