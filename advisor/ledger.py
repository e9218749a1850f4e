"""Forecasts against outcomes of past runs."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median
from typing import TypeVar

from advisor.records import Decision
from advisor.run_folder import bytes_on_disk, remakable
from pipeline.errors import PlanError
from pipeline.records import PHASES, STEPWISE, Forecast, Interval, Outcome, Record
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
    unit: str | None = None
    """Of its score: `points` where 1 is perfect; null without a result."""
    bytes_on_disk: int
    bytes_remakable: int
    """Part of `bytes_on_disk` that can be deleted and made again."""


def read_runs(root: Path) -> list[RunLine]:
    """All runs below a folder, oldest first; one that cannot be read is listed without its numbers."""
    return [_read_run(path.parent) for path in sorted(root.glob("*/answers.toml"))]


@dataclass(frozen=True)
class Miss:
    """How far forecasts of one quantity lay from what happened, over runs.

    Attributes:
        runs: That it rests on.
        mean: Mean absolute error.
        bias: Median of forecast less outcome: above 0 where too much was forecast.
        worst: The largest error.
    """

    runs: int
    mean: float
    bias: float
    worst: float


@dataclass(frozen=True)
class Calibration:
    """Forecasts of finished runs against what happened.

    Attributes:
        runs: Finished runs: each was a go.
        right: How often a go brought the useful gain, with its Wilson interval.
        covered: How often the score lay inside the forecast interval.
        level: How often it should.
        brier: Mean squared error of the probability of a useful gain.
        score: In points, of the runs whose score is one of which 1 is perfect; None without one.
        wall: Shares of the wall seconds that were taken; the others alike.
        processor: Of the whole run, whatever early stopping saved.
        taken: The same for the steps that were really taken; None where no run noted its steps.
        phases: The same by phase.
        steps: Of the steps themselves.
    """

    runs: int
    right: Interval
    covered: Interval
    level: float
    brier: float
    score: Miss | None
    wall: Miss
    processor: Miss
    memory: Miss
    taken: Miss | None = None
    phases: Mapping[str, Miss] = field(default_factory=dict)
    steps: Miss | None = None


def calibrate(lines: Sequence[RunLine]) -> Calibration | None:
    """How far forecasts can be trusted, over all runs that are finished; None where there is none."""
    from pipeline.evaluation.intervals import wilson

    done = [(line, line.forecast, line.outcome) for line in lines if line.forecast and line.outcome]
    if not done:
        return None
    gained = [after.probability_of_useful_gain >= 0.5 for _, _, after in done]
    inside = [before.score.low <= after.score.point <= before.score.high for _, before, after in done]
    likely = [before.probability_of_useful_gain for _, before, _ in done]
    points = [100 * (before.score.point - after.score.point) for line, before, after in done if line.unit == "points"]

    def shares(name: str) -> Miss:
        return _miss([getattr(before, name) / max(getattr(after, name), 1e-9) - 1 for _, before, after in done])

    pairs = [(before, after) for _, before, after in done if before.expected_steps and after.steps]
    return Calibration(
        runs=len(done),
        right=wilson(sum(gained), len(done)),
        covered=wilson(sum(inside), len(done)),
        level=done[0][1].score.level,
        brier=mean((share - won) ** 2 for share, won in zip(likely, gained, strict=True)),
        score=_miss(points) if points else None,
        wall=shares("train_wall_seconds"),
        processor=shares("train_cpu_seconds"),
        memory=shares("peak_memory_bytes"),
        taken=_shares([(before.cpu_seconds_for(after.steps), after.train_cpu_seconds) for before, after in pairs]),
        phases=_phases(pairs),
        steps=_shares([(before.expected_steps or 0.0, float(after.steps or 0)) for before, after in pairs]),
    )


def _phases(pairs: Sequence[tuple[Forecast, Outcome]]) -> dict[str, Miss]:
    """Processor seconds of each phase; those that early stopping shortens for the steps that were really taken."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in PHASES}
    for before, after in pairs:
        taken = {phase.name: phase.cpu_seconds for phase in after.phases}
        for phase in before.phases:
            ratio = before.steps_ratio(after.steps) if phase.name in STEPWISE else 1.0
            found[phase.name].append((ratio * phase.cpu_seconds, taken.get(phase.name, 0.0)))
    misses = {name: _shares(each) for name, each in found.items()}
    return {name: miss for name, miss in misses.items() if miss is not None}


def _shares(pairs: Sequence[tuple[float, float]]) -> Miss | None:
    """How far what was forecast lay from what was taken, as shares of that; None where nothing was."""
    errors = [before / after - 1 for before, after in pairs if after > 0]
    return _miss(errors) if errors else None


def _miss(errors: Sequence[float]) -> Miss:
    sizes = [abs(error) for error in errors]
    return Miss(runs=len(errors), mean=mean(sizes), bias=median(errors), worst=max(sizes))


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
        unit=result.metric_facts.unit if result else None,
        bytes_on_disk=bytes_on_disk(path),
        bytes_remakable=sum(bytes_on_disk(folder) for folder in remakable(path)),
    )


def _read(kind: type[R], path: Path) -> R | None:
    try:
        return load_record(kind, path) if path.is_file() else None
    except PlanError:
        return None
