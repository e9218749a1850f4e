"""Averages the weights of the best epochs, and keeps the average only where the validation rows are sure of it.

Source: https://arxiv.org/abs/2203.05482 (weights of like runs), https://arxiv.org/abs/1803.05407 (weights along one run).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback

from pipeline.metric import Metric
from pipeline.training.callbacks import SCORE

FOLDER = "averaging"


class BestWeights(TrainerCallback):  # type: ignore[misc]
    """Keeps the weights of so many epochs that scored best, beside the checkpoints."""

    def __init__(self, folder: Path, count: int, metric: Metric) -> None:
        self.folder, self.count, self.metric = folder / FOLDER, count, metric

    def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Keep these weights if they are among the best, and drop those that no longer are."""
        if not state.global_step:
            return
        best = self.best_steps(state.log_history)
        self.folder.mkdir(parents=True, exist_ok=True)
        if state.global_step in best:
            draft = self.folder / "draft"
            save_file({name: part.contiguous() for name, part in model.state_dict().items()}, draft)
            os.replace(draft, self._path(state.global_step))
        for path in set(self.folder.glob("*.safetensors")) - {self._path(step) for step in best}:
            path.unlink()

    def best_steps(self, history: Sequence[dict[str, Any]]) -> list[int]:
        """The steps that scored best, of equals the later ones."""
        scored = {line["step"]: line[SCORE] for line in history if SCORE in line and line.get("step")}
        order = sorted(scored, key=lambda step: (-self.metric.gain(scored[step], 0.0), -step))
        return order[: self.count]

    def average(self, history: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """The mean of the weights that were kept; empty when there is but one."""
        paths = [path for step in self.best_steps(history) if (path := self._path(step)).is_file()]
        return mean_weights([load_file(path) for path in paths]) if len(paths) > 1 else {}

    def _path(self, step: int) -> Path:
        return self.folder / f"{step}.safetensors"


def mean_weights(states: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each weight; what is no floating-point number is that of the first."""
    first = states[0]
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0) if part.is_floating_point() else part
        for name, part in first.items()
    }
