"""Five factors from what was measured, with the reasons of `rules/factors.toml`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.records import (
    UNKNOWN,
    Answers,
    Expertise,
    FactorScore,
    HardwareMeasurement,
    Measurements,
    ModelMeasurement,
)
from advisor.rule_records import FactorRule, ModelEntry, Quantity
from advisor.rulebook import say_way
from pipeline.metric import Metric
from pipeline.records import Forecast
from pipeline.sentences import fill

MIDDLE = 2.0
"""Points of a factor of which nothing is known."""
_LEVELS = {"none": 0.0, "some": 1.0, "solid": 2.0, UNKNOWN: 1.0}


@dataclass(frozen=True)
class Target:
    """What is to be reached, in which score."""

    metric: Metric
    good_enough: float
    useful_gain: float


@dataclass(frozen=True)
class Readings:
    """What the factors read.

    Attributes:
        values: Measured quantities; one that was not measured is absent.
        evidence: Sentences for each factor.
    """

    values: Mapping[Quantity, float]
    evidence: Mapping[str, list[str]]


def score_factors(rules: list[FactorRule], readings: Readings) -> list[FactorScore]:
    """Five scores; a factor with several readings gets the fewest points that any of them gives."""
    found: dict[str, FactorScore] = {}
    for rule in rules:
        scored = _score(rule, readings)
        if scored is None:
            continue
        if rule.key not in found or scored.points < found[rule.key].points:
            found[rule.key] = scored
    for rule in rules:
        unmeasured = "Not measured: the verdict was clear without it, or the rows do not allow it."
        evidence = list(readings.evidence.get(rule.key, []))
        found.setdefault(rule.key, FactorScore(key=rule.key, points=MIDDLE, because=unmeasured, evidence=evidence))
    return list({rule.key: found[rule.key] for rule in rules}.values())


def _score(rule: FactorRule, readings: Readings) -> FactorScore | None:
    if rule.reads not in readings.values:
        return None
    value = readings.values[rule.reads]
    fitting = [band for band in rule.bands if band.at_least <= value]
    band = fitting[-1] if fitting else rule.bands[0]
    return FactorScore(
        key=rule.key,
        points=band.points,
        because=fill(band.because, value=shown(value, rule.shown_as)),
        evidence=list(readings.evidence.get(rule.key, [])),
    )


def weighted_points(rules: list[FactorRule], factors: list[FactorScore]) -> float:
    """Mean of the factors' points by their weights, 0 to 4."""
    weights = {rule.key: rule.weight for rule in rules}
    return sum(weights[factor.key] * factor.points for factor in factors) / sum(weights.values())


def shown(value: float, kind: str) -> str:
    """A quantity as people read it."""
    if kind == "percent":
        return "over 99 %" if 0.995 <= value < 1 else f"{100 * value:.0f} %"  # nearly certain is not certain
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def read_quantities(
    answers: Answers,
    measurements: Measurements,
    model: ModelMeasurement | None,
    forecast: Forecast | None,
    goal: Target,
) -> dict[Quantity, float]:
    """Everything that the factors can read; what was not measured is left out."""
    dataset = measurements.dataset
    values: dict[Quantity, float] = {
        "usable_rows": float(dataset.usable_rows),
        "expertise_level": expertise_level(answers.expertise),
    }
    if dataset.median_class_rows is not None:
        values["rows_per_class"] = dataset.median_class_rows
    rivals = measurements.rivals
    if rivals is not None:
        scores = {rival.name: rival.score for rival in rivals.rivals}
        metric = goal.metric
        values["headroom"] = metric.gain(goal.good_enough, scores[rivals.best]) / goal.useful_gain
        if model is not None:
            guess = rivals.rivals[0].score
            values["separation"] = metric.gain(model.probe, guess) / max(metric.gain(metric.best, guess), 1e-9)
    if forecast is not None:
        values["time_share"] = forecast.train_wall_seconds / (60 * answers.budget.train_minutes)
        values["memory_share"] = forecast.peak_memory_bytes / memory_budget_bytes(answers, measurements.hardware)
    return values


def memory_budget_bytes(answers: Answers, hardware: HardwareMeasurement) -> float:
    """Memory that the run may take: as the user said, else what is free on the processor or accelerator that it uses."""
    if answers.budget.memory_gib is not None:
        return answers.budget.memory_gib * 2**30
    return float(hardware.accelerator_memory_bytes or hardware.memory_free_bytes)


def expertise_level(expertise: Expertise) -> float:
    """Mean of the five answers, 0 to 2; what is unknown counts as the middle."""
    given = [_LEVELS[str(value)] for value in expertise.model_dump().values()]
    return sum(given) / len(given)


def gather_evidence(
    answers: Answers,
    measurements: Measurements,
    model: ModelMeasurement | None,
    entry: ModelEntry | None,
    forecast: Forecast | None,
) -> dict[str, list[str]]:
    """What each factor rests on, in sentences with their numbers."""
    return {
        "task_similarity": _similarity_evidence(measurements, model, entry),
        "data_availability": _data_evidence(measurements),
        "compute": _compute_evidence(answers, measurements, forecast),
        "baseline_performance": _baseline_evidence(measurements),
        "expertise": _expertise_evidence(answers.expertise),
    }


