"""Asks everything in the terminal, one question after the other. The only door to questionary.

A question for every task is a field of `Answers` that carries an `Ask`; a question of one task stands in its rule file.
The few that depend on the data (task, file, columns, what labels mean) are made here. Questions follow from the answers
so far, so that going back and going on after Ctrl-C are the same thing: the first one that was not asked yet is put.
"""

import contextlib
import functools
import io
import math
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import questionary
from prompt_toolkit import print_formatted_text
from prompt_toolkit.application import get_app_session
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input import PipeInput
from prompt_toolkit.utils import get_cwidth
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from advisor.answers_file import SECTIONS, check_answers, read_toml, write_toml
from advisor.errors import AnswersError
from advisor.records import Answers, Ask
from advisor.rulebook import load_tasks
from pipeline.data.preview import Preview, preview
from pipeline.data.values import as_label, as_text
from pipeline.errors import DataError, PipelineError
from pipeline.records import DataSource, Record
from pipeline.task import TASKS, load_task

MANY_LABELS = 20
"""More labels than this are not asked for one by one unless the person wishes it."""
WIDEST = 100
"""Columns of the terminal that are used at most."""

_BACK = object()
_GREETING = (
    "Each answer is saved as you give it: Ctrl-C loses nothing, `advisor --resume` goes on. "
    "Arrow keys and Enter choose; the last choice, or a typed <, goes back."
)
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)?")
_STYLE = questionary.Style(
    [
        ("qmark", "fg:#5f819d"),
        ("question", "bold"),
        ("instruction", "fg:#8a8a8a"),
        ("placeholder", "fg:#8a8a8a"),
        ("disabled", "fg:#8a8a8a"),
        ("answer", "fg:#5f819d nobold"),
        ("pointer", "fg:#5f819d bold"),
        ("highlighted", "bold"),
        ("fault", "fg:#c0504d"),
    ]
)

_Values = dict[str, Any]
_Place = tuple[str, ...]


@dataclass(frozen=True)
class _Question:
    """What to ask next, and where the answer goes among the values: section, then key."""

    place: _Place
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
    also: Mapping[Any, Mapping[_Place, Any]] = field(default_factory=dict)
    """Further values that go with an answer."""
    forgets: Sequence[_Place] = ()
    """Values that make no sense any more when this answer changes."""

    @property
    def key(self) -> str:
        return ".".join(self.place)


def interview(draft: Path) -> Answers:
    """Ask what `draft` does not answer yet; every answer is saved there as it is given.

    Args:
        draft: A TOML file, made when it is missing. Beside the answers it keeps under `[interview]` what was asked.

    Raises:
        AnswersError: There is no terminal, or the draft cannot be read.
        RunFolderError: The draft cannot be written.
        KeyboardInterrupt: The person stopped; the draft holds the answers so far.
    """
    _refuse_without_terminal()
    _look.cache_clear()
    values = _kept_answers(draft)
    asked: list[str] = values["interview"]["asked"]
    _greet(len(asked))
    while (question := next((each for each in _questions(values) if each.key not in asked), None)) is not None:
        reply = _put(question, can_go_back=bool(asked))
        if reply is _BACK:
            asked.pop()
        else:
            _keep(values, question, reply)
            asked.append(question.key)
        write_toml(values, draft)
    return check_answers({name: value for name, value in values.items() if name != "interview"}, draft.name)


def _refuse_without_terminal() -> None:
    if sys.stdin.isatty() and sys.stdout.isatty():
        return
    with contextlib.redirect_stderr(io.StringIO()):  # prompt_toolkit warns of a missing terminal in words of its own
        if isinstance(get_app_session().input, PipeInput):
            return
    raise AnswersError(
        "The questionnaire needs a terminal, and there is none.",
        "Give the answers at once: `advisor assess answers.toml` (`advisor init` writes one to fill in), "
        "or `advisor assess FILE --text COLUMN --label COLUMN`.",
    )


def _kept_answers(draft: Path) -> _Values:
    if not draft.exists():
        return {"interview": {"asked": []}}
    try:
        values = read_toml(draft)
    except AnswersError as error:
        raise AnswersError(error.problem, f"Mend '{draft}', or move it away to begin again.") from error
    kept = values.setdefault("interview", {"asked": []})
    broken = [name for name in (*SECTIONS, "task_options", "interview") if not isinstance(values.get(name, {}), dict)]
    if broken or not isinstance(kept.setdefault("asked", []), list):
        problem = f"'{draft}': {broken[0] if broken else 'asked'} is not as the questionnaire writes it."
        raise AnswersError(problem, f"Mend '{draft}', or move it away to begin again.")
    kept["asked"] = kept["asked"][: _still_good(values, kept["asked"])]
    return values


