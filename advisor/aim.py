"""What the user wants to reach, in the unit of the score."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.records import Goal
from pipeline.metric import Metric
from pipeline.task import Rows

GOOD_ENOUGH, USEFUL_GAIN = 0.95, 0.03
"""What stands in for an answer: a score of 1 is perfect; three points, or 3 % of how widely the true scores spread."""


@dataclass(frozen=True)
class Aim:
    """The score that would be good enough, and the smallest gain worth having, in the unit of the score."""

    good_enough: float
    useful_gain: float


def make_aim(goal: Goal, metric: Metric, rows: Rows, classes: Sequence[str]) -> Aim:
    """The aim as the user said, or as the score's defaults are.

    Args:
        goal: What was said.
        metric: The score that counts.
        rows: Labelled rows that are not sealed.
        classes: Of the task; none where answers are numbers.
    """
    if metric.unit == "points":
        enough, gain = GOOD_ENOUGH, USEFUL_GAIN
    else:
        enough, gain = metric.best, USEFUL_GAIN * _spread(metric, rows, classes)
    return Aim(
        good_enough=enough if goal.good_enough is None else goal.good_enough,
        useful_gain=gain if goal.useful_gain is None else goal.useful_gain,
    )


def _spread(metric: Metric, rows: Rows, classes: Sequence[str]) -> float:
    """What an error is measured by: how widely the scores spread, or what the cheapest answer for all rows costs."""
    if not classes:
        return float(np.std(np.array(rows.answers, dtype=float)))
    return min(metric(rows.answers, [label] * len(rows), classes) for label in classes)
