"""JSON: one list of objects, alone or under a key of an object. Read piece by piece, so that its size does not matter."""

import json
from collections.abc import Iterator
from typing import Any, TextIO

from pipeline.data.decoding import opened_text
from pipeline.data.formats.json_lines import once_each, refuse_constant
from pipeline.data.places import EVERYTHING, LONGEST_CELL, Choice, Dialect, Place, Row
from pipeline.errors import DataError

CHUNK = 2**18
LARGEST_VALUE = 16 * LONGEST_CELL
"""Characters of one object at most."""
_BLANK = " \t\n\r"
_NEAR_END = 64
"""An error so near the end of what was read may be mended by what follows."""
_LIST_FIX = 'Write it as [{"text": "…", "label": "…"}, …].'


def records(place: Place, dialect: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """The objects of the list, one by one.

    Raises:
        DataError: It is not JSON, or no list of objects.
    """
    with opened_text(place, dialect) as file:
        text = _Text(place, file)
        if text.peek() == "{":
            text = _inside(text, dialect.key or "")
        number = 0
        for number, found in enumerate(_elements(text), start=1):
            if not isinstance(found, dict):
                raise DataError(
                    f"'{place.name}' is not a JSON list of objects: entry {number} is {_kind(found)}.", _LIST_FIX
                )
            if choice.wants(number):
                yield number, found
        if dialect.key is None:
            text.expect_end()


def find_key(place: Place, dialect: Dialect) -> str | None:
    """The key whose value is the one list of objects of a JSON object; None when the file is a list itself.

    Raises:
        DataError: It is not JSON, or an object with no list of objects, or with several.
    """
    with opened_text(place, dialect) as file:
        text = _Text(place, file)
        first = text.peek()
        if first == "[":
            return None
        if first != "{":
            raise DataError(f"'{place.name}' is not a JSON list of objects.", _LIST_FIX)
        keys: list[str] = []
        lists: list[str] = []
        for key in _keys(text):
            keys.append(key)
            if text.peek() == "[":
                if _holds_objects(text):
                    lists.append(key)
            else:
                text.value()
    if len(lists) == 1:
        return lists[0]
    if lists:
        raise DataError(
            f"'{place.name}' is not a JSON list of objects, it holds several: {', '.join(map(repr, lists[:10]))}.",
            "Save the one that is meant as a file of its own.",
        )
    shown = ", ".join(map(repr, keys[:10])) or "nothing"
    raise DataError(f"'{place.name}' is not a JSON list of objects, it is one object with {shown}.", _LIST_FIX)


def _holds_objects(text: "_Text") -> bool:
    """Whether the list that comes next holds objects; it is read to its end."""
    first: Any = None
    for place, found in enumerate(_elements(text)):
        first = found if place == 0 else first
    return isinstance(first, dict)


def _inside(text: "_Text", wanted: str) -> "_Text":
    """The text where the value of a key begins."""
    for key in _keys(text):
        if key == wanted:
            return text
        if text.peek() == "[":
            for _ in _elements(text):
                pass
        else:
            text.value()
    return text


def _keys(text: "_Text") -> Iterator[str]:
    """The keys of an object; whoever asks for the next one has read the value."""
    seen: set[str] = set()
    text.take("{")
    if text.peek() == "}":
        text.take("}")
        return
    while True:
        key = text.value() if text.peek() == '"' else text.fail("Expecting property name enclosed in double quotes")
        if key in seen:
            text.fail(f"the key '{str(key)[:60]}' stands twice in one object")
        seen.add(key)
        text.take(":")
        yield key
        if text.peek() == "}":
            text.take("}")
            return
        text.take(",")


def _elements(text: "_Text") -> Iterator[Any]:
    """The entries of a list."""
    text.take("[")
    if text.peek() == "]":
        text.take("]")
        return
    while True:
        yield text.value()
        if text.peek() == "]":
            text.take("]")
            return
        text.take(",")


class _Text:
    """JSON text of which only a window is in memory; knows the line and column that it has come to."""

    def __init__(self, place: Place, file: TextIO) -> None:
        self.place, self.file = place, file
        self.window, self.at = "", 0
        self.line, self.column, self.before = 1, 1, 0
        self.ended = False
        self.decoder = json.JSONDecoder(object_pairs_hook=once_each, parse_constant=refuse_constant)

    def _more(self, size: int = CHUNK) -> bool:
        """Read on; what was passed is forgotten."""
        self._forget()
        chunk = "" if self.ended else self.file.read(size)
        self.ended = not chunk
        self.window += chunk
        return not self.ended

    def _forget(self) -> None:
        passed = self.window[: self.at]
        self.line, self.column = _advanced(self.line, self.column, passed)
        self.before += len(passed)
        self.window, self.at = self.window[self.at :], 0

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            while self.at < len(self.window) and self.window[self.at] in _BLANK:
                self.at += 1
            if self.at < len(self.window):
                return self.window[self.at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        """Pass over a character.

        Raises:
            DataError: Another one stands there.
        """
        if self.peek() != character:
            self.fail(f"Expecting {character!r} delimiter" if character in ",:" else f"Expecting {character!r}")
        self.at += 1

    def expect_end(self) -> None:
        """Refuse anything but blanks.

        Raises:
            DataError: Something follows.
        """
        if self.peek():
            self.fail("Extra data")

    def value(self) -> Any:
        """The next value, whatever it is.

        Raises:
            DataError: It is not JSON, or too long.
        """
        self.peek()
        while True:
            try:
                found, end = self.decoder.raw_decode(self.window, self.at)
            except json.JSONDecodeError as error:
                whole = error.pos < len(self.window) - _NEAR_END and not error.msg.startswith("Unterminated")
                if whole or not self._longer():
                    self.at = max(self.at, error.pos) if whole else error.pos
                    self.fail(error.msg)
            except (ValueError, RecursionError) as error:
                self.fail(str(error))
            else:
                if end < len(self.window) or not self._longer():  # a number may go on behind the window
                    self.at = end
                    return found

    def _longer(self) -> bool:
        """Read on without passing anything; as much again, so that long values cost no more than twice their length."""
        if len(self.window) - self.at > LARGEST_VALUE:
            self.fail(f"one entry is longer than {LARGEST_VALUE:,} characters")
        return self._more(max(CHUNK, len(self.window)))

    def fail(self, what: str) -> Any:
        """Say what is wrong at this place.

        Raises:
            DataError: Always.
        """
        line, column = _advanced(self.line, self.column, self.window[: self.at])
        raise DataError(
            f"'{self.place.name}' is not JSON: {what}: line {line} column {column} (char {self.before + self.at}).",
            "Mend that place, or save it as JSON Lines.",
        )


def _advanced(line: int, column: int, passed: str) -> tuple[int, int]:
    """Line and column behind some text."""
    breaks = passed.count("\n")
    return (line + breaks, len(passed) - passed.rfind("\n")) if breaks else (line, column + len(passed))


def _kind(found: Any) -> str:
    return {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}.get(type(found), "a number")
