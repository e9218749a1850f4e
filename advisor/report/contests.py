"""Runs side by side as blocks."""

from advisor.records import Contest, Contestant, Match
from advisor.report.blocks import Block, Forest, Heading, Items, Paragraph, Table, Whisker
from advisor.report.safe_text import clip
from advisor.report.wording import (
    say_count,
    say_improvement,
    say_improvement_range,
    say_metric,
    say_p,
    say_score,
    say_seconds,
    say_title,
    say_verdict,
)
from advisor.rulebook import say_way

LONGEST_VALUE = 60
SURE = 0.05


def contest_blocks(contest: Contest) -> list[Block]:
    """What differed, the scores, and who is better by how much."""
    return [*_runs(contest), *_scores(contest), *_differing(contest), *_matches(contest), *_notes(contest)]


def _letter(place: int) -> str:
    """A short name for a run in tables."""
    return chr(ord("A") + place) if place < 26 else f"#{place + 1}"


def _runs(contest: Contest) -> list[Block]:
    rows = [
        [
            _letter(place),
            each.run,
            f"{say_verdict(each.verdict)}{f', {say_verdict(each.result).lower()}' if each.result else ''}",
            each.model or "–",
            f"{say_count(each.train_rows)} / {say_count(each.test_rows)}",
            "–" if each.train_wall_seconds is None else say_seconds(each.train_wall_seconds),
        ]
        for place, each in enumerate(contest.runs)
    ]
    titles = ["", "run", "verdict", "model", "trained on / sealed", "time"]
    return [Heading("Runs", contest.task), Table(rows, titles, right=frozenset({4, 5}))]


def _scores(contest: Contest) -> list[Block]:
    whiskers = [whisker for place, each in enumerate(contest.runs) for whisker in _whiskers(each, _letter(place))]
    if not whiskers:
        return []
    note = f"{say_metric(contest.metric_facts)} on each run's own rows, 95 % intervals"
    return [Heading("Scores", note), Forest(whiskers)]


def _whiskers(run: Contestant, letter: str) -> list[Whisker]:
    found = []
    if run.best_cheap is not None:
        note = "" if run.score else "cross-validated on training rows"
        cheap = run.best_cheap
        found.append(Whisker(f"{letter} {say_way(cheap.name)}", cheap.score, cheap.low, cheap.high, note))
    if run.score is not None:
        ours = run.score
        found.append(
            Whisker(
                f"{letter} fine-tuned", ours.score, ours.low, ours.high, strong=True, interval=not ours.why_no_interval
            )
        )
    return found


def _differing(contest: Contest) -> list[Block]:
    if not contest.differing:
        return [Heading("What differed"), Paragraph("Nothing: the same answers, data, model and recipe.")]
    rows = [
        [say_title(each.what), *(clip(value, LONGEST_VALUE) for value in each.values)] for each in contest.differing
    ]
    letters = [_letter(place) for place in range(len(contest.runs))]
    return [
        Heading("What differed", "answers, data, model and recipe; the rest was the same"),
        Table(rows, ["", *letters]),
    ]


def _matches(contest: Contest) -> list[Block]:
    if not contest.matches:
        return []
    letters = {each.run: _letter(place) for place, each in enumerate(contest.runs)}
    return [
        Heading("Which is better", "gains with 95 % intervals"),
        Items([say_match(match, letters, contest) for match in contest.matches]),
    ]


def say_match(match: Match, letters: dict[str, str], contest: Contest) -> str:
    """Who is better, by how much, how sure that is and on which rows, in a sentence or two."""
    facts, gain = contest.metric_facts, match.difference
    one, other = letters[match.one], letters[match.other]
    reach = "" if gain.why_no_interval else f" (95 % interval {say_improvement_range(gain.low, gain.high, facts)})"
    on = (
        f"on the {say_count(match.rows[0])} sealed rows that both answered, by {match.test}"
        if match.paired
        else f"on different rows, {say_count(match.rows[0])} and {say_count(match.rows[1])}, not paired, by {match.test}"
    )
    sure = match.p_holm < SURE
    verdict = "" if sure else " They may well be equally good."
    return (
        f"{other} against {one}: {say_improvement(gain.point, facts)}{reach}, {say_p(match.p_holm)} {on}; "
        f"{one} {say_score(match.scores[0])}, {other} {say_score(match.scores[1])}.{verdict}"
    )


def _notes(contest: Contest) -> list[Block]:
    return [Paragraph(note, quiet=True) for note in contest.notes]
