"""How many answers are wrong, and which: told from rows where a model that did not see them is sure of another answer.

A hard row and a mislabelled one look alike where the model is unsure. They come apart where it is sure: there hard rows become ever
rarer, wrong labels do not. The share of contradicted labels is therefore fitted as a floor, the rate of wrong labels, above a curve
that falls with the model's sureness and stands for difficulty, as psychophysics fits lapses of attention.

Source: Wichmann & Hill (2001), https://doi.org/10.3758/BF03194544, for the floor; Northcutt et al. (2021),
https://arxiv.org/abs/1911.00068, for out-of-fold probabilities. That wrong labels are spread evenly is an assumption: mistakes that
people make where texts are hard stay hidden under the difficulty.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from scipy.stats import chi2

from advisor.audit.counts import usable_positions
from pipeline.data.dataset import Dataset
from pipeline.data.splitting import folds
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import mark_labels
from pipeline.predictors.linear import Kind, Linear, OneLabel, Readout, fit_logistic, fit_standardised
from pipeline.predictors.probe import embed
from pipeline.preparation import as_one_text
from pipeline.records import Interval
from pipeline.task import Answer, Array, Predictions, Rows, Task
from pipeline.tasks.scores import Number
from pipeline.tasks.several_labels import SeveralLabels

MOST_ROWS = 4_000
"""Rows that are held out in turn, as many as the advisor measures on."""
MOST_ROWS_WITHOUT_MODEL = 2_000
"""The same where words are counted, which takes ten times as long as frozen features."""
FEWEST_ROWS = 200
"""Rows below which wrong labels cannot be told from chance."""
NORMAL_MAD = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation."""
MOST_FOLDS = 5
SEED = 0
POOLING = "layer_mean"
"""Features say most where all layers are averaged. Measured with 256 rows: TREC .75 against .69 with the last layer, SST-2 .74, .62."""
GROUPS = 150
"""Rows of like sureness that are counted together when the floor is fitted."""
RATES = np.concatenate([np.arange(0, 0.05, 0.0025), np.arange(0.05, 0.3, 0.01), np.arange(0.3, 0.61, 0.03)]).round(4)
"""Rates whose likelihood is compared."""
LEVEL = 0.95
CAREFUL = 0.5
"""How much less likely (in logarithms) than the best the rate may be by which rows are suspected: one standard error, on the side of
difficulty. Where not even the interval rules out that all labels are right, no row is suspected."""


class PlainLabel(OneLabel):
    """One label a row, by logistic regression in which rows weigh alike, so that its probabilities are those of the rows.

    Measured with 10 % of the labels changed: against classes that weigh alike, wrong labels are ranked better (emotion .90 against
    .86 AUROC, TREC .98 against .97), and clean rows of emotion are said to be 0.7 % wrong instead of 6 %.
    """

    def fit(self, features: Any, answers: Sequence[Answer], classes: Sequence[str], kind: Kind, seed: int) -> Linear:
        """Fit; a class without rows is never answered."""
        return fit_logistic(features, [str(answer) for answer in answers], classes, self.strengths[kind], seed, None)


@dataclass(frozen=True)
class Noise:
    """What held-out answers say of the labels.

    Attributes:
        positions: Rows that were looked at.
        doubt: For each the probability that its answer is wrong, where the model says another; for scores how many robust standard
            deviations the answer lies away. (rows,)
        credit: How much the model believes the answer: its probability, or minus the deviations. (rows,)
        likelier: What the model says instead.
        rate: The share of rows whose answer is wrong; None for scores.
        agreement: Share of the answers that the model gives too; for scores the share of their variance that it explains.
    """

    positions: list[int]
    doubt: Array
    credit: Array
    likelier: tuple[Answer, ...]
    rate: Interval | None
    agreement: float


def look_for_noise(data: Dataset, task: Task, embedder: Embedder | None, seed: int) -> Noise | None:
    """Hold every row out once and compare; None where that is not possible."""
    positions = draw_positions(data, task, seed, MOST_ROWS if embedder is not None else MOST_ROWS_WITHOUT_MODEL)
    rows = data.rows.take(positions)
    strata = task.strata(rows)
    if not _is_possible(rows, strata, embedder):
        return None
    groups = [data.groups.keys[position] for position in positions]
    answer = rows.answers[0]
    if isinstance(answer, float):
        return _of_scores(positions, rows, hold_out(rows, groups, strata, Number(), embedder))
    if isinstance(answer, tuple):
        return _of_several(positions, rows, hold_out(rows, groups, strata, SeveralLabels(), embedder))
    return _of_labels(positions, rows, hold_out(rows, groups, strata, PlainLabel(), embedder))


