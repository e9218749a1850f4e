"""Rows that a person or a program hands over one by one, and the answers to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import pandas as pd

from advisor.rulebook import load_tasks
from advisor.way import Way
from pipeline.data.values import as_number
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


def read_truth(way: Way, row: Rows, given: str | float | Sequence[str]) -> Answer:
    """What is said to be the right answer of a row.

    Raises:
        DataError: It is of another kind than the task's answers, or holds a label that the model does not know.
    """
    if not way.classes:
        if isinstance(given, str | Sequence):
            raise DataError("The right answer is no number.", "Give one, such as 3.5.")
        low, high = (as_number(way.task.options.get(key)) for key in ("lowest", "highest"))
        if not isfinite(given) or (low is not None and given < low) or (high is not None and given > high):
            raise DataError(f"{given:g} lies outside the scale.", f"It goes from {low} to {high}.")
        return float(given)
    several = load_tasks()[way.task.key].answered_by in ("labels", "spans")
    if several != (isinstance(given, Sequence) and not isinstance(given, str)) or isinstance(given, int | float):
        raise DataError(
            "The right answer is of another kind.", "Give a list of labels." if several else "Give one label."
        )
    labels = [given] if isinstance(given, str) else list(given)
    unknown = [label for label in labels if label not in way.classes]
    if unknown:
        raise DataError(f"The model has no label '{unknown[0][:60]}'.", f"It has: {', '.join(way.classes)}.")
    if way.task.by_words and len(labels) != len(row.inputs[0]):
        problem = f"There are {len(labels)} tags for {len(row.inputs[0])} words."
        raise DataError(problem, "Give one for each word, in their order.")
    return labels[0] if not several else tuple(labels) if way.task.by_words else tuple(sorted(set(labels)))
