"""What a person is told to do next: after a verdict, and after a run, in scores of either direction."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import pytest

from advisor.next_steps import after_decision, after_result
from advisor.outlook import Standing, expect_from_rows, most_from_class
from advisor.records import Prospects, RankedModel, Reason
from advisor.rulebook import load_advice, load_steps
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.records import Interval, NextSteps
from pipeline.task import TASKS
from tests.advisor import decisions
from tests.advisor.decisions import CLASSES, Sample


def texts(steps: NextSteps) -> dict[str, str]:
    return {step.title: step.because for step in steps.steps}


def rescore(truth: Sequence[str], answers: Sequence[str]) -> float:
    return MACRO_F1(truth, answers, CLASSES)


def standing(sample: Sample, **changes: Any) -> Standing:
    result = sample.result.model_copy(update=changes) if sample.result else None
    decision = sample.decision
    one_label = rescore if result is not None and result.errors.confusion else None
    return Standing(sample.answers, sample.measurements, decision, "run", result, one_label)


def after(sample: Sample, **changes: Any) -> dict[str, str]:
    """What is said after the sample's run with a changed result."""
    assert sample.result is not None
    return texts(after_result(standing(sample, **changes)))


def test_the_cheap_way_is_named_with_its_score_and_what_it_is_a_score_of() -> None:
    sample = decisions.no_go()
    steps = after_decision(standing(sample))
    (said,) = [step for step in steps.steps if step.command and "predict" in step.command]
    assert "(macro F1 0.841, cross-validated)" in said.because
    ratings = decisions.ratings()
    errors = replace(standing(ratings), decision=ratings.decision.model_copy(update={"verdict": "no_go"}))
    assert any("(RMSE 13.077, cross-validated)" in because for because in texts(after_decision(errors)).values())


def test_rows_that_would_show_the_gain_are_counted_from_what_can_be_proven() -> None:
    sample = decisions.ratings()
    assert sample.result is not None
    assert sample.decision.smallest_provable_gain is not None
    found = after(sample)["Label more rows to be sure"]
    wanted = sample.result.test_rows * (sample.decision.smallest_provable_gain / sample.decision.useful_gain) ** 2
    assert found.startswith(f"About {wanted:,.0f} sealed rows would show a gain of 0.744 in RMSE; there are 428. ")
    points = after(decisions.go(), verdict="insufficient_evidence")["Label more rows to be sure"]
    assert " would show a gain of 3.0 points; " in points
    assert "Label more rows to be sure" not in after(decisions.go())


@pytest.mark.parametrize(("good_enough", "short"), [(0.9, True), (0.872, False), (0.8, False)])
def test_a_score_under_what_is_good_enough_is_still_short_of_it(good_enough: float, short: bool) -> None:
    sample = decisions.go()
    assert sample.result is not None
    decision = sample.decision.model_copy(update={"good_enough": good_enough})
    said = " ".join(texts(after_result(replace(standing(sample), decision=decision))).values())
    assert (f"0.872 is still short of the {good_enough:.3f} that is good enough." in said) == short


@pytest.mark.parametrize(("good_enough", "short"), [(0.0, False), (12.3, True), (12.4, False), (20.0, False)])
def test_an_error_over_what_is_good_enough_is_still_short_of_it(good_enough: float, short: bool) -> None:
    sample = decisions.ratings()
    assert sample.result is not None
    decision = sample.decision.model_copy(update={"good_enough": good_enough})
    said = " ".join(texts(after_result(replace(standing(sample), decision=decision))).values())
    assert (f"12.400 is still short of the {good_enough:.3f} that is good enough." in said) == short


def test_the_weakest_class_is_named_with_what_it_is_taken_for_where_a_row_has_one() -> None:
    sample = decisions.go()
    assert sample.result is not None
    (title,) = [title for title in after(sample) if "of 'refund'" in title]
    worst = min(sample.result.errors.by_class, key=lambda row: row.f1)
    learned = sample.measurements.dataset.rows_per_class
    lacking = round(median(learned.values())) - learned[worst.label]
    assert title == f"Label {lacking} more rows of '{worst.label}'"
    assert "most often taken for 'cancel order' (6 of 65 rows)" in after(sample)[title]
    several = sample.result.errors.model_copy(update={"confusion": []})
    assert "taken for" not in after(sample, errors=several)[title]
    assert not [title for title in after(decisions.ratings()) if "rows of '" in title]


