"""What differs between kinds of output, and the few words that every part of the program uses for all of them."""

import functools
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipeline.errors import PlanError
from pipeline.findings import Found
from pipeline.metric import Metric
from pipeline.records import Plan
from pipeline.results import ErrorAnalysis

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor
    from transformers import PreTrainedModel

    from pipeline.embeddings import Embedder
    from pipeline.evaluation.costs import Costs

    Array = np.ndarray[Any, np.dtype[Any]]
else:  # the questionnaire reads this module too, and must not wait for numpy
    Array = Any
Input = str | tuple[str, ...]
"""What a model reads: a text, a pair of texts, the words of a sentence."""
Answer = str | float | tuple[str, ...]
"""What a model says: a label or a text, a number, several labels or the tags of a sentence."""
Column = str | list[str]
"""What fills a role: the name of a column, or of several."""

TASKS: Mapping[str, str] = {
    "text-classification": "pipeline.tasks.text_classification",
    "multi-label-classification": "pipeline.tasks.multi_label_classification",
    "text-pair-classification": "pipeline.tasks.text_pair_classification",
    "text-regression": "pipeline.tasks.text_regression",
    "token-classification": "pipeline.tasks.token_classification",
}
"""The tasks that are built: key, and the module whose `TASK` carries it out."""


@dataclass(frozen=True)
class Rows:
    """Rows of one task; all fields have one entry per row."""

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

    Shapes: `row_ids` and `answers` have one entry per row; `scores` is (rows, classes), the probability of each class where a
    row has one set of them; `confidence` is (rows,), between 0 and 1, where the model can tell how sure it is.
    """

    row_ids: tuple[str, ...]
    answers: tuple[Answer, ...]
    scores: Array | None = None
    confidence: Array | None = None


class Predict(Protocol):
    """Answers rows."""

    def __call__(self, rows: Rows) -> Predictions:
        """Answers for every row, in their order."""


class KeptPredict(Predict, Protocol):
    """A predictor that can be saved and used later."""

    def save(self, folder: Path) -> None:
        """Write what is needed to predict again into an empty folder."""


class Fit(Protocol):
    """Learns from rows and returns what answers others."""

    def __call__(self, rows: Rows, seed: int) -> KeptPredict:
        """What answers other rows, learned from these."""


@dataclass(frozen=True)
class Role:
    """A column that a task needs.

    Attributes:
        key: Its name in answers files.
        holds: What it holds, for people.
        required_to_predict: False for the truth.
        many: Whether several columns may fill it.
    """

    key: str
    holds: str
    required_to_predict: bool
    many: bool = False


@dataclass(frozen=True)
class Layout:
    """One way in which a file can hold the rows of a task.

    Attributes:
        title: What a row looks like, for people.
        roles: The columns that it needs, what goes in first.
    """

    title: str
    roles: tuple[Role, ...]


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
    as_head: bool = False
    """Whether a probe is fitted to be what a head starts from, which it does best not knowing the rows by heart."""


@dataclass(frozen=True)
class Signal:
    """Targets as numbers beside what they might be told from, for rows, or where a row holds many answers for one of each.

    Shapes: `features` is (samples, features), `texts` has one text per sample, `targets` is (samples, columns).
    """

    features: Array
    texts: tuple[str, ...]
    targets: Array


@dataclass(frozen=True)
class TrainingSetting:
    """What a head is built from: the classes, the pooling, and the weights to start from if any.

    Shapes: `head` is (weight, bias): (outputs, features) and (outputs,).
    """

    classes: Sequence[str]
    pooling: str
    seed: int
    rows: Rows
    """Labelled rows that it will be trained on."""
    head: tuple[Array, Array] | None = None


Features = dict[str, list[int]]
"""What a model reads of one input, cut but not padded: what its tokenizer names, and keys of the task's own."""


