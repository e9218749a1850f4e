"""Training that is stopped, runs out of memory or disk, or whose loss is no number: it goes on, and says how."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.errors import RunFailed, StorageError
from pipeline.evaluation.metrics import ACCURACY
from pipeline.memory import is_out_of_memory
from pipeline.records import Adjustment, ModelSource, Recipe
from pipeline.task import Rows, TrainingSetting
from pipeline.tasks.text_classification import TextClassification
from pipeline.training.adjustments import adjust, answer_to, load_adjustments
from pipeline.training.callbacks import Diverged
from pipeline.training.checkpoints import WEIGHTS
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.train import train
from tests import tiny

RECIPE = tiny.make_recipe(class_weights="balanced")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Sums in one order, so that what is the same is the same to the last bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(tiny_model.location, rows, RECIPE, count=120)


@pytest.fixture(scope="module")
def undisturbed(job: TrainingJob, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(job, tmp_path_factory.mktemp("work"), silent)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


class Heard:
    """A listener that remembers, and may do something at an event of a kind for the nth time."""

    def __init__(self, event: str = "", times: int = 0, act: Callable[[], None] = lambda: None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.event, self.times, self.act = event, times, act

    def __call__(self, event: str, **values: Any) -> None:
        self.events.append((event, values))
        if event == self.event and len(self.of(event)) == self.times:
            self.act()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [values for name, values in self.events if name == event]

    @property
    def adjustments(self) -> list[tuple[str, float]]:
        return [(values["kind"], values["value"]) for values in self.of("adjustment")]


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


def assert_same(one: Trained, other: Trained) -> None:
    """Weights, scores and losses to the last bit."""
    for ours, theirs in zip(
        one.model.model.state_dict().values(), other.model.model.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert one.epochs == other.epochs
    assert one.best_epoch == other.best_epoch


@pytest.mark.parametrize(("event", "times"), [("step", 1), ("checkpoint", 1), ("evaluation", 4), ("checkpoint", 4)])
def test_training_that_was_stopped_goes_on_to_the_same_end(
    event: str, times: int, job: TrainingJob, undisturbed: Trained, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(job, tmp_path, Heard(event, times, press_ctrl_c))
    heard = Heard()
    assert_same(train(job, tmp_path, heard), undisturbed)
    assert heard.adjustments == []


@pytest.mark.parametrize("times", [3, 8, 13])
def test_long_epochs_have_checkpoints_within_them_to_go_on_from_bit_by_bit(
    times: int, job: TrainingJob, undisturbed: Trained, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(job, tmp_path, Heard("checkpoint", times, press_ctrl_c), save_every_seconds=0.0)
    heard = Heard()
    found = train(job, tmp_path, heard)
    assert heard.of("training")[0]["from_step"] == times
    for ours, theirs in zip(found.model.model.parameters(), undisturbed.model.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert found.best_epoch == undisturbed.best_epoch
    assert [epoch.loss for epoch in found.epochs] == pytest.approx([epoch.loss for epoch in undisturbed.epochs])


def test_training_that_had_ended_early_when_it_was_stopped_does_not_train_on(job: TrainingJob, tmp_path: Path) -> None:
    noise = replace(job, metric=replace(ACCURACY, higher_is_better=False))  # the more it learns the worse it is
    noise = replace(noise, recipe=RECIPE.model_copy(update={"epochs": 12, "early_stopping_epochs": 1}))
    heard = Heard()
    expected = train(noise, tmp_path / "undisturbed", heard)
    last = len(heard.of("checkpoint"))
    assert 1 < last < 12
    with pytest.raises(KeyboardInterrupt):
        train(noise, tmp_path / "stopped", Heard("checkpoint", last, press_ctrl_c))
    again = Heard()
    assert_same(train(noise, tmp_path / "stopped", again), expected)
    assert again.of("step") == []


@pytest.mark.parametrize(("intact", "step"), [(1, 8), (0, 0)])
def test_a_broken_checkpoint_gives_way_to_the_one_before_and_is_told(
    intact: int, step: int, job: TrainingJob, undisturbed: Trained, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(job, tmp_path, Heard("checkpoint", 2, press_ctrl_c))
    found = sorted(tmp_path.glob("checkpoint-*"), key=lambda path: path.stat().st_mtime)
    assert len(found) == 2
    for checkpoint in found[intact:]:
        weights = checkpoint / WEIGHTS
        weights.write_bytes(weights.read_bytes()[:-100])
    heard = Heard()
    assert_same(train(job, tmp_path, heard), undisturbed)
    assert heard.of("training")[0]["from_step"] == step
    assert heard.adjustments == [("earlier_checkpoint", step)] * (2 - intact)
    assert heard.of("adjustment")[0]["because"] == (
        "The checkpoint of step 16 cannot be used, since model.safetensors is not as it was written: "
        + ("training goes on from step 8." if step else "training starts again.")
    )


def test_a_full_disk_is_told_with_the_mend_and_nothing_is_lost(
    job: TrainingJob, undisturbed: Trained, tmp_path: Path
) -> None:
    def fill() -> None:
        (tmp_path / "checkpoint-16").mkdir()
        (tmp_path / "checkpoint-16" / "optimizer.pt").symlink_to("/dev/full")

    with pytest.raises(StorageError) as caught:
        train(job, tmp_path, Heard("checkpoint", 1, fill))
    assert caught.value.problem.startswith(f"The checkpoint of step 16 cannot be written to '{tmp_path}': ")
    assert caught.value.fix == (
        "Free some space there, then run the same command again: it goes on from the checkpoint before."
    )
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-8"]
    heard = Heard()
    assert_same(train(job, tmp_path, heard), undisturbed)
    assert heard.of("training")[0]["from_step"] == 8


def computes_twice(model: Any) -> bool:
    return any(getattr(module, "gradient_checkpointing", False) for module in model.encoder.modules())


class Greedy(TextClassification):
    """Text classification that needs more memory than there is for large batches, kept layers, or long texts."""

    def __init__(self, most_rows: int = 1000, most_tokens: int = 1000, *, keeps_layers: bool = True) -> None:
        self.most_rows, self.most_tokens, self.keeps_layers = most_rows, most_tokens, keeps_layers
        self.model: Any = None
        self.error: Callable[[str], Exception] = torch.OutOfMemoryError

    def build_model(self, encoder: Path, setting: TrainingSetting) -> Any:
        self.model = super().build_model(encoder, setting)
        self.model.register_forward_pre_hook(self.weigh, with_kwargs=True)
        return self.model

    def weigh(self, model: Any, _: Any, inputs: dict[str, Any]) -> None:
        rows, tokens = inputs["input_ids"].shape
        layers = self.keeps_layers or computes_twice(model)
        if model.training and (rows > self.most_rows or tokens > self.most_tokens or not layers):
            raise self.error("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")


def with_task(job: TrainingJob, task: Any, **changes: Any) -> TrainingJob:
    """One epoch of another task."""
    return replace(job, task=task, recipe=job.recipe.model_copy(update={"epochs": 1, **changes}))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), True),
        (torch.OutOfMemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."), True),
        (MemoryError(), True),
        (RuntimeError("shapes do not fit"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_memory_that_ran_out_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_out_of_memory_makes_batches_smaller_and_the_steps_stay_the_same(job: TrainingJob, tmp_path: Path) -> None:
    heard, task = Heard(), Greedy(most_rows=4)
    found = train(with_task(job, task), tmp_path / "little", heard)
    assert heard.adjustments == [("smaller_batches", 2), ("smaller_batches", 4)]
    assert heard.of("adjustment")[1]["because"] == (
        "Memory ran out while training: each batch of 16 rows is now read in 4 parts of 4, which makes the same steps."
    )
    assert [line["from_step"] for line in heard.of("training")] == [0, 0, 0]
    expected = train(with_task(job, job.task), tmp_path / "enough", silent)
    assert len(found.steps) == len(expected.steps) == 8
    assert found.epochs[0].loss == pytest.approx(expected.epochs[0].loss, rel=1e-4)
    assert found.epochs[0].validation_score == pytest.approx(expected.epochs[0].validation_score, abs=0.05)
    again = Heard()
    train(with_task(job, Greedy(most_rows=4), epochs=2), tmp_path / "little", again)
    assert again.adjustments == []  # what was adjusted is known in the next session


def test_out_of_memory_late_in_training_goes_on_from_the_last_checkpoint(job: TrainingJob, tmp_path: Path) -> None:
    task = Greedy()

    def shrink() -> None:
        task.most_rows = 8

    heard = Heard("checkpoint", 1, shrink)
    train(with_task(job, task, epochs=2), tmp_path, heard)
    assert [line["from_step"] for line in heard.of("training")] == [0, 8]
    assert heard.adjustments == [("smaller_batches", 2)]


def test_the_ladder_goes_on_to_computing_twice_and_to_shorter_texts(
    job: TrainingJob, rows: Rows, tmp_path: Path
) -> None:
    heard = Heard()
    long = replace(rows.take(range(40)), inputs=tuple(f"{text} " * 5 for text in rows.inputs[:40]))
    wide = replace(
        with_task(job, Greedy(most_rows=2, most_tokens=32, keeps_layers=False), batch_size=4),
        train=long,
        preparation=job.preparation.model_copy(update={"max_tokens": 40}),
    )
    found = train(wide, tmp_path, heard)
    assert heard.adjustments == [
        ("smaller_batches", 2),
        ("smaller_batches", 4),
        ("gradient_checkpointing", 1),
        ("lora", 8),
        ("shorter_texts", 32),
    ]
    assert heard.of("adjustment")[-1]["because"] == (
        "Memory ran out all the same: texts are now cut after 32 tokens; the longest has 40."
    )
    assert found.model.preparation.max_tokens == 32
    assert [each.kind for each in load_adjustments(tmp_path)] == [kind for kind, _ in heard.adjustments]


def test_where_no_rung_is_left_the_run_fails_with_the_mend(job: TrainingJob, tmp_path: Path) -> None:
    with pytest.raises(RunFailed) as caught:
        train(with_task(job, Greedy(most_rows=0), batch_size=2), tmp_path, silent)
    assert caught.value.problem == "Memory ran out while training on one row of 11 tokens at a time."
    assert caught.value.fix == "Choose a smaller model, close other programs, then `advisor train` again."


def test_an_error_that_is_neither_memory_nor_number_stays_as_it_is(job: TrainingJob, tmp_path: Path) -> None:
    task = Greedy(most_rows=1)
    task.error = lambda _: RuntimeError("shapes do not fit")
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train(with_task(job, task), tmp_path, silent)


def test_computing_twice_changes_nothing_but_memory(job: TrainingJob, tmp_path: Path) -> None:
    one, other = (
        train(with_task(job, job.task, gradient_checkpointing=twice), tmp_path / str(twice), silent)
        for twice in (False, True)
    )
    assert (computes_twice(one.model.model), computes_twice(other.model.model)) == (False, True)
    assert_same(one, other)


class Answering(TextClassification):
    """Text classification whose model can answer only so many rows at a time."""

    def __init__(self, most_rows: int) -> None:
        self.most_rows = most_rows

    def build_model(self, encoder: Path, setting: TrainingSetting) -> Any:
        model = super().build_model(encoder, setting)
        model.register_forward_pre_hook(self.weigh, with_kwargs=True)
        return model

    def weigh(self, model: Any, _: Any, inputs: dict[str, Any]) -> None:
        if not model.training and len(inputs["input_ids"]) > self.most_rows:
            raise torch.OutOfMemoryError("CUDA out of memory.")


def test_answering_rows_has_a_ladder_of_its_own(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard()
    found = train(with_task(job, Answering(10)), tmp_path / "little", heard)
    assert heard.adjustments[:2] == [("smaller_evaluation", 16), ("smaller_evaluation", 8)]
    expected = train(with_task(job, job.task), tmp_path / "enough", silent)
    texts = job.validation.inputs
    np.testing.assert_allclose(found.model.outputs(texts), expected.model.outputs(texts), atol=1e-5)
    with pytest.raises(RunFailed) as caught:
        train(with_task(job, Answering(0)), tmp_path / "none", heard)
    assert caught.value.problem == "Memory ran out while answering one row."


def test_a_loss_that_is_no_number_lowers_the_rate_at_most_twice(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard()
    with pytest.raises(RunFailed) as caught:
        train(with_task(job, job.task, learning_rate=1e30, warmup_fraction=0.0), tmp_path, heard)
    assert [kind for kind, _ in heard.adjustments] == ["smaller_rate"] * 2
    assert [value for _, value in heard.adjustments] == pytest.approx([2.5e29, 6.25e28])
    assert heard.of("adjustment")[0]["because"] == (
        "The loss became nan at step 5: training goes back to the last good point, "
        "with a learning rate of 2.5e+29 instead of 1e+30."
    )
    assert caught.value.problem == "The loss became nan at step 5, and again with 2 smaller learning rates."
    assert caught.value.fix.startswith("Look for odd values in the rows, or assess again")


class Spoiled(TextClassification):
    """Text classification whose loss is no number for so many batches, from some batch on."""

    def __init__(self, batches: Sequence[int]) -> None:
        self.batches = set(batches)
        self.seen = itertools.count(1)

    def loss(self, *given: Any) -> Callable[..., Any]:
        whole = super().loss(*given)

        def spoiled(*values: Any, **named: Any) -> Any:
            return whole(*values, **named) * (float("nan") if next(self.seen) in self.batches else 1.0)

        return spoiled


def test_after_a_loss_that_was_no_number_training_goes_on_from_the_last_good_point(
    job: TrainingJob, tmp_path: Path
) -> None:
    heard = Heard()
    found = train(with_task(job, Spoiled([18, 20]), epochs=3), tmp_path, heard)
    assert [line["from_step"] for line in heard.of("training")] == [0, 16]
    assert heard.adjustments == [("smaller_rate", 0.0025)]
    assert len(found.epochs) == 3
    rates = [line["learning_rate"] for line in heard.of("step") if line["step"] > 16]
    assert max(rates[1:]) < 0.0025  # the rate fell with the schedule, from the smaller one
    assert all(np.isfinite(epoch.loss) for epoch in found.epochs)


def test_the_second_time_training_goes_back_to_the_point_before(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard()
    train(with_task(job, Spoiled([18, 19, 24]), epochs=3), tmp_path, heard)
    assert [line["from_step"] for line in heard.of("training")] == [0, 16, 8]
    assert heard.adjustments == [("smaller_rate", 0.0025), ("smaller_rate", 0.000625)]


def test_weights_that_are_no_numbers_never_become_a_checkpoint(job: TrainingJob, tmp_path: Path) -> None:
    class Broken(TextClassification):
        def build_model(self, encoder: Path, setting: TrainingSetting) -> Any:
            model = super().build_model(encoder, setting)
            model.classifier.bias.data[0] = float("inf")
            return model

    with pytest.raises(RunFailed) as caught:
        train(with_task(job, Broken()), tmp_path, silent)
    assert caught.value.problem.startswith("A weight became no number at step 0, ")
    assert list(tmp_path.glob("checkpoint-*")) == []


@pytest.mark.parametrize(
    ("batch_size", "parts", "expected"), [(16, 1, 2), (16, 2, 4), (10, 2, 5), (7, 1, 7), (16, 16, None)]
)
def test_batches_are_read_in_the_next_number_of_like_parts(batch_size: int, parts: int, expected: int | None) -> None:
    recipe = RECIPE.model_copy(update={"batch_size": batch_size, "accumulation_steps": parts})
    found = answer_to(torch.OutOfMemoryError(""), recipe, tiny.PREPARATION, [], lambda: 9)
    assert (found.kind, found.value) == (("smaller_batches", expected) if expected else ("gradient_checkpointing", 1))
    after, _ = adjust(recipe, tiny.PREPARATION, [found])
    assert after.batch_size == batch_size
    assert Recipe.model_validate(after.model_dump()) == after


def test_adjustments_add_up() -> None:
    made = [
        Adjustment(kind=kind, value=value, because="")
        for kind, value in (
            ("smaller_rate", 0.5),
            ("smaller_batches", 4),
            ("earlier_checkpoint", 8),
            ("shorter_texts", 16),
        )
    ]
    recipe, preparation = adjust(RECIPE, tiny.PREPARATION, made)
    assert (recipe.learning_rate, recipe.accumulation_steps, preparation.max_tokens) == (0.5, 4, 16)
    assert recipe.gradient_checkpointing is False
    rate = Adjustment(kind="smaller_rate", value=1, because="")
    with pytest.raises(RunFailed):
        answer_to(Diverged("The loss became nan", 5), RECIPE, tiny.PREPARATION, [rate, rate], lambda: 9)
