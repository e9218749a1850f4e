"""Training throughput in real tokens a second: ours beside a plain `Trainer` script, and the same with grouping by length.

Run by hand on a quiet machine: `python tests/benchmarks/throughput.py FOLDER…`, each folder with a `train.jsonl` of `text` and
`label`. All read the same rows in batches of 16; the second of two epochs is timed, start to end, with all that lies between
steps; the three take turns. Beside it the arithmetic of our steps over what a large matrix product reaches in the same process.
"""

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from pipeline.models import load_tokenizer
from pipeline.records import Recipe
from pipeline.task import Rows
from pipeline.training.train import train
from tests.benchmarks.plain import PREPARATION, encoder, make_job, plain_trainer, read_rows

ROWS, ROUNDS, SIDE = 640, 5, 2048
RECIPE = Recipe(
    strategy="fine_tune",
    learning_rate=1e-4,
    batch_size=16,
    epochs=2,
    warmup_fraction=0.1,
    weight_decay=0.01,
    early_stopping_epochs=2,
    class_weights="none",
)


class EpochClock(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes when epochs end."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        """Note it."""
        self.ends.append(time.perf_counter())


def plain_seconds(rows: Rows, sampling: str) -> float:
    """The second epoch of the plain script."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"num_train_epochs": 2, "save_strategy": "no", "train_sampling_strategy": sampling}
        trainer = plain_trainer(rows, rows.take([0]), Path(folder), options)
        clock = EpochClock()
        trainer.add_callback(clock)
        trainer.train()
    return clock.ends[1] - clock.ends[0]


def our_seconds(rows: Rows) -> float:
    """The second epoch of ours, as a pilot: nothing is scored or saved between epochs."""
    ends: dict[int, float] = {}

    def listen(event: str, **values: Any) -> None:
        if event == "step":
            ends[values["step"]] = time.perf_counter()

    job = make_job(rows, rows.take([0]), RECIPE, 0, from_probe=False)
    with tempfile.TemporaryDirectory() as folder:
        train(job, Path(folder), listen, stop_after_seconds=1e9)
    steps = -(-len(rows) // RECIPE.batch_size)
    return ends[2 * steps] - ends[steps]


def our_operations(rows: Rows) -> float:
    """Floating-point operations of one epoch of ours."""
    job = make_job(rows, rows.take([0]), RECIPE, 0, from_probe=False)
    once = replace(job, recipe=RECIPE.model_copy(update={"epochs": 1}))
    with tempfile.TemporaryDirectory() as folder, FlopCounterMode(display=False) as counter:
        train(once, Path(folder), lambda *_, **__: None, stop_after_seconds=1e9)
    return float(counter.get_total_flops())


def product_rate() -> float:
    """Operations a second of a large matrix product."""
    one, other = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        torch.mm(one, other)
        best = min(best, time.perf_counter() - begun)
    return float(2 * SIDE**3 / best)


def main(folders: list[Path], count: int, rounds: int) -> None:
    """Measure each data set, the ways in turn."""
    tokenizer = load_tokenizer(encoder())
    for folder in folders:
        rows = read_rows(folder / "train.jsonl", count, seed=0)
        texts = [str(text) for text in rows.inputs]
        lengths = [
            len(ids) for ids in tokenizer(texts, truncation=True, max_length=PREPARATION.max_tokens)["input_ids"]
        ]
        tokens, operations = sum(lengths), our_operations(rows)
        seconds: dict[str, list[float]] = {"plain": [], "by length": [], "ours": []}
        shares = []
        for _ in range(rounds):
            seconds["plain"].append(plain_seconds(rows, "random"))
            seconds["by length"].append(plain_seconds(rows, "group_by_length"))
            rate = product_rate()
            seconds["ours"].append(our_seconds(rows))
            shares.append(operations / seconds["ours"][-1] / max(rate, product_rate()))
        print(f"{folder.name}: {len(rows)} rows, {tokens / len(rows):.1f} real tokens a row, medians of {rounds}")
        for name, found in seconds.items():
            pairs = [other / own for other, own in zip(found, seconds["ours"], strict=True)]
            ratio = "" if name == "ours" else f"   ours is {statistics.median(pairs):.2f} times as fast"
            print(f"  {name:10s} {tokens / statistics.median(found):8.0f} real tokens a second{ratio}")
        print(f"  our steps reach {100 * statistics.median(shares):.0f} % of a {SIDE}×{SIDE} matrix product")


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]], ROWS, ROUNDS)
