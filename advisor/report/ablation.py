"""What each strategy brings, as blocks."""

from advisor.report.blocks import Block, Heading, Items, Paragraph, Table
from advisor.report.examination import say_error, say_gain_with_range
from advisor.report.wording import say_count, say_many, say_metric, say_p, say_score, say_seconds
from pipeline.results import Ablation, Contribution

VERDICTS = {"helps": "helps", "harms": "harms", "not_told_apart": "not sure"}


def ablation_blocks(found: Ablation) -> list[Block]:
    """Every strategy with the score that it brings, best first, and what follows."""
    facts = found.metric_facts
    ordered = sorted(found.contributions, key=lambda each: -each.difference.point)
    rows = [
        [
            each.title,
            _change(each),
            say_score(each.score),
            say_gain_with_range(each.difference, facts),
            say_error(each.deviation) if each.deviation is not None else "–",
            say_p(each.p_holm),
            VERDICTS[each.verdict],
        ]
        for each in ordered
    ]
    titles = ["strategy", "tried", "score then", "what it brings", "SD over folds", "p", ""]
    note = (
        f"{say_metric(facts)} on {say_count(found.rows)} rows in {found.folds} folds; as it is {say_score(found.score)}"
    )
    return [
        Heading("What each strategy brings", note),
        Table(rows, titles, right=frozenset({2})),
        Items([_advice(each) for each in ordered if each.verdict != "not_told_apart"]),
        Paragraph(_how_to_read(found), quiet=True),
    ]


def _change(each: Contribution) -> str:
    return f"{'with' if each.put_in else 'without'}: {each.value}"


def _advice(each: Contribution) -> str:
    better = (each.verdict == "helps") == each.put_in
    setting = f"`{each.field} = {_toml(each.value)}`"
    if better:
        return f"{each.title}: {setting} under [training] would be better here."
    return f"{each.title}: leave it as it is."


def _toml(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _how_to_read(found: Ablation) -> str:
    return (
        f"{say_many((len(found.contributions) + 1) * found.folds, 'training')} on about {say_count(found.train_rows)} rows each in "
        f"{say_seconds(found.seconds)}. Each row was answered by a model that neither learned from it nor chose its epoch by it; "
        "sealed rows were not answered. Intervals hold for all strategies together at 95 %, p is corrected for their number (Holm)."
    )
