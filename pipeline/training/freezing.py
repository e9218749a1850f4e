"""Gradual unfreezing: the head learns first, then one stage after the other from the last layer down.

Source: https://arxiv.org/abs/1801.06146
"""

from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback

from pipeline.training.parameter_groups import Stage


def thawed_stages(stages: int, epoch: int, epochs: int) -> int:
    """How many stages from the top learn in an epoch (counted from 0): the head at first, all from half of the epochs on."""
    until = epochs // 2
    return stages if epoch >= until else 1 + (stages - 1) * epoch // until


class GradualUnfreezing(TrainerCallback):  # type: ignore[misc]
    """Sets what learns at the start of each epoch; it follows from the epoch alone, so that a resumed run does the same."""

    def __init__(self, stages: Sequence[Stage], epochs: int) -> None:
        self.stages, self.epochs = stages, epochs

    def frozen_layers(self, epoch: int) -> int:
        """How many layers from the first on are frozen in an epoch, the embeddings with them."""
        return max(len(self.stages) - thawed_stages(len(self.stages), epoch, self.epochs) - 1, 0)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Freeze and thaw."""
        epoch = int((state.epoch or 0) + 1e-6)  # within one when training goes on there
        thawed = thawed_stages(len(self.stages), epoch, self.epochs)
        for height, stage in enumerate(reversed(self.stages)):
            for part in stage.parameters.values():
                part.requires_grad_(height < thawed)

    def quiet(self) -> None:
        """Let frozen stages compute without dropout: what is not learned need not be disturbed."""
        for stage in self.stages:
            if stage.parameters and not any(part.requires_grad for part in stage.parameters.values()):
                for module in stage.modules:
                    module.eval()
