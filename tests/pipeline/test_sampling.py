"""The order in which rows are learned: like lengths together, every row once, the same again and another each epoch."""

import numpy as np
import pytest

from pipeline.predictors.fine_tuned import padded_tokens
from pipeline.training.sampling import LikeLengths

LENGTHS = np.random.default_rng(0).integers(5, 60, 203).tolist()


def order_of(epoch: int, seed: int = 0, batch_size: int = 16) -> list[int]:
    sampler = LikeLengths(LENGTHS, batch_size, seed)
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("batch_size", [1, 7, 16, 203, 500])
def test_every_row_comes_once(batch_size: int) -> None:
    assert sorted(order_of(3, batch_size=batch_size)) == list(range(203))


def test_the_order_follows_from_the_seed_and_the_epoch_alone() -> None:
    np.random.default_rng().random()
    assert order_of(1) == order_of(1)
    assert order_of(1) != order_of(2)
    assert order_of(1) != order_of(1, seed=1)


def test_little_is_padded_and_a_step_has_its_longest_rows_first() -> None:
    order = [LENGTHS[row] for row in order_of(0)]
    batches = [order[at : at + 16] for at in range(0, 203, 16)]
    padded = sum(max(batch) * len(batch) for batch in batches)
    assert padded < 1.15 * padded_tokens(LENGTHS, batch_size=16)
    assert padded < 0.7 * 203 * max(LENGTHS)
    assert all(batch == sorted(batch, reverse=True) for batch in batches)


def test_long_rows_do_not_all_come_at_one_end_of_an_epoch() -> None:
    firsts = [LENGTHS[row] for row in order_of(0)[::16]]
    assert firsts != sorted(firsts, reverse=True)
    assert np.mean([np.mean([LENGTHS[row] for row in order_of(epoch)[:96]]) for epoch in range(8)]) == pytest.approx(
        np.mean(LENGTHS), rel=0.15
    )


def test_rows_meet_others_in_the_next_epoch() -> None:
    first, second = (
        {frozenset(order[at : at + 16]) for at in range(0, 192, 16)} for order in (order_of(0), order_of(1))
    )
    assert not first & second
