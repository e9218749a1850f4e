"""Prints reports and progress on the terminal. The only door to rich.

Every text passes through `visible` on its way to the screen, and none is read as rich markup.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Self, TextIO

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from advisor.records import Answers, Audit, Contest, Decision, Measurements
from advisor.report import blocks as block
from advisor.report import contests, evaluation, findings, listings, sections, sequels
from advisor.report.ablation import ablation_blocks
from advisor.report.contents import explain_reading
from advisor.report.safe_text import visible
from advisor.report.scale import Scale, draw_whisker
from advisor.report.wording import Tone, say_range, say_score, say_seconds
from pipeline.data.columns import Reading
from pipeline.errors import PipelineError
from pipeline.records import NextSteps
from pipeline.results import Ablation, Result

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from advisor.doctor import Check
    from advisor.ledger import Calibration, RunLine
    from advisor.rule_records import ModelEntry
    from pipeline.live_results import Evaluation

WIDEST = 100
"""Columns after which lines get hard to read."""
TONES: dict[Tone, str] = {"good": "bold white on blue", "wait": "bold black on yellow", "bad": "bold white on red"}
UNICODE = {"full": "█", "empty": "░", "dot": "●", "line": "─", "mark": "┊", "item": "•", "good": "✓", "bad": "✗"}
ASCII = {"full": "#", "empty": ".", "dot": "o", "line": "-", "mark": ":", "item": "-", "good": "ok", "bad": "no"}
BAR = 12
LONGEST_NAME = 20
NARROWEST_PLOT = 12
NARROWEST_FOR_BARS = 56


class Terminal:
    """Where reports, progress and errors are printed.

    Args:
        quiet: Verdicts with their reasons, listings and errors only; no progress.
        stderr: Everything goes to standard error, so that standard output holds nothing but JSON.
        width: Columns; those of the terminal when not given.
    """

    def __init__(self, quiet: bool = False, stderr: bool = False, width: int | None = None) -> None:
        self.quiet = quiet
        self._out = _console(sys.stderr if stderr else sys.stdout, width)
        self._errors = _console(sys.stderr, width)
        self._signs = UNICODE if self._out.encoding.startswith("utf") else ASCII

    def show_decision(self, answers: Answers, measurements: Measurements, decision: Decision) -> None:
        """The verdict first, then everything that it rests on."""
        if self.quiet:
            self._show(sections.verdict_blocks(answers, decision))
        else:
            self._show(sections.decision_blocks(answers, measurements, decision))

    def show_audit(self, audit: Audit, name: str) -> None:
        """What is in the data and what is wrong with it."""
        self._show(findings.verdict_blocks(audit, name) if self.quiet else findings.audit_blocks(audit, name))

    def show_result(self, result: Result) -> None:
        """The outcome of the run, beside what was forecast."""
        self._show(sections.result_verdict_blocks(result) if self.quiet else sections.result_blocks(result))

    def show_ablation(self, found: Ablation) -> None:
        """What each strategy brings."""
        self._show(ablation_blocks(found))

    def show_next_steps(self, steps: NextSteps) -> None:
        """What to do now, with the commands."""
        if not self.quiet:
            self._show(sections.step_blocks(steps))

    def show_models(self, entries: "list[ModelEntry]", at_hand: set[str]) -> None:
        """The catalogue, with why one would pick each."""
        self._show(listings.model_blocks(entries, at_hand))

    def show_runs(self, lines: "list[RunLine]") -> None:
        """Past runs."""
        self._show(listings.run_blocks(lines))

    def show_contest(self, contest: Contest) -> None:
        """Runs side by side."""
        self._show(contests.contest_blocks(contest))

    def show_calibration(self, found: "Calibration | None") -> None:
        """Forecasts of past runs against what happened."""
        self._show(listings.calibration_blocks(found))

    def show_checks(self, checks: "list[Check]") -> None:
        """What `advisor doctor` found."""
        self._show(listings.check_blocks(checks))

    def show_blocks(self, shown: Sequence[block.Block]) -> None:
        """What was laid out elsewhere, such as how things stand when a sitting of labelling ends."""
        self._show(shown)

    def show_evaluation(self, found: "Evaluation") -> None:
        """How a model does on rows that came after its run."""
        self._show(evaluation.evaluation_blocks(found))

    def show_sequels(self, result: Result | None, evaluations: "Mapping[str, Evaluation]") -> None:
        """How the model did on rows that came after its run."""
        if not self.quiet:
            self._show(sequels.sequel_blocks(result, sequels.newest(evaluations)))

    def show_error(self, error: PipelineError) -> None:
        """The problem and its fix on standard error, and nothing else."""
        self._errors.print(Text(visible(error.problem), style="bold red"), soft_wrap=True)
        for line in error.fix.split("\n"):
            self._errors.print(Text(visible(line)), soft_wrap=True)

    def say_reading(self, reading: Reading) -> None:
        """What the columns were taken for without a question, so that a person can object."""
        for line in explain_reading(reading):
            self.say(line)

    def say(self, line: str) -> None:
        """One plain line."""
        if not self.quiet:
            self._out.print(Text(visible(line)), soft_wrap=True)

    @contextmanager
    def progress(self, title: str) -> "Iterator[Steps]":
        """Phases of something that takes time; the phase that was under way when an error or Ctrl-C came is marked."""
        self.say(title)
        with Steps(self._out, self._signs, self.quiet) as steps:
            yield steps

    def _show(self, shown: Sequence[block.Block]) -> None:
        if self._out.is_terminal:
            self._print(shown)
            return
        with self._out.capture() as captured:
            self._print(shown)
        for line in captured.get().splitlines():
            self._out.print(Text(line.rstrip()), soft_wrap=True)

    def _print(self, shown: Sequence[block.Block]) -> None:
        for each in shown:
            for renderable in self._draw(each):
                self._out.print(renderable, crop=False, soft_wrap=_is_command(each, renderable))

    def _draw(self, shown: block.Block) -> Sequence[RenderableType]:
        drawers: dict[type, Callable[[Any], Sequence[RenderableType]]] = {
            block.Badge: _badge,
            block.Heading: self._heading,
            block.Paragraph: _paragraph,
            block.Items: self._items,
            block.Command: _command,
            block.Bar: self._bar,
            block.Forest: self._forest,
            block.Table: _table,
            block.Ticks: self._ticks,
            block.Card: self._card,
        }
        return drawers[type(shown)](shown)

    def _heading(self, shown: block.Heading) -> Sequence[RenderableType]:
        title, note = _text(shown.title, "bold"), _text(shown.note, "dim")
        if title.cell_len + 2 + note.cell_len > self._out.width:
            return ["", title, _indented(note)]
        return ["", Text.assemble(title, "  ", note) if shown.note else title]

    def _items(self, shown: block.Items) -> Sequence[RenderableType]:
        grid = _grid(2)
        for line in shown.lines:
            grid.add_row(self._signs["item"], _text(line))
        return [_indented(grid)]

    def _card(self, shown: block.Card) -> Sequence[RenderableType]:
        grade = (f" {visible(shown.grade).upper()} ", TONES[shown.tone])
        title, amount = Text.assemble(grade, "  ", (visible(shown.title), "bold")), _text(shown.amount, "dim")
        title.overflow = "fold"
        fits = 4 + title.cell_len + amount.cell_len <= self._out.width
        examples = _grid(2)
        for line in shown.examples:
            examples.add_row(_text(self._signs["item"], "dim"), _text(line, "dim"))
        return [
            "",
            *([_indented(Text.assemble(title, "  ", amount))] if fits else [_indented(title), _indented(amount, 4)]),
            *(_indented(_text(sentence), 4) for sentence in shown.sentences),
            *([_indented(examples, 4)] if shown.examples else []),
            *([_indented(_text(shown.advice), 4)] if shown.advice else []),
            *([Text(f"     {visible(shown.command)}", style="cyan")] if shown.command else []),
        ]

    def _bar(self, shown: block.Bar) -> Sequence[RenderableType]:
        share = min(max(shown.part / shown.whole, 0), 1) if shown.whole else 0.0
        full = round(BAR * share)
        style = "yellow" if share <= 0.25 else "blue"
        drawn = Text.assemble((self._signs["full"] * full, style), (self._signs["empty"] * (BAR - full), "dim"))
        if self._out.width < NARROWEST_FOR_BARS:
            return [_indented(_text(f"{shown.title}: {shown.shown}", "bold")), *self._reasons(shown)]
        grid = _grid(3)
        grid.columns[0].width = min(24, self._out.width // 3)
        grid.add_row(_text(shown.title, "bold"), drawn, _text(shown.shown))
        return [_indented(grid), *self._reasons(shown)]

    def _reasons(self, shown: block.Bar) -> Sequence[RenderableType]:
        evidence = _grid(2)
        for line in shown.evidence:
            evidence.add_row(_text(self._signs["item"], "dim"), _text(line, "dim"))
        because = [_indented(_text(shown.because), 4)] if shown.because else []
        return [*because, *([_indented(evidence, 4)] if shown.evidence else [])]

    def _forest(self, shown: block.Forest) -> Sequence[RenderableType]:
        whiskers = shown.whiskers
        names = min(max(cell_len(visible(each.title)) for each in whiskers), LONGEST_NAME)
        scores = [say_score(each.score) for each in whiskers]
        ranges = [say_range(each.low, each.high) if each.interval else "–" for each in whiskers]
        gaps = 8  # the indent and three between columns
        room = min(self._out.width - names - max(map(len, scores)) - max(map(len, ranges)) - gaps, 48)
        ends = [end for each in whiskers for end in (each.low, each.score, each.high)]
        scale = Scale.over(ends if shown.line is None else [*ends, shown.line])
        grid = _grid(4 if room >= NARROWEST_PLOT else 3)
        grid.columns[0].max_width = LONGEST_NAME
        for each, score, reach in zip(whiskers, scores, ranges, strict=True):
            style = "bold" if each.strong else ""
            cells = [_text(each.title, style), _text(score, style), _text(reach)]
            if room >= NARROWEST_PLOT:
                drawn = draw_whisker(scale, room, (each.score, each.low, each.high), shown.line, self._signs)
                cells.append(Text(drawn, style="cyan" if each.strong else "blue"))
            grid.add_row(*cells)
        if room >= NARROWEST_PLOT:
            grid.add_row("", "", "", _text(_ends(scale, room), "dim"))
        line = "" if shown.line is None else f"{self._signs['mark']} {shown.line_title}: {say_score(shown.line)}"
        noted = [f"{each.title}: {each.note}" for each in whiskers if each.note]
        return [
            _indented(grid),
            *([_indented(_text(line))] if line else []),
            *(self._items(block.Items(noted)) if noted else []),
        ]

    def _ticks(self, shown: block.Ticks) -> Sequence[RenderableType]:
        grid = _grid(3)
        for tick in shown.ticks:
            sign = _text(self._signs["good"], "green") if tick.works else _text(self._signs["bad"], "bold red")
            grid.add_row(sign, _text(tick.title), _text(tick.found))
            if not tick.works and tick.mend:
                grid.add_row("", "", _text(tick.mend, "bold"))
        return [grid]


class Steps:
    """The phases of something that takes time.

    On a terminal the phase under way shows a bar with the time left; elsewhere quarters are printed as plain lines.
    """

    def __init__(self, console: Console, signs: dict[str, str], quiet: bool) -> None:
        self._console = console
        self._signs = signs
        self._quiet = quiet
        self._name: str | None = None
        self._started = 0.0
        self._quarters = 0
        self._live: tuple[Progress, TaskID] | None = None

    def step(self, name: str) -> None:
        """Begin a named phase; it ends with the next one or with the whole."""
        self.close(works=True)
        self._name, self._started, self._quarters = name, time.monotonic(), 0
        if self._console.is_terminal and not self._console.is_dumb_terminal and not self._quiet:
            self._live = _live(self._console, name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(works=kind is None)

    def advance(self, done: float, total: float) -> None:
        """So much of the phase is done."""
        if self._quiet or self._name is None or total <= 0:
            return
        if self._live is not None:
            progress, task = self._live
            progress.update(task, completed=done, total=total)
            return
        quarters = int(4 * done / total)
        if self._quarters < quarters < 4:
            self._quarters = quarters
            left = (time.monotonic() - self._started) * (total - done) / done
            self._print(f"  {self._name}: {25 * quarters} %, about {say_seconds(left)} left")

    def close(self, *, works: bool) -> None:
        """End the phase that is under way, if any."""
        if self._live is not None:
            self._live[0].stop()
            self._live = None
        if self._name is not None:
            sign, style = ("good", "green") if works else ("bad", "bold red")
            stopped = "" if works else ", stopped"
            spent = say_seconds(time.monotonic() - self._started)
            self._print(f"{self._name}  {spent}{stopped}", self._signs[sign], style)
            self._name = None

    def _print(self, line: str, sign: str = "", style: str = "") -> None:
        if not self._quiet:
            shown = Text.assemble((f"{sign} ", style), visible(line)) if sign else Text(visible(line))
            self._console.print(shown, soft_wrap=True)


def _live(console: Console, name: str) -> "tuple[Progress, TaskID]":
    from rich import progress

    shown = progress.Progress(
        progress.SpinnerColumn("line"),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(20),
        progress.TaskProgressColumn(),
        progress.TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = shown.add_task(visible(name), total=None)
    shown.start()
    return shown, task


def _console(stream: TextIO, width: int | None) -> Console:
    if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
        stream.reconfigure(errors="backslashreplace")
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    console.width = min(console.width, WIDEST)
    return console


def _is_command(shown: block.Block, drawn: RenderableType) -> bool:
    """Whether a line is a command to copy, which is never broken."""
    return isinstance(shown, block.Command) or (isinstance(shown, block.Card) and isinstance(drawn, Text))


def _badge(shown: block.Badge) -> Sequence[RenderableType]:
    title = Text.assemble(
        (f" {visible(shown.title).upper()} ", TONES[shown.tone]), "  ", (visible(shown.subject), "bold")
    )
    return ["", title, "", _indented(_text(shown.headline, "bold"))]


def _paragraph(shown: block.Paragraph) -> Sequence[RenderableType]:
    return [_indented(_text(shown.text, "dim" if shown.quiet else ""), shown.indent)]


def _command(shown: block.Command) -> Sequence[RenderableType]:
    return [Text(f"     {visible(shown.text)}", style="cyan")]


def _table(shown: block.Table) -> Sequence[RenderableType]:
    grid = _grid(0)
    for column in range(len(shown.rows[0])):
        grid.add_column(
            justify="right" if column in shown.right else "left",
            style="dim" if column in shown.quiet else None,
            no_wrap=column in shown.right | shown.quiet,
            overflow="fold",
        )
    if shown.titles:
        grid.add_row(*(_text(title, "dim") for title in shown.titles))
    for row in shown.rows:
        grid.add_row(*(_text(cell) for cell in row))
    return [_indented(grid)]


def _grid(columns: int) -> Grid:
    grid = Grid.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for _ in range(columns):
        grid.add_column(overflow="fold")
    return grid


def _text(text: str, style: str = "") -> Text:
    return Text(visible(text), style=style, overflow="fold")


def _indented(shown: RenderableType, by: int = 2) -> Padding:
    return Padding(shown, (0, 0, 0, by), expand=False)


def _ends(scale: Scale, columns: int) -> str:
    low, high = f"{scale.low:g}", f"{scale.high:g}"
    return low + " " * (columns - len(low) - len(high)) + high
