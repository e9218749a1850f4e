"""A run that is killed at random moments ends as one that nothing disturbed: the same weights, bit by bit, on one thread.

Run by hand: `python tests/benchmarks/killed.py [MOMENTS] [SEED]` (20 and 0 when not given). The model is the tiny one of
the tests, so that a run takes seconds; the moments are drawn over the whole of it, from the start of the process to the end.
"""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipeline.results import Result
from pipeline.storage import load_record
from tests import tiny
from tests.pipeline.test_run import make_plan

ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(folder: Path) -> list[str]:
    """What carries a plan out."""
    return [sys.executable, "-P", "-m", "pipeline", str(folder / "plan.json")]


def carry_out(folder: Path) -> float:
    """Carry a plan out undisturbed; wall seconds."""
    begun = time.perf_counter()
    subprocess.run(command(folder), check=True, capture_output=True, env=ALONE)
    return time.perf_counter() - begun


def kill_after(folder: Path, seconds: float) -> bool:
    """Carry a plan out and kill it after so many seconds; whether it was still at work."""
    child = subprocess.Popen(command(folder), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ALONE)
    try:
        child.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return True
    return False


def facts(folder: Path) -> tuple[bytes, bytes, list[float], list[float]]:
    """What has to be the same: weights, answers on the sealed rows, scores of the epochs, and of every way."""
    result = load_record(Result, folder / "result.json")
    return (
        (folder / "model" / "model.safetensors").read_bytes(),
        (folder / "predictions" / "fine_tuned.parquet").read_bytes(),
        [epoch.validation_score for epoch in result.epochs],
        [score.score for score in [*result.rivals, result.fine_tuned]],
    )


def main(moments: int, seed: int) -> int:
    """Kill at each moment, go on to the end, compare; returns how many differ."""
    draw = random.Random(seed)
    different = 0
    with tempfile.TemporaryDirectory() as base:
        model = tiny.save_model(Path(base) / "model")
        fresh = Path(base) / "fresh"
        fresh.mkdir()
        tiny.write_csv(tiny.make_rows(360, 1), fresh / "moods.csv")
        make_plan(fresh, model)
        whole = Path(shutil.copytree(fresh, Path(base) / "whole"))
        seconds = carry_out(whole)
        print(f"undisturbed: {seconds:.1f} s")
        for moment in sorted(draw.uniform(0, 1.05 * seconds) for _ in range(moments)):
            folder = Path(shutil.copytree(fresh, Path(base) / "killed"))
            killed = kill_after(folder, moment)
            carry_out(folder)
            same = facts(folder) == facts(whole)
            different += not same
            print(f"{'killed' if killed else 'ended '} after {moment:5.1f} s: {'the same' if same else 'DIFFERENT'}")
            shutil.rmtree(folder)
    print(f"{moments - different} of {moments} ended as the undisturbed run, bit by bit")
    return different


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:3]]
    sys.exit(main(*[*given, *[20, 0][len(given) :]]) > 0)
