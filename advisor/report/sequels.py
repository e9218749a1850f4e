"""What came after the run: each later evaluation beside the forecast and the sealed rows, on one scale and line by line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.report.blocks import Block, Forest, Heading, Paragraph, Table, Whisker
from advisor.report.contents import say_place
from advisor.report.evaluation import LIVE_VERDICTS
from advisor.report.wording import say_count, say_improvement, say_improvement_range, say_p, say_score, say_share
from advisor.rulebook import say_way
from pipeline.live_results import Drift, Evaluation
from pipeline.results import Result

MOST_SHOWN = 20
"""The newest evaluations; a model that is watched daily has hundreds."""
TITLES = ("rows that came later", "verdict", "change since the sealed rows (95 %)", "against the forecast", "drift")
NOTE = "Forecast before training, outcome on the sealed rows, then every row that was evaluated later, oldest first."
FINE_TUNED = "fine_tuned"


@dataclass(frozen=True)
class Sequel:
    """One later evaluation, and the folder in the run that holds it."""

    folder: str
    found: Evaluation

    @property
    def title(self) -> str:
        """What was evaluated and when."""
        return f"{self.found.time[:10]} {self.found.data}"


def newest(evaluations: Mapping[str, Evaluation]) -> list[Sequel]:
    """Those that are shown, oldest first, from all by their folders."""
    found = [Sequel(folder, each) for folder, each in evaluations.items()]
    return sorted(found, key=lambda each: each.found.time)[-MOST_SHOWN:]


def sequel_whiskers(result: Result | None, sequels: Sequence[Sequel]) -> list[Whisker]:
    """Forecast, outcome and each later score that is the same quantity, for one scale; empty where none was scored."""
    scored = [each for each in sequels if each.found.score is not None and _is_same_score(result, each)]
    if not scored:
        return []
    found = [] if result is None else _before(result)
    for each in scored:
        assert each.found.score is not None
        now = each.found.score.now
        low, high = (now.score, now.score) if now.why_no_interval else (now.low, now.high)
        rows = f"{say_count(each.found.score.rows)} labelled rows, {say_way(each.found.way)} way"
        note = " ".join(part for part in (rows + ".", now.why_no_interval) if part)
        found.append(Whisker(each.title, now.score, low, high, note, interval=not now.why_no_interval))
    return found


def _is_same_score(result: Result | None, sequel: Sequel) -> bool:
    assert sequel.found.score is not None
    return result is None or sequel.found.score.facts.name == result.metric_facts.name


def _before(result: Result) -> list[Whisker]:
    expected, came = result.forecast.score, result.fine_tuned
    level = f"{say_count(100 * expected.level)} % interval, before training."
    low, high = (came.score, came.score) if came.why_no_interval else (came.low, came.high)
    return [
        Whisker("forecast", expected.point, expected.low, expected.high, level),
        Whisker("sealed rows", came.score, low, high, came.why_no_interval, strong=True, interval=low < high),
    ]


def sequel_rows(result: Result | None, sequels: Sequence[Sequel]) -> list[list[str]]:
    """A line for each: what was found, beside what was expected."""
    return [
        [each.title, LIVE_VERDICTS[each.found.verdict][0], _change(each.found), _against(result, each), _drift(each)]
        for each in sequels
    ]


def sequel_blocks(result: Result | None, sequels: Sequence[Sequel]) -> list[Block]:
    """The same for the terminal; empty without later evaluations."""
    if not sequels:
        return []
    whiskers = sequel_whiskers(result, sequels)
    return [
        Heading("Since then", NOTE),
        *([Forest(whiskers)] if whiskers else []),
        Table(sequel_rows(result, sequels), TITLES),
        Paragraph(sequels[-1].found.because[0]),
    ]


def _change(found: Evaluation) -> str:
    if found.score is None:
        return "no labels"
    change = found.score.change
    if change is None:
        return "no score to hold it against"
    gain = say_improvement(change.point, found.score.facts)
    ends = say_improvement_range(change.low, change.high, found.score.facts)
    return gain if change.why_no_interval else f"{gain} ({ends})"


def _against(result: Result | None, sequel: Sequel) -> str:
    score = sequel.found.score
    if result is None or score is None or sequel.found.way != FINE_TUNED or not _is_same_score(result, sequel):
        return "–"
    return f"{say_score(score.now.score)}: {say_place(score.now.score, result.forecast)}"


def _drift(sequel: Sequel) -> str:
    drift: Drift | None = sequel.found.drift
    said = []
    if drift is not None and drift.texts is not None:
        said.append(f"texts told apart {drift.texts.area.point:.2f}, {say_p(drift.texts.p)}")
    if drift is not None and drift.answers is not None:
        said.append(f"{say_share(drift.answers.moved)} of the answers moved, {say_p(drift.answers.p)}")
    marks = sequel.found.marks
    if marks is not None and marks.marked:
        said.append(f"{say_share(marks.right.point)} of {say_count(marks.marked)} marks say right")
    return "; ".join(said) or "–"
