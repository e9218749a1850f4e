"""What both reports draw from the records: forecast beside outcome, questions and defaults, costs, confused pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from advisor.columns import say_confidence, say_flags, say_reading
from advisor.records import Answers, Ask, Decision, LearningCurve, Measurements, RankedModel
from advisor.report.wording import (
    INTERVAL_EXPLAINED,
    say_amount,
    say_bytes,
    say_count,
    say_energy,
    say_improvement,
    say_improvement_range,
    say_many,
    say_metric,
    say_name,
    say_probability,
    say_range,
    say_score,
    say_seconds,
    say_share,
    say_title,
    say_trend,
)
from advisor.rulebook import say_way
from pipeline.data.columns import Reading
from pipeline.live_results import Evaluation
from pipeline.records import STEPWISE, DataSheet, Forecast, MetricFacts, NextSteps, Outcome, Record, Score
from pipeline.results import Difference, Result

SECTIONS = ("goal", "budget", "models", "provenance", "expertise", "deployment", "training", "launch")
EMPTY_MEANS = {
    "budget.memory_gib": "what is free on this machine",
    "budget.price_per_hour": "costs nothing",
    "deployment.max_latency_ms": "no limit",
    "deployment.max_model_mb": "no limit",
    "deployment.language": "guessed from the texts",
}
"""What a question that has no answer stands for."""


@dataclass(frozen=True)
class Report:
    """What a report is made of; `result` is None before a run."""

    answers: Answers
    measurements: Measurements
    decision: Decision
    result: Result | None
    steps: NextSteps
    sheet: DataSheet | None = None
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    """What was evaluated after the run, by its folder in that of the run."""


@dataclass(frozen=True)
class Compared:
    """One thing that was forecast, with what happened and how the two differ once that is known."""

    what: str
    forecast: str
    outcome: str = ""
    against: str = ""


@dataclass(frozen=True)
class Question:
    """One question of the interview with its answer, or with the default that stands in for one."""

    key: str
    question: str
    answer: str
    asked: bool


@dataclass(frozen=True)
class ConfusedPair:
    """Rows of one class that were taken for another."""

    truth: str
    answer: str
    rows: int
    of: int


def title_of(answers: Answers) -> str:
    """What the run is called in titles: as the user wrote it, else as its data file."""
    return answers.name or PurePath(answers.data.name).stem or answers.data.name


def compare_forecast(forecast: Forecast, outcome: Outcome | None, metric: MetricFacts) -> list[Compared]:
    """What was forecast, line by line, beside what happened."""
    expected = forecast.score
    lines = [
        Compared(
            say_title(metric.title),
            f"{say_score(expected.point)} ({say_range(expected.low, expected.high)})",
        ),
        Compared("Useful gain", f"{say_probability(forecast.probability_of_useful_gain)} likely"),
        Compared("Wall time", say_seconds(forecast.train_wall_seconds)),
        Compared("Processor time", say_seconds(forecast.train_cpu_seconds)),
        Compared("Peak memory", say_bytes(forecast.peak_memory_bytes)),
    ]
    if outcome is not None:
        lines = [_with_outcome(line, forecast, outcome) for line in lines]
    return [*lines[:4], *_phases(forecast, outcome), lines[4], *_energy(forecast, outcome), *_steps(forecast, outcome)]


ENERGY = "Processor energy"
PHASE_TITLES = {
    "prepare": "– starting, reading",
    "training": "– training steps",
    "validation": "– validating epochs",
    "evaluation": "– sealed rows",
    "analysis": "– where it fails",
}
"""What the parts of the processor time are called."""


def _phases(forecast: Forecast, outcome: Outcome | None) -> list[Compared]:
    """The parts of the processor time; training against what was forecast for the steps that were really taken."""
    taken = {phase.name: phase for phase in outcome.phases} if outcome is not None else {}
    found = []
    for phase in forecast.phases:
        expected, happened = say_seconds(phase.cpu_seconds), taken.get(phase.name)
        if happened is None:
            found.append(Compared(PHASE_TITLES[phase.name], expected))
            continue
        steps = forecast.steps_ratio(outcome.steps if outcome else None) if phase.name in STEPWISE else 1.0
        against = _relative(happened.cpu_seconds, steps * phase.cpu_seconds)
        note = " for these steps" if steps != 1 and against else ""
        found.append(
            Compared(PHASE_TITLES[phase.name], expected, say_seconds(happened.cpu_seconds), f"{against}{note}")
        )
    return found


def _energy(forecast: Forecast, outcome: Outcome | None) -> list[Compared]:
    """What the machine's processors took of it, where it told both times."""
    if forecast.joules is None:
        return []
    expected = Compared(ENERGY, say_energy(forecast.joules))
    if outcome is None or outcome.joules is None:
        return [expected]
    return [Compared(ENERGY, expected.forecast, say_energy(outcome.joules), _relative(outcome.joules, forecast.joules))]


