"""Agreement of annotators against worked examples that were published, and against scikit-learn."""

import random

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from pipeline.evaluation.agreement import Level, Said, alpha, count_values, kappas
from pipeline.evaluation.intervals import area_under_curve

_: None = None
FOUR_CODERS: list[list[int | None]] = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
"""The example of Krippendorff's paper: four coders, twelve units, some of them missing."""


def numbers(said: list[list[int | None]]) -> list[Said]:
    return [[None if each is None else float(each) for each in one] for one in said]


@pytest.mark.parametrize(("level", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_that_of_the_published_example(level: Level, published: float) -> None:
    found = alpha(count_values(numbers(FOUR_CODERS)), level, seed=0)
    assert found is not None
    assert found.point == pytest.approx(published, abs=0.0005)
    assert found.low < found.point <= found.high


def test_alpha_is_one_for_the_same_answers_and_about_nothing_for_random_ones() -> None:
    same = alpha(count_values([["a", "b"] * 50, ["a", "b"] * 50]), "nominal", seed=0)
    assert same is not None
    assert (same.point, same.low, same.high) == (1, 1, 1)
    draw = random.Random(3)
    chance = alpha(count_values([[draw.choice("ab") for _ in range(1000)] for _ in range(3)]), "nominal", seed=0)
    assert chance is not None
    assert chance.low < 0 < chance.high
    assert abs(chance.point) < 0.05


def test_there_is_no_alpha_where_nobody_can_disagree() -> None:
    assert alpha(count_values([["a", "a"], ["a", "a"]]), "nominal", seed=0) is None
    assert alpha(count_values([["a", None], [None, "b"]]), "nominal", seed=0) is None


def test_kappa_of_every_two_is_that_of_scikit_learn_on_the_rows_that_both_answered() -> None:
    draw = random.Random(5)
    first = [draw.choice("abc") for _ in range(300)]
    second = [said if draw.random() < 0.7 else draw.choice("abc") for said in first]
    third: Said = [said if row % 3 else None for row, said in enumerate(second)]
    found = kappas({"ann": first, "ben": second, "cleo": third}, seed=0)
    assert set(found) == {("ann", "ben"), ("ann", "cleo"), ("ben", "cleo")}
    whole, rows = found["ann", "ben"]
    assert rows == 300
    assert whole.point == pytest.approx(cohen_kappa_score(first, second))
    assert whole.low < whole.point < whole.high
    assert found["ann", "cleo"][1] == 200
    assert found["ben", "cleo"][0].point == 1


def test_the_area_under_the_curve_is_that_of_scikit_learn_and_its_interval_covers_a_guess() -> None:
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        higher, lower = draw.integers(0, 9, 60).astype(float), draw.integers(0, 9, 80).astype(float)
        found = area_under_curve(higher, lower)
        truth = [1] * 60 + [0] * 80
        assert found.point == pytest.approx(roc_auc_score(truth, np.concatenate([higher, lower])))
        covered += found.low <= 0.5 <= found.high
    assert 180 <= covered <= 199
