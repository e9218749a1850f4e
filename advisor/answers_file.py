"""Reads answers from TOML and writes them back, with the questions as comments."""

import difflib
import os
import tomllib
from pathlib import Path
from typing import Any, get_args

import tomlkit
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from tomlkit.items import Table

from advisor.errors import AnswersError, RunFolderError
from advisor.records import Answers, Ask
from pipeline.records import DataSource, Record
from pipeline.task import TASKS, load_task

SECTIONS = ("data", "goal", "budget", "models", "provenance", "expertise", "deployment", "launch")


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
    try:
        answers = Answers.model_validate(values)
    except ValidationError as error:
        faults = [_fault(fault) for fault in error.errors()]
        raise AnswersError(
            "; ".join(f"'{name}': {problem}" for problem, _ in faults) + ".", " ".join(fix for _, fix in faults)
        ) from error
    if answers.task not in TASKS:
        raise AnswersError(f"'{name}': the task '{answers.task}' is not built yet.", f"Built are: {', '.join(TASKS)}.")
    _check_roles(answers, name)
    return answers


def _check_roles(answers: Answers, name: str) -> None:
    roles = [role.key for role in load_task(answers.task).roles]
    unknown = [key for key in answers.data.columns if key not in roles]
    if unknown:
        known = [*roles, *(field for field in DataSource.model_fields if field != "columns")]
        raise AnswersError(f"'{name}': data.{unknown[0]} is not a key of [data].", _did_you_mean(unknown[0], known))
    metrics = load_task(answers.task).metrics
    if answers.goal.metric is not None and answers.goal.metric not in metrics:
        raise AnswersError(
            f"'{name}': goal.metric '{answers.goal.metric}' is not a score of this task.",
            _did_you_mean(answers.goal.metric, list(metrics)),
        )


def _fault(fault: Any) -> tuple[str, str]:
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{place} is not a known key", _did_you_mean(str(fault["loc"][-1]), _keys_beside(fault["loc"]))
    if fault["type"] == "missing":
        return f"{place} is missing", "Add it: `advisor init` shows every key."
    if fault["type"] == "literal_error" and place == "schema_version":
        return f"schema_version is {fault['input']!r}", "This program reads version 1."
    message = fault["msg"][0].lower() + fault["msg"][1:]
    return f"{place} is {fault['input']!r:.60}", f"{place}: {message}."


def _keys_beside(place: tuple[int | str, ...]) -> list[str]:
    record: type[Record] = Answers
    for part in place[:-1]:
        annotation = record.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, Record)):
            return []
        record = annotation
    return list(record.model_fields)


def _did_you_mean(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean '{near[0]}'? " if near else ""
    return f"{hint}Known are: {', '.join(known)}."


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


def write_template(path: Path) -> None:
    """Write the commented answers file.

    Raises:
        AnswersError: The file is there already, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(commented_template())
    except FileExistsError as error:
        raise AnswersError(f"'{path}' is already there.", "Give another name: `advisor init other.toml`.") from error
    except OSError as error:
        raise AnswersError(
            f"'{path}' cannot be written: {error.strerror}.", "Choose a folder that you may write to."
        ) from error


def commented_template() -> str:
    """An answers file with every question as a comment above its key; keys that have a default are commented out."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Answers for `advisor assess answers.toml`. Only [data] train is needed;"))
    document.add(tomlkit.comment("take away the # in front of a key to answer its question."))
    document.add("schema_version", tomlkit.item(1))
    document.add("task", tomlkit.item("text-classification"))
    document.add(tomlkit.comment("seed = 13"))
    for section in SECTIONS:
        document.add(tomlkit.nl())
        document.add(section, _data_section() if section == "data" else _section(Answers.model_fields[section]))
    return tomlkit.dumps(document)


def _data_section() -> Table:
    table = tomlkit.table()
    fields = DataSource.model_fields
    table.add(tomlkit.comment(fields["train"].description or ""))
    table.add("train", "reviews.csv")
    table.add(tomlkit.comment("Columns; detected when not given, and refused when two readings are plausible."))
    for role in load_task("text-classification").roles:
        table.add(tomlkit.comment(f'{role.key} = "{role.key}"  # {role.holds}'))
    for name in ("validation", "test", "encoding", "delimiter", "max_rows", "splits"):
        table.add(tomlkit.comment(f"{name} =   # {fields[name].description}"))
    table.add(tomlkit.comment(f'phrases = {{ "0" = "a negative review" }}  # {fields["phrases"].description}'))
    return table


def _section(field: FieldInfo) -> Table:
    record = field.annotation
    assert isinstance(record, type)
    assert issubclass(record, Record)
    table = tomlkit.table()
    for name, info in record.model_fields.items():
        ask = next((note for note in info.metadata if isinstance(note, Ask)), None)
        if ask is not None:
            table.add(tomlkit.comment(ask.question))
        table.add(tomlkit.comment(info.description or ""))
        options = [value for value in get_args(info.annotation) if isinstance(value, str)]
        if options:
            table.add(tomlkit.comment(f"One of: {', '.join(options)}."))
        default = info.get_default(call_default_factory=True)
        shown = "" if default is None else tomlkit.item(default).as_string()
        table.add(tomlkit.comment(f"{name} = {shown}"))
    return table