def _steps(forecast: Forecast, outcome: Outcome | None) -> list[Compared]:
    """Training steps, planned and taken, and how busy the machine was."""
    found = []
    if forecast.planned_steps is not None and forecast.expected_steps is not None:
        expected = f"{say_count(round(forecast.expected_steps))} of {say_count(forecast.planned_steps)} planned"
        steps = None if outcome is None else outcome.steps
        if steps is None:
            found.append(Compared("Training steps", expected))
        else:
            early = "stopped early" if steps < forecast.planned_steps else "all of them"
            found.append(Compared("Training steps", expected, say_count(steps), early))
    if forecast.load_average is not None:
        load = None if outcome is None else outcome.load_average
        told = () if load is None else (f"{load:.1f}", "other programs slow the wall time")
        found.append(Compared("Load of the machine", f"{forecast.load_average:.1f}", *told))
    return found


def _with_outcome(line: Compared, forecast: Forecast, outcome: Outcome) -> Compared:
    reached = outcome.probability_of_useful_gain >= 0.5
    happened: dict[str, tuple[str, str]] = {
        "Useful gain": (
            "yes" if reached else "no",
            "as expected" if reached == (forecast.probability_of_useful_gain >= 0.5) else "unexpected",
        ),
        "Wall time": (
            say_seconds(outcome.train_wall_seconds),
            _relative(outcome.train_wall_seconds, forecast.train_wall_seconds),
        ),
        "Processor time": (
            say_seconds(outcome.train_cpu_seconds),
            _relative(outcome.train_cpu_seconds, forecast.train_cpu_seconds),
        ),
        "Peak memory": (
            say_bytes(outcome.peak_memory_bytes),
            _relative(outcome.peak_memory_bytes, forecast.peak_memory_bytes),
        ),
    }
    reach = f" ({say_range(outcome.score.low, outcome.score.high)})" if outcome.score.shown else ""
    score = f"{say_score(outcome.score.point)}{reach}"
    shown, against = happened.get(line.what, (score, say_place(outcome.score.point, forecast)))
    return Compared(line.what, line.forecast, shown, against)


def say_place(score: float, forecast: Forecast) -> str:
    """Where an outcome lies against the interval that was forecast."""
    if score < forecast.score.low:
        return "below range"
    return "above range" if score > forecast.score.high else "in range"


def _relative(outcome: float, forecast: float) -> str:
    if forecast <= 0:
        return ""
    change = outcome / forecast - 1
    if abs(change) < 0.005:
        return "as forecast"
    if change >= 1:
        return f"{outcome / forecast:.1f} times"
    return f"{abs(100 * change):.0f} % {'more' if change > 0 else 'less'}"


def money(answers: Answers, seconds: float) -> str | None:
    """What that much time costs at the price that the user gave."""
    price = answers.budget.price_per_hour
    return None if price is None else f"{price * seconds / 3600:.2f} in your currency, at {price:g} an hour"


def questions(answers: Answers, decision: Decision) -> list[Question]:
    """Every question in the order of the interview, with its answer or its default."""
    found = []
    for section in SECTIONS:
        record: Record = getattr(answers, section)
        for name, declared in type(record).model_fields.items():
            ask = next((note for note in declared.metadata if isinstance(note, Ask)), None)
            asked = section in answers.model_fields_set and name in record.model_fields_set
            if ask is None and not asked:
                continue
            given = getattr(record, name)
            if section == "goal" and given is None:
                given = getattr(decision, name)
            value = _words(f"{section}.{name}", given, ask if asked else None)
            found.append(Question(f"{section}.{name}", ask.question if ask else say_title(name), value, asked))
    return [
        *found,
        *(Question(f"task_options.{key}", say_title(key), value, True) for key, value in answers.task_options.items()),
    ]


def explain_reading(reading: Reading) -> list[str]:
    """What the columns were taken for without a question, why, and how to say it otherwise."""
    return [
        f"Nobody said what the columns are. They were taken for {say_reading(reading)} "
        f"({say_confidence(reading.confidence)}).",
        *reading.because,
        f"To say it yourself: `{say_flags(reading)}`, or task and [data] in an answers file.",
    ]


