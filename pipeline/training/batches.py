"""Rows as the model reads them in training: encoded once, and padded into batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch.utils.data import Dataset as TorchDataset

from pipeline.embeddings import UNCOUNTED
from pipeline.models import load_tokenizer
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.task import Rows
from pipeline.training.job import TrainingJob

ROW = "row"
"""Key of the places of rows, in a batch too; the model is not given it."""


class EncodedRows(TorchDataset[dict[str, Any]]):
    """Rows as tokens, encoded once."""

    def __init__(self, tuned: FineTuned, rows: Rows) -> None:
        self.tuned = tuned
        self.features = tuned.encode(rows.inputs)
        self.labels = tuned.task.targets(rows, self.features, tuned.classes)

    def __len__(self) -> int:
        return len(self.features)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row."""
        return [len(row["input_ids"]) for row in self.features]

    def __getitem__(self, row: int) -> dict[str, Any]:
        return {**self.features[row], "labels": self.labels[row], ROW: row}


def encode_rows(job: TrainingJob) -> EncodedRows:
    """The rows that a job trains on, for a model that is yet to come."""
    return EncodedRows(FineTuned(None, load_tokenizer(job.encoder), job.task, job.classes, job.preparation), job.train)


def collator(tuned: FineTuned) -> Callable[[list[dict[str, Any]]], Any]:
    """Makes a batch of rows; targets that hold a whole number for each token are padded with the number that no loss counts."""
    import torch

    def collate(rows: list[dict[str, Any]]) -> Any:
        batch = tuned.pad(rows)
        targets = [row["labels"] for row in rows]
        if targets[0].ndim == 1 and np.issubdtype(targets[0].dtype, np.integer):
            width = batch["input_ids"].shape[1]
            targets = [np.pad(each, (0, width - len(each)), constant_values=UNCOUNTED) for each in targets]
        batch["labels"] = torch.from_numpy(np.stack(targets))
        batch[ROW] = torch.tensor([row[ROW] for row in rows])
        return batch

    return collate


def count_targets(labels: Any) -> Any:
    """How many targets of a batch the loss is a mean of; numbers all count, whatever they are."""
    return labels.numel() if labels.is_floating_point() else (labels != UNCOUNTED).sum()
