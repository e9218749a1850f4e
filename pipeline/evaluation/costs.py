"""What mistakes cost when they are not equal: the user's table, the score that follows, and the answer that costs least."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.metrics import share
from pipeline.metric import Metric
from pipeline.task import Answer, Array

OTHERS = "*"
"""Stands for every truth, or every answer, that is not named."""
EXPECTED_COST = "expected_cost"


@dataclass(frozen=True)
class Costs:
    """What it costs to answer a row of one label with another; a right answer costs nothing.

    Attributes:
        table: Truth, then answer, then cost.
    """

    table: Mapping[str, Mapping[str, float]]

    @classmethod
    def read(cls, text: str) -> "Costs":
        """The table from JSON."""
        return cls(json.loads(text))

    def cost(self, truth: str, answer: str) -> float | None:
        """Of one mistake; None where the table does not say."""
        for one in (truth, OTHERS):
            for other in (answer, OTHERS):
                if other in self.table.get(one, {}):
                    return float(self.table[one][other])
        return None

    def matrix(self, classes: Sequence[str]) -> Array:
        """Costs of every answer for every truth; (classes, classes), the truth down the first axis."""
        return np.array(
            [[0.0 if one == other else self.cost(one, other) or 0.0 for other in classes] for one in classes]
        ).reshape(len(classes), len(classes))

    def faults(self, labels: Sequence[str]) -> list[tuple[str, str]]:
        """What is wrong with the table for these labels, each with its mend."""
        found = []
        named = dict.fromkeys([*self.table, *(answer for row in self.table.values() for answer in row)])
        for label in named:
            if label != OTHERS and label not in labels:
                near = difflib.get_close_matches(label, labels, n=1)
                hint = f"Did you mean '{near[0]}'? " if near else ""
                found.append((f"'{label}' is no label of the data", f"{hint}Labels are: {', '.join(labels)}."))
        for label, row in self.table.items():
            if label != OTHERS and row.get(label, 0.0) != 0:
                found.append(
                    (
                        f"a right answer '{label}' costs {row[label]:g}",
                        "Write what each mistake costs beyond a right answer.",
                    )
                )
        open_pairs = [
            (one, other) for one in labels for other in labels if one != other and self.cost(one, other) is None
        ]
        if open_pairs:
            shown = "; ".join(f"{one} answered {other}" for one, other in open_pairs[:3])
            more = f" and {len(open_pairs) - 3} more" if len(open_pairs) > 3 else ""
            found.append(
                (f"these mistakes have no cost: {shown}{more}", 'Add them, or `"*" = {"*" = 1}` for all others.')
            )
        elif not self.matrix(labels).any():
            found.append(("no mistake costs anything", "Give at least one mistake a cost above 0."))
        return found


def expected_cost(costs: Costs) -> Metric:
    """What an answer costs on average, by this table."""

    def statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
        table, places = costs.matrix(classes), {label: place for place, label in enumerate(classes)}
        one, other = ([places[str(answer)] for answer in part] for part in (truth, answers))
        lost = table[np.array(one, dtype=int), np.array(other, dtype=int)]
        return np.stack([lost, np.ones_like(lost)], axis=1)

    return Metric(
        name=EXPECTED_COST,
        title="expected cost",
        statistics=statistics,
        reduce=lambda sums: share(sums[..., 0], sums[..., 1]),
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        unit="cost",
    )


def cheapest(probabilities: Array, matrix: Array) -> Array:
    """The place of the answer that costs least on average, for each row; ties go to the likelier answer.

    Source: Elkan (2001), The Foundations of Cost-Sensitive Learning, https://dl.acm.org/doi/10.5555/1642194.1642224
    """
    expected = probabilities @ matrix
    least = expected <= expected.min(axis=1, keepdims=True) + 1e-12
    return np.asarray(np.where(least, probabilities, -1.0).argmax(axis=1))


def say_rule(classes: Sequence[str], costs: Costs) -> str:
    """How probabilities become answers, in a sentence."""
    matrix = costs.matrix(classes)
    if len(classes) != 2:
        return "Each row gets the answer that costs least on average by your table, given its calibrated probabilities."
    rare = int(np.argmax(matrix.sum(axis=1)))
    threshold = matrix[1 - rare, rare] / matrix.sum()
    return f"A row is answered '{classes[rare]}' from a calibrated probability of {threshold:.3g} on, which costs least by your table."
