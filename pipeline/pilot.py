"""A short real fine-tuning in a fresh process: what it gains over the probe, and what steps, scoring and memory cost.

`python -m pipeline.pilot FOLDER` reads `FOLDER/request.json` and `FOLDER/rows.parquet`, and writes `FOLDER/outcome.json`.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import theilslopes

from pipeline.apart import PROGRESS, Errand, TrainingRequest
from pipeline.embeddings import Embedder
from pipeline.energy import EnergyMeter
from pipeline.errors import PipelineError
from pipeline.evaluation.intervals import difference_standard_error
from pipeline.memory import release_memory
from pipeline.predictors.fine_tuned import padded_tokens
from pipeline.records import PilotOutcome, Recipe, Record
from pipeline.task import Array, Rows, Task, load_task
from pipeline.training.cadence import FORWARD_SHARE

LONGEST_STEPS = 3
FOR_MEMORY = -2
"""Part of the rows that are there for the memory alone."""
VALIDATION_SHARE = 0.2
FEWEST_TRAINED = 96
"""Rows that each part trains on however dear they are; with fewer a pilot tells nothing. Set by us."""
MOST_BATCH = 16
"""Rows of its batches at most: it has few rows, and larger batches would leave it too few steps to learn in. Memory is that of the
run's batches all the same."""
QUARTERS = 4
"""The rows are cut by whole quarters, so that a machine that is a little busier mostly gives the same pilot."""


class Allowance(Record):
    """What a pilot may cost, so that it trains on fewer rows where steps are dear, and still to the end of its schedule."""

    wall_seconds: float
    """Of training steps; after so many it ends early."""
    least_cpu_seconds: float
    """Processor seconds that all advice may take, however short the run is."""
    share: float
    """Part of the processor seconds of the run that all advice may take where that is more."""
    spent_cpu_seconds: float
    """By what was measured before."""
    run_rows: int
    """Rows that the run trains on, each counted as often as it is read."""
    row_tokens: float
    """Of a row, padded as in its batches."""

    def trained_share(self, token_cost: tuple[float, float], trained: int, scored: int) -> float:
        """The part of the rows that it can afford to train on, at most 1.

        Args:
            token_cost: Wall and processor seconds of training on a token.
            trained: Rows that it would train on, each counted as often as it is read.
            scored: Rows that it reads once.
        """
        wall, processor = (seconds * self.row_tokens for seconds in token_cost)
        allowed = max(self.least_cpu_seconds, self.share * self.run_rows * processor) - self.spent_cpu_seconds
        left = max(allowed - FORWARD_SHARE * scored * processor, 0.0)
        return min(left / max(trained * processor, 1e-9), self.wall_seconds / max(trained * wall, 1e-9), 1.0)