def draw_positions(data: Dataset, task: Task, seed: int, most: int) -> list[int]:
    """At most so many usable rows: those that the advisor measures on, so that features are computed once."""
    usable = usable_positions(data, task)
    drawn = np.random.default_rng(seed).permutation(len(usable))[:most]
    return [usable[place] for place in sorted(drawn)]


def has_tags(rows: Rows) -> bool:
    """Whether every word has an answer of its own, so that no text has a label."""
    return any(isinstance(given, tuple) for given in rows.inputs[:1]) and isinstance(rows.answers[0], tuple)


def _is_possible(rows: Rows, strata: Sequence[str], embedder: Embedder | None) -> bool:
    """Whether there are rows enough, of one answer each, and texts that can be read: pairs need a model."""
    pairs = any(isinstance(given, tuple) for given in rows.inputs[:1])
    several = sum(count > 1 for count in Counter(strata).values())
    return len(rows) >= FEWEST_ROWS and several > 1 and not has_tags(rows) and (embedder is not None or not pairs)


def _of_labels(positions: list[int], rows: Rows, held_out: Predictions) -> Noise:
    assert held_out.scores is not None
    classes = sorted(set(map(str, rows.answers)))
    own = held_out.scores[np.arange(len(rows)), [classes.index(str(answer)) for answer in rows.answers]]
    contradicted = np.array([one != other for one, other in zip(rows.answers, held_out.answers, strict=True)])
    floor = fit_floor(sureness_of(held_out.scores), contradicted)
    return Noise(positions, floor.doubt, own, held_out.answers, floor.rate, 1 - float(contradicted.mean()))


def _of_several(positions: list[int], rows: Rows, held_out: Predictions) -> Noise:
    """Labels that are there and those that are not, each with a floor of its own: far more rows lack a label than have it.

    A label in place of another is missing on one side and too many on the other, so that the larger of both is the rate.
    """
    assert held_out.scores is not None
    classes = sorted({label for answer in rows.answers for label in _labels(answer)})
    truth = mark_labels(rows.answers, classes)
    said = held_out.scores >= 0.5
    sureness, contradicted = sureness_of_each(held_out.scores), said != truth
    doubt = np.zeros(truth.shape)
    wrong = np.zeros(3)
    for side in (True, False):
        here = said == side
        if here.sum() >= FEWEST_ROWS:
            floor = fit_floor(sureness[here], contradicted[here])
            doubt[here] = floor.doubt
            here_wrong = np.array([floor.rate.point, floor.rate.low, floor.rate.high]) * here.sum() / len(rows)
            wrong = np.maximum(wrong, here_wrong)
    point, low, high = np.minimum(wrong, 1.0).tolist()
    credit = np.where(truth, held_out.scores, 1 - held_out.scores).min(axis=1)
    likelier = tuple(tuple(label for label, given in zip(classes, row, strict=True) if given) for row in said)
    agreement = 1 - float(contradicted.any(axis=1).mean())
    rate = Interval(point=point, low=low, high=high, level=LEVEL)
    return Noise(positions, doubt.max(axis=1), credit, likelier, rate, agreement)


def _of_scores(positions: list[int], rows: Rows, held_out: Predictions) -> Noise:
    truth, said = np.array(rows.answers, dtype=float), np.array(held_out.answers, dtype=float)
    apart = truth - said
    middle = float(np.median(apart))
    spread = max(float(np.median(np.abs(apart - middle))) * NORMAL_MAD, 1e-12)
    deviations = np.abs(apart - middle) / spread
    explained = 1 - float(apart.var() / max(truth.var(), 1e-12))
    return Noise(positions, deviations, -deviations, held_out.answers, None, explained)


@dataclass(frozen=True)
class Floor:
    """How often sure answers are contradicted.

    Attributes:
        rate: The share of wrong labels, with its interval.
        doubt: For each row the probability that its label is wrong, given that the model contradicts it; (rows,).
    """

    rate: Interval
    doubt: Array


