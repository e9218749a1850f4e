"""The fine-tuned arm of a comparison: a whole training in a fresh process, and answers for rows that it did not see.

`python -m pipeline.arm FOLDER` reads `FOLDER/request.json` and `FOLDER/rows.parquet`, and writes `FOLDER/outcome.json`.
"""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pipeline.apart import PROGRESS, Errand, TrainingRequest
from pipeline.errors import PipelineError
from pipeline.evaluation.comparison import score
from pipeline.records import EpochLog, Record, Score
from pipeline.task import Array, Rows, load_task

TRAINED, VALIDATED, HELD_OUT = 0, 1, 2
"""Parts of the rows."""


class ArmOutcome(Record):
    """What a whole training reached on the held-out rows, and what it took."""

    score: Score
    steps: int
    """Taken by the last session, if it was stopped in between."""
    planned_steps: int
    tokens: int
    """Padded tokens of the steps taken."""
    train_cpu_seconds: float
    """Of the steps alone."""
    train_wall_seconds: float
    cpu_seconds: float
    """Of the whole process."""
    wall_seconds: float
    peak_memory_bytes: int
    epochs: list[EpochLog]
    best_epoch: float


def run_arm(
    request: TrainingRequest, rows: Rows, parts: Sequence[int], folder: Path, advance: Callable[[int, int], None]
) -> ArmOutcome:
    """Fine-tune as a run would, in a fresh process, and score the held-out rows.

    A training that was stopped goes on from its last checkpoint.

    Args:
        request: How to train.
        rows: Labelled rows.
        parts: For each row whether it is trained on, validated on or held out.
        folder: For the exchange and the checkpoints; removed afterwards.
        advance: Told how many of the steps are done.

    Raises:
        RunFailed: The process broke.
    """
    return ARM.send(request, rows, parts, folder, advance)


ARM = Errand("pipeline.arm", "The training", TrainingRequest, ArmOutcome)


def _carry_out(request: TrainingRequest, rows: Rows, parts: Array, folder: Path) -> ArmOutcome:
    from pipeline.training.job import starting_head
    from pipeline.training.journal import Journal, cpu_seconds, peak_memory_bytes
    from pipeline.training.seeds import train_seeds

    begun = time.time()
    task = load_task(request.task, request.options)
    metric = task.metrics[request.metric]
    train_rows, validation, held_out = (
        rows.take(np.flatnonzero(parts == part)) for part in (TRAINED, VALIDATED, HELD_OUT)
    )
    journal = Journal(folder / "log.jsonl")
    steps = 0

    def report(event: str, **values: object) -> None:
        nonlocal steps
        if event == "training":
            steps = int(str(values["steps"]))
        if event == "step":
            (folder / PROGRESS).write_text(f"{values['step']} {steps}", encoding="utf-8")

    head = starting_head(task, request.recipe, request.setting(task), train_rows, request.seed)
    trained = train_seeds(request.job(task, train_rows, validation, head), folder / "work", report)
    outputs = trained.model.outputs(validation.inputs)
    model, _ = trained.model.calibrated(validation, outputs, metric)
    found = score("fine_tuned", task.metrics, metric, held_out, [model(held_out)], request.classes, request.seed)
    taken = trained.steps
    return ArmOutcome(
        score=found.model_copy(update={"seconds": time.time() - begun}),
        steps=len(taken),
        planned_steps=steps,
        tokens=sum(step.tokens for step in taken),
        train_cpu_seconds=sum(step.cpu_seconds for step in taken),
        train_wall_seconds=sum(step.wall_seconds for step in taken),
        cpu_seconds=cpu_seconds(),
        wall_seconds=journal.wall_seconds,
        peak_memory_bytes=peak_memory_bytes(),
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
    )


if __name__ == "__main__":
    try:
        ARM.carry_out(Path(sys.argv[1]), _carry_out)
    except PipelineError as error:
        sys.exit(error.problem)
