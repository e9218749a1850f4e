"""How often the 95 % intervals hold the true value: simulated for every score that shows one, over many true values.

Run by hand: `python tests/benchmarks/coverage.py [TRIALS] [NAME …]`. Each trial draws how good a way is, then the rows; the true
value is that of 300,000 rows drawn alike. Prints a line for each score, number of rows, and whether the score alone or the
difference of two ways on the same rows is meant: the share of intervals that held the true value over all true values, and
the lowest and highest share at one of them. What `pipeline/evaluation/coverage.py` says comes from here.
"""

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from pipeline.evaluation.costs import Costs, expected_cost
from pipeline.evaluation.intervals import difference_interval, score_interval
from pipeline.evaluation.metrics import (
    ACCURACY,
    BALANCED_ACCURACY,
    MACRO_F1,
    MACRO_PRECISION,
    MACRO_RECALL,
    MATTHEWS,
    MICRO_F1,
    MICRO_PRECISION,
    MICRO_RECALL,
    WEIGHTED_F1,
)
from pipeline.evaluation.number_metrics import MAE, MSE, PEARSON, R2, RMSE, SPEARMAN
from pipeline.evaluation.probability_metrics import BRIER, LOG_LOSS, PR_AUC, ROC_AUC
from pipeline.metric import Metric
from pipeline.task import Array
from pipeline.tasks.spans import SPAN_F1, SPAN_PRECISION, SPAN_RECALL, TYPE_F1, WORD_ACCURACY

