"""The frozen facts that the pipeline takes and returns, in the order they flow. Free of torch."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SCHEMA_VERSION: Literal[1] = 1


class Record(BaseModel):
    """A frozen fact: unknown fields are errors, and nothing changes after it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, defer_build=True)


class Document(Record):
    """A record that is saved as a file of its own, with the version of its schema."""

    schema_version: Literal[1] = SCHEMA_VERSION


Format = Literal[
    "delimited",
    "json_lines",
    "json",
    "parquet",
    "arrow",
    "excel",
    "database",
    "text_folder",
    "image_folder",
    "hub",
]
"""Kinds of places that rows come from."""
_OTHER_NAMES = {
    "csv": "delimited",
    "tsv": "delimited",
    "jsonl": "json_lines",
    "ndjson": "json_lines",
    "xlsx": "excel",
    "sqlite": "database",
    "sql": "database",
    "feather": "arrow",
}
"""What people call a format that has another name here."""


def name_of(given: str | list[str]) -> str:
    """What messages call a place that rows come from: short, and without what a database's address keeps secret."""
    first, *more = [given] if isinstance(given, str) else given or [""]
    scheme, mark, rest = first.partition("://")
    if mark:
        rest = rest.split("?")[0].rpartition("@")[2]
        first = rest if scheme.startswith("sqlite") else f"{scheme}://{rest}"
    name = first if mark and not scheme.startswith("sqlite") else PurePath(first).name or first
    return f"{name} and {len(more)} more" if more else name


OTHER_TASK = "text-classification"
"""What labelled rows of other tasks are read as."""


class DataSource(Record):
    """Where the rows are and what their columns mean.

    Beside the fields below a task adds keys of its own that name columns (`text`, `label`, …); they stand flat in the file
    and are kept in `columns`.
    """

    train: str | list[str]
    """Where the rows are: a file, a pattern such as `2024-*.csv`, a folder, the address of a database, or the id of a data set on
    the hub; or a list of these. Paths are relative to the file that names them; what exists wins over the hub."""
    validation: str | list[str] | None = None
    """Rows for choosing the best checkpoint, given as for `train`; taken from `train` when not given."""
    test: str | list[str] | None = None
    """Rows for the final evaluation, given as for `train` and sealed until then; taken from `train` when not given."""
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    """What the task needs to know about columns: its role, then the column's name."""
    phrases: dict[str, str] = Field(default_factory=dict)
    """What each label means in words, used by the zero-shot baseline."""
    format: Format | None = None
    """What kind of file it is; detected from the name and the content when not given."""
    encoding: str | None = None
    """Text encoding of the files; detected when not given."""
    delimiter: str | None = None
    """Character between the columns of a delimited file; detected when not given."""
    quote: str | None = None
    """Character around cells of a delimited file that hold the delimiter; a double quotation mark when not given."""
    header: bool | None = None
    """Whether the first line of a delimited file or of a sheet names the columns; it does when not given."""
    sheet: str | None = None
    """Sheet of an Excel file; needed when several hold rows."""
    query: str | None = None
    """What to read from a database: a SELECT, or the name of a table; needed when it holds several tables."""
    config: str | None = None
    """Configuration of a data set on the hub."""
    revision: str | None = None
    """Commit, tag or branch of a data set on the hub; the newest when not given."""
    annotators: list[str] = Field(default_factory=list)
    """Columns with what each annotator said, to measure their agreement; those named `annotator_…` or `label_1` when not given."""
    max_rows: int | None = Field(default=None, ge=1)
    """Use only a seeded sample of so many rows of `train`; 20,000 when not given, or as many as fit into memory."""
    slices: list[str] = Field(default_factory=list)
    """Further columns, such as a source or a customer group; the report tells whether rows of one value are answered worse."""
    splits: str | None = None
    """An earlier `splits.parquet` whose rows stay on the side they were on."""
    other_tasks: list[str] = Field(default_factory=list)
    """Files of texts and labels of other tasks; what the fine-tuned model still knows of them is measured, nothing learns from them."""

    @property
    def name(self) -> str:
        """What messages and titles call the training data."""
        return name_of(self.train)

    @model_validator(mode="before")
    @classmethod
    def _gather_columns(cls, values: Any) -> Any:
        """Collect the task's own keys, which stand flat in a file, under `columns`."""
        if not isinstance(values, dict):
            return values
        known = {name: value for name, value in values.items() if name in cls.model_fields}
        roles = {name: value for name, value in values.items() if name not in cls.model_fields}
        if roles:
            known["columns"] = {**known.get("columns", {}), **roles}
        return known

    @field_validator("format", mode="before")
    @classmethod
    def _usual_name(cls, value: Any) -> Any:
        return _OTHER_NAMES.get(value.lower(), value.lower()) if isinstance(value, str) else value


