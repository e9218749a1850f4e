"""Which kind of task the data is for and which columns hold what: as the user said, else detected, and never guessed in silence."""

import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from advisor.errors import AnswersError
from advisor.records import Answers
from advisor.rule_records import ColumnRules
from advisor.rulebook import load_columns, load_tasks
from pipeline.data.columns import Reading, Shape, fitting_shapes, open_roles, read_columns
from pipeline.data.preview import Preview, preview
from pipeline.errors import DataError
from pipeline.records import name_of
from pipeline.task import TASKS, Column, Role, load_task

FLAGS = ("text", "label")
"""Roles that have an option of the command line of their own."""

MOST_ASKED = 6
"""Readings that a person is asked about at most."""


@dataclass(frozen=True)
class Settled:
    """Answers that say the kind of task and all its columns.

    Attributes:
        answers: The answers, filled in.
        reading: How the columns were read, where that was left open and nobody was asked.
    """

    answers: Answers
    reading: Reading | None = None


Confirm = Callable[[Answers, Preview, list[Reading]], Answers]
"""Asks a person which reading is right."""


def settle_columns(answers: Answers, folder: Path, confirm: Confirm | None = None) -> Settled:
    """Fill in the kind of task and the columns that the answers leave open.

    Args:
        answers: What the user said; columns and other answers that only some kinds of task know narrow what it can be.
        folder: What relative paths are relative to.
        confirm: Asks a person where it is not clear; without, it is refused.

    Raises:
        DataError: The file has one column only, or cannot be read.
        AnswersError: More than one reading is plausible, or none; what the data is for is not built; or a question of the
            task has no answer.
    """
    said = _said_in_full(answers)
    settled = Settled(said) if said is not None else _detect(answers, folder, confirm)
    _refuse_open_questions(settled.answers)
    return settled


def _said_in_full(answers: Answers) -> Answers | None:
    """The answers with their task, when what was named leaves only one; None when something has to be detected."""
    columns = answers.data.columns
    shapes = [shape for shape in fitting_shapes(columns, possible_tasks(answers)) if set(shape.roles) <= set(columns)]
    tasks = {shape.task for shape in shapes}
    return answers.model_copy(update={"task": tasks.pop()}) if len(tasks) == 1 else None


def possible_tasks(answers: Answers) -> list[str] | None:
    """The kinds of task that it can be: the one that was said, or those that know everything else that was; None for all."""
    if answers.task is not None:
        return [answers.task]
    columns, options, metric = answers.data.columns, answers.task_options, answers.goal.metric
    return tasks_that_know(columns, options, metric) if columns or options or metric else None


def tasks_that_know(columns: Collection[str], options: Collection[str], metric: str | None) -> list[str]:
    """The kinds of task that are built and know all these columns together, these questions and this score."""
    rules = load_tasks()
    return [
        key
        for key in TASKS
        if (metric is None or metric in rules[key].metrics)
        and set(options) <= {question.key for question in rules[key].questions if question.section == "task_options"}
        and set(columns) <= set(keys_of(key))
        and fitting_shapes(dict.fromkeys(columns, ""), [key])
    ]


def keys_of(task: str) -> list[str]:
    """The keys of `[data]` that are a task's own: its roles, and what else it asks of the data."""
    built = load_task(task)
    return list(dict.fromkeys([*(role.key for layout in built.layouts for role in layout.roles), *built.data_keys]))


def _detect(answers: Answers, folder: Path, confirm: Confirm | None) -> Settled:
    seen = preview(answers.data, folder, whole=True)
    tasks, columns = possible_tasks(answers), answers.data.columns
    if not seen.columns:
        seen = preview(answers.data, folder, whole=True, from_hub=True)
    rules = load_columns()
    readings = read_columns(seen.rows, rules.signs, columns, tasks)
    refuse_one_column(seen, readings)
    reading = clear_reading(readings, rules)
    if reading is not None and reading.task in TASKS:
        return Settled(read_as(answers, reading), reading)
    if confirm is not None:
        return Settled(confirm(answers, seen, readings))
    if reading is not None:
        raise not_built(reading, seen)
    raise _unclear(answers, seen, readings, rules)


def refuse_one_column(seen: Preview, readings: Sequence[Reading]) -> None:
    """Refuse a file with one column, unless rows of some kind stand in one, such as messages.

    Raises:
        DataError: It has one column.
    """
    whole = any("text" not in reading.columns for reading in readings)
    if len(seen.columns) == 1 and not whole:
        raise DataError(
            f"'{name_of(seen.path)}' has only one column: '{seen.columns[0][:60]}'.",
            "One for what goes in and one for the answer are needed; when its columns are split at another character, "
            "set `delimiter`.",
        )


def clear_reading(readings: Sequence[Reading], rules: ColumnRules) -> Reading | None:
    """The reading that can be taken without a question, or None."""
    likely = plausible_readings(readings, rules)
    return likely[0] if len(likely) == 1 and likely[0].confidence >= rules.taken.value else None


def plausible_readings(readings: Sequence[Reading], rules: ColumnRules) -> list[Reading]:
    """The readings that a person would be asked about, the likeliest few first."""
    best = max((reading.confidence for reading in readings), default=0.0)
    found = [reading for reading in readings if reading.confidence >= min(rules.plausible.value, best / 2)]
    return found[:MOST_ASKED]


