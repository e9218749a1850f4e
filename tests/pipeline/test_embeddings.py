"""Frozen features: pooled, kept on disk, and the same whatever stands beside a text."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.embeddings import POOLINGS, WORD_STARTS, Embedder, encode_words, pool
from pipeline.records import ModelSource, TextPreparation
from pipeline.task import Rows
from tests.tiny import PREPARATION


def test_pooling_minds_the_mask_and_means_what_it_says() -> None:
    layers = [torch.tensor([[[float(base)], [base + 2.0], [99.0]]]) for base in (50, 1, 3)]
    mask = torch.tensor([[1, 1, 0]])
    assert {pooling: float(pool(layers, mask, pooling)) for pooling in POOLINGS} == {
        "mean": 4.0,
        "cls": 3.0,
        "layer_mean": 3.0,
    }
    with pytest.raises(ValueError, match="unknown pooling 'max'"):
        pool(layers, mask, "max")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_feature_row_for_each_text_under_each_pooling(pooling: str, rows: Rows, embedder: Embedder) -> None:
    found = embedder(rows.inputs[:7], pooling)
    assert found.shape == (7, 32)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_texts_have_the_same_features_whatever_the_batch(tiny_model: ModelSource, rows: Rows) -> None:
    texts = [*rows.inputs[:30], "one", "", " ".join(str(given) for given in rows.inputs[:3])]
    together = Embedder(Path(tiny_model.location), tiny_model, PREPARATION, None)(texts, "mean")
    alone = Embedder(Path(tiny_model.location), tiny_model, PREPARATION, None)
    for place in (0, 29, 30, 31, 32):
        np.testing.assert_allclose(alone([texts[place]], "mean")[0], together[place], atol=1e-5)


def test_features_are_read_from_disk_without_the_model(tiny_model: ModelSource, rows: Rows, tmp_path: Path) -> None:
    first = Embedder(Path(tiny_model.location), tiny_model, PREPARATION, tmp_path)
    told: list[tuple[int, int]] = []
    first.progress = lambda done, of: told.append((done, of))
    there = first(rows.inputs[:40], "cls")
    assert told == [(40, 40)]
    gone = Embedder(tmp_path / "no model", tiny_model, PREPARATION, tmp_path)
    np.testing.assert_array_equal(gone(rows.inputs[:40], "cls"), there)
    assert gone(rows.inputs[:40], "layer_mean").shape == (40, 32)


def test_features_of_another_model_or_preparation_are_not_taken(
    tiny_model: ModelSource, rows: Rows, tmp_path: Path
) -> None:
    Embedder(Path(tiny_model.location), tiny_model, PREPARATION, tmp_path)(rows.inputs[:5], "mean")
    for source, preparation in (
        (tiny_model.model_copy(update={"sha256": "0" * 64}), PREPARATION),
        (tiny_model, TextPreparation(max_tokens=16)),
    ):
        other = Embedder(Path(tiny_model.location), source, preparation, tmp_path)
        other(rows.inputs[:5], "mean")
        assert other._model is not None
    assert len(list(tmp_path.iterdir())) == 3


def test_the_same_text_is_computed_once_and_no_text_gives_no_rows(embedder: Embedder, rows: Rows) -> None:
    found = embedder([rows.inputs[0]] * 3, "mean")
    assert (found == found[0]).all()
    assert len(embedder([], "mean")) == 0


SENTENCES = [("one", "calm", "glad"), ("calm.", "one"), ("upset",), ("one", "\u200b", "glad")]


class Slow:
    """A tokenizer that cannot tell which characters a token stands for."""

    is_fast = False

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def __call__(self, *texts: Any, **options: Any) -> Any:
        return self.tokenizer(*texts, **options)

    def tokenize(self, word: str) -> list[str]:
        return list(self.tokenizer.tokenize(word))


@pytest.mark.parametrize("wrap", [lambda tokenizer: tokenizer, Slow])
def test_each_word_starts_where_its_first_token_stands(wrap: Any, embedder: Embedder) -> None:
    found = encode_words(wrap(embedder.tokenizer), SENTENCES, 32)
    assert [row[WORD_STARTS] for row in found] == [[1, 2, 3], [1, 3], [1], [1, -1, 2]]
    for words, row in zip(SENTENCES, found, strict=True):
        assert row["input_ids"] == embedder.tokenizer(" ".join(words))["input_ids"]
    assert encode_words(wrap(embedder.tokenizer), [], 32) == []


@pytest.mark.parametrize("wrap", [lambda tokenizer: tokenizer, Slow])
def test_words_behind_the_cut_have_no_token(wrap: Any, embedder: Embedder) -> None:
    (found,) = encode_words(wrap(embedder.tokenizer), [("one",) * 20], 10)
    assert len(found["input_ids"]) == 10
    assert found[WORD_STARTS] == [*range(1, 9), *[-1] * 12]


def test_features_of_words_are_hidden_states_whatever_the_batch(tiny_model: ModelSource) -> None:
    long = ("one", "glad") * 30
    sentences = [*SENTENCES, long]
    fresh = [Embedder(Path(tiny_model.location), tiny_model, PREPARATION, None) for _ in range(2)]
    together = fresh[0].words(sentences, "mean")
    assert [each.shape for each in together] == [(len(words), 32) for words in sentences]
    for words, found in zip(sentences, together, strict=True):
        np.testing.assert_allclose(fresh[1].words([words], "mean")[0], found, atol=5e-3)  # kept in half precision
        encoded = fresh[0].tokenizer(" ".join(words), truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            hidden = fresh[0].model(**encoded).last_hidden_state[0].cpu().numpy()
        np.testing.assert_allclose(found[0], hidden[1], atol=5e-3)
    assert (together[3][1] == 0).all()
    assert (together[4][30:] == 0).all()
    assert together[4][29].any()


def test_words_are_read_from_the_last_layer_or_from_all(embedder: Embedder) -> None:
    last, first, every = (embedder.words(SENTENCES[:1], pooling)[0] for pooling in ("mean", "cls", "layer_mean"))
    np.testing.assert_array_equal(last, first)
    np.testing.assert_allclose(every, last, atol=5e-3)  # the model has one layer only
