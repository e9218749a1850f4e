"""Languages, scripts, and letters that only look like those of their word."""

import pytest

from advisor.audit.languages import (
    find_lookalikes,
    find_mixed_languages,
    find_mixed_scripts,
    tell_language,
    tell_main_language,
    tell_script,
)
from tests.advisor.audit.samples import found_by, make_material, plain_texts

ENGLISH = [
    "I have not received the parcel and I am very disappointed about it",
    "The goods are fine and so is the price that we were asked to pay",
    "Nobody answered my letter although I wrote to them three times",
]
GERMAN = "Ich habe das Paket nicht bekommen und bin sehr enttäuscht darüber"
FRENCH = "Je ne suis pas du tout content de la livraison de ce produit"
RUSSIAN = "Посылка так и не пришла, и никто не отвечает на мои письма, хотя я писал уже три раза и больше не хочу ждать"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH[0], "en"),
        (GERMAN, "de"),
        (FRENCH, "fr"),
        (RUSSIAN, "ru"),
        ("荷物がまだ届きません。いつ届くのか教えてください。", "ja"),
        ("too bad .", "unknown"),
        ("lol", "unknown"),
        ("", "unknown"),
        ("12345 !!!", "unknown"),
    ],
)
def test_a_language_is_told_only_when_it_is_sure(text: str, language: str) -> None:
    assert tell_language(text) == language


def test_the_main_language_is_that_of_most_texts_not_of_the_longest() -> None:
    assert tell_main_language([*ENGLISH, GERMAN * 20]) == "en"
    assert tell_main_language([]) == "unknown"
    assert tell_main_language(["非常好"]) == "zh", "where no text is sure, a script that one language has tells"


def test_rows_in_another_language_are_counted_and_short_ones_are_not_taken_for_one() -> None:
    material = make_material([*ENGLISH, GERMAN, FRENCH, GERMAN + " seit Wochen", "lol", "too bad ."])
    found = found_by(find_mixed_languages, material)["mixed_languages"]
    assert (found.count, found.of) == (3, 8)
    assert found.values == {
        "main": "English",
        "main_share": "37.5 %",
        "others": "German (2 rows), French (1 rows)",
        "unsure": "2",
    }
    assert found.examples[0] == f"x.csv row 4: {GERMAN}"


def test_one_language_is_no_mixture() -> None:
    assert find_mixed_languages(make_material([*ENGLISH, "lol", "too bad ."])) == []


def test_rows_in_another_script_are_counted() -> None:
    found = found_by(find_mixed_scripts, make_material([*ENGLISH, RUSSIAN, "Αργά", "naïve café", "123"]))[
        "mixed_scripts"
    ]
    assert (found.count, found.of) == (2, 7)
    assert found.values == {"main": "Latin", "others": "Cyrillic (1 rows), Greek (1 rows)"}


def test_the_scripts_of_japanese_are_one() -> None:
    assert find_mixed_scripts(make_material(["荷物がまだ", "届きません", "トラック", "包裹还没有到"])) == []


@pytest.mark.parametrize(
    ("texts", "script"),
    [(ENGLISH, "latin"), ([RUSSIAN], "cyrillic"), (["12", "!"], "none"), (["물건이 ok"], "hangul")],
)
def test_the_commonest_script_is_named(texts: list[str], script: str) -> None:
    assert tell_script(texts) == script


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("pаypal", "cyrillic small letter a"),
        ("Αpple", "greek capital letter alpha"),
        ("𝓯𝓻𝓮𝓮", "mathematical bold script small f"),
        ("ＦＲＥＥ", "fullwidth latin capital letter f"),
    ],
)
def test_letters_that_only_look_right_are_named(word: str, name: str) -> None:
    found = found_by(find_lookalikes, make_material([f"a {word} gift", *ENGLISH]))["lookalike_letters"]
    assert (found.count, found.of) == (1, 4)
    assert name in found.values["words"]


@pytest.mark.parametrize(
    "text", ["naïve café", "µm and πr²", "α-helix", "5µg", RUSSIAN, "e-mail письмо", "Straße", "No.№5"]
)
def test_letters_that_belong_there_are_not_suspected(text: str) -> None:
    assert find_lookalikes(make_material([text])) == []


def test_plain_texts_are_in_one_script() -> None:
    assert find_mixed_scripts(make_material(plain_texts(20))) == []
