"""How new rows differ from known ones, told without a single label of theirs: by their texts, by the answers, by the confidence."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import mannwhitneyu, rankdata

from pipeline.evaluation.intervals import area_under_curve, independent_difference, score_interval
from pipeline.evaluation.metrics import mark_labels, right_share
from pipeline.live_results import AnswerShare, AnswerShift, Change, TextDrift
from pipeline.metric import Metric
from pipeline.records import Interval
from pipeline.task import Answer, Array

FOLDS = 5
PERMUTATIONS = 499
RIDGE = 1.0
"""On standardised features whose products are divided by their number. Measured with all-MiniLM-L6-v2 on TREC's official test questions
against training ones: the area is 0.70, 0.73, 0.75, 0.77, 0.77, 0.77 and 0.76 with 0.03, 0.1, 0.3, 1, 3, 10 and 30, and 1 and 3 find it
most often with 80 rows against 60."""
RESAMPLES = 200
ROUNDS = 100
"""Rounds of expectation maximisation at most; it has settled long before."""
MOST_SHOWN = 12


def tell_apart(known: Array, new: Array, seed: int) -> TextDrift:
    """A classifier two-sample test: how well a linear model tells held-out new rows from held-out known ones.

    The held-out answers of ridge regression are linear in the labels, so that each permutation of them costs one product.

    Shapes: `known` is (rows, features), `new` (other rows, features); no row of one is a copy of another.

    Source: Lopez-Paz & Oquab (2017), https://arxiv.org/abs/1610.06545
    """
    features = np.concatenate([known, new]).astype(float)
    features -= features.mean(axis=0)
    features /= np.maximum(features.std(axis=0), 1e-9)
    are_new = np.repeat([False, True], [len(known), len(new)])
    generator = np.random.default_rng(seed)
    answers = _held_out(features, generator.permutation(len(features)))
    signs = np.where(are_new, 1.0, -1.0)
    found = answers @ signs
    shuffled = np.stack([generator.permutation(signs) for _ in range(PERMUTATIONS)], axis=1)
    area = area_under_curve(found[are_new], found[~are_new])
    by_chance = _areas(answers @ shuffled, shuffled > 0)
    return TextDrift(
        known_rows=len(known),
        new_rows=len(new),
        area=area,
        p=float((1 + (by_chance >= area.point - 1e-12).sum()) / (1 + PERMUTATIONS)),
        permutations=PERMUTATIONS,
    )


def _held_out(features: Array, order: Array) -> Array:
    """What labels are multiplied by to give each row's answer by a model that did not see it; (rows, rows)."""
    products = features @ features.T / features.shape[1] + 1.0  # the one stands for an intercept
    found = np.zeros_like(products)
    for held in np.array_split(order, FOLDS):
        rest = np.setdiff1d(order, held)
        inner = products[np.ix_(rest, rest)] + RIDGE * np.eye(len(rest))
        found[np.ix_(held, rest)] = np.linalg.solve(inner, products[np.ix_(rest, held)]).T
    return np.asarray(found)


def _areas(scores: Array, marks: Array) -> Array:
    """Area under the curve of each column; both (rows, columns)."""
    ranks = rankdata(scores, axis=0)
    high = marks.sum(axis=0)
    return np.asarray(((ranks * marks).sum(axis=0) - high * (high + 1) / 2) / (high * (len(marks) - high)))


