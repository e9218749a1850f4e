"""The linear probe: a linear model on frozen features of a pre-trained model."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.embeddings import Embedder
from pipeline.predictors.linear import Kind, Linear, Readout, fit_standardised
from pipeline.task import Array, Fit, Input, Predictions, Rows


@dataclass(frozen=True)
class Probe:
    """Reads frozen features and adds up what each says for an answer."""

    embedder: Embedder
    pooling: str
    readout: Readout
    linear: Linear
    classes: list[str]

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        outputs = self.linear(embed(self.embedder, rows.inputs, self.pooling))
        return self.readout.decode(rows.ids, outputs, self.classes, self.linear.thresholds)

    def save(self, folder: Path) -> None:
        """Write weights and pooling; the encoder itself stays where it is."""
        description = {"classes": self.classes, "pooling": self.pooling}
        (folder / "probe.json").write_text(json.dumps(description), encoding="utf-8")
        self.linear.save(folder / "linear.safetensors")


def probe(embedder: Embedder, pooling: str, readout: Readout, classes: Sequence[str], kind: Kind = "probe") -> Fit:
    """The fit of the linear probe, or of what a head starts from."""

    def fit(rows: Rows, seed: int) -> Probe:
        features = embed(embedder, rows.inputs, pooling)
        linear = fit_standardised(readout, features, rows.answers, classes, seed, kind)
        return Probe(embedder, pooling, readout, linear, list(classes))

    return fit


def embed(embedder: Embedder, inputs: Sequence[Input], pooling: str) -> Array:
    """Frozen features of texts, or of pairs [u, v, |u - v|, u · v] with each text read for itself.

    Shapes: (inputs, features) for texts, (inputs, 4 × features) for pairs.
    Source: the pair features are those of Conneau et al. (2017), https://aclanthology.org/D17-1070/
    """
    if not inputs or isinstance(inputs[0], str):
        return embedder(inputs, pooling)
    one, other = (embedder([given[side] for given in inputs], pooling) for side in (0, 1))
    return np.concatenate([one, other, np.abs(one - other), one * other], axis=1)


def load_probe(folder: Path, embedder: Embedder, readout: Readout) -> Probe:
    """Read a probe that was saved."""
    description = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
    linear = Linear.load(folder / "linear.safetensors")
    return Probe(embedder, description["pooling"], readout, linear, description["classes"])
