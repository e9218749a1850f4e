"""Splits a text into words with their places, the same in every language."""

import functools
import unicodedata
from typing import Literal

Kind = Literal["space", "letter", "alone", "symbol", "flag", "mark", "format"]
JOINER = "\u200d"
"""Zero width joiner: makes one picture of several."""
ZERO_WIDTH_SPACES = "\u200b\ufeff"
UNSPACED = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "HALFWIDTH KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
"""Beginnings of the Unicode names of letters that are written without spaces between words; Hangul has them."""
SKIN_TONES = range(0x1F3FB, 0x1F400)
FLAG_LETTERS = range(0x1F1E6, 0x1F200)
"""Two of them make a flag."""


def split_words(text: str) -> list[tuple[int, int]]:
    """First character of each word, and the one behind its last.

    Letters, digits and marks run together. Letters of scripts without spaces, punctuation and symbols stand alone. Marks,
    variation selectors, skin tones and joiners stay with what they follow, and a symbol behind a joiner with the symbol
    before it, so that a picture is one word however many characters it is made of.
    """
    found: list[tuple[int, int]] = []
    core: Kind = "space"  # what the word that is open consists of
    for place, letter in enumerate(text):
        kind = _kind(letter)
        if core != "space" and _belongs(kind, core, text[place - 1]):
            found[-1] = (found[-1][0], place + 1)
            core = "symbol" if kind == "flag" else core
        elif kind in ("space", "format"):
            core = "space"
        else:
            found.append((place, place + 1))
            core = kind
    return found


def _belongs(kind: Kind, core: Kind, before: str) -> bool:
    """Whether a character goes on with the word before it."""
    if kind == "symbol":
        return core == "symbol" and before == JOINER
    return kind in ("mark", "format") or (kind == core and kind in ("letter", "flag"))


@functools.lru_cache(maxsize=10_000)
def _kind(letter: str) -> Kind:
    category = unicodedata.category(letter)
    if category in ("Cc", "Zs", "Zl", "Zp") or letter in ZERO_WIDTH_SPACES:
        return "space"
    if category[0] == "M" or ord(letter) in SKIN_TONES:
        return "mark"
    if category[0] in "LN":
        unspaced = category[0] == "L" or category == "Nl"
        return "alone" if unspaced and unicodedata.name(letter, "").startswith(UNSPACED) else "letter"
    if ord(letter) in FLAG_LETTERS:
        return "flag"
    kinds: dict[str, Kind] = {"Cf": "format", "S": "symbol"}
    return kinds.get(category, kinds.get(category[0], "alone"))
