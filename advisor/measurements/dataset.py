"""Counts what the data holds: rows that can be learned from, and everything that spoils them."""

import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Literal

import numpy as np

from advisor.records import Answers, DatasetMeasurement
from pipeline.data.dataset import Dataset
from pipeline.preparation import as_one_text
from pipeline.records import Finding
from pipeline.task import Answer, Task

EXAMPLES = 3
RARE_CLASS_ROWS = 8
LANGUAGE_ROWS = 500
DOMAIN_SHARE = 0.25
"""Share of texts with a word of a domain from which a guess is made."""
Words = Mapping[str, Sequence[str]]
CLEAR_SHARE = 0.05
"""Share of a language's commonest words from which a guess is made."""


def measure_dataset(
    data: Dataset, task: Task, answers: Answers, languages: Words, domains: Words
) -> DatasetMeasurement:
    """Count rows, classes, duplicates, conflicts and leaks over all rows, and look at the texts that may train.

    Args:
        data: All rows with their sides. Texts and answers of sealed rows are compared with the others, nothing more.
        task: Counts kinds of answers, and looks for what only it can find.
        answers: For the language, when the user said it.
        languages: Commonest words of each language.
        domains: Words that mark each domain.
    """
    begun = time.perf_counter()
    usable = usable_positions(data, task)
    per_class = _rows_per_class(data, task, usable)
    texts = [as_one_text(data.rows.inputs[position]) for position in data.positions("train", "validation")]
    words = [text.split() for text in texts]
    lengths = [len(row) for row in words] or [0]
    every_word = [word.lower() for row in words for word in row]
    sides = Counter(data.sides)
    language, source = _language(texts, answers.deployment.language, languages)
    hashes, keys = data.groups.text_hashes, data.groups.keys
    conflicts = _conflicting(data)
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
        exact_duplicate_fraction=1 - len(set(hashes)) / len(hashes),
        near_duplicate_fraction=1 - len(set(keys)) / len(keys),
        conflicting_rows=len(conflicts),
        leaked_rows=sides["left_out"],
        empty_rows=sum(map(task.is_empty, data.rows.inputs)),
        median_words=float(np.median(lengths)),
        longest_words=max(lengths),
        distinct_word_fraction=len(set(every_word)) / max(len(every_word), 1),
        script=_script(texts),
        language=language,
        language_source=source,
        domain=_domain(texts, domains),
        findings=[*_findings(data, task, per_class, conflicts), *task.audit(data.unsealed())],
        seconds=time.perf_counter() - begun,
    )


def _rows_per_class(data: Dataset, task: Task, usable: Sequence[int]) -> dict[str, int]:
    """Usable rows for each kind of answer that rows which are not sealed have."""
    counts = Counter(kind for position in usable for kind in task.kinds(data.rows.answers[position]))
    known = {kind for answer in data.unsealed().answers for kind in task.kinds(answer)}
    return {kind: counts[kind] for kind in sorted(known)}


def usable_positions(data: Dataset, task: Task) -> list[int]:
    """Positions of rows that may train and are worth it: not empty, not a copy or nearly one of an earlier, not contradicted."""
    conflicts = set(_conflicting(data))
    seen: set[str] = set()
    found = []
    for position in data.positions("train", "validation"):
        key = data.groups.keys[position]
        if key in seen or position in conflicts or task.is_empty(data.rows.inputs[position]):
            continue
        seen.add(key)
        found.append(position)
    return found


def _conflicting(data: Dataset) -> list[int]:
    """Positions of rows whose very text also stands with another answer, sealed rows apart.

    Two scores contradict each other when they lie further apart than all scores do on average (one standard deviation).
    """
    given: dict[str, set[Answer]] = defaultdict(set)
    positions = data.positions("train", "validation", "reserve", "left_out")
    for position in positions:
        given[data.groups.text_hashes[position]].add(data.rows.answers[position])
    numbers = [answer for position in positions if isinstance(answer := data.rows.answers[position], float)]
    apart = float(np.std(numbers)) if numbers else 0.0
    contradicted = {key for key, answers in given.items() if _contradict(answers, apart)}
    return [position for position in positions if data.groups.text_hashes[position] in contradicted]