class TextPreparation(Record):
    """What is done to a text before any model reads it; the same in training and in prediction."""

    unicode_form: Literal["NFC", "NFKC", "none"] = "NFC"
    """Unicode normalisation form."""
    collapse_whitespace: bool = True
    """Runs of white space become one space, ends are trimmed."""
    max_tokens: int = Field(default=256, ge=8)
    """Tokens after which a text is cut, special tokens included."""


class ModelSource(Record):
    """A pre-trained model: where it is, which version, and how its features are read."""

    name: str
    """Its name in the catalogue, or its folder."""
    kind: Literal["package", "hub", "folder"]
    location: str
    """`module:folder` of an installed package, a hub id, or a path."""
    revision: str | None = None
    """Commit on the hub, when pinned."""
    sha256: str | None = None
    """Checksum of `model.safetensors`, when pinned."""
    pooling: str = "mean"
    """How token features become one vector: a key of `pipeline.embeddings.POOLINGS`."""
    max_tokens: int = 512
    """Tokens that the model can read, special tokens included."""


class Recipe(Record):
    """How to train: the strategy and its values, with the reason for each choice. Made before deciding."""

    strategy: Literal["probe_then_fine_tune", "fine_tune"]
    """Whether the head starts from the linear probe's weights or from random ones."""
    learning_rate: float = Field(gt=0)
    batch_size: int = Field(ge=1)
    epochs: int = Field(ge=1)
    """Passes over the training rows at most; early stopping may end sooner."""
    warmup_fraction: float = Field(ge=0, le=1)
    weight_decay: float = Field(ge=0)
    early_stopping_epochs: int = Field(ge=1)
    """Epochs in a row surely worse than the best one, its standard error apart, before training stops."""
    class_weights: Literal["balanced", "none"]
    rate_search: Literal["none", "range_test"] = "none"
    """Whether a range test may choose another learning rate."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the learning rate goes on after the warm-up: down to zero in a line or a half wave, or not down at all."""
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    """Factor of the learning rate from each layer to the one below."""
    unfreezing: Literal["all_at_once", "gradual"] = "all_at_once"
    """Whether all layers learn from the start, or the head first and then one after the other from the last down."""
    l1: float = Field(default=0.0, ge=0)
    """Strength with which weights are drawn to exactly zero."""
    l2_sp: float = Field(default=0.0, ge=0)
    """Strength with which pre-trained weights are drawn back to where they started."""
    dropout: Annotated[float, Field(ge=0, lt=1)] | Literal["as_pretrained"] = "as_pretrained"
    """Share of features that every dropout layer leaves out, or what the model was pre-trained with."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of each answer that is spread over all classes; scores move by it towards their mean."""
    reinitialised_layers: int = Field(default=0, ge=0)
    """Topmost layers that start from new random weights."""
    averaged_checkpoints: int = Field(default=1, ge=1)
    """Best epochs whose weights are averaged, where the validation rows are sure that it helps."""
    lora_rank: int = Field(default=0, ge=0, le=1024)
    """Rank of the matrices that learn beside weights that stay as they are (LoRA); 0 lets the weights themselves learn."""
    seeds: int = Field(default=1, ge=1, le=100)
    """How often it is trained, each time with the next seed; the best on the validation rows is kept."""
    report_to: list[Literal["tensorboard", "trackio", "mlflow"]] = Field(default=[])
    """What else is told of losses and scores; it writes into the run folder."""
    search_trials: int = Field(default=0, ge=0, le=1000)
    """Settings that are tried on the validation rows before it is trained, the recipe's own first; 0 or 1 searches nothing."""
    accumulation_steps: int = Field(default=1, ge=1)
    """Like parts that a batch is read in, one after the other, to save memory; the steps are the same."""
    gradient_checkpointing: bool = False
    """Compute what layers compute twice instead of keeping it, to save memory."""
    precision: Literal["single", "mixed", "where_faster"] = "single"
    """Whether products of matrices are computed in bfloat16: never, always, or where this machine is faster with it."""
    because: dict[str, str] = Field(default_factory=dict)
    """Reason for each value, by field."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Where each value comes from, by field."""

    @property
    def trials(self) -> int:
        """Trainings that search for settings."""
        return self.search_trials if self.search_trials > 1 else 0

    @property
    def trainings(self) -> int:
        """In all: those that search for settings, and one for each seed."""
        return self.trials + self.seeds

    @model_validator(mode="after")
    def _parts_are_alike(self) -> Self:
        if self.batch_size % self.accumulation_steps:
            raise ValueError(f"a batch of {self.batch_size} rows has no {self.accumulation_steps} like parts")
        return self

    @model_validator(mode="after")
    def _goes_with_lora(self) -> Self:
        if self.lora_rank and (self.l1 or self.reinitialised_layers):
            raise ValueError(
                "with lora_rank the weights stay as they are, so that l1 and reinitialised_layers cannot do anything"
            )
        return self


