"""From how many rows on an interval is shown: where simulation says that it holds the true value as often as it should.

The figures come from `tests/benchmarks/coverage.py`, which draws rows from ways of many true qualities and asks how often the 95 %
interval held the true value. They are shares in percent over all true values, the least favourable setting of several. So many
simulations tell a share to within three points only: an interval is left out where its share surely misses what is asked.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from pipeline.evaluation.intervals import wilson

LEAST_AT_50, LEAST, MOST = 90.0, 92.0, 98.0
"""What is asked of an interval on 50 rows, and the range that is asked from 100 rows on."""
TRIALS = 360
"""Simulated intervals behind each share; some scores that are slow to resample had half as many."""


class Held(NamedTuple):
    """How often the interval of the score, and that of the difference of two ways, held the true value."""

    score: float
    difference: float


SIMULATED: Mapping[str, Mapping[int, Held]] = {
    "accuracy": {50: Held(93.9, 93.2), 100: Held(93.9, 94.2), 200: Held(95.2, 96.3), 500: Held(93.7, 94.9)},
    "balanced_accuracy": {50: Held(90.3, 89.9), 100: Held(90.8, 88.6), 200: Held(94.2, 92.5), 500: Held(94.3, 94.8)},
    "macro_f1": {50: Held(97.2, 93.3), 100: Held(94.4, 93.8), 200: Held(91.7, 95.6), 500: Held(93.8, 95.1)},
    "weighted_f1": {50: Held(96.1, 93.1), 100: Held(92.9, 95.8), 200: Held(95.7, 96.4), 500: Held(94.1, 94.6)},
    "mcc": {50: Held(91.4, 93.3), 100: Held(93.6, 93.4), 200: Held(96.4, 96.1), 500: Held(94.2, 94.9)},
    "macro_precision": {50: Held(90.6, 93.1), 100: Held(94.4, 93.9), 200: Held(95.6, 95.3), 500: Held(93.9, 95.6)},
    "macro_recall": {50: Held(92.5, 88.9), 100: Held(91.1, 88.6), 200: Held(94.2, 92.5), 500: Held(94.3, 94.8)},
    "spearman": {50: Held(96.4, 96.7), 100: Held(96.1, 95.8), 200: Held(93.6, 92.5)},
    "roc_auc": {50: Held(97.0, 87.9), 100: Held(95.7, 89.7), 200: Held(96.2, 89.3)},
    "micro_f1": {50: Held(98.1, 96.4), 100: Held(96.7, 94.2), 200: Held(92.8, 94.7)},
    "micro_precision": {50: Held(96.9, 93.1), 100: Held(96.4, 95.3), 200: Held(95.8, 92.8)},
    "micro_recall": {50: Held(97.2, 94.4), 100: Held(94.4, 92.2), 200: Held(93.3, 93.6)},
    "span_f1": {50: Held(94.7, 94.7), 100: Held(95.0, 95.3), 200: Held(94.7, 95.6)},
    "span_precision": {50: Held(95.3, 94.4), 100: Held(96.1, 93.9), 200: Held(94.2, 95.0)},
    "span_recall": {50: Held(96.1, 94.7), 100: Held(93.9, 95.8)},
    "pr_auc": {50: Held(95.8, 86.7)},
    "rmse": {50: Held(89.7, 91.1), 100: Held(90.3, 92.8), 200: Held(94.7, 92.5)},
    "mse": {50: Held(89.7, 90.3), 100: Held(90.3, 92.5), 200: Held(94.7, 91.7)},
    "mae": {50: Held(96.1, 95.3), 100: Held(96.1, 96.1), 200: Held(96.1, 96.4)},
    "r2": {50: Held(93.6, 91.9), 100: Held(92.2, 91.7), 200: Held(94.4, 92.8)},
    "pearson": {50: Held(96.9, 94.4), 100: Held(93.9, 91.7), 200: Held(93.1, 92.8)},
    "expected_cost": {50: Held(87.5, 89.4), 100: Held(90.6, 89.7), 200: Held(92.2, 94.7), 500: Held(95.3, 93.9)},
    "brier": {50: Held(93.3, 92.2), 100: Held(93.6, 93.6), 200: Held(95.3, 91.7), 500: Held(95.6, 95.3)},
    "log_loss": {50: Held(93.6, 92.5), 100: Held(93.3, 92.5), 200: Held(94.4, 92.8)},
}
"""Score, then rows, then the shares that were found."""


def fewest_rows(metric: str, what: Literal["score", "difference"]) -> int | None:
    """Rows from which on no simulated number of rows surely missed what is asked; None where all did, or nothing was simulated."""
    fewest = None
    for rows in sorted(SIMULATED.get(metric, {}), reverse=True):
        found = getattr(SIMULATED[metric][rows], what)
        share = wilson(round(found / 100 * TRIALS), TRIALS)
        least, most = (LEAST_AT_50, 100.0) if rows < 100 else (LEAST, MOST)
        if 100 * share.high < least or 100 * share.low > most:
            break
        fewest = rows
    return fewest


def why_no_interval(metric: str, rows: int, what: Literal["score", "difference"]) -> str:
    """Why no interval is shown for a score, or a difference of scores, on so many rows; empty where one is."""
    fewest = fewest_rows(metric, what)
    of = "a difference of this score" if what == "difference" else "this score"
    if fewest is None:
        return f"No interval: simulated intervals of {of} held the true value too seldom, or were not simulated."
    if rows >= fewest:
        return ""
    return f"No interval: on fewer than {fewest} rows simulated intervals of {of} held the true value too seldom, and there are {rows}."
