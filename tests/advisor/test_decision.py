"""The verdict at every edge of every threshold of `rules/decision.toml`, and in every order of vetoes."""

import dataclasses
import math
import random
import re
from typing import Any

import pytest

from advisor.decision import BestWay, Case, cheap_way_vetoes, data_vetoes, decide
from advisor.investigation import best_way
from advisor.licences import Forbidden
from advisor.rulebook import load_rules
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.metric import Metric
from pipeline.records import Finding, Score
from tests.scores import MEAN_ERROR

RULES = load_rules().decision
REMARKS = {
    "guided": {"{value}"},
    "hard_to_prove": {"{value}", "{limit}", "{name}"},
    "more_rows": {"{value}", "{limit}", "{name}"},
}
"""Thresholds that decide nothing and are said beside the verdict, with the slots that are filled."""

INVALID = Finding(
    code="one_class",
    count=9,
    of=9,
    title="One class",
    because="All rows say 'a'.",
    mend="Add others.",
    severity="invalidates",
)
METRICS = {metric.name: metric for metric in (MACRO_F1, MEAN_ERROR)}


def best(name: str, score: float, sure: float, good_enough: float = 1.0, metric: Metric = MACRO_F1) -> BestWay:
    """The best cheap way with what it reaches for sure."""
    low, high = (sure, score) if metric.higher_is_better else (score, sure)
    return best_way(Score(name=name, metric=metric.name, score=score, low=low, high=high), metric, good_enough)


HOPEFUL = Case(
    usable_rows=1000,
    smallest_class=("refund", 80),
    median_class_rows=120.0,
    consent="unknown",
    permutation_p=1 / 1000,
    best=best("probe", 0.75, 0.70),
    metric=MACRO_F1.facts,
    good_enough=1.0,
    useful_gain=0.125,
    probability=0.9,
    time_share=0.2,
    memory_share=0.2,
    latency_share=0.2,
    points=3.0,
)
"""A case that nothing speaks against. Its scores are exact in binary, so that "just at" means at."""


def limit(code: str) -> float:
    return RULES.thresholds[code].value


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def case_of(**changes: Any) -> Case:
    """The hopeful case changed; the best way may be given as its name, its score and what it reaches for sure."""
    if changes.get("best") is not None:
        metric = METRICS[changes.get("metric", HOPEFUL.metric).name]
        name, score, sure = changes["best"]
        changes["best"] = best(name, score, sure, changes.get("good_enough", HOPEFUL.good_enough), metric)
    return dataclasses.replace(HOPEFUL, **changes)


def as_errors(changes: dict[str, Any]) -> dict[str, Any]:
    """The same case with a score of which less is better: what is missing to 1."""
    good_enough = 1 - changes.get("good_enough", HOPEFUL.good_enough)
    name, score, sure = changes.get("best") or ("probe", 0.75, 0.70)
    ways = {} if "best" in changes and changes["best"] is None else {"best": (name, 1 - score, 1 - sure)}
    return changes | ways | {"metric": MEAN_ERROR.facts, "good_enough": good_enough}


def verdict_of(**changes: Any) -> tuple[str, list[str]]:
    found = decide(case_of(**changes), RULES)
    return found.name, [reason.code for reason in found.reasons]


def around(field: str, code: str, step: float | None = None) -> list[tuple[str, dict[str, Any]]]:
    """The case just below, at and just above a threshold."""
    value = limit(code)
    if step is not None:
        return [(code, {field: int(value - step)}), ("", {field: int(value)}), ("", {field: int(value + step)})]
    return [(code, {field: below(value)}), ("", {field: value}), ("", {field: above(value)})]


DATA = [
    *around("usable_rows", "too_few_rows", step=1),
    *around("median_class_rows", "few_rows_per_class"),
    ("class_without_rows", {"smallest_class": ("refund", int(limit("class_without_rows")) - 1)}),
    ("", {"smallest_class": ("refund", int(limit("class_without_rows")))}),
    ("", {"smallest_class": ("refund", int(limit("class_without_rows")) + 1)}),
    ("", {"smallest_class": None, "median_class_rows": None}),
    ("no_consent", {"consent": "no"}),
    ("invalid_data", {"invalid": [INVALID]}),
    *[("", {"consent": said}) for said in ("yes", "not_needed", "unknown")],
]


@pytest.mark.parametrize(("code", "changes"), DATA)
def test_data_that_falls_short_of_a_threshold_is_not_yet_and_at_it_goes(code: str, changes: dict[str, Any]) -> None:
    assert verdict_of(**changes) == (("not_yet", [code]) if code else ("go", ["go_probability"]))
    assert data_vetoes(case_of(**changes), RULES) == bool(code)


