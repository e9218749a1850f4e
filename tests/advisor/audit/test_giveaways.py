"""Texts that give their answer away, and texts that do not."""

import random
from collections.abc import Callable

import pytest

from advisor.audit.giveaways import find_labels_in_texts, find_telltales
from advisor.audit.material import Material
from tests.advisor.audit.samples import WORDS, found_by, make_material, plain_texts

LABELS = ["cold calls", "spam", "wanted"]
Plant = Callable[[str, str, int], str]


def planted(plant: Plant, labels: list[str] = LABELS, share: float = 1.0, rows: int = 300) -> Material:
    """Texts of which a share is changed with its label known."""
    draw = random.Random(5)
    answers = [labels[place % len(labels)] for place in range(rows)]
    texts = [
        plant(text, answers[place], place) if draw.random() < share else text
        for place, text in enumerate(plain_texts(rows))
    ]
    return make_material(texts, answers)


@pytest.mark.parametrize(
    ("form", "labels"),
    [
        ("[{label}] {text}", LABELS),
        ("{text} ({label})", LABELS),
        ("{label}: {text}", LABELS),
        ("{text} label: {label}", LABELS),
        ("{text} Category = {label} and so on", LABELS),
        ("{text} #{label}", ["spam", "ham"]),
        ("<{label}> {text}", LABELS),
        ("{text} | {label}", LABELS),
        ("{label}_00017.txt {text}", ["spam", "ham"]),
        ("{text} score: {label}", ["0", "1", "2"]),
        ("[{label}] {text}", ["0", "1"]),
        ("[{label}] {text}", ["SPAM", "Not_Spam"]),
    ],
)
def test_a_label_in_a_fixed_form_is_found(form: str, labels: list[str]) -> None:
    material = planted(lambda text, label, _: form.format(text=text, label=label), labels, share=0.3)
    found = found_by(find_labels_in_texts, material)["label_in_text"]
    changed = sum(text not in set(plain_texts(300)) for text in material.texts)
    assert (found.count, found.of) == (changed, 300)
    assert found.values["right"] == "100.0 %"


def test_labels_that_are_stated_wrongly_give_nothing_away() -> None:
    draw = random.Random(3)
    assert find_labels_in_texts(planted(lambda text, _, __: f"[{draw.choice(LABELS)}] {text}")) == []


def test_a_label_that_stands_among_the_words_is_signal() -> None:
    assert find_labels_in_texts(planted(lambda text, label, _: text.replace(" ", f" {label} ", 1))) == []


def test_scores_that_stand_in_their_texts_are_found() -> None:
    scores = [round(place % 9 / 2, 1) for place in range(90)]
    texts = [f"{text} Rating: {score}" for text, score in zip(plain_texts(90), scores, strict=True)]
    found = found_by(find_labels_in_texts, make_material(texts, scores, "text-regression"))
    assert found["label_in_text"].count == 90


def test_labels_of_a_row_with_several_are_found_where_one_of_them_is_stated() -> None:
    answers = [("late", "rude") if place % 2 else ("kind",) for place in range(60)]
    texts = [f"#{labels[0]} {text}" for text, labels in zip(plain_texts(60), answers, strict=True)]
    found = found_by(find_labels_in_texts, make_material(texts, answers, "multi-label-classification"))
    assert found["label_in_text"].count == 60


@pytest.mark.parametrize(
    ("plant", "code", "shown"),
    [
        (lambda text, label, place: f"[ext-{place}] {text}" if label == "spam" else text, "telling_tags", "“[ext-0]”"),
        (lambda text, label, place: f"{text} {label[:2]}_{place}.eml", "telling_tags", "“sp_0.eml”"),
        (lambda text, label, _: f"{text} #sarcasm" if label == "spam" else text, "telling_tags", "“#sarcasm”"),
        (lambda text, label, _: f"{text} Regards" if label == "spam" else text, "telling_tokens", "“regards”"),
        (lambda text, label, _: f"{text} !!" if label == "spam" else text, "telling_tokens", "“!!”"),
        (
            lambda text, label, _: f"velvet {text}" if label == "spam" else text.replace("Velvet", "Silk"),
            "telling_tokens",
            "“velvet” at the beginning",
        ),
    ],
)
def test_a_token_that_one_class_alone_has_is_found(plant: Plant, code: str, shown: str) -> None:
    found = found_by(find_telltales, planted(plant))
    assert shown in found[code].values["tokens"]
    assert "the 100 rows of 'spam', and 0 others" in found[code].values["tokens"]
    assert found[code].count in (100, 300)


def test_a_tag_needs_half_of_its_class_and_a_word_nearly_all_of_it() -> None:
    def tag(text: str, label: str, _: int) -> str:
        return f"{text} [external]" if label == "spam" else text

    def word(text: str, label: str, _: int) -> str:
        return f"{text} regards" if label == "spam" else text

    assert "telling_tags" in found_by(find_telltales, planted(tag, share=0.8))
    assert found_by(find_telltales, planted(tag, share=0.3)) == {}
    assert found_by(find_telltales, planted(word, share=0.7)) == {}


def test_words_of_many_small_classes_are_signal() -> None:
    labels = [f"about {word}" for word in WORDS[:20]]
    draw = random.Random(2)
    answers = [labels[place % 20] for place in range(600)]
    texts = [f"{label.split()[1]} {' '.join(draw.sample(WORDS[20:], 6))}" for label in answers]
    assert find_telltales(make_material(texts, answers)) == []


def test_copies_of_one_text_confirm_nothing() -> None:
    """Nine in ten rows of a class are one text: its words tell the class where they were looked for, and nowhere else."""
    draw = random.Random(2)
    texts = ["Buy zebra rugs now"] * 90 + plain_texts(110)
    answers = ["spam"] * 90 + [draw.choice(["spam", *["wanted"] * 9]) for _ in range(110)]
    assert find_telltales(make_material(texts, answers)) == []


@pytest.mark.parametrize("check", [find_labels_in_texts, find_telltales])
def test_plain_texts_and_sentences_with_tags_give_nothing_away(check: Callable[[Material], list[object]]) -> None:
    assert check(planted(lambda text, _, __: text)) == []
    assert check(make_material([])) == []
    words = [tuple(text.split()) for text in plain_texts(40)]
    tags = [tuple("O" for _ in sentence) for sentence in words]
    assert check(make_material(words, tags, "token-classification")) == []


def test_numbers_that_are_never_the_same_have_no_telltale() -> None:
    texts = plain_texts(80)
    assert find_telltales(make_material(texts, [float(place) for place in range(80)], "text-regression")) == []
