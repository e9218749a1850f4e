"""The verdict. Pure: vetoes first, then the probability of a useful gain, then weighted points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from advisor.factors import shown
from advisor.licences import Forbidden
from advisor.records import Flip, Reason
from advisor.rule_records import DecisionRules
from advisor.rulebook import say_way
from pipeline.evaluation.comparison import say_amount
from pipeline.records import Finding, MetricFacts
from pipeline.sentences import fill

VerdictName = Literal["go", "not_yet", "no_go"]


@dataclass(frozen=True)
class BestWay:
    """The best cheap way.

    Attributes:
        name: Which.
        score: Its score.
        sure: The end of its interval that it reaches for sure.
        room: How much better than it what is good enough is; negative when it is reached.
        sure_room: The same from what it reaches for sure.
    """

    name: str
    score: float
    sure: float
    room: float
    sure_room: float


@dataclass(frozen=True)
class Case:
    """Everything that the verdict rests on; what was not measured is None.

    Attributes:
        usable_rows: Rows that can be learned from.
        smallest_class: Label and rows of the rarest class.
        median_class_rows: Rows of the typical class.
        consent: What the user said.
        permutation_p: How often shuffled answers did as well as the true ones.
        best: The best cheap way.
        metric: How scores are to be read.
        good_enough: The score at which the user would stop looking.
        useful_gain: The smallest gain worth having.
        probability: Of a useful gain.
        time_share: Of the time budget.
        memory_share: Of the memory budget.
        points: Weighted factor points, 0 to 4.
        latency_share: Of the time that one answer may take in use; None without a limit.
        comparable: Whether the rows allow a comparison at all.
        invalid: What the audit found that would make any result meaningless.
        forbidden_model: The model that would be fine-tuned, where its licence forbids the stated use.
        forbidden_data: What of the data's licence forbids the stated use, and how that would change.
    """

    usable_rows: int
    smallest_class: tuple[str, int] | None
    median_class_rows: float | None
    consent: str
    permutation_p: float | None
    best: BestWay | None
    metric: MetricFacts
    good_enough: float
    useful_gain: float
    probability: float | None
    time_share: float | None
    memory_share: float | None
    points: float
    latency_share: float | None = None
    comparable: bool = True
    invalid: Sequence[Finding] = ()
    forbidden_model: Forbidden | None = None
    forbidden_data: tuple[str, str] | None = None


@dataclass(frozen=True)
class Verdict:
    """The verdict, why, and what would change it."""

    name: VerdictName
    reasons: list[Reason]
    flips: list[Flip]


def decide(case: Case, rules: DecisionRules) -> Verdict:
    """Decide from what was measured."""
    wanting = _what_is_wanting(case, rules)
    if wanting:
        return _verdict("not_yet", wanting)
    pointless = _what_is_pointless(case, rules)
    if pointless:
        return _verdict("no_go", pointless)
    if case.probability is None:
        raise ValueError("a case without a veto needs a forecast")
    too_dear = _what_is_too_dear(case, rules)
    return _by_probability(case, case.probability, too_dear, rules)


_Veto = tuple[Reason, Flip]


def _verdict(name: VerdictName, found: list[_Veto]) -> Verdict:
    return Verdict(name, [reason for reason, _ in found], [flip for _, flip in found])


def data_vetoes(case: Case, rules: DecisionRules) -> bool:
    """Whether the data alone already says "not yet", so that nothing else has to be measured."""
    return bool(_what_is_wanting(case, rules))


def cheap_way_vetoes(case: Case, rules: DecisionRules) -> bool:
    """Whether the cheap ways alone already say "no", so that no pilot has to be run."""
    return bool(_what_is_pointless(case, rules))


def _what_is_wanting(case: Case, rules: DecisionRules) -> list[_Veto]:
    found = []
    limits = {code: threshold.value for code, threshold in rules.thresholds.items()}
    if case.usable_rows < limits["too_few_rows"]:
        found.append(_veto(rules, "too_few_rows", "data_availability", f"{case.usable_rows}"))
    if case.smallest_class is not None and case.smallest_class[1] < limits["class_without_rows"]:
        label, rows = case.smallest_class
        found.append(_veto(rules, "class_without_rows", "data_availability", f"{rows}", name=label))
    if case.median_class_rows is not None and case.median_class_rows < limits["few_rows_per_class"]:
        value = shown(case.median_class_rows, "number")
        found.append(_veto(rules, "few_rows_per_class", "data_availability", value))
    if not found and not case.comparable:
        found.append(_veto(rules, "nothing_to_compare", "data_availability", f"{case.usable_rows}"))
    for finding in case.invalid:
        title = finding.title[:1].lower() + finding.title[1:]
        found.append(_veto(rules, "invalid_data", "data_availability", finding.because, finding.mend, title))
    if case.consent == "no":
        found.append(_veto(rules, "no_consent", "data_availability", case.consent))
    return [*found, *_what_is_forbidden(case, rules)]


def _what_is_forbidden(case: Case, rules: DecisionRules) -> list[_Veto]:
    found = []
    if case.forbidden_model is not None:
        model = case.forbidden_model
        found.append(_veto(rules, "model_licence", "licence", model.licence, model.use, model.what))
    if case.forbidden_data is not None:
        because, flip = case.forbidden_data
        found.append((Reason(code="data_licence", because=because), Flip(factor="licence", because=flip)))
    return found


def _what_is_pointless(case: Case, rules: DecisionRules) -> list[_Veto]:
    limits = {code: threshold.value for code, threshold in rules.thresholds.items()}
    if case.permutation_p is not None and case.permutation_p > limits["no_signal"]:
        return [_veto(rules, "no_signal", "task_similarity", f"{100 * case.permutation_p:.1f} %")]
    if case.best is None:
        return []
    best, way = case.best, say_way(case.best.name)
    if best.sure_room < 0:
        sure, enough = f"{best.sure:.3f}", f"{case.good_enough:.3f}"
        return [_veto(rules, "good_enough_reached", "baseline_performance", sure, enough, way)]
    if best.room < case.useful_gain * limits["no_room"]:
        value, limit = (say_amount(each, case.metric) for each in (max(best.room, 0.0), case.useful_gain))
        return [_veto(rules, "no_room", "baseline_performance", value, limit, way)]
    return []


def _what_is_too_dear(case: Case, rules: DecisionRules) -> list[_Veto]:
    found = []
    shares = {
        "over_time_budget": case.time_share,
        "over_memory_budget": case.memory_share,
        "over_latency": case.latency_share,
    }
    for code, share in shares.items():
        if share is not None and share > rules.thresholds[code].value:
            found.append(_veto(rules, code, "compute", shown(share, "percent")))
    return found


def _by_probability(case: Case, probability: float, too_dear: list[_Veto], rules: DecisionRules) -> Verdict:
    thresholds = rules.thresholds
    likely = shown(probability, "percent")
    go, no_go = thresholds["go_probability"], thresholds["no_go_probability"]
    if probability < no_go.value:
        limit = shown(no_go.value, "percent")
        return _verdict("no_go", [_veto(rules, "no_go_probability", "baseline_performance", likely, limit)])
    if too_dear:
        return _verdict("not_yet", too_dear)
    if probability >= go.value:
        limit = shown(go.value, "percent")
        return _verdict("go", [_veto(rules, "go_probability", "baseline_performance", likely, limit)])
    points = thresholds["go_points"]
    veto = _veto(rules, "go_points", "data_availability", f"{case.points:.1f}", f"{points.value:.1f}", likely)
    return _verdict("go" if case.points >= points.value else "not_yet", [veto])


def _veto(rules: DecisionRules, code: str, factor: str, value: str, limit: str | None = None, name: str = "") -> _Veto:
    threshold = rules.thresholds[code]
    limit = limit if limit is not None else shown(threshold.value, "number")
    slots = {"value": value, "limit": limit, "name": name}
    because, flip = (fill(sentence, **slots) for sentence in (threshold.because, threshold.flip))
    return Reason(code=code, because=because), Flip(factor=factor, because=flip)
