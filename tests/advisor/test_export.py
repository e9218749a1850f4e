"""A model that is handed over answers as the run did: through transformers, as its card shows, and as ONNX without this package."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from advisor.export import Wish, export
from advisor.report.terminal import Terminal
from advisor.run_folder import RunFolder
from pipeline.data.dataset import load_dataset
from pipeline.errors import PipelineError, RunFailed
from pipeline.storage import load_predictions
from pipeline.task import TASKS, Rows
from tests.finished_runs import Finished, FinishedRun

HOUSE = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=TASKS)
def finished(request: pytest.FixtureRequest, finished_run: FinishedRun) -> Finished:
    return finished_run(request.param)


def sealed_rows(finished: Finished) -> tuple[Rows, dict[str, Any]]:
    """The sealed rows, and what the run answered to each."""
    data = load_dataset(finished.plan.data, finished.task, finished.folder, seed=0)
    test = data.rows.take([place for place, side in enumerate(data.sides) if side == "test"])
    _, found = load_predictions(finished.folder / "predictions" / "fine_tuned.parquet", [])
    return test, dict(zip(found.row_ids, found.answers, strict=True))


def as_pipeline_input(finished: Finished, given: Any) -> Any:
    if finished.task.by_words:
        return " ".join(given)
    return given if isinstance(given, str) else {"text": given[0], "text_pair": given[1]}


def told_by_pipeline(finished: Finished, said: Any) -> Any:
    """The answer in what a pipeline of transformers says of one input."""
    if isinstance(said, dict):
        return said["label"] if finished.plan.classes else said["score"]
    about = json.loads((finished.folder / "model" / "finetune_advisor.json").read_text(encoding="utf-8"))
    least = dict(zip(about["classes"], about["thresholds"], strict=True))
    return tuple(sorted(each["label"] for each in said if each["score"] >= least[each["label"]]))


def test_transformers_answers_the_sealed_rows_as_the_run_did(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(finished.folder)
    test, ours = sealed_rows(finished)
    *lines, last = finished.task.usage.splitlines()
    known: dict[str, Any] = {}
    exec("\n".join(["import transformers", f"import {finished.task.head_module}", *lines]), known)
    ask = known[last.partition("(")[0]]
    for row, given in list(zip(test.ids, test.inputs, strict=True))[:25]:
        said = ask(as_pipeline_input(finished, given))
        said = said[0] if isinstance(said, list) and len(said) == 1 and isinstance(said[0], list) else said
        if finished.task.by_words:
            spans = {(found["word"], found["entity_group"]) for found in said}
            tags = [str(tag).removeprefix("B-").removeprefix("I-") for tag in ours[row]]
            told = {(word, tag) for word, tag in zip(given, tags, strict=True) if tag != "O"}
            assert {word for words, _ in spans for word in words.split()} >= {word for word, _ in told}
            continue
        said = said[0] if isinstance(said, list) and finished.task.key != "multi-label-classification" else said
        expected = ours[row] if finished.plan.classes else pytest.approx(ours[row], abs=1e-3)
        assert told_by_pipeline(finished, said) == expected


def code_in(card: str) -> str:
    return card.partition("```python\n")[2].partition("```")[0]


def test_the_card_runs_in_a_fresh_process(finished: Finished) -> None:
    if finished.task.key not in ("text-classification", "token-classification"):
        pytest.skip("the same head as that of labels")
    card = (finished.folder / "model" / "README.md").read_text(encoding="utf-8")
    *lines, last = code_in(card).strip().splitlines()
    code = "\n".join([*lines, f"print({last})"])
    environment = {**os.environ, "PYTHONPATH": str(HOUSE), "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=finished.folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[")


def test_the_onnx_model_answers_as_the_run_did_and_its_card_runs_without_this_package(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    before = (finished.folder / "test_readings.jsonl").read_text(encoding="utf-8")
    export(RunFolder(finished.folder), Wish(onnx=True), Terminal(quiet=True))
    readings = (finished.folder / "test_readings.jsonl").read_text(encoding="utf-8")
    assert "score the ONNX model" in readings.removeprefix(before)
    folder = finished.folder / "onnx"
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "finetune_advisor.json",
        "model.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    code = code_in((folder / "README.md").read_text(encoding="utf-8"))
    used = {alias.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Import) for alias in node.names}
    assert used == {"json", "pathlib", "unicodedata", "numpy", "onnxruntime", "tokenizers"}
    monkeypatch.chdir(folder)
    known: dict[str, Any] = {}
    exec(code, known)
    test, ours = sealed_rows(finished)
    for row, given in zip(test.ids, test.inputs, strict=True):
        parts = (list(given),) if finished.task.by_words else (given,) if isinstance(given, str) else given
        said = known["answer"](*parts)
        said = tuple(sorted(said)) if finished.task.key == "multi-label-classification" else said
        said = tuple(said) if finished.task.by_words else said
        assert said == (ours[row] if finished.plan.classes else pytest.approx(ours[row], abs=1e-3))


def test_an_onnx_model_that_answers_otherwise_is_removed_and_that_is_said(finished: Finished, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    if finished.task.key != "text-classification":
        pytest.skip("one kind of answer will do")
    path = finished.folder / "predictions" / "fine_tuned.parquet"
    kept = path.read_bytes()
    table = pd.read_parquet(path)
    table.loc[0, "answer"] = next(label for label in finished.plan.classes if label != table.loc[0, "answer"])
    table.to_parquet(path, index=False)
    try:
        with pytest.raises(RunFailed, match=f"answers 1 of {len(table)} sealed rows otherwise than the run did"):
            export(RunFolder(finished.folder), Wish(onnx=True, out=tmp_path / "other"), Terminal(quiet=True))
    finally:
        path.write_bytes(kept)
    assert list(tmp_path.iterdir()) == []


def refusal(folder: Path, wish: Wish) -> str:
    with pytest.raises(PipelineError) as caught:
        export(RunFolder(folder), wish, Terminal(quiet=True))
    return f"{caught.value.problem} {caught.value.fix}"


def test_what_cannot_be_handed_over_is_refused_with_what_to_do(finished_run: FinishedRun, tmp_path: Path) -> None:
    folder = finished_run("text-classification").folder
    assert refusal(folder, Wish(onnx=False)).startswith("Nothing is asked for. Add `--format onnx`")
    assert "has no fine-tuned model. `advisor train RUN` makes one" in refusal(tmp_path, Wish(onnx=True))
    taken = tmp_path / "taken"
    taken.mkdir()
    assert "is already there. Choose another folder with --out" in refusal(folder, Wish(onnx=True, out=taken))


@pytest.mark.parametrize("name", ["moods", "anna/moods/more", "anna/", "anna/my moods", "../moods", ""])
def test_a_name_that_the_hub_does_not_take_is_refused(name: str, finished_run: FinishedRun) -> None:
    said = refusal(finished_run("text-classification").folder, Wish(onnx=False, push=name))
    assert said == f"'{name}' is no name on the hub. Write it as OWNER/NAME, such as anna/moods."


def test_nothing_is_pushed_while_the_hub_is_switched_off(finished_run: FinishedRun) -> None:
    said = refusal(finished_run("text-classification").folder, Wish(onnx=False, push="anna/moods"))
    assert said.startswith("The hub is switched off here (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set)")
    assert "Unset it and push again" in said


def test_a_model_of_personal_data_is_never_made_public(finished_run: FinishedRun, tmp_path: Path) -> None:
    run = finished_run("text-classification").folder
    (tmp_path / "model").mkdir()
    for name in ("result.json", "model/config.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    plan["data_sheet"]["personal_data"] = "yes"
    (tmp_path / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    said = refusal(tmp_path, Wish(onnx=False, push="anna/moods", public=True))
    assert said.startswith("The data is personal, and a model can give away what it was trained on.")
    assert "switched off" in refusal(tmp_path, Wish(onnx=False, push="anna/moods"))
