"""A short real fine-tuning in a fresh process: what it gains over the probe, and what steps, scoring and memory cost.

`python -m pipeline.pilot FOLDER` reads `FOLDER/request.json` and `FOLDER/rows.parquet`, and writes `FOLDER/outcome.json`.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import theilslopes

from pipeline.apart import PROGRESS, Errand, TrainingRequest
from pipeline.errors import PipelineError
from pipeline.evaluation.intervals import difference_standard_error
from pipeline.predictors.fine_tuned import padded_tokens
from pipeline.records import PilotOutcome
from pipeline.task import Array, Rows, Task, load_task

LONGEST_STEPS = 3
VALIDATION_SHARE = 0.2


class PilotRequest(TrainingRequest):
    """What a pilot tries out."""

    longest_rows: list[int]
    """Positions of the rows with most tokens, for the memory."""
    tokens: list[int]
    """Those that occur in all rows that the run will train on; the pilot's are fewer."""
    seconds: float
    """After so many seconds of training steps in all it ends early."""
    started: float
    """`time.time()` when the process was asked for."""


def run_pilot(
    request: PilotRequest, rows: Rows, parts: Sequence[int], folder: Path, advance: Callable[[int, int], None]
) -> PilotOutcome:
    """Carry out a pilot in a fresh process.

    Args:
        request: What to try.
        rows: Labelled training rows.
        parts: For each row 0 or 1: each part is trained on and scored on the other; -1 marks rows that are only scored
            (with part 0 as the one that trains).
        folder: An empty folder for the exchange; removed afterwards.
        advance: Told how many of the steps are done.

    Raises:
        RunFailed: The process broke.
    """
    asked = request.model_copy(update={"started": time.time()})
    return PILOT.send(asked, rows, parts, folder, advance)


PILOT = Errand("pipeline.pilot", "The dry run", PilotRequest, PilotOutcome)


def _carry_out(request: PilotRequest, rows: Rows, parts: Array, folder: Path) -> PilotOutcome:
    from pipeline.training.journal import cpu_seconds, peak_memory_bytes

    task = load_task(request.task, request.options)
    metric = task.metrics[request.metric]
    arms = [0, 1] if (parts == 1).any() else [0]
    ours: list[Array] = []
    theirs: list[Array] = []
    steps: list[Any] = []
    evaluation: list[tuple[int, float, float]] = []
    start = (0.0, 0.0)
    for arm in arms:
        trained, head = _train_arm(request, task, rows.take(np.flatnonzero(parts == arm)), folder, (arm, len(arms)))
        if arm == 0:
            spent = sum(step.wall_seconds for step in trained.steps), sum(step.cpu_seconds for step in trained.steps)
            start = time.time() - request.started - spent[0], cpu_seconds() - spent[1]
        scored = rows.take(np.flatnonzero(parts != arm))
        begun = time.perf_counter(), time.process_time()
        answers = trained.model(scored).answers
        tokens = padded_tokens([len(row["input_ids"]) for row in trained.model.encode(scored.inputs)])
        evaluation.append((tokens, time.perf_counter() - begun[0], time.process_time() - begun[1]))
        ours.append(metric.statistics(scored.answers, answers, request.classes))
        theirs.append(metric.statistics(scored.answers, head(scored).answers, request.classes))
        steps += trained.steps[1:]
    _longest_batches(request, rows, trained, folder)
    one, other = np.concatenate(ours), np.concatenate(theirs)
    per_token, per_step = _step_cost([step.tokens for step in steps], [step.wall_seconds for step in steps])
    processor_share = float(np.median([step.cpu_seconds / max(step.wall_seconds, 1e-9) for step in steps]))
    evaluated = np.sum(evaluation, axis=0)
    return PilotOutcome(
        train_rows=int((parts == 0).sum()),
        scored_rows=len(one),
        gain=metric.gain(metric.score(one), metric.score(other)),
        gain_standard_error=difference_standard_error(metric, one, other, request.seed),
        probe_score=metric.score(other),
        fine_tuned_score=metric.score(one),
        start_seconds=start[0],
        start_cpu_seconds=start[1],
        seconds_per_token=per_token,
        processor_share=processor_share,
        evaluation_seconds_per_token=float(evaluated[1] / max(evaluated[0], 1)),
        evaluation_cpu_seconds_per_token=float(evaluated[2] / max(evaluated[0], 1)),
        seconds_per_step=per_step,
        peak_memory_bytes=peak_memory_bytes(),
        batch_size=request.recipe.batch_size,
        steps=len(steps) + len(arms),
        planned_steps=sum(_planned_steps(request, _trained_rows(task, int((parts == arm).sum()))) for arm in arms),
    )


def _planned_steps(request: PilotRequest, rows: int) -> int:
    return -(-rows // request.recipe.batch_size) * request.recipe.epochs


def _train_arm(request: PilotRequest, task: Task, rows: Rows, folder: Path, place: tuple[int, int]) -> tuple[Any, Any]:
    """Fine-tune on the rows of one arm; beside it the probe that was fitted on the same rows."""
    from pipeline.training.train import train

    probe = task.fit_rival("probe", request.setting(task))(rows, request.seed)
    trained = _trained_rows(task, len(rows))
    starts_from_probe = request.recipe.strategy == "probe_then_fine_tune"
    validation = rows.take(range(min(trained, len(rows) - request.recipe.batch_size), len(rows)))
    head = task.head_of(probe) if starts_from_probe else None
    job = request.job(task, rows.take(range(trained)), validation, head)
    job = replace(job, tokens=frozenset(request.tokens))
    arm, arms = place
    steps = _planned_steps(request, len(job.train))

    def report(event: str, **values: Any) -> None:
        if event == "step":
            (folder / PROGRESS).write_text(f"{arm * steps + values['step']} {arms * steps}", encoding="utf-8")

    return train(job, folder / "work", report, stop_after_seconds=request.seconds / arms), probe


def _trained_rows(task: Task, rows: int) -> int:
    """Rows that are trained on: all, but where thresholds are chosen, which takes others."""
    return rows - round(VALIDATION_SHARE * rows) if task.needs_thresholds else rows


def _longest_batches(request: PilotRequest, rows: Rows, trained: Any, folder: Path) -> None:
    """Train a few steps on the longest rows, so that the most memory that the run will need is touched once."""
    from pipeline.training.train import train

    longest = rows.take((request.longest_rows * request.recipe.batch_size)[: request.recipe.batch_size])
    recipe = request.recipe.model_copy(update={"epochs": LONGEST_STEPS, "rate_search": "none"})
    job = request.job(trained.model.task, longest, longest)
    job = replace(job, recipe=recipe, tokens=frozenset(request.tokens))
    train(job, folder / "longest", lambda *_, **__: None, stop_after_seconds=60.0)


def _step_cost(tokens: Sequence[int], seconds: Sequence[float]) -> tuple[float, float]:
    """Seconds of a step as so much for each token and so much besides, both at least zero.

    By medians (Theil-Sen), so that some steps on a suddenly busy machine do not count for all.
    """
    if len(set(tokens)) < 3:
        return float(np.median(np.divide(seconds, tokens))), 0.0
    slope = float(theilslopes(seconds, tokens).slope)
    slope = min(max(slope, 0.0), float(np.median(np.divide(seconds, tokens))))
    return slope, max(float(np.median(np.subtract(seconds, np.multiply(slope, tokens)))), 0.0)


if __name__ == "__main__":
    try:
        PILOT.carry_out(Path(sys.argv[1]), _carry_out)
    except PipelineError as error:
        sys.exit(error.problem)
