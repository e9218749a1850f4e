"""Scores as sums of per-row statistics, and the same behind `evaluate.Metric` for those who use that library.

`evaluate.load` downloads code from the hub; a subclass of `evaluate.Metric` does not, and works offline.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.task import Answer, Array, Metric

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


def _f1_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
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


def _macro_f1(sums: Array) -> Array:
    """Mean F1 over the classes that occur in truth or answers, as scikit-learn's `f1_score(average="macro")` takes it."""
    hits, truths, answered = np.split(np.asarray(sums), 3, axis=-1)
    occurs = truths + answered > 0
    f1 = np.divide(2 * hits, truths + answered, out=np.zeros_like(hits), where=occurs)
    return np.asarray(f1.sum(axis=-1) / np.maximum(occurs.sum(axis=-1), 1))


def micro_f1(sums: Array) -> Array:
    """F1 over all labels together, as scikit-learn's `f1_score(average="micro")` takes it."""
    hits, truths, answered = (part.sum(axis=-1) for part in np.split(np.asarray(sums), 3, axis=-1))
    return np.asarray(2 * hits / np.maximum(truths + answered, 1))


ACCURACY = Metric(
    name="accuracy",
    title="accuracy",
    statistics=_accuracy_statistics,
    reduce=right_share,
    right_or_wrong=right_or_wrong,
    is_proportion=True,
)
MACRO_F1 = Metric(
    name="macro_f1",
    title="macro F1",
    statistics=_f1_statistics,
    reduce=_macro_f1,
    right_or_wrong=right_or_wrong,
)
MICRO_F1 = Metric(
    name="micro_f1",
    title="micro F1",
    statistics=_f1_statistics,
    reduce=micro_f1,
    right_or_wrong=right_or_wrong,
)


def as_evaluate_metric(metric: Metric, classes: Sequence[str]) -> "evaluate.Metric":
    """The metric behind the interface of the `evaluate` library.

    Args:
        metric: The score.
        classes: The labels, in any order.

    Returns:
        An object whose `compute(predictions=…, references=…)` gives `{metric.name: score}`; labels are strings.
    """
    import datasets
    import evaluate

    class _Offline(evaluate.Metric):  # type: ignore[misc]
        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=f"{metric.title} over the classes {', '.join(classes)}.",
                citation="",
                features=datasets.Features(
                    {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
                ),
            )

        def _compute(self, predictions: Sequence[str], references: Sequence[str], **_: Any) -> dict[str, float]:
            return {metric.name: metric(references, predictions, classes)}

    return _Offline(config_name=metric.name, keep_in_memory=True)
