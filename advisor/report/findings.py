"""The audit of the data as blocks: what is in it, what is wrong with it, weightiest first."""

from advisor.records import Audit, Suspect
from advisor.report.blocks import Badge, Bar, Block, Card, Heading, Items, Table
from advisor.report.safe_text import clip
from advisor.report.wording import GRADES, Tone, say_count, say_many, say_name, say_share
from pipeline.records import Finding

MOST_CHARACTERS = 160
MOST_CLASSES = 12
MOST_SUSPECTS = 8
"""Suspected answers in the terminal; the page and `audit.json` have more."""


def audit_verdict(audit: Audit) -> tuple[str, Tone, str]:
    """What the audit comes to: a word, its tone and a sentence."""
    grave = [finding for finding in audit.findings if finding.severity == "invalidates"]
    if grave:
        listed = " and ".join(finding.title[:1].lower() + finding.title[1:] for finding in grave)
        return "Mend first", "bad", f"On this data no result would mean anything: {listed}."
    warnings = sum(finding.severity == "warning" for finding in audit.findings)
    if warnings:
        return (
            "Look closer",
            "wait",
            f"Nothing stands in the way of a verdict; {say_many(warnings, 'warning')} to read first.",
        )
    return "Sound", "good", "Nothing was found that would spoil a result."


def verdict_blocks(audit: Audit, name: str) -> list[Block]:
    """What the audit comes to."""
    title, tone, headline = audit_verdict(audit)
    return [Badge(title, tone, headline, name)]


def audit_blocks(audit: Audit, name: str) -> list[Block]:
    """The whole report of an audit."""
    return [
        *verdict_blocks(audit, name),
        *finding_blocks(audit),
        *_suspects(audit),
        *_left_out(audit),
        Heading("What is in it"),
        Table([[what, shown] for what, shown in facts(audit)]),
        *_classes(audit),
        *_columns(audit),
    ]


def finding_blocks(audit: Audit) -> list[Block]:
    """What was found, weightiest first."""
    if not audit.findings:
        return []
    return [Heading("What the audit of the data found"), *map(_card, audit.findings)]


def _card(finding: Finding) -> Card:
    grade, tone, _ = GRADES[finding.severity]
    command = finding.mend if finding.mend.startswith("advisor ") else ""
    return Card(
        grade,
        tone,
        finding.title,
        say_amount_of(finding),
        [finding.because, *([f"Effect: {finding.effect}"] if finding.effect else [])],
        [clip(example, MOST_CHARACTERS) for example in finding.examples],
        f"Mend: {finding.mend}" if finding.mend and not command else "",
        command,
    )


def say_amount_of(finding: Finding) -> str:
    """How many of how many."""
    if finding.of is None:
        return say_count(finding.count)
    return f"{say_count(finding.count)} of {say_count(finding.of)} ({say_share(finding.count / max(finding.of, 1))})"


def facts(audit: Audit) -> list[tuple[str, str]]:
    """What the data is, in pairs of a name and a value."""
    sides = ", ".join(f"{say_name(side)} {say_count(rows)}" for side, rows in audit.sides.items())
    columns = ", ".join(f"{role}: {_named(column)}" for role, column in audit.columns.items())
    found = [
        ("files", ", ".join(audit.files.values())),
        ("task", audit.task),
        ("columns", columns),
        ("rows", f"{say_count(audit.rows)} ({sides})"),
    ]
    if audit.classes:
        fewest, most = min(audit.classes.values()), max(audit.classes.values())
        found.append(
            ("classes", f"{say_count(len(audit.classes))}, with {say_count(fewest)} to {say_count(most)} usable rows")
        )
    if audit.lengths is not None:
        counted = f" of {audit.lengths.counted_by}" if audit.lengths.counted_by else ""
        found.append(("lengths", f"up to about {say_count(audit.lengths.edges[-1])} {audit.lengths.unit}{counted}"))
    return found


def _named(column: str | list[str]) -> str:
    return column if isinstance(column, str) else " + ".join(column)


def _suspects(audit: Audit) -> list[Block]:
    if not audit.suspects:
        return []
    shown = audit.suspects[:MOST_SUSPECTS]
    rows = [[each.row, each.answer, each.likelier, say_doubt(audit, each), clip(each.text, 60)] for each in shown]
    titles = ["row", "answer", "likelier", "doubt", "text"]
    more = len(audit.suspects) - len(shown)
    return [
        Heading("Answers to read first", "the least credible first"),
        Table(rows, titles, right=frozenset({3})),
        *([Items([f"{say_count(more)} more are in the page and in audit.json."])] if more else []),
    ]


def say_doubt(audit: Audit, suspect: Suspect) -> str:
    """How doubtful an answer is: a probability, or for scores the standard deviations that it lies away."""
    return f"{suspect.doubt:.1f} SD" if not audit.classes else say_share(suspect.doubt)


def _left_out(audit: Audit) -> list[Block]:
    return [Heading("What was not looked at"), Items(audit.left_out)] if audit.left_out else []


def _classes(audit: Audit) -> list[Block]:
    if not audit.classes:
        return []
    ordered = sorted(audit.classes.items(), key=lambda pair: -pair[1])
    note = (
        "usable rows" if len(ordered) <= MOST_CLASSES else f"usable rows; the {MOST_CLASSES} smallest of {len(ordered)}"
    )
    most = ordered[0][1] or 1
    bars = [Bar(label, rows, most, say_count(rows), "") for label, rows in ordered[-MOST_CLASSES:]]
    return [Heading("Classes", note), *bars]


def _columns(audit: Audit) -> list[Block]:
    if not audit.profiles:
        return []
    rows = [
        [each.name, each.role, each.holds, say_share(each.filled_fraction), say_count(each.different)]
        for each in audit.profiles
    ]
    titles = ["column", "read as", "holds", "filled", "different"]
    return [Heading("Columns", "from a sample of the rows"), Table(rows, titles, right=frozenset({3, 4}))]
