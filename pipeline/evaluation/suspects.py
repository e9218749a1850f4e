"""Rows whose truth looks wrong: by the model's probabilities, or by how far a number lies off."""

from collections.abc import Sequence

import numpy as np

from pipeline.task import Array

FAR_OFF = 4.0
"""Robust standard deviations from which an error is taken for a slip of the truth. Set by us: 1 in 16,000 of a normal spread."""
Suspicion = tuple[int, int, float]
"""A row, the place of the class that is meant instead, and how much surer the model is of it."""


def suspect_labels(truth: Array, probabilities: Array) -> list[Suspicion]:
    """Rows of one label whose other class is surer than usual for that class, surest first.

    A class is surer than usual when its probability reaches the mean that it has on the rows which are labelled with it, so that
    a model that is less sure of one class than of others does not accuse its rows.

    Shapes: `truth` has the place of each row's label, (rows,); `probabilities` is (rows, classes).

    Source: Northcutt et al. (2021), Confident Learning, https://doi.org/10.1613/jair.1.12125
    """
    rows, classes = probabilities.shape
    usual = np.array(
        [probabilities[truth == place, place].mean() if (truth == place).any() else np.inf for place in range(classes)]
    )
    sure = np.where(probabilities >= usual, probabilities, -1.0)
    meant = sure.argmax(axis=1) if classes else np.zeros(rows, dtype=int)
    found = [
        (row, int(meant[row]), float(probabilities[row, meant[row]] - probabilities[row, truth[row]]))
        for row in range(rows)
        if sure[row, meant[row]] >= 0 and meant[row] != truth[row]
    ]
    return sorted((each for each in found if each[2] > 0), key=lambda each: -each[2])


def suspect_marks(marks: Array, probabilities: Array) -> list[Suspicion]:
    """The same for several labels, each by itself: a row and a label that looks forgotten or wrongly given; both (rows, classes)."""
    found: list[Suspicion] = []
    for place in range(marks.shape[1]):
        pair = np.stack([1 - probabilities[:, place], probabilities[:, place]], axis=1)
        found += [(row, place, margin) for row, _, margin in suspect_labels(marks[:, place].astype(int), pair)]
    return sorted(found, key=lambda each: -each[2])


def suspect_numbers(errors: Sequence[float] | Array) -> list[tuple[int, float]]:
    """Rows whose error lies far outside of the others', farthest first, with its size in robust standard deviations; (rows,)."""
    apart = np.asarray(errors, dtype=float) - (np.median(errors) if len(errors) else 0.0)
    spread = 1.4826 * float(np.median(np.abs(apart))) if len(apart) else 0.0
    if spread == 0:
        return []
    sizes = np.abs(apart) / spread
    return [(int(row), float(sizes[row])) for row in np.argsort(-sizes, kind="stable") if sizes[row] > FAR_OFF]
