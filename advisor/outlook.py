"""What a step would bring, as an interval of the score that counts, and what it costs a person. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

from advisor.records import Answers, Decision, LearningCurve, Measurements
from pipeline.records import Interval, MetricFacts
from pipeline.results import ClassErrors, Result

LEVEL = 0.8
Score = Callable[[Sequence[str], Sequence[str]], float]
"""(truth, answers) -> score, for rows that have one label."""


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Attributes:
        answers: What the user said.
        measurements: What was measured before deciding.
        decision: The verdict.
        run: The folder, as it is typed in a command.
        result: What came of the run, if it was made.
        rescore: Scores other answers to the sealed rows; None where a row has not one label.
    """

    answers: Answers
    measurements: Measurements
    decision: Decision
    run: str
    result: Result | None = None
    rescore: Score | None = None

    @property
    def facts(self) -> MetricFacts:
        """How the scores are to be read."""
        return self.decision.metric_facts

    @property
    def curve(self) -> LearningCurve | None:
        """What fewer rows would have given the probe."""
        return self.measurements.prospects.curve if self.measurements.prospects else None


def gain_of(facts: MetricFacts, ours: float, theirs: float) -> float:
    """How much better ours is, positive when it is, whatever the direction."""
    return ours - theirs if facts.higher_is_better else theirs - ours


def expect_from_rows(standing: Standing, rows: int, numbers: Mapping[str, float]) -> Interval | None:
    """The gain from so many more training rows: a share of what the last doubling brought to the probe.

    A fine-tuned model that is better than the probe has less left to gain, so its share is that of the errors that are left.
    """
    curve = standing.curve
    if curve is None:
        return None
    doublings = math.log2(1 + rows / max(standing.measurements.dataset.train_rows, 1))
    share = numbers["next_doubling_share"] * doublings * _errors_left(standing)
    last = curve.last_doubling
    sampling = last.standard_error or (last.high - last.low) / (2 * NormalDist().inv_cdf(0.975))
    whole = 1.0 if standing.facts.unit == "points" else _room(standing.facts, curve.points[0].score.point) or 1.0
    deviation = math.hypot(share * sampling, numbers["next_doubling_deviation"] * whole * min(doublings, 1.0))
    half = NormalDist().inv_cdf(0.5 + LEVEL / 2) * deviation
    point = share * last.point
    return Interval(point=point, low=point - half, high=point + half, level=LEVEL)


def _errors_left(standing: Standing) -> float:
    """How much of the probe's error the fine-tuned model still makes; 1 without a result."""
    result = standing.result
    if result is None:
        return 1.0
    probe = next((rival.score for rival in result.rivals if rival.name == "probe"), None)
    ours = _room(standing.facts, result.fine_tuned.score)
    theirs = None if probe is None else _room(standing.facts, probe)
    return 1.0 if not ours or not theirs else min(ours / theirs, 1.0)


def _room(facts: MetricFacts, score: float) -> float | None:
    """How far a score is from perfect; None where nothing is perfect."""
    best = facts.highest if facts.higher_is_better else facts.lowest
    return None if best is None else max(gain_of(facts, best, score), 0.0)


def expect_at_most(most: float, share: float) -> Interval:
    """A gain of which only the most is known."""
    return Interval(point=share * most, low=0.0, high=most, level=LEVEL)


def most_from_class(standing: Standing, worst: ClassErrors) -> float | None:
    """The gain if the class were found as often as the one in the middle, its false alarms left as they are.

    None where the score cannot be told from the confusion.
    """
    result = standing.result
    if result is None or standing.rescore is None or not result.errors.confusion:
        return None
    place = result.classes.index(worst.label)
    middle = median(row.recall for row in result.errors.by_class if row.rows)
    counts = [list(row) for row in result.errors.confusion]
    wanted = max(round((middle - worst.recall) * worst.rows), 0)
    for other in sorted((each for each in range(len(counts)) if each != place), key=lambda each: -counts[place][each]):
        moved = min(wanted, counts[place][other])
        counts[place][other] -= moved
        counts[place][place] += moved
        wanted -= moved
    return _rescored(standing.rescore, result, counts, standing.facts)


def most_from_pair(standing: Standing, one: int, other: int) -> float | None:
    """The gain if no row of two classes were taken for the other; None where the confusion does not tell."""
    result = standing.result
    if result is None or standing.rescore is None:
        return None
    counts = [list(row) for row in result.errors.confusion]
    for truth, answer in ((one, other), (other, one)):
        counts[truth][truth] += counts[truth][answer]
        counts[truth][answer] = 0
    return _rescored(standing.rescore, result, counts, standing.facts)


def _rescored(rescore: Score, result: Result, counts: list[list[int]], facts: MetricFacts) -> float:
    after, before = (rescore(*_rows_of(confusion, result.classes)) for confusion in (counts, result.errors.confusion))
    return gain_of(facts, after, before)


def _rows_of(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Truth and answers that give this confusion."""
    cells = [
        (classes[truth], classes[answer])
        for truth, row in enumerate(confusion)
        for answer, count in enumerate(row)
        for _ in range(count)
    ]
    return [truth for truth, _ in cells], [answer for _, answer in cells]
