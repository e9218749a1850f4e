"""The short real fine-tuning that a forecast is made from, in its fresh process."""

import importlib
import time
from pathlib import Path

import pytest

from pipeline.errors import RunFailed
from pipeline.pilot import FEWEST_TRAINED, FOR_MEMORY, Allowance, PilotRequest, _recipe, run_pilot
from pipeline.records import ModelSource
from pipeline.task import TASKS, Rows, load_task
from tests import tiny

ALLOWANCE = Allowance(
    wall_seconds=60.0,
    least_cpu_seconds=600.0,
    share=0.15,
    spent_cpu_seconds=20.0,
    run_rows=5000,
    row_tokens=20.0,
)


def request(model: ModelSource, folder: Path) -> PilotRequest:
    return PilotRequest(
        task="text-classification",
        options={},
        head_pooling="mean",
        model=model,
        encoder=model.location,
        preparation=tiny.PREPARATION,
        recipe=tiny.make_recipe(
            strategy="probe_then_fine_tune", epochs=6, early_stopping_epochs=2, class_weights="balanced"
        ),
        classes=tiny.CLASSES,
        metric="macro_f1",
        phrases={},
        templates=[],
        cache=str(folder / "cache"),
        longest_rows=[0, 1],
        tokens=[],
        allowance=ALLOWANCE,
        seed=0,
        started=time.time(),
    )


