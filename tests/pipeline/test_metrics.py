"""Every metric against scikit-learn and scipy on random answers, on ties, and where a class is missing."""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as peer
from sklearn.preprocessing import MultiLabelBinarizer

from pipeline.evaluation.metrics import (
    ACCURACY,
    BALANCED_ACCURACY,
    MACRO_F1,
    MACRO_PRECISION,
    MACRO_RECALL,
    MATTHEWS,
    MICRO_F1,
    MICRO_PRECISION,
    MICRO_RECALL,
    WEIGHTED_F1,
    as_evaluate_metric,
)
from pipeline.evaluation.number_metrics import MAE, MSE, PEARSON, R2, RMSE, SPEARMAN
from pipeline.evaluation.probability_metrics import BRIER, LOG_LOSS, PR_AUC, ROC_AUC
from pipeline.metric import Metric
from pipeline.task import TASKS, Predictions, load_task

CLASSES = ["a", "b", "c"]
Both = tuple[list[str], list[str]]

LABELS: list[tuple[Metric, Callable[..., float]]] = [
    (ACCURACY, peer.accuracy_score),
    (BALANCED_ACCURACY, peer.balanced_accuracy_score),
    (MACRO_F1, lambda *both: peer.f1_score(*both, average="macro", zero_division=0)),
    (WEIGHTED_F1, lambda *both: peer.f1_score(*both, average="weighted", zero_division=0)),
    (MICRO_F1, lambda *both: peer.f1_score(*both, average="micro", zero_division=0)),
    (MACRO_PRECISION, lambda *both: peer.precision_score(*both, average="macro", zero_division=0)),
    (MACRO_RECALL, lambda *both: peer.recall_score(*both, average="macro", zero_division=0)),
    (MICRO_PRECISION, lambda *both: peer.precision_score(*both, average="micro", zero_division=0)),
    (MICRO_RECALL, lambda *both: peer.recall_score(*both, average="micro", zero_division=0)),
    (MATTHEWS, peer.matthews_corrcoef),
]
NUMBERS: list[tuple[Metric, Callable[..., float]]] = [
    (MSE, peer.mean_squared_error),
    (RMSE, lambda *both: peer.mean_squared_error(*both) ** 0.5),
    (MAE, peer.mean_absolute_error),
    (R2, peer.r2_score),
    (PEARSON, lambda *both: stats.pearsonr(*both).statistic),
    (SPEARMAN, lambda *both: stats.spearmanr(*both).statistic),
]


def marks(truth: Sequence[str], classes: Sequence[str]) -> Any:
    return np.array([[label == each for each in classes] for label in truth], dtype=int)


def brier(truth: Sequence[str], probabilities: Any, classes: Sequence[str]) -> float:
    return float(((probabilities - marks(truth, classes)) ** 2).sum(axis=1).mean() / (2 if len(classes) == 2 else 1))


PROBABILITIES: list[tuple[Metric, Callable[..., float]]] = [
    (ROC_AUC, lambda truth, p, classes: peer.roc_auc_score(marks(truth, classes), p, average="macro")),
    (PR_AUC, lambda truth, p, classes: peer.average_precision_score(marks(truth, classes), p, average="macro")),
    (LOG_LOSS, lambda truth, p, classes: peer.log_loss(truth, p, labels=classes)),
    (BRIER, brier),
]


def draw_labels(seed: int, classes: Sequence[str] = CLASSES, rows: int = 40) -> Both:
    random = np.random.default_rng(seed)
    truth, guess = random.choice(classes, size=(2, rows))
    return truth.tolist(), np.where(random.random(rows) < 0.5, truth, guess).tolist()


def draw_probabilities(truth: Sequence[str], classes: Sequence[str], seed: int, digits: int = 9) -> Any:
    """Probabilities that know a little; rounded to few digits they hold many ties."""
    random = np.random.default_rng(seed)
    raw = random.gamma(1.0, size=(len(truth), len(classes))) + 0.5 * marks(truth, classes)
    return (raw / raw.sum(axis=1, keepdims=True)).round(digits)


