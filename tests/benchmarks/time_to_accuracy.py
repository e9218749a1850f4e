"""Time to accuracy: ours, from the probe and with a range test, beside a plain `Trainer` script at its best rate of three.

Run by hand on a quiet machine: `python tests/benchmarks/time_to_accuracy.py 3000 5 FOLDER…` (rows, seeds), each folder with
`train.jsonl` and `test.jsonl` of `text` and `label`. Both see the same rows and score the same validation rows as often,
twice an epoch where there are 3,000 rows.
Ours trains as the rules choose for so many rows and this machine, but for three epochs and with a range test.
The clock runs from the first line after the imports, tokenizing, the fit of the probe and the range test included, until the
validation score first reaches the script's last one less half a point. Processor seconds are told beside wall seconds: with one
thread (`OMP_NUM_THREADS=1`) their ratio holds on a busy machine too. The interval of the difference on test rows is that of pairs
of one seed.
"""

import math
import statistics
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import transformers
from scipy.stats import t as student

from advisor.rulebook import load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.evaluation.metrics import ACCURACY
from pipeline.models import load_tokenizer, weight_bytes
from pipeline.precision import find_bfloat16
from pipeline.records import Recipe
from pipeline.task import Rows
from pipeline.training.block import efficient_tokens
from pipeline.training.cadence import epochs_between_scores
from pipeline.training.train import train
from tests.benchmarks.plain import encoder, make_job, plain_trainer, read_rows
from tests.benchmarks.throughput import Spent, between, now

VALIDATION, TEST, SLACK = 500, 1000, 0.005
RATES = (2e-5, 5e-5, 1e-4)
"""Of the script. On seed 0 all are tried; the one that ends best there is taken for the others too, which costs a third."""
EPOCHS, BATCH_SIZE = 3, 16
"""Of the script."""
ASKED = {"epochs": EPOCHS, "rate_search": "range_test"}
BYTES_A_WEIGHT = 4
Curve = list[tuple[Spent, float]]
"""Wall and processor seconds since the start, and the validation score then."""


class Scores(transformers.TrainerCallback):  # type: ignore[misc]
    """Notes validation scores and when they came."""

    def __init__(self, begun: Spent) -> None:
        self.begun, self.curve = begun, Curve()

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Note them."""
        self.curve.append((between(self.begun, now()), metrics["eval_accuracy"]))


def plain(rows: Rows, validation: Rows, test: Rows, rate: float, seed: int) -> tuple[Curve, float]:
    """The script at one rate: its curve, and its score on test rows."""
    begun = now()
    with tempfile.TemporaryDirectory() as folder:
        steps = math.ceil(len(rows) / BATCH_SIZE)
        every = epochs_between_scores(len(rows), len(validation), EPOCHS, steps)
        options = {"num_train_epochs": EPOCHS, "learning_rate": rate, "save_strategy": "no", "eval_strategy": "steps"}
        options["eval_steps"] = math.ceil(every * steps)
        trainer = plain_trainer(rows, validation, Path(folder), {**options, "seed": seed})
        scores = Scores(begun)
        trainer.add_callback(scores)
        trainer.train()
        curve = list(scores.curve)
        classes = sorted({str(answer) for answer in rows.answers})
        held_out = plain_trainer(rows, test, Path(folder), options).eval_dataset
        answers = [classes[place] for place in trainer.predict(held_out).predictions.argmax(-1)]
    return curve, ACCURACY(test.answers, answers, classes)


def our_recipe(rows: Rows) -> Recipe:
    """What the rules choose on this machine."""
    counts = Counter(rows.answers)
    lengths = load_tokenizer(encoder())(list(rows.inputs))["input_ids"]
    around = TrainingCircumstances(
        train_rows=len(rows),
        parameters=weight_bytes(encoder()) // BYTES_A_WEIGHT,
        imbalance=max(counts.values()) / min(counts.values()),
        bfloat16=find_bfloat16(),
        row_tokens=statistics.median(map(len, lengths)),
        efficient_tokens=efficient_tokens(bfloat16=find_bfloat16() is not None),
    )
    return choose_recipe(load_rules().strategies, {}, around, ASKED)


def ours(rows: Rows, validation: Rows, test: Rows, recipe: Recipe, seed: int) -> tuple[Curve, float]:
    """Our way: its curve, and its score on test rows."""
    begun, curve = now(), Curve()

    def listen(event: str, **values: Any) -> None:
        if event in ("start", "evaluation") and values["score"] is not None:
            curve.append((between(begun, now()), values["score"]))

    job = make_job(rows, validation, recipe, seed, from_probe=True)
    with tempfile.TemporaryDirectory() as folder:
        found = train(job, Path(folder), listen)
    return curve, ACCURACY(test.answers, found.model(test).answers, job.classes)


def first_reached(curve: Curve, score: float) -> Spent:
    """Seconds until a score was reached; infinite where it never was."""
    return next((spent for spent, found in curve if found >= score), (float("inf"), float("inf")))


def interval(gains: list[float]) -> tuple[float, float]:
    """95 % interval of the mean over seeds, by Student's t."""
    if len(gains) < 2:
        return float("nan"), float("nan")
    half = float(student.ppf(0.975, len(gains) - 1)) * statistics.stdev(gains) / len(gains) ** 0.5
    return statistics.mean(gains) - half, statistics.mean(gains) + half


def main(count: int, seeds: int, folders: list[Path]) -> None:
    """Compare on each data set, over some seeds, in turn."""
    for folder in folders:
        ratios, gains = [], []
        rates: tuple[float, ...] = RATES
        recipe: Recipe | None = None
        for seed in range(seeds):
            rows = read_rows(folder / "train.jsonl", count + VALIDATION, seed)
            validation, rows = rows.take(range(VALIDATION)), rows.take(range(VALIDATION, len(rows)))
            test = read_rows(folder / "test.jsonl", TEST, seed)
            recipe = recipe or our_recipe(rows)
            tried = {rate: plain(rows, validation, test, rate, seed) for rate in rates}
            rates = (max(tried, key=lambda rate: tried[rate][0][-1][1]),)
            best, their_score = tried[rates[0]]
            curve, our_score = ours(rows, validation, test, recipe, seed)
            goal = best[-1][1] - SLACK
            theirs, mine = first_reached(best, goal), first_reached(curve, goal)
            ratios.append((theirs[0] / mine[0], theirs[1] / mine[1]))
            gains.append(our_score - their_score)
            print(
                f"  {folder.name}, seed {seed}: {ratios[-1][0]:.2f} times as fast to {goal:.3f}, in processor "
                f"seconds {ratios[-1][1]:.2f}, test {gains[-1]:+.3f}; "
                f"theirs {say(best)}, ours {say(curve)}",
                flush=True,
            )
        low, high = interval(gains)
        wall, processor = (statistics.median(ratio[clock] for ratio in ratios) for clock in (0, 1))
        print(
            f"{folder.name}, {count} rows: median {wall:.2f} times as fast, in processor seconds {processor:.2f}; "
            f"test score {100 * statistics.mean(gains):+.2f} points, 95 % interval {100 * low:+.2f} to {100 * high:+.2f}"
        )


def say(curve: Curve) -> str:
    """A curve in words."""
    return " ".join(f"{score:.3f} at {wall:.0f} s ({processor:.0f} s)" for (wall, processor), score in curve)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