SIGNAL = limit("no_signal")
ROOM = HOPEFUL.useful_gain * limit("no_room")
POINTLESS: list[tuple[str, dict[str, Any]]] = [
    ("", {"permutation_p": below(SIGNAL)}),
    ("", {"permutation_p": SIGNAL}),
    ("no_signal", {"permutation_p": above(SIGNAL)}),
    ("no_signal", {"permutation_p": 1.0}),
    ("", {"permutation_p": None}),
    ("no_room", {"best": ("probe", 0.95, below(0.875)), "good_enough": 0.875}),
    ("no_room", {"best": ("probe", 0.95, 0.875), "good_enough": 0.875}),
    ("good_enough_reached", {"best": ("probe", 0.95, above(0.875)), "good_enough": 0.875}),
    ("no_room", {"best": ("probe", above(1 - ROOM), 0.5)}),
    ("", {"best": ("probe", 1 - ROOM, 0.5)}),
    ("", {"best": ("probe", below(1 - ROOM), 0.5)}),
    ("", {"best": None}),
]


@pytest.mark.parametrize(("code", "changes"), POINTLESS)
def test_no_signal_and_no_room_are_a_no_go_from_just_beyond_their_threshold(code: str, changes: dict[str, Any]) -> None:
    assert verdict_of(**changes) == (("no_go", [code]) if code else ("go", ["go_probability"]))
    assert cheap_way_vetoes(case_of(**changes), RULES) == bool(code)


@pytest.mark.parametrize(("code", "changes"), [*POINTLESS, ("", {})])
def test_of_errors_less_is_better_at_the_same_edges(code: str, changes: dict[str, Any]) -> None:
    mirrored = as_errors(changes)
    assert verdict_of(**mirrored) == (("no_go", [code]) if code else ("go", ["go_probability"]))
    assert cheap_way_vetoes(case_of(**mirrored), RULES) == bool(code)


def test_what_a_way_reaches_for_sure_is_the_worse_end_of_its_interval() -> None:
    score = Score(name="probe", metric="", score=0.5, low=0.25, high=0.75)
    assert best_way(score, MACRO_F1, 0.875) == BestWay("probe", 0.5, 0.25, room=0.375, sure_room=0.625)
    assert best_way(score, MEAN_ERROR, 0.125) == BestWay("probe", 0.5, 0.75, room=0.375, sure_room=0.625)
    assert best_way(score, MEAN_ERROR, 0.875).sure_room < 0


def test_no_error_at_all_as_good_enough_never_ends_the_search() -> None:
    near = {"metric": MEAN_ERROR.facts, "good_enough": 0.0, "best": ("probe", 0.5, 0.6)}
    assert verdict_of(**near) == ("go", ["go_probability"])
    assert verdict_of(**near, useful_gain=0.6) == ("no_go", ["no_room"])


DEAR = {"over_time_budget": "time_share", "over_memory_budget": "memory_share", "over_latency": "latency_share"}


@pytest.mark.parametrize(("code", "field"), DEAR.items())
def test_what_costs_more_than_allowed_is_not_yet_and_what_just_fits_goes(code: str, field: str) -> None:
    assert verdict_of(**{field: above(limit(code))}) == ("not_yet", [code])
    for fits in (limit(code), below(limit(code)), 0.0, None):
        assert verdict_of(**{field: fits}) == ("go", ["go_probability"])


NO, GO, POINTS = limit("no_go_probability"), limit("go_probability"), limit("go_points")


@pytest.mark.parametrize(
    ("probability", "points", "expected"),
    [
        (0.0, 4.0, ("no_go", ["no_go_probability"])),
        (below(NO), 4.0, ("no_go", ["no_go_probability"])),
        (NO, above(POINTS), ("go", ["go_points"])),
        (NO, POINTS, ("go", ["go_points"])),
        (NO, below(POINTS), ("not_yet", ["go_points"])),
        (above(NO), below(POINTS), ("not_yet", ["go_points"])),
        (below(GO), POINTS, ("go", ["go_points"])),
        (below(GO), below(POINTS), ("not_yet", ["go_points"])),
        (GO, 0.0, ("go", ["go_probability"])),
        (above(GO), 0.0, ("go", ["go_probability"])),
        (1.0, 0.0, ("go", ["go_probability"])),
    ],
)
def test_the_probability_decides_and_points_only_where_it_leaves_the_gain_open(
    probability: float, points: float, expected: tuple[str, list[str]]
) -> None:
    assert verdict_of(probability=probability, points=points) == expected


