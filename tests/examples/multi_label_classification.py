"""Texts with one or two labels; three words of each stand among six that say nothing."""

import json
import random
from pathlib import Path
from typing import Any

from pipeline.data.splitting import row_ids
from pipeline.task import Rows
from tests.tiny import CLASS_WORDS, CLASSES, OTHER_WORDS

COLUMNS: dict[str, Any] = {"text": "text", "labels": "labels"}
OPTIONS: dict[str, str] = {}


def make_rows(count: int, seed: int) -> Rows:
    """Rows of which five in eight have one label and the others two."""
    draw = random.Random(seed)
    inputs: list[str] = []
    answers: list[tuple[str, ...]] = []
    for place in range(count):
        others = draw.sample(CLASSES[: place % 3] + CLASSES[place % 3 + 1 :], [0, 0, 0, 0, 0, 1, 1, 1][place // 3 % 8])
        labels = sorted([CLASSES[place % 3], *others])
        words = draw.sample(OTHER_WORDS, 6) + [word for label in labels for word in draw.sample(CLASS_WORDS[label], 3)]
        draw.shuffle(words)
        inputs.append(" ".join(words))
        answers.append(tuple(labels))
    return Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))


def write_file(rows: Rows, path: Path) -> Path:
    """Write rows as a file with those columns; `path` has no suffix yet."""
    path = path.with_suffix(".jsonl")
    lines = [{"text": given, "labels": answer} for given, answer in zip(rows.inputs, rows.answers, strict=True)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
