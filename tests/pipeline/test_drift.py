"""Drift is found where there is some, is not where there is none, and shares are estimated from answers that err."""

import numpy as np
import pytest

from pipeline.evaluation.drift import compare_answers, compare_means, estimate_shares, tell_apart
from pipeline.evaluation.intervals import independent_difference, wilson
from pipeline.records import Interval
from pipeline.task import Array

FEATURES = 24


def draw(rows: int, seed: int, moved: float = 0.0) -> Array:
    found = np.random.default_rng(seed).normal(size=(rows, FEATURES))
    found[:, 0] += moved
    return found


def test_rows_of_one_kind_are_told_apart_no_more_often_than_chance_allows() -> None:
    p_values = [tell_apart(draw(60, seed), draw(40, 1000 + seed), seed).p for seed in range(60)]
    assert np.mean(np.array(p_values) < 0.05) <= 0.15  # 3 of 60 are expected; more than 9 come once in 2,000 times
    assert np.mean(p_values) == pytest.approx(0.5, abs=0.15)


def test_rows_that_moved_are_told_apart() -> None:
    found = tell_apart(draw(150, 1), draw(100, 2, moved=1.5), 0)
    assert (found.known_rows, found.new_rows) == (150, 100)
    assert found.p == pytest.approx(1 / 500)
    assert 0.7 < found.area.low < found.area.point < found.area.high < 1.0


def test_a_feature_that_is_always_the_same_does_no_harm() -> None:
    one, other = draw(60, 1), draw(60, 2)
    one[:, 3] = other[:, 3] = 7.0
    assert np.isfinite(tell_apart(one, other, 0).area.point)


def kinds(labels: str) -> list[frozenset[str]]:
    return [frozenset({label}) for label in labels]


def test_answers_that_are_spread_alike_have_not_moved() -> None:
    found = compare_answers(kinds("aab" * 30), kinds("aab" * 20), 0)
    assert found is not None
    assert [found.moved, found.p] == pytest.approx([0.0, 1.0])


def test_answers_that_moved_are_told_with_the_one_that_moved_most_first() -> None:
    found = compare_answers(kinds("aab" * 30 + "c"), kinds("abb" * 20), 0)
    assert found is not None
    assert found.moved == pytest.approx(0.3333, abs=0.02)
    assert found.p < 0.01
    assert {found.shares[0].answer, found.shares[1].answer} == {"a", "b"}
    assert next(each.now for each in found.shares if each.answer == "b") == pytest.approx(2 / 3)


def test_without_kinds_of_answers_there_is_nothing_to_compare() -> None:
    assert compare_answers([frozenset()], [frozenset()], 0) is None


def noisy_scores(labels: Array, seed: int) -> Array:
    """Calibrated probabilities of two classes that occur alike, from a number that tells them apart poorly."""
    signal = np.random.default_rng(seed).normal(labels, 1.0)
    odds = np.exp(2 * (signal - 0.5) / 2)
    return np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)


@pytest.mark.parametrize("truth", [0.2, 0.5, 0.85])
def test_true_shares_are_estimated_from_a_model_that_often_errs(truth: float) -> None:
    before = noisy_scores(np.repeat([0, 1], 400), 1)
    labels = (np.arange(800) < 800 * truth).astype(int)
    now = noisy_scores(labels, 2)
    counted = float((now[:, 1] > 0.5).mean())
    found = estimate_shares(before, now, 0, one_label=True)
    assert found[1].low < truth < found[1].high
    assert abs(found[1].point - truth) <= abs(counted - truth) + 0.03
    assert found[0].point + found[1].point == pytest.approx(1.0)


def test_the_share_of_each_of_several_labels_is_estimated_by_itself() -> None:
    before = noisy_scores(np.repeat([0, 1], 400), 1)[:, [1, 1]]
    now = noisy_scores((np.arange(800) < 160).astype(int), 2)[:, [1, 1]]
    found = estimate_shares(before, now, 0, one_label=False)
    assert [each.point for each in found] == pytest.approx([0.2, 0.2], abs=0.08)


def test_a_mean_that_fell_is_told_with_its_interval() -> None:
    generator = np.random.default_rng(0)
    found = compare_means(generator.beta(9, 1, 300), generator.beta(6, 2, 200), 0, (0.0, 1.0))
    assert found.p < 0.001
    assert found.difference.low < found.difference.point < found.difference.high < 0


def test_a_mean_of_values_that_are_all_alike_has_not_changed() -> None:
    assert compare_means(np.ones(40), np.ones(30), 0, (0.0, 1.0)).p == 1.0


def test_the_difference_of_two_shares_is_that_of_a_published_example() -> None:
    """Newcombe (1998), table II, method 10, example a: 56/70 less 48/80 is 0.2, from 0.0524 to 0.3339."""
    found = independent_difference(wilson(56, 70), wilson(48, 80), higher_is_better=True)
    assert [found.point, found.low, found.high] == pytest.approx([0.2, 0.0524, 0.3339], abs=1e-4)


def test_where_less_is_better_a_smaller_number_is_a_gain() -> None:
    now, before = Interval(point=1.0, low=0.8, high=1.3), Interval(point=1.5, low=1.2, high=1.7)
    found = independent_difference(now, before, higher_is_better=False)
    ends = [0.5 - float(np.hypot(0.3, 0.3)), 0.5 + float(np.hypot(0.2, 0.2))]
    assert [found.point, found.low, found.high] == pytest.approx([0.5, *ends])


def test_the_interval_of_a_difference_holds_the_true_one_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1).binomial([120, 200], [0.85, 0.9], size=(600, 2))
    found = [
        independent_difference(wilson(int(one), 120), wilson(int(other), 200), higher_is_better=True)
        for one, other in draws
    ]
    held = np.mean([each.low <= -0.05 <= each.high for each in found])
    assert 0.93 <= held <= 0.975
