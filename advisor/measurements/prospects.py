"""What more rows and better labels would bring, told by the linear probe on rows that it did not see."""

import functools
import time
from collections.abc import Callable, Collection

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import CurvePoint, LabelMending, LearningCurve, Prospects
from pipeline.evaluation.intervals import difference_interval, score_interval
from pipeline.task import Answer, Array, Fit, Predictions

Advance = Callable[[int, int], None]
HALVINGS = 3
"""So many times the rows are halved at most."""
FEWEST_ROWS = 16
"""Rows below which no probe is fitted."""


def measure_prospects(bench: Bench, fit: Fit, doubtful: Collection[str], advance: Advance) -> Prospects:
    """The learning curve, and what the rows whose answers are doubted cost.

    Args:
        bench: Rows and folds.
        fit: Of the probe.
        doubtful: Ids of the rows whose answers are probably wrong.
        advance: Told how many fits are done.
    """
    begun = time.perf_counter()
    return Prospects(
        curve=measure_curve(bench, fit, advance),
        mending=measure_mending(bench, fit, doubtful),
        seconds=time.perf_counter() - begun,
    )


def measure_curve(bench: Bench, fit: Fit, advance: Advance) -> LearningCurve | None:
    """Fit to all rows of each fold, to half of them, a quarter and an eighth; None where not even half would do.

    The smaller parts lie in the larger ones and are drawn at random, as rows that somebody labels would come.
    """
    fewest = max(FEWEST_ROWS, 2 * len(bench.classes))
    learned = round(np.mean([len(bench.rows) - len(held_out) for held_out in bench.folds[0]]))
    halvings = [times for times in range(HALVINGS, -1, -1) if learned >> times >= fewest]
    if len(halvings) < 2:
        return None
    found: dict[int, Predictions] = {}
    for place, times in enumerate(halvings):
        advance(place, len(halvings))
        found[times] = _held_out(bench, fit, functools.partial(_part, bench.seed, times))
    truth, metric = bench.rows.answers, bench.metric
    statistics = {times: metric.statistics(truth, each.answers, bench.classes) for times, each in found.items()}
    return LearningCurve(
        points=[
            CurvePoint(rows=learned >> times, score=score_interval(metric, [statistics[times]], bench.seed))
            for times in halvings
        ],
        last_doubling=difference_interval(metric, statistics[0], statistics[1]),
        class_gains=_class_gains(bench, found[0], found[1]),
    )


def measure_mending(bench: Bench, fit: Fit, doubtful: Collection[str]) -> LabelMending | None:
    """Fit to the rows of each fold with and without those whose answers are probably wrong; None where there are none.

    Both are scored on all held-out rows as they are labelled, wrong labels too, so that the gain is rather too small.
    """
    places = np.array([row for row, key in enumerate(bench.rows.ids) if key in set(doubtful)], dtype=int)
    if not len(places):
        return None
    truth, metric = bench.rows.answers, bench.metric
    without, with_all = (
        metric.statistics(truth, _held_out(bench, fit, functools.partial(_all_but, dropped)).answers, bench.classes)
        for dropped in (places, places[:0])
    )
    return LabelMending(
        rows=len(places),
        gain=difference_interval(metric, without, with_all),
    )


def _part(seed: int, halvings: int, fold: int, seen: Array) -> Array:
    drawn = np.random.default_rng([seed, fold]).permutation(seen)[: len(seen) >> halvings]
    return np.sort(drawn)


def _all_but(dropped: Array, _fold: int, seen: Array) -> Array:
    return np.setdiff1d(seen, dropped)


def _held_out(bench: Bench, fit: Fit, choose: Callable[[int, Array], Array]) -> Predictions:
    """Answers for every row by a fit that did not see it, and of the others only those that are chosen for its fold."""
    answers: dict[int, Answer] = {}
    everything = np.arange(len(bench.rows))
    for fold, held_out in enumerate(bench.folds[0]):
        chosen = choose(fold, np.setdiff1d(everything, held_out))
        predictions = fit(bench.rows.take(chosen), bench.seed)(bench.rows.take(held_out))
        answers.update(zip(held_out.tolist(), predictions.answers, strict=True))
    return Predictions(bench.rows.ids, tuple(answers[place] for place in range(len(bench.rows))))


def _class_gains(bench: Bench, whole: Predictions, half: Predictions) -> dict[str, float]:
    """How much the F1 of each class differs between two sets of answers."""
    if not bench.classes:
        return {}
    scores = [
        {
            one.label: one.f1
            for one in bench.task.analyse_errors(bench.rows, *pair, bench.classes, show_rows=False).by_class
        }
        for pair in ((whole, half), (half, whole))
    ]
    return {label: score - scores[1].get(label, 0.0) for label, score in scores[0].items()}
