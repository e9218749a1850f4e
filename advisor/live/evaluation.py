"""`advisor evaluate`: how a model does on rows that came after its run, and how those rows have changed."""

import datetime
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from advisor.live.newcomers import Newcomers, meet, without_copies
from advisor.live.verdict import judge
from advisor.measuring import Measuring, Progress
from advisor.records import Measurements
from advisor.report.page import write_evaluation_page
from advisor.reporting import gather, save_page
from advisor.rulebook import load_live, load_rules
from advisor.run_folder import EVALUATIONS, RunFolder, stamp
from advisor.way import FINE_TUNED, Way
from pipeline.data.dataset import Dataset, log_test_reading
from pipeline.errors import PipelineError
from pipeline.evaluation.calibration import calibration
from pipeline.evaluation.comparison import score
from pipeline.evaluation.coverage import why_no_interval
from pipeline.evaluation.drift import MOST_SHOWN, compare_answers, compare_means, estimate_shares, tell_apart
from pipeline.evaluation.intervals import independent_difference, score_interval
from pipeline.evaluation.neighbours import unit_features
from pipeline.evaluation.slices import Sliceable, find_slices
from pipeline.live_results import AnswerShift, Drift, Evaluation, LiveScore, Marks, TextDrift
from pipeline.records import Interval, Plan, Score
from pipeline.results import Difference, ErrorAnalysis, Result, ScoreLine
from pipeline.storage import load_predictions, load_record, save_record, storage_error
from pipeline.task import Answer, Predictions, Rows

if TYPE_CHECKING:
    import pandas as pd

MOST_COMPARED = 1_000
"""Rows of each side that a classifier tries to tell apart: enough to find an area of 0.55 nearly always."""
FEWEST = 30
"""Rows of each side from which a comparison says anything."""


@dataclass(frozen=True)
class Given:
    """What is to be evaluated.

    Attributes:
        way: What answers, reading the columns as they are named here.
        table: The rows, its index their numbers.
        name: What they are called.
        labelled: Whether their labels count; None for as the table has them.
        marks: What people said of the answers, where the rows were served.
    """

    way: Way
    table: "pd.DataFrame"
    name: str
    labelled: bool | None = None
    marks: Marks | None = None


@dataclass(frozen=True)
class _Reference:
    """Rows that the way answered and did not learn from: the sealed ones, after they were opened."""

    truth: tuple[Answer, ...]
    predictions: Predictions


def evaluate(given: Given, progress: Progress) -> Evaluation:
    """Answer the rows, score those that have labels, compare all with what the run knew, and save what was found.

    Raises:
        DataError: The rows cannot be read, or none is new.
        StorageError: The run folder cannot take the result.
    """
    begun = time.perf_counter()
    way, left_out = given.way, dict[str, str]()
    data = _data_of_run(way.folder, progress, left_out)
    progress.step("answering the rows")
    new = meet(way, given.table, given.name, data, labelled=given.labelled)
    answers = way.predict(new.rows)
    reference = _reference(way, left_out)
    found = _score(given, new, answers) if len(new.labelled) else None
    if found is None:
        left_out["score"] = "The rows have no labels, so nothing says how many answers are right."
    progress.step("comparing the rows with those of the run")
    drift = _drift(way, new, answers, reference, data, left_out)
    verdict, because = judge(load_live(), found, drift, given.marks)
    made = Evaluation(
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        data=given.name,
        way=way.key,
        verdict=verdict,
        because=because,
        rows=new.given,
        labelled_rows=len(new.labelled),
        known_rows=new.known,
        unknown_labels=new.unknown,
        score=found,
        drift=drift,
        marks=given.marks,
        left_out=left_out,
        classes=new.classes,
        seconds=time.perf_counter() - begun,
    )
    _save(way.folder, made)
    return made


def _save(folder: RunFolder, made: Evaluation) -> None:
    """Into a folder of its own, named for the time; the report of the run, where it has one, then shows it too."""
    name, number = stamp(), 1
    target = folder.path / EVALUATIONS / name
    try:
        while target.exists():
            number += 1
            target = target.with_name(f"{name}-{number}")
        target.mkdir(parents=True)
    except OSError as error:
        raise storage_error(target, error) from error
    save_record(made, target / "evaluation.json")
    write_evaluation_page(target / "evaluation.html", made)
    if folder.has("decision.json"):
        save_page(folder, gather(folder))


