"""Counts what the data holds, and what may be learned from it."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from advisor.audit.counts import conflicting_positions, rows_per_class, usable_positions
from advisor.audit.languages import tell_main_language, tell_script
from advisor.records import Answers, DatasetMeasurement
from pipeline.data.dataset import Dataset
from pipeline.preparation import as_one_text
from pipeline.task import Task

LANGUAGE_ROWS = 500
DOMAIN_SHARE = 0.25
"""Share of texts with a word of a domain from which a guess is made."""
Words = Mapping[str, Sequence[str]]


def measure_dataset(data: Dataset, task: Task, answers: Answers, domains: Words) -> DatasetMeasurement:
    """Count rows, classes, duplicates, conflicts and leaks over all rows, and look at the texts that may train.

    Args:
        data: All rows with their sides. Texts and answers of sealed rows are compared with the others, nothing more.
        task: Counts kinds of answers.
        answers: For the language, when the user said it.
        domains: Words that mark each domain.
    """
    begun = time.perf_counter()
    usable = usable_positions(data, task)
    per_class = rows_per_class(data, task, usable)
    texts = [as_one_text(data.rows.inputs[position]) for position in data.positions("train", "validation")]
    words = [text.split() for text in texts]
    lengths = [len(row) for row in words] or [0]
    every_word = [word.lower() for row in words for word in row]
    sides = Counter(data.sides)
    said = answers.deployment.language
    keys, census = data.groups.keys, data.census
    conflicts = conflicting_positions(data)
    return DatasetMeasurement(
        rows=len(data.rows),
        usable_rows=len(usable),
        train_rows=sides["train"],
        validation_rows=sides["validation"],
        test_rows=sides["test"],
        reserve_rows=sides["reserve"],
        rows_per_class=per_class,
        smallest_class_rows=min(per_class.values(), default=None),
        median_class_rows=float(np.median(list(per_class.values()))) if per_class else None,
        imbalance=max(per_class.values()) / max(min(per_class.values()), 1) if per_class else None,
        exact_duplicate_fraction=1 - census.different_texts / census.rows,
        near_duplicate_fraction=1 - len(set(keys)) / len(keys),
        conflicting_rows=len(conflicts) if census.kept_rows == census.rows else census.conflicting_rows,
        leaked_rows=sides["left_out"],
        empty_rows=sum(map(task.is_empty, data.rows.inputs)),
        median_words=float(np.median(lengths)),
        longest_words=max(lengths),
        distinct_word_fraction=len(set(every_word)) / max(len(every_word), 1),
        script=tell_script(texts[:LANGUAGE_ROWS]),
        language=said.lower() if said else tell_main_language(texts[:LANGUAGE_ROWS]),
        language_source="user" if said else "guess",
        domain=_domain(texts, domains),
        seconds=time.perf_counter() - begun,
    )


def _domain(texts: Sequence[str], domains: Words) -> str:
    """The domain whose words, or for social media whose mentions and tags, stand in most texts, when that is enough."""
    rows = [set(text.lower().split()) for text in texts[:LANGUAGE_ROWS]]
    shares = {
        domain: sum(not row.isdisjoint(words) for row in rows) / max(len(rows), 1) for domain, words in domains.items()
    }
    tagged = sum(any(word.startswith(("@", "#")) and len(word) > 2 for word in row) for row in rows)
    shares["social-media"] = max(shares.get("social-media", 0.0), tagged / max(len(rows), 1))
    best = max(shares, key=lambda domain: shares[domain])
    return best if shares[best] >= DOMAIN_SHARE else "general"
