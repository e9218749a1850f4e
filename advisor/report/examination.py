"""What a run found on the sealed rows beside the score that counts, as blocks: every score, slices, sureness, changed rows."""

from collections.abc import Sequence

from advisor.report.blocks import Block, Heading, Items, Paragraph, Table
from advisor.report.safe_text import clip
from advisor.report.wording import (
    say_count,
    say_improvement_range,
    say_many,
    say_metric,
    say_p,
    say_probability,
    say_range,
    say_score,
    say_share,
)
from advisor.rulebook import say_way
from pipeline.evaluation.coverage import CLASS_F1, fewest_rows
from pipeline.records import Interval, MetricFacts
from pipeline.results import (
    Calibration,
    ClassErrors,
    Comparison,
    Difference,
    ErrorCase,
    Result,
    Robustness,
    ScoreLine,
    Slices,
)

MOST_CASES = 3
MOST_CHARACTERS = 160
MOST_SLICES = 5
SUSPECTED_EXPLAINED = (
    "A suspicion, no proof: the model is surer of another answer than it usually is of that answer. A row that is merely hard "
    "looks the same, so read them before you mend any."
)


def examination_blocks(result: Result) -> list[Block]:
    """Everything beside the score that counts, for the terminal."""
    errors = result.errors
    return [
        *_scores(result),
        *_comparisons(result),
        *(sureness_blocks(errors.calibration) if errors.calibration else []),
        *_abstentions(result),
        *(slice_blocks(errors.slices) if errors.slices else []),
        *(_robustness(errors.robustness, result.metric_facts) if errors.robustness else []),
        *_cases("Mended", "the rival was wrong on these, the fine-tuned model is not", errors.mended_rows),
        *_cases("Broken", "only the fine-tuned model is wrong on these", errors.broken_rows),
        *_suspects(result),
        *_best(errors.best),
        *[Paragraph(f"{part[:1].upper()}{part[1:]}: {why}", quiet=True) for part, why in errors.left_out.items()],
    ]


def score_rows(result: Result) -> list[list[str]]:
    """Each score of the fine-tuned model with its interval and standard error, that of the rival, and the gain."""
    return [
        [
            say_metric(line.facts),
            _with_range(line.ours, line),
            say_error(line.ours.standard_error),
            "–" if line.theirs is None else say_score(line.theirs.point),
            "–" if line.difference is None else say_gain_with_range(line.difference, line.facts),
        ]
        for line in result.scores
    ]


def score_titles(result: Result) -> list[str]:
    """Heads of the columns of `score_rows`."""
    return ["score", "fine-tuned (95 %)", "SE", say_way(result.chosen_rival), "gain (95 %)"]


def _with_range(interval: Interval, line: ScoreLine) -> str:
    shown = say_score(interval.point)
    return shown if line.why_no_interval else f"{shown} ({say_range(interval.low, interval.high)})"


def say_error(error: float | None) -> str:
    """A standard error; a dash where it was not measured."""
    return "–" if error is None else f"{error:.2g}"


def say_gain_with_range(difference: Difference, facts: MetricFacts) -> str:
    """A gain with its interval, where one is shown; without the name of the score."""
    from pipeline.evaluation.comparison import say_gain  # loads scipy

    point = say_gain(difference.point, facts, unit=False)
    if difference.why_no_interval:
        return point
    return f"{point} ({say_improvement_range(difference.low, difference.high, facts)})"


def _scores(result: Result) -> list[Block]:
    if not result.scores:
        return []
    return [
        Heading("Every score", f"on {say_count(result.test_rows)} sealed rows; gains of shares are in points"),
        Table(score_rows(result), score_titles(result), right=frozenset({2, 3})),
        *(Paragraph(each, quiet=True) for each in why_no_intervals(result)),
        *([Paragraph(result.answer_rule)] if result.answer_rule else []),
    ]


def say_with_reach(value: float, reach: Interval | None) -> str:
    """A share of a class with its interval, where one was told."""
    return say_score(value) if reach is None else f"{say_score(value)} ({reach.low:.2f} to {reach.high:.2f})"


