"""What was found on rows that came after the run: scores beside those of the sealed rows, and how the rows have changed. Free of torch."""

from typing import Literal

from pydantic import Field

from pipeline.records import Document, Interval, MetricFacts, Record, Score
from pipeline.results import Difference, ErrorAnalysis, ScoreLine

LiveVerdict = Literal["worse", "as_before", "better", "drifted", "cannot_tell"]


class TextDrift(Record):
    """Whether a classifier tells new texts from training texts, by features of the frozen model."""

    known_rows: int
    """Training rows that were compared, copies left out."""
    new_rows: int
    area: Interval
    """Area under the ROC curve of held-out rows; 0.5 is a guess, 1 tells every row."""
    p: float
    """How often labels that say nothing give as much (permutation test)."""
    permutations: int


class AnswerShare(Record):
    """How common an answer is."""

    answer: str
    before: float
    """Its share of the reference rows, as answered."""
    now: float
    """Its share of the new rows, as answered."""
    estimated: Interval | None = None
    """The true share now, as far as the model's probabilities tell it; null where it gives none."""


class AnswerShift(Record):
    """Whether the answers are spread otherwise."""

    moved: float
    """Share of the answers that would have to be another for both to be spread alike (total variation)."""
    p: float
    """How often rows that are mixed at random differ as much."""
    shares: list[AnswerShare]
    """The ones that changed most, first."""


class Change(Record):
    """A mean on the reference rows and on the new ones."""

    before: Interval
    now: Interval
    difference: Interval
    """Now less before."""
    p: float
    """Mann and Whitney's test, two-sided."""


class Drift(Record):
    """How new rows differ from those that the run knew; no label of theirs is read."""

    rows: int
    texts: TextDrift | None = None
    answers: AnswerShift | None = None
    confidence: Change | None = None
    """How sure the model is of its answers."""
    numbers: Change | None = None
    """What it answers, where answers are numbers."""


class LiveScore(Record):
    """The score of new rows, beside what the run found."""

    facts: MetricFacts
    rows: int
    now: Score
    before: Score | None
    """Null where the run measured none for this way."""
    before_on: str
    """The rows that `before` was measured on."""
    change: Difference | None
    """How much better it is now, from two independent samples; negative when it is worse."""
    scores: list[ScoreLine]
    """Every score that the answers or probabilities allow."""
    errors: ErrorAnalysis
    """Where it fails on the new rows."""


class Marks(Record):
    """What people said of answers that were served or tried."""

    marked: int
    right: Interval
    """Share of the marked answers that are right."""
    without_truth: int
    """Marked wrong without the right answer, so that no score can count them."""


class Evaluation(Document):
    """A model of a run on rows that came after it."""

    time: str
    data: str
    """What the rows are called."""
    way: str
    """What answered."""
    verdict: LiveVerdict
    because: list[str]
    """Why, the most important first."""
    rows: int
    """That were given."""
    labelled_rows: int
    """That were scored."""
    known_rows: dict[str, int] = Field(default_factory=dict)
    """Rows that were left out since the run knew them, by why."""
    unknown_labels: dict[str, int] = Field(default_factory=dict)
    """Labels that the model cannot answer, with how many rows have them; each such row counts as wrong."""
    score: LiveScore | None = None
    """Null without labels."""
    drift: Drift | None = None
    marks: Marks | None = None
    left_out: dict[str, str] = Field(default_factory=dict)
    """Parts that do not apply, and why."""
    classes: list[str] = Field(default_factory=list)
    seconds: float
