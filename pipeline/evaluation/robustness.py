"""Small changes of the sealed rows that leave the truth as it is, and what they do to the score."""

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.comparison import compare, holm
from pipeline.metric import Metric
from pipeline.results import Disturbance, Robustness
from pipeline.task import Input, Predict, Predictions, Rows

MOST_ROWS = 300
"""Rows that are changed: a seeded sample, so that looking costs seconds."""
TYPO_SHARE = 0.1
"""Part of the longer words that get a slip."""
FEWEST_LETTERS = 4
MARKS = re.compile(r"[.,;:!?…\"'“”„‘’()\[\]]+")
SHORT_FORMS = (
    ("can't", "cannot"),
    ("won't", "will not"),
    ("n't", " not"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("i'm", "I am"),
    ("it's", "it is"),
    ("that's", "that is"),
    ("what's", "what is"),
    ("there's", "there is"),
)
LONG_FORMS = tuple((long, short) for short, long in SHORT_FORMS if not short.startswith(("'", "n'")))
FRAMES = ("As I said, {text}", "To be clear: {text}", "{text} That is all.", "Well, {text}")
"""Sentences around a text that add nothing to it."""
WHAT = {
    "typos": f"a slip in about {TYPO_SHARE:.0%} of the words of {FEWEST_LETTERS} letters and more, at least one a row",
    "case": "all small letters, or all capitals where there were no others",
    "punctuation": "marks taken out, or a full stop added where there were none",
    "paraphrase": "short forms written out or drawn together, else a phrase around the text that adds nothing",
}
Words = list[str]


@dataclass(frozen=True)
class Trial:
    """What is disturbed, and how it was answered as it is.

    Attributes:
        rows: Labelled rows.
        answers: Their answers.
        predict: The model.
        by_words: Whether an input is the words of a sentence, which have to stay as many.
        language: Of the texts; paraphrases are there for `en` only.
    """

    rows: Rows
    answers: Predictions
    predict: Predict
    by_words: bool
    language: str


def disturb(trial: Trial, metric: Metric, classes: Sequence[str], seed: int) -> Robustness:
    """Change a sample of rows in every way that there is, answer them again, and compare on the same rows."""
    begun = time.perf_counter()
    places = sorted(np.random.default_rng(seed).permutation(len(trial.rows))[:MOST_ROWS].tolist())
    rows, answers = trial.rows.take(places), _take(trial.answers, places)
    found = []
    for kind in _kinds(trial):
        changed = Rows(rows.ids, _changed(rows, kind, seed, by_words=trial.by_words), rows.answers)
        after = _answer_again(trial.predict, rows, changed, answers)
        drop = compare(metric, rows, answers, after, classes, seed, permute=True)
        scored = [metric.score(metric.statistics(rows.answers, each.answers, classes)) for each in (answers, after)]
        found.append(
            Disturbance(
                kind=kind,
                what=WHAT[kind],
                changed=sum(one != other for one, other in zip(rows.inputs, changed.inputs, strict=True)),
                before=scored[0],
                after=scored[1],
                drop=drop,
                p_holm=None,  # known once all are
            )
        )
    corrected = holm([each.drop.p if each.drop.p is not None else 1.0 for each in found])
    return Robustness(
        rows=len(rows),
        disturbances=[
            each.model_copy(update={"p_holm": p if each.drop.p is not None else None})
            for each, p in zip(found, corrected, strict=True)
        ],
        left_out=_left_out(trial),
        seconds=time.perf_counter() - begun,
    )


def _kinds(trial: Trial) -> list[str]:
    if trial.by_words:
        return ["typos", "case"]
    return ["typos", "case", "punctuation", *(["paraphrase"] if trial.language == "en" else [])]


def _left_out(trial: Trial) -> str:
    if trial.by_words:
        return "Punctuation and paraphrase were not tried: they would change how many words there are to tag."
    if trial.language != "en":
        return "Paraphrases were not tried: there are templates for English texts only."
    return ""


def _take(predictions: Predictions, places: Sequence[int]) -> Predictions:
    return Predictions(
        tuple(predictions.row_ids[place] for place in places), tuple(predictions.answers[place] for place in places)
    )


def _answer_again(predict: Predict, rows: Rows, changed: Rows, answers: Predictions) -> Predictions:
    """Answers to changed rows; a row that did not change keeps its own."""
    places = [place for place, given in enumerate(changed.inputs) if given != rows.inputs[place]]
    new = dict(zip(places, predict(changed.take(places)).answers, strict=True)) if places else {}
    return Predictions(rows.ids, tuple(new.get(place, old) for place, old in enumerate(answers.answers)))


def _changed(rows: Rows, kind: str, seed: int, *, by_words: bool) -> tuple[Input, ...]:
    """Each input changed in one way; what is drawn follows from the seed and the row's id."""
    found: list[Input] = []
    for row, given in zip(rows.ids, rows.inputs, strict=True):
        draw = random.Random(f"{seed}:{kind}:{row}")
        if by_words:
            found.append(tuple(WORDWISE[kind](list(given), draw)))
        elif isinstance(given, str):
            found.append(change_text(given, kind, draw))
        else:
            found.append(tuple(change_text(part, kind, draw) for part in given))
    return tuple(found)


def change_text(text: str, kind: str, draw: random.Random) -> str:
    """One text changed in one way."""
    if kind in WORDWISE:
        return " ".join(WORDWISE[kind](text.split(" "), draw))
    return _punctuation(text) if kind == "punctuation" else _paraphrase(text, draw)


def _typos(words: Words, draw: random.Random) -> Words:
    long = [place for place, word in enumerate(words) if len(word) >= FEWEST_LETTERS and word.isalpha()]
    slips = set(draw.sample(long, max(1, round(TYPO_SHARE * len(long))))) if long else set()
    return [_slip(word, draw) if place in slips else word for place, word in enumerate(words)]


def _slip(word: str, draw: random.Random) -> str:
    """Two inner letters swapped, one left out or one typed twice."""
    place = draw.randrange(1, len(word) - 2)
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return draw.choice([swapped, word[:place] + word[place + 1 :], word[:place] + word[place] + word[place:]])


def _case(words: Words, draw: random.Random) -> Words:
    del draw
    small = [word.lower() for word in words]
    return small if small != words else [word.upper() for word in words]


WORDWISE: dict[str, Callable[[Words, random.Random], Words]] = {"typos": _typos, "case": _case}


def _punctuation(text: str) -> str:
    bare = " ".join(MARKS.sub("", text).split())
    return (bare or text) if bare != " ".join(text.split()) else f"{text.rstrip()}."


def _paraphrase(text: str, draw: random.Random) -> str:
    for forms in (SHORT_FORMS, LONG_FORMS):
        new = text
        for one, other in forms:
            edge = "" if one.startswith(("'", "n'")) else r"\b"
            new = re.sub(rf"{edge}{re.escape(one)}\b", other, new, flags=re.IGNORECASE)
        if new != text:
            return new
    return draw.choice(FRAMES).replace("{text}", text)
