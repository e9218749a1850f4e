"""The fine-tuned arm of a comparison: a whole training in a fresh process, and answers for rows that it did not see.

`python -m pipeline.arm FOLDER` reads `FOLDER/request.json` and `FOLDER/rows.parquet`, and writes `FOLDER/outcome.json`.
"""

import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import PipelineError
from pipeline.evaluation.comparison import score
from pipeline.pilot import PROGRESS, run_apart
from pipeline.records import EpochLog, ModelSource, Recipe, Record, Score, TextPreparation
from pipeline.storage import load_record, load_rows, save_record, save_rows
from pipeline.task import Array, RivalSetting, Rows, Task, load_task

if TYPE_CHECKING:
    from pipeline.training.job import TrainingJob

TRAINED, VALIDATED, HELD_OUT = 0, 1, 2
"""Parts of the rows."""


class ArmRequest(Record):
    """How to train."""

    task: str
    options: dict[str, str]
    model: ModelSource
    """With the pooling of the probe."""
    head_pooling: str
    """Pooling of the fine-tuned model."""
    encoder: str
    """Folder of the model."""
    preparation: TextPreparation
    recipe: Recipe
    classes: list[str]
    metric: str
    cache: str
    """Folder of the embeddings that are already there."""
    seed: int


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
    request: ArmRequest, rows: Rows, parts: Sequence[int], folder: Path, advance: Callable[[int, int], None]
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
    folder.mkdir(parents=True, exist_ok=True)
    save_rows(rows, folder / "rows.parquet", part=list(parts))
    save_record(request, folder / "request.json")
    run_apart("pipeline.arm", folder, "The training", advance)
    outcome = load_record(ArmOutcome, folder / "outcome.json")
    shutil.rmtree(folder, ignore_errors=True)
    return outcome


def main(folder: Path) -> None:
    """Carry out the request in this process."""
    request = load_record(ArmRequest, folder / "request.json")
    rows, beside = load_rows(folder / "rows.parquet")
    save_record(_carry_out(request, rows, beside["part"].to_numpy(), folder), folder / "outcome.json")


def _carry_out(request: ArmRequest, rows: Rows, parts: Array, folder: Path) -> ArmOutcome:
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

    trained = train_seeds(_job(request, task, train_rows, validation), folder / "work", report)
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


def _job(request: ArmRequest, task: Task, rows: Rows, validation: Rows) -> "TrainingJob":
    from pipeline.embeddings import Embedder
    from pipeline.training.job import TrainingJob, starting_head

    metric = task.metrics[request.metric]
    embedder = Embedder(Path(request.encoder), request.model, request.preparation, Path(request.cache))
    setting = RivalSetting(embedder, request.classes, metric, {}, [], request.model.pooling)
    return TrainingJob(
        task=task,
        encoder=Path(request.encoder),
        recipe=request.recipe,
        preparation=request.preparation,
        pooling=request.head_pooling,
        classes=request.classes,
        metric=metric,
        train=rows,
        validation=validation,
        seed=request.seed,
        head=starting_head(task, request.recipe, setting, rows, request.seed),
    )


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except PipelineError as error:
        sys.exit(error.problem)
