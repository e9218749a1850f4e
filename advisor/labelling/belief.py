"""What is thought of rows that nobody has labelled yet: the likely answer, how unsure it is, and why."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from advisor.labelling.ranking import Belief
from advisor.run_folder import RunFolder
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.task import Array, Predict, Predictions, RivalSetting, Rows, Task

Asked = Literal["label", "labels", "number", "spans"]
SAME = 1e-9
"""Probabilities that lie nearer to each other tell no row from another."""
COMMITTEE = 4
"""Probes on resampled rows whose disagreement tells how unsure a number is."""
CLOSE = 0.8
"""Difference of the two likeliest labels above which nobody would call the answer unsure."""


def fine_tuned_of(folder: RunFolder) -> Predict | None:
    """The run's fine-tuned model, if it has one."""
    model = folder.path / "model"
    if folder.has("result.json") and (model / "config.json").is_file():
        return load_fine_tuned(model)
    return None


def believe(
    asked: Asked, task: Task, found: Predictions, classes: Sequence[str], counts: Mapping[str, int]
) -> Belief | None:
    """What answers with confidences say of rows; None where they tell nothing apart, as a majority guess does not."""
    if found.confidence is None and found.scores is None:
        return None
    likely = [
        min(task.kinds(answer), key=lambda kind: (counts.get(kind, 0), kind), default="") for answer in found.answers
    ]
    if asked == "label" and found.scores is not None:
        return _of_one_label(found, classes, likely)
    if asked == "labels" and found.scores is not None:
        return _of_several_labels(found, classes)
    if found.confidence is None or np.ptp(found.confidence) < SAME:
        return None
    because = ["unsure of its spans" if asked == "spans" else "unsure"] * len(found.answers)
    return Belief(found.answers, _ranks(1 - found.confidence), because, likely, None, classes)


def _of_several_labels(found: Predictions, classes: Sequence[str]) -> Belief | None:
    """Unsure where many labels are near one half: the mean over the labels of how near. It would add to the likeliest."""
    assert found.scores is not None
    scores = found.scores
    if np.ptp(scores, axis=0).max(initial=0.0) < SAME:
        return None
    near = 4 * scores * (1 - scores)
    likely = [classes[place] for place in scores.argmax(axis=1)]
    because = [f"unsure whether '{classes[place]}' holds" for place in near.argmax(axis=1)]
    return Belief(found.answers, _ranks(near.mean(axis=1)), because, likely, scores, classes)


def _of_one_label(found: Predictions, classes: Sequence[str], likely: list[str]) -> Belief | None:
    assert found.scores is not None
    scores = found.scores
    if scores.shape[1] < 2 or np.ptp(scores, axis=0).max(initial=0.0) < SAME:
        return None
    order = np.argsort(-scores, axis=1)
    first, second = (np.take_along_axis(scores, order[:, [place]], axis=1)[:, 0] for place in (0, 1))
    because = [
        f"unsure between '{classes[one]}' and '{classes[other]}'" if apart < CLOSE else ""
        for one, other, apart in zip(order[:, 0], order[:, 1], first - second, strict=True)
    ]
    return Belief(found.answers, 1 - (first - second), because, likely, scores, classes)


def believe_probe(asked: Asked, task: Task, setting: RivalSetting, known: Rows, rows: Rows, seed: int) -> Belief:
    """What a probe on labelled rows says of others; of numbers, what several on resampled rows say."""
    fit = task.fit_rival("probe", setting)
    found = fit(known, seed)(rows)
    counts = Counter(kind for answer in known.answers for kind in task.kinds(answer))
    belief = believe(asked, task, found, setting.classes, counts)
    if belief is not None:
        return belief
    if asked != "number":  # all rows have one answer so far
        nothing = [""] * len(rows)
        return Belief(found.answers, np.zeros(len(rows)), nothing, nothing, None, ())
    generator = np.random.default_rng(seed)
    members = [
        np.array(fit(known.take(generator.integers(0, len(known), len(known))), seed)(rows).answers, dtype=float)
        for _ in range(COMMITTEE)
    ]
    low, high = np.min(members, axis=0), np.max(members, axis=0)
    because = [f"probes say {one:.3g} to {other:.3g}" for one, other in zip(low, high, strict=True)]
    return Belief(found.answers, _ranks(np.std(members, axis=0)), because, [""] * len(rows), None, ())


def know_nothing(rows: int) -> Belief:
    """No opinion on so many rows."""
    return Belief([None] * rows, np.zeros(rows), [""] * rows, [""] * rows)


def mix(one: Belief, other: Belief) -> Belief:
    """The mean of two beliefs about the same rows where both know the same classes, else the second."""
    if one.scores is None or other.scores is None or list(one.classes) != list(other.classes):
        return other
    scores = (one.scores + other.scores) / 2
    if any(isinstance(answer, tuple) for answer in other.suggested):
        return replace(other, scores=scores, unsure=(one.unsure + other.unsure) / 2)
    answers = tuple(one.classes[place] for place in scores.argmax(axis=1))
    found = _of_one_label(Predictions((), answers, scores, scores.max(axis=1)), one.classes, list(answers))
    return found if found is not None else other


def _ranks(values: Array) -> Array:
    """Where each value stands among the others, 0 to 1."""
    return np.asarray(values).argsort().argsort() / max(len(values) - 1, 1)
