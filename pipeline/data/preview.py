"""A light look at a data file: its dialect and first rows. Free of torch and pandas.

The reader in `reading.py` takes dialect and rows from here, so what a person confirms is what is read.
"""

import codecs
import csv
import difflib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import DataError
from pipeline.records import DataSource, Record

DELIMITERS = (",", "\t", ";", "|")
LONGEST_SHOWN = 60
"""Characters of a name that are worth showing when it is itself the fault."""
LONGEST_CELL = 1_000_000
"""Characters in one cell; more is taken for a quotation mark that was left open."""
csv.field_size_limit(LONGEST_CELL)

Format = Literal["delimited", "json_lines", "json", "parquet", "hub"]
_FORMATS: dict[str, Format] = {
    ".csv": "delimited",
    ".tsv": "delimited",
    ".txt": "delimited",
    ".jsonl": "json_lines",
    ".ndjson": "json_lines",
    ".json": "json",
    ".parquet": "parquet",
}


class Dialect(Record):
    """How a file is written."""

    format: Format
    encoding: str = "utf-8-sig"
    delimiter: str = ","


class Preview(Record):
    """The columns of a file and its first rows."""

    path: str
    dialect: Dialect
    columns: list[str]
    rows: list[dict[str, Any]]


def preview(source: DataSource, folder: Path, rows: int = 200, *, whole: bool = False) -> Preview:
    """Look at some rows of a source's training file.

    Args:
        source: Where the data is, with the user's encoding and delimiter if any.
        folder: What relative paths are relative to.
        rows: How many rows to look at.
        whole: Take them evenly from the whole file, which is read through; else from its start. A file may be sorted.

    Raises:
        DataError: The file is missing, empty, or not readable as asked.
    """
    path = find_file(source.train, folder)
    if path is None:
        return Preview(path=source.train, dialect=Dialect(format="hub"), columns=[], rows=[])
    dialect = find_dialect(path, source)
    found = list(records(path, dialect) if whole else itertools.islice(records(path, dialect), rows))
    found = found[:: max(1, len(found) // rows)]
    if not found:
        raise DataError(
            f"'{path.name}' holds no rows.", "Give a file with a header line and at least one row below it."
        )
    columns = list(dict.fromkeys(name for row in found for name in row))
    return Preview(path=str(path), dialect=dialect, columns=columns, rows=found)


def find_file(name: str, folder: Path) -> Path | None:
    """The file that a source names, or None when the name is a data set on the hub.

    Raises:
        DataError: It is neither a file that exists nor a possible hub id, or it is a folder.
    """
    try:
        path = (folder / Path(name).expanduser()).resolve()
        is_file, is_folder = path.is_file(), path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # too long a name, no such home, a ring of links
        shown = name if len(name) <= LONGEST_SHOWN else name[:LONGEST_SHOWN] + "…"
        raise DataError(f"'{shown}' cannot be looked up: {_why(error)}.", "Check the path.") from error
    if is_file:
        return path
    if is_folder:
        raise DataError(f"'{name}' is a folder.", "Name one CSV, TSV, JSON, JSON Lines or Parquet file in it.")
    if path.suffix.lower() not in _FORMATS and 1 <= len(name.split("/")) <= 2 and not name.startswith((".", "/", "~")):
        return None
    near = difflib.get_close_matches(path.name, [entry.name for entry in _siblings(path)], n=1, cutoff=0.75)
    fix = f"Did you mean '{near[0]}'?" if near else f"Check the path; it was looked for in {path.parent}."
    raise DataError(f"There is no file '{name}'.", fix)


def _siblings(path: Path) -> list[Path]:
    return list(path.parent.iterdir()) if path.parent.is_dir() else []


def find_dialect(path: Path, source: DataSource) -> Dialect:
    """How the file is written: as the user said, else as its first lines show.

    Raises:
        DataError: The file is empty, of an unknown kind, wrongly encoded, or not split by the given delimiter.
    """
    kind = _FORMATS.get(path.suffix.lower())
    if kind is None:
        known = ", ".join(sorted(_FORMATS))
        raise DataError(f"'{path.name}' is not of a kind that can be read.", f"Save it as one of: {known}.")
    if path.stat().st_size == 0:
        raise DataError(f"'{path.name}' is empty.", "Give a file with a header line and at least one row below it.")
    encoding = _checked_encoding(source.encoding)
    if kind != "delimited":
        return Dialect(format=kind, encoding=encoding)
    return Dialect(format=kind, encoding=encoding, delimiter=_find_delimiter(path, encoding, source.delimiter))


def _checked_encoding(asked: str | None) -> str:
    if asked is None:
        return "utf-8-sig"
    try:
        "".encode(asked)
    except (LookupError, ValueError) as error:
        raise DataError(
            f"There is no encoding '{asked}'.", "Use utf-8, latin-1, cp1252, utf-16 or another name that Python knows."
        ) from error
    return "utf-8-sig" if codecs.lookup(asked).name == "utf-8" else asked


def _find_delimiter(path: Path, encoding: str, asked: str | None) -> str:
    with _decoding(path, encoding), path.open(encoding=encoding, newline="") as file:
        head = [line for _, line in zip(range(200), file, strict=False)]
    columns = {delimiter: _columns_when_split(head, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda delimiter: columns[delimiter])
    if asked is None:
        return best
    if len(asked) != 1:
        raise DataError(f"The delimiter {asked!r} is not one character.", "Use one character, such as ',' or ';'.")
    if _columns_when_split(head, asked) == 1 and columns[best] > 1:
        raise DataError(
            f"'{path.name}' has only one column when split at {asked!r}.",
            f"It looks split at {best!r}: leave `delimiter` out, or set it to {best!r}.",
        )
    return asked


def _columns_when_split(lines: list[str], delimiter: str) -> int:
    """Columns of the header when every row of the head has as many, else 1."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 1
    whole = rows[:-1] if len(rows) > 2 else rows  # the last may be cut in the middle of a quoted cell
    counts = {len(row) for row in whole}
    return counts.pop() if len(counts) == 1 else 1


def records(path: Path, dialect: Dialect) -> Iterator[dict[str, Any]]:
    """The rows of a file, one by one.

    Raises:
        DataError: A row cannot be read; names the file and the row.
    """
    readers = {"delimited": _delimited, "json_lines": _json_lines, "json": _json, "parquet": _parquet}
    with _decoding(path, dialect.encoding):
        yield from readers[dialect.format](path, dialect)


class _decoding:  # noqa: N801 - reads as a phrase: with _decoding(path, encoding)
    """Turns an error of opening or decoding into one that names the file, the place and an encoding that works."""

    def __init__(self, path: Path, encoding: str) -> None:
        self.path, self.encoding = path, encoding

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise DataError(f"'{self.path.name}' cannot be read: {_why(error)}.", "Make it readable.") from error
        if isinstance(error, UnicodeError):
            name = self.encoding.removesuffix("-sig")
            place = _undecodable_place(self.path, name)
            raise DataError(
                f"'{self.path.name}' is not {name.upper()}: {place}.",
                'Say how it is written: `encoding = "cp1252"` or "latin-1" under [data], or --encoding cp1252.',
            ) from error


def _undecodable_place(path: Path, encoding: str) -> str:
    try:
        path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return f"line {line} holds the byte 0x{path.read_bytes()[error.start]:02x}"
    except UnicodeError as error:
        return str(error)
    return "it cannot be decoded"


def _delimited(path: Path, dialect: Dialect) -> Iterator[dict[str, Any]]:
    with path.open(encoding=dialect.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=dialect.delimiter)
        rows = _cells(path, reader)
        header = _checked_header(path, next(rows, (1, []))[1])
        for number, cells in rows:
            if len(cells) != len(header):
                raise DataError(
                    f"'{path.name}' row {number} (line {reader.line_num}) has {len(cells)} cells, the header has {len(header)}.",
                    f"Put quotation marks around cells that hold {dialect.delimiter!r}, or mend that row.",
                )
            yield dict(zip(header, cells, strict=True))


def _cells(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each row that is not blank, the header included."""
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if any("\0" in cell for cell in cells):
                raise DataError(
                    f"'{path.name}' row {number} (line {reader.line_num}) holds a NUL character.",
                    'Save it as plain text; if it is UTF-16, say so: `encoding = "utf-16"` under [data].',
                )
            if cells:
                yield number, cells
    except csv.Error as error:
        raise _unreadable_row(path, number + 1, reader.line_num, str(error)) from error


def _unreadable_row(path: Path, row: int, line: int, why: str) -> DataError:
    if "field larger" in why:
        return DataError(
            f"'{path.name}' row {row} (up to line {line}) has a cell of more than {LONGEST_CELL:,} characters.",
            "Close the quotation mark that was left open there, or shorten that cell.",
        )
    return DataError(f"'{path.name}' row {row} (line {line}) cannot be read: {why}.", "Mend that row.")


def _checked_header(path: Path, header: list[str]) -> list[str]:
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"'{path.name}' has two columns named '{twice[0]}'.", "Give every column a name of its own.")
    return names


def _json_lines(path: Path, dialect: Dialect) -> Iterator[dict[str, Any]]:
    with path.open(encoding=dialect.encoding) as file:
        for number, line in enumerate(file, start=1):
            if len(line) > LONGEST_CELL:
                raise _unreadable_row(path, number, number, "field larger")
            if line.strip():
                yield _json_object(path, number, line)


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"'{path.name}' line {number} is not JSON: {error}.", "Mend that line, one object a line."
        ) from error
    if not isinstance(record, dict):
        raise DataError(
            f"'{path.name}' line {number} is not a JSON object.", 'Write each line as {"text": "…", "label": "…"}.'
        )
    return record


def _json(path: Path, dialect: Dialect) -> Iterator[dict[str, Any]]:
    text = path.read_text(encoding=dialect.encoding)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path.name}' is not JSON: {error}.", "Mend that place, or save it as JSON Lines.") from error
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise DataError(
            f"'{path.name}' is not a JSON list of objects.", 'Write it as [{"text": "…", "label": "…"}, …].'
        )
    yield from found


def _parquet(path: Path, _: Dialect) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                yield from batch.to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(
            f"'{path.name}' is not a whole Parquet file: {_why(error)}.", "Save it again as Parquet, or as CSV."
        ) from error


def _why(error: Exception) -> str:
    """What an error of the system or of a library says, without its number and its full stop."""
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
