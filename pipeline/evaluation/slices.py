"""Parts of the rows that are answered worse than the rest, told from those that only look so."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from pipeline.evaluation.comparison import holm
from pipeline.evaluation.intervals import score_interval, wilson
from pipeline.evaluation.number_metrics import MAE
from pipeline.preparation import as_one_text
from pipeline.records import Interval
from pipeline.results import Slice, Slices
from pipeline.task import Array, Rows

FEWEST_ROWS = 20
"""Rows from which a slice is tested, with as many outside of it. Set by us: with fewer even twice the usual errors cannot be told."""
MOST_WORDS = 40
MOST_SHOWN = 8
MOST_VALUES = 30
"""Different values of a column that become slices."""
SURE = 0.05
CLEAR_SHARE = 0.12
"""Share of a text's words that mark a language from which it is taken for that language."""
FEWEST_WORDS = 4
WORD = re.compile(r"\w+")
Named = tuple[str, str, Array]
"""Kind and name of a slice, and which rows it holds."""


@dataclass(frozen=True)
class Sliceable:
    """Rows with what they can be told apart by.

    Attributes:
        rows: With the truth.
        kinds: For each row what its truth is counted as.
        columns: Further columns of the data, one value a row.
        languages: Words that mark each language.
        words: Whether rows are told apart by the words that they hold.
    """

    rows: Rows
    kinds: Sequence[frozenset[str]]
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    languages: Mapping[str, Sequence[str]] = field(default_factory=dict)
    words: bool = True


def find_slices(given: Sliceable, errors: Array, *, are_sizes: bool, seed: int) -> Slices:
    """Test every slice with rows enough against the rest, and correct for how many were tested.

    Shares of wrong rows are compared by Fisher's exact test, sizes of errors by Mann and Whitney's; both ask whether the slice is
    worse.

    Args:
        given: The rows.
        errors: For each row 1 where it is answered wrong, or the size of its error; (rows,).
        are_sizes: Whether errors have sizes.
        seed: Of the bootstrap.

    Source: Holm (1979), https://www.jstor.org/stable/4615733
    """
    tested = [each for each in _slices(given) if FEWEST_ROWS <= each[2].sum() <= len(errors) - FEWEST_ROWS]
    p_values = [_p(errors, inside, are_sizes=are_sizes) for _, _, inside in tested]
    corrected = holm(p_values)
    order = sorted(range(len(tested)), key=lambda place: (corrected[place], p_values[place]))[:MOST_SHOWN]
    worst = [
        Slice(
            kind=tested[place][0],
            name=tested[place][1],
            rows=int(tested[place][2].sum()),
            error=_error(errors[tested[place][2]], seed, are_sizes=are_sizes),
            rest=float(errors[~tested[place][2]].mean()),
            p=p_values[place],
            p_holm=corrected[place],
        )
        for place in order
    ]
    return Slices(
        tested=len(tested),
        fewest_rows=FEWEST_ROWS,
        measure="mean absolute error" if are_sizes else "share of rows answered wrong",
        worst=worst,
        because=_because(worst, len(tested)),
    )


def _because(worst: Sequence[Slice], tested: int) -> str:
    sure = [each for each in worst if each.p_holm < SURE]
    if not tested:
        return f"No slice has {FEWEST_ROWS} rows, so none was tested."
    if not sure:
        return f"No slice is worse beyond chance: {tested} were tested, corrected for their number."
    many = "One slice is" if len(sure) == 1 else f"{len(sure)} slices are"
    return f"{many} worse beyond chance, of {tested} that were tested, corrected for their number."


def _p(errors: Array, inside: Array, *, are_sizes: bool) -> float:
    if are_sizes:
        return float(stats.mannwhitneyu(errors[inside], errors[~inside], alternative="greater").pvalue)
    wrong = errors > 0
    table = [[int((wrong & side).sum()), int((~wrong & side).sum())] for side in (inside, ~inside)]
    return float(stats.fisher_exact(table, alternative="greater").pvalue)


def _error(errors: Array, seed: int, *, are_sizes: bool) -> Interval:
    if not are_sizes:
        return wilson(int((errors > 0).sum()), len(errors))
    return score_interval(MAE, [np.stack([errors**2, errors, np.ones_like(errors)], axis=1)], seed)


def _slices(given: Sliceable) -> Iterator[Named]:
    texts = [as_one_text(each) for each in given.rows.inputs]
    yield from _by_length(texts)
    for kind in sorted({kind for kinds in given.kinds for kind in kinds}):
        yield "truth", kind, np.array([kind in kinds for kinds in given.kinds])
    yield from _by_value("writing", [_writing(text) for text in texts])
    yield from _by_value("language", [_language(text, given.languages) for text in texts])
    for name, values in given.columns.items():
        yield from _by_value(name, values)
    if given.words:
        yield from _by_word(texts)


def _by_length(texts: Sequence[str]) -> Iterator[Named]:
    lengths = np.array([len(text.split()) for text in texts])
    if not len(lengths):
        return
    edges = np.unique(np.quantile(lengths, [0.25, 0.5, 0.75]).round().astype(int))
    place = np.searchsorted(edges, lengths, side="left")
    for part in range(len(edges) + 1):
        inside = place == part
        if inside.any():
            yield "length", f"{lengths[inside].min()} to {lengths[inside].max()} words", inside


def _by_value(kind: str, values: Sequence[str]) -> Iterator[Named]:
    common = [value for value, _ in Counter(values).most_common(MOST_VALUES) if value]
    for value in common if len(common) > 1 else []:
        yield kind, value, np.array([each == value for each in values])


def _by_word(texts: Sequence[str]) -> Iterator[Named]:
    """The commonest words that fewer than half of the rows hold."""
    held = [set(WORD.findall(text.lower())) for text in texts]
    counts = Counter(word for words in held for word in words)
    common = [word for word, count in counts.most_common() if FEWEST_ROWS <= count <= len(texts) / 2]
    for word in common[:MOST_WORDS]:
        yield "word", word, np.array([word in words for words in held])


def _writing(text: str) -> str:
    letters = Counter(
        unicodedata.name(letter, "unknown").split()[0].lower() for letter in text[:500] if letter.isalpha()
    )
    return letters.most_common(1)[0][0] if letters else ""


def _language(text: str, languages: Mapping[str, Sequence[str]]) -> str:
    """The language whose marking words are commonest in a text; empty where they are few."""
    words = WORD.findall(text.lower())
    if len(words) < FEWEST_WORDS or not languages:
        return ""
    shares = {code: sum(word in marks for word in words) / len(words) for code, marks in languages.items()}
    best = max(shares, key=lambda code: shares[code])
    return best if shares[best] >= CLEAR_SHARE else ""
