"""What is read from data files, and what a person is told when one cannot be read."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.places import LONGEST_CELL
from pipeline.data.preview import preview
from pipeline.data.reading import column, read
from pipeline.data.values import as_label, as_list, as_number, as_text
from pipeline.errors import DataError
from pipeline.records import DataSource

NO_ROWS = "Give a file with a header line and at least one row below it."
ENCODINGS = 'Say how it is written: `encoding = "cp1252"` or "latin-1" under [data], or --encoding cp1252.'
LONG_CELL = b"x" * 10_000_000

BAD_FILES: dict[str, tuple[str, bytes, dict[str, str], str, str]] = {
    "empty": ("a.csv", b"", {}, "'a.csv' is empty.", NO_ROWS),
    "header only": ("a.csv", b"text,label\n", {}, "'a.csv' holds no rows.", NO_ROWS),
    "blank lines only": ("a.csv", b"\n\n\n", {}, "'a.csv' holds no rows.", NO_ROWS),
    "no objects": ("a.jsonl", b"\n\n", {}, "'a.jsonl' holds no rows.", NO_ROWS),
    "empty list": ("a.json", b"[]", {}, "'a.json' holds no rows.", NO_ROWS),
    "wrong encoding": (
        "a.csv",
        b"text,label\nfine,a\nma\xd1ana,b\n",
        {"encoding": "utf-8"},
        "'a.csv' is not UTF-8: line 3 holds the byte 0xd1.",
        ENCODINGS,
    ),
    "wrong encoding of JSON Lines": (
        "a.jsonl",
        b'{"text": "ma\xd1ana"}\n',
        {"encoding": "utf-8"},
        "'a.jsonl' is not UTF-8: line 1 holds the byte 0xd1.",
        ENCODINGS,
    ),
    "wrong encoding of JSON": (
        "a.json",
        b'[{"text": "ma\xd1ana"}]',
        {"encoding": "utf-8"},
        "'a.json' is not UTF-8: line 1 holds the byte 0xd1.",
        ENCODINGS,
    ),
    "unknown encoding": (
        "a.csv",
        b"text,label\na,b\n",
        {"encoding": "utf8x"},
        "There is no encoding 'utf8x'.",
        "Use utf-8, latin-1, cp1252, utf-16 or another name that Python knows.",
    ),
    "an encoding that is none of text": (
        "a.csv",
        b"text,label\na,b\n",
        {"encoding": "undefined"},
        "There is no encoding 'undefined'.",
        "Use utf-8, latin-1, cp1252, utf-16 or another name that Python knows.",
    ),
    "wrong delimiter": (
        "a.csv",
        b"text;label\na;b\n",
        {"delimiter": ","},
        "'a.csv' has only one column when split at ','.",
        "It looks split at ';': leave `delimiter` out, or set it to ';'.",
    ),
    "long delimiter": (
        "a.csv",
        b"text;label\na;b\n",
        {"delimiter": "::"},
        "The delimiter '::' is not one character.",
        "Use one character, such as ',' or ';'.",
    ),
    "two columns of one name": (
        "a.csv",
        b"text,label, text\na,b,c\n",
        {},
        "'a.csv' has two columns named 'text'.",
        "Give every column a name of its own.",
    ),
    "too many cells": (
        "a.csv",
        b"text,label\nfine,a\nfine,b\nnot, so fine,a\nfine,b\n",
        {"delimiter": ","},
        "'a.csv' row 4 (line 4) has 3 cells, the header has 2.",
        "Put quotation marks around cells that hold ',', or mend that row.",
    ),
    "too few cells after a quoted line break": (
        "a.csv",
        b'text,label\n"two\nlines",a\nalone\n',
        {"delimiter": ","},
        "'a.csv' row 3 (line 4) has 1 cells, the header has 2.",
        "Put quotation marks around cells that hold ',', or mend that row.",
    ),
    "broken JSON line": (
        "a.jsonl",
        b'{"text": "a", "label": "b"}\n{"text": "a", "label"\n',
        {},
        "'a.jsonl' line 2 is not JSON: Expecting ':' delimiter: line 2 column 1 (char 22).",
        "Mend that line, one object a line.",
    ),
    "a line that is no object": (
        "a.jsonl",
        b'{"text": "a"}\n["a", "b"]\n',
        {},
        "'a.jsonl' line 2 is not a JSON object.",
        'Write each line as {"text": "…", "label": "…"}.',
    ),
    "a number that Python will not read": (
        "a.jsonl",
        b'{"text": "a", "label": ' + b"7" * 5000 + b"}\n",
        {},
        "'a.jsonl' line 1 is not JSON: Exceeds the limit (4300 digits) for integer string conversion: "
        "value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit.",
        "Mend that line, one object a line.",
    ),
    "broken JSON": (
        "a.json",
        b'[{"text": "a"}\n',
        {},
        "'a.json' is not JSON: Expecting ',' delimiter: line 2 column 1 (char 15).",
        "Mend that place, or save it as JSON Lines.",
    ),
    "JSON that is no list": (
        "a.json",
        b'{"text": "a"}',
        {},
        "'a.json' is not a JSON list of objects, it is one object with 'text'.",
        'Write it as [{"text": "…", "label": "…"}, …].',
    ),
    "10 MB in one cell": (
        "a.csv",
        b'text,label\nfine,a\n"' + LONG_CELL + b"\nfine,b\n",
        {},
        "'a.csv' row 3 (up to line 3) has a cell of more than 1,000,000 characters.",
        "Close the quotation mark that was left open there, or shorten that cell.",
    ),
    "10 MB in the header": (
        "a.csv",
        b'"text,label\n' + LONG_CELL,
        {},
        "'a.csv' row 1 (up to line 2) has a cell of more than 1,000,000 characters.",
        "Close the quotation mark that was left open there, or shorten that cell.",
    ),
    "10 MB in one JSON line": (
        "a.jsonl",
        b'{"text": "' + LONG_CELL + b'"}\n',
        {},
        "'a.jsonl' row 1 (up to line 1) has a cell of more than 1,000,000 characters.",
        "Close the quotation mark that was left open there, or shorten that cell.",
    ),
    "NUL": (
        "a.csv",
        b"text,label\nfine,a\nfi\0ne,b\n",
        {},
        "'a.csv' line 3 holds a NUL character.",
        'Save it as plain text; if it is UTF-16, say so: `encoding = "utf-16"` under [data].',
    ),
    "no Parquet": (
        "a.parquet",
        b"text,label\nfine,a\n",
        {},
        "'a.parquet' is not a whole Parquet file: Parquet magic bytes not found in footer. "
        "Either the file is corrupted or this is not a parquet file.",
        "Save it again as Parquet, or as CSV.",
    ),
    "an unknown kind": (
        "a.bin",
        b"\0\1\2text",
        {},
        "'a.bin' is not of a kind that can be read.",
        "Save it as one of: .arrow, .csv, .db, .feather, .ipc, .json, .jsonl, .ndjson, .parquet, .sqlite, .sqlite3, .tsv, .txt, "
        ".xlsm, .xlsx.",
    ),
    "no workbook": (
        "a.xlsx",
        b"PK",
        {},
        "'a.xlsx' is not a whole Excel workbook: File is not a zip file.",
        "Save it again as .xlsx, or as CSV.",
    ),
}


def faults(name: str, folder: Path, **options: str) -> list[tuple[str, str]]:
    """What preview and reader say of a file that neither can use."""
    source = DataSource(train=name, **options)
    said = []
    for use in (lambda: preview(source, folder), lambda: read(name, source, folder)):
        with pytest.raises(DataError) as caught:
            use()
        said.append((caught.value.problem, caught.value.fix))
    return said


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read_file(path: Path, **options: str) -> list[dict[str, Any]]:
    """Rows as the reader gives them, which are those that the preview showed."""
    source = DataSource(train=path.name, **options)
    rows: list[dict[str, Any]] = read(path.name, source, path.parent).to_dict("records")  # type: ignore[assignment]
    assert preview(source, path.parent).rows == rows
    return rows


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_by_preview_and_reader_with_the_same_mend(case: str, tmp_path: Path) -> None:
    name, content, options, problem, fix = BAD_FILES[case]
    write(tmp_path, name, content)
    assert faults(name, tmp_path, **options) == [(problem, fix)] * 2


def test_a_missing_file_is_named_with_the_nearest_one_there(tmp_path: Path) -> None:
    write(tmp_path, "reviews.csv", "text,label\n")
    assert faults("reveiws.csv", tmp_path)[0] == ("There is no file 'reveiws.csv'.", "Did you mean 'reviews.csv'?")
    assert faults("sales.csv", tmp_path)[0] == (
        "There is no file 'sales.csv'.",
        f"Check the path; it was looked for in {tmp_path}.",
    )
    assert faults("no/such/folder/sales.csv", tmp_path)[0] == (
        "There is no file 'no/such/folder/sales.csv'.",
        f"Check the path; it was looked for in {tmp_path / 'no/such/folder'}.",
    )


def test_a_folder_is_not_a_data_file(tmp_path: Path) -> None:
    (tmp_path / "reviews").mkdir()
    assert faults("reviews", tmp_path)[0] == (
        "'reviews' is a folder.",
        "It holds neither data files, nor a folder of texts or images for each label, nor a run.",
    )


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("~nouser/x.csv", "'~nouser/x.csv' cannot be looked up: Could not determine home directory."),
        ("x" * 300 + ".csv", "'" + "x" * 60 + "…' cannot be looked up: File name too long."),
    ],
    ids=["a home that is not there", "a very long name"],
)
def test_a_path_that_cannot_be_is_a_mistake_to_mend(name: str, problem: str, tmp_path: Path) -> None:
    assert faults(name, tmp_path)[0] == (problem, "Check the path.")


def test_a_ring_of_links_and_a_nul_in_a_name_are_mistakes_to_mend(tmp_path: Path) -> None:
    (tmp_path / "a.csv").symlink_to(tmp_path / "b.csv")
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    for name in ("a.csv", "x\0.csv"):
        assert "'" + name + "'" in faults(name, tmp_path)[0][0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_mistake_to_mend(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "text,label\nfine,a\n").chmod(0)
    assert faults("a.csv", tmp_path)[0] == ("'a.csv' cannot be read: Permission denied.", "Make it readable.")


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"text": [f"text {place}" for place in range(5000)]}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\0" * (len(whole) // 2) + whole[4 + len(whole) // 2 :])
    for problem, fix in faults("a.parquet", tmp_path):
        assert problem.startswith("'a.parquet' is not a whole Parquet file: ")
        assert fix == "Save it again as Parquet, or as CSV."


def test_a_data_set_that_is_not_here_says_that_it_was_looked_for_on_the_hub(tmp_path: Path) -> None:
    source = DataSource(train="someone/something")
    assert preview(source, tmp_path).dialect.format == "hub"
    with pytest.raises(DataError) as caught:
        read("someone/something", source, tmp_path)
    assert caught.value.problem.startswith(
        "There is no file 'someone/something', and no data set of that name could be loaded ("
    )
    assert (
        caught.value.fix
        == "Check the path; for a data set on the hub check its id, --config and --revision, and the connection."
    )


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", b"\xef\xbb\xbftext,label\nfine,a\n")
    assert read_file(path) == read_file(path, encoding="utf-8") == [{"text": "fine", "label": "a"}]


def test_a_file_is_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "text,label\nmañana,a\n".encode("cp1252"))
    assert read_file(path, encoding="cp1252") == [{"text": "mañana", "label": "a"}]
    path = write(tmp_path, "b.csv", "text,label\nmañana,a\n".encode("utf-16"))
    assert read_file(path, encoding="utf-16") == [{"text": "mañana", "label": "a"}]


def test_quoted_delimiters_quotes_and_line_breaks_stay_in_their_cell(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", 'text,label\r\n"one, ""two""\nthree",a\r\nfour,b\r\n')
    assert read_file(path) == [{"text": 'one, "two"\nthree', "label": "a"}, {"text": "four", "label": "b"}]


def test_blank_lines_are_passed_over_and_names_are_trimmed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "\n text , label\n\nfine,a\n\n")
    assert read_file(path) == [{"text": "fine", "label": "a"}]


@pytest.mark.parametrize("delimiter", ["\t", ";", "|", ","])
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    lines = [["text", "label"], ["one: two", "a"], ["three", "b"]]
    path = write(tmp_path, "a.csv", "".join(delimiter.join(line) + "\n" for line in lines))
    assert read_file(path) == [{"text": "one: two", "label": "a"}, {"text": "three", "label": "b"}]
    assert preview(DataSource(train="a.csv"), tmp_path).dialect.delimiter == delimiter


def test_the_delimiter_is_found_beside_a_long_cell(tmp_path: Path) -> None:
    long_cell = "x " * (LONGEST_CELL // 4)
    path = write(tmp_path, "a.csv", f"text;label\n{long_cell};a\n")
    assert read_file(path) == [{"text": long_cell, "label": "a"}]


def test_any_character_may_be_the_delimiter_when_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "text:label\nfine:a\n")
    assert read_file(path, delimiter=":") == [{"text": "fine", "label": "a"}]


def test_json_lines_json_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    rows = [{"text": "fine", "label": 1}, {"text": "not fine", "label": None}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps(rows), encoding="utf-8")
    pd.DataFrame(rows).astype({"label": "Int64"}).to_parquet(tmp_path / "a.parquet")
    assert read_file(tmp_path / "a.jsonl") == read_file(tmp_path / "a.json") == read_file(tmp_path / "a.parquet")
    assert read_file(tmp_path / "a.parquet") == rows


def test_a_preview_looks_at_the_first_rows_only(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "text,label\n" + "fine,a\n" * 300 + "broken\n")
    shown = preview(DataSource(train="a.csv"), tmp_path, rows=200)
    assert (len(shown.rows), shown.columns) == (200, ["text", "label"])
    with pytest.raises(DataError, match=r"row 302 \(line 302\) has 1 cells"):
        read("a.csv", DataSource(train="a.csv"), tmp_path)


def test_a_column_that_is_missing_is_named_with_those_that_are_there() -> None:
    table = pd.DataFrame({"text": ["a"], "label": ["b"]})
    with pytest.raises(DataError) as caught:
        column(table, "lable", "folder/a.csv")
    assert caught.value.problem == "'a.csv' has no column 'lable'."
    assert caught.value.fix == "It has: text, label. Did you mean 'label'?"


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        (1, "1"),
        (1.0, "1"),
        (0.5, "0.5"),
        (True, "true"),
        (False, "false"),
        ("01", "01"),
        (" a ", " a "),
        ("clipped \ud83d", "clipped \ufffd"),
        ("whole \ud83d\ude00", "whole 😀"),
        (None, None),
        (float("nan"), None),
        ("  ", None),
    ],
)
def test_a_cell_stands_for_a_label(cell: object, label: str | None) -> None:
    assert as_label(cell) == label


def test_a_missing_text_is_empty_and_half_a_character_is_replaced() -> None:
    assert [as_text(value) for value in (None, float("nan"), " ", 7, "a\ud83d")] == ["", "", "", "7", "a\ufffd"]


@pytest.mark.parametrize(
    ("cell", "held"),
    [
        (["a", 1], ["a", 1]),
        (("a", "b"), ["a", "b"]),
        (np.array(["a", "b"], dtype=object), ["a", "b"]),  # as Parquet files give it
        ('["a", "b, c"]', ["a", "b, c"]),
        ("  [1, 2]", [1, 2]),
        ("[]", []),
        ([], []),
        ("['a', 'b']", None),  # Python, not JSON
        ("[cut short", None),
        ("a, b", None),
        ('{"a": 1}', None),
        (3, None),
        (None, None),
    ],
)
def test_a_cell_holds_a_list_as_it_is_or_as_json(cell: object, held: list[object] | None) -> None:
    assert as_list(cell) == held


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        (3, 3.0),
        (0.5, 0.5),
        ("-1.5e2", -150.0),
        (" 4 ", 4.0),
        ("3,5", None),
        ("three", None),
        ("nan", None),
        ("inf", None),
        (float("nan"), None),
        (float("-inf"), None),
        (True, None),
        (None, None),
        ("", None),
        ([1], None),
    ],
)
def test_a_cell_holds_a_finite_number_or_none(cell: object, number: float | None) -> None:
    assert as_number(cell) == number
