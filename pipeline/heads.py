"""A pre-trained encoder with a linear head on features that are pooled as the probe pools them.

Sentence encoders ship a pooler that was never trained, so the stock classification heads start from noise. Importing this
module lets `AutoModelForSequenceClassification.from_pretrained` load what a run has saved.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from pipeline.embeddings import pool
from pipeline.models import load_encoder, load_quietly
from pipeline.task import Array, TrainingSetting


class PooledClassifierConfig(PreTrainedConfig):  # type: ignore[misc]
    """The encoder's own configuration, the pooling, the labels, and for scores what their zero and unit are."""

    model_type = "finetune_advisor_pooled_classifier"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        pooling: str = "mean",
        dropout: float = 0.1,
        mean: float = 0.0,
        deviation: float = 1.0,
        **rest: Any,
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.dropout = dropout
        self.mean, self.deviation = mean, deviation
        super().__init__(**rest)


class PooledClassifier(PreTrainedModel):  # type: ignore[misc]
    """Logits = mean + deviation × (pooled features · weightᵀ + bias); mean and deviation are 0 and 1 but for scores.

    Shapes: token inputs are (batch, tokens), logits (batch, outputs).
    """

    config_class = PooledClassifierConfig
    base_model_prefix = "encoder"

    def __init__(self, config: PooledClassifierConfig) -> None:
        super().__init__(config)
        description = dict(config.encoder)
        self.encoder = AutoModel.from_config(AutoConfig.for_model(description.pop("model_type"), **description))
        self.dropout = torch.nn.Dropout(config.dropout)
        self.classifier = torch.nn.Linear(self.encoder.config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **rest: Any) -> SequenceClassifierOutput:
        """Logits; the loss is the task's."""
        every_layer = self.config.pooling == "layer_mean"
        types = {"token_type_ids": rest["token_type_ids"]} if rest.get("token_type_ids") is not None else {}
        output = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=every_layer, **types
        )
        hidden = output.hidden_states if every_layer else (output.last_hidden_state,)
        logits = self.classifier(self.dropout(pool(hidden, attention_mask, self.config.pooling)))
        return SequenceClassifierOutput(logits=self.config.mean + self.config.deviation * logits)


AutoConfig.register(PooledClassifierConfig.model_type, PooledClassifierConfig)
AutoModelForSequenceClassification.register(PooledClassifierConfig, PooledClassifier)


def build_classifier(
    path: Path, setting: TrainingSetting, problem_type: str, mean: float = 0.0, deviation: float = 1.0
) -> PooledClassifier:
    """Put a head on a pre-trained encoder: the probe's weights when there are some, else small random ones.

    Args:
        path: The encoder's folder.
        setting: Classes, pooling, and the weights to start from.
        problem_type: How `transformers` names the kind of output.
        mean: What an output of zero stands for.
        deviation: What an output of one stands for beyond that.
    """
    torch.manual_seed(setting.seed)
    encoder = load_encoder(path)
    labels = dict(enumerate(setting.classes or ["score"]))
    config = PooledClassifierConfig(
        encoder=describe(encoder),
        pooling=setting.pooling,
        problem_type=problem_type,
        mean=mean,
        deviation=deviation,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    model = PooledClassifier(config)
    model.encoder.load_state_dict(encoder.state_dict())
    start_at(model.classifier, setting.head, mean, deviation)
    return model


def describe(encoder: Any) -> dict[str, Any]:
    """The configuration of an encoder, from which it can be built again."""
    return dict(encoder.config.to_diff_dict() | {"model_type": encoder.config.model_type})


def start_at(
    layer: torch.nn.Linear, head: tuple[Array, Array] | None, mean: float = 0.0, deviation: float = 1.0
) -> None:
    """Give a layer the weights of a probe, whose outputs are mean + deviation × those of the layer."""
    if head is None:
        return
    weight, bias = head
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight / deviation))
        layer.bias.copy_(torch.from_numpy((bias - mean) / deviation))


def load_classifier(folder: Path) -> PooledClassifier:
    """Load a model that a run has saved.

    Raises:
        ModelError: Its files are damaged.
    """
    found: PooledClassifier = load_quietly(
        folder, lambda: PooledClassifier.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    )
    return found
