"""The frozen facts of the advisor, in the order they flow: answers, measurements, factors, decision. Free of torch."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.data.columns import Reading
from pipeline.records import (
    DataSource,
    Document,
    Finding,
    Forecast,
    Interval,
    MetricFacts,
    ModelSource,
    PilotOutcome,
    Plan,
    Recipe,
    Record,
    Score,
)
from pipeline.results import Difference, Result

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Ask:
    """How the questionnaire puts a field: the question, and for a closed field what each value says.

    The field's docstring is the help line.
    """

    question: str
    choices: tuple[tuple[str, str], ...] = ()
    """Pairs of value and what a person reads."""


YesNo = Literal["unknown", "yes", "no"]
Level = Literal["unknown", "none", "some", "solid"]

_YES_NO = (("yes", "yes"), ("no", "no"), ("unknown", "I do not know"))


class Goal(Record):
    """What the user wants to reach."""

    metric: Annotated[str | None, Ask("Which score counts?")] = None
    """The task's usual one when not given; its others stand beside it in the report."""
    good_enough: Annotated[float | None, Ask("Which score would be good enough, so that you would stop looking?")] = (
        None
    )
    """Cheap ways that already reach it end the search. Left empty: 0.95 of 1, or no error at all in the data's unit."""
    useful_gain: Annotated[
        float | None, Field(gt=0), Ask("What is the smallest gain that is worth a fine-tuned model?")
    ] = None
    """Over the best cheap way, in the same score: 0.03 is three points of a hundred. Left empty: 0.03, or for errors in the
    data's unit 3 % of how widely the true scores spread (their standard deviation); for costs 3 % of what the cheapest answer
    for all rows costs."""
    costs: dict[str, dict[str, Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]]] | None = None
    """Where a row has one label, what mistakes cost when they are not equal: truth, then answer, then cost; "*" stands for all
    others. The expected cost is then the score that counts, less is better, and answers are chosen to cost least."""


class Budget(Record):
    """What the run may cost."""

    train_minutes: Annotated[float, Field(gt=0), Ask("How many minutes may the whole run take?")] = 60.0
    """Wall time on this machine: training and evaluation together."""
    memory_gib: Annotated[float | None, Field(gt=0), Ask("How much memory may it use, in GiB?")] = None
    """Leave empty for what is free on this machine when it is measured."""
    price_per_hour: Annotated[
        float | None, Field(ge=0), Ask("What does an hour of this machine cost, if anything?")
    ] = None
    """In your currency; the report then gives the run's cost. Leave empty when it costs nothing."""


class Models(Record):
    """Which pre-trained models may be considered."""

    candidates: list[str] = Field(default_factory=list)
    """Names from `advisor models`, or folders with a model; all models at hand when empty."""


class Provenance(Record):
    """Where the data comes from and what may be done with it."""

    origin: Annotated[
        Literal["unknown", "own", "public", "bought", "scraped"],
        Ask(
            "Where does the data come from?",
            (
                ("own", "collected by us"),
                ("public", "a public data set"),
                ("bought", "bought or licensed"),
                ("scraped", "gathered from the web"),
                ("unknown", "I do not know"),
            ),
        ),
    ] = "unknown"
    """Goes into the data sheet of the run and the model card."""
    consent: Annotated[
        Literal["unknown", "yes", "no", "not_needed"],
        Ask(
            "Did the people whose data this is agree to this use?",
            (
                ("yes", "yes, they agreed"),
                ("not_needed", "not needed: no people, or a legal ground that does without"),
                ("no", "no"),
                ("unknown", "I do not know"),
            ),
        ),
    ] = "unknown"
    """Training on people's data without a ground for it cannot be undone once a model is shared."""
    licence: Annotated[str, Ask("Under which licence is the data?")] = UNKNOWN
    """Its name, such as CC-BY-4.0 or proprietary; leave empty when you do not know."""
    personal_data: Annotated[YesNo, Ask("Does it hold personal data?", _YES_NO)] = "unknown"
    """Names, contacts, health, opinions of identifiable people. If yes, no raw rows are shown in the report."""


