"""What two columns of one reading say together: names that pair, words in common, languages, passages of one another."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from pipeline.data.evidence import Piece, Signs, listed, quoted
from pipeline.data.profiles import Profile

WORD = re.compile(r"\w+")
SIDES = ("1", "a", "left", "first", "one"), ("2", "b", "right", "second", "two")
"""Ends of the names of a first and of a second text."""
VERY_ALIKE, ALIKE = 0.3, 0.05
"""Share of common words within a row from which texts are very alike, and at least which they are alike at all."""
LANGUAGE_FOUND = 0.04
"""Share of a language's commonest words from which a text is taken to be in it."""


def agreement(
    shape_roles: Sequence[str], filled: Mapping[str, Any], columns: Mapping[str, Profile], signs: Signs
) -> list[Piece]:
    """What the columns of a reading say together; each pair of roles has its own questions."""
    found: list[Piece] = []
    for (one, other), look in TOGETHER.items():
        if one in shape_roles and other in shape_roles:
            first, second = (columns.get(str(filled.get(role))) for role in (one, other))
            if first is not None and second is not None:
                found += look(first, second, columns, signs)
    return found


def names_pair(first: Profile, second: Profile, columns: Mapping[str, Profile], signs: Signs) -> bool:
    """Whether two names go together, the first text first. Where the numbers go on, columns are numbered, not paired."""
    one, other = first.plain_name, second.plain_name
    if (one, other) in signs.words.pairs:
        return True
    if one.endswith("1") and any(profile.plain_name == f"{one[:-1]}3" for profile in columns.values()):
        return False
    for end, its_partner in zip(*SIDES, strict=True):
        stem, partner = one.removesuffix(end), other.removesuffix(its_partner)
        if stem != one and partner != other and stem == partner and stem.strip("_") != "":
            return True
        stem, partner = one.removeprefix(f"{end}_"), other.removeprefix(f"{its_partner}_")
        if stem != one and partner != other and stem == partner:
            return True
    return False


def _as_pair(first: Profile, second: Profile, columns: Mapping[str, Profile], signs: Signs) -> list[Piece]:
    both = listed([first.name, second.name])
    found = [Piece("names_go_together" if names_pair(first, second, columns, signs) else "unsaid_pair", both)]
    within, across = _common_words(first, second)
    if not 0.4 <= first.mean_length / max(second.mean_length, 1) <= 2.5:
        return found
    if within >= VERY_ALIKE and within >= 2 * across:
        found.append(Piece("texts_very_alike", both))
    elif within >= ALIKE and within >= 2 * across:
        found.append(Piece("texts_alike", both))
    return found


def _common_words(first: Profile, second: Profile) -> tuple[float, float]:
    """Mean share of words that both texts of a row have in common, and the same for texts of neighbouring rows."""
    sets = [
        (_words(one), _words(other))
        for one, other in zip(first.cells, second.cells, strict=True)
        if isinstance(one, str) and isinstance(other, str)
    ]
    within = [_jaccard(one, other) for one, other in sets]
    across = [_jaccard(one, other) for (one, _), (_, other) in pairwise(sets)]
    return sum(within) / max(len(within), 1), sum(across) / max(len(across), 1)


def _words(text: str) -> frozenset[str]:
    return frozenset(WORD.findall(text[:5000].casefold()))


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _as_summary(document: Profile, summary: Profile, _: Mapping[str, Profile], __: Signs) -> list[Piece]:
    found = []
    if summary.mean_length < 0.4 * document.mean_length:
        found.append(Piece("much_shorter", quoted(summary.name)))
    shares = [
        len(_words(short) & _words(long)) / max(len(_words(short)), 1)
        for long, short in zip(document.cells, summary.cells, strict=True)
        if isinstance(long, str) and isinstance(short, str)
    ]
    if shares and sum(shares) / len(shares) >= 0.5:
        found.append(Piece("words_of_the_text", quoted(summary.name)))
    return found


def _as_translation(source: Profile, target: Profile, _: Mapping[str, Profile], signs: Signs) -> list[Piece]:
    found = []
    if {source.plain_name, target.plain_name} <= set(signs.words.languages):
        found.append(Piece("language_names", listed([source.name, target.name])))
    one, other = _language(source.texts, signs), _language(target.texts, signs)
    if one and other and one != other:
        found.append(Piece("two_languages", quoted(target.name)))
    return found


def _language(texts: Sequence[str], signs: Signs) -> str:
    """The script of the texts where it is not Latin, else the language whose commonest words they hold; else nothing."""
    joined = " ".join(texts)[:100_000]
    scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in joined[:5000] if letter.isalpha())
    script = scripts.most_common(1)[0][0] if scripts else ""
    if script != "LATIN":
        return script
    counts = Counter(WORD.findall(joined.casefold()))
    total = max(sum(counts.values()), 1)
    shares = {code: sum(counts[word] for word in words) / total for code, words in signs.common_words.items()}
    best = max(shares, key=lambda code: shares[code], default="")
    return best if best and shares[best] >= LANGUAGE_FOUND else ""


def _as_answers(context: Profile, answers: Profile, _: Mapping[str, Profile], __: Signs) -> list[Piece]:
    pairs = [
        (long, short)
        for long, short in zip(context.cells, answers.cells, strict=True)
        if isinstance(long, str) and isinstance(short, str) and short.strip()
    ]
    inside = sum(short.strip() in long and len(short) < 0.5 * len(long) for long, short in pairs)
    shorter = context.mean_words >= 4 * answers.mean_words
    if pairs and inside >= 0.8 * len(pairs) and shorter and answers.different_fraction > 0.3:
        return [Piece("answer_in_context", quoted(answers.name))]
    return [Piece("no_passage", quoted(answers.name))] if answers.texts else []


def _as_reply(prompt: Profile, answer: Profile, _: Mapping[str, Profile], __: Signs) -> list[Piece]:
    longer = answer.mean_length > 2 * prompt.mean_length
    return [Piece("longer_answer", quoted(answer.name))] if longer else []


TOGETHER = {
    ("prompt", "answer"): _as_reply,
    ("text", "text_pair"): _as_pair,
    ("document", "summary"): _as_summary,
    ("source", "target"): _as_translation,
    ("context", "answers"): _as_answers,
}
