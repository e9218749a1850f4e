"""What an assessment costs when the rows are a hundred times as many: `python -m tests.benchmarks.many_rows [ROWS] [FOLDER]`.

Writes 20,000 rows and so many (2,000,000 when not given) as JSON Lines, and assesses both with a one-layer model, each in a fresh process.
Prints the processor seconds of reading and exact hashing, those of all the rest, and the peak of memory; the rest and the memory should
hardly grow, however many rows there are.
"""

import itertools
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests import tiny

FEW, MANY = 20_000, 2_000_000
REST_MAY_GROW = 1.2
CHILD = """
import json, os, sys, time
import pipeline.data.dataset as dataset
from pipeline.training.journal import cpu_seconds, peak_memory_bytes
spent = [0.0]
gather = dataset.gather
def timed(*given, **named):
    begun = time.process_time()
    found = gather(*given, **named)
    spent[0] += time.process_time() - begun
    return found
dataset.gather = timed
from advisor.commands.door import app
import advisor.__main__
try:
    app(["assess", sys.argv[1], "--out", sys.argv[2], "--no-launch"], standalone_mode=False)
except SystemExit:
    pass
told = {"reading": spent[0], "all": cpu_seconds(), "peak": peak_memory_bytes(), "wall": time.perf_counter()}
print("TOLD " + json.dumps(told))
"""
"""Where the rows are read is timed from outside, so that an assessment itself does not have to tell the two apart."""


def write_rows(path: Path, count: int) -> None:
    """Rows of three classes, of which every word says a little."""
    draw = random.Random(13)
    classes, others = tiny.CLASS_WORDS, tiny.OTHER_WORDS
    with path.open("w", encoding="utf-8") as file:
        for label in itertools.islice(itertools.cycle(tiny.CLASSES), count):
            words = draw.choices(classes[label], k=3) + draw.choices(others, k=draw.randint(6, 20))
            draw.shuffle(words)
            file.write(json.dumps({"text": " ".join(words), "label": label}) + "\n")


def assess(folder: Path, rows: int, model: Path) -> dict[str, Any]:
    """Assess a file of so many rows in a fresh process."""
    data = folder / f"{rows}.jsonl"
    write_rows(data, rows)
    answers = folder / f"{rows}.toml"
    answers.write_text(
        f'schema_version = 1\ntask = "text-classification"\n[data]\ntrain = "{data}"\ntext = "text"\nlabel = "label"\n'
        f'[goal]\ngood_enough = 0.999\nuseful_gain = 0.001\n[models]\ncandidates = ["{model}"]\n',
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(answers), str(folder / f"run-{rows}")],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("TOLD ")]
    assert told, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(told[0].removeprefix("TOLD "))
    size = data.stat().st_size
    rest = found["all"] - found["reading"]
    print(
        f"{rows:>10,} rows, {size / 1e6:>7.1f} MB: reading and hashing {found['reading']:>7.1f} processor seconds "
        f"({1e6 * found['reading'] / rows:.0f} µs a row), all the rest {rest:>6.1f}, peak {found['peak'] / 1e9:.2f} GB",
        flush=True,
    )
    return {**found, "rest": rest}


def main() -> None:
    """Assess few and many rows, and compare."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    base = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.TemporaryDirectory(prefix="many-", dir=base) as name:
        folder = Path(name)
        tiny.save_model(folder / "tiny-model")
        few, much = (assess(folder, rows, folder / "tiny-model") for rows in (FEW, many))
    ratio = much["rest"] / few["rest"]
    print(
        f"all the rest costs {ratio:.2f} times what it costs at {FEW:,} rows ({REST_MAY_GROW} allowed), "
        f"the peak of memory {much['peak'] / few['peak']:.2f} times"
    )


if __name__ == "__main__":
    main()
