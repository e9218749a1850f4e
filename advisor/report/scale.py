"""The scale that scores with their intervals are drawn on, in the terminal and on the page."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

STEPS = (1, 2, 2.5, 5)
"""Distances between ticks that a person reads at once, times a power of ten."""
FINEST = -2
MOST_TICKS = 6


@dataclass(frozen=True)
class Scale:
    """A part of the line of scores; its ends are ticks."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Iterable[float]) -> "Scale":
        """The shortest scale of round ticks that holds all values."""
        held = list(values) or [0.0, 1.0]
        low, high = min(held), max(held)
        power = max(math.floor(math.log10(max(high - low, 1e-9) / (MOST_TICKS - 1))), FINEST)
        sizes = (step * 10.0**exponent for exponent in (power, power + 1) for step in STEPS)
        step = next(round(size, 6) for size in sizes if (high - low) / size <= MOST_TICKS - 1)
        first = math.floor(round(low / step, 6))
        last = max(math.ceil(round(high / step, 6)), first + 1)
        return cls(round(first * step, 6), round(last * step, 6), step)

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high end."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def ticks(self) -> Sequence[float]:
        """The round values on it."""
        return [
            round(self.low + place * self.step, 6) for place in range(round((self.high - self.low) / self.step) + 1)
        ]

    def place(self, value: float, columns: int) -> int:
        """The column of a line of text that a value falls on."""
        return round(self.share(value) * (columns - 1))


def draw_whisker(
    scale: Scale, columns: int, score: tuple[float, float, float], line: float | None, signs: dict[str, str]
) -> str:
    """One interval as a line of text.

    Args:
        scale: What the columns stand for.
        columns: How many there are.
        score: The score and the two ends of its interval.
        line: A score to mark.
        signs: Characters for `line`, `dot` and `mark`.
    """
    point, low, high = score
    drawn = [" "] * columns
    if line is not None:
        drawn[scale.place(line, columns)] = signs["mark"]
    for column in range(scale.place(low, columns), scale.place(high, columns) + 1):
        drawn[column] = signs["line"]
    drawn[scale.place(point, columns)] = signs["dot"]
    return "".join(drawn)
