"""Steps that may raise the score, each with what it is expected to bring and what it costs a person. Pure."""

from collections.abc import Mapping
from statistics import median

from advisor.outlook import (
    Standing,
    expect_at_most,
    expect_from_rows,
    most_from_class,
    most_from_pair,
)
from advisor.rulebook import load_steps
from pipeline.evaluation.comparison import say_gain
from pipeline.records import Interval, MetricFacts, NextStep
from pipeline.results import ClassErrors, Result

SURE = 0.05
"""P value, corrected, from which a part of the rows counts as worse."""


def numbers() -> dict[str, float]:
    """The constants of the rules, by name."""
    return {name: number.value for name, number in load_steps().numbers.items()}


def make_step(
    key: str,
    told: Mapping[str, str],
    facts: MetricFacts,
    gain: Interval | None = None,
    minutes: float | None = None,
) -> NextStep:
    """A step in the words of the rules.

    Args:
        key: Its name in `rules/next_steps.toml`.
        told: What stands for each `{…}` of its sentences.
        facts: How the gain is to be read.
        gain: What it is expected to bring.
        minutes: What it costs a person.
    """
    rule = load_steps().steps[key]
    return NextStep(
        title=rule.title.format(**told),
        because=rule.because.format(**told),
        command=None if rule.command is None else rule.command.format(**told),
        gain=gain,
        effort_minutes=minutes,
        forecast=_say_forecast(gain, minutes, facts),
    )


def _say_forecast(gain: Interval | None, minutes: float | None, facts: MetricFacts) -> str:
    effort = "" if minutes is None else f"about {say_minutes(minutes)} of a person's time"
    if gain is None:
        return f"Takes {effort}." if effort else ""
    low, high = (say_gain(end, facts, unit=False) for end in (gain.low, gain.high))
    expected = f"{say_gain(gain.point, facts)} ({100 * gain.level:.0f} % interval {low} to {high})"
    return f"Forecast: {expected}{f' for {effort}' if effort else ''}."


def say_minutes(minutes: float) -> str:
    """A person's time, no finer than it is known."""
    if minutes < 90:
        return f"{max(round(minutes), 1)} min"
    return f"{minutes / 60:.0f} h" if minutes >= 600 else f"{minutes / 60:.1f} h"


def improvements(standing: Standing) -> list[NextStep]:
    """What may raise the score, in no order."""
    found = [*_label_rows(standing), *_mend_labels(standing)]
    if standing.result is not None:
        found += [
            *_worst_class(standing, standing.result),
            *_confused_pair(standing, standing.result),
            *_weak_slice(standing, standing.result),
            *_ask_person(standing, standing.result),
            *_read_sealed(standing, standing.result),
        ]
    return found


def _label_rows(standing: Standing) -> list[NextStep]:
    constants, have = numbers(), standing.measurements.dataset.train_rows
    rows = min(have, round(constants["most_new_rows"]))
    gain = expect_from_rows(standing, rows, constants)
    curve = standing.curve
    if curve is None or gain is None or gain.point <= 0:
        return []
    last, facts = curve.last_doubling, standing.facts
    low, high = (say_gain(end, facts, unit=False) for end in (last.low, last.high))
    told = {
        "rows": f"{rows:,}",
        "last": f"{say_gain(last.point, facts)} (95 % interval {low} to {high})",
        "half": f"{curve.points[-2].rows:,}",
        "all": f"{curve.points[-1].rows:,}",
        "run": standing.run,
    }
    return [make_step("label_rows", told, facts, gain, rows * constants["seconds_per_label"] / 60)]


def _mend_labels(standing: Standing) -> list[NextStep]:
    prospects, facts = standing.measurements.prospects, standing.facts
    if prospects is None or prospects.mending is None:
        return []
    mending = prospects.mending
    low, high = (say_gain(end, facts, unit=False) for end in (mending.gain.low, mending.gain.high))
    told = {
        "rows": f"{mending.rows:,}",
        "change": f"{say_gain(mending.gain.point, facts)} (95 % interval {low} to {high})",
        "data": standing.measurements.audit.files["train"],
    }
    minutes = mending.rows * numbers()["seconds_per_review"] / 60
    return [make_step("mend_labels", told, facts, mending.gain, minutes)]


