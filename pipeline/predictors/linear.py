"""Multinomial logistic regression: the model behind TF-IDF, the probe, and the first weights of a fine-tuned head."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.special import softmax

from pipeline.task import Array, Predictions

CONSTANT = 1e-6
"""Standard deviation below which a feature counts as constant; some encoders have such features."""


@dataclass(frozen=True)
class LinearClassifier:
    """Logits = features · weightᵀ + bias.

    Shapes: `weight` is (classes, features), `bias` is (classes,), in the order of `classes`.
    """

    weight: Array
    bias: Array
    classes: list[str]

    def predict(self, row_ids: Sequence[str], features: Any) -> Predictions:
        """Answers for features (rows, features), dense or sparse."""
        probabilities = softmax(np.asarray(features @ self.weight.T) + self.bias, axis=1)
        answers = tuple(self.classes[index] for index in probabilities.argmax(axis=1))
        return Predictions(row_ids=tuple(row_ids), answers=answers, scores=probabilities)

    def save(self, path: Path) -> None:
        """Write the weights as safetensors."""
        save_file({"weight": np.ascontiguousarray(self.weight), "bias": np.ascontiguousarray(self.bias)}, path)

    @classmethod
    def load(cls, path: Path, classes: list[str]) -> "LinearClassifier":
        """Read the weights."""
        arrays = load_file(path)
        return cls(weight=arrays["weight"], bias=arrays["bias"], classes=classes)


def fit_logistic(
    features: Any, labels: Sequence[Any], classes: Sequence[str], strength: float, seed: int
) -> LinearClassifier:
    """Fit on features (rows, features); classes weigh alike, and one without rows is never answered.

    Args:
        features: Dense or sparse.
        labels: One for each row.
        classes: All classes, in the order of the output.
        strength: scikit-learn's C: higher means less regularisation.
        seed: Of the solver.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    present = sorted(set(labels))
    weight = np.zeros((len(classes), features.shape[1]))
    bias = np.full(len(classes), -1e9)
    rows = [list(classes).index(label) for label in present]
    if len(present) == 1:
        bias[rows[0]] = 0.0
        return LinearClassifier(weight, bias, list(classes))
    model = LogisticRegression(C=strength, max_iter=300, class_weight="balanced", random_state=seed)
    with (
        warnings.catch_warnings(),
        threadpool_limits(1, "blas"),
    ):  # on a busy machine waking threads costs fifty times the sum
        warnings.simplefilter("ignore")  # a solver that stops at max_iter has converged well enough for a baseline
        model.fit(features, list(labels))
    if len(present) == 2:
        weight[rows] = np.concatenate([-model.coef_, model.coef_]) / 2
        bias[rows] = np.concatenate([-model.intercept_, model.intercept_]) / 2
    else:
        weight[rows], bias[rows] = model.coef_, model.intercept_
    return LinearClassifier(weight, bias, list(classes))


def fit_standardised(
    features: Array, labels: Sequence[Any], classes: Sequence[str], strength: float, seed: int
) -> LinearClassifier:
    """Fit on standardised dense features, and fold the scaling into the weights so that raw features can be used."""
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    scale = np.where(deviation > CONSTANT, deviation, np.inf)
    found = fit_logistic((features - mean) / scale, labels, classes, strength, seed)
    weight = found.weight / scale
    return LinearClassifier(weight, found.bias - weight @ mean, found.classes)
