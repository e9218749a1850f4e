"""Only the word vectors of tokens that occur learn: what is learned is the same, and nothing else changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import Embedding
from transformers import BertConfig, BertModel, T5Config, T5Model

from pipeline.evaluation.metrics import ACCURACY
from pipeline.models import load_encoder
from pipeline.records import ModelSource
from pipeline.task import Rows, load_task
from pipeline.training.checkpoints import WEIGHTS
from pipeline.training.job import TrainingJob
from pipeline.training.train import train
from pipeline.training.vocabulary import OccurringWords, narrow_vocabulary, occurring_tokens, restore_vocabulary
from tests import tiny

BATCHES = [torch.tensor([[7, 9, 9, 0], [8, 7, 3, 2]]), torch.tensor([[2, 8, 50, 9]])]
OCCURRING = {int(token) for batch in BATCHES for token in batch.flatten()} - {0}


def small_encoder() -> Any:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=80,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertModel(config)


def learn(encoder: Any, weight_decay: float = 0.0) -> None:
    """Some steps as `Trainer` makes them."""
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.01, weight_decay=weight_decay)
    for tokens in BATCHES * 3:
        torch.autograd.backward(encoder(tokens).last_hidden_state.square().sum())
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


def words_of(encoder: Any) -> torch.Tensor:
    found: torch.Tensor = encoder.get_input_embeddings().weight.detach().clone()
    return found


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_what_is_learned_is_the_same_as_with_all_word_vectors(weight_decay: float) -> None:
    whole, narrow = small_encoder(), small_encoder()
    before = words_of(whole)
    assert narrow_vocabulary(narrow, OCCURRING)
    assert len(words_of(narrow)) == len(OCCURRING) + 1  # and that of padding
    learn(whole, weight_decay)
    learn(narrow, weight_decay)
    restore_vocabulary(narrow)
    assert type(narrow.get_input_embeddings()) is Embedding
    learned = sorted(OCCURRING)
    others = sorted(set(range(80)) - OCCURRING - {0})
    torch.testing.assert_close(words_of(narrow)[learned], words_of(whole)[learned])
    assert not torch.equal(words_of(narrow)[learned], before[learned])
    assert torch.equal(words_of(narrow)[others], before[others])
    for name, part in whole.named_parameters():
        if "word_embeddings" not in name:
            torch.testing.assert_close(part, narrow.get_parameter(name))


def test_tokens_that_do_not_occur_are_read_as_they_were_pretrained() -> None:
    encoder = small_encoder().eval()
    tokens = torch.tensor([[7, 70, 8], [0, 9, 79]])
    expected = encoder(tokens).last_hidden_state
    assert narrow_vocabulary(encoder, OCCURRING)
    found = encoder(tokens).last_hidden_state
    torch.testing.assert_close(found, expected, rtol=0.0, atol=0.0)
    torch.autograd.backward(found.square().sum())
    learning = encoder.get_input_embeddings()
    touched = set(learning.tokens[learning.weight.grad.abs().sum(dim=1) > 0].tolist())
    assert touched == {7, 8, 9}


def shared() -> Any:
    config = T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, vocab_size=80, decoder_start_token_id=0)
    return T5Model(config)


def frozen() -> Any:
    encoder = small_encoder()
    encoder.get_input_embeddings().requires_grad_(False)
    return encoder


@pytest.mark.parametrize(
    ("make", "tokens"),
    [(shared, OCCURRING), (frozen, OCCURRING), (small_encoder, range(70))],
    ids=["shared", "frozen", "nearly all"],
)
def test_word_vectors_that_are_shared_or_frozen_or_nearly_all_occur_stay_as_they_are(
    make: Callable[[], Any], tokens: Any
) -> None:
    encoder = make()
    before = encoder.get_input_embeddings()
    assert not narrow_vocabulary(encoder, tokens)
    assert encoder.get_input_embeddings() is before
    restore_vocabulary(encoder)
    assert encoder.get_input_embeddings() is before


def test_the_tokens_of_the_first_session_stay_though_texts_are_cut_shorter_later(tmp_path: Path) -> None:
    first = occurring_tokens([{"input_ids": [5, 3]}, {"input_ids": [9, 5]}], {4}, tmp_path / "work")
    assert first == [3, 4, 5, 9]
    assert occurring_tokens([{"input_ids": [5]}], (), tmp_path / "work") == first


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    """Sixteen texts over and over, so that half of the words never occur."""
    recipe = tiny.make_recipe(epochs=2, warmup_fraction=0.0)
    return TrainingJob(
        task=load_task("text-classification"),
        encoder=Path(tiny_model.location),
        recipe=recipe,
        preparation=tiny.PREPARATION,
        pooling="mean",
        classes=tiny.CLASSES,
        metric=ACCURACY,
        train=rows.take([row % 16 for row in range(64)]),
        validation=rows.take(range(200, 230)),
        seed=0,
    )


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def test_a_run_learns_the_words_that_occur_and_keeps_the_others(job: TrainingJob, tmp_path: Path) -> None:
    found = train(job, tmp_path, silent).model
    before, after = words_of(load_encoder(job.encoder)), words_of(found.model.encoder)
    occurring = sorted({token for row in found.encode(job.train.inputs) for token in row["input_ids"]})
    others = sorted(set(range(len(before))) - set(occurring) - {0})
    assert len(others) > 100
    assert torch.equal(after[others], before[others])
    assert bool((after[occurring] != before[occurring]).any(dim=1).all())
    kept = load_file(next(tmp_path.glob("checkpoint-*")) / WEIGHTS)
    assert kept["encoder.embeddings.word_embeddings.weight"].shape[0] == len(occurring) + 1
    found.save(tmp_path / "model")
    assert load_file(tmp_path / "model" / WEIGHTS)["encoder.embeddings.word_embeddings.weight"].shape == before.shape


def test_a_run_that_was_stopped_goes_on_to_the_same_words(job: TrainingJob, tmp_path: Path) -> None:
    def stop(event: str, **values: Any) -> None:
        if event == "checkpoint":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(job, tmp_path / "stopped", stop)
    one, other = (train(job, tmp_path / name, silent).model.model for name in ("stopped", "undisturbed"))
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_pilot_learns_as_many_words_as_the_run_that_it_stands_for(job: TrainingJob, tmp_path: Path) -> None:
    wide = replace(job, tokens=frozenset(range(100, 250)))
    seen: list[int] = []

    def look(event: str, **values: Any) -> None:
        if event == "training":
            seen.append(len(occurring_tokens([], (), tmp_path)))

    train(wide, tmp_path, look, stop_after_seconds=0.0)
    assert seen[0] >= 150


def test_the_narrow_words_are_no_part_of_what_is_saved_twice() -> None:
    encoder = small_encoder()
    narrow_vocabulary(encoder, OCCURRING)
    learning = encoder.get_input_embeddings()
    assert isinstance(learning, OccurringWords)
    assert list(learning.state_dict()) == ["weight"]
