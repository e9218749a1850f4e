"""What the columns of a file hold, from some of its rows; values are counted, never shown."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Literal

from advisor.records import ColumnProfile
from pipeline.data.values import as_number, is_missing


def profile_columns(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], roles: Mapping[str, str | list[str]]
) -> list[ColumnProfile]:
    """One profile for each column, in the order of the file.

    Args:
        rows: Taken evenly from the whole file.
        columns: Their names.
        roles: What is read from which column.
    """
    read = {column: role for role, named in roles.items() for column in ([named] if isinstance(named, str) else named)}
    return [_profile(name, read.get(name, ""), [row.get(name) for row in rows]) for name in columns]


def _profile(name: str, role: str, cells: Sequence[Any]) -> ColumnProfile:
    filled = [cell for cell in cells if not is_missing(cell)]
    shown = [str(cell) for cell in filled]
    return ColumnProfile(
        name=name,
        role=role,
        holds=_kind(filled),
        filled_fraction=len(filled) / max(len(cells), 1),
        different=len(set(shown)),
        typical_characters=float(median(map(len, shown))) if shown else 0.0,
    )


def _kind(cells: Sequence[Any]) -> Literal["text", "numbers", "lists", "nothing"]:
    if not cells:
        return "nothing"
    if all(isinstance(cell, list | dict | tuple) or getattr(cell, "ndim", 0) > 0 for cell in cells):
        return "lists"
    return "numbers" if all(as_number(cell) is not None for cell in cells) else "text"