ROWS = (50, 100, 200, 500)
QUALITIES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""How good the ways are: near this share of answers is right, or this is about the correlation."""
LEAD = 0.04
"""How much better one way is than the other, where two are compared."""
MANY = 300_000
Sample = tuple[Array, Array]
"""Per-row statistics of two ways on the same rows."""
Draw = Callable[[Metric, float, int, Generator], Sample]
NAMES = ["a", "b", "c"]


def one_label(shares: tuple[float, ...]) -> Draw:
    """Rows of one label; both ways err on rows that are hard for both, and each on some of its own."""

    def draw(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
        size = len(shares)
        truth = random.choice(size, p=shares, size=rows)
        hard = random.random(rows)
        found = []
        for better in (LEAD / 2, -LEAD / 2):
            own = np.where(random.random(rows) < 0.5, hard, random.random(rows))
            slip = (truth + 1 + random.integers(0, size - 1, size=rows)) % size
            found.append(metric_of_places(metric, truth, np.where(own < quality + better, truth, slip), size))
        return found[0], found[1]

    return draw


def metric_of_places(metric: Metric, truth: Array, answers: Array, size: int) -> Array:
    """Statistics from places instead of names, which is faster where the metric counts classes."""
    if metric is ACCURACY:
        right = (truth == answers).astype(float)
        return np.stack([right, np.ones_like(right)], axis=1)
    if metric.name == "expected_cost":
        lost = COST_TABLE[truth, answers]
        return np.stack([lost, np.ones_like(lost)], axis=1)
    one, other = np.eye(size)[truth], np.eye(size)[answers]
    return np.concatenate([one * other, one, other], axis=1)


def several_labels(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
    """Four labels, from common to rare."""
    truth = random.random((rows, 4)) < np.array([0.5, 0.35, 0.25, 0.15])
    hard = random.random((rows, 4))
    found = []
    for better in (LEAD / 2, -LEAD / 2):
        own = np.where(random.random((rows, 4)) < 0.5, hard, random.random((rows, 4)))
        kept = own < quality + better
        added = random.random((rows, 4)) < (1 - quality - better) * 0.3
        answers = np.where(truth, kept, added)
        found.append(np.concatenate([truth & answers, truth, answers], axis=1).astype(float))
    return found[0], found[1]


def numbers(heavy: bool) -> Draw:
    """Scores whose errors are normal, or have heavier tails."""

    def draw(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
        truth = random.normal(size=rows)
        shared = random.standard_t(5, size=rows) if heavy else random.normal(size=rows)
        found = []
        for better in (LEAD / 2, -LEAD / 2):
            own = random.standard_t(5, size=rows) if heavy else random.normal(size=rows)
            spread = np.sqrt(1 / min(quality + better, 0.99) ** 2 - 1)
            answers = truth + spread * (shared + own) / np.sqrt(2)
            found.append(metric.statistics(truth.tolist(), answers, []))
        return found[0], found[1]

    return draw


def probabilities(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
    """Three classes, with logits that know more or less."""
    truth = random.choice(3, p=[0.5, 0.3, 0.2], size=rows)
    shared = random.normal(size=(rows, 3))
    found = []
    for better in (LEAD / 2, -LEAD / 2):
        strength = 6 * (quality + better - 0.4)
        logits = strength * np.eye(3)[truth] + 0.8 * shared + 0.8 * random.normal(size=(rows, 3))
        given = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        if metric in (ROC_AUC, PR_AUC):
            found.append(np.concatenate([given, np.eye(3)[truth]], axis=1))
        else:
            found.append(metric.statistics([NAMES[place] for place in truth], given, NAMES))
    return found[0], found[1]


def spans(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
    """Sentences with none, one or several spans of two types, and words."""
    true = np.minimum(random.poisson([0.8, 0.4], size=(rows, 2)), 4)
    words = random.integers(5, 25, size=rows)
    found = []
    for better in (LEAD / 2, -LEAD / 2):
        ease = np.clip(quality + better + 0.15 * random.normal(size=(rows, 1)), 0.02, 0.99)
        hits = random.binomial(true, ease)
        answered = hits + random.poisson((1 - quality - better) * 0.5, size=(rows, 2))
        if metric is TYPE_F1:
            found.append(np.concatenate([hits, true, answered], axis=1).astype(float))
        elif metric is WORD_ACCURACY:
            found.append(np.stack([random.binomial(words, ease[:, 0]), words], axis=1).astype(float))
        else:
            found.append(np.stack([part.sum(axis=1) for part in (hits, answered, true)], axis=1).astype(float))
    return found[0], found[1]


COSTS = Costs({"a": {"b": 1, "c": 5}, "b": {"*": 2}, "c": {"*": 10}})
COST_TABLE = COSTS.matrix(NAMES)
EVEN, UNEVEN = one_label((0.5, 0.3, 0.2)), one_label((0.7, 0.2, 0.1))
COUNTED = (BALANCED_ACCURACY, MACRO_F1, WEIGHTED_F1, MATTHEWS, MACRO_PRECISION, MACRO_RECALL)
CASES: list[tuple[Metric, str, Draw]] = [
    (ACCURACY, "", EVEN),
    *((metric, "classes 50/30/20", EVEN) for metric in COUNTED),
    *((metric, "classes 70/20/10", UNEVEN) for metric in COUNTED),
    (expected_cost(COSTS), "classes 50/30/20", EVEN),
    *((metric, "several labels", several_labels) for metric in (MACRO_F1, MICRO_F1, MICRO_PRECISION, MICRO_RECALL)),
    *((metric, "", spans) for metric in (SPAN_F1, SPAN_PRECISION, SPAN_RECALL, TYPE_F1, WORD_ACCURACY)),
    *((metric, "normal errors", numbers(heavy=False)) for metric in (RMSE, MSE, MAE, R2, PEARSON, SPEARMAN)),
    *((metric, "heavy tails", numbers(heavy=True)) for metric in (RMSE, MSE, MAE, R2, PEARSON, SPEARMAN)),
    *((metric, "", probabilities) for metric in (LOG_LOSS, BRIER, ROC_AUC, PR_AUC)),
]


@functools.cache
def true_values(metric: Metric, draw: Draw) -> dict[float, tuple[float, float]]:
    """For each quality the true score and the true gain of the better way."""
    found = {}
    for quality in QUALITIES:
        ours, theirs = (metric.score(each) for each in draw(metric, quality, MANY, np.random.default_rng(99)))
        found[quality] = ours, metric.gain(ours, theirs)
    return found


def cover(metric: Metric, draw: Draw, rows: int, trials: int) -> dict[str, list[float]]:
    """For the score and for the difference, the share of intervals that held the true value at each quality."""
    truths = true_values(metric, draw)
    held: dict[str, list[float]] = {"score": [], "difference": []}
    for quality, (score, gain) in truths.items():
        random = np.random.default_rng(round(1000 * quality) + rows)
        inside = np.zeros((trials, 2))
        for trial in range(trials):
            ours, theirs = draw(metric, quality, rows, random)
            one = score_interval(metric, [ours], seed=0)
            both = difference_interval(metric, ours, theirs, seed=0)
            inside[trial] = one.low <= score <= one.high, both.low <= gain <= both.high
        for name, share in zip(held, inside.mean(axis=0), strict=True):
            held[name].append(float(share))
    return held


def main(trials: int, wanted: list[str]) -> None:
    """Print the table."""
    print(f"{trials} trials at each of {len(QUALITIES)} true values; 95 % intervals\n")
    print(f"{'score':<20}{'rows':>6}  {'what':<12}{'held':>7}{'lowest':>8}{'highest':>9}  setting")
    print_line = functools.partial(print, flush=True)
    for metric, setting, draw in CASES:
        if wanted and metric.name not in wanted:
            continue
        for rows in ROWS:
            begun: Any = time.perf_counter()
            for what, shares in cover(metric, draw, rows, trials).items():
                mean, low, high = (100 * each for each in (np.mean(shares), min(shares), max(shares)))
                seconds = time.perf_counter() - begun
                print_line(
                    f"{metric.name:<20}{rows:>6}  {what:<12}{mean:>7.1f}{low:>8.1f}{high:>9.1f}  {setting}  ({seconds:.0f} s)"
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, sys.argv[2:])
