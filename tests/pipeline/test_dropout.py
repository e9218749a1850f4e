"""Dropout drawn cheaply leaves out what it should, and is the same wherever it is drawn again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import dropout, scaled_dot_product_attention
from transformers import BertConfig

from pipeline.evaluation.metrics import ACCURACY
from pipeline.heads import PooledClassifier, PooledClassifierConfig
from pipeline.records import Recipe
from pipeline.training.dropout import cheap_dropout, leave_out
from pipeline.training.strategies import prepare_strategies

MANY = 1_000_003
"""No multiple of the numbers that one draw gives."""
TWICE = Recipe(
    strategy="fine_tune",
    learning_rate=0.01,
    batch_size=4,
    epochs=1,
    warmup_fraction=0.0,
    weight_decay=0.0,
    early_stopping_epochs=1,
    class_weights="none",
    gradient_checkpointing=True,
)


def small_model() -> Any:
    """A classifier of two layers, with dropout in each and in attention."""
    torch.manual_seed(0)
    encoder = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, vocab_size=30
    )
    description = encoder.to_diff_dict() | {"model_type": "bert"}
    return PooledClassifier(PooledClassifierConfig(encoder=description)).train()


@pytest.mark.parametrize("share", [0.0001, 0.1, 0.5, 0.9])
def test_the_share_that_is_left_out_is_the_one_asked_for(share: float) -> None:
    torch.manual_seed(0)
    found = leave_out(torch.ones(MANY), share)
    noise = (share * (1 - share) / MANY) ** 0.5
    assert float((found == 0).float().mean()) == pytest.approx(share, abs=4 * noise + 1e-5)
    assert float(found.mean()) == pytest.approx(1.0, abs=5 * noise / (1 - share))
    assert len(set(found.tolist())) == 2


def test_neighbours_are_left_out_independently() -> None:
    torch.manual_seed(0)
    kept = (leave_out(torch.ones(MANY), 0.5) != 0).float() - 0.5
    for apart in range(1, 9):
        assert abs(float((kept[:-apart] * kept[apart:]).mean())) < 5 * 0.25 / MANY**0.5


def test_what_is_left_out_has_no_slope() -> None:
    given = torch.ones(1000, requires_grad=True)
    found = leave_out(given, 0.3)
    (slope,) = torch.autograd.grad(found.sum(), given)
    assert torch.equal(slope, found.detach())


def test_the_same_seed_leaves_out_the_same() -> None:
    given, drawn = torch.rand(1000), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        with cheap_dropout("cpu"):
            drawn.append(dropout(given, 0.3))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_a_layer_in_evaluation_leaves_out_nothing() -> None:
    given = torch.rand(100)
    with cheap_dropout("cpu"):
        assert torch.equal(torch.nn.Dropout(0.5).eval()(given), given)
        assert torch.equal(torch.nn.Dropout(0.0)(given), given)


@pytest.mark.parametrize("masked", ["by truth", "by number", "not"])
def test_attention_with_hardly_any_dropout_is_attention(masked: str) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 4, requires_grad=True) for _ in range(3))
    seen = torch.rand(2, 1, 5, 5) > 0.4
    seen[..., 0] = True
    numbers = torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))
    mask = {"by truth": seen, "by number": numbers, "not": None}[masked]
    with cheap_dropout("cpu"):
        found = scaled_dot_product_attention(query, key, value, mask, dropout_p=1e-9)
    expected = scaled_dot_product_attention(query, key, value, mask)
    assert torch.allclose(found, expected, atol=1e-6)
    weights = torch.rand_like(found)
    slopes = [torch.autograd.grad((each * weights).sum(), (query, key, value)) for each in (found, expected)]
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*slopes, strict=True))


def test_attention_leaves_out_on_average_nothing() -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(1, 1, 4, 4) for _ in range(3))
    one, other, third = (each.expand(20_000, 1, 4, 4) for each in (query, key, value))
    with cheap_dropout("cpu"):
        found = scaled_dot_product_attention(one, other, third, dropout_p=0.2)
    expected = scaled_dot_product_attention(query, key, value)[0, 0]
    assert torch.allclose(found.mean(dim=0)[0], expected, atol=0.02)
    assert float(found.std(dim=0).min()) > 0.01


def test_layers_that_are_computed_twice_draw_the_same_twice() -> None:
    slopes = []
    for twice in (False, True):
        model = small_model()
        if twice:
            prepare_strategies(model, TWICE, ACCURACY, Path(), 0)
        tokens = torch.tensor([[7, 9, 9, 3], [8, 7, 3, 2]])
        torch.manual_seed(1)
        with cheap_dropout("cpu"):
            found = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
        torch.autograd.backward(found.square().sum())
        slopes.append([part.grad for part in model.parameters() if part.grad is not None])
    assert len(slopes[0]) == len(slopes[1]) > 10
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(*slopes, strict=True))


def test_an_accelerator_keeps_its_own_way() -> None:
    given = torch.rand(1000)
    drawn = []
    for device in (None, "cuda", "cpu"):
        torch.manual_seed(0)
        if device is None:
            drawn.append(dropout(given, 0.5))
        else:
            with cheap_dropout(device):
                drawn.append(dropout(given, 0.5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
