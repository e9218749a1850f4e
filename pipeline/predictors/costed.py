"""A way to answer whose answers cost least by the user's table, whatever way gives the probabilities."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.evaluation.calibration import fit_scaling, scale
from pipeline.evaluation.costs import Costs, cheapest
from pipeline.task import Array, Fit, KeptPredict, Predict, Predictions, Rows

FOLDS = 3
"""Parts of the rows that are held out in turn to calibrate probabilities."""
FILE = "costed.json"


@dataclass(frozen=True)
class Costed:
    """Answers with what costs least, given calibrated probabilities of another way."""

    way: Predict
    scaling: tuple[float, ...]
    costs: Costs
    classes: list[str]

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        found = self.way(rows)
        assert found.scores is not None
        return decide(rows.ids, scale(_logits(found.scores), self.scaling), self.classes, self.costs)

    def save(self, folder: Path) -> None:
        """Write the other way, and how its probabilities are calibrated; the table is the task's."""
        way: KeptPredict = self.way  # type: ignore[assignment]
        way.save(folder)
        description = {"scaling": list(self.scaling), "classes": self.classes}
        (folder / FILE).write_text(json.dumps(description), encoding="utf-8")


def decide(row_ids: Sequence[str], probabilities: Array, classes: Sequence[str], costs: Costs) -> Predictions:
    """The answers that cost least; the confidence is the probability that one is right."""
    places = cheapest(probabilities, costs.matrix(classes))
    confidence = probabilities[np.arange(len(places)), places] if len(places) else np.zeros(0)
    return Predictions(tuple(row_ids), tuple(classes[place] for place in places), probabilities, confidence)


def costed(fit: Fit, costs: Costs, classes: Sequence[str]) -> Fit:
    """The fit of a way whose probabilities are calibrated on rows that it did not see, held out in turn."""

    def fitted(rows: Rows, seed: int) -> Costed:
        parts = np.random.default_rng(seed).permutation(len(rows)) % FOLDS
        logits = np.zeros((len(rows), len(classes)))
        for part in range(FOLDS):
            held_out = np.flatnonzero(parts == part)
            scores = fit(rows.take(np.flatnonzero(parts != part)), seed)(rows.take(held_out)).scores
            assert scores is not None
            logits[held_out] = _logits(scores)
        places = np.array([list(classes).index(str(answer)) for answer in rows.answers])
        return Costed(fit(rows, seed), fit_scaling(logits, places), costs, list(classes))

    return fitted


def load_costed(folder: Path, way: Predict, costs: Costs) -> Costed:
    """A way that was saved, with how its probabilities are calibrated."""
    description = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return Costed(way, tuple(description["scaling"]), costs, description["classes"])


def _logits(probabilities: Array) -> Array:
    return np.asarray(np.log(np.clip(probabilities, 1e-12, 1.0)))