def test_a_weak_class_that_lacks_no_rows_is_to_be_looked_at() -> None:
    sample = decisions.go()
    data = sample.measurements.dataset
    plenty = data.model_copy(update={"rows_per_class": dict.fromkeys(CLASSES, 200)})
    measured = sample.measurements.model_copy(update={"dataset": plenty})
    steps = after_result(replace(standing(sample), measurements=measured)).steps
    (step,) = [step for step in steps if step.title == "Look at the class 'refund'"]
    assert "as many rows as others (200)" in step.because
    assert step.effort_minutes == 100


def test_the_gain_from_a_class_is_at_most_what_finding_it_as_often_as_others_would_bring() -> None:
    sample = decisions.go()
    assert sample.result is not None
    stands = standing(sample)
    worst = min(sample.result.errors.by_class, key=lambda row: row.f1)
    middle = median(row.recall for row in sample.result.errors.by_class)
    most = most_from_class(stands, worst)
    assert most is not None
    moved = round((middle - worst.recall) * worst.rows)
    assert 0 < most < moved / worst.rows  # of one class in six
    assert most_from_class(replace(stands, rescore=None), worst) is None
    step = next(step for step in after_result(stands).steps if "'refund'" in step.title)
    assert step.gain is not None
    assert (step.gain.low, step.gain.high) == (0.0, most)


def test_two_classes_that_are_taken_for_each_other_are_to_be_told_apart_with_what_that_can_bring() -> None:
    step = next(step for step in after_result(standing(decisions.go())).steps if "apart" in step.title)
    assert step.title == "Tell 'cancel order' and 'refund' apart"
    assert step.because.startswith("11 sealed rows of these two were taken for each other.")
    assert step.gain is not None
    mended = [list(row) for row in decisions.CONFUSION]
    for truth, answer in ((1, 5), (5, 1)):
        mended[truth][truth] += mended[truth][answer]
        mended[truth][answer] = 0
    before, after_it = (
        sum(one.f1 for one in decisions.by_class(counts, CLASSES)) / len(CLASSES)
        for counts in (decisions.CONFUSION, mended)
    )
    assert step.gain.high == pytest.approx(after_it - before)


@pytest.mark.parametrize(("last", "told"), [(0.05, True), (0.0, False), (-0.02, False)])
def test_more_rows_are_forecast_from_what_the_last_doubling_brought(last: float, told: bool) -> None:
    sample = decisions.go()
    gain = Interval(point=last, low=last - 0.02, high=last + 0.02, standard_error=0.01)
    prospects = Prospects(curve=decisions.curve().model_copy(update={"last_doubling": gain}), mending=None, seconds=1)
    stands = replace(standing(sample), measurements=decisions.measurements(prospects=prospects))
    found = [step for step in after_result(stands).steps if step.title == "Label 500 more rows"]
    assert bool(found) == told
    if told:
        assert found[0].gain is not None
        assert found[0].gain.low < found[0].gain.point < last
        assert found[0].effort_minutes == pytest.approx(500 * 20 / 60)
        assert f"gained +{100 * last:.1f} points" in found[0].because


def test_a_model_better_than_the_probe_gains_less_from_rows_than_the_probe() -> None:
    sample = decisions.go()
    stands = standing(sample)
    constants = {name: number.value for name, number in load_steps().numbers.items()}
    ours, probe = (
        expect_from_rows(stands, 500, constants),
        expect_from_rows(replace(stands, result=None), 500, constants),
    )
    assert ours is not None
    assert probe is not None
    assert ours.point == pytest.approx(probe.point * (1 - 0.872) / (1 - 0.823))


