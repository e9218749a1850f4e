"""The log of a run, and its clock that goes on over interruptions."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from pipeline.training.journal import Journal, cpu_seconds, peak_memory_bytes, read_log


def test_events_are_lines_that_listeners_hear_too(tmp_path: Path) -> None:
    heard: list[dict[str, Any]] = []
    journal = Journal(tmp_path / "log.jsonl")
    journal.listeners.append(heard.append)
    journal.write("step", loss=0.5)
    journal.write("finished", verdict="improved")
    lines = read_log(tmp_path / "log.jsonl")
    assert lines == heard
    assert [(line["event"], line.get("loss"), line.get("verdict")) for line in lines] == [
        ("step", 0.5, None),
        ("finished", None, "improved"),
    ]


def test_seconds_add_up_over_sessions(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    Journal(path, started=time.time() - 100).write("interrupted")
    second = Journal(path, started=time.time() - 20)
    second.write("interrupted")
    third = Journal(path)
    assert third.wall_seconds == pytest.approx(120, abs=2)
    # what this process did before the third began is no part of it
    assert third.cpu_seconds == pytest.approx(2 * cpu_seconds(), rel=0.1)


def test_a_line_that_a_crash_cut_short_is_ignored_and_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    Journal(path, started=time.time() - 50).write("step", step=1)
    with path.open("a", encoding="utf-8") as file:
        file.write('{"time": "2026-11-23T07:00:00", "event": "st')
    again = Journal(path)
    assert again.wall_seconds == pytest.approx(50, abs=2)
    again.write("prepared", rows=3)
    assert [line["event"] for line in read_log(path)] == ["step", "prepared"]


def test_a_run_that_never_was_has_no_log(tmp_path: Path) -> None:
    assert read_log(tmp_path / "log.jsonl") == []
    assert Journal(tmp_path / "log.jsonl").wall_seconds < 2


def test_every_line_is_whole_when_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log.jsonl")
    journal.write("scored", name="“é”\n")
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["“é”\n"]
    assert peak_memory_bytes() > 10_000_000


def test_the_peak_of_a_process_is_its_own_and_not_that_of_what_started_it() -> None:
    held = bytearray(300_000_000)
    held[::4096] = b"1" * len(held[::4096])  # touched, so that it is really there
    told = "from pipeline.training.journal import peak_memory_bytes; print(peak_memory_bytes())"
    child = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert peak_memory_bytes() > len(held)
    assert 5_000_000 < int(child.stdout) < len(held) / 2
