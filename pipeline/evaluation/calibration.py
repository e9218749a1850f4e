"""Probabilities that mean what they say: fitted on validation rows, and compared with what happened on others."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax, softmax

from pipeline.evaluation.intervals import wilson
from pipeline.results import Abstention, Calibration, ReliabilityBin
from pipeline.task import Array

COLDEST, HOTTEST = 0.05, 20.0
"""Ends of the temperatures that are tried; beyond them probabilities are all nought and one, or all alike."""
BINS = 10
PERFECT_DRAWS = 1000
"""Draws of answers that are right as often as the confidence says."""
SILENT_PARTS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
"""Parts of the validation rows that a threshold leaves without an answer."""
PULL = 1.0
"""Of each bias towards 0, as of one row in all, so that classes with few validation rows are not moved far. Set by us."""


def fit_temperature(logits: Array, places: Array) -> float:
    """What logits (rows, classes) are divided by so that the truth, a place a row, is likeliest; 1 without rows.

    Source: Guo et al. (2017), https://arxiv.org/abs/1706.04599
    """
    if not len(places):
        return 1.0
    rows = np.arange(len(places))
    return _coolest(lambda heat: -float(log_softmax(logits / heat, axis=1)[rows, places].mean()))


def fit_binary_temperature(logits: Array, marks: Array) -> float:
    """The same where each logit is that of a yes or no; both (rows, labels)."""
    if not marks.size:
        return 1.0
    signed = np.where(marks > 0, logits, -logits)
    return _coolest(lambda heat: float(np.logaddexp(0, -signed / heat).mean()))


def _coolest(loss: Callable[[float], float]) -> float:
    found = minimize_scalar(
        lambda log_heat: loss(float(np.exp(log_heat))),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
    )
    return float(np.exp(found.x))


def fit_scaling(logits: Array, places: Array) -> tuple[float, ...]:
    """A factor for all logits and a bias for each class, so that the truth is likeliest.

    A temperature alone cannot undo that classes weighed alike in training, which costs would pay for.

    Shapes: `logits` is (rows, classes), `places` (rows,), the result has the factor, then (classes,) biases.
    """
    classes = logits.shape[1]
    if not len(places):
        return (1.0, *[0.0] * classes)
    rows = np.arange(len(places))

    def loss(values: Array) -> float:
        scaled = np.exp(values[0]) * logits + values[1:]
        return float(-log_softmax(scaled, axis=1)[rows, places].sum() + PULL * (values**2).sum() / 2)

    bounds = [(np.log(1 / HOTTEST), np.log(1 / COLDEST)), *[(-20.0, 20.0)] * classes]
    found = minimize(loss, np.zeros(classes + 1), method="L-BFGS-B", bounds=bounds).x
    return (float(np.exp(found[0])), *found[1:].tolist())


def scale(logits: Array, scaling: Sequence[float]) -> Array:
    """Probabilities (rows, classes) under a scaling that was fitted."""
    return np.asarray(softmax(scaling[0] * np.asarray(logits, dtype=float) + np.array(scaling[1:]), axis=1))


def calibration(
    confidence: Array, rightness: Array, of: str, temperature: float, untempered: Array | None, seed: int
) -> Calibration:
    """Whether confidence is kept, in ten bins of as many rows each.

    Args:
        confidence: Of each row; (rows,).
        rightness: 1 where the answer is right, a share where an answer has parts; (rows,).
        of: What the confidence is of.
        temperature: That the outputs were divided by.
        untempered: The confidence without it, where that can be told; (rows,).
        seed: Of the draws that tell what is left by chance.

    Source: Naeini et al. (2015), https://doi.org/10.1609/aaai.v29i1.9602; bins with as many rows each are less biased, Roelofs et
    al. (2022), https://proceedings.mlr.press/v151/roelofs22a.html
    """
    bins = _bins(confidence)
    drawn = np.random.default_rng(seed).random((PERFECT_DRAWS, len(confidence))) < confidence
    return Calibration(
        temperature=temperature,
        of=of,
        bins=[_reliability(confidence[inside], rightness[inside]) for inside in bins],
        expected_error=_distance(bins, confidence, rightness),
        expected_by_chance=float(
            sum(
                np.abs(drawn[:, inside].mean(axis=1) - confidence[inside].mean()) * len(inside) for inside in bins
            ).mean()
            / max(len(confidence), 1)
        )
        if bins
        else 0.0,
        expected_untempered=None if untempered is None else _distance(_bins(untempered), untempered, rightness),
    )


def _bins(confidence: Array) -> list[Array]:
    """Rows by confidence, in parts of as many each; rows that are alike sure stay together."""
    order = np.argsort(confidence, kind="stable")
    edges = np.unique(np.searchsorted(confidence[order], np.quantile(confidence, np.arange(BINS) / BINS)))
    return [part for part in np.split(order, edges[1:]) if len(part)] if len(order) else []


def _distance(bins: Sequence[Array], confidence: Array, rightness: Array) -> float:
    apart = [abs(float(confidence[inside].mean() - rightness[inside].mean())) * len(inside) for inside in bins]
    return sum(apart) / max(len(confidence), 1)


def _reliability(confidence: Array, rightness: Array) -> ReliabilityBin:
    held = wilson(round(float(rightness.sum())), len(rightness))
    right = float(rightness.mean())
    return ReliabilityBin(
        rows=len(rightness),
        confidence=float(confidence.mean()),
        right=right,
        low=min(held.low, right),
        high=max(held.high, right),
    )


def untempered_confidence(probabilities: Array, temperature: float) -> Array:
    """The highest probability of each row before logits were divided by the temperature; (rows,)."""
    logits = temperature * np.log(np.clip(probabilities, 1e-12, 1.0))
    return np.asarray(softmax(logits, axis=1).max(axis=1, initial=0.0))


def abstentions(on_validation: Array, confidence: Array, rightness: Array) -> list[Abstention]:
    """What is answered, and how well, from thresholds under which so many of the validation rows lie.

    Shapes: `on_validation` is (validation rows,), the others (rows,).
    """
    found: dict[float, Abstention] = {}
    for part in SILENT_PARTS:
        threshold = float(np.quantile(on_validation, part)) if part else 0.0
        answered = confidence >= threshold
        rows = int(answered.sum())
        if rows:
            held = wilson(round(float(rightness[answered].sum())), rows)
            right = float(rightness[answered].mean())
            found[threshold] = Abstention(
                threshold=threshold,
                coverage=rows / len(confidence),
                rows=rows,
                right=right,
                low=min(held.low, right),
                high=max(held.high, right),
            )
    return list(found.values())
