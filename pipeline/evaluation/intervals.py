"""Confidence intervals for scores and for differences on the same rows."""

import functools
import math
from collections.abc import Sequence

import numpy as np
from scipy import special, stats

from pipeline.metric import Metric
from pipeline.records import Interval
from pipeline.task import Array

SURE = 1.96
"""Standard errors beyond which a difference is no chance, at 95 %."""
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
    z = float(special.ndtri(0.5 + level / 2))
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    error = math.sqrt(share * (1 - share) / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(point=share, low=low, high=high, level=level, standard_error=error)


def f1_interval(hits: int, true: int, answered: int, level: float = 0.95) -> Interval:
    """F1 of one class, from the rows that are it or are called so: a score of the share of them that are both.

    F1 is 2 s / (1 + s) where s is that share, which is a proportion and gets Wilson's interval; a class that is never hit gets one
    too, where resampling sees no spread.

    Args:
        hits: Rows that are of the class and are answered so.
        true: Rows that are.
        answered: Rows that are answered so.
        level: Of the interval.
    """
    found = wilson(hits, true + answered - hits, level)
    point, low, high = (2 * share / (1 + share) for share in (found.point, found.low, found.high))
    error = None if found.standard_error is None else found.standard_error * 2 / (1 + found.point) ** 2
    return Interval(point=point, low=low, high=high, level=level, standard_error=error)


def score_interval(metric: Metric, statistics: Sequence[Array], seed: int, level: float = 0.95) -> Interval:
    """The mean score over repetitions with its interval: Wilson where rows are right or wrong, bootstrap (BCa) for the rest.

    Shapes: each of `statistics` is (rows, k) as `metric.statistics` gives it, row by row the same rows.
    """
    if metric.is_proportion:
        right = np.mean([each[:, 0].sum() for each in statistics])
        return wilson(round(float(right)), len(statistics[0]), level)
    found = _bca(metric, statistics, seed, level)
    lowest, highest = metric.bounds
    return found.model_copy(update={"low": max(found.low, lowest), "high": min(found.high, highest)})


def difference_interval(metric: Metric, ours: Array, theirs: Array, level: float = 0.95) -> Interval:
    """How much better ours is than theirs on the same rows: paired, from what leaving out each row changes, with Student's t.

    Simulated, it holds the true difference more often than a paired bootstrap (BCa) of the same width does: see
    `tests/benchmarks/coverage.py`.

    Shapes: both are (rows, k), row by row the same rows.

    Source: Tukey's jackknife, Efron & Tibshirani (1993), An Introduction to the Bootstrap, ch. 11
    """
    rows, point = len(ours), metric.gain(metric.score(ours), metric.score(theirs))
    apart = metric.leave_one_out(ours) - metric.leave_one_out(theirs)
    if rows < 2 or np.ptp(apart) == 0:
        return _rule_of_three(point, _whole(metric), rows, level)
    error = math.sqrt((rows - 1) / rows * float(((apart - apart.mean()) ** 2).sum()))
    reach = float(special.stdtrit(rows - 1, 0.5 + level / 2)) * error
    return Interval(point=point, low=point - reach, high=point + reach, level=level, standard_error=error)


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
    reach = float(special.ndtri((1 + level) / 2)) * error
    return Interval(point=point, low=max(point - reach, 0.0), high=min(point + reach, 1.0), level=level)


def standard_error(metric: Metric, statistics: Array, seed: int) -> float:
    """Standard error of a score, by resampling rows.

    Shapes: `statistics` is (rows, k) as `metric.statistics` gives it.
    """
    return float(np.std(metric.resample(statistics, resampling_weights(len(statistics), QUICK_RESAMPLES, seed))))


def difference_standard_error(metric: Metric, ours: Array, theirs: Array, seed: int) -> float:
    """Standard error of the difference of two scores on the same rows, by resampling rows.

    Shapes: both are (rows, k), row by row the same rows.
    """
    weights = resampling_weights(len(ours), QUICK_RESAMPLES, seed)
    return float(np.std(metric.resample(ours, weights) - metric.resample(theirs, weights)))


@functools.lru_cache(maxsize=2)  # the scores of one set of rows are all resampled alike, so that they can be compared
def resampling_weights(rows: int, resamples: int, seed: int) -> Array:
    """How often each row is drawn in each resample; (resamples, rows)."""
    return np.random.default_rng(seed).multinomial(rows, np.full(rows, 1 / rows), size=resamples).astype(float)


def _whole(metric: Metric) -> float:
    """What one row in all is worth at most: 1 for scores of which 1 is perfect, 0 where there is no such bound."""
    return float(metric.unit == "points")


def _bca(metric: Metric, statistics: Sequence[Array], seed: int, level: float) -> Interval:
    """Bias-corrected and accelerated bootstrap over rows, of the mean score over repetitions.

    Source: Efron (1987), https://doi.org/10.1080/01621459.1987.10478410
    """
    rows, point = len(statistics[0]), float(np.mean([metric.score(each) for each in statistics]))
    weights = resampling_weights(rows, RESAMPLES, seed)
    values = np.mean([metric.resample(each, weights) for each in statistics], axis=0)
    if np.ptp(values) == 0:
        return _rule_of_three(point, _whole(metric), rows, level)
    jackknife = np.mean([metric.leave_one_out(each) for each in statistics], axis=0)
    low, high = bca_ends(values, point, jackknife, level)
    return Interval(point=point, low=low, high=high, level=level, standard_error=float(np.std(values)))


def _rule_of_three(point: float, whole: float, rows: int, level: float) -> Interval:
    """What no row of a sample shows may still hold for up to three in `rows`; resampling cannot tell.

    For errors in the unit of the data nothing is known of how large they could be, and the interval is the point.

    Source: Hanley & Lippman-Hand (1983), https://doi.org/10.1001/jama.1983.03330370053031
    """
    return Interval(point=point, low=point - 3 / rows * whole, high=point + 3 / rows * whole, level=level)


def bca_ends(values: Array, point: float, jackknife: Array, level: float) -> tuple[float, float]:
    """The ends of the interval, from the resampled scores and the scores without each row.

    Resamples of few rows spread too little, as if the variance were divided by the rows and not by one less: the ends are moved
    outwards as those of Student's t are.

    Source: Hesterberg (2015), the expanded percentile interval, https://doi.org/10.1080/00031305.2015.1089789
    """
    below = (values < point).mean() + (values == point).mean() / 2
    bias = special.ndtri(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    spread = jackknife.mean() - jackknife
    scale = 6 * ((spread**2).sum() ** 1.5)
    acceleration = (spread**3).sum() / scale if scale > 0 else 0.0
    rows = len(jackknife)
    wider = math.sqrt(rows / (rows - 1)) * float(special.stdtrit(rows - 1, 0.5 + level / 2))
    shifted = bias + np.array([-wider, wider])
    low, high = np.quantile(values, special.ndtr(bias + shifted / (1 - acceleration * shifted)))
    return float(low), float(high)
