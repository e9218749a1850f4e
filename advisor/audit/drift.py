"""How a given file differs from the training file: in its texts, its answers and its lengths.

Nothing is fitted on sealed rows: the texts of a test file are compared by the words that are new in it, those of a validation
file by a classifier that tries to tell the two files apart.
"""

import functools
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

from advisor.audit.copies import FILES
from advisor.audit.material import Found, Material
from pipeline.data.splitting import Side, folds
from pipeline.evaluation.intervals import area_under_curve
from pipeline.preparation import as_one_text
from pipeline.task import Array

MOST_ROWS = 2_000
"""Rows of each file that are compared."""
FEWEST_ROWS = 50
"""Rows of each file from which a comparison says anything."""
FOLDS = 5
SURE = 0.001
"""p value under which a difference is no accident; several are looked for."""


def find_drift(material: Material) -> list[Found]:
    """What differs between the training file and each other file that was given."""
    training = _positions(material, None)
    found = []
    for side in ("validation", "test"):
        other = _positions(material, side)
        if min(len(training), len(other)) < FEWEST_ROWS:
            continue
        values = {"later": FILES[side]}
        found += [_labels(material, training, other, values), _lengths(material, training, other, values)]
        found.append(
            _new_words(material, training, other, values)
            if side == "test"
            else _texts(material, training, other, values)
        )
    return [each for each in found if each is not None]


def _positions(material: Material, side: Side | None) -> list[int]:
    """Rows of one file without copies of each other, at most so many."""
    data = material.data
    first: dict[str, int] = {}
    for position, given in enumerate(data.given):
        if given == side:
            first.setdefault(data.groups.keys[position], position)
    kept = list(first.values())
    drawn = np.random.default_rng(material.answers.seed).permutation(len(kept))[:MOST_ROWS]
    return [kept[place] for place in sorted(drawn)]


def _labels(material: Material, one: Sequence[int], other: Sequence[int], values: dict[str, str]) -> Found | None:
    """Kinds of answer that are commoner in one file, by total variation: the share of rows that would need another."""
    data, kinds = material.data, material.task.kinds
    counts = [
        Counter(kind for position in rows for kind in sorted(kinds(data.rows.answers[position])))
        for rows in (one, other)
    ]
    names = sorted(set(counts[0]) | set(counts[1]))
    if len(names) < 2:
        return None
    table = np.array([[count[name] for name in names] for count in counts], dtype=float)
    if not table.sum(axis=1).all() or chi2_contingency(table).pvalue >= SURE:
        return None
    shares = table / table.sum(axis=1, keepdims=True)
    gaps = shares[1] - shares[0]
    most = int(np.abs(gaps).argmax())
    moved = (
        f"'{names[most]}' is {100 * shares[0, most]:.0f} % of the answers there and {100 * shares[1, most]:.0f} % here"
    )
    return Found(
        "label_shift", round(float(np.abs(gaps).sum()) / 2 * len(other)), len(other), values={**values, "most": moved}
    )


def _lengths(material: Material, one: Sequence[int], other: Sequence[int], values: dict[str, str]) -> Found | None:
    lengths = [[len(_text(material, position).split()) for position in rows] for rows in (one, other)]
    found = ks_2samp(*lengths)
    if found.pvalue >= SURE:
        return None
    medians = [f"{np.median(each):.0f}" for each in lengths]
    slots = {**values, "typical": medians[0], "typical_later": medians[1]}
    return Found("length_shift", round(float(found.statistic) * len(other)), len(other), values=slots)


def _texts(material: Material, one: Sequence[int], other: Sequence[int], values: dict[str, str]) -> Found | None:
    """A classifier two-sample test: whether held-out rows can be told to be of the other file."""
    positions = [*one, *other]
    truth = np.repeat([0, 1], [len(one), len(other)])
    keys = [material.data.groups.keys[position] for position in positions]
    scores = _told_apart([_text(material, position) for position in positions], truth, keys, material.answers.seed)
    area = area_under_curve(scores[truth == 1], scores[truth == 0])
    if area.low <= material.rules.audit.numbers["drift_area"].value:
        return None
    apart = float(ks_2samp(scores[truth == 1], scores[truth == 0]).statistic)
    slots = {**values, "area": f"{area.point:.2f} ({area.low:.2f} to {area.high:.2f})"}
    return Found("text_drift", round(apart * len(other)), len(other), values=slots)


def _told_apart(texts: Sequence[str], truth: Array, keys: Sequence[str], seed: int) -> Array:
    """For each row how much it looks like the other file to a linear model of its words that did not see it; (rows,)."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    scores = np.zeros(len(texts))
    for held_out in folds(keys, [str(each) for each in truth], FOLDS, seed):
        rest = np.setdiff1d(np.arange(len(texts)), held_out)
        model = make_pipeline(
            TfidfVectorizer(min_df=2, sublinear_tf=True, token_pattern=r"(?u)\w+|[^\w\s]"),
            LogisticRegression(class_weight="balanced", max_iter=1000),
        )
        model.fit([texts[row] for row in rest], truth[rest])
        scores[held_out] = model.decision_function([texts[row] for row in held_out])
    return scores


def _new_words(material: Material, one: Sequence[int], other: Sequence[int], values: dict[str, str]) -> Found | None:
    """Words of the other file that the training file lacks, against those of training rows that are kept aside."""
    drawn = np.random.default_rng(material.answers.seed).permutation(len(one))
    aside, known = np.array_split(drawn, [min(len(other), len(one) // 2)])
    words = functools.partial(_words, material)
    vocabulary = set().union(*(words(one[place]) for place in known))
    here = _shares_of_new([words(position) for position in other], vocabulary)
    there = _shares_of_new([words(one[place]) for place in aside], vocabulary)
    if not len(here) or not len(there):
        return None
    gap = float(here.mean() - there.mean())
    error = float(np.hypot(here.std() / np.sqrt(len(here)), there.std() / np.sqrt(len(there))))
    if gap - 3.29 * error <= material.rules.audit.numbers["new_words"].value:  # the two-sided bound of SURE
        return None
    slots = {**values, "here": f"{100 * here.mean():.0f} %", "there": f"{100 * there.mean():.0f} %"}
    return Found("new_words", round(gap * len(other)), len(other), values=slots)


def _shares_of_new(rows: Sequence[set[str]], known: set[str]) -> Array:
    return np.array([len(words - known) / len(words) for words in rows if words])


def _words(material: Material, position: int) -> set[str]:
    return set(_text(material, position).casefold().split())


def _text(material: Material, position: int) -> str:
    return as_one_text(material.data.rows.inputs[position])
