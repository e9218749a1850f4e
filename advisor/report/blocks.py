"""What a plain report is made of: a few kinds of block, drawn by `terminal.py`; text in them is as the data has it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.report.wording import Tone


@dataclass(frozen=True)
class Badge:
    """The verdict, first of all."""

    title: str
    tone: Tone
    headline: str
    subject: str = ""


@dataclass(frozen=True)
class Heading:
    """Begins a section; `note` says how to read it."""

    title: str
    note: str = ""


@dataclass(frozen=True)
class Paragraph:
    """A few sentences."""

    text: str
    quiet: bool = False
    indent: int = 2


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    lines: Sequence[str]
    numbered: bool = False


@dataclass(frozen=True)
class Command:
    """A command to copy; never broken into lines."""

    text: str


@dataclass(frozen=True)
class Bar:
    """A part of a whole with its reason and evidence."""

    title: str
    part: float
    whole: float
    shown: str
    because: str
    evidence: Sequence[str] = ()


@dataclass(frozen=True)
class Whisker:
    """A score with its interval."""

    title: str
    score: float
    low: float
    high: float
    note: str = ""
    strong: bool = False
    interval: bool = True
    """Whether its ends are shown."""


@dataclass(frozen=True)
class Forest:
    """Scores with their intervals on one scale, with a line at the score that is good enough."""

    whiskers: Sequence[Whisker]
    line: float | None = None
    line_title: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under column titles; an empty title list has no head.

    Columns in `right` are set flush right, those in `quiet` are faint; neither is broken into lines.
    """

    rows: Sequence[Sequence[str]]
    titles: Sequence[str] = ()
    right: frozenset[int] = field(default_factory=frozenset)
    quiet: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Tick:
    """One check: whether it works, what was found, and what mends it."""

    works: bool
    title: str
    found: str
    mend: str


@dataclass(frozen=True)
class Ticks:
    """Checks under each other."""

    ticks: Sequence[Tick]


@dataclass(frozen=True)
class Card:
    """One thing that was found: how grave it is, why, examples, and the command or advice that mends it."""

    grade: str
    tone: Tone
    title: str
    amount: str
    sentences: Sequence[str]
    examples: Sequence[str] = ()
    advice: str = ""
    command: str = ""


Block = Badge | Heading | Paragraph | Items | Command | Bar | Forest | Table | Ticks | Card
