"""What a run found on the sealed rows: scores, differences, and where the fine-tuned model still fails. Free of torch."""

from typing import Literal

from pydantic import Field

from pipeline.records import (
    Adjustment,
    Document,
    EpochLog,
    Forecast,
    Interval,
    MetricFacts,
    Outcome,
    Overfitting,
    Record,
    ReloadCheck,
    Score,
    SeedSpread,
)


class Difference(Record):
    """How much better the fine-tuned model is than the chosen rival on the same rows; negative when it is worse."""

    point: float
    low: float
    high: float
    p: float | None
    """Exact McNemar test where each row is right or wrong; else null, or of a paired permutation where one was made."""
    standard_error: float | None = None
    why_no_interval: str = ""
    """Why the interval is not shown, where it is not."""


class Comparison(Record):
    """The fine-tuned model against one of the cheap ways on the same rows."""

    rival: str
    difference: Difference
    p_holm: float | None
    """The p value corrected for the number of comparisons that are shown (Holm)."""


class ScoreLine(Record):
    """One score of the fine-tuned model, and of the rival that was chosen."""

    facts: MetricFacts
    ours: Interval
    theirs: Interval | None
    """Null where the rival gives no probabilities that the score reads."""
    difference: Difference | None
    why_no_interval: str = ""
    """Why no interval is shown for the scores, where none is."""


class Neighbour(Record):
    """A training row near to another row."""

    text: str
    truth: str
    similarity: float
    """Cosine similarity of the frozen features, at most 1."""


class ErrorCase(Record):
    """One row with its truth and the answer of the fine-tuned model."""

    row_id: str
    text: str
    truth: str
    answer: str
    confidence: float | None
    """Null where the model cannot tell."""
    rival: str = ""
    """What the chosen rival answered, where that matters."""
    neighbours: list[Neighbour] = Field(default_factory=list)
    """The nearest training rows, nearest first."""


class Suspect(Record):
    """A row whose truth looks wrong, which a hard row does too."""

    row_id: str
    text: str
    truth: str
    suggested: str
    margin: float
    """How much surer the model is of the other answer than of the truth; for scores, robust standard deviations."""


class Slice(Record):
    """Some of the rows, and how much worse they are answered than the others."""

    kind: str
    name: str
    rows: int
    error: Interval
    """Share of its rows that are answered wrong; for scores the mean size of the error."""
    rest: float
    """The same of all other rows."""
    p: float
    """One-sided: that it is no worse than the rest."""
    p_holm: float
    """Corrected for all slices that were tested."""


class Slices(Record):
    """All slices that were tested, and the ones that are worst."""

    tested: int
    fewest_rows: int
    """Rows from which a slice is tested."""
    measure: str
    """What an error is."""
    worst: list[Slice]
    """Most surely worse first."""
    because: str
    """What they show, in a sentence."""


class ReliabilityBin(Record):
    """Rows that the model is about as sure of, and how many of them it answers right."""

    rows: int
    confidence: float
    right: float
    low: float
    high: float


class Calibration(Record):
    """Whether the model is right as often as it says."""

    temperature: float
    """What its outputs are divided by, fitted on validation rows."""
    of: str
    """What the confidence is of."""
    bins: list[ReliabilityBin]
    expected_error: float
    """ECE: mean distance of confidence and share of right answers over the bins."""
    expected_by_chance: float
    """The same of a model that is calibrated to the point, on so many rows: the part that is bias."""
    expected_untempered: float | None
    """The same without the temperature; null where it cannot be told from the answers."""


class Abstention(Record):
    """What is left when the model says "I do not know" below a confidence."""

    threshold: float
    """Chosen on validation rows."""
    coverage: float
    """Share of the rows that are still answered."""
    rows: int
    right: float
    low: float
    high: float


class Disturbance(Record):
    """What a change of the texts that leaves the truth as it is does to the score."""

    kind: str
    what: str
    """What was changed."""
    changed: int
    """Rows in which anything changed."""
    before: float
    after: float
    drop: Difference
    """How much better the score is without it."""
    p_holm: float | None


class Robustness(Record):
    """How the fine-tuned model takes small changes of the sealed rows, made once the score was known."""

    rows: int
    """A sample."""
    disturbances: list[Disturbance]
    left_out: str = ""
    """What was not tried, and why."""
    seconds: float


class ClassErrors(Record):
    """How one class fared."""

    label: str
    rows: int
    precision: float
    recall: float
    f1: float
    precision_reach: Interval | None = None
    """95 % interval (Wilson) over the rows or spans that were answered so; null where none were, for words, which
    share their sentences, and in earlier results."""
    recall_reach: Interval | None = None
    """The same over those that are so."""
    f1_reach: Interval | None = None
    """95 % interval of F1; null where too few rows or spans are so, and in earlier results."""


class ErrorTable(Record):
    """Errors as only this kind of task has them, counted."""

    title: str
    note: str = ""
    """How to read it."""
    columns: list[str]
    rows: list[list[str]]


