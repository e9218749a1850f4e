"""Which columns hold what: as the user said, else detected, and refused when two readings are plausible."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.errors import AnswersError
from advisor.records import Answers
from advisor.rulebook import load_tasks
from pipeline.data.preview import preview
from pipeline.errors import DataError
from pipeline.task import Column, Layout, Role, Task, load_task


def settle_columns(answers: Answers, folder: Path) -> Answers:
    """Fill in the columns that the answers leave open.

    Raises:
        DataError: The file has one column only, or lacks a column that was named.
        AnswersError: No column, or more than one, could fill a role; or a question of the task has no answer.
    """
    task = load_task(answers.task)
    seen = preview(answers.data, folder, whole=True)
    name = answers.data.name
    if seen.columns and len(seen.columns) == 1:
        raise DataError(
            f"'{name}' has only one column: '{seen.columns[0][:60]}'.",
            "One for what goes in and one for the answer are needed; when its columns are split at another character, "
            "set `delimiter`.",
        )
    columns: dict[str, Any] = dict(answers.data.columns)
    layouts = possible_layouts(task, columns)
    if not any(is_named(layout, columns) for layout in layouts):
        if not seen.columns:
            seen = preview(answers.data, folder, whole=True, from_hub=True)
        columns |= _detect(task, layouts, columns, seen.rows, name)
    settled = answers.model_copy(update={"data": answers.data.model_copy(update={"columns": columns})})
    _refuse_open_questions(settled)
    return settled


def possible_layouts(task: Task, columns: Mapping[str, Any]) -> list[Layout]:
    """The layouts that hold every role that was named; where several could, one whose inputs were named in part cannot.

    A person who names one text and not the other says that there is one.
    """
    roles = {role.key: role for layout in task.layouts for role in layout.roles}
    named = {key for key in columns if key in roles}
    found = [layout for layout in task.layouts if named <= {role.key for role in layout.roles}]
    if len(found) == 1 or not any(roles[key].required_to_predict for key in named):
        return found
    return [layout for layout in found if all(role.key in named for role in layout.roles if role.required_to_predict)]


def is_named(layout: Layout, columns: Mapping[str, Any]) -> bool:
    """Whether every column of a layout was named."""
    return all(role.key in columns for role in layout.roles)


def clear_columns(
    layout: Layout, columns: Mapping[str, Any], found: Mapping[str, Sequence[Column]]
) -> dict[str, Column] | Role:
    """A column for each role that is open, or the first role that has none or more than one."""
    taken = {str(column) for column in columns.values()}
    clear: dict[str, Column] = {}
    for role in layout.roles:
        if role.key in columns:
            continue
        likely = [column for column in found.get(role.key, []) if str(column) not in taken]
        if len(likely) != 1:
            return role
        clear[role.key] = likely[0]
        taken.add(str(likely[0]))
    return clear


def _detect(
    task: Task, layouts: Sequence[Layout], columns: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], name: str
) -> dict[str, Column]:
    found = task.detect_columns(rows)
    unclear: list[Role] = []
    for layout in layouts:
        clear = clear_columns(layout, columns, found)
        if isinstance(clear, dict):
            return clear
        unclear.append(clear)
    empty = [sum(not found.get(role.key) for role in layout.roles) for layout in layouts]
    role = next(role for role, count in zip(reversed(unclear), reversed(empty), strict=True) if count == min(empty))
    taken = {str(column) for column in columns.values()}
    likely = [shown_column(column) for column in found.get(role.key, []) if str(column) not in taken]
    every = list(dict.fromkeys(key for row in rows for key in row))
    plausible = f"could be any of: {', '.join(likely)}" if likely else f"is in none of: {', '.join(every)}"
    raise AnswersError(
        f"Which column of '{name}' holds {role.holds}? It {plausible}.",
        f'Name it: `{_flag(role)}`, or `{role.key} = "COLUMN"` under [data].',
    )


def shown_column(column: Column) -> str:
    """A column, or several, for people."""
    return column if isinstance(column, str) else " + ".join(column)


def _flag(role: Role) -> str:
    return f"--{role.key} COLUMN" if role.key in ("text", "label") else f"--column {role.key}=COLUMN"


def _refuse_open_questions(answers: Answers) -> None:
    for question in load_tasks()[answers.task].asked(answers.data.columns):
        if question.required and question.key not in answers.task_options:
            choices = " or ".join(f"{question.key}={value}" for value in question.choices)
            raise AnswersError(
                f"{question.question} That is not said.",
                f'Say `--option {choices}`, or `{question.key} = "…"` under [task_options]. {question.help}',
            )
