"""A finished run of each task on the tiny model, with answers file and cheap way, as a person would have it."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.alternative import save_alternative
from advisor.answers_file import check_answers, save_answers
from advisor.run_folder import RunFolder, relative_to
from pipeline.data.dataset import load_dataset
from pipeline.data.splitting import rows_checksum, save_splits
from pipeline.embeddings import Embedder
from pipeline.models import check_weights
from pipeline.records import DataSource, Forecast, Interval, ModelSource, Plan, Recipe
from pipeline.results import Result
from pipeline.run import run
from pipeline.storage import load_record, save_record
from pipeline.task import TASKS, RivalSetting, Task, load_task, task_of
from pipeline.training.journal import Journal
from tests import tiny

CHEAP = {"token-classification": "word_tags"}
"""The cheap way that is saved; TF-IDF where there is one."""
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
    new: Path
    """Labelled rows that came after it."""
    example: Any
    """How its rows are made."""


FinishedRun = Callable[[str], Finished]


def make_plan(key: str, folder: Path, model: ModelSource) -> Plan:
    """A plan for the rows of the task's example, in the folder with its data and splits."""
    example = importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")
    file = example.write_file(example.make_rows(360, 1), folder / "data")
    task = load_task(key, example.OPTIONS, example.COLUMNS)
    return plan_for(task, DataSource(train=file.name, columns=example.COLUMNS, phrases=tiny.PHRASES), folder, model)


def plan_for(task: Task, source: DataSource, folder: Path, model: ModelSource, epochs: int = 8) -> Plan:
    """A plan for data in a folder, beside which its splits are written."""
    data = load_dataset(source, task, folder, seed=0)
    save_splits(folder / "splits.parquet", data.rows.ids, data.groups, data.sides)
    metric = next(iter(task.metrics.values()))
    return Plan(
        name=task.key,
        task=task.key,
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
            epochs=epochs,
            warmup_fraction=0.1,
            weight_decay=0.01,
            early_stopping_epochs=epochs,
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


def make_run(key: str, path: Path, model: ModelSource) -> Finished:
    """A run to its end in a folder of that path, and a file of rows that came after it beside the folder."""
    folder = RunFolder(path / "run")
    folder.make()
    save_record(make_plan(key, folder.path, model), folder.path / "plan.json")
    plan = load_record(Plan, folder.path / "plan.json")
    example = importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")
    values = {
        "task": key,
        "data": {"train": str(folder.path / str(plan.data.train)), **example.COLUMNS},
        "task_options": example.OPTIONS,
        "seed": plan.seed,
        "models": {"candidates": [model.location]},
    }
    save_answers(relative_to(check_answers(values, "answers"), folder.path), folder.path / "answers.toml")
    result = run(plan, folder.path, Journal(folder.path / "log.jsonl"))
    _save_cheap_way(plan, folder, model)
    return Finished(
        folder.path, plan, task_of(plan), result, example.write_file(example.make_rows(150, 5), path / "new"), example
    )


def _save_cheap_way(plan: Plan, folder: RunFolder, model: ModelSource) -> None:
    task = task_of(plan)
    setting = RivalSetting(
        Embedder(Path(model.location), model, tiny.PREPARATION, None),
        plan.classes,
        task.metrics[plan.metric],
        tiny.PHRASES,
        ["{phrase}"],
        "mean",
    )
    rows = load_dataset(plan.data, task, folder.path, 0).on("train")
    save_alternative(folder.path, CHEAP.get(plan.task, "tfidf"), task, rows, setting, dict(plan.data.columns), 0)
