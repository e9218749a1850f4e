"""How well a frozen model fits the task."""

from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from advisor.measurements.bench import make_bench
from advisor.measurements.similarity import log_evidence, measure_model
from advisor.records import Candidate
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import row_ids
from pipeline.embeddings import POOLINGS, Embedder
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import Array, Rows, load_task
from tests import tiny

TASK = load_task("text-classification")


def clouds(distance: float, rows: int = 60, width: int = 4) -> tuple[Array, list[int]]:
    draw = np.random.default_rng(5)
    labels = [place % 2 for place in range(rows)]
    features = draw.normal(size=(rows, width))
    features[:, 0] += distance * np.array(labels)
    return features, labels


def direct_evidence(features: Array, labels: list[int]) -> float:
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
    for label in sorted(set(labels)):
        target = (np.array(labels) == label).astype(float)
        best = optimize.minimize(
            lambda logs, target=target: -of(target, *np.exp(logs)), [0.0, 0.0], method="Nelder-Mead"
        )
        found.append(-float(best.fun))
    return float(np.mean(found))


@pytest.mark.parametrize("distance", [0.5, 2.0, 6.0])
def test_logme_is_the_evidence_of_a_bayesian_linear_model(distance: float) -> None:
    features, labels = clouds(distance)
    assert log_evidence(features, labels) == pytest.approx(direct_evidence(features, labels), abs=2e-3)


def test_logme_rises_as_the_classes_part() -> None:
    found = [log_evidence(*clouds(distance)) for distance in (0.0, 1.0, 2.0, 4.0, 8.0)]
    assert found == sorted(found)


def test_logme_leaves_out_constant_features() -> None:
    features, labels = clouds(2.0)
    with_constants = np.hstack([features, np.full((len(features), 2), 1e-20)])
    assert log_evidence(with_constants, labels) == pytest.approx(log_evidence(features, labels))


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
    found = measure_model(Candidate(name="tiny", source=tiny_model, at_hand=True), embedder, bench)
    assert set(found.pooling_scores) == set(POOLINGS)
    assert found.probe == max(found.pooling_scores.values()) == found.pooling_scores[found.pooling]
    assert found.truncated_row_fraction == pytest.approx(1 / 60)
    assert 0 < found.unknown_token_fraction < 0.02
    assert 0 < found.cased_text_fraction < 0.05
    assert found.parameters == sum(parameter.numel() for parameter in embedder.model.parameters())
    assert found.weight_bytes > 4 * found.parameters * 0.9
    assert found.latency_ms > 0
