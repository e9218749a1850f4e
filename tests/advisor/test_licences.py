"""What licences of models and data allow."""

from pathlib import Path
from typing import Any

import pytest

from advisor.answers_file import check_answers
from advisor.licences import Forbidden, forbidden_model, forbidding_mark, notes_on_data
from advisor.recommendation import shortlist
from advisor.records import Answers
from advisor.rulebook import load_rules

RULES = load_rules()
OPEN, CLOSED = "bert-base-uncased", "e5-base-v2"
CATALOGUE = RULES.models | {CLOSED: RULES.models[CLOSED].model_copy(update={"commercial_use": False})}


def answers(use: str, licence: str = "unknown", *candidates: str) -> Answers:
    values: dict[str, Any] = {
        "task": "text-classification",
        "data": {"train": "x.csv"},
        "deployment": {"licence": use},
        "provenance": {"licence": licence},
        "models": {"candidates": list(candidates)},
    }
    return check_answers(values, "answers")


def names(use: str, *candidates: str) -> list[str]:
    rules = RULES.model_copy(update={"models": CATALOGUE})
    return [each.name for each in shortlist(answers(use, "unknown", *candidates), rules, Path())]


@pytest.mark.parametrize(
    ("use", "named", "left"),
    [
        ("any", [OPEN, CLOSED], [OPEN, CLOSED]),
        ("commercial", [OPEN, CLOSED], [OPEN]),
        ("commercial", [CLOSED], [CLOSED]),  # it stays, so that the verdict can say why not
        ("any", [CLOSED], [CLOSED]),
    ],
)
def test_forbidden_models_are_left_out_while_another_is_left(use: str, named: list[str], left: list[str]) -> None:
    assert names(use, *named) == left


def test_without_a_name_every_allowed_model_stays() -> None:
    assert set(names("any")) - set(names("commercial")) == {CLOSED}


def test_a_forbidden_model_is_told_with_licence_and_use() -> None:
    licence = CATALOGUE[CLOSED].licence.value
    assert forbidden_model(CLOSED, CATALOGUE, answers("commercial")) == Forbidden(CLOSED, licence, "commercial use")
    assert forbidden_model(CLOSED, CATALOGUE, answers("any")) is None
    assert forbidden_model(OPEN, CATALOGUE, answers("commercial")) is None
    assert forbidden_model("a-folder", CATALOGUE, answers("commercial")) is None


@pytest.mark.parametrize(
    ("licence", "forbids", "notes"),
    [
        ("unknown", False, 0),
        ("CC-BY-4.0", False, 0),
        ("CC0", False, 0),
        ("MIT", False, 0),
        ("cc by-nc 4.0", True, 0),
        ("CC_BY_NC_SA_3.0", True, 1),
        ("Attribution-NonCommercial", True, 0),
        ("non-commercial", True, 0),
        ("for research only", True, 0),
        ("educational / research use only", True, 0),
        ("CC-BY-SA-4.0", False, 1),
        ("CC-BY-ND-4.0", False, 1),
        ("ODbL", False, 1),
        ("proprietary", False, 1),
        ("Sanctioned by the sand board", False, 0),  # words that only begin like a mark
        ("research", False, 0),
    ],
)
def test_the_words_of_a_licence_say_what_it_allows(licence: str, forbids: bool, notes: int) -> None:
    commercial = answers("commercial", licence)
    mark = forbidding_mark(commercial, RULES.licences)
    assert (mark is not None) == forbids
    assert len(notes_on_data(commercial, RULES.licences)) == notes
    research = answers("any", licence)
    assert forbidding_mark(research, RULES.licences) is None
    assert len(notes_on_data(research, RULES.licences)) == notes + forbids
    assert all(licence in note for note in notes_on_data(research, RULES.licences))


def test_every_mark_that_forbids_says_what_would_flip_it() -> None:
    assert all(mark.flip for mark in RULES.licences if mark.forbids)
