"""A whole run of every task on the tiny model: trained, saved, loaded again in a fresh process, scored on sealed rows."""

import json
from typing import Any

import pandas as pd
import pytest

from pipeline.data.dataset import load_dataset
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.results import Result
from pipeline.storage import load_record
from pipeline.task import TASKS
from tests.finished_runs import Finished, FinishedRun


@pytest.fixture(scope="module", params=TASKS)
def finished(request: pytest.FixtureRequest, finished_run: FinishedRun) -> Finished:
    made = finished_run(request.param)
    assert load_record(Result, made.folder / "result.json") == made.result
    return made


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
