"""What the rule files hold, as records. `rulebook.py` reads them."""

from collections.abc import Collection
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import Field, model_validator

from pipeline.data.evidence import Signs
from pipeline.records import ForgettingRule, ModelSource, Record

T = TypeVar("T")

Url = Annotated[str, Field(pattern=r"^https://")]
Origin = Annotated[str, Field(pattern=r"^(https://|set by us|measured by us)")]
"""A page that gives the number, or an honest word that nobody else did."""


ModelKind = Literal["sentence-encoder", "masked-language-model"]


class Fact(Record, Generic[T]):
    """A value with the page that it was read from."""

    value: T
    source: Url


class Package(Record):
    """A model that comes inside an installed Python package."""

    distribution: str
    """What pip installs."""
    module: str
    folder: str


class ReportedResult(Record):
    """A published result of this model, fine-tuned or as it is."""

    task: str
    data: str
    metric: str
    value: float
    source: Url


class Community(Record):
    """How well the model is kept and documented; each a page that was read."""

    model_card: Url
    paper: Url | None = None
    training_code: Url | None = None
    tutorial: Url | None = None
    downloads: Fact[int] | None = None
    """Downloads a month, as the page said on `looked_up`."""
    looked_up: str
    """Date on which the pages were read, as YYYY-MM-DD."""

    @property
    def documents(self) -> int:
        """How many of the four kinds of documentation exist."""
        return sum(page is not None for page in (self.model_card, self.paper, self.training_code, self.tutorial))


class ModelEntry(Record):
    """One pre-trained model of the catalogue: `rules/models/<name>.toml`."""

    name: str
    title: str
    why: str
    """Why one would pick it, in one sentence."""
    hub_id: str
    revision: str | None = None
    """Commit, only when it was looked up."""
    sha256: str | None = None
    """Checksum of model.safetensors, only when it was looked up."""
    package: Package | None = None
    kind: ModelKind
    architecture: str
    size: Literal["tiny", "small", "base", "large"]
    languages: list[str]
    """Two-letter codes, or `multilingual` with the codes it is known to cover."""
    domains: list[str]
    """general, social-media, biomedical, clinical, legal, financial, code, scientific."""
    cased: bool
    pooling: Literal["mean", "cls"]
    parameters: Fact[int]
    max_tokens: Fact[int]
    licence: Fact[str]
    commercial_use: bool
    """Whether the licence allows commercial use."""
    pre_training: Fact[str]
    """Data that it was trained on, in words."""
    tuned_on: Fact[str] | None = None
    """What it was further tuned on, in words."""
    results: list[ReportedResult] = Field(default_factory=list)
    community: Community
    warnings: list[str] = Field(default_factory=list)

    @property
    def pinned(self) -> bool:
        """Whether the exact weights are known."""
        return self.revision is not None or self.sha256 is not None

    def source(self) -> ModelSource:
        """Where the pipeline finds this model: the installed package when there is one, else the hub."""
        location = f"{self.package.module}:{self.package.folder}" if self.package else self.hub_id
        return ModelSource(
            name=self.name,
            kind="package" if self.package else "hub",
            location=location,
            revision=None if self.package else self.revision,
            sha256=self.sha256,
            pooling=self.pooling,
            max_tokens=self.max_tokens.value,
        )


class TaskQuestion(Record):
    """A question that only one task asks; its answer goes into `task_options`."""

    key: str
    question: str
    help: str
    choices: dict[str, str] = Field(default_factory=dict)
    """Values, and what a person reads; without any the answer is typed."""
    required: bool = False
    number: bool = False
    """Whether the answer is a number."""
    section: Literal["task_options", "data"] = "task_options"
    """Where its answer stands in an answers file."""
    example: str = ""
    """What a typed answer may look like."""
    only_with: list[str] = Field(default_factory=list)
    """Keys of `[data]` with one of which alone it is asked; always when empty."""


