"""Changes labels of the shared sets on purpose, and says how many wrong ones the audit estimates and how well it ranks them.

Run: BENCHMARK_DATA=FOLDER python tests/benchmarks/label_noise.py CACHE [SET…]

CACHE is a folder that keeps the features of all-MiniLM-L6-v2. For each set and share of changed labels: the estimated share with
its interval, how many rows are suspects, how many of these were changed and how many of the changed ones they are, and the AUROC of
the ranking. cleanlab's estimate from the same probabilities stands beside, when it is installed. Sets with mistakes that people made
are compared with the labels that their makers hold right.
"""

import importlib
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from advisor.audit.noise import PlainLabel, draw_positions, hold_out, look_for_noise
from advisor.rulebook import load_models
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.models import locate
from pipeline.records import TextPreparation
from pipeline.task import Answer, Array, Input, Rows, Task, load_task
from tests.benchmarks.sets import data_folder

FOLDER = data_folder()
ROWS = 2_000
SHARES = (0.0, 0.05, 0.1, 0.2)
SETS = ("ag_news", "trec6", "sst2_sentences", "emotion", "subj", "tweeteval_irony")
OTHERS = ("noisy_ag_news", "imdb_subset", "mrpc", "goemotions", "stsb_en")


def lines(name: str, part: str = "train") -> list[dict[str, Any]]:
    with (FOLDER / name / f"{part}.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    drawn = np.random.default_rng(0).permutation(len(rows))[:ROWS]
    return [rows[place] for place in sorted(drawn)]


def dataset(inputs: Sequence[Input], answers: Sequence[Answer]) -> Dataset:
    rows = Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))
    return Dataset(rows, group(rows.inputs), ["train"] * len(rows), False, 0)


def changed(answers: Sequence[Answer], share: float, seed: int = 1) -> tuple[list[Answer], Array]:
    """Answers of which a share is replaced by that of another row, another one."""
    draw = np.random.default_rng(seed)
    found, wrong = list(answers), np.zeros(len(answers), dtype=bool)
    for place in draw.permutation(len(answers))[: round(share * len(answers))]:
        others = [answer for answer in set(answers) if answer != answers[place]]
        found[place] = sorted(others, key=str)[draw.integers(len(others))]
        wrong[place] = True
    return found, wrong


def judge(title: str, data: Dataset, task: Task, wrong: Array, embedder: Embedder | None) -> None:
    """One line: what is estimated against what is true."""
    noise = look_for_noise(data, task, embedder, seed=13)
    if noise is None:
        print(f"{title:34} not told")
        return
    true = wrong[noise.positions]
    suspects = noise.doubt >= (0.5 if noise.rate is not None else 4.0)
    parts = [f"{title:34} true {true.mean():.3f}"]
    if noise.rate is not None:
        parts.append(f"estimated {noise.rate.point:.3f} ({noise.rate.low:.3f} to {noise.rate.high:.3f})")
    parts.append(f"agreement {noise.agreement:.3f}  suspects {suspects.mean():.3f}")
    if true.any():
        right = true[suspects].mean() if suspects.any() else float("nan")
        parts.append(f"of them wrong {right:.2f}, of the wrong {suspects[true].mean():.2f}")
        parts.append(f"AUROC {roc_auc_score(true, -noise.credit):.3f}")
    if isinstance(data.rows.answers[0], str) and importlib.util.find_spec("cleanlab"):
        parts.append(f"cleanlab {cleanlab_share(data, task, embedder):.3f}")
    print("  ".join(parts), flush=True)


def cleanlab_share(data: Dataset, task: Task, embedder: Embedder | None) -> float:
    """The share of wrong labels that confident learning finds in the same held-out probabilities."""
    rows = data.rows.take(draw_positions(data, task, 13, ROWS))
    groups = [data.groups.keys[position] for position in draw_positions(data, task, 13, ROWS)]
    held_out = hold_out(rows, groups, task.strata(rows), PlainLabel(), embedder)
    classes = sorted(set(map(str, rows.answers)))
    places = np.array([classes.index(str(answer)) for answer in rows.answers])
    count = importlib.import_module("cleanlab.count")
    return float(count.num_label_issues(places, held_out.scores) / len(rows))


def judge_others(name: str, embedder: Embedder) -> None:
    """Sets with human mistakes, pairs, several labels and scores."""
    if name == "noisy_ag_news":
        rows = lines(name)
        wrong = np.array([row["label"] != row["noisy_label"] for row in rows])
        data = dataset([row["text"] for row in rows], [row["noisy_label"] for row in rows])
        judge("noisy_ag_news, people's mistakes", data, load_task("text-classification"), wrong, embedder)
    elif name == "imdb_subset":
        rows, odd = lines(name)[::2], lines(name, "label_error_candidates")[::2]
        wrong = np.array([False] * len(rows) + [bool(row["label_error"]) for row in odd])
        data = dataset([row["text"] for row in [*rows, *odd]], [row["label"] for row in [*rows, *odd]])
        judge("imdb with candidates of errors", data, load_task("text-classification"), wrong, embedder)
    else:
        task, inputs, answers = others(name)
        for share in (0.0, 0.1):
            given, wrong = changed(answers, share)
            judge(f"{name}, {share:.0%} changed", dataset(inputs, given), load_task(task), wrong, embedder)


def others(name: str) -> tuple[str, list[Input], list[Answer]]:
    rows = lines(name)
    if name == "goemotions":
        return (
            "multi-label-classification",
            [row["text"] for row in rows],
            [tuple(sorted(row["labels"])) for row in rows],
        )
    pairs: list[Input] = [(row["sentence1"], row["sentence2"]) for row in rows]
    if name == "mrpc":
        return "text-pair-classification", pairs, [str(row["label"]) for row in rows]
    return "text-regression", pairs, [float(row["score"]) for row in rows]


if __name__ == "__main__":
    source = load_models()["all-minilm-l6-v2"].source()
    path = locate(source, Path())
    assert path is not None, "install the demo extra"
    features = Embedder(path, source, TextPreparation(max_tokens=256), Path(sys.argv[1]))
    for name in sys.argv[2:] or (*SETS, *OTHERS):
        if name in OTHERS:
            judge_others(name, features)
            continue
        rows = lines(name)
        for share in SHARES:
            given, wrong = changed([row["label"] for row in rows], share)
            data = dataset([row["text"] for row in rows], given)
            judge(f"{name}, {share:.0%} changed", data, load_task("text-classification"), wrong, features)
            if share in (0.0, 0.1):
                judge(f"{name}, {share:.0%} changed, no model", data, load_task("text-classification"), wrong, None)
