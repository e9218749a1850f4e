"""What to do next after a verdict or a result: what is ready first, then what brings most for a person's time. Pure."""

from collections.abc import Sequence

from advisor.improvements import improvements, make_step, numbers
from advisor.outlook import Standing, gain_of
from advisor.records import Decision
from advisor.rule_records import Advice, ModelEntry
from advisor.rulebook import load_models, say_way
from pipeline.evaluation.comparison import say_amount, say_gain
from pipeline.records import Interval, NextStep, NextSteps
from pipeline.results import Result

LABELS_WANTED = frozenset(
    {"too_few_rows", "class_without_rows", "few_rows_per_class", "nothing_to_compare", "go_points"}
)
"""Reasons for a not-yet that more labelled rows take away."""


def after_decision(standing: Standing, advice: Sequence[Advice] = ()) -> NextSteps:
    """What to do after a verdict.

    Args:
        standing: Where the run stands.
        advice: Good practice on collecting rows, said where labels are what is wanted.
    """
    decision, folder = standing.decision, standing.run
    if decision.verdict == "go":
        return NextSteps.of(
            NextStep(
                title="Start the run",
                because="The plan is written; it can also be copied to another machine.",
                command=f"advisor train {folder}",
            ),
            NextStep(
                title="Or run it elsewhere",
                because="Copy the run folder and the data; the rows are verified by their hashes.",
                command=f"python -m pipeline {folder}/plan.json --data FILE",
            ),
        )
    steps = [
        NextStep(title="Change what stands in the way", because=flip.because, command=None) for flip in decision.flips
    ]
    ready = _use_alternative(decision, folder)
    better = ranked(improvements(standing))
    if decision.verdict == "not_yet":
        wanted = LABELS_WANTED & {reason.code for reason in decision.reasons}
        others = [step for step in better if not (step.command or "").startswith("advisor label")]
        return NextSteps.of(*steps, ready, *others, *(_label_more(standing, better, advice) if wanted else []))
    another = _measure_another(standing, "Another model may see more in these texts. ") if decision.forecast else []
    return NextSteps.of(ready, *steps, *better, *another)


def _label_more(standing: Standing, better: Sequence[NextStep], advice: Sequence[Advice]) -> list[NextStep]:
    """The command that asks for the rows that would help most, with its forecast, and how to come by good ones."""
    label = NextStep(
        title="Label the rows that would help most",
        because="It asks for them one by one, suggests an answer, saves each at once, and says when they are enough.",
        command=f"advisor label {standing.run} --data unlabelled.csv",
    )
    told = next((step for step in better if step.command == label.command), None)
    if told is not None:
        label = label.model_copy(
            update={
                "because": f"{label.because} {told.because}",
                "gain": told.gain,
                "effort_minutes": told.effort_minutes,
                "forecast": told.forecast,
            }
        )
    return [label, *(NextStep(title=each.title, because=each.because, source=each.source) for each in advice)]


def _use_alternative(decision: Decision, folder: str) -> NextStep:
    way = decision.alternative
    name = say_way(way.name) if way else "cheap way"
    score = (
        f" ({decision.metric_facts.title} {way.score:.3f}, cross-validated)" if way and way.score is not None else ""
    )
    return NextStep(
        title=f"Use the {name} now",
        because=f"It is the best cheap way{score}, fitted on all training rows and saved ready to use.",
        command=f"advisor predict {folder} --data in.csv --out out.csv",
    )


def after_result(standing: Standing) -> NextSteps:
    """What to do after a run."""
    result = standing.result
    assert result is not None
    better = ranked(improvements(standing))
    steps = [_use(standing, result), *_stop(standing, result, better), *better, *_more_sealed(standing, result)]
    if not _is_enough(standing, result):
        steps += _measure_another(standing, _say_short(standing, result))
    return NextSteps.of(*steps)


def ranked(steps: Sequence[NextStep]) -> list[NextStep]:
    """What is expected to bring most for a minute of a person first; then what has no forecast, in its order."""
    foretold = [step for step in steps if step.gain is not None and step.gain.point > 0]
    rest = [step for step in steps if step.gain is None]
    return [*sorted(foretold, key=_worth, reverse=True), *rest]


def _worth(step: NextStep) -> float:
    gain = step.gain.point if step.gain else 0.0
    return gain / max(step.effort_minutes or 1.0, 1.0)


