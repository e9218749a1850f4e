"""A folder of texts: one folder for each label, one file for each row."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.data.decoding import checked, find_encoding, opened_text
from pipeline.data.places import EVERYTHING, LONGEST_CELL, Choice, Dialect, Place, Row, why
from pipeline.errors import DataError

SUFFIXES = (".txt", ".text", ".md")


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """Text, label and file of every text, label by label in order.

    Raises:
        DataError: A file is too long or cannot be decoded.
    """
    for number, path in enumerate(labelled_files(place, SUFFIXES), start=1):
        if choice.wants(number):
            file = Place("file", str(path), path.relative_to(place.path).as_posix())
            yield number, {"text": _read(file, dialect), "label": path.parent.name, "file": file.name}


def _read(file: Place, dialect: Dialect) -> str:
    encoding = checked(dialect.encoding).name
    if encoding == "utf-8-sig":  # what the folder as a whole is read as; a file of its own may differ
        with file.path.open("rb") as raw:
            encoding = find_encoding(file, raw).name
    with opened_text(file, dialect.model_copy(update={"encoding": encoding})) as text:
        found = text.read(LONGEST_CELL + 1)
    if len(found) > LONGEST_CELL:
        raise DataError(
            f"'{file.name}' has more than {LONGEST_CELL:,} characters.", "Split it into texts, one file for each."
        )
    return found


def labelled_files(place: Place, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """The files of these kinds in the folders of a folder, in order.

    Raises:
        DataError: A folder cannot be listed.
    """
    try:
        for folder in sorted(entry for entry in place.path.iterdir() if entry.is_dir()):
            if not folder.name.startswith("."):
                yield from sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes)
    except OSError as error:
        raise DataError(f"'{place.name}' cannot be listed: {why(error)}.", "Make the folder readable.") from error