class ErrorAnalysis(Record):
    """Where the fine-tuned model still fails, on the sealed rows."""

    confusion: list[list[int]] = Field(default_factory=list)
    """Rows are the truth, columns the answers, in the order of the plan's classes; empty where a row has not one label."""
    by_class: list[ClassErrors] = Field(default_factory=list)
    """Empty for tasks without classes."""
    tables: list[ErrorTable] = Field(default_factory=list)
    """What is the task's own."""
    worst: list[ErrorCase]
    """Confident or large mistakes; empty when the data is personal."""
    best: list[ErrorCase] = Field(default_factory=list)
    """Right and surest, or nearest to the truth."""
    mended_rows: list[ErrorCase] = Field(default_factory=list)
    """Some of the rows that the fine-tuned model answers better than the rival."""
    broken_rows: list[ErrorCase] = Field(default_factory=list)
    """Some of the rows that only the fine-tuned model gets wrong."""
    suspects: list[Suspect] = Field(default_factory=list)
    """Rows whose truth may be wrong, most suspect first."""
    suspected: int = 0
    """How many rows look so."""
    slices: Slices | None = None
    calibration: Calibration | None = None
    abstentions: list[Abstention] = Field(default_factory=list)
    """From answering everything to answering least."""
    robustness: Robustness | None = None
    left_out: dict[str, str] = Field(default_factory=dict)
    """Parts that do not apply, and why."""
    seconds: float | None = None
    """What all this took beside the scores."""
    mended: int
    """Rows that the rival got wrong and the fine-tuned model right; for scores, rows that it answers more closely."""
    broken: int
    """Rows that the rival got right and the fine-tuned model wrong; for scores, rows that it answers less closely."""


class ProbingScore(Record):
    """Accuracy of a linear probe, cross-validated on features of the pre-trained and of the tuned encoder."""

    name: str
    what: str
    """What it asks of a text."""
    texts: int
    guessing: float
    """Accuracy of the commonest answer."""
    before: float
    after: float
    difference: Difference
    """How much better it is after tuning; negative where something was lost."""
    p_holm: float | None = None
    """McNemar's exact test, corrected for the tasks that are shown (Holm)."""


class Perplexity(Record):
    """How well a model still predicts words of texts, with its own head before and after tuning."""

    kind: Literal["masked", "causal"]
    """Whether it predicts words that are hidden, or each from those before it."""
    texts: int
    tokens: int
    before: float
    after: float
    ratio: Interval
    """After over before; more than 1 where something was lost."""


class Forgetting(Record):
    """What the tuned encoder no longer says of texts; labels of this task and sealed rows are not read."""

    texts: int
    scores: list[ProbingScore]
    others: list[ProbingScore] = Field(default_factory=list)
    """Labelled rows of other tasks."""
    others_retention: Interval | None = None
    others_because: str = ""
    perplexity: Perplexity | None = None
    """None of a model without a head that predicts words."""
    perplexity_because: str = ""
    retention: Interval
    """Mean accuracy of the probes after tuning over that before."""
    similarity: float
    """Linear CKA of the features before and after: 1 is the same up to turning and scaling."""
    verdict: Literal["kept", "lost", "lost_much"]
    because: str
    left_out: dict[str, str] = Field(default_factory=dict)
    """Probing tasks that the texts do not allow, and why."""
    seconds: float


class Result(Document):
    """The outcome of a run on the sealed rows, beside what was forecast."""

    verdict: Literal["improved", "not_improved", "insufficient_evidence"]
    because: str
    test_rows: int
    rivals: list[Score]
    fine_tuned: Score
    chosen_rival: str
    difference: Difference
    comparisons: list[Comparison] = Field(default_factory=list)
    """The fine-tuned model against each cheap way."""
    scores: list[ScoreLine] = Field(default_factory=list)
    """Every score of the task, the one that counts first."""
    answer_rule: str = ""
    """How probabilities become answers, where mistakes have costs."""
    forecast: Forecast
    outcome: Outcome
    errors: ErrorAnalysis
    reload: ReloadCheck
    epochs: list[EpochLog]
    best_epoch: float
    adjustments: list[Adjustment] = Field(default_factory=list)
    """What was done otherwise than planned, in order."""
    overfitting: Overfitting | None = None
    """Null in results of earlier versions."""
    forgetting: Forgetting | None = None
    """Null in results of earlier versions, and where the texts allow no probe."""
    seeds: SeedSpread | None = None
    """Null where it was trained once."""
    notes: list[str] = Field(default_factory=list)
    """What came of strategies that tell something."""
    classes: list[str]
    metric_facts: MetricFacts
    """How the scores here are to be read."""
    environment: dict[str, str]
    """Versions, processor and load that the run had."""


class Contribution(Record):
    """What one strategy brings to a recipe."""

    field: str
    title: str
    put_in: bool
    """Whether the recipe has it off, so that it was put in; else it was left out."""
    value: bool | float | int | str
    """What the recipe was changed to."""
    score: float
    """On the validation rows with that change; the mean over seeds."""
    difference: Difference
    """How much better the score is with the strategy than without it; the interval holds for all strategies together."""
    deviation: float | None
    """Standard deviation of that difference over seeds; null with one."""
    p_holm: float
    """Paired permutation test, corrected for the strategies that were tried (Holm)."""
    verdict: Literal["helps", "harms", "not_told_apart"]
    seconds: float


class Ablation(Document):
    """What each strategy brings on the data of a run, told in cross-validation on all rows that are not sealed."""

    rows: int
    train_rows: int
    """That a training learned from, the mean over folds."""
    folds: int
    score: float
    """With the recipe as it is."""
    contributions: list[Contribution]
    metric_facts: MetricFacts
    seconds: float
    """Of all training."""
