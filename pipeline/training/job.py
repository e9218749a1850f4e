"""What training takes, and what it gives."""

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.metric import Metric
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.records import EpochLog, Overfitting, Recipe, SeedSpread, TextPreparation
from pipeline.task import Array, RivalSetting, Rows, Task, TrainingSetting
from pipeline.training.callbacks import StepTime


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
    """The weights that the head starts from, by the recipe: those of a probe on these rows that is held back, or none."""
    if recipe.strategy != "probe_then_fine_tune":
        return None
    return task.head_of(task.fit_rival("probe", replace(setting, as_head=True))(rows, seed))


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