def _still_good(values: _Values, asked: list[str]) -> int:
    """How many of the questions need not be asked again: those before a task or a file that is not there any more."""
    if values.get("task") not in TASKS:
        return 0
    try:
        _look(str(_get(values, ("data", "train"), "")), values["task"])
    except DataError:
        return asked.index("data.train") if "data.train" in asked else len(asked)
    return len(asked)


def _greet(kept: int) -> None:
    again = f"{kept} answer{'s are' if kept > 1 else ' is'} kept from before; this goes on from there."
    _say(("", textwrap.fill(again if kept else _GREETING, _width() - 1) + "\n"))


# What is asked, in this order.


def _questions(values: _Values) -> Iterator[_Question]:
    yield _task_question(values)
    yield _data_question(values)
    yield from _column_questions(values)
    yield from _phrase_questions(values)
    for own in load_tasks()[values["task"]].questions:
        place, choices = ("task_options", own.key), tuple(own.choices.items())
        yield _Question(place, own.question, own.help, choices, default=_get(values, place), optional=True)
    yield from _field_questions(values, Answers, ())


def _task_question(values: _Values) -> _Question:
    tasks = load_tasks().values()
    longest = max(len(task.title) for task in tasks)
    room = _width() - len(" »  -  (not built yet)")
    lines = {task.key: _fit(f"{task.title:<{longest + 2}}{task.summary}", room).rstrip() for task in tasks}
    built = [task.key for task in tasks if task.metrics and task.key in TASKS]
    return _Question(
        ("task",),
        "What kind of task is it?",
        "What goes into the model, and what should come out.",
        choices=[(key, lines[key]) for key in built],
        unbuilt=[lines[task.key] for task in tasks if task.key not in built],
        default=values.get("task"),
        forgets=(("data",), ("goal",), ("task_options",), ("interview", "columns"), ("interview", "phrases")),
    )


def _data_question(values: _Values) -> _Question:
    return _Question(
        ("data", "train"),
        "Where are your labelled examples?",
        "A CSV, TSV, JSON, JSON Lines or Parquet file, or the id of a data set on the hub.",
        read=functools.partial(_find_data, task=values["task"]),
        default=_get(values, ("data", "train")),
        forgets=(("data",), ("interview", "columns"), ("interview", "phrases")),
    )


def _find_data(typed: str, task: str) -> str:
    """The absolute path of a file, so that the answers mean the same from any folder, or a hub id as it is."""
    _look.cache_clear()
    found, _ = _look(typed.strip("'\""), task)
    needed = [role.key for role in load_task(task).roles]
    if found.rows and len(found.columns) < len(needed):
        raise AnswersError(
            f"'{Path(found.path).name}' has only the column '{_plain(found.columns[0])}'.",
            f"The task needs {len(needed)}: {', '.join(needed)}.",
        )
    return found.path


@functools.lru_cache(maxsize=1)
def _look(train: str, task: str) -> tuple[Preview, dict[str, list[str]]]:
    """The first rows, and for each role the columns that could fill it."""
    found = preview(DataSource(train=train), Path.cwd())
    return found, load_task(task).detect_columns(found.rows) if found.rows else {}


def _column_questions(values: _Values) -> Iterator[_Question]:
    found, candidates = _look(values["data"]["train"], values["task"])
    roles = load_task(values["task"]).roles
    likely = {role.key: columns[0] for role in roles if (columns := candidates.get(role.key, []))}
    clear = all(len(candidates.get(role.key, [])) == 1 for role in roles) and len({*likely.values()}) == len(roles)
    table = _table(found, list(likely.values()))
    if clear:
        yield _Question(
            ("interview", "columns"),
            f"{', '.join(f'{role}: {_plain(column)}' for role, column in likely.items())} — is that right?",
            "; ".join(f"{role.key} is {role.holds}" for role in roles) + ".",
            choices=(("yes", "yes"), ("no", "no, let me choose")),
            default=_get(values, ("interview", "columns")),
            above=table,
            also={"yes": {("data", role): column for role, column in likely.items()}},
            forgets=[("data", "phrases")],
        )
        if _get(values, ("interview", "columns")) != "no":
            return
    taken: list[str] = []
    for role in roles:
        place = ("data", role.key)
        yield _Question(
            place,
            f"Which column holds {role.holds}?",
            "The likeliest is marked." if found.rows else _on_the_hub(found.path),
            choices=[(name, _plain(name) or "(no name)") for name in found.columns if name not in taken],
            default=_get(values, place, likely.get(role.key)),
            optional=True,
            above="" if clear or taken or not found.rows else table,
            forgets=[("data", "phrases")],
        )
        taken.append(_get(values, place, ""))


