"""Shows a run to a person: a bar with loss, score and time left, or the same as lines where there is no terminal."""

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINES_EVERY_STEPS = 25
PHASES = {
    "prepared": "data read, rows verified",
    "reload": "reloading the saved model in a fresh process",
    "evaluating": "opening the sealed rows",
}


class Display:
    """Listens to a journal; use as a context manager so that the terminal is left in order."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self._fancy = self.console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[loss]}"),
            TextColumn("{task.fields[score]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Display":
        if self._fancy:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._fancy:
            self._bar.stop()

    def __call__(self, line: dict[str, Any]) -> None:
        """Show one event of the journal."""
        show = getattr(self, f"_{line['event']}", None)
        if show is not None:
            show(line)
        elif line["event"] in PHASES:
            self._say(PHASES[line["event"]])

    def _training(self, line: dict[str, Any]) -> None:
        if line["from_step"]:
            self._say(f"going on from step {line['from_step']}")
        if self._task is not None:  # the one that a setback ended
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task("training", total=line["steps"], completed=line["from_step"], loss="", score="")

    def _seed(self, line: dict[str, Any]) -> None:
        self._say(f"seed {line['seed']}: {line['number']} of {line['seeds']}")

    def _seeds(self, line: dict[str, Any]) -> None:
        self._say(line["because"])

    def _step(self, line: dict[str, Any]) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=line["step"], loss=f"loss {line['loss']:.3f}")
        if not self._fancy and line["step"] % LINES_EVERY_STEPS == 0:
            self._say(f"step {line['step']}/{line['steps']}  loss {line['loss']:.3f}")

    def _evaluation(self, line: dict[str, Any]) -> None:
        if line["score"] is None or self._task is None:
            return
        self._bar.update(self._task, score=f"validation {line['score']:.3f}")
        self._say(f"epoch {line['epoch']:.0f}: validation score {line['score']:.3f}")

    def _adjustment(self, line: dict[str, Any]) -> None:
        self._say(line["because"])

    def _note(self, line: dict[str, Any]) -> None:
        self._say(line["text"])

    def _scored(self, line: dict[str, Any]) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None
        self._say(f"sealed rows: {line['name'].replace('_', '-')} {line['score']:.3f}")

    def _say(self, text: str) -> None:
        if self._fancy:
            self.console.print(f"  [dim]{text}[/dim]")
        else:
            sys.stderr.write(f"  {text}\n")
            sys.stderr.flush()
