"""How far the labels are from enough: what would flip the verdict, and whether more of them still help a probe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import Decision, Measurements
from advisor.report.wording import say_trend
from advisor.rule_records import DecisionRules
from pipeline.data.splitting import FEWEST_ROWS_FOR_A_PROOF, FEWEST_TEST_ROWS
from pipeline.evaluation.comparison import say_gain
from pipeline.evaluation.intervals import difference_interval
from pipeline.records import Interval, MetricFacts, Record
from pipeline.task import Answer, Fit, Rows

FEWEST_TO_CHECK = 10
"""New rows from which it is worth asking whether they help."""


class Goal(Record):
    """Something that has to be there before the verdict can change."""

    title: str
    have: int
    need: int

    @property
    def reached(self) -> bool:
        """Whether it is there."""
        return self.have >= self.need


@dataclass(frozen=True)
class Target:
    """What the verdict wants of the labels.

    Attributes:
        rows: Usable rows that may train, as assessed.
        rows_per_class: The same for each kind of answer; empty for tasks without.
        fewest_rows: Rows that are wanted in all.
        fewest_per_class: Rows that the typical class needs, and up to which any class counts as short.
        fewest_of_any: Rows that every class needs.
        sealed: Sealed rows.
        sealed_wanted: Sealed rows with which a useful gain can be proven.
    """

    rows: int
    rows_per_class: Mapping[str, int]
    fewest_rows: int
    fewest_per_class: int
    fewest_of_any: int
    sealed: int
    sealed_wanted: int

    def counts(self, added: Mapping[str, int]) -> dict[str, int]:
        """Rows of each class with the new ones."""
        return {
            label: self.rows_per_class.get(label, 0) + added.get(label, 0) for label in {**self.rows_per_class, **added}
        }

    def goals(self, rows: int, added: Mapping[str, int]) -> list[Goal]:
        """What is wanted, with so many new rows for training and so many of each class: rows, classes, the class that lacks most."""
        found = [Goal(title="rows", have=self.rows + rows, need=self.fewest_rows)]
        counts = self.counts(added)
        if not counts:
            return found
        enough = sum(count >= self.fewest_per_class for count in counts.values())
        found.append(Goal(title=f"classes with {self.fewest_per_class} rows", have=enough, need=len(counts) // 2 + 1))
        shortest = sorted(counts.items(), key=lambda item: item[1])
        found += [
            Goal(title=f"'{label}'", have=count, need=self.fewest_of_any)
            for label, count in shortest
            if count < self.fewest_of_any
        ]
        return found

    def enough(self, rows: int, added: Mapping[str, int]) -> bool:
        """Whether the data would no longer stand in the way."""
        return all(goal.reached for goal in self.goals(rows, added))

    @property
    def wants_sealed(self) -> bool:
        """Whether more sealed rows would help to prove a gain."""
        return self.sealed < self.sealed_wanted


def set_target(decision: Decision, measurements: Measurements, rules: DecisionRules) -> Target:
    """What would flip a verdict, from what was measured and the rules that decide.

    Where only the points or the probability stand in the way, the rows asked for are the fewest that a proof needs.
    """
    limits = {code: threshold.value for code, threshold in rules.thresholds.items()}
    data = measurements.dataset
    data_lacks = {reason.code for reason in decision.reasons} & {
        "too_few_rows",
        "class_without_rows",
        "few_rows_per_class",
    }
    wanted = FEWEST_TEST_ROWS
    if decision.smallest_provable_gain is not None:
        wanted = round(data.test_rows * (decision.smallest_provable_gain / decision.useful_gain) ** 2)
    return Target(
        rows=data.usable_rows,
        rows_per_class=data.rows_per_class,
        fewest_rows=int(limits["too_few_rows"]) if data_lacks else FEWEST_ROWS_FOR_A_PROOF,
        fewest_per_class=int(limits["few_rows_per_class"]),
        fewest_of_any=int(limits["class_without_rows"]),
        sealed=data.test_rows,
        sealed_wanted=wanted,
    )


class Rise(Record):
    """What new rows did for a probe, scored on rows of the first data that it did not see."""

    rows: int
    """New rows."""
    all_of_them: Interval
    """How much better the probe is with them than without."""
    newest_half: Interval
    """How much of that the newest half of them brought."""

    def say(self, metric: MetricFacts) -> str:
        """Whether labels still help, with the noise of that."""
        late = self.newest_half
        return (
            f"The {self.rows} new rows change the linear probe by {_with_noise(self.all_of_them, metric)}, "
            f"the newest half of them by {_with_noise(late, metric)}. {say_trend(late)}"
        )


def _with_noise(found: Interval, metric: MetricFacts) -> str:
    low, high = (say_gain(end, metric, unit=False) for end in (found.low, found.high))
    return f"{say_gain(found.point, metric)} (95 % interval {low} to {high})"


def measure_rise(bench: Bench, fit: Fit, classes: Sequence[str], new: Rows) -> Rise | None:
    """Fit to the rows of each fold without the new rows, with the older half and with all of them; None while they are few.

    Every score is on rows that were not chosen, so that a choice of hard rows does not look like a fall.
    """
    if len(new) < FEWEST_TO_CHECK:
        return None
    half = new.take(range(len(new) // 2))
    without, older, everything = (_held_out(bench, fit, extra) for extra in (new.take([]), half, new))
    metric, truth = bench.metric, bench.rows.answers
    statistics = [metric.statistics(truth, answers, list(classes)) for answers in (without, older, everything)]
    return Rise(
        rows=len(new),
        all_of_them=difference_interval(metric, statistics[2], statistics[0]),
        newest_half=difference_interval(metric, statistics[2], statistics[1]),
    )


def _held_out(bench: Bench, fit: Fit, extra: Rows) -> list[Answer]:
    answers: dict[int, Answer] = {}
    everything = np.arange(len(bench.rows))
    for held_out in bench.folds[0]:
        seen = bench.rows.take(np.setdiff1d(everything, held_out))
        together = Rows(seen.ids + extra.ids, seen.inputs + extra.inputs, seen.answers + extra.answers)
        found = fit(together, bench.seed)(bench.rows.take(held_out))
        answers.update(zip(held_out.tolist(), found.answers, strict=True))
    return [answers[place] for place in range(len(bench.rows))]
