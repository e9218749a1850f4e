"""Labels that differ only in how they are written, and text that was decoded with the wrong encoding."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from advisor.audit.material import EXAMPLES, LONGEST_EXAMPLE, Found, Material
from pipeline.data.label_variants import find_variants
from pipeline.data.mojibake import has_lost_characters, repair
from pipeline.task import Answer
from pipeline.tasks.spans import type_of

BEFORE = 30
"""Characters before the first one that was decoded wrongly that an example shows."""


def spelled_labels(answer: Answer, columns: Mapping[str, Any]) -> list[str]:
    """The labels of an answer whose spelling counts: itself, each of several, or the types of tags; none of a number."""
    if isinstance(answer, str):
        return [answer]
    if not isinstance(answer, tuple):
        return []
    return sorted({type_of(tag) for tag in answer}) if {"tags", "spans"} & set(columns) else list(answer)


def find_label_variants(material: Material) -> list[Found]:
    """Labels that another label differs from only by case, white space, quotes or a mark behind it."""
    rows = material.data.unsealed()
    columns = material.answers.data.columns
    counts = Counter(label for answer in rows.answers for label in spelled_labels(answer, columns))
    variants = find_variants(counts)
    shown = [" / ".join(f"'{label}' ({counts[label]:,})" for label in each.labels) for each in variants[:EXAMPLES]]
    strays = sum(counts[label] for each in variants for label in each.strays)
    return [Found("label_variants", strays, len(rows), shown, {"labels": f"{len(variants):,}"})]


def find_wrong_encoding(material: Material) -> list[Found]:
    """Texts that were decoded with the wrong encoding, and texts with characters that were lost so."""
    garbled, lost = [], []
    for position, text in zip(material.positions, material.texts, strict=True):
        meant = repair(text)
        if meant != text:
            garbled.append((position, text, meant))
        if has_lost_characters(text):
            lost.append(position)
    shown = [_difference(material.data.place(position), text, meant) for position, text, meant in garbled[:EXAMPLES]]
    looked_at = len(material.positions)
    return [
        Found("mojibake", len(garbled), looked_at, shown),
        Found("lost_characters", len(lost), looked_at, material.examples(lost)),
    ]


def _difference(place: str, text: str, meant: str) -> str:
    """What stands in a text beside what was meant, from shortly before the first difference on."""
    first = next((at for at, (one, other) in enumerate(zip(text, meant, strict=False)) if one != other), 0)
    start, end = max(0, first - BEFORE), first + LONGEST_EXAMPLE // 2 - BEFORE
    return f"{place}: {text[start:end]} → {meant[start:end]}"