class Expertise(Record):
    """Five anchored questions on what the people who will own the model have done before."""

    training: Annotated[
        Level,
        Ask(
            "Have you fine-tuned a neural network before?",
            (
                ("none", "never"),
                ("some", "followed a tutorial, or ran someone's script"),
                ("solid", "several, and chose the settings myself"),
                ("unknown", "rather not say"),
            ),
        ),
    ] = "unknown"
    """Changes how much is explained and chosen for you; alone it never decides against fine-tuning."""
    evaluation: Annotated[
        Level,
        Ask(
            "Have you judged a model on rows that it never saw?",
            (
                ("none", "never"),
                ("some", "reported a score on a test set"),
                ("solid", "compared models with intervals or tests"),
                ("unknown", "rather not say"),
            ),
        ),
    ] = "unknown"
    """Decides how the report explains intervals."""
    programming: Annotated[
        Level,
        Ask(
            "How do you work with Python?",
            (
                ("none", "I run what others wrote"),
                ("some", "I write scripts or notebooks"),
                ("solid", "I maintain packages or services"),
                ("unknown", "rather not say"),
            ),
        ),
    ] = "unknown"
    """Someone has to load and call the model afterwards."""
    operations: Annotated[
        Level,
        Ask(
            "Have you kept a model running for others?",
            (
                ("none", "never"),
                ("some", "in a demo or a batch job"),
                ("solid", "in production, with monitoring"),
                ("unknown", "rather not say"),
            ),
        ),
    ] = "unknown"
    """A fine-tuned model has to be watched and made anew when the data changes."""
    labelling: Annotated[
        Level,
        Ask(
            "Who made the labels, and how well do you know them?",
            (
                ("none", "I found them as they are"),
                ("some", "we have read a sample"),
                ("solid", "we wrote the guide and measured agreement"),
                ("unknown", "rather not say"),
            ),
        ),
    ] = "unknown"
    """Labels that nobody has read are the commonest reason for a disappointing model."""


class Deployment(Record):
    """Limits that the model will meet in use."""

    max_latency_ms: Annotated[float | None, Field(gt=0), Ask("How many milliseconds may one answer take?")] = None
    """On a machine like this one, one text at a time. Leave empty for no limit."""
    max_model_mb: Annotated[float | None, Field(gt=0), Ask("How large may the model be, in MB?")] = None
    """Size of the weights on disk. Leave empty for no limit."""
    language: Annotated[str | None, Field(pattern="^[a-z]{2,3}$"), Ask("Which language are the texts in?")] = None
    """Two-letter code such as en or de; leave empty for a guess from the script and the commonest words, which is shown."""
    licence: Annotated[
        Literal["any", "commercial"],
        Ask(
            "Which licences may the model have?",
            (("any", "any, research included"), ("commercial", "only ones that allow commercial use")),
        ),
    ] = "any"
    """Models whose licence forbids your use are left out."""


