"""Groups of rows whose texts are the same or nearly so. A group never stands on two sides of a split."""

import functools
import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.task import Array, Input

SHINGLE = 3
"""Characters in a shingle. Five miss a mistyped letter in a short text; two lists of near pairs of real sets, read by eye, are as
clean with three (tests/benchmarks/planted.py)."""
NEAR = 0.8
"""Jaccard similarity of shingles from which two texts count as nearly the same (Broder 1997)."""
BANDS, IN_A_BAND = 12, 5
"""Bands of a sketch and numbers in each: two texts at `NEAR` meet with probability 1 - (1 - 0.8^5)^12 = 0.99."""
COMPARED_TEXTS = 50_000
"""Different texts up to which near-duplicates are looked for among all; beyond it among a sample of so many."""
MEETING, COMPARISONS = 20, 100
"""Texts of one band that later ones are compared with, and comparisons of one text, at most: without a bound, rows that are
made from one pattern would all be compared with all."""
LIKELY = 0.6
"""Share of equal numbers in two sketches from which texts are compared."""
REMEMBERED = 2000
"""Texts whose shingles stay in memory."""
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_draw = np.random.default_rng(7)
_FACTORS = _draw.integers(0, 2**64, BANDS * IN_A_BAND, dtype=np.uint64) | np.uint64(1)
_SHIFTS = _draw.integers(0, 2**64, BANDS * IN_A_BAND, dtype=np.uint64)


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
    """Different texts among which near-duplicates were looked for: all, or a sample when there are too many."""
    near_copies: int = 0
    """Of these, those that are nearly like another: all of a group but one."""


def group(inputs: Sequence[Input], hashes: Sequence[str] | None = None, most: int = COMPARED_TEXTS) -> Groups:
    """Group inputs that are the same, and those nearly so among at most so many different texts.

    Args:
        inputs: What models read.
        hashes: Their text hashes, when they are known already.
        most: How many different texts are compared at most.
    """
    found = list(map(text_hash, inputs) if hashes is None else hashes)
    first: dict[str, int] = {}
    for place, key in enumerate(found):
        first.setdefault(key, place)
    compared = sorted(first)[:most]  # the lowest hashes are a draw
    parents = {key: key for key in first}
    _join_near(parents, {key: even(inputs[first[key]]) for key in compared})
    return Groups(
        text_hashes=found,
        keys=[_root(parents, key) for key in found],
        compared_texts=len(compared),
        near_copies=sum(_root(parents, key) != key for key in compared),
    )


def nearly_same(one: Input, other: Input) -> bool:
    """Whether two inputs are the same or nearly so themselves, and not only by way of others in their group."""
    return _alike(_shingles(even(one)), _shingles(even(other)))


def even(given: Input) -> str:
    """The text with case, white space and Unicode form evened out."""
    text = given if isinstance(given, str) else "\x1f".join(given)
    if text.isascii():  # has one Unicode form, and nothing to fold but its capitals
        spaced = text.isprintable() and "  " not in text  # by single spaces only
        return text.lower().strip() if spaced else " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_hash(given: Input) -> str:
    """Sixteen hexadecimal digits that two inputs share when they are the same apart from case, white space and Unicode form.

    Of a billion different texts two share them by chance with probability 0.03.
    """
    return hashlib.sha256(even(given).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _root(parents: dict[str, str], key: str) -> str:
    while parents[key] != key:
        parents[key] = parents[parents[key]]
        key = parents[key]
    return key


def _join_near(parents: dict[str, str], texts: Mapping[str, str]) -> None:
    """Join the groups of texts that are nearly the same: those that share a band of their sketches are compared."""
    keys = list(texts)
    shingles = functools.lru_cache(REMEMBERED)(lambda place: _shingles(texts[keys[place]]))
    sketches = np.empty((len(keys), BANDS * IN_A_BAND), dtype=np.uint32)
    meetings: dict[tuple[int, bytes], list[int]] = {}
    for place, key in enumerate(keys):
        sketches[place] = _sketch(shingles(place))
        bands = [(number, band.tobytes()) for number, band in enumerate(sketches[place].reshape(BANDS, IN_A_BAND))]
        met = list(dict.fromkeys(other for band in bands for other in meetings.get(band, ())))
        for other in _likely(place, met, sketches):
            apart = _root(parents, key) != _root(parents, keys[other])  # others may have been joined meanwhile
            if apart and _alike(shingles(place), shingles(other)):
                lower, higher = sorted((_root(parents, key), _root(parents, keys[other])))
                parents[higher] = lower
        for band in bands:
            members = meetings.setdefault(band, [])
            if len(members) < MEETING:
                members.append(place)


def _likely(place: int, met: Sequence[int], sketches: Array) -> list[int]:
    """Of the texts that share a band those whose sketches are alike, the most alike first.

    The share of equal numbers has a standard error of 0.05 where texts are alike by `NEAR`; four of them lie below.
    """
    if not met:
        return []
    equal = (sketches[met] == sketches[place]).mean(axis=1)
    order = np.argsort(-equal, kind="stable")[:COMPARISONS]
    return [met[each] for each in order if equal[each] >= LIKELY]


def _shingles(text: str) -> Array:
    """The different shingles of a text as 64-bit numbers, sorted; a text that is shorter than one is one."""
    letters = np.frombuffer(text.ljust(SHINGLE, "\0").encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    ends = len(letters) - SHINGLE + 1
    found = np.zeros(ends, dtype=np.uint64)
    for place in range(SHINGLE):
        found = (found ^ letters[place : ends + place]) * _PRIME
        found ^= found >> np.uint64(29)
    found.sort()
    different: Array = found[np.concatenate(([True], found[1:] != found[:-1]))]
    return different


def _sketch(shingles: Array) -> Array:
    """The smallest value of the shingles under each of many random functions (MinHash).

    Source: Broder (1997), https://doi.org/10.1109/SEQUEN.1997.666900; functions as in Dietzfelbinger et al. (1997),
    https://doi.org/10.1006/jagm.1997.0873
    """
    smallest: Array = (shingles[:, None] * _FACTORS + _SHIFTS).min(axis=0) >> np.uint64(32)
    return smallest


def _alike(one: Array, other: Array) -> bool:
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common >= NEAR * (len(one) + len(other) - common)
