"""Labelled rows of other tasks that the answers name: found, read like the training data, and refused where they are not clear."""

from pathlib import Path

import pytest

from advisor.answers_file import check_answers
from advisor.other_data import other_tasks
from advisor.rulebook import load_columns
from advisor.run_folder import relative_to
from advisor.session import anchored
from pipeline.errors import DataError
from pipeline.records import DataSource
from tests import tiny

RULES = load_columns()


def sources(folder: Path, *names: str) -> list[DataSource]:
    return other_tasks(DataSource(train="reviews.csv", other_tasks=list(names)), folder, RULES)


def test_columns_that_are_named_so_are_taken_and_others_are_detected(tmp_path: Path) -> None:
    tiny.write_csv(tiny.make_rows(60, 1), tmp_path / "moods.csv")
    written = (tmp_path / "moods.csv").read_text(encoding="utf-8").replace("text,label", "sentence,mood", 1)
    (tmp_path / "named.csv").write_text(written, encoding="utf-8")
    found = sources(tmp_path, "moods.csv", "named.csv")
    assert [source.columns for source in found] == [
        {"text": "text", "label": "label"},
        {"text": "sentence", "label": "mood"},
    ]


def test_files_that_are_missing_or_not_clear_are_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("a,b\n" + "\n".join(f"{n},{n * n}" for n in range(40)), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        sources(tmp_path, "numbers.csv")
    assert "'numbers.csv'" in caught.value.problem
    assert "It has: a, b." in caught.value.fix
    with pytest.raises(DataError, match=r"gone\.csv"):
        sources(tmp_path, "gone.csv")


def test_their_paths_move_with_the_run_folder(tmp_path: Path) -> None:
    tiny.write_csv(tiny.make_rows(60, 1), tmp_path / "moods.csv")
    (tmp_path / "run").mkdir()
    given = check_answers(
        {"schema_version": 1, "data": {"train": "moods.csv", "other_tasks": ["moods.csv"]}}, "answers"
    )
    found = anchored(given, tmp_path)
    assert found.data.other_tasks == [str(tmp_path / "moods.csv")]
    assert relative_to(found, tmp_path / "run").data.other_tasks == ["../moods.csv"]