def read_as(answers: Answers, reading: Reading) -> Answers:
    """The answers with task and columns as they are read."""
    data = answers.data.model_copy(update={"columns": {**answers.data.columns, **reading.columns}})
    return answers.model_copy(update={"task": reading.task, "data": data})


def say_reading(reading: Reading) -> str:
    """What a reading takes the data for, for people."""
    columns = ", ".join(f"{key} is {shown_column(column)}" for key, column in reading.columns.items())
    return f"{load_tasks()[reading.task].title}: {columns}"


def say_confidence(confidence: float) -> str:
    """How sure a reading is; never all sure, which nothing is."""
    return f"{min(99, round(100 * confidence))} % sure"


def shown_column(column: Column) -> str:
    """A column, or several, for people."""
    return f"'{column}'" if isinstance(column, str) else " + ".join(f"'{name}'" for name in column)


def say_flags(reading: Reading) -> str:
    """The options of the command line that say a reading."""
    keys = [
        f"--{key} {shlex.quote(name)}" if key in FLAGS else f"--column {shlex.quote(f'{key}={name}')}"
        for key, column in reading.columns.items()
        for name in ([column] if isinstance(column, str) else column)
    ]
    return " ".join([f"--task {reading.task}", *keys])


def say_lines(reading: Reading) -> str:
    """The lines of an answers file that say a reading."""
    document = tomlkit.document()
    document.add("task", tomlkit.item(reading.task))
    document.add("data", tomlkit.item(dict(reading.columns)))
    return tomlkit.dumps(document).strip()


def not_built(reading: Reading, seen: Preview) -> AnswersError:
    """The refusal of data that is clearly for a kind of task that is not built."""
    return AnswersError(
        f"'{name_of(seen.path)}' is data for {say_reading(reading)} ({say_confidence(reading.confidence)}). "
        "That kind of task is not built yet.",
        f"Built are: {', '.join(TASKS)}. Where it is one of those, say so with --task and name its columns.",
    )


def _unclear(answers: Answers, seen: Preview, readings: Sequence[Reading], rules: ColumnRules) -> AnswersError:
    likely = plausible_readings(readings, rules)
    if not likely:
        return _nothing_fits(answers, seen, rules)
    name = name_of(seen.path)
    ways = [f"{say_reading(reading)} ({say_confidence(reading.confidence)})" for reading in likely]
    built = [reading for reading in likely if reading.task in TASKS]
    lines = [
        line
        for reading in built
        for line in (f"{say_reading(reading)}:", f"  {say_flags(reading)}", *_indented(say_lines(reading)))
    ]
    said = (
        "Say which it is, by options or in an answers file."
        if len(built) > 1
        else "Say so, by options or in an answers file."
    )
    fix = [said, *lines] if built else ["None of these is built yet. Say what it is with --task, and name the columns."]
    how = "can be read in more than one way" if len(likely) > 1 else "is not clear enough to go on without being told"
    return AnswersError(f"'{name}' {how}: {'; or '.join(ways)}.", "\n".join(fix))


def _indented(lines: str) -> list[str]:
    return [f"    {line}" for line in lines.splitlines() if line]


def _nothing_fits(answers: Answers, seen: Preview, rules: ColumnRules) -> AnswersError:
    """The refusal where no reading is plausible: what the likeliest shape lacks, or that nothing fits."""
    name, every = name_of(seen.path), ", ".join(seen.columns)
    tasks = possible_tasks(answers)
    if answers.task is None and tasks is None:
        return AnswersError(
            f"No kind of task is plain from the columns of '{name}': {every}.",
            f"Say what it is with --task ({', '.join(TASKS)}), and name its columns: {_flags_of(next(iter(TASKS)), {})}.",
        )
    shapes = fitting_shapes(answers.data.columns, tasks)
    missing = [(shape, open_roles(seen.rows, rules.signs, answers.data.columns, shape)) for shape in shapes]
    shape, roles = min(reversed(missing), key=lambda found: len(found[1]))
    lacking = roles[0] if roles else shape.roles[-1]
    role = next(role for role in roles_of(shape) if role.key == lacking)
    return AnswersError(
        f"Which column of '{name}' holds {role.holds}? It is in none of: {every}.",
        f'Name it: `{_flag(role.key)}`, or `{role.key} = "COLUMN"` under [data].',
    )


def roles_of(shape: Shape) -> tuple[Role, ...]:
    """The roles of a shape of a task that is built, with what each holds."""
    layouts = load_task(shape.task).layouts
    return next(layout.roles for layout in layouts if {role.key for role in layout.roles} == set(shape.roles))


def _flags_of(task: str, columns: Mapping[str, Any]) -> str:
    """The options that name what is open of a task's last shape, the plainest."""
    shape = fitting_shapes(columns, [task])[-1]
    return " ".join(_flag(role) for role in shape.roles if role not in columns)


def _flag(role: str) -> str:
    return f"--{role} COLUMN" if role in FLAGS else f"--column {role}=COLUMN"


def _refuse_open_questions(answers: Answers) -> None:
    for question in load_tasks()[answers.settled_task].asked(answers.data.columns):
        if question.required and question.key not in answers.task_options:
            choices = " or ".join(f"{question.key}={value}" for value in question.choices)
            raise AnswersError(
                f"{question.question} That is not said.",
                f'Say `--option {choices}`, or `{question.key} = "…"` under [task_options]. {question.help}',
            )
