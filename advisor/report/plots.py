"""Where the parts of each drawing lie: in percent of its width, so that it fits a phone with its text at full size."""

from collections.abc import Sequence
from dataclasses import dataclass

from advisor.records import LengthProfile
from advisor.report.blocks import Whisker
from advisor.report.contents import say_repetitions
from advisor.report.scale import Scale
from advisor.report.wording import explain_rival, say_many, say_range, say_score
from advisor.rulebook import say_way
from pipeline.records import EpochLog, Forecast, Outcome, Score

MARGIN = 3.0
"""Percent left free on both sides, so that marks and numbers at the ends are whole."""
TOP, BOTTOM = 16.0, 132.0
"""Pixels between which a curve runs."""


MOST_NAMES = 4
HISTOGRAM_HEIGHT = 120.0
"""Pixels of the highest bar."""


@dataclass(frozen=True)
class Strip:
    """One interval on the shared scale."""

    title: str
    means: str
    note: str
    score: str
    interval: str
    point: float
    low: float
    high: float
    strong: bool


@dataclass(frozen=True)
class Tick:
    """A number on an axis."""

    at: float
    shown: str


@dataclass(frozen=True)
class Plot:
    """Intervals under each other, with ticks and a line to reach."""

    strips: Sequence[Strip]
    ticks: Sequence[Tick]
    line: float | None = None
    line_title: str = ""


@dataclass(frozen=True)
class Dot:
    """A point of a curve; `x` in percent, `y` in pixels."""

    x: float
    y: float
    shown: str
    epoch: str
    best: bool


@dataclass(frozen=True)
class Curve:
    """A quantity over the epochs."""

    title: str
    dots: Sequence[Dot]
    ticks: Sequence[Tick]
    """`at` in pixels from the top."""


@dataclass(frozen=True)
class HistogramBar:
    """One bar; `x` and `width` in percent, `height` in pixels; `cut` where no model at hand reads all of such a text."""

    x: float
    width: float
    height: float
    shown: str
    cut: bool


@dataclass(frozen=True)
class Histogram:
    """How many texts are how long, with lines where models cut them."""

    title: str
    bars: Sequence[HistogramBar]
    ticks: Sequence[Tick]
    limits: Sequence[Tick]
    notes: Sequence[str]


def plot_lengths(lengths: LengthProfile) -> Histogram:
    """Texts by their length, with the limits of the models where tokens were counted."""
    end, most = lengths.edges[-1], max(lengths.rows) or 1
    limits = lengths.limits if lengths.unit == "tokens" else {}
    furthest = max(limits, default=end)
    bars = [
        HistogramBar(
            x=round(100 * low / end, 2),
            width=round(max(100 * (high - low) / end - 0.4, 0.3), 2),
            height=round(HISTOGRAM_HEIGHT * rows / most, 1),
            shown=f"{low} to {high - 1} {lengths.unit}: {say_many(rows, 'text')}",
            cut=low >= furthest,
        )
        for low, high, rows in zip(lengths.edges[:-1], lengths.edges[1:], lengths.rows, strict=True)
    ]
    ticks = [Tick(round(100 * share, 1), f"{round(end * share):,}") for share in (0, 0.25, 0.5, 0.75, 1)]
    lines = [Tick(round(100 * limit / end, 2), str(limit)) for limit in limits if limit <= end]
    notes = [
        f"{limit:,} tokens: {_listed(names)}" + (" (beyond the last bar)" if limit > end else "")
        for limit, names in limits.items()
    ]
    longest = max((high for high, rows in zip(lengths.edges[1:], lengths.rows, strict=True) if rows), default=end)
    return Histogram(f"Texts by length, up to about {longest:,} {lengths.unit}", bars, ticks, lines, notes)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def plot_scores(scores: Sequence[Score], good_enough: float | None = None) -> Plot:
    """Ways to answer, each with its interval."""
    values = [value for score in scores for value in (score.low, score.score, score.high)]
    scale = Scale.over(values if good_enough is None else [*values, good_enough])
    strips = [
        Strip(
            title=say_way(score.name),
            means=explain_rival(score.name),
            note=" ".join(each for each in (score.note, say_repetitions(score), score.why_no_interval) if each),
            score=say_score(score.score),
            interval="–" if score.why_no_interval else say_range(score.low, score.high),
            point=_x(scale, score.score),
            low=_x(scale, score.score if score.why_no_interval else score.low),
            high=_x(scale, score.score if score.why_no_interval else score.high),
            strong=score.name == "fine_tuned",
        )
        for score in scores
    ]
    if good_enough is None:
        return Plot(strips, _ticks(scale))
    return Plot(strips, _ticks(scale), _x(scale, good_enough), f"good enough: {say_score(good_enough)}")


def plot_whiskers(whiskers: Sequence[Whisker]) -> Plot:
    """Intervals of any kind on one scale."""
    scale = Scale.over(value for each in whiskers for value in (each.low, each.score, each.high))
    strips = [
        Strip(
            title=each.title,
            means=each.note,
            note="",
            score=say_score(each.score),
            interval=say_range(each.low, each.high) if each.interval else "–",
            point=_x(scale, each.score),
            low=_x(scale, each.low),
            high=_x(scale, each.high),
            strong=each.strong,
        )
        for each in whiskers
    ]
    return Plot(strips, _ticks(scale))


def plot_forecast(forecast: Forecast, outcome: Outcome | None) -> Plot:
    """The score that was forecast, above the one that came."""
    ranges = [("forecast", f"{100 * forecast.score.level:.0f} % interval, before training", forecast.score, False)]
    if outcome is not None:
        ranges.append(("outcome", f"{100 * outcome.score.level:.0f} % interval, sealed rows", outcome.score, True))
    scale = Scale.over(value for _, _, score, _ in ranges for value in (score.low, score.point, score.high))
    strips = [
        Strip(
            title=title,
            means=means,
            note="",
            score=say_score(score.point),
            interval=say_range(score.low, score.high),
            point=_x(scale, score.point),
            low=_x(scale, score.low),
            high=_x(scale, score.high),
            strong=strong,
        )
        for title, means, score, strong in ranges
    ]
    return Plot(strips, _ticks(scale))


def plot_epochs(epochs: Sequence[EpochLog], best_epoch: float, metric: str) -> list[Curve]:
    """Validation score and training loss over the epochs."""
    if not epochs:
        return []
    scores = [log.validation_score for log in epochs]
    return [
        _curve(f"{metric} on validation rows", epochs, scores, best_epoch),
        _curve("Loss on training rows", epochs, [log.loss for log in epochs], best_epoch),
    ]


def _curve(title: str, epochs: Sequence[EpochLog], values: Sequence[float], best_epoch: float) -> Curve:
    low, high = min(values), max(values)
    span = high - low or 1.0
    first, last = epochs[0].epoch, epochs[-1].epoch
    dots = [
        Dot(
            x=19 + 75 * ((log.epoch - first) / (last - first) if last > first else 0.5),
            y=round(BOTTOM - (BOTTOM - TOP) * (value - low) / span, 1),
            shown=say_score(value),
            epoch=f"{log.epoch:g}",
            best=log.epoch == best_epoch,
        )
        for log, value in zip(epochs, values, strict=True)
    ]
    return Curve(title, dots, [Tick(BOTTOM, say_score(low)), *([Tick(TOP, say_score(high))] if high > low else [])])


def _x(scale: Scale, value: float) -> float:
    return round(MARGIN + (100 - 2 * MARGIN) * scale.share(value), 2)


def _ticks(scale: Scale) -> list[Tick]:
    return [Tick(_x(scale, value), f"{value:g}") for value in scale.ticks]