class Training(Record):
    """How to train, where it shall not be as the advisor chooses: fields of the recipe that are given stand in for its own."""

    strategy: Annotated[Literal["probe_then_fine_tune", "fine_tune"] | None, Field(examples=["fine_tune"])] = None
    """Whether the head starts from the linear probe's weights or from random ones: probe_then_fine_tune or fine_tune."""
    learning_rate: Annotated[float | None, Field(gt=0, examples=[5e-5])] = None
    """Highest learning rate, reached after the warm-up."""
    rate_search: Annotated[Literal["none", "range_test"] | None, Field(examples=["range_test"])] = None
    """none, or range_test: short sweeps over rising rates in a copy of the model may choose another rate."""
    batch_size: Annotated[int | None, Field(ge=1, examples=[16])] = None
    """Rows in a step."""
    epochs: Annotated[int | None, Field(ge=1, examples=[5])] = None
    """Passes over the training rows at most."""
    warmup_fraction: Annotated[float | None, Field(ge=0, le=1, examples=[0.1])] = None
    """Share of the steps in which the rate rises."""
    schedule: Annotated[Literal["linear", "cosine", "constant"] | None, Field(examples=["cosine"])] = None
    """How the rate goes on after that: linear or cosine down to zero, or constant."""
    layer_decay: Annotated[float | None, Field(gt=0, le=1, examples=[0.9])] = None
    """Factor of the rate from each layer to the one below; 1 is none."""
    unfreezing: Annotated[Literal["all_at_once", "gradual"] | None, Field(examples=["gradual"])] = None
    """all_at_once, or gradual: the head learns first, then one layer after the other from the last down."""
    weight_decay: Annotated[float | None, Field(ge=0, examples=[0.01])] = None
    """Strength of L2: weights are drawn towards zero."""
    l1: Annotated[float | None, Field(ge=0, examples=[2.0])] = None
    """Strength of L1: each step draws weights by this times the learning rate to exactly zero."""
    l2_sp: Annotated[float | None, Field(ge=0, examples=[100.0])] = None
    """Strength of L2-SP: each step draws pre-trained weights back by this times the learning rate of the way."""
    dropout: Annotated[float | None, Field(ge=0, lt=1, examples=[0.2])] = None
    """Share of features that every dropout layer leaves out; as the model was pre-trained when not given."""
    label_smoothing: Annotated[float | None, Field(ge=0, lt=1, examples=[0.1])] = None
    """Share of each answer that is spread over all classes."""
    class_weights: Annotated[Literal["balanced", "none"] | None, Field(examples=["balanced"])] = None
    """balanced: rare classes weigh more in the loss; or none."""
    reinitialised_layers: Annotated[int | None, Field(ge=0, examples=[1])] = None
    """Topmost layers that start from new random weights."""
    averaged_checkpoints: Annotated[int | None, Field(ge=1, examples=[3])] = None
    """Best epochs whose weights are averaged, where the validation rows are sure that it helps; 1 is none."""
    early_stopping_epochs: Annotated[int | None, Field(ge=1, examples=[2])] = None
    """Epochs in a row surely worse than the best one before training stops."""
    lora_rank: Annotated[int | None, Field(ge=0, le=1024, examples=[8])] = None
    """Rank of LoRA: weights stay as they are, and narrow matrices beside them learn, ten times faster; 0 is none."""
    seeds: Annotated[int | None, Field(ge=1, le=100, examples=[3])] = None
    """How often to train, each time with the next seed; the best on the validation rows is kept, and the spread is told."""
    report_to: Annotated[
        list[Literal["tensorboard", "trackio", "mlflow"]] | None, Field(examples=[["tensorboard"]])
    ] = None
    """What else is told of losses and scores: tensorboard, trackio or mlflow; it writes into the run folder."""
    search_trials: Annotated[int | None, Field(ge=0, le=1000, examples=[10])] = None
    """How many settings to try on the validation rows before training, within the time of [budget]; each costs a training."""
    accumulation_steps: Annotated[int | None, Field(ge=1, examples=[2])] = None
    """Like parts that a batch is read in, to save memory; the steps are the same."""
    gradient_checkpointing: Annotated[bool | None, Field(examples=[True])] = None
    """Compute what layers compute twice instead of keeping it, to save memory."""
    precision: Annotated[Literal["single", "mixed", "where_faster"] | None, Field(examples=["single"])] = None
    """Products of matrices in bfloat16: single never, mixed always, where_faster if this machine is faster with it."""


class Launch(Record):
    """What happens on a go."""

    automatic: Annotated[bool, Ask("On a go, start training by itself?")] = True
    """Without it the report ends with the command that starts it."""


