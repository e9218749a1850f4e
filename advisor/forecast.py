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
WORDS = "tfidf"
"""The cheap way that learns from words alone, where a task has one."""
LEAST_ROOM = 0.02
"""A gain is never divided by less, in whole points of the score."""
MOST_DOUBLINGS = 2.0
"""The pilot's share is taken to grow over so many doublings of its rows at most; beyond it, it is only less sure."""


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


def race_of(measured: Measured) -> Race:
    """What fine-tuning has to beat, from what was measured."""
    rivals = measured.rivals
    return Race(measured.metric, rivals.rivals, rivals.best, measured.useful_gain, measured.starts_from_probe)


def expect(measured: Measured, pilot: PilotMeasurement, cost: Estimate, rules: ForecastRules) -> Forecast:
    """Expect a score from what was measured."""
    dataset = measured.dataset
    rows = RowCounts(measured.rivals.rows_used, max(dataset.train_rows, 1), dataset.test_rows)
    return forecast(pilot, race_of(measured), rows, cost, rules)


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
    probe = scores["probe"]
    point, gain_deviation = expect_point(pilot, race, rows.trained, rules)
    unsure = rules.numbers["gain_scale"].value * gain_deviation
    surplus = metric.gain(point, scores[race.best].score) - race.useful_gain
    sampled = ((probe.high - probe.low) / (2 * stats.norm.ppf(0.975))) ** 2
    sampling = sampled * (1 + rows.cross_validated / max(rows.sealed, 1))
    half = (
        rules.numbers["interval_scale"].value
        * stats.norm.ppf(0.5 + LEVEL / 2)
        * math.sqrt(gain_deviation**2 + (rules.numbers["score_deviation"].value * scale) ** 2 + sampling)
    )
    low, high = (min(max(each, metric.bounds[0]), metric.bounds[1]) for each in (point - half, point + half))
    return Forecast(
        score=Interval(point=min(max(point, low), high), low=low, high=high, level=LEVEL),
        probability_of_useful_gain=float(stats.norm.cdf(surplus / unsure)),
        train_cpu_seconds=cost.cpu_seconds,
        train_wall_seconds=cost.wall_seconds,
        peak_memory_bytes=cost.peak_memory_bytes,
    )


def expect_point(pilot: PilotMeasurement, race: Race, train_rows: int, rules: ForecastRules) -> tuple[float, float]:
    """The score that is expected, and the standard deviation of what it gains over the probe.

    Where words alone tell more than the probe, the model is taken to learn that too, as far as the pilot is sure that it learns at all,
    and to remove its share of the error that is left then.
    """
    metric = race.metric
    scores = {rival.name: rival for rival in race.rivals}
    share, deviation = _share(pilot, race, train_rows, rules)
    known = probe = scores["probe"].score
    if WORDS in scores and metric.gain(scores[WORDS].score, probe) > 0:
        known, share = probe + _sureness(pilot) * (scores[WORDS].score - probe), max(share, 0.0)
    removed = share * metric.gain(metric.best, known)
    point = known + (removed if metric.higher_is_better else -removed)
    return point, max(deviation * metric.gain(metric.best, probe), 1e-6 * _whole(metric, scores))


def _sureness(pilot: PilotMeasurement) -> float:
    """How sure a pilot is that it gained anything, 0 to 1: how much likelier than not it is."""
    deviations = pilot.gain / max(pilot.gain_standard_error, 1e-9)
    return max(float(2 * stats.norm.cdf(deviations) - 1), 0.0)


def _whole(metric: Metric, scores: Mapping[str, Score]) -> float:
    """What a whole point of the score is: 1, or in the unit of the data the error of the way that knows least."""
    if metric.unit == "points":
        return 1.0
    return max(metric.gain(metric.best, score.score) for score in scores.values())


@dataclass(frozen=True)
class Tried:
    """What a pilot says of the share of the probe's error that fine-tuning removes.

    Attributes:
        share: That share, with what it grows by until all rows are trained on.
        weight: How much it counts against what other data sets showed, 0 to 1.
        deviation: Of share and prior weighed together.
        separation: How far the probe gets from knowing least to perfect, 0 to 1: where it tells little apart, most of its error
            cannot be removed at all.
    """

    share: float
    weight: float
    deviation: float
    separation: float

    def with_prior(self, base: float, slope: float) -> float:
        """The share that a prior, which rises with the separation, and the pilot say together."""
        prior = base + slope * self.separation
        return prior + self.weight * (self.share - prior)


def weigh_pilot(pilot: PilotMeasurement, race: Race, train_rows: int, rules: ForecastRules) -> Tried:
    """What a pilot says, and how much that counts: by its own sureness, and by how alike shares are over data sets."""
    numbers = {name: number.value for name, number in rules.numbers.items()}
    metric, how = race.metric, "" if race.starts_from_probe else "_from_nothing"
    scores = {rival.name: rival for rival in race.rivals}
    scale = _whole(metric, scores)
    room = max(metric.gain(metric.best, pilot.probe_score), LEAST_ROOM * scale)
    doublings = max(math.log2(train_rows / pilot.train_rows), 0.0)
    near, far = min(doublings, MOST_DOUBLINGS), max(doublings - MOST_DOUBLINGS, 0.0)
    removed = max(pilot.gain / room, -1.0)
    grows = (
        max(removed, 0.0) if race.starts_from_probe else 1.0
    )  # from nothing a pilot has hardly begun, and may gain all the more
    tried = removed + grows * numbers[f"share_per_doubling{how}"] * near
    complete = min(pilot.steps / pilot.planned_steps, 1.0)  # cut short, it tells less: its rate never came down
    variance = (pilot.gain_standard_error / room) ** 2 + (numbers[f"pilot_deviation{how}"] / complete**2) ** 2
    weight = numbers["prior_share_deviation"] ** 2 / (numbers["prior_share_deviation"] ** 2 + variance)
    least = max(metric.gain(metric.best, score.score) for score in race.rivals)
    left = metric.gain(metric.best, scores["probe"].score) / max(least, LEAST_ROOM * scale)
    deviation = math.hypot(math.sqrt(weight * variance), numbers["deviation_per_doubling"] * far)
    return Tried(tried, weight, deviation, min(max(1 - left, 0.0), 1.0))


def _share(pilot: PilotMeasurement, race: Race, train_rows: int, rules: ForecastRules) -> tuple[float, float]:
    """Share of the probe's error that fine-tuning removes: prior and pilot weighed by their variances."""
    tried = weigh_pilot(pilot, race, train_rows, rules)
    numbers = rules.numbers
    base, slope = (numbers[name].value for name in ("prior_share", "prior_share_per_separation"))
    return tried.with_prior(base, slope), tried.deviation
