"""Profiles a large JSON Lines file within 2 GiB: `python -m tests.benchmarks.large_file [GIGABYTES] [FOLDER]`, 10 when not given.

Generates the file with copies, conflicts and near-copies at known rates, reads it with `load_dataset` (the census of all rows, and
the sample that is kept) in a fresh process that is stopped when it holds more than 2 GiB, and with `datasets` in another, whose
cache is empty. Prints what was found against what was planted, and the seconds, rates and peaks of both.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

LIMIT_BYTES = 2 * 2**30
COPIES, CONFLICTS, NEAR = 0.05, 0.01, 0.02
"""Rows that repeat an earlier one as it is, with another label, or with one word changed."""
RECENT = 5_000
OURS = """
import json, sys, tempfile
from pathlib import Path
from pipeline.data.dataset import load_dataset
from pipeline.records import DataSource
from pipeline.task import load_task
source = DataSource(train=sys.argv[1], columns={"text": "text", "label": "label"})
with tempfile.TemporaryDirectory() as folder:
    data = load_dataset(source, load_task("text-classification"), Path(folder), 13, memory_bytes=int(sys.argv[2]))
print(data.census.model_dump_json())
"""
THEIRS = """
import sys, datasets
datasets.disable_progress_bars()
found = datasets.load_dataset("json", data_files=sys.argv[1], split="train", cache_dir=sys.argv[2])
print(len(found))
"""


def main() -> None:
    """Generate, read in both ways, and compare."""
    gigabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    base = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(prefix="large-", dir=base) as folder:
        path = Path(folder) / "rows.jsonl"
        planted = generate(path, int(gigabytes * 1e9))
        size = path.stat().st_size
        print(f"{size / 1e9:.2f} GB, {planted['rows']:,} rows", flush=True)
        ours = watched([sys.executable, "-c", OURS, str(path), str(LIMIT_BYTES)], LIMIT_BYTES)
        census = json.loads(ours.said)
        show("load_dataset", size, ours)
        for name, key in (("rows", "rows"), ("exact copies", "exact_copies"), ("conflicting rows", "conflicting_rows")):
            print(f"  {name:<18} planted {planted[key]:>12,}   counted {census[key]:>12,}")
        print(
            f"  kept {census['kept_rows']:,} rows; {census['near_copies']:,} of {census['near_compared_texts']:,} compared texts"
        )
        print(f"  are near-copies; planted {planted['near']:,} among {census['different_texts']:,} different texts")
        theirs = watched([sys.executable, "-c", THEIRS, str(path), str(Path(folder) / "cache")], None)
        show("datasets", size, theirs)
        print(
            f"load_dataset takes {ours.seconds / theirs.seconds:.2f} times as long as datasets, "
            f"{ours.cpu_seconds / theirs.cpu_seconds:.2f} times its processor seconds, {ours.peak / theirs.peak:.2f} times its memory"
        )


@dataclass(frozen=True)
class Watched:
    """What a command took, and the last line that it said."""

    seconds: float
    cpu_seconds: float
    peak: int
    said: str


def generate(path: Path, size: int) -> dict[str, int]:
    """Write rows until the file has that size; says what was planted.

    A row is repeated from the last few thousand originals, each at most once, so that counts are known without a table of all.
    """
    draw = random.Random(13)
    words = [f"{draw.choice('bdfgklmnprst')}{draw.choice('aeiou')}{number:x}" for number in range(20_000)]
    phrases = [" ".join(draw.choices(words, k=8)) for _ in range(50_000)]
    planted = {"rows": 0, "exact_copies": 0, "conflicting_rows": 0, "near": 0}
    recent: list[tuple[str, str]] = []
    with path.open("w", encoding="utf-8") as file:
        while file.tell() < size if planted["rows"] % 10_000 == 0 else True:
            text, label, kind = another(draw, phrases, recent)
            file.write(json.dumps({"id": planted["rows"], "text": text, "label": label}) + "\n")
            planted["rows"] += 1
            planted["exact_copies"] += kind in ("copy", "conflict")
            planted["conflicting_rows"] += 2 * (kind == "conflict")
            planted["near"] += kind == "near"
    return planted


def another(draw: random.Random, phrases: list[str], recent: list[tuple[str, str]]) -> tuple[str, str, str]:
    """A row and how it was made."""
    chance = draw.random()
    if len(recent) >= RECENT and chance < COPIES + CONFLICTS + NEAR:
        text, label = recent.pop(draw.randrange(len(recent)))
        if chance < COPIES:
            return f" {text.upper()}", label, "copy"
        if chance < COPIES + CONFLICTS:
            return text, "other", "conflict"
        return f"{text} again", label, "near"
    text, label = " ".join(draw.choices(phrases, k=draw.randint(5, 20))), draw.choice("abcde")
    if len(recent) < RECENT:
        recent.append((text, label))
    return text, label, "original"


def watched(command: list[str], limit: int | None) -> Watched:
    """Run a command, and stop it when it holds more resident memory than the limit."""
    begun, peak, before = time.perf_counter(), 0, resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        process = psutil.Process(child.pid)
        while child.poll() is None:
            try:
                peak = max(peak, process.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            if limit is not None and peak > limit:
                child.kill()
                raise SystemExit(f"stopped at {peak / 2**30:.2f} GiB")
            time.sleep(0.05)
        assert child.stdout is not None
        said = child.stdout.read()
    if child.returncode != 0:
        raise SystemExit(f"ended with {child.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Watched(time.perf_counter() - begun, cpu, peak, said.splitlines()[-1])


def show(name: str, size: int, watched: Watched) -> None:
    """What one way took."""
    rate, cpu_rate = (size / 1e6 / seconds for seconds in (watched.seconds, watched.cpu_seconds))
    print(
        f"{name:<14} {watched.seconds:>8,.1f} s {rate:>7,.1f} MB/s   {watched.cpu_seconds:>8,.1f} processor s "
        f"{cpu_rate:>7,.1f} MB/s   peak {watched.peak / 2**30:.2f} GiB",
        flush=True,
    )


if __name__ == "__main__":
    main()