def _similarity_evidence(
    measurements: Measurements, model: ModelMeasurement | None, entry: ModelEntry | None
) -> list[str]:
    found = []
    dataset = measurements.dataset
    if model is not None:
        found.append(
            f"A probe on frozen features of {model.model} ({model.pooling} pooling) scores {model.probe:.3f}; "
            f"LogME {model.log_evidence:.3f}."
        )
        found.append(
            f"{100 * model.truncated_row_fraction:.1f} % of rows are cut, "
            f"{100 * model.unknown_token_fraction:.1f} % of tokens are unknown to it, "
            f"{100 * model.cased_text_fraction:.1f} % of letters lose their case."
        )
    if entry is None or not entry.pinned:
        found.append("Its weights are not pinned in the catalogue; the checksum of those used here stands in the plan.")
    if entry is not None:
        found.append(f"It was pre-trained on: {entry.pre_training.value}.")
        if dataset.domain not in entry.domains:
            found.append(
                f"The texts look like {dataset.domain}, the model was made for {', '.join(entry.domains)}: "
                "a model of that domain may be worth measuring (`advisor models`)."
            )
        if entry.tuned_on is not None:
            found.append(f"It was tuned on: {entry.tuned_on.value}.")
        if not speaks(entry, dataset.language):
            found.append(
                f"The texts are in '{dataset.language}' ({dataset.language_source}), the model knows "
                f"{', '.join(entry.languages)}: measure a model of that language or a multilingual one (`advisor models`)."
            )
    return found


def speaks(entry: ModelEntry, language: str) -> bool:
    """Whether a model was made for a language; unknown ones are not held against it."""
    return language == UNKNOWN or language in entry.languages or "multilingual" in entry.languages


def _data_evidence(measurements: Measurements) -> list[str]:
    dataset = measurements.dataset
    found = [
        f"{dataset.rows:,} rows, of which {dataset.usable_rows:,} can be learned from and {dataset.test_rows:,} are sealed for the test.",
        f"{100 * dataset.exact_duplicate_fraction:.1f} % are copies, {100 * dataset.near_duplicate_fraction:.1f} % copies or nearly so.",
    ]
    if dataset.rows_per_class:
        found.append(
            f"{len(dataset.rows_per_class)} kinds of answer; the rarest has {dataset.smallest_class_rows} usable training rows, "
            f"the typical one {dataset.median_class_rows:.0f}; largest over smallest {dataset.imbalance:.1f}."
        )
    found.append(
        f"Texts have {dataset.median_words:.0f} words in the middle, {dataset.longest_words} at most; "
        f"{100 * dataset.distinct_word_fraction:.0f} % of words are different."
    )
    found += [finding.because for finding in measurements.audit.findings if finding.severity != "note"]
    return found


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _compute_evidence(answers: Answers, measurements: Measurements, forecast: Forecast | None) -> list[str]:
    hardware = measurements.hardware
    found = [
        f"{_many(hardware.physical_cores, 'core')}, {_many(hardware.threads, 'thread')}, load {hardware.load_average:.1f}; "
        f"{hardware.memory_free_bytes / 2**30:.1f} of {hardware.memory_total_bytes / 2**30:.1f} GiB memory free, "
        f"{hardware.disk_free_bytes / 2**30:.0f} GiB disk free; "
        + (f"accelerator {hardware.accelerator}." if hardware.accelerator else "no accelerator."),
    ]
    if measurements.pilot is not None:
        pilot = measurements.pilot
        cut = (
            f" of {pilot.planned_steps}: time ran out, so its gain tells less"
            if pilot.steps < pilot.planned_steps
            else ""
        )
        found.append(f"The dry run took {pilot.steps} real steps{cut}, in {pilot.seconds:.0f} s.")
    if forecast is not None:
        found.append(
            f"Whole run, evaluation included: {forecast.train_wall_seconds:.0f} s of {60 * answers.budget.train_minutes:.0f} s allowed, "
            f"{forecast.train_cpu_seconds:.0f} processor seconds, {forecast.peak_memory_bytes / 2**30:.1f} GiB of "
            f"{memory_budget_bytes(answers, measurements.hardware) / 2**30:.1f} GiB allowed."
        )
        if answers.budget.price_per_hour is not None:
            price = answers.budget.price_per_hour * forecast.train_wall_seconds / 3600
            found.append(f"At {answers.budget.price_per_hour:g} an hour it costs {price:.2f}.")
    return found


def _baseline_evidence(measurements: Measurements) -> list[str]:
    rivals = measurements.rivals
    if rivals is None:
        return []
    found = [
        f"{say_way(rival.name)}: {rival.score:.3f} ({rival.low:.3f} to {rival.high:.3f})." for rival in rivals.rivals
    ]
    if rivals.zero_shot_spread:
        worst, best = min(rivals.zero_shot_spread.values()), max(rivals.zero_shot_spread.values())
        found.append(f"Zero-shot ranges from {worst:.3f} to {best:.3f} by wording alone.")
    found += [rival.note for rival in rivals.rivals if rival.note]
    found.append(f"Shuffled answers did as well as the true ones in {100 * rivals.permutation_p:.1f} % of draws.")
    return found


def _expertise_evidence(expertise: Expertise) -> list[str]:
    return [
        f"{name}: {value if value != UNKNOWN else 'not asked or not said'}."
        for name, value in expertise.model_dump().items()
    ]
