"""Excel workbooks: the rows of one sheet."""

import contextlib
import datetime
import itertools
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

from pipeline.data.compression import HARMLESS_BYTES, LARGEST_RATIO, seekable
from pipeline.data.formats.delimited import checked_header, unnamed
from pipeline.data.places import EVERYTHING, Choice, Dialect, Place, Row, why
from pipeline.errors import DataError

FIX = "Save it again as .xlsx, or as CSV."


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The rows of the sheet below its line of names; rows without any cell are passed over.

    Raises:
        DataError: It is not a workbook, or has two columns of one name.
    """
    with _opened(place, dialect) as book:
        rows = _filled_rows(book[dialect.sheet] if dialect.sheet else book.worksheets[0])
        first = next(rows, [])
        width = len(first)
        header = checked_header(place, [_name(cell) for cell in first]) if dialect.header else unnamed(width)
        for number, cells in enumerate(rows if dialect.header else itertools.chain([first], rows), start=1):
            if len(cells) > width:
                raise DataError(
                    f"'{place.name}' row {number} below the names has {len(cells)} cells, the first line has {width}.",
                    "Name every column in the first line, or empty the cells beyond them.",
                )
            if choice.wants(number):
                yield number, dict(itertools.zip_longest(header, map(_cell, cells)))


def find_sheet(place: Place, dialect: Dialect, asked: str | None) -> str | None:
    """The sheet that is meant: as the user said, else the only one with rows.

    Raises:
        DataError: There is no such sheet, none with rows, or several.
    """
    with _opened(place, dialect) as book:
        names = [str(sheet.title) for sheet in book.worksheets]
        if asked is not None:
            if asked not in names:
                raise DataError(f"'{place.name}' has no sheet '{asked[:60]}'.", f"It has: {', '.join(names)}.")
            return asked
        filled = [str(sheet.title) for sheet in book.worksheets if next(_filled_rows(sheet), None)]
    if len(filled) > 1:
        raise DataError(
            f"'{place.name}' has several sheets with rows: {', '.join(map(repr, filled[:10]))}.",
            f'Say which: `sheet = "{filled[0]}"` under [data], or --sheet "{filled[0]}".',
        )
    return filled[0] if filled else None


@contextlib.contextmanager
def _opened(place: Place, dialect: Dialect) -> Iterator[Any]:
    """A workbook, its formulas by the values that they had when it was saved."""
    import openpyxl

    with seekable(place, dialect) as path:
        try:
            _refuse_bombs(place, path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of styles and extensions that are of no use here
                with contextlib.closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
                    yield book
        except DataError:
            raise
        except Exception as error:  # the reader raises whatever the XML in it makes it stumble over
            raise DataError(f"'{place.name}' is not a whole Excel workbook: {why(error)}.", FIX) from error


def _refuse_bombs(place: Place, path: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > max(HARMLESS_BYTES, LARGEST_RATIO * member.compress_size):
                raise DataError(f"'{place.name}' unpacks to more than {LARGEST_RATIO} times its size.", FIX)


def _filled_rows(sheet: Any) -> Iterator[list[Any]]:
    for row in sheet.iter_rows(values_only=True):
        cells = list(row)
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            yield cells


def _name(cell: Any) -> str:
    return "" if cell is None else str(_cell(cell))


def _cell(cell: Any) -> Any:
    """A cell as text, number, truth value or nothing."""
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, datetime.timedelta) else cell
