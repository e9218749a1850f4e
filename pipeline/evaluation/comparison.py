"""The fine-tuned model against the rival that was chosen before the sealed rows were opened."""

import math
from typing import Literal

from scipy import stats

from pipeline.evaluation.intervals import difference_interval, score_interval
from pipeline.records import Difference, Score
from pipeline.task import Array, Metric, Predictions, Rows

Verdict = Literal["improved", "not_improved", "insufficient_evidence"]


def score(name: str, metric: Metric, rows: Rows, predictions: Predictions, classes: list[str], seed: int) -> Score:
    """The score of one way on labelled rows, with its 95 % interval."""
    statistics = metric.statistics(rows.answers, predictions.answers, classes)
    interval = score_interval(metric, statistics, seed)
    return Score(name=name, metric=metric.name, score=interval.point, low=interval.low, high=interval.high)


def compare(
    metric: Metric, rows: Rows, ours: Predictions, theirs: Predictions, classes: list[str], seed: int
) -> Difference:
    """Ours minus theirs on the same rows: paired bootstrap interval, and exact McNemar where rows are right or wrong."""
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


def judge(difference: Difference, useful_gain: float, ceiling: str) -> tuple[Verdict, str]:
    """Whether fine-tuning improved on the rival by a useful amount, and the sentence that says so."""
    point, low, high = (
        f"{round(100 * each, 1) + 0.0:+.1f}" for each in (difference.point, difference.low, difference.high)
    )
    gain = f"{point} points (95 % interval {low} to {high})"
    wanted = f"{100 * useful_gain:.1f}"
    if ceiling == "insufficient_evidence":
        return "insufficient_evidence", f"The gain is {gain}; with so few rows no result can be called proven."
    if difference.low > 0 and difference.point >= useful_gain:
        return "improved", f"The gain is {gain}: above zero at 95 %, and at least the {wanted} points that you wanted."
    if difference.high < useful_gain:
        return "not_improved", f"The gain is {gain}: less than the {wanted} points that you wanted."
    return "insufficient_evidence", f"The gain is {gain}: these rows cannot tell whether it reaches {wanted} points."


def smallest_provable_gain(test_rows: int, discordant_fraction: float) -> float | None:
    """The gain that a paired two-sided test at 5 % finds four times in five.

    Args:
        test_rows: Sealed rows.
        discordant_fraction: Rows on which two ways differ in being right.

    Returns:
        A difference of proportions, or None without rows.

    Source: Connor (1987), sample size for McNemar's test, https://doi.org/10.2307/2531961
    """
    if test_rows == 0:
        return None
    z_level, z_power = float(stats.norm.ppf(0.975)), float(stats.norm.ppf(0.8))
    discordant = max(discordant_fraction, 1 / test_rows)
    gain = 0.0
    for _ in range(50):  # the gain stands on both sides of the formula
        inner = max(discordant - gain * gain, 0.0)
        gain = min((z_level * math.sqrt(discordant) + z_power * math.sqrt(inner)) / math.sqrt(test_rows), 1.0)
    return gain
