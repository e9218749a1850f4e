"""How a run computes is measured once, written down, and kept when it goes on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.precision import mixed_precision
from pipeline.records import ModelSource, Recipe
from pipeline.storage import load_record, save_record
from pipeline.task import Rows
from pipeline.training import block
from pipeline.training.block import Block, efficient_tokens
from pipeline.training.computing import (
    KEPT,
    Computing,
    computed_so,
    find_computing,
    in_single_precision,
)
from pipeline.training.job import TrainingJob
from pipeline.training.train import train
from tests import tiny

RECIPE = tiny.make_recipe(warmup_fraction=0.0)
WHERE_FASTER, MIXED = (RECIPE.model_copy(update={"precision": each}) for each in ("where_faster", "mixed"))


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def __call__(self, event: str, **values: Any) -> None:
        self.events.append(event)


def test_the_faster_way_is_taken_where_it_is_faster(tmp_path: Path) -> None:
    computing = find_computing(WHERE_FASTER, 256, 64, tmp_path, Heard())
    assert computing.mixed_precision == (computing.seconds["single"] > 1.1 * computing.seconds["mixed"])
    assert computing.threads == torch.get_num_threads() == 1
    assert set(computing.seconds) == {"single", "mixed"}


@pytest.mark.parametrize(("recipe", "expected"), [(RECIPE, False), (MIXED, True)])
def test_what_the_recipe_says_of_precision_needs_no_measurement(recipe: Recipe, expected: bool, tmp_path: Path) -> None:
    computing = find_computing(recipe, 256, 64, tmp_path, Heard())
    assert (computing.mixed_precision, computing.seconds) == (expected, {})


def test_threads_are_added_as_long_as_that_is_faster(two_threads: None, tmp_path: Path) -> None:
    computing = find_computing(RECIPE, 64, 32, tmp_path, Heard())
    assert set(computing.seconds) == {"threads_1", "threads_2"}
    assert computing.threads == (2 if computing.seconds["threads_1"] > 1.1 * computing.seconds["threads_2"] else 1)
    assert torch.get_num_threads() == 2


def test_a_run_that_goes_on_computes_as_before(tmp_path: Path) -> None:
    heard = Heard()
    written = Computing(threads=7, mixed_precision=True, seconds={"single": 3.0, "mixed": 2.0})
    save_record(written, tmp_path / KEPT)
    assert find_computing(RECIPE, 256, 64, tmp_path, heard) == written
    assert heard.events == []


def test_threads_are_as_before_afterwards(two_threads: None) -> None:
    with computed_so(Computing(threads=1, mixed_precision=False, seconds={})):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2


def test_measuring_draws_no_random_numbers(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    find_computing(WHERE_FASTER, 64, 16, tmp_path, Heard())
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("own", "each", "expected"),
    [(0.0, 1.0, 128), (128.0, 1.0, 512), (10_000.0, 1.0, 2048)],  # seconds of a step, and of each of its tokens
)
def test_the_fewest_tokens_are_found_with_which_steps_read_nearly_as_fast_as_with_many(
    own: float, each: float, expected: int, monkeypatch: pytest.MonkeyPatch, two_threads: None
) -> None:
    asked = list[bool]()

    def seconds(self: Block, *, mixed: bool) -> float:
        asked.append(mixed)
        return own + each * len(self.given)

    monkeypatch.setattr(block.Block, "step_seconds", seconds)
    state = torch.random.get_rng_state()
    assert efficient_tokens(bfloat16=False) == expected
    assert not any(asked)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == 2


def test_a_step_of_the_block_moves_its_weights_and_takes_time() -> None:
    given = Block(64, 32)
    before = [part.detach().clone() for part in given.parts.parameters()]
    assert given.step_seconds(mixed=False) > 0
    assert not any(torch.equal(one, other) for one, other in zip(before, given.parts.parameters(), strict=True))


def test_losses_are_computed_in_single_precision() -> None:
    seen = []

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        seen.append((outputs["logits"].dtype, (outputs["logits"] @ torch.eye(2)).dtype, num_items_in_batch))
        return outputs["logits"].sum()

    with mixed_precision("cpu", used=True):
        in_single_precision(loss)({"logits": torch.ones(3, 2, dtype=torch.bfloat16)}, None, num_items_in_batch=3)
    assert seen == [(torch.float32, torch.float32, 3)]


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(tiny_model.location, rows, RECIPE, count=200, validation=100)


def test_mixed_precision_learns_as_well_keeps_single_precision_and_is_told(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard()
    single = train(job, tmp_path / "single", Heard())
    mixed = train(replace(job, recipe=MIXED), tmp_path / "mixed", heard)
    assert heard.events.count("computing") == heard.events.count("note") == 1
    assert {part.dtype for part in mixed.model.model.parameters()} == {torch.float32}
    assert mixed.epochs[-1].loss == pytest.approx(single.epochs[-1].loss, abs=0.1)
    assert mixed.epochs[-1].loss != single.epochs[-1].loss
    assert mixed.epochs[-1].validation_score > single.epochs[-1].validation_score - 0.05
    assert np.stack(mixed.model.outputs(job.validation.inputs[:3])).dtype == np.float32


def test_mixed_precision_goes_on_to_the_same_end(job: TrainingJob, tmp_path: Path) -> None:
    def stop(event: str, **values: Any) -> None:
        if event == "checkpoint":
            raise KeyboardInterrupt

    learn = replace(job, recipe=MIXED.model_copy(update={"epochs": 2}))
    with pytest.raises(KeyboardInterrupt):
        train(learn, tmp_path / "stopped", stop)
    one, other = (train(learn, tmp_path / name, Heard()).model.model for name in ("stopped", "undisturbed"))
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert load_record(Computing, tmp_path / "stopped" / KEPT).mixed_precision
