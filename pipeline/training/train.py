"""Fine-tunes a model: one function for the run, and for the pilot that forecasts it."""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from torch.utils.data import Dataset as TorchDataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from pipeline.embeddings import UNCOUNTED
from pipeline.errors import RunFailed
from pipeline.evaluation.intervals import standard_error
from pipeline.models import load_tokenizer
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.records import EpochLog, Recipe, TextPreparation
from pipeline.task import Array, Metric, Rows, Task, TrainingSetting

SCORE, NOISE = "eval_score", "eval_score_standard_error"
"""Keys of the validation score and its standard error; early stopping and the best checkpoint read them."""

LOG_EVERY_STEPS = 5
"""Fewer where an epoch has fewer, so that every epoch has a loss."""
FEWEST_STEPS = 4
"""Steps that a pilot takes however slow they are: the first warms up, three are timed."""


@dataclass(frozen=True)
class TrainingJob:
    """Everything that training takes."""

    task: Task
    encoder: Path
    recipe: Recipe
    preparation: TextPreparation
    pooling: str
    classes: list[str]
    metric: Metric
    train: Rows
    validation: Rows
    seed: int
    head: tuple[Array, Array] | None = None
    """Weight and bias of the probe that the head starts from."""


@dataclass(frozen=True)
class StepTime:
    """What one training step took."""

    tokens: int
    """Padded tokens in the batch."""
    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Trained:
    """A fine-tuned model and how it came about."""

    model: FineTuned
    epochs: list[EpochLog]
    best_epoch: float
    steps: list[StepTime]


Report = Callable[..., None]
"""Takes the name of an event and its values, as `Journal.write` does."""


def train(job: TrainingJob, folder: Path, report: Report, stop_after_seconds: float | None = None) -> Trained:
    """Fine-tune, and go on from the last whole checkpoint when there is one.

    Args:
        job: Model, rows and recipe.
        folder: For checkpoints; kept until the caller removes it.
        report: Told of every step and evaluation.
        stop_after_seconds: End early, for a pilot; no checkpoint is written then.

    Raises:
        RunFailed: The loss is not a number, or memory ran out.
    """
    setting = TrainingSetting(classes=job.classes, pooling=job.pooling, seed=job.seed, rows=job.train, head=job.head)
    model = job.task.build_model(job.encoder, setting)
    tuned = FineTuned(model, load_tokenizer(job.encoder), job.task, job.classes, job.preparation)
    watch = _Watch(report, stop_after_seconds)
    trainer = _trainer(job, tuned, folder, watch, pilot=stop_after_seconds is not None)
    start = trainer.evaluate()
    report("start", score=start[SCORE])  # the key that stopping reads is there before the first step
    checkpoint = last_whole_checkpoint(folder)
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (MemoryError, RuntimeError) as error:
        raise _explained(error) from error
    epochs = [
        EpochLog(epoch=line["epoch"], loss=_loss_before(trainer.state.log_history, line), validation_score=line[SCORE])
        for line in trainer.state.log_history
        if SCORE in line and line.get("epoch")
    ]
    steps_an_epoch = max(trainer.state.max_steps / max(job.recipe.epochs, 1), 1)
    best = (trainer.state.best_global_step or trainer.state.global_step) / steps_an_epoch
    if job.task.needs_thresholds:  # those of the epoch that was kept
        tuned = tuned.with_thresholds(job.validation, tuned.outputs(job.validation.inputs), job.metric)
    return Trained(model=tuned, epochs=epochs, best_epoch=best, steps=watch.steps)


