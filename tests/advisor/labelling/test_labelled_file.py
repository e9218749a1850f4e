"""Answers on the disk: none is lost, whatever happens."""

import json
from pathlib import Path

import pytest

from advisor.labelling.labelled_file import LabelledFile, LogLine
from pipeline.errors import StorageError


def line(text: str, label: str = "joy", **changes: object) -> LogLine:
    values = {
        "when": "2026-01-01T00:00:00+00:00",
        "act": "answered",
        "text_hash": text,
        "file": "rows.jsonl",
        "row": "1",
        "side": "train",
        "reason": "unlike all labelled rows",
        "cells": {"label": label},
    }
    return LogLine.model_validate(values | changes)


def keep(file: LabelledFile, *texts: str) -> None:
    for text in texts:
        file.keep(line(text), {"text": text, "label": "joy"})


def texts(path: Path) -> list[str]:
    return [json.loads(each)["text"] for each in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> LabelledFile:
    return LabelledFile.open(tmp_path / "new" / "labelled.jsonl")


def test_every_answer_is_a_line_with_the_columns_of_the_training_data_alone(file: LabelledFile) -> None:
    keep(file, "café\nau lait", "zwei")
    assert [json.loads(each) for each in file.path.read_text(encoding="utf-8").splitlines()] == [
        {"text": "café\nau lait", "label": "joy"},
        {"text": "zwei", "label": "joy"},
    ]


def test_the_annotator_is_kept_where_one_is_named(file: LabelledFile) -> None:
    file.keep(line("one", annotator="Ada"), {"text": "one", "label": "joy"})
    assert json.loads(file.path.read_text())["annotator"] == "Ada"
    assert LabelledFile.open(file.path).lines[0].annotator == "Ada"


def test_the_last_answer_can_be_taken_back_and_the_log_keeps_it(file: LabelledFile) -> None:
    keep(file, "one", "two")
    taken = file.take_back()
    assert taken is not None
    assert taken.text_hash == "two"
    assert texts(file.path) == ["one"]
    again = LabelledFile.open(file.path)
    assert [each.act for each in again.lines] == ["answered", "answered", "taken_back"]
    assert [each.text_hash for each in again.standing()] == ["one"]
    assert again.take_back() is not None
    assert again.take_back() is None
    assert texts(file.path) == []


def test_a_line_that_something_else_wrote_is_never_taken_off(file: LabelledFile) -> None:
    keep(file, "one")
    with file.path.open("a", encoding="utf-8") as other:
        other.write(json.dumps({"text": "theirs", "label": "anger"}) + "\n")
    with pytest.raises(StorageError, match="something else wrote there"):
        file.take_back()
    assert texts(file.path) == ["one", "theirs"]


def test_a_second_sitting_adds_to_the_first(file: LabelledFile) -> None:
    keep(file, "one")
    again = LabelledFile.open(file.path)
    keep(again, "two")
    assert texts(file.path) == ["one", "two"]
    assert [each.text_hash for each in again.standing()] == ["one", "two"]


@pytest.mark.parametrize(
    ("left", "kept"), [('{"text": "two", "label": "j', ["one"]), ('{"text": "two", "label": "joy"}', ["one", "two"])]
)
def test_what_a_power_cut_left_of_a_line_does_not_spoil_the_next(
    file: LabelledFile, left: str, kept: list[str]
) -> None:
    keep(file, "one")
    with file.path.open("a", encoding="utf-8") as cut:
        cut.write(left)
    again = LabelledFile.open(file.path)
    keep(again, "three")
    assert texts(file.path) == [*kept, "three"]


def test_a_sitting_without_an_answer_leaves_no_file(file: LabelledFile) -> None:
    file.note(line("one", act="skipped", cells={}))
    file.close()
    assert not file.path.exists()
    assert LabelledFile.open(file.path).standing()[0].act == "skipped"


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "here").write_text("a file")
    with pytest.raises(StorageError):
        LabelledFile.open(tmp_path / "here" / "labelled.jsonl")
    (tmp_path / "labelled.log.jsonl").write_text("[]\n")
    with pytest.raises(StorageError, match="not as `advisor label` writes it"):
        LabelledFile.open(tmp_path / "labelled.jsonl")


def test_a_text_with_other_ends_of_lines_is_read_back(file: LabelledFile) -> None:
    odd = "one\u2028two\x85three\x1cfour"
    file.keep(line(odd, suggested=odd), {"text": odd, "label": "joy"})
    again = LabelledFile.open(file.path)
    assert [(each.text_hash, each.suggested) for each in again.lines] == [(odd, odd)]
