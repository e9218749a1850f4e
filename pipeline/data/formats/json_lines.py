"""JSON Lines: one JSON object on each line."""

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson

from pipeline.data.compression import opened
from pipeline.data.decoding import decoding, opened_text
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
from pipeline.errors import DataError

_KEY = re.compile(rb'"\s*:')
"""What follows the name of a key. In a text it may stand too, never the other way round."""


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The objects, one by one; blank lines are passed over."""
    number = blank = 0
    for line_number, line in enumerate(_lines(place, dialect), start=1):
        if line.isspace():
            blank += 1
            if blank > MOST_BLANK_LINES:
                raise too_many_blank_lines(place, line_number)
            continue
        number, blank = number + 1, 0
        if choice.wants(number):
            yield number, read_object(place, line_number, line, dialect)


def _lines(place: Place, dialect: Dialect) -> Iterator[bytes]:
    """Lines as UTF-8; each is at most as long as a cell may be.

    Raises:
        DataError: A line is longer.
    """
    if dialect.encoding not in ("utf-8-sig", "utf-8", "ascii"):
        with opened_text(place, dialect) as text:
            for number, line in enumerate(iter(lambda: text.readline(LONGEST_CELL + 1), ""), start=1):
                yield _checked(place, number, line.encode("utf-8", "surrogatepass"))
        return
    with opened(place, dialect.compression) as file:
        for number, raw in enumerate(iter(lambda: file.readline(4 * LONGEST_CELL + 1), b""), start=1):
            yield _checked(place, number, raw if number > 1 else raw.removeprefix(b"\xef\xbb\xbf"))


def _checked(place: Place, number: int, line: bytes) -> bytes:
    if len(line) > LONGEST_CELL and len(line.decode("utf-8", "ignore")) > LONGEST_CELL:
        raise cell_too_long(place, number, number)
    return line


def read_object(place: Place, number: int, line: bytes, dialect: Dialect) -> dict[str, Any]:
    """The object on a line.

    A fast reader comes first; whatever it does not take, or where a key might stand twice, the careful one decides.

    Raises:
        DataError: It is not one, or holds a key twice or a number that is none.
    """
    try:
        found = orjson.loads(line)
    except ValueError:
        found = None
    if type(found) is dict and (line.count(b":") == len(found) or len(_KEY.findall(line)) == len(found)):
        return found
    with decoding(place, dialect):
        text = line.decode("utf-8", "surrogatepass" if dialect.encoding.startswith("utf-16") else "strict")
    try:
        found = json.loads(text, object_pairs_hook=once_each, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"'{place.name}' line {number} is not JSON: {error}.", "Mend that line, one object a line."
        ) from error
    if not isinstance(found, dict):
        raise DataError(
            f"'{place.name}' line {number} is not a JSON object.", 'Write each line as {"text": "…", "label": "…"}.'
        )
    return found


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which every key stands once.

    Raises:
        ValueError: Names a key that stands twice.
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key '{twice[:60]}' stands twice in one object")
    return found


def refuse_constant(name: str) -> Any:
    """Refuse what JSON does not have.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{name} is no JSON number; write null where there is none")