class Answers(Document):
    """Everything the user said. What was not said has a stated default, shown as "not asked"."""

    task: str | None = None
    """Kind of task: a key of `advisor models --task`; detected from the data when not given."""
    name: str | None = None
    """Name of the run; the data file's name when not given."""
    seed: int = Field(default=13, ge=0, lt=2**32)
    """Seed of every random choice."""
    data: DataSource
    goal: Goal = Goal()
    budget: Budget = Budget()
    models: Models = Models()
    provenance: Provenance = Provenance()
    expertise: Expertise = Expertise()
    deployment: Deployment = Deployment()
    training: Training = Training()
    launch: Launch = Launch()
    task_options: dict[str, Annotated[str, Field(coerce_numbers_to_str=True)]] = Field(default_factory=dict)
    """Answers to the task's own questions; a number may be written as one."""

    @property
    def settled_task(self) -> str:
        """The kind of task of a run, whose answers hold it once it is detected."""
        assert self.task is not None
        return self.task

    @property
    def options(self) -> dict[str, str]:
        """What makes the task the one that was meant: answers to its own questions, and the costs of mistakes."""
        costs = {} if self.goal.costs is None else {"costs": json.dumps(self.goal.costs, sort_keys=True)}
        return self.task_options | costs

    def not_asked(self) -> list[tuple[str, Any]]:
        """Dotted names and defaults of the questions that were not answered."""
        found: list[tuple[str, Any]] = []
        for section in ("goal", "budget", "provenance", "expertise", "deployment", "launch"):
            record: Record = getattr(self, section)
            unsaid = [
                name
                for name, field in type(record).model_fields.items()
                if section not in self.model_fields_set or name not in record.model_fields_set
                if any(isinstance(note, Ask) for note in field.metadata)
            ]
            found += [(f"{section}.{name}", getattr(record, name)) for name in unsaid]
        return found


class DatasetMeasurement(Record):
    """What the data holds, counted on all rows; no score looks at test rows."""

    rows: int
    usable_rows: int
    """What is left after exact duplicates, conflicts and empty rows."""
    train_rows: int
    validation_rows: int
    test_rows: int
    reserve_rows: int
    rows_per_class: dict[str, int]
    """Usable rows that may train and hold it, for each kind of answer; empty for tasks without."""
    smallest_class_rows: int | None
    median_class_rows: float | None
    imbalance: float | None
    """Largest class over smallest."""
    exact_duplicate_fraction: float
    near_duplicate_fraction: float
    conflicting_rows: int
    leaked_rows: int
    """Rows of a given split whose text also stands in another."""
    empty_rows: int
    median_words: float
    longest_words: int
    distinct_word_fraction: float
    """Different words over all words: how varied the texts are."""
    script: str
    """Commonest writing system of the letters."""
    language: str
    """As the user said, else what most texts surely are in; `unknown` when that cannot be told."""
    language_source: Literal["user", "guess"]
    domain: str = "general"
    """A guess from words that mark a domain; `general` when none stands out."""
    reading: Reading | None = None
    """How the columns were read, where the answers left it open."""
    seconds: float


class ColumnProfile(Record):
    """One column of the training file."""

    name: str
    role: str
    """What it is read as; empty where it is not read."""
    holds: Literal["text", "numbers", "lists", "nothing"]
    filled_fraction: float
    different: int
    """Different values among the rows that were looked at."""
    typical_characters: float
    """Of a filled cell, in the middle."""


class LengthProfile(Record):
    """How long the texts are, in what a model counts."""

    unit: Literal["tokens", "words"]
    counted_by: str
    """The model whose tokenizer counted; empty where words were counted."""
    edges: list[int]
    """Where the bars of the histogram begin, and where the last one ends."""
    rows: list[int]
    """Rows in each bar."""
    limits: dict[int, list[str]]
    """Tokens after which models cut a text, and the names of those models."""


class Suspect(Record):
    """A row whose answer is probably wrong."""

    row: str
    """Where it stands."""
    row_id: str
    answer: str
    likelier: str
    """What a model says that did not see the row."""
    doubt: float
    """Probability that the answer is wrong; for scores how many standard deviations it lies away."""
    text: str = ""
    """How its text begins, personal data masked; empty where rows may not be shown."""


