"""Markup, signatures, footers and signs without a letter."""

import pytest

from advisor.audit.clutter import find_boilerplate, find_markup, find_texts_without_letters
from tests.advisor.audit.samples import found_by, make_material, plain_texts


def test_texts_of_digits_and_signs_are_counted_and_empty_ones_are_not_counted_twice() -> None:
    material = make_material(["12 345", ":-)", "", "  ", "好", "a1"])
    found = found_by(find_texts_without_letters, material)["no_letters"]
    assert (found.count, found.of) == (2, 6)
    assert found.examples == ["x.csv row 1: 12 345", "x.csv row 2: :-)"]


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("<p>Hello</p>", "<p"),
        ("see <a href='x'>here</a>", "<a"),
        ("one<br/>two", "<br/>"),
        ("fish &amp; chips", "&amp;"),
        ("it #39;s over", "#39;"),
        ("he said quot;no", "quot;"),
        ("&#8217;", "&#8217;"),
    ],
)
def test_html_is_found(text: str, mark: str) -> None:
    found = found_by(find_markup, make_material([text, "plain text", "more of it"]))["markup"]
    assert (found.count, found.of, found.examples) == (1, 3, [f"x.csv row 1: {text}"])
    assert mark in found.values["marks"]


@pytest.mark.parametrize(
    "text",
    ["a < b and c > d", "I <3 you", "<grin> well", "R&D; fine", "no. #5; next", "AT&T", "vector<int> x", "#1 &c."],
)
def test_signs_that_people_write_are_not_html(text: str) -> None:
    assert find_markup(make_material([text])) == []


def test_a_signature_is_found_and_what_is_left_without_it_is_counted() -> None:
    texts = [
        f"{text}\nSent from my telephone" if place % 4 == 0 else text for place, text in enumerate(plain_texts(200))
    ]
    found = found_by(find_boilerplate, make_material(texts))["boilerplate"]
    assert (found.count, found.of) == (50, 200)
    assert found.examples == ["sent from my telephone"]
    before, left = int(found.values["words_before"]), int(found.values["words_left"])
    assert before - left == 4
    assert found.values["nothing_left"] == "0"


def test_a_shared_beginning_and_end_within_one_line_are_found() -> None:
    texts = [f"Ticket opened by web form {text} Thank you and kind regards" for text in plain_texts(100)]
    found = found_by(find_boilerplate, make_material(texts))["boilerplate"]
    assert (found.count, found.of) == (100, 100)
    assert sorted(found.examples) == ["thank you and kind regards", "ticket opened by web form"]


def test_a_header_of_one_word_counts_when_it_ends_in_a_colon() -> None:
    texts = plain_texts(100)
    assert found_by(find_boilerplate, make_material([f"Subject: {text}" for text in texts]))["boilerplate"].count == 100
    assert find_boilerplate(make_material([f"What {text}" for text in texts])) == []


def test_texts_of_nothing_else_are_counted() -> None:
    footer = "This message was sent by a machine."
    texts = [f"{text} {footer}" for text in plain_texts(60)] + [footer]
    assert found_by(find_boilerplate, make_material(texts))["boilerplate"].values["nothing_left"] == "1"


def test_copies_of_one_text_are_no_boilerplate() -> None:
    assert find_boilerplate(make_material(["The same words. Twice over here."] * 50 + plain_texts(100))) == []


def test_plain_texts_have_no_clutter() -> None:
    material = make_material(plain_texts(60))
    assert find_boilerplate(material) + find_markup(material) + find_texts_without_letters(material) == []
