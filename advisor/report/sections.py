"""The decision and the result as blocks, section by section in the order that a person reads them."""

from collections.abc import Sequence

from advisor.records import Answers, Decision, Measurements
from advisor.report.blocks import Badge, Bar, Block, Command, Forest, Heading, Items, Paragraph, Table, Whisker
from advisor.report.contents import (
    compare_forecast,
    confused_pairs,
    costs,
    explain_intervals,
    explain_reading,
    money,
    questions,
    say_curve,
    say_gain_range,
    say_mended,
    say_order_by_size,
    say_own_cost,
    say_repetitions,
    say_test,
    title_of,
    where_scored,
    with_fine_tuned,
)
from advisor.report.examination import examination_blocks, say_narrow_reach, say_scores_without_reach
from advisor.report.findings import finding_blocks
from advisor.report.forgetting import forgetting_blocks
from advisor.report.recipes import choices, left_out
from advisor.report.safe_text import clip
from advisor.report.wording import (
    RESULTS,
    SEALED_EXPLAINED,
    VERDICTS,
    say_count,
    say_headline,
    say_improvement,
    say_metric,
    say_p,
    say_probability,
    say_score,
    say_seconds,
    say_title,
)
from advisor.rulebook import say_way
from pipeline.records import NextSteps, Score
from pipeline.results import Result

MOST_CLASSES = 12
MOST_MODELS = 5
MOST_PAIRS = 5
MOST_WORST = 5
MOST_CHARACTERS = 160


def verdict_blocks(answers: Answers, decision: Decision) -> list[Block]:
    """The verdict and why."""
    title, tone = VERDICTS[decision.verdict]
    return [
        Badge(title, tone, say_headline(decision), title_of(answers)),
        Heading("Why"),
        Items([reason.because for reason in decision.reasons]),
    ]


def decision_blocks(answers: Answers, measurements: Measurements, decision: Decision) -> list[Block]:
    """The whole report on a decision."""
    return [
        *verdict_blocks(answers, decision),
        *_factors(decision),
        *_rivals(answers, measurements, decision),
        *_models(decision),
        *_recipe(decision),
        *_forecast(answers, measurements, decision),
        *_learning(measurements, decision),
        *_reading(measurements),
        *finding_blocks(measurements.audit),
        *_flips(decision),
        *_not_asked(answers, decision),
        *_cost(measurements, decision),
    ]


def _factors(decision: Decision) -> list[Block]:
    blocks: list[Block] = [Heading("The five factors", "4 points speak for fine-tuning, 0 against")]
    for factor in decision.factors:
        shown = f"{factor.points:g} of 4"
        blocks.append(Bar(say_title(factor.key), factor.points, 4, shown, factor.because, factor.evidence))
    return blocks


def _rivals(answers: Answers, measurements: Measurements, decision: Decision) -> list[Block]:
    if not decision.rivals:
        return [Heading("Rivals"), Paragraph("None was measured: the data allows no fit.")]
    blocks: list[Block] = [
        Heading("Rivals: the cheap ways", where_scored(decision, measurements)),
        Forest([_whisker(score) for score in decision.rivals], decision.good_enough, "good enough"),
        *_beside(decision.rivals),
    ]
    explained = explain_intervals(answers, decision)
    return [*blocks, Paragraph(explained, quiet=True)] if explained else blocks


def _whisker(score: Score, *, strong: bool = False) -> Whisker:
    note = " ".join(each for each in (score.note, say_repetitions(score), score.why_no_interval) if each)
    low, high = (score.score, score.score) if score.why_no_interval else (score.low, score.high)
    return Whisker(say_way(score.name), score.score, low, high, note, strong, interval=not score.why_no_interval)


def _beside(scores: Sequence[Score]) -> list[Block]:
    """The task's other metrics, where it has any."""
    others = list(scores[0].beside)
    if not others:
        return []
    rows = [[say_way(score.name), *(say_score(score.beside[name]) for name in others)] for score in scores]
    titles = ["beside it", *(say_title(name) for name in others)]
    return [Table(rows, titles, right=frozenset(range(1, len(titles))))]


def _models(decision: Decision) -> list[Block]:
    chosen = decision.recommendation
    if not chosen.ranking:
        return []
    blocks: list[Block] = [Heading("Models, best first", "scores are comparable within this ranking only")]
    if chosen.model:
        runner_up = f" Runner-up: {chosen.runner_up}." if chosen.runner_up else ""
        blocks.append(Paragraph(f"Recommended: {chosen.model}. {chosen.because}{runner_up}"))
    listed = [ranked for place, ranked in enumerate(chosen.ranking) if place < MOST_MODELS or ranked.measured]
    for ranked in listed:
        place = chosen.ranking.index(ranked) + 1
        shown = f"{ranked.score:.2f}, {'measured' if ranked.measured else 'not measured here'}"
        blocks.append(Bar(f"{place}. {ranked.model}", ranked.score, 1, shown, ranked.because))
    by_size = say_order_by_size(chosen.ranking)
    if by_size:
        blocks.append(Paragraph(by_size))
    if len(chosen.ranking) > len(listed):
        blocks.append(Paragraph(f"{len(chosen.ranking) - len(listed)} more are ranked in report.html."))
    return blocks


