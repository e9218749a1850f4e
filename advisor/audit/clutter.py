"""What stands in texts and says nothing: markup, signatures and footers, signs without a letter."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from advisor.audit.material import Found, Material
from pipeline.data.personal_data import mask
from pipeline.task import Input

SHOWN = 120
"""Characters of a shared part that are shown."""
MOST_END_WORDS = 30
"""Words of a shared beginning or end that are told apart."""
_ENDS = re.compile(r"(?<=[.!?])\s+|\n+")
_TAGS = re.compile(
    r"</?(?:a|article|b|blockquote|body|br|center|code|div|em|font|form|h[1-6]|head|hr|html|i|iframe|img|input|li|link|meta|nobr"
    r"|ol|option|p|pre|script|section|small|span|strong|style|sub|sup|table|tbody|td|th|title|tr|tt|u|ul)(?:\s[^<>]{0,300})?/?>"
    r"|<!--|<!doctype",
    re.IGNORECASE,
)
_ENTITIES = re.compile(r"&(?:[a-z]{2,8}|#\d{1,5}|#x[0-9a-f]{1,5});|#\d{2,4};|\b(?:quot|nbsp|lt|gt);", re.IGNORECASE)


def find_texts_without_letters(material: Material) -> list[Found]:
    """Rows whose text has no letter, though it is not empty."""
    mute = [
        place
        for place, given in enumerate(material.rows.inputs)
        if not any(map(str.isalpha, material.texts[place])) and not material.task.is_empty(given)
    ]
    return [Found("no_letters", len(mute), len(material.texts), material.shown(mute))] if mute else []


def find_markup(material: Material) -> list[Found]:
    """Tags and character entities of HTML that were left in the texts."""
    kinds: Counter[str] = Counter()
    marked = []
    for place, text in enumerate(material.texts):
        seen = {match.lower().split()[0] for match in _TAGS.findall(text) + _ENTITIES.findall(text)}
        kinds.update(seen)
        if seen:
            marked.append(place)
    if not marked:
        return []
    most = ", ".join(f"{mark} ({rows:,} rows)" for mark, rows in kinds.most_common(5))
    return [Found("markup", len(marked), len(material.texts), material.shown(marked), {"marks": most})]


def find_boilerplate(material: Material) -> list[Found]:
    """Lines, sentences, beginnings and ends that many different texts share: signatures, footers, headers."""
    numbers = {name: number.value for name, number in material.rules.audit.numbers.items()}
    texts = _different(material.rows.inputs)
    every = {**_shared_ends(texts, numbers), **_shared_units(texts, numbers)}
    shared = {part: rows for part, rows in every.items() if not _mostly_shorter(part, rows, every)}
    if not shared:
        return []
    pattern = re.compile("|".join(re.escape(part) for part in sorted(shared, key=len, reverse=True)))
    inside = [text for text in texts if any(part in text for part in shared)]
    left = [pattern.sub(" ", text).split() for text in inside]
    most = sorted(shared.items(), key=lambda item: -item[1])
    values = {
        "parts": "; ".join(f"“{mask(part)[:SHOWN]}” ({rows:,} rows)" for part, rows in most[:5]),
        "words_before": f"{np.median([len(text.split()) for text in inside]):.0f}",
        "words_left": f"{np.median([len(words) for words in left]):.0f}",
        "nothing_left": f"{sum(not words for words in left):,}",
    }
    return [Found("boilerplate", len(inside), len(texts), [part[:SHOWN] for part, _ in most[:3]], values)]


def _different(inputs: Iterable[Input]) -> list[str]:
    """The different texts, lines kept, apart from case and runs of blanks."""
    texts = ("\n".join([given] if isinstance(given, str) else [" ".join(given)]) for given in inputs)
    even = ("\n".join(" ".join(line.split()) for line in text.lower().splitlines()).strip() for text in texts)
    return list(dict.fromkeys(text for text in even if text))


def _shared_units(texts: Sequence[str], numbers: Mapping[str, float]) -> dict[str, int]:
    """Whole lines and sentences that stand in so many texts beside something else."""
    counts: Counter[str] = Counter()
    for text in texts:
        units = {unit.strip() for unit in _ENDS.split(text)}
        if len(units) > 1:
            counts.update(unit for unit in units if len(unit.split()) >= numbers["boilerplate_unit_words"])
    return _frequent(counts, len(texts), numbers["boilerplate_unit_share"], numbers["boilerplate_rows"])


def _shared_ends(texts: Sequence[str], numbers: Mapping[str, float]) -> dict[str, int]:
    """The longest beginnings and ends that so many texts share; of short ones only those that end in a colon."""
    words = [text.split(" ") for text in texts]
    found: dict[str, int] = {}
    for from_the_end in (False, True):
        kept: dict[str, int] = {}
        for length in range(1, MOST_END_WORDS + 1):
            part = slice(-length, None) if from_the_end else slice(length)
            counts = Counter(" ".join(row[part]) for row in words if len(row) > length)
            longer = _frequent(counts, len(texts), numbers["boilerplate_end_share"], numbers["boilerplate_rows"])
            if not longer:
                break
            kept = {
                shorter: rows for shorter, rows in kept.items() if not _mostly_longer(shorter, rows, longer)
            } | longer
        found |= kept
    least = numbers["boilerplate_end_words"]
    return {part: rows for part, rows in found.items() if len(part.split()) >= least or part.endswith(":")}


def _mostly_longer(part: str, rows: int, longer: Mapping[str, int]) -> bool:
    """Whether most of the texts that share a part share a longer one with it."""
    return any(part in other and 2 * count >= rows for other, count in longer.items())


def _mostly_shorter(part: str, rows: int, every: Mapping[str, int]) -> bool:
    """Whether a piece of the part stands in far more texts than the whole of it."""
    return any(other in part and count > 2 * rows for other, count in every.items())


def _frequent(counts: Counter[str], rows: int, share: float, least: float) -> dict[str, int]:
    return {part: count for part, count in counts.items() if count >= max(share * rows, least)}
