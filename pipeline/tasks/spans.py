"""Tags of words as spans: which words belong together under which scheme, what is wrong with tags, and the scores of both."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from pipeline.evaluation.metrics import ACCURACY, MACRO_F1, micro_f1, right_or_wrong, right_share, share
from pipeline.metric import Metric
from pipeline.task import Answer, Array

OUTSIDE = "O"
"""Tag of words that belong to no span."""
SCHEMES: Mapping[str, str] = {"BIO": "BI", "IOE": "IE", "BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES"}
"""Letters in front of the types, scheme by scheme; tags without such letters are the types themselves."""
_ROLES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
_PREFIXED = re.compile(r"([BIMELSU])-(.+)", re.DOTALL)


class Tag(NamedTuple):
    """What a tag says of its word: at the begin, inside or at the end of a span, alone (`S`) or outside; of which type."""

    role: str
    kind: str


class Span(NamedTuple):
    """Words that belong together: from `start` up to but without `end`."""

    start: int
    end: int
    kind: str


def parse(tag: str) -> Tag:
    """Role and type of a tag; one without a letter and a hyphen in front is inside a span of its own name."""
    if tag == OUTSIDE:
        return Tag(OUTSIDE, "")
    found = _PREFIXED.fullmatch(tag)
    return Tag(_ROLES[found[1]], found[2]) if found else Tag("I", tag)


def type_of(tag: str) -> str:
    """What a tag names: the type behind its letter, or the tag itself."""
    return parse(tag).kind or tag


def spans_of(tags: Iterable[str]) -> list[Span]:
    """The spans of a sentence as the CoNLL shared tasks count them, whatever the scheme and however broken.

    A span begins at B and S, at a new type, and at I or E behind an outside word, an E or an S; it ends where another
    begins, before an outside word, and behind E and S.

    Source: `conlleval` of CoNLL-2000, with S as in https://github.com/spyysalo/conlleval.py
    """
    found: list[Span] = []
    begun, before, place = 0, Tag(OUTSIDE, ""), 0
    for place, tag in enumerate([*tags, OUTSIDE]):
        here = parse(tag)
        new = here.role in "BS" or here.kind != before.kind or before.role in "ESO"
        if new and before.role != OUTSIDE:
            found.append(Span(begun, place, before.kind))
        if new:
            begun = place
        before = here
    return found


def begin_inside(words: int, spans: Iterable[Span]) -> tuple[str, ...]:
    """Tags of the scheme BIO for spans that do not overlap."""
    tags = [OUTSIDE] * words
    for start, end, kind in spans:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tuple(tags)


def letters_of(tags: Iterable[str]) -> dict[str, set[str]]:
    """For each letter in front of a type the types that it stands in front of."""
    found: dict[str, set[str]] = {}
    for tag in tags:
        if tag != OUTSIDE and (parts := _PREFIXED.fullmatch(tag)):
            found.setdefault(parts[1], set()).add(parts[2])
    return found


def _goes_on(one: Tag, other: Tag, before: str, behind: str) -> bool:
    return one.role in before and other.role in behind and one.kind == other.kind


_LEGAL: Mapping[str, Callable[[Tag, Tag], bool]] = {
    "IOB2": lambda one, other: other.role != "I" or _goes_on(one, other, "BI", "I"),
    "IOB1": lambda one, other: other.role != "B" or _goes_on(one, other, "BI", "B"),
    "IOE2": lambda one, other: one.role != "I" or _goes_on(one, other, "I", "IE"),
    "IOE1": lambda one, other: one.role != "E" or _goes_on(one, other, "E", "IE"),
    "BIOES": lambda one, other: (
        (one.role in "BI") == (other.role in "IE") and (one.role not in "BI" or one.kind == other.kind)
    ),
}
"""For each scheme whether a tag may stand behind another."""
_STRICT = {"BIO": ("IOB2", "IOB1"), "IOE": ("IOE2", "IOE1")}


def illegal_places(sentences: Sequence[Sequence[str]]) -> dict[int, int]:
    """For each sentence with a tag that may not stand where it does, the place of the first; by the scheme that fits best.

    `I-X` may open a span in IOB1 but not in IOB2, which use the same letters, so the scheme that fewer sentences break is taken.
    """
    letters = "".join(letters_of({tag for tags in sentences for tag in tags}))
    scheme = next((name for name, known in SCHEMES.items() if letters and set(letters) <= set(known)), None)
    if scheme is None:
        return {}
    broken = [_broken(sentences, _LEGAL[name]) for name in _STRICT.get(scheme, ("BIOES",))]
    return min(broken, key=len)


def _broken(sentences: Sequence[Sequence[str]], legal: Callable[[Tag, Tag], bool]) -> dict[int, int]:
    found = {}
    for row, tags in enumerate(sentences):
        parsed = [parse(tag) for tag in [OUTSIDE, *tags, OUTSIDE]]
        place = next((place for place, pair in enumerate(pairwise(parsed)) if not legal(*pair)), None)
        if place is not None:
            found[row] = min(place, len(tags) - 1)
    return found


def _span_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """Spans of each sentence that are right in type and both borders, that were answered, and that are true; (rows, 3)."""
    del classes
    found = np.zeros((len(truth), 3))
    for row, (expected, given) in enumerate(zip(truth, answers, strict=True)):
        true, answered = set(spans_of(as_tags(expected))), set(spans_of(as_tags(given)))
        found[row] = len(true & answered), len(answered), len(true)
    return found


def same_spans(truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
    """Whether the spans of each sentence are the true ones, however they are tagged; (rows,) booleans."""
    pairs = zip(truth, answers, strict=True)
    return np.array([spans_of(as_tags(expected)) == spans_of(as_tags(given)) for expected, given in pairs], dtype=bool)


def _word_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """Words of each sentence whose tag is right, and all words; (rows, 2)."""
    del classes
    pairs = [(as_tags(expected), as_tags(given)) for expected, given in zip(truth, answers, strict=True)]
    found = [(sum(one == other for one, other in zip(*pair, strict=True)), len(pair[0])) for pair in pairs]
    return np.array(found, dtype=float).reshape(-1, 2)


def as_tags(answer: Answer) -> tuple[str, ...]:
    """An answer of this task, of which the type checker knows no more than that it is one."""
    assert isinstance(answer, tuple)
    return answer


def _precision(sums: Array) -> Array:
    return share(sums[..., 0], sums[..., 1])


def _recall(sums: Array) -> Array:
    return share(sums[..., 0], sums[..., 2])


def _kind_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """Spans of each type that are right, true and answered in each sentence; (rows, 3 × types)."""
    kinds = {kind: place for place, kind in enumerate(sorted({parse(tag).kind for tag in classes} - {""}))}
    found = np.zeros((3, len(truth), len(kinds)))
    for row, (expected, given) in enumerate(zip(truth, answers, strict=True)):
        true, answered = set(spans_of(as_tags(expected))), set(spans_of(as_tags(given)))
        for part, spans in enumerate((true & answered, true, answered)):
            for span in spans:
                found[part, row, kinds[span.kind]] += 1
    return np.concatenate(found, axis=1)


def _tag_statistics(truth: Sequence[Answer], answers: Sequence[Answer], classes: Sequence[str]) -> Array:
    """How often each tag is hit, true and answered in each sentence; (rows, 3 × classes)."""
    places = {tag: place for place, tag in enumerate(classes)}
    found = np.zeros((3, len(truth), len(classes)))
    for row, (expected, given) in enumerate(zip(truth, answers, strict=True)):
        for one, other in zip(as_tags(expected), as_tags(given), strict=True):
            found[0, row, places[one]] += one == other
            found[1, row, places[one]] += 1
            found[2, row, places[other]] += 1
    return np.concatenate(found, axis=1)


SPAN_F1 = Metric(
    name="span_f1",
    title="span F1",
    statistics=_span_statistics,
    reduce=micro_f1,
    right_or_wrong=same_spans,
)
"""F1 over all spans together, with statistics for each sentence: words of one sentence are no independent draws."""
WORD_ACCURACY = Metric(
    name="accuracy",
    title="accuracy over words",
    statistics=_word_statistics,
    reduce=right_share,
    right_or_wrong=right_or_wrong,
)
SPAN_PRECISION = Metric(
    name="span_precision",
    title="span precision",
    statistics=_span_statistics,
    reduce=_precision,
    right_or_wrong=same_spans,
)
SPAN_RECALL = Metric(
    name="span_recall", title="span recall", statistics=_span_statistics, reduce=_recall, right_or_wrong=same_spans
)
TYPE_F1 = replace(
    MACRO_F1, name="macro_f1", title="macro F1 over types", statistics=_kind_statistics, right_or_wrong=same_spans
)
TAG_F1 = replace(MACRO_F1, title="macro F1 over tags", statistics=_tag_statistics)
WHOLE_SENTENCES = replace(ACCURACY, name="whole_sentences", title="sentences without a mistake")
