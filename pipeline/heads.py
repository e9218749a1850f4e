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
from pipeline.models import load_encoder
from pipeline.task import TrainingSetting


class PooledClassifierConfig(PreTrainedConfig):  # type: ignore[misc]
    """The encoder's own configuration, the pooling, and the labels."""

    model_type = "finetune_advisor_pooled_classifier"

    def __init__(
        self, encoder: dict[str, Any] | None = None, pooling: str = "mean", dropout: float = 0.1, **rest: Any
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.dropout = dropout
        super().__init__(**rest)


class PooledClassifier(PreTrainedModel):  # type: ignore[misc]
    """Logits = pooled features · weightᵀ + bias.

    Shapes: token inputs are (batch, tokens), logits (batch, classes).
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

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor | None = None, **rest: Any
    ) -> SequenceClassifierOutput:
        """Logits, and the plain cross-entropy when labels are given."""
        every_layer = self.config.pooling == "layer_mean"
        types = {"token_type_ids": rest["token_type_ids"]} if rest.get("token_type_ids") is not None else {}
        output = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=every_layer, **types
        )
        hidden = output.hidden_states if every_layer else (output.last_hidden_state,)
        logits = self.classifier(self.dropout(pool(hidden, attention_mask, self.config.pooling)))
        loss = torch.nn.functional.cross_entropy(logits, labels) if labels is not None else None
        return SequenceClassifierOutput(loss=loss, logits=logits)


AutoConfig.register(PooledClassifierConfig.model_type, PooledClassifierConfig)
AutoModelForSequenceClassification.register(PooledClassifierConfig, PooledClassifier)


def build_classifier(path: Path, setting: TrainingSetting) -> PooledClassifier:
    """Put a head on a pre-trained encoder: the probe's weights when there are some, else small random ones."""
    torch.manual_seed(setting.seed)
    encoder = load_encoder(path)
    labels = dict(enumerate(setting.classes))
    config = PooledClassifierConfig(
        encoder=encoder.config.to_diff_dict() | {"model_type": encoder.config.model_type},
        pooling=setting.pooling,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    model = PooledClassifier(config)
    model.encoder.load_state_dict(encoder.state_dict())
    if setting.probe_weight is not None and setting.probe_bias is not None:
        with torch.no_grad():
            model.classifier.weight.copy_(torch.from_numpy(setting.probe_weight))
            model.classifier.bias.copy_(torch.from_numpy(setting.probe_bias))
    return model
