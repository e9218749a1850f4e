"""Writes `report.html`: one file that asks nothing of the network, from the same records as the terminal's report."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from advisor.records import Answers, Audit, Decision, Measurements
from advisor.report import contents, diagrams, evaluation, examination, findings, forgetting, plots, sequels, wording
from advisor.report.blocks import Heading
from advisor.report.recipes import choices, left_out
from advisor.report.safe_text import clip, visible
from pipeline.errors import StorageError
from pipeline.live_results import Evaluation
from pipeline.results import Result

TEMPLATES = Path(__file__).resolve().parent
MOST_IN_MATRIX = 20
"""Classes above which a confusion matrix cannot be read; the most confused pairs stand in for it."""
MOST_CLASSES = 300
MOST_PAIRS = 6
MOST_PAIRS_ALONE = 20
MOST_WORST = 20
MOST_CLASS_BARS = 24
MOST_SUSPECTS = 50
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion matrix."""

    rows: int
    share: float
    """Of the rows of its true class."""
    right: bool


def write_page(path: Path, report: contents.Report) -> None:
    """Write the report as a page.

    Raises:
        StorageError: The folder cannot take it.
    """
    answers, decision, result = report.answers, report.decision, report.result
    page = _template().render(
        answers=answers,
        measured=report.measurements,
        decision=decision,
        result=result,
        sheet=report.sheet,
        steps=report.steps.steps,
        show_rows=answers.provenance.personal_data != "yes",
        questions=contents.questions(answers, decision),
        later=_later_parts(report),
        **_decision_parts(answers, report.measurements, decision, result),
        **_result_parts(result),
    )
    _write(path, page)


def write_audit_page(path: Path, audit: Audit, name: str) -> None:
    """Write an audit as a page.

    Raises:
        StorageError: The folder cannot take it.
    """
    verdict, tone, headline = findings.audit_verdict(audit)
    severities = [finding.severity for finding in audit.findings]
    page = _template("audit.html.jinja").render(
        audit=audit,
        name=name,
        verdict=verdict,
        tone=tone,
        headline=headline,
        grades=[(wording.GRADES[each][2], severities.count(each)) for each in wording.GRADES if each in severities],
        facts=findings.facts(audit),
        suspects=[(each, findings.say_doubt(audit, each)) for each in audit.suspects[:MOST_SUSPECTS]],
        reading=contents.explain_reading(audit.reading) if audit.reading else [],
        class_bars=_class_bars(audit.classes),
        histogram=plots.plot_lengths(audit.lengths) if audit.lengths else None,
    )
    _write(path, page)


def write_evaluation_page(path: Path, found: Evaluation) -> None:
    """Write what was found on new rows as a page.

    Raises:
        StorageError: The folder cannot take it.
    """
    badge, *rest = evaluation.evaluation_blocks(found)
    parts: list[dict[str, Any]] = []
    for each in rest:
        if isinstance(each, Heading):
            parts.append({"title": each.title, "note": each.note, "blocks": []})
        elif parts:
            parts[-1]["blocks"].append({"kind": type(each).__name__, "shown": each})
    template = _template("evaluation.html.jinja")
    _write(path, template.render(found=found, badge=badge, others=found.because[1:], sections=parts))


def _write(path: Path, page: str) -> None:
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(page, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise StorageError(
            f"'{path}' cannot be written: {error.strerror}.", "Free some space or choose another folder."
        ) from error


def _template(name: str = "page.html.jinja") -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clip=clip, prose=_prose, grade=wording.GRADES.get, amount_of=findings.say_amount_of)
    environment.filters.update(slice_error=examination.say_slice_error, with_reach=examination.say_with_reach)
    environment.filters.update(
        {name.removeprefix("say_"): getattr(wording, name) for name in vars(wording) if name.startswith("say_")}
    )
    return environment.get_template(name)


