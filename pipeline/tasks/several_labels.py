"""The cheap ways to several labels at once, and where outputs become labels: linear models, zero-shot, and what knows no input."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit

from pipeline.evaluation.metrics import MACRO_F1, MICRO_F1, mark_labels
from pipeline.metric import Metric
from pipeline.predictors.linear import Kind, Linear, one_thread
from pipeline.predictors.zero_shot import sentences, similarity
from pipeline.task import Answer, Array, Fit, Predictions, RivalSetting, Rows

if TYPE_CHECKING:
    from pipeline.embeddings import Embedder

CUTS = np.linspace(-8.0, 8.0, 161)
"""Logits that may become thresholds."""
PULL = 3.0
"""Rows with a label at which its own threshold and the one of all labels count alike. Measured on GoEmotions (28 labels; 300, 1,000
and 4,000 rows; probe and TF-IDF): of 0, 1, 3, 5, 10, 30 and 100 it is within .003 macro F1 of the best; at 300 rows
it gains .005 and .011 over 0."""
FOLDS = 3
"""Parts of the rows that are held out in turn to choose thresholds. Measured on the same: five gain less than half a point."""
STRENGTHS: dict[Kind, float] = {"tfidf": 3.0, "probe": 0.01}
"""scikit-learn's C. Measured on the same by macro F1: of 1, 3 and 10 for TF-IDF, and of .001, .003, .01 and .03 for the probe, within
half a point of the best. Rows with a label weigh no more than those without: weighed alike, the probe's mean average precision falls
from .261 to .249 and that of TF-IDF stays at .37."""
NEVER = 2.0
"""A threshold that no share reaches."""


class SeveralLabels:
    """Any number of labels a row: a logistic regression for each label, with thresholds that are chosen on held-out rows.

    Args:
        metric: What the thresholds are to serve.
    """

    def __init__(self, metric: Metric = MACRO_F1) -> None:
        self.metric = metric

    def fit(self, features: Any, answers: Sequence[Answer], classes: Sequence[str], kind: Kind, seed: int) -> Linear:
        """Choose thresholds on rows held out in turn, then fit on all; a label without rows is never answered."""
        truth = mark_labels(answers, classes)
        parts = np.random.default_rng(seed).permutation(len(truth)) % FOLDS
        logits = np.zeros(truth.shape)
        for part in range(FOLDS):
            held_out = parts == part
            logits[held_out] = _solve(features[~held_out], truth[~held_out], kind, seed)(features[held_out])
        thresholds = choose_thresholds(logits, truth, self.metric)
        return replace(_solve(features, truth, kind, seed), thresholds=thresholds)

    def decode(
        self, row_ids: Sequence[str], outputs: Array, classes: Sequence[str], thresholds: Sequence[float]
    ) -> Predictions:
        """The labels whose probability is at or above their threshold, one half without any; () where none is."""
        return decide(row_ids, expit(np.asarray(outputs, dtype=float)), classes, thresholds or (0.5,) * len(classes))


def decide(
    row_ids: Sequence[str], probabilities: Array, classes: Sequence[str], thresholds: Sequence[float]
) -> Predictions:
    """Labels from probabilities.

    The confidence is the probability that the whole answer is right: the product over the labels of the probability that each
    is rightly given or left out, as if they did not depend on each other. Measured on GoEmotions with the probe, 4,000 rows: mean
    confidence .117 where .125 of the answers were right, and a right answer has the higher one in .88 of pairs with a wrong one.

    Shapes: `probabilities` is (rows, classes), `thresholds` has one entry per class.
    """
    given = probabilities >= np.asarray(thresholds, dtype=float)
    sure = np.where(given, probabilities, 1 - probabilities).prod(axis=1)
    names = np.array(sorted(classes), dtype=object)
    order = np.argsort(np.array(classes, dtype=object))
    answers = tuple(tuple(names[row].tolist()) for row in given[:, order])
    return Predictions(tuple(row_ids), answers, probabilities, sure)


def choose_thresholds(logits: Array, truth: Array, metric: Metric) -> tuple[float, ...]:
    """The probability from which on each label is answered.

    Micro F1 counts all labels together, so one threshold serves it best (on GoEmotions .44 with one, .39 with one for each label).
    Macro F1 is the mean over the labels, so each has its own, drawn towards the common one the fewer rows it has.

    Shapes: `logits` and `truth` are (rows, classes).

    Source: Lipton et al. (2014) on thresholds for F1, https://arxiv.org/abs/1402.1892; the pull is ours.
    """
    hits, answered = _tally(logits, truth)
    truths = truth.sum(axis=0)
    common = CUTS[_middle_of_best(_scores(hits, answered, truths, metric))]
    if metric.name == MICRO_F1.name:
        return (float(expit(common)),) * len(truths)
    own = CUTS[_middle_of_best(2 * hits / np.maximum(answered + truths, 1))]
    return tuple(expit((truths * own + PULL * common) / (truths + PULL)).tolist())


def _tally(logits: Array, truth: Array) -> tuple[Array, Array]:
    """How often each label is answered rightly, and at all, at each cut; both (cuts, classes)."""
    labels = truth.shape[1]
    cells = np.searchsorted(CUTS, logits, side="right") * labels + np.arange(labels)
    counted = [np.bincount(each, minlength=(len(CUTS) + 1) * labels) for each in (cells[truth], cells.ravel())]
    hits, answered = (each.reshape(-1, labels)[::-1].cumsum(axis=0)[::-1][1:] for each in counted)
    return hits, answered


def _scores(hits: Array, answered: Array, truths: Array, metric: Metric) -> Array:
    """The metric, which reads hits, truths and answers of each label, at each cut; (cuts,)."""
    return metric.reduce(np.concatenate([hits, np.broadcast_to(truths, hits.shape), answered], axis=1).astype(float))


def _middle_of_best(scores: Array) -> Array:
    """The middle one of the places with the best score, as many score alike where answers are sure; down the first axis."""
    best = scores >= scores.max(axis=0) - 1e-12
    return np.asarray(np.argmax(2 * best.cumsum(axis=0) >= best.sum(axis=0), axis=0))


def _solve(features: Any, truth: Array, kind: Kind, seed: int) -> Linear:
    """Logistic regression for each label, whose outputs are logits; a label that all rows or none have gets its share alone."""
    share = (truth.sum(axis=0) + 0.5) / (len(truth) + 1)
    weight, bias = np.zeros((truth.shape[1], features.shape[1])), logit(share)
    varied = truth.any(axis=0) & ~truth.all(axis=0)
    if not varied.any():
        return Linear(weight, bias)
    with one_thread():
        weight[varied], bias[varied] = (
            _solve_sparse(features, truth[:, varied], seed)
            if kind == "tfidf"
            else _solve_dense(features, truth[:, varied], bias[varied])
        )
    return Linear(weight, bias)


def _solve_sparse(features: Any, truth: Array, seed: int) -> tuple[Array, Array]:
    """One label after the other by dual coordinate descent: on 4,000 rows × 28 labels a second, L-BFGS twenty."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="liblinear", dual=True, C=STRENGTHS["tfidf"], tol=0.01, random_state=seed)
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a solver that stops at its limit has converged well enough for a baseline
        for label in truth.T:
            model.fit(features, label)
            found.append((model.coef_[0], model.intercept_[0]))
    return np.array([weight for weight, _ in found]), np.array([bias for _, bias in found])


