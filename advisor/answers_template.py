"""Writes an answers file with every question as a comment, for `advisor init`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import tomlkit
from pydantic.fields import FieldInfo
from tomlkit.items import Table

from advisor.answers_file import SECTIONS, did_you_mean, takes_costs
from advisor.errors import AnswersError
from advisor.records import Answers, Ask
from advisor.rule_records import TaskQuestion
from advisor.rulebook import load_tasks
from pipeline.records import DataSource, Record
from pipeline.task import TASKS, load_task


def write_template(path: Path, task: str | None) -> None:
    """Write the commented answers file of a task, or one that leaves the task to be detected.

    Raises:
        AnswersError: The task is not built, or the file is there already or cannot be written.
    """
    if task is not None and task not in TASKS:
        raise AnswersError(f"The task '{task}' is not built.", did_you_mean(task, list(TASKS)))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(commented_template(task))
    except FileExistsError as error:
        raise AnswersError(f"'{path}' is already there.", "Give another name: `advisor init other.toml`.") from error
    except OSError as error:
        raise AnswersError(
            f"'{path}' cannot be written: {error.strerror}.", "Choose a folder that you may write to."
        ) from error


_EXAMPLES: dict[str, Any] = {
    "name": "reviews",
    "validation": "validation.csv",
    "test": "test.csv",
    "annotators": ["annotator_a", "annotator_b"],
    "format": "delimited",
    "encoding": "cp1252",
    "delimiter": ";",
    "quote": "'",
    "header": False,
    "sheet": "Reviews",
    "query": "SELECT body, stars FROM reviews",
    "config": "en",
    "revision": "main",
    "max_rows": 5000,
    "slices": ["source"],
    "other_tasks": ["topics.csv"],
    "splits": "../earlier-run/splits.parquet",
    "phrases": {"0": "a negative review", "1": "a positive review"},
    "metric": "macro_f1",
    "good_enough": 0.95,
    "useful_gain": 0.03,
    "costs": {"ham": {"spam": 10}, "spam": {"ham": 1}},
    "memory_gib": 8,
    "price_per_hour": 1.2,
    "max_latency_ms": 50,
    "max_model_mb": 500,
    "language": "en",
}
"""What a key that has no default may look like."""


def commented_template(asked: str | None) -> str:
    """An answers file with every question as a comment above its key; all keys but the data file are commented out.

    Without a task it shows the columns of the first, and leaves it to be detected.
    """
    task = asked if asked is not None else next(iter(TASKS))
    examples = _EXAMPLES | {"metric": next(iter(load_task(task).metrics))}
    document = tomlkit.document()
    document.add(tomlkit.comment("Answers for `advisor assess answers.toml`. Only [data] train is needed;"))
    document.add(tomlkit.comment("take away the # in front of a key to answer its question."))
    document.add("schema_version", tomlkit.item(1))
    if asked is None:
        document.add(
            tomlkit.comment(
                "The kind of task; detected when left out. `advisor init --task KEY` shows another's columns."
            )
        )
        document.add(tomlkit.comment(f"One of: {', '.join(TASKS)}."))
        document.add(tomlkit.comment(f"task = {_inline(task)}"))
    else:
        document.add("task", tomlkit.item(asked))
    for name in ("name", "seed"):
        _add_commented(document, name, Answers.model_fields[name])
    for section in SECTIONS:
        document.add(tomlkit.nl())
        document.add(section, _data_table(task) if section == "data" else _table(section, task, examples))
    own = [question for question in load_tasks()[task].questions if question.section == "task_options"]
    if own:
        document.add(tomlkit.nl())
        table = tomlkit.table()
        for question in own:
            _add_question(table, question)
        document.add("task_options", table)
    return tomlkit.dumps(document)


def _add_question(table: Table, question: TaskQuestion) -> None:
    """A question of one task, with its help and choices, and whether it has to be answered."""
    where = f" where there is a column of {' or '.join(question.only_with)}" if question.only_with else ""
    needed = [f"It has to be answered{where}."] if question.required else []
    choices = [f"{value}: {said}" for value, said in question.choices.items()]
    for line in [question.question, question.help, *choices, *needed]:
        table.add(tomlkit.comment(line))
    example = next(iter(question.choices), question.example)
    table.add(tomlkit.comment(f"{question.key} = {_inline(example)}{'' if question.required else '  # an example'}"))


def _data_table(key: str) -> Table:
    table = tomlkit.table()
    fields = DataSource.model_fields
    table.add(tomlkit.comment(fields["train"].description or ""))
    table.add("train", "reviews.csv")
    table.add(tomlkit.comment("Columns; detected when not given, and refused when two readings are plausible."))
    task = load_task(key)
    for place, layout in enumerate(task.layouts):
        if len(task.layouts) > 1:
            table.add(tomlkit.comment(f"{'Either' if place == 0 else 'or'} {layout.title}:"))
        for role in layout.roles:
            several = "; a list where there are several" if role.many else ""
            table.add(tomlkit.comment(f'{role.key} = "{role.key}"  # {role.holds}{several}'))
    for question in load_tasks()[key].questions:
        if question.section == "data":
            _add_question(table, question)
    known = [name for name in fields if name not in ("train", "columns")]
    for name in known:
        _add_commented(table, name, fields[name])
    return table


def _table(section: str, task: str, examples: Mapping[str, Any]) -> Table:
    record = Answers.model_fields[section].annotation
    assert isinstance(record, type)
    assert issubclass(record, Record)
    table = tomlkit.table()
    for name, info in record.model_fields.items():
        if name != "costs" or takes_costs(load_task(task)):
            _add_commented(table, name, info, examples)
    return table


def _add_commented(
    place: tomlkit.TOMLDocument | Table, name: str, info: FieldInfo, examples: Mapping[str, Any] = _EXAMPLES
) -> None:
    """A key that is commented out, with its default or, where there is none, an example; question and help above it."""
    ask = next((note for note in info.metadata if isinstance(note, Ask)), None)
    options = [value for value in get_args(info.annotation) if isinstance(value, str)]
    default = info.get_default(call_default_factory=True)
    own = info.examples[0] if info.examples else examples.get(name)
    example = not default and own is not None
    lines = [
        ask.question if ask is not None else "",
        info.description or "",
        f"One of: {', '.join(options)}." if options else "",
        f"{name} = {_inline(own if example else default)}{'  # an example' if example else ''}",
    ]
    for line in lines:
        if line:
            place.add(tomlkit.comment(line))


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{tomlkit.item(key).as_string()} = {_inline(each)}" for key, each in value.items()) + " }"
        )
    return str(tomlkit.item(value).as_string())
