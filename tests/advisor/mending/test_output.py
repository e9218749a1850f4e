"""What is written is what was given, in every form, and a file that is there is never touched."""

import csv
import gzip
import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.mending.output import Shape, drafts, form_of, infer_schema, table_writer
from pipeline.errors import DataError, StorageError

HOSTILE = [
    "007",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@x",
    'say "hi"',
    "a,b",
    "a;b",
    "a\tb",
    "line\nbreak",
    "c\rr",
    "\r\n",
    " lead",
    "",
    "NULL",
    "NaN",
    "\u2028",
    "é",
    "\U0001f600",
    "\ufeffbom",
    "\\",
    "'",
]


def write(path: Path, columns: list[str], rows: list[list[Any]], delimiter: str = ",") -> None:
    cells = [dict(zip(columns, row, strict=False)) for row in rows]
    schema = infer_schema(cells, columns) if path.suffix == ".parquet" else None
    with table_writer(path, Shape(columns, delimiter, schema)) as writer:
        writer.write(cells[:1])
        writer.write(cells[1:])


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.csv.gz", ",")])
def test_cells_of_a_delimited_file_come_back_as_they_were(tmp_path: Path, name: str, delimiter: str) -> None:
    write(tmp_path / name, ["one", "two, three"], [[cell, "x"] for cell in HOSTILE], delimiter)
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "rt", encoding="utf-8", newline="") as file:
        found = list(csv.reader(file, delimiter=delimiter))
    assert found == [["one", "two, three"], *([cell, "x"] for cell in HOSTILE)]


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.lists(CELL, min_size=2, max_size=2), max_size=5))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_text_comes_back_from_a_delimited_file(rows: list[list[str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        write(path, ["a", "b"], [list(row) for row in rows])
        with path.open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file)) == [["a", "b"], *rows]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz", "a.json.gz"])
def test_values_of_a_json_file_come_back_as_they_were(tmp_path: Path, name: str) -> None:
    values = [*HOSTILE, None, 7, 1.5, True, [1, "x"], {"a": None}, 10**30, "\ud83d"]
    write(tmp_path / name, ["one", "two"], [[value] for value in values])
    raw = (tmp_path / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8")
    found = json.loads(text) if ".json." in name + "." else [json.loads(line) for line in text.split("\n") if line]
    assert found == [{"one": value} for value in values]


def test_parquet_keeps_the_types_of_its_columns(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", ["text", "number", "list"], [["a", 1, ["x"]], ["b", None, []]])
    found = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    assert found.schema.types == [pyarrow.string(), pyarrow.int64(), pyarrow.list_(pyarrow.string())]
    assert found.to_pylist() == [{"text": "a", "number": 1, "list": ["x"]}, {"text": "b", "number": None, "list": []}]


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.parquet.gz", "a.csv.zip", "csv"])
def test_a_name_that_says_no_form_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="not of a kind that can be written"):
        form_of(Path(name))


def test_what_a_form_cannot_hold_is_refused_and_not_changed(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        write(tmp_path / "a.csv", ["one"], [["\ud83d"]])
    assert (refused.value.problem, refused.value.fix) == (
        "The column 'one' holds half of a character (U+D83D), which CSV cannot hold.",
        "Write .jsonl, which can.",
    )
    with pytest.raises(DataError, match="several types"):
        write(tmp_path / "a.parquet", ["one"], [["a"], [1]])


def test_drafts_take_their_places_when_all_went_well(tmp_path: Path) -> None:
    one, two, never = tmp_path / "new" / "one.csv", tmp_path / "new" / "two.csv", tmp_path / "new" / "three.csv"
    with drafts(never, one, two) as found:
        found[one].write_text("1")
        found[two].write_text("2")
        assert not one.exists()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["one.csv", "two.csv"]


def interrupted(out: Path, then: Callable[[Path], object]) -> None:
    """Begin a file, and let something come between."""
    with drafts(out) as found:
        found[out].write_text("half")
        then(found[out])


@pytest.mark.parametrize("broken", [KeyboardInterrupt(), RuntimeError(), DataError("no", "yes")])
def test_whatever_goes_wrong_leaves_nothing_behind(tmp_path: Path, broken: BaseException) -> None:
    def breaks(_: Path) -> None:
        raise broken

    with pytest.raises(type(broken)):
        interrupted(tmp_path / "one.csv", breaks)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_came_to_be_there_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    out, theirs = tmp_path / "one.csv", tmp_path / "theirs.csv"
    theirs.write_text("yours")
    with pytest.raises(DataError, match="already there"):
        interrupted(out, lambda _: shutil.copy(theirs, out))
    assert out.read_text() == "yours"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.csv", "theirs.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_a_full_disk_is_told_with_its_mend_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def fills(draft: Path) -> None:
        draft.unlink()
        draft.symlink_to("/dev/full")
        write(draft, ["one"], [["x" * 100_000]])

    with pytest.raises(StorageError, match="No space left"):
        interrupted(tmp_path / "one.csv", fills)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_with_its_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError), drafts(tmp_path / "file" / "one.csv"):
        pass


def test_a_new_file_has_the_rights_that_any_file_of_that_person_has(tmp_path: Path) -> None:
    out, other = tmp_path / "one.csv", tmp_path / "other.csv"
    other.write_text("")
    with drafts(out) as found:
        write(found[out], ["one"], [["x"]])
    assert stat.S_IMODE(os.stat(out).st_mode) == stat.S_IMODE(os.stat(other).st_mode)
