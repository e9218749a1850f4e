"""Groups of rows whose texts are the same or nearly so. A group never stands on two sides of a split."""

import functools
import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from datasketch import MinHash, MinHashLSH

from pipeline.task import Array, Input

SHINGLE = 3
"""Characters in a shingle. Five miss a mistyped letter in a short text; two lists of near pairs of real sets, read by eye, are as
clean with three (tests/benchmarks/planted.py)."""
NEAR = 0.8
"""Jaccard similarity of shingles from which two texts count as nearly the same (Broder 1997)."""
PERMUTATIONS = 64
BANDS = (12, 5)
"""Bands of a sketch and numbers in each: two texts at `NEAR` are compared with probability 1 - (1 - 0.8^5)^12 = 0.99."""
COMPARED_TEXTS = 50_000
"""Different texts up to which all are compared for near-duplicates; beyond it a sample of so many is."""
REMEMBERED = 2000
"""Texts whose shingles stay in memory."""
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_draw = np.random.default_rng(7)
_FACTORS = _draw.integers(0, 2**64, PERMUTATIONS, dtype=np.uint64) | np.uint64(1)
_SHIFTS = _draw.integers(0, 2**64, PERMUTATIONS, dtype=np.uint64)


@dataclass(frozen=True)
class Groups:
    """Which rows belong together.

    Shapes: `text_hashes` and `keys` have one entry per row.
    """

    text_hashes: list[str]
    """Hash of the text with case, white space and Unicode form evened out."""
    keys: list[str]
    """Smallest text hash of the group: a row that joins can only lower it."""
    compared_texts: int
    """Different texts that were compared with each other for near-duplicates: all, or a sample when there are too many."""
    near_copies: int = 0
    """Of these, those that are nearly like another: all of a group but one."""


def group(inputs: Sequence[Input], hashes: Sequence[int] | None = None, most: int = COMPARED_TEXTS) -> Groups:
    """Group inputs that are the same or nearly so.

    Args:
        inputs: What models read.
        hashes: Their text hashes, when they are known already.
        most: How many different texts are compared at most; of more, those with the lowest hashes, which is a random sample
            that more data changes little.
    """
    found = [f"{number:016x}" for number in (map(text_hash, inputs) if hashes is None else hashes)]
    first = {key: place for place, key in reversed(list(enumerate(found)))}
    compared = sorted(first) if len(first) <= most else sorted(first)[:most]
    texts = {key: even(inputs[first[key]]) for key in compared}
    parents = {key: key for key in first}
    for one, other in _near_pairs(texts):
        lower, higher = sorted((_root(parents, one), _root(parents, other)))
        parents[higher] = lower
    return Groups(
        text_hashes=found,
        keys=[_root(parents, key) for key in found],
        compared_texts=len(compared),
        near_copies=sum(_root(parents, key) != key for key in compared),
    )


def even(given: Input) -> str:
    """The text with case, white space and Unicode form evened out."""
    text = given if isinstance(given, str) else "\x1f".join(given)
    if text.isascii():  # has one Unicode form, and nothing to fold but its capitals
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_hash(given: Input) -> int:
    """64 bits of a hash of the evened text: among a billion different texts two are the same by chance once in 37 times."""
    digest = hashlib.sha256(even(given).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big")


def _root(parents: dict[str, str], key: str) -> str:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _near_pairs(texts: dict[str, str]) -> list[tuple[str, str]]:
    """Pairs of texts that are nearly the same. Shingles are made again where they are compared, which bounds memory."""
    index, blank = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS), MinHash(PERMUTATIONS)
    remembered = functools.lru_cache(REMEMBERED)(lambda key: _shingles(texts[key]))
    pairs: list[tuple[str, str]] = []
    for key in texts:
        shingles = remembered(key)
        sketch = blank.copy()
        sketch.hashvalues = _sketch(shingles)
        pairs += [(key, other) for other in index.query(sketch) if _alike(shingles, remembered(other))]
        index.insert(key, sketch, check_duplication=False)
    return pairs


def _shingles(text: str) -> Array:
    """The different shingles of a text as 64-bit numbers, sorted; a text that is shorter than one is one."""
    codes = np.frombuffer(text.ljust(SHINGLE, "\0").encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    letters = codes.astype(np.uint64)
    ends = len(letters) - SHINGLE + 1
    found = np.zeros(ends, dtype=np.uint64)
    for place in range(SHINGLE):
        found = (found ^ letters[place : ends + place]) * _PRIME
        found ^= found >> np.uint64(29)
    found.sort()
    different: Array = found[np.concatenate(([True], found[1:] != found[:-1]))]
    return different


def _sketch(shingles: Array) -> Array:
    """The smallest value of the shingles under each of many random functions.

    Source: Broder (1997), https://doi.org/10.1109/SEQUEN.1997.666900; functions as in Dietzfelbinger et al. (1997),
    https://doi.org/10.1006/jagm.1997.0873
    """
    smallest: Array = ((shingles[:, None] * _FACTORS + _SHIFTS) >> np.uint64(32)).min(axis=0)
    return smallest


def _alike(one: Array, other: Array) -> bool:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common >= NEAR * (len(one) + len(other) - common)
