"""LoRA: every connecting weight of the layers stays as it is, and a product of two narrow matrices beside it learns.

At the end the products are added to the weights, so that the saved model is one like any other.

Source: https://arxiv.org/abs/2106.09685; all layers, alpha of 32 over the rank and ten times the learning rate of full
fine-tuning as measured in https://thinkingmachines.ai/blog/lora/
"""

from typing import Any

import torch

from pipeline.training.parameter_groups import is_lora, layers_of

ALPHA = 32
"""The product is scaled by this over the rank, so that the best learning rate does not depend on the rank."""
LADDER_RANK = 8
"""Rank where memory is short; that of the package's own default."""


def add_lora(model: Any, rank: int, seed: int) -> None:
    """Freeze the encoder of a model with a head and put narrow matrices beside its connecting weights; the head learns as before."""
    from peft import LoraConfig, inject_adapter_in_model
    from transformers.pytorch_utils import Conv1D

    targets = _connecting(model.encoder, (torch.nn.Linear, Conv1D))
    config = LoraConfig(
        r=rank,
        lora_alpha=ALPHA,
        lora_dropout=0.0,
        bias="none",
        target_modules=[name for name, _ in targets],
        fan_in_fan_out=all(isinstance(module, Conv1D) for _, module in targets),
    )
    torch.manual_seed(seed)
    inject_adapter_in_model(config, model.encoder)
    for name, part in model.encoder.named_parameters():
        part.requires_grad_(is_lora(name))


def _connecting(encoder: Any, kinds: tuple[type, ...]) -> list[tuple[str, Any]]:
    """What connects features within the layers, by its name in the encoder."""
    inside = {id(module) for layer in layers_of(encoder) for module in layer.modules()}
    return [
        (name, module) for name, module in encoder.named_modules() if id(module) in inside and isinstance(module, kinds)
    ]


def merge_lora(model: Any) -> None:
    """Add what was learned to the weights, and take the narrow matrices away; a model without any stays as it is."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if any(is_lora(part) for part, _ in child.named_children()):
                wrapped: Any = child
                wrapped.merge()
                setattr(parent, name, wrapped.get_base_layer())
                model.requires_grad_(True)
