"""What the tuned encoder no longer says of texts, for both reports."""

from advisor.report.blocks import Block, Heading, Paragraph, Table
from advisor.report.wording import say_count, say_p, say_score, say_seconds
from pipeline.results import Forgetting, Result

TITLES = ("a probe asks", "guessing", "before", "after", "change in points (95 %)", "p, corrected")


def forgetting_blocks(result: Result) -> list[Block]:
    """The verdict first, then each probing task before and after tuning."""
    found = result.forgetting
    if found is None:
        return []
    return [
        Heading("What the encoder forgot", "the same probes on features of the pre-trained and of the tuned encoder"),
        *(Paragraph(each) for each in say_found(found)),
        Table(forgetting_rows(found), list(TITLES), right=frozenset(range(1, len(TITLES)))),
        Paragraph(say_how(found), quiet=True),
    ]


def forgetting_rows(found: Forgetting) -> list[list[str]]:
    """Each probing task with its accuracy by guessing, before and after tuning, and the change with its interval."""
    return [
        [
            each.what,
            say_score(each.guessing),
            say_score(each.before),
            say_score(each.after),
            _change(each.difference.point, each.difference.low, each.difference.high),
            "–" if each.p_holm is None else say_p(each.p_holm),
        ]
        for each in [*found.scores, *found.others]
    ]


def say_found(found: Forgetting) -> list[str]:
    """What the probes on texts, those on other tasks, and the perplexity say; without what was not measured."""
    return [each for each in (found.because, found.others_because, found.perplexity_because) if each]


def _change(point: float, low: float, high: float) -> str:
    return f"{100 * point:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def say_how(found: Forgetting) -> str:
    """What was read, what was left out, and what it took."""
    left_out = "".join(f" Not asked: {what}, since {why}." for what, why in found.left_out.items())
    return (
        f"Told from {say_count(found.texts)} training texts in {say_seconds(found.seconds)}, without their labels; "
        f"accuracy in cross-validation.{left_out}"
    )
