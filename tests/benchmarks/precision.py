"""What bfloat16 costs or gains in score: the same rows, seeds and recipe in single and in mixed precision, in pairs.

Run by hand: `python tests/benchmarks/precision.py 256 5 FOLDER…` (rows, seeds), each folder with `train.jsonl` and `test.jsonl` of
`text` and `label`. A fifth of the rows validates. Before `precision` becomes `where_faster` in the rules, the low end of the
interval should stand above −1 point on TREC, SST-2 and emotion.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import Recipe
from pipeline.training.train import train
from tests.benchmarks.plain import make_job, read_rows
from tests.benchmarks.time_to_accuracy import interval

TEST = 1000
RECIPE = Recipe(
    strategy="probe_then_fine_tune",
    learning_rate=1e-4,
    batch_size=16,
    epochs=8,
    warmup_fraction=0.1,
    weight_decay=0.01,
    early_stopping_epochs=3,
    class_weights="none",
)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def learn(folder: Path, count: int, seed: int, precision: str) -> tuple[float, float]:
    """Test score of one run, and the processor seconds that it took."""
    rows, test = read_rows(folder / "train.jsonl", count, seed), read_rows(folder / "test.jsonl", TEST, 0)
    held_out, begun = len(rows) // 5, time.process_time()
    job = make_job(
        rows.take(range(held_out, len(rows))),
        rows.take(range(held_out)),
        RECIPE.model_copy(update={"precision": precision}),
        seed,
        from_probe=True,
    )
    with tempfile.TemporaryDirectory() as work:
        found = train(job, Path(work), silent)
    return ACCURACY(test.answers, found.model(test).answers, job.classes), time.process_time() - begun


def main(count: int, seeds: int, folders: list[Path]) -> None:
    """Compare on each data set, in pairs."""
    for folder in folders:
        gains, ratios = [], []
        for seed in range(seeds):
            single, mixed = (learn(folder, count, seed, precision) for precision in ("single", "mixed"))
            gains.append(mixed[0] - single[0])
            ratios.append(single[1] / mixed[1])
            print(f"  {folder.name}, seed {seed}: {single[0]:.3f} single, {mixed[0]:.3f} mixed", flush=True)
        low, high = interval(gains)
        print(
            f"{folder.name}, {count} rows: mixed {100 * statistics.mean(gains):+.2f} points, 95 % interval {100 * low:+.2f} "
            f"to {100 * high:+.2f}, {statistics.median(ratios):.2f} times as fast"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
