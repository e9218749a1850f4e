"""The cheap ways that fine-tuning must beat, cross-validated on training rows, and whether the answers carry any signal."""

import time
from collections.abc import Callable, Mapping

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import RivalMeasurement
from pipeline.embeddings import Embedder
from pipeline.evaluation.comparison import score
from pipeline.evaluation.intervals import difference_standard_error
from pipeline.predictors.zero_shot import are_words
from pipeline.records import Score
from pipeline.task import Array, Predictions, RivalSetting

Advance = Callable[[int, int], None]
PERMUTATIONS = 999
PERMUTED_ROWS = 2000
COLUMNS_TOGETHER = 512
"""Of shuffled targets that are scored in one product, which reads the large matrix once for all of them."""
TIE = 1e-9
"""Difference of two scores below which they are the same but for rounding."""
RIDGE = 100.0
"""Strong, since a weak signal drowns in what a free fit learns by heart. Of twelve draws of 256 rows of the two hardest shared sets
six had p over 0.001 with features and words at a ridge of 1, and four with parts of words too at this one; two over 0.005 with both."""


def measure_rivals(bench: Bench, setting: RivalSetting, advance: Advance) -> RivalMeasurement:
    """Score every cheap way of the task on the same held-out rows."""
    begun = time.perf_counter()
    scores: list[Score] = []
    answers: dict[str, Predictions] = {}
    for place, name in enumerate(bench.task.rivals):
        advance(place, len(bench.task.rivals) + 1)
        found, seconds = bench.timed(bench.task.fit_rival(name, setting))
        answers[name] = found[0]
        scored = score(name, bench.task.metrics, bench.metric, bench.rows, found, bench.classes, bench.seed)
        note = _note(name, bench, setting.phrases)
        scores.append(scored.model_copy(update={"seconds": seconds, "note": note}))
    advance(len(scores), len(scores) + 1)
    ranked = sorted(scores, key=lambda score: score.score, reverse=bench.metric.higher_is_better)
    return RivalMeasurement(
        rivals=scores,
        best=ranked[0].name,
        zero_shot_spread=_spread(bench, setting),
        permutation_p=permutation_p(bench, setting.embedder, setting.pooling),
        difference_standard_error=_difference(bench, answers[ranked[0].name], answers[ranked[1].name]),
        rows_used=len(bench.rows),
        folds=len(bench.folds[0]),
        seconds=time.perf_counter() - begun,
    )


def _note(name: str, bench: Bench, phrases: Mapping[str, str]) -> str | None:
    codes = name == "zero_shot" and not are_words(bench.classes, phrases)
    return "Labels are bare numbers: say what they mean in data.phrases for a fair zero-shot." if codes else None


def _spread(bench: Bench, setting: RivalSetting) -> dict[str, float]:
    """Score of each phrasing on the training rows; shown to say how much the wording matters, used for no choice."""
    found = bench.task.phrasing_scores(bench.rows, setting)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _difference(bench: Bench, one: Predictions, other: Predictions) -> float:
    truth, metric = bench.rows.answers, bench.metric
    return difference_standard_error(
        metric,
        metric.statistics(truth, one.answers, bench.classes),
        metric.statistics(truth, other.answers, bench.classes),
        bench.seed,
    )


def permutation_p(bench: Bench, embedder: Embedder, pooling: str) -> float:
    """How often shuffled answers are predicted as well as the true ones, left out one at a time.

    Kernel ridge regression on frozen features, words and parts of words together has its leave-one-out answers in closed form, so that
    hundreds of shuffles cost one matrix product each. Copies of a row are taken once.

    Returns:
        (1 + shuffles that did as well) / (1 + shuffles), so never 0.

    Source: Ojala & Garriga (2010), https://www.jmlr.org/papers/v11/ojala10a.html
    """
    first = list({key: place for place, key in reversed(list(enumerate(bench.groups)))}.values())
    rows = bench.rows.take(sorted(first))
    signal = bench.task.signal(rows, embedder, pooling, bench.classes, PERMUTED_ROWS, bench.seed)
    targets = signal.targets[:, signal.targets.std(axis=0) > 0]
    if targets.shape[1] == 0:
        return 1.0
    smoother = _smoother(_kernel(signal.features, list(signal.texts)))
    generator = np.random.default_rng(bench.seed)
    [true] = _left_out_scores(smoother, targets[None])
    as_well, together = 0, max(COLUMNS_TOGETHER // targets.shape[1], 1)
    for start in range(0, PERMUTATIONS, together):
        count = min(together, PERMUTATIONS - start)
        shuffles = np.stack([generator.permutation(targets) for _ in range(count)])
        as_well += int((_left_out_scores(smoother, shuffles) >= true - TIE).sum())
    return (1 + as_well) / (1 + PERMUTATIONS)


def _kernel(features: Array, texts: list[str]) -> Array:
    """Likeness of texts by features, by words and by parts of words, each counting alike; 1 with itself on average."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import StandardScaler

    dense = StandardScaler().fit_transform(features.astype(float))
    kernel = _evened(dense @ dense.T)
    for counted in ({}, {"analyzer": "char_wb", "ngram_range": (2, 4)}):
        try:
            parts = TfidfVectorizer(sublinear_tf=True, **counted).fit_transform(texts)
        except ValueError:  # no words at all
            continue
        kernel = kernel + _evened((parts @ parts.T).toarray())
    return _evened(kernel)


def _evened(kernel: Array) -> Array:
    """Centred, and on average 1 between a text and itself."""
    centred = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
    return np.asarray(centred / max(float(np.diag(centred).mean()), 1e-12))


def _smoother(kernel: Array) -> Array:
    rows = len(kernel)
    return np.asarray(np.linalg.solve(kernel + RIDGE * np.eye(rows), kernel)).T


def _left_out_scores(smoother: Array, targets: Array) -> Array:
    """For each set of targets the mean over its columns of their correlation with leave-one-out answers.

    Shapes: `targets` is (sets, samples, columns), the result (sets,).
    """
    sets, samples, columns = targets.shape
    wide = np.moveaxis(targets, 0, 1).reshape(samples, sets * columns)
    wide = (wide - wide.mean(axis=0)) / wide.std(axis=0)
    own = np.diag(smoother)[:, None]
    left_out = (smoother @ wide - own * wide) / np.maximum(1 - own, 1e-6)
    left_out = (left_out - left_out.mean(axis=0)) / np.maximum(left_out.std(axis=0), 1e-12)
    return np.asarray((left_out * wide).mean(axis=0).reshape(sets, columns).mean(axis=1))
