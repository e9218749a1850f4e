"""What a person should know beside the reasons of a verdict."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advisor.decision import Verdict
from advisor.factors import expertise_level, shown
from advisor.investigation import Facts
from advisor.learning_curve import fit_curve, rows_to_reach, target_for_probe
from advisor.licences import notes_on_data
from advisor.measuring import Measuring
from advisor.records import CurvePoint, Reason
from advisor.rule_records import Threshold
from pipeline.evaluation.comparison import say_amount
from pipeline.metric import Metric
from pipeline.sentences import fill


def remark(measuring: Measuring, facts: Facts, verdict: Verdict, provable: float | None) -> list[Reason]:
    """A gain that could not be proven, how many rows would reach the target, terms of the data, a need for guidance."""
    notes = notes_on_data(measuring.answers, measuring.rules.licences)
    return [
        *_hard_to_prove(measuring, verdict, provable),
        *_more_rows(measuring, facts),
        *(Reason(code="data_licence_note", because=note) for note in notes),
        *_guidance(measuring),
    ]


def _hard_to_prove(measuring: Measuring, verdict: Verdict, provable: float | None) -> Iterator[Reason]:
    wanted, scale = measuring.aim.useful_gain, measuring.metric.facts
    rule = measuring.rules.decision.thresholds["hard_to_prove"]
    if verdict.name != "go" or provable is None or provable <= wanted * rule.value:
        return
    rows = shown(measuring.dataset.test_rows * (provable / wanted) ** 2, "number")
    values = {"value": say_amount(provable, scale), "limit": say_amount(wanted, scale), "name": rows}
    yield Reason(code="hard_to_prove", because=fill(f"{rule.because} {rule.flip}", **values))


def _more_rows(measuring: Measuring, facts: Facts) -> Iterator[Reason]:
    if facts.rivals is None or facts.prospects is None or facts.prospects.curve is None:
        return
    found = say_rows_to_reach(
        facts.prospects.curve.points,
        Reach(
            metric=measuring.metric,
            target=measuring.aim.good_enough,
            train_rows=max(measuring.dataset.train_rows, 1),
            probe=next(rival.score for rival in facts.rivals.rivals if rival.name == "probe"),
            fine_tuned=facts.forecast.score.point if facts.forecast else None,
        ),
        measuring.rules.decision.thresholds["more_rows"],
    )
    if found is not None:
        yield found


@dataclass(frozen=True)
class Reach:
    """What is to be reached, and from where.

    Attributes:
        metric: Direction and bounds of the score.
        target: What is good enough.
        train_rows: Rows that are trained on today.
        probe: Score of the linear probe today.
        fine_tuned: What is expected of the fine-tuned model; None where nothing is.
    """

    metric: Metric
    target: float
    train_rows: int
    probe: float
    fine_tuned: float | None


def say_rows_to_reach(points: Sequence[CurvePoint], reach: Reach, rule: Threshold) -> Reason | None:
    """How many more rows would reach what is good enough by the probe's curve, or that none that can be had will.

    The fine-tuned model is taken to remove the same share of the probe's errors whatever the rows. Nothing is said where the rows
    of today are enough, or too few to draw a curve.
    """
    metric = reach.metric
    lacking = [-metric.gain(metric.best, point.score.point) for point in points]
    curve = fit_curve([point.rows for point in points], lacking, highest=0.0)
    if curve is None:
        return None
    share, way = 0.0, "linear probe"
    room = metric.gain(metric.best, reach.probe)
    if reach.fine_tuned is not None and room > 0:
        share, way = metric.gain(reach.fine_tuned, reach.probe) / room, "fine-tuned model"
    wanted = target_for_probe(reach.target, min(max(share, 0.0), 0.99), metric)
    more = rows_to_reach(curve, reach.train_rows, -metric.gain(metric.best, wanted), rule.value)
    if more == 0:
        return None
    rows = rule.value * reach.train_rows if more is None else _rounded(more)
    values = {"limit": f"{reach.target:.3f}", "name": way, "value": shown(rows, "number")}
    return Reason(code="more_rows", because=fill(rule.flip if more is None else rule.because, **values))


def _rounded(rows: int) -> int:
    """Two figures: no curve tells more."""
    step: int = 10 ** max(len(str(rows)) - 2, 0)
    return round(rows / step) * step


def _guidance(measuring: Measuring) -> Iterator[Reason]:
    level, rule = expertise_level(measuring.answers.expertise), measuring.rules.decision.thresholds["guided"]
    if level < rule.value:
        yield Reason(code="guided", because=fill(rule.because, value=shown(level, "number")))
