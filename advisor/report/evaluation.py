"""What was found on rows that came after a run, as blocks: the verdict, the scores, how the rows changed, where it fails."""

from advisor.report.blocks import Badge, Block, Heading, Items, Paragraph, Table
from advisor.report.examination import (
    say_error,
    say_narrow_reach,
    say_scores_without_reach,
    slice_blocks,
    sureness_blocks,
)
from advisor.report.safe_text import clip
from advisor.report.wording import (
    Tone,
    say_count,
    say_many,
    say_metric,
    say_p,
    say_range,
    say_score,
    say_share,
)
from advisor.rulebook import say_way
from pipeline.live_results import AnswerShift, Drift, Evaluation, LiveScore
from pipeline.results import ErrorAnalysis

LIVE_VERDICTS: dict[str, tuple[str, Tone]] = {
    "worse": ("Worse", "bad"),
    "as_before": ("As before", "good"),
    "better": ("Better", "good"),
    "drifted": ("Drifted", "wait"),
    "cannot_tell": ("Cannot tell", "wait"),
}
MOST_CLASSES = 12
MOST_WORST = 5
MOST_CHARACTERS = 160


def evaluation_blocks(found: Evaluation) -> list[Block]:
    """Everything that was found, for the terminal."""
    title, tone = LIVE_VERDICTS[found.verdict]
    first, *others = found.because
    return [
        Badge(title, tone, first, found.data),
        *([Items(others)] if others else []),
        *_rows(found),
        *(_scores(found.score) if found.score is not None else []),
        *(_drift(found.drift) if found.drift is not None else []),
        *(_errors(found.score.errors) if found.score is not None else []),
        *[Paragraph(why, quiet=True) for part, why in found.left_out.items() if part != "score"],
    ]


def _rows(found: Evaluation) -> list[Block]:
    lines = [f"{say_many(found.rows, 'row')} given, answered by the {say_way(found.way)} way"]
    lines += [f"{say_count(count)} left out: each {why}" for why, count in found.known_rows.items()]
    lines += [
        f"{say_count(count)} with the label '{label}', which the model cannot answer: they count as wrong"
        for label, count in found.unknown_labels.items()
    ]
    if found.marks is not None and found.marks.without_truth:
        lines.append(
            f"{say_count(found.marks.without_truth)} marked wrong without the right answer: no score counts them"
        )
    return [Heading("The rows"), Items(lines)]


def _scores(found: LiveScore) -> list[Block]:
    rows = [
        [
            say_metric(line.facts),
            say_score(line.ours.point)
            + ("" if line.why_no_interval else f" ({say_range(line.ours.low, line.ours.high)})"),
            say_error(line.ours.standard_error),
        ]
        for line in found.scores
    ]
    why = dict.fromkeys(line.why_no_interval for line in found.scores if line.why_no_interval)
    return [
        Heading("Every score", f"on {say_count(found.rows)} labelled rows"),
        Table(rows, ["score", "now (95 %)", "SE"], right=frozenset({2})),
        *(Paragraph(each, quiet=True) for each in why),
    ]


def _drift(found: Drift) -> list[Block]:
    rows: list[list[str]] = []
    if found.texts is not None:
        area = found.texts.area
        shown = f"area under the curve {area.point:.2f} ({area.low:.2f} to {area.high:.2f})"
        of = f"{say_count(found.texts.new_rows)} new against {say_count(found.texts.known_rows)} training texts"
        rows.append(["texts", f"{shown}; {of}", say_p(found.texts.p)])
    if found.answers is not None:
        rows.append(["answers", f"{say_share(found.answers.moved)} of them moved", say_p(found.answers.p)])
    for name, change in (("confidence", found.confidence), ("answers", found.numbers)):
        if change is not None:
            apart = change.difference
            means = f"{say_score(change.before.point)} → {say_score(change.now.point)} on average"
            ends = f"{apart.point:+.3g} ({apart.low:+.3g} to {apart.high:+.3g})"
            rows.append([name, f"{means}; {ends}", say_p(change.p)])
    if not rows:
        return []
    blocks: list[Block] = [
        Heading("What has changed", "no label of the new rows is read"),
        Table(rows, ["of the", "what was found (95 %)", "p"]),
    ]
    return blocks + (_shares(found.answers) if found.answers is not None else [])


def _shares(found: AnswerShift) -> list[Block]:
    rows = [
        [
            clip(each.answer, 40),
            say_share(each.before),
            say_share(each.now),
            "–"
            if each.estimated is None
            else f"{say_share(each.estimated.point)} ({say_share(each.estimated.low)} to {say_share(each.estimated.high)})",
        ]
        for each in found.shares[:MOST_CLASSES]
    ]
    note = "the true share is estimated from probabilities; it holds where the texts of each label look as before"
    titles = ["answer", "before", "now", "true share now (95 %)"]
    return [Heading("How common each answer is", note), Table(rows, titles, right=frozenset({1, 2}))]


def _errors(found: ErrorAnalysis) -> list[Block]:
    by_class = sorted(found.by_class, key=lambda each: each.f1)[:MOST_CLASSES]
    blocks: list[Block] = []
    if by_class:
        rows = [
            [
                clip(each.label, 40),
                say_count(each.rows),
                say_narrow_reach(each.precision, each.precision_reach),
                say_narrow_reach(each.recall, each.recall_reach),
                say_narrow_reach(each.f1, each.f1_reach),
            ]
            for each in by_class
        ]
        blocks += [
            Heading("Label by label", "worst first"),
            Table(
                rows, ["label", "rows", "precision (95 %)", "recall (95 %)", "F1 (95 %)"], right=frozenset({1, 2, 3, 4})
            ),
        ]
        without = say_scores_without_reach(by_class)
        blocks += [Paragraph(without, quiet=True)] if without else []
    if found.calibration is not None:
        blocks += sureness_blocks(found.calibration)
    if found.slices is not None:
        blocks += slice_blocks(found.slices)
    if found.worst:
        blocks.append(Heading("Worst rows"))
    for case in found.worst[:MOST_WORST]:
        blocks.append(Paragraph(f"{case.truth}, answered {case.answer}; row {case.row_id}"))
        blocks.append(Paragraph(clip(case.text, MOST_CHARACTERS), quiet=True, indent=4))
    return blocks
