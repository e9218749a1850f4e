"""The file of answers, which only grows, and the log beside it, which says how each of them came about."""

import datetime
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipeline.errors import StorageError
from pipeline.records import Record
from pipeline.storage import storage_error

Act = Literal["answered", "skipped", "taken_back"]


class LogLine(Record):
    """What happened to one row: a line of the log."""

    when: str
    act: Act
    text_hash: str
    """Of what was read, as in `splits.parquet`."""
    file: str
    row: str
    """Number of the row in that file, counted from 1."""
    side: Literal["train", "test"]
    """Where the row goes: what was chosen trains, what was drawn at random may be sealed."""
    reason: str
    """Why this row was asked."""
    suggested: str | None = None
    """What the program held for likeliest, as it was shown."""
    probability: float | None = None
    annotator: str | None = None
    cells: dict[str, Any] = Field(default_factory=dict)
    """What the columns of the truth hold."""


@dataclass
class LabelledFile:
    """Answers as JSON Lines with the columns of the training data, and the log of the same name with `.log` in it.

    Every line is on the disk before the next row is asked. Only the last line is ever taken off, by `take_back`; the log
    keeps it even then.

    Args:
        path: The file of answers.
    """

    path: Path
    lines: list[LogLine] = field(default_factory=list)
    """The log, as it stands on the disk."""

    @property
    def log_path(self) -> Path:
        """The log beside the file."""
        return self.path.with_name(f"{self.path.stem}.log.jsonl")

    @classmethod
    def open(cls, path: Path) -> "LabelledFile":
        """The file with the log of earlier sessions.

        Raises:
            StorageError: The file is not as this program writes it, or the folder cannot take it.
        """
        found = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_file():
                _mend_last_line(path)
            if found.log_path.is_file():
                _mend_last_line(found.log_path)
                log = found.log_path.read_text(encoding="utf-8").split("\n")  # a text may hold other ends of lines
                found.lines = [LogLine.model_validate_json(line) for line in log if line]
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise storage_error(path, error) from error
        except ValueError as error:
            raise StorageError(
                f"'{found.log_path}' is not as `advisor label` writes it.", "Give another file with --out."
            ) from error
        return found

    def close(self) -> None:
        """Leave no empty file behind."""
        if self.path.is_file() and self.path.stat().st_size == 0:
            self.path.unlink()

    def keep(self, line: LogLine, cells: Mapping[str, Any]) -> None:
        """Write an answer: the row with its truth into the file, and how it came about into the log.

        Raises:
            StorageError: The disk is full, or the file is not ours any more.
        """
        named = {"annotator": line.annotator} if line.annotator else {}
        _append(self.path, {**cells, **named})
        self._log(line)

    def note(self, line: LogLine) -> None:
        """Write what happened to a row that got no answer into the log."""
        self._log(line)

    def take_back(self) -> LogLine | None:
        """Take the last answer off the file; the log says so and keeps it. None when there is none.

        Raises:
            StorageError: Something else wrote into the file meanwhile, so that its last line is another one.
        """
        last = next((line for line in reversed(self.standing()) if line.act == "answered"), None)
        if last is None:
            return None
        content = self.path.read_bytes()
        begin = content.rstrip(b"\n").rfind(b"\n") + 1
        held = json.loads(content[begin:])
        if any(held.get(name) != value for name, value in last.cells.items()):
            raise StorageError(
                f"The last line of '{self.path}' is not the last answer: something else wrote there.",
                "Mend that line by hand.",
            )
        try:
            with self.path.open("r+b") as file:
                file.truncate(begin)
                os.fsync(file.fileno())
        except OSError as error:
            raise storage_error(self.path, error) from error
        self._log(last.model_copy(update={"act": "taken_back", "when": now()}))
        return last

    def standing(self) -> list[LogLine]:
        """What holds of each row now: the last line of each that was not taken back, in the order of the log."""
        found: dict[str, LogLine] = {}
        for line in self.lines:
            found.pop(line.text_hash, None)
            if line.act != "taken_back":
                found[line.text_hash] = line
        return list(found.values())

    def _log(self, line: LogLine) -> None:
        _append(self.log_path, line.model_dump(mode="json", exclude_none=True))
        self.lines.append(line)


def now() -> str:
    """The time, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _append(path: Path, values: Mapping[str, Any]) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values, ensure_ascii=False, default=str) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise storage_error(path, error) from error


def _mend_last_line(path: Path) -> None:
    """End a last line that lacks its end, or take off what a power cut left of one: it never counted as an answer."""
    content = path.read_bytes()
    if not content or content.endswith(b"\n"):
        return
    begin = content.rfind(b"\n") + 1
    try:
        json.loads(content[begin:])
    except ValueError:
        with path.open("r+b") as file:
            file.truncate(begin)
        return
    with path.open("ab") as file:
        file.write(b"\n")
