"""Five factors: their points at every edge of every band, and what they rest on."""

import math
from typing import Any

import pytest

from advisor.decision import Case, decide
from advisor.factors import (
    MIDDLE,
    Readings,
    Target,
    expertise_level,
    gather_evidence,
    memory_budget_bytes,
    read_quantities,
    score_factors,
    shown,
    speaks,
    weighted_points,
)
from advisor.investigation import best_way
from advisor.records import Expertise
from advisor.rule_records import FactorRule, Quantity
from advisor.rulebook import load_rules
from pipeline.evaluation.metrics import MACRO_F1
from tests.advisor import decisions
from tests.scores import MEAN_ERROR

RULES = load_rules()
FACTORS = ["task_similarity", "data_availability", "compute", "baseline_performance", "expertise"]
TARGET = Target(MACRO_F1, good_enough=0.95, useful_gain=0.03)
EDGES = [(rule, place) for rule in RULES.factors for place in range(len(rule.bands))]


def points(values: dict[Quantity, float], rules: list[FactorRule] = RULES.factors) -> dict[str, float]:
    return {factor.key: factor.points for factor in score_factors(rules, Readings(values, {}))}


@pytest.mark.parametrize(("rule", "place"), EDGES, ids=[f"{rule.reads}-{place}" for rule, place in EDGES])
def test_points_change_exactly_at_the_edge_of_a_band(rule: FactorRule, place: int) -> None:
    band, before = rule.bands[place], rule.bands[max(place - 1, 0)]
    for value, expected in [
        (math.nextafter(band.at_least, -math.inf), before),
        (band.at_least, band),
        (math.nextafter(band.at_least, math.inf), band),
    ]:
        found = score_factors([rule], Readings({rule.reads: value}, {}))[0]
        assert found.points == expected.points
        assert found.because == expected.because.replace("{value}", shown(value, rule.shown_as))
        assert "{" not in found.because


def test_five_factors_are_scored_in_the_same_order_whatever_was_measured() -> None:
    assert list(points({})) == FACTORS
    assert list(points({"memory_share": 0.2, "usable_rows": 10.0})) == FACTORS


def test_a_factor_that_was_not_measured_stands_in_the_middle_and_says_so() -> None:
    found = score_factors(RULES.factors, Readings({}, {"compute": ["2 cores."]}))
    assert {factor.points for factor in found} == {MIDDLE}
    assert {factor.because.split(":")[0] for factor in found} == {"Not measured"}
    assert next(factor for factor in found if factor.key == "compute").evidence == ["2 cores."]


@pytest.mark.parametrize(
    ("values", "key", "expected"),
    [
        ({"usable_rows": 9000.0, "rows_per_class": 3.0}, "data_availability", 0),
        ({"usable_rows": 20.0, "rows_per_class": 900.0}, "data_availability", 0),
        ({"time_share": 0.1, "memory_share": 0.95}, "compute", 1),
        ({"time_share": 2.0, "memory_share": 0.1}, "compute", 0),
        ({"time_share": 0.1, "memory_share": 0.1}, "compute", 4),
    ],
)
def test_the_reading_with_the_fewest_points_speaks_for_its_factor(
    values: dict[Quantity, float], key: str, expected: float
) -> None:
    assert points(values)[key] == expected


def test_weighted_points_lie_between_none_and_all() -> None:
    scored = score_factors(RULES.factors, Readings({}, {}))
    for value in (0.0, 1.5, 4.0):
        even = [factor.model_copy(update={"points": value}) for factor in scored]
        assert weighted_points(RULES.factors, even) == pytest.approx(value)


def test_a_heavy_factor_moves_the_weighted_points_more() -> None:
    weights: dict[str, float] = {rule.key: rule.weight for rule in RULES.factors}
    scored = score_factors(RULES.factors, Readings({}, {}))

    def lifted(key: str) -> float:
        return weighted_points(
            RULES.factors, [each.model_copy(update={"points": 4.0 if each.key == key else 0.0}) for each in scored]
        )

    assert sorted(FACTORS, key=lifted) == sorted(FACTORS, key=lambda key: weights[key])


def expertise(**said: str) -> Expertise:
    return Expertise.model_validate(said)


EVERY = list(Expertise.model_fields)


@pytest.mark.parametrize(("said", "level"), [("none", 0.0), ("some", 1.0), ("solid", 2.0), ("unknown", 1.0)])
def test_unknown_expertise_counts_as_the_middle(said: str, level: float) -> None:
    assert expertise_level(expertise(**dict.fromkeys(EVERY, said))) == level


def test_expertise_that_was_not_asked_gives_the_middle_points() -> None:
    assert points({"expertise_level": expertise_level(Expertise())})["expertise"] == MIDDLE


def test_no_expertise_asks_for_guidance_and_is_never_alone_a_no_go() -> None:
    guided = RULES.decision.thresholds["guided"].value
    beginner = expertise_level(expertise(**dict.fromkeys(EVERY, "none")))
    assert beginner < guided <= expertise_level(Expertise())
    hopeful: dict[str, Any] = {
        "usable_rows": 1000,
        "smallest_class": ("a", 90),
        "median_class_rows": 120.0,
        "consent": "unknown",
        "permutation_p": 0.001,
        "best": best_way(decisions.score("probe", 0.8, 0.7, 0.9), MACRO_F1, 0.95),
        "metric": MACRO_F1.facts,
        "good_enough": 0.95,
        "useful_gain": 0.03,
        "time_share": 0.1,
        "memory_share": 0.1,
    }
    for key_points, probability in ((0.0, 0.9), (2.0, 0.9), (0.0, 0.3), (4.0, 0.3)):
        found = decide(Case(**hopeful, probability=probability, points=key_points), RULES.decision)
        assert found.name != "no_go"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (0.123, "percent", "12 %"),
        (2.5, "percent", "250 %"),
        (-0.5, "number", "-0.5"),
        (12345.6, "number", "12,346"),
        (8.0, "number", "8"),
        (7.5, "number", "7.5"),
    ],
)
def test_quantities_are_written_as_people_read_them(value: float, kind: str, expected: str) -> None:
    assert shown(value, kind) == expected


