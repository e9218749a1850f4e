"""Tags as spans: what the CoNLL scorer counts, against published numbers and a count made in another way; odd sequences."""

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest

from pipeline.evaluation.intervals import score_interval
from pipeline.tasks.spans import SPAN_F1, WORD_ACCURACY, Span, begin_inside, illegal_places, parse, spans_of

PERSON = ("B-PER", "I-PER", "O")
TRUTH = [("O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"), PERSON]
ANSWERS = [("O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"), PERSON]


def test_scores_are_those_that_seqeval_publishes() -> None:
    """Source: README and docstrings of seqeval, which was checked against conlleval, https://github.com/chakki-works/seqeval."""
    assert SPAN_F1(TRUTH, ANSWERS, []) == 0.5
    assert WORD_ACCURACY(TRUTH, ANSWERS, []) == 0.8
    assert spans_of([*TRUTH[0], "B-PER", "I-PER"]) == [Span(3, 6, "MISC"), Span(7, 9, "PER")]
    assert spans_of([*PERSON, "B-LOC"]) == [Span(0, 2, "PER"), Span(3, 4, "LOC")]
    assert SPAN_F1([("B-NP", "I-NP", "O")], [("I-NP", "I-NP", "O")], []) == 1.0


def test_statistics_are_those_of_sentences() -> None:
    found = SPAN_F1.statistics(TRUTH, ANSWERS, [])
    np.testing.assert_array_equal(found, [[0, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(WORD_ACCURACY.statistics(TRUTH, ANSWERS, []), [[5, 7], [3, 3]])
    np.testing.assert_allclose(SPAN_F1.resample(found, np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 3.0]])), [0, 1, 0.75])
    assert not WORD_ACCURACY.is_proportion
    assert not SPAN_F1.is_proportion
    interval = score_interval(SPAN_F1, [np.repeat(found, 50, axis=0)], seed=0)
    assert interval.low < 0.5 < interval.high


def test_nothing_to_find_and_nothing_found_scores_nothing() -> None:
    assert SPAN_F1([("O", "O")], [("O", "O")], []) == 0.0
    assert SPAN_F1.statistics([], [], []).shape == (0, 3)
    assert WORD_ACCURACY.statistics([], [], []).shape == (0, 2)


STARTS = {
    ("B", "B"),
    ("I", "B"),
    ("O", "B"),
    ("O", "I"),
    ("E", "B"),
    ("S", "B"),
    ("E", "E"),
    ("E", "I"),
    ("O", "E"),
    ("S", "E"),
    ("S", "I"),
}
"""Roles of the tag before and of the tag at which `conlleval` lets a span of the same type begin; S begins one anywhere."""


def counted_otherwise(tags: Sequence[str]) -> set[Span]:
    """Tries every pair of borders: same type all over, a begin at the first word and at no other, and none goes on behind."""
    parsed = [parse(tag) for tag in tags]

    def begins(place: int) -> bool:
        before = parsed[place - 1] if place else parse("O")
        here = parsed[place]
        return here.role != "O" and (here.role == "S" or before.kind != here.kind or (before.role, here.role) in STARTS)

    found = set()
    for start, end in itertools.combinations(range(len(tags) + 1), 2):
        kinds = {tag.kind for tag in parsed[start:end]}
        whole = len(kinds) == 1 and kinds != {""} and begins(start) and not any(map(begins, range(start + 1, end)))
        if whole and (end == len(tags) or parsed[end].role == "O" or begins(end)):
            found.add(Span(start, end, kinds.pop()))
    return found


@pytest.mark.parametrize("letters", ["BI", "I", "IE", "BIES", "BILU", "BMES", ""])
def test_spans_and_scores_are_the_same_when_counted_otherwise(letters: str) -> None:
    draw = random.Random(letters)
    known = ["O", *(f"{letter}-{kind}" for letter in letters for kind in ("PER", "LOC-X"))]
    known += [] if letters else ["PER", "LOC"]
    truth = [tuple(draw.choices(known, k=draw.randrange(9))) for _ in range(400)]
    answers = [tuple(tag if draw.random() < 0.7 else draw.choice(known) for tag in tags) for tags in truth]
    for tags in truth + answers:
        assert set(spans_of(tags)) == counted_otherwise(tags), tags
    right = sum(
        len(counted_otherwise(one) & counted_otherwise(other)) for one, other in zip(truth, answers, strict=True)
    )
    precision = right / sum(len(counted_otherwise(tags)) for tags in answers)
    recall = right / sum(len(counted_otherwise(tags)) for tags in truth)
    assert SPAN_F1(truth, answers, known) == pytest.approx(2 * precision * recall / (precision + recall))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("B-city I-city O", [(0, 2, "city")]),
        ("I-city B-city I-city", [(0, 1, "city"), (1, 3, "city")]),
        ("B-city I-name", [(0, 1, "city"), (1, 2, "name")]),
        ("S-city B-city E-city S-city", [(0, 1, "city"), (1, 3, "city"), (3, 4, "city")]),
        ("U-city B-city I-city L-city L-city", [(0, 1, "city"), (1, 4, "city"), (4, 5, "city")]),
        ("B-city M-city E-city", [(0, 3, "city")]),
        ("city city O city name", [(0, 2, "city"), (3, 4, "city"), (4, 5, "name")]),
        ("B-creative-work I-creative-work", [(0, 2, "creative-work")]),
        ("O O", []),
        ("", []),
    ],
)
def test_every_scheme_is_read(tags: str, expected: list[tuple[int, int, str]]) -> None:
    assert spans_of(tags.split()) == [Span(*span) for span in expected]


def test_spans_become_tags_and_spans_again() -> None:
    spans = [Span(0, 2, "city"), Span(2, 3, "city"), Span(4, 7, "name")]
    assert begin_inside(8, spans) == ("B-city", "I-city", "B-city", "O", "B-name", "I-name", "I-name", "O")
    assert spans_of(begin_inside(8, spans)) == spans


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        (["B-a I-a O", "O I-a", "B-a I-b", "B-a B-a"], {1: 1, 2: 1}),  # IOB2
        (["I-a I-a O", "O I-a", "I-a B-a", "I-a I-b"], {}),  # IOB1
        (["I-a I-a O", "O I-a", "I-a B-a", "B-a I-a"], {3: 0}),
        (["B-a I-a E-a S-b", "S-a I-a E-a", "B-a O", "B-a E-b", "B-a"], {1: 1, 2: 1, 3: 1, 4: 0}),
        (["B-a I-a L-a U-b", "U-a L-a", "B-a U-a"], {1: 1, 2: 1}),
        (["I-a E-a E-a", "I-a O", "I-a E-b"], {1: 1, 2: 1}),  # IOE2
        (["I-a E-a I-a O", "I-a", "I-a O E-a"], {2: 2}),  # IOE1
        (["a a O b", "O"], {}),
        (["O"], {}),
    ],
)
def test_tags_that_may_not_follow_each_other_are_found(sentences: list[str], expected: dict[int, int]) -> None:
    assert illegal_places([tags.split() for tags in sentences]) == expected
