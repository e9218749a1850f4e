"""Every kind of place that rows can come from, each with a real one made here."""

import bz2
import gzip
import json
import lzma
import os
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
import pytest
import sqlalchemy

from pipeline.data.formats import database
from pipeline.data.places import Dialect
from pipeline.data.preview import preview, say_dialects
from pipeline.data.reading import read, read_batches
from pipeline.data.recognition import find_dialect, find_places
from pipeline.errors import DataError
from pipeline.records import DataSource, name_of

ROWS: list[dict[str, Any]] = [
    {"text": "the parcel never came", "label": "late"},
    {"text": "kind and quick", "label": "kind"},
    {"text": "a “quoted”, split\ntext", "label": "late"},
]
CSV = 'text,label\nthe parcel never came,late\nkind and quick,kind\n"a “quoted”, split\ntext",late\n'
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
TABLE = pyarrow.Table.from_pylist(ROWS)


def write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows_of(folder: Path, train: str | list[str], **said: Any) -> list[dict[str, Any]]:
    """Rows as the reader gives them, which are those that the preview shows."""
    source = DataSource(train=train, **said)
    found: list[dict[str, Any]] = read(source.train, source, folder).to_dict("records")  # type: ignore[assignment]
    assert preview(source, folder).rows == found
    return found


def dialect_of(folder: Path, train: str, **said: Any) -> Dialect:
    source = DataSource(train=train, **said)
    return find_dialect(find_places(train, folder)[0], source)


def refusal(folder: Path, train: str | list[str], **said: Any) -> tuple[str, str]:
    """What the reader says of data that it cannot use; the preview says the same."""
    source = DataSource(train=train, **said)
    caught = []
    for use in (lambda: preview(source, folder), lambda: read(source.train, source, folder)):
        with pytest.raises(DataError) as refused:
            use()
        caught.append((refused.value.problem, refused.value.fix))
    assert caught[0] == caught[1]
    return caught[0]


def make_workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, lines in sheets.items():
        sheet = book.create_sheet(title)
        for line in lines:
            sheet.append(line)
    book.save(path)
    return path


def as_lines(rows: list[dict[str, Any]]) -> list[list[Any]]:
    return [list(rows[0]), *(list(row.values()) for row in rows)]


def make_database(path: Path, tables: tuple[str, ...] = ("reviews",)) -> Path:
    with sqlite3.connect(path) as connection:
        for table in tables:
            connection.execute(f"CREATE TABLE {table} (text TEXT, label TEXT)")
            connection.executemany(f"INSERT INTO {table} VALUES (:text, :label)", ROWS)
    connection.close()
    return path


def write_arrow(path: Path, open_writer: Callable[..., Any]) -> None:
    with pyarrow.OSFile(str(path), "wb") as sink, open_writer(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)


