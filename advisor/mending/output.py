"""Writes rows to a new file in the form that its name says; whole or not at all, and never over one that is there."""

import contextlib
import datetime
import gzip
import io
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow
import pyarrow.parquet

from pipeline.errors import DataError, StorageError

FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
Rows = Sequence[Mapping[str, Any]]
"""The cells of each row by column; one that a row lacks is not there."""


class TableWriter(Protocol):
    """Takes rows and writes them."""

    def write(self, rows: Rows) -> None:
        """Write these rows behind those before."""

    def close(self) -> None:
        """Write what ends the file."""


def form_of(out: Path) -> str:
    """The suffix that says how a file is written, compression apart.

    Raises:
        DataError: It cannot be written so.
    """
    name = out.name.lower()
    form = Path(name.removesuffix(".gz")).suffix
    if form not in FORMATS or (form == ".parquet" and name.endswith(".gz")):
        raise DataError(
            f"'{out.name}' is not of a kind that can be written.",
            f"End its name with one of: {', '.join(FORMATS)}; or with .gz behind all but the last.",
        )
    return form


def refuse_existing(*paths: Path) -> None:
    """Refuse to write where something is.

    Raises:
        DataError: Names it.
    """
    for path in paths:
        if path.exists() or path.is_symlink():
            raise DataError(f"'{path}' is already there.", "Choose another name with --out; nothing is overwritten.")


@contextlib.contextmanager
def drafts(*paths: Path) -> Iterator[dict[Path, Path]]:
    """For each path a draft in a folder beside it; those that were written take their places when all went well.

    The last path comes last, so that it is there only when everything is. Whatever goes wrong leaves nothing behind.

    Raises:
        DataError: Something came to be there meanwhile.
        StorageError: The disk or the folder cannot take it.
    """
    out = paths[-1]
    folder = out.with_name(f".{out.name[:100]}.{secrets.token_hex(4)}.new")  # known before it is made, so that it goes
    try:
        folder.mkdir(parents=True)
        found = {path: folder / path.name for path in paths}
        yield found
        written = {path: draft for path, draft in found.items() if draft.exists()}
        refuse_existing(*written)
        for path, draft in written.items():
            os.replace(draft, path)
    except OSError as error:
        if not str(error.filename or folder).startswith((str(folder), str(out))):
            raise  # a fault of what is read, which has words of its own
        raise StorageError(
            f"'{out}' cannot be written: {error.strerror or error}.",
            "Free some space, or choose another folder with --out. Nothing was left behind.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Shape:
    """How a table is laid out.

    Attributes:
        columns: All of them, in order.
        delimiter: Between the cells of a CSV file.
        schema: Types of the columns, for Parquet.
    """

    columns: Sequence[str]
    delimiter: str = ","
    schema: pyarrow.Schema | None = None


@contextlib.contextmanager
def table_writer(draft: Path, shape: Shape) -> Iterator[TableWriter]:
    """What writes a table in the form that the name of a file says."""
    form = form_of(draft)
    if form == ".parquet":
        writer: TableWriter = _Parquet(draft, shape)
        with contextlib.closing(writer):
            yield writer
        return
    with _opened(draft) as file:
        if form in (".csv", ".tsv"):
            writer = _Delimited(file, shape.columns, "\t" if form == ".tsv" else shape.delimiter)
        else:
            writer = _Json(file, in_a_list=form == ".json")
        yield writer
        writer.close()


@contextlib.contextmanager
def _opened(draft: Path) -> Iterator[IO[str]]:
    if draft.name.lower().endswith(".gz"):
        with (
            draft.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="utf-8", newline="") as file,
        ):
            yield file
        return
    with draft.open("w", encoding="utf-8", newline="") as file:
        yield file


