"""What is done to a text before any model reads it."""

import pytest

from pipeline.preparation import as_one_text, prepare
from pipeline.records import TextPreparation


@pytest.mark.parametrize(
    ("options", "prepared"),
    [
        ({}, "\u00e9 ﬁne day"),
        ({"unicode_form": "NFKC"}, "\u00e9 fine day"),
        ({"unicode_form": "none"}, "e\u0301 ﬁne day"),
        ({"collapse_whitespace": False}, " \u00e9  ﬁne\n\tday "),
    ],
)
def test_a_text_is_normalised_as_asked(options: dict[str, object], prepared: str) -> None:
    assert prepare(" e\u0301  ﬁne\n\tday ", TextPreparation.model_validate(options)) == prepared


def test_each_part_of_a_pair_is_prepared() -> None:
    assert prepare((" a  b", "c "), TextPreparation()) == ("a b", "c")


def test_a_pair_and_a_sentence_become_one_text_with_spaces_between() -> None:
    assert [as_one_text(given) for given in ("a b", ("a b", "c"), ("one", "two", "three"))] == [
        "a b",
        "a b c",
        "one two three",
    ]
