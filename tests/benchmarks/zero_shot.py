"""How good zero-shot is on test rows, in a wording that is chosen without them.

Run: BENCHMARK_DATA=FOLDER python tests/benchmarks/zero_shot.py CACHE [ROWS]

CACHE is a folder that keeps the features of all-MiniLM-L6-v2. The wording is chosen on so many training rows (256 when not given) of
AG News and Banking77, as an assessment does it; the labels are said as they are, but for one of AG News
that is written short.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.rulebook import load_rules
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.models import locate
from pipeline.predictors.zero_shot import zero_shot
from pipeline.records import TextPreparation
from pipeline.task import Rows, load_task
from tests.benchmarks.sets import data_folder

FOLDER = data_folder()
PHRASES = {"Sci/Tech": "science and technology"}
SETS = {"ag_news": 0.72, "banking77": 0.64}
"""With the accuracy that is to be reached."""
DRAWS, TEST_ROWS = 5, 2_000


def draw(name: str, part: str, count: int, seed: int) -> Rows:
    table = pd.read_json(FOLDER / name / f"{part}.jsonl", lines=True, dtype=False)
    drawn = table.iloc[np.random.default_rng(seed).permutation(len(table))[:count]]
    inputs, answers = (drawn[key].astype(str).tolist() for key in ("text", "label"))
    return Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))


def main(cache: Path, count: int) -> None:
    rules, task = load_rules(), load_task("text-classification")
    source = rules.models["all-minilm-l6-v2"].source()
    path = locate(source, cache)
    assert path is not None, 'install the model: pip install ".[demo]"'
    embedder = Embedder(path, source, TextPreparation(max_tokens=256), cache)
    accuracy = task.metrics["accuracy"]
    for name, wanted in SETS.items():
        test = draw(name, "test", TEST_ROWS, 0)
        classes = sorted(set(map(str, test.answers)))
        fit = zero_shot(embedder, classes, PHRASES, rules.tasks[task.key].templates, accuracy)
        found = []
        for seed in range(DRAWS):
            predict = fit(draw(name, "train", count, seed), seed)
            found.append(accuracy(test.answers, predict(test).answers, classes))
            print(f"{name}: draw {seed}: {found[-1]:.3f} with “{predict.sentences[0]}”", flush=True)  # type: ignore[attr-defined]
        verdict = "reached" if np.mean(found) >= wanted else "not reached"
        print(f"{name}: {np.mean(found):.3f} on {len(test)} test rows; {wanted} {verdict}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 256)
