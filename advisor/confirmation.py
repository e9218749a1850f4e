"""The one screen on which a person says whether the data was read rightly: how it is written, as what it is read, and rows."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from advisor.cells import fit, plain, table
from advisor.columns import clear_reading, plausible_readings, say_confidence
from advisor.rulebook import load_columns, load_tasks
from pipeline.data.columns import Reading
from pipeline.data.preview import Preview
from pipeline.records import DataSource, name_of
from pipeline.task import TASKS, Column

OTHER = "other"
"""What stands for a task and columns that a person chooses."""
MOST_REASONS = 4


@dataclass(frozen=True)
class Confirmation:
    """What the screen shows of some data, and the readings that a person can choose.

    Attributes:
        found: The data, as it was looked at.
        readings: Every reading, the likeliest first.
    """

    found: Preview
    readings: Sequence[Reading]

    @cached_property
    def likely(self) -> list[Reading]:
        """The readings that are plausible, the likeliest first."""
        return plausible_readings(self.readings, load_columns())

    @cached_property
    def built(self) -> list[Reading]:
        """Those of them whose task is built."""
        return [reading for reading in self.likely if reading.task in TASKS]

    @property
    def best(self) -> Reading | None:
        """The likeliest reading, when its task is built."""
        return self.likely[0] if self.likely and self.likely[0].task in TASKS else None

    @property
    def is_clear(self) -> bool:
        """Whether it would be taken without a question."""
        return clear_reading(self.readings, load_columns()) is not None

    def question(self) -> str:
        """What is asked."""
        if self.best is None:
            return "What is it?"
        return f"{say_columns(self.best)} — is that right?"

    def choices(self, room: int) -> list[tuple[str, str]]:
        """Pairs of the key of a reading and what a person reads; choosing for oneself last."""
        lines = [
            (key_of(reading), "yes" if reading is self.best else fit(f"no: {_say(reading)}", room).rstrip())
            for reading in self.built
        ]
        return [
            *lines,
            (OTHER, "no, let me choose the task and columns" if lines else "let me choose the task and columns"),
        ]

    def unbuilt(self, room: int) -> list[str]:
        """Further readings whose task is not built."""
        return [fit(_say(reading), room).rstrip() for reading in self.likely if reading.task not in TASKS]

    def above(self, width: int) -> str:
        """How the data is written, as what it is read and why, and three rows with what each column is taken for."""
        first = self.likely[0] if self.likely else None
        headings = _headings(first) if first else {}
        told = [
            f"{plain(name_of(self.found.path))}: {plain(self.found.dialect.said)}.",
            *(_say_best(first) if first else ["It is not plain what the columns are."]),
        ]
        lines = [textwrap.fill(each, width - 3, initial_indent="  ", subsequent_indent="    ") for each in told]
        return "\n".join(["", *lines, "", table(self.found, headings, width - 3), ""])


def _say_best(reading: Reading) -> list[str]:
    title = load_tasks()[reading.task].title
    unbuilt = "" if reading.task in TASKS else ", which is not built yet"
    return [
        f"It looks like {title[:1].lower()}{title[1:]}{unbuilt} ({say_confidence(reading.confidence)}):",
        *(f"- {plain(reason)}" for reason in reading.because[:MOST_REASONS]),
    ]


def _say(reading: Reading) -> str:
    title = load_tasks()[reading.task].title
    return f"{title}  {say_columns(reading)} ({say_confidence(reading.confidence)})"


def say_columns(reading: Reading) -> str:
    """Each role with its column."""
    return ", ".join(f"{key}: {shown(column)}" for key, column in reading.columns.items())


def shown(column: Column) -> str:
    """A column, or several, on the screen."""
    return plain(column if isinstance(column, str) else " + ".join(column))


def key_of(reading: Reading) -> str:
    """A name for a reading by which a draft keeps the choice."""
    return _key(reading.task, reading.columns)


def key_of_answers(values: Mapping[str, Any]) -> str | None:
    """The name of the reading that answers were given for, before readings were asked about."""
    task, data = values.get("task"), values.get("data", {})
    known = {key: value for key, value in data.items() if key not in DataSource.model_fields}
    return _key(str(task), known) if task is not None and known else None


def _key(task: str, columns: Mapping[str, Any]) -> str:
    named = [f"{key}={'+'.join([column] if isinstance(column, str) else column)}" for key, column in columns.items()]
    return " ".join([task, *named])


def _headings(reading: Reading) -> dict[str, str]:
    """For each column that fills a role, the role and the column."""
    return {
        name: f"{role}: {name}"
        for role, column in reading.columns.items()
        for name in ([column] if isinstance(column, str) else column)
        if role != "label_delimiter"
    }
