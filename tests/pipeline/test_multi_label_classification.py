"""Several labels: how they are read, which are refused, where probabilities become labels, and where a model still fails."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.embeddings import Embedder
from pipeline.errors import DataError, ModelError
from pipeline.evaluation.metrics import MACRO_F1, MICRO_F1, mark_labels
from pipeline.metric import Metric
from pipeline.predictors.linear import Kind
from pipeline.task import Predictions, RivalSetting, Rows, load_task
from pipeline.tasks.several_labels import (
    SeveralLabels,
    choose_thresholds,
    near_labels,
    prior,
    template_scores,
)
from tests import tiny
from tests.examples.multi_label_classification import make_rows

TASK = load_task("multi-label-classification")
Labels = tuple[str, ...]


def rows_of(answers: Sequence[Labels]) -> Rows:
    ids = tuple(str(place) for place in range(len(answers)))
    return Rows(ids, tuple(f"text {place}" for place in ids), tuple(answers))


def read(cells: dict[str, list[Any]], labels: str | list[str], **more: str) -> Rows:
    count = len(next(iter(cells.values())))
    table = pd.DataFrame({"body": [f"text {row}" for row in range(1, count + 1)], **cells}, dtype=object)
    table.index = pd.RangeIndex(1, count + 1)
    return TASK.rows(table, {"text": "body", "labels": labels, **more}, "folder/notes.csv", labelled=True)


def refusal(cells: dict[str, list[Any]], labels: str | list[str], **more: str) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        read(cells, labels, **more)
    return caught.value.problem, caught.value.fix


def check_refusal(answers: Sequence[Labels]) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        TASK.check(rows_of(answers), "folder/notes.csv")
    return caught.value.problem, caught.value.fix


def setting(embedder: Embedder, classes: list[str], metric: Metric = MACRO_F1) -> RivalSetting:
    return RivalSetting(embedder, classes, metric, tiny.PHRASES, ["{phrase}", "one {phrase}"], "mean")


def test_lists_are_read_sorted_and_without_repeats_and_an_empty_list_is_an_answer() -> None:
    lists = [["b", "a", "b"], [], None, np.array(["c"], dtype=object), [2, True], '["b", "a"]', "[]", "  "]
    found = read({"tags": lists}, "tags")
    assert found.ids == ("1", "2", "4", "5", "6", "7")
    assert found.answers == (("a", "b"), (), ("c",), ("2", "true"), ("a", "b"), ())
    assert found.inputs[2] == "text 4"


def test_delimited_text_is_split_and_trimmed_and_a_number_is_one_label() -> None:
    cells = [" late;  rude ; late", "rude;", ";", None, 3.0, '["a;b"]']
    assert read({"tags": cells}, "tags", label_delimiter=";").answers == (
        ("late", "rude"),
        ("rude",),
        (),
        ("3",),
        ("a;b",),
    )


def test_a_column_with_one_value_in_every_cell_holds_one_label_each() -> None:
    assert read({"tags": ["late", None, "very rude", 7]}, "tags").answers == (("late",), ("very rude",), ("7",))


@pytest.mark.parametrize(
    ("cells", "row", "shown", "fix"),
    [
        (["late", "late, rude"], 2, "late, rude", 'Say what separates labels: `label_delimiter = ","` under [data].'),
        (["a", "b, c; d", "e|f"], 2, "b, c; d", 'Say what separates labels: `label_delimiter = ";"` under [data].'),
        ([["a"], "b"], 2, "b", 'Say what separates labels: `label_delimiter = ";"` under [data].'),
        (["['a', 'b']"], 1, "['a', 'b']", 'Write lists as JSON, with double quotes: ["one label", "another"].'),
    ],
)
def test_text_that_may_hold_several_labels_is_not_guessed_at(cells: list[Any], row: int, shown: str, fix: str) -> None:
    problem = f"Row {row} of 'notes.csv' holds '{shown}' in the column 'tags', which is no list."
    assert refusal({"tags": cells}, "tags") == (problem, fix)


def test_entries_that_are_no_labels_are_all_named() -> None:
    assert refusal({"tags": [["a", None], [["b"]], ["c"], [{"name": "d"}]]}, "tags") == (
        "Lists in the column 'tags' of 'notes.csv' hold entries that are no labels: "
        "row 1: nothing; row 2: '['b']'; row 4: '{'name': 'd'}'.",
        'Write each list as ["one label", "another"], and [] for a row that has none.',
    )


def test_a_column_for_each_label_says_one_or_nought_in_several_ways() -> None:
    cells: dict[str, list[Any]] = {"rude": [1, "Yes", 0.0, None], "late": ["1", False, "no", "  "]}
    found = read(cells, ["rude", "late"])
    assert found == Rows(("1", "2", "3"), ("text 1", "text 2", "text 3"), (("late", "rude"), ("rude",), ()))


def test_cells_that_say_neither_are_named_with_row_and_column() -> None:
    cells: dict[str, list[Any]] = {"rude": [1, "maybe", 2] + [None] * 6, "late": [None, 0, 1] + [0] * 6}
    problem, fix = refusal(cells, ["rude", "late"])
    assert problem == (
        "'notes.csv' has cells that do not say whether a row has a label: row 1, column 'late': nothing; "
        "row 2, column 'rude': 'maybe'; row 3, column 'rude': '2'; row 4, column 'rude': nothing; "
        "row 5, column 'rude': nothing (9 in all)."
    )
    assert fix == "Write 1, true or yes where a row has the label, and 0, false or no where it has not."


def test_a_delimiter_and_several_columns_do_not_go_together() -> None:
    problem, _ = refusal({"rude": [1], "late": [0]}, ["rude", "late"], label_delimiter=";")
    assert problem == "`label_delimiter` splits the cells of one column, and `labels` names 2."
    problem, fix = refusal({"rude": [1], "late": [0]}, ["rude", "lat"])
    assert problem == "'notes.csv' has no column 'lat'."
    assert fix.endswith("Did you mean 'late'?")


def test_labels_that_cannot_be_learned_are_refused() -> None:
    assert check_refusal([(), ()]) == ("No row of 'notes.csv' has a label.", "Name the column that holds the labels.")
    assert check_refusal([("rude",), ()]) == (
        "'notes.csv' has one label only: 'rude'.",
        "Add rows with another label. Whether a row has one label or not is asked with "
        'task = "text-classification" and a column that says yes or no.',
    )
    assert check_refusal([("rude", "late")] * 3 + [("Rude",)]) == (
        "'notes.csv' has labels that differ only in how they are written: 'rude' (3 rows), 'Rude' (1 rows).",
        "Write 'rude' instead of 'Rude'. A copy that is mended so: `advisor prepare notes.csv --mend labels --out FILE`.",
    )
    problem, _ = check_refusal([(f"a{place}", f"b{place}") for place in range(60)])
    assert problem == "The label column of 'notes.csv' holds 120 different values in 60 rows."
    TASK.check(rows_of([("rude",), ("late",), ()]), "notes.csv")


def test_rows_are_balanced_by_their_rarest_label() -> None:
    rows = rows_of([("a", "b"), ("a",), ("b", "c"), ("a", "c"), (), ("a", "b")])
    assert TASK.classes(rows) == ["a", "b", "c"]
    assert TASK.strata(rows) == ["b", "a", "c", "c", "", "b"]
    assert TASK.kinds(("a", "b")) == {"a", "b"}
    assert TASK.kinds(()) == frozenset()


def test_what_is_odd_about_labels_is_found() -> None:
    answers: list[Labels] = [("a", "b", "c")] * 5 + [("c", "d", "e")] * 4 + [("c",)] * 40 + [()]
    found = TASK.audit(rows_of(answers))
    assert [(finding.code, finding.count, finding.examples) for finding in found] == [
        ("labels_always_together", 1, ["a + b"]),
        ("labels_nearly_everywhere", 1, ["c"]),
        ("rows_without_labels", 1, ["text 49"]),
    ]


def logits_of(count: int, seed: int) -> tuple[Any, Any]:
    """Calibrated logits of four labels with 30, 10, 3 and 1 % of the rows, and which rows have them."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(np.log([0.3, 0.1, 0.03, 0.01]), 1.5, size=(count, 4))
    return logits, draw.random(logits.shape) < 1 / (1 + np.exp(-logits))


