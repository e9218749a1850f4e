"""A one-layer BERT and a small data set, made here, so that tests train for real and offline.

Every text holds three words of its class among six that say nothing, in random order. There are far more class words than
features, so a linear probe on the random encoder reads them badly, and training the embeddings reads them well.
"""

import csv
import itertools
import random
from pathlib import Path

from pipeline.data.splitting import row_ids
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import Rows

WORDS = ["".join(parts) for parts in itertools.product("bdfgklmnprst", "aiou", "bdfgklmnprst", "eo")][::3]
CLASSES = ["calm", "glad", "upset"]
CLASS_WORDS = {label: WORDS[60 * place : 60 * place + 60] for place, label in enumerate(CLASSES)}
OTHER_WORDS = WORDS[60 * len(CLASSES) :]
PHRASES = {label: " ".join(words[:20]) for label, words in CLASS_WORDS.items()}
PREPARATION = TextPreparation(max_tokens=32)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def make_rows(count: int, seed: int) -> Rows:
    """Rows of three classes, as many of each."""
    draw = random.Random(seed)
    labels = [CLASSES[place % len(CLASSES)] for place in range(count)]
    inputs = []
    for label in labels:
        words = draw.sample(CLASS_WORDS[label], 3) + draw.sample(OTHER_WORDS, 6)
        draw.shuffle(words)
        inputs.append(" ".join(words))
    return Rows(row_ids(inputs, labels), tuple(inputs), tuple(labels))


def write_csv(rows: Rows, path: Path) -> Path:
    """Write rows as a CSV file with the columns text and label."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(rows.inputs, rows.answers, strict=True))
    return path


def save_model(folder: Path, layers: int = 1) -> ModelSource:
    """Write the model with its tokenizer; `initializer_range=0.02`, the default, would not learn."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    vocabulary = {word: place for place, word in enumerate([*SPECIAL, "one", *CLASSES, *WORDS])}
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=40,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab=vocabulary, model_max_length=40).save_pretrained(folder)
    return ModelSource(name="tiny-bert", kind="folder", location=str(folder), pooling="mean", max_tokens=40)
