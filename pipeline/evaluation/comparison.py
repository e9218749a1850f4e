"""The fine-tuned model against the rival that was chosen before the sealed rows were opened."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from scipy import stats

from pipeline.evaluation.intervals import difference_interval, score_interval
from pipeline.records import Difference, MetricFacts, Score
from pipeline.task import Array, Metric, Predictions, Rows

Verdict = Literal["improved", "not_improved", "insufficient_evidence"]


def score(
    name: str,
    metrics: Mapping[str, Metric],
    metric: Metric,
    rows: Rows,
    answers: Sequence[Predictions],
    classes: Sequence[str],
    seed: int,
) -> Score:
    """The score of one way on labelled rows with its 95 % interval, the task's other metrics beside it.

    Args:
        name: Of the way.
        metrics: All of the task.
        metric: The one that counts.
        rows: With the truth.
        answers: Of each repetition; the score is their mean.
        classes: In the order of the outputs.
        seed: Of the resampling.
    """
    truth = rows.answers
    interval = score_interval(metric, [metric.statistics(truth, each.answers, classes) for each in answers], seed)
    return Score(
        name=name,
        metric=metric.name,
        score=interval.point,
        low=interval.low,
        high=interval.high,
        beside={
            other.name: float(np.mean([other(truth, each.answers, classes) for each in answers]))
            for other in metrics.values()
            if other.name != metric.name
        },
    )


def compare(
    metric: Metric, rows: Rows, ours: Predictions, theirs: Predictions, classes: Sequence[str], seed: int
) -> Difference:
    """How much better ours is on the same rows: paired bootstrap interval, and exact McNemar where rows are right or wrong."""
    interval = difference_interval(
        metric,
        metric.statistics(rows.answers, ours.answers, classes),
        metric.statistics(rows.answers, theirs.answers, classes),
        seed,
    )
    p = None
    if metric.right_or_wrong is not None:
        p = mcnemar(
            metric.right_or_wrong(rows.answers, ours.answers), metric.right_or_wrong(rows.answers, theirs.answers)
        )
    return Difference(point=interval.point, low=interval.low, high=interval.high, p=p)


def mcnemar(ours_right: Array, theirs_right: Array) -> float:
    """Two-sided exact McNemar test on rows that one way got right and the other wrong.

    Source: McNemar (1947), https://doi.org/10.1007/BF02295996
    """
    only_ours = int((ours_right & ~theirs_right).sum())
    only_theirs = int((~ours_right & theirs_right).sum())
    if only_ours + only_theirs == 0:
        return 1.0
    return float(stats.binomtest(only_ours, only_ours + only_theirs, 0.5).pvalue)


def judge(difference: Difference, useful_gain: float, metric: Metric, ceiling: str) -> tuple[Verdict, str]:
    """Whether fine-tuning improved on the rival by a useful amount, and the sentence that says so."""
    facts = metric.facts
    low, high = (say_gain(each, facts, unit=False) for each in (difference.low, difference.high))
    gain = f"{say_gain(difference.point, facts)} (95 % interval {low} to {high})"
    wanted = say_amount(useful_gain, facts)
    if ceiling == "insufficient_evidence":
        return "insufficient_evidence", f"The gain is {gain}; with so few rows no result can be called proven."
    if difference.low > 0 and difference.point >= useful_gain:
        return "improved", f"The gain is {gain}: above zero at 95 %, and at least the {wanted} that you wanted."
    if difference.high < useful_gain:
        return "not_improved", f"The gain is {gain}: less than the {wanted} that you wanted."
    return "insufficient_evidence", f"The gain is {gain}: these rows cannot tell whether it reaches {wanted}."


def say_gain(gain: float, metric: MetricFacts, *, unit: bool = True) -> str:
    """An improvement with its sign: in points of a hundred, or in the unit of the data with the name of the score."""
    if metric.unit == "points":
        return f"{round(100 * gain, 1) + 0.0:+.1f}" + (" points" if unit else "")
    return f"{_three_digits(gain):+g}" + (f" in {metric.title}" if unit else "")


def say_amount(amount: float, metric: MetricFacts) -> str:
    """A difference of scores without a sign."""
    if metric.unit == "points":
        return f"{round(100 * amount, 1) + 0.0:.1f} points"
    return f"{_three_digits(amount):g} in {metric.title}"


def _three_digits(number: float) -> float:
    return float(f"{number:.3g}") + 0.0


def smallest_provable_gain(standard_error: float, measured_rows: int, test_rows: int) -> float | None:
    """The gain that a paired two-sided test at 5 % finds four times in five.

    Args:
        standard_error: Of the difference of two ways on the same rows.
        measured_rows: Rows that it was measured on; it falls with their square root.
        test_rows: Sealed rows.

    Returns:
        A difference in the unit of the score, or None without rows.

    Source: the normal sample size formula, Lachin (1981), https://doi.org/10.1016/0197-2456(81)90001-5
    """
    if test_rows == 0:
        return None
    wanted = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    return wanted * standard_error * math.sqrt(measured_rows / test_rows)