def zipped(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


SOURCES: dict[str, Callable[[Path], object]] = {
    "a.csv": lambda path: write(path, CSV),
    "a.tsv": lambda path: write(
        path,
        CSV.replace(",la", "\tla").replace("came,", "came\t").replace("quick,", "quick\t").replace('",late', '"\tlate'),
    ),
    "a.jsonl": lambda path: write(path, LINES),
    "a.json": lambda path: write(path, json.dumps(ROWS, indent=1)),
    "under_a_key.json": lambda path: write(path, json.dumps({"version": [1, {}], "data": ROWS, "more": {"a": []}})),
    "a.parquet": lambda path: pyarrow.parquet.write_table(TABLE, path),
    "a.arrow": lambda path: write_arrow(path, pyarrow.ipc.new_file),
    "stream.arrow": lambda path: write_arrow(path, pyarrow.ipc.new_stream),
    "a.feather": lambda path: pd.DataFrame(ROWS).to_feather(path),
    "a.xlsx": lambda path: make_workbook(path, {"Empty": [], "Reviews": as_lines(ROWS)}),
    "a.db": make_database,
    "a.csv.gz": lambda path: write(path, gzip.compress(CSV.encode())),
    "a.csv.bz2": lambda path: write(path, bz2.compress(CSV.encode())),
    "a.jsonl.xz": lambda path: write(path, lzma.compress(LINES.encode())),
    "a.csv.zst": lambda path: write(path, pyarrow.Codec("zstd").compress(CSV.encode(), asbytes=True)),
    "a.zip": lambda path: zipped(path, {"reviews.csv": CSV, "__MACOSX/._reviews.csv": "x"}),
    "a.parquet.gz": lambda path: write(path, gzip.compress(parquet_bytes())),
    # names that say nothing, or something else
    "reviews": lambda path: write(path, LINES),
    "reviews.dat": lambda path: write(path, CSV),
    "lines.csv": lambda path: write(path, LINES),
    "list.txt": lambda path: write(path, json.dumps(ROWS)),
    "table.csv": lambda path: write(path, parquet_bytes()),
    "packed.csv": lambda path: write(path, gzip.compress(CSV.encode())),
    "lines.json": lambda path: write(path, LINES),
    "list.jsonl": lambda path: write(path, json.dumps(ROWS, indent=1)),
    # encodings that show themselves
    "marked.csv": lambda path: write(path, b"\xef\xbb\xbf" + CSV.encode()),
    "wide.csv": lambda path: write(path, CSV.encode("utf-16")),
    "wide_unmarked.csv": lambda path: write(path, CSV.encode("utf-16-le")),
    "wide.jsonl": lambda path: write(path, LINES.encode("utf-16-be")),
}


def parquet_bytes() -> bytes:
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(TABLE, sink)
    found: bytes = sink.getvalue().to_pybytes()
    return found


@pytest.mark.parametrize("name", SOURCES)
def test_every_kind_of_file_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    SOURCES[name](tmp_path / name)
    assert rows_of(tmp_path, name) == ROWS


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.tsv", 'delimited text, UTF-8, split at tabs, quoted with ", names in the first line'),
        (
            "packed.csv",
            'delimited text, gzip-compressed, UTF-8, split at commas, quoted with ", names in the first line',
        ),
        ("wide_unmarked.csv", 'delimited text, UTF-16-LE, split at commas, quoted with ", names in the first line'),
        ("under_a_key.json", "JSON, UTF-8, key 'data'"),
        ("a.xlsx", "Excel, names in the first line, sheet 'Reviews'"),
        ("a.db", 'database, query SELECT * FROM "reviews"'),
        ("a.parquet", "Parquet"),
    ],
)
def test_how_a_file_is_written_is_said(name: str, said: str, tmp_path: Path) -> None:
    SOURCES[name](tmp_path / name)
    assert dialect_of(tmp_path, name).said == said


def test_a_name_that_says_something_else_is_told(tmp_path: Path) -> None:
    write(tmp_path / "lines.csv", LINES)
    assert say_dialects(DataSource(train="lines.csv"), tmp_path) == [
        "lines.csv: JSON Lines, UTF-8. Its name says otherwise; it was recognised by its content."
    ]


GERMAN = (
    "text,label\nIch habe das Paket nicht bekommen und bin sehr enttäuscht,a\nDie Größe ist schön, aber zu klein,b\n"
)


