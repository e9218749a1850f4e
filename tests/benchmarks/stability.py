"""Few rows: the score of our recipe over draws, beside the probe that it starts from and beside the usual recipe for small models.

Run by hand: `python tests/benchmarks/stability.py SUITE.toml 256 5 [SET…] [WAY…]` (a suite of `advisor backtest`, rows, draws;
some of its sets and of `WAYS` where they are named). Each draw is a sample of rows with a seed of its own; draws 0 and 1 are left
out, on which it was chosen how far a head is held back. The usual recipe is a stock head, AdamW, 1e-4, batches of 16, 8 epochs, a
tenth of warm-up, falling in a line; it and the probe learn from all rows, ours keeps some of them apart to validate, as a run does.
All are scored by accuracy on the same test rows.
"""

import itertools
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from advisor.backtest.suite import SuiteSet, load_suite
from advisor.rulebook import load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.apart import TrainingRequest
from pipeline.data.splitting import VALIDATION_SHARE
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import ACCURACY
from pipeline.models import weight_bytes
from pipeline.precision import find_bfloat16
from pipeline.task import RivalSetting, Rows, load_task
from pipeline.training.job import starting_head
from pipeline.training.train import train
from tests.benchmarks.plain import MODEL, PREPARATION, encoded, encoder, plain_trainer, read_rows
from tests.benchmarks.time_to_accuracy import interval

TEST, BYTES_A_WEIGHT, FIRST = 1000, 4, 2
RULES = load_rules()
TASK = load_task("text-classification")
USUAL = {"learning_rate": 1e-4, "num_train_epochs": 8, "warmup_steps": 0.1, "weight_decay": 0.01, "save_strategy": "no"}
WAYS: dict[str, dict[str, Any]] = {
    "ours": {},
    "single precision": {"precision": "single"},
    "random head": {"strategy": "fine_tune"},
    "layer decay 0.9": {"layer_decay": 0.9},
}


Right = list[bool]
"""For each test row whether it was answered rightly."""


def usual(rows: Rows, test: Rows, seed: int) -> Right:
    """The usual recipe."""
    classes = sorted({str(answer) for answer in rows.answers})
    with tempfile.TemporaryDirectory() as folder:
        trainer = plain_trainer(rows, rows, Path(folder), {**USUAL, "seed": seed})
        trainer.train()
        known = Rows(test.ids, test.inputs, (classes[0],) * len(test))
        found = trainer.predict(encoded(known, classes)).predictions.argmax(-1)
    return right(test, [classes[place] for place in found])


def ours(rows: Rows, test: Rows, setting: RivalSetting, seed: int, changes: dict[str, Any]) -> Right:
    """The recipe that the rules choose, with some changes, started as a run starts it."""
    held = math.ceil(VALIDATION_SHARE * len(rows))
    validation, learned = rows.take(range(held)), rows.take(range(held, len(rows)))
    counts = [list(learned.answers).count(label) for label in setting.classes]
    weights = weight_bytes(encoder()) // BYTES_A_WEIGHT
    around = TrainingCircumstances(
        len(learned), weights, imbalance=max(counts) / max(min(counts), 1), bfloat16=find_bfloat16()
    )
    recipe = choose_recipe(RULES.strategies, {}, around).model_copy(update=changes)
    head = starting_head(TASK, recipe, setting, learned, seed)
    request = TrainingRequest.of(TASK, setting, head_pooling="mean", recipe=recipe, cache="", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        found = train(request.job(TASK, learned, validation, head), Path(folder), lambda *_, **__: None)
    return right(test, found.model(test).answers)


def right(test: Rows, answers: Sequence[Any]) -> Right:
    """Which answers are right."""
    return [said == true for said, true in zip(answers, test.answers, strict=True)]


def measure(given: SuiteSet, count: int, draw: int, ways: list[str], embedder: Embedder) -> dict[str, Right]:
    """What each way answers rightly after one draw."""
    rows = read_rows(Path(given.data["train"]), count, draw)
    test = read_rows(Path(given.data["test"]), TEST, 0)
    classes, templates = sorted({str(answer) for answer in rows.answers}), RULES.tasks[TASK.key].templates
    setting = RivalSetting(embedder, classes, ACCURACY, given.data.get("phrases", {}), templates, "mean")
    found, told = {}, []
    learners: dict[str, Callable[[], Right]] = {
        "probe": lambda: right(test, TASK.fit_rival("probe", setting)(rows, draw)(test).answers),
        "usual": lambda: usual(rows, test, draw),
        **{way: partial(ours, rows, test, setting, draw, WAYS[way]) for way in ways},
    }
    for way, learn in learners.items():
        begun = time.process_time()
        found[way] = learn()
        told.append(f"{way} {statistics.mean(found[way]):.3f} ({time.process_time() - begun:.0f} s)")
    print(f"  {given.name}, draw {draw}: {', '.join(told)}", flush=True)
    return found


def spread(draws: list[Right]) -> float:
    """Standard deviation of the score over draws in points, less what is due to the test rows being few.

    Between two draws the squared difference of scores is on average twice the variance of a draw and, where the draws answer a
    share p of n rows differently, p / n for the test rows.
    """
    variance = statistics.variance(statistics.mean(each) for each in draws)
    pairs = list(itertools.combinations(draws, 2))
    differ = statistics.mean(statistics.mean(a != b for a, b in zip(*pair, strict=True)) for pair in pairs)
    return 100 * math.sqrt(max(variance - differ / (2 * len(draws[0])), 0.0))


def main(suite: Path, count: int, draws: int, names: list[str], ways: list[str]) -> None:
    """Each set, and the mean gain over all draws and over sets."""
    embedder = Embedder(encoder(), MODEL, PREPARATION, cache=None, quick=True)
    every: dict[str, list[float]] = {way: [] for way in ways}
    for given in load_suite(suite).sets:
        if names and given.name not in names:
            continue
        found = [measure(given, count, draw, ways, embedder) for draw in range(FIRST, FIRST + draws)]
        scores = {way: [100 * statistics.mean(each[way]) for each in found] for way in found[0]}
        told = (
            f"{way} {statistics.mean(scores[way]):.1f} (SD {spread([e[way] for e in found]):.1f})" for way in scores
        )
        print(f"{given.name}: {', '.join(told)}")
        for way in ways:
            gains = [mine - theirs for mine, theirs in zip(scores[way], scores["usual"], strict=True)]
            every[way].append(statistics.mean(gains))
            low, high = interval(gains)
            print(f"  {way} over usual {every[way][-1]:+.1f} points ({low:+.1f} to {high:+.1f})", flush=True)
    for way, means in every.items():
        print(f"{way} over usual, mean of {len(means)} sets: {statistics.mean(means):+.1f} points")


if __name__ == "__main__":
    named = [each for each in sys.argv[4:] if each not in WAYS]
    chosen = [way for way in WAYS if way in sys.argv] or ["ours"]
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), named, chosen)
