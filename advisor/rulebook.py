"""The rules as data: reads every file under `rules/`, checks it, and hands it on as records."""

import functools
import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from advisor.errors import RuleError
from advisor.rule_records import (
    AblationRule,
    Advice,
    AuditRules,
    ColumnRules,
    DecisionRules,
    Demo,
    FactorRule,
    ForecastRules,
    LicenceMark,
    LiveRules,
    ModelEntry,
    Rules,
    StrategyRules,
    TaskRules,
    Way,
)
from advisor.step_rules import StepRules
from pipeline.records import ForgettingRule, Record
from pipeline.task import TASKS

RULES_FOLDER = Path(__file__).resolve().parent.parent / "rules"

R = TypeVar("R", bound=Record)


def load_rules(folder: Path = RULES_FOLDER) -> Rules:
    """Read and check every rule file.

    Raises:
        RuleError: A file is missing, is not TOML, or holds an unknown key or a wrong value; names file, field and value.
    """
    return Rules(
        models=load_models(folder),
        tasks=load_tasks(folder),
        factors=[
            _checked(FactorRule, rule, folder / "factors.toml") for rule in _read(folder / "factors.toml")["factor"]
        ],
        decision=_checked(DecisionRules, _read(folder / "decision.toml"), folder / "decision.toml"),
        strategies=_checked(StrategyRules, _read(folder / "strategies.toml"), folder / "strategies.toml"),
        ablation=load_ablation(folder),
        forgetting=_checked(ForgettingRule, _read(folder / "forgetting.toml"), folder / "forgetting.toml"),
        forecast=_checked(ForecastRules, _read(folder / "forecast.toml"), folder / "forecast.toml"),
        languages=_read(folder / "languages.toml")["names"],
        domains=_read(folder / "domains.toml")["words"],
        columns=load_columns(folder),
        audit=_read_audit(folder / "audit"),
        licences=[
            _checked(LicenceMark, mark, folder / "licences.toml") for mark in _read(folder / "licences.toml")["mark"]
        ],
    )


def load_tasks(folder: Path = RULES_FOLDER) -> dict[str, TaskRules]:
    """Read the tasks alone, which is all that the first question needs; the ones that are built come first."""
    tasks = [_read_task(path) for path in sorted((folder / "tasks").glob("*.toml"))]
    places = {key: place for place, key in enumerate(TASKS)}
    return {task.key: task for task in sorted(tasks, key=lambda task: places.get(task.key, len(places)))}


def load_columns(folder: Path = RULES_FOLDER) -> ColumnRules:
    """Read alone what the columns of a data set are read by."""
    path = folder / "columns.toml"
    values = dict(_read(path))
    thresholds = values.pop("threshold")
    signs = {**values, "common_words": _read(folder / "languages.toml")["words"]}
    return _checked(ColumnRules, {**thresholds, "signs": signs}, path)


def load_models(folder: Path = RULES_FOLDER) -> dict[str, ModelEntry]:
    """Read the catalogue alone."""
    return {path.stem: _read_model(path) for path in sorted((folder / "models").glob("*.toml"))}


@functools.cache
def load_ways(folder: Path = RULES_FOLDER) -> dict[str, Way]:
    """Read what the ways to answer are called."""
    path = folder / "ways.toml"
    shared = {name: _checked(Way, values, path) for name, values in _read(path).items()}
    return {name: way for task in load_tasks(folder).values() for name, way in task.ways.items()} | shared


def say_way(name: str) -> str:
    """The name of a way to answer, for people."""
    ways = load_ways()
    return ways[name].title if name in ways else name.replace("_", " ")


def load_ablation(folder: Path = RULES_FOLDER) -> list[AblationRule]:
    """Read alone which strategies can be tried, each left out or put in."""
    path = folder / "ablation.toml"
    return [_checked(AblationRule, values, path) for values in _read(path)["strategy"]]


def load_advice(task: str, folder: Path = RULES_FOLDER) -> list[Advice]:
    """Read the good practice on collecting rows for a task."""
    path = folder / "collecting.toml"
    found = [_checked(Advice, values, path) for values in _read(path)["advice"]]
    return [advice for advice in found if not advice.tasks or task in advice.tasks]


@functools.cache
def load_live(folder: Path = RULES_FOLDER) -> LiveRules:
    """Read what is said of rows that came after a run."""
    path = folder / "live.toml"
    return _checked(LiveRules, _read(path), path)


@functools.cache
def load_steps(folder: Path = RULES_FOLDER) -> StepRules:
    """Read what can be done after a result."""
    path = folder / "next_steps.toml"
    return _checked(StepRules, _read(path), path)


def load_demos(folder: Path = RULES_FOLDER) -> dict[str, Demo]:
    """Read the demos."""
    path = folder / "demo.toml"
    return {name: _checked(Demo, values, path) for name, values in _read(path).items()}


def _read_audit(folder: Path) -> AuditRules:
    """All files of the folder as one; each is checked by itself, so that a fault names its file."""
    parts = [_checked(AuditRules, _read(path), path) for path in sorted(folder.glob("*.toml"))]
    return AuditRules(
        finding={code: rule for part in parts for code, rule in part.findings.items()},
        number={name: number for part in parts for name, number in part.numbers.items()},
    )


def _read_model(path: Path) -> ModelEntry:
    return _checked(ModelEntry, {"name": path.stem, **_read(path)}, path)


def _read_task(path: Path) -> TaskRules:
    return _checked(TaskRules, {"key": path.stem, **_read(path)}, path)


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RuleError(f"The rule file {path} is missing.", "Install finetune-advisor again.") from error
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{path} is not valid TOML: {error}.", "Mend the line that it names.") from error


def _checked(kind: type[R], values: dict[str, Any], path: Path) -> R:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'the file'}: {fault['msg']} (got {fault['input']!r:.80})"
            for fault in error.errors()
        )
        raise RuleError(f"{path} has a mistake: {faults}.", "Mend the field that it names.") from error
