"""The printed account of a backtest: real cells and controls apart."""

from collections.abc import Sequence

from advisor.backtest.accuracy import cost_accuracy, forecast_accuracy
from advisor.backtest.fitting import FITTED, fit_forecast, leave_one_out
from advisor.backtest.judgement import (
    ADVISED,
    SIMPLE_RULES,
    Contribution,
    JudgedCell,
    contributions,
    judge,
    sum_regrets,
)
from advisor.backtest.trial import CellOutcome
from advisor.report.blocks import Block, Heading, Items, Paragraph, Table
from advisor.report.wording import say_many, say_verdict
from advisor.rule_records import Rules
from pipeline.evaluation.intervals import wilson

HOW_TO_READ = (
    "Points are hundredths of the score that counts. Regret is what following a verdict lost against the best arm; a go that was "
    "not worth it is charged the useful gain too, and a not-yet counts as the cheap way that the advisor would have given."
)


def backtest_blocks(outcomes: Sequence[CellOutcome], rules: Rules) -> list[Block]:
    """Everything that the cells say: by the rules as they are, and by constants that never saw the data set of the cell."""
    if not outcomes:
        return [Paragraph("No cell is finished yet.", indent=0)]
    cells = judge(outcomes, lambda _: rules)
    real, controls = _apart(cells)
    groups = len({cell.outcome.cell.group for cell in cells})
    head = f"{say_many(len(real), 'real cell')} and {say_many(len(controls), 'control')} from {say_many(groups, 'group')} of data sets"
    blocks: list[Block] = [
        Heading("Cells", head),
        _verdicts_table(cells),
        Heading("What each way reached", "gain: tuned over the best cheap way, in points"),
        _scores_table(cells),
        Paragraph(HOW_TO_READ, quiet=True),
    ]
    for title, part in (("Real cells", real), ("Controls", controls)):
        if part:
            blocks += _part(title, part)
    return [*blocks, *_fitted_blocks(outcomes, rules), *_factor_blocks(contributions(outcomes, lambda _: rules))]


def _apart(cells: Sequence[JudgedCell]) -> tuple[list[JudgedCell], list[JudgedCell]]:
    """Real cells, and controls."""
    real = [cell for cell in cells if not cell.outcome.cell.is_control]
    return real, [cell for cell in cells if cell.outcome.cell.is_control]


def _fitted_blocks(outcomes: Sequence[CellOutcome], rules: Rules) -> list[Block]:
    """What constants would do that were fitted on the other data sets, and what they are when fitted on all."""
    rules_for = leave_one_out(outcomes, rules)
    if rules_for is None:
        return []
    blocks: list[Block] = [
        Heading("Constants of the forecast fitted on the other data sets", "each cell by those of the others")
    ]
    for title, part in zip(("Real cells", "Controls"), _apart(judge(outcomes, rules_for)), strict=True):
        if part:
            regret = sum_regrets(ADVISED, [cell.regrets[ADVISED] for cell in part])
            right = f"{sum(cell.is_right for cell in part)} of {len(part)} verdicts right"
            said = f"regret {regret.mean:.2f} on average, {regret.high:.1f} at the 95th percentile, {regret.worst:.1f} at worst"
            blocks += [Paragraph(f"{title}: {right}; {said}."), Items(_forecast_lines(part))]
    fitted = fit_forecast(outcomes, rules).numbers
    values = [f"{name} {fitted[name].value:.3f} (now {rules.forecast.numbers[name].value:.3f})" for name in FITTED]
    return [*blocks, Paragraph(f"Fitted on all cells: {', '.join(values)}.", quiet=True)]


def _verdicts_table(cells: Sequence[JudgedCell]) -> Block:
    rows = [
        [
            cell.outcome.cell.key,
            f"{say_verdict(cell.verdict)}{'' if cell.is_right else ' (wrong)'}",
            cell.reason.replace("_", " "),
        ]
        for cell in cells
    ]
    return Table(rows, ["cell", "verdict", "because"], quiet=frozenset({0}))


