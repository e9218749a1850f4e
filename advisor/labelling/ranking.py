"""Which rows to ask next, and why each: unsure, typical, unlike what is known, and of classes that are short. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.task import Array

NEIGHBOURS = 10
"""Rows whose mean likeness says how typical a row is."""
DRAWN_EVERY = 5
"""While sealed rows are wanted, every so many rows one is drawn at random."""
DRAWN = "drawn at random, so that sealed rows can be added fairly"
UNLIKE = "unlike all labelled rows"


@dataclass(frozen=True)
class Belief:
    """What is thought of each row before a person has said anything.

    Shapes: all have one entry per row; `scores`, where there are any, is (rows, classes).
    """

    suggested: Sequence[object]
    unsure: Array
    """0 to 1."""
    because: Sequence[str]
    """Why it is unsure, in a few words."""
    likely: Sequence[str]
    """The class whose rows it would add to; empty where there are none."""
    scores: Array | None = None
    classes: Sequence[str] = ()


@dataclass(frozen=True)
class Pick:
    """A row to ask: its place in the pool, and why."""

    place: int
    because: str
    drawn: bool = False


@dataclass(frozen=True)
class Landscape:
    """Where the rows of a pool lie among each other.

    Shapes: `features` is (rows, features), at length 1; `typical` is (rows,).
    """

    features: Array
    typical: Array
    """Mean likeness of each row to its nearest neighbours."""

    @classmethod
    def of(cls, features: Array) -> "Landscape":
        """The landscape of features (rows, features) at length 1."""
        count = min(NEIGHBOURS, len(features) - 1)
        if count < 1:
            return cls(features, np.ones(len(features)))
        found = np.empty(len(features))
        for start in range(0, len(features), 1000):
            alike = features[start : start + 1000] @ features.T
            nearest = np.partition(alike, -count - 1, axis=1)[:, -count - 1 :]
            found[start : start + 1000] = (nearest.sum(axis=1) - nearest.max(axis=1)) / count
        return cls(features, np.maximum(found, 0.01))


@dataclass(frozen=True)
class Classes:
    """How many rows each class has, and up to how many it is short."""

    rows: Mapping[str, int]
    need: int

    def weight(self, label: str) -> float:
        """How much a row of that class is worth: the fewer it has, the more."""
        return 1 / float(np.sqrt(1 + self.rows.get(label, 0)))


def choose(
    land: Landscape,
    known: Array,
    belief: Belief,
    classes: Classes,
    free: Sequence[int],
    most: int,
    drawn: Sequence[int] = (),
) -> list[Pick]:
    """The rows to ask next, best first.

    Each is the one whose product of four things is largest: how unsure its answer is, how typical it is of the rows that
    wait, how unlike it is to every row that is labelled or chosen, and how few rows its likely class has. Rows that are
    likely of a short class come first while it is short.

    Args:
        land: The pool.
        known: Features of labelled rows, at length 1; (labelled, features).
        belief: What is thought of the rows.
        classes: What the classes have.
        free: Places of rows that may be asked.
        most: How many.
        drawn: Places to put between the others, every fifth.
    """
    choice = _Choice(land, known, belief, classes, sorted(set(free)))
    random = [place for place in drawn if place in choice.places]
    picks: list[Pick] = []
    while len(picks) < min(most, len(choice.places)):
        if random and len(picks) % DRAWN_EVERY == DRAWN_EVERY - 1:
            place = random.pop(0)
            if choice.take(place):
                picks.append(Pick(place, DRAWN, drawn=True))
        else:
            picks.append(choice.best())
            choice.take(picks[-1].place)
    return picks


class _Choice:
    """The rows that are left while some are chosen one after the other."""

    def __init__(self, land: Landscape, known: Array, belief: Belief, classes: Classes, free: Sequence[int]) -> None:
        self.places = list(free)
        self._features = land.features[self.places]
        self._unlike = 1 - (self._features @ known.T).max(axis=1) if len(known) else np.ones(len(free))
        self._unsure = belief.unsure[self.places]
        self._likely = np.array([belief.likely[place] for place in free], dtype=object)
        weights = np.array([classes.weight(label) for label in self._likely])
        self._worth = land.typical[self.places] * (0.05 + self._unsure) * weights
        self._because = [belief.because[place] for place in free]
        self._have, self._need = dict(classes.rows), classes.need
        self._first = dict(classes.rows)
        self._left = np.ones(len(free), dtype=bool)

    def take(self, place: int) -> bool:
        """Take a row out; False when it was taken before."""
        at = self.places.index(place)
        if not self._left[at]:
            return False
        self._left[at] = False
        self._unlike = np.minimum(self._unlike, 1 - self._features @ self._features[at])
        label = self._likely[at]
        if label in self._have:
            self._have[label] += 1
        return True

    def best(self) -> Pick:
        """The best row that is left, of the class that lacks most where one is short, and why."""
        value = self._worth * self._unlike
        for label in sorted(self._have, key=lambda label: self._have[label]):
            rows = (self._likely == label) & self._left
            if self._have[label] < self._need and rows.any():
                at = int(np.where(rows, value, -1).argmax())
                return Pick(self.places[at], f"may be '{label}', which has {_rows(self._first[label])}")
        at = int(np.where(self._left, value, -1).argmax())
        strange = (self._unlike[self._left] <= self._unlike[at]).mean()
        doubtful = (self._unsure[self._left] <= self._unsure[at]).mean()
        return Pick(self.places[at], self._because[at] if doubtful >= strange and self._because[at] else UNLIKE)


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


def standardise(features: Array, centre: Array) -> Array:
    """Features less their centre, at length 1; (rows, features)."""
    apart = features - centre
    return np.asarray(apart / np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12))