def test_a_pilot_measures_gain_time_and_memory(tiny_model: ModelSource, rows: Rows, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    parts = [place % 2 for place in range(len(rows))]
    found = run_pilot(
        request(tiny_model, tmp_path), rows, parts, tmp_path / "pilot", lambda done, of: told.append((done, of))
    )
    assert (found.train_rows, found.scored_rows) == (180, 360)
    assert found.gain > 0.15
    assert found.gain == pytest.approx(found.fine_tuned_score - found.probe_score)
    assert 0 < found.gain_standard_error < 0.1
    assert found.steps == 2 * 12 * 6
    assert found.steps == found.planned_steps
    assert found.seconds_per_token > 0
    assert found.start_seconds > 0
    assert found.peak_memory_bytes > 50_000_000
    assert all(done <= of == found.steps for done, of in told)
    assert not (tmp_path / "pilot").exists()


def test_rows_for_the_memory_are_neither_learned_nor_scored(
    tiny_model: ModelSource, rows: Rows, tmp_path: Path
) -> None:
    parts = [place % 2 for place in range(len(rows))]
    found = run_pilot(request(tiny_model, tmp_path), rows, parts, tmp_path / "pilot", lambda done, of: None)
    more = run_pilot(
        request(tiny_model, tmp_path).model_copy(update={"longest_rows": [len(rows), len(rows) + 1]}),
        rows.take([*range(len(rows)), 7, 8]),
        [*parts, FOR_MEMORY, FOR_MEMORY],
        tmp_path / "pilot",
        lambda done, of: None,
    )
    assert (more.train_rows, more.scored_rows, more.gain) == (found.train_rows, found.scored_rows, found.gain)


@pytest.mark.parametrize(("batch_size", "parts", "taken", "at_once"), [(8, 2, 8, 4), (32, 1, 16, 16), (32, 4, 16, 8)])
def test_a_pilot_learns_in_batches_that_suit_few_rows_and_need_no_more_memory(
    batch_size: int, parts: int, taken: int, at_once: int, tiny_model: ModelSource, tmp_path: Path
) -> None:
    asked = request(tiny_model, tmp_path)
    recipe = asked.recipe.model_copy(update={"batch_size": batch_size, "accumulation_steps": parts})
    found = _recipe(asked.model_copy(update={"recipe": recipe}))
    assert (found.batch_size, found.batch_size // found.accumulation_steps) == (taken, at_once)
    assert found.model_copy(update={"batch_size": batch_size, "accumulation_steps": parts}) == recipe


def other_task(key: str, model: ModelSource, folder: Path) -> tuple[PilotRequest, Rows]:
    """A pilot of another task with rows of its own."""
    example = importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")
    task, rows = load_task(key, example.OPTIONS, example.COLUMNS), example.make_rows(240, 1)
    changes = {
        "task": key,
        "options": dict(task.options),
        "classes": task.classes(rows),
        "metric": next(iter(task.metrics)),
    }
    return request(model, folder).model_copy(update=changes), rows


@pytest.mark.parametrize(("key", "least"), [("text-regression", 0.02), ("multi-label-classification", -0.1)])
def test_a_pilot_has_a_gain_over_the_probe_where_less_is_better_and_where_thresholds_are_chosen(
    key: str, least: float, tiny_model: ModelSource, tmp_path: Path
) -> None:
    asked, rows = other_task(key, tiny_model, tmp_path)
    parts = [place % 2 for place in range(len(rows))]
    found = run_pilot(asked, rows, parts, tmp_path / "pilot", lambda done, of: None)
    metric = load_task(key, asked.options).metrics[asked.metric]
    assert found.gain == pytest.approx(metric.gain(found.fine_tuned_score, found.probe_score))
    assert found.gain > least
    assert 0 < found.gain_standard_error < 0.2
    assert found.scored_rows == 240
    assert found.steps == found.planned_steps  # rows that thresholds are chosen on are no steps that were left out
    low, high = metric.bounds
    assert (
        low <= min(found.probe_score, found.fine_tuned_score) <= max(found.probe_score, found.fine_tuned_score) <= high
    )


@pytest.mark.parametrize(
    ("changes", "wall", "cpu", "share"),
    [
        ({}, 0.001, 0.001, 1.0),  # 20 s a thousand rows: all of 600 s are there for 1,000 of them
        ({"least_cpu_seconds": 34.0}, 0.001, 0.001, 0.2),  # 14 s are left, of which 10 go into 1,500 rows that are read
        ({"least_cpu_seconds": 34.0}, 0.0001, 0.0001, 1.0),
        ({"least_cpu_seconds": 34.0, "run_rows": 100_000}, 0.001, 0.001, 1.0),  # 15 % of a longer run are 300 s
        ({"least_cpu_seconds": 10.0, "run_rows": 0}, 0.001, 0.001, 0.0),  # spent already
        ({"wall_seconds": 5.0}, 0.001, 0.001, 0.25),
    ],
)
def test_a_pilot_trains_on_what_it_can_afford(changes: dict[str, float], wall: float, cpu: float, share: float) -> None:
    allowance = ALLOWANCE.model_copy(update=changes)
    assert allowance.trained_share((wall, cpu), trained=1000, scored=1500) == pytest.approx(share)


def test_a_pilot_that_may_cost_little_learns_from_fewer_rows_and_still_scores_all(
    tiny_model: ModelSource, rows: Rows, tmp_path: Path
) -> None:
    poor = ALLOWANCE.model_copy(update={"least_cpu_seconds": 0.0, "run_rows": 0})
    asked = request(tiny_model, tmp_path).model_copy(update={"allowance": poor})
    parts = [place % 2 for place in range(len(rows))]
    found = run_pilot(asked, rows, parts, tmp_path / "pilot", lambda done, of: None)
    assert (found.train_rows, found.scored_rows) == (FEWEST_TRAINED, 360)
    assert found.steps == found.planned_steps == 2 * 6 * 6


def test_a_pilot_that_breaks_says_why(tiny_model: ModelSource, rows: Rows, tmp_path: Path) -> None:
    gone = request(tiny_model, tmp_path).model_copy(update={"encoder": str(tmp_path / "gone")})
    with pytest.raises(RunFailed) as caught:
        run_pilot(gone, rows, [0] * 180 + [-1] * 180, tmp_path / "pilot", lambda done, of: None)
    assert caught.value.problem.startswith("The dry run broke: The model in 'gone' cannot be loaded: ")
    assert caught.value.fix == "Choose a smaller model or shorter texts, or close other programs."