def _use(standing: Standing, result: Result) -> NextStep:
    gain = result.difference
    told = {"because": result.because, "run": standing.run, "way": say_way(result.chosen_rival)}
    if result.verdict != "improved":
        return make_step("use_cheap", told, standing.facts)
    measured = None if gain.why_no_interval else Interval(point=gain.point, low=gain.low, high=gain.high)
    return make_step("use_model", told, standing.facts).model_copy(update={"gain": measured})


def _is_enough(standing: Standing, result: Result) -> bool:
    return gain_of(standing.facts, result.fine_tuned.score, standing.decision.good_enough) >= 0


def _stop(standing: Standing, result: Result, better: Sequence[NextStep]) -> list[NextStep]:
    """That it may end here, where the score is enough or no step is expected to bring what was called useful."""
    decision, facts = standing.decision, standing.facts
    if _is_enough(standing, result):
        told = {"score": f"{result.fine_tuned.score:.3f}", "enough": f"{decision.good_enough:.3f}"}
        return [make_step("stop_enough", told, facts)]
    gains = [step.gain.point for step in better if step.gain is not None]
    if not gains:
        return [make_step("stop_nothing", {}, facts)]
    if max(gains) >= decision.useful_gain:
        return []
    told = {"useful": say_amount(decision.useful_gain, facts), "best": say_gain(max(gains), facts)}
    return [make_step("stop_flat", told, facts)]


def _more_sealed(standing: Standing, result: Result) -> list[NextStep]:
    """How many sealed rows would tell, where these could not."""
    provable, useful = standing.decision.smallest_provable_gain, standing.decision.useful_gain
    if result.verdict != "insufficient_evidence" or provable is None:
        return []
    wanted = result.test_rows * (provable / useful) ** 2
    if wanted <= result.test_rows:
        return []
    told = {
        "wanted": f"{wanted:,.0f}",
        "useful": say_amount(useful, standing.facts),
        "have": f"{result.test_rows:,}",
    }
    minutes = (wanted - result.test_rows) * numbers()["seconds_per_label"] / 60
    return [make_step("more_sealed", told, standing.facts, None, minutes)]


def _say_short(standing: Standing, result: Result) -> str:
    enough = standing.decision.good_enough
    if enough == standing.facts.lowest:  # nobody said what is good enough, and no model is without error
        return ""
    return f"{result.fine_tuned.score:.3f} is still short of the {enough:.3f} that is good enough. "


def _measure_another(standing: Standing, why: str) -> list[NextStep]:
    """The best larger model that fits the budget; else the best by facts, where something is said to be short."""
    models = load_models()
    others = [ranked.model for ranked in standing.decision.recommendation.ranking if not ranked.measured]
    ours = models.get(standing.decision.recommendation.model)
    larger = [name for name in others if ours is not None and name in models and _fits(standing, ours, models[name])]
    if larger and ours is not None:
        times = models[larger[0]].parameters.value / ours.parameters.value
        told = {
            "model": larger[0],
            "why": why,
            "times": f"{times:.1f}",
            "seconds": say_span(times * _seconds(standing)),
            "minutes": f"{standing.answers.budget.train_minutes:g} min",
        }
        return [make_step("larger_model", told, standing.facts)]
    if not others or not why:
        return []
    return [make_step("other_model", {"model": others[0], "why": why}, standing.facts)]


def _fits(standing: Standing, ours: ModelEntry, other: ModelEntry) -> bool:
    """Whether a larger model would fit time and memory, both taken to grow with its weights."""
    times = other.parameters.value / ours.parameters.value
    budget, hardware = standing.answers.budget, standing.measurements.hardware
    memory = budget.memory_gib * 2**30 if budget.memory_gib is not None else hardware.memory_free_bytes
    needed = standing.result.outcome if standing.result else standing.decision.forecast
    if needed is None:
        return False
    in_time = times * needed.train_wall_seconds <= 60 * budget.train_minutes
    return times > 1 and in_time and times * needed.peak_memory_bytes <= memory


def _seconds(standing: Standing) -> float:
    needed = standing.result.outcome if standing.result else standing.decision.forecast
    return needed.train_wall_seconds if needed else 0.0


def say_span(seconds: float) -> str:
    """A span of time, no finer than it is known."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
