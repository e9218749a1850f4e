"""The probe's learning curve, carried on to more rows."""

import math

import numpy as np
import pytest

from advisor.learning_curve import Curve, fit_curve, rows_to_reach, target_for_probe
from pipeline.evaluation.metrics import ACCURACY
from tests.scores import MEAN_ERROR

ROWS = [16, 32, 64, 128, 256]


@pytest.mark.parametrize(("last", "size", "power"), [(0.9, 1.2, 0.5), (0.7, 0.6, 0.3), (1.0, 1.0, 0.6)])
def test_a_curve_is_found_again_and_carried_on(last: float, size: float, power: float) -> None:
    true = Curve(last, size, power)
    found = fit_curve(ROWS, [true(rows) for rows in ROWS])
    assert found is not None
    for rows in (512, 1024, 2048):
        assert found(rows) == pytest.approx(true(rows), abs=0.005)


def test_no_curve_promises_more_than_perfect_or_falls_with_more_rows() -> None:
    draw = np.random.default_rng(0)
    for _ in range(40):
        found = fit_curve(ROWS, list(draw.uniform(0.2, 1.0, len(ROWS))))
        assert found is not None
        assert found.last <= 1.0
        later = [found(rows) for rows in (256, 1000, 10_000, 10**7)]
        assert later == sorted(later)
        assert later[-1] <= found.last


def test_flat_scores_stay_flat() -> None:
    found = fit_curve(ROWS, [0.6] * 5)
    assert found is not None
    assert found(10_000) == pytest.approx(0.6)


def test_two_points_tell_nothing_of_a_curve() -> None:
    assert fit_curve(ROWS[:2], [0.5, 0.6]) is None


def test_errors_in_a_unit_of_the_data_are_carried_on_as_their_negative() -> None:
    true = Curve(-2.0, 30.0, 0.5)
    found = fit_curve(ROWS, [true(rows) for rows in ROWS], highest=0.0)
    assert found is not None
    assert found(2048) == pytest.approx(true(2048), abs=0.05)


@pytest.mark.parametrize(
    ("target", "more"),
    [
        (0.70, 0),  # reached today
        (0.80, 0),
        (0.85, 300),  # half the distance: four times the rows at a power of a half
        (0.875, 1500),
        (0.899, None),  # ten thousand times
        (0.90, None),
        (0.95, None),
    ],
)
def test_it_says_how_many_more_rows_reach_a_target_or_that_none_will(target: float, more: int | None) -> None:
    curve = Curve(0.9, 1.0, 0.5)
    assert curve(100) == pytest.approx(0.8)
    assert rows_to_reach(curve, 100, target, 64.0) == (None if more is None else pytest.approx(more, abs=1))


def test_rows_for_a_score_at_the_end_of_the_curve_are_without_number() -> None:
    assert Curve(0.9, 1.0, 0.5).rows_for(0.9) == math.inf
    assert Curve(0.9, 0.0, 0.5).rows_for(0.5) == 0.0


def test_a_model_that_removes_errors_needs_less_of_the_probe() -> None:
    assert target_for_probe(0.95, 0.5, ACCURACY) == pytest.approx(0.90)
    assert target_for_probe(0.95, 0.0, ACCURACY) == pytest.approx(0.95)
    assert target_for_probe(1.0, 0.5, MEAN_ERROR) == pytest.approx(2.0)
