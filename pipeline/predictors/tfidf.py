"""TF-IDF of words and of character runs with a linear model: the strongest way that needs no model."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from pipeline.predictors.linear import Linear, Readout
from pipeline.preparation import prepare
from pipeline.records import TextPreparation
from pipeline.task import Fit, Input, Predictions, Rows

KINDS: dict[str, dict[str, Any]] = {
    "words": {"analyzer": "word", "ngram_range": (1, 2), "sublinear_tf": True},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5), "sublinear_tf": True},
}


@dataclass(frozen=True)
class Tfidf:
    """Counts words and character runs, weighs them, and adds up what each says for an answer."""

    vectorizers: dict[str, Any]
    readout: Readout
    linear: Linear
    classes: list[str]
    preparation: TextPreparation

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        outputs = self.linear(_features(self.vectorizers, rows.inputs, self.preparation))
        return self.readout.decode(rows.ids, outputs, self.classes, self.linear.thresholds)

    def save(self, folder: Path) -> None:
        """Write vocabularies, weights and preparation; nothing that runs."""
        vocabularies = {
            kind: {term: int(place) for term, place in vectorizer.vocabulary_.items()}
            for kind, vectorizer in self.vectorizers.items()
        }
        description = {
            "classes": self.classes,
            "vocabularies": vocabularies,
            "preparation": self.preparation.model_dump(),
        }
        (folder / "tfidf.json").write_text(json.dumps(description), encoding="utf-8")
        save_file({kind: vectorizer.idf_ for kind, vectorizer in self.vectorizers.items()}, folder / "idf.safetensors")
        self.linear.save(folder / "linear.safetensors")


def tfidf(readout: Readout, classes: Sequence[str], preparation: TextPreparation) -> Fit:
    """The fit of TF-IDF with a linear model."""

    def fit(rows: Rows, seed: int) -> Tfidf:
        from sklearn.feature_extraction.text import TfidfVectorizer

        sides = _sides(rows.inputs, preparation)
        vectorizers: dict[str, Any] = {}
        counts: list[Any] = []
        for kind, options in KINDS.items():
            vectorizer = TfidfVectorizer(**options, dtype=np.float64)
            try:
                counts.append(vectorizer.fit_transform([text for side in sides for text in side]))
            except ValueError:  # no text has anything of this kind, such as one-letter texts without words
                continue
            vectorizers[kind] = vectorizer
        ends = np.cumsum([0, *map(len, sides)])
        parts = [[found[start:end] for found in counts] for start, end in itertools.pairwise(ends)]
        features = _joined(parts, len(rows))
        linear = readout.fit(features, rows.answers, classes, "tfidf", seed)
        return Tfidf(vectorizers, readout, linear, list(classes), preparation)

    return fit


def load_tfidf(folder: Path, readout: Readout) -> Tfidf:
    """Read a TF-IDF that was saved."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    description = json.loads((folder / "tfidf.json").read_text(encoding="utf-8"))
    weights = load_file(folder / "idf.safetensors")
    vectorizers: dict[str, Any] = {}
    for kind, vocabulary in description["vocabularies"].items():
        vectorizers[kind] = TfidfVectorizer(**KINDS[kind], vocabulary=vocabulary, dtype=np.float64)
        vectorizers[kind].idf_ = weights[kind]
    linear = Linear.load(folder / "linear.safetensors")
    return Tfidf(vectorizers, readout, linear, description["classes"], TextPreparation(**description["preparation"]))


def _sides(inputs: Sequence[Input], preparation: TextPreparation) -> list[list[str]]:
    """The texts, or the first and the second texts of pairs."""
    prepared = [prepare(given, preparation) for given in inputs]
    if not prepared or isinstance(prepared[0], str):
        return [[str(given) for given in prepared]]
    return [[given[side] for given in prepared] for side in (0, 1)]


def _features(vectorizers: dict[str, Any], inputs: Sequence[Input], preparation: TextPreparation) -> Any:
    """Counts of texts; of pairs those of both, their differences and their products.

    Shapes: (inputs, terms) for texts, (inputs, 4 × terms) for pairs.
    """
    sides = _sides(inputs, preparation)
    return _joined([[each.transform(texts) for each in vectorizers.values()] for texts in sides], len(inputs))


def _joined(sides: Sequence[Sequence[Any]], rows: int) -> Any:
    """Counts of all kinds beside each other, of one or two texts in a row."""
    import scipy.sparse

    if not any(sides):
        return np.zeros((rows, 1))
    wide = [scipy.sparse.hstack(counts).tocsr() for counts in sides]
    if len(wide) == 1:
        return wide[0]
    one, other = wide
    return scipy.sparse.hstack([one, other, abs(one - other), one.multiply(other)]).tocsr()
