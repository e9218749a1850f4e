"""Nothing that a model answers by is chosen on sealed rows: with their truth shuffled everything that is saved stays the same."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.predictors.fine_tuned import DESCRIPTION, load_fine_tuned
from pipeline.records import DataSource, ModelSource
from pipeline.run import run
from pipeline.task import TASKS, Rows, load_task
from pipeline.training.journal import Journal
from tests import tiny
from tests.finished_runs import plan_for

COSTS = {"costs": json.dumps({"calm": {"*": 7}, "*": {"*": 1}})}


def carry_out(key: str, options: dict[str, str], folder: Path, model: ModelSource, *, shuffled: bool) -> dict[str, Any]:
    """A short run with a test file of its own; what it saved of how outputs become answers, and its answers."""
    example = importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")
    rows = example.make_rows(300, 1)
    learned, sealed = rows.take(range(200)), rows.take(range(200, 300))
    if shuffled:
        order = np.random.default_rng(0).permutation(len(sealed))
        sealed = Rows(sealed.ids, sealed.inputs, tuple(sealed.answers[place] for place in order))
    (folder / "sealed").mkdir(parents=True)
    train = example.write_file(learned, folder / "data")
    test = example.write_file(sealed, folder / "sealed" / "data")
    source = DataSource(train=train.name, test=f"sealed/{test.name}", columns=example.COLUMNS, phrases=tiny.PHRASES)
    plan = plan_for(load_task(key, options, example.COLUMNS), source, folder, model, epochs=2)
    result = run(plan, folder, Journal(folder / "log.jsonl"))
    saved = json.loads((folder / "model" / DESCRIPTION).read_text(encoding="utf-8"))
    loaded = load_fine_tuned(folder / "model")
    assert (loaded.temperature, loaded.thresholds) == (saved["temperature"], tuple(saved["thresholds"]))
    answers = pd.read_parquet(folder / "predictions" / "fine_tuned.parquet")["answer"]
    return {
        "temperature": saved["temperature"],
        "thresholds": saved["thresholds"],
        "silences": [each.threshold for each in result.errors.abstentions],
        "answers": [list(answer) if hasattr(answer, "tolist") else answer for answer in answers],
        "again": [list(answer) if isinstance(answer, tuple) else answer for answer in loaded(sealed).answers],
        "score": result.fine_tuned.score,
    }


def test_shuffling_the_sealed_truth_changes_scores_and_nothing_that_was_chosen(
    tiny_model: ModelSource, tmp_path: Path
) -> None:
    right, shuffled = (
        carry_out("text-classification", COSTS, tmp_path / str(each), tiny_model, shuffled=each)
        for each in (False, True)
    )
    assert right.pop("score") != shuffled.pop("score")
    assert right == shuffled
    assert right["answers"] == right["again"]
    assert right["temperature"] != 1.0
    assert len(right["thresholds"]) > 2
