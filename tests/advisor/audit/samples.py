"""Material that checks of the audit are shown: rows of a task, with or without a model at hand."""

import random
import re
from collections.abc import Callable, Sequence

import numpy as np

from advisor.audit.material import Check, Found, Material
from advisor.records import Answers, Candidate
from advisor.rulebook import load_rules
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.gathering import Places
from pipeline.data.splitting import Side, row_ids
from pipeline.embeddings import Embedder
from pipeline.records import DataSource
from pipeline.task import Answer, Input, Rows, load_task

RULES = load_rules()
SENTENCE = """acorn bridge candle daisy engine falcon garden harbour island jacket kettle ladder meadow needle orchard pencil quarry
river saddle tunnel umbrella village window yellow bottle carpet dragon elbow feather glacier hammer insect jungle kitchen lantern
marble napkin oyster pepper rabbit silver timber violin walnut basket copper dinner forest guitar helmet market pillow rocket shadow
turtle velvet winter zebra anchor button cherry desert"""
WORDS = re.findall(r"\w+", SENTENCE)


def plain_texts(count: int, seed: int = 1) -> list[str]:
    """Different short texts that share words and nothing longer."""
    draw = random.Random(seed)
    return [f"{' '.join(draw.sample(WORDS, 7))}.".capitalize() for _ in range(count)]


def make_material(
    inputs: Sequence[Input],
    answers: Sequence[Answer] | None = None,
    task: str = "text-classification",
    embedder: Embedder | None = None,
    sides: Sequence[Side] | None = None,
    unlabelled: Sequence[Input] = (),
) -> Material:
    """Rows of a task, all for training unless told otherwise; labels alternate when none are given."""
    given = tuple(answers if answers is not None else ["ab"[place % 2] for place in range(len(inputs))])
    rows = Rows(row_ids(tuple(inputs), given), tuple(inputs), given)
    places = Places(("x.csv",), np.zeros(len(rows), dtype=np.uint32), np.arange(1, len(rows) + 1, dtype=np.uint64))
    settled: list[Side] = list(sides or ["train"] * len(rows))
    data = Dataset(rows, group(rows.inputs), settled, False, len(unlabelled), (), places, None, unlabelled)
    candidates = [Candidate(name=embedder.source.name, source=embedder.source, at_hand=True)] if embedder else []
    asked = Answers(task=task, data=DataSource(train="x.csv"))
    return Material(data, load_task(task), asked, RULES, candidates, lambda: embedder)


def found_by(check: Callable[[Material], list[Found]] | Check, material: Material) -> dict[str, Found]:
    """What a check found, by its code."""
    return {found.code: found for found in check(material) if found.count}
