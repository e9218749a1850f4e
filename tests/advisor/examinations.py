"""What the sealed rows tell beside the scores, made up for the reports."""

from typing import Any

from pipeline.evaluation.metrics import MACRO_F1
from pipeline.records import Interval, MetricFacts
from pipeline.results import (
    Abstention,
    Calibration,
    Difference,
    Disturbance,
    ErrorCase,
    Neighbour,
    ReliabilityBin,
    Robustness,
    ScoreLine,
    Slice,
    Slices,
    Suspect,
)


def metric_facts(name: str, title: str, unit: str = "points", *, higher_is_better: bool = True) -> MetricFacts:
    highest = 1.0 if higher_is_better else None
    return MetricFacts(
        name=name, title=title, higher_is_better=higher_is_better, lowest=0.0, highest=highest, unit=unit
    )


def case(text: str, truth: str, answer: str, rival: str, near: str = "") -> ErrorCase:
    neighbours = [Neighbour(text=near, truth=answer, similarity=0.91)] if near else []
    return ErrorCase(
        row_id="r-7", text=text, truth=truth, answer=answer, confidence=0.81, rival=rival, neighbours=neighbours
    )


def examined(said: str = "Where is my parcel?", label: str = "delivery") -> dict[str, Any]:
    """What the sealed rows tell beside the scores, with these words wherever the data has a word."""
    near = Interval(point=0.31, low=0.22, high=0.41)
    steady = Difference(point=0.021, low=-0.004, high=0.047, p=0.11, standard_error=0.013)
    return {
        "best": [case(said, label, label, label)],
        "mended_rows": [case(said, label, label, "refund")],
        "broken_rows": [case(said, label, "refund", label, near=said)],
        "suspects": [Suspect(row_id="r-9", text=said, truth=label, suggested="refund", margin=0.4)],
        "suspected": 12,
        "slices": Slices(
            tested=41,
            fewest_rows=20,
            measure="share of rows answered wrong",
            worst=[Slice(kind="source", name=said, rows=84, error=near, rest=0.11, p=0.0001, p_holm=0.004)],
            because="One slice is worse beyond chance, of 41 that were tested, corrected for their number.",
        ),
        "calibration": Calibration(
            temperature=1.62,
            of="the answer being right",
            bins=[
                ReliabilityBin(rows=60, confidence=0.55, right=0.5, low=0.377, high=0.623),
                ReliabilityBin(rows=60, confidence=0.97, right=0.95, low=0.863, high=0.983),
            ],
            expected_error=0.034,
            expected_by_chance=0.027,
            expected_untempered=0.081,
        ),
        "abstentions": [
            Abstention(threshold=0.0, coverage=1.0, rows=600, right=0.87, low=0.84, high=0.895),
            Abstention(threshold=0.7, coverage=0.78, rows=468, right=0.95, low=0.926, high=0.966),
        ],
        "robustness": Robustness(
            rows=300,
            disturbances=[
                Disturbance(
                    kind="typos", what="a slip", changed=290, before=0.87, after=0.849, drop=steady, p_holm=0.22
                )
            ],
            left_out="Paraphrases were not tried: there are templates for English texts only.",
            seconds=4.2,
        ),
        "seconds": 6.5,
    }


def score_lines() -> list[ScoreLine]:
    """Some scores, of which one has no interval and one no rival."""
    ours, theirs = (
        Interval(point=point, low=point - 0.03, high=point + 0.03, standard_error=0.016) for point in (0.872, 0.823)
    )
    gain = Difference(point=0.049, low=0.016, high=0.080, p=None, standard_error=0.016)
    hidden = gain.model_copy(update={"why_no_interval": "No interval: too few rows."})
    losses = metric_facts("log_loss", "log loss", "loss", higher_is_better=False)
    return [
        ScoreLine(facts=MACRO_F1.facts, ours=ours, theirs=theirs, difference=gain),
        ScoreLine(facts=losses, ours=ours, theirs=None, difference=None),
        ScoreLine(
            facts=metric_facts("roc_auc", "ROC AUC"),
            ours=ours,
            theirs=theirs,
            difference=hidden,
            why_no_interval="No interval: too few rows.",
        ),
    ]