def _contradict(answers: set[Answer], apart: float) -> bool:
    numbers = [answer for answer in answers if isinstance(answer, float)]
    return max(numbers) - min(numbers) > apart if numbers else len(answers) > 1


def _findings(data: Dataset, task: Task, per_class: Mapping[str, int], conflicts: Sequence[int]) -> list[Finding]:
    hashes, keys = data.groups.text_hashes, data.groups.keys
    shown = set(data.positions("train", "validation", "reserve", "left_out"))
    copies = _later(hashes)
    near = [position for position in _later(keys) if position not in set(copies)]
    leaked = [position for position, side in enumerate(data.sides) if side == "left_out"]
    empty = [position for position, given in enumerate(data.rows.inputs) if task.is_empty(given)]

    def examples(positions: Sequence[int]) -> list[str]:
        texts = (as_one_text(data.rows.inputs[position])[:120] for position in positions if position in shown)
        return list(islice(texts, EXAMPLES))

    def finding(code: str, positions: Sequence[int], because: str) -> Finding | None:
        found = Finding(code=code, count=len(positions), because=because, examples=examples(positions))
        return found if positions else None

    rare = [label for label, rows in per_class.items() if rows < RARE_CLASS_ROWS]
    found = [
        finding(
            "exact_duplicates",
            copies,
            "Texts that stand here before, apart from case and white space; copies count once.",
        ),
        finding("near_duplicates", near, "Texts nearly like an earlier one; they stay on one side of the split."),
        finding(
            "conflicting_labels",
            conflicts,
            "The same text with different answers; such rows are not counted as usable.",
        ),
        finding(
            "leaks",
            leaked,
            "Rows whose text also stands in the validation or test rows; they are left out of training.",
        ),
        finding("empty", empty, "Rows that lack a text; nothing can be learned from them."),
    ]
    if rare:
        because = f"Classes with fewer than {RARE_CLASS_ROWS} usable training rows."
        found.append(Finding(code="rare_classes", count=len(rare), because=because, examples=sorted(rare)[:EXAMPLES]))
    if data.unlabelled_rows:
        found.append(
            Finding(code="unlabelled", count=data.unlabelled_rows, because="Rows without an answer, left out.")
        )
    if not data.groups.near_compared:
        because = "Too many different texts to look for near-duplicates; only exact copies were grouped."
        found.append(Finding(code="near_duplicates_not_compared", count=len(set(hashes)), because=because))
    return [entry for entry in found if entry is not None]


def _later(keys: Sequence[str]) -> list[int]:
    """Positions whose key stood before."""
    seen: set[str] = set()
    found = []
    for position, key in enumerate(keys):
        if key in seen:
            found.append(position)
        seen.add(key)
    return found


def _script(texts: Sequence[str]) -> str:
    """The commonest writing system of the letters, from their Unicode names."""
    counts: Counter[str] = Counter()
    for text in texts[:LANGUAGE_ROWS]:
        counts.update(_writing(letter) for letter in text[:500] if letter.isalpha())
    return counts.most_common(1)[0][0] if counts else "none"


def _writing(letter: str) -> str:
    return unicodedata.name(letter, "unknown").split()[0].lower()


def _language(
    texts: Sequence[str], said: str | None, languages: Mapping[str, Sequence[str]]
) -> tuple[str, Literal["user", "guess"]]:
    if said:
        return said.lower(), "user"
    counts: Counter[str] = Counter()
    for text in texts[:LANGUAGE_ROWS]:
        counts.update(text.lower().split())
    total = sum(counts.values())
    shares = {code: sum(counts[word] for word in words) / max(total, 1) for code, words in languages.items()}
    by_script = _language_of_script(_script(texts))
    best = max(shares, key=lambda code: shares[code])
    if by_script is not None:
        return by_script, "guess"
    return (best if shares[best] >= CLEAR_SHARE else "unknown"), "guess"


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


def _language_of_script(script: str) -> str | None:
    known: dict[str, str] = {
        "hangul": "ko",
        "hiragana": "ja",
        "katakana": "ja",
        "cjk": "zh",
        "thai": "th",
        "greek": "el",
        "hebrew": "he",
    }
    return known.get(script)
