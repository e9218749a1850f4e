"""The cheap ways that fine-tuning must beat, cross-validated on training rows, and whether the labels carry any signal."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import RivalMeasurement
from pipeline.embeddings import Embedder
from pipeline.evaluation.intervals import score_interval
from pipeline.predictors.zero_shot import phrasing_scores
from pipeline.records import Score
from pipeline.task import Array, Predictions, RivalSetting

Advance = Callable[[int, int], None]
PERMUTATIONS = 999
PERMUTED_ROWS = 2000
RIDGE = 1.0


def measure_rivals(bench: Bench, setting: RivalSetting, advance: Advance) -> RivalMeasurement:
    """Score every cheap way of the task on the same held-out rows."""
    begun = time.perf_counter()
    scores: list[Score] = []
    answers: dict[str, Predictions] = {}
    for place, name in enumerate(bench.task.rivals):
        advance(place, len(bench.task.rivals) + 1)
        found, seconds = bench.timed(bench.task.fit_rival(name, setting))
        answers[name] = found[0]
        scores.append(_score(name, bench, found, seconds, setting.phrases))
    advance(len(scores), len(scores) + 1)
    ranked = sorted(scores, key=lambda score: score.score, reverse=bench.metric.higher_is_better)
    return RivalMeasurement(
        rivals=scores,
        best=ranked[0].name,
        zero_shot_spread=_spread(bench, setting),
        permutation_p=permutation_p(bench, setting.embedder, setting.pooling),
        discordant_fraction=_discordant(bench, answers[ranked[0].name], answers[ranked[1].name]),
        rows_used=len(bench.rows),
        folds=len(bench.folds[0]),
        seconds=time.perf_counter() - begun,
    )


def _score(name: str, bench: Bench, found: list[Predictions], seconds: float, phrases: Mapping[str, str]) -> Score:
    """Mean over repetitions; the interval resamples rows, each with its mean statistics."""
    truth = bench.rows.answers
    statistics = np.mean([bench.metric.statistics(truth, each.answers, bench.classes) for each in found], axis=0)
    interval = score_interval(bench.metric, statistics, bench.seed)
    bare = name == "zero_shot" and not all(label in phrases for label in bench.classes)
    codes = bare and any(label.strip().lstrip("-").replace(".", "", 1).isdigit() for label in bench.classes)
    note = "Labels are bare numbers: say what they mean in data.phrases for a fair zero-shot." if codes else None
    return Score(
        name=name,
        metric=bench.metric.name,
        score=interval.point,
        low=interval.low,
        high=interval.high,
        seconds=seconds,
        note=note,
    )


def _spread(bench: Bench, setting: RivalSetting) -> dict[str, float]:
    """Score of each phrasing on the training rows; shown to say how much the wording matters, used for no choice."""
    found = phrasing_scores(
        bench.rows, setting.embedder, setting.classes, setting.phrases, setting.templates, setting.metric
    )
    return {str(phrasing): score for phrasing, score in sorted(found.items(), key=lambda item: -item[1])}


def _discordant(bench: Bench, one: Predictions, other: Predictions) -> float:
    right = bench.metric.right_or_wrong
    if right is None:
        return 1.0
    truth = bench.rows.answers
    return float((right(truth, one.answers) != right(truth, other.answers)).mean())


def permutation_p(bench: Bench, embedder: Embedder, pooling: str) -> float:
    """How often shuffled labels are predicted as well as the true ones, left out one row at a time.

    Kernel ridge regression on frozen features and TF-IDF together has its leave-one-out answers in closed form, so that
    hundreds of shuffles cost one matrix product. Copies of a row are taken once.

    Returns:
        (1 + shuffles that did as well) / (1 + shuffles), so never 0.

    Source: Ojala & Garriga (2010), https://www.jmlr.org/papers/v11/ojala10a.html
    """
    first = list({key: place for place, key in reversed(list(enumerate(bench.groups)))}.values())
    places = sorted(np.random.default_rng(bench.seed).permutation(first)[:PERMUTED_ROWS])
    rows = bench.rows.take(places)
    smoother = _smoother(_kernel(embedder(rows.inputs, pooling), [str(given) for given in rows.inputs]))
    labels = np.array([bench.classes.index(str(answer)) for answer in rows.answers])
    generator = np.random.default_rng(bench.seed)
    true = _left_out_score(smoother, labels, len(bench.classes))
    shuffled = [
        _left_out_score(smoother, generator.permutation(labels), len(bench.classes)) for _ in range(PERMUTATIONS)
    ]
    return (1 + sum(score >= true for score in shuffled)) / (1 + PERMUTATIONS)


def _kernel(features: Array, texts: list[str]) -> Array:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import StandardScaler

    dense = StandardScaler().fit_transform(features.astype(float))
    kernel = dense @ dense.T / dense.shape[1]
    try:
        words = TfidfVectorizer(sublinear_tf=True).fit_transform(texts)
        kernel += (words @ words.T).toarray()
    except ValueError:  # no words at all
        pass
    return np.asarray(kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean())


def _smoother(kernel: Array) -> Array:
    rows = len(kernel)
    return np.asarray(np.linalg.solve(kernel + RIDGE * np.eye(rows), kernel)).T


def _left_out_score(smoother: Array, labels: Array, classes: int) -> float:
    """Balanced accuracy of leave-one-out answers."""
    targets = np.eye(classes)[labels]
    targets = targets - targets.mean(axis=0)
    own = np.diag(smoother)[:, None]
    left_out = (smoother @ targets - own * targets) / np.maximum(1 - own, 1e-6)
    answers = (left_out / np.maximum(targets.std(axis=0), 1e-9)).argmax(axis=1)
    return float(np.mean([(answers[labels == label] == label).mean() for label in np.unique(labels)]))
