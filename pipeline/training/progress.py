"""Shows a run to a person: curves of loss and score, rate, time left and memory in one display, or the same as lines.

Lines come where there is no terminal. Either way everything is in `log.jsonl`.
"""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pipeline.records import Forecast
from pipeline.training.pace import Pace

LINES_EVERY_STEPS = 25
WIDTHS = (16, 60)
"""Columns of the bar, and most of a curve: at least and at most."""
BESIDE = 52
"""Columns that stand beside them."""
BLOCKS, SIGNS = "▁▂▃▄▅▆▇█", "_.-=+*%#"
"""Heights of a curve, where the terminal has them and where it has not."""
PHASES = {
    "reading": "reading the data",
    "prepared": "data read, rows verified",
    "probing": "probing what the encoder still says",
    "reload": "reloading the saved model in a fresh process",
    "evaluating": "opening the sealed rows",
}


@dataclass
class _Seen:
    """What one training has shown so far."""

    steps: int = 0
    step: int = 0
    epoch: float = 0.0
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


class Display:
    """Listens to a journal; use as a context manager so that the terminal is left in order.

    Args:
        forecast: What was expected of the run, to tell the time against.
        console: Where it is shown; standard error when not given.
    """

    def __init__(self, forecast: Forecast | None = None, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, markup=False)
        self._fancy = self.console.is_terminal and not self.console.is_dumb_terminal
        self._heights = BLOCKS if (self.console.encoding or "").startswith("utf") else SIGNS
        self._pace = Pace(forecast)
        self._seen: _Seen | None = None
        self._live = Live(get_renderable=self.draw, console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Display":
        if self._fancy:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._fancy:
            self._live.stop()

    def __call__(self, line: dict[str, Any]) -> None:
        """Show one event of the journal."""
        self._pace.hear(line)
        show = getattr(self, f"_{line['event']}", None)
        if show is not None:
            show(line)
        elif line["event"] in PHASES:
            self._seen = None
            self._say(PHASES[line["event"]])

    def _training(self, line: dict[str, Any]) -> None:
        if line["from_step"]:
            self._say(f"going on from step {line['from_step']}")
        self._seen = _Seen(steps=line["steps"], step=line["from_step"])

    def _seed(self, line: dict[str, Any]) -> None:
        self._begin(f"seed {line['seed']}: {line['number']} of {line['seeds']}")

    def _variant(self, line: dict[str, Any]) -> None:
        change = ", ".join(f"{name} = {value}" for name, value in line["change"].items()) or "the recipe as it is"
        self._begin(f"{line['number']} of {line['variants']}: {change}")

    def _fold(self, line: dict[str, Any]) -> None:
        self._begin(f"fold {line['number']} of {line['folds']}")

    def _trial(self, line: dict[str, Any]) -> None:
        self._begin(f"settings {line['number']} of {line['trials']}: learning rate {line['learning_rate']:.1e}")

    def _begin(self, text: str) -> None:
        """Tell of another training; what the one before showed is no longer so."""
        self._seen = None
        self._say(text)

    def _seeds(self, line: dict[str, Any]) -> None:
        self._say(line["because"])

    def _step(self, line: dict[str, Any]) -> None:
        if self._seen is None:
            return
        self._seen.step, self._seen.epoch = line["step"], line["epoch"] or 0.0
        self._seen.losses.append(line["loss"])
        if not self._fancy and line["step"] % LINES_EVERY_STEPS == 0:
            told = [f"step {line['step']}/{line['steps']}", f"loss {line['loss']:.3f}", *self._pace.say()]
            self._say("  ".join(told))

    def _evaluation(self, line: dict[str, Any]) -> None:
        if line["score"] is None or self._seen is None or not line["step"]:
            return
        self._seen.scores.append(line["score"])
        self._say(f"epoch {line['epoch']:.3g}: validation score {line['score']:.3f}")

    def _adjustment(self, line: dict[str, Any]) -> None:
        self._say(line["because"])

    def _note(self, line: dict[str, Any]) -> None:
        self._say(line["text"])

    def _scored(self, line: dict[str, Any]) -> None:
        self._seen = None
        self._say(f"sealed rows: {line['name'].replace('_', '-')} {line['score']:.3f}")

    def _say(self, text: str) -> None:
        if self._fancy:
            self.console.print(
                Padding(Text(text, style="dim"), (0, 0, 0, 2))
            )  # what is wrapped stays under its beginning
        else:
            sys.stderr.write(f"  {text}\n")
            sys.stderr.flush()

    def draw(self) -> Group:
        """The bar with epoch and time, the two curves under it, then rate and memory."""
        seen = self._seen
        if seen is None:
            return Group()
        width = min(max(self.console.width - BESIDE, WIDTHS[0]), WIDTHS[1])
        grid = Table.grid(padding=(0, 2, 0, 0))
        bar = ProgressBar(total=max(seen.steps, 1), completed=seen.step, width=width)
        grid.add_row("  training", bar, f"step {seen.step}/{seen.steps}, epoch {seen.epoch:.1f}")
        for name, values in (("loss", seen.losses), ("validation", seen.scores)):
            if values:
                first = f"{values[0]:.3f} to " if len(values) > 1 else ""
                curve = Text(draw_curve(values, width, self._heights), "cyan")
                grid.add_row(f"  {name}", curve, f"{first}{values[-1]:.3f}")
        return Group(grid, *(Text(f"  {each}", style="dim") for each in self._pace.say()))


def draw_curve(values: Sequence[float], width: int, heights: str) -> str:
    """Values from left to right as columns of different height, the means of runs of them where they are more than fit."""
    if len(values) > width:
        ends = [round(place * len(values) / width) for place in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(ends)]
    low, high = min(values), max(values)
    span = high - low or 1.0
    return "".join(heights[min(int((value - low) / span * len(heights)), len(heights) - 1)] for value in values)