class Task(Protocol):
    """One kind of output. A module under `pipeline/tasks` makes one and calls it `TASK`."""

    @property
    def key(self) -> str:
        """Its name in answers files."""

    @property
    def hub_tag(self) -> str:
        """What the hub calls such a model (`pipeline_tag`)."""

    @property
    def head_module(self) -> str:
        """Module that makes the head known to `transformers`."""

    @property
    def usage(self) -> str:
        """Lines of Python for the model card; `model` is the folder."""

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Ways in which a file can hold the rows, the most particular first."""

    @property
    def data_keys(self) -> tuple[str, ...]:
        """Keys of `[data]` that are its own and name no column."""

    @property
    def options(self) -> Mapping[str, str]:
        """What makes it the same task again, answers to its own questions among them."""

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """Those that may be the one that counts, the default first; they read answers."""

    @property
    def beside(self) -> Mapping[str, Metric]:
        """Those that only stand beside it, since they read probabilities or tell one side of it."""

    @property
    def rivals(self) -> tuple[str, ...]:
        """Names of its cheap ways: what knows nothing of the input first, and `probe` among them."""

    @property
    def starts_from_probe(self) -> bool:
        """Whether the model reads as the probe does, so that the head can start where the probe is."""

    @property
    def needs_thresholds(self) -> bool:
        """Whether outputs become answers by thresholds that are chosen on rows that were not trained on."""

    def configure(self, options: Mapping[str, str], columns: Mapping[str, Any]) -> "Task":
        """The task as these answers to its questions, and these columns, make it."""

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Read rows from a table.

        Raises:
            DataError: A column is missing, or a cell cannot be read; names file, row and column.
        """

    def check(self, rows: Rows, file: str) -> None:
        """Refuse answers that cannot be learned as they are.

        Raises:
            DataError: Names every fault, with the mend beside it.
        """

    def audit(self, rows: Rows) -> list[Found]:
        """What is odd about the answers of rows that are not sealed, beside what is looked for in every task."""

    def classes(self, rows: Rows) -> list[str]:
        """The classes in the order of the model's outputs; empty for tasks without classes."""

    def kinds(self, answer: Answer) -> frozenset[str]:
        """What is counted to tell whether each kind of answer has rows enough; empty where nothing is."""

    def strata(self, rows: Rows) -> list[str]:
        """For each row the key that splits and folds are balanced by."""

    def weight(self, given: Input) -> int:
        """How many answers an input asks for: 1, or the number of its words."""

    def is_empty(self, given: Input) -> bool:
        """Whether an input lacks what an answer could be told from."""

    def signal(
        self, rows: Rows, embedder: "Embedder", pooling: str, classes: Sequence[str], most: int, seed: int
    ) -> Signal:
        """At most so many samples of the rows, with their targets."""

    def phrasing_scores(self, rows: Rows, setting: RivalSetting) -> dict[str, float]:
        """Score of zero-shot for each wording; empty where there is no zero-shot."""

    def fit_rival(self, name: str, setting: RivalSetting) -> Fit:
        """The cheap way of that name."""

    def load_rival(self, folder: Path, embedder: "Embedder | None") -> Predict:
        """A cheap way that was saved; one that reads features needs the embedder."""

    def head_of(self, probe: Predict) -> tuple[Array, Array] | None:
        """Weight and bias with which a head can start where the probe is; None when the model reads inputs otherwise."""

    def build_model(self, encoder: Path, setting: TrainingSetting) -> "PreTrainedModel":
        """The pre-trained encoder with this task's head on top."""

    def load_model(self, folder: Path) -> "PreTrainedModel":
        """A fine-tuned model that was saved."""

    def encode(self, tokenizer: Any, inputs: Sequence[Input], max_tokens: int) -> list[Features]:
        """What the model reads of each prepared input."""

    def targets(self, rows: Rows, features: Sequence[Features], classes: Sequence[str]) -> list[Array]:
        """The truth as the loss takes it, one array for each row; a whole number for each token, or what a row has one of."""

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str, smoothing: float) -> Callable[..., "Tensor"]:
        """The loss, as `Trainer` takes it: (outputs, labels, num_items_in_batch) -> scalar; `smoothing` as in the recipe."""

    def outputs(self, logits: Array, features: Sequence[Features]) -> list[Array]:
        """What the model says of each input of a batch, padding taken off."""

    def choose_thresholds(
        self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str], metric: Metric
    ) -> tuple[float, ...]:
        """Where outputs become answers, chosen on these rows; empty where nothing is to choose."""

    def temperature(self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str]) -> float:
        """What outputs are divided by so that their probabilities mean what they say, fitted on these rows; 1 for numbers."""

    def decode(
        self, row_ids: Sequence[str], outputs: Sequence[Array], classes: Sequence[str], thresholds: Sequence[float]
    ) -> Predictions:
        """Answers from outputs, one for each row."""

    @property
    def costs(self) -> "Costs | None":
        """What mistakes cost, where they are not equal."""

    @property
    def by_words(self) -> bool:
        """Whether an input is the words of a sentence, each with an answer of its own."""

    @property
    def confidence_of(self) -> str:
        """What the confidence of a prediction is the probability of, for people; empty where there is none."""

    def mistakes(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """For each row 1 where the answer is wrong and else 0, or the size of the error; (rows,)."""

    def rightness(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """For each row how much of what the confidence is of came true, 0 to 1; (rows,)."""

    def say_input(self, given: Input) -> str:
        """An input in one line."""

    def say_answer(self, given: Input, answer: Answer, other: Answer) -> str:
        """An answer in one line, beside another one for the same input."""

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Where the fine-tuned model still fails."""

    def written(self, table: "pd.DataFrame", columns: Mapping[str, Any], predictions: Predictions) -> list[Any]:
        """The answer of each row of a table in the form in which the data has the truth."""


def load_task(key: str, options: Mapping[str, str] | None = None, columns: Mapping[str, Any] | None = None) -> Task:
    """The task of that key, as options and columns make it.

    Raises:
        PlanError: It is not built.
    """
    return _load(key).configure(options or {}, columns or {})


@functools.cache
def _load(key: str) -> Task:
    if key not in TASKS:
        raise PlanError(f"The task '{key}' is not built.", f"Built are: {', '.join(TASKS)}.")
    task: Task = importlib.import_module(TASKS[key]).TASK
    return task


def task_of(plan: Plan) -> Task:
    """The task that a plan is for."""
    return load_task(plan.task, plan.task_options, plan.data.columns)
