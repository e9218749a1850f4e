"""Several seeds: the best is kept, the spread is told apart from noise, and what is finished is not trained again."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.records import ModelSource
from pipeline.task import Array, Rows
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.seeds import FinishedSeed, measure_spread, train_seeds
from pipeline.training.train import train
from tests import tiny

RECIPE = tiny.make_recipe(epochs=3, seeds=3)


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(tiny_model.location, rows, RECIPE, count=96, seed=2**32 - 1)


class Heard:
    """Remembers events, and may do something at the nth of a kind."""

    def __init__(self, event: str = "", times: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stop = (event, times, act)

    def __call__(self, event: str, **values: Any) -> None:
        self.events.append((event, values))
        name, times, act = self.stop
        if event == name and len(self.of(name)) == times:
            act()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == event]


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(job: TrainingJob, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Path, Heard]:
    folder, heard = tmp_path_factory.mktemp("work"), Heard()
    return train_seeds(job, folder, heard), folder, heard


def same_weights(one: Trained, other: Trained) -> bool:
    pairs = zip(one.model.model.parameters(), other.model.model.parameters(), strict=True)
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)


def test_the_best_seed_is_kept_and_is_what_training_with_it_alone_gives(
    job: TrainingJob, whole: tuple[Trained, Path, Heard], tmp_path: Path
) -> None:
    found, _, heard = whole
    assert found.seeds is not None
    assert [each.seed for each in found.seeds.scores] == [2**32 - 1, 0, 1]
    assert [values["number"] for values in heard.of("seed")] == [1, 2, 3]
    best = max(found.seeds.scores, key=lambda each: each.score)
    assert found.seeds.kept == best.seed
    once = job.recipe.model_copy(update={"seeds": 1})
    alone = train_seeds(replace(job, recipe=once, seed=best.seed), tmp_path, Heard())
    assert alone.seeds is None
    assert (found.epochs, found.best_epoch, found.overfitting) == (alone.epochs, alone.best_epoch, alone.overfitting)
    assert same_weights(found, alone)


def test_only_the_weights_of_the_best_seed_stay_and_no_checkpoint(whole: tuple[Trained, Path, Heard]) -> None:
    found, folder, _ = whole
    assert found.seeds is not None
    place = [each.seed for each in found.seeds.scores].index(found.seeds.kept)
    assert [path.parent.name for path in folder.rglob("weights.safetensors")] == [f"seed-{place + 1}"]
    assert list(folder.rglob("checkpoint-*")) == []


@pytest.mark.parametrize("times", [2, 5])
def test_after_a_stop_finished_seeds_are_not_trained_again(
    times: int, job: TrainingJob, whole: tuple[Trained, Path, Heard], tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train_seeds(job, tmp_path, Heard("checkpoint", times, press_ctrl_c))
    heard = Heard()
    again = train_seeds(job, tmp_path, heard)
    assert len(heard.of("checkpoint")) == 9 - times
    assert again.seeds == whole[0].seeds
    assert again.epochs == whole[0].epochs
    assert same_weights(again, whole[0])


def test_later_seeds_begin_with_what_an_earlier_one_learned_of_memory(job: TrainingJob, tmp_path: Path) -> None:
    def run_out() -> None:
        raise MemoryError

    heard = Heard("checkpoint", 1, run_out)
    two = replace(job, recipe=job.recipe.model_copy(update={"seeds": 2, "epochs": 1}))
    train_seeds(two, tmp_path, heard)
    assert [values["kind"] for values in heard.of("adjustment")] == ["smaller_batches"]


def note(seed: int, score: float) -> FinishedSeed:
    return FinishedSeed(
        seed=seed,
        score=score,
        best_epoch=1.0,
        epochs=[],
        thresholds=[],
        preparation=tiny.PREPARATION,
        overfitting=None,
    )


def scored(right: Array) -> Array:
    """Statistics of accuracy, of rows that are right or wrong."""
    return np.stack([right.astype(float), np.ones(len(right))], axis=1)


def test_seeds_that_are_equally_good_spread_by_noise_alone_and_others_by_more(job: TrainingJob) -> None:
    draw = np.random.default_rng(0)

    def spread_of(chances: list[float]) -> tuple[float, float]:
        found = []
        for _ in range(30):
            rights = [scored(draw.random(400) < chance) for chance in chances]
            notes = [note(place, float(right[:, 0].mean())) for place, right in enumerate(rights)]
            spread = measure_spread(notes, rights, job)
            found.append((spread.deviation**2, spread.deviation**2 - spread.sampling_deviation**2))
        raw, apart = np.mean(found, axis=0)
        return float(raw), float(apart)

    raw, apart = spread_of([0.8] * 4)
    assert raw == pytest.approx(0.8 * 0.2 / 400, rel=0.35)
    assert abs(apart) < 0.35 * raw
    chances = [0.6, 0.7, 0.8, 0.9]
    _, apart = spread_of(chances)
    assert math.sqrt(apart) == pytest.approx(float(np.std(chances, ddof=1)), rel=0.1)


def test_the_spread_is_told_in_one_sentence_for_people(job: TrainingJob) -> None:
    rights: list[Array] = [scored(np.arange(50) >= 0), scored(np.arange(50) > 4)]
    found = measure_spread([note(7, 1.0), note(8, 0.9)], rights, job)
    assert (found.mean, found.kept) == (0.95, 7)
    assert found.because.startswith(
        "2 seeds score 1.000, 0.900 on the validation rows: 0.950 on average, with a standard deviation of 7.1 points."
    )
    assert "The model of seed 7 is kept" in found.because


def test_one_seed_is_trained_as_ever(job: TrainingJob, tmp_path: Path) -> None:
    once = replace(job, recipe=job.recipe.model_copy(update={"seeds": 1, "epochs": 1}), seed=5)
    one, other = train_seeds(once, tmp_path / "a", Heard()), train(once, tmp_path / "b", Heard())
    assert same_weights(one, other)
    assert not list((tmp_path / "a").glob("seed-*"))
