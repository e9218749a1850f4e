"""What the cells of a table mean: the text and the label that a value stands for."""

import math
from typing import Any


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: null, NaN or blank text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and not value.strip()


def as_text(value: Any) -> str:
    """The text of a cell; a missing one is the empty text."""
    return "" if is_missing(value) else _whole(str(value))


def as_label(value: Any) -> str | None:
    """The label of a cell, or None when there is none; numbers are written without a needless fraction."""
    if is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _whole(str(value))


def _whole(text: str) -> str:
    """The text with halves of characters, which JSON can hold and nothing can write, replaced."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
