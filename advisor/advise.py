"""From answers to a verdict: the story of the advisor."""

from advisor.alternative import save_alternative
from advisor.decision import Verdict, decide
from advisor.factors import (
    Readings,
    Target,
    expertise_level,
    gather_evidence,
    read_quantities,
    score_factors,
    weighted_points,
)
from advisor.investigation import Facts, find_out, make_case
from advisor.measuring import Measuring, Progress
from advisor.planning import make_plan
from advisor.records import Alternative, Decision, FactorScore, Go, Measurements, NoGo, NotYet
from advisor.remarks import remark
from advisor.rule_records import Rules
from advisor.rulebook import say_way
from advisor.run_folder import RunFolder
from pipeline.evaluation.comparison import smallest_provable_gain
from pipeline.extras import require_for
from pipeline.precision import require_bfloat16
from pipeline.task import Task


def advise(folder: RunFolder, rules: Rules, progress: Progress) -> Go | NotYet | NoGo:
    """Measure, decide, and save every record in the run folder; the decision last, so that a stop before it goes on.

    Raises:
        PipelineError: A person has to mend something first.
    """
    measuring = Measuring(folder, rules, progress)
    require_for(measuring.answers.training.model_dump())
    require_bfloat16(measuring.answers.training.precision)
    _ = measuring.other_tasks  # what is wrong with them is said before anything is measured
    facts = find_out(measuring)
    measurements = gather(measuring, facts)
    factors, verdict = weigh(measuring, facts, measurements)
    decision = _decision(measuring, facts, factors, verdict)
    folder.save("measurements", measurements)
    folder.save("data_sheet", measuring.data_sheet)
    outcome: Go | NotYet | NoGo
    if verdict.name == "go":
        outcome = Go(decision=decision, plan=make_plan(measuring, facts, verdict))
        folder.save("plan", outcome.plan)
    else:
        outcome = NotYet(decision=decision) if verdict.name == "not_yet" else NoGo(decision=decision)
    folder.save("decision", decision)
    return outcome


def gather(measuring: Measuring, facts: Facts) -> Measurements:
    """All that was measured, in one record."""
    return Measurements(
        dataset=measuring.dataset,
        audit=measuring.audit,
        hardware=measuring.hardware,
        models=measuring.models,
        rivals=facts.rivals,
        prospects=facts.prospects,
        pilot=facts.pilot,
        seconds=measuring.journal.wall_seconds,
        cpu_seconds=measuring.journal.cpu_seconds,
    )


def weigh(measuring: Measuring, facts: Facts, measurements: Measurements) -> tuple[list[FactorScore], Verdict]:
    """Score the five factors, and decide."""
    rules = measuring.rules
    goal = Target(measuring.metric, measuring.aim.good_enough, measuring.aim.useful_gain)
    quantities = read_quantities(measuring.answers, measurements, facts.model, facts.forecast, goal)
    entry = rules.models.get(facts.candidate.name)
    evidence = gather_evidence(measuring.answers, measurements, facts.model, entry, facts.forecast)
    factors = score_factors(rules.factors, Readings(quantities, evidence))
    case = make_case(measuring, facts, weighted_points(rules.factors, factors), quantities)
    return factors, decide(case, rules.decision)


def _decision(measuring: Measuring, facts: Facts, factors: list[FactorScore], verdict: Verdict) -> Decision:
    answers = measuring.answers
    provable = _provable(measuring, facts)
    return Decision(
        verdict=verdict.name,
        guided=expertise_level(answers.expertise) < measuring.rules.decision.thresholds["guided"].value,
        reasons=[*verdict.reasons, *remark(measuring, facts, verdict, provable)],
        factors=factors,
        recommendation=facts.recommendation,
        rivals=facts.rivals.rivals if facts.rivals else [],
        recipe=facts.recipe,
        forecast=facts.forecast,
        smallest_provable_gain=provable,
        alternative=_keep_alternative(measuring, facts),
        flips=verdict.flips,
        metric=measuring.metric.name,
        metric_facts=measuring.metric.facts,
        good_enough=measuring.aim.good_enough,
        useful_gain=measuring.aim.useful_gain,
    )


def _unmeasured(task: Task) -> str:
    """The way that needs fewest rows: zero-shot, else the way that knows least."""
    return "zero_shot" if "zero_shot" in task.rivals else task.rivals[0]


def _provable(measuring: Measuring, facts: Facts) -> float | None:
    if facts.rivals is None:
        return None
    rivals = facts.rivals
    return smallest_provable_gain(rivals.difference_standard_error, rivals.rows_used, measuring.dataset.test_rows)


def _keep_alternative(measuring: Measuring, facts: Facts) -> Alternative | None:
    """Save the best cheap way; zero-shot, unmeasured, where the rows allow no comparison."""
    pooling = facts.model.pooling if facts.model else facts.candidate.source.pooling
    setting = measuring.setting(facts.candidate, pooling)
    name = facts.rivals.best if facts.rivals else _unmeasured(measuring.task)
    rows = measuring.data.on("train", "validation")
    columns = measuring.answers.data.columns
    measuring.progress.step(f"saving the best cheap way ({say_way(name)})")
    save_alternative(measuring.folder.path, name, measuring.task, rows, setting, columns, measuring.answers.seed)
    score = next((rival.score for rival in facts.rivals.rivals if rival.name == name), None) if facts.rivals else None
    return Alternative(name=name, score=score)
