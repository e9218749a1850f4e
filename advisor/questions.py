"""What the questionnaire asks next, from the answers so far. Free of the terminal.

A question for every task is a field of `Answers` that carries an `Ask`; a question of one task stands in its rule file.
The few that depend on the data (task, file, columns, what labels mean) are made here.
"""

import functools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from advisor.cells import fit, plain
from advisor.columns import refuse_one_column
from advisor.confirmation import OTHER, Confirmation, key_of, shown
from advisor.errors import AnswersError
from advisor.records import Answers, Ask
from advisor.rule_records import TaskQuestion
from advisor.rulebook import load_columns, load_tasks
from pipeline.data.columns import SHAPES, Reading, read_columns
from pipeline.data.preview import Preview, preview
from pipeline.data.values import as_label, as_list, as_number
from pipeline.records import DataSource, Record
from pipeline.task import TASKS, Column, Layout, Task, load_task

MANY_LABELS = 20
"""More labels than this are not asked for one by one unless the person wishes it."""

Values = dict[str, Any]
"""The answers so far, in the form of an answers file."""
Place = tuple[str, ...]
"""Where an answer stands among them: section, then key."""
READING: Place = ("interview", "reading")
"""Where a draft keeps which reading of the data was chosen."""
_ABOUT_A_TASK: Sequence[Place] = (
    *(
        ("data", key)
        for key in ("label_delimiter", "phrases", *dict.fromkeys(role for s in SHAPES for role in s.roles))
    ),
    ("goal",),
    ("task_options",),
    ("interview", "layout"),
    ("interview", "phrases"),
)
"""Values that make no sense any more when the task changes."""


@dataclass(frozen=True)
class Question:
    """What to ask next, and where the answer goes among the values: section, then key."""

    place: Place
    text: str
    help: str
    choices: Sequence[tuple[Any, str]] = ()
    """Pairs of value and what a person reads, detail after two spaces; without any the answer is typed."""
    unbuilt: Sequence[str] = ()
    """Further choices that are shown and cannot be taken."""
    read: Callable[[str], Any] = str
    """Makes the answer of what was typed, or raises an error with problem and fix."""
    default: Any = None
    optional: bool = False
    above: str = ""
    also: Mapping[Any, Mapping[Place, Any]] = field(default_factory=dict)
    """Further values that go with an answer."""
    forgets: Sequence[Place] = ()
    """Values that make no sense any more when this answer changes."""

    @property
    def key(self) -> str:
        """The place as one dotted name."""
        return ".".join(self.place)


def questions(values: Values, width: int) -> Iterator[Question]:
    """Every question that these answers lead to, in the order in which they are asked.

    Args:
        values: The answers so far.
        width: Columns of the terminal.

    Raises:
        DataError: The data file that was named cannot be read.
    """
    yield _data_question(values)
    yield from reading_questions(values, width, look(values["data"]["train"]))
    for own in load_tasks()[values["task"]].asked(values["data"]):
        yield _own_question(values, own)
    yield from _phrase_questions(values)
    yield from _field_questions(values, Answers, ())


def reading_questions(values: Values, width: int, seen: Confirmation) -> Iterator[Question]:
    """The one screen that shows how the data is read; on wish, and for data on the hub, task and columns one by one."""
    if seen.found.rows:
        yield _reading_question(values, width, seen)
        if get(values, READING) != OTHER:
            return
    yield _task_question(values, width)
    yield from _column_questions(values, seen)


def _reading_question(values: Values, width: int, seen: Confirmation) -> Question:
    return Question(
        READING,
        seen.question(),
        _say_roles(seen.best) if seen.best else "Each is one way to read the file.",
        choices=seen.choices(width - 3),
        unbuilt=seen.unbuilt(width - len(" »  -  (not built yet)")),
        default=get(values, READING),
        above=seen.above(width),
        also={
            key_of(reading): {
                ("task",): reading.task,
                **{("data", key): column for key, column in reading.columns.items()},
            }
            for reading in seen.built
        },
        forgets=[("task",), *_ABOUT_A_TASK],
    )


def _say_roles(reading: Reading) -> str:
    """What each column of a reading holds."""
    layouts = load_task(reading.task).layouts
    layout = next(each for each in layouts if {role.key for role in each.roles} <= set(reading.columns))
    return "; ".join(f"{role.key} is {role.holds}" for role in layout.roles) + "."


def _own_question(values: Values, own: TaskQuestion) -> Question:
    place = (own.section, own.key)
    return Question(
        place,
        own.question,
        own.help,
        choices=tuple(own.choices.items()),
        read=_read_number if own.number else str,
        default=get(values, place),
        optional=not own.required,
        forgets=[("data", "phrases")] if own.section == "data" else [],
    )


def _read_number(typed: str) -> str:
    if as_number(typed) is None:
        raise _misread(typed, "float_parsing", "")
    return typed


