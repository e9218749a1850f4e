"""Odd files for the reader: valid ones of every kind that were broken, random bytes, odd text, wrong names, odd options."""

import bz2
import contextlib
import functools
import gzip
import io
import json
import lzma
import signal
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow
import pyarrow.ipc
import pyarrow.parquet
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.data.preview import preview, say_dialects
from pipeline.data.reading import read_batches
from pipeline.errors import DataError
from pipeline.records import DataSource

SECONDS = 20
"""More is taken for a hang; what is bounded takes a second at most."""
ROWS: list[dict[str, Any]] = [
    {"text": f"the parcel, number {place}, “never” came\nagain", "label": "ab"[place % 2], "score": place / 3}
    for place in range(40)
]
SUFFIXES = [
    *(
        ".csv",
        ".tsv",
        ".txt",
        ".dat",
        "",
        ".json",
        ".jsonl",
        ".ndjson",
        ".parquet",
        ".arrow",
        ".feather",
        ".xlsx",
        ".db",
    ),
    *(".csv.gz", ".jsonl.bz2", ".json.xz", ".csv.zst", ".zip", ".parquet.gz", ".xls", ".sqlite"),
]


@dataclass(frozen=True)
class OddFile:
    """A file and what is said of it."""

    name: str
    content: bytes
    options: dict[str, Any]


class Hang(BaseException):
    """Reading took far too long; no error of a library, so that no door takes it for one."""


def check(odd: OddFile, folder: Path) -> str:
    """Read a file: rows, or an error with problem and fix. Anything else is raised.

    Returns:
        "rows" or "refused".
    """
    path = folder / odd.name
    path.write_bytes(odd.content)
    try:
        source = DataSource(train=odd.name, **odd.options)
    except ValidationError:
        return "refused"
    try:
        with _bounded():
            preview(source, folder)
            say_dialects(source, folder)
            count = sum(len(batch.table) for batch in read_batches(odd.name, source, folder))
    except DataError as error:
        refused = error
    else:
        assert count > 0
        return "rows"
    finally:
        path.unlink()
    assert refused.problem.strip()
    assert refused.fix.strip()
    assert "Traceback" not in refused.problem
    assert len(refused.problem) < 2000
    return "refused"


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def csv_of(delimiter: str = ",", encoding: str = "utf-8", quote: str = '"') -> bytes:
    lines = [["text", "label", "score"], *(list(map(str, row.values())) for row in ROWS)]
    cells = (delimiter.join(quote + cell.replace(quote, quote * 2) + quote for cell in line) for line in lines)
    return "\r\n".join(cells).encode(encoding, "replace")


def arrow_bytes(kind: str) -> bytes:
    table = pyarrow.Table.from_pylist(ROWS)
    sink = pyarrow.BufferOutputStream()
    if kind == "parquet":
        pyarrow.parquet.write_table(table, sink)
    else:
        open_writer = pyarrow.ipc.new_file if kind == "file" else pyarrow.ipc.new_stream
        with open_writer(sink, table.schema) as writer:
            writer.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for line in [list(ROWS[0]), *(list(row.values()) for row in ROWS)]:
        sheet.append(line)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE a (text TEXT, label TEXT, score REAL)")
        connection.executemany("INSERT INTO a VALUES (:text, :label, :score)", ROWS)
        connection.commit()
        connection.close()
        return path.read_bytes()


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@functools.cache
def valid() -> dict[str, tuple[str, bytes]]:
    """A valid file of every kind: its suffix and its bytes."""
    lines = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    return {
        "csv": (".csv", csv_of()),
        "csv in UTF-16": (".csv", csv_of(encoding="utf-16")),
        "tsv in cp1252": (".tsv", csv_of("\t", "cp1252")),
        "csv with semicolons": (".csv", csv_of(";", quote="'")),
        "JSON Lines": (".jsonl", lines),
        "JSON": (".json", json.dumps(ROWS, indent=1).encode()),
        "JSON under a key": (".json", json.dumps({"version": 1, "data": ROWS, "more": [1, {}]}).encode()),
        "Parquet": (".parquet", arrow_bytes("parquet")),
        "Arrow": (".arrow", arrow_bytes("file")),
        "Arrow stream": (".arrow", arrow_bytes("stream")),
        "Excel": (".xlsx", workbook()),
        "SQLite": (".db", database()),
        "gzip": (".csv.gz", gzip.compress(csv_of())),
        "bzip2": (".jsonl.bz2", bz2.compress(lines)),
        "xz": (".json.xz", lzma.compress(json.dumps(ROWS).encode())),
        "zstandard": (".csv.zst", pyarrow.Codec("zstd").compress(csv_of(), asbytes=True)),
        "zip": (".zip", zipped({"a.csv": csv_of()})),
    }


