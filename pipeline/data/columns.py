"""What the columns of a data set are: every plausible reading as a kind of task, with its confidence and its reasons.

A reading says which column fills which role of a kind of task. Pieces of evidence have weights, logarithms of odds, that add
up; the confidence of a reading is its share of the odds among all readings and "none of them". Light: no torch, no pandas.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import Field

from pipeline.data.agreement import agreement, names_pair
from pipeline.data.evidence import Filling, Piece, Signs, listed, quoted
from pipeline.data.profiles import Profile, profiles
from pipeline.data.roles import fillings, means_something_else, named_filling, tagged_words
from pipeline.records import Record
from pipeline.sentences import fill

MOST_PER_ROLE = 6
"""Columns that are tried for each role, the likeliest of them."""
LEAST_CONFIDENCE = 0.005
"""Readings under this confidence are not worth telling."""
MOST_REASONS = 8


class Reading(Record):
    """One way to read the columns of a data set."""

    task: str
    """Kind of task: a key of `rules/tasks`; it need not be built."""
    columns: dict[str, str | list[str]]
    """Column by role, and other keys of `[data]` that go with them."""
    confidence: float = Field(ge=0, le=1)
    """Share of the odds among all readings and none of them."""
    because: list[str]
    """A sentence for each piece of evidence, the weightiest first."""


@dataclass(frozen=True)
class Shape:
    """One way in which rows of a kind of task stand in a file.

    Attributes:
        task: The kind of task.
        inputs: Roles of what goes in.
        outputs: Roles of the answer.
    """

    task: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def roles(self) -> tuple[str, ...]:
        """All roles, what goes in first."""
        return (*self.inputs, *self.outputs)


SHAPES = (
    Shape("text-classification", ("text",), ("label",)),
    Shape("multi-label-classification", ("text",), ("labels",)),
    Shape("text-pair-classification", ("text", "text_pair"), ("label",)),
    Shape("text-regression", ("text", "text_pair"), ("score",)),
    Shape("text-regression", ("text",), ("score",)),
    Shape("token-classification", ("tokens",), ("tags",)),
    Shape("token-classification", ("text",), ("spans",)),
    Shape("extractive-question-answering", ("question", "context"), ("answers",)),
    Shape("image-classification", ("image",), ("label",)),
    Shape("summarization", ("document",), ("summary",)),
    Shape("translation", ("translation",), ()),
    Shape("translation", ("source",), ("target",)),
    Shape("text-generation", ("messages",), ()),
    Shape("text-generation", ("prompt", "chosen", "rejected"), ()),
    Shape("text-generation", ("prompt", "input"), ("answer",)),
    Shape("text-generation", ("prompt",), ("answer",)),
    Shape("text-generation", ("text",), ()),
)
"""Every kind of task, in each way in which its rows come. Those of tasks that are built agree with their layouts."""
UNORDERED = (("text", "text_pair"), ("source", "target"))
"""Roles that could be filled either way round; what nothing tells apart is taken in the order of the file."""


def read_columns(
    rows: Sequence[Mapping[str, Any]],
    signs: Signs,
    named: Mapping[str, Any] | None = None,
    tasks: Collection[str] | None = None,
) -> list[Reading]:
    """Every way to read the columns that is worth telling, the likeliest first.

    Args:
        rows: Some rows of the data set; evenly from all of it, since files are often sorted.
        signs: What speaks for and against a reading.
        named: Columns that a person named, by role; a reading has to keep to them.
        tasks: Kinds of task that it can be; any when not given.
    """
    table = _Table(profiles(rows), signs)
    found = [
        (shape, filling)
        for shape in fitting_shapes(named or {}, tasks)
        for filling in _all_fillings(shape, table, named or {})
    ]
    none = signs.none.open if tasks is None or len(set(tasks)) > 1 else signs.none.task_said
    odds = [math.exp(table.weight(filling)) for _, filling in found]
    whole = sum(odds) + math.exp(none)
    readings = [
        Reading(task=shape.task, columns=filling.columns, confidence=odd / whole, because=_say(filling.pieces, signs))
        for (shape, filling), odd in zip(found, odds, strict=True)
    ]
    told = [reading for reading in readings if reading.confidence >= LEAST_CONFIDENCE]
    return sorted(told, key=lambda reading: -reading.confidence)


def fitting_shapes(named: Mapping[str, Any], tasks: Collection[str] | None = None) -> list[Shape]:
    """The shapes that hold every role that was named; where several could, one whose inputs were named in part cannot.

    A person who names one text and not the other says that there is one.
    """
    shapes = [shape for shape in SHAPES if tasks is None or shape.task in tasks]
    roles = {role for shape in shapes for role in shape.roles}
    said = {role for role in named if role in roles}
    found = [shape for shape in shapes if said <= set(shape.roles)]
    if len(found) == 1 or not any(said & set(shape.inputs) for shape in found):
        return found
    return [shape for shape in found if set(shape.inputs) <= said] or found


@dataclass(frozen=True)
class _Table:
    """The columns of a data set, and what they are read by."""

    columns: Mapping[str, Profile]
    signs: Signs

    def pair(self, first: str, second: str) -> bool:
        """Whether the names of two columns go together, the first text first."""
        return names_pair(self.columns[first], self.columns[second], self.columns, self.signs)

    def weight(self, filling: Filling) -> float:
        """The log-odds of all pieces together."""
        return sum(self.signs.signs[piece.sign].weight for piece in filling.pieces)


def open_roles(rows: Sequence[Mapping[str, Any]], signs: Signs, named: Mapping[str, Any], shape: Shape) -> list[str]:
    """The roles of a shape that no column could fill, beside those that were named."""
    choices = _choices(shape, _Table(profiles(rows), signs), named)
    if len(choices) < len(shape.roles):  # words and tags, which are found together
        return [] if choices[0] else list(shape.roles)
    return [role for role, found in zip(shape.roles, choices, strict=True) if not found]


def _all_fillings(shape: Shape, table: _Table, named: Mapping[str, Any]) -> Iterator[Filling]:
    """Every way to fill the roles of a shape, each with all that speaks for and against it."""
    keys = {key: value for key, value in named.items() if key not in shape.roles}
    for chosen in product(*_choices(shape, table, named)):
        filled: dict[str, Any] = {key: value for part in chosen for key, value in part.columns.items()}
        used = [name for role in shape.roles for name in _flat(filled[role])]
        if len(set(used)) < len(used) or _is_turned_round(filled, named, table):
            continue
        pieces = [
            *(piece for part in chosen for piece in part.pieces),
            *agreement(shape.roles, filled, table.columns, table.signs),
            *_left_aside(shape, filled, used, table),
            *_as_one_text(shape, filled, table.columns),
        ]
        yield Filling(filled | keys, pieces)


def _choices(shape: Shape, table: _Table, named: Mapping[str, Any]) -> list[list[Filling]]:
    """For each role the columns that could fill it, the likeliest few; words and their tags are found together."""
    given = {role: column for role, column in named.items() if role in shape.roles}
    if shape.roles == ("tokens", "tags") and not given:
        return [tagged_words(table.columns, table.signs)]
    taken = {name for column in given.values() for name in _flat(column)}
    free = {name: profile for name, profile in table.columns.items() if name not in taken}
    return [
        [named_filling(role, given[role], table.columns, table.signs)]
        if role in given
        else sorted(fillings(role, free, table.signs), key=table.weight, reverse=True)[:MOST_PER_ROLE]
        for role in shape.roles
    ]


def _flat(column: Any) -> list[str]:
    return [column] if isinstance(column, str) else list(column)


def _is_turned_round(filled: Mapping[str, Any], named: Mapping[str, Any], table: _Table) -> bool:
    """Whether two roles that could be filled either way round are filled against what names, else the file, say."""
    order = list(table.columns)
    for one, other in UNORDERED:
        first, second = filled.get(one), filled.get(other)
        if first not in order or second not in order or one in named or other in named:
            continue
        if table.pair(first, second):
            return False
        usual = [
            table.columns[column].plain_name in table.signs.names[role].usual
            for role, column in ((one, first), (other, second))
            if role in table.signs.names and one != "text"
        ]
        if table.pair(second, first) or (not any(usual) and order.index(first) > order.index(second)):
            return True
    return False


def _as_one_text(shape: Shape, filled: Mapping[str, Any], columns: Mapping[str, Profile]) -> list[Piece]:
    """What there is to say of the one text of a reading: that it is the longest of several, or that it stands alone."""
    texts = {name: profile.mean_length for name, profile in columns.items() if profile.is_free_text}
    text = next((filled[role] for role in ("text", "document", "context") if role in filled), None)
    found = [Piece("plain_text", quoted(filled["text"]))] if shape.roles == ("text",) else []
    if len(texts) > 1 and "text_pair" not in shape.roles and text in texts and texts[text] == max(texts.values()):
        used = {name for column in filled.values() for name in _flat(column)}
        others = [name for name in texts if name not in used]
        found.append(Piece("longest_text", quoted(text) + (f", not {listed(others)}" if others else "")))
    return found


def _left_aside(shape: Shape, filled: Mapping[str, Any], used: Collection[str], table: _Table) -> list[Piece]:
    """What a reading leaves aside that speaks against it, each kind once."""
    found: dict[str, Piece] = {}
    texts = [name for role in shape.inputs for name in _flat(filled[role]) if name in table.columns]
    for name, profile in table.columns.items():
        if name in used:
            continue
        if any(table.pair(text, name) or table.pair(name, text) for text in texts):
            sign = "leaves_partner"
        elif profile.mappings or profile.lists or profile.is_images:
            sign = "leaves_structure"
        else:
            sign = "" if set(shape.outputs) & {"label", "labels", "score"} else _left_classes(profile, table.signs)
        if sign:
            found.setdefault(sign, Piece(sign, quoted(name)))
    return list(found.values())


def _left_classes(profile: Profile, signs: Signs) -> str:
    """The sign of a column of labels that a reading without labels leaves aside, or nothing."""
    if profile.plain_name in signs.names["label"].usual:
        return "leaves_label"
    return "leaves_classes" if profile.is_classes and not means_something_else(profile, signs) else ""


def _say(pieces: Sequence[Piece], signs: Signs) -> list[str]:
    """The sentences of the pieces, the weightiest first."""
    ordered = sorted(dict.fromkeys(pieces), key=lambda piece: -abs(signs.signs[piece.sign].weight))
    return [fill(signs.signs[piece.sign].says, value=piece.of) for piece in ordered[:MOST_REASONS]]
