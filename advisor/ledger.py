"""Forecasts against outcomes of past runs."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from advisor.records import Decision
from advisor.run_folder import bytes_on_disk, remakable
from pipeline.errors import PlanError
from pipeline.records import Forecast, Outcome, Record
from pipeline.results import Result
from pipeline.storage import load_record

R = TypeVar("R", bound=Record)


class RunLine(Record):
    """One past run."""

    name: str
    folder: str
    verdict: str | None
    """Null when the run stopped before its decision."""
    result: str | None
    forecast: Forecast | None
    outcome: Outcome | None
    bytes_on_disk: int
    bytes_remakable: int
    """Part of `bytes_on_disk` that can be deleted and made again."""


def read_runs(root: Path) -> list[RunLine]:
    """All runs below a folder, oldest first; one that cannot be read is listed without its numbers."""
    return [_read_run(path.parent) for path in sorted(root.glob("*/answers.toml"))]


def clean_runs(lines: Sequence[RunLine]) -> None:
    """Remove from each run what can be made again."""
    for line in lines:
        for folder in remakable(Path(line.folder)):
            shutil.rmtree(folder)


def _read_run(path: Path) -> RunLine:
    decision = _read(Decision, path / "decision.json")
    result = _read(Result, path / "result.json")
    return RunLine(
        name=path.name,
        folder=str(path),
        verdict=decision.verdict if decision else None,
        result=result.verdict if result else None,
        forecast=decision.forecast if decision else None,
        outcome=result.outcome if result else None,
        bytes_on_disk=bytes_on_disk(path),
        bytes_remakable=sum(bytes_on_disk(folder) for folder in remakable(path)),
    )


def _read(kind: type[R], path: Path) -> R | None:
    try:
        return load_record(kind, path) if path.is_file() else None
    except PlanError:
        return None