def _finalize(value: Any) -> Any:
    """What the data says is shown as it is; jinja escapes it for HTML afterwards."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _prose(text: str) -> Markup:
    """A sentence of ours, in which backticks set off what is to be typed."""
    parts = [Markup.escape(visible(part)) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return Markup.escape(visible(text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts)
    )


def _decision_parts(
    answers: Answers, measurements: Measurements, decision: Decision, result: Result | None
) -> dict[str, Any]:
    title, tone = wording.VERDICTS[decision.verdict]
    forecast = decision.forecast
    outcome = result.outcome if result else None
    curve = measurements.prospects.curve if measurements.prospects else None
    return {
        "name": contents.title_of(answers),
        "verdict": title,
        "tone": tone,
        "rivals_plot": plots.plot_scores(decision.rivals, decision.good_enough) if decision.rivals else None,
        "rivals_note": contents.where_scored(decision, measurements),
        "interval_explained": contents.explain_intervals(answers, decision),
        "forecast_lines": contents.compare_forecast(forecast, outcome, decision.metric_facts) if forecast else [],
        "forecast_plot": plots.plot_forecast(forecast, outcome) if forecast else None,
        "learning": diagrams.plot_learning(
            curve, wording.say_metric(decision.metric_facts), measurements.dataset.train_rows, forecast, outcome
        )
        if curve
        else None,
        "learning_said": contents.say_curve(curve, decision.metric_facts) if curve else "",
        "price": contents.money(answers, forecast.train_wall_seconds) if forecast else None,
        "reading": contents.explain_reading(read) if (read := measurements.dataset.reading) else [],
        "choices": choices(decision.recipe) if decision.recipe else [],
        "left_out": left_out(decision.recipe) if decision.recipe else [],
        "class_bars": _class_bars(measurements.dataset.rows_per_class),
        "costs": contents.costs(measurements),
        "by_size": contents.say_order_by_size(decision.recommendation.ranking),
        "own_cost": contents.say_own_cost(measurements, decision),
    }


def _class_bars(rows_per_class: dict[str, int]) -> Sequence[tuple[str, int, float]]:
    """Classes with their rows and their share of the largest, largest first; the smallest ones when there are many."""
    ordered = sorted(rows_per_class.items(), key=lambda pair: -pair[1])
    most = max(rows_per_class.values(), default=1) or 1
    return [(label, rows, rows / most) for label, rows in ordered[-MOST_CLASS_BARS:]]


def _result_parts(result: Result | None) -> dict[str, Any]:
    if result is None:
        return {}
    title, tone = wording.RESULTS[result.verdict]
    matrix = _matrix(result)
    weakest = sorted(result.errors.by_class, key=lambda one: one.f1)[:MOST_CLASSES]
    return {
        "result_verdict": title,
        "result_tone": tone,
        "result_note": contents.say_test(result),
        "result_mended": contents.say_mended(result),
        "sealed_plot": plots.plot_scores(contents.with_fine_tuned(result)),
        "sealed_explained": wording.SEALED_EXPLAINED,
        "matrix": matrix,
        "pairs": contents.confused_pairs(result, MOST_PAIRS if matrix else MOST_PAIRS_ALONE),
        "weakest": weakest,
        "curves": plots.plot_epochs(result.epochs, result.best_epoch, wording.say_metric(result.metric_facts)),
        "sealed": contents.with_fine_tuned(result),
        "parts": _examined_parts(result),
        "forgetting_rows": forgetting.forgetting_rows(result.forgetting) if result.forgetting else [],
        "forgetting_found": forgetting.say_found(result.forgetting) if result.forgetting else [],
        "forgetting_titles": forgetting.TITLES,
        "forgetting_note": forgetting.say_how(result.forgetting) if result.forgetting else "",
        "most_worst": MOST_WORST,
        "longest_text": LONGEST_TEXT,
    }


def _examined_parts(result: Result) -> dict[str, Any]:
    """What the sections beside the scores are drawn from."""
    errors = result.errors
    return {
        "scores": examination.score_rows(result),
        "score_titles": examination.score_titles(result),
        "scores_without_reach": examination.say_scores_without_reach(errors.by_class),
        "why_no_intervals": examination.why_no_intervals(result),
        "comparisons": examination.comparison_rows(result),
        "comparison_note": examination.comparison_note(result),
        "gain_range": contents.say_gain_range(result.difference, result.metric_facts),
        "calibration": examination.say_calibration(errors.calibration) if errors.calibration else "",
        "reliability": diagrams.plot_reliability(errors.calibration) if errors.calibration else None,
        "abstaining": diagrams.plot_abstentions(errors.abstentions) if len(errors.abstentions) > 1 else None,
        "drops": examination.drop_rows(errors.robustness, result.metric_facts) if errors.robustness else [],
        "drop_titles": examination.DROP_TITLES,
        "suspected_explained": examination.SUSPECTED_EXPLAINED,
    }


def _later_parts(report: contents.Report) -> dict[str, Any] | None:
    """What was evaluated after the run; None where nothing was."""
    shown = sequels.newest(report.evaluations)
    if not shown:
        return None
    whiskers = sequels.sequel_whiskers(report.result, shown)
    return {
        "note": sequels.NOTE,
        "plot": plots.plot_whiskers(whiskers) if whiskers else None,
        "titles": sequels.TITLES,
        "lines": list(zip(sequels.sequel_rows(report.result, shown), shown, strict=True)),
        "older": len(report.evaluations) - len(shown),
    }


def _matrix(result: Result) -> list[tuple[str, list[Cell]]]:
    """True classes with a cell for each answer; empty when there are too many to read."""
    if not result.errors.confusion or len(result.classes) > MOST_IN_MATRIX:
        return []
    return [
        (label, [Cell(count, count / max(sum(counts), 1), row == column) for column, count in enumerate(counts)])
        for row, (label, counts) in enumerate(zip(result.classes, result.errors.confusion, strict=True))
    ]