def test_an_encoding_that_reads_like_a_language_is_taken_with_its_confidence(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", GERMAN.replace("schön, aber", "schön aber").encode("cp1252"))
    found = dialect_of(tmp_path, "a.csv")
    assert (found.encoding, found.encoding_confidence) == ("cp1252", 1.0)
    assert "CP1252 (guessed, 100% sure)" in found.said
    assert rows_of(tmp_path, "a.csv")[1]["text"] == "Die Größe ist schön aber zu klein"


def test_two_plausible_encodings_are_both_named_with_what_each_would_read(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "text,label\nfine,a\nmañana,b\n".encode("cp1252"))
    problem, fix = refusal(tmp_path, "a.csv")
    assert problem.startswith(
        "'a.csv' is not UTF-8: line 3 holds the byte 0xf1; it could be cp1252 ('mañana,b'), cp1250 ('"
    )
    assert fix.startswith("Say which reads well: --encoding cp1252 or --encoding cp1250")
    assert rows_of(tmp_path, "a.csv", encoding="cp1252")[1]["text"] == "mañana"


def test_what_was_detected_can_be_said_otherwise(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "'one: two':a\n'three':b\n")
    found = rows_of(tmp_path, "a.txt", format="csv", delimiter=":", quote="'", header=False, encoding="latin-1")
    assert found == [{"column 1": "one: two", "column 2": "a"}, {"column 1": "three", "column 2": "b"}]


@pytest.mark.parametrize("said", ["\\t", "tab", "\t"])
def test_a_tab_can_be_said(said: str, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "text\tlabel\nfine\ta\n")
    assert rows_of(tmp_path, "a.csv", delimiter=said) == [{"text": "fine", "label": "a"}]


def test_a_first_line_that_looks_like_a_row_is_not_taken_for_names(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "3,Wall street falls\n4,New phone\n1,Talks begin\n")
    problem, fix = refusal(tmp_path, "a.csv")
    assert problem == "The first line of 'a.csv' looks like a row, not like names of columns: '3' stands above numbers."
    assert fix.startswith("Say whether it names the columns: `header = true` or `header = false`")
    assert rows_of(tmp_path, "a.csv", header=False)[0] == {"column 1": "3", "column 2": "Wall street falls"}
    assert rows_of(tmp_path, "a.csv", header=True)[0] == {"3": "4", "Wall street falls": "New phone"}


def test_a_folder_of_texts_gives_text_label_and_file(tmp_path: Path) -> None:
    write(tmp_path / "mails/spam/2.txt", "buy now")
    write(tmp_path / "mails/ham/1.txt", "see you at «eight»".encode("utf-16"))
    write(tmp_path / "mails/ham/notes.pdf", "no text")
    assert rows_of(tmp_path, "mails") == [
        {"text": "see you at «eight»", "label": "ham", "file": "ham/1.txt"},
        {"text": "buy now", "label": "spam", "file": "spam/2.txt"},
    ]


def test_a_folder_of_images_gives_image_and_label(tmp_path: Path) -> None:
    write(tmp_path / "pets/cat/a.png", b"\x89PNG")
    write(tmp_path / "pets/dog/b.JPG", b"\xff\xd8")
    assert rows_of(tmp_path, "pets") == [
        {"image": str(tmp_path / "pets/cat/a.png"), "label": "cat"},
        {"image": str(tmp_path / "pets/dog/b.JPG"), "label": "dog"},
    ]


def test_a_folder_with_data_files_says_how_to_name_them(tmp_path: Path) -> None:
    write(tmp_path / "parts/a.csv", CSV)
    assert refusal(tmp_path, "parts") == (
        "'parts' is a folder.",
        "Name the files in it, such as 'parts/a.csv' or 'parts/*.csv'.",
    )


def test_a_saved_data_set_is_read_with_its_labels_in_words(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=["kind", "late"]))
    saved = datasets.Dataset.from_list(
        [{**row, "label": ["kind", "late"].index(row["label"])} for row in ROWS], features
    )
    saved.save_to_disk(tmp_path / "saved", num_shards=2)
    datasets.DatasetDict(train=saved.select([0]), test=saved).save_to_disk(tmp_path / "both")
    assert rows_of(tmp_path, "saved") == ROWS
    assert rows_of(tmp_path, "both") == ROWS[:1]
    source = DataSource(train="both", test="both")
    assert read("both", source, tmp_path, "test").to_dict("records") == ROWS


def test_a_data_set_of_the_hub_that_is_in_the_cache_is_read_without_a_connection(tmp_path: Path) -> None:
    import datasets

    write(tmp_path / "source/en/train.jsonl", LINES)
    folder = (
        Path(datasets.config.HF_DATASETS_CACHE) / "makers___reviews/en/0.0.0/0123456789abcdef0123456789abcdef01234567"
    )
    found = datasets.load_dataset(
        "json", data_files=str(tmp_path / "source/en/train.jsonl"), cache_dir=str(tmp_path / "c")
    )
    built = Path(found["train"].cache_files[0]["filename"]).parent
    folder.mkdir(parents=True)
    info = json.loads((built / "dataset_info.json").read_text())
    info |= {"builder_name": "reviews", "dataset_name": "reviews", "config_name": "en"}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    (folder / "reviews-train.arrow").write_bytes((built / "json-train.arrow").read_bytes())
    source = DataSource(train="makers/reviews", config="en")
    assert read("makers/reviews", source, tmp_path).to_dict("records") == ROWS


