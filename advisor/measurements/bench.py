"""The rows that measuring may use, and cross-validation on them: one bench for every way that is compared."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.data.dataset import Dataset
from pipeline.data.splitting import folds
from pipeline.metric import Metric
from pipeline.task import Answer, Array, Fit, Predictions, Rows, Task

MOST_ROWS = 4000
"""Rows that are used to measure; beyond it a seeded sample, whose intervals are wider than those of all rows would be."""
MOST_ANSWERS = 50_000
"""Answers that are used to measure, where a row holds many."""
MOST_FOLDS = 5
REPEATED_BELOW = 300
REPEATS = 3


@dataclass(frozen=True)
class Bench:
    """Training rows with grouped, stratified folds.

    Shapes: `rows` and `groups` have one entry per row; each fold holds positions.
    """

    task: Task
    rows: Rows
    groups: list[str]
    classes: list[str]
    metric: Metric
    folds: list[list[Array]]
    """One list of folds for each repetition."""
    seed: int

    def held_out(self, fit: Fit, repetition: int = 0) -> Predictions:
        """Answers for every row by a fit that did not see it."""
        answers: dict[int, Answer] = {}
        everything = np.arange(len(self.rows))
        for held_out in self.folds[repetition]:
            seen = np.setdiff1d(everything, held_out)
            found = fit(self.rows.take(seen), self.seed)(self.rows.take(held_out))
            answers.update(zip(held_out.tolist(), found.answers, strict=True))
        return Predictions(self.rows.ids, tuple(answers[position] for position in range(len(self.rows))))

    def timed(self, fit: Fit) -> tuple[list[Predictions], float]:
        """Held-out answers of every repetition, and the wall seconds of one."""
        begun = time.perf_counter()
        found = [self.held_out(fit, repetition) for repetition in range(len(self.folds))]
        return found, (time.perf_counter() - begun) / len(self.folds)


def make_bench(task: Task, data: Dataset, positions: Sequence[int], metric: Metric, seed: int) -> Bench | None:
    """A bench on these rows, or None when they allow no cross-validation.

    With fewer than 300 rows the folds are drawn three times, since one draw says little.
    """
    drawn = np.random.default_rng(seed).permutation(len(positions))[:MOST_ROWS]
    answers = np.cumsum([task.weight(data.rows.inputs[positions[place]]) for place in drawn])
    kept = [positions[place] for place in sorted(drawn[answers <= MOST_ANSWERS])]
    rows = data.rows.take(kept)
    groups = [data.groups.keys[position] for position in kept]
    strata = task.strata(rows)
    counts = Counter(strata)
    if len(rows) < 20 or sum(count > 1 for count in counts.values()) < 2:
        return None
    repeats = REPEATS if len(rows) < REPEATED_BELOW else 1
    return Bench(
        task=task,
        rows=rows,
        groups=groups,
        classes=task.classes(data.unsealed()),
        metric=metric,
        folds=[folds(groups, strata, MOST_FOLDS, seed + repetition) for repetition in range(repeats)],
        seed=seed,
    )
