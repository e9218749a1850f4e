"""The score that the run will reach, with an interval, and the probability that the gain is useful. Pure.

Fine-tuning is taken to remove a share of the probe's remaining error. What other data sets showed is the prior; the pilot
on the user's own rows moves it, the more so the surer the pilot is.
"""

import math

from scipy import stats

from advisor.estimate import Estimate
from advisor.records import PilotMeasurement
from advisor.rulebook import ForecastRules
from pipeline.records import Forecast, Interval, Score

LEVEL = 0.8


def forecast(
    pilot: PilotMeasurement,
    rivals: list[Score],
    best: str,
    useful_gain: float,
    rows: tuple[int, int],
    cost: Estimate,
    rules: ForecastRules,
) -> Forecast:
    """Expect a score of the fine-tuned model on the sealed rows.

    Args:
        pilot: The short real fine-tuning.
        rivals: The cheap ways, cross-validated on training rows.
        best: Name of the best of them.
        useful_gain: The smallest gain that the user wants.
        rows: Rows that the cheap ways were cross-validated on, and sealed rows: both bound how surely a score can be forecast.
        cost: Of the whole run.
        rules: Constants with their provenance.
    """
    scores = {rival.name: rival.score for rival in rivals}
    share, deviation = _share(pilot, rules)
    probe = scores["probe"]
    room = 1 - probe
    point = min(max(probe + share * room, 0.0), 1.0)
    gain_deviation = max(deviation * room, 1e-6)
    surplus = point - scores[best] - useful_gain
    sampling = sum(max(point * (1 - point), 0.0) / max(count, 1) for count in rows)
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


def _share(pilot: PilotMeasurement, rules: ForecastRules) -> tuple[float, float]:
    """Share of the probe's error that fine-tuning removes: prior and pilot weighed by their variances."""
    prior, prior_deviation = rules.numbers["prior_share"].value, rules.numbers["prior_share_deviation"].value
    room = max(1 - pilot.probe_score, 0.02)
    tried = max(pilot.gain / room, -1.0)
    tried_variance = (pilot.gain_standard_error / room) ** 2 + rules.numbers["pilot_deviation"].value ** 2
    weight = prior_deviation**2 / (prior_deviation**2 + tried_variance)
    return prior + weight * (tried - prior), math.sqrt(weight * tried_variance)