def _data_of_run(folder: RunFolder, progress: Progress, left_out: dict[str, str]) -> Dataset | None:
    """All rows of the run; None, and why, where its data is not here: a model that was handed over can still be scored."""
    try:
        return Measuring(folder, load_rules(), progress).data
    except PipelineError as error:  # a door: what else can be said is said
        left_out["texts"] = f"The texts were not compared with the training data: {error.problem} {error.fix}"
        return None


def _reference(way: Way, left_out: dict[str, str]) -> _Reference | None:
    path = way.folder.path / "predictions" / f"{way.key}.parquet"
    if not path.is_file():
        left_out["answers"] = (
            f"The {way.title} way answered no rows in this run that it did not learn from, so nothing says how its answers "
            "and its confidence were spread before."
        )
        return None
    truth, predictions = load_predictions(path, way.classes)
    log_test_reading(way.folder.path, "compare answers to new rows with those to the sealed rows", len(truth))
    return _Reference(truth, predictions)


def _score(given: Given, new: Newcomers, answers: Predictions) -> LiveScore:
    way, rows = given.way, new.labelled
    metric, task = way.metric, way.task
    ours = _for(rows, answers, len(new.classes) - len(way.classes))
    now = score(way.key, task.metrics, metric, rows, [ours], new.classes, way.seed)
    before, before_on = _score_before(way)
    others = [each for each in [*task.metrics.values(), *task.beside.values()] if each.name != metric.name]
    lines = []
    for each in [metric, *others]:
        statistics = each.of(rows.answers, ours, new.classes)
        if statistics is not None:
            why = why_no_interval(each.name, len(rows), "score")
            interval = score_interval(each, [statistics], way.seed)
            lines.append(ScoreLine(facts=each.facts, ours=interval, theirs=None, difference=None, why_no_interval=why))
    return LiveScore(
        facts=metric.facts,
        rows=len(rows),
        now=now,
        before=before,
        before_on=before_on,
        change=None if before is None else _change(now, before, higher_is_better=metric.higher_is_better),
        scores=lines,
        errors=_errors(given, new, ours),
    )


def _for(rows: Rows, answers: Predictions, unknown: int) -> Predictions:
    """The answers to these rows, with no probability for labels that the model does not know."""
    places = {row: place for place, row in enumerate(answers.row_ids)}
    order = [places[row] for row in rows.ids]
    scores = None if answers.scores is None else np.pad(answers.scores[order], ((0, 0), (0, unknown)))
    return Predictions(
        rows.ids,
        tuple(answers.answers[place] for place in order),
        scores,
        None if answers.confidence is None else answers.confidence[order],
    )


def _score_before(way: Way) -> tuple[Score | None, str]:
    """What the run measured for this way, on rows that it did not learn from."""
    if way.folder.has("result.json"):
        result = way.folder.load("result", Result)
        found = [result.fine_tuned] if way.key == FINE_TUNED else result.rivals
        where = "the sealed rows"
    else:
        rivals = way.folder.load("measurements", Measurements).rivals
        found, where = [] if rivals is None else rivals.rivals, "training rows, cross-validated"
    return next((each for each in found if each.name == way.key and each.metric == way.metric.name), None), where


def _change(now: Score, before: Score, *, higher_is_better: bool) -> Difference:
    ours, theirs = (
        Interval(point=each.score, low=each.low, high=each.high, standard_error=each.standard_error)
        for each in (now, before)
    )
    found = independent_difference(ours, theirs, higher_is_better=higher_is_better)
    return Difference(
        point=found.point,
        low=found.low,
        high=found.high,
        p=None,
        standard_error=found.standard_error,
        why_no_interval=now.why_no_interval or before.why_no_interval,
    )