class _Delimited:
    """CSV: a cell is quoted when it has to be. What begins with `=` is data and stays as it is."""

    def __init__(self, file: IO[str], columns: Sequence[str], delimiter: str) -> None:
        self._file, self._delimiter, self._columns = file, delimiter, columns
        self._special = (delimiter, '"', "\n", "\r")
        self.write([{name: name for name in columns}])

    def write(self, rows: Rows) -> None:
        for row in rows:
            line = self._delimiter.join(self._cell(row.get(name), name) for name in self._columns)
            self._file.write((line or '""') + "\n")

    def close(self) -> None:
        pass

    def _cell(self, cell: Any, column: str) -> str:
        text = cell if isinstance(cell, str) else _as_text(cell, column)
        _refuse_halves(text, column)
        if any(mark in text for mark in self._special) or text != text.strip():
            return '"' + text.replace('"', '""') + '"'
        return text


class _Json:
    """JSON Lines, or one list: nulls stay null, and a key that a row lacked stays away."""

    def __init__(self, file: IO[str], *, in_a_list: bool) -> None:
        self._file, self._in_a_list = file, in_a_list
        self._written = 0

    def write(self, rows: Rows) -> None:
        for row in rows:
            line = _as_json(row)
            if self._in_a_list:
                line = (",\n" if self._written else "[\n") + line
            self._file.write(line if self._in_a_list else line + "\n")
            self._written += 1

    def close(self) -> None:
        if self._in_a_list:
            self._file.write("\n]\n" if self._written else "[]\n")


class _Parquet:
    """Parquet with the types of the file that was read, or those that its cells have."""

    def __init__(self, draft: Path, shape: Shape) -> None:
        assert shape.schema is not None
        self._schema = shape.schema
        self._writer = pyarrow.parquet.ParquetWriter(draft, shape.schema)

    def write(self, rows: Rows) -> None:
        arrays = [self._array([row.get(field.name) for row in rows], field) for field in self._schema]
        self._writer.write_table(pyarrow.Table.from_arrays(arrays, schema=self._schema))

    def _array(self, cells: Sequence[Any], field: pyarrow.Field) -> pyarrow.Array:
        try:
            return pyarrow.array(cells, field.type)
        except (pyarrow.ArrowException, UnicodeError) as error:
            raise _mixed(field.name, error) from error

    def close(self) -> None:
        self._writer.close()


def _as_json(cell: Any) -> str:
    try:
        text = json.dumps(cell, ensure_ascii=False, allow_nan=False, default=_plain)
        text.encode()
    except UnicodeEncodeError:  # half of a character, which only its escape can say
        return json.dumps(cell, default=_plain)
    except ValueError:  # not a number, which JSON does not know
        return _as_json(_without_nan(cell))
    return text


def _without_nan(cell: Any) -> Any:
    if isinstance(cell, Mapping):
        return {name: _without_nan(value) for name, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_without_nan(value) for value in cell]
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _as_text(cell: Any, column: str) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, list | dict | tuple):
        return _as_json(cell)
    if isinstance(cell, bytes):
        raise DataError(f"The column '{column}' holds bytes, which text cannot hold.", "Write .parquet, which can.")
    plain = cell.tolist() if hasattr(cell, "tolist") else cell
    return _as_json(plain) if isinstance(plain, list) else str(plain)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, datetime.date | datetime.time | datetime.datetime):
        return value.isoformat()
    if isinstance(value, Decimal | datetime.timedelta):
        return str(value)
    raise DataError(f"A cell holds {type(value).__name__}, which JSON cannot hold.", "Write .parquet, which can.")


def _refuse_halves(text: str, column: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"The column '{column}' holds half of a character (U+{ord(text[error.start]):04X}), which CSV cannot hold.",
            "Write .jsonl, which can.",
        ) from error


def infer_schema(rows: Rows, columns: Sequence[str]) -> pyarrow.Schema:
    """The types that the cells of some rows have.

    Raises:
        DataError: A column holds several that do not go together.
    """
    fields = []
    for name in columns:
        try:
            fields.append(pyarrow.field(name, pyarrow.infer_type([row.get(name) for row in rows])))
        except (pyarrow.ArrowException, UnicodeError) as error:
            raise _mixed(name, error) from error
    return pyarrow.schema(fields)


def _mixed(column: str, error: Exception) -> DataError:
    return DataError(
        f"The column '{column}' holds values of several types, which Parquet cannot keep: {error}.",
        "Write .jsonl, which can.",
    )
