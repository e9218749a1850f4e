"""From answers to a verdict: the story of the advisor."""

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.alternative import save_alternative
from advisor.decision import Case, Verdict, cheap_way_vetoes, data_vetoes, decide
from advisor.estimate import Workload, estimate
from advisor.factors import (
    Readings,
    expertise_level,
    gather_evidence,
    read_quantities,
    score_factors,
    shown,
    weighted_points,
)
from advisor.forecast import forecast
from advisor.measuring import Measuring, Progress
from advisor.recommendation import Circumstances, recommend
from advisor.records import (
    Alternative,
    Candidate,
    Decision,
    Go,
    Measurements,
    ModelMeasurement,
    NoGo,
    NotYet,
    PilotMeasurement,
    Reason,
    Recommendation,
    RivalMeasurement,
)
from advisor.rulebook import Quantity, Rules
from advisor.run_folder import RunFolder, run_name
from advisor.strategy import choose_recipe
from pipeline.data.splitting import FEWEST_ROWS_FOR_A_PROOF, load_splits, rows_checksum
from pipeline.evaluation.comparison import smallest_provable_gain
from pipeline.records import DataSheet, Forecast, Plan, Recipe

FORWARD_AND_BACK_TOKENS_A_WORD = 1.4
"""Tokens that a sub-word tokenizer makes of a word of running English."""


@dataclass(frozen=True)
class Facts:
    """What was found out, in the order in which it was; what was not needed is None."""

    recommendation: Recommendation
    candidate: Candidate
    model: ModelMeasurement | None
    rivals: RivalMeasurement | None
    recipe: Recipe | None
    pilot: PilotMeasurement | None
    forecast: Forecast | None


def advise(folder: RunFolder, rules: Rules, progress: Progress) -> Go | NotYet | NoGo:
    """Measure, decide, and save every record in the run folder.

    Raises:
        PipelineError: A person has to mend something first.
    """
    measuring = Measuring(folder, rules, progress)
    facts = find_out(measuring)
    measurements = Measurements(
        dataset=measuring.dataset,
        hardware=measuring.hardware,
        models=measuring.models,
        rivals=facts.rivals,
        pilot=facts.pilot,
        seconds=measuring.journal.wall_seconds,
        cpu_seconds=measuring.journal.cpu_seconds,
    )
    case = make_case(measuring, facts, points=0.0)
    quantities = read_quantities(measuring.answers, measurements, facts.model, facts.forecast)
    entry = rules.models.get(facts.candidate.name)
    evidence = gather_evidence(measuring.answers, measurements, facts.model, entry, facts.forecast)
    factors = score_factors(rules.factors, Readings(quantities, evidence))
    case = make_case(measuring, facts, weighted_points(rules.factors, factors), quantities)
    verdict = decide(case, rules.decision)
    provable = _provable(measuring, facts)
    decision = Decision(
        verdict=verdict.name,
        guided=expertise_level(measuring.answers.expertise) < rules.decision.thresholds["guided"].value,
        reasons=[*verdict.reasons, *_remarks(measuring, verdict, provable)],
        factors=factors,
        recommendation=facts.recommendation,
        rivals=facts.rivals.rivals if facts.rivals else [],
        forecast=facts.forecast,
        smallest_provable_gain=provable,
        alternative=_keep_alternative(measuring, facts),
        flips=verdict.flips,
        metric=measuring.metric.name,
        good_enough=measuring.answers.goal.good_enough,
        useful_gain=measuring.answers.goal.useful_gain,
    )
    folder.save("measurements", measurements)
    outcome: Go | NotYet | NoGo
    if verdict.name == "go":
        outcome = Go(decision=decision, plan=make_plan(measuring, facts, verdict))
        folder.save("plan", outcome.plan)
    else:
        outcome = NotYet(decision=decision) if verdict.name == "not_yet" else NoGo(decision=decision)
    folder.save("decision", decision)
    return outcome


def find_out(measuring: Measuring) -> Facts:
    """Measure what the verdict needs, the cheap things first, and stop as soon as it is clear."""
    dataset, hardware = measuring.dataset, measuring.hardware
    around = Circumstances(
        language=dataset.language,
        domain=dataset.domain,
        budget_seconds=60 * measuring.answers.budget.train_minutes,
        flops_per_second=hardware.matmul_flops_per_second,
        train_tokens=3 * dataset.train_rows * dataset.median_words * FORWARD_AND_BACK_TOKENS_A_WORD,
    )
    recommendation = recommend(
        measuring.models, measuring.at_hand, measuring.candidates, measuring.rules.models, around
    )
    candidate = next(each for each in measuring.at_hand if each.name == recommendation.model)
    model = next((each for each in measuring.models if each.model == candidate.name), None)
    facts = Facts(recommendation, candidate, model, None, None, None, None)
    if model is None:
        return facts
    rivals = measuring.rivals(candidate, model.pooling)
    facts = Facts(recommendation, candidate, model, rivals, None, None, None)
    case = make_case(measuring, facts, points=0.0)
    rules = measuring.rules.decision
    if rivals is None or data_vetoes(case, rules) or cheap_way_vetoes(case, rules):
        return facts
    recipe = choose_recipe(measuring.rules.strategies, dataset.train_rows, model.parameters, dataset.imbalance)
    pilot = measuring.pilot(candidate, model.pooling, recipe)
    return Facts(
        recommendation,
        candidate,
        model,
        rivals,
        recipe,
        pilot,
        _forecast(measuring, candidate, rivals, recipe, pilot, model),
    )


