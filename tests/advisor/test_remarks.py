"""What is said beside the reasons of a verdict."""

import pytest

from advisor.learning_curve import Curve
from advisor.records import CurvePoint
from advisor.remarks import Reach, say_rows_to_reach
from advisor.rulebook import load_rules
from pipeline.evaluation.metrics import ACCURACY
from pipeline.metric import Metric
from pipeline.records import Interval
from tests.scores import MEAN_ERROR

RULE = load_rules().decision.thresholds["more_rows"]
TRUE = Curve(0.9, 1.0, 0.5)
"""Scores .80 with 100 rows."""
ROWS = [25, 50, 100, 200]


def points(metric: Metric = ACCURACY, count: int = 4) -> list[CurvePoint]:
    scores = [TRUE(rows) if metric.higher_is_better else 10 * (1 - TRUE(rows)) for rows in ROWS[:count]]
    return [
        CurvePoint(rows=rows, score=Interval(point=score, low=score - 0.1, high=score + 0.1))
        for rows, score in zip(ROWS, scores, strict=False)
    ]


def reach(target: float, fine_tuned: float | None = None) -> Reach:
    return Reach(ACCURACY, target, train_rows=100, probe=0.8, fine_tuned=fine_tuned)


@pytest.mark.parametrize(
    ("target", "fine_tuned", "said"),
    [
        (0.85, None, "About 300 more training rows would bring the linear probe to what is good enough, 0.850"),
        (0.925, 0.9, "About 300 more training rows would bring the fine-tuned model"),  # half of the errors
        (0.85, 0.7, "About 300 more training rows would bring the fine-tuned model"),  # no better than the probe
        (0.95, None, "no number of rows up to 6,400 would bring the linear probe to what is good enough, 0.950"),
        (0.79, None, None),
        (0.90, 0.91, None),
    ],
)
def test_it_says_how_many_more_rows_are_good_enough_or_that_none_are(
    target: float, fine_tuned: float | None, said: str | None
) -> None:
    found = say_rows_to_reach(points(), reach(target, fine_tuned), RULE)
    assert (found is None) == (said is None)
    if found is not None and said is not None:
        assert found.code == "more_rows"
        assert said in found.because
        assert "{" not in found.because


def test_of_errors_the_same_is_said() -> None:
    found = say_rows_to_reach(points(MEAN_ERROR), Reach(MEAN_ERROR, 1.5, 100, probe=2.0, fine_tuned=None), RULE)
    assert found is not None
    assert "About 300 more training rows" in found.because


def test_too_few_points_say_nothing() -> None:
    assert say_rows_to_reach(points(count=2), reach(0.85), RULE) is None
