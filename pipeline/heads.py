"""A pre-trained encoder with a linear head on features that are pooled as the probe pools them.

Sentence encoders ship a pooler that was never trained, so the stock classification heads start from noise. Importing this
module lets `AutoModelForSequenceClassification.from_pretrained` load what a run has saved.
"""

from pathlib import Path
from typing import Any, TypeVar

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


class HeadConfig(PreTrainedConfig):  # type: ignore[misc]
    """The encoder's own configuration, how its features are read, what logits are divided by, and the labels."""

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        pooling: str = "mean",
        dropout: float = 0.1,
        output_temperature: float = 1.0,
        **rest: Any,
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.dropout = dropout
        self.output_temperature = output_temperature
        super().__init__(**rest)


class Head(PreTrainedModel):  # type: ignore[misc]
    """An encoder and a linear layer; subclasses say what of the encoder's features the layer reads."""

    base_model_prefix = "encoder"

    def __init__(self, config: HeadConfig) -> None:
        super().__init__(config)
        description = dict(config.encoder)
        self.encoder = AutoModel.from_config(AutoConfig.for_model(description.pop("model_type"), **description))
        self.dropout = torch.nn.Dropout(config.dropout)
        self.classifier = torch.nn.Linear(self.encoder.config.hidden_size, config.num_labels)
        self.post_init()

    def read(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, rest: dict[str, Any]) -> Any:
        """What pooling reads: the last layer, or the embeddings and every layer; each (batch, tokens, features)."""
        every_layer = self.config.pooling == "layer_mean"
        types = {"token_type_ids": rest["token_type_ids"]} if rest.get("token_type_ids") is not None else {}
        output = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=every_layer, **types
        )
        return output.hidden_states if every_layer else (output.last_hidden_state,)


class PooledClassifierConfig(HeadConfig):
    """A head's configuration, and for scores what their zero and unit are."""

    model_type = "finetune_advisor_pooled_classifier"

    def __init__(self, mean: float = 0.0, deviation: float = 1.0, **rest: Any) -> None:
        self.mean, self.deviation = mean, deviation
        super().__init__(**rest)


class PooledClassifier(Head):
    """Logits = (mean + deviation × (pooled features · weightᵀ + bias)) / temperature; 0, 1 and 1 unless fitted.

    Mean and deviation are those of scores; the temperature makes probabilities of logits mean what they say.

    Shapes: token inputs are (batch, tokens), logits (batch, outputs).
    """

    config_class = PooledClassifierConfig

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **rest: Any) -> SequenceClassifierOutput:
        """Logits; the loss is the task's."""
        pooled = pool(self.read(input_ids, attention_mask, rest), attention_mask, self.config.pooling)
        logits = self.classifier(self.dropout(pooled))
        scaled = self.config.mean + self.config.deviation * logits
        return SequenceClassifierOutput(logits=scaled / self.config.output_temperature)


AutoConfig.register(PooledClassifierConfig.model_type, PooledClassifierConfig)
AutoModelForSequenceClassification.register(PooledClassifierConfig, PooledClassifier)


H = TypeVar("H", bound=Head)


def build_head(kind: type[H], path: Path, setting: TrainingSetting, **own: Any) -> H:
    """Put a head on a pre-trained encoder: the probe's weights when there are some, else small random ones.

    Args:
        kind: Of head.
        path: The encoder's folder.
        setting: Classes, pooling, and the weights to start from.
        own: What this kind of head is configured with besides.
    """
    torch.manual_seed(setting.seed)
    encoder = load_encoder(path)
    labels = dict(enumerate(setting.classes or ["score"]))
    config = kind.config_class(
        encoder=encoder.config.to_diff_dict() | {"model_type": encoder.config.model_type},
        pooling=setting.pooling,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
        **own,
    )
    model = kind(config)
    model.encoder.load_state_dict(encoder.state_dict())
    if setting.head is not None:
        _start_at(model.classifier, *setting.head, own.get("mean", 0.0), own.get("deviation", 1.0))
    return model


def _start_at(layer: torch.nn.Linear, weight: Array, bias: Array, mean: float, deviation: float) -> None:
    """Give a layer the weights of a probe, whose outputs are mean + deviation × those of the layer."""
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight / deviation))
        layer.bias.copy_(torch.from_numpy((bias - mean) / deviation))


def load_head(kind: type[H], folder: Path) -> H:
    """Load a model that a run has saved.

    Raises:
        ModelError: Its files are damaged.
    """
    found: H = load_quietly(folder, lambda: kind.from_pretrained(folder, local_files_only=True, use_safetensors=True))
    return found
