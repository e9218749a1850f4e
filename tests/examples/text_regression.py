"""Texts with a score between 0 and 4: the mean worth of four of their words, and a little noise."""

import csv
import random
from pathlib import Path
from typing import Any

from pipeline.data.splitting import row_ids
from pipeline.task import Rows
from tests import tiny

COLUMNS: dict[str, Any] = {"text": "text", "score": "score"}
OPTIONS: dict[str, str] = {"lowest": "0", "highest": "4"}
WORTH = {"upset": 0.0, "calm": 2.0, "glad": 4.0}
WORDS = 20
"""Of each mood; so few that a short training reads them."""
NOISE = (-0.2, -0.1, 0.0, 0.1, 0.2)


def make_rows(count: int, seed: int) -> Rows:
    """Rows whose scores are spread over the scale."""
    draw = random.Random(seed)
    inputs, scores = [], []
    for _ in range(count):
        moods = draw.choices([*WORTH], weights=draw.choice([(4, 1, 1), (1, 4, 1), (1, 1, 4)]), k=4)
        words = [draw.choice(tiny.CLASS_WORDS[mood][:WORDS]) for mood in moods] + draw.sample(tiny.OTHER_WORDS, 3)
        draw.shuffle(words)
        inputs.append(" ".join(words))
        scores.append(round(min(max(sum(WORTH[mood] for mood in moods) / 4 + draw.choice(NOISE), 0.0), 4.0), 1))
    return Rows(row_ids(inputs, scores), tuple(inputs), tuple(scores))


def write_file(rows: Rows, path: Path) -> Path:
    """Write rows as a CSV file with those columns; `path` has no suffix yet."""
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.values())
        writer.writerows(zip(rows.inputs, rows.answers, strict=True))
    return path
