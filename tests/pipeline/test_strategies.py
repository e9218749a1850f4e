"""Each strategy does what it says, on models of a few layers."""

import itertools
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from pipeline.evaluation.metrics import ACCURACY
from pipeline.models import load_encoder
from pipeline.task import Rows, TrainingSetting
from pipeline.training.averaging import FOLDER, BestWeights, mean_weights
from pipeline.training.callbacks import SCORE
from pipeline.training.freezing import thawed_stages
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.parameter_groups import Stage, group_parameters, layers_of, stages_of
from pipeline.training.regularisation import shrink, start_anew, zero_fraction
from pipeline.training.train import train
from tests import tiny

LAYERS = 3
RECIPE = tiny.make_recipe(epochs=2, warmup_fraction=0.0, weight_decay=0.0)
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 30}
MODELS: dict[str, tuple[dict[str, Any], int]] = {
    "bert": (SMALL, 2),
    "roberta": (SMALL, 2),
    "electra": ({**SMALL, "embedding_size": 8}, 2),
    "modernbert": (
        {**SMALL, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
        2,
    ),
    "deberta-v2": ({**SMALL, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, 2),
    "distilbert": ({"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "vocab_size": 30}, 2),
    "gpt2": ({"n_embd": 16, "n_layer": 2, "n_head": 2, "vocab_size": 30}, 2),
    "llama": ({**SMALL, "num_key_value_heads": 2}, 2),
    "albert": ({**SMALL, "embedding_size": 8}, 1),
    "t5": ({"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 2, "num_heads": 2, "vocab_size": 30}, 4),
}
"""Kinds of models with few weights, and how many layers there are to find."""


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deep")
    tiny.save_model(folder, layers=LAYERS)
    return folder


@pytest.fixture(scope="module")
def job(rows: Rows, encoder: Path) -> TrainingJob:
    return tiny.make_job(encoder, rows, RECIPE, count=64)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def train_with(job: TrainingJob, folder: Path, report: Callable[..., None] = silent, **changes: Any) -> Trained:
    return train(replace(job, recipe=job.recipe.model_copy(update=changes)), folder, report)


def built(job: TrainingJob) -> Any:
    return job.task.build_model(job.encoder, TrainingSetting(job.classes, "mean", job.seed, job.train))


def distance(model: Any, other: Any, part: str = "encoder.") -> float:
    """How far the weights of two models lie apart."""
    theirs = dict(other.named_parameters())
    squares = [
        float(((weight - theirs[name]) ** 2).sum().detach())
        for name, weight in model.named_parameters()
        if name.startswith(part)
    ]
    return float(np.sqrt(sum(squares)))


class WithHead(torch.nn.Module):
    """A model of any kind with a head, as ours are made."""

    base_model_prefix = "encoder"

    def __init__(self, encoder: Any) -> None:
        super().__init__()
        self.encoder, self.classifier = encoder, torch.nn.Linear(16, 3)


@pytest.mark.parametrize("kind", MODELS)
def test_the_layers_of_any_kind_of_model_are_found_by_themselves(kind: str) -> None:
    options, expected = MODELS[kind]
    config = transformers.AutoConfig.for_model(kind, **options)
    model = WithHead(transformers.AutoModel.from_config(config))
    stages = stages_of(model)
    assert len(layers_of(model.encoder)) == len(stages) - 2 == expected
    names = [name for stage in stages for name in stage.parameters]
    assert sorted(names) == sorted(name for name, _ in model.named_parameters())
    assert any("emb" in name or "wte" in name or "shared" in name for name in stages[0].parameters)
    assert {"classifier.weight", "classifier.bias"} <= set(stages[-1].parameters)
    assert all(stage.modules for stage in stages)
    below = {id(part) for module in stages[0].modules for part in module.parameters()}
    assert below <= {id(part) for part in stages[0].parameters.values()}


def test_a_model_without_layers_has_embeddings_and_a_head_only() -> None:
    encoder: Any = torch.nn.Sequential(torch.nn.Embedding(4, 16))
    stages = stages_of(WithHead(encoder))
    assert [list(stage.parameters) for stage in stages] == [
        [],
        ["encoder.0.weight", "classifier.weight", "classifier.bias"],
    ]


def test_each_layer_learns_by_the_decay_more_slowly_than_the_one_above(job: TrainingJob) -> None:
    stages = stages_of(built(job))
    groups = group_parameters(stages, 1e-3, 0.5, 0.01)
    rates = {id(part): group["lr"] for group in groups for part in group["params"]}
    found = [{rates[id(part)] for part in stage.parameters.values()} for stage in stages]
    assert found == [{1e-3 * 0.5**height} for height in range(LAYERS + 1, -1, -1)]
    assert sum(len(group["params"]) for group in groups) == len(list(built(job).parameters()))


def test_biases_and_norms_do_not_decay_and_without_layer_decay_there_are_two_groups(job: TrainingJob) -> None:
    decaying, others = group_parameters(stages_of(built(job)), 1e-3, 1.0, 0.01)
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.01, 0.0)
    assert {part.ndim for part in decaying["params"]} == {2}
    assert {part.ndim for part in others["params"]} == {1}


def test_layer_decay_keeps_lower_layers_nearer_to_where_they_were(job: TrainingJob, tmp_path: Path) -> None:
    start = built(job)
    plain = train_with(job, tmp_path / "plain").model.model
    decayed = train_with(job, tmp_path / "decayed", layer_decay=0.3).model.model
    low = "encoder.encoder.layer.0."
    assert distance(decayed, start, low) < 0.3 * distance(plain, start, low)
    assert distance(decayed, start, "classifier.") > 0.5 * distance(plain, start, "classifier.")


@pytest.mark.parametrize(
    ("stages", "epochs", "expected"),
    [
        (5, 8, [1, 2, 3, 4, 5, 5, 5, 5]),
        (14, 4, [1, 7, 14, 14]),
        (5, 3, [1, 5, 5]),
        (5, 2, [1, 5]),
        (5, 1, [5]),
    ],
)
def test_stages_thaw_from_the_last_down_over_half_of_the_epochs(stages: int, epochs: int, expected: list[int]) -> None:
    assert [thawed_stages(stages, epoch, epochs) for epoch in range(epochs)] == expected


def test_frozen_layers_do_not_move_and_then_do(job: TrainingJob, tmp_path: Path) -> None:
    start: list[Stage] = []
    seen = []

    class Watched(type(job.task)):  # type: ignore[misc]
        def build_model(self, encoder: Path, setting: TrainingSetting) -> Any:
            self.model = super().build_model(encoder, setting)
            return self.model

    task: Any = Watched()

    def listen(event: str, **values: Any) -> None:
        if event == "training":  # of the words only those that occur are in the model now
            start.extend(stages_of(deepcopy(task.model)))
        if event == "checkpoint":
            now = stages_of(task.model)
            seen.append([moved(one.parameters, other.parameters) for one, other in zip(start, now, strict=True)])

    train_with(replace(job, task=task), tmp_path, listen, unfreezing="gradual", epochs=6)
    assert seen == [
        [False, False, False, False, True],
        [False, False, False, True, True],
        [False, False, True, True, True],
        *[[True] * 5] * 3,
    ]


def moved(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return any(not torch.equal(part, after[name]) for name, part in before.items() if "pooler" not in name)


def test_gradual_unfreezing_goes_on_bit_by_bit_after_a_stop(job: TrainingJob, tmp_path: Path) -> None:
    strategies: dict[str, Any] = {
        "unfreezing": "gradual",
        "epochs": 6,
        "layer_decay": 0.8,
        "l1": 0.1,
        "l2_sp": 0.1,
        "dropout": 0.2,
    }
    whole = train_with(job, tmp_path / "whole", **strategies)
    count = itertools.count(1)

    def stop(event: str, **values: Any) -> None:
        if event == "checkpoint" and next(count) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_with(job, tmp_path / "stopped", stop, **strategies)
    again = train_with(job, tmp_path / "stopped", **strategies)
    for one, other in zip(whole.model.model.parameters(), again.model.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_l1_makes_weights_exactly_zero_and_says_how_many(job: TrainingJob, tmp_path: Path) -> None:
    notes: list[str] = []

    def listen(event: str, **values: Any) -> None:
        if event == "note":
            notes.append(values["text"])

    found = train_with(job, tmp_path / "sparse", listen, l1=5.0)
    share = zero_fraction(found.model.model)
    assert share > 0.1
    assert notes == [f"L1: {100 * share:.1f} % of the connecting weights are exactly zero."]
    assert zero_fraction(train_with(job, tmp_path / "plain").model.model) < 0.01


def test_shrinking_moves_by_the_threshold_and_no_further_than_zero() -> None:
    found = shrink(torch.tensor([3.0, 0.5, 0.25, 0.0, -0.25, -3.0]), 0.5)
    assert found.tolist() == [2.5, 0.0, 0.0, 0.0, 0.0, -2.5]


def test_l2_sp_keeps_pre_trained_weights_nearer_and_leaves_the_head_alone(job: TrainingJob, tmp_path: Path) -> None:
    start = built(job)
    free = train_with(job, tmp_path / "free").model.model
    drawn = train_with(job, tmp_path / "drawn", l2_sp=30.0).model.model
    assert distance(drawn, start) < 0.7 * distance(free, start)
    assert distance(drawn, start, "classifier.") > 0.5 * distance(free, start, "classifier.")


def test_dropout_is_that_of_the_recipe_in_every_layer(job: TrainingJob, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], set[float]]] = [({"dropout": 0.3}, {0.3}), ({}, {0.0, 0.1})]
    for recipe, expected in cases:
        model = train_with(job, tmp_path / str(len(expected)), epochs=1, **recipe).model.model
        assert {part.p for part in model.modules() if isinstance(part, torch.nn.Dropout)} == expected


def test_only_the_topmost_layers_start_anew(job: TrainingJob) -> None:
    encoder, before = load_encoder(job.encoder), load_encoder(job.encoder)
    start_anew(encoder, 2, seed=3)
    changed = [
        any(not torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))
        for ours, theirs in zip(layers_of(encoder), layers_of(before), strict=True)
    ]
    assert changed == [False, True, True]
    for name, part in encoder.named_parameters():
        same = torch.equal(part, before.get_parameter(name))
        assert same or name.startswith(("encoder.layer.1.", "encoder.layer.2."))
    again = load_encoder(job.encoder)
    start_anew(again, 2, seed=3)
    for one, other in zip(encoder.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    weight = encoder.encoder.layer[2].attention.self.query.weight
    assert float(weight.detach().std()) == pytest.approx(0.2, rel=0.1)  # as the model was made


def test_the_average_is_the_mean_of_the_weights() -> None:
    states = [
        {"a": torch.tensor([1.0, 2.0]), "n": torch.tensor(7)},
        {"a": torch.tensor([3.0, 6.0]), "n": torch.tensor(9)},
    ]
    found = mean_weights(states)
    assert found["a"].tolist() == [2.0, 4.0]
    assert found["n"] == 7


def test_the_weights_of_the_best_epochs_are_kept_of_equals_the_later(tmp_path: Path) -> None:
    kept = BestWeights(tmp_path, 2, ACCURACY)
    history = [{"step": step, SCORE: score} for step, score in ((4, 0.8), (8, 0.9), (12, 0.8), (16, 0.7))]
    assert kept.best_steps(history) == [8, 12]
    assert BestWeights(tmp_path, 2, replace(ACCURACY, higher_is_better=False)).best_steps(history) == [16, 12]


def test_averaged_weights_are_kept_only_where_the_validation_rows_are_sure(job: TrainingJob, tmp_path: Path) -> None:
    notes: list[str] = []

    def listen(event: str, **values: Any) -> None:
        if event == "note":
            notes.append(values["text"])

    found = train_with(job, tmp_path, listen, averaged_checkpoints=2, epochs=3)
    files = sorted((tmp_path / FOLDER).glob("*.safetensors"))
    assert len(files) == 2
    (note,) = notes
    assert note.startswith("The averaged weights of the best epochs score ")
    plain = train_with(job, tmp_path / "plain", epochs=3)
    same = distance(found.model.model, plain.model.model, "") == 0
    assert same == note.endswith("the best epoch is kept.")


@pytest.mark.parametrize(("schedule", "last"), [("linear", 0.0), ("cosine", 0.0), ("constant", 0.01)])
def test_the_rate_follows_the_schedule(schedule: str, last: float, job: TrainingJob, tmp_path: Path) -> None:
    rates: list[float] = []

    def listen(event: str, **values: Any) -> None:
        if event == "step":
            rates.append(values["learning_rate"])

    train_with(job, tmp_path, listen, schedule=schedule, warmup_fraction=0.25, epochs=4)
    assert rates[0] <= 0.01
    assert max(rates) == pytest.approx(0.01, rel=0.3)
    assert rates[-1] == pytest.approx(last, abs=0.003)
