"""Training throughput in real tokens a second: ours beside a plain `Trainer` script, and the same with grouping by length.

Run by hand on a quiet machine: `python tests/benchmarks/throughput.py 640 5 FOLDER…` (rows, rounds), each folder with a
`train.jsonl` of `text` and `label`. All read the same rows in batches of 16; the second of two epochs is timed, start to end,
with all that lies between steps; the ways take turns. Processor seconds are told beside wall seconds: with one thread
(`OMP_NUM_THREADS=1`) their ratios hold on a busy machine too. Beside it the arithmetic of our steps over what a large matrix
product reaches in the same process.
"""

import os
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

SIDE = 2048
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


Spent = tuple[float, float]
"""Wall and processor seconds."""


def now() -> Spent:
    """Both clocks."""
    return time.perf_counter(), time.process_time()


class EpochClock(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes when epochs end."""

    def __init__(self) -> None:
        self.ends: list[Spent] = []

    def on_epoch_end(self, *_: Any, **__: Any) -> None:
        """Note it."""
        self.ends.append(now())


def between(start: Spent, end: Spent) -> Spent:
    """What was spent between two moments."""
    return end[0] - start[0], end[1] - start[1]


def plain_seconds(rows: Rows, sampling: str) -> Spent:
    """The second epoch of the plain script."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"num_train_epochs": 2, "save_strategy": "no", "train_sampling_strategy": sampling}
        trainer = plain_trainer(rows, rows.take([0]), Path(folder), options)
        clock = EpochClock()
        trainer.add_callback(clock)
        trainer.train()
    return between(*clock.ends)


def our_seconds(rows: Rows, precision: str) -> Spent:
    """The second epoch of ours, as a pilot: nothing is scored or saved between epochs."""
    ends: dict[int, Spent] = {}

    def listen(event: str, **values: Any) -> None:
        if event == "step":
            ends[values["step"]] = now()

    recipe = RECIPE.model_copy(update={"precision": precision})
    job = make_job(rows, rows.take([0]), recipe, 0, from_probe=False)
    with tempfile.TemporaryDirectory() as folder:
        train(job, Path(folder), listen, stop_after_seconds=1e9)
    steps = -(-len(rows) // RECIPE.batch_size)
    return between(ends[steps], ends[2 * steps])


def our_operations(rows: Rows) -> float:
    """Floating-point operations of one epoch of ours."""
    job = make_job(rows, rows.take([0]), RECIPE, 0, from_probe=False)
    once = replace(job, recipe=RECIPE.model_copy(update={"epochs": 1}))
    with tempfile.TemporaryDirectory() as folder, FlopCounterMode(display=False) as counter:
        train(once, Path(folder), lambda *_, **__: None, stop_after_seconds=1e9)
    return float(counter.get_total_flops())


def product_rate() -> float:
    """Operations a processor second of a large matrix product."""
    one, other = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        torch.mm(one, other)
        best = min(best, time.process_time() - begun)
    return float(2 * SIDE**3 / best)


def measure(folder: Path, count: int, rounds: int) -> None:
    """One data set, the ways in turn."""
    rows = read_rows(folder / "train.jsonl", count, seed=0)
    texts = [str(text) for text in rows.inputs]
    encoded = load_tokenizer(encoder())(texts, truncation=True, max_length=PREPARATION.max_tokens)["input_ids"]
    tokens, operations = sum(len(ids) for ids in encoded), our_operations(rows)
    spent: dict[str, list[Spent]] = {"plain": [], "by length": [], "ours": [], "ours, mixed": []}
    shares = []
    for turn in range(rounds):
        rate = product_rate()
        spent["plain"].append(plain_seconds(rows, "random"))
        spent["by length"].append(plain_seconds(rows, "group_by_length"))
        spent["ours"].append(our_seconds(rows, "single"))
        spent["ours, mixed"].append(our_seconds(rows, "where_faster"))
        shares.append(operations / spent["ours"][-1][1] / max(rate, product_rate()))
        print(
            f"  round {turn}:", ", ".join(f"{name} {found[-1][1]:.1f} s" for name, found in spent.items()), flush=True
        )
    print(f"{folder.name}: {len(rows)} rows, {tokens / len(rows):.1f} real tokens a row, medians of {rounds}")
    for name, found in spent.items():
        wall = statistics.median(tokens / one[0] for one in found)
        ratios = [
            " and ".join(
                f"{statistics.median(other[clock] / own[clock] for other, own in zip(spent[base], found, strict=True)):.2f}"
                for clock in (0, 1)
            )
            for base in ("plain", "by length")
        ]
        print(
            f"  {name:12s} {wall:8.0f} real tokens a second; wall and processor: "
            f"{ratios[0]} times as fast as plain, {ratios[1]} as by length"
        )
    print(
        f"  our steps in single precision reach {100 * statistics.median(shares):.0f} % of a {SIDE}×{SIDE} matrix product"
    )


def main(count: int, rounds: int, folders: list[Path]) -> None:
    """Measure each data set."""
    print(f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    for folder in folders:
        measure(folder, count, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