def _forecast(answers: Answers, measurements: Measurements, decision: Decision) -> list[Block]:
    if decision.forecast is None:
        return [Heading("Forecast"), Paragraph("None: the verdict was clear without one.")]
    forecast = decision.forecast
    level = say_probability(forecast.score.level)
    lines = compare_forecast(forecast, None, decision.metric_facts)
    rows = [[line.what, line.forecast] for line in lines]
    rows[0][1] += f", {level} interval"
    rows[1][1] += f" (useful: {say_improvement(decision.useful_gain, decision.metric_facts)} or more)"
    price = money(answers, forecast.train_wall_seconds)
    if price:
        rows.append(["Price", price])
    blocks: list[Block] = [Heading("Forecast", "of the fine-tuned model, before training"), Table(rows)]
    if decision.smallest_provable_gain is not None:
        rows_sealed = say_count(measurements.dataset.test_rows)
        gain = say_improvement(decision.smallest_provable_gain, decision.metric_facts)
        blocks.append(Paragraph(f"With {rows_sealed} sealed rows the smallest gain that can be proven is {gain}."))
    return blocks


def _learning(measurements: Measurements, decision: Decision) -> list[Block]:
    curve = measurements.prospects.curve if measurements.prospects else None
    if curve is None:
        return []
    facts = decision.metric_facts
    whiskers = [
        Whisker(f"{say_count(point.rows)} rows", point.score.point, point.score.low, point.score.high)
        for point in curve.points
    ]
    return [
        Heading("What more rows would bring", f"{say_metric(facts)} of the linear probe fitted to fewer rows"),
        Forest(whiskers),
        Paragraph(say_curve(curve, facts)),
    ]


def _reading(measurements: Measurements) -> list[Block]:
    found = measurements.dataset.reading
    return [] if found is None else [Heading("How the columns were read"), Items(explain_reading(found))]


def _recipe(decision: Decision) -> list[Block]:
    if decision.recipe is None:
        return []
    lines = [f"{each.what}: {each.value}. {each.because}".rstrip() for each in choices(decision.recipe)]
    unused = ", ".join(each.what for each in left_out(decision.recipe))
    return [
        Heading("How it is trained", "each can be set under [training] in the answers"),
        Items(lines),
        *([Paragraph(f"Left out: {unused}. The page tells what each would do.", quiet=True)] if unused else []),
    ]


def _flips(decision: Decision) -> list[Block]:
    if not decision.flips:
        return []
    lines = [f"{say_title(flip.factor)}: {flip.because}" for flip in decision.flips]
    return [Heading("What would flip the verdict"), Items(lines)]


def _not_asked(answers: Answers, decision: Decision) -> list[Block]:
    silent = [question for question in questions(answers, decision) if not question.asked]
    if not silent:
        return []
    rows = [[question.key, "not asked", question.answer] for question in silent]
    return [Heading("Not asked", "the default on the right stands in for an answer"), Table(rows, quiet=frozenset({1}))]


def _cost(measurements: Measurements, decision: Decision) -> list[Block]:
    rows = [[what, say_seconds(seconds)] for what, seconds in costs(measurements)]
    rows.append(["Together", f"{say_seconds(measurements.seconds)}"])
    rows.append(["Processor time", f"{say_seconds(measurements.cpu_seconds)}"])
    said = say_own_cost(measurements, decision)
    note = [Paragraph(said)] if said else []
    return [Heading("What it cost to find out"), Table(rows, right=frozenset({1})), *note]


def result_verdict_blocks(result: Result) -> list[Block]:
    """The verdict on the run."""
    title, tone = RESULTS[result.verdict]
    return [Badge(title, tone, result.because, "the result")]


def result_blocks(result: Result) -> list[Block]:
    """The whole report on a result."""
    return [
        *result_verdict_blocks(result),
        *_sealed(result),
        *_outcome(result),
        *_classes(result),
        *_own_errors(result),
        *examination_blocks(result),
        *_mistakes(result),
        *_training(result),
        *forgetting_blocks(result),
    ]


def _sealed(result: Result) -> list[Block]:
    facts = result.metric_facts
    note = f"{say_metric(facts)} on {say_count(result.test_rows)} rows, 95 % intervals"
    whiskers = [_whisker(score, strong=score is result.fine_tuned) for score in with_fine_tuned(result)]
    gain = result.difference
    test = "" if gain.p is None else f", {say_p(gain.p)} by McNemar's test of right and wrong rows"
    return [
        Heading("On the sealed rows", note),
        Forest(whiskers),
        *([] if result.scores else _beside(with_fine_tuned(result))),
        Paragraph(f"{say_test(result)} ({say_gain_range(gain, facts)}{test})."),
        Paragraph(say_mended(result)),
        Paragraph(SEALED_EXPLAINED, quiet=True),
    ]


