"""Labels that differ only in how they are written, and the spelling that each is to have."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
"""Soft hyphen, zero-width space, word joiner, byte order mark: they show nothing, and programs leave them behind."""
QUOTES = "'\"`´‘’‚‛“”„‟«»‹›"
TRAILING = ".,;:"
"""Marks that end a sentence or a list. Question and exclamation marks may be what tells two labels apart."""


def fold(label: str) -> str:
    """What two spellings of one label have in common.

    Case, white space, Unicode form, characters that show nothing, quotes around it and a mark behind its last word do not
    count. A label that is nothing else, such as the tags `''` and `$,` of part-of-speech sets, keeps them.
    """
    return tidy(unicodedata.normalize("NFKC", label)).lower()


def tidy(label: str) -> str:
    """The label as it stands, without white space too much, quotes around it, or a mark behind its last word."""
    text = _spaced(label)
    bare = text.strip(QUOTES + " ")
    ended = bare.rstrip(TRAILING + QUOTES + " ")
    if ended and ended[-1].isalnum():
        return ended
    return bare if bare and bare[-1].isalnum() else text


class Variants(NamedTuple):
    """Labels that are one label in several spellings.

    Attributes:
        spelling: The one to keep: the commonest, white space too much taken off.
        labels: As they are written, the commonest first.
    """

    spelling: str
    labels: list[str]

    @property
    def strays(self) -> list[str]:
        """Those that are to be written otherwise."""
        return [label for label in self.labels if label != self.spelling]


def find_variants(counts: Mapping[str, int]) -> list[Variants]:
    """Labels that differ only in how they are written.

    Args:
        counts: Rows of each label.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for label in counts:
        alike[fold(label)].append(label)
    return [_variants(labels, counts) for labels in alike.values() if len(labels) > 1]


def spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """For each label that is to be written otherwise its spelling."""
    return {label: found.spelling for found in find_variants(counts) for label in found.strays}


def _variants(labels: list[str], counts: Mapping[str, int]) -> Variants:
    of_form: Counter[str] = Counter()
    for label in labels:
        of_form[tidy(label)] += counts[label]
    best = min(labels, key=lambda label: (-of_form[tidy(label)], label != tidy(label), -counts[label], label))
    return Variants(_spaced(best), sorted(labels, key=lambda label: (-counts[label], label)))


def _spaced(label: str) -> str:
    """The label in its usual Unicode form, without what shows nothing and without white space too much."""
    return " ".join(unicodedata.normalize("NFC", label.translate(UNSEEN)).split())