def test_several_sheets_with_rows_need_a_name(tmp_path: Path) -> None:
    make_workbook(tmp_path / "a.xlsx", {"2023": as_lines(ROWS[:1]), "2024": as_lines(ROWS)})
    assert refusal(tmp_path, "a.xlsx") == (
        "'a.xlsx' has several sheets with rows: '2023', '2024'.",
        'Say which: `sheet = "2023"` under [data], or --sheet "2023".',
    )
    assert rows_of(tmp_path, "a.xlsx", sheet="2024") == ROWS
    assert refusal(tmp_path, "a.xlsx", sheet="2025") == ("'a.xlsx' has no sheet '2025'.", "It has: 2023, 2024.")


def test_a_database_is_read_by_its_address_and_a_query(tmp_path: Path) -> None:
    make_database(tmp_path / "shop.db", ("reviews", "orders"))
    address = "sqlite:///shop.db"
    problem, fix = refusal(tmp_path, address)
    assert problem == "'shop.db' has 2 tables: orders, reviews."
    assert fix == 'Say which, or what to select: `query = "TABLE"` under [data], or --query "SELECT …".'
    assert rows_of(tmp_path, address, query="orders") == ROWS
    query = "SELECT text AS body, upper(label) AS kind FROM reviews WHERE label = 'kind'"
    assert rows_of(tmp_path, address, query=query) == [{"body": "kind and quick", "kind": "KIND"}]
    assert rows_of(tmp_path, "shop.db", query=query) == [{"body": "kind and quick", "kind": "KIND"}]
    assert refusal(tmp_path, address, query="DROP TABLE reviews") == (
        "'DROP TABLE reviews' is neither a SELECT nor a table of 'shop.db'.",
        "Its tables are: orders, reviews.",
    )
    assert refusal(tmp_path, address, query="SELECT missing FROM reviews")[0] == (
        "'shop.db' cannot be read as asked: no such column: missing."
    )


def test_reading_never_changes_a_database(tmp_path: Path) -> None:
    path = make_database(tmp_path / "shop.db")
    before = path.read_bytes()
    query = "WITH gone AS (SELECT 1) DELETE FROM reviews RETURNING text, label"
    assert "readonly" in refusal(tmp_path, "sqlite:///shop.db", query=query)[0]
    assert path.read_bytes() == before


def test_a_password_stays_out_of_every_name_and_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(database.PASSWORD, raising=False)
    monkeypatch.setitem(os.environ, database.PASSWORD, "s3cret")
    address = "postgresql+psycopg://anna:s3cret@nowhere.invalid:5432/shop"
    place = find_places(address, tmp_path)[0]
    assert "s3cret" not in repr(place)
    assert place.location == f"postgresql+psycopg://anna:${database.PASSWORD}@nowhere.invalid:5432/shop"
    assert name_of(address) == "postgresql+psycopg://nowhere.invalid:5432/shop"
    problem, fix = refusal(tmp_path, address, query="SELECT 1")
    assert "s3cret" not in problem + fix
    other = "postgresql+psycopg://anna:other@nowhere.invalid/shop"
    assert (
        refusal(tmp_path, other, query="SELECT 1")[1]
        == "Write passwords as variables: scheme://user:$NAME@host/database."
    )
    unset = "postgresql+psycopg://anna:$NOT_SET_ANYWHERE@nowhere.invalid/shop"
    monkeypatch.setattr(sqlalchemy, "create_engine", None)
    assert "the variable NOT_SET_ANYWHERE is not set" in refusal(tmp_path, unset, query="SELECT 1")[0]


def test_an_address_of_the_web_is_no_database(tmp_path: Path) -> None:
    assert refusal(tmp_path, "https://user:pw@example.org/a.csv") == (
        "'https://…' is not a file here and no address of a database.",
        "Download it, and give the file.",
    )


