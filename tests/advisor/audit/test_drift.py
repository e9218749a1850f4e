"""How the audit tells that given files were not drawn together, and that those which were, were."""

import random

import pytest

from advisor.audit.drift import find_drift
from pipeline.data.splitting import Side
from pipeline.findings import Found
from tests.advisor.audit.test_inspection import material

COMMON = [f"word{place}" for place in range(300)]
OTHERS = [f"other{place}" for place in range(300)]


def rows(
    count: int, draw: random.Random, words: list[str], length: int = 12, yes: float = 0.5
) -> list[tuple[str, str]]:
    return [(" ".join(draw.choices(words, k=length)), "yes" if draw.random() < yes else "no") for _ in range(count)]


def drift(training: list[tuple[str, str]], later: list[tuple[str, str]], side: Side) -> dict[str, Found]:
    lines = [*training, *later]
    sides: list[Side] = ["train" for _ in training]
    sides += [side] * len(later)
    given: list[Side | None] = [*[None for _ in training], *[side for _ in later]]
    texts, labels = zip(*lines, strict=True)
    return {each.code: each for each in find_drift(material("text-classification", texts, labels, sides, given=given))}


@pytest.mark.parametrize("side", ["validation", "test"])
def test_files_that_were_drawn_together_do_not_drift(side: Side) -> None:
    draw = random.Random(0)
    assert drift(rows(400, draw, COMMON), rows(200, draw, COMMON), side) == {}


@pytest.mark.parametrize("side", ["validation", "test"])
def test_another_mix_of_answers_is_found_with_the_rows_that_it_takes(side: Side) -> None:
    draw = random.Random(1)
    found = drift(rows(800, draw, COMMON, yes=0.5), rows(400, draw, COMMON, yes=0.8), side)
    assert found.keys() == {"label_shift"}
    assert 90 <= found["label_shift"].count <= 150  # three in ten of 400
    assert found["label_shift"].of == 400


@pytest.mark.parametrize("side", ["validation", "test"])
def test_longer_texts_are_found(side: Side) -> None:
    draw = random.Random(2)
    found = drift(rows(400, draw, COMMON), rows(200, draw, COMMON, length=18), side)
    assert "length_shift" in found
    assert (found["length_shift"].values["typical"], found["length_shift"].values["typical_later"]) == ("12", "18")


def test_texts_of_other_words_are_told_apart_by_a_classifier_where_the_file_is_not_sealed() -> None:
    draw = random.Random(3)
    mixed = COMMON[:200] + OTHERS[:100]
    found = drift(rows(400, draw, COMMON), rows(200, draw, mixed), "validation")
    assert found.keys() == {"text_drift"}
    assert found["text_drift"].values["area"].startswith(("0.9", "1.0"))


def test_new_words_are_counted_where_the_file_is_sealed() -> None:
    draw = random.Random(4)
    mixed = COMMON[:200] + OTHERS[:100]
    found = drift(rows(400, draw, COMMON), rows(200, draw, mixed), "test")
    assert found.keys() == {"new_words"}
    assert 50 <= found["new_words"].count <= 80  # a third of the words of each row


def test_few_rows_say_nothing() -> None:
    draw = random.Random(5)
    assert drift(rows(400, draw, COMMON), rows(49, draw, OTHERS, length=40), "test") == {}