class Audit(Document):
    """What is in the data and what is wrong with it, weightiest first."""

    task: str
    files: dict[str, str]
    """Training, validation and test file."""
    columns: dict[str, str | list[str]]
    """What each column is read as."""
    reading: Reading | None = None
    """How the columns were read, where that was left open and `advisor audit` detected it."""
    rows: int
    looked_at_rows: int
    """Rows that the checks read which cost more than a count: none that is sealed."""
    sides: dict[str, int]
    """Rows on each side of the split."""
    classes: dict[str, int]
    """Usable rows for each kind of answer; empty for tasks without."""
    profiles: list[ColumnProfile]
    lengths: LengthProfile | None
    """Null where no text is left to look at."""
    findings: list[Finding]
    suspects: list[Suspect] = Field(default_factory=list)
    """Answers that are probably wrong, the least credible first."""
    left_out: list[str]
    """Checks that were not made, and why."""
    invalidates: bool
    """Whether a finding would make any result meaningless."""
    seconds: float


class HardwareMeasurement(Record):
    """The machine as it is now."""

    processor: str
    physical_cores: int
    threads: int
    load_average: float
    """Jobs running or waiting over the last minute."""
    memory_total_bytes: int
    memory_free_bytes: int
    disk_free_bytes: int
    accelerator: str | None
    accelerator_memory_bytes: int | None
    bfloat16: Literal["processor", "accelerator"] | None = None
    """Which of them, the one that models run on, has instructions for products in bfloat16."""
    matmul_flops_per_second: float
    """Measured on one large product in single precision."""
    efficient_tokens: int | None = None
    """Fewest tokens with which a training step reads nearly as fast as with many; null in runs of earlier versions."""
    seconds: float


class ModelMeasurement(Record):
    """One model at hand, read frozen on the training rows."""

    model: str
    pooling: str
    """The pooling whose features said most about the answers."""
    pooling_scores: dict[str, float]
    """Cross-validated probe score for each pooling."""
    probe: float
    """Cross-validated score of a linear probe on its features."""
    log_evidence: float
    """LogME: log evidence per answer of a linear model on the features; higher transfers better."""
    truncated_row_fraction: float
    unknown_token_fraction: float
    cased_text_fraction: float
    """Letters in upper case that an uncased model cannot see."""
    latency_ms: float
    """Median time for one text."""
    weight_bytes: int
    parameters: int
    seconds: float


class RivalMeasurement(Record):
    """The cheap ways, cross-validated on training rows of one model's features."""

    rivals: list[Score]
    best: str
    zero_shot_spread: dict[str, float]
    """Score of each phrasing on the training rows."""
    permutation_p: float
    """Share of shuffles of the answers that were predicted as well as the true ones; near 1 means no signal."""
    difference_standard_error: float
    """Of the scores of the two best ways on the same rows."""
    rows_used: int
    folds: int
    seconds: float


class CurvePoint(Record):
    """How good a way is when it learns from so many rows."""

    rows: int
    """Rows that it was fitted to, the mean over the folds."""
    score: Interval


class LearningCurve(Record):
    """The linear probe fitted to fewer of the rows, scored on the same held-out rows each time."""

    points: list[CurvePoint]
    """From few rows to all; each has twice the rows of the one before it."""
    last_doubling: Interval
    """How much better the probe is with all rows than with half of them."""
    class_gains: dict[str, float] = Field(default_factory=dict)
    """How much that doubling raised the F1 of each class; empty for tasks without classes."""


class LabelMending(Record):
    """The linear probe fitted without the rows whose answers are probably wrong, scored on the same held-out rows."""

    rows: int
    """Rows that were left out."""
    gain: Interval
    """How much better it is without them."""


class Prospects(Record):
    """What more rows and better labels would bring, told by the linear probe."""

    curve: LearningCurve | None
    """Null when the rows are too few to be halved."""
    mending: LabelMending | None
    """Null when no answer of a training row is doubted."""
    seconds: float


class PilotMeasurement(PilotOutcome):
    """A short real fine-tuning in a fresh process: what it gained over the probe, and what a step costs."""

    seconds: float


