"""What a person is told to do next: after a verdict, and after a run, in scores of either direction."""

from typing import Any

import pytest

from advisor.next_steps import after_decision, after_result
from advisor.records import Reason
from advisor.rulebook import load_advice
from pipeline.records import NextSteps
from pipeline.task import TASKS
from tests.advisor import decisions
from tests.advisor.decisions import Sample


def texts(steps: NextSteps) -> dict[str, str]:
    return {step.title: step.because for step in steps.steps}


def after(sample: Sample, **changes: Any) -> dict[str, str]:
    """What is said after the sample's run with a changed result."""
    assert sample.result is not None
    result = sample.result.model_copy(update=changes)
    return texts(after_result(sample.decision, result, "run"))


def test_the_cheap_way_is_named_with_its_score_and_what_it_is_a_score_of() -> None:
    steps = after_decision(decisions.no_go().decision, "run")
    (said,) = [step for step in steps.steps if step.command and "predict" in step.command]
    assert "(macro F1 0.841, cross-validated)" in said.because
    errors = decisions.ratings().decision.model_copy(update={"verdict": "no_go"})
    assert any("(RMSE 13.077, cross-validated)" in because for because in texts(after_decision(errors, "run")).values())


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
    said = " ".join(texts(after_result(decision, sample.result, "run")).values())
    assert (f"0.872 is still short of the {good_enough:.3f} that is good enough." in said) == short


@pytest.mark.parametrize(("good_enough", "short"), [(0.0, False), (12.3, True), (12.4, False), (20.0, False)])
def test_an_error_over_what_is_good_enough_is_still_short_of_it(good_enough: float, short: bool) -> None:
    sample = decisions.ratings()
    assert sample.result is not None
    decision = sample.decision.model_copy(update={"good_enough": good_enough})
    said = " ".join(texts(after_result(decision, sample.result, "run")).values())
    assert (f"12.400 is still short of the {good_enough:.3f} that is good enough." in said) == short


def test_the_weakest_class_is_named_with_what_it_is_taken_for_where_a_row_has_one() -> None:
    sample = decisions.go()
    assert sample.result is not None
    (title,) = [title for title in after(sample) if title.startswith("Look at the class")]
    worst = min(sample.result.errors.by_class, key=lambda row: row.f1)
    assert title == f"Look at the class '{worst.label}'"
    assert "most often taken for 'cancel order' (6 of 65 rows)" in after(sample)[title]
    several = sample.result.errors.model_copy(update={"confusion": []})
    because = after(sample, errors=several)[title]
    assert because == f"Its F1 is the lowest, {worst.f1:.3f}. More rows or clearer labels there help most."
    assert not [title for title in after(decisions.ratings()) if title.startswith("Look at the class")]


@pytest.mark.parametrize("task", TASKS)
def test_a_not_yet_for_lack_of_labels_ends_with_the_command_and_good_practice_for_the_task(task: str) -> None:
    decision = decisions.not_yet().decision.model_copy(
        update={"reasons": [Reason(code="few_rows_per_class", because="")]}
    )
    advice = load_advice(task)
    steps = after_decision(decision, "runs/one", advice).steps
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
    steps = after_decision(decision, "run", load_advice("text-classification")).steps
    assert not any("advisor label" in (step.command or "") for step in steps)
