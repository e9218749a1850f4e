"""What the audit says of people who labelled the same rows."""

import random
from dataclasses import replace

import pytest

from advisor.audit.annotators import annotator_columns, find_agreement
from advisor.audit.material import Material
from pipeline.findings import Found
from tests.advisor.audit.test_inspection import material

TEXTS = [f"text number {place * 7919 % 1000} of a letter" for place in range(200)]


def judged(truth: list[str], *said: list[str | None], task: str = "text-classification") -> Material:
    answers = [float(each) for each in truth] if task == "text-regression" else truth
    found = material(task, TEXTS[: len(truth)], answers)
    return replace(
        found,
        annotations={
            f"annotator_{name}": {f"letters.csv row {row}": each for row, each in enumerate(one, 1) if each is not None}
            for name, one in zip("abc", said, strict=False)
        },
    )


def noisy(truth: list[str], share: float, seed: int) -> list[str | None]:
    draw = random.Random(seed)
    return [each if draw.random() > share else draw.choice(sorted(set(truth))) for each in truth]


@pytest.mark.parametrize(("share", "code"), [(0.1, "agreement"), (0.5, "low_agreement"), (1.0, "no_agreement")])
def test_how_far_annotators_agree_decides_what_is_said(share: float, code: str) -> None:
    truth = ["yes", "no"] * 100
    (found,) = find_agreement(judged(truth, noisy(truth, share, 5), noisy(truth, share, 6)))
    assert (found.code, found.count, found.of) == (code, 200, 200)
    assert found.values["level"] == "nominal"
    assert found.values["kappas"].startswith("annotator_a and annotator_b ")


def test_rows_on_which_they_differ_are_shown_with_what_each_said() -> None:
    truth = ["yes", "no"] * 10
    other: list[str | None] = [*truth]
    other[4], other[6] = "no", None
    (found,) = find_agreement(judged(truth, [*truth], other, [*truth]))
    assert found.examples == [f"letters.csv row 5: {TEXTS[4]} (yes / no / yes)"]
    assert found.count == 20


@pytest.mark.parametrize(
    ("scores", "level"), [(["1", "2", "3", "4"], "ordinal"), (["0.5", "2.25", "3.5", "4"], "interval")]
)
def test_scores_are_grades_or_amounts(scores: list[str], level: str) -> None:
    truth = scores * 20
    (found,) = find_agreement(judged(truth, [*truth], [*truth[4:], *truth[:4]], task="text-regression"))
    assert found.values["level"] == level


def test_without_annotators_nothing_is_said() -> None:
    found: list[Found] = find_agreement(material("text-classification", TEXTS[:4], [*"abab"]))
    assert found == []


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["text", "label", "annotator_1", "annotator_2"], ["annotator_1", "annotator_2"]),
        (["text", "label", "label_1", "label_2", "label_3"], ["label_1", "label_2", "label_3"]),
        (["text", "label", "annotator_1"], []),
        (["text", "label", "labeller", "label_id"], []),
        (["text", "label_1", "label_2"], []),
    ],
)
def test_columns_of_annotators_are_known_by_their_names(columns: list[str], expected: list[str]) -> None:
    assert (
        annotator_columns(columns, {"text", "label", "label_1"} if "label" not in columns else {"text", "label"})
        == expected
    )