def say_narrow_reach(value: float, reach: Interval | None) -> str:
    """The same where there is little room."""
    return f"{value:.2f}" if reach is None else f"{value:.2f} ({reach.low:.2f}-{reach.high:.2f})"


def say_scores_without_reach(by_class: Sequence[ClassErrors]) -> str:
    """Why scores of some classes stand without an interval; empty where none does."""
    fewest = fewest_rows(CLASS_F1, "score")
    if fewest is None:
        return "F1 stands without an interval: simulated ones held the true value too seldom."
    if any(one.rows and one.recall_reach is None for one in by_class):
        return (
            "No intervals stand beside these: words share their sentences, and simulated intervals that take them for drawn "
            "one by one held the true value too seldom."
        )
    if all(one.rows >= fewest for one in by_class):
        return ""
    return (
        f"No interval stands beside the F1 of a class with fewer than {fewest} rows: on so few, intervals were not "
        "simulated or held the true value too seldom."
    )


def why_no_intervals(result: Result) -> list[str]:
    """Why intervals of scores and of gains are missing, once each; a gain's reason is told with the scores it is missing from."""
    told = dict.fromkeys(line.why_no_interval for line in result.scores if line.why_no_interval)
    gains: dict[str, list[str]] = {}
    for line in result.scores:
        if line.difference is not None and line.difference.why_no_interval not in ("", *told):
            gains.setdefault(line.difference.why_no_interval, []).append(line.facts.title)
    return [*told, *(f"Gain in {', '.join(titles)}: {why}" for why, titles in gains.items())]


def comparison_rows(result: Result) -> list[list[str]]:
    """The gain over each cheap way with its interval, standard error and corrected p value."""
    return [
        [
            say_way(each.rival),
            say_gain_with_range(each.difference, result.metric_facts),
            say_error(each.difference.standard_error),
            _p(each),
        ]
        for each in result.comparisons
    ]


def _p(comparison: Comparison) -> str:
    return "–" if comparison.p_holm is None else say_p(comparison.p_holm)


def comparison_note(result: Result) -> str:
    """Which test the p values come from."""
    exact = result.difference.p is not None
    test = "McNemar's exact test of right and wrong rows" if exact else "a paired permutation test"
    return f"p by {test}, corrected for {say_many(len(result.comparisons), 'comparison')} (Holm)"


def _comparisons(result: Result) -> list[Block]:
    if len(result.comparisons) < 2:
        return []
    titles = ["over", f"gain in {result.metric_facts.title} (95 %)", "SE", "p"]
    return [
        Heading("Against each cheap way", comparison_note(result)),
        Table(comparison_rows(result), titles, right=frozenset({2, 3})),
    ]


def say_calibration(found: Calibration) -> str:
    """Whether the model is right as often as it says, in a few sentences."""
    apart = f"On average it is {100 * found.expected_error:.1f} points off (expected calibration error)"
    chance = f"{100 * found.expected_by_chance:.1f} would be by chance alone"
    before = (
        ""
        if found.expected_untempered is None
        else f" Without the temperature it would be {100 * found.expected_untempered:.1f}."
    )
    return f"{apart}; {chance}. Its outputs are divided by {found.temperature:.3g}, fitted on validation rows.{before}"


def sureness_blocks(found: Calibration) -> list[Block]:
    """How far the confidence can be trusted."""
    rows = [
        [
            say_probability(each.confidence),
            f"{say_probability(each.right)} ({_share_range(each.low, each.high)})",
            say_count(each.rows),
        ]
        for each in found.bins
    ]
    return [
        Heading("Is it right as often as it says?", f"the confidence is that of {found.of}"),
        Table(rows, ["says", "is right (95 %)", "rows"], right=frozenset({0, 2})),
        Paragraph(say_calibration(found)),
    ]


def _share_range(low: float, high: float) -> str:
    return f"{100 * low:.0f} to {100 * high:.0f}"


