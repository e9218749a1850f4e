"""What cells say of the advisor: whether each verdict was right, what it cost to follow it, and how good the forecasts were. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.backtest.trial import CASE, CellOutcome
from advisor.decision import Case, VerdictName, decide
from advisor.estimate import Estimate
from advisor.factors import Readings, score_factors, weighted_points
from advisor.forecast import Measured, expect
from advisor.rule_records import Rules
from pipeline.metric import Metric
from pipeline.records import Forecast
from pipeline.task import load_task

ADVISED = "advisor"
RulesFor = Callable[[CellOutcome], Rules]
"""The rules by which a cell is judged: those of the program, or ones that were fitted without its data set."""


@dataclass(frozen=True)
class JudgedCell:
    """One cell, with points in hundredths of the whole score.

    Attributes:
        outcome: What it showed.
        verdict: Of the advisor, by the rules of the day.
        reason: Code of the first reason.
        forecast: What was expected; None where the rows allowed no pilot.
        cheap: Points of the cheap way that the advisor chose.
        best_cheap: Points of the best cheap way on the held-out rows.
        zero_shot: Points of the way that needs no rows; None where the task has none.
        fine_tuned: Points of the fine-tuned model.
        useful: Points of the smallest useful gain.
        chosen_gain: Points that fine-tuning gained over the way that the advisor chose.
        regrets: For the advisor and for each simple rule the points that following it cost.
    """

    outcome: CellOutcome
    verdict: VerdictName
    reason: str
    forecast: Forecast | None
    cheap: float
    best_cheap: float
    zero_shot: float | None
    fine_tuned: float
    useful: float
    chosen_gain: float
    regrets: Mapping[str, float]

    @property
    def is_worth_it(self) -> bool:
        """Whether fine-tuning gained the useful gain over the best cheap way."""
        return self.fine_tuned - self.best_cheap >= self.useful

    @property
    def is_right(self) -> bool:
        """Whether the advisor said go exactly where it was worth it."""
        return (self.verdict == "go") == self.is_worth_it

    def regret_of(self, go: bool) -> float:
        """Points lost by a choice: what the best arm has more, and for a go that was not worth it the useful gain."""
        best = self.fine_tuned if self.is_worth_it else self.best_cheap
        if go:
            return best - self.fine_tuned + (0.0 if self.is_worth_it else self.useful)
        return best - self.cheap


SIMPLE_RULES: Mapping[str, Callable[[CellOutcome], bool]] = {
    "always go": lambda _: True,
    "never go": lambda _: False,
    "go from 200 rows": lambda cell: cell.cell.size >= 200,
    "go from 500 rows": lambda cell: cell.cell.size >= 500,
    "go from 24 rows a class": lambda cell: cell.quantities.get("rows_per_class", 0.0) >= 24,
    "go from 100 rows a class": lambda cell: cell.quantities.get("rows_per_class", 0.0) >= 100,
    "go while short of good enough": lambda cell: cell.quantities.get("headroom", 0.0) > 1,
    "go where the pilot gained enough": lambda cell: (
        cell.measurements.pilot is not None and cell.measurements.pilot.gain >= float(cell.case["useful_gain"])
    ),
}


def judge(outcomes: Sequence[CellOutcome], rules_for: RulesFor) -> list[JudgedCell]:
    """Judge every cell."""
    return [judge_cell(outcome, rules_for(outcome)) for outcome in outcomes]


def judge_cell(outcome: CellOutcome, rules: Rules, without: str | None = None) -> JudgedCell:
    """Decide again by these rules, and weigh the verdict against what every arm reached.

    Args:
        outcome: What the cell showed.
        rules: To decide by.
        without: A factor that is left out, or `forecast`.
    """
    metric = metric_of(outcome)
    expected = forecast_of(outcome, rules)
    case = case_of(outcome, rules, expected, without)
    name, reason = _verdict(case, rules)
    held = {score.name: score.score for score in outcome.arms.cheap}
    rivals = outcome.measurements.rivals
    fallback = "zero_shot" if "zero_shot" in held else next(iter(held))
    scale = 100 / _whole(metric, list(held.values()))
    points = {way: -scale * metric.gain(metric.best, score) for way, score in held.items()}
    ours = -scale * metric.gain(metric.best, outcome.arms.fine_tuned.score.score)
    chosen = points[rivals.best if rivals else fallback]
    bare = JudgedCell(
        outcome=outcome,
        verdict=name,
        reason=reason,
        forecast=expected,
        cheap=chosen,
        best_cheap=max(points.values()),
        zero_shot=points.get("zero_shot"),
        fine_tuned=ours,
        useful=scale * case.useful_gain,
        chosen_gain=ours - chosen,
        regrets={},
    )
    regrets = {rule: bare.regret_of(goes(outcome)) for rule, goes in SIMPLE_RULES.items()}
    return replace(bare, regrets={ADVISED: bare.regret_of(name == "go"), **regrets})


def _verdict(case: Case, rules: Rules) -> tuple[VerdictName, str]:
    """The verdict and the code of its first reason; where nothing could be measured, not yet."""
    try:
        verdict = decide(case, rules.decision)
    except ValueError:
        return "not_yet", "not_measured"
    return verdict.name, verdict.reasons[0].code


def metric_of(outcome: CellOutcome) -> Metric:
    """The score that counts in a cell."""
    return load_task(outcome.task, outcome.task_options).metrics[outcome.metric]


def _whole(metric: Metric, scores: Sequence[float]) -> float:
    """What a whole point is: 1, or in the unit of the data the error of the way that knows least."""
    return 1.0 if metric.unit == "points" else max(metric.gain(metric.best, score) for score in scores)


def forecast_of(outcome: CellOutcome, rules: Rules) -> Forecast | None:
    """What is expected of a cell by these rules."""
    then, measured, pilot = outcome.forecast, measured_of(outcome), outcome.measurements.pilot
    if measured is None or pilot is None or then is None:
        return None
    cost = Estimate(then.train_wall_seconds, then.train_cpu_seconds, then.peak_memory_bytes)
    return expect(measured, pilot, cost, rules.forecast)


def measured_of(outcome: CellOutcome) -> Measured | None:
    """What a forecast of a cell is made from; None where the rows allowed no comparison."""
    measurements = outcome.measurements
    if measurements.rivals is None:
        return None
    return Measured(
        metric=metric_of(outcome),
        rivals=measurements.rivals,
        dataset=measurements.dataset,
        useful_gain=float(outcome.case["useful_gain"]),
        starts_from_probe=outcome.starts_from_probe,
    )


def case_of(outcome: CellOutcome, rules: Rules, expected: Forecast | None, without: str | None = None) -> Case:
    """The case of a cell by these rules, a factor left out if wanted."""
    quantities = dict(outcome.quantities)
    kept = [rule for rule in rules.factors if rule.key != without]
    factors = score_factors(kept, Readings(quantities, {}))  # type: ignore[arg-type]  # the names of a closed list
    probability = expected.probability_of_useful_gain if expected else None
    found: Case = replace(
        CASE.validate_python(outcome.case), points=weighted_points(kept, factors), probability=probability
    )
    return _leave_out(found, without, rules)


def _leave_out(case: Case, without: str | None, rules: Rules) -> Case:
    """The case as if nothing were known of one factor."""
    if without == "data_availability":
        enough = 10**9
        return replace(
            case, usable_rows=enough, smallest_class=None, median_class_rows=None, comparable=True, invalid=()
        )
    if without == "task_similarity":
        return replace(case, permutation_p=None)
    if without == "compute":
        return replace(case, time_share=None, memory_share=None, latency_share=None)
    if without == "baseline_performance":
        return replace(case, best=None)
    if without == "forecast" and case.probability is not None:
        limits = rules.decision.thresholds
        open_ = (limits["no_go_probability"].value + limits["go_probability"].value) / 2
        return replace(case, probability=open_)
    return case


@dataclass(frozen=True)
class Regrets:
    """Points lost by one way to decide, over cells."""

    name: str
    cells: int
    mean: float
    high: float
    """95th percentile."""
    worst: float
    near: float
    """Share of cells within one point of the best."""


def sum_regrets(name: str, regrets: Sequence[float]) -> Regrets:
    """Mean, 95th percentile and worst of regrets in points."""
    found = np.array(regrets)
    return Regrets(
        name,
        len(found),
        float(found.mean()),
        float(np.percentile(found, 95)),
        float(found.max()),
        float((found <= 1).mean()),
    )


@dataclass(frozen=True)
class Contribution:
    """What a factor brings: mean regret of all cells with it and without it, and how many verdicts change."""

    factor: str
    with_it: float
    without_it: float
    changed: int

    @property
    def points(self) -> float:
        """What leaving it out loses; below 0 where it would have been better not to heed it."""
        return self.without_it - self.with_it

    @property
    def informs_only(self) -> bool:
        """Whether heeding it changes nothing that counts."""
        return abs(self.points) <= 1e-9


def contributions(outcomes: Sequence[CellOutcome], rules_for: RulesFor) -> list[Contribution]:
    """What each factor, and the forecast, contributes to the verdicts."""
    whole = judge(outcomes, rules_for)
    before = float(np.mean([cell.regrets[ADVISED] for cell in whole]))
    factors = dict.fromkeys(rule.key for rule in rules_for(outcomes[0]).factors)
    found = []
    for factor in [*factors, "forecast"]:
        left = [judge_cell(outcome, rules_for(outcome), factor) for outcome in outcomes]
        changed = sum(one.verdict != other.verdict for one, other in zip(whole, left, strict=True))
        after = float(np.mean([cell.regrets[ADVISED] for cell in left]))
        found.append(Contribution(factor, before, after, changed))
    return found