class Adjustment(Record):
    """Something that a run did otherwise than planned, so as not to be lost."""

    kind: Literal[
        "smaller_batches",
        "gradient_checkpointing",
        "lora",
        "shorter_texts",
        "smaller_rate",
        "earlier_checkpoint",
        "smaller_evaluation",
    ]
    value: float
    """Parts of a batch, rank, tokens, learning rate, step or rows, as the kind has it."""
    because: str
    """What happened and what is done about it."""


class Adjustments(Document):
    """All that a run adjusted so far, for the session that goes on with it."""

    adjustments: list[Adjustment]


class RateTest(Document):
    """A learning-rate range test: the loss at rising rates in copies of the model."""

    recipe_rate: float
    learning_rate: float
    """The rate that is used: that of the test, or the recipe's where the test says nothing."""
    rates: list[float]
    losses: list[list[float]]
    """For each sweep the loss before the step at each rate, as far as it went."""
    because: str


class MetricFacts(Record):
    """What a reader of a score must know."""

    name: str
    """Its name in answers files."""
    title: str
    higher_is_better: bool
    lowest: float | None
    """Null where there is no bound."""
    highest: float | None
    unit: str
    """`points` where 1 is perfect and differences are told in hundredths; else that of the data."""


class Finding(Record):
    """Something that the audit of the data found."""

    code: str
    count: int
    because: str
    examples: list[str] = Field(default_factory=list)
    title: str = ""
    of: int | None = None
    """How many were looked at."""
    effect: str = ""
    """What it does to the verdict."""
    mend: str = ""
    """The command that mends it, or what a person can do."""
    severity: Literal["note", "warning", "invalidates"] = "note"
    """`invalidates` where a result on such data would mean nothing."""


