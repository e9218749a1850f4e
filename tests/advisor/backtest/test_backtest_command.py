"""`advisor backtest` from suite to table: stopped, and gone on with."""

import json
from pathlib import Path

from pipeline.records import ModelSource
from tests import tiny
from tests.advisor.conftest import Advisor


def write_suite(folder: Path, model: ModelSource) -> Path:
    for side, rows, seed in (("train", 420, 1), ("test", 160, 2)):
        tiny.write_csv(tiny.make_rows(rows, seed), folder / f"{side}.csv")
    phrases = "\n".join(f'{label} = "{words}"' for label, words in tiny.PHRASES.items())
    path = folder / "suite.toml"
    path.write_text(
        f"""
sizes = [200]
control_sizes = [90]
controls = ["zero_shot"]
held_out_rows = 60
models = ["{model.location}"]

[[set]]
name = "moods"

[set.data]
train = "train.csv"
test = "test.csv"
text = "text"
label = "label"

[set.data.phrases]
{phrases}
""",
        encoding="utf-8",
    )
    return path


def test_a_backtest_carries_out_so_many_cells_keeps_them_and_goes_on(
    here: Path, advisor: Advisor, tiny_model: ModelSource
) -> None:
    suite = write_suite(here, tiny_model)
    first = advisor("backtest", suite, "--cells", 1)
    assert first.code == 0, first.err
    assert "0 real cells and 1 control" in first.out
    assert "1 of 2 cells are not finished" in first.out
    cell = here / "backtests" / "suite" / "cells" / "moods-90-zero_shot-0"
    kept = json.loads((cell / "cell.json").read_text(encoding="utf-8"))
    held = {score["name"]: score["score"] for score in kept["arms"]["cheap"]}
    assert held["zero_shot"] > 0.9 > held["majority"]
    assert kept["arms"]["fine_tuned"]["score"]["score"] > held["majority"]
    assert 0 < kept["arms"]["fine_tuned"]["steps"] <= kept["arms"]["fine_tuned"]["planned_steps"]
    assert kept["measurements"]["pilot"] is not None  # though the verdict was clear without it
    assert kept["held_out_rows"] <= 60
    before = (cell / "cell.json").stat().st_mtime_ns
    again = advisor("backtest", suite, "--cells", 0)
    assert (again.code, (cell / "cell.json").stat().st_mtime_ns) == (0, before)
    assert [line for line in again.out.splitlines() if "moods" in line] == [
        line for line in first.out.splitlines() if "moods" in line and "of 2" not in line
    ]


def test_a_suite_that_is_not_there_is_a_mistake_to_fix(advisor: Advisor) -> None:
    done = advisor("backtest", "nowhere.toml")
    assert (done.code, done.out) == (1, "")
    assert "nowhere.toml" in done.err
