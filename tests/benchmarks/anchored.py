"""What it brings a linear probe to start from what the labels mean: its score with several shares of the zero-shot logits.

Run by hand: `python tests/benchmarks/anchored.py SUITE.toml 4` (a suite of `advisor backtest`, draws). The sets of the suite are
read with their phrases; probes are fitted to 64, 128 and 256 rows and scored on up to 1,000 rows that they did not see.
"""

import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from advisor.backtest.suite import SuiteSet, load_suite
from advisor.rulebook import load_rules
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.predictors.anchored import Meanings, anchored_probe
from pipeline.predictors.linear import OneLabel
from pipeline.predictors.probe import probe
from pipeline.task import Rows
from tests.benchmarks.plain import MODEL, PREPARATION, encoder, read_rows

SIZES, HELD_OUT, POOLINGS = (64, 128, 256), 1000, ("mean", "layer_mean")
PULLS = (0.25, 0.5, 1.0)


def measure(given: SuiteSet, draws: int, folder: Path) -> dict[tuple[str, int, str], float]:
    """Macro F1 by pooling, rows and way."""
    rows = read_rows(Path(given.data["train"]), 1024, 1)
    held_out = read_rows(Path(given.data["test"]), HELD_OUT, 0)
    classes = sorted({str(answer) for answer in rows.answers})
    embedder = Embedder(encoder(), MODEL, PREPARATION, cache=folder)
    templates = load_rules().tasks["text-classification"].templates
    found = defaultdict(list)
    for pooling in POOLINGS:
        ways = {"as it is": probe(embedder, pooling, OneLabel(), classes)}
        for pull in PULLS:
            meanings = Meanings(given.data.get("phrases", {}), templates, MACRO_F1, pull)
            ways[f"{pull}"] = anchored_probe(embedder, pooling, classes, meanings)
        for size in SIZES:
            for draw in range(draws):
                learned = rows.take(np.random.default_rng(draw).permutation(len(rows))[:size])
                for way, fit in ways.items():
                    found[pooling, size, way].append(score(fit(learned, draw)(held_out).answers, held_out, classes))
    return {key: statistics.mean(scores) for key, scores in found.items()}


def score(answers: tuple[object, ...], rows: Rows, classes: list[str]) -> float:
    """Macro F1."""
    return MACRO_F1(rows.answers, answers, classes)  # type: ignore[arg-type]


def main(suite: Path, draws: int) -> None:
    """Each set, and the mean over sets."""
    everything = defaultdict(list)
    for given in (each for each in load_suite(suite).sets if each.data["label"] == "label"):
        with tempfile.TemporaryDirectory() as folder:
            for key, found in measure(given, draws, Path(folder)).items():
                everything[key].append(found)
        for pooling in POOLINGS:
            for size in SIZES:
                said = (f"{way} {everything[pooling, size, way][-1]:.3f}" for way in ("as it is", *map(str, PULLS)))
                print(f"{given.name:22} {pooling:10} {size:4}:", ", ".join(said), flush=True)
    for (pooling, size, way), scores in everything.items():
        print(f"mean of {len(scores)} sets, {pooling}, {size} rows, {way}: {statistics.mean(scores):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
