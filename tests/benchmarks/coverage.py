"""How often the 95 % intervals hold the true value: simulated for every score that shows one, over many true values.

Run by hand: `python -m tests.benchmarks.coverage [TRIALS] [NAME …]`. Each trial draws how good a way is, then the rows; the true
value is that of 300,000 rows drawn alike. Prints a line for each score, number of rows, and whether the score alone or the
difference of two ways on the same rows is meant: the share of intervals that held the true value over all true values, and
the lowest and highest share at one of them. Of a score of one class the rows are those of the class. Ends with the table that
`pipeline/evaluation/coverage.py` holds: of several settings the one whose share lies furthest from 95 %.
"""

import functools
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.random import Generator

from pipeline.evaluation.costs import Costs, expected_cost
from pipeline.evaluation.coverage import CLASS_F1, TAG_F1
from pipeline.evaluation.intervals import (
    RESAMPLES,
    bca_ends,
    difference_interval,
    f1_interval,
    resampling_weights,
    score_interval,
)
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
from pipeline.evaluation.number_metrics import MAE, MSE, PEARSON, R2, RMSE, SPEARMAN, WholeMetric
from pipeline.evaluation.probability_metrics import BRIER, LOG_LOSS, PR_AUC, ROC_AUC
from pipeline.metric import Metric
from pipeline.task import Array
from pipeline.tasks.spans import SPAN_F1, SPAN_PRECISION, SPAN_RECALL, TYPE_F1, WORD_ACCURACY

ROWS = (50, 100, 200, 500)
FEW_ROWS = (10, 20)
"""Rows of one class, of which there often are few."""
AT_ONCE = 20
"""Trials that are resampled together."""
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


def one_class(share: float) -> Draw:
    """Rows of two classes, of which one has this share of them and about as many rows as are asked for."""

    def draw(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
        del metric
        truth = random.random(round(rows / share)) < share
        found = []
        for better in (LEAD / 2, -LEAD / 2):
            wrong = random.random(len(truth)) >= quality + better
            taken = random.random(len(truth)) < (1 - quality - better) * share / (1 - share)
            answers = np.where(truth, ~wrong, taken)
            found.append(np.stack([truth & answers, truth, answers], axis=1).astype(float))
        return found[0], found[1]

    return draw


def spans_of_one_type(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
    """The first type of span, which sentences hold none, one or several of."""
    ours, theirs = spans(TYPE_F1, quality, round(rows / 0.8), random)
    del metric
    return ours[:, [0, 2, 4]], theirs[:, [0, 2, 4]]


def words_of_one_tag(metric: Metric, quality: float, rows: int, random: Generator) -> Sample:
    """Words, a fifth of which have a tag, in sentences of which some are harder than others."""
    del metric
    lengths = random.integers(5, 25, size=max(round(rows / 3), 1))
    truth = random.random(int(lengths.sum())) < 0.2
    found = []
    for better in (LEAD / 2, -LEAD / 2):
        ease = np.clip(quality + better + 0.15 * random.normal(size=len(lengths)), 0.02, 0.99).repeat(lengths)
        answers = np.where(truth, random.random(len(truth)) < ease, random.random(len(truth)) < (1 - ease) / 4)
        found.append(np.stack([truth & answers, truth, answers], axis=1).astype(float))
    return found[0], found[1]


F1_OF_A_CLASS, F1_OF_A_TAG = (replace(MICRO_F1, name=name) for name in (CLASS_F1, TAG_F1))
CLASS_CASES: list[tuple[Metric, str, Draw]] = [
    *((F1_OF_A_CLASS, f"{100 * share:.0f} % of the rows", one_class(share)) for share in (0.05, 0.2, 0.5)),
    (F1_OF_A_CLASS, "type of spans", spans_of_one_type),
    (F1_OF_A_TAG, "", words_of_one_tag),
]


def score_ends(metric: Metric, statistics: list[Array]) -> list[tuple[float, float]]:
    """The interval of each trial; those of sums over rows are resampled many trials at once, which changes nothing but the time."""
    if metric.name in (CLASS_F1, TAG_F1):
        counts = [[int(each) for each in found.sum(axis=0)] for found in statistics]
        return [(found.low, found.high) for found in (f1_interval(*each) for each in counts)]
    if metric.is_proportion or isinstance(metric, WholeMetric):
        return [(found.low, found.high) for found in (score_interval(metric, [each], seed=0) for each in statistics)]
    rows, width = statistics[0].shape
    weights = resampling_weights(rows, RESAMPLES, 0)
    found = []
    for start in range(0, len(statistics), AT_ONCE):
        part = statistics[start : start + AT_ONCE]
        sums = (weights @ np.concatenate(part, axis=1)).reshape(len(weights), len(part), width)
        for each, values in zip(part, metric.reduce(sums).T, strict=True):
            if np.ptp(values) == 0:
                alone = score_interval(metric, [each], seed=0)
                found.append((alone.low, alone.high))
                continue
            low, high = bca_ends(values, metric.score(each), metric.leave_one_out(each), 0.95)
            found.append((max(low, metric.bounds[0]), min(high, metric.bounds[1])))
    return found


def cover(metric: Metric, draw: Draw, rows: int, trials: int) -> dict[str, list[float]]:
    """For the score and for the difference, the share of intervals that held the true value at each quality."""
    held: dict[str, list[float]] = {"score": [], "difference": []}
    for quality, (score, gain) in true_values(metric, draw).items():
        random = np.random.default_rng(round(1000 * quality) + rows)
        drawn = [draw(metric, quality, rows, random) for _ in range(trials)]
        ends = score_ends(metric, [ours for ours, _ in drawn])
        held["score"].append(float(np.mean([low <= score <= high for low, high in ends])))
        apart = [difference_interval(metric, ours, theirs) for ours, theirs in drawn]
        held["difference"].append(float(np.mean([each.low <= gain <= each.high for each in apart])))
    return held


def main(trials: int, wanted: list[str]) -> None:
    """Print a line for each, and the table at last."""
    print(f"{trials} trials at each of {len(QUALITIES)} true values; 95 % intervals\n")
    print(f"{'score':<20}{'rows':>6}  {'what':<12}{'held':>7}{'lowest':>8}{'highest':>9}  setting")
    table: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    cases = [(case, rows) for rows in ROWS for case in CASES] + [
        (case, rows) for rows in (*FEW_ROWS, *ROWS) for case in CLASS_CASES
    ]
    for (metric, setting, draw), rows in cases:
        if wanted and metric.name not in wanted:
            continue
        begun = time.perf_counter()
        for what, shares in cover(metric, draw, rows, trials).items():
            mean, low, high = (100 * each for each in (np.mean(shares), min(shares), max(shares)))
            spent = f"({time.perf_counter() - begun:.0f} s)"
            line = f"{metric.name:<20}{rows:>6}  {what:<12}{mean:>7.1f}{low:>8.1f}{high:>9.1f}  {setting}  {spent}"
            print(line, flush=True)
            before = table[metric.name][rows].get(what, 95.0)
            table[metric.name][rows][what] = max(before, float(mean), key=lambda share: abs(share - 95))
    for name, sizes in table.items():
        shown = ", ".join(
            f"{rows}: Held({each['score']:.1f}, {each['difference']:.1f})" for rows, each in sizes.items()
        )
        print(f'    "{name}": {{{shown}}},')


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 340, sys.argv[2:])
