"""The linear probe: logistic regression on frozen features of a pre-trained model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.embeddings import Embedder
from pipeline.predictors.linear import LinearClassifier, fit_standardised
from pipeline.task import Fit, Predictions, Rows

STRENGTH = 0.01
"""scikit-learn's C on standardised features. Measured on six data sets at 256 and 1,000 rows: within a point of the best of
0.001, 0.003, 0.01, 0.03 and 0.1 in eleven of twelve cells."""


@dataclass(frozen=True)
class Probe:
    """Reads frozen features and adds up what each says for a class."""

    embedder: Embedder
    pooling: str
    linear: LinearClassifier

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return self.linear.predict(rows.ids, self.embedder(rows.inputs, self.pooling))

    def save(self, folder: Path) -> None:
        """Write weights and pooling; the encoder itself stays where it is."""
        description = {"classes": self.linear.classes, "pooling": self.pooling}
        (folder / "probe.json").write_text(json.dumps(description), encoding="utf-8")
        self.linear.save(folder / "linear.safetensors")


def probe(embedder: Embedder, pooling: str, classes: Sequence[str]) -> Fit:
    """The fit of the linear probe."""

    def fit(rows: Rows, seed: int) -> Probe:
        features = embedder(rows.inputs, pooling)
        return Probe(embedder, pooling, fit_standardised(features, rows.answers, classes, STRENGTH, seed))

    return fit


def load_probe(folder: Path, embedder: Embedder) -> Probe:
    """Read a probe that was saved."""
    description = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
    linear = LinearClassifier.load(folder / "linear.safetensors", description["classes"])
    return Probe(embedder, description["pooling"], linear)
