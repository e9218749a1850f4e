"""Fits the constants of the forecast on finished cells, and judges cells by constants that never saw their data set. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.backtest.judgement import RulesFor, forecast_of, measured_of, metric_of
from advisor.backtest.trial import CellOutcome
from advisor.forecast import LEAST_ROOM, LEVEL, Tried, expect_point, race_of, weigh_pilot
from advisor.rule_records import ForecastRules, Rules

FEWEST_GROUPS = 3
"""Data sets without which nothing is fitted: one is left out, and one alone says nothing of others."""
FITTED = ("prior_share", "prior_share_per_separation", "share_per_doubling", "interval_scale", "gain_scale")
GROWTHS = (0.0, 0.1, 0.2, 0.3, 0.4)
"""Of the pilot's share with each doubling of its rows, among which the one that errs least is taken."""
WITHIN_ONE_DEVIATION = 0.6827
"""Share of a normal distribution that lies within one standard deviation of its mean."""
STEADYING = 0.5
"""Of the ridge that draws both constants of the prior to 0; about as much as half a cell says. Set by us."""


@dataclass(frozen=True)
class _Lesson:
    """What one cell teaches: what the pilot said, the share that was really removed, and the room it was removed from."""

    tried: Tried
    share: float
    room: float


def fit_forecast(outcomes: Sequence[CellOutcome], rules: Rules) -> ForecastRules:
    """The constants that fit these cells best: prior and growth by least squares of scores, the interval by conformal calibration.

    Controls are left out where there are real cells: with labels that were changed on purpose a share means something else.
    """
    outcomes = [outcome for outcome in outcomes if not outcome.cell.is_control] or outcomes
    tried = [found for each in GROWTHS if (found := _fit_shares(outcomes, rules.forecast, each)) is not None]
    if not tried:
        return rules.forecast
    _, fitted = min(tried, key=lambda each: each[0])
    now = rules.model_copy(update={"forecast": fitted})
    return _with(
        fitted, {"interval_scale": _fit_interval_scale(outcomes, now), "gain_scale": _fit_gain_scale(outcomes, now)}
    )


def _fit_shares(
    outcomes: Sequence[CellOutcome], rules: ForecastRules, growth: float
) -> tuple[float, ForecastRules] | None:
    """The prior that goes best with a growth, and the mean squared error of the gain then; None without a pilot."""
    growing = _with(rules, {"share_per_doubling": growth})
    lessons = [lesson for outcome in outcomes if (lesson := _lesson(outcome, growing)) is not None]
    if not lessons:
        return None
    base, slope = _fit_prior(lessons)
    errors = [each.room * (each.tried.with_prior(base, slope) - each.share) for each in lessons]
    bare = {"prior_share": base, "prior_share_per_separation": slope, "interval_scale": 1.0, "gain_scale": 1.0}
    return float(np.mean(np.square(errors))), _with(growing, bare)


def leave_one_out(outcomes: Sequence[CellOutcome], rules: Rules) -> RulesFor | None:
    """For each cell the rules with constants fitted without all cells of its group; None with too few groups."""
    groups = sorted({outcome.cell.group for outcome in outcomes})
    if len(groups) < FEWEST_GROUPS:
        return None
    without = {
        group: rules.model_copy(
            update={"forecast": fit_forecast([each for each in outcomes if each.cell.group != group], rules)}
        )
        for group in groups
    }
    return lambda outcome: without[outcome.cell.group]


def _with(rules: ForecastRules, values: dict[str, float]) -> ForecastRules:
    changed = {name: rules.numbers[name].model_copy(update={"value": value}) for name, value in values.items()}
    return rules.model_copy(update={"numbers": {**rules.numbers, **changed}})


def _lesson(outcome: CellOutcome, rules: ForecastRules) -> _Lesson | None:
    measured, pilot = measured_of(outcome), outcome.measurements.pilot
    if measured is None or pilot is None:
        return None
    metric = metric_of(outcome)
    held = {score.name: score.score for score in outcome.arms.cheap}
    whole = 1.0 if metric.unit == "points" else max(metric.gain(metric.best, score) for score in held.values())
    room = max(metric.gain(metric.best, held["probe"]) / whole, LEAST_ROOM)
    gain = metric.gain(outcome.arms.fine_tuned.score.score, held["probe"]) / whole
    tried = weigh_pilot(pilot, race_of(measured), max(measured.dataset.train_rows, 1), rules)
    return _Lesson(tried, gain / room, room)


def _fit_prior(lessons: Sequence[_Lesson]) -> tuple[float, float]:
    """Least squares of the score: share = (1 - weight) (base + slope separation) + weight tried, each cell by its room.

    Drawn a little towards nothing, and not towards the constants of today, which may have seen the very cells that are left out.
    """
    design = np.array([[(1 - each.tried.weight), (1 - each.tried.weight) * each.tried.separation] for each in lessons])
    target = np.array([each.share - each.tried.weight * each.tried.share for each in lessons])
    rooms = np.array([each.room for each in lessons])
    weighed = design * rooms[:, None]
    ridge = STEADYING * float(np.mean(weighed**2)) * np.eye(2)
    base, slope = np.linalg.solve(weighed.T @ weighed + ridge, weighed.T @ (target * rooms))
    return float(base), float(slope)


def _fit_interval_scale(outcomes: Sequence[CellOutcome], rules: Rules) -> float:
    """What the half width has to be multiplied by to hold so many of the scores as it should, one more counted as missed.

    Source: split conformal prediction, Lei et al. (2018), https://arxiv.org/abs/1604.04173
    """
    missed = []
    for outcome in outcomes:
        expected = forecast_of(outcome, rules)
        if expected is None:
            continue
        score, happened = expected.score, outcome.arms.fine_tuned.score.score
        side = score.high - score.point if happened > score.point else score.point - score.low
        missed.append(abs(happened - score.point) / max(side, 1e-9))
    if not missed:
        return 1.0
    rank = min(math.ceil((len(missed) + 1) * LEVEL), len(missed))
    return float(np.sort(missed)[rank - 1])


def _fit_gain_scale(outcomes: Sequence[CellOutcome], rules: Rules) -> float:
    """What two in three errors of the gain over the chosen cheap way stay below, each over the deviation that it was forecast with.

    As the deviation of a normal distribution; one data set that is far off hardly moves it.
    """
    missed = []
    for outcome in outcomes:
        measured, pilot = measured_of(outcome), outcome.measurements.pilot
        if measured is None or pilot is None:
            continue
        metric, best = measured.metric, measured.rivals.best
        point, deviation = expect_point(pilot, race_of(measured), max(measured.dataset.train_rows, 1), rules.forecast)
        cheap, held = (
            next(score.score for score in scores if score.name == best)
            for scores in (measured.rivals.rivals, outcome.arms.cheap)
        )
        error = metric.gain(outcome.arms.fine_tuned.score.score, held) - metric.gain(point, cheap)
        missed.append(abs(error) / deviation)
    return max(float(np.quantile(missed, WITHIN_ONE_DEVIATION)), 1.0) if missed else 1.0
