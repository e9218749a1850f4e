"""A one-layer BERT and a small data set, made here, so that tests train for real and offline.

Every text holds three words of its class among six that say nothing, in random order. There are far more class words than
features, so a linear probe on the random encoder reads them badly, and training the embeddings reads them well.
"""

import csv
import itertools
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.splitting import row_ids
from pipeline.records import ModelSource, Recipe, TextPreparation
from pipeline.task import Rows, load_task

if TYPE_CHECKING:
    from pipeline.training.job import TrainingJob

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


def make_recipe(**changes: Any) -> Recipe:
    """A recipe from which the model learns in seconds."""
    usual = {
        "strategy": "fine_tune",
        "learning_rate": 0.01,
        "batch_size": 16,
        "epochs": 4,
        "warmup_fraction": 0.1,
        "weight_decay": 0.01,
        "early_stopping_epochs": 4,
        "class_weights": "none",
    }
    return Recipe.model_validate(usual | changes)


def make_job(
    encoder: str | Path, rows: Rows, recipe: Recipe, count: int, validation: int = 60, seed: int = 0
) -> "TrainingJob":
    """A training on the first of these rows, with others from the 200th on that validate."""
    from pipeline.evaluation.metrics import ACCURACY
    from pipeline.training.job import TrainingJob

    return TrainingJob(
        task=load_task("text-classification"),
        encoder=Path(encoder),
        recipe=recipe,
        preparation=PREPARATION,
        pooling="mean",
        classes=CLASSES,
        metric=ACCURACY,
        train=rows.take(range(count)),
        validation=rows.take(range(200, 200 + validation)),
        seed=seed,
    )


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
