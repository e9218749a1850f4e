"""Labels: how they are read, which are refused, and where a model still fails."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import torch

from advisor.report.examination import say_scores_without_reach
from pipeline.errors import DataError
from pipeline.evaluation.intervals import wilson
from pipeline.task import Predictions, Rows, load_task
from pipeline.tasks.labels import errors_by_class

TASK = load_task("text-classification")


def rows_of(labels: Sequence[str]) -> Rows:
    ids = tuple(str(place) for place in range(len(labels)))
    return Rows(ids, tuple(f"text {place}" for place in ids), tuple(labels))


def refusal(labels: Sequence[str]) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        TASK.check(rows_of(labels), "folder/reviews.csv")
    return caught.value.problem, caught.value.fix


def test_one_class_cannot_be_learned() -> None:
    assert refusal(["good"] * 10) == (
        "'reviews.csv' has one class only: every label is 'good'.",
        "Add rows of another class, or name another label column.",
    )


def test_labels_that_differ_by_case_or_space_are_listed_with_the_mend() -> None:
    labels = ["yes"] * 5 + ["Yes"] * 2 + ["YES "] + ["no"] * 4 + ["on  hold"] * 3 + ["on hold"] * 4
    assert refusal(labels) == (
        "'reviews.csv' has labels that differ only in how they are written: "
        "'yes' (5 rows), 'Yes' (2 rows), 'YES ' (1 rows); 'on hold' (4 rows), 'on  hold' (3 rows).",
        "Write 'yes' instead of 'Yes', 'yes' instead of 'YES ', 'on hold' instead of 'on  hold'. "
        "A copy that is mended so: `advisor prepare reviews.csv --mend labels --out FILE`.",
    )


def test_a_column_with_as_many_values_as_rows_holds_no_classes() -> None:
    assert refusal([f"order {place}" for place in range(1500)]) == (
        "The label column of 'reviews.csv' holds 1,500 different values in 1,500 rows.",
        "Name the column that holds the classes.",
    )


@pytest.mark.parametrize("labels", [["a", "b"], ["a", "b", "a"], [f"{place // 2}" for place in range(2000)]])
def test_two_classes_and_a_thousand_are_taken(labels: list[str]) -> None:
    TASK.check(rows_of(labels), "reviews.csv")
    assert len(TASK.classes(rows_of(labels))) == len(set(labels))


def test_rows_without_a_label_are_left_out_and_numbers_become_labels() -> None:
    table = pd.DataFrame(
        {"body": ["a", "b", None, "d", "e"], "grade": [1, None, True, 2.0, "  "]}, index=range(1, 6), dtype=object
    )
    found = TASK.rows(table, {"text": "body", "label": "grade"}, "reviews.csv", labelled=True)
    assert found == Rows(("1", "3", "4"), ("a", "", "d"), ("1", "true", "2"))


def test_rows_to_answer_need_no_label() -> None:
    table = pd.DataFrame({"body": ["a", "b"]}, index=range(1, 3), dtype=object)
    found = TASK.rows(table, {"text": "body", "label": "grade"}, "reviews.csv", labelled=False)
    assert found == Rows(("1", "2"), ("a", "b"), ())


def test_errors_are_counted_by_class_and_the_surest_mistakes_come_first() -> None:
    rows = rows_of(["a", "a", "a", "b", "b", "c"])
    scores = np.array([[9, 1, 0], [4, 6, 0], [1, 9, 0], [2, 8, 0], [3, 7, 0], [2, 7, 1]]) / 10
    ours = Predictions(rows.ids, ("a", "b", "b", "b", "b", "b"), scores, scores.max(axis=1))
    theirs = Predictions(rows.ids, ("a", "a", "b", "a", "b", "b"))
    found = TASK.analyse_errors(rows, ours, theirs, ["a", "b", "c"], show_rows=True)
    assert found.confusion == [[1, 2, 0], [0, 2, 0], [0, 1, 0]]
    assert [(one.label, one.rows, one.precision, one.recall, one.f1) for one in found.by_class] == [
        ("a", 3, 1.0, pytest.approx(1 / 3), 0.5),
        ("b", 2, 0.4, 1.0, pytest.approx(4 / 7)),
        ("c", 1, 0.0, 0.0, 0.0),
    ]
    assert [(case.row_id, case.truth, case.answer, case.confidence) for case in found.worst] == [
        ("2", "a", "b", 0.9),
        ("5", "c", "b", 0.7),
        ("1", "a", "b", 0.6),
    ]
    assert (found.mended, found.broken) == (1, 1)
    assert TASK.analyse_errors(rows, ours, theirs, ["a", "b", "c"], show_rows=False).worst == []


def test_precision_and_recall_of_a_class_have_intervals_where_there_are_rows() -> None:
    found = errors_by_class(["a", "b"], np.array([8, 0]), np.array([10, 0]), np.array([16, 4]))
    assert found[0].recall_reach == wilson(8, 10)
    assert found[0].precision_reach == wilson(8, 16)
    assert found[1].recall_reach is None
    assert found[1].precision_reach == wilson(0, 4)


def test_a_row_weighs_as_its_label_does_and_what_is_smoothed_goes_to_all_classes_alike() -> None:
    classes = ["common", "rare"]
    rows = rows_of(["common"] * 18 + ["rare"] * 2)
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.0]])
    told = torch.tensor([0, 1])
    losses = -torch.log_softmax(logits, dim=1)
    by_hand = 0.0
    for row, weight in ((0, 20 / (2 * 18)), (1, 20 / (2 * 2))):
        by_hand += weight * float(0.8 * losses[row, told[row]] + 0.2 * losses[row].mean())
    found = TASK.loss(classes, rows, "balanced", 0.2)({"logits": logits}, told)
    assert float(found) == pytest.approx(by_hand / 2)
    plain = TASK.loss(classes, rows, "balanced", 0.0)({"logits": logits}, told)
    library = torch.nn.functional.cross_entropy(logits, told, torch.tensor([20 / 36, 5.0]), reduction="sum") / 2
    assert float(plain) == pytest.approx(float(library))


def test_f1_of_a_class_has_an_interval_where_it_has_rows_enough() -> None:
    found = errors_by_class(["a", "b", "c"], np.array([80, 0, 2]), np.array([100, 60, 3]), np.array([160, 0, 4]))
    reach = found[0].f1_reach
    assert reach is not None
    assert reach.point == pytest.approx(found[0].f1)
    assert 0.5 < reach.low < found[0].f1 < reach.high < 0.75
    never = found[1].f1_reach
    assert never is not None
    assert (never.point, never.low) == (0.0, 0.0)
    assert 0.05 < never.high < 0.15
    assert found[2].f1_reach is None


def test_words_that_share_their_sentences_get_no_interval() -> None:
    (found,) = errors_by_class(["a"], np.array([80]), np.array([100]), np.array([160]), share_rows=True)
    assert (found.precision_reach, found.recall_reach, found.f1_reach) == (None, None, None)
    assert "share their sentences" in say_scores_without_reach([found])


def test_a_class_of_few_rows_is_said_to_lack_an_interval() -> None:
    many, few = (errors_by_class(["a"], *(np.array([rows]) for _ in range(3))) for rows in (100, 3))
    assert say_scores_without_reach(many) == ""
    assert "fewer than 10 rows" in say_scores_without_reach(few)
