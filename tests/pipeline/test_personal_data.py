"""What is found in a made list with right check digits, and what is left alone that only looks like it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.identity_numbers import KINDS, find_identity_numbers
from pipeline.data.personal_data import PLACEHOLDERS, Kind, Span, find, mask

FOUND: list[tuple[Kind, str, str]] = [
    ("e-mail", "Write to {}.", "anna.o'neil+news@mail.example.co.uk"),
    ("e-mail", "<{}>", "müller@bücher.example"),
    ("account", "see {} for it", "https://anna:secret@example.org"),
    ("account", "I am {}!", "instagram.com/anna.jones"),
    ("account", "{}", "https://www.linkedin.com/in/anna-jones-1a2b"),
    ("bank account", "to {} PLEASE", "DE89 3704 0044 0532 0130 00"),
    ("bank account", "{}", "GB82WEST12345698765432"),
    ("bank account", "IBAN {}.", "FR14 2004 1010 0505 0001 3M02 606"),
    ("bank account", "IBAN: {}", "NL91ABNA0417164300"),
    ("card", "card {}, exp 12/26", "4111 1111 1111 1111"),
    ("card", "{}", "5555555555554444"),
    ("card", "amex {}", "378282246310005"),
    ("card", "{}", "6011-1111-1111-1117"),
    ("card", "{}", "3530111333300000"),
    ("ip address", "from {} at noon", "203.0.113.42"),
    ("ip address", "{}", "2001:db8::8a2e:370:7334"),
    ("phone", "tel. {}", "+33 1 46 48 28 00"),
    ("phone", "{}", "+4915112345678"),
    ("phone", "call {} now", "+1 (415) 555-2671"),
    ("phone", "{}", "0049 30 9018 2099"),
    ("phone", "{}", "(030) 901820"),
    ("phone", "{}", "07700 900123"),
    ("phone", "{}", "08452810075"),
    ("phone", "{}", "06 12 34 56 78"),
    ("phone", "Call {} now!", "09061701461"),
    ("phone", "{}", "0151/12345678"),
    ("phone", "at {}.", "415-555-2671"),
    ("phone", "{}", "(212) 555-1234"),
    ("phone", "{}", "1-800-555-0199"),
    ("phone", "mobile {}", "9876543210"),
    ("phone", "please ring me on {}", "555 12345"),
    ("phone", "{}", "+91 98765 43210"),
    ("identity number", "{}", "RSSMRA85T10A562S"),
    ("identity number", "DNI {}", "12345678Z"),
    ("identity number", "{}", "X1234567L"),
    ("identity number", "{}", "131052-308T"),
    ("identity number", "{}", "1 84 12 76 451 089 46"),
    ("identity number", "{}", "529.982.247-25"),
    ("identity number", "{}", "110101198001010010"),
    ("identity number", "NHS number {}", "943 476 5919"),
    ("identity number", "my SSN: {}", "536-90-4399"),
    ("identity number", "BSN {}", "111222333"),
    ("identity number", "NI no. {}", "AB 12 34 56 C"),
    ("identity number", "PESEL: {}", "44051401359"),
    ("identity number", "Steuer-ID {}", "36 574 261 809"),
    ("identity number", "{}", "756.9217.0769.85"),
    ("identity number", "{}", "710319/2745"),
]
LEFT_ALONE = [
    "It costs 1,234,567.89 EUR, or $ 1 234 567 890.",
    "£100,000 prize, 50% off, 0.99",
    "on 2024-01-02 12:30:45 and 01.02.2024, 1999-2004, 12/31/1999",
    "2023/12/11 - 2024/01/12",
    "version 10.0.19.44, v1.2.3.4, Python 3.11.4, 1.2.3.4",
    "ISBN 978-3-16-148410-0 and EAN 4006381333931",
    "order 0012345678901234, id 1234567890, ticket #0123456789",
    "4111 1111 1111 1112",
    "DE89 3704 0044 0532 0130 01",
    "12345678A and RSSMRA85T10A562T",
    "BSN 111222334, NHS 9434765918",
    "529.982.247-26",
    "219099999 without a word",
    "lat 52.520008, 13.404954",
    "@anna wrote #42 at x@y",
    "a::b std::vector 12:30 1:2:3",
    "3.14159265358979",
    "12345678901",
    "https://example.org/2024/01/02/123456789.html",
    "0 1 2 3 4 5 6 7 8 9",
    "AB123456789 SKU-0123456789",
    "call 911 or 112",
    "a million is 1000000",
    "in 2019 2020 2021 2022",
    "999.999.999.999 is no address",
    "twitter.com/search and facebook.com",
    "@ph12345678 and #call1234567 and ph87654321",
]


@pytest.mark.parametrize(("kind", "sentence", "value"), FOUND)
def test_personal_data_is_found_where_it_stands(kind: Kind, sentence: str, value: str) -> None:
    text = sentence.format(value)
    start = text.index(value)
    assert find(text) == [Span(kind, start, start + len(value))]
    assert mask(text) == sentence.format(PLACEHOLDERS[kind])


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_only_looks_like_personal_data_is_left_alone(text: str) -> None:
    assert find(text) == []
    assert mask(text) == text


def test_several_pieces_in_one_text_are_masked_each_by_its_kind() -> None:
    assert (
        mask("Anna, anna@example.org or +44 7700 900123, card 4111 1111 1111 1111")
        == "Anna, [E-MAIL] or [PHONE], card [CARD]"
    )


def test_every_kind_of_identity_number_names_a_module_of_check_digits_that_exists() -> None:
    import importlib

    for kind in KINDS:
        if kind.check:
            assert importlib.import_module(f"stdnum.{kind.check}").is_valid("nonsense") is False


def test_an_identity_number_inside_a_longer_one_is_none() -> None:
    assert list(find_identity_numbers("X12345678Z 12345678Z9 1-12345678Z")) == []


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from([value for _, _, value in FOUND] + LEFT_ALONE + [" ", "\n", ", ", "x", "tel ", "5", "-"]),
        max_size=6,
    ).map("".join)
    | st.text(alphabet="0123456789+-.()@ :/aA[]", max_size=60)
    | st.text(max_size=40)
)
def test_masking_again_changes_nothing(text: str) -> None:
    once = mask(text)
    assert mask(once) == once
    assert find(once) == []
