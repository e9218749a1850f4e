"""What frozen layers compute is computed once, and nothing else changes."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from pipeline.heads import PooledClassifier, PooledClassifierConfig
from pipeline.task import Rows, TrainingSetting
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.train import train
from tests import tiny

RECIPE = tiny.make_recipe(epochs=6, warmup_fraction=0.0, early_stopping_epochs=6, unfreezing="gradual")
"""Of five stages, one learns in the first epoch, two in the second, three in the third, then all."""


@pytest.fixture(scope="module")
def job(rows: Rows, tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    folder = tmp_path_factory.mktemp("deep")
    tiny.save_model(folder, layers=3)
    shorter = tuple(" ".join(str(text).split()[: 3 + place % 6]) for place, text in enumerate(rows.inputs))
    rows = replace(rows, inputs=shorter)
    return tiny.make_job(folder, rows, RECIPE, count=64, validation=32)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


class Counting:
    """A task that counts how often each layer of its model computes for training, by epoch."""

    def __init__(self, job: TrainingJob) -> None:
        self._task, self.epochs = job.task, [[0, 0, 0]]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def build_model(self, *given: Any) -> Any:
        model = self._task.build_model(*given)
        for place, layer in enumerate(model.encoder.encoder.layer):
            layer.attention.register_forward_hook(lambda *_, place=place: self._count(model, place))
        return model

    def _count(self, model: Any, place: int) -> None:
        self.epochs[-1][place] += model.training

    def listen(self, event: str, **_: Any) -> None:
        """Begin a new epoch after each evaluation."""
        if event == "evaluation":
            self.epochs.append([0, 0, 0])


def notes_of(job: TrainingJob, folder: Path, **changes: Any) -> tuple[Trained, str]:
    notes: list[str] = []

    def listen(event: str, **values: Any) -> None:
        if event == "note":
            notes.append(values["text"])

    return train(replace(job, recipe=job.recipe.model_copy(update=changes)), folder, listen), " ".join(notes)


def farthest(one: Trained, other: Trained) -> float:
    """The largest difference between weights of two models."""
    pairs = zip(one.model.model.parameters(), other.model.model.parameters(), strict=True)
    return max(float((first - second).abs().max().detach()) for first, second in pairs)


def test_the_weights_are_those_of_layers_computed_in_every_step(job: TrainingJob, tmp_path: Path) -> None:
    kept, note = notes_of(job, tmp_path / "kept", epochs=4, learning_rate=2e-5)
    computed, told = notes_of(replace(job, most_kept_bytes=0), tmp_path / "computed", epochs=4, learning_rate=2e-5)
    assert "computed once and kept in memory" in note
    assert "computed in every step, since what they make of the rows takes more than 0 MB" in told
    assert farthest(kept, computed) < 1e-6
    assert [epoch.loss for epoch in kept.epochs] == pytest.approx([epoch.loss for epoch in computed.epochs], abs=1e-6)


def test_frozen_layers_do_not_compute_in_steps(job: TrainingJob, tmp_path: Path) -> None:
    counted = Counting(job)
    train(replace(job, task=counted), tmp_path, counted.listen)
    checks, steps = 2, 4
    _, first, second, third, *rest = counted.epochs
    assert first == [checks, checks, checks]
    assert second == [0, 0, steps]
    assert third == [0, steps, steps]
    assert rest[0] == [steps] * 3


def test_where_memory_is_short_the_greatest_depths_are_kept(job: TrainingJob, tmp_path: Path) -> None:
    tokens = 64 * 11
    counted = Counting(job)
    small = replace(job, task=counted, most_kept_bytes=4 * 32 * tokens)
    train(small, tmp_path, counted.listen)
    assert counted.epochs[1] == [2, 2, 2]
    assert counted.epochs[2] == [4, 4, 4]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda job: replace(job, pooling="layer_mean"), "also reads what lies before"),
        (lambda job: replace(job, most_kept_bytes=10), "takes more than 0 MB"),
    ],
)
def test_a_model_that_cannot_be_entered_is_computed_as_before(
    job: TrainingJob, tmp_path: Path, change: Callable[[TrainingJob], TrainingJob], why: str
) -> None:
    trained, note = notes_of(change(job), tmp_path, epochs=2)
    assert why in note
    assert len(trained.epochs) == 2


class Disturbed:
    """A task whose model leaves out features at random between embeddings and layers, where nothing is frozen or learns."""

    def __init__(self, job: TrainingJob) -> None:
        self._task = job.task

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def build_model(self, *given: Any) -> Any:
        model = self._task.build_model(*given)
        model.disturbance = torch.nn.Dropout(0.5)
        model.encoder.embeddings.register_forward_hook(lambda module, given, found: model.disturbance(found))
        return model


def test_layers_behind_something_random_are_computed_in_every_step(job: TrainingJob, tmp_path: Path) -> None:
    _, note = notes_of(replace(job, task=Disturbed(job)), tmp_path, epochs=2)
    assert "leaves out at random" in note


SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
ENTERED, MORE = "kept in memory", "passes more than features from layer to layer"
DISTURBED = "something in front of them learns or leaves out at random"
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "roberta": ({**SMALL, "pad_token_id": 0}, ENTERED),
    "electra": ({**SMALL, "embedding_size": 8}, ENTERED),
    "modernbert": ({**SMALL, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}, ENTERED),
    "deberta-v2": ({**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, MORE),
    "distilbert": ({"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16}, ENTERED),
    "gpt2": ({"n_embd": 16, "n_layer": 2, "n_head": 2}, DISTURBED),
    "llama": ({**SMALL, "num_key_value_heads": 2, "pad_token_id": 0}, ENTERED),
}


class OfKind:
    """A task whose model has an encoder of another kind, with random weights."""

    def __init__(self, job: TrainingJob, kind: str) -> None:
        self._task, self.kind = job.task, kind

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def build_model(self, path: Path, setting: TrainingSetting) -> Any:
        words = self._task.build_model(path, setting).encoder.config.vocab_size
        torch.manual_seed(0)
        config = AutoConfig.for_model(self.kind, vocab_size=words, **KINDS[self.kind][0])
        description = config.to_diff_dict() | {"model_type": self.kind}
        return PooledClassifier(PooledClassifierConfig(encoder=description, num_labels=len(setting.classes)))


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_many_kinds_are_entered_or_say_why_not(job: TrainingJob, tmp_path: Path, kind: str) -> None:
    trained, note = notes_of(replace(job, task=OfKind(job, kind)), tmp_path, epochs=2)
    assert KINDS[kind][1] in note
    assert len(trained.epochs) == 2


def test_without_freezing_nothing_is_kept(job: TrainingJob, tmp_path: Path) -> None:
    _, note = notes_of(job, tmp_path, epochs=1, unfreezing="all_at_once")
    assert "rozen" not in note
