"""Fine-tunes a model: one function for the run, and for the pilot that forecasts it."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import transformers
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments

from pipeline.errors import StorageError
from pipeline.evaluation.intervals import standard_error
from pipeline.memory import is_out_of_memory, release_memory
from pipeline.precision import mixed_precision
from pipeline.predictors.fine_tuned import padded_tokens
from pipeline.records import Adjustment, EpochLog
from pipeline.training.adjustments import adjust, answer_to, keep_adjustment, load_adjustments
from pipeline.training.batches import ROW, EncodedRows, collator, count_targets, encode_rows
from pipeline.training.cadence import epochs_between_scores, say_cadence
from pipeline.training.callbacks import (
    NOISE,
    SAVE_EVERY_SECONDS,
    SCORE,
    Cadence,
    Diverged,
    EarlyStop,
    Keeper,
    Report,
    Watch,
    best_score,
)
from pipeline.training.checkpoints import (
    STATE,
    WEIGHTS,
    Search,
    checkpoint_of,
    discard_all,
    discard_newest,
    discard_unfinished,
    find_checkpoint,
)
from pipeline.training.computing import Computing, computed_so, find_computing, in_single_precision
from pipeline.training.dropout import cheap_dropout
from pipeline.training.frozen_features import FrozenFeatures
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.lora import merge_lora
from pipeline.training.overfitting import measure_overfitting
from pipeline.training.parameter_groups import group_parameters
from pipeline.training.rate_test import find_rate
from pipeline.training.regularisation import zero_fraction
from pipeline.training.sampling import LikeLengths
from pipeline.training.strategies import Strategies, prepare_strategies
from pipeline.training.tracking import track
from pipeline.training.validation import Validation
from pipeline.training.vocabulary import learns_words, narrow_vocabulary, occurring_tokens, restore_vocabulary

SCHEDULES = {"linear": "linear", "cosine": "cosine", "constant": "constant_with_warmup"}
"""What `Trainer` calls the schedules."""
LOG_EVERY_STEPS = 5
"""Fewer where an epoch has fewer."""
KEPT_CHECKPOINTS = 2
"""The newest and the best, or the one before when the newest is the best."""


def train(
    job: TrainingJob,
    folder: Path,
    report: Report,
    stop_after_seconds: float | None = None,
    save_every_seconds: float = SAVE_EVERY_SECONDS,
) -> Trained:
    """Fine-tune, going on from the last good checkpoint, and past setbacks as far as the ladder of adjustments reaches.

    Args:
        job: Model, rows and recipe.
        folder: For checkpoints; kept until the caller removes it.
        report: Told of every step, evaluation and adjustment.
        stop_after_seconds: End early, for a pilot; no checkpoint is written then.
        save_every_seconds: Write a checkpoint within an epoch too when the last one is so long ago.

    Raises:
        RunFailed: Memory ran out or the loss is no number, whatever was adjusted.
        StorageError: The disk cannot take a checkpoint; earlier ones are kept.
    """
    while True:
        adjustments = load_adjustments(folder)
        recipe, preparation = adjust(job.recipe, job.preparation, adjustments)
        now = replace(job, recipe=recipe, preparation=preparation)
        try:
            pace = Watch(report, stop_after_seconds), Keeper(folder, report, save_every_seconds)
            tests_rate = recipe.rate_search == "range_test" and all(each.kind != "smaller_rate" for each in adjustments)
            return _train_once(now, *pace, tests_rate=tests_rate)
        except (Diverged, MemoryError, RuntimeError) as error:
            adjustment = answer_to(error, recipe, preparation, adjustments, partial(_longest, now))
        keep_adjustment(adjustment, folder, report)  # outside of `except`, so that the memory of what broke is free
        if adjustment.kind == "smaller_rate" and any(each.kind == "smaller_rate" for each in adjustments):
            discard_newest(folder)  # the first time it went wrong from there already
        if adjustment.kind == "lora":
            discard_all(folder)  # they are of a model whose weights learn
        release_memory()


def _longest(job: TrainingJob) -> int:
    """Tokens of the longest row."""
    return max(encode_rows(job).lengths, default=0)


def _train_once(job: TrainingJob, watch: Watch, keeper: Keeper, *, tests_rate: bool) -> Trained:
    """Fine-tune until the end or a setback, computing as this machine was found to do it fastest."""
    report, folder = watch.report, keeper.folder
    rows = encode_rows(job)
    tokens = round(float(np.mean(rows.lengths)) * job.recipe.batch_size / job.recipe.accumulation_steps)
    width = transformers.AutoConfig.from_pretrained(job.encoder).hidden_size
    computing = find_computing(job.recipe, tokens, width, folder, report)
    with computed_so(computing):
        if tests_rate:  # before there is a model to train, so that memory holds one at a time
            rate = find_rate(job, rows, folder, report, mixed=computing.mixed_precision)
            job = replace(job, recipe=job.recipe.model_copy(update={"learning_rate": rate}))
        rows.tuned = replace(rows.tuned, model=job.task.build_model(job.encoder, job.setting), report=report)
        return _train_rows(job, rows, watch, keeper, computing)


def _train_rows(job: TrainingJob, rows: EncodedRows, watch: Watch, keeper: Keeper, computing: Computing) -> Trained:
    report, pilot, folder = watch.report, watch.stop_after_seconds is not None, keeper.folder
    tuned, model = rows.tuned, rows.tuned.model
    if learns_words(job.recipe):
        narrow_vocabulary(model.encoder, occurring_tokens(rows.features, job.tokens, folder))
    strategies = prepare_strategies(model, job.recipe, job.metric, folder, job.seed)
    validation = Validation(job, tuned)
    stop = None if pilot else _early_stop(rows, validation, strategies, report)
    trainer = _Trainer(validation, rows, watch, keeper, stop, strategies)
    trainer.mixed_precision = computing.mixed_precision
    start = trainer.evaluate()
    report("start", score=start[SCORE])  # the key that stopping reads is there before the first step
    if pilot:
        trainer.train()
    else:
        trainer.go_on_from(_search(folder, report).checkpoint, stop)
    state = trainer.state
    if state.best_global_step:
        _load_weights(model, checkpoint_of(folder, state.best_global_step))
        if strategies.averaging is not None:
            validation.average(strategies.averaging, state.log_history, report)
    merge_lora(model)
    restore_vocabulary(model.encoder)
    if job.recipe.l1:
        report("note", text=f"L1: {100 * zero_fraction(model):.1f} % of the connecting weights are exactly zero.")
    if job.task.needs_thresholds:  # those of the epoch that was kept
        tuned = validation.with_thresholds()
    best = round((state.best_global_step or state.global_step) / max(state.max_steps / max(job.recipe.epochs, 1), 1), 2)
    epochs = list(_epochs(state.log_history))
    overfitting = None if pilot else measure_overfitting(job, tuned)
    return Trained(tuned, epochs, best, trainer.watch.steps, overfitting)


def _early_stop(rows: EncodedRows, validation: Validation, strategies: Strategies, report: Report) -> EarlyStop:
    """When to stop; validation rows are scored as often as that is worth it from now on."""
    recipe = validation.job.recipe
    tokens, steps = padded_tokens(rows.lengths, recipe.batch_size), -(-len(rows) // recipe.batch_size)
    every = epochs_between_scores(tokens, validation.tokens, recipe.epochs, steps)
    if every != 1:
        report("note", text=say_cadence(every))
    strategies.while_training.append(Cadence(every))
    return EarlyStop(recipe.early_stopping_epochs, every, validation.job.metric)


def _search(folder: Path, report: Report) -> Search:
    """The checkpoint to go on from; ones that cannot be used are told."""
    found = find_checkpoint(folder)
    for step, fault in found.damaged.items():
        where = f"goes on from step {found.step}" if found.step else "starts again"
        because = f"The checkpoint of step {step} cannot be used, since {fault}: training {where}."
        keep_adjustment(Adjustment(kind="earlier_checkpoint", value=found.step, because=because), folder, report)
    return found


class _Trainer(Trainer):  # type: ignore[misc]
    """Scores the validation rows as predictions are made later: with the same code, in the same batches."""

    control: Any
    state: Any
    optimizer: Any
    mixed_precision = False

    def __init__(
        self,
        validation: Validation,
        rows: EncodedRows,
        watch: Watch,
        keeper: Keeper,
        stop: EarlyStop | None,
        strategies: Strategies,
    ) -> None:
        job = validation.job
        self.watch, self.keeper, self.strategies = watch, keeper, strategies
        self._order = LikeLengths(rows.lengths, job.recipe.batch_size, job.seed)
        self._job, self._validation, self._folder = job, validation, keeper.folder
        callbacks: list[TrainerCallback] = [watch, *strategies.while_training]
        self.frozen = None
        if strategies.freezing is not None:
            self.frozen = FrozenFeatures(rows, strategies.freezing, job, watch.report, self._precision)
            callbacks.append(self.frozen)
        if stop is not None:
            callbacks += [stop, keeper, *strategies.after_epochs]
        super().__init__(
            model=rows.tuned.model,
            args=_arguments(job, keeper.folder, pilot=stop is None),
            train_dataset=rows,
            eval_dataset=(),
            data_collator=collator(rows.tuned),
            compute_loss_func=in_single_precision(
                job.task.loss(job.classes, job.train, job.recipe.class_weights, job.recipe.label_smoothing)
            ),
            callbacks=callbacks,
        )
        self.remove_callback(transformers.PrinterCallback)

    def go_on_from(self, checkpoint: Path | None, stop: EarlyStop | None) -> None:
        """Train to the end, from a checkpoint if there is one; one that was written at the end is the end."""
        if checkpoint is not None:
            state = TrainerState.load_from_json(str(checkpoint / STATE))
            if state.global_step >= state.max_steps or (stop is not None and stop.is_due(state.log_history)):
                self.state = state
                return
        self.keeper.resumed = checkpoint
        self.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Score of the validation rows, and its standard error.

        Raises:
            Diverged: A weight is no number, so that no checkpoint is to be made of it.
        """
        import torch

        if not all(bool(torch.isfinite(part).all()) for part in self.model.parameters()):
            raise Diverged("A weight became no number", self.state.global_step)
        job = self._job
        statistics = self._validation.statistics()
        metrics = {
            SCORE: job.metric.score(statistics),
            NOISE: standard_error(job.metric, statistics, job.seed),
        }
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _get_train_sampler(self, train_dataset: Any = None) -> LikeLengths:
        """Rows in an order that follows from the seed and the epoch."""
        del train_dataset
        return self._order

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: Any) -> tuple[list[Any], Any]:
        """The batches of one step, and how many targets their loss is a mean of."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        self.watch.tokens = sum(int(batch["input_ids"].numel()) for batch in batches)
        return batches, sum(count_targets(batch["labels"]) for batch in batches)

    def create_optimizer(self, model: Any = None) -> Any:
        """AdamW over the groups of the recipe."""
        if self.optimizer is None:
            recipe = self._job.recipe
            kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            groups = group_parameters(
                self.strategies.stages, recipe.learning_rate, recipe.layer_decay, recipe.weight_decay
            )
            self._highest_rate = max(group["lr"] for group in groups)
            self.optimizer = kind(groups, **options)
        return self.optimizer

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The loss of a batch; frozen layers do without dropout."""
        if self.strategies.freezing is not None:
            self.strategies.freezing.quiet()
        rows = inputs.pop(ROW).tolist()
        entered = nullcontext() if self.frozen is None else self.frozen.entered(rows, inputs.get("attention_mask"))
        with entered, self._precision(), cheap_dropout(self.model.device.type):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)

    def _precision(self) -> Any:
        return mixed_precision(self.model.device.type, used=self.mixed_precision)

    def _determine_best_metric(self, metrics: dict[str, float], trial: Any) -> bool:
        """Keep the latest epoch that is not worse than the best one by more than its standard error.

        On few validation rows the best of many epochs is best by luck, and an early one has learned less.
        """
        earlier = [] if self.state.best_metric is None else [self.state.best_metric]
        self.state.best_metric = best_score(self._job.metric, [metrics[SCORE], *earlier])
        if self._job.metric.gain(metrics[SCORE], self.state.best_metric) < -metrics[NOISE]:
            return False
        self.state.best_global_step = self.state.global_step
        return True

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        """Restore them; the learning rate is that of the recipe, which may be smaller than the checkpoint's."""
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        factor = self._highest_rate / max(self.lr_scheduler.base_lrs)
        if factor != 1.0:
            self.lr_scheduler.base_lrs = [factor * rate for rate in self.lr_scheduler.base_lrs]
            for group in self.optimizer.param_groups:
                group["lr"], group["initial_lr"] = factor * group["lr"], factor * group["initial_lr"]

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Write a checkpoint, or say what is in the way; those before it stay as they are."""
        try:
            super()._save_checkpoint(model, trial)
        except Exception as error:  # `safetensors` and `torch` have errors of their own for a full disk
            if is_out_of_memory(error):
                raise
            step = self.state.global_step
            discard_unfinished(self._folder, step)
            raise StorageError(
                f"The checkpoint of step {step} cannot be written to '{self._folder}': {_reason(error)}.",
                "Free some space there, then run the same command again: it goes on from the checkpoint before.",
            ) from error


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).strip().splitlines()[0].rstrip(".")


def _arguments(job: TrainingJob, folder: Path, *, pilot: bool) -> TrainingArguments:
    recipe = job.recipe
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=recipe.batch_size // recipe.accumulation_steps,
        gradient_accumulation_steps=recipe.accumulation_steps,
        num_train_epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type=SCHEDULES[recipe.schedule],
        warmup_steps=recipe.warmup_fraction,
        weight_decay=recipe.weight_decay,
        eval_strategy="no" if pilot else "epoch",
        save_strategy="no" if pilot else "epoch",
        save_total_limit=KEPT_CHECKPOINTS,
        logging_steps=max(1, min(LOG_EVERY_STEPS, len(job.train) // recipe.batch_size)),
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to=track(recipe.report_to, None if pilot else job.tracking) or "none",
        dataloader_pin_memory=False,
        seed=job.seed,
        data_seed=job.seed,
    )


def _load_weights(model: Any, checkpoint: Path) -> None:
    """Give a model the weights of a checkpoint."""
    from safetensors.torch import load_model

    load_model(model, checkpoint / WEIGHTS)


def _epochs(history: list[dict[str, Any]]) -> Iterator[EpochLog]:
    """Each evaluation, with the mean training loss of the steps since the one before."""
    losses: list[float] = []
    weights: list[int] = []
    step = 0
    for line in history:
        if "loss" in line:
            losses.append(line["loss"])
            weights.append(line["step"] - step)
            step = line["step"]
        elif SCORE in line and line.get("epoch"):
            loss = float(np.average(losses, weights=weights)) if losses else float("nan")
            yield EpochLog(epoch=round(line["epoch"], 2), loss=loss, validation_score=line[SCORE])
            losses, weights = [], []
