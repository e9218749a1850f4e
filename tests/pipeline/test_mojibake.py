import pytest

from pipeline.data.mojibake import has_lost_characters, is_garbled, repair

MEANT = [
    "café",
    "naïve façade",
    "Straße in Zürich",
    "“quoted” – and more…",
    "señor Ñandú",
    "Žluťoučký kůň",
    "日本語のテキスト",
    "Привет мир",
    "10 € please",
    "it’s 😀 fine",
]


def has_all_bytes(text: str, encoding: str) -> bool:
    try:
        text.encode().decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "wrong"),
    [(text, wrong) for text in MEANT for wrong in ("latin-1", "cp1252") if has_all_bytes(text, wrong)],
)
def test_text_read_with_the_wrong_encoding_is_read_again_as_meant(text: str, wrong: str) -> None:
    garbled = text.encode().decode(wrong)
    assert repair(garbled) == text
    assert is_garbled(garbled)


def test_text_that_was_garbled_twice_is_mended_whole() -> None:
    twice = "l’été à Zürich".encode().decode("cp1252", "ignore").encode().decode("latin-1")
    assert repair("Ã¢â‚¬Å“quotedÃ¢â‚¬Â\u009d") == "“quoted”"
    assert repair(twice) == repair(repair(twice))


@pytest.mark.parametrize(
    "text",
    [
        *MEANT,
        "plain",
        "",
        "👩‍👩‍👧 🇩🇪 ❤️",
        "Ã",
        "PARTE SÃO PAULO",
        "Ünïcödé",
        "5 × 3 = 15 ± 1 µm",
        "(ง'⌣')ง",
        "ℌ𝔢𝔩𝔩𝔬",
        "عربى עברית हिन्दी",
        "tab\tand\nline",
        "&lt;b&gt; &amp;",
        "\ud800",
        "¿Qué? ¡Sí!",
        "ﬁne",
        "full　width ＡＢＣ",
        "voilà",
    ],
)
def test_clean_text_stays_as_it_is(text: str) -> None:
    assert repair(text) == text


def test_lost_characters_are_seen_and_nothing_is_made_up_for_them() -> None:
    text = "caf\ufffd and tea"
    assert has_lost_characters(text)
    assert repair(text) == text
    assert not has_lost_characters("café")
    assert repair("cafÃ\ufffd") == "cafÃ\ufffd"


def test_a_repair_never_loses_a_character_that_was_there() -> None:
    assert "\ufffd" not in repair("â€ and Ã© in one")
