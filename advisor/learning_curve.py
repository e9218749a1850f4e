"""What more rows would bring: the probe's scores on fewer rows, carried on by a power law that levels off. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import lsq_linear

from pipeline.metric import Metric

FEWEST_POINTS = 3
"""Below it nothing can be carried on."""
POWERS = np.linspace(0.05, 0.7, 27)
"""How fast errors may fall with rows. Steeper ones let a curve level off at once where its last points happen to lie flat: on nine
shared sets errors eight times ahead are 1.4 points with this end and 1.8 with 3 (tests/benchmarks/learning_curve.py)."""


@dataclass(frozen=True)
class Curve:
    """Score = last - size * rows ** -power, of a score of which 1 is perfect, or the distance from what is perfect.

    Source: the three-parameter power law of Mohr et al. (2022), https://link.springer.com/chapter/10.1007/978-3-031-26419-1_1

    Attributes:
        last: What no number of rows exceeds.
        size: How much one row lacks.
        power: How fast it comes nearer.
    """

    last: float
    size: float
    power: float

    def __call__(self, rows: float) -> float:
        """The score with so many rows."""
        return self.last - self.size * math.exp(-self.power * math.log(rows))

    def rows_for(self, score: float) -> float:
        """Rows from which the score is reached; infinite where none are enough."""
        if score >= self.last:
            return math.inf
        return (self.size / (self.last - score)) ** (1 / self.power) if self.size > 0 else 0.0


def fit_curve(rows: Sequence[float], scores: Sequence[float], highest: float = 1.0) -> Curve | None:
    """The curve nearest to the points, the later ones counting for a little more; None with fewer than three.

    Args:
        rows: Numbers of rows that were learned from.
        scores: What was reached with them, a mean over draws; higher is better.
        highest: What no score exceeds.
    """
    if len(rows) < FEWEST_POINTS:
        return None
    counts, reached = np.array(rows, dtype=float), np.array(scores, dtype=float)
    weights = (counts / counts.max()) ** 0.25
    best, cost = Curve(float(reached[-1]), 0.0, 1.0), math.inf
    scale = max(float(np.ptp(reached)), 1e-9)
    for power in POWERS:
        columns = np.stack([np.ones_like(counts), -((counts / counts[0]) ** -power)], axis=1)
        found = lsq_linear(columns * weights[:, None], reached * weights, bounds=([-np.inf, 0.0], [highest, np.inf]))
        if found.cost < cost - 1e-9 * scale**2:
            cost = float(found.cost)
            best = Curve(float(found.x[0]), float(found.x[1] * counts[0] ** power), float(power))
    return best


def rows_to_reach(curve: Curve, now: int, target: float, times: float) -> int | None:
    """How many more rows would reach a score; 0 where those of today do, None where so many times as many do not."""
    wanted = curve.rows_for(target)
    if wanted > times * now:
        return None
    return max(math.ceil(wanted) - now, 0)


def target_for_probe(target: float, share: float, metric: Metric) -> float:
    """The score that the probe needs so that a model which removes a share of its errors reaches the target."""
    room = metric.gain(metric.best, target) / max(1 - share, 1e-9)
    return metric.best - room if metric.higher_is_better else metric.best + room