def _outcome(result: Result) -> list[Block]:
    lines = compare_forecast(result.forecast, result.outcome, result.metric_facts)
    rows = [[line.what, line.forecast, line.outcome, line.against] for line in lines]
    note = f"{say_probability(result.forecast.score.level)} interval of the forecast, 95 % of the outcome"
    return [Heading("Forecast and outcome", note), Table(rows, ["", "forecast", "outcome", ""], quiet=frozenset({3}))]


def _classes(result: Result) -> list[Block]:
    by_class = sorted(result.errors.by_class, key=lambda one: one.f1)
    if not by_class:
        return []
    note = "weakest first"
    if len(by_class) > MOST_CLASSES:
        note = f"the {MOST_CLASSES} weakest of {len(by_class)}; all are in report.html"
    rows = [
        [
            one.label,
            say_count(one.rows),
            say_narrow_reach(one.precision, one.precision_reach),
            say_narrow_reach(one.recall, one.recall_reach),
            say_narrow_reach(one.f1, one.f1_reach),
        ]
        for one in by_class[:MOST_CLASSES]
    ]
    titles = ["class", "rows", "precision (95 %)", "recall (95 %)", "F1 (95 %)"]
    table = Table(rows, titles, right=frozenset({1, 2, 3, 4}))
    without = say_scores_without_reach(by_class)
    return [Heading("Scores by class", note), table, *([Paragraph(without, quiet=True)] if without else [])]


def _own_errors(result: Result) -> list[Block]:
    """Errors as only this kind of task has them."""
    blocks: list[Block] = []
    for table in result.errors.tables:
        right = frozenset(range(1, len(table.columns)))
        blocks += [Heading(table.title, table.note), Table(table.rows, table.columns, right=right)]
    return blocks


def _mistakes(result: Result) -> list[Block]:
    blocks: list[Block] = []
    pairs = confused_pairs(result, MOST_PAIRS)
    if pairs:
        lines = [f"{pair.rows} of {pair.of} rows of {pair.truth} were taken for {pair.answer}" for pair in pairs]
        blocks += [Heading("Most confused"), Items(lines)]
    if result.errors.worst:
        sure = result.errors.worst[0].confidence is not None
        blocks.append(Heading("Worst rows", "wrong and sure of it" if sure else "furthest from the truth"))
    for case in result.errors.worst[:MOST_WORST]:
        how = "" if case.confidence is None else f" ({say_probability(case.confidence)} sure)"
        blocks.append(Paragraph(f"{case.truth}, answered {case.answer}{how}, row {case.row_id}"))
        blocks.append(Paragraph(clip(case.text, MOST_CHARACTERS), quiet=True, indent=4))
        blocks += [
            Paragraph(
                f"nearest training row: {near.truth}, {clip(near.text, MOST_CHARACTERS)} (similarity {near.similarity:.2f})",
                quiet=True,
                indent=4,
            )
            for near in case.neighbours[:1]
        ]
    return blocks


def _training(result: Result) -> list[Block]:
    metric = result.metric_facts.title
    rows = [
        [
            f"{log.epoch:g}",
            f"{log.loss:.3f}",
            say_score(log.validation_score),
            "best" if log.epoch == result.best_epoch else "",
        ]
        for log in result.epochs
    ]
    table = Table(rows, ["epoch", "loss", f"validation {metric}", ""], right=frozenset({0, 1, 2}))
    check = result.reload
    gives = "gives the same answers" if check.passed else "does NOT give the same answers"
    saved = (
        f"Loaded again in a fresh process, the saved model {gives} on {say_count(check.rows)} validation rows "
        f"(largest difference of an output {check.largest_logit_difference:.1g}, allowed {check.tolerance:.1g})."
    )
    learned = [result.overfitting.because] if result.overfitting else []
    spread = [result.seeds.because] if result.seeds else []
    told = [*learned, *spread, *(each.because for each in result.adjustments), *result.notes]
    return [Heading("Training"), *([table] if rows else []), *([Items(told)] if told else []), Paragraph(saved)]


def step_blocks(steps: NextSteps) -> list[Block]:
    """What to do next."""
    blocks: list[Block] = [Heading("Next steps")] if steps.steps else []
    for place, step in enumerate(steps.steps, start=1):
        blocks.append(Paragraph(f"{place}. {step.title}. {step.because}"))
        if step.forecast:
            blocks.append(Paragraph(step.forecast, indent=5))
        if step.command:
            blocks.append(Command(step.command))
        if step.source:
            blocks.append(Paragraph(step.source, quiet=True, indent=5))
    return blocks