def test_vetoes_come_in_order_and_all_of_one_kind_are_said() -> None:
    everything: dict[str, Any] = {
        "usable_rows": 3,
        "smallest_class": ("refund", 0),
        "median_class_rows": 1.0,
        "consent": "no",
        "permutation_p": 0.4,
        "best": ("tfidf", 0.99, 0.98),
        "good_enough": 0.875,
        "probability": 0.01,
        "time_share": 3.0,
        "memory_share": 2.0,
        "latency_share": 5.0,
        "points": 0.0,
    }
    steps: list[tuple[dict[str, Any], tuple[str, list[str]]]] = [
        ({}, ("not_yet", ["too_few_rows", "class_without_rows", "few_rows_per_class", "no_consent"])),
        (
            {"usable_rows": 500, "smallest_class": ("refund", 50), "median_class_rows": 90.0, "consent": "yes"},
            ("no_go", ["no_signal"]),
        ),
        ({"permutation_p": 1 / 1000}, ("no_go", ["good_enough_reached"])),
        ({"best": ("tfidf", 0.99, 0.85)}, ("no_go", ["no_room"])),
        ({"best": ("tfidf", 0.5, 0.4)}, ("no_go", ["no_go_probability"])),
        ({"probability": 0.99}, ("not_yet", list(DEAR))),
        ({"time_share": 0.5}, ("not_yet", ["over_memory_budget", "over_latency"])),
        ({"latency_share": None}, ("not_yet", ["over_memory_budget"])),
        ({"memory_share": 0.5, "probability": 0.3}, ("not_yet", ["go_points"])),
        ({"points": 4.0}, ("go", ["go_points"])),
    ]
    for changes, expected in steps:
        everything |= changes
        assert verdict_of(**everything) == expected


def test_a_case_without_a_veto_needs_a_forecast() -> None:
    with pytest.raises(ValueError, match="needs a forecast"):
        verdict_of(probability=None)


def random_case(draw: random.Random) -> Case:
    metric = draw.choice([MACRO_F1, MEAN_ERROR])
    good_enough = draw.choice([0.0, 0.5, 0.89, 0.95, 1.0])
    way = draw.choice([None, ("majority", 0.2, 0.1), ("zero_shot", 0.9, 0.88), ("tfidf", 1.0, 1.0)])
    return Case(
        usable_rows=draw.choice([0, 30, 59, 60, 61, 5000]),
        smallest_class=draw.choice([None, ("a", 0), ("b {name}", 1), ("c", 2), ("d", 400)]),
        median_class_rows=draw.choice([None, 0.0, 7.5, 8.0, 300.0]),
        consent=draw.choice(["unknown", "yes", "no", "not_needed"]),
        permutation_p=draw.choice([None, 1 / 1000, 0.002, 0.011, 1.0]),
        best=None if way is None else best(*way, good_enough, metric),
        metric=metric.facts,
        good_enough=good_enough,
        useful_gain=draw.choice([1e-6, 0.03, 0.9]),
        probability=draw.random(),
        time_share=draw.choice([None, 0.0, 0.5, 1.0, 70.0]),
        memory_share=draw.choice([None, 0.0, 0.5, 1.0, 70.0]),
        latency_share=draw.choice([None, 0.0, 1.0, 70.0]),
        points=4 * draw.random(),
        comparable=draw.random() > 0.2,
        invalid=draw.choice([[], [], [INVALID]]),
        forbidden_model=draw.choice([None, None, Forbidden("bert-nc", "cc-by-nc-4.0", "commercial use")]),
        forbidden_data=draw.choice([None, None, ("NC data.", "Other data.")]),
    )


def test_every_combination_gets_a_verdict_with_filled_reasons_and_flips() -> None:
    draw = random.Random(7)
    seen: set[str] = set()
    for case in (random_case(draw) for _ in range(3000)):
        found = decide(case, RULES)
        assert len(found.reasons) == len(found.flips) > 0
        for sentence in [*(each.because for each in found.reasons), *(each.because for each in found.flips)]:
            assert not re.search(r"\{\w*\}", sentence.replace("b {name}", "")), sentence
        seen |= {reason.code for reason in found.reasons}
        if case.permutation_p is not None and case.permutation_p > SIGNAL:
            assert found.name != "go"
        if case.best is not None and case.best.sure_room < 0:
            assert found.name != "go"
        if case.consent == "no" or case.forbidden_model or case.forbidden_data:
            assert found.name == "not_yet"
        if not data_vetoes(case, RULES) and cheap_way_vetoes(case, RULES):
            assert decide(dataclasses.replace(case, probability=None), RULES) == found
    assert seen - {"data_licence"} == set(RULES.thresholds) - set(REMARKS)


