"""Validation rows are scored as often as it is cheap, and early stopping keeps its meaning."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import ModelSource
from pipeline.task import Rows
from pipeline.training.cadence import epochs_between_scores
from pipeline.training.callbacks import NOISE, SCORE, EarlyStop
from pipeline.training.job import Trained
from pipeline.training.train import train
from tests import tiny


@pytest.mark.parametrize(
    ("train_tokens", "validation_tokens", "epochs", "every"),
    [
        (1000, 200, 8, 1),
        (1000, 750, 8, 1),
        (1000, 760, 8, 2),
        (1000, 760, 7, 1),
        (1000, 10_000, 20, 5),
        (1000, 10_000, 3, 1),
        (1000, 0, 8, 1),
        (0, 10, 8, 2),
    ],
)
def test_scores_are_rarer_where_they_would_cost_much(
    train_tokens: int, validation_tokens: int, epochs: int, every: int
) -> None:
    assert epochs_between_scores(train_tokens, validation_tokens, epochs) == every


def history(scores: list[float]) -> list[dict[str, Any]]:
    return [{SCORE: score, NOISE: 0.01} for score in scores]


@pytest.mark.parametrize(
    ("epochs", "every", "scores", "due"),
    [
        (2, 1, [0.9, 0.8], False),
        (2, 1, [0.9, 0.8, 0.8], True),
        (2, 2, [0.9, 0.8], True),
        (3, 2, [0.9, 0.8], False),
        (3, 2, [0.9, 0.8, 0.8], True),
    ],
)
def test_early_stopping_waits_for_as_many_epochs_however_often_they_are_scored(
    epochs: int, every: int, scores: list[float], due: bool
) -> None:
    assert EarlyStop(epochs, every, ACCURACY).is_due(history(scores)) is due


def trained_with(rows: Rows, model: ModelSource, validation: int, folder: Path) -> tuple[Trained, list[str]]:
    notes: list[str] = []

    def listen(event: str, **values: Any) -> None:
        if event == "note":
            notes.append(values["text"])

    recipe = tiny.make_recipe(
        learning_rate=0.001, epochs=9, warmup_fraction=0.0, weight_decay=0.0, early_stopping_epochs=9
    )
    job = tiny.make_job(model.location, rows, recipe, count=32, validation=validation)
    return train(job, folder, listen), notes


def test_a_run_with_many_validation_rows_scores_some_epochs_and_the_last(
    rows: Rows, tiny_model: ModelSource, tmp_path: Path
) -> None:
    trained, notes = trained_with(rows, tiny_model, 60, tmp_path)
    assert [epoch.epoch for epoch in trained.epochs] == [2, 4, 6, 8, 9]
    assert any("scored after every" in note for note in notes)


def test_a_run_with_few_validation_rows_scores_every_epoch(rows: Rows, tiny_model: ModelSource, tmp_path: Path) -> None:
    trained, notes = trained_with(rows, tiny_model, 16, tmp_path)
    assert [epoch.epoch for epoch in trained.epochs] == list(range(1, 10))
    assert notes == []