def _task_question(values: Values, width: int) -> Question:
    tasks = load_tasks().values()
    longest = max(len(task.title) for task in tasks)
    room = width - len(" »  -  (not built yet)")
    lines = {task.key: fit(f"{task.title:<{longest + 2}}{task.summary}", room).rstrip() for task in tasks}
    built = [task.key for task in tasks if task.metrics and task.key in TASKS]
    return Question(
        ("task",),
        "What kind of task is it?",
        "What goes into the model, and what should come out.",
        choices=[(key, lines[key]) for key in built],
        unbuilt=[lines[task.key] for task in tasks if task.key not in built],
        default=values.get("task"),
        forgets=_ABOUT_A_TASK,
    )


def _data_question(values: Values) -> Question:
    return Question(
        ("data", "train"),
        "Where are your labelled examples?",
        "A file (CSV, JSON, Parquet, Excel, SQLite, …), a pattern, a folder, a database, or the id of a data set on the hub.",
        read=_find_data,
        default=get(values, ("data", "train")),
        forgets=[("data",), ("task",), READING, *_ABOUT_A_TASK],
    )


def _find_data(typed: str) -> str:
    """The absolute path of a file, so that the answers mean the same from any folder, or a hub id as it is."""
    look.cache_clear()
    seen = look(typed.strip("'\""))
    refuse_one_column(seen.found, seen.readings)
    return seen.found.path


@functools.lru_cache(maxsize=1)
def look(train: str) -> Confirmation:
    """Some rows from all over the data, and every way to read them."""
    found = preview(DataSource(train=train), Path.cwd(), whole=True)
    return Confirmation(found, read_columns(found.rows, load_columns().signs) if found.rows else [])


def _column_questions(values: Values, seen: Confirmation) -> Iterator[Question]:
    layouts = load_task(values["task"]).layouts
    readings = read_columns(seen.found.rows, load_columns().signs, tasks=[values["task"]]) if seen.found.rows else []
    if len(layouts) > 1:
        yield _layout_question(values, layouts)
    layout = layouts[int(get(values, ("interview", "layout"), 0))]
    roles = {role.key for role in layout.roles}
    likely = next((reading.columns for reading in readings if roles <= set(reading.columns)), {})
    yield from _role_questions(values, layout, seen.found, likely)


def _layout_question(values: Values, layouts: Sequence[Layout]) -> Question:
    return Question(
        ("interview", "layout"),
        "What does a row of the file hold?",
        "It decides which columns are asked for.",
        choices=[(str(place), layout.title) for place, layout in enumerate(layouts)],
        default=get(values, ("interview", "layout")),
        forgets=[("data", role.key) for layout in layouts for role in layout.roles],
    )


def _role_questions(values: Values, layout: Layout, found: Preview, likely: Mapping[str, Column]) -> Iterator[Question]:
    taken: list[str] = []
    for role in layout.roles:
        place = ("data", role.key)
        names = [name for name in found.columns if name not in taken]
        several = likely.get(role.key)
        choices: list[tuple[Any, str]] = [(name, plain(name) or "(no name)") for name in names]
        if role.many and isinstance(several, list):
            choices.insert(0, (several, shown(several)))
        yield Question(
            place,
            f"Which column holds {role.holds}?",
            "The likeliest is marked." if found.rows else _on_the_hub(found.path),
            choices=choices if found.rows else (),
            default=get(values, place, several),
            optional=True,
            forgets=[("data", "phrases")],
        )
        taken += _flat([get(values, place, "")])


def _flat(columns: Iterable[Column]) -> list[str]:
    return [name for column in columns for name in ([column] if isinstance(column, str) else column)]


def _on_the_hub(name: str) -> str:
    return f"There is no file '{name}' here, so it is a data set on the hub. Left empty, the column is detected later."


def _phrase_questions(values: Values) -> Iterator[Question]:
    labels = _labels(values) if load_tasks()[values["task"]].templates else []
    means = DataSource.model_fields["phrases"].description or ""
    if len(labels) > MANY_LABELS:
        yield Question(
            ("interview", "phrases"),
            f"The first rows hold {len(labels)} labels. Do they say in words what they mean?",
            f"{means} They can also be written later: [data] phrases in answers.toml.",
            choices=(("skip", "yes, or later"), ("ask", "no, ask me for each")),
            default=get(values, ("interview", "phrases")),
        )
        if get(values, ("interview", "phrases")) != "ask":
            return
    for label in labels:
        place = ("data", "phrases", label)
        text = f"What does '{fit(plain(label), 40).rstrip()}' mean in words?"
        yield Question(
            place,
            text,
            f"{means} Leave empty when the label says it itself.",
            default=get(values, place),
            optional=True,
        )


