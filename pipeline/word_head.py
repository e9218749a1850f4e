"""A pre-trained encoder with a linear head on every token, for tags of words.

A word's tag is read at its first token, as the probe reads it. Importing this module lets
`AutoModelForTokenClassification.from_pretrained` load what a run has saved.
"""

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForTokenClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.modeling_outputs import TokenClassifierOutput

from pipeline.heads import describe, start_at
from pipeline.models import load_encoder, load_quietly
from pipeline.task import TrainingSetting


class WordClassifierConfig(PreTrainedConfig):  # type: ignore[misc]
    """The encoder's own configuration, the layers that are read, and the tags."""

    model_type = "finetune_advisor_word_classifier"

    def __init__(
        self,
        encoder: dict[str, Any] | None = None,
        pooling: str = "mean",
        dropout: float = 0.1,
        **rest: Any,
    ) -> None:
        self.encoder = encoder or {}
        self.pooling = pooling
        self.dropout = dropout
        super().__init__(**rest)


class WordClassifier(PreTrainedModel):  # type: ignore[misc]
    """Logits = token features · weightᵀ + bias; features of the last layer, or the mean of all under `layer_mean`.

    Shapes: token inputs are (batch, tokens), logits (batch, tokens, tags).
    """

    config_class = WordClassifierConfig
    base_model_prefix = "encoder"

    def __init__(self, config: WordClassifierConfig) -> None:
        super().__init__(config)
        description = dict(config.encoder)
        self.encoder = AutoModel.from_config(AutoConfig.for_model(description.pop("model_type"), **description))
        self.dropout = torch.nn.Dropout(config.dropout)
        self.classifier = torch.nn.Linear(self.encoder.config.hidden_size, config.num_labels)
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **rest: Any) -> TokenClassifierOutput:
        """Logits; the loss is the task's."""
        every_layer = self.config.pooling == "layer_mean"
        types = {"token_type_ids": rest["token_type_ids"]} if rest.get("token_type_ids") is not None else {}
        output = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=every_layer, **types
        )
        layers = output.hidden_states[1:] if every_layer else (output.last_hidden_state,)
        features = sum(layers[1:], start=layers[0]) / len(layers)
        return TokenClassifierOutput(logits=self.classifier(self.dropout(features)))


AutoConfig.register(WordClassifierConfig.model_type, WordClassifierConfig)
AutoModelForTokenClassification.register(WordClassifierConfig, WordClassifier)


def build_word_classifier(path: Path, setting: TrainingSetting) -> WordClassifier:
    """Put a head on a pre-trained encoder: the probe's weights when there are some, else small random ones.

    Args:
        path: The encoder's folder.
        setting: Tags, pooling, and the weights to start from.
    """
    torch.manual_seed(setting.seed)
    encoder = load_encoder(path)
    labels = dict(enumerate(setting.classes))
    config = WordClassifierConfig(
        encoder=describe(encoder),
        pooling=setting.pooling,
        id2label=labels,
        label2id={label: index for index, label in labels.items()},
    )
    model = WordClassifier(config)
    model.encoder.load_state_dict(encoder.state_dict())
    start_at(model.classifier, setting.head)
    return model


def load_word_classifier(folder: Path) -> WordClassifier:
    """Load a model that a run has saved.

    Raises:
        ModelError: Its files are damaged.
    """
    found: WordClassifier = load_quietly(
        folder, lambda: WordClassifier.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    )
    return found