def broken(content: bytes) -> st.SearchStrategy[bytes]:
    """The file cut short, with other bytes, with a part twice or taken out, or as it is."""
    places = st.integers(0, max(len(content) - 1, 0))
    cut = places.map(lambda place: content[:place])
    flipped = st.lists(st.tuples(places, st.integers(0, 255)), min_size=1, max_size=12).map(
        lambda changes: _with_bytes(content, changes)
    )
    inserted = st.tuples(places, st.binary(max_size=40)).map(
        lambda change: content[: change[0]] + change[1] + content[change[0] :]
    )
    twice = st.tuples(places, places).map(lambda ends: content[: max(ends)] + content[min(ends) :])
    shorter = st.tuples(places, places).map(lambda ends: content[: min(ends)] + content[max(ends) :])
    return st.one_of(st.just(content), cut, flipped, inserted, twice, shorter)


def _with_bytes(content: bytes, changes: list[tuple[int, int]]) -> bytes:
    found = bytearray(content)
    for place, value in changes:
        if found:
            found[place] = value
    return bytes(found)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252", "koi8-r", "shift_jis", "gb18030"]
ODD_MARKS = "\",;\t|\n\r'\\\x1f \0{}[]:\u2028\ufeff"
ODD_TEXT = st.text(st.one_of(st.sampled_from(ODD_MARKS), st.characters(codec="utf-8")), max_size=300)
TEXT = st.one_of(
    ODD_TEXT,
    st.builds(lambda rows: "\n".join(map(",".join, rows)), st.lists(st.lists(ODD_TEXT, max_size=3), max_size=6)),
    st.builds(lambda rows: "text,label\n" + rows, ODD_TEXT),
).flatmap(lambda text: st.sampled_from(ENCODINGS).map(lambda encoding: text.encode(encoding, "replace")))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4)),
    max_leaves=12,
)
JSON = st.one_of(
    st.builds(lambda value: json.dumps(value).encode(), VALUES),
    st.builds(lambda rows: "\n".join(map(json.dumps, rows)).encode(), st.lists(VALUES, max_size=5)),
    st.builds(
        lambda key, rows: json.dumps({key: rows, "n": 1}).encode(), st.text(max_size=4), st.lists(VALUES, max_size=4)
    ),
    st.builds(
        lambda mark, depth, tail: (mark * depth + tail).encode(),
        st.sampled_from(["[", '{"a":', '[{"a":', "[[", '{"a":[{"b":']),
        st.sampled_from([10, 500, 20_000]),
        st.sampled_from(["", "1", "]", "}", "[{}]"]),
    ),
)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {},
        optional={
            "delimiter": st.sampled_from([",", ";", "\\t", "", "ab", '"', "\n", "a", "\0"]),
            "quote": st.sampled_from(['"', "'", "", "xx", ",", "\n", "\0"]),
            "encoding": st.sampled_from(
                ["utf-8", "utf-16", "cp1252", "ascii", "idna", "nonsense", "rot13", "hex", "utf-7"]
            ),
            "header": st.booleans(),
            "format": st.sampled_from(
                ["csv", "json", "json_lines", "parquet", "arrow", "excel", "database", "text_folder", "hub", "x"]
            ),
            "sheet": st.sampled_from(["Sheet", "nowhere"]),
            "query": st.sampled_from(["a", "SELECT text FROM a", "SELECT", "SELECT 1, 1", "DROP TABLE a", "with x"]),
        },
    ),
)
NAMES = st.sampled_from(SUFFIXES).map(lambda suffix: f"odd{suffix}")


def odd_files(kind: str | None = None) -> st.SearchStrategy[OddFile]:
    """Odd files: broken ones of one kind, or where none is named, of no kind at all."""
    if kind is None:
        return st.builds(OddFile, NAMES, st.one_of(st.binary(max_size=600), TEXT, JSON), OPTIONS)
    suffix, content = valid()[kind]
    names = st.one_of(st.just(f"odd{suffix}"), NAMES)
    return st.builds(OddFile, names, broken(content), OPTIONS)
