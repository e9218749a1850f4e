"""How fast training goes, how long it still takes, and how that stands against the forecast."""

from dataclasses import dataclass
from typing import Any

from pipeline.records import STEPWISE, Forecast

LATE = 1.1
"""So many times the seconds that were forecast, a run is told to take longer; set by us."""


@dataclass
class _Round:
    """Which of several like trainings this is: seeds, settings, strategies that are tried, or folds."""

    number: int = 1
    of: int = 1

    @property
    def left(self) -> int:
        return self.of - self.number


class Pace:
    """Hears the events of a journal, and tells rate, time left and memory.

    Args:
        forecast: Of the run, if there is one.
    """

    def __init__(self, forecast: Forecast | None = None) -> None:
        self.forecast = forecast
        self._rounds = {"seed": _Round(), "variant": _Round(), "fold": _Round(), "trial": _Round()}
        self._after_search = 0
        """Trainings that come after the settings that are tried."""
        self._begun: tuple[int, float] | None = None
        self._line: dict[str, Any] = {}

    def hear(self, line: dict[str, Any]) -> None:
        """Note what an event tells."""
        event = line["event"]
        if event in self._rounds:
            self._rounds[event] = _Round(line["number"], line[f"{event}s"])
            self._after_search = line["seeds"] if event == "trial" else 0
        elif event == "searched":
            self._rounds["trial"], self._after_search = _Round(), 0
        elif event == "training":
            self._begun, self._line = (line["from_step"], line["wall_seconds"]), {}
        elif event == "step":
            self._line = line

    @property
    def _each(self) -> float | None:
        """Seconds of a step with its share of validation, in this session so far."""
        if not self._line or self._begun is None or self._line["step"] <= self._begun[0]:
            return None
        step, begun = self._begun
        return float((self._line["wall_seconds"] - begun) / (self._line["step"] - step))

    @property
    def seconds_left(self) -> float | None:
        """Of training, in all rounds that are still to come, at the speed of this one so far; None while it is not known."""
        each = self._each
        if each is None:
            return None
        folds = self._rounds["fold"]
        rounds = self._rounds["seed"].left + self._rounds["trial"].left + self._after_search
        rounds += folds.left + self._rounds["variant"].left * folds.of
        return float(each * (self._line["steps"] * (1 + rounds) - self._line["step"]))

    @property
    def seconds_after(self) -> float:
        """Of what comes after training, as forecast, at the speed of the training steps so far; 0 without a forecast of its parts."""
        steps = self.forecast.expected_steps if self.forecast is not None else None
        if self.forecast is None or not steps or self._each is None:
            return 0.0
        parts = {phase.name: phase.wall_seconds for phase in self.forecast.phases}
        slower = self._each * steps / max(sum(parts.get(name, 0.0) for name in STEPWISE), 1e-9)
        return slower * (parts.get("evaluation", 0.0) + parts.get("analysis", 0.0))

    def say(self) -> list[str]:
        """Time, then rate and memory, each as one line; what is not known is left out."""
        left, spent = self.seconds_left, self._line.get("wall_seconds", 0.0)
        time = []
        if left is not None:
            after = self.seconds_after
            rest = f", and {say_clock(after)} of evaluation" if after else ""
            time = [f"{say_clock(spent)} gone, {_say_left(left)}{rest}"]
            if self.forecast is not None:
                expected, total = self.forecast.train_wall_seconds, spent + left + after
                late = f", now {say_clock(total)}" if total > LATE * expected else ""
                time[0] += f"; forecast {say_clock(expected)} for the whole run{late}"
        rate = [
            f"{self._line[key]:,.0f} {unit} a second"
            for key, unit in (("rows_per_second", "rows"), ("tokens_per_second", "tokens"))
            if self._line.get(key)
        ]
        memory = self._line.get("memory_bytes")
        if memory:
            of = f" of {self.forecast.peak_memory_bytes / 1e9:.1f} forecast" if self.forecast is not None else ""
            rate.append(f"{memory / 1e9:.1f} GB{of}")
        return [*time, *([", ".join(rate)] if rate else [])]


def _say_left(seconds: float) -> str:
    return f"about {say_clock(seconds)} of training left" if seconds else "training is done"


def say_clock(seconds: float) -> str:
    """A span of time as hours, minutes and seconds."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
