"""Scores as sums of per-row statistics, and the same behind `evaluate.Metric` for those who use that library.

`evaluate.load` downloads code from the hub; a subclass of `evaluate.Metric` does not, and works offline.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.metric import Metric
from pipeline.task import Answer, Array

if TYPE_CHECKING:
    import evaluate


def right_or_wrong(truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
    """Whether each answer is the truth; (rows,) booleans."""
    return np.array([expected == given for expected, given in zip(truth, answers, strict=True)], dtype=bool)


def _accuracy_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    del classes
    right = right_or_wrong(truth, answers).astype(float)
    return np.stack([right, np.ones_like(right)], axis=1)


def right_share(sums: Array) -> Array:
    """The first sum as a share of the second."""
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1))


def count_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """True positives and both totals of each class.

    Shapes: (rows, 3 × classes): hits, then truths, then answers.
    """
    truths, answered = mark_labels(truth, classes), mark_labels(answers, classes)
    return np.concatenate([truths & answered, truths, answered], axis=1).astype(float)


def mark_labels(answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """Which classes each answer, one label or several, names; (rows, classes) booleans."""
    places = {label: place for place, label in enumerate(classes)}
    found = np.zeros((len(answers), len(classes)), dtype=bool)
    for row, answer in enumerate(answers):
        labels = answer if isinstance(answer, tuple) else (str(answer),)
        found[row, [places[label] for label in labels if label in places]] = True
    return found


def _f1_of_each(sums: Array) -> tuple[Array, Array, Array]:
    """F1 of each class, whether it occurs in truth or answers, and how often it is true; each (…, classes)."""
    hits, truths, answered = np.split(np.asarray(sums, dtype=float), 3, axis=-1)
    return share(2 * hits, truths + answered), truths + answered > 0, truths


def share(part: Array, whole: Array) -> Array:
    """Part over whole, 0 where the whole is."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part, dtype=float), where=whole > 0))


def _mean(values: Array, weights: Array) -> Array:
    """Weighted mean over the classes, 0 where no class weighs."""
    return share((values * weights).sum(axis=-1), np.asarray(weights.sum(axis=-1), dtype=float))


def _macro_f1(sums: Array) -> Array:
    """Mean F1 over the classes that occur in truth or answers, as scikit-learn's `f1_score(average="macro")` takes it."""
    f1, occurs, _ = _f1_of_each(sums)
    return _mean(f1, occurs)


def _weighted_f1(sums: Array) -> Array:
    """Mean F1 over the classes, each by how often it is true, as scikit-learn's `f1_score(average="weighted")` takes it."""
    f1, _, truths = _f1_of_each(sums)
    return _mean(f1, truths)


def micro_f1(sums: Array) -> Array:
    """F1 over all labels together, as scikit-learn's `f1_score(average="micro")` takes it."""
    hits, truths, answered = (part.sum(axis=-1) for part in np.split(np.asarray(sums), 3, axis=-1))
    return np.asarray(2 * hits / np.maximum(truths + answered, 1))


def _macro_precision(sums: Array) -> Array:
    """Mean precision over the classes that occur in truth or answers; 0 for one that is never answered."""
    hits, truths, answered = np.split(np.asarray(sums, dtype=float), 3, axis=-1)
    return _mean(share(hits, answered), truths + answered > 0)


def _macro_recall(sums: Array) -> Array:
    """Mean recall over the classes that occur in truth or answers; 0 for one that is never true."""
    hits, truths, answered = np.split(np.asarray(sums, dtype=float), 3, axis=-1)
    return _mean(share(hits, truths), truths + answered > 0)


def _micro_precision(sums: Array) -> Array:
    hits, _, answered = (part.sum(axis=-1) for part in np.split(np.asarray(sums, dtype=float), 3, axis=-1))
    return share(hits, answered)


def _micro_recall(sums: Array) -> Array:
    hits, truths, _ = (part.sum(axis=-1) for part in np.split(np.asarray(sums, dtype=float), 3, axis=-1))
    return share(hits, truths)


