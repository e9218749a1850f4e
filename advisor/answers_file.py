"""Reads answers from TOML and writes them back, with the questions as comments."""

import difflib
import math
import os
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import tomlkit
from pydantic import ValidationError

from advisor.columns import keys_of
from advisor.errors import AnswersError, RunFolderError
from advisor.records import Answers
from advisor.rule_records import TaskRules
from advisor.rulebook import load_tasks
from pipeline.data.values import as_number
from pipeline.records import DataSource, Record
from pipeline.task import TASKS, Task, load_task

LARGEST_GOAL = 1e12
EXPECTED_COST = "expected_cost"
"""The score that counts where mistakes have costs."""
SECTIONS = ("data", "goal", "budget", "models", "provenance", "expertise", "deployment", "training", "launch")


def read_answers(path: Path) -> Answers:
    """Read an answers file.

    Raises:
        AnswersError: It is missing, is not TOML, or holds an unknown key or a wrong value; all faults at once.
    """
    return check_answers(read_toml(path), path.name)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as it is.

    Raises:
        AnswersError: It is missing, cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise AnswersError(f"There is no file '{path}'.", "Write one with `advisor init`.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AnswersError(
            f"'{path.name}' is not valid TOML: {error}.", "Mend that place; `advisor init` shows the form."
        ) from error
    except OSError as error:
        raise AnswersError(f"'{path}' cannot be read: {error.strerror}.", "Give a file that you may read.") from error


def check_answers(values: dict[str, Any], name: str) -> Answers:
    """Make answers from values.

    Raises:
        AnswersError: Unknown keys or wrong values; all of them, each with its fix.
    """
    faults: dict[str, tuple[str, str]] = {}
    answers = None
    try:
        answers = Answers.model_validate(values)
    except ValidationError as error:
        faults = {_place(fault["loc"]): _fault(fault) for fault in error.errors()}
    faults |= {place: fault for place, fault in _task_faults(values) if place not in faults}
    if answers is not None and not faults:
        return answers
    problems = "; ".join(f"{place} {problem}" for place, (problem, _) in faults.items())
    fixes = [fix if len(faults) == 1 else f"{place}: {fix}" for place, (_, fix) in faults.items()]
    raise AnswersError(f"'{name}': {problems}.", " ".join(fixes))


Fault = tuple[str, str]
"""What is wrong with the value at a place, and what to do about it."""


_WHERE = {("data", name) for name in ("train", "validation", "test")}
"""Keys that take one place or a list of them."""


def _place(location: tuple[int | str, ...]) -> str:
    """Dotted name of a key as it stands in the file, where the task's columns lie flat under `[data]`."""
    parts = [str(part) for part in location]
    if tuple(parts[:2]) in _WHERE:
        return ".".join(parts[:2])
    return f"data.{parts[2]}" if parts[:2] == ["data", "columns"] and len(parts) > 2 else ".".join(parts)


def _fault(fault: Any) -> Fault:
    place, kind, given = _place(fault["loc"]), fault["type"], fault["input"]
    if kind == "extra_forbidden":
        return "is not a known key", did_you_mean(str(fault["loc"][-1]), _keys_beside(fault["loc"]))
    if kind == "missing":
        return "is missing", "Add it: `advisor init` shows every key."
    return f"is {given!r:.60}", _mend(place, fault)


def _mend(place: str, fault: Any) -> str:
    """How a value of the wrong kind should be written."""
    if place == "schema_version":
        return "This program reads version 1."
    if fault["loc"][:2] in _WHERE:
        return "Write the name of a file, or a list of names."
    if fault["loc"][:2] == ("data", "columns"):
        return "Write the name of a column."
    if fault["type"] in ("model_type", "dict_type"):
        return f"Write it as a section: [{place}]."
    return str(fault["msg"]).replace("Input", "It") + "."


def _task_faults(values: dict[str, Any]) -> Iterator[tuple[str, Fault]]:
    """What only the task knows: its columns, its scores and their bounds, and its own questions."""
    key, tasks = values.get("task"), load_tasks()
    if key is None:
        yield from _faults_of_every_task(values)
    elif isinstance(key, str) and key in TASKS:
        yield from _faults_of(values, key)
    else:
        known = isinstance(key, str) and key in tasks
        problem = f"'{key}' is not built yet" if known else f"is {key!r:.60}"
        yield "task", (problem, f"Built are: {', '.join(TASKS)}." if known else did_you_mean(str(key), list(tasks)))


