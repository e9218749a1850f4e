"""What the default recipe forgets of other tasks, and what keeping more of them costs the task itself.

Run by hand: `python tests/benchmarks/retention.py 256 5 FOLDER… [WAY…]` (rows, draws), each folder with `train.jsonl` and
`test.jsonl` of `text` and `label`; all of `WAYS` where none is named. Each set is learned in turn, a fifth of its rows validating;
the others are the other tasks: a linear probe on their features before and after tells how much of their accuracy is kept.
Every way is set beside the first on the same rows.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from advisor.rulebook import load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.embeddings import Embedder
from pipeline.evaluation.forgetting import probe_both, retention_of
from pipeline.evaluation.metrics import ACCURACY
from pipeline.evaluation.probing import Probing, ask_labels
from pipeline.models import weight_bytes
from pipeline.training.train import train
from tests.benchmarks.plain import MODEL, PREPARATION, encoder, make_job, read_rows

TEST, BYTES_A_WEIGHT = 1000, 4
RULES = load_rules()
DEFAULT = "default"
WAYS: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "L2-SP 100": {"l2_sp": 100.0},
    "layer decay 0.7": {"layer_decay": 0.7},
    "half the rate": {"learning_rate": 0.5e-4},
    "gradual unfreezing": {"unfreezing": "gradual"},
}


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def other_task(folder: Path) -> Probing:
    """A sample of labelled rows of another task."""
    rows = read_rows(folder / "train.jsonl", 10 * RULES.forgetting.most_texts, 0)
    found = ask_labels(
        folder.name,
        [str(given) for given in rows.inputs],
        [str(answer) for answer in rows.answers],
        RULES.forgetting.most_texts,
        0,
    )
    assert found is not None, f"{folder} has too few rows of a label"
    return found


def learn(
    folder: Path, count: int, draw: int, way: str, others: list[Probing], frozen: Embedder
) -> tuple[float, float]:
    """Test score of one training, and the share of the accuracy on the other tasks that is kept."""
    rows, test = read_rows(folder / "train.jsonl", count, draw), read_rows(folder / "test.jsonl", TEST, 0)
    validation, rows = rows.take(range(count // 5)), rows.take(range(count // 5, len(rows)))
    weights = weight_bytes(encoder()) // BYTES_A_WEIGHT
    recipe = choose_recipe(RULES.strategies, {}, TrainingCircumstances(len(rows), weights, imbalance=None))
    job = make_job(rows, validation, recipe.model_copy(update=WAYS[way]), draw, from_probe=True)
    with tempfile.TemporaryDirectory() as place:
        model = train(job, Path(place), silent).model
    tuned = Embedder(encoder(), MODEL, PREPARATION, None, model.model.encoder.eval())
    scores = [
        probe_both(task, task.name, frozen(task.texts, "mean"), tuned(task.texts, "mean"), draw) for task in others
    ]
    return ACCURACY(test.answers, model(test).answers, job.classes), retention_of(scores).point


def main(count: int, draws: int, folders: list[Path], ways: list[str]) -> None:
    """Learn each set with each way, and print what is kept and what it costs."""
    frozen = Embedder(encoder(), MODEL, PREPARATION, cache=None)
    tasks = {folder: other_task(folder) for folder in folders}
    kept: dict[str, list[float]] = {way: [] for way in ways}
    cost: dict[str, list[float]] = {way: [] for way in ways}
    for draw in range(draws):
        for folder in folders:
            others = [task for other, task in tasks.items() if other != folder]
            found = {way: learn(folder, count, draw, way, others, frozen) for way in ways}
            for way, (score, retention) in found.items():
                kept[way].append(retention)
                cost[way].append(found[ways[0]][0] - score)
                print(f"  {folder.name}, draw {draw}, {way}: test {score:.3f}, keeps {retention:.3f}", flush=True)
    for way in ways:
        print(
            f"{way}: keeps {statistics.mean(kept[way]):.3f} of other tasks on average (least {min(kept[way]):.3f}), "
            f"costs {100 * statistics.mean(cost[way]):+.2f} points beside {ways[0]}, {len(kept[way])} trainings"
        )


if __name__ == "__main__":
    named = [each for each in sys.argv[3:] if each not in WAYS]
    main(
        int(sys.argv[1]),
        int(sys.argv[2]),
        [Path(name) for name in named],
        [w for w in WAYS if w in sys.argv] or list(WAYS),
    )
