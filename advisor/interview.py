"""Asks everything in the terminal, one question after the other. The only door to questionary.

Questions follow from the answers so far, so that going back and going on after Ctrl-C are the same thing: the first one
that was not asked yet is put.
"""

import contextlib
import io
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import questionary
from prompt_toolkit import print_formatted_text
from prompt_toolkit.application import get_app_session
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input import PipeInput
from prompt_toolkit.utils import get_cwidth

from advisor.answers_file import SECTIONS, check_answers, read_toml, write_toml
from advisor.cells import fit
from advisor.confirmation import OTHER, Confirmation, key_of_answers
from advisor.errors import AnswersError
from advisor.questions import READING, Question, Values, get, keep, look, questions, reading_questions
from advisor.records import Answers
from pipeline.data.columns import Reading
from pipeline.data.preview import Preview
from pipeline.errors import DataError, PipelineError
from pipeline.task import TASKS

WIDEST = 100
"""Columns of the terminal that are used at most."""

_BACK = object()
_GREETING = (
    "Each answer is saved as you give it: Ctrl-C loses nothing, `advisor --resume` goes on. "
    "Arrow keys and Enter choose; the last choice, or a typed <, goes back."
)
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
    look.cache_clear()
    values = _kept_answers(draft)
    _greet(len(values["interview"]["asked"]))
    return _ask_all(values, lambda: questions(values, _width()), draft)


def confirm_reading(answers: Answers, found: Preview, readings: Sequence[Reading]) -> Answers:
    """Ask on one screen which reading of the data is right; on wish, task and columns one by one.

    Raises:
        KeyboardInterrupt: The person stopped.
    """
    values: Values = {**answers.model_dump(exclude_unset=True, exclude_none=True), "interview": {"asked": []}}
    values["data"].update(values["data"].pop("columns", {}))
    goals: Values = {name: values[name] for name in ("goal", "task_options") if name in values}
    seen = Confirmation(found, readings)
    chosen = _ask_all(values, lambda: reading_questions(values, _width(), seen), None)
    return check_answers(goals | chosen.model_dump(exclude_unset=True), "answers")


def _ask_all(values: Values, put: Callable[[], Iterable[Question]], draft: Path | None) -> Answers:
    """Put every question that is not asked yet; each answer is kept in the draft, where there is one."""
    asked: list[str] = values["interview"]["asked"]
    while (question := next((each for each in put() if each.key not in asked), None)) is not None:
        reply = _ask(question, can_go_back=bool(asked))
        if reply is _BACK:
            asked.pop()
        else:
            keep(values, question, reply)
            asked.append(question.key)
        if draft is not None:
            write_toml(values, draft)
    said = {name: value for name, value in values.items() if name != "interview"}
    return check_answers(said, draft.name if draft is not None else "answers")


def has_terminal() -> bool:
    """Whether a person can be asked."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return True
    with contextlib.redirect_stderr(io.StringIO()):  # prompt_toolkit warns of a missing terminal in words of its own
        return isinstance(get_app_session().input, PipeInput)


def choose_several(text: str, choices: Sequence[tuple[str, str]], ticked: Collection[str]) -> list[str]:
    """Ask which of several things are wanted.

    Args:
        text: The question.
        choices: Value and title of each.
        ticked: Values that are wanted unless the person says otherwise.

    Raises:
        KeyboardInterrupt: The person stopped.
    """
    asked = questionary.checkbox(
        _hang(text),
        [questionary.Choice(title, value, checked=value in ticked) for value, title in choices],
        instruction="(space ticks, Enter goes on)",
        style=_STYLE,
        erase_when_done=True,
    )
    try:
        return [str(value) for value in asked.unsafe_ask()]
    except EOFError as error:
        raise KeyboardInterrupt from error


def ask_text(question: str, instruction: str = "") -> str:
    """Ask for a line of text.

    Raises:
        KeyboardInterrupt: The person stopped.
    """
    try:
        return str(questionary.text(question, instruction=instruction, style=_STYLE).unsafe_ask())
    except EOFError as error:
        raise KeyboardInterrupt from error


def _refuse_without_terminal() -> None:
    if has_terminal():
        return
    raise AnswersError(
        "The questionnaire needs a terminal, and there is none.",
        "Give the answers at once: `advisor assess answers.toml` (`advisor init` writes one to fill in), "
        "or `advisor assess FILE --text COLUMN --label COLUMN`.",
    )


def _kept_answers(draft: Path) -> Values:
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
    _bring_up_to_date(values)
    kept["asked"] = kept["asked"][: _still_good(values, kept["asked"])]
    return values


def _bring_up_to_date(values: Values) -> None:
    """A draft from when the task was asked first: what was answered stands ready, and is asked again from the file on."""
    kept = values["interview"]
    if "task" in kept["asked"] and kept["asked"].index("task") == 0:
        kept["asked"] = ["data.train"] if "data.train" in kept["asked"] else []
        kept.pop("columns", None)
        if (chosen := key_of_answers(values)) is not None:
            kept["reading"] = chosen


def _still_good(values: Values, asked: list[str]) -> int:
    """How many of the questions need not be asked again: those before a task or a file that is not there any more."""
    try:
        if "data.train" in asked:
            look(values["data"]["train"])
    except (DataError, KeyError):
        return asked.index("data.train")
    if values.get("task") in TASKS:
        return len(asked)
    by_hand = get(values, READING) == OTHER
    settling = [asked.index(key) for key in ("interview.reading", "task") if key in asked][by_hand:]
    return settling[0] if settling else len(asked)


def _greet(kept: int) -> None:
    again = f"{kept} answer{'s are' if kept > 1 else ' is'} kept from before; this goes on from there."
    _say(("", textwrap.fill(again if kept else _GREETING, _width() - 1) + "\n"))


def _ask(question: Question, *, can_go_back: bool) -> Any:
    """The answer, None when it is left empty, or `_BACK`."""
    if question.above:
        _say(("", question.above))
    try:
        reply = (_select if question.choices else _type)(question, can_go_back)
    except EOFError as error:
        raise KeyboardInterrupt from error
    if reply is not _BACK:
        chosen = (title for value, title in question.choices if value == reply)  # a value may be a list
        shown = "left empty" if reply is None else next(chosen, _shown(reply)).split("  ")[0]
        gap = " " if get_cwidth(question.text + shown) + 3 < _width() else "\n  "
        _say(("class:qmark", "✓ "), ("", _hang(question.text) + gap), ("class:answer", shown))
    return reply


def _select(question: Question, can_go_back: bool) -> Any:
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


def _type(question: Question, can_go_back: bool) -> Any:
    default = "" if question.default is None else _shown(question.default)
    hints = {
        f"Enter takes {fit(default, 30).rstrip()}": bool(default),
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