class Measurements(Document):
    """Everything that was measured before deciding."""

    dataset: DatasetMeasurement
    audit: Audit
    hardware: HardwareMeasurement
    models: list[ModelMeasurement]
    rivals: RivalMeasurement | None = None
    """Null when the data allows no fit at all."""
    prospects: Prospects | None = None
    """Null when the data allows no fit at all, and in runs of earlier versions."""
    pilot: PilotMeasurement | None = None
    """Null when the verdict was clear without it."""
    seconds: float
    cpu_seconds: float
    """What it cost to find out."""


class FactorScore(Record):
    """One of the five factors: 4 points speak for fine-tuning, 0 against."""

    key: Literal["task_similarity", "data_availability", "compute", "baseline_performance", "expertise"]
    points: float = Field(ge=0, le=4)
    because: str
    evidence: list[str]


class RankedModel(Record):
    """One model in the ranking."""

    model: str
    measured: bool
    score: float
    """0 to 1, comparable within this ranking only."""
    because: str
    parameters: int | None = None
    """Null in runs of earlier versions."""


class Recommendation(Record):
    """The model to fine-tune, and the runners-up."""

    model: str
    because: str
    runner_up: str | None = None
    ranking: list[RankedModel]


class Reason(Record):
    """Why the verdict is what it is."""

    code: str
    because: str


class Flip(Record):
    """What would change the verdict."""

    factor: str
    because: str


class Alternative(Record):
    """The best cheap way, saved ready to use."""

    name: str
    score: float | None
    """Null when the rows are too few to measure it."""


class Decision(Document):
    """The verdict with everything that it rests on."""

    verdict: Literal["go", "not_yet", "no_go"]
    guided: bool
    """True when the expertise answers ask for hand-holding."""
    reasons: list[Reason]
    factors: list[FactorScore]
    recommendation: Recommendation
    rivals: list[Score]
    recipe: Recipe | None = None
    """How it would be trained; null when the verdict was clear without it."""
    forecast: Forecast | None
    smallest_provable_gain: float | None
    alternative: Alternative | None
    flips: list[Flip]
    metric: str
    metric_facts: MetricFacts
    """How the scores here are to be read."""
    good_enough: float
    useful_gain: float


class Assessment(Decision):
    """A decision as `--json` prints it: with the folder of the run and, when it trained, its result."""

    run_folder: str
    result: Result | None = None


class Go(Record):
    """Fine-tune: the only place where a plan exists."""

    decision: Decision
    plan: Plan


class NotYet(Record):
    """Not now: something that can be changed stands in the way."""

    decision: Decision


class NoGo(Record):
    """Do not fine-tune: the best cheap way is ready to use."""

    decision: Decision


class Candidate(Record):
    """A model that may be measured or ranked: its catalogue name and where it is."""

    name: str
    source: ModelSource
    at_hand: bool


class Contestant(Record):
    """One of the runs."""

    run: str
    """Its folder."""
    verdict: str
    result: str | None
    """Null where it was not trained."""
    model: str
    train_rows: int
    test_rows: int
    score: Score | None
    """Of the fine-tuned model on its own sealed rows."""
    best_cheap: Score | None
    """The best cheap way on the same rows; cross-validated where it was not trained."""
    train_wall_seconds: float | None


class Differing(Record):
    """Something that is not the same in all runs."""

    what: str
    values: list[str]
    """One for each run."""


class Match(Record):
    """Two runs against each other."""

    one: str
    other: str
    paired: bool
    """Whether both answered the same rows; else their scores are compared as those of different rows."""
    rows: list[int]
    """Sealed rows that were compared: the shared ones, or those of each run."""
    scores: list[float]
    """Of both, on those rows."""
    difference: Difference
    """How much better the second is."""
    test: str
    """How the p value was found."""
    p_holm: float
    """Corrected for the number of comparisons that are shown."""


class Contest(Document):
    """Runs side by side."""

    task: str
    metric_facts: MetricFacts
    """Of the score that the runs are compared by: that of the first."""
    runs: list[Contestant]
    differing: list[Differing]
    matches: list[Match]
    notes: list[str]
    """What was not compared, and how to read what was."""