def _errors(given: Given, new: Newcomers, ours: Predictions) -> ErrorAnalysis:
    """Where it fails on these rows; nothing is compared with a rival."""
    way, rows = given.way, new.labelled
    task = way.task
    found = task.analyse_errors(rows, ours, ours, new.classes, show_rows=way.show_rows)
    mistakes = task.mistakes(rows.answers, ours.answers)
    plan = load_record(Plan, way.folder.path / "plan.json") if way.folder.has("plan.json") else None
    sliceable = Sliceable(
        rows=rows,
        kinds=[task.kinds(answer) for answer in rows.answers],
        columns=_beside(given, new, [] if plan is None else plan.data.slices),
        languages={} if plan is None else plan.languages,
        words=way.show_rows,
    )
    update: dict[str, object] = {"slices": find_slices(sliceable, mistakes, are_sizes=not way.classes, seed=way.seed)}
    if ours.confidence is not None:
        rightness = task.rightness(rows.answers, ours.answers)
        temperature = getattr(way.predict, "temperature", 1.0)
        update["calibration"] = calibration(ours.confidence, rightness, task.confidence_of, temperature, None, way.seed)
    return found.model_copy(update=update)


def _beside(given: Given, new: Newcomers, wanted: Sequence[str]) -> dict[str, list[str]]:
    """Further columns that rows are told apart by, as in the run."""
    numbers = {str(number): place for place, number in enumerate(given.table.index)}
    order = [numbers[row] for row in new.labelled.ids]
    return {
        name: [str(given.table[name].iloc[place]) for place in order] for name in wanted if name in given.table.columns
    }


def _drift(
    way: Way,
    new: Newcomers,
    answers: Predictions,
    reference: _Reference | None,
    data: Dataset | None,
    left_out: dict[str, str],
) -> Drift:
    found = Drift(rows=len(new.rows))
    if data is not None:
        found = found.model_copy(update={"texts": _text_drift(way, new.rows, data, left_out)})
    if reference is None:
        return found
    if min(len(reference.truth), len(new.rows)) < FEWEST:
        left_out["answers"] = f"Answers and confidence were not compared: that takes {FEWEST} rows on each side."
        return found
    before = reference.predictions
    update: dict[str, object] = {"answers": _answer_shift(way, before, answers)}
    if before.confidence is not None and answers.confidence is not None:
        update["confidence"] = compare_means(before.confidence, answers.confidence, way.seed, (0.0, 1.0))
    if not way.classes:
        numbers = [np.array(each.answers, dtype=float) for each in (before, answers)]
        update["numbers"] = compare_means(numbers[0], numbers[1], way.seed, (-np.inf, np.inf))
    return found.model_copy(update=update)


def _text_drift(way: Way, rows: Rows, data: Dataset, left_out: dict[str, str]) -> TextDrift | None:
    known = without_copies(data.on("train"), MOST_COMPARED, way.seed)
    new = without_copies(rows, MOST_COMPARED, way.seed)
    if min(len(known), len(new)) < FEWEST:
        left_out["texts"] = (
            f"The texts were not compared: that takes {FEWEST} different ones on each side, and there are {len(new)} new."
        )
        return None
    try:
        read = unit_features(way.embedder(), way.pooling, by_words=way.task.by_words)
    except PipelineError as error:  # a door: what else can be said is said
        left_out["texts"] = f"The texts were not compared with the training data: {error.problem} {error.fix}"
        return None
    return tell_apart(read(known.inputs), read(new.inputs), way.seed)


def _answer_shift(way: Way, before: Predictions, now: Predictions) -> AnswerShift | None:
    """How the answers have moved; the shares behind them where the model gives a probability for each class."""
    kinds = [[way.task.kinds(answer) for answer in each.answers] for each in (before, now)]
    found = compare_answers(kinds[0], kinds[1], way.seed)
    if found is None:
        return None
    estimated: dict[str, Interval] = {}
    if before.scores is not None and now.scores is not None:
        one_label = all(isinstance(answer, str) for answer in now.answers)
        shares = estimate_shares(before.scores, now.scores, way.seed, one_label=one_label)
        estimated = dict(zip(way.classes, shares, strict=True))
    shares_shown = [
        each.model_copy(update={"estimated": estimated.get(each.answer)}) for each in found.shares[:MOST_SHOWN]
    ]
    return found.model_copy(update={"shares": shares_shown})