def answered(logits: Any, thresholds: Sequence[float]) -> list[Labels]:
    classes = ["a", "b", "c", "d"]
    ids = [str(row) for row in range(len(logits))]
    return list(SeveralLabels().decode(ids, logits, classes, thresholds).answers)  # type: ignore[arg-type]


def named(truth: Any) -> list[Labels]:
    return [tuple(np.array(["a", "b", "c", "d"])[row].tolist()) for row in truth]


def test_thresholds_serve_the_metric_on_other_rows_too() -> None:
    logits, truth = logits_of(2000, seed=0)
    others, expected = logits_of(4000, seed=1)
    by_label, common = (choose_thresholds(logits, truth, metric) for metric in (MACRO_F1, MICRO_F1))
    assert len(set(common)) == 1 < len(set(by_label))
    scores = {
        (metric.name, name): metric(named(expected), answered(others, thresholds), ["a", "b", "c", "d"])
        for metric in (MACRO_F1, MICRO_F1)
        for name, thresholds in (("by label", by_label), ("common", common), ("half", ()))
    }
    assert scores["macro_f1", "by label"] > scores["macro_f1", "common"] > scores["macro_f1", "half"]
    assert scores["micro_f1", "common"] > scores["micro_f1", "by label"]
    assert scores["micro_f1", "common"] > scores["micro_f1", "half"]


