"""What the short real fine-tuning may cost, beside the run that it advises on and the time that the user has."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.measurements import pilot
from advisor.measurements.bench import Bench
from advisor.measurements.pilot import LEAST_CPU_SECONDS, LONGEST_SECONDS, SHARE_OF_RUN, SHORTEST_SECONDS, Trial
from advisor.rulebook import load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import ACCURACY
from pipeline.pilot import FOR_MEMORY
from pipeline.records import ModelSource
from pipeline.task import RivalSetting, Rows, load_task
from tests import tiny

RECIPE = choose_recipe(load_rules().strategies, {}, TrainingCircumstances(1000, 22_000_000, 1.0))

SOURCE = ModelSource(name="tiny-bert", kind="folder", location="tiny", pooling="mean", max_tokens=40)
EMBEDDER = Embedder(Path("tiny"), SOURCE, tiny.PREPARATION, cache=None)


def trial(minutes: float = 60.0, wall: float = 30.0, processor: float = 20.0, seeds: int = 1) -> Trial:
    return Trial(
        recipe=RECIPE.model_copy(update={"epochs": 5, "seeds": seeds}),
        setting=RivalSetting(EMBEDDER, tiny.CLASSES, ACCURACY, {}, [], "mean"),
        head_pooling="mean",
        budget_seconds=60 * minutes,
        spent=(wall, processor),
        tokens=20_000,
        train_rows=1_000,
    )


@pytest.mark.parametrize(
    ("minutes", "spent", "left"),
    [
        (15.0, 30.0, 60.0),  # a tenth of 900 s, less what was spent
        (15.0, 0.0, 90.0),
        (15.0, 200.0, SHORTEST_SECONDS),  # more than that tenth already: as little as tells anything
        (600.0, 30.0, LONGEST_SECONDS),
    ],
)
def test_all_advice_takes_a_tenth_of_the_time_that_the_user_has(minutes: float, spent: float, left: float) -> None:
    assert trial(minutes, spent).allowance.wall_seconds == pytest.approx(left)


def test_of_processor_seconds_it_takes_a_part_of_those_of_the_run_or_a_minute() -> None:
    found = trial().allowance
    assert (found.least_cpu_seconds, found.share) == (LEAST_CPU_SECONDS, SHARE_OF_RUN) == (60.0, 0.15)
    assert (found.run_rows, found.row_tokens) == (5_000, 20.0)
    assert found.spent_cpu_seconds > 20.0  # what comes afterwards is set aside
    assert trial(seeds=3).allowance.run_rows == 15_000


def test_the_longest_of_all_rows_are_there_for_the_memory(
    tiny_model: ModelSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked(Exception):
        """Nothing is trained here."""

    def ask(request: Any, rows: Rows, parts: list[int], *_: Any) -> None:
        raise Asked(request, rows, parts)

    monkeypatch.setattr(pilot, "run_pilot", ask)
    rows = tiny.make_rows(3000, 1)
    longest = 2999  # by tokens, not by letters
    inputs = [*rows.inputs[:longest], "a " * 30]
    task = load_task("text-classification")
    given = Rows(rows.ids, tuple(inputs), rows.answers)
    bench = Bench(task, given, list(rows.ids), tiny.CLASSES, ACCURACY, [[np.arange(3000)]], 0)
    embedder = Embedder(Path(tiny_model.location), tiny_model, tiny.PREPARATION, cache=tmp_path)
    asked = trial()
    asked = replace(asked, setting=replace(asked.setting, embedder=embedder))
    with pytest.raises(Asked) as found:
        pilot.measure_pilot(bench, asked, tmp_path, lambda done, of: None)
    request, sent, parts = found.value.args
    assert [parts[place] for place in request.longest_rows] == [FOR_MEMORY] * len(request.longest_rows)
    assert sent.inputs[request.longest_rows[0]] == inputs[longest]
    assert parts.count(FOR_MEMORY) == len(request.longest_rows) == len(sent) - sum(part != FOR_MEMORY for part in parts)
