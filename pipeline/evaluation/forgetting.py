"""What a tuned encoder no longer says of texts that the pre-trained one did: the same probes on the features of both."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from pipeline.evaluation.comparison import difference_of, holm, mcnemar
from pipeline.evaluation.intervals import SURE
from pipeline.evaluation.metrics import ACCURACY
from pipeline.evaluation.probing import Probing, make_probing
from pipeline.records import ForgettingRule, Interval
from pipeline.results import Forgetting, ProbingScore
from pipeline.sentences import fill
from pipeline.task import Array

FOLDS = 5
STRENGTH = 0.01
"""scikit-learn's C of a probe on standardised features, as for the probe that is a rival."""
ITERATIONS = 200
CONSTANT = 1e-6
Verdict = Literal["kept", "lost", "lost_much"]
VERDICTS = ("kept", "lost", "lost_much")
"""From the best to the worst."""
Read = Callable[[Sequence[str]], Array]
"""Features of texts; (texts, features)."""


def measure_forgetting(
    texts: Sequence[str], before: Read, after: Read, rule: ForgettingRule, seed: int, others: Sequence[Probing] = ()
) -> Forgetting | None:
    """Probe the features of the pre-trained and of the tuned encoder for the same things, on a sample of texts.

    Args:
        texts: Training texts; no label is read.
        before: Reads with the pre-trained encoder.
        after: Reads with the tuned one.
        rule: How many texts, what is too much, and how to say it.
        seed: Of the sample and the folds.
        others: Labelled rows of other tasks.

    Returns:
        None where the texts allow no probe.
    """
    begun = time.perf_counter()
    draw = np.random.default_rng(seed)
    different = list(dict.fromkeys(texts))
    sample = [different[place] for place in np.sort(draw.permutation(len(different))[: rule.most_texts])]
    tasks, left_out = make_probing(sample, seed)
    if not tasks:
        return None
    asks: Mapping[str, str] = {str(name): what for name, what in rule.tasks.items()}
    scores = _probe_all([(task, asks[task.name]) for task in tasks], before, after, seed)
    labelled = _probe_all([(task, f"labels of {task.name}") for task in others], before, after, seed)
    retention, on_others = retention_of(scores), retention_of(labelled) if labelled else None
    similarity = linear_cka(before(sample), after(sample))
    verdict, because = judge_retention(retention, rule.sentences, rule.least_retention, similarity)
    others_verdict, others_because = verdict, ""
    if on_others is not None:
        others_verdict, others_because = judge_retention(on_others, rule.others, rule.least_retention)
    return Forgetting(
        texts=len(sample),
        scores=scores,
        others=labelled,
        others_retention=on_others,
        others_because=others_because,
        retention=retention,
        similarity=similarity,
        verdict=max(verdict, others_verdict, key=VERDICTS.index),
        because=because,
        left_out={rule.tasks[name]: why for name, why in left_out.items()},
        seconds=time.perf_counter() - begun,
    )


def _probe_all(tasks: Sequence[tuple[Probing, str]], before: Read, after: Read, seed: int) -> list[ProbingScore]:
    """Each task with what it asks; p values are corrected for all of them."""
    found = [probe_both(task, what, before(task.texts), after(task.texts), seed) for task, what in tasks]
    corrected = holm([score.difference.p or 0.0 for score in found])
    return [score.model_copy(update={"p_holm": p}) for score, p in zip(found, corrected, strict=True)]


def probe_both(task: Probing, what: str, before: Array, after: Array, seed: int) -> ProbingScore:
    """Cross-validated accuracy of a linear probe on both features, compared on the same texts."""
    folds = _folds(task.answers, seed)
    theirs, ours = (_right(features, task.answers, folds) for features in (before, after))
    one, other = (np.stack([right, np.ones(len(right))], axis=1) for right in (ours, theirs))
    return ProbingScore(
        name=task.name,
        what=what,
        texts=len(task.texts),
        guessing=max(Counter(task.answers).values()) / len(task.answers),
        before=float(theirs.mean()),
        after=float(ours.mean()),
        difference=difference_of(ACCURACY, one, other, mcnemar(ours > 0, theirs > 0)),
    )


def _folds(answers: Sequence[str], seed: int) -> Array:
    """For each text its fold, each answer spread over all; (texts,)."""
    places = np.random.default_rng(seed).permutation(len(answers))
    order = sorted(places, key=lambda place: answers[place])
    found = np.empty(len(answers), dtype=int)
    found[order] = np.arange(len(answers)) % FOLDS
    return found


def _right(features: Array, answers: Sequence[str], folds: Array) -> Array:
    """For each text 1 where a probe that was fitted on the other folds tells its answer, else 0; (texts,)."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    truth = np.array(answers)
    right = np.zeros(len(truth))
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):
        warnings.simplefilter("ignore")  # a solver that stops at its last iteration has converged well enough
        for fold in range(FOLDS):
            rest, held = folds != fold, folds == fold
            mean, deviation = features[rest].mean(axis=0), features[rest].std(axis=0)
            scaled = (features - mean) / np.where(deviation < CONSTANT, np.inf, deviation)
            probe = LogisticRegression(C=STRENGTH, max_iter=ITERATIONS, class_weight="balanced")
            probe.fit(scaled[rest], truth[rest])
            right[held] = probe.predict(scaled[held]) == truth[held]
    return right


def retention_of(scores: Sequence[ProbingScore]) -> Interval:
    """Mean accuracy after over mean accuracy before; errors simply add up, as they do where the tasks read the same texts."""
    before = float(np.mean([score.before for score in scores]))
    gain = float(np.mean([score.difference.point for score in scores])) / before
    error = float(np.mean([score.difference.standard_error or 0.0 for score in scores])) / before
    point = 1 + gain
    return Interval(point=point, low=point - SURE * error, high=point + SURE * error, standard_error=error)


def linear_cka(one: Array, other: Array) -> float:
    """How alike two sets of features of the same texts are: 1 up to turning and scaling, 0 where nothing is shared.

    Shapes: (texts, features) each.

    Source: centred kernel alignment, https://arxiv.org/abs/1905.00414
    """
    first, second = (features - features.mean(axis=0) for features in (one.astype(float), other.astype(float)))
    shared = np.linalg.norm(first.T @ second) ** 2
    own = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(shared / own) if own > 0 else 0.0


def judge_retention(
    retention: Interval, sentences: Mapping[Verdict, str], least: float, similarity: float | None = None
) -> tuple[Verdict, str]:
    """Whether so much was lost, outside noise, that something should be done; and in words.

    Args:
        retention: What is left.
        sentences: What each verdict says.
        least: Retention under which a sure loss is too much.
        similarity: Of all features before and after.

    Returns:
        `kept`, `lost` (surely something, but little) or `lost_much`.
    """
    surely = retention.high < 1
    verdict: Verdict = "kept" if not surely else "lost" if retention.point >= least else "lost_much"
    return verdict, fill(
        sentences[verdict],
        retention=f"{100 * retention.point:.0f} %",
        low=f"{100 * retention.low:.0f}",
        high=f"{100 * retention.high:.0f} %",
        least=f"{100 * least:.0f} %",
        similarity="" if similarity is None else f"{similarity:.2f}",
    )
