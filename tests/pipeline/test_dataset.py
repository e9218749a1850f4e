"""Whole data sets: read, grouped, split, with the test rows sealed."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.data.dataset import Dataset, load_dataset
from pipeline.data.splitting import save_splits
from pipeline.errors import DataError
from pipeline.records import DataSource
from pipeline.task import Rows, load_task
from tests.tiny import make_rows, write_csv

TASK = load_task("text-classification")
COLUMNS: dict[str, str | list[str]] = {"text": "text", "label": "label"}


def load(folder: Path, seed: int = 0, **fields: Any) -> Dataset:
    return load_dataset(DataSource(train="moods.csv", columns=COLUMNS, **fields), TASK, folder, seed)


def test_every_row_has_a_side_and_comes_out_on_one_only(csv_file: Path, rows: Rows) -> None:
    data = load(csv_file.parent)
    assert data.rows == rows
    open_rows = data.on("train", "validation", "reserve", "left_out")
    test = data.open_test_rows(csv_file.parent, "a look")
    assert len(open_rows) + len(test) == len(rows)
    assert not set(open_rows.ids) & set(test.ids)
    assert not data.test_file_given


def test_test_rows_cannot_be_had_by_the_usual_door(csv_file: Path) -> None:
    data = load(csv_file.parent)
    for take in (data.on, data.positions):
        with pytest.raises(AssertionError, match="test rows are sealed"):
            take("train", "test")


def test_each_opening_of_test_rows_is_written_down_with_its_purpose(csv_file: Path) -> None:
    data = load(csv_file.parent)
    log = csv_file.parent / "test_readings.jsonl"
    assert not log.exists()
    opened = [data.open_test_rows(csv_file.parent, purpose) for purpose in ("check labels", "final evaluation")]
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [(line["purpose"], line["rows"]) for line in lines] == [
        ("check labels", len(opened[0])),
        ("final evaluation", len(opened[1])),
    ]
    assert all(line["time"].endswith("+00:00") for line in lines)


def test_given_files_keep_their_sides_and_copies_of_test_rows_do_not_train(csv_file: Path, rows: Rows) -> None:
    folder = csv_file.parent
    test = make_rows(40, seed=8)
    both = Rows((), (*test.inputs, *rows.inputs[:5]), (*test.answers, *rows.answers[:5]))
    write_csv(both, folder / "test.csv")
    validation = make_rows(30, seed=9)
    write_csv(validation, folder / "validation.csv")
    data = load(folder, test="test.csv", validation="validation.csv")
    assert data.test_file_given
    assert data.open_test_rows(folder, "a look").inputs == both.inputs
    assert data.on("validation").inputs == validation.inputs
    assert data.positions("left_out") == [0, 1, 2, 3, 4]
    assert len(data.on("train")) == len(rows) - 5


def test_rows_of_both_files_that_are_the_same_have_ids_of_their_own(csv_file: Path, rows: Rows) -> None:
    write_csv(rows.take([0, 1, 2]), csv_file.parent / "test.csv")
    data = load(csv_file.parent, test="test.csv")
    assert len(set(data.rows.ids)) == len(data.rows)


def test_a_sample_is_seeded_and_keeps_the_order_of_the_file(csv_file: Path, rows: Rows) -> None:
    there, again, other = (load(csv_file.parent, seed=seed, max_rows=100).rows for seed in (1, 1, 2))
    assert there == again
    assert set(there.inputs) != set(other.inputs)
    places = [rows.inputs.index(given) for given in there.inputs]
    assert places == sorted(places)
    assert len(places) == 100


def test_rows_without_a_label_are_counted_and_left_out(csv_file: Path, rows: Rows) -> None:
    with csv_file.open("a", encoding="utf-8") as file:
        file.write("a text without a label,\nanother,  \n")
    data = load(csv_file.parent)
    assert (data.unlabelled_rows, data.rows) == (2, rows)


def test_a_file_without_any_label_is_refused(tmp_path: Path) -> None:
    (tmp_path / "moods.csv").write_text("text,label\nfine,\nnot fine,\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(tmp_path)
    assert caught.value.problem == "No row has an answer to learn from."
    assert caught.value.fix == "Fill the column that holds the truth, or name another one."


def test_rows_of_an_earlier_split_stay_where_they_were(csv_file: Path, rows: Rows) -> None:
    folder = csv_file.parent
    data = load(folder)
    save_splits(folder / "earlier.parquet", data.rows.ids, data.groups, data.sides)
    more = make_rows(600, seed=5)
    write_csv(Rows((), (*more.inputs, *rows.inputs), (*more.answers, *rows.answers)), csv_file)
    grown = load(folder, splits="earlier.parquet")
    assert grown.sides[600:] == data.sides
    assert grown.sides != load(folder).sides


def test_the_order_of_the_file_changes_no_side(csv_file: Path, rows: Rows) -> None:
    data = load(csv_file.parent)
    write_csv(rows.take(range(len(rows) - 1, -1, -1)), csv_file)
    back = load(csv_file.parent)
    assert dict(zip(back.rows.ids, back.sides, strict=True)) == dict(zip(data.rows.ids, data.sides, strict=True))


def test_a_class_that_only_test_rows_have_is_refused_by_name(csv_file: Path) -> None:
    header = csv_file.read_text(encoding="utf-8").splitlines()[0]
    row = ",".join(
        {"text": "something else altogether", "label": "unheard"}.get(name, "") for name in header.split(",")
    )
    (csv_file.parent / "later.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        load(csv_file.parent, test="later.csv")
    assert str(caught.value) == (
        "The test rows of 'later.csv' hold labels that no other row has: 'unheard'.\n"
        "Add training rows with these labels, or take those rows out of the test file."
    )
