"""Confidence intervals for scores and for differences on the same rows."""

import math

import numpy as np
from scipy import stats

from pipeline.records import Interval
from pipeline.task import Array, Metric

QUICK_RESAMPLES = 400
"""Resamples for a standard error, which needs fewer than an interval."""
RESAMPLES = 2000
"""Bootstrap resamples; BCa wants at least a thousand (Efron & Tibshirani 1993, ch. 14)."""


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval:
    """Wilson score interval of a proportion.

    Source: Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953
    """
    if trials == 0:
        return Interval(point=0.0, low=0.0, high=1.0, level=level)
    z = float(stats.norm.ppf(0.5 + level / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(point=share, low=max(0.0, centre - half), high=min(1.0, centre + half), level=level)


def score_interval(metric: Metric, statistics: Array, seed: int, level: float = 0.95) -> Interval:
    """The score with its interval: Wilson for accuracy, bootstrap (BCa) over rows for the rest.

    Shapes: `statistics` is (rows, k) as `metric.statistics` gives it.
    """
    if metric.name == "accuracy":
        return wilson(round(float(statistics[:, 0].sum())), len(statistics), level)
    found = _bca(statistics[:, None, :], lambda sums: metric.reduce(sums[..., 0, :]), seed, level)
    lowest, highest = metric.bounds
    return found.model_copy(update={"low": max(found.low, lowest), "high": min(found.high, highest)})


def difference_interval(metric: Metric, ours: Array, theirs: Array, seed: int, level: float = 0.95) -> Interval:
    """Score of ours minus score of theirs on the same rows, with a paired bootstrap (BCa) interval.

    Shapes: both are (rows, k), row by row the same rows.
    """
    pairs = np.stack([ours, theirs], axis=1)
    return _bca(pairs, lambda sums: metric.reduce(sums[..., 0, :]) - metric.reduce(sums[..., 1, :]), seed, level)


def standard_error(metric: Metric, statistics: Array, seed: int) -> float:
    """Standard error of a score, by resampling rows.

    Shapes: `statistics` is (rows, k) as `metric.statistics` gives it.
    """
    return float(np.std(metric.reduce(_quick_weights(len(statistics), seed) @ statistics)))


def difference_standard_error(metric: Metric, ours: Array, theirs: Array, seed: int) -> float:
    """Standard error of the difference of two scores on the same rows, by resampling rows.

    Shapes: both are (rows, k), row by row the same rows.
    """
    weights = _quick_weights(len(ours), seed)
    return float(np.std(metric.reduce(weights @ ours) - metric.reduce(weights @ theirs)))


def _quick_weights(rows: int, seed: int) -> Array:
    """How often each row is drawn in each resample; (resamples, rows)."""
    return np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=QUICK_RESAMPLES)


def _bca(statistics: Array, reduce: "object", seed: int, level: float) -> Interval:
    """Bias-corrected and accelerated bootstrap over rows.

    Shapes: `statistics` is (rows, arms, k); `reduce` takes sums (…, arms, k) to values (…).
    Source: Efron (1987), https://doi.org/10.1080/01621459.1987.10478410
    """
    assert callable(reduce)
    rows, arms, width = statistics.shape
    total = statistics.sum(axis=0)
    point = float(reduce(total))
    weights = np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)
    sums = (weights.astype(np.float32) @ statistics.reshape(rows, arms * width).astype(np.float32)).astype(float)
    values = np.asarray(reduce(sums.reshape(RESAMPLES, arms, width)))
    if np.ptp(values) == 0:
        return _rule_of_three(point, rows, level)
    jackknife = np.asarray(reduce(total - statistics))
    low, high = np.quantile(values, _bca_quantiles(values, point, jackknife, level))
    return Interval(point=point, low=float(low), high=float(high), level=level)


def _rule_of_three(point: float, rows: int, level: float) -> Interval:
    """What no row of a sample shows may still hold for up to three in `rows`; resampling cannot tell.

    Source: Hanley & Lippman-Hand (1983), https://doi.org/10.1001/jama.1983.03330370053031
    """
    return Interval(point=point, low=point - 3 / rows, high=point + 3 / rows, level=level)


def _bca_quantiles(values: Array, point: float, jackknife: Array, level: float) -> list[float]:
    below = (values < point).mean() + (values == point).mean() / 2
    bias = stats.norm.ppf(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    spread = jackknife.mean() - jackknife
    scale = 6 * ((spread**2).sum() ** 1.5)
    acceleration = (spread**3).sum() / scale if scale > 0 else 0.0
    shifted = bias + stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    return [float(share) for share in stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))]
