"""What is told to TensorBoard, trackio and mlflow: what was asked for, in the run folder only."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import MissingExtra
from pipeline.extras import require_for
from pipeline.records import ModelSource
from pipeline.task import Rows
from pipeline.training.job import TrainingJob
from pipeline.training.tracking import track
from pipeline.training.train import train
from tests import tiny


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(
        tiny_model.location,
        rows,
        tiny.make_recipe(epochs=2, warmup_fraction=0.0, weight_decay=0.0),
        count=64,
        validation=30,
    )


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What trackers are told is undone after each test."""
    for name in (
        "TRACKIO_DIR",
        "MLFLOW_TRACKING_URI",
        "TENSORBOARD_LOGGING_DIR",
        "DO_NOT_TRACK",
        "MLFLOW_DISABLE_TELEMETRY",
    ):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def test_tensorboard_is_told_the_losses_and_scores_in_the_run_folder(job: TrainingJob, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    told = replace(
        job, tracking=tmp_path / "tracking", recipe=job.recipe.model_copy(update={"report_to": ["tensorboard"]})
    )
    found = train(told, tmp_path / "work", silent)
    events = EventAccumulator(str(tmp_path / "tracking" / "tensorboard")).Reload()
    scores = [event.value for event in events.Scalars("eval/score")]
    assert scores[-len(found.epochs) :] == pytest.approx([epoch.validation_score for epoch in found.epochs])
    assert len(events.Scalars("train/loss")) >= 2


def test_nobody_else_is_told_unless_it_is_asked_for_and_never_in_a_pilot(job: TrainingJob, tmp_path: Path) -> None:
    train(replace(job, tracking=tmp_path / "tracking"), tmp_path / "a", silent)
    asked = replace(
        job, tracking=tmp_path / "tracking", recipe=job.recipe.model_copy(update={"report_to": ["tensorboard"]})
    )
    train(asked, tmp_path / "b", silent, stop_after_seconds=0.0)
    assert not (tmp_path / "tracking").exists()


def test_trackers_write_into_the_folder_and_send_nothing_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ours:5000")
    assert track(["mlflow", "trackio"], tmp_path / "tracking") == ["mlflow", "trackio"]
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://ours:5000"  # what the user set stays
    assert os.environ["TRACKIO_DIR"] == str(tmp_path / "tracking" / "trackio")
    assert (os.environ["DO_NOT_TRACK"], os.environ["MLFLOW_DISABLE_TELEMETRY"]) == ("true", "true")


def test_a_tracker_that_is_not_installed_is_an_error_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra) as caught:
        require_for({"report_to": ["tensorboard", "no_such_tracker"]})
    assert caught.value.problem == "[training] report_to names 'no_such_tracker', which is not installed."
    assert caught.value.fix == "Install it: pip install no_such_tracker"
