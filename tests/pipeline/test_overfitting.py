"""What was learned by heart is told apart from chance."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import ModelSource
from pipeline.task import Rows
from pipeline.training.job import TrainingJob
from pipeline.training.overfitting import MEND, measure_overfitting
from pipeline.training.train import train
from tests import tiny


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(
        tiny_model.location,
        rows,
        tiny.make_recipe(epochs=6, weight_decay=0.0, early_stopping_epochs=6),
        count=64,
        validation=120,
    )


def test_a_model_that_learned_labels_by_heart_is_told_with_the_mend(job: TrainingJob, tmp_path: Path) -> None:
    mixed = tuple(random.Random(4).sample(job.train.answers, 64))  # labels that have nothing to do with the texts
    by_heart = replace(job, train=replace(job.train, answers=mixed))
    by_heart = replace(by_heart, recipe=job.recipe.model_copy(update={"epochs": 20, "early_stopping_epochs": 20}))
    found = train(by_heart, tmp_path, silent).overfitting
    assert found is not None
    assert found.rows == 64
    assert found.gap == pytest.approx(found.train_score - found.validation_score)
    assert found.gap > 1.96 * found.gap_standard_error
    assert found.because == (
        f"Rows that it was trained on are answered better than validation rows by {100 * found.gap:.1f} points, "
        f"more than the {196 * found.gap_standard_error:.1f} points that chance makes: part of them was learned by heart. {MEND}"
    )


def test_a_model_that_answers_all_rows_alike_has_no_gap_beyond_chance(job: TrainingJob, tmp_path: Path) -> None:
    barely = replace(job, recipe=job.recipe.model_copy(update={"learning_rate": 1e-6, "epochs": 1}))
    trained = train(barely, tmp_path, silent)
    found = measure_overfitting(barely, trained.model)
    assert found == trained.overfitting
    assert found.gap <= 1.96 * found.gap_standard_error
    assert found.because.startswith("Rows that it was trained on are not answered surely better than validation rows: ")
    assert MEND not in found.because


def test_of_errors_a_smaller_one_on_training_rows_is_a_gap_too(job: TrainingJob, tmp_path: Path) -> None:
    mistakes = replace(ACCURACY, higher_is_better=False, reduce=lambda sums: 1 - ACCURACY.reduce(sums))
    model = train(job, tmp_path, silent).model
    one, other = (measure_overfitting(replace(job, metric=metric), model) for metric in (ACCURACY, mistakes))
    assert other.gap == pytest.approx(one.gap)
    assert other.train_score == pytest.approx(1 - one.train_score)


def test_a_pilot_measures_none(job: TrainingJob, tmp_path: Path) -> None:
    assert train(job, tmp_path, silent, stop_after_seconds=0.0).overfitting is None