def _faults_of(values: dict[str, Any], key: str) -> Iterator[tuple[str, Fault]]:
    columns, options = _columns(_section(values, "data")), _section(values, "task_options")
    yield from _column_faults(columns, load_task(key))
    yield from _training_faults(_section(values, "training"), load_task(key))
    faults = dict(_option_faults(options, load_tasks()[key]))
    yield from faults.items()
    if not faults:
        yield from _goal_faults(_section(values, "goal"), load_task(key, options, columns))


def _faults_of_every_task(values: dict[str, Any]) -> Iterator[tuple[str, Fault]]:
    """What no kind of task takes; what only some take narrows what it can be, and is checked once that is settled."""
    found = [dict(_faults_of(values, key)) for key in TASKS]
    common = [place for place in found[0] if all(place in faults for faults in found)]
    fields = [field for field in DataSource.model_fields if field != "columns"]
    known = {
        "data": [*(key for task in TASKS for key in keys_of(task)), *fields],
        "task_options": [each.key for task in TASKS for each in load_tasks()[task].questions if each.section != "data"],
        "goal": [metric for task in TASKS for metric in load_tasks()[task].metrics],
    }
    for place in common:
        section, _, name = place.partition(".")
        problem, fix = found[0][place]
        if "is not a" in problem:
            given = str(_section(values, "goal").get("metric")) if section == "goal" else name
            fix = did_you_mean(given, list(dict.fromkeys(known[section])))
        yield place, (problem.replace("of this task", "of any kind of task"), fix)
    if not common and all(found):
        yield (
            "task",
            (
                "is left out, and no kind of task takes all that is said",
                "Say which it is, or take out what is not its own.",
            ),
        )


def _training_faults(training: dict[str, Any], task: Task) -> Iterator[tuple[str, Fault]]:
    """What the task, or another value beside it, does not allow."""
    if training.get("strategy") == "probe_then_fine_tune" and not task.starts_from_probe:
        because = "is 'probe_then_fine_tune', but the model reads texts together, and the probe apart"
        yield "training.strategy", (because, "Write 'fine_tune', or leave it out.")
    rows, parts = training.get("batch_size"), training.get("accumulation_steps")
    if isinstance(rows, int) and isinstance(parts, int) and parts > 0 and rows % parts:
        yield "training.accumulation_steps", (f"is {parts}", f"Write a number that {rows} can be divided by.")
    for other in ("l1", "reinitialised_layers"):
        if training.get("lora_rank") and training.get(other):
            because = f"is {training[other]}, but with lora_rank weights stay as they are"
            yield f"training.{other}", (because, "Leave it out, or lora_rank.")


def _cost_faults(goal: dict[str, Any], task: Task) -> Iterator[tuple[str, Fault]]:
    """Costs are for tasks with one label a row, and are themselves the score that counts."""
    if not takes_costs(task):
        fix = "Costs are for one label a row: text-classification, text-pair-classification."
        yield "goal.costs", (f"cannot be used for {task.key}", fix)
    elif goal.get("metric") not in (None, EXPECTED_COST):
        yield (
            "goal.metric",
            (
                f"is '{goal['metric']}', but with costs their expected value counts",
                f"Leave `metric` out, or take `costs` out; '{goal['metric']}' stands beside it anyway.",
            ),
        )


def _column_faults(columns: dict[str, Any], task: Task) -> Iterator[tuple[str, Fault]]:
    roles = {role.key: role for layout in task.layouts for role in layout.roles}
    known = [*roles, *task.data_keys]
    for name, column in columns.items():
        if name not in known:
            fields = [field for field in DataSource.model_fields if field != "columns"]
            yield f"data.{name}", ("is not a key of [data]", did_you_mean(name, [*known, *fields]))
        elif isinstance(column, list) and not (name in roles and roles[name].many):
            yield f"data.{name}", (f"is {column!r:.60}", "Write the name of one column.")
    yield from _twice(columns, roles)
    named = set(columns) & set(roles)
    if named and not any(named <= {role.key for role in layout.roles} for layout in task.layouts):
        ways = "; or ".join(", ".join(role.key for role in layout.roles) for layout in task.layouts)
        yield "data", (f"names columns that do not go together: {', '.join(sorted(named))}", f"Name {ways}.")