def quietly(score: Callable[..., float], *given: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes that are only answered
        return float(score(*given))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("metric", "expected"), LABELS, ids=lambda each: getattr(each, "name", ""))
def test_scores_of_labels_are_those_of_scikit_learn(metric: Metric, expected: Callable[..., float], seed: int) -> None:
    truth, answers = draw_labels(seed)
    assert metric(truth, answers, [*CLASSES, "never"]) == pytest.approx(quietly(expected, truth, answers))


@pytest.mark.parametrize(("metric", "expected"), LABELS, ids=lambda each: getattr(each, "name", ""))
@pytest.mark.parametrize(
    "both",
    [
        (["a", "a", "b", "b"], ["a", "a", "a", "a"]),
        (["a", "a", "a"], ["a", "b", "a"]),
        (["a", "b", "b", "b"], ["c", "b", "b", "c"]),
    ],
    ids=["a class is never answered", "a class is never true", "a class is only answered"],
)
def test_scores_with_a_missing_class_are_those_of_scikit_learn(
    metric: Metric, expected: Callable[..., float], both: Both
) -> None:
    assert metric(*both, CLASSES) == pytest.approx(quietly(expected, *both))


@pytest.mark.parametrize(("metric", "average"), [(MICRO_PRECISION, "micro"), (MACRO_RECALL, "macro")])
def test_precision_and_recall_of_several_labels_are_those_of_scikit_learn(metric: Metric, average: str) -> None:
    random = np.random.default_rng(1)
    parts = random.random((2, 40, 3)) < 0.4
    truth, answers = ([tuple(np.array(CLASSES)[row]) for row in part] for part in parts)
    binary = MultiLabelBinarizer(classes=CLASSES).fit(truth)
    score = peer.precision_score if metric is MICRO_PRECISION else peer.recall_score
    expected = score(binary.transform(truth), binary.transform(answers), average=average)
    assert metric(truth, answers, CLASSES) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("metric", "expected"), NUMBERS, ids=lambda each: getattr(each, "name", ""))
def test_scores_of_numbers_are_those_of_scikit_learn_and_scipy(
    metric: Metric, expected: Callable[..., float], seed: int
) -> None:
    random = np.random.default_rng(seed)
    truth = random.normal(1000, 2, size=50).round(0)  # far from nought, with ties
    answers = truth + random.normal(0, 2, size=50).round(0)
    assert metric(truth.tolist(), answers.tolist(), []) == pytest.approx(expected(truth, answers))


def test_numbers_that_do_not_vary_score_nothing() -> None:
    for metric in (PEARSON, SPEARMAN, R2):
        assert metric([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], []) == 0.0
    assert PEARSON([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], []) == 0.0
    assert R2([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], []) == pytest.approx(0.0)
    assert R2([1.0, 2.0, 3.0], [9.0, 9.0, 9.0], []) < 0


@pytest.mark.parametrize("digits", [9, 1])
@pytest.mark.parametrize("classes", [CLASSES, ["no", "yes"]])
@pytest.mark.parametrize(("metric", "expected"), PROBABILITIES, ids=lambda each: getattr(each, "name", ""))
def test_scores_of_probabilities_are_those_of_scikit_learn(
    metric: Metric, expected: Callable[..., float], classes: list[str], digits: int
) -> None:
    for seed in range(3):
        truth, _ = draw_labels(seed, classes)
        given = draw_probabilities(truth, classes, seed, digits)
        assert metric(truth, given, classes) == pytest.approx(quietly(expected, truth, given, classes))


@pytest.mark.parametrize(("metric", "peers"), [(ROC_AUC, peer.roc_auc_score), (PR_AUC, peer.average_precision_score)])
def test_a_class_that_no_row_has_is_left_out_of_an_area(metric: Metric, peers: Callable[..., float]) -> None:
    truth, _ = draw_labels(3, ["a", "b"])
    given = draw_probabilities(truth, CLASSES, 3)
    expected = np.mean([peers(marks(truth, CLASSES)[:, place], given[:, place]) for place in (0, 1)])
    assert metric(truth, given, CLASSES) == pytest.approx(expected)
    assert metric(["a", "a"], given[:2], CLASSES) == 0.5  # one class says nothing about ranking


