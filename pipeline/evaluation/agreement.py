"""How far people who labelled the same rows agree beyond chance: Krippendorff's alpha and Cohen's kappa."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.records import Interval
from pipeline.task import Array

Level = Literal["nominal", "ordinal", "interval"]
RESAMPLES = 500
Said = Sequence[str | float | None]
"""What one annotator said of each row; None where nothing."""


@dataclass(frozen=True)
class Coincidences:
    """What alpha is computed from.

    Shapes: `values` is (values,), `counts` (rows, values): how many annotators gave each value, rows of two or more only.
    """

    values: Sequence[str | float]
    counts: Array


def count_values(annotators: Sequence[Said]) -> Coincidences:
    """How often each row was given each value, for rows that at least two annotators answered."""
    values = sorted(
        {said for each in annotators for said in each if said is not None}, key=lambda value: (str(type(value)), value)
    )
    places = {value: place for place, value in enumerate(values)}
    counts = np.zeros((len(annotators[0]), len(values)))
    for each in annotators:
        for row, said in enumerate(each):
            if said is not None:
                counts[row, places[said]] += 1
    return Coincidences(values, counts[counts.sum(axis=1) >= 2])


def alpha(found: Coincidences, level: Level, seed: int) -> Interval | None:
    """Krippendorff's alpha with a 95 % bootstrap interval over rows; None where there is nothing to disagree on.

    Alpha is 1 minus the disagreement that was observed over that expected by chance: 1 for perfect agreement, 0 for chance.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability; the bootstrap over rows as Zapf and others 2016
    (https://bmcmedresmethodol.biomedcentral.com/articles/10.1186/s12874-016-0200-9).
    """
    if not len(found.counts) or (found.counts.sum(axis=0) > 0).sum() < 2:
        return None
    weights = _weights(len(found.counts), seed)
    draws = [_alpha(found, level, weight) for weight in weights]
    return _interval(_alpha(found, level, np.ones(len(found.counts))), draws)


def _alpha(found: Coincidences, level: Level, weights: Array) -> float:
    """Alpha when each row counts so often; 1 where all values are the same.

    Shapes: `weights` is (rows,).
    """
    counts = found.counts
    together = counts.sum(axis=1)
    scaled = counts * (weights / (together - 1))[:, None]
    observed = counts.T @ scaled - np.diag(
        scaled.sum(axis=0)
    )  # pairs within a row, each row weighing as much as it has answers
    totals = observed.sum(axis=1)
    everything = totals.sum()
    apart = _apart(found.values, totals, level)
    expected = totals @ apart @ totals / (everything - 1)
    return float(1 - (observed * apart).sum() / expected) if expected > 0 else 1.0


def _apart(values: Sequence[str | float], totals: Array, level: Level) -> Array:
    """The squared difference of each two values.

    Shapes: (values, values).
    """
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        numbers = np.array(values, dtype=float)
        difference: Array = numbers[:, None] - numbers[None, :]
        return difference**2
    upto = np.cumsum(totals) - totals / 2  # the answers below a value, and half of its own
    return (upto[:, None] - upto[None, :]) ** 2


def kappas(annotators: Mapping[str, Said], seed: int) -> dict[tuple[str, str], tuple[Interval, int]]:
    """Cohen's kappa of every two annotators with a 95 % bootstrap interval, and the rows that both answered.

    Source: Cohen 1960 (https://doi.org/10.1177/001316446002000104).
    """
    names = list(annotators)
    found = {}
    for place, one in enumerate(names):
        for other in names[:place]:
            both = [
                (first, second)
                for first, second in zip(annotators[other], annotators[one], strict=True)
                if first is not None and second is not None
            ]
            if both:
                found[other, one] = (_kappa_interval(both, seed), len(both))
    return found


def _kappa_interval(both: Sequence[tuple[str | float, str | float]], seed: int) -> Interval:
    values = sorted({str(said) for pair in both for said in pair})
    places = {value: place for place, value in enumerate(values)}
    first, second = (np.array([places[str(pair[side])] for pair in both]) for side in (0, 1))

    def kappa(weights: Array) -> float:
        table = np.zeros((len(values), len(values)))
        np.add.at(table, (first, second), weights)
        table /= table.sum()
        chance = float(table.sum(axis=1) @ table.sum(axis=0))
        return float((np.trace(table) - chance) / (1 - chance)) if chance < 1 else 1.0

    return _bootstrap(kappa, len(both), seed)


def _bootstrap(statistic: Callable[[Array], float], rows: int, seed: int) -> Interval:
    return _interval(statistic(np.ones(rows)), [statistic(weights) for weights in _weights(rows, seed)])


def _weights(rows: int, seed: int) -> Array:
    """How often each row is drawn in each resample; (resamples, rows)."""
    draw = np.random.default_rng(seed)
    return draw.multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES).astype(float)


def _interval(point: float, draws: Sequence[float]) -> Interval:
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(point=point, low=float(min(low, point)), high=float(max(high, point)))
