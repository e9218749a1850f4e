"""The majority guess: the answer that is commonest in the rows, always."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.task import Fit, Predictions, Rows


@dataclass(frozen=True)
class Majority:
    """Answers every row with the commonest class, with the share of each class as its scores."""

    classes: list[str]
    shares: list[float]

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        answer = self.classes[int(np.argmax(self.shares))]
        shares = np.tile(self.shares, (len(rows), 1))
        return Predictions(rows.ids, (answer,) * len(rows), shares, shares.max(axis=1, initial=0.0))

    def save(self, folder: Path) -> None:
        """Write classes and shares."""
        (folder / "majority.json").write_text(json.dumps({"classes": self.classes, "shares": self.shares}))


def majority(classes: Sequence[str]) -> Fit:
    """The fit of the majority guess."""

    def fit(rows: Rows, seed: int) -> Majority:
        del seed
        counts = Counter(rows.answers)
        return Majority(list(classes), [counts[label] / len(rows) for label in classes])

    return fit


def load_majority(folder: Path) -> Majority:
    """Read a majority guess that was saved."""
    return Majority(**json.loads((folder / "majority.json").read_text()))
