"""The score that the run will reach, with an interval, and the probability that the gain is useful. Pure.

Fine-tuning is taken to remove a share of the probe's remaining error. What other data sets showed is the prior; the pilot
on the user's own rows moves it, the more so the surer the pilot is; with more rows than the pilot had the share grows.
"""

import math
from dataclasses import dataclass

from scipy import stats

from advisor.estimate import Estimate
from advisor.records import PilotMeasurement
from advisor.rulebook import ForecastRules
from pipeline.records import Forecast, Interval, Score

LEVEL = 0.8
MOST_DOUBLINGS = 2.0
"""The pilot's share is taken to grow over so many doublings of its rows at most; beyond it nothing was fitted."""


@dataclass(frozen=True)
class RowCounts:
    """How many rows each number rests on."""

    cross_validated: int
    trained: int
    sealed: int


def forecast(
    pilot: PilotMeasurement,
    rivals: list[Score],
    best: str,
    useful_gain: float,
    rows: RowCounts,
    cost: Estimate,
    rules: ForecastRules,
) -> Forecast:
    """Expect a score of the fine-tuned model on the sealed rows.

    Args:
        pilot: The short real fine-tuning.
        rivals: The cheap ways, cross-validated on training rows.
        best: Name of the best of them.
        useful_gain: The smallest gain that the user wants.
        rows: How many rows there are to train on, and how many bound how surely a score can be known.
        cost: Of the whole run.
        rules: Constants with their provenance.
    """
    scores = {rival.name: rival for rival in rivals}
    share, deviation = _share(pilot, rows.trained, rules)
    probe = scores["probe"]
    room = 1 - probe.score
    point = min(max(probe.score + share * room, 0.0), 1.0)
    gain_deviation = max(deviation * room, 1e-6)
    surplus = point - scores[best].score - useful_gain
    sampled = ((probe.high - probe.low) / (2 * stats.norm.ppf(0.975))) ** 2
    sampling = sampled * (1 + rows.cross_validated / max(rows.sealed, 1))
    half = stats.norm.ppf(0.5 + LEVEL / 2) * math.sqrt(
        gain_deviation**2 + rules.numbers["score_deviation"].value ** 2 + sampling
    )
    return Forecast(
        score=Interval(point=point, low=max(point - half, 0.0), high=min(point + half, 1.0), level=LEVEL),
        probability_of_useful_gain=float(stats.norm.cdf(surplus / gain_deviation)),
        train_cpu_seconds=cost.cpu_seconds,
        train_wall_seconds=cost.wall_seconds,
        peak_memory_bytes=cost.peak_memory_bytes,
    )


def _share(pilot: PilotMeasurement, train_rows: int, rules: ForecastRules) -> tuple[float, float]:
    """Share of the probe's error that fine-tuning removes: prior and pilot weighed by their variances."""
    numbers = {name: number.value for name, number in rules.numbers.items()}
    room = max(1 - pilot.probe_score, 0.02)
    doublings = min(max(math.log2(train_rows / pilot.train_rows), 0.0), MOST_DOUBLINGS)
    tried = max(pilot.gain / room, -1.0) + numbers["share_per_doubling"] * doublings
    complete = min(pilot.steps / pilot.planned_steps, 1.0)  # cut short, it tells less: its rate never came down
    tried_variance = (pilot.gain_standard_error / room) ** 2 + (numbers["pilot_deviation"] / complete**2) ** 2
    weight = numbers["prior_share_deviation"] ** 2 / (numbers["prior_share_deviation"] ** 2 + tried_variance)
    prior = numbers["prior_share"]
    return prior + weight * (tried - prior), math.sqrt(weight * tried_variance)
