"""What a doubling of the training rows brings to the linear probe, against what the doubling before it brought.

Run by hand: `python tests/benchmarks/doublings.py FOLDER [NAME …]`, where FOLDER holds data sets as `NAME/train.jsonl` with `text` and
`label`. Prints the share that `rules/next_steps.toml` gives as `next_doubling_share`, how far single doublings lie from it
beyond sampling, and how many of them lie in the 80 % interval that a next step would have shown.
"""

import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.rulebook import load_models, load_steps
from pipeline.embeddings import Embedder
from pipeline.evaluation.intervals import difference_standard_error
from pipeline.models import locate
from pipeline.records import TextPreparation
from pipeline.task import RivalSetting, load_task

SETS = ("ag_news", "emotion", "financial_phrasebank", "sst2_sentences", "subj", "trec6")
SIZES = (50, 100, 200, 400, 800, 1600)
SCORED, ORDERS = 1000, 3
COLUMNS = {"text": "text", "label": "label"}


def gains(folder: Path, name: str, cache: Path) -> Iterator[tuple[str, list[float], list[float]]]:
    """For each score and order of the rows the gains of the doublings and their standard errors."""
    lines = (folder / name / "train.jsonl").read_text(encoding="utf-8").split("\n")
    table = pd.DataFrame([json.loads(line) for line in lines if line]).sample(frac=1, random_state=3)
    task = load_task("text-classification", {}, COLUMNS)
    rows = task.rows(table.head(SIZES[-1] + SCORED).reset_index(drop=True), COLUMNS, name, labelled=True)
    source = load_models()["all-minilm-l6-v2"].source()
    path = locate(source, Path.cwd())
    assert path is not None
    embedder = Embedder(path, source, TextPreparation(max_tokens=128), cache)
    held_out, classes = rows.take(range(SIZES[-1], len(rows))), task.classes(rows)
    for key in ("accuracy", "macro_f1"):
        metric = task.metrics[key]
        fit = task.fit_rival("probe", RivalSetting(embedder, classes, metric, {}, ["{phrase}"], "mean"))
        for order in range(ORDERS):
            drawn = np.random.default_rng(order).permutation(SIZES[-1])
            answers = [fit(rows.take(np.sort(drawn[:size])), 1)(held_out).answers for size in SIZES]
            told = [metric.statistics(held_out.answers, each, classes) for each in answers]
            pairs = list(zip(told[1:], told[:-1], strict=True))
            found = [metric.gain(metric.score(after), metric.score(before)) for after, before in pairs]
            yield key, found, [difference_standard_error(metric, *pair, 1) for pair in pairs]


def main(folder: Path, names: Sequence[str]) -> None:
    before, after, errors = [], [], []
    by_order: dict[tuple[str, str, int], list[tuple[float, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as cache:
        for name in names:
            for key, found, error in gains(folder, name, Path(cache)):
                for place in range(len(found) - 1):
                    by_order[name, key, place].append((found[place], found[place + 1]))
                    before.append(found[place])
                    after.append(found[place + 1])
                    errors.append((error[place], error[place + 1]))
    means = np.array([np.mean(each, axis=0) for each in by_order.values()])
    share = float((means[:, 0] * means[:, 1]).sum() / (means[:, 0] ** 2).sum())
    numbers = {name: number.value for name, number in load_steps().numbers.items()}
    used, deviation = numbers["next_doubling_share"], numbers["next_doubling_deviation"]
    rest, spread = np.array(after) - used * np.array(before), np.array(errors)
    sampling = (used * spread[:, 0]) ** 2 + spread[:, 1] ** 2
    inside = np.abs(rest) < 1.2816 * np.sqrt((used * spread[:, 0]) ** 2 + deviation**2)
    print(f"{len(before)} doublings: the next brings {share:.2f} of the last, orders averaged")
    print(f"deviation beyond sampling {np.sqrt(max((rest**2).mean() - sampling.mean(), 0)):.3f}")
    print(f"{100 * inside.mean():.0f} % in the 80 % interval with the constants of the rules")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or SETS)
