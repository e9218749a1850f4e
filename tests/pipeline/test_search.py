"""A search over settings: the recipe first, others only where they are surely better, on with it after a stop, in time."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, FloatDistribution

from pipeline.records import ModelSource, Recipe
from pipeline.task import Array, Rows
from pipeline.training.job import TrainingJob
from pipeline.training.search import RATE_SPAN, SEARCHED, STUDY, choose_settings, search_settings
from tests import tiny


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(
        tiny_model.location,
        rows,
        tiny.make_recipe(epochs=2, warmup_fraction=0.03, weight_decay=0.0, search_trials=3),
        count=64,
    )


class Heard:
    """Remembers trials and notes, and may do something at the nth trial."""

    def __init__(self, times: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.trials: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.times, self.act = times, act

    def __call__(self, event: str, **values: Any) -> None:
        if event == "note":
            self.notes.append(values["text"])
        if event == "trial":
            self.trials.append(values)
            if len(self.trials) == self.times:
                self.act()


def stop() -> None:
    raise KeyboardInterrupt


def search(job: TrainingJob, folder: Path, heard: Heard, seconds: float | None = None) -> Recipe:
    return search_settings(job, folder / "work", folder / STUDY, heard, seconds)


def test_the_recipe_comes_first_and_after_a_stop_the_study_goes_on(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard(2, stop)
    with pytest.raises(KeyboardInterrupt):
        search(job, tmp_path, heard)
    first, second = heard.trials
    assert (first["learning_rate"], first["warmup_fraction"]) == (0.01, 0.03)
    assert 0.01 / RATE_SPAN <= second["learning_rate"] <= 0.01 * RATE_SPAN
    again = Heard()
    found = search(job, tmp_path, again)
    assert [trial["number"] for trial in again.trials] == [2, 3]
    assert again.trials[0]["learning_rate"] == second["learning_rate"]  # the one that was cut off
    with sqlite3.connect(tmp_path / STUDY) as study:
        states = [row[0] for row in study.execute("SELECT state FROM trials")]
    assert states.count("COMPLETE") == 3
    (note,) = again.notes
    assert note.startswith("Of 3 settings the best scores ")
    assert (found == job.recipe) == note.endswith("the recipe stays as it is.")
    finished = Heard()
    assert search(job, tmp_path, finished) == found
    assert finished.trials == []


def test_a_search_that_was_stopped_tries_the_same_settings_and_goes_on_within_the_training_that_was_cut_off(
    job: TrainingJob, tmp_path: Path
) -> None:
    events: list[tuple[str, dict[str, Any]]] = []

    def listen(event: str, **values: Any) -> None:
        events.append((event, values))
        trials = sum(name == "trial" for name, _ in events)
        if event == "checkpoint" and trials == 2 and "training" not in [name for name, _ in stopped]:
            stopped.extend(events)
            raise KeyboardInterrupt

    def tried() -> list[float]:
        return [values["learning_rate"] for name, values in events if name == "trial"]

    stopped: list[tuple[str, dict[str, Any]]] = []
    (tmp_path / "stopped").mkdir()
    (tmp_path / "whole").mkdir()
    with pytest.raises(KeyboardInterrupt):
        search_settings(job, tmp_path / "stopped" / "work", tmp_path / "stopped" / STUDY, listen, None)
    events.clear()
    search_settings(job, tmp_path / "stopped" / "work", tmp_path / "stopped" / STUDY, listen, None)
    after = tried()
    assert next(values["from_step"] for name, values in events if name == "training") > 0
    events.clear()
    search_settings(job, tmp_path / "whole" / "work", tmp_path / "whole" / STUDY, listen, None)
    assert tried()[1:] == after
    assert not list((tmp_path / "stopped").rglob("checkpoint-*"))


def scored(right: int) -> Array:
    """Statistics of accuracy of a hundred rows."""
    return np.stack([(np.arange(100) < right).astype(float), np.ones(100)], axis=1)


@pytest.mark.parametrize(("right", "taken"), [(75, True), (62, False), (60, False), (40, False)])
def test_other_settings_are_taken_only_where_they_are_better_by_more_than_noise(
    right: int, taken: bool, job: TrainingJob, tmp_path: Path
) -> None:
    study = optuna.create_study(direction="maximize")
    (tmp_path / "trials").mkdir()
    for number, count in enumerate((60, right)):
        values = {name: 0.05 if number else float(getattr(job.recipe, name)) for name in SEARCHED}
        ranges: dict[str, BaseDistribution] = {name: FloatDistribution(0.0, 1.0) for name in SEARCHED}
        study.add_trial(optuna.trial.create_trial(params=values, distributions=ranges, value=count / 100))
        np.save(tmp_path / "trials" / f"{number}.npy", scored(count))
    heard = Heard()
    found = choose_settings(study, job, tmp_path, heard)
    assert found.learning_rate == (0.05 if taken else 0.01)
    assert found.epochs == job.recipe.epochs
    assert ("taken is learning_rate = 0.05" in heard.notes[0]) == taken


def test_no_trial_begins_when_the_time_is_up(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard()
    assert search(job, tmp_path, heard, seconds=0.0) == job.recipe
    assert len(heard.trials) == 1
    assert heard.notes[0] == "The search ended after 1 of 3 trials: the time was up."
