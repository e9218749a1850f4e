"""A score of which less is better and that has no upper bound, for tests of everything that must mind the direction."""

from collections.abc import Sequence

import numpy as np

from pipeline.metric import Metric
from pipeline.task import Answer, Array


def _distances(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    del classes
    away = np.abs(np.array(truth, dtype=float) - np.array(answers, dtype=float))
    return np.stack([away, np.ones_like(away)], axis=1)


MEAN_ERROR = Metric(
    name="mean_error",
    title="mean error",
    higher_is_better=False,
    bounds=(0.0, float("inf")),
    unit="score",
    statistics=_distances,
    reduce=lambda sums: np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1)),
)
