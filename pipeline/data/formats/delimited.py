"""Delimited text: CSV, TSV and their kin."""

import csv
import itertools
from collections.abc import Iterator
from typing import Any

from pipeline.data.decoding import opened_text
from pipeline.data.places import (
    EVERYTHING,
    LONGEST_CELL,
    MOST_BLANK_LINES,
    Choice,
    Dialect,
    Place,
    Row,
    cell_too_long,
    too_many_blank_lines,
)
from pipeline.data.values import as_number
from pipeline.errors import DataError

DELIMITERS = (",", "\t", ";", "|")
"""What is looked for. Others, such as a colon or a space, stand in texts too often to be guessed; they can be said."""
csv.field_size_limit(LONGEST_CELL)
_SPOKEN = {"\\t": "\t", "tab": "\t", "\\x1f": "\x1f", "\\x01": "\x01"}
"""How a delimiter that cannot be typed is said."""
LONGEST_LINE = 16 * LONGEST_CELL
HEAD_LINES = 200
HEAD_CHARACTERS = 2**22
"""Of the start of a file, from which the delimiter is found."""


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The rows below the header; blank lines are passed over.

    Raises:
        DataError: A row has more or fewer cells than the header, or cannot be read; names row and line.
    """
    with opened_text(place, dialect) as file:
        reader = csv.reader(
            _without_nul(place, file), delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True
        )
        rows = _cells(place, reader)
        first = next(rows, (1, []))
        header = checked_header(place, first[1]) if dialect.header else unnamed(len(first[1]))
        behind = rows if dialect.header else itertools.chain([first] if first[1] else [], rows)
        width, line = len(header), 0
        for number, (line, cells) in enumerate(behind, start=1):
            if len(cells) != width:
                raise _uneven(place, dialect, (line, reader.line_num), len(cells), width)
            if choice.wants(number):
                yield number, dict(zip(header, cells, strict=True))


def _uneven(place: Place, dialect: Dialect, where: tuple[int, int], cells: int, width: int) -> DataError:
    row, line = where
    first = "the header" if dialect.header else "the first row"
    return DataError(
        f"'{place.name}' row {row} (line {line}) has {cells} cells, {first} has {width}.",
        f"Put quotation marks around cells that hold {dialect.delimiter!r}, or mend that row.",
    )


def _without_nul(place: Place, file: Any) -> Iterator[str]:
    """The lines, none of which holds a NUL or goes on without end."""
    number = blank = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        blank = blank + 1 if line in ("\n", "\r\n", "\r") else 0
        if blank > MOST_BLANK_LINES:
            raise too_many_blank_lines(place, number)
        if len(line) > LONGEST_LINE:
            raise cell_too_long(place, number, number)
        if "\0" in line:
            raise DataError(
                f"'{place.name}' line {number} holds a NUL character.",
                'Save it as plain text; if it is UTF-16, say so: `encoding = "utf-16"` under [data].',
            )
        yield line


def _cells(place: Place, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """The number, the header counted, and the cells of each row that is not blank."""
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if cells:
                yield number, cells
    except csv.Error as error:
        raise _unreadable(place, number + 1, reader.line_num, str(error)) from error


def _unreadable(place: Place, row: int, line: int, said: str) -> DataError:
    if "field larger" in said:
        return cell_too_long(place, row, line)
    if "unexpected end of data" in said:
        return DataError(
            f"'{place.name}' row {row} (up to line {line}) opens a quotation mark that is never closed.",
            "Close it, or say which character quotes: `quote` under [data], or --quote.",
        )
    if "expected after" in said:
        return DataError(
            f"'{place.name}' row {row} (line {line}) has text behind a closing quotation mark.",
            "Double quotation marks within a quoted cell, or mend that row.",
        )
    return DataError(f"'{place.name}' row {row} (line {line}) cannot be read: {said}.", "Mend that row.")


def checked_header(place: Place, header: list[str]) -> list[str]:
    """The names of the columns, trimmed.

    Raises:
        DataError: Two are the same.
    """
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"'{place.name}' has two columns named '{twice[0][:60]}'.", "Give every column a name of its own."
        )
    return names


def unnamed(columns: int) -> list[str]:
    """Names for columns that have none."""
    return [f"column {place}" for place in range(1, columns + 1)]


def find_columns(place: Place, dialect: Dialect, asked: str | None, header: bool | None) -> Dialect:
    """The dialect with delimiter and header, as the user said, else as the first lines show.

    Raises:
        DataError: The delimiter is no character or splits nothing, or the first line may be a row.
    """
    with opened_text(place, dialect) as file:
        head = list(itertools.islice(iter(lambda: file.readline(LONGEST_LINE + 1), ""), HEAD_LINES))
    while len(head) > 2 and sum(map(len, head)) > HEAD_CHARACTERS:
        head.pop()
    asked = _SPOKEN.get(asked, asked) if asked is not None else None
    if asked is not None and len(asked) != 1:
        raise DataError(f"The delimiter {asked!r} is not one character.", "Use one character, such as ',' or ';'.")
    if len(dialect.quote) != 1 or dialect.quote == asked or dialect.quote in "\r\n":
        raise DataError(
            f"The quote {dialect.quote!r} is not a character that can quote.", """Use one character, such as '"'."""
        )
    columns = {mark: _columns_when_split(head, mark, dialect.quote) for mark in (*DELIMITERS, *(asked or ""))}
    best = max(DELIMITERS, key=lambda delimiter: columns[delimiter])
    if asked is not None and columns[asked] == 1 and columns[best] > 1:
        raise DataError(
            f"'{place.name}' has only one column when split at {asked!r}.",
            f"It looks split at {best!r}: leave `delimiter` out, or set it to {best!r}.",
        )
    found = dialect.model_copy(update={"delimiter": asked or best})
    if header is None:
        _refuse_row_as_header(place, _split(head, found.delimiter, found.quote))
    return found.model_copy(update={"header": header is not False})


def _refuse_row_as_header(place: Place, rows: list[list[str]]) -> None:
    """A first line whose cells are like those below it is hardly one of names.

    Raises:
        DataError: It looks like a row, and nobody said what it is.
    """
    if len(rows) < 2 or len({len(row) for row in rows[:2]}) > 1:
        return
    first, below = rows[0], rows[1:]
    counts = [name.strip() for name in first]
    if counts in ([str(place) for place in range(len(first))], [str(place + 1) for place in range(len(first))]):
        return
    for column, name in enumerate(first):
        cells = [row[column] for row in below if column < len(row)]
        if as_number(name) is not None and cells and all(as_number(cell) is not None for cell in cells):
            raise DataError(
                f"The first line of '{place.name}' looks like a row, not like names of columns: '{name[:60]}' stands above numbers.",
                "Say whether it names the columns: `header = true` or `header = false` under [data], or --header / --no-header.",
            )


def _split(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    """The rows of some lines, or none when they cannot be split; the last may be cut in the middle of a quoted cell."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter, quotechar=quote) if row]
    except csv.Error:
        return []
    return rows[:-1] if len(rows) > 2 else rows


def _columns_when_split(lines: list[str], delimiter: str, quote: str) -> int:
    """Columns of the header when every row of the head has as many, else 1."""
    if delimiter in ("\r", "\n"):
        raise DataError("A line end cannot split columns.", "Use one character, such as ',' or ';'.")
    counts = {len(row) for row in _split(lines, delimiter, quote)}
    return counts.pop() if len(counts) == 1 else 1
