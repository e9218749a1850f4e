"""The stages of a model from its embeddings up to its head, and the groups of weights that an optimizer takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch.nn import Module, ModuleList, Parameter

LORA_RATE_FACTOR = 10.0
"""How much faster than the recipe's rate the narrow matrices of LoRA learn; https://thinkingmachines.ai/blog/lora/"""


@dataclass(frozen=True)
class Stage:
    """Weights of one depth: the embeddings, one layer, or the head with what stands above the layers.

    Attributes:
        modules: What computes with them.
        parameters: By their names in the model.
    """

    modules: tuple[Module, ...]
    parameters: dict[str, Parameter]

    def learning(self) -> "Stage":
        """The same stage with only the weights that learn from the start or later."""
        return Stage(self.modules, {name: part for name, part in self.parameters.items() if part.requires_grad})


def layers_of(encoder: Module) -> list[Module]:
    """The layers of an encoder or decoder in the order in which they are read, whatever the model calls them.

    They are the largest list of modules, with others of the same kind: a model that encodes and then decodes has two.
    """
    lists = [module for module in encoder.modules() if isinstance(module, ModuleList) and len(module)]
    inner = {id(below) for outer in lists for below in outer.modules() if below is not outer}
    outermost = [each for each in lists if id(each) not in inner]
    if not outermost:
        return []
    largest = max(outermost, key=_weights)
    return [layer for each in outermost if type(each[0]) is type(largest[0]) for layer in each]


def stages_of(model: Any) -> list[Stage]:
    """Every weight of a model with a head in its stage: embeddings first, then each layer, the head last.

    What an encoder holds beside its layers belongs to the embeddings when it comes before them, else to the head.
    """
    layers = layers_of(model.encoder)
    owners = {id(part): place for place, layer in enumerate(layers, start=1) for part in layer.parameters()}
    stages: list[dict[str, Parameter]] = [{} for _ in range(len(layers) + 2)]
    seen = False
    for name, part in model.named_parameters():
        place = owners.get(id(part))
        seen = seen or place is not None
        before = bool(layers) and not seen and name.startswith(f"{model.base_model_prefix}.")
        stages[place if place is not None else 0 if before else -1][name] = part
    modules: list[tuple[Module, ...]] = [_alone(model.encoder, layers, set(stages[0].values()))]
    modules += [(layer,) for layer in layers]
    return [Stage(*each) for each in zip([*modules, (model.classifier,)], stages, strict=True)]


def _alone(encoder: Module, layers: Sequence[Module], parameters: set[Parameter]) -> tuple[Module, ...]:
    """The largest modules beside the layers that compute with these weights only."""
    found: list[Module] = []
    inside = {id(module) for layer in layers for module in layer.modules()}
    for module in encoder.modules():
        own = set(module.parameters())
        taken = any(id(module) == id(below) for each in found for below in each.modules())
        if own and own <= parameters and id(module) not in inside and not taken:
            found.append(module)
    return tuple(found)


def group_parameters(
    stages: Sequence[Stage], learning_rate: float, layer_decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups for an optimizer: each stage learns by a factor more slowly than the one above; biases and norms do not decay.

    The narrow matrices of LoRA learn by a factor faster.

    The groups are the same whether or not a stage is frozen, so that the optimizer's state fits again after a stop.

    Source: layer-wise decay as in https://arxiv.org/abs/1905.05583.
    """
    groups: dict[tuple[float, float], list[Parameter]] = {}
    for height, stage in enumerate(reversed(stages)):
        rate = learning_rate * layer_decay**height
        for name, part in stage.parameters.items():
            own = rate * LORA_RATE_FACTOR if is_lora(name) else rate
            decay = weight_decay if is_matrix(part) else 0.0
            groups.setdefault((own, decay), []).append(part)
    return [{"params": parts, "lr": rate, "weight_decay": decay} for (rate, decay), parts in groups.items()]


def is_matrix(part: Parameter) -> bool:
    """Whether a weight connects features, so that decay and sparsity apply; biases and norms have one dimension."""
    return part.ndim > 1


def is_lora(name: str) -> bool:
    """Whether a weight of that name is one of the narrow matrices of LoRA."""
    return any(part.startswith("lora_") for part in name.split("."))


def _weights(module: Module) -> int:
    return sum(part.numel() for part in module.parameters())