class StrategyReason(Record):
    """Why a value of a recipe is as it is, for three kinds of readers; with slots for what was measured."""

    because: str
    plainly: str = ""
    """What who is new to it reads after the reason: what the word means, and what it does."""
    in_short: str = ""
    """What who is experienced reads instead of it."""


class StrategyValue(StrategyReason):
    """A value of the recipe with its reason and source."""

    value: bool | float | int | str | list[str]
    source: Origin


class Way(Record):
    """What a way to answer is called: `rules/ways.toml`, or the file of the only task that has it."""

    title: str
    how: str
    """How it comes to its answers."""


class TaskRules(Record):
    """What a task is called, asks and assumes: `rules/tasks/<task>.toml`."""

    key: str
    title: str
    summary: str
    """What goes in and what comes out, in one line."""
    answered_by: Literal["label", "labels", "number", "spans"] = "label"
    """How a person gives an answer: to choose one label or several, to type a number, to mark up spans."""
    metrics: list[str] = Field(default_factory=list)
    """Names of its metrics, the default first; empty while the task is not built."""
    templates: list[str] = Field(default_factory=list)
    """Sentences for zero-shot; `{phrase}` stands for what a label means."""
    reads: list[ModelKind] = Field(default_factory=list)
    """Kinds of models that can be fine-tuned for it."""
    questions: list[TaskQuestion] = Field(default_factory=list, alias="question")
    ways: dict[str, Way] = Field(default_factory=dict, alias="way")
    """Cheap ways that are its own."""
    recipe: dict[str, StrategyValue] = Field(default_factory=dict)
    """Values that stand in for those of `rules/strategies.toml`, by field of the recipe."""

    def asked(self, data_keys: Collection[str]) -> list[TaskQuestion]:
        """The questions that these keys of `[data]` lead to."""
        return [each for each in self.questions if not each.only_with or not set(each.only_with).isdisjoint(data_keys)]


Quantity = Literal[
    "separation",
    "usable_rows",
    "rows_per_class",
    "time_share",
    "memory_share",
    "headroom",
    "expertise_level",
]


class Band(Record):
    """From `at_least` on, so many points, for this reason."""

    at_least: float
    points: float = Field(ge=0, le=4)
    because: str
    """`{value}` stands for the measured quantity."""


class FactorRule(Record):
    """One reading of one factor. A factor with several readings gets the fewest points that any gives."""

    key: Literal["task_similarity", "data_availability", "compute", "baseline_performance", "expertise"]
    title: str
    reads: Quantity
    shown_as: Literal["percent", "number"]
    weight: float = Field(ge=0)
    """Weight of the factor in the weighted points; the same in all its readings."""
    source: Origin
    bands: list[Band]

    @model_validator(mode="after")
    def _bands_rise(self) -> "FactorRule":
        edges = [band.at_least for band in self.bands]
        if edges != sorted(set(edges)) or not edges:
            raise ValueError("bands must rise from the lowest at_least to the highest, each once")
        return self


class Threshold(Record):
    """A number that decides, the sentence that says so, what flips it, and where it comes from."""

    value: float
    because: str
    flip: str
    source: Origin


class DecisionRules(Record):
    """Vetoes and thresholds of the verdict: `rules/decision.toml`."""

    thresholds: dict[str, Threshold] = Field(alias="threshold")


class StrategyBand(StrategyReason):
    """Values for data of at least so many training rows."""

    at_least_rows: int
    epochs: int
    batch_size: int
    early_stopping_epochs: int
    source: Url


class NewcomerRule(Record):
    """What is not chosen by itself for people who are new to it."""

    without: list[str]
    """Fields of a recipe, which stay as they are usually."""
    source: Origin


class ExpertRule(Record):
    """Who reads reasons in short."""

    from_level: float
    """Level of expertise, 0 to 2."""
    source: Origin


class StrategyRules(Record):
    """How a recipe is chosen: `rules/strategies.toml`."""

    newcomers: NewcomerRule
    experts: ExpertRule
    values: dict[str, StrategyValue] = Field(alias="value")
    sizes: list[StrategyBand] = Field(alias="size")


