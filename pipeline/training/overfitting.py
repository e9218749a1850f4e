"""How much better a model answers the rows that it was trained on: what it learned by heart, with a verdict outside noise."""

import math

import numpy as np

from pipeline.evaluation.comparison import say_amount
from pipeline.evaluation.intervals import SURE, standard_error
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.records import Overfitting
from pipeline.task import Array, Rows
from pipeline.training.job import TrainingJob

MUCH = 0.1
"""Share of all that there is to gain on validation rows from which on a sure gap is called large; set by us."""
MEND = "More rows would close it, or under [training] more `weight_decay`, `dropout` or `l2_sp`, or fewer `epochs`."


def measure_overfitting(job: TrainingJob, tuned: FineTuned) -> Overfitting:
    """Score as many of the training rows as there are validation rows, and compare.

    The validation rows chose the epoch, so that the gap is, if anything, a little larger.
    """
    count = min(len(job.train), len(job.validation))
    drawn = np.random.default_rng(job.seed).permutation(len(job.train))[:count]
    learned, held_out = (score_statistics(job, tuned, rows) for rows in (job.train.take(drawn), job.validation))
    ours, theirs = job.metric.score(learned), job.metric.score(held_out)
    noise = math.hypot(*(standard_error(job.metric, each, job.seed) for each in (learned, held_out)))
    gap = job.metric.gain(ours, theirs)
    return Overfitting(
        rows=count,
        train_score=ours,
        validation_score=theirs,
        gap=gap,
        gap_standard_error=noise,
        because=_because(job, gap, noise, abs(job.metric.gain(job.metric.best, theirs))),
    )


def score_statistics(job: TrainingJob, tuned: FineTuned, rows: Rows) -> Array:
    """What the score of some rows is made of."""
    answers = tuned(rows).answers
    return job.metric.statistics(rows.answers, answers, job.classes)


def _because(job: TrainingJob, gap: float, noise: float, room: float) -> str:
    facts = job.metric.facts
    if gap <= SURE * noise:
        return (
            "Rows that it was trained on are not answered surely better than validation rows: "
            f"the gap is {say_amount(max(gap, 0.0), facts)}, and chance alone makes up to {say_amount(SURE * noise, facts)}."
        )
    much = gap > MUCH * room and room > 0
    return (
        f"Rows that it was trained on are answered better than validation rows by {say_amount(gap, facts)}, "
        f"more than the {say_amount(SURE * noise, facts)} that chance makes: part of them was learned by heart."
        f"{f' {MEND}' if much else ''}"
    )
