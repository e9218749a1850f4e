"""A pre-trained encoder with a linear head on every token, for tags of words.

A word's tag is read at its first token, as the probe reads it. Importing this module lets
`AutoModelForTokenClassification.from_pretrained` load what a run has saved.
"""

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForTokenClassification
from transformers.modeling_outputs import TokenClassifierOutput

from pipeline.heads import Head, HeadConfig


class WordClassifierConfig(HeadConfig):
    """A head's configuration; its pooling says which layers are read."""

    model_type = "finetune_advisor_word_classifier"

    def __init__(self, **rest: Any) -> None:  # without one of its own `transformers` makes it another
        super().__init__(**rest)


class WordClassifier(Head):
    """Logits = (token features · weightᵀ + bias) / temperature; features of the last layer, or the mean of all under `layer_mean`.

    Shapes: token inputs are (batch, tokens), logits (batch, tokens, tags).
    """

    config_class = WordClassifierConfig

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **rest: Any) -> TokenClassifierOutput:
        """Logits; the loss is the task's."""
        hidden = self.read(input_ids, attention_mask, rest)
        layers = hidden[1:] if len(hidden) > 1 else hidden
        features = sum(layers[1:], start=layers[0]) / len(layers)
        return TokenClassifierOutput(logits=self.classifier(self.dropout(features)) / self.config.output_temperature)


AutoConfig.register(WordClassifierConfig.model_type, WordClassifierConfig)
AutoModelForTokenClassification.register(WordClassifierConfig, WordClassifier)
