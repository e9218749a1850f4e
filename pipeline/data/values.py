"""What the cells of a table mean: the text and the label that a value stands for."""

import json
import math
from typing import Any


def is_missing(value: Any) -> bool:
    """Whether a cell holds nothing: null, NaN or blank text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and (not value or value.isspace())


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
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_list(value: Any) -> list[Any] | None:
    """The list that a cell holds, as it is or written as JSON; None when it holds something else."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    if hasattr(value, "tolist"):  # an array, as Parquet files give it
        value = value.tolist()
    return list(value) if isinstance(value, list | tuple) else None


def as_number(value: Any) -> float | None:
    """The finite number that a cell holds, or None."""
    if isinstance(value, bool) or is_missing(value) or "_" in str(value):  # Python would take 1_000 for a thousand
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
