"""Which rows contradict each other, which can be learned from, and how many of them each kind of answer has."""

from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from pipeline.data.dataset import Dataset
from pipeline.task import Answer, Task


def conflicting_positions(data: Dataset) -> list[int]:
    """Positions of rows whose very text also stands with another answer, sealed rows apart.

    Two scores contradict each other when they lie further apart than all scores do on average (one standard deviation).
    """
    given: dict[str, set[Answer]] = defaultdict(set)
    positions = unsealed_positions(data)
    for position in positions:
        given[data.groups.text_hashes[position]].add(data.rows.answers[position])
    numbers = [answer for position in positions if isinstance(answer := data.rows.answers[position], float)]
    apart = float(np.std(numbers)) if numbers else 0.0
    contradicted = {key for key, answers in given.items() if _contradict(answers, apart)}
    return [position for position in positions if data.groups.text_hashes[position] in contradicted]


def _contradict(answers: set[Answer], apart: float) -> bool:
    numbers = [answer for answer in answers if isinstance(answer, float)]
    return max(numbers) - min(numbers) > apart if numbers else len(answers) > 1


def unsealed_positions(data: Dataset) -> list[int]:
    """Positions of all rows that may be looked at."""
    return data.positions("train", "validation", "reserve", "left_out")


def usable_positions(data: Dataset, task: Task) -> list[int]:
    """Positions of rows that may train and are worth it: not empty, not a copy or nearly one of an earlier, not contradicted."""
    conflicts = set(conflicting_positions(data))
    seen: set[str] = set()
    found = []
    for position in data.positions("train", "validation"):
        key = data.groups.keys[position]
        if key in seen or position in conflicts or task.is_empty(data.rows.inputs[position]):
            continue
        seen.add(key)
        found.append(position)
    return found


def rows_per_class(data: Dataset, task: Task, usable: Sequence[int]) -> dict[str, int]:
    """Usable rows for each kind of answer that rows which are not sealed have."""
    counts = Counter(kind for position in usable for kind in task.kinds(data.rows.answers[position]))
    known = {kind for answer in data.unsealed().answers for kind in task.kinds(answer)}
    return {kind: counts[kind] for kind in sorted(known)}