def test_probabilities_of_several_labels_are_scored_label_by_label() -> None:
    random = np.random.default_rng(5)
    marked, given = random.random((40, 3)) < 0.4, random.random((40, 3))
    truth = [tuple(np.array(CLASSES)[row]) for row in marked]
    assert ROC_AUC(truth, given, CLASSES) == pytest.approx(peer.roc_auc_score(marked, given, average="macro"))
    losses = [peer.log_loss(marked[:, place], given[:, place]) for place in range(3)]
    assert LOG_LOSS(truth, given, CLASSES) == pytest.approx(np.mean(losses))
    assert BRIER(truth, given, CLASSES) == pytest.approx(((marked - given) ** 2).mean())


def test_a_sure_mistake_costs_much_and_not_without_end() -> None:
    found = LOG_LOSS(["a", "b"], np.array([[1.0, 0.0], [1.0, 0.0]]), ["a", "b"])
    assert 10 < found < 40


@pytest.mark.parametrize("metric", [metric for metric, _ in [*LABELS, *NUMBERS, *PROBABILITIES]], ids=lambda m: m.name)
def test_resampling_and_leaving_out_score_the_rows_that_are_meant(metric: Metric) -> None:
    random = np.random.default_rng(0)
    truth: Any
    truth, answers = draw_labels(6, rows=30)
    given: Any = draw_probabilities(truth, CLASSES, 2, digits=1) if metric.reads == "probabilities" else answers
    if metric in [each for each, _ in NUMBERS]:
        truth, given = random.normal(size=(2, 30)).round(1).tolist()
    statistics = metric.statistics(truth, given, CLASSES)
    weights = random.integers(0, 3, size=(6, 30)).astype(float)
    for weight, found in zip(weights, metric.resample(statistics, weights), strict=True):
        rows = np.repeat(np.arange(30), weight.astype(int))
        assert found == pytest.approx(metric([truth[row] for row in rows], np.array(given)[rows].tolist(), CLASSES))
    for place in (0, 29):
        kept = [row for row in range(30) if row != place]
        expected = metric([truth[row] for row in kept], np.array(given)[kept].tolist(), CLASSES)
        assert metric.leave_one_out(statistics)[place] == pytest.approx(expected)


def test_every_metric_works_behind_the_evaluate_library_offline() -> None:
    truth, answers = draw_labels(7)
    given = draw_probabilities(truth, CLASSES, 7)
    numbers = np.random.default_rng(0).normal(size=(2, 20)).tolist()
    several = [("a", "b"), (), ("c",)], [("a",), ("b",), ("c",)]
    cases: list[tuple[Metric, Any, Any, list[str]]] = [
        *((metric, answers, truth, CLASSES) for metric, _ in LABELS),
        *((metric, given.tolist(), truth, CLASSES) for metric, _ in PROBABILITIES),
        *((metric, numbers[0], numbers[1], []) for metric, _ in NUMBERS),
        (MICRO_F1, [list(labels) for labels in several[1]], [list(labels) for labels in several[0]], CLASSES),
    ]
    for metric, predictions, references, classes in cases:
        found = as_evaluate_metric(metric, classes).compute(predictions=predictions, references=references)
        truths, read = (
            [tuple(each) if isinstance(each, list) else each for each in part] for part in (references, predictions)
        )
        assert found == {metric.name: pytest.approx(metric(truths, read, classes))}


@pytest.mark.parametrize("key", TASKS)
def test_a_score_that_counts_reads_answers_and_no_name_stands_twice(key: str) -> None:
    task = load_task(key)
    assert {metric.reads for metric in task.metrics.values()} == {"answers"}
    assert not set(task.metrics) & set(task.beside)
    assert [metric.name for metric in task.beside.values()] == list(task.beside)


def test_predictions_without_probabilities_have_no_score_that_reads_them() -> None:
    predictions = Predictions(("1", "2"), ("a", "b"))
    assert ROC_AUC.of(["a", "b"], predictions, CLASSES) is None
    assert ACCURACY.of(["a", "b"], predictions, CLASSES) is not None
