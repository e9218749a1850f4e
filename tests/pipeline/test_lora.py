"""LoRA: the weights stay, narrow matrices learn, the saved model is one like any other, and a stop loses nothing."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from pipeline.errors import MissingExtra
from pipeline.extras import require
from pipeline.heads import PooledClassifier, PooledClassifierConfig
from pipeline.predictors.fine_tuned import load_fine_tuned
from pipeline.records import Adjustment, ModelSource, Recipe
from pipeline.task import Rows, TrainingSetting
from pipeline.training.adjustments import adjust, answer_to
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.lora import add_lora, merge_lora
from pipeline.training.parameter_groups import group_parameters, layers_of, stages_of
from pipeline.training.train import train
from tests import tiny

RECIPE = tiny.make_recipe(epochs=3, lora_rank=4)
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 30}
KINDS: dict[str, dict[str, Any]] = {
    "bert": SMALL,
    "distilbert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "vocab_size": 30},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 30},
    "llama": {**SMALL, "num_key_value_heads": 2},
}


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource) -> TrainingJob:
    return tiny.make_job(tiny_model.location, rows, RECIPE, count=96)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def train_with(job: TrainingJob, folder: Path, report: Callable[..., None] = silent, **changes: Any) -> Trained:
    return train(replace(job, recipe=job.recipe.model_copy(update=changes)), folder, report)


def built(job: TrainingJob) -> Any:
    return job.task.build_model(job.encoder, TrainingSetting(job.classes, "mean", job.seed, job.train))


def with_head(kind: str) -> Any:
    config = transformers.AutoConfig.for_model(kind, **KINDS[kind])
    encoder = config.to_diff_dict() | {"model_type": kind}
    torch.manual_seed(1)
    return PooledClassifier(PooledClassifierConfig(encoder=encoder, num_labels=3)).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_any_kind_of_model_learns_narrow_matrices_that_can_be_merged(kind: str) -> None:
    model, before = with_head(kind), with_head(kind)
    names = list(model.state_dict())
    add_lora(model, 2, seed=0)
    learning = {name for name, part in model.named_parameters() if part.requires_grad}
    assert {"classifier.weight", "classifier.bias"} < learning
    assert all("lora_" in name or name.startswith("classifier.") for name in learning)
    for layer in layers_of(model.encoder):
        assert any(part.requires_grad for part in layer.parameters())
    batch = {"input_ids": torch.arange(1, 9).reshape(2, 4), "attention_mask": torch.ones(2, 4, dtype=torch.long)}
    with torch.no_grad():
        assert torch.equal(model(**batch).logits, before(**batch).logits)  # it begins where the model was
        for name, part in model.named_parameters():
            if "lora_B" in name:
                part.normal_(std=0.5)
        apart = model(**batch).logits
        merge_lora(model)
        np.testing.assert_allclose(model(**batch).logits, apart, atol=1e-4)
    assert not torch.allclose(apart, before(**batch).logits, atol=1e-2)
    assert list(model.state_dict()) == names
    assert all(part.requires_grad for part in model.parameters())


def test_narrow_matrices_learn_ten_times_faster_and_weights_that_stay_are_in_no_group(job: TrainingJob) -> None:
    model = built(job)
    add_lora(model, 2, seed=0)
    groups = group_parameters([stage.learning() for stage in stages_of(model)], 1e-3, 1.0, 0.0)
    rates = {id(part): group["lr"] for group in groups for part in group["params"]}
    found = {name: rates.get(id(part)) for name, part in model.named_parameters()}
    assert {rate for name, rate in found.items() if "lora_" in name} == {1e-2}
    assert {rate for name, rate in found.items() if name.startswith("classifier.")} == {1e-3}
    assert {rate for name, rate in found.items() if "base_layer" in name or "embeddings" in name} == {None}


def test_it_learns_and_the_saved_model_is_one_like_any_other(job: TrainingJob, tmp_path: Path) -> None:
    start = built(job)
    found = train_with(job, tmp_path / "work", epochs=6, learning_rate=1e-3)
    assert found.epochs[-1].loss < 0.95 * found.epochs[0].loss
    model = found.model.model
    assert list(model.state_dict()) == list(start.state_dict())
    theirs = dict(start.named_parameters())
    changed = {name for name, part in model.named_parameters() if not torch.equal(part, theirs[name])}
    assert changed == {
        name
        for name, part in model.named_parameters()
        if name.startswith("classifier.") or (".layer." in name and part.ndim == 2)
    }
    found.model.save(tmp_path / "model")
    loaded = load_fine_tuned(tmp_path / "model")
    few = job.validation.inputs[:20]
    np.testing.assert_allclose(loaded.outputs(few), found.model.outputs(few), atol=1e-6)


@pytest.mark.parametrize("strategies", [{}, {"unfreezing": "gradual", "layer_decay": 0.8, "l2_sp": 0.1}])
def test_it_goes_on_bit_by_bit_after_a_stop(strategies: dict[str, Any], job: TrainingJob, tmp_path: Path) -> None:
    whole = train_with(job, tmp_path / "whole", **strategies)
    count = itertools.count(1)

    def stop(event: str, **values: Any) -> None:
        if event == "checkpoint" and next(count) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_with(job, tmp_path / "stopped", stop, **strategies)
    again = train_with(job, tmp_path / "stopped", **strategies)
    assert again.epochs == whole.epochs
    for one, other in zip(whole.model.model.parameters(), again.model.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_where_memory_runs_out_it_comes_after_computing_twice_and_before_shorter_texts(job: TrainingJob) -> None:
    earlier: list[Adjustment] = []
    recipe, preparation = job.recipe.model_copy(update={"lora_rank": 0, "batch_size": 1}), job.preparation
    for _ in range(2):
        earlier.append(answer_to(MemoryError(), recipe, preparation, earlier, lambda: 200))
        recipe, preparation = adjust(recipe, preparation, earlier[-1:])
    assert [each.kind for each in earlier] == ["gradient_checkpointing", "lora"]
    assert recipe.lora_rank == earlier[1].value == 8
    assert "Training starts again" in earlier[1].because
    assert answer_to(
        MemoryError(), recipe, preparation.model_copy(update={"max_tokens": 100}), earlier, lambda: 200
    ).kind == ("shorter_texts")


def test_training_starts_again_with_it_after_checkpoints_of_weights_that_learned(
    job: TrainingJob, tmp_path: Path
) -> None:
    twice = {"lora_rank": 0, "batch_size": 1, "gradient_checkpointing": True, "epochs": 2}
    few = replace(job, train=job.train.take(range(12)), validation=job.validation.take(range(9)))
    heard: list[tuple[str, Any]] = []

    def listen(event: str, **values: Any) -> None:
        heard.append((event, values.get("kind", values.get("from_step"))))
        if event == "checkpoint" and ("adjustment", "lora") not in heard:
            raise MemoryError

    found = train_with(few, tmp_path, listen, **twice)
    assert ("adjustment", "lora") in heard
    assert [value for event, value in heard if event == "training"] == [0, 0]
    assert len(found.epochs) == 2


def test_a_missing_package_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra) as caught:
        require("no_such_package", "lora", "[training] lora_rank")
    assert caught.value.problem == "[training] lora_rank needs the package 'no_such_package', which is not installed."
    assert caught.value.fix == 'Install it: pip install "finetune-advisor[lora]"'
    require("peft", "lora", "LoRA")


@pytest.mark.parametrize("other", [{"l1": 1.0}, {"reinitialised_layers": 1}])
def test_what_does_nothing_to_weights_that_stay_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="with lora_rank the weights stay as they are"):
        Recipe.model_validate({**RECIPE.model_dump(), **other})