def test_a_label_that_looks_like_a_slot_is_left_as_it_is() -> None:
    found = decide(case_of(smallest_class=("{limit}", 0)), RULES)
    assert "'{limit}'" in found.reasons[0].because


@pytest.mark.parametrize("code", REMARKS)
def test_remarks_use_only_the_slots_that_are_filled(code: str) -> None:
    rule = RULES.thresholds[code]
    said = rule.because if code == "guided" else rule.because + rule.flip
    assert set(re.findall(r"\{\w*\}", said)) <= REMARKS[code]


@pytest.mark.parametrize(
    ("code", "changes", "slots"),
    [
        ("too_few_rows", {"usable_rows": 41}, ("41", "60", "")),
        ("class_without_rows", {"smallest_class": ("refund", 0)}, ("0", "1", "refund")),
        ("few_rows_per_class", {"median_class_rows": 7.5}, ("7.5", "8", "")),
        ("no_signal", {"permutation_p": 0.27}, ("27.0 %", "", "")),
        (
            "good_enough_reached",
            {"best": ("zero_shot", 0.9, 0.88), "good_enough": 0.85},
            ("0.880", "0.850", "zero-shot"),
        ),
        ("no_room", {"best": ("tfidf", 0.95, 0.9)}, ("5.0 points", "12.5 points", "TF-IDF")),
        ("no_room", {"best": ("tfidf", 0.95, 0.8), "good_enough": 0.9}, ("0.0 points", "12.5 points", "TF-IDF")),
        (
            "good_enough_reached",
            {"metric": MEAN_ERROR.facts, "best": ("tfidf", 41.25, 43.5), "good_enough": 45.0},
            ("43.500", "45.000", "TF-IDF"),
        ),
        (
            "no_room",
            {"metric": MEAN_ERROR.facts, "best": ("tfidf", 50.125, 52.0), "good_enough": 50.0, "useful_gain": 1.5},
            ("0.125 in mean error", "1.5 in mean error", "TF-IDF"),
        ),
        ("no_go_probability", {"probability": 0.04}, ("4 %", "25 %", "")),
        ("go_probability", {"probability": 0.86}, ("86 %", "40 %", "")),
        ("go_points", {"probability": 0.3, "points": 2.25}, ("2.2", "3.5", "30 %")),
        ("over_time_budget", {"time_share": 3.4}, ("340 %", "1", "")),
        ("over_memory_budget", {"memory_share": 1.26}, ("126 %", "1", "")),
        ("over_latency", {"latency_share": 9.0}, ("900 %", "1", "")),
    ],
)
def test_reason_and_flip_say_the_numbers_that_decided(
    code: str, changes: dict[str, Any], slots: tuple[str, str, str]
) -> None:
    found = decide(case_of(**changes), RULES)
    rule = RULES.thresholds[code]
    value, limit, name = slots

    def filled(sentence: str) -> str:
        return sentence.replace("{value}", value).replace("{limit}", limit).replace("{name}", name)

    assert (found.reasons[0].because, found.flips[0].because) == (filled(rule.because), filled(rule.flip))


def test_a_forbidden_model_is_named_with_its_licence_and_the_use_and_what_would_flip_it() -> None:
    forbidden = Forbidden("bert-nc", "cc-by-nc-4.0", "commercial use")
    found = decide(case_of(forbidden_model=forbidden), RULES)
    assert (found.name, [reason.code for reason in found.reasons]) == ("not_yet", ["model_licence"])
    assert all(part in found.reasons[0].because for part in ("bert-nc", "cc-by-nc-4.0", "commercial use"))
    assert "models.candidates" in found.flips[0].because
    assert data_vetoes(case_of(forbidden_model=forbidden), RULES)


def test_data_whose_licence_forbids_the_use_is_a_veto_with_its_own_words() -> None:
    found = decide(case_of(forbidden_data=("It is NC.", "Take other data.")), RULES)
    assert (found.name, found.reasons[0].code) == ("not_yet", "data_licence")
    assert (found.reasons[0].because, found.flips[0].because) == ("It is NC.", "Take other data.")
