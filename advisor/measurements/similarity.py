"""How well each model at hand fits the task: what its frozen features tell apart, and what of the texts it cannot read."""

import time
from collections.abc import Callable

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import Candidate, ModelMeasurement
from pipeline.embeddings import POOLINGS, Embedder
from pipeline.models import weight_bytes
from pipeline.predictors.linear import CONSTANT
from pipeline.preparation import as_one_text, prepare
from pipeline.task import Array, RivalSetting

LATENCY_TEXTS = 15
READ_ROWS = 2000
"""Rows that are tokenised to count cut rows and unknown tokens."""


def measure_model(
    candidate: Candidate, embedder: Embedder, bench: Bench, setting_of: Callable[[str], RivalSetting]
) -> ModelMeasurement:
    """Cross-validate a probe on each pooling of a model's frozen features, on training rows only.

    Args:
        candidate: The model.
        embedder: Its frozen features.
        bench: The rows.
        setting_of: What a probe may use under each pooling.
    """
    begun = time.perf_counter()
    scores = {}
    for pooling in POOLINGS:
        answers = bench.held_out(bench.task.fit_rival("probe", setting_of(pooling)))
        scores[pooling] = bench.metric(bench.rows.answers, answers.answers, bench.classes)
    ranked = sorted(scores, key=lambda pooling: scores[pooling], reverse=bench.metric.higher_is_better)
    best = ranked[0]
    signal = bench.task.signal(bench.rows, embedder, best, bench.classes, len(bench.rows), bench.seed)
    cut, unknown, cased = _reading(embedder, bench)
    return ModelMeasurement(
        model=candidate.name,
        pooling=best,
        pooling_scores=scores,
        probe=scores[best],
        log_evidence=log_evidence(signal.features, signal.targets),
        truncated_row_fraction=cut,
        unknown_token_fraction=unknown,
        cased_text_fraction=cased,
        latency_ms=_latency(embedder, bench),
        weight_bytes=weight_bytes(embedder.path),
        parameters=sum(parameter.numel() for parameter in embedder.model.parameters()),
        seconds=time.perf_counter() - begun,
    )


def log_evidence(features: Array, targets: Array) -> float:
    """LogME: log marginal evidence per sample of a Bayesian linear model from features to targets, mean over the columns.

    Shapes: `features` is (samples, features), `targets` is (samples, columns).
    Source: You et al. (2021), https://arxiv.org/abs/2102.11005, with the fixed point of MacKay's evidence maximisation.
    """
    deviation = features.std(axis=0)
    kept = features[:, deviation > CONSTANT].astype(float)
    rows, width = kept.shape
    left, singular, _ = np.linalg.svd(kept, full_matrices=False)
    squares = singular**2
    found = []
    for target in targets[:, targets.std(axis=0) > 0].T:
        inside = (left.T @ target) ** 2
        outside = max(float(target @ target - inside.sum()), 0.0)
        found.append(_evidence(squares, inside, outside, rows, width))
    return float(np.mean(found))


def _evidence(squares: Array, inside: Array, outside: float, rows: int, width: int) -> float:
    alpha, beta = 1.0, 1.0
    for _ in range(20):
        ratio = alpha / beta
        effective = float((squares / (squares + ratio)).sum())
        weights = float((squares * inside / (squares + ratio) ** 2).sum())
        residual = float((inside * (ratio / (squares + ratio)) ** 2).sum()) + outside
        alpha, beta = effective / max(weights, 1e-12), max(rows - effective, 1e-6) / max(residual, 1e-12)
        if abs(alpha / beta - ratio) <= 1e-3 * ratio:
            break
    log_determinant = float(np.log(alpha + beta * squares).sum()) + (width - len(squares)) * np.log(alpha)
    fit = beta * residual + alpha * weights
    evidence = width * np.log(alpha) + rows * np.log(beta) - fit - log_determinant - rows * np.log(2 * np.pi)
    return float(evidence / 2 / rows)


def _reading(embedder: Embedder, bench: Bench) -> tuple[float, float, float]:
    """Shares of rows that are cut, of tokens that are unknown, and of letters whose case is lost."""
    tokenizer = embedder.tokenizer
    inputs = bench.rows.inputs[:READ_ROWS]
    texts = [as_one_text(prepare(given, embedder.preparation)) for given in inputs]
    tokens = tokenizer(texts, truncation=False, verbose=False)["input_ids"]
    cut = float(np.mean([len(row) > embedder.preparation.max_tokens for row in tokens]))
    total = sum(len(row) for row in tokens)
    unknown = sum(row.count(tokenizer.unk_token_id) for row in tokens) if tokenizer.unk_token_id is not None else 0
    letters = [letter for text in texts for letter in text if letter.isalpha()]
    uncased = (
        tokenizer("WORD", add_special_tokens=False)["input_ids"]
        == tokenizer("word", add_special_tokens=False)["input_ids"]
    )
    upper = sum(letter.isupper() for letter in letters) / max(len(letters), 1) if uncased else 0.0
    return cut, unknown / max(total, 1), upper


def _latency(embedder: Embedder, bench: Bench) -> float:
    """Median milliseconds for one text through the encoder, nothing cached."""
    fresh = Embedder(embedder.path, embedder.source, embedder.preparation, cache=None)
    fresh._model, fresh._tokenizer = embedder.model, embedder.tokenizer
    times = []
    for given in dict.fromkeys(as_one_text(given) for given in bench.rows.inputs[: LATENCY_TEXTS + 2]):
        begun = time.perf_counter()
        fresh([given], embedder.source.pooling)
        times.append(1000 * (time.perf_counter() - begun))
    return float(np.median(times[2:] or times))