class Census(Record):
    """What was counted among all rows of a source, whether they are kept or not."""

    rows: int
    """Rows with an answer, of all files."""
    unlabelled_rows: int
    """Rows without one, left out."""
    kept_rows: int
    """Rows that everything else works on: all of them, or a seeded sample."""
    sampled_train_rows: int | None = None
    """To how many rows `train` was cut down; null when all are kept."""
    different_texts: int
    """Case, white space and Unicode form evened out."""
    exact_copies: int
    """Rows whose text stood before in the same file: all of a text but one."""
    conflicting_rows: int
    """Rows whose text also stands with another answer, those of a given test file apart; scores that lie further apart than all
    scores do on average (one standard deviation) contradict each other."""
    leaked_rows: dict[str, int] = Field(default_factory=dict)
    """Rows of a given file whose text also stands in an earlier one, by both: `test in train`, `test in validation`,
    `validation in train`."""
    near_compared_texts: int = 0
    """Different texts that were compared with each other for near-duplicates."""
    near_copies: int = 0
    """Of these, those that are nearly like another: all of a group but one."""


class Interval(Record):
    """A number with the range that it lies in with the stated confidence."""

    point: float
    low: float
    high: float
    level: float = 0.95
    standard_error: float | None = None
    """Of the number, where it was measured."""
    shown: bool = True
    """False where simulated intervals on so few rows held the true value too seldom to be shown."""


class Score(Record):
    """How good the predictions of one way are on one set of rows, with its 95 % interval."""

    name: str
    metric: str
    score: float
    low: float
    high: float
    seconds: float | None = None
    """Wall seconds that it took to fit and predict."""
    note: str | None = None
    """What a reader should know about this way on this data."""
    beside: dict[str, float] = Field(default_factory=dict)
    """The task's other metrics on the same rows."""
    standard_error: float | None = None
    """From drawing rows."""
    repetitions: int = 1
    """Draws of folds or seeds that the score is the mean of."""
    deviation: float | None = None
    """Standard deviation of the score over those draws, which the interval does not hold; null with one."""
    why_no_interval: str = ""
    """Why the interval is not shown, where it is not."""


class PilotOutcome(Record):
    """What a short real fine-tuning found."""

    train_rows: int
    scored_rows: int
    gain: float
    """How much better the briefly fine-tuned model is than the probe, same rows."""
    gain_standard_error: float
    probe_score: float
    fine_tuned_score: float
    start_seconds: float
    """From process start to the first step."""
    start_cpu_seconds: float
    seconds_per_token: float
    """Wall seconds of one training step over its padded tokens."""
    processor_share: float
    """Processor seconds in a wall second of training."""
    evaluation_seconds_per_token: float
    evaluation_cpu_seconds_per_token: float
    seconds_per_step: float
    """Part of a step that does not depend on its tokens."""
    peak_memory_bytes: int
    """With the longest batch."""
    batch_size: int
    steps: int
    planned_steps: int
    """More than `steps` when time ran out; the gain then tells less."""
    checkpoint_bytes: int | None = None
    """Size of the weights in a checkpoint of the run; null in runs of earlier versions."""
    load_average: float | None = None
    """Of the machine when it began; null in runs of earlier versions."""
    watts: float | None = None
    """Of the machine's processors while it trained; null where the machine does not tell."""


PhaseName = Literal["prepare", "training", "validation", "evaluation", "analysis"]
PHASES: tuple[PhaseName, ...] = get_args(PhaseName)
"""Parts of a run, in order: starting and reading data; training steps; validating epochs, checkpoints and calibration; the reload
check, the sealed rows and the cheap ways on them; what else the result tells."""


STEPWISE: frozenset[PhaseName] = frozenset({"training", "validation"})
"""Phases that get shorter when training stops early."""


class PhaseCost(Record):
    """What one phase of a run takes."""

    name: PhaseName
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int | None = None
    """The peak of the run up to the end of the phase; null in a forecast, which has one for all."""