def test_several_files_and_patterns_are_read_in_order(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "b.jsonl", LINES)
    for month in ("01", "02"):
        pyarrow.parquet.write_table(TABLE, tmp_path / f"2024-{month}.parquet")
    given = ["a.csv", "b.jsonl", "2024-*.parquet"]
    assert rows_of(tmp_path, given) == ROWS * 4
    source = DataSource(train=given)
    assert source.name == "a.csv and 2 more"
    found = [(batch.file, list(batch.table.index)) for batch in read_batches(given, source, tmp_path)]
    assert found == [(name, [1, 2, 3]) for name in ("a.csv", "b.jsonl", "2024-01.parquet", "2024-02.parquet")]


def test_a_file_whose_columns_differ_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    write(tmp_path / "b.csv", "body,label,date\nfine,late,now\n")
    assert refusal(tmp_path, "*.csv") == (
        "'b.csv' has not the columns of 'a.csv': it lacks 'text' and it also has 'body', 'date'.",
        "Give files whose columns have the same names, or assess them apart.",
    )


def test_a_pattern_that_finds_nothing_and_a_file_that_is_named_twice_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", CSV)
    assert refusal(tmp_path, "*.tsv")[0] == "No file is called like '*.tsv'."
    assert refusal(tmp_path, ["a.csv", "*.csv"]) == (
        "'a.csv' is named twice.",
        "Name every file once; a pattern may find it too.",
    )


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    write(tmp_path / "2023/a.csv", CSV)
    write(tmp_path / "2024/a.csv", "text,label\nfine\n")
    assert refusal(tmp_path, "20*/a.csv")[0].startswith("'2024/a.csv' row 2 (line 2) has 1 cells")