def _labels(values: Values) -> list[str]:
    found = look(values["data"]["train"]).found
    roles = (role for layout in load_task(values["task"]).layouts for role in layout.roles)
    column = next(
        (named for role in roles if not role.required_to_predict and (named := get(values, ("data", role.key)))), None
    )
    if not isinstance(column, str):
        return column or []
    delimiter = get(values, ("data", "label_delimiter"))
    labels = {label for row in found.rows for label in _labels_in(row.get(column), delimiter)}
    return sorted((label for label in labels if label and label.isprintable()), key=_by_number)


def _labels_in(cell: Any, delimiter: str | None) -> list[str]:
    cells = as_list(cell)
    if cells is None:
        cells = str(cell).split(delimiter) if delimiter and cell is not None else [cell]
    return [label.strip() for each in cells if (label := as_label(each)) is not None]


def _by_number(label: str) -> tuple[float, str]:
    return (float(label) if re.fullmatch(r"-?\d+(\.\d+)?", label, re.ASCII) else math.inf, label)


def _field_questions(values: Values, record: type[Record], section: Place) -> Iterator[Question]:
    for name, info in record.model_fields.items():
        place, kind = (*section, name), info.annotation
        ask = next((note for note in info.metadata if isinstance(note, Ask)), None)
        if ask is not None:
            choices = _choices(values, place, info, ask)
            yield Question(
                place,
                ask.question,
                info.description or "",
                choices=choices,
                read=functools.partial(_read, info=info, limits=_limits(values, place)),
                default=get(values, place, choices[0][0] if info.default is None and choices else info.default),
                optional=type(None) in get_args(kind),
            )
        elif isinstance(kind, type) and issubclass(kind, Record):
            yield from _field_questions(values, kind, place)


def _choices(values: Values, place: Place, info: FieldInfo, ask: Ask) -> Sequence[tuple[Any, str]]:
    if place == ("goal", "metric"):
        return [(name, metric.title) for name, metric in _task(values).metrics.items()]
    if info.annotation is bool:
        return ((True, "yes"), (False, "no"))
    closed = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    return ask.choices or [(value, str(value)) for value in closed]


def _task(values: Values) -> Task:
    """The task as the options and columns so far make it."""
    return load_task(values["task"], values.get("task_options"), values["data"])


def _limits(values: Values, place: Place) -> tuple[float, float]:
    """Where a number has to lie, beside what its field says: scores within their bounds, nothing below zero."""
    if place[0] != "goal":
        return 0, math.inf
    metrics = _task(values).metrics
    low, high = metrics.get(get(values, ("goal", "metric")), next(iter(metrics.values()))).bounds
    return (low, high) if place == ("goal", "good_enough") else (0, high - low)


def _read(typed: str, info: FieldInfo, limits: tuple[float, float]) -> Any:
    try:
        value = TypeAdapter(info.rebuild_annotation()).validate_python(typed)
    except ValidationError as error:
        raise _misread(typed, error.errors()[0]["type"], error.errors()[0]["msg"]) from error
    if isinstance(value, str):
        return value
    low, high = limits
    if not math.isfinite(value):
        raise _misread(typed, "float_parsing", "")
    if low <= value <= high:
        return value
    if high == 1 and 1 < value <= 100:
        raise AnswersError(f"{typed} is more than 1.", f"Write {value / 100:g} for {value:g} of a hundred.")
    span = f"not between {low:g} and {high:g}" if high < math.inf else f"less than {low:g}"
    span = span.replace("not between -inf and", "more than")
    raise AnswersError(f"{typed} is {span}.", "Write a number that fits.")


def _misread(typed: str, kind: str, message: str) -> AnswersError:
    if not kind.endswith(("_parsing", "_from_float")):
        return AnswersError(f"'{typed}' does not fit.", message.replace("Input", "It") + ".")
    if "," in typed:
        return AnswersError(f"'{typed}' has a comma.", "Write numbers with a point, such as 0.9.")
    if kind.startswith("int"):
        return AnswersError(f"'{typed}' is not a whole number.", "Write digits only, such as 60.")
    return AnswersError(f"'{typed}' is not a number.", "Write digits only, such as 60 or 0.95.")


def keep(values: Values, question: Question, reply: Any) -> None:
    """Put an answer in its place, with what goes with it, and forget what it makes void."""
    before = get(values, question.place)
    if before is not None and reply != before:
        for place in question.forgets:
            _set(values, place, None)
    also = question.also.get(reply, {}) if isinstance(reply, str) else {}
    for place, value in {question.place: reply, **also}.items():
        _set(values, place, value)


def get(values: Values, place: Place, default: Any = None) -> Any:
    """What stands at a place, or the default."""
    for key in place:
        if not isinstance(values, dict) or key not in values:
            return default
        values = values[key]
    return values


def _set(values: Values, place: Place, value: Any) -> None:
    for key in place[:-1]:
        values = values.setdefault(key, {})
    values.pop(place[-1], None)
    if value is not None:
        values[place[-1]] = value
