"""Rows that a person or a program hands over one by one, and the answers to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from advisor.way import Way
from pipeline.errors import DataError
from pipeline.task import Answer, Predictions, Rows
from pipeline.tasks.word_splitting import split_words

TYPED = "what was given"
"""What messages call such rows."""
TOKENS = "tokens"
"""The role whose column holds the words of a sentence."""


@dataclass(frozen=True)
class Told:
    """An answer to one row.

    Attributes:
        answer: The answer.
        confidence: How sure the model is; None where it cannot tell.
        probabilities: Of each class, likeliest first; empty where a row has not one set of them.
    """

    answer: Answer
    confidence: float | None
    probabilities: tuple[tuple[str, float], ...]


def cells_of(way: Way, given: Mapping[str, str | Sequence[str]]) -> dict[str, Any]:
    """The cells of a row, under the columns of the training data.

    Args:
        way: What will answer.
        given: What is read, by role; the words of a sentence may come as one text.

    Raises:
        DataError: Something is missing or unknown.
    """
    wanted = list(way.inputs)
    missing = [role for role in wanted if role not in given]
    unknown = [role for role in given if role not in wanted]
    if missing or unknown:
        problem = f"'{missing[0]}' is missing." if missing else f"There is no '{unknown[0]}' here."
        raise DataError(problem, f"A row holds: {', '.join(wanted)}.")
    return {way.inputs[role]: _cell(role, given[role]) for role in wanted}


def _cell(role: str, given: str | Sequence[str]) -> Any:
    if role == TOKENS:
        return [given[start:end] for start, end in split_words(given)] if isinstance(given, str) else list(given)
    if not isinstance(given, str):
        raise DataError(f"'{role}' is a list.", "Give it as one text.")
    return given


def rows_of(way: Way, cells: Sequence[Mapping[str, Any]]) -> Rows:
    """Rows as the task reads them, one for each set of cells; their ids are their places from 1.

    Raises:
        DataError: A cell cannot be read.
    """
    table = pd.DataFrame([dict(each) for each in cells], dtype=object)
    table.index = pd.RangeIndex(1, len(table) + 1)
    return way.task.rows(table, way.columns, TYPED, labelled=False)


def told(way: Way, found: Predictions) -> list[Told]:
    """The answers one by one."""
    return [
        Told(
            answer=answer,
            confidence=None if found.confidence is None else float(found.confidence[row]),
            probabilities=()
            if found.scores is None
            else tuple(sorted(zip(way.classes, found.scores[row].tolist(), strict=True), key=lambda each: -each[1])),
        )
        for row, answer in enumerate(found.answers)
    ]