BROKEN: dict[str, tuple[str, bytes, str, str]] = {
    "an unfinished quotation": (
        "a.csv",
        b'text,label\nfine,a\n"never closed,b\n',
        "'a.csv' row 3 (up to line 3) opens a quotation mark that is never closed.",
        "Close it, or say which character quotes: `quote` under [data], or --quote.",
    ),
    "text behind a quotation": (
        "a.csv",
        b'text,label\n"one" two,a\n',
        "'a.csv' row 2 (line 2) has text behind a closing quotation mark.",
        "Double quotation marks within a quoted cell, or mend that row.",
    ),
    "one key twice": (
        "a.jsonl",
        b'{"text": "a", "label": "b"}\n{"text": "a", "text": "b"}\n',
        "'a.jsonl' line 2 is not JSON: the key 'text' stands twice in one object.",
        "Mend that line, one object a line.",
    ),
    "one key twice in a list": (
        "a.json",
        b'[{"text": "a", "label": "b"},\n {"text": "a", "text": "b"}]',
        "'a.json' is not JSON: the key 'text' stands twice in one object: line 2 column 2 (char 31).",
        "Mend that place, or save it as JSON Lines.",
    ),
    "a number that is none": (
        "a.jsonl",
        b'{"text": "a", "score": NaN}\n',
        "'a.jsonl' line 1 is not JSON: NaN is no JSON number; write null where there is none.",
        "Mend that line, one object a line.",
    ),
    "endless numbers": (
        "a.json",
        b'[{"text": "a", "score": -Infinity}]',
        "'a.json' is not JSON: -Infinity is no JSON number; write null where there is none: line 1 column 2 (char 1).",
        "Mend that place, or save it as JSON Lines.",
    ),
    "an entry that is no object": (
        "a.json",
        b'[{"text": "a"}, 3]',
        "'a.json' is not a JSON list of objects: entry 2 is a number.",
        'Write it as [{"text": "…", "label": "…"}, …].',
    ),
    "several lists": (
        "a.json",
        b'{"train": [{"text": "a"}], "test": [{"text": "b"}]}',
        "'a.json' is not a JSON list of objects, it holds several: 'train', 'test'.",
        "Save the one that is meant as a file of its own.",
    ),
    "something behind the list": (
        "a.json",
        b'[{"text": "a"}] [',
        "'a.json' is not JSON: Extra data: line 1 column 17 (char 16).",
        "Mend that place, or save it as JSON Lines.",
    ),
    "a cut gzip file": (
        "a.csv.gz",
        gzip.compress(b"text,label\n" + os.urandom(5000).hex().encode())[:3000],
        "'a.csv.gz' is not a whole gzip file: Compressed file ended before the end-of-stream marker was reached.",
        "Copy or compress it again.",
    ),
    "old Excel": (
        "a.xls",
        b"\xd0\xcf\x11\xe0" + b"\0" * 600,
        "'a.xls' is an Excel file of the old kind.",
        "Save it as .xlsx, or as CSV.",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_its_mend(case: str, tmp_path: Path) -> None:
    name, content, problem, fix = BROKEN[case]
    write(tmp_path / name, content)
    assert refusal(tmp_path, name) == (problem, fix)


def test_two_columns_of_one_name_are_refused_in_parquet_and_arrow_too(tmp_path: Path) -> None:
    table = pyarrow.table([["a"], ["b"]], names=["text", "text"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pyarrow.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    for name in ("a.parquet", "a.arrow"):
        assert refusal(tmp_path, name) == (
            f"'{name}' has two columns named 'text'.",
            "Give every column a name of its own.",
        )


def test_a_zip_file_must_hold_one_data_file(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"a.csv": CSV, "b.csv": CSV})
    assert refusal(tmp_path, "a.zip") == (
        "'a.zip' holds 2 files (a.csv, b.csv).",
        "Give a zip file with one data file in it, or unpack it.",
    )


def test_what_grows_without_end_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv.gz", gzip.compress(b"text,label\n" + (b"x" * 100_000 + b",a\n") * 1100))
    write(tmp_path / "blank.csv", "text,label\nfine,a\n" + "\n" * 100_001)
    write(tmp_path / "blank.jsonl", LINES + "\n" * 100_001)
    assert refusal(tmp_path, "blank.csv")[0] == "'blank.csv' has more than 100,000 blank lines up to line 100,003."
    assert refusal(tmp_path, "blank.jsonl")[0] == "'blank.jsonl' has more than 100,000 blank lines up to line 100,004."
    with pytest.raises(DataError, match=r"^'a.csv.gz' unpacks to more than 200 times its size\."):
        read("a.csv.gz", DataSource(train="a.csv.gz"), tmp_path)


def test_a_list_under_a_key_is_read_piece_by_piece(tmp_path: Path) -> None:
    rows = [{"text": f"{place} " + "x" * 3000, "label": str(place % 2)} for place in range(400)]
    write(tmp_path / "a.json", json.dumps({"about": {"data": [1, 2]}, "rows": rows, "n": 12}))
    source = DataSource(train="a.json")
    assert read("a.json", source, tmp_path).to_dict("records") == rows


def test_only_the_columns_that_are_wanted_are_read_and_a_missing_one_is_named(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(TABLE, tmp_path / "a.parquet")
    source = DataSource(train="a.parquet")
    found = list(read_batches("a.parquet", source, tmp_path, columns=["label"]))
    assert [list(batch.table.columns) for batch in found] == [["label"]]
    with pytest.raises(DataError) as caught:
        list(read_batches("a.parquet", source, tmp_path, columns=["lable"]))
    assert (caught.value.problem, caught.value.fix) == (
        "'a.parquet' has no column 'lable'.",
        "It has: text, label. Did you mean 'label'?",
    )


def test_a_key_that_first_comes_late_is_no_missing_column(tmp_path: Path) -> None:
    lines = ['{"text": "a"}\n'] * 10_001 + ['{"text": "b", "label": "c"}\n']
    write(tmp_path / "a.jsonl", "".join(lines))
    batches = list(read_batches("a.jsonl", DataSource(train="a.jsonl"), tmp_path, columns=["text", "label"]))
    assert [(len(batch.table), batch.table.attrs["whole"]) for batch in batches] == [(10_000, False), (2, False)]
    assert batches[1].table["label"].tolist() == [None, "c"]


def test_chosen_rows_keep_their_numbers(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.json", "a.parquet", "a.arrow", "a.xlsx", "a.db"):
        SOURCES[name](tmp_path / name)
        found = list(read_batches(name, DataSource(train=name), tmp_path, rows=[{1, 3}]))
        assert [list(batch.table.index) for batch in found] == [[1, 3]]
        assert found[0].table.to_dict("records") == [ROWS[0], ROWS[2]]