class PilotRequest(TrainingRequest):
    """What a pilot tries out."""

    longest_rows: list[int]
    """Positions of the rows with most tokens, longest first, for the memory: the first batch is trained on, all are read."""
    tokens: list[int]
    """Those that occur in all rows that the run will train on; the pilot's are fewer."""
    allowance: Allowance
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
            (with part 0 as the one that trains), `FOR_MEMORY` those, after all others, that are there for the memory alone.
        folder: An empty folder for the exchange; removed afterwards.
        advance: Told how many of the steps are done.

    Raises:
        RunFailed: The process broke.
    """
    asked = request.model_copy(update={"started": time.time()})
    return PILOT.send(asked, rows, parts, folder, advance)


PILOT = Errand("pipeline.pilot", "The dry run", PilotRequest, PilotOutcome)


def _carry_out(request: PilotRequest, rows: Rows, parts: Array, folder: Path) -> PilotOutcome:
    import pipeline.training.train  # noqa: F401 - before the clock below, since importing it is a part of starting
    from pipeline.training.journal import cpu_seconds, peak_memory_bytes

    task = load_task(request.task, request.options)
    metric = task.metrics[request.metric]
    load = os.getloadavg()[0]
    begun = time.time(), cpu_seconds()
    parts = parts[parts != FOR_MEMORY]
    longest = _longest_batches(request, task, rows, folder)
    apart = time.time() - begun[0], cpu_seconds() - begun[1]
    learned = _affordable(request, parts, longest, cpu_seconds())
    ours: list[Array] = []
    theirs: list[Array] = []
    steps: list[Any] = []
    evaluation: list[tuple[int, float, float]] = []
    start = (0.0, 0.0)
    trained: Any = None
    meter, metered = EnergyMeter(), time.perf_counter()
    for arm, places in enumerate(learned):
        del trained  # before the next one is built: a run holds one at a time
        release_memory()
        trained, head = _train_arm(request, task, rows.take(places), folder, (arm, len(learned)))
        if arm == 0:
            wall, cpu = _spent(trained.steps)
            start = time.time() - request.started - apart[0] - wall, cpu_seconds() - apart[1] - cpu
        scored = rows.take(np.flatnonzero(parts != arm))
        begun = time.perf_counter(), time.process_time()
        answers = trained.model(scored).answers
        tokens = padded_tokens([len(row["input_ids"]) for row in trained.model.encode(scored.inputs)])
        evaluation.append((tokens, time.perf_counter() - begun[0], time.process_time() - begun[1]))
        ours.append(metric.statistics(scored.answers, answers, request.classes))
        theirs.append(metric.statistics(scored.answers, head(scored).answers, request.classes))
        steps += trained.steps[1:]
    joules, metered = meter.joules, time.perf_counter() - metered
    _read_frozen(request, task, rows)
    one, other = np.concatenate(ours), np.concatenate(theirs)
    per_token, per_step = _step_cost([step.tokens for step in steps], [step.wall_seconds for step in steps])
    processor_share = float(np.median([step.cpu_seconds / max(step.wall_seconds, 1e-9) for step in steps]))
    evaluated = np.sum(evaluation, axis=0)
    return PilotOutcome(
        train_rows=len(learned[0]),
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
        steps=len(steps) + len(learned),
        planned_steps=sum(_planned_steps(request, _trained_rows(task, len(places))) for places in learned),
        checkpoint_bytes=_checkpoint_bytes(request, trained.model.model),
        load_average=load,
        watts=None if joules is None else joules / metered,
    )


def _spent(steps: Sequence[Any]) -> tuple[float, float]:
    return sum(step.wall_seconds for step in steps), sum(step.cpu_seconds for step in steps)


def _affordable(request: PilotRequest, parts: Array, longest: Sequence[Any], spent: float) -> list[Array]:
    """For each part the places of the rows that train: all, or a seeded sample where all would cost more than advice may."""
    whole = [np.flatnonzero(parts == arm) for arm in (0, 1) if (parts == arm).any()]
    allowance = request.allowance
    allowance = allowance.model_copy(update={"spent_cpu_seconds": allowance.spent_cpu_seconds + spent})
    wall, cpu = _spent(longest[1:])
    tokens = sum(step.tokens for step in longest[1:])
    share = allowance.trained_share(
        (wall / tokens, cpu / tokens),
        request.recipe.epochs * sum(map(len, whole)),
        sum(int((parts != arm).sum()) for arm in range(len(whole))),
    )
    share = int(QUARTERS * share) / QUARTERS
    draw = np.random.default_rng(request.seed)
    return [np.sort(draw.permutation(places)[: max(round(share * len(places)), FEWEST_TRAINED)]) for places in whole]


def _checkpoint_bytes(request: PilotRequest, model: Any) -> int:
    """Size of the weights that a checkpoint of the run holds: of word vectors only those that learn."""
    from pipeline.training.vocabulary import narrow_vocabulary

    if not (request.recipe.l1 or request.recipe.lora_rank):
        narrow_vocabulary(model.encoder, request.tokens)
    return sum(part.numel() * part.element_size() for part in model.parameters())


def _recipe(request: PilotRequest) -> Recipe:
    """That of the run, in batches that suit few rows."""
    recipe = request.recipe
    if recipe.batch_size <= MOST_BATCH:
        return recipe
    at_once = recipe.batch_size // recipe.accumulation_steps
    parts = next(parts for parts in (1, 2, 4, 8, 16) if MOST_BATCH // parts <= at_once)
    return recipe.model_copy(update={"batch_size": MOST_BATCH, "accumulation_steps": parts})


def _planned_steps(request: PilotRequest, rows: int) -> int:
    recipe = _recipe(request)
    return -(-rows // recipe.batch_size) * recipe.epochs


def _train_arm(request: PilotRequest, task: Task, rows: Rows, folder: Path, place: tuple[int, int]) -> tuple[Any, Any]:
    """Fine-tune on the rows of one arm; beside it the probe that was fitted on the same rows."""
    from pipeline.training.job import starting_head
    from pipeline.training.train import train

    setting, recipe = request.setting(task), _recipe(request)
    probe = task.fit_rival("probe", setting)(rows, request.seed)
    trained = _trained_rows(task, len(rows))
    learned = rows.take(range(trained))
    validation = rows.take(range(min(trained, len(rows) - recipe.batch_size), len(rows)))
    head = starting_head(task, recipe, setting, learned, request.seed)
    job = request.job(task, learned, validation, head)
    job = replace(job, recipe=recipe, tokens=frozenset(request.tokens))
    arm, arms = place
    steps = _planned_steps(request, len(job.train))

    def report(event: str, **values: Any) -> None:
        if event == "step":
            (folder / PROGRESS).write_text(f"{arm * steps + values['step']} {arms * steps}", encoding="utf-8")

    return train(job, folder / "work", report, stop_after_seconds=request.allowance.wall_seconds / arms), probe


def _trained_rows(task: Task, rows: int) -> int:
    """Rows that are trained on: all, but where thresholds are chosen, which takes others."""
    return rows - round(VALIDATION_SHARE * rows) if task.needs_thresholds else rows


def _longest_batches(request: PilotRequest, task: Task, rows: Rows, folder: Path) -> Sequence[Any]:
    """Train a few steps on the longest rows, so that the most memory that the run will need is touched once."""
    from pipeline.training.train import train

    longest = rows.take((request.longest_rows * request.recipe.batch_size)[: request.recipe.batch_size])
    recipe = request.recipe.model_copy(update={"epochs": LONGEST_STEPS, "rate_search": "none"})
    job = request.job(task, longest, longest)
    job = replace(job, recipe=recipe, tokens=frozenset(request.tokens))
    return train(job, folder / "longest", lambda *_, **__: None, stop_after_seconds=60.0).steps


def _read_frozen(request: PilotRequest, task: Task, rows: Rows) -> None:
    """Read the longest rows with the frozen encoder while the fine-tuned one is there: the memory of a run's evaluation."""
    release_memory()
    fresh = Embedder(Path(request.encoder), request.model, request.preparation, cache=None, quick=True)
    (fresh.words if task.by_words else fresh)(rows.take(request.longest_rows).inputs, request.model.pooling)


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
