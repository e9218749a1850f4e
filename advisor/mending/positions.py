"""Keeps places in a text right while the text is changed. Pure."""

from collections.abc import Sequence
from typing import NamedTuple


class Edit(NamedTuple):
    """A piece of a text, the end exclusive, and what stands in its place."""

    start: int
    end: int
    new: str


def edit(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits made; they come in order and do not overlap."""
    for each in reversed(edits):
        text = text[: each.start] + each.new + text[each.end :]
    return text


def move(start: int, end: int, edits: Sequence[Edit]) -> dict[str, int]:
    """Where a span stands after the edits; one that begins or ends inside an edited piece takes in what replaced it."""
    return {"start": _moved(start, edits, at_end=False), "end": _moved(end, edits, at_end=True)}


def _moved(place: int, edits: Sequence[Edit], *, at_end: bool) -> int:
    shift = 0
    for each in edits:
        if place >= each.end:
            shift += len(each.new) - (each.end - each.start)
        elif place > each.start:
            return each.start + shift + (len(each.new) if at_end else 0)
    return place + shift
