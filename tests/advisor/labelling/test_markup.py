"""Spans as a person types them."""

import pytest

from advisor.errors import AnswersError
from advisor.labelling.markup import as_scheme, kinds_of, mark_up, read_markup
from pipeline.tasks.spans import Span

WORDS = ("Anna", "flew", "to", "New", "York", "[sic]")
TAGS = ("B-person", "O", "O", "B-city", "I-city", "O")
MARKED = r"[Anna](person) flew to [New York](city) \[sic\]"


def test_a_sentence_is_marked_up_and_read_back() -> None:
    assert mark_up(WORDS, TAGS) == MARKED
    assert read_markup(MARKED, WORDS) == [Span(0, 1, "person"), Span(3, 5, "city")]


@pytest.mark.parametrize(
    ("typed", "spans"),
    [
        (r"Anna flew to New York \[sic\]", []),
        (r"Anna  flew to [New York](place)   \[sic\] ", [Span(3, 5, "place")]),
        (r"Anna flew to [N](city)ew York \[sic\]", [Span(3, 4, "city")]),
        (r"[Anna](person)[ flew](act) to New York \[sic\]", [Span(0, 1, "person"), Span(1, 2, "act")]),
        (r"Anna flew to New York [\[sic\]](note)", [Span(5, 6, "note")]),
    ],
)
def test_what_is_marked_is_a_span_widened_to_whole_words(typed: str, spans: list[Span]) -> None:
    assert read_markup(typed, WORDS) == spans


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        (r"[Anna flew to New York \[sic\]", "A bracket is not closed."),
        (r"[Anna]() flew to New York \[sic\]", "The marks do not pair at"),
        (r"[Anna] flew to New York \[sic\]", "The marks do not pair at"),
        (r"[[Anna](person) flew](act) to New York \[sic\]", "The marks do not pair at"),
        (r"[](person)Anna flew to New York \[sic\]", "A pair of brackets holds no word."),
        (r"[An](a)[na](b) flew to New York \[sic\]", "Two spans share 'Anna'."),
        (r"Anna flew to Paris \[sic\]", "The sentence itself has changed at 'Paris"),
        (r"Anna flew to New York \[sic\] again", "The sentence itself goes on with 'again'."),
        ("", "The sentence itself has changed at ''"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_mend(typed: str, problem: str) -> None:
    with pytest.raises(AnswersError) as caught:
        read_markup(typed, WORDS)
    assert caught.value.problem.startswith(problem)
    assert caught.value.fix


def test_hidden_characters_of_a_word_are_shown_and_still_read() -> None:
    words = ("\x1b[31mred", "ale\u202ert")
    marked = mark_up(words, ("O", "B-x"))
    assert "\x1b" not in marked
    assert "\u202e" not in marked
    assert read_markup(marked, words) == [Span(1, 2, "x")]


@pytest.mark.parametrize(
    ("known", "tags"),
    [
        (["O", "B-city", "I-city"], "O B-city I-city I-city B-city"),
        (["O", "I-city"], "O B-city I-city I-city B-city"),
        (["O", "B-city", "I-city", "E-city", "S-city"], "O B-city I-city E-city S-city"),
        (["O", "B-city", "I-city", "L-city", "U-city"], "O B-city I-city L-city U-city"),
        (["O", "B-city", "M-city", "E-city", "S-city"], "O B-city M-city E-city S-city"),
        (["O", "city"], "O city city city city"),
    ],
)
def test_spans_become_tags_of_the_scheme_that_the_data_has(known: list[str], tags: str) -> None:
    assert as_scheme(5, [Span(1, 4, "city"), Span(4, 5, "city")], known) == tuple(tags.split())
    assert kinds_of(known) == ["city"]
