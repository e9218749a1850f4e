"""How long the texts are, against what models can read."""

from collections.abc import Sequence

import numpy as np

from advisor.audit.material import Material
from advisor.records import Candidate, LengthProfile
from pipeline.preparation import as_one_text, prepare

BARS = 24
FARTHEST = 0.995
"""Share of the texts that the bars reach over; the last bar holds the longer ones too."""
MOST_COUNTED = 5_000
"""Texts whose tokens are counted."""


def measure_lengths(material: Material, candidates: Sequence[Candidate]) -> LengthProfile | None:
    """A histogram of the lengths of the rows that are looked at, in tokens when a model is at hand, else in words.

    Args:
        material: With the models at hand.
        candidates: The models whose limits matter.
    """
    step = max(1, len(material.texts) // MOST_COUNTED)
    inputs = material.rows.inputs[::step]
    if not inputs:
        return None
    embedder = material.embedder()
    if embedder is None:
        lengths = [len(text.split()) for text in material.texts[::step]]
    else:
        texts = [as_one_text(prepare(given, embedder.preparation)) for given in inputs]
        lengths = [len(tokens) for tokens in embedder.tokenizer(texts, truncation=False, verbose=False)["input_ids"]]
    edges, rows = _histogram(lengths)
    return LengthProfile(
        unit="words" if embedder is None else "tokens",
        counted_by=material.candidates[0].name if embedder is not None else "",
        edges=edges,
        rows=rows,
        limits=_limits(candidates),
    )


def _histogram(lengths: Sequence[int]) -> tuple[list[int], list[int]]:
    last = max(int(np.quantile(lengths, FARTHEST)), 1)
    width = max(1, -(-last // BARS))
    edges = list(range(0, width * (-(-last // width)) + 1, width))
    if edges[-1] <= last:
        edges.append(edges[-1] + width)
    clipped = np.minimum(lengths, edges[-1] - 1)
    counts, _ = np.histogram(clipped, bins=edges)
    return edges, counts.tolist()


def _limits(candidates: Sequence[Candidate]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for candidate in candidates:
        found.setdefault(candidate.source.max_tokens, []).append(candidate.name)
    return dict(sorted(found.items()))