def test_a_label_without_rows_takes_the_threshold_of_all_and_sure_outputs_one_in_their_midst() -> None:
    logits = np.array([[4.0, -4.0, -3.0], [-4.0, 4.0, -3.0], [4.0, 4.0, -3.0]])
    truth = logits > 0
    thresholds = choose_thresholds(logits, truth, MACRO_F1)
    assert len(thresholds) == 3
    assert all(0.4 < threshold < 0.65 for threshold in thresholds)
    outputs = [np.array(row, dtype=np.float32) for row in logits]
    rows = rows_of([("a",), ("b",), ("a", "b")])
    assert TASK.choose_thresholds(rows, outputs, ["a", "b", "c"], MACRO_F1) == pytest.approx(thresholds)


def test_no_label_is_an_honest_answer_and_confidence_is_that_of_the_whole() -> None:
    found = SeveralLabels().decode(["1", "2"], np.array([[-2.0, -1.0], [3.0, -1.0]]), ["b", "a"], (0.5, 0.2))
    assert found.answers == (("a",), ("a", "b"))
    assert SeveralLabels().decode(["1"], np.array([[-2.0, -1.0]]), ["a", "b"], ()).answers == ((),)
    assert found.scores is not None
    assert found.confidence is not None
    assert found.scores[1] == pytest.approx([0.9526, 0.2689], abs=1e-4)
    assert found.confidence == pytest.approx([0.8808 * 0.2689, 0.9526 * 0.2689], abs=1e-4)


def test_the_readout_learns_each_label_and_survives_labels_of_no_or_all_rows() -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=(400, 6))
    rows = [("all", *(label for place, label in enumerate("abc") if row[place] > 0.5)) for row in features]
    classes = ["a", "all", "b", "c", "never"]
    kinds: tuple[Kind, ...] = ("probe", "tfidf")
    for kind in kinds:
        linear = SeveralLabels().fit(features, rows, classes, kind, seed=0)
        found = SeveralLabels().decode([str(row) for row in range(400)], linear(features), classes, linear.thresholds)
        assert MACRO_F1(rows, found.answers, classes) > 0.9
        given = mark_labels(found.answers, ["all", "never"])
        assert given[:, 0].all()
        assert not given[:, 1].any()
    few = SeveralLabels().fit(features[:1], rows[:1], classes, "probe", seed=0)
    assert np.isfinite(few.weight).all()
    assert np.isfinite(few.bias).all()


@pytest.mark.parametrize(("metric", "labels"), [(MACRO_F1, ("a", "b", "c")), (MICRO_F1, ("a", "b"))])
def test_the_prior_answers_the_commonest_labels_that_score_best(
    metric: Metric, labels: Labels, embedder: Embedder
) -> None:
    rows = rows_of([("a",)] * 6 + [("a", "b")] * 5 + [("c",)])
    found = prior(setting(embedder, ["a", "b", "c"], metric))(rows, 0)(rows_of([()]))
    assert found.answers == (labels,)
    assert found.scores is not None
    assert found.scores.tolist() == [[11 / 12, 5 / 12, 1 / 12]]