def compare_answers(before: Sequence[frozenset[str]], now: Sequence[frozenset[str]], seed: int) -> AnswerShift | None:
    """Whether answers of these kinds are as common as before, by a permutation test of the rows; None where there are no kinds."""
    kinds = sorted(frozenset().union(*before, *now))
    if not kinds or not before or not now:
        return None
    marks = mark_labels([tuple(each) for each in [*before, *now]], kinds).astype(float)
    are_new = np.repeat([0.0, 1.0], [len(before), len(now)])
    generator = np.random.default_rng(seed)
    draws = np.stack([are_new, *(generator.permutation(are_new) for _ in range(PERMUTATIONS))])
    moved = _moved(_spread(draws @ marks), _spread((1 - draws) @ marks))
    shares = [marks[are_new == side].mean(axis=0) for side in (0, 1)]
    order = np.argsort(-np.abs(shares[1] - shares[0]), kind="stable")
    return AnswerShift(
        moved=float(moved[0]),
        p=float((moved >= moved[0] - 1e-12).mean()),
        shares=[
            AnswerShare(answer=kinds[place], before=float(shares[0][place]), now=float(shares[1][place]))
            for place in order
        ],
    )


def _spread(counts: Array) -> Array:
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-12))


def _moved(one: Array, other: Array) -> Array:
    """Total variation of each row of two tables."""
    return np.asarray(np.abs(one - other).sum(axis=1) / 2)


def estimate_shares(before: Array, now: Array, seed: int, *, one_label: bool) -> list[Interval]:
    """How common each class truly is now, from probabilities on reference rows and on new ones.

    Expectation maximisation finds the shares under which the new probabilities are likeliest. It takes for granted that the texts
    of a class look as they did, and that probabilities meant what they said. Ends are those of resampled rows of both.

    Shapes: `before` is (reference rows, classes), `now` (rows, classes); the result has one interval for each class.

    Source: Saerens et al. (2002), https://doi.org/10.1162/089976602753284446; it is hard to beat once probabilities are calibrated,
    Alexandari et al. (2020), https://arxiv.org/abs/1901.06852
    """
    settle = _settle_one if one_label else _settle_each
    generator = np.random.default_rng(seed)
    point = settle(before.mean(axis=0), now)
    drawn = np.array(
        [
            settle(
                before[generator.integers(0, len(before), len(before))].mean(axis=0),
                now[generator.integers(0, len(now), len(now))],
            )
            for _ in range(RESAMPLES)
        ]
    )
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return [
        Interval(point=float(mid), low=min(float(one), float(mid)), high=max(float(other), float(mid)))
        for mid, one, other in zip(point, low, high, strict=True)
    ]


def _settle_one(prior: Array, scores: Array) -> Array:
    """Shares of classes of which a row has one."""
    prior = np.maximum(prior, 1e-9)
    shares = prior / prior.sum()
    weighed = scores / prior
    for _ in range(ROUNDS):
        likely = weighed * shares
        likely /= np.maximum(likely.sum(axis=1, keepdims=True), 1e-12)
        following = likely.mean(axis=0)
        if np.abs(following - shares).max() < 1e-5:
            break
        shares = following
    return np.asarray(shares)


def _settle_each(prior: Array, scores: Array) -> Array:
    """Share of each of several labels, that may all hold."""
    prior = np.clip(prior, 1e-9, 1 - 1e-9)
    shares = prior
    for _ in range(ROUNDS):
        has, lacks = scores * shares / prior, (1 - scores) * (1 - shares) / (1 - prior)
        following = (has / np.maximum(has + lacks, 1e-12)).mean(axis=0)
        if np.abs(following - shares).max() < 1e-5:
            break
        shares = following
    return np.asarray(shares)


def compare_means(before: Array, now: Array, seed: int, bounds: tuple[float, float]) -> Change:
    """The mean of a number of each row, then and now; both (rows,)."""
    metric = Metric("mean", "mean", _values, right_share, bounds=bounds, unit="data")
    one, other = (score_interval(metric, [_values((), values, ())], seed) for values in (before, now))
    same = np.ptp(np.concatenate([before, now])) == 0
    return Change(
        before=one,
        now=other,
        difference=independent_difference(other, one, higher_is_better=True),
        p=1.0 if same else float(mannwhitneyu(before, now).pvalue),
    )


def _values(truth: Sequence[Answer], values: Array, classes: Sequence[str]) -> Array:
    """What each row adds to a mean, and 1."""
    del truth, classes
    return np.stack([values, np.ones(len(values))], axis=1)
