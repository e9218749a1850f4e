"""What training takes, and what it gives."""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.metric import Metric
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.records import EpochLog, Overfitting, Recipe, SeedSpread, TextPreparation
from pipeline.task import Answer, Array, RivalSetting, Rows, Task, TrainingSetting
from pipeline.training.callbacks import StepTime

HEAD_ROWS, HEAD_ROWS_OF_A_KIND = 1000, 24
"""A head starts from a probe of so many rows, or of so many for each kind of answer where that is more. Measured with all 3,000 rows and
with 1,000 of them, batches of 32 (test accuracy): TREC .958 and .958, SST-2 .868 and .870; reading the others first took 8 to 15 seconds
of one thread."""


@dataclass(frozen=True)
class TrainingJob:
    """Everything that training takes."""

    task: Task
    encoder: Path
    recipe: Recipe
    preparation: TextPreparation
    pooling: str
    classes: list[str]
    metric: Metric
    train: Rows
    validation: Rows
    seed: int
    head: tuple[Array, Array] | None = None
    """Weight and bias of the probe that the head starts from."""
    tokens: frozenset[int] = frozenset()
    """Tokens that learn beside those of the rows: a pilot has as many to learn as the run that it stands for."""
    tracking: Path | None = None
    """Where trackers write, if any are told."""
    most_kept_bytes: int = 1 << 30
    """Of what frozen layers make of the rows, in memory; set by us."""

    @property
    def setting(self) -> TrainingSetting:
        """What the head is built from."""
        return TrainingSetting(self.classes, self.pooling, self.seed, self.train, self.head)


def starting_head(
    task: Task, recipe: Recipe, setting: RivalSetting, rows: Rows, seed: int
) -> tuple[Array, Array] | None:
    """The weights that the head starts from, by the recipe: those of a probe on some of these rows that is held back, or none."""
    if recipe.strategy != "probe_then_fine_tune":
        return None
    return task.head_of(task.fit_rival("probe", replace(setting, as_head=True))(head_rows(rows, seed), seed))


def head_rows(rows: Rows, seed: int) -> Rows:
    """Rows enough for a head to start from, in their order; drawn so that each kind of answer is among them as evenly as it can be."""
    kinds = [_kinds(answer) for answer in rows.answers]
    most = max(HEAD_ROWS, HEAD_ROWS_OF_A_KIND * len(set().union(*kinds)))
    if len(rows) <= most:
        return rows
    seen, turns = Counter[str](), np.zeros(len(rows), dtype=int)
    for place in np.random.default_rng(seed).permutation(len(rows)):
        turns[place] = min((seen[kind] for kind in kinds[place]), default=0)
        seen.update(kinds[place])
    return rows.take(np.sort(np.argsort(turns, kind="stable")[:most]))


def _kinds(answer: Answer) -> set[str]:
    """The label, the labels or the tags of an answer; none of a number."""
    return {answer} if isinstance(answer, str) else set(map(str, answer)) if isinstance(answer, tuple) else set()


@dataclass(frozen=True)
class Trained:
    """A fine-tuned model and how it came about."""

    model: FineTuned
    epochs: list[EpochLog]
    best_epoch: float
    steps: list[StepTime]
    overfitting: Overfitting | None = None
    """None of a pilot, which validates nothing."""
    seeds: SeedSpread | None = None
    """None of one seed."""
