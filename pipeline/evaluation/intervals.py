"""Confidence intervals for scores and for differences on the same rows."""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from pipeline.metric import Metric
from pipeline.records import Interval
from pipeline.task import Array

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
    error = math.sqrt(share * (1 - share) / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(point=share, low=low, high=high, level=level, standard_error=error)


def score_interval(metric: Metric, statistics: Sequence[Array], seed: int, level: float = 0.95) -> Interval:
    """The mean score over repetitions with its interval: Wilson where rows are right or wrong, bootstrap (BCa) for the rest.

    Shapes: each of `statistics` is (rows, k) as `metric.statistics` gives it, row by row the same rows.
    """
    if metric.is_proportion:
        right = np.mean([each[:, 0].sum() for each in statistics])
        return wilson(round(float(right)), len(statistics[0]), level)
    found = _bca(_mean_of(metric, statistics), len(statistics[0]), seed, level)
    lowest, highest = metric.bounds
    return found.model_copy(update={"low": max(found.low, lowest), "high": min(found.high, highest)})


def difference_interval(metric: Metric, ours: Array, theirs: Array, seed: int, level: float = 0.95) -> Interval:
    """How much better ours is than theirs on the same rows, with a paired bootstrap (BCa) interval.

    Shapes: both are (rows, k), row by row the same rows.
    """
    return _bca(_gain_of(metric, ours, theirs), len(ours), seed, level)


def independent_difference(ours: Interval, theirs: Interval, *, higher_is_better: bool) -> Interval:
    """How much better ours is than theirs where both were measured on other rows, from the interval of each.

    Each end lies as far off as the two ends that lead there, put together at right angles.

    Source: Zou & Donner (2008), https://doi.org/10.1002/sim.3095; for proportions it is method 10 of Newcombe (1998)
    """
    below, above = (
        math.hypot(ours.point - ours.low, theirs.high - theirs.point),
        math.hypot(ours.high - ours.point, theirs.point - theirs.low),
    )
    point = ours.point - theirs.point
    low, high = point - below, point + above
    if not higher_is_better:
        point, low, high = -point, -high, -low
    errors = (ours.standard_error, theirs.standard_error)
    error = None if None in errors else math.hypot(*(each for each in errors if each is not None))
    return Interval(point=point, low=low, high=high, level=ours.level, standard_error=error)


def area_under_curve(higher: Array, lower: Array, level: float = 0.95) -> Interval:
    """How often a score of one group is above one of the other, ties counting half: the area under the ROC curve.

    Shapes: `higher` is (rows,), `lower` (other rows,).

    Source: the standard error is that of DeLong and others 1988 (https://doi.org/10.2307/2531595).
    """
    ranks = stats.rankdata(np.concatenate([higher, lower]))
    above = (ranks[: len(higher)] - stats.rankdata(higher)) / len(lower)
    below = 1 - (ranks[len(higher) :] - stats.rankdata(lower)) / len(higher)
    point = float(above.mean())
    error = math.sqrt(above.var(ddof=1) / len(higher) + below.var(ddof=1) / len(lower))
    reach = float(stats.norm.ppf((1 + level) / 2)) * error
    return Interval(point=point, low=max(point - reach, 0.0), high=min(point + reach, 1.0), level=level)


def standard_error(metric: Metric, statistics: Array, seed: int) -> float:
    """Standard error of a score, by resampling rows.

    Shapes: `statistics` is (rows, k) as `metric.statistics` gives it.
    """
    return float(np.std(metric.resample(statistics, _weights(len(statistics), QUICK_RESAMPLES, seed))))


def difference_standard_error(metric: Metric, ours: Array, theirs: Array, seed: int) -> float:
    """Standard error of the difference of two scores on the same rows, by resampling rows.

    Shapes: both are (rows, k), row by row the same rows.
    """
    weights = _weights(len(ours), QUICK_RESAMPLES, seed)
    return float(np.std(metric.resample(ours, weights) - metric.resample(theirs, weights)))


@functools.lru_cache(maxsize=2)  # the scores of one set of rows are all resampled alike, so that they can be compared
def _weights(rows: int, resamples: int, seed: int) -> Array:
    """How often each row is drawn in each resample; (resamples, rows)."""
    return np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples).astype(float)


@dataclass(frozen=True)
class _Quantity:
    """Something that is told from rows: as it is, resampled, and without each row in turn."""

    point: float
    whole: float
    """What one row in all is worth at most: 1 for scores of which 1 is perfect, 0 where there is no such bound."""
    resample: Callable[[Array], Array]
    leave_one_out: Callable[[], Array]


def _mean_of(metric: Metric, statistics: Sequence[Array]) -> _Quantity:
    return _Quantity(
        point=float(np.mean([metric.score(each) for each in statistics])),
        whole=float(metric.unit == "points"),
        resample=lambda weights: np.mean([metric.resample(each, weights) for each in statistics], axis=0),
        leave_one_out=lambda: np.mean([metric.leave_one_out(each) for each in statistics], axis=0),
    )


def _gain_of(metric: Metric, ours: Array, theirs: Array) -> _Quantity:
    sign = 1 if metric.higher_is_better else -1
    return _Quantity(
        point=metric.gain(metric.score(ours), metric.score(theirs)),
        whole=float(metric.unit == "points"),
        resample=lambda weights: sign * (metric.resample(ours, weights) - metric.resample(theirs, weights)),
        leave_one_out=lambda: sign * (metric.leave_one_out(ours) - metric.leave_one_out(theirs)),
    )


def _bca(quantity: _Quantity, rows: int, seed: int, level: float) -> Interval:
    """Bias-corrected and accelerated bootstrap over rows.

    Source: Efron (1987), https://doi.org/10.1080/01621459.1987.10478410
    """
    values = quantity.resample(_weights(rows, RESAMPLES, seed))
    if np.ptp(values) == 0:
        return _rule_of_three(quantity.point, quantity.whole, rows, level)
    low, high = np.quantile(values, _bca_quantiles(values, quantity.point, quantity.leave_one_out(), level))
    error = float(np.std(values))
    return Interval(point=quantity.point, low=float(low), high=float(high), level=level, standard_error=error)


def _rule_of_three(point: float, whole: float, rows: int, level: float) -> Interval:
    """What no row of a sample shows may still hold for up to three in `rows`; resampling cannot tell.

    For errors in the unit of the data nothing is known of how large they could be, and the interval is the point.

    Source: Hanley & Lippman-Hand (1983), https://doi.org/10.1001/jama.1983.03330370053031
    """
    return Interval(point=point, low=point - 3 / rows * whole, high=point + 3 / rows * whole, level=level)


def _bca_quantiles(values: Array, point: float, jackknife: Array, level: float) -> list[float]:
    """Which shares of the resampled values the ends of the interval are.

    Resamples of few rows spread too little, as if the variance were divided by the rows and not by one less: the ends are moved
    outwards as those of Student's t are.

    Source: Hesterberg (2015), the expanded percentile interval, https://doi.org/10.1080/00031305.2015.1089789
    """
    below = (values < point).mean() + (values == point).mean() / 2
    bias = stats.norm.ppf(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    spread = jackknife.mean() - jackknife
    scale = 6 * ((spread**2).sum() ** 1.5)
    acceleration = (spread**3).sum() / scale if scale > 0 else 0.0
    rows = len(jackknife)
    wider = math.sqrt(rows / (rows - 1)) * float(stats.t.ppf(0.5 + level / 2, rows - 1))
    shifted = bias + np.array([-wider, wider])
    return [float(share) for share in stats.norm.cdf(bias + shifted / (1 - acceleration * shifted))]
