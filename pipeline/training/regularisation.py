"""What keeps weights small, sparse, or near where they were: L1, L2-SP, dropout, and layers that start anew.

L2 is the optimizer's own decoupled weight decay. L1 and L2-SP are decoupled in the same way: applied after the step, at its
learning rate, so that Adam's scaling does not change them.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import TrainerCallback

from pipeline.training.parameter_groups import Stage, is_matrix, layers_of


class Sparsity(TrainerCallback):  # type: ignore[misc]
    """L1 as a proximal step: every weight moves towards zero by rate × strength and stays there when it arrives.

    Source: soft thresholding as in https://fmin.xyz/docs/visualizations/l1_sparsity.html; a subgradient in the loss would
    make no weight exactly zero.
    """

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def on_optimizer_step(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        """Shrink what has just been learned."""
        with torch.no_grad():
            for group in optimizer.param_groups:
                for part in group["params"]:
                    if is_matrix(part) and part.grad is not None:
                        part.copy_(shrink(part, group["lr"] * self.strength))


def shrink(weights: torch.Tensor, threshold: float) -> torch.Tensor:
    """Weights nearer to zero by the threshold, and exactly zero within it."""
    return weights.sign() * (weights.abs() - threshold).clamp(min=0)


def zero_fraction(model: Any) -> float:
    """Share of the connecting weights that are exactly zero."""
    parts = [part for part in model.parameters() if is_matrix(part)]
    return float(sum(int((part == 0).sum()) for part in parts) / sum(part.numel() for part in parts))


class Anchor(TrainerCallback):  # type: ignore[misc]
    """L2-SP: every pre-trained weight is drawn back towards where it started by rate × strength of the distance.

    The head has no pre-trained weights, nor have layers that start anew.

    Source: https://arxiv.org/abs/1802.01483
    """

    def __init__(self, stages: Sequence[Stage], strength: float) -> None:
        self.strength = strength
        self.starts = {part: part.detach().clone() for stage in stages for part in stage.parameters.values()}

    def on_optimizer_step(self, args: Any, state: Any, control: Any, optimizer: Any = None, **_: Any) -> None:
        """Draw back what has just been learned."""
        with torch.no_grad():
            for group in optimizer.param_groups:
                for part in group["params"]:
                    start = self.starts.get(part)
                    if start is not None and part.grad is not None:
                        part.lerp_(start.to(part.device), min(group["lr"] * self.strength, 1.0))


def set_dropout(model: Any, share: float) -> None:
    """Let every dropout layer leave out this share."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = share


def start_anew(encoder: Any, layers: int, seed: int) -> None:
    """Give the topmost layers new random weights, as the model was before pre-training.

    Source: https://arxiv.org/abs/2006.05987
    """
    torch.manual_seed(seed)
    for layer in layers_of(encoder)[-layers:]:
        for module in layer.modules():
            for part in module.parameters(recurse=False):
                part.__dict__.pop("_is_hf_initialized", None)  # `transformers` leaves alone what it has loaded
            encoder._init_weights(module)
