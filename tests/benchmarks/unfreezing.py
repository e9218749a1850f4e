"""Gradual unfreezing with what frozen layers compute kept, beside the same computed in every step.

Run by hand: `OMP_NUM_THREADS=1 python tests/benchmarks/unfreezing.py 480 6 3 FOLDER…` (rows, epochs, rounds), each folder with a
`train.jsonl` of `text` and `label`. The ways take turns; processor seconds of training from start to end, what is computed once included,
of the epochs in which something is frozen and of all.
"""

import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.training.train import train
from tests.benchmarks.plain import make_job, read_rows
from tests.benchmarks.throughput import RECIPE


def seconds(job: Any, frozen_steps: int) -> tuple[float, float]:
    """Processor seconds from the start of training until the last step that freezes, and until the end."""
    at = {0: 0.0}

    def listen(event: str, **values: Any) -> None:
        if event == "training":
            at[0] = time.process_time()
        if event == "step":
            at[values["step"]] = time.process_time()

    with tempfile.TemporaryDirectory() as folder:
        train(job, Path(folder), listen, stop_after_seconds=1e9)
    return at[frozen_steps] - at[0], at[max(at)] - at[0]


def main(count: int, epochs: int, rounds: int, folders: list[Path]) -> None:
    """Compare on each data set."""
    for folder in folders:
        rows = read_rows(folder / "train.jsonl", count, seed=0)
        recipe = RECIPE.model_copy(update={"epochs": epochs, "unfreezing": "gradual"})
        job = make_job(rows, rows.take([0]), recipe, 0, from_probe=False)
        frozen = epochs // 2 * -(-len(rows) // recipe.batch_size)
        pairs = [(seconds(replace(job, most_kept_bytes=0), frozen), seconds(job, frozen)) for _ in range(rounds)]
        while_frozen, whole = (
            statistics.median(without[part] / kept[part] for without, kept in pairs) for part in (0, 1)
        )
        print(
            f"{folder.name}, {len(rows)} rows, {epochs} epochs, load {os.getloadavg()[0]:.0f}: {while_frozen:.2f} times as fast "
            f"while layers are frozen, {whole:.2f} in all, medians of {rounds}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), [Path(name) for name in sys.argv[4:]])