def _worst_class(standing: Standing, result: Result) -> list[NextStep]:
    """The class that is answered worst: more rows where it has fewer than others, else clearer labels."""
    classes = [row for row in result.errors.by_class if row.rows > 0]
    if len(classes) < 2:
        return []
    worst = min(classes, key=lambda row: row.f1)
    learned = standing.measurements.dataset.rows_per_class
    have, middle = learned.get(worst.label, 0), round(median(learned.values())) if learned else 0
    rows = min(middle - have, round(numbers()["most_new_rows"]))
    told = {
        "label": worst.label,
        "f1": f"{worst.f1:.3f}",
        "taken": _taken_for(result, worst) if result.errors.confusion else "",
        "have": f"{have:,}",
        "middle": f"{middle:,}",
        "rows": f"{max(rows, 1):,}",
        "run": standing.run,
    }
    most = most_from_class(standing, worst)
    gain = expect_at_most(most, numbers()["share_of_most"]) if most is not None and most > 0 else None
    if rows > 0:
        minutes = rows * numbers()["seconds_per_label"] / 60
        return [make_step("label_class", told, standing.facts, gain, minutes)]
    return [make_step("look_at_class", told, standing.facts, gain, have * numbers()["seconds_per_review"] / 60)]


def _taken_for(result: Result, worst: ClassErrors) -> str:
    place = result.classes.index(worst.label)
    mistaken = [count if other != place else 0 for other, count in enumerate(result.errors.confusion[place])]
    if not max(mistaken):
        return ""
    other = result.classes[mistaken.index(max(mistaken))]
    return f", most often taken for '{other}' ({max(mistaken)} of {worst.rows} rows)"


def _confused_pair(standing: Standing, result: Result) -> list[NextStep]:
    """The two classes that are most often taken for each other, whichever way."""
    counts = result.errors.confusion
    pairs = {
        (one, other): counts[one][other] + counts[other][one] for one in range(len(counts)) for other in range(one)
    }
    one, other = max(pairs, key=lambda pair: pairs[pair], default=(0, 0))
    if len(counts) < 3 or pairs[one, other] < numbers()["fewest_confused_rows"]:
        return []  # of two classes every mistake is of this kind
    learned = standing.measurements.dataset.rows_per_class
    names = [result.classes[other], result.classes[one]]
    told = {"one": names[0], "other": names[1], "confused": f"{pairs[one, other]:,}"}
    most = most_from_pair(standing, one, other)
    gain = None if most is None or most <= 0 else expect_at_most(most, numbers()["share_of_most"])
    minutes = sum(learned.get(name, 0) for name in names) * numbers()["seconds_per_review"] / 60
    return [make_step("tell_apart", told, standing.facts, gain, minutes)]


def _weak_slice(standing: Standing, result: Result) -> list[NextStep]:
    slices = result.errors.slices
    sure = [each for each in slices.worst if each.p_holm < SURE and each.kind != "truth"] if slices else []
    if slices is None or not sure or not slices.measure.startswith("share"):
        return []
    weak = sure[0]
    mistakes = weak.rows * weak.error.point + (result.test_rows - weak.rows) * weak.rest
    told = {
        "kind": weak.kind,
        "name": weak.name,
        "rows": f"{weak.rows:,}",
        "error": f"{100 * weak.error.point:.0f} %",
        "rest": f"{100 * weak.rest:.0f} %",
        "p": "p < 0.001" if weak.p_holm < 0.001 else f"p = {weak.p_holm:.3f}",
        "fewer": f"{weak.rows * (weak.error.point - weak.rest):.0f}",
        "mistakes": f"{mistakes:.0f}",
        "run": standing.run,
    }
    return [make_step("weak_slice", told, standing.facts)]


def _ask_person(standing: Standing, result: Result) -> list[NextStep]:
    """The threshold under which leaving answers to a person makes the others right oftener, most for each row that is left."""
    if not result.errors.abstentions:
        return []
    all_of_them, *fewer = result.errors.abstentions
    better = [each for each in fewer if each.right - all_of_them.right >= numbers()["right_when_asked"]]
    best = max(better, key=lambda each: (each.right - all_of_them.right) / max(1 - each.coverage, 1e-9), default=None)
    if best is None:
        return []
    told = {
        "threshold": f"{100 * best.threshold:.0f} %",
        "left": f"{100 * (1 - best.coverage):.0f} %",
        "right": f"{100 * best.right:.0f} %",
        "all": f"{100 * all_of_them.right:.0f} %",
        "run": standing.run,
    }
    return [make_step("ask_person", told, standing.facts)]


def _read_sealed(standing: Standing, result: Result) -> list[NextStep]:
    rows = result.errors.suspected
    if not rows:
        return []
    told = {"rows": f"{rows:,}", "share": f"{100 * rows / result.test_rows:.1f} %"}
    minutes = rows * numbers()["seconds_per_review"] / 60
    return [make_step("read_sealed", told, standing.facts, None, minutes)]