def _on_the_hub(name: str) -> str:
    return f"There is no file '{name}' here, so it is a data set on the hub. Left empty, the column is detected later."


def _phrase_questions(values: _Values) -> Iterator[_Question]:
    labels = _labels(values) if load_tasks()[values["task"]].templates else []
    means = DataSource.model_fields["phrases"].description or ""
    if len(labels) > MANY_LABELS:
        yield _Question(
            ("interview", "phrases"),
            f"The first rows hold {len(labels)} labels. Do they say in words what they mean?",
            f"{means} They can also be written later: [data] phrases in answers.toml.",
            choices=(("skip", "yes, or later"), ("ask", "no, ask me for each")),
            default=_get(values, ("interview", "phrases")),
        )
        if _get(values, ("interview", "phrases")) != "ask":
            return
    for label in labels:
        place = ("data", "phrases", label)
        text = f"What does '{_fit(_plain(label), 40).rstrip()}' mean in words?"
        yield _Question(
            place,
            text,
            f"{means} Leave empty when the label says it itself.",
            default=_get(values, place),
            optional=True,
        )


def _labels(values: _Values) -> list[str]:
    found, _ = _look(values["data"]["train"], values["task"])
    role = next(role.key for role in load_task(values["task"]).roles if not role.required_to_predict)
    labels = {as_label(row.get(_get(values, ("data", role)))) for row in found.rows}
    return sorted((label for label in labels if label and label.isprintable()), key=_by_number)


def _by_number(label: str) -> tuple[float, str]:
    return (float(label) if re.fullmatch(r"-?\d+(\.\d+)?", label, re.ASCII) else math.inf, label)


def _field_questions(values: _Values, record: type[Record], section: _Place) -> Iterator[_Question]:
    for name, info in record.model_fields.items():
        place, kind = (*section, name), info.annotation
        ask = next((note for note in info.metadata if isinstance(note, Ask)), None)
        if ask is not None:
            choices = _choices(values, place, info, ask)
            yield _Question(
                place,
                ask.question,
                info.description or "",
                choices=choices,
                read=functools.partial(_read, info=info, limits=_limits(values, place)),
                default=_get(values, place, choices[0][0] if info.default is None and choices else info.default),
                optional=type(None) in get_args(kind),
            )
        elif isinstance(kind, type) and issubclass(kind, Record):
            yield from _field_questions(values, kind, place)


def _choices(values: _Values, place: _Place, info: FieldInfo, ask: Ask) -> Sequence[tuple[Any, str]]:
    if place == ("goal", "metric"):
        return [(name, metric.title) for name, metric in load_task(values["task"]).metrics.items()]
    if info.annotation is bool:
        return ((True, "yes"), (False, "no"))
    closed = get_args(info.annotation) if get_origin(info.annotation) is Literal else ()
    return ask.choices or [(value, str(value)) for value in closed]


def _limits(values: _Values, place: _Place) -> tuple[float, float]:
    """Where a number has to lie, beside what its field says: scores within their bounds, nothing below zero."""
    if place[0] != "goal":
        return 0, math.inf
    metrics = load_task(values["task"]).metrics
    low, high = metrics.get(_get(values, ("goal", "metric")), next(iter(metrics.values()))).bounds
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
    raise AnswersError(f"{typed} is {span}.", "Write a number that fits.")


def _misread(typed: str, kind: str, message: str) -> AnswersError:
    if not kind.endswith(("_parsing", "_from_float")):
        return AnswersError(f"'{typed}' does not fit.", message.replace("Input", "It") + ".")
    if "," in typed:
        return AnswersError(f"'{typed}' has a comma.", "Write numbers with a point, such as 0.9.")
    if kind.startswith("int"):
        return AnswersError(f"'{typed}' is not a whole number.", "Write digits only, such as 60.")
    return AnswersError(f"'{typed}' is not a number.", "Write digits only, such as 60 or 0.95.")


# How it is asked.


def _put(question: _Question, *, can_go_back: bool) -> Any:
    """The answer, None when it is left empty, or `_BACK`."""
    if question.above:
        _say(("", question.above))
    try:
        reply = (_select if question.choices else _type)(question, can_go_back)
    except EOFError as error:
        raise KeyboardInterrupt from error
    if reply is not _BACK:
        shown = "left empty" if reply is None else dict(question.choices).get(reply, _shown(reply)).split("  ")[0]
        gap = " " if get_cwidth(question.text + shown) + 3 < _width() else "\n  "
        _say(("class:qmark", "✓ "), ("", _hang(question.text) + gap), ("class:answer", shown))
    return reply