def _solve_dense(features: Array, truth: Array, start: Array) -> tuple[Array, Array]:
    """All labels at once by L-BFGS from these biases: on 4,000 rows × 384 features × 28 labels a third of a second."""
    from scipy.optimize import minimize

    inputs = np.hstack([features, np.ones((len(features), 1))]).astype(np.float32)
    targets = truth.astype(np.float32)
    penalty = np.full(inputs.shape[1], 1 / STRENGTHS["probe"])
    penalty[-1] = 0.0  # the bias is free
    shape = (truth.shape[1], inputs.shape[1])

    def loss(flat: Array) -> tuple[float, Array]:
        weight = flat.reshape(shape)
        logits = inputs @ weight.T.astype(np.float32)
        entropy = (np.logaddexp(0, logits) - targets * logits).sum(dtype=np.float64)
        slope = (expit(logits) - targets).T @ inputs + penalty * weight
        value = entropy + 0.5 * (penalty * weight**2).sum()
        return float(value) / len(inputs), (slope / len(inputs)).ravel()

    first = np.zeros(shape)
    first[:, -1] = start
    options = {"gtol": 1e-4, "ftol": 1e-9, "maxiter": 300}
    found = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)
    return found[:, :-1], found[:, -1]


@dataclass(frozen=True)
class Prior:
    """Answers every row with the labels that have at least such a share of the rows."""

    classes: list[str]
    shares: list[float]
    threshold: float

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        shares = np.tile(self.shares, (len(rows), 1))
        return decide(rows.ids, shares, self.classes, (self.threshold,) * len(self.classes))

    def save(self, folder: Path) -> None:
        """Write classes, shares and threshold."""
        description = {"classes": self.classes, "shares": self.shares, "threshold": self.threshold}
        (folder / "prior.json").write_text(json.dumps(description), encoding="utf-8")


