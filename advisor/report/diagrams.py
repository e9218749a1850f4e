"""Where the parts of square drawings lie: the learning curve, how sure against how right, how much answered against how right."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from advisor.records import LearningCurve
from advisor.report.scale import Scale
from advisor.report.wording import say_count, say_many, say_probability, say_range, say_score
from pipeline.records import Forecast, Interval, Outcome
from pipeline.results import Abstention, Calibration

LEFT, RIGHT = 12.0, 97.0
"""Percent of the width between which points lie."""
TOP, BOTTOM = 14.0, 206.0
"""Pixels from the top between which points lie."""
WHOLE, UPPER_HALF = (0.0, 0.25, 0.5, 0.75, 1.0), (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Grid lines of axes from nought and from one half."""


@dataclass(frozen=True)
class Point:
    """A share with its interval; `x` in percent, the rest in pixels from the top."""

    x: float
    y: float
    low: float
    high: float
    shown: str


@dataclass(frozen=True)
class Named:
    """A point of another kind, with what it is called."""

    name: str
    point: Point


@dataclass(frozen=True)
class Mark:
    """A line of the grid with its number."""

    at: float
    shown: str


@dataclass(frozen=True)
class Diagram:
    """Points in a square of shares.

    Attributes:
        title: What is drawn.
        across: What the horizontal axis is.
        up: What the vertical axis is.
        points: From left to right.
        columns: Grid lines across, in percent.
        lines: Grid lines up, in pixels.
        diagonal: Ends of the line on which points should lie: x, y, x, y; None where there is no such line.
        joined: Whether the points are joined by a line.
        beside: Points of another kind, drawn apart.
    """

    title: str
    across: str
    up: str
    points: Sequence[Point]
    columns: Sequence[Mark]
    lines: Sequence[Mark]
    diagonal: tuple[float, float, float, float] | None
    joined: bool
    beside: Sequence[Named] = field(default_factory=list)


def plot_learning(
    curve: LearningCurve, metric: str, train_rows: int, forecast: Forecast | None, outcome: Outcome | None
) -> Diagram:
    """The probe's score by the rows that it learned from, and what was forecast and came of fine-tuning on all of them."""
    told = [("forecast", forecast.score)] if forecast else []
    told += [("outcome", outcome.score)] if outcome else []
    reaches = [each.score for each in curve.points] + [score for _, score in told]
    scale = Scale.over(end for each in reaches for end in (each.low, each.point, each.high))
    first, last = curve.points[0].rows, max(curve.points[-1].rows, train_rows)
    x = [LEFT + 4 + (RIGHT - LEFT - 20) * _doublings(each.rows, first, last) for each in curve.points]
    points = [
        _reaching(at, each.score, scale, f"{say_many(each.rows, 'row')}: {say_score(each.score.point)}")
        for at, each in zip(x, curve.points, strict=True)
    ]
    beside = [
        Named(name, _reaching(RIGHT - 9 + 6 * place, score, scale, _say_told(name, score)))
        for place, (name, score) in enumerate(told)
    ]
    return Diagram(
        title="Learning curve",
        across="rows to learn from, doubling",
        up=f"{metric} of the linear probe",
        points=points,
        columns=[Mark(round(at, 2), say_count(each.rows)) for at, each in zip(x, curve.points, strict=True)],
        lines=[Mark(_pixel(scale, value), f"{value:g}") for value in scale.ticks],
        diagonal=None,
        joined=True,
        beside=beside,
    )


def _say_told(name: str, score: Interval) -> str:
    return f"{name} of the fine-tuned model: {say_score(score.point)}, {say_range(score.low, score.high)}"


def _doublings(rows: int, first: int, last: int) -> float:
    return math.log(rows / first) / math.log(last / first) if last > first else 0.0


def _reaching(x: float, score: Interval, scale: Scale, shown: str) -> Point:
    low, high = (score.low, score.high) if score.shown else (score.point, score.point)
    return Point(round(x, 2), _pixel(scale, score.point), _pixel(scale, low), _pixel(scale, high), shown)


def _pixel(scale: Scale, value: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * scale.share(value), 1)


def plot_reliability(found: Calibration) -> Diagram:
    """Each bin's confidence against the share that is right; a calibrated model lies on the diagonal."""
    low = _floor([each.confidence for each in found.bins] + [each.low for each in found.bins])
    points = [
        Point(
            x=_x(each.confidence, low),
            y=_y(each.right, low),
            low=_y(each.low, low),
            high=_y(each.high, low),
            shown=f"says {say_probability(each.confidence)}, is right {say_probability(each.right)}, {say_many(each.rows, 'row')}",
        )
        for each in found.bins
    ]
    diagonal = (_x(low, low), _y(low, low), _x(1.0, low), _y(1.0, low))
    return _diagram("Says and does", ("how sure it says it is", "how often it is right"), points, low, diagonal)


def plot_abstentions(found: Sequence[Abstention]) -> Diagram:
    """How many of the answered rows are right, against how many are answered."""
    low = _floor([each.low for each in found])
    points = [
        Point(
            x=_x(each.coverage, 0.0),
            y=_y(each.right, low),
            low=_y(each.low, low),
            high=_y(each.high, low),
            shown=f"{say_probability(each.coverage)} answered, {say_probability(each.right)} of those right",
        )
        for each in sorted(found, key=lambda each: each.coverage)
    ]
    return _diagram("Answer less, be right more often", ("rows that are answered", "right of those"), points, low, None)


def _diagram(
    title: str,
    axes: tuple[str, str],
    points: Sequence[Point],
    low: float,
    diagonal: tuple[float, float, float, float] | None,
) -> Diagram:
    first = low if diagonal else 0.0
    return Diagram(
        title=title,
        across=axes[0],
        up=axes[1],
        points=points,
        columns=[Mark(_x(share, first), say_probability(share)) for share in _shares(first)],
        lines=[Mark(_y(share, low), say_probability(share)) for share in _shares(low)],
        diagonal=diagonal,
        joined=diagonal is None,
    )


def _shares(low: float) -> tuple[float, ...]:
    return UPPER_HALF if low else WHOLE


def _floor(values: Sequence[float]) -> float:
    """The share at which axes begin: 0, or one half where all is above it."""
    return 0.5 if min(values, default=0.0) >= 0.5 else 0.0


def _x(share: float, low: float) -> float:
    return round(LEFT + (RIGHT - LEFT) * (share - low) / (1 - low), 2)


def _y(share: float, low: float) -> float:
    return round(BOTTOM - (BOTTOM - TOP) * (share - low) / (1 - low), 1)
