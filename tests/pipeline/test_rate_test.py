"""The range test chooses a rate where its sweeps agree, says so where they do not, and leaves no trace on the run."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.records import ModelSource
from pipeline.task import Rows
from pipeline.training.batches import encode_rows
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.rate_test import FEWEST_STEPS, KEPT, find_rate, judge_sweeps, smooth, sweep
from pipeline.training.train import train
from tests import tiny

RATES = [1e-6 * 10 ** (4 * step / 39) for step in range(40)]
BOWL = [2.0] * 10 + [2.0 - 0.1 * step for step in range(15)] + [0.6 + 0.2 * step for step in range(15)]
"""Losses that stay, fall and rise."""


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(
        tiny_model.location,
        rows,
        tiny.make_recipe(
            learning_rate=0.004, epochs=2, warmup_fraction=0.0, weight_decay=0.0, rate_search="range_test"
        ),
        count=64,
        validation=30,
    )


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def moved_by(losses: Sequence[float], steps: int) -> list[float]:
    """The same curve so many steps earlier."""
    return [*losses[steps:], *[losses[-1]] * steps]


def test_a_tenth_of_the_rate_with_the_least_loss_is_chosen() -> None:
    rate, because = judge_sweeps(RATES, [BOWL, BOWL], 1e-4)
    least = RATES[int(np.argmin(smooth(BOWL)))]
    assert rate == pytest.approx(least / 10)
    assert because == (
        f"A range test of 2 times 40 steps chose a learning rate of {rate:.1e} instead of 1.0e-04: "
        f"the loss was least at {least:.1e}, and a tenth of that is taken."
    )


@pytest.mark.parametrize(
    ("losses", "why"),
    [
        ([BOWL, moved_by(BOWL, 9)], "its sweeps disagree by a factor of 8"),
        ([BOWL, [2.0 + 0.3 * (-1) ** step for step in range(40)]], "the loss does not fall by more than its noise"),
        ([BOWL, [2.0, 2.5]], "the loss does not fall by more than its noise"),
        ([[3.0 - 0.05 * step for step in range(40)]] * 2, "the loss was still falling at the highest rate"),
        ([BOWL, []], "the loss does not fall by more than its noise"),
    ],
)
def test_noise_is_refused_and_the_rate_of_the_recipe_stays(losses: list[list[float]], why: str) -> None:
    assert judge_sweeps(RATES, losses, 1e-4) == (
        1e-4,
        f"The range test says nothing, since {why}: the learning rate stays at 1.0e-04.",
    )


def test_smooth_losses_start_at_the_first_and_follow() -> None:
    assert smooth([2.0, 2.0, 2.0]) == pytest.approx([2.0, 2.0, 2.0])
    assert smooth([1.0, 0.0])[1] == pytest.approx(0.8 * 0.2 / (1 - 0.8**2))


def test_a_sweep_is_seeded_ends_where_it_breaks_and_disturbs_nothing(job: TrainingJob) -> None:
    torch.manual_seed(7)
    random.seed(7)
    before = torch.get_rng_state(), random.getstate(), str(np.random.get_state())
    rates = [1e-4 * 10 ** (step / 4) for step in range(30)]
    losses = sweep(job, encode_rows(job), rates, 3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert str(np.random.get_state()) == before[2]
    assert 8 < len(losses) < 30
    assert all(np.isfinite(losses))
    assert sweep(job, encode_rows(job), rates, 3) == losses
    assert sweep(job, encode_rows(job), rates, 4) != losses
    parts = replace(job, recipe=job.recipe.model_copy(update={"accumulation_steps": 4, "dropout": 0.0}))
    whole = replace(job, recipe=job.recipe.model_copy(update={"dropout": 0.0}))
    one, other = (sweep(each, encode_rows(each), rates[:5], 3) for each in (parts, whole))
    np.testing.assert_allclose(one, other, rtol=1e-3)


def assert_same(one: Trained, other: Trained) -> None:
    for ours, theirs in zip(one.model.model.parameters(), other.model.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_run_is_bit_by_bit_the_one_with_the_found_rate_alone(job: TrainingJob, tmp_path: Path) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    found = train(job, tmp_path / "searched", lambda event, **values: events.append((event, values)))
    (told,) = [values for event, values in events if event == "rate_test"]
    assert len(told["rates"]) == FEWEST_STEPS
    assert len(told["losses"]) == 2
    assert told["learning_rate"] != job.recipe.learning_rate
    assert [values["text"] for event, values in events if event == "note"] == [told["because"]]
    plain = {"rate_search": "none", "learning_rate": told["learning_rate"]}
    alone = train(replace(job, recipe=job.recipe.model_copy(update=plain)), tmp_path / "alone", silent)
    assert_same(found, alone)


def test_a_session_that_goes_on_keeps_the_rate_that_was_found(job: TrainingJob, tmp_path: Path) -> None:
    rate = find_rate(job, encode_rows(job), tmp_path, silent, mixed=False)
    events: list[str] = []
    again = find_rate(job, encode_rows(job), tmp_path, lambda event, **values: events.append(event), mixed=False)
    assert again == rate
    assert events == []
    assert (tmp_path / KEPT).is_file()


def test_a_sweep_that_says_nothing_is_the_only_one(job: TrainingJob, tmp_path: Path) -> None:
    told: list[dict[str, Any]] = []
    slow = replace(job, recipe=job.recipe.model_copy(update={"learning_rate": 1e-9, "dropout": 0.0}))
    rate = find_rate(slow, encode_rows(slow), tmp_path, lambda event, **values: told.append(values), mixed=False)
    assert rate == 1e-9
    assert len(told[0]["losses"]) == 1
