"""How well a frozen model fits the task."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from advisor.measurements.bench import Bench, make_bench
from advisor.measurements.similarity import log_evidence, measure_model
from advisor.records import Candidate
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import row_ids
from pipeline.embeddings import POOLINGS, Embedder
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import Array, RivalSetting, Rows, load_task
from tests import tiny
from tests.examples import text_regression

TASK = load_task("text-classification")


def clouds(distance: float, rows: int = 60, width: int = 4) -> tuple[Array, Array]:
    """Features of two classes so far apart, and a column for each class."""
    draw = np.random.default_rng(5)
    labels = np.arange(rows) % 2
    features = draw.normal(size=(rows, width))
    features[:, 0] += distance * labels
    return features, np.stack([labels == 0, labels == 1], axis=1).astype(float)


def direct_evidence(features: Array, targets: Array) -> float:
    """Log evidence per row with both precisions found by a search, and the determinant taken as it stands."""

    def of(target: Array, alpha: float, beta: float) -> float:
        rows, width = features.shape
        precision = alpha * np.eye(width) + beta * features.T @ features
        weights = beta * np.linalg.solve(precision, features.T @ target)
        misfit = beta * float(((features @ weights - target) ** 2).sum()) + alpha * float(weights @ weights)
        determinant = float(np.linalg.slogdet(precision)[1])
        logs = width * np.log(alpha) + rows * np.log(beta) - rows * np.log(2 * np.pi)
        return float((logs - misfit - determinant) / 2 / rows)

    found = []
    for target in targets.T:
        best = optimize.minimize(
            lambda logs, target=target: -of(target, *np.exp(logs)), [0.0, 0.0], method="Nelder-Mead"
        )
        found.append(-float(best.fun))
    return float(np.mean(found))


@pytest.mark.parametrize("distance", [0.5, 2.0, 6.0])
def test_logme_is_the_evidence_of_a_bayesian_linear_model(distance: float) -> None:
    features, targets = clouds(distance)
    assert log_evidence(features, targets) == pytest.approx(direct_evidence(features, targets), abs=2e-3)


def test_logme_of_scores_is_the_evidence_of_their_column() -> None:
    features, _ = clouds(0.0)
    scores = features @ [1.0, 0.5, 0.0, -1.0] + np.random.default_rng(1).normal(size=60)
    column = (scores[:, None] - scores.mean()) / scores.std()
    assert log_evidence(features, column) == pytest.approx(direct_evidence(features, column), abs=2e-3)
    noise = np.random.default_rng(2).permutation(column)
    assert log_evidence(features, noise) < log_evidence(features, column) - 0.2


def test_logme_passes_over_columns_that_never_vary() -> None:
    features, targets = clouds(2.0)
    assert log_evidence(features, np.hstack([targets, np.ones((60, 1))])) == log_evidence(features, targets)


def test_logme_rises_as_the_classes_part() -> None:
    found = [log_evidence(*clouds(distance)) for distance in (0.0, 1.0, 2.0, 4.0, 8.0)]
    assert found == sorted(found)


def test_logme_leaves_out_constant_features() -> None:
    features, targets = clouds(2.0)
    with_constants = np.hstack([features, np.full((len(features), 2), 1e-20)])
    assert log_evidence(with_constants, targets) == pytest.approx(log_evidence(features, targets))


def setting_of(bench: Bench, embedder: Embedder) -> Callable[[str], RivalSetting]:
    return lambda pooling: RivalSetting(embedder, bench.classes, bench.metric, {}, [], pooling)


def test_of_errors_the_pooling_with_the_smallest_is_taken(tiny_model: ModelSource, embedder: Embedder) -> None:
    task, rows = load_task("text-regression"), text_regression.make_rows(80, seed=2)
    data = Dataset(rows, group(rows.inputs), ["train"] * 80, False, 0)
    bench = make_bench(task, data, range(80), task.metrics["rmse"], 13)
    assert bench is not None
    candidate = Candidate(name="tiny", source=tiny_model, at_hand=True)
    found = measure_model(candidate, embedder, bench, setting_of(bench, embedder))
    assert found.probe == min(found.pooling_scores.values()) == found.pooling_scores[found.pooling]
    assert len(set(found.pooling_scores.values())) > 1
    assert np.isfinite(found.log_evidence)


def test_a_model_is_read_with_every_pooling_and_what_it_cannot_read_is_counted(tiny_model: ModelSource) -> None:
    made = tiny.make_rows(60, seed=2)
    inputs, answers = [str(given) for given in made.inputs], made.answers
    inputs[0] = " ".join(tiny.WORDS[:60])
    inputs[1] = inputs[1].upper()
    inputs[2] = "strange strange strange"
    rows = Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))
    data = Dataset(rows, group(rows.inputs), ["train"] * 60, False, 0)
    bench = make_bench(TASK, data, range(60), TASK.metrics["accuracy"], 13)
    assert bench is not None
    embedder = Embedder(Path(tiny_model.location), tiny_model, TextPreparation(max_tokens=40), None)
    found = measure_model(
        Candidate(name="tiny", source=tiny_model, at_hand=True), embedder, bench, setting_of(bench, embedder)
    )
    assert set(found.pooling_scores) == set(POOLINGS)
    assert found.probe == max(found.pooling_scores.values()) == found.pooling_scores[found.pooling]
    assert found.truncated_row_fraction == pytest.approx(1 / 60)
    assert 0 < found.unknown_token_fraction < 0.02
    assert 0 < found.cased_text_fraction < 0.05
    assert found.parameters == sum(parameter.numel() for parameter in embedder.model.parameters())
    assert found.weight_bytes > 4 * found.parameters * 0.9
    assert found.latency_ms > 0