def _balanced_accuracy(sums: Array) -> Array:
    """Mean recall over the classes that are true somewhere, as scikit-learn's `balanced_accuracy_score` takes it."""
    hits, truths, _ = np.split(np.asarray(sums, dtype=float), 3, axis=-1)
    return _mean(share(hits, truths), truths > 0)


def _matthews(sums: Array) -> Array:
    """Correlation of truth and answers over all classes; 0 where either is always the same.

    Source: Gorodkin (2004), as scikit-learn's `matthews_corrcoef`
    """
    hits, truths, answered = np.split(np.asarray(sums, dtype=float), 3, axis=-1)
    rows = truths.sum(axis=-1)
    both = hits.sum(axis=-1) * rows - (truths * answered).sum(axis=-1)
    own = (rows**2 - (truths**2).sum(axis=-1)) * (rows**2 - (answered**2).sum(axis=-1))
    return share(both, np.sqrt(np.maximum(own, 0.0)))


def _counted(name: str, title: str, reduce: Callable[[Array], Array], lowest: float = 0.0) -> Metric:
    """A score of how often each class is hit, true and answered."""
    return Metric(
        name=name,
        title=title,
        statistics=count_statistics,
        reduce=reduce,
        bounds=(lowest, 1.0),
        right_or_wrong=right_or_wrong,
    )


ACCURACY = Metric(
    name="accuracy",
    title="accuracy",
    statistics=_accuracy_statistics,
    reduce=right_share,
    right_or_wrong=right_or_wrong,
    is_proportion=True,
)
BALANCED_ACCURACY = _counted("balanced_accuracy", "balanced accuracy", _balanced_accuracy)
MACRO_F1 = _counted("macro_f1", "macro F1", _macro_f1)
MICRO_F1 = _counted("micro_f1", "micro F1", micro_f1)
WEIGHTED_F1 = _counted("weighted_f1", "weighted F1", _weighted_f1)
MACRO_PRECISION = _counted("macro_precision", "macro precision", _macro_precision)
MACRO_RECALL = _counted("macro_recall", "macro recall", _macro_recall)
MICRO_PRECISION = _counted("micro_precision", "micro precision", _micro_precision)
MICRO_RECALL = _counted("micro_recall", "micro recall", _micro_recall)
MATTHEWS = _counted("mcc", "Matthews correlation", _matthews, lowest=-1.0)
"""Micro precision, recall and F1 of one label a row are its accuracy, so that only tasks with several labels show them."""


def named(*metrics: Metric) -> dict[str, Metric]:
    """Metrics by their names, in this order."""
    return {metric.name: metric for metric in metrics}


def as_evaluate_metric(metric: Metric, classes: Sequence[str]) -> "evaluate.Metric":
    """The metric behind the interface of the `evaluate` library.

    Args:
        metric: The score.
        classes: The labels in the order of the probabilities; empty for numbers.

    Returns:
        An object whose `compute(predictions=…, references=…)` gives `{metric.name: score}`. Labels are strings, several labels
        lists of them, probabilities lists of numbers, one for each class.
    """
    import datasets
    import evaluate

    def as_answer(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    answer = datasets.Value("string") if classes else datasets.Value("float64")
    forms = [answer, datasets.Sequence(answer)] if classes else [answer]
    given = [datasets.Sequence(datasets.Value("float64"))] * len(forms) if metric.reads == "probabilities" else forms

    class _Offline(evaluate.Metric):  # type: ignore[misc]
        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=f"{metric.title} over {', '.join(classes) or 'numbers'}.",
                citation="",
                features=[
                    datasets.Features({"predictions": one, "references": other})
                    for one, other in zip(given, forms, strict=True)
                ],
            )

        def _compute(self, predictions: Sequence[Any], references: Sequence[Any], **_: Any) -> dict[str, float]:
            found: Any = [as_answer(each) for each in predictions]
            read = np.array(found, dtype=float) if metric.reads == "probabilities" else found
            return {metric.name: metric([as_answer(each) for each in references], read, classes)}

    return _Offline(config_name=metric.name, keep_in_memory=True)
