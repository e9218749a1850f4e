"""Puts one row before a person and reads the answer: keys to choose, to tick, to type a number or to mark up."""

import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prompt_toolkit.application import Application, get_app_session
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import BufferControl, FormattedTextControl, HSplit, Layout, Window
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from advisor.report.safe_text import visible
from pipeline.errors import PipelineError

WIDEST = 100
MOST_SHOWN = 9
"""Choices on the screen at once, and number keys."""
Act = Literal["answer", "skip", "back", "undo", "stop"]
Fragments = StyleAndTextTuples
_STYLE = Style.from_dict(
    {
        "dim": "#8a8a8a",
        "reason": "#5f819d",
        "pointer": "#5f819d bold",
        "chosen": "bold",
        "fault": "#c0504d",
    }
)
_KEYS = "Tab skip · Shift-Tab back · Ctrl-Z undo · Ctrl-C stop"


@dataclass(frozen=True)
class Card:
    """One row as a person sees it.

    Attributes:
        progress: How far it is, in one line.
        texts: What was read: a text, or the two of a pair.
        because: Why this row.
        note: What the last key did, if that has to be said.
    """

    progress: str
    texts: Sequence[str]
    because: str
    note: str = ""


@dataclass(frozen=True)
class Reply:
    """What a person did, and the answer as it was given."""

    act: Act
    answer: object = None


def choose_label(card: Card, choices: Sequence[tuple[str, float | None]]) -> Reply:
    """One label: a number key, arrows and Enter, or typed letters that narrow the list; a typed name that is new makes a label.

    Args:
        card: The row.
        choices: Labels with their probabilities, likeliest first.
    """
    return _Chooser(card, choices, None).run()


def choose_labels(card: Card, choices: Sequence[tuple[str, float | None]], ticked: Sequence[str]) -> Reply:
    """Any number of labels: number keys or Space tick, Enter takes what is ticked."""
    return _Chooser(card, choices, set(ticked)).run()


def type_answer(card: Card, title: str, start: str, read: Callable[[str], object], suggestion: str = "") -> Reply:
    """A typed answer; what cannot be read is said, and can be mended.

    Args:
        card: The row.
        title: What to type.
        start: What stands there to begin with.
        read: Makes the answer of it, or raises what is wrong.
        suggestion: What Enter takes when nothing is typed.
    """
    return _Typing(card, title, start, read, suggestion).run()


def press_key(question: str, keys: Mapping[str, str]) -> str:
    """One key, without Enter.

    Args:
        question: What is asked, with what the keys do.
        keys: What each stands for, by its name.

    Raises:
        KeyboardInterrupt: The person stopped.
    """
    bindings = KeyBindings()
    for key, value in keys.items():
        bindings.add(key)(functools.partial(_end_with, value))
    for key in ("c-c", "c-d"):
        bindings.add(key, eager=True)(lambda event: event.app.exit(exception=KeyboardInterrupt()))
    shown = Window(FormattedTextControl([("class:reason", question)], show_cursor=False), wrap_lines=True)
    app: Application[str] = Application(
        layout=Layout(shown), key_bindings=bindings, style=_STYLE, erase_when_done=True, mouse_support=False
    )
    app.ttimeoutlen = 0.05
    return app.run()


def _end_with(value: str, event: KeyPressEvent) -> None:
    event.app.exit(result=value)


