"""The training rows nearest to others, by the frozen features that were computed for measuring."""

from collections.abc import Callable, Sequence

import numpy as np

from pipeline.embeddings import Embedder
from pipeline.preparation import as_one_text
from pipeline.task import Array, Input

NEAREST = 3


def nearest(
    embedder: Embedder, pooling: str, inputs: Sequence[Input], known: Sequence[Input], *, by_words: bool
) -> list[list[tuple[int, float]]]:
    """For each input the places of the nearest known ones with their cosine similarity, nearest first.

    A pair is near where both of its texts are; a sentence that is tagged word by word is read as one text.
    """
    read = unit_features(embedder, pooling, by_words=by_words)
    if not inputs or not known:
        return [[] for _ in inputs]
    return nearest_places(read(inputs), read(known))


def nearest_places(features: Array, known: Array) -> list[list[tuple[int, float]]]:
    """The same from features of length one; (inputs, features), (known ones, features)."""
    similarity = features @ known.T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :NEAREST]
    return [[(int(place), float(similarity[row, place])) for place in places] for row, places in enumerate(order)]


def unit_features(embedder: Embedder, pooling: str, *, by_words: bool) -> Callable[[Sequence[Input]], Array]:
    """What reads inputs as features of length one; (inputs, features)."""

    def unit(texts: Sequence[Input]) -> Array:
        features = embedder(texts, pooling)
        return np.asarray(features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12))

    def read(inputs: Sequence[Input]) -> Array:
        if by_words or isinstance(inputs[0], str):
            return unit([as_one_text(given) for given in inputs])
        sides = [unit([given[side] for given in inputs]) for side in (0, 1)]
        return np.asarray(np.concatenate(sides, axis=1) / np.sqrt(2))

    return read
