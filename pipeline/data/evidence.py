"""What a reading of columns is weighed by: signs with their weights, and the pieces of evidence that were found."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import Field

from pipeline.records import Record


class Sign(Record):
    """A piece of evidence: what it weighs, as a logarithm of odds, and the sentence that says it."""

    weight: float
    says: str
    source: str


class Names(Record):
    """Names of columns that fill a role: whole names, and words of longer ones."""

    usual: list[str]
    near: list[str]


class Words(Record):
    """Lists of words that names and values are looked up in."""

    other_meanings: list[str]
    side_texts: list[str]
    classes: list[str]
    not_classes: list[str]
    languages: list[str]
    pairs: list[tuple[str, str]]


class Nothing(Record):
    """Weight of "none of these readings"."""

    open: float
    task_said: float
    source: str


class Signs(Record):
    """What columns are read by."""

    signs: dict[str, Sign] = Field(alias="sign")
    names: dict[str, Names]
    words: Words
    none: Nothing
    common_words: dict[str, list[str]] = Field(default_factory=dict)
    """Commonest words of each language."""


class Piece(NamedTuple):
    """A piece of evidence that was found."""

    sign: str
    of: str


class Filling(NamedTuple):
    """What could fill a role or several at once: the columns by role, and what speaks for and against it."""

    columns: dict[str, Any]
    pieces: list[Piece]


def quoted(name: str) -> str:
    """A column in a sentence."""
    return f"'{name}'"


def listed(names: Sequence[str]) -> str:
    """Columns in a sentence."""
    return " and ".join(
        [", ".join(map(quoted, names[:-1])), quoted(names[-1])] if len(names) > 1 else map(quoted, names)
    )
