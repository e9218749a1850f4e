"""Columns are detected on the whole file, and never guessed where two readings are plausible."""

from pathlib import Path

import pytest

from advisor.columns import settle_columns
from advisor.errors import AnswersError
from advisor.records import Answers
from pipeline.records import DataSource


def answers(path: Path) -> Answers:
    return Answers(data=DataSource(train=str(path)))


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_file_that_is_sorted_by_label_does_not_hide_the_label(tmp_path: Path) -> None:
    rows = [
        f"a long enough review number {place},{place // 300},{'web' if place % 2 else 'shop'}" for place in range(600)
    ]
    path = write(tmp_path / "sorted.csv", "review,sentiment,source", rows)
    assert settle_columns(answers(path), tmp_path).data.columns == {"text": "review", "label": "sentiment"}


def test_two_plausible_labels_are_asked_for_and_not_guessed(tmp_path: Path) -> None:
    rows = [f"a long enough review number {place},{place % 2},{place % 3}" for place in range(60)]
    path = write(tmp_path / "two.csv", "review,mood,place", rows)
    with pytest.raises(AnswersError) as caught:
        settle_columns(answers(path), tmp_path)
    assert caught.value.problem.startswith("Which column of 'two.csv' holds its one label? It could be any of: ")
    assert caught.value.fix == 'Name it: `--label COLUMN`, or `label = "COLUMN"` under [data].'
