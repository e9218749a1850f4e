"""How far numbers lie from the truth, and how well they go with it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.metrics import share
from pipeline.metric import Metric
from pipeline.task import Answer, Array

CELLS_AT_ONCE = 100_000
"""Resamples × rows whose ranks are in memory together: as many as a core's own cache holds, which is faster than more."""


def no_sum(sums: Array) -> Array:
    """Refuse: the score needs the rows.

    Raises:
        TypeError: Always.
    """
    del sums
    raise TypeError("this score does not follow from sums over rows: use score, resample or leave_one_out")


def _unknown(statistics: Array, weights: Array) -> Array:
    raise NotImplementedError


@dataclass(frozen=True)
class WholeMetric(Metric):
    """A score that does not follow from sums over rows: it reads the rows anew in each resample.

    Attributes:
        weighted: (statistics, weights) -> scores when each row counts so often; (rows, k), (resamples, rows) -> (resamples,).
    """

    weighted: Callable[[Array, Array], Array] = _unknown

    def score(self, statistics: Array) -> float:
        """The score of rows with these statistics (rows, k)."""
        return float(self.resample(statistics, np.ones((1, len(statistics))))[0])

    def resample(self, statistics: Array, weights: Array) -> Array:
        """Scores when each row counts so often.

        Shapes: `statistics` is (rows, k), `weights` is (resamples, rows), the result (resamples,).
        """
        given = np.asarray(statistics, dtype=float)
        step = max(CELLS_AT_ONCE // max(len(given), 1), 1)
        parts = (np.asarray(weights[start : start + step], dtype=float) for start in range(0, len(weights), step))
        return np.concatenate([np.zeros(0), *(self.weighted(given, part) for part in parts)])

    def leave_one_out(self, statistics: Array) -> Array:
        """Scores without each row in turn; (rows,)."""
        rows = len(statistics)
        step = max(CELLS_AT_ONCE // max(rows, 1), 1)
        without = (1 - np.eye(min(step, rows - start), rows, start) for start in range(0, rows, step))
        return np.concatenate([np.zeros(0), *(self.resample(statistics, weights) for weights in without)])


def ranking(values: Array) -> Callable[[Array], Array]:
    """What gives the rank of each of these values, less the mean rank, from how often each row counts.

    Shapes: `values` is (rows,); weights and ranks are (resamples, rows).
    """
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))

    def ranks(weights: Array) -> Array:
        within = np.add.reduceat(weights[:, order], starts, axis=1)
        middle = np.cumsum(within, axis=1) - within / 2
        return np.asarray((middle - within.sum(axis=1, keepdims=True) / 2)[:, group])

    return ranks


def _rank_correlation(statistics: Array, weights: Array) -> Array:
    """Spearman's correlation, with ranks made anew.

    A row that counts twice takes two ranks; rows alike in value share the mean of theirs. So with whole weights it is the
    correlation of the rows written out as often as they count. Answers that are all alike score 0.

    Source: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.spearmanr.html
    """
    one, other = (ranking(column)(weights) for column in statistics.T)
    both, *own = ((weights * left * right).sum(axis=1) for left, right in ((one, other), (one, one), (other, other)))
    return np.asarray(np.clip(share(both, np.sqrt(own[0] * own[1])), -1, 1))


def _both_numbers(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    del classes
    return np.array([truth, answers], dtype=float).T


def _errors(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """Squares and sizes of the errors, and 1; (rows, 3)."""
    expected, given = _both_numbers(truth, answers, classes).T
    return np.stack([(given - expected) ** 2, np.abs(given - expected), np.ones_like(given)], axis=1)


def _moments(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """1, both numbers less the mean truth, their squares and their product; (rows, 6).

    Numbers are counted from the mean truth, so that squares of far-off scales do not drown what differs.
    """
    both = _both_numbers(truth, answers, classes)
    expected, given = (both - (both[:, 0].mean() if len(both) else 0.0)).T
    parts = [np.ones_like(given), expected, given, expected**2, given**2, expected * given]
    return np.stack(parts, axis=1)


def _explained(sums: Array) -> Array:
    """R²: the part of the spread of the truth that answers leave no error in; 0 where the truth does not vary.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.metrics.r2_score.html
    """
    count, truth, _, square, given_square, product = np.moveaxis(np.asarray(sums), -1, 0)
    spread = square - share(truth**2, count)
    left = square - 2 * product + given_square
    varied = spread > 1e-12 * np.maximum(square, 1e-300)
    return np.where(varied, 1 - np.divide(left, spread, out=np.zeros_like(left), where=varied), 0.0)


def _correlation(sums: Array) -> Array:
    """Pearson's correlation; 0 where either does not vary."""
    count, truth, given, square, given_square, product = np.moveaxis(np.asarray(sums), -1, 0)
    both = product - share(truth * given, count)
    own, other = square - share(truth**2, count), given_square - share(given**2, count)
    varied = (own > 1e-12 * square) & (other > 1e-12 * given_square)
    found = np.divide(both, np.sqrt(np.maximum(own * other, 1e-300)), out=np.zeros_like(both), where=varied)
    return np.asarray(np.clip(found, -1, 1))


def _error(name: str, title: str, reduce: Callable[[Array], Array], unit: str = "score") -> Metric:
    return Metric(
        name=name,
        title=title,
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        unit=unit,
        statistics=_errors,
        reduce=reduce,
    )


RMSE = _error("rmse", "RMSE", lambda sums: np.sqrt(share(sums[..., 0], sums[..., 2])))
MSE = _error("mse", "mean squared error", lambda sums: share(sums[..., 0], sums[..., 2]), "score squared")
MAE = _error("mae", "mean absolute error", lambda sums: share(sums[..., 1], sums[..., 2]))
R2 = Metric(name="r2", title="R²", bounds=(float("-inf"), 1.0), statistics=_moments, reduce=_explained)
PEARSON = Metric(
    name="pearson", title="Pearson correlation", bounds=(-1.0, 1.0), statistics=_moments, reduce=_correlation
)
SPEARMAN = WholeMetric(
    name="spearman",
    title="Spearman correlation",
    bounds=(-1.0, 1.0),
    statistics=_both_numbers,
    reduce=no_sum,
    weighted=_rank_correlation,
)