def test_where_no_row_has_a_label_the_prior_answers_none(embedder: Embedder, tmp_path: Path) -> None:
    rows = rows_of([(), ()])
    predict = TASK.fit_rival("prior", setting(embedder, ["a", "b"]))(rows, 0)
    assert predict(rows).answers == ((), ())
    predict.save(tmp_path)
    assert TASK.load_rival(tmp_path, None)(rows).answers == ((), ())


def test_zero_shot_takes_the_best_template_and_needs_its_model(embedder: Embedder, tmp_path: Path) -> None:
    rows = make_rows(120, seed=3)
    scores = template_scores(rows, setting(embedder, tiny.CLASSES))
    assert {f"“{template}”": score for template, score in scores.items()} == TASK.phrasing_scores(
        rows, setting(embedder, tiny.CLASSES)
    )
    predict = near_labels(setting(embedder, tiny.CLASSES))(rows, 0)
    assert MACRO_F1(rows.answers, predict(rows).answers, tiny.CLASSES) == pytest.approx(max(scores.values()), abs=0.02)
    predict.save(tmp_path)
    with pytest.raises(ModelError):
        TASK.load_rival(tmp_path, None)


def test_the_loss_is_the_mean_over_rows_and_labels_however_batches_are_cut() -> None:
    rows = rows_of([("a",), ("a", "b"), ()])
    targets = torch.from_numpy(np.stack(TASK.targets(rows, [], ["a", "b"])))
    assert targets.dtype == torch.float32
    assert targets.tolist() == [[1, 0], [1, 1], [0, 0]]
    logits = torch.tensor([[2.0, -1.0], [0.5, 0.0], [-3.0, 1.0]])
    loss = TASK.loss(["a", "b"], rows, "balanced", 0.0)
    whole = loss({"logits": logits}, targets)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets)
    torch.testing.assert_close(whole, expected)
    counted = (targets != -100).sum()  # as Trainer counts
    parts = [loss({"logits": logits[part]}, targets[part], counted) for part in (slice(0, 2), slice(2, 3))]
    torch.testing.assert_close(sum(parts), expected)


def test_errors_are_counted_by_label_and_the_surest_mistakes_come_first() -> None:
    rows = rows_of([("a",), ("a", "b"), ("b",), (), ("c",)])
    ours = Predictions(
        rows.ids, (("b",), ("a", "b"), ("a",), (), ("b", "c")), confidence=np.array([0.2, 0.9, 0.8, 0.7, 0.4])
    )
    theirs = Predictions(rows.ids, (("a",), ("a",), ("a",), (), ()))
    found = TASK.analyse_errors(rows, ours, theirs, ["a", "b", "c"], show_rows=True)
    assert found.confusion == []
    assert [(one.label, one.rows, one.precision, one.recall, one.f1) for one in found.by_class] == [
        ("a", 2, 0.5, 0.5, 0.5),
        ("b", 2, pytest.approx(1 / 3), 0.5, pytest.approx(0.4)),
        ("c", 1, 1.0, 1.0, 1.0),
    ]
    missed_or_added, taken = found.tables
    assert (missed_or_added.columns, missed_or_added.rows) == (
        ["label", "missed", "added"],
        [["b", "1", "2"], ["a", "1", "1"]],
    )
    assert (taken.columns, taken.rows) == (["missed", "added", "rows"], [["a", "b", "1"], ["b", "a", "1"]])
    assert [(case.row_id, case.truth, case.answer) for case in found.worst] == [
        ("2", "b", "a"),
        ("4", "c", "b, c"),
        ("0", "a", "b"),
    ]
    assert (found.mended, found.broken) == (1, 1)
    right = Predictions(rows.ids, rows.answers, confidence=np.ones(5))
    assert TASK.analyse_errors(rows, right, right, ["a", "b", "c"], show_rows=True).tables == []


def test_labels_are_written_as_lists() -> None:
    assert TASK.written(pd.DataFrame(), {}, Predictions(("1", "2"), (("a", "b"), ()))) == [["a", "b"], []]


def test_labels_are_marked_in_the_order_of_the_classes() -> None:
    assert mark_labels([("b",), (), ("a", "other")], ["b", "a"]).tolist() == [
        [True, False],
        [False, False],
        [False, True],
    ]
