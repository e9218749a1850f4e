"""How good forecasts and estimates were, over judged cells. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from advisor.backtest.judgement import JudgedCell
from pipeline.evaluation.intervals import wilson
from pipeline.records import Interval


@dataclass(frozen=True)
class ForecastAccuracy:
    """How good forecasts of the score were.

    Attributes:
        cells: With a forecast.
        error: Mean absolute error in points.
        coverage: Share of outcomes inside the interval, with its Wilson interval.
        width: Mean width of the interval in points.
        brier: Mean squared error of the probability of a useful gain; 0.25 is what "one in two" gets.
    """

    cells: int
    error: float
    coverage: Interval
    width: float
    brier: float


@dataclass(frozen=True)
class CostAccuracy:
    """How good estimates of cost were, as shares of what was taken.

    Attributes:
        cells: With an estimate.
        memory: Mean absolute error of the peak.
        memory_under: How far the worst estimate lay below the peak; negative where none did.
        processor: Mean absolute error of the processor seconds of the steps that were really taken.
        steps: Mean share of the planned steps that were taken.
    """

    cells: int
    memory: float
    memory_under: float
    processor: float
    steps: float


def forecast_accuracy(cells: Sequence[JudgedCell]) -> ForecastAccuracy | None:
    """Over the cells with a forecast; None where there is none."""
    told = [(cell, cell.forecast) for cell in cells if cell.forecast is not None]
    if not told:
        return None
    errors, widths, inside, squares = [], [], 0, []
    for cell, forecast in told:
        happened = cell.outcome.arms.fine_tuned.score.score
        points = abs(cell.useful / float(cell.outcome.case["useful_gain"]))
        expected = forecast.score
        errors.append(points * abs(expected.point - happened))
        widths.append(points * (expected.high - expected.low))
        inside += expected.low <= happened <= expected.high
        squares.append((forecast.probability_of_useful_gain - (cell.chosen_gain >= cell.useful)) ** 2)
    return ForecastAccuracy(
        cells=len(told),
        error=float(np.mean(errors)),
        coverage=wilson(inside, len(told)),
        width=float(np.mean(widths)),
        brier=float(np.mean(squares)),
    )


def cost_accuracy(cells: Sequence[JudgedCell]) -> CostAccuracy | None:
    """Over the cells with a forecast; None where there is none."""
    memory, processor, steps = [], [], []
    for cell in cells:
        arm, expected = cell.outcome.arms.fine_tuned, cell.outcome.expected_train_cpu_seconds
        if cell.forecast is None or expected is None:
            continue
        memory.append(cell.forecast.peak_memory_bytes / arm.peak_memory_bytes - 1)
        processor.append(expected / max(arm.train_cpu_seconds, 1e-9) - 1)
        steps.append(arm.steps / max(arm.planned_steps, 1))
    if not memory:
        return None
    return CostAccuracy(
        cells=len(memory),
        memory=float(np.abs(memory).mean()),
        memory_under=float(-np.min(memory)),
        processor=float(np.abs(processor).mean()),
        steps=float(np.mean(steps)),
    )
