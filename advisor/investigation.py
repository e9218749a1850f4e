"""Finds out what the verdict needs, the cheap things first, and stops as soon as the verdict is clear."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from advisor.decision import BestWay, Case, cheap_way_vetoes, data_vetoes
from advisor.estimate import Workload, estimate, memory_margin
from advisor.factors import expertise_level, memory_budget_bytes
from advisor.forecast import Measured, expect
from advisor.licences import forbidden_model, forbidding_mark
from advisor.measuring import Measuring
from advisor.recommendation import Circumstances, recommend
from advisor.records import (
    Candidate,
    ModelMeasurement,
    PilotMeasurement,
    Prospects,
    Recommendation,
    RivalMeasurement,
)
from advisor.rule_records import Quantity
from advisor.strategy import Reader, TrainingCircumstances, choose_recipe
from pipeline.extras import is_installed
from pipeline.metric import Metric
from pipeline.records import Forecast, Recipe, Score
from pipeline.sentences import fill

TOKENS_A_WORD = 1.4
"""Tokens that a sub-word tokenizer makes of a word of running English."""
FLOPS_A_WEIGHT = 2
"""A multiplication and an addition for each token."""
FORWARD_AND_BACK = 3
"""A training step costs about three times the arithmetic of reading alone."""


@dataclass(frozen=True)
class Facts:
    """What was found out, in the order in which it was; what was not needed is None."""

    recommendation: Recommendation
    candidate: Candidate
    model: ModelMeasurement | None = None
    rivals: RivalMeasurement | None = None
    prospects: Prospects | None = None
    recipe: Recipe | None = None
    pilot: PilotMeasurement | None = None
    forecast: Forecast | None = None


def find_out(measuring: Measuring, *, everything: bool = False) -> Facts:
    """Measure what the verdict needs, the cheap things first, and stop as soon as it is clear.

    Args:
        measuring: Measures.
        everything: Go on also where the verdict is clear, to learn what would have happened.
    """
    dataset, hardware = measuring.dataset, measuring.hardware
    around = Circumstances(
        language=dataset.language,
        domain=dataset.domain,
        budget_seconds=60 * measuring.answers.budget.train_minutes,
        flops_per_second=hardware.matmul_flops_per_second,
        train_tokens=FORWARD_AND_BACK * TOKENS_A_WORD * dataset.median_words * dataset.train_rows,
        max_latency_ms=measuring.answers.deployment.max_latency_ms,
        higher_is_better=measuring.metric.higher_is_better,
    )
    recommendation = recommend(
        measuring.models, measuring.at_hand, measuring.candidates, measuring.rules.models, around
    )
    candidate = next(each for each in measuring.at_hand if each.name == recommendation.model)
    model = next((each for each in measuring.models if each.model == candidate.name), None)
    facts = Facts(recommendation, candidate, model)
    if model is None:
        return facts
    rivals = measuring.rivals(candidate, model.pooling)
    facts = replace(facts, rivals=rivals)
    if rivals is not None:
        facts = replace(facts, prospects=measuring.prospects(candidate, model.pooling))
    case = make_case(measuring, facts, points=0.0)
    rules = measuring.rules.decision
    clear = data_vetoes(case, rules) or cheap_way_vetoes(case, rules)
    if rivals is None or (clear and not everything):
        return facts
    recipe = recipe_for(measuring, model.parameters)
    pilot = measuring.pilot(candidate, model.pooling, recipe)
    expected = _forecast(measuring, candidate, rivals, recipe, pilot, model)
    return replace(facts, recipe=recipe, pilot=pilot, forecast=expected)


def recipe_for(measuring: Measuring, parameters: int) -> Recipe:
    """How a model of that size would be trained on these rows."""
    dataset, budget = measuring.dataset, measuring.answers.budget
    row_tokens = TOKENS_A_WORD * dataset.median_words
    flops = FORWARD_AND_BACK * FLOPS_A_WEIGHT * parameters * row_tokens * dataset.train_rows
    circumstances = TrainingCircumstances(
        memory_bytes=memory_budget_bytes(measuring.answers, measuring.hardware),
        row_tokens=row_tokens,
        efficient_tokens=measuring.hardware.efficient_tokens,
        epoch_seconds=flops / measuring.hardware.matmul_flops_per_second,
        budget_seconds=60 * budget.train_minutes,
        has_lora=is_installed("peft"),
        train_rows=dataset.train_rows,
        parameters=parameters,
        imbalance=dataset.imbalance,
        starts_from_probe=measuring.task.starts_from_probe,
        bfloat16=measuring.hardware.bfloat16,
        reader=_reader(measuring),
    )
    return choose_recipe(
        measuring.rules.strategies,
        measuring.rules.tasks[measuring.task.key].recipe,
        circumstances,
        measuring.answers.training.model_dump(exclude_none=True),
    )


def _reader(measuring: Measuring) -> Reader:
    """Who reads why a recipe is as it is, by the answers on expertise."""
    level, rules = expertise_level(measuring.answers.expertise), measuring.rules
    if level < rules.decision.thresholds["guided"].value:
        return "newcomer"
    return "expert" if level >= rules.strategies.experts.from_level else "usual"


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
        test_rows=dataset.test_rows,
        rival_seconds=sum(rival.seconds or 0.0 for rival in rivals.rivals),
        folds=rivals.folds,
        weight_bytes=model.weight_bytes,
    )
    numbers = measuring.rules.forecast.numbers
    margin = memory_margin(pilot, dataset.train_rows, numbers)
    cost = estimate(pilot, recipe, work, margin, numbers["early_stopping_share"].value)
    measured = Measured(
        metric=measuring.metric,
        rivals=rivals,
        dataset=dataset,
        useful_gain=measuring.aim.useful_gain,
        starts_from_probe=measuring.task.starts_from_probe,
    )
    expected = expect(measured, pilot, cost, measuring.rules.forecast)
    parts = {
        "phases": list(cost.phases),
        "planned_steps": cost.planned_steps,
        "expected_steps": cost.expected_steps,
        "load_average": pilot.load_average,
        "joules": None if pilot.watts is None else pilot.watts * cost.wall_seconds,
    }
    return expected.model_copy(update=parts)


def make_case(
    measuring: Measuring, facts: Facts, points: float, quantities: Mapping[Quantity, float] | None = None
) -> Case:
    """The case to decide, from everything that was found out."""
    dataset, aim, metric = measuring.dataset, measuring.aim, measuring.metric
    limit = measuring.answers.deployment.max_latency_ms
    rarest = min(dataset.rows_per_class.items(), key=lambda item: item[1], default=None)
    best = (
        next((rival for rival in facts.rivals.rivals if rival.name == facts.rivals.best), None)
        if facts.rivals
        else None
    )
    mark = forbidding_mark(measuring.answers, measuring.rules.licences)
    licence = measuring.answers.provenance.licence
    return Case(
        usable_rows=dataset.usable_rows,
        smallest_class=rarest,
        median_class_rows=dataset.median_class_rows,
        consent=measuring.answers.provenance.consent,
        permutation_p=facts.rivals.permutation_p if facts.rivals else None,
        best=best_way(best, metric, aim.good_enough) if best else None,
        metric=metric.facts,
        good_enough=aim.good_enough,
        useful_gain=aim.useful_gain,
        probability=facts.forecast.probability_of_useful_gain if facts.forecast else None,
        time_share=(quantities or {}).get("time_share"),
        memory_share=(quantities or {}).get("memory_share"),
        latency_share=facts.model.latency_ms / limit if facts.model and limit else None,
        points=points,
        comparable=measuring.bench is not None,
        invalid=[finding for finding in measuring.audit.findings if finding.severity == "invalidates"],
        forbidden_model=forbidden_model(facts.candidate.name, measuring.rules.models, measuring.answers),
        forbidden_data=(fill(mark.because, licence=licence), mark.flip) if mark else None,
    )


def best_way(best: Score, metric: Metric, good_enough: float) -> BestWay:
    """The best cheap way against what is good enough, whatever the direction of the score."""
    sure = best.low if metric.higher_is_better else best.high
    return BestWay(
        name=best.name,
        score=best.score,
        sure=sure,
        room=metric.gain(good_enough, best.score),
        sure_room=metric.gain(good_enough, sure),
    )