def hold_out(
    rows: Rows, groups: Sequence[str], strata: Sequence[str], readout: Readout, embedder: Embedder | None
) -> Predictions:
    """Answers for every row by a linear model that saw neither it nor a near copy of it.

    Args:
        rows: Labelled rows.
        groups: Key of each row's group of near copies.
        strata: What folds are balanced by.
        readout: How answers are learned.
        embedder: Frozen features; without it words and pairs of words are counted.
    """
    classes = sorted({label for answer in rows.answers for label in _labels(answer)})
    features = embed(embedder, rows.inputs, POOLING) if embedder is not None else _count_words(rows)
    answers: dict[int, Answer] = {}
    scores: dict[int, Array] = {}
    for held_out in folds(groups, strata, MOST_FOLDS, SEED):
        seen = np.setdiff1d(np.arange(len(rows)), held_out)
        given = [rows.answers[row] for row in seen]
        linear = (
            fit_standardised(readout, features[seen], given, classes, SEED)
            if embedder is not None
            else readout.fit(features[seen], given, classes, "tfidf", SEED)
        )
        ids = [rows.ids[row] for row in held_out]
        found = readout.decode(ids, linear(features[held_out]), classes, linear.thresholds)
        answers.update(zip(held_out.tolist(), found.answers, strict=True))
        if found.scores is not None:
            scores.update(zip(held_out.tolist(), found.scores, strict=True))
    every = range(len(rows))
    together = np.stack([scores[row] for row in every]) if scores else None
    return Predictions(rows.ids, tuple(answers[row] for row in every), together)


def _count_words(rows: Rows) -> Any:
    """Words and pairs of words, weighed by how rare they are; sparse (rows, terms). No answer is looked at."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"(?u)\w+|[^\w\s]")
    return vectorizer.fit_transform([as_one_text(given) for given in rows.inputs])


def _labels(answer: Answer) -> tuple[str, ...]:
    if isinstance(answer, float):
        return ()
    return answer if isinstance(answer, tuple) else (answer,)


def fit_floor(sureness: Array, contradicted: Array) -> Floor:
    """Fit P(contradicted) = rate + (1 - rate) · expit(-(slope · sureness + offset)).

    Args:
        sureness: How far the model's first answer lies above its second, as a difference of logarithms; (rows,).
        contradicted: Whether the row's label is another one; (rows,).
    """
    order = np.array_split(np.argsort(sureness), min(GROUPS, len(sureness)))
    scale = max(float(sureness.std()), 1e-9)
    middles = np.array([sureness[group].mean() for group in order]) / scale
    hits = np.array([contradicted[group].sum() for group in order], dtype=float)
    counts = np.array([len(group) for group in order], dtype=float)

    def loss(curve: Array, rate: float) -> float:
        share = np.clip(rate + (1 - rate) * _hard(middles, curve), 1e-9, 1 - 1e-9)
        return -float((hits * np.log(share) + (counts - hits) * np.log(1 - share)).sum())

    losses, curves = [], []
    curve = np.zeros(2)
    for rate in RATES:
        found = minimize(loss, curve, args=(float(rate),), method="BFGS")
        curve = found.x
        losses.append(float(found.fun))
        curves.append(curve)
    best = int(np.argmin(losses))
    allowed = np.flatnonzero(np.array(losses) <= losses[best] + chi2.ppf(LEVEL, 1) / 2)
    low, high = RATES[max(allowed[0] - 1, 0)], RATES[min(allowed[-1] + 1, len(RATES) - 1)]  # the border lies in between
    careful = int(np.flatnonzero(np.array(losses) <= losses[best] + CAREFUL)[0]) if low > 0 else 0
    rate, hard = float(RATES[careful]), _hard(sureness / scale, curves[careful])
    doubt = np.where(contradicted, rate / np.maximum(rate + (1 - rate) * hard, 1e-12), 0.0)
    return Floor(Interval(point=float(RATES[best]), low=float(low), high=float(high), level=LEVEL), doubt)


def _hard(sureness: Array, curve: Array) -> Array:
    """How often a label that is right is contradicted because the row is hard."""
    return np.asarray(expit(-(np.exp(np.clip(curve[0], -10, 10)) * sureness + curve[1])))


def sureness_of(scores: Array) -> Array:
    """How far the first of the probabilities (rows, classes) lies above the second, as a difference of logarithms; (rows,)."""
    ordered = np.sort(np.log(np.clip(scores, 1e-12, 1.0)), axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def sureness_of_each(scores: Array) -> Array:
    """How far each probability lies from one half, as log odds; the shape of `scores`."""
    return np.asarray(np.abs(logit(np.clip(scores, 1e-9, 1 - 1e-9))))