def _trainer(job: TrainingJob, tuned: FineTuned, folder: Path, watch: "_Watch", *, pilot: bool) -> Trainer:
    recipe = job.recipe
    arguments = TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=recipe.batch_size,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=recipe.warmup_fraction,
        weight_decay=recipe.weight_decay,
        train_sampling_strategy="group_by_length",
        eval_strategy="no" if pilot else "epoch",
        save_strategy="no" if pilot else "epoch",
        save_total_limit=2,
        load_best_model_at_end=not pilot,
        metric_for_best_model=None if pilot else SCORE,
        greater_is_better=job.metric.higher_is_better,
        logging_steps=max(1, min(LOG_EVERY_STEPS, len(job.train) // recipe.batch_size)),
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        dataloader_pin_memory=False,
        seed=job.seed,
        data_seed=job.seed,
    )
    callbacks: list[TrainerCallback] = [watch]
    if not pilot:
        callbacks.append(_Stop(recipe.early_stopping_epochs, job.metric))
    trainer = _Trainer(
        job,
        tuned,
        model=tuned.model,
        args=arguments,
        train_dataset=_Encoded(tuned, job.train),
        eval_dataset=(),
        data_collator=watch.counting(_collator(tuned)),
        compute_loss_func=job.task.loss(job.classes, job.train, recipe.class_weights),
        callbacks=callbacks,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


class _Trainer(Trainer):  # type: ignore[misc]
    """Scores the validation rows as predictions are made later: with the same code, in the same batches."""

    control: Any

    def __init__(self, job: TrainingJob, tuned: FineTuned, **options: Any) -> None:
        super().__init__(**options)
        self._job, self._tuned = job, tuned

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score of the validation rows, and its standard error."""
        job, rows = self._job, self._job.validation
        outputs = self._tuned.outputs(rows.inputs)
        answers = self._tuned.with_thresholds(rows, outputs, job.metric).decode(rows.ids, outputs).answers
        statistics = job.metric.statistics(rows.answers, answers, job.classes)
        metrics = {
            SCORE: job.metric.score(statistics),
            NOISE: standard_error(job.metric, statistics, job.seed),
        }
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Keep the latest epoch that is not worse than the best one by more than its standard error.

        On few validation rows the best of many epochs is best by luck, and an early one has learned less.
        """
        earlier = [] if self.state.best_metric is None else [self.state.best_metric]
        self.state.best_metric = _best(self._job.metric, [metrics[SCORE], *earlier])
        if self._job.metric.gain(metrics[SCORE], self.state.best_metric) < -metrics[NOISE]:
            return False
        self.state.best_global_step = self.state.global_step
        return True


class _Stop(TrainerCallback):  # type: ignore[misc]
    """Ends training after so many epochs in a row that are worse than the best by more than the noise."""

    def __init__(self, epochs: int, metric: Metric) -> None:
        self.epochs, self.metric = epochs, metric

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the scores so far; they are in the checkpoint, so a resumed run counts on."""
        scored = [(line[SCORE], line[NOISE]) for line in state.log_history if SCORE in line]
        best = _best(self.metric, [score for score, _ in scored])
        last = scored[-self.epochs :]
        if len(last) == self.epochs and all(self.metric.gain(score, best) < -noise for score, noise in last):
            control.should_training_stop = True


def _best(metric: Metric, scores: Sequence[float]) -> float:
    return max(scores) if metric.higher_is_better else min(scores)


class _Encoded(TorchDataset[dict[str, Any]]):
    """Rows as tokens, encoded once."""

    def __init__(self, tuned: FineTuned, rows: Rows) -> None:
        self.features = tuned.encode(rows.inputs)
        self.labels = tuned.task.targets(rows, self.features, tuned.classes)

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {**self.features[row], "labels": self.labels[row]}


def _collator(tuned: FineTuned) -> Callable[[list[dict[str, Any]]], Any]:
    """Makes a batch of rows; targets that hold a whole number for each token are padded with the number that no loss counts."""
    import torch

    def collate(rows: list[dict[str, Any]]) -> Any:
        batch = tuned.pad(rows)
        targets = [row["labels"] for row in rows]
        if targets[0].ndim == 1 and np.issubdtype(targets[0].dtype, np.integer):
            width = batch["input_ids"].shape[1]
            targets = [np.pad(each, (0, width - len(each)), constant_values=UNCOUNTED) for each in targets]
        batch["labels"] = torch.from_numpy(np.stack(targets))
        return batch

    return collate


class _Watch(TrainerCallback):  # type: ignore[misc]
    """Times steps, reports them, and stops a pilot in time."""

    def __init__(self, report: Report, stop_after_seconds: float | None) -> None:
        self.report, self.stop_after_seconds = report, stop_after_seconds
        self.steps: list[StepTime] = []
        self._tokens = 0
        self._begun = self._step_wall = self._step_cpu = 0.0

    def counting(self, collate: Callable[[list[dict[str, Any]]], Any]) -> Callable[[list[dict[str, Any]]], Any]:
        """The collator, with the padded tokens of each batch noted."""

        def counted(rows: list[dict[str, Any]]) -> Any:
            batch = collate(rows)
            self._tokens = int(batch["input_ids"].numel())
            return batch

        return counted

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._begun = time.perf_counter()
        self.report("training", steps=state.max_steps, from_step=state.global_step)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._step_wall, self._step_cpu = time.perf_counter(), time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        wall, cpu = time.perf_counter() - self._step_wall, time.process_time() - self._step_cpu
        self.steps.append(StepTime(self._tokens, wall, cpu))
        late = self.stop_after_seconds is not None and time.perf_counter() - self._begun > self.stop_after_seconds
        if late and len(self.steps) >= FEWEST_STEPS:
            control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is None:
            return
        if not np.isfinite(float(loss)):
            raise RunFailed(
                f"The loss became {loss} at step {state.global_step}.",
                "Lower recipe.learning_rate in plan.json, remove work/, then `advisor train` again.",
            )
        self.report(
            "step",
            step=state.global_step,
            steps=state.max_steps,
            epoch=state.epoch,
            loss=float(loss),
            learning_rate=logs.get("learning_rate"),
        )

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        self.report("evaluation", step=state.global_step, epoch=state.epoch, score=(metrics or {}).get(SCORE))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.report("checkpoint", step=state.global_step)


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; ones that a crash cut short are removed.

    `Trainer` writes `trainer_state.json` last, so a checkpoint that has one has everything.
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = [path for path in found if _is_json(path / "trainer_state.json")]
    for path in set(found) - set(whole):
        shutil.rmtree(path)
    if not whole:
        return None
    _bring_along(whole[-1])
    return whole[-1]


def _bring_along(checkpoint: Path) -> None:
    """Point a checkpoint to the best one beside it: `Trainer` writes a whole path, which moves with the run folder."""
    path = checkpoint / "trainer_state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    if state.get("best_model_checkpoint"):
        state["best_model_checkpoint"] = str(checkpoint.parent / Path(state["best_model_checkpoint"]).name)
        path.write_text(json.dumps(state, indent=2), encoding="utf-8")


def _is_json(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    except (OSError, json.JSONDecodeError):
        return False


def _loss_before(history: list[dict[str, Any]], line: dict[str, Any]) -> float:
    """Mean training loss of the epoch that the evaluation ends."""
    losses = [
        entry["loss"] for entry in history if "loss" in entry and line["epoch"] - 1 < entry["epoch"] <= line["epoch"]
    ]
    return float(np.mean(losses)) if losses else float("nan")


def _explained(error: Exception) -> Exception:
    text = str(error).lower()
    if isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text:
        return RunFailed(
            "Memory ran out while training.",
            "Choose a smaller model or shorter texts, close other programs, then `advisor train` again.",
        )
    return error