class AblationRule(Record):
    """A strategy that `advisor ablate` tries: an entry of `rules/ablation.toml`."""

    field: str
    title: str
    off: bool | float | int | str
    """The value that leaves it out."""
    on: bool | float | int | str | None = None
    """The value that puts it in; it is only left out when not given."""


class ForecastNumber(Record):
    """A constant of the forecast, with what it was fitted on."""

    value: float
    means: str
    provenance: str


class ForecastRules(Record):
    """Constants of the forecast: `rules/forecast.toml`."""

    numbers: dict[str, ForecastNumber] = Field(alias="number")


class FindingRule(Record):
    """What the audit says of one kind of fault: an entry of `rules/audit/*.toml`."""

    title: str
    because: str
    """With `{count}`, `{of}`, `{share}` and what else the check gives."""
    effect: str
    """What it does to the verdict."""
    mend: str | None = None
    """What `advisor prepare --mend` calls its mend, where there is one."""
    advice: str | None = None
    """What a person can do where no command mends it."""
    warns_at: float = 0.0
    """Share from which it is a warning; below it is a note."""
    invalidates_at: float | None = None
    """Share from which a result on such data would mean nothing; null for never."""
    source: Origin


class AuditNumber(Record):
    """A threshold of a check."""

    value: float
    means: str
    source: Origin


class AuditRules(Record):
    """What the audit looks for: all of `rules/audit/*.toml`."""

    findings: dict[str, FindingRule] = Field(alias="finding")
    numbers: dict[str, AuditNumber] = Field(default_factory=dict, alias="number")


class Confidence(Record):
    """A confidence from which something follows."""

    value: float = Field(ge=0, le=1)
    because: str
    source: Origin


class ColumnRules(Record):
    """How the columns of a data set are read: `rules/columns.toml`."""

    taken: Confidence
    """From which a reading is taken when no other is plausible."""
    plausible: Confidence
    """From which another reading is plausible."""
    signs: Signs


class LicenceMark(Record):
    """What certain words in the licence of data say about its use: one of `rules/licences.toml`."""

    words: list[str]
    forbids: Literal["commercial"] | None = None
    """The use that it forbids, which is a veto; without it the sentence is only said."""
    because: str
    """`{licence}` stands for what the user wrote."""
    flip: str = ""
    source: Origin


class Advice(Record):
    """Good practice on collecting and labelling rows: one of `rules/collecting.toml`."""

    title: str
    because: str
    source: Origin
    tasks: list[str] = Field(default_factory=list)
    """Tasks that it is for; all when empty."""


class Demo(Record):
    """A demo of `advisor demo`: `rules/demo.toml`."""

    distribution: str
    """The package that holds its data."""
    why: str
    source: Url
    answers: dict[str, Any]


class Rules(Record):
    """All rules, checked."""

    models: dict[str, ModelEntry]
    tasks: dict[str, TaskRules]
    factors: list[FactorRule]
    decision: DecisionRules
    strategies: StrategyRules
    forecast: ForecastRules
    languages: dict[str, str]
    """What each language is called, by its code."""
    domains: dict[str, list[str]]
    """Words that mark each domain, to guess where texts come from."""
    columns: ColumnRules
    audit: AuditRules
    forgetting: ForgettingRule
    ablation: list[AblationRule]
    licences: list[LicenceMark]
    """What words in licences of data say."""


class LiveNumber(Record):
    """A threshold for rows that came after a run."""

    value: float
    means: str
    source: Origin


class LiveSentence(Record):
    """What a person reads of such rows."""

    says: str
    """With slots for what was found."""
    source: str


class LiveRules(Record):
    """What is said of rows that came after a run: `rules/live.toml`."""

    numbers: dict[str, LiveNumber] = Field(alias="number")
    sentences: dict[str, LiveSentence] = Field(alias="sentence")
