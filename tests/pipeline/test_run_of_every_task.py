"""A whole run of every task on the tiny model: trained, saved, loaded again in a fresh process, scored on sealed rows."""

import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.data.dataset import load_dataset
from pipeline.data.splitting import rows_checksum, save_splits
from pipeline.models import check_weights
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.records import DataSource, Forecast, Interval, ModelSource, Plan, Recipe
from pipeline.results import Result
from pipeline.run import run
from pipeline.storage import load_record, save_record
from pipeline.task import TASKS, Task, load_task, task_of
from pipeline.training.journal import Journal
from tests import tiny

FORECAST = Forecast(
    score=Interval(point=0.5, low=0.4, high=0.6, level=0.8),
    probability_of_useful_gain=0.9,
    train_cpu_seconds=10,
    train_wall_seconds=10,
    peak_memory_bytes=10**9,
)


@dataclass(frozen=True)
class Finished:
    """A run to its end."""

    folder: Path
    plan: Plan
    task: Task
    result: Result


def make_plan(key: str, folder: Path, model: ModelSource) -> Plan:
    """A plan for the rows of the task's example, in the folder with its data and splits."""
    example = importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")
    file = example.write_file(example.make_rows(360, 1), folder / "data")
    task = load_task(key, example.OPTIONS, example.COLUMNS)
    source = DataSource(train=file.name, columns=example.COLUMNS, phrases=tiny.PHRASES)
    data = load_dataset(source, task, folder, seed=0)
    save_splits(folder / "splits.parquet", data.rows.ids, data.groups, data.sides)
    metric = next(iter(task.metrics.values()))
    return Plan(
        name=key,
        task=key,
        task_options=dict(task.options),
        data=source,
        classes=task.classes(data.unsealed()),
        rows_sha256=rows_checksum(data.rows.ids, data.sides),
        model=model.model_copy(update={"sha256": check_weights(Path(model.location), model)}),
        head_pooling="mean",
        zero_shot_pooling="mean",
        preparation=tiny.PREPARATION,
        recipe=Recipe(
            strategy="probe_then_fine_tune" if task.starts_from_probe else "fine_tune",
            learning_rate=0.01,
            batch_size=16,
            epochs=8,
            warmup_fraction=0.1,
            weight_decay=0.01,
            early_stopping_epochs=8,
            class_weights="none",
        ),
        rivals=list(task.rivals),
        chosen_rival=task.rivals[0],
        templates=["{phrase}"],
        metric=metric.name,
        useful_gain=0.03,
        good_enough=metric.best,
        seed=0,
        forecast=FORECAST,
    )


@pytest.fixture(scope="module", params=TASKS)
def finished(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_model: ModelSource
) -> Finished:
    folder = tmp_path_factory.mktemp(request.param)
    save_record(make_plan(request.param, folder, tiny_model), folder / "plan.json")
    plan = load_record(Plan, folder / "plan.json")
    result = run(plan, folder, Journal(folder / "log.jsonl"))
    assert load_record(Result, folder / "result.json") == result
    return Finished(folder, plan, task_of(plan), result)


def test_what_was_learned_beats_what_knows_nothing_whatever_the_score(finished: Finished) -> None:
    result, metric = finished.result, finished.task.metrics[finished.plan.metric]
    least = next(rival for rival in result.rivals if rival.name == finished.plan.chosen_rival)
    assert result.verdict == "improved"
    assert result.difference.point == pytest.approx(metric.gain(result.fine_tuned.score, least.score))
    assert 0 < result.difference.low <= result.difference.point <= result.difference.high
    assert (result.difference.p is None) == (metric.right_or_wrong is None)
    assert result.outcome.probability_of_useful_gain == 1.0
    assert result.metric_facts == metric.facts
    for score in [*result.rivals, result.fine_tuned]:
        assert score.low <= score.score <= score.high
        assert set(score.beside) == set(finished.task.metrics) - {metric.name}


def test_the_best_epoch_is_one_that_was_scored_and_near_the_best(finished: Finished) -> None:
    metric = finished.task.metrics[finished.plan.metric]
    scores = {epoch.epoch: epoch.validation_score for epoch in finished.result.epochs}
    best = max(scores.values()) if metric.higher_is_better else min(scores.values())
    assert finished.result.best_epoch in scores
    first = scores[min(scores)]
    assert metric.gain(scores[finished.result.best_epoch], first) >= 0.5 * metric.gain(best, first) >= 0


def test_the_saved_model_is_the_trained_one_and_answers_by_itself(finished: Finished) -> None:
    assert finished.result.reload.passed
    assert finished.result.reload.rows > 0
    loaded = load_fine_tuned(finished.folder / "model")
    assert loaded.task.key == finished.plan.task
    assert dict(loaded.task.options) == finished.plan.task_options
    assert bool(loaded.thresholds) == finished.task.needs_thresholds
    table = pd.read_parquet(finished.folder / "predictions" / "fine_tuned.parquet")
    data = load_dataset(finished.plan.data, finished.task, finished.folder, seed=0)
    test = data.rows.take([place for place, side in enumerate(data.sides) if side == "test"])
    assert list(table["row_id"]) == list(test.ids)
    answers = [tuple(answer) if hasattr(answer, "tolist") else answer for answer in table["answer"]]
    again = loaded(test).answers
    assert list(again) == (pytest.approx(answers, abs=1e-3) if not finished.plan.classes else answers)


def test_the_card_says_how_this_kind_of_model_is_used(finished: Finished) -> None:
    card = (finished.folder / "model" / "README.md").read_text(encoding="utf-8")
    assert f"pipeline_tag: {finished.task.hub_tag}\n" in card
    assert f"import {finished.task.head_module}" in card
    assert finished.task.usage in card
    assert ("thresholds" in card) == finished.task.needs_thresholds
    assert ("Labels: " in card) == bool(finished.plan.classes)
    assert finished.result.because in card


def test_errors_are_those_of_the_sealed_rows(finished: Finished) -> None:
    errors: Any = finished.result.errors
    lines = (finished.folder / "test_readings.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["rows"] for line in lines] == [finished.result.test_rows] * len(lines)
    assert errors.mended > errors.broken
    assert errors.by_class or errors.tables


def test_the_lines_of_the_card_run_as_they_stand(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(finished.folder)
    known: dict[str, Any] = {}
    *lines, last = finished.task.usage.splitlines()
    exec("\n".join(["import transformers", f"import {finished.task.head_module}", *lines]), known)
    found = eval(last, known)
    assert isinstance(found, dict | list)
