"""`advisor backtest`: carries out the cells of a suite that are not finished yet, and judges all that are."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from advisor.backtest.suite import Cell, Suite, cells_of, load_suite
from advisor.backtest.table import backtest_blocks
from advisor.backtest.trial import CellOutcome, Place, carry_out, finished
from advisor.errors import RunFolderError
from advisor.report.terminal import Terminal
from advisor.rulebook import load_rules
from advisor.run_folder import shown_path
from advisor.session import quiet_libraries

if TYPE_CHECKING:
    from advisor.report.terminal import Steps

BACKTESTS = Path("backtests")


@dataclass(frozen=True)
class Wish:
    """What the command line asked for.

    Attributes:
        cells: Carry out at most so many cells that are not finished yet; 0 only judges, None is all.
        seeds: Draws of each cell.
        out: Folder for everything.
    """

    cells: int | None = None
    seeds: int = 1
    out: Path | None = None


def backtest(path: Path, wish: Wish, terminal: Terminal) -> None:
    """Carry out what is not finished yet, then print what all finished cells say.

    Raises:
        AnswersError: The suite cannot be used.
        PipelineError: Data of a cell cannot be used, or a training broke; what is finished is kept.
    """
    suite, rules = load_suite(path), load_rules()
    out = (wish.out or BACKTESTS / path.stem).resolve()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunFolderError(
            f"The folder '{out}' cannot be made: {error.strerror}.", "Choose one that you may write to with --out."
        ) from error
    cells = cells_of(suite, wish.seeds)
    quiet_libraries()
    with terminal.progress(f"Backtest of {len(cells)} cells in {shown_path(out)}") as progress:
        shown = _OneStep(progress)
        found = _carry_out(Place(out, rules, shown), suite, cells, wish, shown)
    terminal.show_blocks(backtest_blocks(found, rules))
    left = len(cells) - len(found)
    if left:
        terminal.say(
            f"{left} of {len(cells)} cells are not finished, or their sets are too small; the same command goes on."
        )
    terminal.say(f"Cells: {shown_path(out)}/cells")


class _OneStep:
    """Shows a cell as one phase, however many phases its measuring has."""

    def __init__(self, progress: "Steps") -> None:
        self._progress = progress

    def cell(self, name: str) -> None:
        """A new cell begins."""
        self._progress.step(name)

    def step(self, name: str) -> None:
        """A phase of its measuring begins."""

    def advance(self, done: int, total: int) -> None:
        """So much of that phase is done."""


def _carry_out(place: Place, suite: Suite, cells: list[Cell], wish: Wish, shown: _OneStep) -> list[CellOutcome]:
    """The outcomes of all finished cells, at most so many of them new."""
    found: list[CellOutcome] = []
    carried = 0
    for number, cell in enumerate(cells, start=1):
        outcome = finished(place, cell)
        if outcome is None and (wish.cells is None or carried < wish.cells):
            shown.cell(f"{number} of {len(cells)}: {cell.key}")
            outcome = carry_out(place, suite, cell)
            carried += outcome is not None
        if outcome is not None:
            found.append(outcome)
    return found
