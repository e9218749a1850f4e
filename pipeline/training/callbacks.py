"""What listens to `Trainer`: times and reports its steps, stops it, and seals its checkpoints."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback

from pipeline.metric import Metric
from pipeline.training.checkpoints import checkpoint_of, seal
from pipeline.training.journal import peak_memory_bytes

SCORE, NOISE = "eval_score", "eval_score_standard_error"
"""Keys of the validation score and its standard error; early stopping and the best checkpoint read them."""
ORDER = "order.pth"
"""File of a checkpoint: the state of the random numbers that the order of rows is drawn from."""
SAVE_EVERY_SECONDS = 300.0
"""No more than about this is lost when a run is killed; set by us."""
RATE_STEPS = 20
"""Steps that the rate is told over."""
FEWEST_STEPS = 4
"""Steps that a pilot takes however slow they are: the first warms up, three are timed."""

Report = Callable[..., None]
"""Takes the name of an event and its values, as `Journal.write` does."""


class Diverged(Exception):
    """The loss, the slope or a weight became no number."""

    def __init__(self, what: str, step: int) -> None:
        super().__init__(what)
        self.what, self.step = what, step


@dataclass(frozen=True)
class StepTime:
    """What one training step took."""

    tokens: int
    """Padded tokens in its batches."""
    wall_seconds: float
    cpu_seconds: float


class Watch(TrainerCallback):  # type: ignore[misc]
    """Times steps, reports them, notices numbers that are none, and stops a pilot in time."""

    def __init__(self, report: Report, stop_after_seconds: float | None) -> None:
        self.report, self.stop_after_seconds = report, stop_after_seconds
        self.steps: list[StepTime] = []
        self.tokens = 0
        """Padded tokens of the step that comes next."""
        self.step = 0
        self._begun = self._step_wall = self._step_cpu = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell where training starts."""
        self._begun = time.perf_counter()
        self.step = state.global_step
        self.report("training", steps=state.max_steps, from_step=state.global_step)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock of a step."""
        self.step = state.global_step + 1
        self._step_wall, self._step_cpu = time.perf_counter(), time.process_time()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note what the step took, and end a pilot whose time is up."""
        wall, cpu = time.perf_counter() - self._step_wall, time.process_time() - self._step_cpu
        self.steps.append(StepTime(self.tokens, wall, cpu))
        late = self.stop_after_seconds is not None and time.perf_counter() - self._begun > self.stop_after_seconds
        if late and len(self.steps) >= FEWEST_STEPS:
            control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log what is left of the epoch, so that a resumed run logs the same steps together as an undisturbed one."""
        control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Tell of the loss.

        Raises:
            Diverged: It is no number, or its slope is none.
        """
        logs = logs or {}
        if "loss" not in logs:
            return
        for key, what in (("loss", "loss"), ("grad_norm", "slope of the loss")):
            if not np.isfinite(float(logs.get(key, 0.0))):
                raise Diverged(f"The {what} became {logs[key]}", state.global_step)
        self.report(
            "step",
            step=state.global_step,
            steps=state.max_steps,
            epoch=state.epoch,
            loss=float(logs["loss"]),
            learning_rate=logs.get("learning_rate"),
            memory_bytes=peak_memory_bytes(),
            **self._rates(args.train_batch_size * args.gradient_accumulation_steps),
        )

    def _rates(self, rows: int) -> dict[str, float]:
        """Rows and padded tokens a second over the last steps, so many rows each."""
        last = self.steps[-RATE_STEPS:]
        seconds = sum(step.wall_seconds for step in last)
        if not seconds:
            return {}
        tokens = sum(step.tokens for step in last)
        return {"rows_per_second": rows * len(last) / seconds, "tokens_per_second": tokens / seconds}

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Tell of the validation score."""
        self.report("evaluation", step=state.global_step, epoch=state.epoch, score=(metrics or {}).get(SCORE))


class Keeper(TrainerCallback):  # type: ignore[misc]
    """Seals each checkpoint, asks for more of them in long epochs, and lets a resumed epoch go on in the same order.

    Rows are ordered when an epoch begins, from random numbers that depend on all that was drawn before. A checkpoint therefore
    holds the state that they were drawn from: that of its own epoch, or at the end of one that of the next.
    """

    def __init__(self, folder: Path, report: Report, save_every_seconds: float) -> None:
        self.folder, self.report, self.save_every_seconds = folder, report, save_every_seconds
        self.resumed: Path | None = None
        """The checkpoint that training goes on from."""
        self._order: Any = None
        self._saved = time.perf_counter()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Point to the best checkpoint where it is now: `Trainer` keeps a whole path, which moves with the run folder."""
        self._saved = time.perf_counter()
        if state.best_global_step:
            state.best_model_checkpoint = str(checkpoint_of(self.folder, state.best_global_step))

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Note what the order of this epoch is drawn from, or draw it again as before the stop."""
        import torch

        if self.resumed is not None:
            torch.set_rng_state(torch.load(self.resumed / ORDER, weights_only=True))
            self.resumed = None
        self._order = torch.get_rng_state()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for a checkpoint when the last one is long ago; one at the end of the epoch comes by itself."""
        late = time.perf_counter() - self._saved > self.save_every_seconds
        if late and not _ends_epoch(state):
            control.should_save = control.should_log = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Seal what was written."""
        import torch

        checkpoint = checkpoint_of(self.folder, state.global_step)
        torch.save(torch.get_rng_state() if _ends_epoch(state) else self._order, checkpoint / ORDER)
        seal(checkpoint)
        self._saved = time.perf_counter()
        self.report("checkpoint", step=state.global_step)


def _ends_epoch(state: Any) -> bool:
    """Whether the step that was just taken is the last of an epoch."""
    return bool(state.global_step * state.num_train_epochs % state.max_steps == 0)


class Cadence(TrainerCallback):  # type: ignore[misc]
    """Scores validation rows after every so many epochs only, and after the last; or within epochs too."""

    def __init__(self, every: float) -> None:
        self.every = every

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Ask for a score, and a checkpoint to go back to, where a part of an epoch ends; one at the end of an epoch comes by itself."""
        steps = state.max_steps // state.num_train_epochs
        if self.every < 1 and not _ends_epoch(state) and state.global_step % steps % math.ceil(self.every * steps) == 0:
            control.should_evaluate = control.should_save = control.should_log = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Take back what `Trainer` asks for after each epoch."""
        if round(state.epoch) % self.every and state.global_step < state.max_steps:
            control.should_evaluate = False


class EarlyStop(TrainerCallback):  # type: ignore[misc]
    """Ends training after so many epochs in a row that are worse than the best by more than the noise.

    Args:
        epochs: So many; where not each is scored, those in between count with the next that is.
        every: Epochs from one score to the next.
        metric: Of the scores.
    """

    def __init__(self, epochs: int, every: float, metric: Metric) -> None:
        self.scores, self.metric = math.ceil(epochs / every), metric

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Look at the scores so far; they are in the checkpoint, so a resumed run counts on."""
        if self.is_due(state.log_history):
            control.should_training_stop = True

    def is_due(self, history: Sequence[dict[str, Any]]) -> bool:
        """Whether the last scores were all surely worse than the best."""
        scored = [(line[SCORE], line[NOISE]) for line in history if SCORE in line]
        last = scored[-self.scores :]
        if len(last) < self.scores:
            return False
        best = best_score(self.metric, [score for score, _ in scored])
        return all(self.metric.gain(score, best) < -noise for score, noise in last)


def best_score(metric: Metric, scores: Sequence[float]) -> float:
    """The best of some scores, whatever the direction."""
    return max(scores) if metric.higher_is_better else min(scores)
