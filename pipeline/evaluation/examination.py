"""Everything that the final evaluation tells beside the scores: which rows, which slices, how sure, how steady, how near to training."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.embeddings import Embedder
from pipeline.evaluation.calibration import abstentions, calibration, untempered_confidence
from pipeline.evaluation.metrics import mark_labels
from pipeline.evaluation.neighbours import nearest
from pipeline.evaluation.robustness import Trial, disturb
from pipeline.evaluation.slices import Sliceable, find_slices
from pipeline.evaluation.suspects import suspect_labels, suspect_marks, suspect_numbers
from pipeline.metric import Metric
from pipeline.results import Abstention, Calibration, ErrorAnalysis, ErrorCase, Neighbour, Suspect
from pipeline.task import Array, Predict, Predictions, Rows, Task

CHANGED_ROWS = 10
BEST_ROWS = 5
SUSPECTS = 20
LONGEST_SHOWN = 500
"""Characters of an input that is kept."""
LONGEST_NEIGHBOUR = 200
NO_CONFIDENCE = "The model gives a number and no probability, so nothing says how sure it is."


@dataclass(frozen=True)
class Examined:
    """What is examined.

    Attributes:
        task: What the rows are of.
        metric: The score that counts.
        classes: In the order of the outputs.
        test: The sealed rows, opened.
        ours: Answers of the fine-tuned model.
        theirs: Answers of the chosen rival.
        seed: Of every draw.
    """

    task: Task
    metric: Metric
    classes: Sequence[str]
    test: Rows
    ours: Predictions
    theirs: Predictions
    seed: int


@dataclass(frozen=True)
class Surroundings:
    """What the rows are examined with; nothing of it comes from the truth of a sealed row.

    Attributes:
        predict: The fine-tuned model.
        temperature: Of the model, fitted on validation rows.
        on_validation: How sure the model is of each validation row; None where it cannot tell.
        train: Rows that the model learned from.
        embedder: Frozen features, computed while measuring.
        pooling: How they become one vector.
        language: Of the texts.
        languages: Words that mark each language.
        columns: Further columns of the sealed rows, by name.
        show_rows: False where the data is personal.
    """

    predict: Predict
    temperature: float
    on_validation: Array | None
    train: Rows
    embedder: Embedder
    pooling: str
    language: str = "unknown"
    languages: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    show_rows: bool = True


def examine(given: Examined, around: Surroundings) -> ErrorAnalysis:
    """Where the fine-tuned model fails and where it does well, row by row and part by part."""
    begun = time.perf_counter()
    task, test = given.task, given.test
    found = task.analyse_errors(test, given.ours, given.theirs, given.classes, show_rows=around.show_rows)
    mistakes = task.mistakes(test.answers, given.ours.answers)
    suspects = _suspects(given)
    sliceable = Sliceable(
        rows=test,
        kinds=[task.kinds(answer) for answer in test.answers],
        columns=around.columns,
        languages=around.languages,
        words=around.show_rows,
    )
    how_sure, answered = _sureness(given, around)
    trial = Trial(test, given.ours, around.predict, by_words=task.by_words, language=around.language)
    update = {
        "suspected": len(suspects),
        "slices": find_slices(sliceable, mistakes, are_sizes=not given.classes, seed=given.seed),
        "calibration": how_sure,
        "abstentions": answered,
        "robustness": disturb(trial, given.metric, given.classes, given.seed),
        "left_out": _left_out(given),
    }
    if around.show_rows:
        update |= _rows(given, mistakes) | {"suspects": [_as_suspect(given, *each) for each in suspects[:SUSPECTS]]}
    found = _with_neighbours(found.model_copy(update=update), given, around)
    return found.model_copy(update={"seconds": time.perf_counter() - begun})


def _left_out(given: Examined) -> dict[str, str]:
    found = {}
    if given.ours.confidence is None:
        found["calibration"] = NO_CONFIDENCE
        found["abstention"] = NO_CONFIDENCE
    if given.task.by_words:
        found["suspects"] = (
            "Likely mistakes in the truth are told from one probability for each class of a row, and a sentence has "
            "one for each word: the worst rows stand in for them."
        )
    return found


def _rows(given: Examined, mistakes: Array) -> dict[str, list[ErrorCase]]:
    """Rows that the fine-tuned model answers best, and those that it alone mended or broke."""
    relief = given.task.mistakes(given.test.answers, given.theirs.answers) - mistakes
    sure = given.ours.confidence if given.ours.confidence is not None else -mistakes
    smallest = float(mistakes.min(initial=0.0)) if given.classes else np.inf
    best = [row for row in np.lexsort((-sure, mistakes)) if mistakes[row] <= smallest][:BEST_ROWS]
    mended = [row for row in np.lexsort((-sure, -relief)) if relief[row] > 0][:CHANGED_ROWS]
    broken = [row for row in np.lexsort((-sure, relief)) if relief[row] < 0][:CHANGED_ROWS]
    return {
        name: [_as_case(given, int(row)) for row in places]
        for name, places in (("best", best), ("mended_rows", mended), ("broken_rows", broken))
    }


def _as_case(given: Examined, row: int) -> ErrorCase:
    truth, ours, theirs = (each.answers[row] for each in (given.test, given.ours, given.theirs))
    said = given.task.say_answer
    inputs = given.test.inputs[row]
    return ErrorCase(
        row_id=given.test.ids[row],
        text=given.task.say_input(inputs)[:LONGEST_SHOWN],
        truth=said(inputs, truth, ours)[:LONGEST_SHOWN],
        answer=said(inputs, ours, truth)[:LONGEST_SHOWN],
        confidence=None if given.ours.confidence is None else float(given.ours.confidence[row]),
        rival=said(inputs, theirs, truth)[:LONGEST_SHOWN],
    )


def _suspects(given: Examined) -> list[tuple[int, str, float]]:
    """Rows, what is suggested instead of the truth, and the margin."""
    truth, scores = given.test.answers, given.ours.scores
    if not given.classes:
        errors = np.array(given.ours.answers, dtype=float) - np.array(truth, dtype=float)
        return [
            (row, given.task.say_answer(given.test.inputs[row], given.ours.answers[row], truth[row]), size)
            for row, size in suspect_numbers(errors)
        ]
    if scores is None:
        return []
    marks = mark_labels(truth, given.classes)
    if any(isinstance(answer, tuple) for answer in truth):
        return [
            (row, f"{'without' if marks[row, place] else 'with'} {given.classes[place]}", margin)
            for row, place, margin in suspect_marks(marks, scores)
        ]
    return [(row, given.classes[place], margin) for row, place, margin in suspect_labels(marks.argmax(axis=1), scores)]


def _as_suspect(given: Examined, row: int, suggested: str, margin: float) -> Suspect:
    inputs, truth = given.test.inputs[row], given.test.answers[row]
    return Suspect(
        row_id=given.test.ids[row],
        text=given.task.say_input(inputs)[:LONGEST_SHOWN],
        truth=given.task.say_answer(inputs, truth, given.ours.answers[row])[:LONGEST_SHOWN],
        suggested=suggested,
        margin=margin,
    )


def _sureness(given: Examined, around: Surroundings) -> tuple[Calibration | None, list[Abstention]]:
    """Whether the model is right as often as it says, and what is left when it may say that it does not know."""
    sure = given.ours.confidence
    if sure is None:
        return None, []
    rightness = given.task.rightness(given.test.answers, given.ours.answers)
    scores = None if given.task.needs_thresholds else given.ours.scores
    before = None if scores is None else untempered_confidence(scores, around.temperature)
    found = calibration(sure, rightness, given.task.confidence_of, around.temperature, before, given.seed)
    return found, abstentions(around.on_validation, sure, rightness) if around.on_validation is not None else []


def _with_neighbours(found: ErrorAnalysis, given: Examined, around: Surroundings) -> ErrorAnalysis:
    """The worst and the broken rows, each with the training rows nearest to it."""
    cases = [*found.worst, *found.broken_rows]
    places = {row: place for place, row in enumerate(given.test.ids)}
    inputs = [given.test.inputs[places[case.row_id]] for case in cases]
    near = nearest(around.embedder, around.pooling, inputs, around.train.inputs, by_words=given.task.by_words)
    told = [
        case.model_copy(update={"neighbours": [_as_neighbour(given.task, around.train, *each) for each in nearby]})
        for case, nearby in zip(cases, near, strict=True)
    ]
    return found.model_copy(update={"worst": told[: len(found.worst)], "broken_rows": told[len(found.worst) :]})


def _as_neighbour(task: Task, train: Rows, place: int, similarity: float) -> Neighbour:
    given, truth = train.inputs[place], train.answers[place]
    return Neighbour(
        text=task.say_input(given)[:LONGEST_NEIGHBOUR],
        truth=task.say_answer(given, truth, truth)[:LONGEST_NEIGHBOUR],
        similarity=min(similarity, 1.0),
    )