def test_labels_that_are_doubted_are_read_with_what_the_probe_gained_without_them() -> None:
    sample = decisions.go()
    step = next(step for step in after_result(standing(sample)).steps if "doubted" in step.title)
    assert step.title == "Read the 38 training rows whose labels are doubted"
    assert step.command == "advisor audit letters.csv"
    assert step.effort_minutes == 19


def test_steps_stand_in_the_order_of_what_they_bring_for_a_minute_of_a_person() -> None:
    steps = after_result(standing(decisions.go())).steps
    worth = [step.gain.point / step.effort_minutes for step in steps if step.gain and step.effort_minutes]
    assert len(worth) >= 3
    assert worth == sorted(worth, reverse=True)
    assert steps[0].command == "advisor predict run --data in.csv --out out.csv"
    without = [place for place, step in enumerate(steps) if step.gain is None and place > 1]
    assert min(without) > max(place for place, step in enumerate(steps) if step.gain and step.effort_minutes)


@pytest.mark.parametrize(
    ("good_enough", "useful", "title"),
    [(0.85, 0.03, "Stop here"), (0.95, 0.3, "Or stop here"), (0.95, 0.0001, None)],
)
def test_it_may_stop_where_the_score_is_enough_or_nothing_useful_is_expected(
    good_enough: float, useful: float, title: str | None
) -> None:
    sample = decisions.go()
    decision = sample.decision.model_copy(update={"good_enough": good_enough, "useful_gain": useful})
    steps = after_result(replace(standing(sample), decision=decision)).steps
    assert [step.title for step in steps if "top here" in step.title] == ([] if title is None else [title])
    assert title is None or steps[1].title == title


def test_a_larger_model_is_offered_only_where_it_would_fit_the_budget() -> None:
    sample = decisions.go()
    assert sample.result is not None
    ours = RankedModel(model="all-minilm-l6-v2", measured=True, score=0.9, because="")
    larger = RankedModel(model="bge-base-en-v1.5", measured=False, score=0.8, because="")
    chosen = sample.decision.recommendation.model_copy(update={"model": ours.model, "ranking": [ours, larger]})
    decision = sample.decision.model_copy(update={"recommendation": chosen})
    for minutes, gib, fits in ((120.0, 8.0, True), (20.0, 8.0, False), (120.0, 4.0, False)):
        budget = sample.answers.budget.model_copy(update={"train_minutes": minutes, "memory_gib": gib})
        answers = sample.answers.model_copy(update={"budget": budget})
        steps = after_result(replace(standing(sample), decision=decision, answers=answers)).steps
        (step,) = [step for step in steps if step.title == "Measure bge-base-en-v1.5 too"]
        assert ("times as large" in step.because) == fits


@pytest.mark.parametrize("task", TASKS)
def test_a_not_yet_for_lack_of_labels_ends_with_the_command_and_good_practice_for_the_task(task: str) -> None:
    decision = decisions.not_yet().decision.model_copy(
        update={"reasons": [Reason(code="few_rows_per_class", because="")]}
    )
    advice = load_advice(task)
    steps = after_decision(replace(standing(decisions.not_yet()), decision=decision, run="runs/one"), advice).steps
    commands = [step.command for step in steps]
    assert commands[-len(advice) - 1 :] == ["advisor label runs/one --data unlabelled.csv", *[None] * len(advice)]
    assert all(step.source for step in steps[-len(advice) :])
    assert 4 <= len(advice) <= 6
    assert len({each.title for each in advice}) == len(advice)
    measure = "span F1" if task == "token-classification" else "alpha"
    assert sum(measure in each.because and "--again" in each.because for each in advice) == 1


@pytest.mark.parametrize("code", ["no_consent", "over_time_budget", "model_licence"])
def test_a_not_yet_for_another_reason_asks_for_no_labels(code: str) -> None:
    decision = decisions.not_yet().decision.model_copy(update={"reasons": [Reason(code=code, because="")]})
    steps = after_decision(
        replace(standing(decisions.not_yet()), decision=decision), load_advice("text-classification")
    ).steps
    assert not any("advisor label" in (step.command or "") for step in steps)