def _scores_table(cells: Sequence[JudgedCell]) -> Block:
    titles = ["cell", "0-shot", "cheap", "tuned", "gain", "expected", "regret"]
    return Table([_score_row(cell) for cell in cells], titles, right=frozenset(range(1, 7)), quiet=frozenset({0}))


def _score_row(cell: JudgedCell) -> list[str]:
    held = {each.name: each.score for each in cell.outcome.arms.cheap}
    rivals, expected = cell.outcome.measurements.rivals, cell.forecast
    chosen = held[rivals.best] if rivals else held.get("zero_shot", next(iter(held.values())))
    return [
        cell.outcome.cell.key,
        f"{held['zero_shot']:.3f}" if "zero_shot" in held else "–",
        f"{chosen:.3f}",
        f"{cell.outcome.arms.fine_tuned.score.score:.3f}",
        f"{cell.fine_tuned - cell.best_cheap:+.1f}",
        f"{expected.score.point:.3f}" if expected else "–",
        f"{cell.regrets[ADVISED]:.1f}",
    ]


def _part(title: str, cells: Sequence[JudgedCell]) -> list[Block]:
    right = wilson(sum(cell.is_right for cell in cells), len(cells))
    worth = sum(cell.is_worth_it for cell in cells)
    goes = [cell for cell in cells if cell.verdict == "go"]
    lines = [
        f"The verdict was right in {100 * right.point:.0f} % of {say_many(len(cells), 'cell')} "
        f"({100 * right.low:.0f} to {100 * right.high:.0f} %); fine-tuning was worth it in {worth}.",
        f"Go was said in {len(goes)}, rightly in {sum(cell.is_right for cell in goes)}.",
        *_forecast_lines(cells),
        *_cost_lines(cells),
    ]
    return [Heading(title), _regret_table(cells), Items(lines)]


def _regret_table(cells: Sequence[JudgedCell]) -> Block:
    names = [ADVISED, *SIMPLE_RULES]
    sums = [sum_regrets(name, [cell.regrets[name] for cell in cells]) for name in names]
    rows = [
        [each.name, f"{each.mean:.2f}", f"{each.high:.1f}", f"{each.worst:.1f}", f"{100 * each.near:.0f} %"]
        for each in sums
    ]
    return Table(
        rows, ["regret in points", "mean", "95th pct", "worst", "within 1 point"], right=frozenset({1, 2, 3, 4})
    )


def _forecast_lines(cells: Sequence[JudgedCell]) -> list[str]:
    found = forecast_accuracy(cells)
    if found is None:
        return []
    held = found.coverage
    return [
        f"Forecasts of {say_many(found.cells, 'cell')} erred by {found.error:.1f} points; {100 * held.point:.0f} % of scores lay in "
        f"the 80 % interval ({100 * held.low:.0f} to {100 * held.high:.0f} %), which is {found.width:.1f} points wide.",
        f"The Brier score of the probability of a useful gain is {found.brier:.3f}.",
    ]


def _cost_lines(cells: Sequence[JudgedCell]) -> list[str]:
    found = cost_accuracy(cells)
    if found is None:
        return []
    worst = f"{100 * found.memory_under:.0f} % under" if found.memory_under > 0 else "never under"
    return [
        f"Peak memory was estimated {100 * found.memory:.0f} % off on average, at worst {worst}.",
        f"Processor seconds of the steps that were taken: {100 * found.processor:.0f} % off on average; "
        f"{100 * found.steps:.0f} % of the planned steps were taken.",
    ]


def _factor_blocks(found: Sequence[Contribution]) -> list[Block]:
    rows = [
        [
            each.factor.replace("_", " "),
            f"{each.without_it:.2f}",
            f"{each.points:+.2f}",
            str(each.changed),
            "informational" if each.informs_only else "does harm here" if each.points < 0 else "",
        ]
        for each in found
    ]
    titles = ["left out", "mean regret", "more than with it", "verdicts changed", ""]
    return [Heading("What each factor contributes", "all cells"), Table(rows, titles, right=frozenset({1, 2, 3}))]
