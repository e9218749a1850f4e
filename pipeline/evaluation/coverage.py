"""From how many rows on an interval is shown: where simulation says that it holds the true value as often as it should.

The figures come from `tests/benchmarks/coverage.py`, which draws rows from ways of many true qualities and asks how often the 95 %
interval held the true value, in 2,040 simulated intervals each (600 of the areas from 200 rows on, and of rank correlation on 500): a
share is told to within one point, or two. They are shares in percent over all true values, the least favourable setting of several. An
interval is left out where its share misses what is asked; where a larger number of rows was not simulated, as 500 for the area under
precision and recall, it is taken to hold there as well as on the most that were.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

LEAST_AT_50, LEAST, MOST = 90.0, 92.0, 98.0
"""What is asked of an interval on 50 rows, and the range that is asked from 100 rows on."""
CLASS_F1, TAG_F1 = "class_f1", "tag_f1"
"""F1 of one class or type of span, whose rows are those of the class; and of one tag of words, which share their sentences."""


class Held(NamedTuple):
    """How often the interval of the score, and that of the difference of two ways, held the true value."""

    score: float
    difference: float


SIMULATED: Mapping[str, Mapping[int, Held]] = {
    "accuracy": {50: Held(93.8, 95.9), 100: Held(94.6, 94.1), 200: Held(94.5, 95.3), 500: Held(94.1, 95.3)},
    "balanced_accuracy": {50: Held(90.5, 94.9), 100: Held(91.4, 93.6), 200: Held(93.3, 95.4), 500: Held(94.6, 94.7)},
    "macro_f1": {50: Held(97.0, 95.9), 100: Held(94.7, 94.3), 200: Held(95.1, 95.5), 500: Held(94.2, 94.8)},
    "weighted_f1": {50: Held(96.9, 96.0), 100: Held(94.0, 94.1), 200: Held(95.4, 95.3), 500: Held(94.0, 95.2)},
    "mcc": {50: Held(92.2, 95.6), 100: Held(94.1, 94.0), 200: Held(94.8, 95.4), 500: Held(94.4, 95.3)},
    "macro_precision": {50: Held(92.1, 95.8), 100: Held(94.5, 94.3), 200: Held(95.0, 95.3), 500: Held(94.1, 95.2)},
    "macro_recall": {50: Held(94.3, 94.9), 100: Held(92.0, 93.6), 200: Held(93.3, 95.4), 500: Held(94.6, 94.7)},
    "expected_cost": {50: Held(88.3, 93.3), 100: Held(91.8, 94.1), 200: Held(93.8, 94.8), 500: Held(95.2, 95.1)},
    "micro_f1": {50: Held(96.0, 95.0), 100: Held(95.6, 94.8), 200: Held(95.6, 95.3), 500: Held(95.1, 95.0)},
    "micro_precision": {50: Held(96.1, 94.5), 100: Held(95.8, 95.0), 200: Held(95.5, 95.6), 500: Held(94.7, 94.0)},
    "micro_recall": {50: Held(96.4, 95.6), 100: Held(95.0, 94.4), 200: Held(95.5, 94.5), 500: Held(95.5, 95.4)},
    "span_f1": {50: Held(95.4, 95.4), 100: Held(95.1, 94.5), 200: Held(95.4, 95.0), 500: Held(95.6, 95.1)},
    "span_precision": {50: Held(96.5, 95.0), 100: Held(95.9, 94.8), 200: Held(94.8, 94.6), 500: Held(95.2, 94.8)},
    "span_recall": {50: Held(95.7, 94.4), 100: Held(94.9, 95.3), 200: Held(95.8, 95.2), 500: Held(94.8, 94.9)},
    "rmse": {50: Held(91.8, 94.7), 100: Held(91.4, 94.4), 200: Held(92.8, 95.9), 500: Held(93.3, 94.9)},
    "mse": {50: Held(91.8, 94.4), 100: Held(91.4, 94.6), 200: Held(92.8, 95.7), 500: Held(93.3, 95.3)},
    "mae": {50: Held(95.1, 95.3), 100: Held(95.0, 95.4), 200: Held(95.8, 95.9), 500: Held(95.4, 94.2)},
    "r2": {50: Held(93.4, 95.3), 100: Held(94.0, 95.2), 200: Held(93.7, 96.4), 500: Held(93.2, 95.1)},
    "pearson": {50: Held(94.1, 95.7), 100: Held(94.2, 94.8), 200: Held(92.9, 93.9), 500: Held(94.6, 94.6)},
    "log_loss": {50: Held(93.3, 95.3), 100: Held(93.8, 94.7), 200: Held(94.3, 95.0), 500: Held(94.4, 94.6)},
    "brier": {50: Held(93.3, 95.3), 100: Held(94.0, 94.9), 200: Held(95.0, 94.9), 500: Held(95.0, 95.0)},
    "spearman": {50: Held(95.7, 96.7), 100: Held(95.9, 96.3), 200: Held(94.4, 96.0), 500: Held(93.7, 95.7)},
    "roc_auc": {50: Held(96.9, 96.0), 100: Held(94.8, 94.8), 200: Held(94.5, 93.7), 500: Held(94.3, 96.3)},
    "pr_auc": {50: Held(96.0, 95.3), 100: Held(93.2, 95.4), 200: Held(93.8, 92.8)},
    "class_f1": {
        10: Held(95.5, 92.6),
        20: Held(94.1, 93.9),
        50: Held(94.6, 94.5),
        100: Held(94.1, 94.2),
        200: Held(94.0, 94.0),
        500: Held(94.3, 93.9),
    },
    "tag_f1": {
        10: Held(90.7, 91.6),
        20: Held(88.7, 89.0),
        50: Held(87.6, 88.9),
        100: Held(89.2, 88.6),
        200: Held(87.3, 88.2),
        500: Held(87.3, 88.4),
    },
}
"""Score, then rows, then the shares that were found."""


def fewest_rows(metric: str, what: Literal["score", "difference"]) -> int | None:
    """Rows from which on no simulated number of rows missed what is asked; None where the most did, or nothing was simulated."""
    fewest = None
    for rows in sorted(SIMULATED.get(metric, {}), reverse=True):
        found = getattr(SIMULATED[metric][rows], what)
        least, most = (LEAST_AT_50, 100.0) if rows < 100 else (LEAST, MOST)
        if not least <= found <= most:
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
