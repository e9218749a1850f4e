"""A linear probe that starts from what the labels mean, and moves away from there as far as the rows ask for.

With few rows a probe knows less than the meaning of its labels tells; with many the rows have the last word. Its features and its
form are those of every linear probe, so that it is saved, loaded and made the head of a model in the same way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

from pipeline.embeddings import Embedder
from pipeline.metric import Metric
from pipeline.predictors.linear import CONSTANT, Kind, Linear, OneLabel, mean_and_scale, one_thread
from pipeline.predictors.probe import Probe, embed
from pipeline.predictors.zero_shot import TEMPERATURE, sentences, unit
from pipeline.task import Array, Fit, Rows

PULL = 0.5
"""Share of the zero-shot logits that the probe starts from. Macro F1 on ten data sets, four draws each, with 0, 0.25, 0.5 and 1 of them:
.591, .614, .619, .609 from 64 rows on the mean of the last layer and .602, .611, .617, .624 on that of all layers; from 256 rows .691,
.701, .703, .695 and .692, .699, .702, .703 (all-MiniLM-L6-v2, 2026-11-25, `tests/benchmarks/anchored.py`). The sets are those that it was
chosen on. On seven of them a share fitted to the rows did worse than a fixed one."""
MOST_ITERATIONS = 150


@dataclass(frozen=True)
class Meanings:
    """What labels mean, in words.

    Attributes:
        phrases: For labels that are no plain words.
        templates: Sentences with a slot for a phrase; the one that does best on the rows is taken.
        metric: That it is chosen by.
        pull: Share of the zero-shot logits that the probe starts from.
        kind: How far the rows may draw it away: as a probe, or as what a head starts from.
    """

    phrases: Mapping[str, str]
    templates: Sequence[str]
    metric: Metric
    pull: float = PULL
    kind: Kind = "probe"


def anchored_probe(embedder: Embedder, pooling: str, classes: Sequence[str], meanings: Meanings) -> Fit:
    """The fit of the probe; a class without rows is never answered."""

    def fit(rows: Rows, seed: int) -> Probe:
        del seed  # the solution is the only one
        features = embed(embedder, rows.inputs, pooling).astype(float)
        anchor = meanings.pull * _directions(embedder, pooling, features, rows, classes, meanings)
        linear = fit_around(anchor, features, [str(answer) for answer in rows.answers], classes, meanings.kind)
        return Probe(embedder, pooling, OneLabel(), linear, list(classes))

    return fit


def _directions(
    embedder: Embedder, pooling: str, features: Array, rows: Rows, classes: Sequence[str], meanings: Meanings
) -> Array:
    """Weights whose outputs are zero-shot's logits but for a constant, by the best template; (classes, features)."""
    centred = features - features.mean(axis=0)
    scale = TEMPERATURE * max(float(np.linalg.norm(features, axis=1).mean()), CONSTANT)
    tried = []
    for template in meanings.templates:
        weight = unit(embedder(sentences(template, classes, meanings.phrases), pooling).astype(float)) / scale
        answers = [classes[place] for place in (centred @ weight.T).argmax(axis=1)]
        tried.append((meanings.metric.gain(meanings.metric(rows.answers, answers, classes), 0.0), weight))
    return max(tried, key=lambda one: one[0])[1]


def fit_around(
    anchor: Array, features: Array, labels: Sequence[str], classes: Sequence[str], kind: Kind = "probe"
) -> Linear:
    """Multinomial logistic regression in which classes weigh alike, and weights are drawn to an anchor instead of to zero.

    What is added to the anchor is penalised on standardised features, as strongly as the weights of a probe without an anchor.

    Shapes: `anchor` is (classes, features), `features` is (rows, features).
    """
    present = [place for place, label in enumerate(classes) if label in set(labels)]
    weight, bias = np.array(anchor), np.full(len(classes), -1e9)
    if len(present) < 2:
        bias[present] = 0.0
        return Linear(weight, bias)
    mean, scale = mean_and_scale(features)
    given = (features - mean) @ anchor[present].T
    targets = np.array([[label == classes[place] for place in present] for label in labels], dtype=float)
    with one_thread():
        moved, constant = _solve((features - mean) / scale, targets, given, 1 / OneLabel.strengths[kind])
    weight[present] += moved / scale
    bias[present] = constant - weight[present] @ mean
    return Linear(weight, bias)


def _solve(features: Array, targets: Array, given: Array, penalty: float) -> tuple[Array, Array]:
    """Weights (classes, features) and constants (classes,) to add to logits that are given (rows, classes)."""
    rows, width = features.shape
    count = targets.shape[1]
    each = (targets / targets.sum(axis=0)).sum(axis=1, keepdims=True) * rows / count

    def loss(values: Array) -> tuple[float, Array]:
        weight, constant = values[: count * width].reshape(count, width), values[count * width :]
        logs = log_softmax(features @ weight.T + constant + given, axis=1)
        slope = (np.exp(logs) - targets) * each
        slopes = np.concatenate([(slope.T @ features + penalty * weight).ravel(), slope.sum(axis=0)])
        return float(-(each * targets * logs).sum() + penalty / 2 * (weight**2).sum()), slopes

    start = np.zeros(count * (width + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_ITERATIONS}).x
    return found[: count * width].reshape(count, width), found[count * width :]