class Forecast(Record):
    """What the advisor expects of the run, written before training and compared with the outcome after."""

    score: Interval
    """Expected score of the fine-tuned model on the sealed rows, 80 % interval."""
    probability_of_useful_gain: float = Field(ge=0, le=1)
    train_cpu_seconds: float
    """Processor seconds of the whole run, evaluation included."""
    train_wall_seconds: float
    """Wall seconds of the whole run, evaluation included."""
    peak_memory_bytes: int
    phases: list[PhaseCost] = Field(default_factory=list)
    """Parts of those seconds; empty in runs of earlier versions."""
    planned_steps: int | None = None
    """Training steps when none is saved by early stopping."""
    expected_steps: float | None = None
    """Training steps that the seconds are forecast for."""
    load_average: float | None = None
    """Of the machine during the dry run, which the wall seconds are forecast from."""
    joules: float | None = None
    """Of the machine's processors in those wall seconds; null where the machine does not tell."""

    def steps_ratio(self, taken: int | None) -> float:
        """Steps that were taken over those that the seconds are forecast for; 1 where either is not known."""
        return taken / self.expected_steps if taken and self.expected_steps else 1.0

    def cpu_seconds_for(self, taken: int | None) -> float:
        """Processor seconds of the whole run, had it been known how many steps are taken."""
        change = self.steps_ratio(taken) - 1
        return self.train_cpu_seconds + sum(
            change * phase.cpu_seconds for phase in self.phases if phase.name in STEPWISE
        )


class Outcome(Record):
    """What happened, with the same keys as the forecast."""

    score: Interval
    probability_of_useful_gain: float = Field(ge=0, le=1)
    """1 when the gain on the sealed rows was at least the useful gain, else 0."""
    train_cpu_seconds: float
    train_wall_seconds: float
    peak_memory_bytes: int
    phases: list[PhaseCost] = Field(default_factory=list)
    """Parts of those seconds; empty in runs of earlier versions."""
    planned_steps: int | None = None
    steps: int | None = None
    """Training steps that were really taken."""
    load_average: float | None = None
    """Of the machine, the mean over the run."""
    joules: float | None = None
    """Of the machine's processors in those wall seconds; null where the machine does not tell."""


class DataSheet(Document):
    """What the data is, where it comes from and what may be done with it."""

    origin: str = "unknown"
    consent: str = "unknown"
    licence: str = "unknown"
    personal_data: str = "unknown"
    facts: dict[str, str] = Field(default_factory=dict)
    """What a reader asks of the data, and the answer in words."""
    notes: list[str] = Field(default_factory=list)
    """What its licence asks to be heeded."""
    faults: list[str] = Field(default_factory=list)
    """What the audit found, with counts; no rows."""


class ForgettingRule(Record):
    """When a tuned encoder forgot too much, and how that is said."""

    most_texts: int = Field(ge=1)
    most_texts_source: str = ""
    least_retention: float = Field(gt=0, le=1)
    """Accuracy of probes after tuning over that before, below which a sure loss is too much."""
    least_retention_source: str = ""
    remedies_source: str = ""
    """Where the remedies that the sentences name come from."""
    tasks: dict[Literal["length", "word", "order"], str]
    """What each probing task asks."""
    sentences: dict[Literal["kept", "lost", "lost_much"], str]
    """What each verdict says; `{retention}`, `{low}`, `{high}`, `{least}` and `{similarity}` stand for values."""
    others: dict[Literal["kept", "lost", "lost_much"], str] = Field(default_factory=dict)
    """The same of labelled rows of other tasks."""
    perplexity: dict[Literal["kept", "lost", "absent"], str] = Field(default_factory=dict)
    """What is said of a model that predicts words; `{before}`, `{after}`, `{ratio}`, `{low}`, `{high}` and `{why}` stand for values.
    Empty in plans of earlier versions: it is not measured then."""