def _abstentions(result: Result) -> list[Block]:
    found = result.errors.abstentions
    if len(found) < 2:
        return []
    rows = [
        [
            say_probability(each.threshold) if each.threshold else "never",
            say_probability(each.coverage),
            f"{say_probability(each.right)} ({_share_range(each.low, each.high)})",
        ]
        for each in found
    ]
    note = "thresholds from validation rows; what is less sure goes to a person"
    titles = ["“I do not know” below", "answered", "right of those (95 %)"]
    return [Heading("If it may say that it does not know", note), Table(rows, titles, right=frozenset({1}))]


def slice_blocks(found: Slices) -> list[Block]:
    """Parts of the rows that are answered worse."""
    shares = found.measure.startswith("share")
    rows = [
        [
            f"{each.kind}: {clip(each.name, 40)}",
            say_count(each.rows),
            f"{_error(each.error.point, shares)} ({_error(each.error.low, shares)} to {_error(each.error.high, shares)})",
            _error(each.rest, shares),
            say_p(each.p_holm),
        ]
        for each in found.worst[:MOST_SLICES]
    ]
    blocks: list[Block] = [Heading("Parts of the rows that are answered worse"), Paragraph(found.because)]
    if rows:
        titles = ["rows with", "rows", f"{found.measure} (95 %)", "the rest", "p, corrected"]
        blocks.append(Table(rows, titles, right=frozenset({1, 3, 4})))
    return blocks


def _error(value: float, shares: bool) -> str:
    return say_share(value) if shares else say_score(value)


def say_slice_error(value: float, measure: str) -> str:
    """An error of a slice: a share, or a size."""
    return _error(value, measure.startswith("share"))


def drop_rows(found: Robustness, facts: MetricFacts) -> list[list[str]]:
    """For each kind of change the score before and after, and the drop with its interval."""
    return [
        [
            each.kind,
            say_count(each.changed),
            f"{say_score(each.before)} → {say_score(each.after)}",
            say_gain_with_range(each.drop, facts),
            "–" if each.p_holm is None else say_p(each.p_holm),
        ]
        for each in found.disturbances
    ]


DROP_TITLES = ("change", "rows changed", "score", "drop (95 %)", "p, corrected")


def _robustness(found: Robustness, facts: MetricFacts) -> list[Block]:
    note = f"{say_metric(facts)} on {say_count(found.rows)} of the sealed rows, as they are and with small changes"
    blocks: list[Block] = [
        Heading("How steady it is", note),
        Table(drop_rows(found, facts), DROP_TITLES, right=frozenset({1, 4})),
        Items([f"{each.kind}: {each.what}" for each in found.disturbances]),
    ]
    return [*blocks, Paragraph(found.left_out, quiet=True)] if found.left_out else blocks


def _cases(title: str, note: str, cases: Sequence[ErrorCase]) -> list[Block]:
    if not cases:
        return []
    blocks: list[Block] = [Heading(title, note)]
    for case in cases[:MOST_CASES]:
        answered = (
            f"{case.truth}, answered {case.answer}" if case.answer != case.truth else f"{case.truth}, answered so"
        )
        blocks.append(Paragraph(f"{answered}; the rival: {case.rival}, row {case.row_id}"))
        blocks.append(Paragraph(clip(case.text, MOST_CHARACTERS), quiet=True, indent=4))
    return blocks


def _best(cases: Sequence[ErrorCase]) -> list[Block]:
    if not cases:
        return []
    return [
        Heading("Best rows", "right and surest" if cases[0].confidence is not None else "nearest to the truth"),
        Items([f"{case.truth}: {clip(case.text, MOST_CHARACTERS)}" for case in cases[:MOST_CASES]]),
    ]


def _suspects(result: Result) -> list[Block]:
    found = result.errors.suspects
    if not result.errors.suspected:
        return []
    blocks: list[Block] = [
        Heading("Sealed rows that may be labelled wrong", f"{say_count(result.errors.suspected)} look so"),
        Paragraph(SUSPECTED_EXPLAINED, quiet=True),
    ]
    for each in found[:MOST_CASES]:
        blocks.append(Paragraph(f"{each.truth}, perhaps {each.suggested}; row {each.row_id}"))
        blocks.append(Paragraph(clip(each.text, MOST_CHARACTERS), quiet=True, indent=4))
    return blocks
