"""Validation rows are scored as often as it is cheap, and early stopping keeps its meaning."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import ModelSource
from pipeline.task import Rows
from pipeline.training import cadence
from pipeline.training.cadence import epochs_between_scores
from pipeline.training.callbacks import NOISE, SCORE, EarlyStop
from pipeline.training.job import Trained
from pipeline.training.train import train
from tests import tiny


@pytest.mark.parametrize(
    ("train_tokens", "validation_tokens", "epochs", "steps", "every"),
    [
        (1000, 200, 8, 1000, 1),
        (1000, 750, 8, 1000, 1),
        (1000, 760, 8, 1000, 2),
        (1000, 760, 7, 1000, 1),
        (1000, 10_000, 20, 1000, 5),
        (1000, 10_000, 3, 1000, 1),
        (1000, 0, 8, 1000, 1),
        (0, 10, 8, 1000, 2),
        (1000, 170, 3, 1000, 0.5),
        (1000, 230, 3, 1000, 1),
        (1000, 170, 4, 1000, 0.5),
        (1000, 170, 5, 1000, 1),
        (1000, 170, 3, 79, 1),
        (1000, 90, 2, 1000, 0.25),
        (1000, 90, 2, 159, 0.5),
    ],
)
def test_scores_are_rarer_where_they_would_cost_much_and_come_within_epochs_where_these_are_few(
    train_tokens: int, validation_tokens: int, epochs: int, steps: int, every: float
) -> None:
    assert epochs_between_scores(train_tokens, validation_tokens, epochs, steps) == every


WITHIN = [0.31, 0.62, 0.92, 1, 1.31, 1.62, 1.92, 2]
"""Epochs that are scored of 200 rows in batches of 16."""


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
        (1, 0.25, [0.9, 0.8, 0.8, 0.8], False),
        (1, 0.25, [0.9, 0.8, 0.8, 0.8, 0.8], True),
    ],
)
def test_early_stopping_waits_for_as_many_epochs_however_often_they_are_scored(
    epochs: int, every: float, scores: list[float], due: bool
) -> None:
    assert EarlyStop(epochs, every, ACCURACY).is_due(history(scores)) is due


def trained_with(
    rows: Rows, model: ModelSource, validation: int, folder: Path, count: int = 32, epochs: int = 9
) -> tuple[Trained, list[str]]:
    notes: list[str] = []

    def listen(event: str, **values: Any) -> None:
        if event == "note":
            notes.append(values["text"])

    recipe = tiny.make_recipe(
        learning_rate=0.001, epochs=epochs, warmup_fraction=0.0, weight_decay=0.0, early_stopping_epochs=9
    )
    job = tiny.make_job(model.location, rows, recipe, count=count, validation=validation)
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


def test_a_run_of_few_epochs_is_scored_within_them_and_keeps_what_was_best_there(
    rows: Rows, tiny_model: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cadence, "FEWEST_STEPS", 2)
    trained, notes = trained_with(rows, tiny_model, 16, tmp_path / "whole", count=200, epochs=2)
    assert [epoch.epoch for epoch in trained.epochs] == WITHIN
    assert trained.best_epoch in WITHIN
    assert any("4 times an epoch" in note for note in notes)


def test_a_run_that_breaks_off_within_an_epoch_is_scored_as_if_it_had_not(
    rows: Rows, tiny_model: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cadence, "FEWEST_STEPS", 2)
    recipe = tiny.make_recipe(learning_rate=0.001, epochs=2, early_stopping_epochs=2)
    job = tiny.make_job(tiny_model.location, rows, recipe, count=200, validation=16)
    whole = train(job, tmp_path / "whole", lambda *_, **__: None)

    def break_off(event: str, **values: Any) -> None:
        if event == "checkpoint" and values["step"] == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job, tmp_path / "broken", break_off)
    again = train(job, tmp_path / "broken", lambda *_, **__: None)
    assert again.epochs == whole.epochs
    for ours, theirs in zip(again.model.model.parameters(), whole.model.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
