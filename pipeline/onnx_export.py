"""Writes a fine-tuned model as ONNX, and answers rows with it. The only door to onnx and onnxruntime."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.errors import ModelError
from pipeline.predictors.fine_tuned import BATCH, FineTuned
from pipeline.task import Array, Predictions, Rows

MODEL = "model.onnx"


class _Logits(torch.nn.Module):
    """A model as ONNX wants it: tensors in, in an order, and one tensor out."""

    def __init__(self, model: Any, names: Sequence[str]) -> None:
        super().__init__()
        self.model, self.names = model, list(names)

    def forward(self, *tensors: torch.Tensor) -> Any:
        return self.model(**dict(zip(self.names, tensors, strict=True))).logits


def write_onnx(tuned: FineTuned, example: Rows, folder: Path) -> None:
    """Write model, tokenizer and description into a folder that needs neither torch nor transformers to answer.

    Args:
        tuned: The model.
        example: Two rows or more to trace it with.
        folder: Where the files go.

    Raises:
        ModelError: The model has a part that ONNX cannot express.
    """
    batch = tuned.pad(tuned.encode(example.inputs))
    names = list(batch)
    dimensions = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens")}
    try:
        with _quietly():
            torch.onnx.export(
                _Logits(tuned.model, names).eval(),
                tuple(batch[name] for name in names),
                folder / MODEL,
                input_names=names,
                output_names=["logits"],
                dynamo=True,
                dynamic_shapes=(tuple(dimensions for _ in names),),
                external_data=False,
                verbose=False,
            )
    except (RuntimeError, torch.onnx.OnnxExporterError) as error:
        said = (str(error).strip().splitlines() or ["no message"])[0]
        raise ModelError(
            f"The model could not be written as ONNX: {said.rstrip('.')}.", "Use model/ with transformers instead."
        ) from error
    tuned.save_beside(folder)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says of itself and of packages that are not needed."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@dataclass(frozen=True)
class OnnxModel:
    """The written model, with what reads texts for it and makes answers of its outputs."""

    session: Any
    tuned: FineTuned

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return self.tuned.decode(rows.ids, self.outputs(rows))

    def outputs(self, rows: Rows) -> list[Array]:
        """What the model says of each row, in batches of like length."""
        encoded = self.tuned.encode(rows.inputs)
        order = sorted(range(len(encoded)), key=lambda row: -len(encoded[row]["input_ids"]))
        found: dict[int, Array] = {}
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            features = [encoded[place] for place in places]
            batch = self.tuned.pad(features)
            read = [each.name for each in self.session.get_inputs()]
            (logits,) = self.session.run(["logits"], {name: batch[name].cpu().numpy() for name in read})
            found.update(zip(places, self.tuned.task.outputs(np.asarray(logits), features), strict=True))
        return [found[row] for row in range(len(encoded))]


def load_onnx(folder: Path, tuned: FineTuned) -> OnnxModel:
    """Open a model that was written."""
    import onnxruntime

    return OnnxModel(onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"]), tuned)
