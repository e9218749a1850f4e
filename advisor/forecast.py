"""The score that the run will reach, with an interval, and the probability that the gain is useful. Pure.

Fine-tuning is taken to remove a share of the probe's remaining error. What other data sets showed is the prior; the pilot
on the user's own rows moves it, the more so the surer the pilot is; with more rows than the pilot had the share grows.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from advisor.estimate import Estimate
from advisor.records import DatasetMeasurement, PilotMeasurement, RivalMeasurement
from advisor.rule_records import ForecastRules
from pipeline.metric import Metric
from pipeline.records import Forecast, Interval, Score

LEVEL = 0.8
LEAST_ROOM = 0.02
"""A gain is never divided by less, in whole points of the score."""
MOST_DOUBLINGS = 2.0
"""The pilot's share is taken to grow over so many doublings of its rows at most; beyond it nothing was fitted."""


@dataclass(frozen=True)
class Race:
    """What fine-tuning has to beat.

    Attributes:
        metric: Direction and bounds of the score.
        rivals: The cheap ways, cross-validated on training rows; one of them is called `probe`.
        best: Name of the best of them.
        useful_gain: The smallest gain that the user wants.
        starts_from_probe: Whether the model begins where the probe is; if not, it gains far more from more rows.
    """

    metric: Metric
    rivals: list[Score]
    best: str
    useful_gain: float
    starts_from_probe: bool = True


@dataclass(frozen=True)
class Measured:
    """What a forecast is made from, pilot and cost apart.

    Attributes:
        metric: Direction and bounds of the score.
        rivals: The cheap ways.
        dataset: How many rows there are.
        useful_gain: The smallest gain that the user wants.
        starts_from_probe: Whether the model begins where the probe is.
    """

    metric: Metric
    rivals: RivalMeasurement
    dataset: DatasetMeasurement
    useful_gain: float
    starts_from_probe: bool


@dataclass(frozen=True)
class RowCounts:
    """How many rows each number rests on."""

    cross_validated: int
    trained: int
    sealed: int


def expect(measured: Measured, pilot: PilotMeasurement, cost: Estimate, rules: ForecastRules) -> Forecast:
    """Expect a score from what was measured."""
    rivals, dataset = measured.rivals, measured.dataset
    rows = RowCounts(cross_validated=rivals.rows_used, trained=max(dataset.train_rows, 1), sealed=dataset.test_rows)
    race = Race(measured.metric, rivals.rivals, rivals.best, measured.useful_gain, measured.starts_from_probe)
    return forecast(pilot, race, rows, cost, rules)


def forecast(
    pilot: PilotMeasurement,
    race: Race,
    rows: RowCounts,
    cost: Estimate,
    rules: ForecastRules,
) -> Forecast:
    """Expect a score of the fine-tuned model on the sealed rows.

    Args:
        pilot: The short real fine-tuning.
        race: What it has to beat.
        rows: How many rows there are to train on, and how many bound how surely a score can be known.
        cost: Of the whole run.
        rules: Constants with their provenance.
    """
    metric = race.metric
    scores = {rival.name: rival for rival in race.rivals}
    scale = _whole(metric, scores)
    share, deviation = _share(pilot, race, scale, rows.trained, rules)
    probe = scores["probe"]
    room = metric.gain(metric.best, probe.score)
    point = probe.score + (share * room if metric.higher_is_better else -share * room)
    gain_deviation = max(deviation * room, 1e-6 * scale)
    surplus = metric.gain(point, scores[race.best].score) - race.useful_gain
    sampled = ((probe.high - probe.low) / (2 * stats.norm.ppf(0.975))) ** 2
    sampling = sampled * (1 + rows.cross_validated / max(rows.sealed, 1))
    half = stats.norm.ppf(0.5 + LEVEL / 2) * math.sqrt(
        gain_deviation**2 + (rules.numbers["score_deviation"].value * scale) ** 2 + sampling
    )
    low, high = (min(max(each, metric.bounds[0]), metric.bounds[1]) for each in (point - half, point + half))
    return Forecast(
        score=Interval(point=min(max(point, low), high), low=low, high=high, level=LEVEL),
        probability_of_useful_gain=float(stats.norm.cdf(surplus / gain_deviation)),
        train_cpu_seconds=cost.cpu_seconds,
        train_wall_seconds=cost.wall_seconds,
        peak_memory_bytes=cost.peak_memory_bytes,
    )


def _whole(metric: Metric, scores: Mapping[str, Score]) -> float:
    """What a whole point of the score is: 1, or in the unit of the data the error of the way that knows least."""
    if metric.unit == "points":
        return 1.0
    return max(metric.gain(metric.best, score.score) for score in scores.values())


def _share(
    pilot: PilotMeasurement, race: Race, scale: float, train_rows: int, rules: ForecastRules
) -> tuple[float, float]:
    """Share of the probe's error that fine-tuning removes: prior and pilot weighed by their variances."""
    numbers = {name: number.value for name, number in rules.numbers.items()}
    metric, how = race.metric, "" if race.starts_from_probe else "_from_nothing"
    room = max(metric.gain(metric.best, pilot.probe_score), LEAST_ROOM * scale)
    doublings = min(max(math.log2(train_rows / pilot.train_rows), 0.0), MOST_DOUBLINGS)
    tried = max(pilot.gain / room, -1.0) + numbers[f"share_per_doubling{how}"] * doublings
    complete = min(pilot.steps / pilot.planned_steps, 1.0)  # cut short, it tells less: its rate never came down
    tried_variance = (pilot.gain_standard_error / room) ** 2 + (numbers[f"pilot_deviation{how}"] / complete**2) ** 2
    weight = numbers["prior_share_deviation"] ** 2 / (numbers["prior_share_deviation"] ** 2 + tried_variance)
    prior = numbers["prior_share"]
    return prior + weight * (tried - prior), math.sqrt(weight * tried_variance)
