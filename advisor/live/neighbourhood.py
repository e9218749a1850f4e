"""The training rows nearest to a row that was typed or asked: what its answer is likely to rest on."""

import threading
from dataclasses import dataclass

import numpy as np

from advisor.errors import Busy
from advisor.measuring import Measuring, Progress
from advisor.report.safe_text import clip
from advisor.rulebook import load_rules
from advisor.way import Way
from pipeline.embeddings import Embedder
from pipeline.errors import PipelineError
from pipeline.evaluation.neighbours import nearest_places, unit_features
from pipeline.task import Array, Rows

MOST_CHARACTERS = 160
PERSONAL = "The data is personal, so no training row is shown."
PATIENCE_SECONDS = 30.0
"""Time that one asks for while the rows are read for another."""


@dataclass(frozen=True)
class Near:
    """A training row."""

    text: str
    answer: str
    """What it is labelled with."""
    similarity: float
    """Cosine of the frozen features, 1 for the same text."""


@dataclass(frozen=True)
class Nearby:
    """Training rows, nearest first, or why there are none."""

    rows: list[Near]
    why_none: str = ""


@dataclass(frozen=True)
class _Known:
    train: Rows
    features: Array
    """(rows, features), of length one each."""
    embedder: Embedder
    """Keeps nothing of what it is asked, in memory or on the disk."""


class Unheard:
    """Progress that nobody watches."""

    def step(self, name: str) -> None:
        """Nothing."""

    def advance(self, done: int, total: int) -> None:
        """Nothing."""


class Neighbourhood:
    """The training rows of a way's run; they are read when they are first needed, and may be asked for from any thread.

    Args:
        way: What answers.
    """

    def __init__(self, way: Way) -> None:
        self.way, self._lock = way, threading.Lock()
        self._known: _Known | None = None
        self._why_none = "" if way.show_rows else PERSONAL

    def read(self, progress: Progress) -> None:
        """Read the rows with the frozen model, once; where that cannot be, the reason is told instead of rows."""
        if self._known is not None or self._why_none:
            return
        try:
            train = Measuring(self.way.folder, load_rules(), progress).data.on("train")
            embedder = self.way.embedder()
            progress.step("reading the training rows with the model")
            features = unit_features(embedder, self.way.pooling, by_words=self.way.task.by_words)(train.inputs)
            asking = Embedder(embedder.path, embedder.source, embedder.preparation, None, embedder.model)
        except PipelineError as error:  # a door: answers can be had without the rows that they are near to
            self._why_none = f"No nearest training rows: {error.problem}"
            return
        asking.most_known = 0
        self._known = _Known(train, features, asking)

    def of(self, row: Rows) -> Nearby:
        """The training rows nearest to one row.

        Raises:
            Busy: They are still being read for another.
        """
        if not self._lock.acquire(timeout=PATIENCE_SECONDS):
            raise Busy("The training rows are still being read.", "Ask again in a minute.")
        try:
            self.read(Unheard())
            if self._known is None:
                return Nearby([], self._why_none)
            return Nearby(self._near(self._known, row))
        finally:
            self._lock.release()

    def _near(self, known: _Known, row: Rows) -> list[Near]:
        task = self.way.task
        features = unit_features(known.embedder, self.way.pooling, by_words=task.by_words)(row.inputs)
        (places,) = nearest_places(features, known.features)
        found = []
        for place, similarity in places:
            given, truth = known.train.inputs[place], known.train.answers[place]
            said = clip(task.say_input(given), MOST_CHARACTERS)
            found.append(Near(said, task.say_answer(given, truth, truth), float(np.clip(similarity, -1, 1))))
        return found
