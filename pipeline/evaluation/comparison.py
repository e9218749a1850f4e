"""The fine-tuned model against the rival that was chosen before the sealed rows were opened."""

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from scipy import stats

from pipeline.evaluation.coverage import why_no_interval
from pipeline.evaluation.intervals import difference_interval, score_interval
from pipeline.evaluation.number_metrics import WholeMetric
from pipeline.metric import Metric
from pipeline.records import MetricFacts, Score
from pipeline.results import Comparison, Difference, ScoreLine
from pipeline.task import Array, Predictions, Rows

SWAPS, FEWER_SWAPS = 999, 299
"""Permutations of a paired test; fewer where each of them reads all rows anew."""
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
        standard_error=interval.standard_error,
        repetitions=len(answers),
        deviation=_deviation(metric, rows, answers, classes),
        why_no_interval=why_no_interval(metric.name, len(rows), "score"),
        beside={
            other.name: float(np.mean([other(truth, each.answers, classes) for each in answers]))
            for other in metrics.values()
            if other.name != metric.name
        },
    )


def _deviation(metric: Metric, rows: Rows, answers: Sequence[Predictions], classes: Sequence[str]) -> float | None:
    """How far the scores of repetitions spread, which is another thing than what other rows would have scored."""
    if len(answers) < 2:
        return None
    return float(np.std([metric(rows.answers, each.answers, classes) for each in answers], ddof=1))


def compare(
    metric: Metric,
    rows: Rows,
    ours: Predictions,
    theirs: Predictions,
    classes: Sequence[str],
    seed: int,
    *,
    permute: bool = False,
) -> Difference:
    """How much better ours is on the same rows: paired interval, and exact McNemar where rows are right or wrong.

    With `permute` a score that has no right or wrong rows gets the p value of a paired permutation test.
    """
    both = [metric.statistics(rows.answers, each.answers, classes) for each in (ours, theirs)]
    p = None
    if metric.right_or_wrong is not None:
        right = [metric.right_or_wrong(rows.answers, each.answers) for each in (ours, theirs)]
        p = mcnemar(right[0], right[1])
    elif permute:
        p = swap_p(metric, both[0], both[1], seed)
    return difference_of(metric, both[0], both[1], p)


def difference_of(metric: Metric, ours: Array, theirs: Array, p: float | None = None) -> Difference:
    """How much better ours is, from per-row statistics (rows, k) of the same rows."""
    interval = difference_interval(metric, ours, theirs)
    return Difference(
        point=interval.point,
        low=interval.low,
        high=interval.high,
        p=p,
        standard_error=interval.standard_error,
        why_no_interval=why_no_interval(metric.name, len(ours), "difference"),
    )


def swap_p(metric: Metric, ours: Array, theirs: Array, seed: int) -> float:
    """Two-sided paired permutation test: how often ways that differ by chance alone, swapped row by row, differ as much.

    Shapes: both are (rows, k), row by row the same rows.

    Source: Good (2005), Permutation Tests, https://doi.org/10.1007/b138696
    """
    swapped = np.random.default_rng(seed).random((SWAPS, len(ours))) < 0.5
    if isinstance(metric, WholeMetric):
        parts = [swap[:, None] for swap in swapped[:FEWER_SWAPS]]
        found = np.array(
            [metric.score(np.where(swap, theirs, ours)) - metric.score(np.where(swap, ours, theirs)) for swap in parts]
        )
    else:
        moved = swapped @ (theirs - ours)
        found = metric.reduce(ours.sum(axis=0) + moved) - metric.reduce(theirs.sum(axis=0) - moved)
    point = abs(metric.score(ours) - metric.score(theirs))
    return float((1 + (np.abs(found) >= point - 1e-12).sum()) / (1 + len(found)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number, so that of all that are called sure none is by chance, 95 times in 100.

    Source: Holm (1979), https://www.jstor.org/stable/4615733
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    found, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = largest
    return found


def compare_all(
    metric: Metric, rows: Rows, predictions: Mapping[str, Predictions], classes: Sequence[str], seed: int
) -> list[Comparison]:
    """The fine-tuned model against every cheap way, with p values corrected for their number."""
    ours = predictions["fine_tuned"]
    rivals = {name: theirs for name, theirs in predictions.items() if name != "fine_tuned"}
    found = [compare(metric, rows, ours, theirs, classes, seed, permute=True) for theirs in rivals.values()]
    corrected = holm([each.p if each.p is not None else 1.0 for each in found])
    return [
        Comparison(rival=name, difference=difference, p_holm=p)
        for name, difference, p in zip(rivals, found, corrected, strict=True)
    ]


def score_lines(
    metrics: Sequence[Metric], rows: Rows, ours: Predictions, theirs: Predictions, classes: Sequence[str], seed: int
) -> list[ScoreLine]:
    """Every score of ours and theirs that their answers or probabilities allow, each with its interval, and the difference."""
    found = []
    for metric in metrics:
        one, other = (metric.of(rows.answers, each, classes) for each in (ours, theirs))
        if one is None:
            continue
        found.append(
            ScoreLine(
                facts=metric.facts,
                ours=score_interval(metric, [one], seed),
                theirs=None if other is None else score_interval(metric, [other], seed),
                difference=None if other is None else difference_of(metric, one, other),
                why_no_interval=why_no_interval(metric.name, len(rows), "score"),
            )
        )
    return found


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
    shown = f" (95 % interval {low} to {high})" if not difference.why_no_interval else ""
    gain = f"{say_gain(difference.point, facts)}{shown}"
    wanted = say_amount(useful_gain, facts)
    if ceiling == "insufficient_evidence" or difference.why_no_interval:
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
