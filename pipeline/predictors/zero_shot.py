"""Zero-shot: the label whose description lies nearest to the text in the model's own sentence features."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.embeddings import Embedder
from pipeline.metric import Metric
from pipeline.predictors.linear import OneLabel
from pipeline.task import Array, Fit, Predictions, Rows

TEMPERATURE = 0.05
"""Cosine similarities of sentence encoders are trained at about this temperature (all-MiniLM-L6-v2: scale 20)."""
SLOT = "{phrase}"


@dataclass(frozen=True)
class Phrasing:
    """A template for label phrases, and whether each label's mean similarity is taken off first.

    A label whose phrase lies near to every text would else swallow them all; its mean needs texts, but no labels.
    """

    template: str
    centred: bool

    def __str__(self) -> str:
        return f"“{self.template}”" + (", centred" if self.centred else "")


@dataclass(frozen=True)
class ZeroShot:
    """Compares a text with a sentence for each label."""

    embedder: Embedder
    classes: list[str]
    sentences: list[str]
    offsets: list[float]
    """Taken off each label's similarity."""

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        nearness = similarity(self.embedder, rows, self.sentences) - np.array(self.offsets)
        return OneLabel().decode(rows.ids, nearness / TEMPERATURE, self.classes)

    def save(self, folder: Path) -> None:
        """Write the sentences; the encoder itself stays where it is."""
        description = {"classes": self.classes, "sentences": self.sentences, "offsets": self.offsets}
        (folder / "zero_shot.json").write_text(json.dumps(description), encoding="utf-8")


def zero_shot(
    embedder: Embedder, classes: Sequence[str], phrases: Mapping[str, str], templates: Sequence[str], metric: Metric
) -> Fit:
    """The fit of zero-shot: of all phrasings it takes the one that does best on the rows."""

    def fit(rows: Rows, seed: int) -> ZeroShot:
        del seed
        found = phrasing_scores(rows, embedder, classes, phrases, templates, metric)
        best = max(found, key=lambda phrasing: found[phrasing])  # without rows to tell, the first, uncentred
        said = sentences(best.template, classes, phrases)
        offsets = similarity(embedder, rows, said).mean(axis=0) if best.centred else np.zeros(len(classes))
        return ZeroShot(embedder, list(classes), said, offsets.tolist())

    return fit


def phrasing_scores(
    rows: Rows,
    embedder: Embedder,
    classes: Sequence[str],
    phrases: Mapping[str, str],
    templates: Sequence[str],
    metric: Metric,
) -> dict[Phrasing, float]:
    """Score of each phrasing on labelled rows."""
    found: dict[Phrasing, float] = {}
    for template in templates:
        near = similarity(embedder, rows, sentences(template, classes, phrases))
        for centred in (False, True):
            shifted = near - near.mean(axis=0) if centred else near
            answers = [classes[index] for index in shifted.argmax(axis=1)]
            found[Phrasing(template, centred)] = metric(rows.answers, answers, classes)
    return found


def load_zero_shot(folder: Path, embedder: Embedder) -> ZeroShot:
    """Read a zero-shot that was saved."""
    return ZeroShot(embedder, **json.loads((folder / "zero_shot.json").read_text(encoding="utf-8")))


def sentences(template: str, classes: Sequence[str], phrases: Mapping[str, str]) -> list[str]:
    """The template with what each class means in its slot."""
    return [template.replace(SLOT, phrases.get(label) or _words(label)) for label in classes]


def are_words(classes: Sequence[str], phrases: Mapping[str, str]) -> bool:
    """Whether every label says what it means, itself or by a phrase; bare numbers do not."""
    return all(phrases.get(label) or not _number(label) for label in classes)


def _number(label: str) -> bool:
    return label.strip().lstrip("-").replace(".", "", 1).isdigit()


def _words(label: str) -> str:
    return label.replace("_", " ").replace("-", " ").strip()


def similarity(embedder: Embedder, rows: Rows, said: Sequence[str]) -> Array:
    """Cosine similarity of texts and sentences; (rows, sentences)."""
    pooling = embedder.source.pooling
    return np.asarray(unit(embedder(rows.inputs, pooling)) @ unit(embedder(said, pooling)).T)


def unit(features: Array) -> Array:
    """Features (rows, features) at length 1."""
    return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))
