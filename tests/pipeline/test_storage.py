"""Records and predictions on disk: whole or not at all, and read back with care."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import PlanError, StorageError
from pipeline.records import DataSource, NextStep, NextSteps, TextPreparation
from pipeline.storage import load_record, load_rows, save_predictions, save_record, save_rows, save_text
from pipeline.task import Answer, Input, Predictions, Rows

STEPS = NextSteps.of(NextStep(title="Label more rows", because="Class “é” has three."))


def refusal(path: Path) -> tuple[str, str]:
    with pytest.raises(PlanError) as caught:
        load_record(NextSteps, path)
    return caught.value.problem, caught.value.fix


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    save_record(STEPS, tmp_path / "next.json")
    assert load_record(NextSteps, tmp_path / "next.json") == STEPS
    assert [path.name for path in tmp_path.iterdir()] == ["next.json"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"schema_version": 1, "st', "cannot be read: Unterminated string starting at: line 1 column 23 (char 22)."),
        (
            b'{"steps": "\xd1"}',
            "cannot be read: 'utf-8' codec can't decode byte 0xd1 in position 11: invalid continuation byte.",
        ),
        (b'{"schema_version": 1, "steps": [{"title": "a"}]}', "is damaged: steps.0.because: Field required."),
        (b'{"schema_version": 1, "steps": [], "more": 1}', "is damaged: more: Extra inputs are not permitted."),
    ],
)
def test_a_damaged_record_is_named_with_its_place(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "next.json"
    path.write_bytes(content)
    assert refusal(path) == (f"'{path}' {problem}", "Make it again with `advisor assess`.")


@pytest.mark.parametrize("content", [b'{"schema_version": 2, "steps": []}', b"[]"])
def test_a_record_of_another_version_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "next.json"
    path.write_bytes(content)
    version = "2" if content.startswith(b"{") else "None"
    assert refusal(path) == (
        f"'{path}' has schema version {version}; this program reads version 1.",
        "Use the version of finetune-advisor that wrote it, or assess again into a new folder.",
    )


def test_what_cannot_be_written_says_so_and_leaves_the_old_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError) as caught:
        save_text("new", tmp_path / "no such folder" / "a.txt")
    assert (
        caught.value.problem
        == f"'{tmp_path / 'no such folder' / 'a.txt'}' cannot be written: No such file or directory."
    )
    (tmp_path / "a.txt").write_text("old", encoding="utf-8")
    (tmp_path / "a.txt.new").mkdir()
    with pytest.raises(StorageError):
        save_text("new", tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"


def test_predictions_are_saved_with_truth_and_a_score_for_each_class(tmp_path: Path) -> None:
    rows = Rows(("r1", "r2"), ("a", "b"), ("x", "y"))
    predictions = Predictions(rows.ids, ("y", "y"), np.array([[0.25, 0.75], [0.5, 0.5]]))
    save_predictions(tmp_path / "predictions" / "probe.parquet", rows, predictions, ["x", "y"])
    found = pd.read_parquet(tmp_path / "predictions" / "probe.parquet")
    assert found.to_dict("list") == {
        "row_id": ["r1", "r2"],
        "truth": ["x", "y"],
        "answer": ["y", "y"],
        "score_x": [0.25, 0.5],
        "score_y": [0.75, 0.5],
    }
    unlabelled = Rows(("r1",), ("a",), ())
    save_predictions(tmp_path / "b.parquet", unlabelled, Predictions(("r1",), ("x",)), ["x", "y"])
    assert list(pd.read_parquet(tmp_path / "b.parquet")) == ["row_id", "answer"]


def test_predictions_are_saved_with_how_sure_each_is(tmp_path: Path) -> None:
    rows = Rows(("r1", "r2"), ("a", "b"), (("x", "y"), ()))
    predictions = Predictions(rows.ids, (("x",), ()), np.array([[0.75, 0.25], [0.5, 0.125]]), np.array([0.75, 0.5]))
    save_predictions(tmp_path / "a.parquet", rows, predictions, ["x", "y"])
    found = pd.read_parquet(tmp_path / "a.parquet")
    assert list(found) == ["row_id", "truth", "answer", "confidence", "score_x", "score_y"]
    assert [list(cell) for cell in found["truth"]] == [["x", "y"], []]
    assert [list(cell) for cell in found["answer"]] == [["x"], []]
    assert list(found["confidence"]) == [0.75, 0.5]
    numbers = Predictions(rows.ids, (1.5, -2.0))
    save_predictions(tmp_path / "b.parquet", Rows(rows.ids, ("a", "b"), (1.0, 2.0)), numbers, [])
    assert pd.read_parquet(tmp_path / "b.parquet").to_dict("list") == {
        "row_id": ["r1", "r2"],
        "truth": [1.0, 2.0],
        "answer": [1.5, -2.0],
    }


@pytest.mark.parametrize(
    ("inputs", "answers"),
    [
        (("a text", ""), ("x", "y")),
        (("a text", "another"), (0.5, -3.0)),
        (("a text", "another"), (("x", "y"), ())),
        ((("one", "other"), ("a", "b")), ("same", "different")),
        ((("Anna", "sees", "Rome"), ("yes",)), (("B-PER", "O", "B-LOC"), ("O",))),
    ],
)
def test_rows_of_every_kind_come_back_from_another_process_as_they_were(
    inputs: tuple[Input, ...], answers: tuple[Answer, ...], tmp_path: Path
) -> None:
    rows = Rows(("r1", "r2"), inputs, answers)
    save_rows(rows, tmp_path / "rows.parquet", part=[0, -1])
    found, beside = load_rows(tmp_path / "rows.parquet")
    assert found == rows
    assert [type(answer) for answer in found.answers] == [type(answer) for answer in rows.answers]
    assert list(beside["part"]) == [0, -1]


def test_columns_that_a_task_names_stand_flat_and_come_back_under_columns() -> None:
    source = DataSource.model_validate({"train": "a.csv", "text": "body", "label": "kind"})
    assert source.columns == {"text": "body", "label": "kind"}
    assert DataSource.model_validate_json(source.model_dump_json()) == source


def test_a_record_never_changes() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TextPreparation().max_tokens = 9  # type: ignore[misc]