def _twice(columns: dict[str, Any], roles: Collection[str]) -> Iterator[tuple[str, Fault]]:
    """Columns that fill two roles: what goes in would be the answer itself, or a text its own pair."""
    filled: dict[str, str] = {}
    for role in roles:
        given = columns.get(role, [])
        for column in given if isinstance(given, list) else [given]:
            if str(column) in filled:
                yield (
                    f"data.{role}",
                    (f"is '{column}', as {filled[str(column)]} is", "Name a column of its own for each."),
                )
            filled.setdefault(str(column), role)


def _option_faults(options: dict[str, Any], rules: TaskRules) -> Iterator[tuple[str, Fault]]:
    questions = {question.key: question for question in rules.questions if question.section == "task_options"}
    for name, value in options.items():
        place = f"task_options.{name}"
        if name not in questions:
            yield place, ("is not a question of this task", did_you_mean(name, list(questions)))
        elif questions[name].choices and str(value) not in questions[name].choices:
            yield place, (f"is {value!r:.60}", f"Write one of: {', '.join(questions[name].choices)}.")
        elif questions[name].number and as_number(value) is None:
            yield place, (f"is {value!r:.60}", "Write a number.")


def _section(values: dict[str, Any], name: str) -> dict[str, Any]:
    found = values.get(name)
    return found if isinstance(found, dict) else {}


def _columns(data: dict[str, Any]) -> dict[str, Any]:
    flat = {name: column for name, column in data.items() if name not in DataSource.model_fields}
    return _section(data, "columns") | flat


def _goal_faults(goal: dict[str, Any], task: Task) -> Iterator[tuple[str, Fault]]:
    if goal.get("costs") is not None:
        faults = list(_cost_faults(goal, task))
        yield from faults
        if faults:
            return
        task = task.configure({"costs": "{}"}, {})  # its labels are checked once the data is read
    asked = goal.get("metric") or next(iter(task.metrics))
    if not isinstance(asked, str) or asked not in task.metrics:
        yield "goal.metric", (f"'{asked}' is not a score of this task", did_you_mean(str(asked), list(task.metrics)))
        return
    low, high = task.metrics[asked].bounds
    for name, least, most in (("good_enough", low, high), ("useful_gain", 0.0, high - low)):
        value = goal.get(name)
        if isinstance(value, int) and abs(value) > LARGEST_GOAL:
            yield f"goal.{name}", ("is far too large", f"Write a number up to {LARGEST_GOAL:g}.")
        elif isinstance(value, int | float) and not (least <= value <= most and math.isfinite(value)):
            percent = f" Write {value / 100:g} for {value:g} of a hundred." if most == 1 < value <= 100 else ""
            span = f"lie between {least:g} and {most:g}" if math.isfinite(most - least) else _open_span(least, most)
            yield f"goal.{name}", (f"is {value:g}", f"It has to {span}.{percent}")


def takes_costs(task: Task) -> bool:
    """Whether mistakes of a task can have costs."""
    return EXPECTED_COST in task.configure({"costs": "{}"}, {}).metrics


def _open_span(least: float, most: float) -> str:
    return f"be a number, at least {least:g}" if most == math.inf else f"be at most {most:g}"


def _keys_beside(place: tuple[int | str, ...]) -> list[str]:
    record: type[Record] = Answers
    for part in place[:-1]:
        annotation = record.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, Record)):
            return []
        record = annotation
    return list(record.model_fields)


def did_you_mean(name: str, known: list[str]) -> str:
    """The near one of what is known, or all of it."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    return f"{hint}Known are: {', '.join(known)}." if known else "There are none."


def save_answers(answers: Answers, path: Path) -> None:
    """Write the answers that were given; what was not asked stays out, so that it is still "not asked" when read back."""
    values = answers.model_dump(exclude_unset=True, exclude_none=True)
    values["data"].update(values["data"].pop("columns", {}))
    write_toml({"schema_version": answers.schema_version, **values}, path)


def write_toml(values: dict[str, Any], path: Path) -> None:
    """Write values so that a reader sees the old file or the new one, never half of it.

    Raises:
        RunFolderError: The folder cannot take it.
    """
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(tomlkit.dumps(values), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise RunFolderError(
            f"'{path}' cannot be written: {error.strerror}.", "Free some space or choose another folder."
        ) from error
