"""What is counted among all rows, however many: with hashes in memory and on disk, and with a sample of the rows."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine, text

from pipeline.data.census import TEST, TRAIN, VALIDATION, Counter, Draw
from pipeline.data.dataset import Dataset, load_dataset
from pipeline.data.duplicates import text_hash
from pipeline.data.gathering import HELD, MOST_ROWS, gather
from pipeline.data.splitting import draw_place, row_ids, row_key
from pipeline.errors import DataError
from pipeline.records import Census, DataSource
from pipeline.task import Answer, load_task

TASK = load_task("text-classification")
COLUMNS: dict[str, str | list[str]] = {"text": "text", "label": "label"}
Line = tuple[str, Answer, int]
LINES: list[Line] = [
    ("One parcel", "late", TRAIN),
    ("one  PARCEL", "late", TRAIN),
    ("one parcel", "kind", TRAIN),
    ("Two parcels", "late", TRAIN),
    ("two parcels", "late", VALIDATION),
    ("Three parcels", "kind", VALIDATION),
    ("three parcels", "late", TEST),
    ("one parcel", "rude", TEST),
    ("one parcel", "late", TEST),
    ("Four parcels", "kind", TEST),
]


def counted(lines: list[Line], folder: Path) -> Census:
    counter = Counter(folder)
    for words, answer, origin in lines:
        counter.add(np.array([int(text_hash(words), 16)], dtype=np.uint64), [answer], origin)
    return counter.census(len(lines))


def test_copies_conflicts_and_leaks_are_counted_as_by_hand(tmp_path: Path) -> None:
    found = counted(LINES, tmp_path)
    assert (found.rows, found.different_texts) == (10, 4)
    assert found.exact_copies == 3  # two of the training file, one of the test file
    assert found.conflicting_rows == 3  # what the test file says of a text is not looked at
    assert found.leaked_rows == {"validation in train": 1, "test in train": 2, "test in validation": 1}


def test_scores_contradict_each_other_when_they_lie_further_apart_than_all_do(tmp_path: Path) -> None:
    scores: list[Line] = [(f"text {place}", float(place), TRAIN) for place in range(11)]
    found = counted([*scores, ("text 3", 4.0, TRAIN), ("text 8", 1.0, TRAIN), ("text 9", -100.0, TEST)], tmp_path)
    assert found.conflicting_rows == 2


def many_lines(count: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    return [{"text": f"text {draw.randrange(count)}", "label": draw.choice(["a", "a", "b"])} for _ in range(count)]


def plain_census(train: list[dict[str, Any]], test: list[dict[str, Any]]) -> tuple[int, int, int, int]:
    """Different texts, copies, conflicts and leaks, counted with everything in memory."""
    there, sealed = [row["text"] for row in train], [row["text"] for row in test]
    labels: dict[str, set[str]] = {}
    for row in train:
        labels.setdefault(row["text"], set()).add(row["label"])
    copies = len(there) - len(set(there)) + len(sealed) - len(set(sealed))
    conflicts = sum(len(labels[each]) > 1 for each in there)
    return len({*there, *sealed}), copies, conflicts, sum(each in labels for each in sealed)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_counts_are_the_same_when_hashes_go_to_disk(tmp_path: Path) -> None:
    files = {TRAIN: many_lines(3000, seed=1), TEST: many_lines(400, seed=2)}
    counter = Counter(tmp_path, held_rows=700)
    for origin, rows in files.items():
        for start in range(0, len(rows), 100):
            batch = rows[start : start + 100]
            hashes = np.array([int(text_hash(row["text"]), 16) for row in batch], dtype=np.uint64)
            counter.add(hashes, [row["label"] for row in batch], origin)
    assert len(list((tmp_path / "texts").iterdir())) > 200
    found = counter.census(3400)
    shown = (found.different_texts, found.exact_copies, found.conflicting_rows, found.leaked_rows["test in train"])
    assert shown == plain_census(files[TRAIN], files[TEST])
    write_lines(tmp_path / "train.jsonl", files[TRAIN])
    write_lines(tmp_path / "test.jsonl", files[TEST])
    source = DataSource(train="train.jsonl", test="test.jsonl", columns=COLUMNS)
    assert gather(source, TASK, tmp_path, seed=0).census == found


def load(folder: Path, train: str | list[str], **more: Any) -> Dataset:
    memory = more.pop("memory_bytes", None)
    source = DataSource(train=train, columns=COLUMNS, **more)
    return load_dataset(source, TASK, folder, seed=3, memory_bytes=memory)


def test_a_sample_of_rows_that_do_not_fit_is_the_one_that_is_drawn_when_they_do(tmp_path: Path) -> None:
    rows = many_lines(3000, seed=1)
    write_lines(tmp_path / "a.jsonl", rows[:1000])
    write_lines(tmp_path / "b.jsonl", rows[1000:])
    files = ["a.jsonl", "b.jsonl"]
    in_memory = load(tmp_path, files, max_rows=250)
    streamed = load(tmp_path, files, max_rows=250, memory_bytes=100_000)
    assert streamed.rows == in_memory.rows
    assert streamed.census == in_memory.census
    assert streamed.census.rows == 3000
    assert streamed.census.sampled_train_rows == 250
    assert [streamed.place(row) for row in range(250)] == [in_memory.place(row) for row in range(250)]
    name, _, number = streamed.place(0).partition(" row ")
    assert rows[int(number) - 1 + (1000 if name == "b.jsonl" else 0)]["text"] == streamed.rows.inputs[0]


def test_without_a_number_as_many_rows_are_kept_as_fit(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", many_lines(3000, seed=1))
    found = load(tmp_path, "a.jsonl", memory_bytes=2_000_000)
    kept = found.census.sampled_train_rows
    assert kept is not None
    assert 500 < kept < 1500
    assert len(found.rows) == kept == found.census.kept_rows
    assert load(tmp_path, "a.jsonl", max_rows=kept).rows == found.rows
    assert load(tmp_path, "a.jsonl").census.sampled_train_rows is None


def test_of_very_many_rows_a_sample_is_kept_and_all_are_counted(tmp_path: Path) -> None:
    rows = [{"text": f"{place}", "label": "ab"[place % 2]} for place in range(HELD + 300)]
    write_lines(tmp_path / "a.jsonl", rows)
    found = gather(DataSource(train="a.jsonl", columns=COLUMNS), TASK, tmp_path, seed=3)
    assert (len(found.rows), found.census.rows) == (MOST_ROWS, len(rows))
    assert found.census.sampled_train_rows == MOST_ROWS
    ids = row_ids([row["text"] for row in rows], [row["label"] for row in rows])
    drawn = sorted(ids, key=lambda row: draw_place(3, row))[:MOST_ROWS]
    assert set(found.rows.ids) == set(drawn)
    write_lines(tmp_path / "b.jsonl", rows[: MOST_ROWS + 300])
    source = DataSource(train="b.jsonl", columns=COLUMNS)
    assert len(gather(source, TASK, tmp_path, seed=3).rows) == MOST_ROWS
    asked = source.model_copy(update={"max_rows": MOST_ROWS + 200})
    assert len(gather(asked, TASK, tmp_path, seed=3).rows) == MOST_ROWS + 200


def test_a_test_file_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", many_lines(100, seed=1))
    write_lines(tmp_path / "b.jsonl", many_lines(3000, seed=2))
    with pytest.raises(DataError, match=r"^'b\.jsonl' holds more rows than fit into memory\.") as caught:
        load(tmp_path, "a.jsonl", test="b.jsonl", memory_bytes=2_000_000)
    assert caught.value.fix.startswith("Give a test file of at most ")


def test_a_query_whose_rows_come_in_another_order_the_second_time_is_refused(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE rows (text TEXT, label TEXT)"))
        for row in many_lines(2000, seed=1):
            connection.execute(text("INSERT INTO rows VALUES (:text, :label)"), row)
    engine.dispose()
    with pytest.raises(DataError, match="held other rows when it was read a second time"):
        load(tmp_path, "a.db", query="SELECT * FROM rows ORDER BY random()", memory_bytes=100_000)
    assert len(load(tmp_path, "a.db", query="SELECT * FROM rows ORDER BY rowid", memory_bytes=1_000_000).rows) < 2000


def test_a_draw_takes_each_copy_of_a_row_with_the_same_chance(tmp_path: Path) -> None:
    keys = np.array([int(row_key("the same", "a"), 16)] * 2000 + list(range(1, 8001)), dtype=np.uint64)
    draw = Draw(tmp_path, seed=5, held_rows=700)
    draw.add(keys, np.zeros(10_000, dtype=np.uint32), np.arange(1, 10_001, dtype=np.uint64))
    drawn = draw.drawn(1000)
    assert len(drawn) == 1000
    assert 160 <= (drawn["row"] <= 2000).sum() <= 240
    assert drawn["row"].tolist() == sorted(drawn["row"].tolist())


def empty_pair(place: int) -> dict[str, str]:
    return {"text": f"one {place}", "text_pair": "" if place < 10_050 else "another", "label": "ab"[place % 2]}


def one_label(place: int) -> dict[str, str]:
    return {"text": f"one {place}", "labels": "late" if place < 10_050 else "late;rude"}


@pytest.mark.parametrize(
    ("task", "make", "columns"),
    [
        ("text-pair-classification", empty_pair, {"text": "text", "text_pair": "text_pair", "label": "label"}),
        ("multi-label-classification", one_label, {"text": "text", "labels": "labels", "label_delimiter": ";"}),
    ],
)
def test_what_only_the_whole_column_tells_is_not_told_from_a_part_of_it(
    task: str, make: Callable[[int], dict[str, str]], columns: dict[str, str | list[str]], tmp_path: Path
) -> None:
    write_lines(tmp_path / "a.jsonl", [make(place) for place in range(10_100)])
    source = DataSource(train="a.jsonl", columns=columns)
    assert gather(source, load_task(task, {}, columns), tmp_path, seed=0).census.rows == 10_100
