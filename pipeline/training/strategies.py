"""Makes a model ready for a recipe, and gathers what acts on it while it learns."""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from pipeline.metric import Metric
from pipeline.records import Recipe
from pipeline.training.averaging import BestWeights
from pipeline.training.dropout import while_computed_twice
from pipeline.training.freezing import GradualUnfreezing
from pipeline.training.lora import add_lora
from pipeline.training.parameter_groups import Stage, layers_of, stages_of
from pipeline.training.regularisation import Anchor, Sparsity, set_dropout, start_anew


@dataclass(frozen=True)
class Strategies:
    """What a recipe does to the model that learns.

    Attributes:
        stages: Its weights by depth.
        while_training: Acts on steps and epochs.
        freezing: Which of those freezes, if one does.
        averaging: Keeps the weights of the best epochs, if they are averaged.
    """

    stages: list[Stage]
    while_training: list[TrainerCallback] = field(default_factory=list)
    freezing: GradualUnfreezing | None = None
    averaging: BestWeights | None = None

    @property
    def after_epochs(self) -> list[TrainerCallback]:
        """Acts on validation scores, which a pilot has none of."""
        return [] if self.averaging is None else [self.averaging]


def prepare_strategies(model: Any, recipe: Recipe, metric: Metric, folder: Path, seed: int) -> Strategies:
    """Change a pre-trained model as the recipe has it, and make what acts on it later."""
    if recipe.dropout != "as_pretrained":
        set_dropout(model, recipe.dropout)
    if recipe.reinitialised_layers:
        start_anew(model.encoder, recipe.reinitialised_layers, seed)
    if recipe.lora_rank:
        add_lora(model, recipe.lora_rank, seed)
    if recipe.gradient_checkpointing:
        _compute_twice(model.encoder)
    stages = [stage.learning() for stage in stages_of(model)]
    acting: list[TrainerCallback] = []
    freezing = GradualUnfreezing(stages, recipe.epochs) if recipe.unfreezing == "gradual" else None
    if freezing is not None:
        acting.append(freezing)
    if recipe.l2_sp:
        layers = len(layers_of(model.encoder)) - recipe.reinitialised_layers
        acting.append(Anchor(stages[: 1 + max(layers, 0)], recipe.l2_sp))
    if recipe.l1:
        acting.append(Sparsity(recipe.l1))  # last, so that what is zero stays so
    averaging = BestWeights(folder, recipe.averaged_checkpoints, metric) if recipe.averaged_checkpoints > 1 else None
    return Strategies(stages, acting, freezing, averaging)


def _compute_twice(encoder: Any) -> None:
    """Let an encoder compute what its layers compute twice instead of keeping it."""
    enable = getattr(encoder, "activation_checkpointing_enable", None) or encoder.gradient_checkpointing_enable
    enable({"use_reentrant": False, "context_fn": partial(while_computed_twice, encoder)})
