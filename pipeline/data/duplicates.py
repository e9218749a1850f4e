"""Groups of rows whose texts are the same or nearly so. A group never stands on two sides of a split."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from datasketch import MinHash, MinHashLSH

from pipeline.task import Input

SHINGLE = 3
"""Characters in a shingle. Five miss a mistyped letter in a short text; two lists of near pairs of real sets, read by eye, are as
clean with three (tests/benchmarks/planted.py)."""
NEAR = 0.8
"""Jaccard similarity of shingles from which two texts count as nearly the same (Broder 1997)."""
PERMUTATIONS = 64
BANDS = (12, 5)
"""Bands of a sketch and numbers in each: two texts at `NEAR` are compared with probability 1 - (1 - 0.8^5)^12 = 0.99."""
COMPARED_TEXTS = 50_000
"""Different texts up to which near-duplicates are looked for among all; beyond it among a sample of so many."""


@dataclass(frozen=True)
class Groups:
    """Which rows belong together.

    Shapes: all have one entry per row.
    """

    text_hashes: list[str]
    """Hash of the text with case, white space and Unicode form evened out."""
    keys: list[str]
    """Smallest text hash of the group: a row that joins can only lower it."""
    compared_texts: int
    """Different texts among which near-duplicates were looked for: all, or a sample when there are too many."""


def group(inputs: Sequence[Input], most: int = COMPARED_TEXTS) -> Groups:
    """Group inputs that are the same, and those nearly so among at most so many different texts."""
    texts = [_even(given) for given in inputs]
    hashes = list(map(_hash, texts))
    different = dict(zip(hashes, texts, strict=True))
    compared = {key: different[key] for key in sorted(different)[:most]}  # the lowest hashes are a draw
    parents = {key: key for key in different}
    for one, other in _near_pairs(compared):
        first, second = sorted((_root(parents, one), _root(parents, other)))
        parents[second] = first
    return Groups(text_hashes=hashes, keys=[_root(parents, key) for key in hashes], compared_texts=len(compared))


def text_hash(given: Input) -> str:
    """Sixteen hexadecimal digits that two inputs share when they are the same apart from case, white space and Unicode form."""
    return _hash(_even(given))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _even(given: Input) -> str:
    text = given if isinstance(given, str) else "\x1f".join(given)
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _root(parents: dict[str, str], key: str) -> str:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _near_pairs(texts: dict[str, str]) -> list[tuple[str, str]]:
    shingles = {key: _shingles(text) for key, text in texts.items()}
    index = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS)
    pairs: list[tuple[str, str]] = []
    for key, sketch in zip(shingles, MinHash.generator(shingles.values(), num_perm=PERMUTATIONS), strict=True):
        pairs += [(key, other) for other in index.query(sketch) if _alike(shingles[key], shingles[other])]
        index.insert(key, sketch, check_duplication=False)
    return pairs


def _shingles(text: str) -> list[bytes]:
    ends = range(max(1, len(text) - SHINGLE + 1))
    return sorted({text[start : start + SHINGLE].encode("utf-8", "surrogatepass") for start in ends})


def _alike(one: list[bytes], other: list[bytes]) -> bool:
    first, second = set(one), set(other)
    return len(first & second) >= NEAR * len(first | second)