def prior(setting: RivalSetting) -> Fit:
    """The fit of the set of commonest labels that scores best."""

    def fit(rows: Rows, seed: int) -> Prior:
        del seed
        truths = mark_labels(rows.answers, setting.classes).sum(axis=0)
        cuts = np.array([len(rows) * NEVER, *sorted(set(truths[truths > 0].tolist()), reverse=True)])
        given = truths >= cuts[:, None]
        scores = _scores(given * truths, given * len(rows), truths, setting.metric)
        return Prior(list(setting.classes), (truths / len(rows)).tolist(), float(cuts[scores.argmax()] / len(rows)))

    return fit


def load_prior(folder: Path) -> Prior:
    """Read a prior that was saved."""
    return Prior(**json.loads((folder / "prior.json").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class NearLabels:
    """Zero-shot: the labels whose sentences lie nearer to a text than they lie to most, with one threshold for all.

    Some sentences lie nearer to every text than others do, so that each label's similarity is counted in its own standard
    deviations from its own mean. Those need texts, but no labels.
    """

    embedder: "Embedder"
    classes: list[str]
    sentences: list[str]
    means: list[float]
    deviations: list[float]
    slope: float
    """With `offset` it makes a logit of a standardised similarity; the same for all labels."""
    offset: float
    threshold: float

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        nearness = (similarity(self.embedder, rows, self.sentences) - self.means) / self.deviations
        thresholds = (self.threshold,) * len(self.classes)
        return SeveralLabels().decode(rows.ids, self.slope * nearness + self.offset, self.classes, thresholds)

    def save(self, folder: Path) -> None:
        """Write the sentences and numbers; the encoder itself stays where it is."""
        description = {name: value for name, value in vars(self).items() if name != "embedder"}
        (folder / "near_labels.json").write_text(json.dumps(description), encoding="utf-8")


def near_labels(setting: RivalSetting) -> Fit:
    """The fit of zero-shot: of all templates it takes the one that does best on the rows."""

    def fit(rows: Rows, seed: int) -> NearLabels:
        del seed
        found = template_scores(rows, setting)
        best = max(found, key=lambda template: found[template])
        said = sentences(best, setting.classes, setting.phrases)
        near = similarity(setting.embedder, rows, said)
        means, deviations = near.mean(axis=0), np.maximum(near.std(axis=0), 1e-9)
        truth = mark_labels(rows.answers, setting.classes)
        slope, offset = _calibrate((near - means) / deviations, truth)
        hits, answered = _tally(slope * (near - means) / deviations + offset, truth)
        cut = CUTS[_middle_of_best(_scores(hits, answered, truth.sum(axis=0), setting.metric))]
        numbers = (means.tolist(), deviations.tolist(), slope, offset, float(expit(cut)))
        return NearLabels(setting.embedder, list(setting.classes), said, *numbers)

    return fit


def template_scores(rows: Rows, setting: RivalSetting) -> dict[str, float]:
    """Score of each template on labelled rows, with the threshold that does best there."""
    truth = mark_labels(rows.answers, setting.classes)
    found = {}
    for template in setting.templates:
        near = similarity(setting.embedder, rows, sentences(template, setting.classes, setting.phrases))
        hits, answered = _tally((near - near.mean(axis=0)) / np.maximum(near.std(axis=0), 1e-9), truth)
        found[template] = float(_scores(hits, answered, truth.sum(axis=0), setting.metric).max())
    return found


def load_near_labels(folder: Path, embedder: "Embedder") -> NearLabels:
    """Read a zero-shot that was saved."""
    return NearLabels(embedder, **json.loads((folder / "near_labels.json").read_text(encoding="utf-8")))


def _calibrate(nearness: Array, truth: Array) -> tuple[float, float]:
    """Slope and offset that make logits of nearness (rows, classes), by logistic regression over all labels together.

    Source: Platt (1999), https://scikit-learn.org/stable/modules/calibration.html
    """
    from sklearn.linear_model import LogisticRegression

    if truth.all() or not truth.any():
        return 1.0, 0.0
    model = LogisticRegression(C=1e3).fit(nearness.reshape(-1, 1), truth.ravel())
    return max(float(model.coef_[0, 0]), 0.01), float(model.intercept_[0])  # far never counts for more than near
