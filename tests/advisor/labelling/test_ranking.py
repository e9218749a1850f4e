"""Which rows come first, and why."""

import numpy as np
import pytest

from advisor.labelling.ranking import DRAWN, UNLIKE, Belief, Classes, Landscape, choose, standardise

NOTHING = np.zeros((0, 3))
AXES = np.eye(3)


def belief(unsure: list[float], likely: list[str] | None = None) -> Belief:
    names = likely or [""] * len(unsure)
    return Belief(names, np.array(unsure), [f"unsure {place}" for place in range(len(unsure))], names)


def land(*rows: list[float]) -> Landscape:
    features = np.array(rows)
    return Landscape(features / np.linalg.norm(features, axis=1, keepdims=True), np.ones(len(rows)))


def test_the_unsure_row_comes_before_the_sure_one_of_the_same_place() -> None:
    picks = choose(land([1, 0, 0], [1, 0, 0.01]), AXES[1:], belief([0.1, 0.9]), Classes({}, 8), [0, 1], 2)
    assert [pick.place for pick in picks] == [1, 0]
    assert picks[0].because == "unsure 1"


def test_a_near_duplicate_of_a_chosen_row_comes_last() -> None:
    rows = land([1, 0, 0], [1, 0, 0.01], [0, 1, 0])
    picks = choose(rows, NOTHING, belief([0.9, 0.85, 0.3]), Classes({}, 8), range(3), 3)
    assert [pick.place for pick in picks] == [0, 2, 1]


def test_a_row_like_a_labelled_one_waits_for_one_that_is_unlike_all() -> None:
    picks = choose(land([1, 0, 0], [0, 1, 0]), AXES[:1], belief([0.9, 0.5]), Classes({}, 8), range(2), 2)
    assert [pick.place for pick in picks] == [1, 0]
    assert picks[0].because == UNLIKE


def test_a_likely_row_of_a_short_class_comes_first_while_it_is_short() -> None:
    rows = land([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1])
    said = belief([0.9, 0.1, 0.1, 0.9], ["common", "rare", "rare", "common"])
    picks = choose(rows, NOTHING, said, Classes({"common": 50, "rare": 7}, 8), range(4), 4)
    assert picks[0].because == "may be 'rare', which has 7 rows"
    assert picks[0].place in (1, 2)
    assert not any(pick.because.startswith("may be") for pick in picks[1:])  # with one more row it is not short
    alone = choose(rows, NOTHING, said, Classes({"common": 50, "rare": 1}, 8), range(4), 4)
    assert [pick.because for pick in alone[:2]] == ["may be 'rare', which has 1 row"] * 2


def test_of_two_classes_that_are_not_short_the_one_with_fewer_rows_is_worth_more() -> None:
    rows = land([1, 0, 0], [0, 1, 0])
    picks = choose(rows, NOTHING, belief([0.6, 0.5], ["a", "b"]), Classes({"a": 90, "b": 9}, 8), range(2), 2)
    assert [pick.place for pick in picks] == [1, 0]


def test_every_fifth_row_is_drawn_while_sealed_rows_are_wanted() -> None:
    generator = np.random.default_rng(0)
    rows = Landscape.of(standardise(generator.normal(size=(30, 5)), np.zeros(5)))
    said = belief([0.5] * 30)
    picks = choose(rows, np.zeros((0, 5)), said, Classes({}, 8), range(30), 20, list(range(29, -1, -1)))
    assert len({pick.place for pick in picks}) == 20
    assert [place for place, pick in enumerate(picks) if pick.drawn] == [4, 9, 14, 19]
    assert {pick.because for pick in picks if pick.drawn} == {DRAWN}
    assert not any(pick.drawn for pick in choose(rows, np.zeros((0, 5)), said, Classes({}, 8), range(30), 20))


@pytest.mark.parametrize("free", [[], [2], [2, 0]])
def test_only_rows_that_are_free_are_chosen(free: list[int]) -> None:
    picks = choose(land(*AXES.tolist()), NOTHING, belief([0.5, 0.5, 0.5]), Classes({}, 8), free, 9)
    assert sorted(pick.place for pick in picks) == sorted(free)


def test_a_row_among_many_like_it_is_more_typical_than_one_alone() -> None:
    crowd = [[1, 0.01 * place, 0] for place in range(12)]
    found = Landscape.of(standardise(np.array([*crowd, [0, 0, 1]], dtype=float), np.zeros(3))).typical
    assert found[:12].min() > found[12]
    assert Landscape.of(np.ones((1, 3))).typical.tolist() == [1.0]