def _words(key: str, value: Any, ask: Ask | None) -> str:
    if value is None or value == []:
        return EMPTY_MEANS.get(key, "nothing")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return _listed(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if key == "goal.metric":
        return say_name(value)
    return dict(ask.choices).get(value, str(value)) if ask else say_name(str(value))


def _listed(value: list[Any] | dict[str, Any]) -> str:
    if isinstance(value, list):
        return ", ".join(str(part) for part in value)
    return "; ".join(
        f"{truth} answered {answer}: {cost:g}" for truth, row in value.items() for answer, cost in row.items()
    )


def costs(measurements: Measurements) -> list[tuple[str, float]]:
    """What was measured, with the wall seconds that it took."""
    found = [("Reading and checking the data", measurements.dataset.seconds)]
    found += [("Measuring this machine", measurements.hardware.seconds)]
    found += [(f"Reading the rows with {model.model}", model.seconds) for model in measurements.models]
    if measurements.rivals is not None:
        found.append(("Cross-validating the cheap ways", measurements.rivals.seconds))
    if measurements.prospects is not None:
        found.append(("Learning curve and doubtful labels", measurements.prospects.seconds))
    if measurements.pilot is not None:
        found.append(("A short real fine-tuning", measurements.pilot.seconds))
    return found


def say_order_by_size(ranking: Sequence[RankedModel]) -> str:
    """The measured models by size alone, which a ranking has to beat to have shown anything; empty with fewer than two."""
    sizes = [(ranked.parameters, ranked.model) for ranked in ranking if ranked.measured and ranked.parameters]
    if len(sizes) < 2:
        return ""
    listed = [f"{name} ({say_amount(size)} parameters)" for size, name in sorted(sizes, reverse=True)]
    return f"By size alone the measured ones would stand in this order: {', '.join(listed)}."


def say_own_cost(measurements: Measurements, decision: Decision) -> str:
    """What finding out cost beside what it advises on; empty without a forecast."""
    if decision.forecast is None:
        return ""
    share = measurements.cpu_seconds / max(decision.forecast.train_cpu_seconds, 1e-9)
    return f"That is {say_share(share)} of the processor time that the run is forecast to take."


def say_curve(curve: LearningCurve, facts: MetricFacts) -> str:
    """What the last doubling of the rows brought, and whether that is more than chance."""
    half, whole = (say_count(point.rows) for point in curve.points[-2:])
    last = curve.last_doubling
    gained = f"{say_improvement(last.point, facts)} (95 % interval {say_improvement_range(last.low, last.high, facts)})"
    return f"From {half} to {whole} rows the linear probe gained {gained}. {say_trend(last)}"


def confused_pairs(result: Result, most: int) -> list[ConfusedPair]:
    """The pairs of classes that were taken for each other most often."""
    pairs = [
        ConfusedPair(result.classes[row], result.classes[column], count, sum(counts))
        for row, counts in enumerate(result.errors.confusion)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return sorted(pairs, key=lambda pair: (-pair.rows, -pair.rows / pair.of))[:most]


def say_test(result: Result) -> str:
    """Fine-tuned against the rival that the decision chose."""
    gain = say_improvement(result.difference.point, result.metric_facts)
    return f"{gain} over the {say_way(result.chosen_rival)}"


def say_gain_range(gain: Difference, facts: MetricFacts) -> str:
    """The interval of a gain, or that none is shown, with the standard error."""
    error = "" if gain.standard_error is None else f", standard error {_plain(gain.standard_error, facts)}"
    if gain.why_no_interval:
        return f"no interval is shown{error}"
    return f"95 % interval {say_improvement_range(gain.low, gain.high, facts)}{error}"


def _plain(amount: float, facts: MetricFacts) -> str:
    return f"{100 * amount:.1f}" if facts.unit == "points" else f"{amount:.3g}"


def say_repetitions(score: Score) -> str:
    """How far a score spread over draws of folds or seeds, which its interval does not hold; empty with one."""
    if score.deviation is None:
        return ""
    return f"Mean of {score.repetitions} draws of folds, over which it spreads by {score.deviation:.3f} (standard deviation)."


def say_mended(result: Result) -> str:
    """What changed against the rival, in rows."""
    mended, broken = result.errors.mended, result.errors.broken
    rival = say_way(result.chosen_rival)
    if result.difference.p is None:  # no answer is right or wrong, only near or far
        return f"{say_many(mended, 'row')} answered more closely than by the {rival}, {say_count(broken)} less closely."
    return f"{say_many(mended, 'mistake')} of the {rival} mended, {say_many(broken, 'new mistake')} made."


def where_scored(decision: Decision, measurements: Measurements) -> str:
    """On which rows the cheap ways were scored before deciding."""
    rivals = measurements.rivals
    how = (
        f"cross-validated in {rivals.folds} folds on {rivals.rows_used:,} training rows"
        if rivals
        else "on training rows"
    )
    return f"{say_metric(decision.metric_facts)}, {how}, 95 % intervals"


def explain_intervals(answers: Answers, decision: Decision) -> str:
    """How to read an interval, for who has not compared models before; else empty."""
    return INTERVAL_EXPLAINED if decision.guided or answers.expertise.evaluation in ("none", "unknown") else ""


def with_fine_tuned(result: Result) -> list[Score]:
    """All ways on the sealed rows, the fine-tuned model last."""
    return [*result.rivals, result.fine_tuned]
