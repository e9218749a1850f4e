"""Every task goes through the whole advisor: with answers that mean nothing the verdict is never a go."""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.answers_file import check_answers, read_answers
from advisor.answers_template import commented_template
from advisor.records import Answers
from advisor.report.terminal import Terminal
from advisor.session import Request, assess_new
from pipeline.records import ModelSource
from pipeline.task import TASKS, Rows
from tests.advisor.conftest import Advisor

every_task = pytest.mark.parametrize("key", TASKS)


def example_of(key: str) -> Any:
    return importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")


def shuffled(rows: Rows, seed: int) -> Rows:
    """The same answers, each beside the input of another row; those of words beside other words."""
    draw = np.random.default_rng(seed)
    if isinstance(rows.inputs[0], tuple) and len(rows.inputs[0]) == len(rows.answers[0]) > 2:  # type: ignore[arg-type]
        words = [tag for answer in rows.answers for tag in answer]  # type: ignore[union-attr]
        drawn = iter([words[place] for place in draw.permutation(len(words))])
        return Rows(rows.ids, rows.inputs, tuple(tuple(next(drawn) for _ in given) for given in rows.inputs))
    order = draw.permutation(len(rows))
    return Rows(rows.ids, rows.inputs, tuple(rows.answers[place] for place in order))


def answers_for(key: str, rows: Rows, folder: Path, model: ModelSource) -> Answers:
    example = example_of(key)
    values: dict[str, Any] = {
        "task": key,
        "data": {"train": str(example.write_file(rows, folder / "data")), **example.COLUMNS},
        "task_options": example.OPTIONS,
        "goal": {"good_enough": 0.0 if key == "text-regression" and "text_pair" not in example.COLUMNS else 1.0},
        "models": {"candidates": [model.location]},
    }
    return check_answers(values, "answers")


@every_task
def test_random_answers_never_make_a_go_and_leave_a_cheap_way_that_answers(
    key: str, here: Path, advisor: Advisor, tiny_model: ModelSource
) -> None:
    example = example_of(key)
    rows = shuffled(example.make_rows(360, 1), seed=7)
    answers = answers_for(key, rows, here, tiny_model)
    code = assess_new(answers, here / "run", Request(launch=False), Terminal(quiet=True))
    decision = json.loads((here / "run" / "decision.json").read_text(encoding="utf-8"))
    assert (code, decision["verdict"], decision["forecast"]) == (3, "no_go", None)
    assert "no_signal" in [reason["code"] for reason in decision["reasons"]]
    assert not (here / "run" / "plan.json").exists()
    assert "<html" in (here / "run" / "report.html").read_text(encoding="utf-8")
    file = example.write_file(example.make_rows(20, 2), here / "new")
    for out in ("out.csv", "out.jsonl", "out.parquet"):
        done = advisor("predict", "run", "--data", file, "--out", out)
        assert (done.code, done.err) == (0, "")
    lines = [json.loads(line) for line in (here / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 20
    assert all("prediction" in line for line in lines)


@every_task
def test_the_template_of_a_task_is_an_answers_file_for_it(key: str, tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(commented_template(key), encoding="utf-8")
    assert read_answers(path).task == key
