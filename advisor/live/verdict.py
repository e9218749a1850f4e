"""Whether a model still does what its run promised, from what was found on new rows. Pure."""

from advisor.report.wording import say_count, say_metric, say_probability, say_range, say_score, say_share
from advisor.rule_records import LiveRules
from pipeline.evaluation.comparison import say_amount, say_gain
from pipeline.live_results import AnswerShift, Change, Drift, LiveScore, LiveVerdict, Marks, TextDrift
from pipeline.records import Interval
from pipeline.sentences import fill


def judge(
    rules: LiveRules, score: LiveScore | None, drift: Drift, marks: Marks | None = None
) -> tuple[LiveVerdict, list[str]]:
    """The verdict, and the sentences that say why, the most important first.

    Labels decide where there are some; without them the rows can at most be said to have drifted.
    """
    said = _Said(rules)
    verdict: LiveVerdict = "cannot_tell"
    if score is not None:
        verdict, sentence = _of_score(score)
        said.score(sentence, score)
    moved = said.drift(drift)
    if marks is not None and marks.marked:
        said.add("marked", marked=say_count(marks.marked), right=_share_with_range(marks.right))
    if score is not None:
        return verdict, said.lines
    said.add("unlabelled")
    if moved:
        said.add("label_some")
        return "drifted", said.lines
    return ("as_before" if drift.texts is not None else verdict), said.lines


def _of_score(score: LiveScore) -> tuple[LiveVerdict, str]:
    if score.change is None:
        return "cannot_tell", "no_before"
    if score.change.why_no_interval:
        return "cannot_tell", "cannot_tell"
    if score.change.high < 0:
        return "worse", "worse"
    if score.change.low > 0:
        return "better", "better"
    return "as_before", "as_before"


class _Said:
    """The sentences so far."""

    def __init__(self, rules: LiveRules) -> None:
        self.rules, self.lines = rules, list[str]()

    def number(self, name: str) -> float:
        return self.rules.numbers[name].value

    def add(self, code: str, **slots: str) -> None:
        self.lines.append(fill(self.rules.sentences[code].says, **slots))

    def score(self, code: str, found: LiveScore) -> None:
        change, facts = found.change, found.facts
        slots = {"metric": say_metric(facts), "rows": say_count(found.rows), "where": found.before_on}
        slots["now"] = _score_with_range(found.now.score, found.now.low, found.now.high, found.now.why_no_interval)
        if found.before is not None and change is not None:
            before = found.before
            slots["before"] = _score_with_range(before.score, before.low, before.high, before.why_no_interval)
            ends = " to ".join(say_gain(end, facts, unit=False) for end in (change.low, change.high))
            slots["change"] = f"{say_gain(change.point, facts)} (95 % interval {ends})"
            slots["worst"] = say_amount(max(-change.low, 0.0), facts)
        self.add(code, **slots)

    def drift(self, found: Drift) -> bool:
        """Whether anything has moved that is worth acting on."""
        parts = [
            self._texts(found.texts) if found.texts is not None else False,
            self._answers(found.answers) if found.answers is not None else False,
            self._confidence(found.confidence) if found.confidence is not None else False,
            self._numbers(found.numbers) if found.numbers is not None else False,
        ]
        return any(parts)

    def _texts(self, found: TextDrift) -> bool:
        area = f"{found.area.point:.2f} ({found.area.low:.2f} to {found.area.high:.2f})"
        if found.p >= self.number("sure"):
            self.add("texts_same", area=area)
            return False
        strong, clear = (found.area.point >= self.number(name) for name in ("strong_area", "clear_area"))
        self.add("texts_strong" if strong else "texts_clear" if clear else "texts_slight", area=area)
        return strong or clear

    def _answers(self, found: AnswerShift) -> bool:
        moved = found.p < self.number("sure") and found.moved >= self.number("moved")
        most = found.shares[0]
        if moved:
            shares = {"now": say_share(most.now), "before": say_share(most.before)}
            self.add("answers_moved", share=say_share(found.moved), answer=most.answer, **shares)
        else:
            self.add("answers_same")
        return moved

    def _confidence(self, found: Change) -> bool:
        sure = found.p < self.number("sure") and abs(found.difference.point) >= self.number("confidence")
        if not sure:
            self.add("confidence_same")
            return False
        fell = found.difference.point < 0
        shares = {"now": say_probability(found.now.point), "before": say_probability(found.before.point)}
        self.add("confidence_fell" if fell else "confidence_rose", **shares)
        return fell

    def _numbers(self, found: Change) -> bool:
        moved = found.p < self.number("sure")
        means = {"now": say_score(found.now.point), "before": say_score(found.before.point)}
        self.add("numbers_moved" if moved else "numbers_same", **(means if moved else {}))
        return moved


def _score_with_range(point: float, low: float, high: float, why_not: str) -> str:
    return say_score(point) if why_not else f"{say_score(point)} ({say_range(low, high)})"


def _share_with_range(found: Interval) -> str:
    return f"{say_share(found.point)} ({say_share(found.low)} to {say_share(found.high)})"