def _forecast(
    measuring: Measuring,
    candidate: Candidate,
    rivals: RivalMeasurement,
    recipe: Recipe,
    pilot: PilotMeasurement,
    model: ModelMeasurement,
) -> Forecast:
    dataset = measuring.dataset
    train_tokens, validation_tokens = measuring.training_tokens(candidate)
    read_rows = max(dataset.train_rows, 1)
    work = Workload(
        train_rows=dataset.train_rows,
        train_tokens=train_tokens,
        validation_tokens=validation_tokens,
        test_tokens=round(train_tokens / read_rows * dataset.test_rows),
        rival_seconds=sum(rival.seconds or 0.0 for rival in rivals.rivals),
        folds=rivals.folds,
        weight_bytes=model.weight_bytes,
    )
    numbers = measuring.rules.forecast.numbers
    cost = estimate(pilot, recipe, work, numbers["memory_margin"].value)
    gain = measuring.answers.goal.useful_gain
    rows = (rivals.rows_used, dataset.test_rows)
    return forecast(pilot, rivals.rivals, rivals.best, gain, rows, cost, measuring.rules.forecast)


def make_case(
    measuring: Measuring, facts: Facts, points: float, quantities: Mapping[Quantity, float] | None = None
) -> Case:
    """The case to decide, from everything that was found out."""
    dataset, goal = measuring.dataset, measuring.answers.goal
    rarest = min(dataset.rows_per_class.items(), key=lambda item: item[1], default=None)
    best = (
        next((rival for rival in facts.rivals.rivals if rival.name == facts.rivals.best), None)
        if facts.rivals
        else None
    )
    return Case(
        usable_rows=dataset.usable_rows,
        smallest_class=rarest,
        median_class_rows=dataset.median_class_rows,
        consent=measuring.answers.provenance.consent,
        permutation_p=facts.rivals.permutation_p if facts.rivals else None,
        best=(best.name, best.score, best.low) if best else None,
        good_enough=goal.good_enough,
        useful_gain=goal.useful_gain,
        probability=facts.forecast.probability_of_useful_gain if facts.forecast else None,
        time_share=(quantities or {}).get("time_share"),
        memory_share=(quantities or {}).get("memory_share"),
        points=points,
    )


def _provable(measuring: Measuring, facts: Facts) -> float | None:
    if facts.rivals is None:
        return None
    return smallest_provable_gain(measuring.dataset.test_rows, facts.rivals.discordant_fraction)


def _remarks(measuring: Measuring, verdict: Verdict, provable: float | None) -> list[Reason]:
    """What a person should know beside the reasons: a gain that could not be proven, and a need for guidance."""
    found = []
    thresholds = measuring.rules.decision.thresholds
    wanted = measuring.answers.goal.useful_gain
    if verdict.name == "go" and provable is not None and provable > wanted * thresholds["hard_to_prove"].value:
        rows = shown(measuring.dataset.test_rows * (provable / wanted) ** 2, "number")
        rule = thresholds["hard_to_prove"]
        values = {"{value}": shown(provable, "points"), "{limit}": shown(wanted, "points"), "{name}": rows}
        sentence = f"{rule.because} {rule.flip}"
        for slot, value in values.items():
            sentence = sentence.replace(slot, value)
        found.append(Reason(code="hard_to_prove", because=sentence))
    level = expertise_level(measuring.answers.expertise)
    if level < thresholds["guided"].value:
        sentence = thresholds["guided"].because.replace("{value}", shown(level, "number"))
        found.append(Reason(code="guided", because=sentence))
    return found


def _keep_alternative(measuring: Measuring, facts: Facts) -> Alternative | None:
    """Save the best cheap way; zero-shot, unmeasured, where the rows allow no comparison."""
    pooling = facts.model.pooling if facts.model else facts.candidate.source.pooling
    setting = measuring.setting(facts.candidate, pooling)
    name = facts.rivals.best if facts.rivals else "zero_shot"
    rows = measuring.data.on("train", "validation")
    columns = measuring.answers.data.columns
    measuring.progress.step(f"saving the best cheap way ({name.replace('_', '-')})")
    save_alternative(measuring.folder.path, name, measuring.task, rows, setting, columns, measuring.answers.seed)
    score = next((rival.score for rival in facts.rivals.rivals if rival.name == name), None) if facts.rivals else None
    return Alternative(name=name, score=score)


def make_plan(measuring: Measuring, facts: Facts, verdict: Verdict) -> Plan:
    """The plan of a go: everything that the run needs, here or on another machine."""
    assert facts.model is not None
    assert facts.rivals is not None
    assert facts.recipe is not None
    assert facts.forecast is not None
    answers, data = measuring.answers, measuring.data
    splits = load_splits(measuring.folder.path / "splits.parquet")
    entry = measuring.rules.models.get(facts.candidate.name)
    few = len(data.rows) < FEWEST_ROWS_FOR_A_PROOF
    return Plan(
        name=run_name(answers),
        task=answers.task,
        task_options=answers.task_options,
        data=answers.data,
        classes=measuring.task.classes(data.rows),
        rows_sha256=rows_checksum(list(splits["row_id"]), list(splits["side"])),
        model=facts.candidate.source.model_copy(update={"pooling": facts.model.pooling}),
        zero_shot_pooling=facts.candidate.source.pooling,
        preparation=measuring.embedder(facts.candidate).preparation,
        recipe=facts.recipe,
        rivals=list(measuring.task.rivals),
        chosen_rival=facts.rivals.best,
        templates=measuring.rules.tasks[answers.task].templates,
        metric=measuring.metric.name,
        useful_gain=answers.goal.useful_gain,
        good_enough=answers.goal.good_enough,
        result_ceiling="insufficient_evidence" if few else "none",
        seed=answers.seed,
        data_sheet=DataSheet(**answers.provenance.model_dump()),
        model_licence=entry.licence.value if entry else "unknown",
        forecast=facts.forecast,
        because=[reason.because for reason in verdict.reasons],
    )
