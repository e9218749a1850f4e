"""The fine-tuned model: as it comes out of training, and as it is loaded again from its folder."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.embeddings import device
from pipeline.errors import ModelError, RunFailed
from pipeline.memory import is_out_of_memory, release_memory
from pipeline.metric import Metric
from pipeline.models import load_tokenizer
from pipeline.preparation import prepare
from pipeline.records import Adjustment, TextPreparation
from pipeline.task import Array, Features, Input, Predictions, Rows, Task, load_task

DESCRIPTION = "finetune_advisor.json"
"""Says how texts are prepared and what the outputs mean; beside `config.json`."""
TEMPERATURE = "output_temperature"
"""Where a head's configuration keeps what its outputs are divided by."""
BATCH = 32


def _unheard(event: str, **values: Any) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class FineTuned:
    """A model with its tokenizer, and all that is needed to answer rows."""

    model: Any
    tokenizer: Any
    task: Task
    classes: Sequence[str]
    preparation: TextPreparation
    thresholds: tuple[float, ...] = ()
    """Where outputs become answers, for tasks that need it."""
    report: Callable[..., None] = _unheard
    """Told when memory allows fewer rows at a time only, as `Journal.write` is."""

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return self.decode(rows.ids, self.outputs(rows.inputs))

    def decode(self, row_ids: Sequence[str], outputs: Sequence[Array]) -> Predictions:
        """Answers from outputs."""
        return self.task.decode(row_ids, outputs, self.classes, self.thresholds)

    @property
    def temperature(self) -> float:
        """What its outputs are divided by, in the model itself, so that whoever loads it gets the same probabilities."""
        return float(getattr(self.model.config, TEMPERATURE, 1.0))

    def with_thresholds(self, rows: Rows, outputs: Sequence[Array], metric: Metric) -> "FineTuned":
        """The same model, its thresholds chosen on labelled rows and their outputs."""
        return replace(self, thresholds=self.task.choose_thresholds(rows, outputs, self.classes, metric))

    def calibrated(self, rows: Rows, outputs: Sequence[Array], metric: Metric) -> tuple["FineTuned", Sequence[Array]]:
        """Fit the temperature, then choose the thresholds, on labelled rows that it was not trained on.

        Returns:
            The model, and its outputs for these rows from now on.
        """
        temperature = self.task.temperature(rows, outputs, self.classes)
        setattr(self.model.config, TEMPERATURE, temperature)
        tempered = [output / temperature for output in outputs]
        return self.with_thresholds(rows, tempered, metric), tempered

    def encode(self, inputs: Sequence[Input]) -> list[Features]:
        """What the model reads of each input, cut but not padded."""
        if not inputs:
            return []  # the tokenizer itself needs one
        prepared = [prepare(given, self.preparation) for given in inputs]
        return self.task.encode(self.tokenizer, prepared, self.preparation.max_tokens)

    def pad(self, features: Sequence[Features]) -> Any:
        """A batch for the model, on its device."""
        known = [{name: row[name] for name in self.tokenizer.model_input_names if name in row} for row in features]
        return self.tokenizer.pad(known, return_tensors="pt").to(self.model.device)

    def outputs(self, inputs: Sequence[Input], batch_size: int = BATCH) -> list[Array]:
        """What the model says of each input; as `outputs_of`."""
        return self.outputs_of(self.encode(inputs), batch_size)

    def outputs_of(self, encoded: Sequence[Features], batch_size: int = BATCH) -> list[Array]:
        """What the model says of each encoded input, longest first, so that memory runs out at once or never.

        In fixed batches; in smaller ones from where memory runs out.

        Shapes: one array for each input, single precision; its shape is the task's.

        Raises:
            RunFailed: Memory runs out with one row.
        """
        order = sorted(range(len(encoded)), key=lambda row: -len(encoded[row]["input_ids"]))
        found: dict[int, Array] = {}
        training = self.model.training
        self.model.eval()
        while len(found) < len(order):
            rows = order[len(found) : len(found) + batch_size]
            outputs = self._outputs_of([encoded[row] for row in rows])
            if outputs is None:
                batch_size = self._fewer_than(len(rows))
            else:
                found.update(zip(rows, outputs, strict=True))
        self.model.train(training)
        return [found[row] for row in range(len(encoded))]

    def _outputs_of(self, features: list[Features]) -> list[Array] | None:
        """What the model says of one batch; None when memory does not hold it."""
        import torch

        try:
            with torch.inference_mode():
                logits = self.model(**self.pad(features)).logits.float().cpu().numpy()
        except (MemoryError, RuntimeError) as error:
            if is_out_of_memory(error):
                return None
            raise
        return self.task.outputs(logits, features)

    def _fewer_than(self, rows: int) -> int:
        if rows == 1:
            raise RunFailed(
                "Memory ran out while answering one row.",
                "Choose a smaller model or shorter texts, or close other programs, then run the same command again.",
            )
        release_memory()
        because = f"Memory ran out while answering rows: {rows // 2} at a time instead of {rows}."
        adjustment = Adjustment(kind="smaller_evaluation", value=rows // 2, because=because)
        self.report("adjustment", **adjustment.model_dump())
        return rows // 2

    def save(self, folder: Path) -> None:
        """Write the model in the form of `transformers`, as safetensors, with the description beside it."""
        self.model.save_pretrained(folder)
        self.save_beside(folder)

    def save_beside(self, folder: Path) -> None:
        """Write what reads texts for the model and makes answers of its outputs."""
        self.tokenizer.model_max_length = self.preparation.max_tokens
        self.tokenizer.save_pretrained(folder)
        description = {
            "schema_version": 1,
            "task": self.task.key,
            "options": dict(self.task.options),
            "classes": list(self.classes),
            "thresholds": list(self.thresholds),
            "temperature": self.temperature,
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
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ModelError(f"'{folder}' holds no fine-tuned model.", "Name the model/ folder of a finished run.")
    description = json.loads(path.read_text(encoding="utf-8"))
    task = load_task(description["task"], description["options"])
    model = task.load_model(folder).to(device()).eval()
    setattr(model.config, TEMPERATURE, description.get("temperature", 1.0))  # earlier versions kept it here only
    return FineTuned(
        model=model,
        tokenizer=load_tokenizer(folder),
        task=task,
        classes=description["classes"],
        preparation=TextPreparation(**description["preparation"]),
        thresholds=tuple(description["thresholds"]),
    )