def test_quantities_that_were_not_measured_are_left_out() -> None:
    sample = decisions.go()
    bare = decisions.measurements(rivals=None, pilot=None, models=[])
    assert set(read_quantities(sample.answers, bare, None, None, TARGET)) == {
        "usable_rows",
        "rows_per_class",
        "expertise_level",
    }


def test_quantities_follow_from_answers_and_measurements() -> None:
    sample = decisions.go()
    budget = sample.answers.budget.model_copy(update={"train_minutes": 60.0, "memory_gib": 4.0})
    answers = sample.answers.model_copy(update={"budget": budget})
    found = read_quantities(answers, sample.measurements, sample.measurements.models[0], decisions.FORECAST, TARGET)
    assert found["headroom"] == pytest.approx((0.95 - 0.841) / 0.03)
    assert found["separation"] == pytest.approx((0.841 - 0.052) / (1 - 0.052))
    assert found["time_share"] == pytest.approx(702 / 3600)
    assert found["memory_share"] == pytest.approx(1.24e9 / (4 * 2**30))


def test_quantities_of_errors_grow_with_what_is_better() -> None:
    sample = decisions.ratings()
    measured = sample.measurements.model_copy(update={"models": [decisions.model(probe=13.077)]})
    target = Target(MEAN_ERROR, good_enough=5.0, useful_gain=0.75)
    found = read_quantities(sample.answers, measured, measured.models[0], None, target)
    assert found["headroom"] == pytest.approx((13.077 - 5.0) / 0.75)
    assert found["separation"] == pytest.approx((24.81 - 13.077) / 24.81)
    reached = read_quantities(sample.answers, measured, None, None, Target(MEAN_ERROR, 14.0, 0.75))
    assert reached["headroom"] < 0
    assert points(reached)["baseline_performance"] == 0


def test_room_counts_as_many_useful_gains_whatever_the_unit() -> None:
    sample = decisions.ratings()
    rivals = sample.measurements.rivals
    assert rivals is not None
    found = []
    for unit in (0.001, 1.0, 5000.0):
        scored = [each.model_copy(update={"score": each.score * unit}) for each in rivals.rivals]
        measured = sample.measurements.model_copy(update={"rivals": rivals.model_copy(update={"rivals": scored})})
        target = Target(MEAN_ERROR, 5.0 * unit, 0.75 * unit)
        model = decisions.model(probe=13.077 * unit)
        found.append(read_quantities(sample.answers, measured, model, None, target))
    assert found[0] == pytest.approx(found[1])
    assert found[2] == pytest.approx(found[1])


def test_the_memory_budget_is_what_was_said_else_what_the_run_can_use() -> None:
    sample = decisions.go()
    budget = sample.answers.budget
    said = sample.answers.model_copy(update={"budget": budget.model_copy(update={"memory_gib": 2.0})})
    unsaid = sample.answers.model_copy(update={"budget": budget.model_copy(update={"memory_gib": None})})
    hardware = sample.measurements.hardware
    with_accelerator = sample.measurements.model_copy(
        update={"hardware": hardware.model_copy(update={"accelerator": "H100", "accelerator_memory_bytes": 80 * 10**9})}
    )
    assert memory_budget_bytes(said, with_accelerator.hardware) == 2 * 2**30
    assert memory_budget_bytes(unsaid, sample.measurements.hardware) == hardware.memory_free_bytes
    assert memory_budget_bytes(unsaid, with_accelerator.hardware) == 80 * 10**9


def test_german_texts_with_an_english_model_are_said_with_the_fix() -> None:
    sample = decisions.go()
    english = RULES.models["all-minilm-l6-v2"]
    german = decisions.measurements(dataset=decisions.dataset().model_copy(update={"language": "de"}))
    said = gather_evidence(sample.answers, german, german.models[0], english, None)["task_similarity"]
    assert (
        "The texts are in 'de' (guess), the model knows en: "
        "measure a model of that language or a multilingual one (`advisor models`)."
    ) in said
    for entry, language in ((english, "en"), (english, "unknown"), (RULES.models["xlm-roberta-base"], "de")):
        assert speaks(entry, language)
        fits = german.model_copy(update={"dataset": german.dataset.model_copy(update={"language": language})})
        said = gather_evidence(sample.answers, fits, fits.models[0], entry, None)["task_similarity"]
        assert not any("the model knows" in sentence for sentence in said)


def test_every_factor_shows_what_it_rests_on() -> None:
    sample = decisions.go()
    entry = RULES.models["all-minilm-l6-v2"]
    found = gather_evidence(
        sample.answers, sample.measurements, sample.measurements.models[0], entry, decisions.FORECAST
    )
    assert list(found) == FACTORS
    assert all(found.values())
    bare = decisions.measurements(rivals=None, pilot=None, models=[])
    assert list(gather_evidence(sample.answers, bare, None, None, None)) == FACTORS
