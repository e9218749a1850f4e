"""What was served and what people said of it: a SQLite file in the run folder that only grows. The only door to sqlite3."""

import json
import sqlite3
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.labelling.labelled_file import now
from advisor.live.typed import Told
from pipeline.errors import DataError, StorageError

FILE = "served.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, time TEXT NOT NULL, way TEXT NOT NULL,
    cells TEXT NOT NULL, answer TEXT NOT NULL, confidence REAL
);
CREATE TABLE IF NOT EXISTS marks (
    number INTEGER PRIMARY KEY, request TEXT NOT NULL REFERENCES requests (id), time TEXT NOT NULL,
    is_right INTEGER NOT NULL, truth TEXT
);
CREATE INDEX IF NOT EXISTS marks_of_request ON marks (request);
"""


@dataclass(frozen=True)
class ServedRow:
    """One row that was answered.

    Attributes:
        id: What the answer was given under.
        cells: Of the row, under the columns of the training data.
        answer: As it was answered.
        is_right: The last mark; None where nobody marked it.
        truth: The right answer, where it is known.
    """

    id: str
    cells: dict[str, Any]
    answer: Any
    is_right: bool | None
    truth: Any


class ServedFile:
    """Answers and marks of one run; each is on the disk when the call returns.

    Args:
        path: The file.

    Raises:
        StorageError: It cannot be opened, or is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()
        try:
            self._base = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._base.execute(f"PRAGMA {setting}")
            self._base.executescript(_TABLES)
        except sqlite3.Error as error:
            raise _storage_error(path, error) from error

    def keep(self, way: str, cells: Sequence[dict[str, Any]], answers: Sequence[Told]) -> list[str]:
        """Write rows with their answers in one transaction; returns their ids.

        Raises:
            StorageError: The disk cannot take them.
        """
        ids, time = [uuid.uuid4().hex for _ in cells], now()
        rows = [
            (id_, time, way, _dump(each), _dump(told.answer), told.confidence)
            for id_, each, told in zip(ids, cells, answers, strict=True)
        ]
        self._write("INSERT INTO requests (id, time, way, cells, answer, confidence) VALUES (?, ?, ?, ?, ?, ?)", rows)
        return ids

    def find(self, id_: str) -> ServedRow:
        """The row that was answered under that id.

        Raises:
            DataError: There is none.
        """
        found = self._rows("WHERE requests.id = ?", (id_,))
        if not found:
            raise DataError("No answer was given under that id.", "Give the id that came with the answer.")
        return found[0]

    def mark(self, id_: str, truth: Any, *, is_right: bool) -> None:
        """Write what a person said of an answer; of several marks the last one holds.

        Raises:
            StorageError: The disk cannot take it.
        """
        values = (id_, now(), int(is_right), None if truth is None else _dump(truth))
        self._write("INSERT INTO marks (request, time, is_right, truth) VALUES (?, ?, ?, ?)", [values])

    def newest(self, most: int) -> list[ServedRow]:
        """The newest rows, at most so many, and before them all that are marked; in the order in which they came."""
        wanted = (
            "WHERE requests.number IN (SELECT number FROM requests ORDER BY number DESC LIMIT ?) "
            "OR requests.id IN (SELECT request FROM marks)"
        )
        return self._rows(wanted, (most,))

    def count(self) -> int:
        """How many rows were answered."""
        with self._lock:
            return int(self._base.execute("SELECT COUNT(*) FROM requests").fetchone()[0])

    def close(self) -> None:
        """Fold the log into the file, and let it go."""
        with self._lock:
            self._base.close()

    def _rows(self, where: str, values: Sequence[Any]) -> list[ServedRow]:
        query = f"""
            SELECT requests.id, cells, answer, is_right, truth FROM requests LEFT JOIN marks
            ON marks.number = (SELECT MAX(number) FROM marks WHERE request = requests.id) {where} ORDER BY requests.number
        """
        with self._lock:
            found = self._base.execute(query, values).fetchall()
        return [
            ServedRow(
                id=id_,
                cells=json.loads(cells),
                answer=json.loads(answer),
                is_right=None if is_right is None else bool(is_right),
                truth=None if truth is None else json.loads(truth),
            )
            for id_, cells, answer, is_right, truth in found
        ]

    def _write(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        with self._lock:
            try:
                self._base.execute("BEGIN IMMEDIATE")
                self._base.executemany(statement, rows)
                self._base.execute("COMMIT")
            except sqlite3.Error as error:
                if self._base.in_transaction:
                    self._base.execute("ROLLBACK")
                raise _storage_error(self.path, error) from error


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _storage_error(path: Path, error: sqlite3.Error) -> StorageError:
    return StorageError(
        f"'{path}' cannot be used: {error}.",
        "Free some space, or move that file away; nothing answered before is lost.",
    )
