"""Places that rows come from, and how each is written. What a person names becomes a list of these."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pipeline.errors import DataError
from pipeline.records import Format, Record

Row = tuple[int, dict[str, Any]]
"""The number of a row in its place, from 1, and its cells by column."""
LONGEST_SHOWN = 60
"""Characters of a name or a cell that are worth showing when it is itself the fault."""
LONGEST_CELL = 1_000_000
"""Characters in one cell; more is taken for a quotation mark that was left open."""
MOST_BLANK_LINES = 100_000
"""Blank lines in a row; more is taken for a file that holds something else."""
NO_ROWS_FIX = "Give a file with a header line and at least one row below it."


@dataclass(frozen=True)
class Place:
    """One file, folder, database or data set on the hub."""

    kind: Literal["file", "folder", "database", "hub"]
    location: str
    """Absolute path, address of a database (a password stands there as the name of a variable), or id on the hub."""
    name: str
    """What messages call it."""
    split: str = "train"
    """Which split is meant where a place holds several."""

    @property
    def path(self) -> Path:
        """The path of a file or folder."""
        return Path(self.location)


class Dialect(Record):
    """How the rows of a place are written: as the user said, else as was detected."""

    format: Format
    compression: Literal["gzip", "bzip2", "xz", "zstandard", "zip"] | None = None
    encoding: str = "utf-8-sig"
    encoding_confidence: float | None = None
    """Between 0 and 1 when the encoding was guessed from the letters; null when it is sure or was said."""
    delimiter: str = ","
    quote: str = '"'
    header: bool = True
    """Whether the first line names the columns."""
    key: str | None = None
    """Key of the one list of objects in a JSON object."""
    sheet: str | None = None
    query: str | None = None
    config: str | None = None
    revision: str | None = None
    surprise: str | None = None
    """What a person would not expect from the name of the file."""

    @property
    def said(self) -> str:
        """The dialect in a line, for people."""
        parts = [_TITLES[self.format]]
        if self.compression:
            parts.append(f"{self.compression}-compressed")
        if self.format in ("delimited", "json_lines", "json", "text_folder"):
            sure = "" if self.encoding_confidence is None else f" (guessed, {self.encoding_confidence:.0%} sure)"
            parts.append(self.encoding.removesuffix("-sig").upper() + sure)
        if self.format == "delimited":
            parts.append(f"split at {_CHARACTERS.get(self.delimiter, repr(self.delimiter))}")
            parts.append(f"quoted with {self.quote}")
        if self.format in ("delimited", "excel"):
            parts.append("names in the first line" if self.header else "no line of names")
        parts += [f"{what} '{value}'" for what, value in (("key", self.key), ("sheet", self.sheet)) if value]
        parts += [f"{what} {value}" for what, value in (("query", self.query), ("config", self.config)) if value]
        return ", ".join([*parts, *([f"revision {self.revision}"] if self.revision else [])])


_CHARACTERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_TITLES: dict[Format, str] = {
    "delimited": "delimited text",
    "json_lines": "JSON Lines",
    "json": "JSON",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "excel": "Excel",
    "database": "database",
    "text_folder": "folder of texts, one folder for each label",
    "image_folder": "folder of images, one folder for each label",
    "hub": "data set on the hub",
}


@dataclass(frozen=True)
class Choice:
    """Which columns and rows of a place are wanted; None stands for all. A reader may give more than was asked for."""

    columns: frozenset[str] | None = None
    rows: Container[int] | None = None

    def wants(self, row: int) -> bool:
        """Whether a row is wanted."""
        return self.rows is None or row in self.rows


EVERYTHING = Choice()


class Read(Protocol):
    """Reads the rows of a place, one by one."""

    def __call__(self, place: Place, dialect: Dialect, choice: Choice = EVERYTHING, /) -> Iterator[Row]:
        """The rows with their numbers.

        Raises:
            DataError: A row cannot be read; names place and row.
        """


def cell_too_long(place: Place, row: int, line: int) -> DataError:
    """What to say of a row with a cell that goes on and on."""
    return DataError(
        f"'{place.name}' row {row} (up to line {line}) has a cell of more than {LONGEST_CELL:,} characters.",
        "Close the quotation mark that was left open there, or shorten that cell.",
    )


def too_many_blank_lines(place: Place, line: int) -> DataError:
    """What to say of a file that goes on with blank lines."""
    return DataError(
        f"'{place.name}' has more than {MOST_BLANK_LINES:,} blank lines up to line {line:,}.",
        "Take them out, or give the file that holds the rows.",
    )


def why(error: BaseException) -> str:
    """What an error of the system or of a library says, without its number and its full stop, on one short line."""
    said = str(getattr(error, "strerror", None) or error).strip() or type(error).__name__
    line = " ".join(said.split())
    return (line if len(line) <= 300 else line[:300] + "…").rstrip(".")