class Plan(Document):
    """Everything that a run needs, on this machine or another; exists only inside a go."""

    name: str
    task: str
    task_options: dict[str, str] = Field(default_factory=dict)
    data: DataSource
    """Paths relative to the folder that holds the plan."""
    classes: list[str]
    """The labels, in the order of the model's outputs; empty for tasks without."""
    rows_sha256: str
    """Checksum over the ids and sides of all rows in `splits.parquet`."""
    model: ModelSource
    """With the pooling that the probe uses."""
    head_pooling: str
    """The pooling of the fine-tuned model: the probe's where its head starts from it, else the model's own."""
    zero_shot_pooling: str
    """The model's own pooling, which its sentence features were trained with."""
    preparation: TextPreparation
    recipe: Recipe
    rivals: list[str]
    """Cheap ways that are scored on the same sealed rows."""
    chosen_rival: str
    """The rival that the decision chose on training rows; the gain is measured against it."""
    templates: list[str] = Field(default_factory=list)
    """Sentences that zero-shot may put a label's phrase into."""
    metric: str
    useful_gain: float
    good_enough: float
    result_ceiling: Literal["none", "insufficient_evidence"] = "none"
    """Set when the rows are too few for a result to say more."""
    seed: int
    data_sheet: DataSheet = DataSheet()
    model_licence: str = "unknown"
    language: str = "unknown"
    """Of the texts."""
    languages: dict[str, list[str]] = Field(default_factory=dict)
    """Words that mark each language, to tell rows in several languages apart."""
    budget_seconds: float | None = None
    """Wall seconds that the whole run may take; a search ends in time for it."""
    other_tasks: list[DataSource] = Field(default_factory=list)
    """Labelled rows of other tasks, each with its columns; what is still known of them is measured."""
    forgetting: ForgettingRule | None = None
    """Null in plans of earlier versions: what was forgotten is not measured then."""
    forecast: Forecast
    because: list[str] = Field(default_factory=list)
    """Why this was a go, in sentences."""


class ReloadCheck(Record):
    """The saved model, loaded in a fresh process, against the trained one on the validation rows."""

    rows: int
    labels_identical: bool
    """Whether all answers are the same; for scores, within the tolerance."""
    largest_logit_difference: float
    """Of an output; for scores, in standard deviations of the scores."""
    tolerance: float = 1e-4

    @property
    def passed(self) -> bool:
        """Whether the saved model is the trained one."""
        return self.labels_identical and self.largest_logit_difference <= self.tolerance


class EpochLog(Record):
    """One evaluation on the validation rows during training."""

    epoch: float
    loss: float
    validation_score: float


class Overfitting(Record):
    """How the best epoch answers rows that it was trained on, beside validation rows."""

    rows: int
    """Training rows that were scored."""
    train_score: float
    validation_score: float
    gap: float
    """How much better training rows are answered."""
    gap_standard_error: float
    because: str
    """What that means."""


class SeedScore(Record):
    """What training with one seed came to."""

    seed: int
    score: float
    """On the validation rows, of the best epoch."""
    best_epoch: float


class SeedSpread(Record):
    """How much the score depends on the seed."""

    scores: list[SeedScore]
    mean: float
    deviation: float
    """Standard deviation over the seeds, on the same validation rows."""
    sampling_deviation: float
    """The part of it that drawing so many rows brings even where all seeds are equally good."""
    deviation_apart: float
    """What is left without that part; 0 where chance alone makes as much."""
    kept: int
    """The seed whose model is kept."""
    because: str


class NextStep(Record):
    """Something worth doing now."""

    title: str
    because: str
    command: str | None = None
    source: str | None = None
    """Page that an advice was learned from."""
    gain: Interval | None = None
    """What it is expected to bring to the score that counts; null where that cannot be told from what was measured."""
    effort_minutes: float | None = None
    """What it costs a person; null where that is not counted."""
    forecast: str = ""
    """Gain and effort in a sentence."""


class NextSteps(Document):
    """What to do next, best first."""

    steps: Sequence[NextStep]

    @classmethod
    def of(cls, *steps: NextStep) -> Self:
        """Make the list from its steps."""
        return cls(steps=list(steps))