class _Screen:
    """A row with something to do below it."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self.fault = ""
        self.scroll = 0
        self.keys = KeyBindings()
        acts: dict[str, Act] = {"tab": "skip", "s-tab": "back", "c-z": "undo", "c-c": "stop", "c-d": "stop"}
        for key, act in acts.items():
            self.keys.add(key, eager=True)(self._leave(act))
        self.keys.add("pagedown")(lambda _: self._move(5))
        self.keys.add("pageup")(lambda _: self._move(-5))

    @property
    def width(self) -> int:
        return max(24, min(WIDEST, get_app_session().output.get_size().columns)) - 1

    @property
    def height(self) -> int:
        return get_app_session().output.get_size().rows

    def _leave(self, act: Act) -> Callable[[KeyPressEvent], None]:
        return lambda event: event.app.exit(result=Reply(act))

    def _move(self, lines: int) -> None:
        self.scroll = max(0, self.scroll + lines)

    def head(self, below: int) -> Fragments:
        """Progress, the text as far as there is room above so many lines, and the reason."""
        lines = [line for text in self.card.texts for line in [*wrap(text, self.width - 2), ""]]
        room = max(3, self.height - below - len(wrap(self.card.progress, self.width)) - 5)
        most = max(0, len(lines) - room)
        self.scroll = min(self.scroll, most)
        shown = lines[self.scroll : self.scroll + room]
        found: Fragments = [("class:dim", line + "\n") for line in wrap(self.card.progress, self.width)]
        found += [("", "\n"), *(("", f"  {line}\n") for line in shown)]
        if most:
            found.append(("class:dim", f"  … lines {self.scroll + 1} to {self.scroll + len(shown)} of {len(lines)}, "))
            found.append(("class:dim", "PageDown and PageUp\n"))
        found += [("class:reason", f"  {line}\n") for line in wrap(self.card.because, self.width - 2)]
        return [*found, ("", "\n")]

    def foot(self, hint: str) -> Fragments:
        """What the keys do, what the last one did, and what is wrong."""
        said = self.fault or self.card.note
        lines = [*wrap(f"{hint} · {_KEYS}" if hint else _KEYS, self.width)]
        found: Fragments = [("class:dim", "\n" + "\n".join(lines))]
        if said:
            style = "class:fault" if self.fault else "class:reason"
            found.append((style, "\n" + "\n".join(wrap(said, self.width))))
        return found

    def start(self, layout: Layout) -> Reply:
        app: Application[Reply] = Application(
            layout=layout, key_bindings=self.keys, style=_STYLE, erase_when_done=True, mouse_support=False
        )
        app.ttimeoutlen = 0.05
        return app.run()


class _Chooser(_Screen):
    def __init__(self, card: Card, choices: Sequence[tuple[str, float | None]], ticked: set[str] | None) -> None:
        super().__init__(card)
        self.choices, self.ticked = list(choices), ticked
        self.typed, self.pointer = "", 0
        numbers = all(len(label) == 1 and label.isdigit() for label, _ in choices)
        self.own_numbers = numbers
        self.keys.add("up")(lambda _: self._point(-1))
        self.keys.add("down")(lambda _: self._point(1))
        self.keys.add("enter")(self._enter)
        self.keys.add("backspace")(lambda _: self._type(self.typed[:-1]))
        self.keys.add("escape", eager=True)(lambda _: self._type(""))
        self.keys.add("<any>")(self._any)

    def run(self) -> Reply:
        control = FormattedTextControl(self._drawn, focusable=True, show_cursor=False)
        return self.start(Layout(Window(control, wrap_lines=False, dont_extend_height=True)))

    def _listed(self) -> list[str]:
        """Labels that hold what was typed, those that begin with it first; last a new one, where none is exactly it."""
        wanted = " ".join(self.typed.casefold().split())
        found = [label for label, _ in self.choices if wanted in label.casefold()]
        found.sort(key=lambda label: not label.casefold().startswith(wanted))
        exact = any(" ".join(label.casefold().split()) == wanted for label in found)
        return found if not wanted or exact else [*found, ""]

    def _point(self, by: int) -> None:
        self.pointer = (self.pointer + by) % max(len(self._listed()), 1)

    def _type(self, typed: str) -> None:
        self.typed, self.pointer, self.fault = typed, 0, ""

    def _any(self, event: KeyPressEvent) -> None:
        key = event.data
        if key == " " and self.ticked is not None:
            self._tick(self.pointer)
        elif key.isdigit() and not self.typed and self._by_number(key) is not None:
            place = self._by_number(key)
            assert place is not None
            if self.ticked is None:
                event.app.exit(result=Reply("answer", self._listed()[place]))
            else:
                self._tick(place)
        elif key.isprintable():
            self._type(self.typed + key)

    def _by_number(self, key: str) -> int | None:
        listed = self._listed()
        if self.own_numbers:
            return listed.index(key) if key in listed else None
        place = int(key) - 1
        return place if 0 <= place < min(len(listed), MOST_SHOWN) else None

    def _label(self, place: int) -> str:
        return self._listed()[place] or " ".join(self.typed.split())

    def _tick(self, place: int) -> None:
        assert self.ticked is not None
        label = self._label(place)
        self.ticked ^= {label}
        if label not in [known for known, _ in self.choices]:
            self.choices.insert(0, (label, None))
        self._type("")

    def _enter(self, event: KeyPressEvent) -> None:
        listed = self._listed()
        if self.ticked is not None and not self.typed:
            event.app.exit(result=Reply("answer", tuple(sorted(self.ticked))))
        elif self.ticked is not None:
            self._tick(self.pointer)
        elif listed:
            event.app.exit(result=Reply("answer", self._label(self.pointer)))

    def _drawn(self) -> Fragments:
        listed = self._listed()
        room = max(3, min(MOST_SHOWN, self.height - 12))
        first = max(0, min(self.pointer - room + 1, len(listed) - room))
        rows: Fragments = []
        for place in range(first, min(first + room, len(listed))):
            rows += self._line(place, listed)
        if len(listed) > room:
            rows.append(("class:dim", f"      {len(listed)} labels; type to find one\n"))
        if self.typed:
            rows.append(("", f"  › {visible(self.typed)}\n"))
        return [*self.head(min(len(listed), room) + 6), *rows, *self.foot(self._hint(len(listed)))]

    def _line(self, place: int, listed: Sequence[str]) -> Fragments:
        label = listed[place]
        chances = dict(self.choices)
        number = label if self.own_numbers else str(place + 1)
        key = number if not self.typed and place < MOST_SHOWN and label else " "
        key = " " if self.own_numbers and label == key else key
        mark = "" if self.ticked is None else ("[x] " if (label or self._label(place)) in self.ticked else "[ ] ")
        shown = visible(label) if label else f"new label '{visible(' '.join(self.typed.split()))}'"
        chance = chances.get(label)
        beside = "" if chance is None else f"{100 * chance:3.0f} %"
        room = self.width - 8 - len(mark) - len(beside)
        wide = max((min(get_cwidth(visible(each)), room) for each in listed), default=0)
        shown = clip(shown, room)
        gap = " " * max(1, wide - get_cwidth(shown) + 2) if beside else ""
        pointed = place == self.pointer
        pointer = ("class:pointer", " › ") if pointed else ("", "   ")
        style = "class:chosen" if pointed else ""
        return [pointer, ("class:dim", f"{key} "), (style, f"{mark}{shown}{gap}"), ("class:dim", beside + "\n")]

    def _hint(self, count: int) -> str:
        if self.ticked is None:
            take = "a number or Enter chooses" if count <= MOST_SHOWN else "Enter chooses"
        else:
            take = "a number or Space ticks, Enter takes them"
        return f"{take}, letters find or make a label"


class _Typing(_Screen):
    def __init__(self, card: Card, title: str, start: str, read: Callable[[str], object], suggestion: str) -> None:
        super().__init__(card)
        self.title, self.read, self.first, self.suggestion = title, read, start, suggestion
        self.buffer = Buffer(multiline=False)
        self.buffer.text = start
        self.buffer.cursor_position = len(start)
        self.keys.add("enter", eager=True)(self._enter)
        self.keys.add("c-r", eager=True)(lambda _: self._begin_again())

    def run(self) -> Reply:
        above = FormattedTextControl(self._above)
        below = FormattedTextControl(lambda: self.foot(self.title))
        typed = BufferControl(self.buffer)
        parts = HSplit(
            [
                Window(above, dont_extend_height=True),
                Window(
                    typed,
                    wrap_lines=True,
                    dont_extend_height=True,
                    get_line_prefix=_arrow,
                ),
                Window(below, dont_extend_height=True, wrap_lines=True),
            ]
        )
        return self.start(Layout(parts, focused_element=typed))

    def _above(self) -> Fragments:
        lines = 1 + get_cwidth(self.buffer.text) // max(self.width - 4, 1)
        return self.head(lines + 6)

    def _begin_again(self) -> None:
        self.buffer.text, self.fault = self.first, ""

    def _enter(self, event: KeyPressEvent) -> None:
        try:
            answer = self.read(self.buffer.text.strip() or self.suggestion)
        except PipelineError as error:
            self.fault = f"{error.problem} {error.fix}"
            return
        event.app.exit(result=Reply("answer", answer))


def _arrow(line: int, wrapped: int) -> Fragments:
    return [("class:pointer", "    " if line or wrapped else "  › ")]


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text, made harmless, none wider than so many columns; empty lines come singly."""
    found: list[str] = []
    for line in text.splitlines() or [""]:
        broken = _break(visible(" ".join(line.split())), width)
        found += broken if broken != [""] or (found and found[-1]) else []
    while found and not found[-1]:
        found.pop()
    return found or [""]


def _break(line: str, width: int) -> list[str]:
    if get_cwidth(line) <= width:
        return [line]
    if len(line) == get_cwidth(line):
        return textwrap.wrap(line, width, break_on_hyphens=False) or [""]
    lines, at = [""], 0
    for word in line.split(" "):
        wide = get_cwidth(word)
        if at and at + 1 + wide <= width:
            lines[-1], at = f"{lines[-1]} {word}", at + 1 + wide
            continue
        if at:
            lines.append("")
            at = 0
        for letter in word:
            if at + get_cwidth(letter) > width:
                lines.append("")
                at = 0
            lines[-1], at = lines[-1] + letter, at + get_cwidth(letter)
    return lines


def clip(text: str, width: int) -> str:
    """The text, or its beginning with an ellipsis where it is wider than so many columns."""
    if get_cwidth(text) <= width:
        return text
    return _break(text.replace(" ", "\u00a0"), max(width - 1, 1))[0].replace("\u00a0", " ") + "…"
