"""Pairs of texts with the label that says how many of both are glad; three words of each text tell."""

import csv
import random
from pathlib import Path
from typing import Any

from pipeline.data.splitting import row_ids
from pipeline.task import Rows
from tests import tiny

COLUMNS: dict[str, Any] = {"text": "sentence1", "text_pair": "sentence2", "label": "label"}
OPTIONS: dict[str, str] = {}
MOODS = {"both": ("glad", "glad"), "neither": ("upset", "upset"), "one": ("glad", "upset")}


def make_rows(count: int, seed: int) -> Rows:
    """Rows of three classes, as many of each; in `one` either text is the glad one."""
    draw = random.Random(seed)
    labels = [list(MOODS)[place % len(MOODS)] for place in range(count)]
    inputs = []
    for label in labels:
        moods = draw.sample(MOODS[label], 2)
        inputs.append(tuple(_text(draw, mood) for mood in moods))
    return Rows(row_ids(inputs, labels), tuple(inputs), tuple(labels))


def _text(draw: random.Random, mood: str) -> str:
    words = draw.sample(tiny.CLASS_WORDS[mood], 3) + draw.sample(tiny.OTHER_WORDS, 3)
    draw.shuffle(words)
    return " ".join(words)


def write_file(rows: Rows, path: Path) -> Path:
    """Write rows as a CSV file with those columns; `path` has no suffix yet."""
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.values())
        writer.writerows((*given, label) for given, label in zip(rows.inputs, rows.answers, strict=True))
    return path
