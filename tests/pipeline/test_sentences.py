"""Sentences of the rules take values into their slots."""

from pipeline.sentences import fill


def test_slots_take_their_values_and_others_stay() -> None:
    assert fill("{rows} of {all} rows, {rows} in all; {other}", rows="3", all="9") == "3 of 9 rows, 3 in all; {other}"


def test_braces_within_a_value_are_text() -> None:
    assert fill("{name} has {rows}", name="{rows}", rows="2") == "{rows} has 2"
