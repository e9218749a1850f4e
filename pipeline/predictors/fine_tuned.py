"""The fine-tuned model: as it comes out of training, and as it is loaded again from its folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.embeddings import device
from pipeline.errors import ModelError
from pipeline.models import load_quietly, load_tokenizer
from pipeline.preparation import prepare
from pipeline.records import TextPreparation
from pipeline.task import Array, Input, Predictions, Rows, Task, load_task

DESCRIPTION = "finetune_advisor.json"
"""Says how texts are prepared and what the outputs mean; beside `config.json`."""
BATCH = 32


@dataclass(frozen=True)
class FineTuned:
    """A model with its tokenizer, and all that is needed to answer rows."""

    model: Any
    tokenizer: Any
    task: Task
    classes: Sequence[str]
    preparation: TextPreparation

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return self.task.decode(rows.ids, self.logits(rows.inputs), self.classes)

    def encode(self, inputs: Sequence[Input]) -> list[dict[str, list[int]]]:
        """Tokens of each input, cut but not padded."""
        if not inputs:
            return []  # the tokenizer itself needs one
        texts = [prepare(given, self.preparation) for given in inputs]
        encoded = self.tokenizer(
            [text if isinstance(text, str) else list(text) for text in texts],
            truncation=True,
            max_length=self.preparation.max_tokens,
        )
        return [{name: values[row] for name, values in encoded.items()} for row in range(len(texts))]

    def logits(self, inputs: Sequence[Input], batch_size: int = BATCH) -> Array:
        """Logits in fixed batches, longest texts first, so that memory runs out at once or never.

        Shapes: (inputs, classes), single precision.
        """
        import torch

        encoded = self.encode(inputs)
        order = sorted(range(len(encoded)), key=lambda row: -len(encoded[row]["input_ids"]))
        found: dict[int, Array] = {}
        training = self.model.training
        self.model.eval()
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            batch = self.tokenizer.pad([encoded[row] for row in rows], return_tensors="pt").to(self.model.device)
            with torch.inference_mode():
                logits = self.model(**batch).logits.float().cpu().numpy()
            found.update(zip(rows, logits, strict=True))
        self.model.train(training)
        return np.stack([found[row] for row in range(len(encoded))]) if found else np.zeros((0, len(self.classes)))

    def save(self, folder: Path) -> None:
        """Write the model in the form of `transformers`, as safetensors, with the description beside it."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        description = {
            "schema_version": 1,
            "task": self.task.key,
            "classes": list(self.classes),
            "preparation": self.preparation.model_dump(),
        }
        (folder / DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")


def padded_tokens(lengths: Sequence[int], batch_size: int = BATCH) -> int:
    """Tokens that rows of these lengths come to when rows of like length are padded together in batches."""
    ordered = sorted(lengths, reverse=True)
    return sum(
        ordered[start] * len(ordered[start : start + batch_size]) for start in range(0, len(ordered), batch_size)
    )


def load_fine_tuned(folder: Path) -> FineTuned:
    """Load a model that a run has saved.

    Raises:
        ModelError: The folder does not hold one, or it is damaged.
    """
    from transformers import AutoModelForSequenceClassification

    import pipeline.heads  # noqa: F401 - makes its model type known to transformers

    path = folder / DESCRIPTION
    if not path.is_file():
        raise ModelError(f"'{folder}' holds no fine-tuned model.", "Name the model/ folder of a finished run.")
    description = json.loads(path.read_text(encoding="utf-8"))
    model = load_quietly(
        folder,
        lambda: AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True),
    )
    return FineTuned(
        model=model.to(device()).eval(),
        tokenizer=load_tokenizer(folder),
        task=load_task(description["task"]),
        classes=description["classes"],
        preparation=TextPreparation(**description["preparation"]),
    )
