"""How good probabilities are, whatever answer is made of them: areas under curves, log loss and Brier score.

A class that no row, or every row, of a sample has says nothing about ranking, and is left out of the areas.
"""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.evaluation.metrics import mark_labels, share
from pipeline.evaluation.number_metrics import WholeMetric, no_sum
from pipeline.metric import Metric
from pipeline.task import Answer, Array


def _both_sides(truth: Sequence[Answer], probabilities: Array, classes: Sequence[str]) -> Array:
    """Probabilities, then 1 where a row has the class; (rows, 2 × classes)."""
    given = np.asarray(probabilities, dtype=float).reshape(len(truth), len(classes))
    return np.concatenate([given, mark_labels(truth, classes)], axis=1)


def _ends_of_ties(values: Array) -> tuple[Array, Array]:
    """Rows by value, highest first, and the last place of each run of like values."""
    order = np.argsort(-values, kind="stable")
    return order, np.flatnonzero(np.diff(values[order], append=-np.inf))


def _roc(values: Array, marks: Array, weights: Array) -> Array:
    """Area under the curve of hits over false alarms; (resamples,), not a number where a side is empty."""
    order, ends = _ends_of_ties(values)
    hits = np.cumsum(weights[:, order] * marks[order], axis=1)[:, ends]
    alarms = np.cumsum(weights[:, order] * (1 - marks[order]), axis=1)[:, ends]
    before = np.pad(hits, ((0, 0), (1, 0)))[:, :-1]
    steps = np.diff(alarms, axis=1, prepend=0.0)
    whole = hits[:, -1] * alarms[:, -1]
    area = (steps * (hits + before) / 2).sum(axis=1)
    return np.asarray(np.divide(area, whole, out=np.full_like(whole, np.nan), where=whole > 0))


def _precision_recall(values: Array, marks: Array, weights: Array) -> Array:
    """Average precision, the area under precision over recall; (resamples,), not a number where a side is empty."""
    order, ends = _ends_of_ties(values)
    hits = np.cumsum(weights[:, order] * marks[order], axis=1)[:, ends]
    given = np.cumsum(weights[:, order], axis=1)[:, ends]
    area = (np.diff(hits, axis=1, prepend=0.0) * share(hits, given)).sum(axis=1)
    both = (hits[:, -1] > 0) & (hits[:, -1] < given[:, -1])
    return np.asarray(np.divide(area, hits[:, -1], out=np.full_like(area, np.nan), where=both))


def _mean_over_classes(area: Callable[[Array, Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """Mean area over the classes that some rows have and some have not; one half where there is none."""

    def weighted(statistics: Array, weights: Array) -> Array:
        probabilities, marks = np.split(statistics, 2, axis=1)
        found = np.array([area(*pair, weights) for pair in zip(probabilities.T, marks.T, strict=True)])
        known = ~np.isnan(found)
        total = np.where(known, found, 0.0).sum(axis=0)
        return np.where(known.any(axis=0), share(total, known.sum(axis=0).astype(float)), 0.5)

    return weighted


def _log_loss(truth: Sequence[Answer], probabilities: Array, classes: Sequence[str]) -> Array:
    """What each row adds to the log loss, and 1; of one label the log of its probability, of several the mean over labels.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.log_loss.html
    """
    given, marks = np.split(_both_sides(truth, probabilities, classes), 2, axis=1)
    tiny = np.finfo(float).eps
    given = np.clip(given, tiny, 1 - tiny)
    if _are_several(truth):
        lost = -np.where(marks > 0, np.log(given), np.log1p(-given)).mean(axis=1)
    else:
        lost = -(marks * np.log(given)).sum(axis=1)
    return np.stack([lost, np.ones_like(lost)], axis=1)


def _brier(truth: Sequence[Answer], probabilities: Array, classes: Sequence[str]) -> Array:
    """Squared distance of each row's probabilities from the truth, and 1.

    Over two classes half the sum and over several labels the mean, so that it is the usual Brier score of a yes or no; over more
    classes the sum, between 0 and 2.

    Source: Brier (1950), https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2
    """
    given, marks = np.split(_both_sides(truth, probabilities, classes), 2, axis=1)
    lost = ((given - marks) ** 2).sum(axis=1)
    parts = len(classes) if _are_several(truth) else 2 if len(classes) == 2 else 1
    return np.stack([lost / parts, np.ones_like(lost)], axis=1)


def _are_several(truth: Sequence[Answer]) -> bool:
    return any(isinstance(answer, tuple) for answer in truth)


def _area(name: str, title: str, area: Callable[[Array, Array, Array], Array]) -> WholeMetric:
    return WholeMetric(
        name=name,
        title=title,
        statistics=_both_sides,
        reduce=no_sum,
        reads="probabilities",
        weighted=_mean_over_classes(area),
    )


def _loss(name: str, title: str, statistics: Callable[..., Array], highest: float) -> Metric:
    return Metric(
        name=name,
        title=title,
        statistics=statistics,
        reduce=lambda sums: share(sums[..., 0], sums[..., 1]),
        higher_is_better=False,
        bounds=(0.0, highest),
        unit="loss",
        reads="probabilities",
    )


ROC_AUC = _area("roc_auc", "ROC AUC", _roc)
PR_AUC = _area("pr_auc", "PR AUC", _precision_recall)
LOG_LOSS = _loss("log_loss", "log loss", _log_loss, float("inf"))
BRIER = _loss("brier", "Brier score", _brier, 2.0)
