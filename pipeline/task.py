"""What differs between kinds of output, and the few words that every part of the program uses for all of them."""

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.errors import PlanError
from pipeline.records import ErrorAnalysis, Plan

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor
    from transformers import PreTrainedModel

    from pipeline.embeddings import Embedder

if TYPE_CHECKING:
    Array = np.ndarray[Any, np.dtype[Any]]
else:  # the questionnaire reads this module too, and must not wait for numpy
    Array = Any
Input = str | tuple[str, ...]
"""What a model reads: a text, a pair of texts, the words of a sentence."""
Answer = str | float | tuple[str, ...]
"""What a model says: a label, a number, several labels, the tags of a sentence."""

TASKS: Mapping[str, str] = {
    "text-classification": "pipeline.tasks.text_classification",
}
"""The tasks that are built: key, and the module whose `TASK` carries it out."""


@dataclass(frozen=True)
class Rows:
    """Rows of one task.

    Shapes: all fields have one entry per row.
    """

    ids: tuple[str, ...]
    inputs: tuple[Input, ...]
    answers: tuple[Answer, ...]
    """The truth; empty when the rows are not labelled."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, indices: Sequence[int] | Array) -> "Rows":
        """The rows at these positions, in this order."""
        return Rows(
            ids=tuple(self.ids[index] for index in indices),
            inputs=tuple(self.inputs[index] for index in indices),
            answers=tuple(self.answers[index] for index in indices) if self.answers else (),
        )


@dataclass(frozen=True)
class Predictions:
    """A model's answers.

    Shapes: `scores` is (rows, classes), the probability of each class, where the task has classes.
    """

    row_ids: tuple[str, ...]
    answers: tuple[Answer, ...]
    scores: Array | None = None


class Predict(Protocol):
    """Answers rows."""

    def __call__(self, rows: Rows) -> Predictions:
        """Answers for every row, in their order."""


class Fit(Protocol):
    """Learns from rows and returns what answers others."""

    def __call__(self, rows: Rows, seed: int) -> Predict:
        """What answers other rows, learned from these."""


class KeptPredict(Predict, Protocol):
    """A predictor that can be saved and used later."""

    def save(self, folder: Path) -> None:
        """Write what is needed to predict again into an empty folder."""


@dataclass(frozen=True)
class Metric:
    """A score as a function of per-row statistics, so that a bootstrap costs a matrix product.

    Attributes:
        name: Its name in answers files.
        title: Its name for people.
        higher_is_better: Its direction.
        bounds: Lowest and highest value; infinite where there is none.
        unit: What one unit of it is, `points` for scores between 0 and 1.
        statistics: (truth, answers, classes) -> (rows, k).
        reduce: sums of statistics (…, k) -> scores (…).
        right_or_wrong: (truth, answers) -> (rows,) booleans where each row is right or wrong.
    """

    name: str
    title: str
    higher_is_better: bool
    bounds: tuple[float, float]
    unit: str
    statistics: Callable[[Sequence[Answer], Sequence[Answer], Sequence[str]], Array]
    reduce: Callable[[Array], Array]
    right_or_wrong: Callable[[Sequence[Answer], Sequence[Answer]], Array] | None = None

    def __call__(self, truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> float:
        """The score of answers against the truth."""
        return float(self.reduce(self.statistics(truth, answers, classes).sum(axis=0)))


@dataclass(frozen=True)
class Role:
    """A column that a task needs: its key under `[data]`, and what it holds."""

    key: str
    holds: str
    required_to_predict: bool


@dataclass(frozen=True)
class RivalSetting:
    """What the cheap ways of a task may use."""

    embedder: "Embedder"
    """Frozen features of the model that would be fine-tuned."""
    classes: Sequence[str]
    metric: Metric
    phrases: Mapping[str, str]
    templates: Sequence[str]
    pooling: str


class Task(Protocol):
    """One kind of output. A module under `pipeline/tasks` makes one and calls it `TASK`."""

    key: str
    roles: tuple[Role, ...]
    metrics: Mapping[str, Metric]
    rivals: tuple[str, ...]
    """Names of its cheap ways, the simplest first."""

    def detect_columns(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
        """For each role the columns that could fill it, the likeliest first."""

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Read rows from a table.

        Raises:
            DataError: A column is missing.
        """

    def check(self, rows: Rows, file: str) -> None:
        """Refuse answers that cannot be learned as they are.

        Raises:
            DataError: Names every fault, with the mend beside it.
        """

    def classes(self, rows: Rows) -> list[str]:
        """The classes in the order of the model's outputs; empty for tasks without classes."""

    def strata(self, rows: Rows) -> list[str]:
        """For each row the key that splits and folds are balanced by."""

    def fit_rival(self, name: str, setting: RivalSetting) -> Fit:
        """The cheap way of that name; what it returns is a `KeptPredict`."""

    def load_rival(self, folder: Path, embedder: "Embedder | None") -> Predict:
        """A cheap way that was saved; one that reads features needs the embedder."""

    def build_model(self, encoder: Path, plan: "TrainingSetting") -> "PreTrainedModel":
        """The pre-trained encoder with this task's head on top."""

    def encode_answers(self, rows: Rows, classes: Sequence[str]) -> list[Any]:
        """The truth as the model's loss takes it, one for each row."""

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str) -> Callable[..., "Tensor"]:
        """The loss, as `Trainer` takes it: (outputs, labels, num_items_in_batch) -> scalar."""

    def decode(self, row_ids: Sequence[str], logits: Array, classes: Sequence[str]) -> Predictions:
        """Answers from logits (rows, …)."""

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Where the fine-tuned model still fails."""


@dataclass(frozen=True)
class TrainingSetting:
    """What a head is built from: the classes, the pooling, and the probe to start from if any.

    Shapes: `probe_weight` is (classes, features), `probe_bias` is (classes,).
    """

    classes: Sequence[str]
    pooling: str
    seed: int
    probe_weight: Array | None = None
    probe_bias: Array | None = None


@functools.cache
def load_task(key: str) -> Task:
    """The task of that key.

    Raises:
        PlanError: It is not built.
    """
    if key not in TASKS:
        raise PlanError(f"The task '{key}' is not built.", f"Built are: {', '.join(TASKS)}.")
    task: Task = importlib.import_module(TASKS[key]).TASK
    return task


def task_of(plan: Plan) -> Task:
    """The task that a plan is for."""
    return load_task(plan.task)
