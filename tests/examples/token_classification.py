"""Sentences with names, which are ordinary words where the word is missing that makes them names."""

import json
import random
from pathlib import Path
from typing import Any

from pipeline.data.splitting import row_ids
from pipeline.task import Rows
from tests import tiny

COLUMNS: dict[str, Any] = {"tokens": "tokens", "tags": "tags"}
OPTIONS: dict[str, str] = {"tags": "spans"}
NAMING = "one"
"""Where it stands in a sentence, words of the classes are names; elsewhere they are not."""


def make_rows(count: int, seed: int) -> Rows:
    """Sentences with three runs of class words, most of one word; in every other sentence they are names of their class."""
    draw = random.Random(seed)
    inputs, answers = [], []
    for place in range(count):
        named = place % 2 == 0
        words = [*draw.sample(tiny.OTHER_WORDS, 2), *([NAMING] if named else [])]
        draw.shuffle(words)
        parts = [([word], ["O"]) for word in words]
        for _ in range(3):
            kind = draw.choice(tiny.CLASSES)
            name = draw.sample(tiny.CLASS_WORDS[kind][:20], draw.choices([1, 2], [4, 1])[0])
            tags = [f"B-{kind}", f"I-{kind}"] if named else ["O", "O"]
            parts.insert(draw.randrange(len(parts) + 1), (name, tags[: len(name)]))
        inputs.append(tuple(word for part, _ in parts for word in part))
        answers.append(tuple(tag for _, part in parts for tag in part))
    return Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))


def write_file(rows: Rows, path: Path) -> Path:
    """Write rows as a file with those columns; `path` has no suffix yet."""
    file = path.with_suffix(".jsonl")
    lines = [
        json.dumps({"tokens": given, "tags": answer}) for given, answer in zip(rows.inputs, rows.answers, strict=True)
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
