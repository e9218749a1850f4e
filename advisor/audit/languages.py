"""Which languages and scripts the texts are in, and letters that only look like those of their word."""

import functools
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from advisor.audit.material import Found, Material
from pipeline.data.personal_data import mask

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN = "unknown"
LOOKED_AT_ROWS = 5_000
"""Rows whose language is told; beyond it a seeded sample."""
LANGUAGE_CHARACTERS = 200
"""Characters of a text from which its language is told."""
SURE = 0.9
"""Confidence from which a language counts; below it a text's language is unknown. Measured with py3langid 0.4.0 on up to
3,000 texts of each of thirteen sets, tweets and questions of five words among them: of 37,862 texts in English or German none was surely
called something else, 13 texts in Spanish, Portuguese and French among them were found, and 61 to 99.8 % of each set were told."""
NO_LANGUAGE = "zxx"
LOOKALIKES = frozenset("аеорсухіјѕһԁԛԝАВЕКМНОРСТУХІЈЅԌοΑΒΕΖΗΙΚΜΝΟΡΤΥΧνι")
"""Cyrillic and Greek letters that look like Latin ones.

Source: Unicode Technical Standard 39, https://www.unicode.org/reports/tr39/"""
LANGUAGE_OF_SCRIPT: Mapping[str, str] = {
    "armenian": "hy",
    "cjk": "zh",
    "georgian": "ka",
    "greek": "el",
    "hangul": "ko",
    "hebrew": "he",
    "hiragana": "ja",
    "katakana": "ja",
    "thai": "th",
}
"""Where a script is that of one language, or nearly."""
EAST_ASIAN = frozenset({"hiragana", "katakana", "cjk", "bopomofo", "katakana-hiragana", "ideographic"})
"""Scripts that stand beside each other in one text of one language."""


def tell_language(text: str) -> str:
    """Two or three letters for the language of a text; `unknown` when too short or not sure."""
    language, confidence = _identifier().classify(" ".join(text[:LANGUAGE_CHARACTERS].split()))
    return language if confidence >= SURE and language != NO_LANGUAGE else UNKNOWN


def tell_main_language(texts: Sequence[str]) -> str:
    """The language that most texts surely are in; where none is sure, that of all together, or that of their script."""
    told = Counter(language for text in texts if (language := tell_language(text)) != UNKNOWN)
    if told:
        return told.most_common(1)[0][0]
    together = tell_language(" ".join(texts))
    return LANGUAGE_OF_SCRIPT.get(tell_script(texts), UNKNOWN) if together == UNKNOWN else together


def tell_script(texts: Sequence[str]) -> str:
    """The commonest writing system of the letters, from their Unicode names; `none` without a letter."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(_scripts(text[:500]))
    return counts.most_common(1)[0][0] if counts else "none"


@functools.cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def _scripts(text: str) -> Counter[str]:
    """Letters of each script."""
    if text.isascii():
        letters = sum(map(str.isalpha, text))
        return Counter({"latin": letters} if letters else {})
    return Counter(_script(letter) for letter in text if letter.isalpha())


@functools.cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, UNKNOWN).split()[0].lower()


def find_mixed_languages(material: Material) -> list[Found]:
    """Rows that are surely in another language than most."""
    texts = material.texts
    drawn = np.random.default_rng(material.answers.seed).permutation(len(texts))[:LOOKED_AT_ROWS]
    told = {int(place): tell_language(texts[place]) for place in sorted(drawn)}
    counts = Counter(told.values())
    unsure = counts.pop(UNKNOWN, 0)
    if len(counts) < 2:
        return []
    (main, rows), *others = counts.most_common()
    names = material.rules.languages
    other_places = [place for place, language in told.items() if language not in (main, UNKNOWN)]
    values = {
        "main": names.get(main, main),
        "main_share": f"{100 * rows / len(told):.1f} %",
        "others": _listed({names.get(code, code): count for code, count in others}),
        "unsure": f"{unsure:,}",
    }
    return [Found("mixed_languages", len(other_places), len(told), material.shown(other_places), values)]


def find_mixed_scripts(material: Material) -> list[Found]:
    """Rows that are mostly in another script than the others."""
    scripts = [_main_script(text) for text in material.texts]
    counts = Counter(script for script in scripts if script is not None)
    if len(counts) < 2:
        return []
    (main, _), *others = counts.most_common()
    other_places = [place for place, script in enumerate(scripts) if script not in (main, None)]
    values = {"main": main.title(), "others": _listed({script.title(): rows for script, rows in others})}
    return [Found("mixed_scripts", len(other_places), len(scripts), material.shown(other_places), values)]


def _main_script(text: str) -> str | None:
    counts: Counter[str] = Counter()
    for script, letters in _scripts(text).items():
        counts["East Asian" if script in EAST_ASIAN else script] += letters
    return counts.most_common(1)[0][0] if counts else None


def _listed(rows: Mapping[str, int]) -> str:
    listed = [f"{name} ({count:,} rows)" for name, count in list(rows.items())[:5]]
    return ", ".join(listed) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")


def find_lookalikes(material: Material) -> list[Found]:
    """Words with Cyrillic or Greek letters among Latin ones that look the same, and letters of fancy alphabets."""
    words: Counter[str] = Counter()
    rows = []
    for place, text in enumerate(material.texts):
        odd = [] if text.isascii() else [word for word in text.split() if _looks_otherwise(word)]
        words.update(odd)
        if odd:
            rows.append(place)
    if not rows:
        return []
    shown = "; ".join(f"{mask(word)[:40]} ({_told_apart(word)})" for word, _ in words.most_common(3))
    return [Found("lookalike_letters", len(rows), len(material.texts), material.shown(rows), {"words": shown})]


def _looks_otherwise(word: str) -> bool:
    letters = [letter for letter in word if letter.isalpha() and not letter.isascii()]
    if not letters:
        return False
    if any(_script(letter) in ("mathematical", "fullwidth", "double-struck", "script") for letter in letters):
        return any(letter.isascii() and letter.isalpha() for letter in unicodedata.normalize("NFKC", word))
    mixed = any(letter.isascii() and letter.isalpha() for letter in word)
    return (
        mixed
        and all(letter in LOOKALIKES or _script(letter) == "latin" for letter in letters)
        and any(letter in LOOKALIKES for letter in letters)
    )


def _told_apart(word: str) -> str:
    """The letters that are not what they look like, by name."""
    odd = [letter for letter in dict.fromkeys(word) if letter.isalpha() and _script(letter) != "latin"]
    return ", ".join(unicodedata.name(letter, UNKNOWN).lower() for letter in odd[:3])
