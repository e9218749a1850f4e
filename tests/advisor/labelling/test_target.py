"""When the labels are enough, and whether more of them still help."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from advisor.labelling.target import Rise, Target, measure_rise, set_target
from advisor.measurements.bench import Bench
from advisor.records import Reason
from advisor.rulebook import load_rules
from pipeline.data.splitting import FEWEST_ROWS_FOR_A_PROOF
from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import Interval
from pipeline.task import KeptPredict, Predictions, Rows, load_task
from tests.advisor import decisions

RULES = load_rules().decision


def target(rows: int, per_class: Mapping[str, int]) -> Target:
    return Target(rows, per_class, fewest_rows=60, fewest_per_class=8, fewest_of_any=2, sealed=20, sealed_wanted=200)


@pytest.mark.parametrize(
    ("rows", "per_class", "new", "added", "enough"),
    [
        (59, {"a": 30, "b": 29}, 0, {}, False),
        (59, {"a": 30, "b": 29}, 1, {"a": 1}, True),
        (60, {"a": 52, "b": 7, "c": 1}, 0, {}, False),
        (60, {"a": 52, "b": 7, "c": 1}, 1, {"b": 1}, False),  # c still has one row
        (60, {"a": 52, "b": 7, "c": 1}, 2, {"b": 1, "c": 1}, True),
        (60, {"a": 60}, 1, {"new": 1}, False),
        (60, {}, 0, {}, True),
        (10, {}, 49, {}, False),
    ],
)
def test_it_is_enough_when_rows_and_classes_no_longer_stand_in_the_way(
    rows: int, per_class: dict[str, int], new: int, added: dict[str, int], enough: bool
) -> None:
    assert target(rows, per_class).enough(new, added) == enough


def test_every_goal_is_told_with_what_is_there_and_what_is_wanted() -> None:
    goals = target(14, {"a": 11, "refund": 1, "c": 2}).goals(3, {"c": 3})
    assert [(goal.title, goal.have, goal.need) for goal in goals] == [
        ("rows", 17, 60),
        ("classes with 8 rows", 1, 2),
        ("'refund'", 1, 2),
    ]


def test_the_target_is_what_the_rules_decide_by() -> None:
    sample = decisions.not_yet()
    found = set_target(sample.decision, sample.measurements, RULES)
    limits = RULES.thresholds
    assert found.fewest_per_class == limits["few_rows_per_class"].value
    assert found.fewest_of_any == limits["class_without_rows"].value
    lacking = sample.decision.model_copy(update={"reasons": [Reason(code="too_few_rows", because="")]})
    assert set_target(lacking, sample.measurements, RULES).fewest_rows == limits["too_few_rows"].value
    open_one = sample.decision.model_copy(update={"reasons": [Reason(code="go_points", because="")]})
    assert set_target(open_one, sample.measurements, RULES).fewest_rows == FEWEST_ROWS_FOR_A_PROOF


def test_sealed_rows_are_wanted_until_a_useful_gain_can_be_proven() -> None:
    sample = decisions.not_yet()
    proven = sample.decision.model_copy(update={"smallest_provable_gain": 0.01, "useful_gain": 0.03})
    unproven = proven.model_copy(update={"smallest_provable_gain": 0.06})
    assert not set_target(proven, sample.measurements, RULES).wants_sealed
    found = set_target(unproven, sample.measurements, RULES)
    assert found.wants_sealed
    assert found.sealed_wanted == 4 * found.sealed


def bench() -> Bench:
    rows = Rows(tuple(map(str, range(40))), tuple(f"row {n}" for n in range(40)), ("a", "b") * 20)
    folds = [[np.arange(start, 40, 4) for start in range(4)]]
    task = load_task("text-classification")
    return Bench(task, rows, [str(n) for n in range(40)], ["a", "b"], ACCURACY, folds, seed=1)


class Answerer:
    """Answers right as many rows of a fold as new rows were among those it was fitted to."""

    def __init__(self, known: int) -> None:
        self.known = known

    def __call__(self, rows: Rows) -> Predictions:
        truth = dict(zip(bench().rows.ids, bench().rows.answers, strict=True))
        right = (place < self.known for place in range(len(rows)))
        answers = (truth[row] if known else "wrong" for row, known in zip(rows.ids, right, strict=True))
        return Predictions(rows.ids, tuple(answers))

    def save(self, folder: Path) -> None: ...


def knows_as_many(rows: Rows, seed: int) -> KeptPredict:
    return Answerer(sum(given.startswith("new") for given in map(str, rows.inputs)))


def test_the_rise_is_measured_on_rows_that_were_not_chosen() -> None:
    new = Rows(tuple("n" * 10), tuple(f"new {n}" for n in range(10)), ("a",) * 10)
    found = measure_rise(bench(), knows_as_many, ["a", "b"], new)
    assert found is not None
    assert found.all_of_them.point == pytest.approx(1.0)
    assert found.newest_half.point == pytest.approx(0.5)
    assert measure_rise(bench(), knows_as_many, ["a", "b"], new.take(range(9))) is None


@pytest.mark.parametrize(
    ("low", "high", "trend"),
    [
        (0.001, 0.04, "It is still rising."),
        (-0.01, 0.04, "Whether it still rises these rows cannot tell."),
        (-0.04, 0.0, "It has levelled off or fallen."),
    ],
)
def test_the_rise_is_told_with_its_noise(low: float, high: float, trend: str) -> None:
    late = Interval(point=0.02, low=low, high=high)
    said = Rise(rows=24, all_of_them=Interval(point=0.05, low=0.01, high=0.09), newest_half=late).say(ACCURACY.facts)
    assert said.startswith("The 24 new rows change the linear probe by +5.0 points (95 % interval +1.0 to +9.0),")
    assert said.endswith(trend)