def _select(question: _Question, can_go_back: bool) -> Any:
    choices = [questionary.Choice(title, value) for value, title in question.choices]
    choices += [questionary.Choice(title, disabled="not built yet") for title in question.unbuilt]
    if can_go_back:
        choices.append(questionary.Choice("← back", _BACK))
    known = question.default in [value for value, _ in question.choices]
    return questionary.select(
        _hang(question.text),
        choices,
        default=question.default if known else None,
        instruction="\n" + _indent(question.help),
        style=_STYLE,
        erase_when_done=True,
    ).unsafe_ask()


def _type(question: _Question, can_go_back: bool) -> Any:
    default = "" if question.default is None else _shown(question.default)
    hints = {
        f"Enter takes {_fit(default, 30).rstrip()}": bool(default),
        f"{'-' if default else 'Enter'} leaves it empty": question.optional,
        "< goes back": can_go_back,
    }
    below = _indent(question.help) + "\n" + _indent(" · ".join(hint for hint, holds in hints.items() if holds))
    typed = ""
    while True:
        asking = questionary.text(
            _hang(question.text),
            default=typed,
            instruction=f"\n{below}\n ›",
            placeholder=[("class:placeholder", default)],
            style=_STYLE,
            erase_when_done=True,
        )
        typed = str(asking.unsafe_ask()).strip()
        if typed == "<" and can_go_back:
            return _BACK
        if question.optional and (typed == "-" or not (typed or default)):
            return None
        try:
            return question.read(_checked(typed or default))
        except PipelineError as error:
            fault = f"{error.problem.rstrip('.')} — {error.fix[:1].lower()}{error.fix[1:]}"
            _say(("class:fault", textwrap.fill(fault, _width() - 1)))


def _checked(typed: str) -> str:
    if not typed:
        raise AnswersError("This question needs an answer.", "Type it, then press Enter.")
    if not typed.isprintable():
        raise AnswersError("That holds characters that cannot be shown.", "Type it again.")
    return typed


def _keep(values: _Values, question: _Question, reply: Any) -> None:
    if reply != _get(values, question.place):
        for place in question.forgets:
            _set(values, place, None)
    for place, value in {question.place: reply, **question.also.get(reply, {})}.items():
        _set(values, place, value)


def _get(values: _Values, place: _Place, default: Any = None) -> Any:
    for key in place:
        if not isinstance(values, dict) or key not in values:
            return default
        values = values[key]
    return values


def _set(values: _Values, place: _Place, value: Any) -> None:
    for key in place[:-1]:
        values = values.setdefault(key, {})
    values.pop(place[-1], None)
    if value is not None:
        values[place[-1]] = value


# How it looks.


def _say(*parts: tuple[str, str]) -> None:
    print_formatted_text(FormattedText(parts), style=_STYLE)


def _shown(value: Any) -> str:
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _width() -> int:
    return max(40, min(WIDEST, get_app_session().output.get_size().columns))


def _hang(text: str) -> str:
    return textwrap.fill(text, _width() - 3, subsequent_indent="  ")


def _indent(text: str) -> str:
    return "  " + _hang(text)


def _table(found: Preview, first: Sequence[str]) -> str:
    """Three rows in aligned columns, the likely ones first, with nothing in them that could drive the terminal."""
    room = _width() - 3
    names = [*dict.fromkeys([*first, *found.columns])][: room // 12]
    lines = [names, *([as_text(row.get(name)) for name in names] for row in found.rows[:3])]
    cells = [[_plain(cell[:300]) for cell in line] for line in lines]
    widths = [max(get_cwidth(line[place]) for line in cells) for place in range(len(names))]
    while sum(widths) + 2 * len(widths) > room:
        widths[widths.index(max(widths))] -= 1
    table = ["  " + "  ".join(map(_fit, line, widths)).rstrip() for line in cells]
    more = len(found.columns) - len(names)
    return "\n".join(["", *table, *([f"  … and {more} more columns"] if more > 0 else []), ""])


def _plain(text: str) -> str:
    """The text on one line, without escape codes and characters that are not shown."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in _ESCAPES.sub("", text)).split())


def _fit(text: str, width: int) -> str:
    if get_cwidth(text) > width:
        text = text[:width]
        while get_cwidth(text) >= width:
            text = text[:-1]
        text += "…"
    return text + " " * (width - get_cwidth(text))
