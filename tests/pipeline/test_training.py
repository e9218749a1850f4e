"""Training for real, on a one-layer model: that it learns, repeats itself, ends early, breaks loudly and goes on."""

import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pipeline.data.splitting import row_ids
from pipeline.embeddings import UNCOUNTED, Embedder
from pipeline.evaluation.metrics import ACCURACY
from pipeline.heads import PooledClassifier, build_head
from pipeline.metric import Metric
from pipeline.predictors.fine_tuned import FineTuned, load_fine_tuned, padded_tokens
from pipeline.predictors.linear import OneLabel
from pipeline.predictors.majority import majority
from pipeline.predictors.probe import Probe, probe
from pipeline.records import ModelSource, Recipe
from pipeline.task import Array, Features, Rows, TrainingSetting, load_task
from pipeline.tasks.spans import as_tags
from pipeline.tasks.text_classification import TextClassification
from pipeline.training.job import HEAD_ROWS, HEAD_ROWS_OF_A_KIND, Trained, TrainingJob, head_rows
from pipeline.training.train import train
from tests.tiny import CLASSES, PREPARATION

TASK = load_task("text-classification")
RECIPE = Recipe(
    strategy="probe_then_fine_tune",
    learning_rate=0.01,
    batch_size=16,
    epochs=4,
    warmup_fraction=0.1,
    weight_decay=0.01,
    early_stopping_epochs=2,
    class_weights="balanced",
)


@pytest.fixture(scope="module")
def head(rows: Rows, embedder: Embedder) -> Probe:
    fitted = probe(embedder, "mean", OneLabel(), CLASSES)(rows.take(range(200)), 0)
    assert isinstance(fitted, Probe)
    return fitted


@pytest.fixture(scope="module")
def job(rows: Rows, tiny_model: ModelSource, head: Probe) -> TrainingJob:
    return TrainingJob(
        task=TASK,
        encoder=Path(tiny_model.location),
        recipe=RECIPE,
        preparation=PREPARATION,
        pooling="mean",
        classes=CLASSES,
        metric=ACCURACY,
        train=rows.take(range(200)),
        validation=rows.take(range(200, 260)),
        seed=0,
        head=(head.linear.weight, head.linear.bias),
    )


@pytest.fixture(scope="module")
def trained(job: TrainingJob, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(job, tmp_path_factory.mktemp("work"), silent)


def silent(event: str, **values: Any) -> None:
    """Hear nothing."""


def with_recipe(job: TrainingJob, **changes: Any) -> TrainingJob:
    return replace(job, recipe=job.recipe.model_copy(update=changes))


def weights(trained: Trained) -> np.ndarray[Any, np.dtype[Any]]:
    return np.concatenate([part.detach().numpy().ravel() for part in trained.model.model.state_dict().values()])


def test_training_beats_the_majority_guess_and_the_probe(trained: Trained, rows: Rows, head: Probe) -> None:
    test = rows.take(range(260, 360))
    guess, probed, tuned = (
        ACCURACY(test.answers, predict(test).answers, CLASSES)
        for predict in (majority(CLASSES)(rows.take(range(200)), 0), head, trained.model)
    )
    assert tuned > probed + 0.2
    assert probed > guess


def test_each_epoch_is_scored_and_the_loss_falls(trained: Trained) -> None:
    assert [epoch.epoch for epoch in trained.epochs] == pytest.approx(list(range(1, len(trained.epochs) + 1)))
    assert trained.epochs[-1].loss < trained.epochs[0].loss
    assert trained.best_epoch in [epoch.epoch for epoch in trained.epochs]
    assert len(trained.steps) == 13 * len(trained.epochs)
    assert all(step.tokens > 0 and step.wall_seconds > 0 for step in trained.steps)


def test_the_same_seed_gives_the_same_model_and_another_seed_another(
    job: TrainingJob, trained: Trained, tmp_path: Path
) -> None:
    again = train(job, tmp_path / "again", silent)
    np.testing.assert_array_equal(weights(again), weights(trained))
    assert again.epochs == trained.epochs
    other = train(replace(with_recipe(job, epochs=1), seed=1), tmp_path / "other", silent)
    assert not np.array_equal(weights(other), weights(trained))


def test_the_head_starts_from_the_probe(tiny_model: ModelSource, rows: Rows, head: Probe, job: TrainingJob) -> None:
    setting = TrainingSetting(CLASSES, "mean", seed=0, rows=rows, head=TASK.head_of(head))
    model = TASK.build_model(Path(tiny_model.location), setting).eval()
    tuned = replace(train_nothing(job), model=model)
    found, expected = tuned(rows), head(rows)
    assert found.answers == expected.answers
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)  # type: ignore[arg-type]


def made_rows(answers: list[Any]) -> Rows:
    inputs = [f"text {place}" for place in range(len(answers))]
    return Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))


def test_a_head_starts_from_some_rows_that_hold_each_kind_of_answer_as_evenly_as_can_be() -> None:
    rows = made_rows(["often"] * 2990 + ["seldom"] * 200 + ["rare"] * 2)
    found = head_rows(rows, 0)
    assert Counter(found.answers) == {"often": HEAD_ROWS - 202, "seldom": 200, "rare": 2}
    assert list(found.ids) == [each for each in rows.ids if each in set(found.ids)]  # in their order
    assert head_rows(rows, 0) == found != head_rows(rows, 1)
    few = rows.take(range(HEAD_ROWS))
    assert head_rows(few, 0) is few
    kinds = [f"kind {place % 150}" for place in range(4500)]
    assert Counter(head_rows(made_rows(kinds), 0).answers) == dict.fromkeys(kinds, HEAD_ROWS_OF_A_KIND)


def test_a_head_starts_from_rows_with_each_label_each_tag_and_any_numbers() -> None:
    sets = made_rows([("rare", "usual")] * 3 + [("usual",)] * 3000 + [()] * 500)
    found = Counter(itertools.chain.from_iterable(as_tags(answer) for answer in head_rows(sets, 0).answers))
    assert found["rare"] == 3
    assert len(head_rows(sets, 0)) == HEAD_ROWS
    assert len(head_rows(made_rows([place / 7 for place in range(3000)]), 0)) == HEAD_ROWS


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (3.0, 0.5), (-40.0, 12.0)])
def test_a_head_whose_outputs_have_a_zero_and_a_unit_of_their_own_starts_from_the_probe_too(
    mean: float,
    deviation: float,
    tiny_model: ModelSource,
    rows: Rows,
    head: Probe,
    job: TrainingJob,
    embedder: Embedder,
) -> None:
    setting = TrainingSetting(CLASSES, "mean", seed=0, rows=rows, head=(head.linear.weight, head.linear.bias))
    path = Path(tiny_model.location)
    model = build_head(
        PooledClassifier, path, setting, problem_type="regression", mean=mean, deviation=deviation
    ).eval()
    found = replace(train_nothing(job), model=model).outputs(rows.inputs[:30])
    np.testing.assert_allclose(np.stack(found), head.linear(embedder(rows.inputs[:30], "mean")), atol=1e-3)
    if mean:  # from nothing it starts near what an output of zero stands for
        bare = build_head(
            PooledClassifier,
            path,
            replace(setting, head=None),
            problem_type="regression",
            mean=mean,
            deviation=deviation,
        ).eval()
        blind = replace(train_nothing(job), model=bare).outputs(rows.inputs[:30])
        assert abs(float(np.mean(blind)) - mean) < deviation


def train_nothing(job: TrainingJob) -> Any:
    """What answers rows, before a step of training."""
    from pipeline.models import load_tokenizer

    return FineTuned(None, load_tokenizer(job.encoder), job.task, job.classes, job.preparation)


@pytest.mark.parametrize("pooling", ["mean", "cls", "layer_mean"])
def test_a_saved_model_answers_as_the_trained_one_under_each_pooling(
    pooling: str, job: TrainingJob, rows: Rows, tmp_path: Path
) -> None:
    one_epoch = replace(with_recipe(job, epochs=1), pooling=pooling, head=None)
    model = train(one_epoch, tmp_path / "work", silent).model
    model.save(tmp_path)
    loaded = load_fine_tuned(tmp_path)
    assert loaded.classes == CLASSES
    assert loaded.preparation == PREPARATION
    np.testing.assert_allclose(loaded.outputs(rows.inputs[:50]), model.outputs(rows.inputs[:50]), atol=1e-6)


def test_long_texts_are_cut_and_nothing_is_padded(trained: Trained, rows: Rows) -> None:
    long = " ".join(str(given) for given in rows.inputs[:10])
    encoded = trained.model.encode(["one", long])
    assert [len(row["input_ids"]) for row in encoded] == [3, 32]


def test_outputs_do_not_depend_on_the_batch_and_come_back_in_order(trained: Trained, rows: Rows) -> None:
    few = [*rows.inputs[:20], "one", ""]
    found = trained.model.outputs(few, 22)
    assert [each.shape for each in found] == [(3,)] * 22
    np.testing.assert_allclose(trained.model.outputs(few, 1), found, atol=1e-5)
    np.testing.assert_allclose(trained.model.outputs(few[::-1], 5), found[::-1], atol=1e-5)
    assert trained.model.outputs([]) == []
    assert trained.model(Rows((), (), ())).answers == ()


def test_padded_tokens_are_those_of_batches_of_like_length() -> None:
    assert padded_tokens([3, 9, 4, 8, 1], batch_size=2) == 2 * 9 + 2 * 4 + 1
    assert padded_tokens([]) == 0


class Fake(TextClassification):
    """Text classification with targets of another kind, and a loss that only notes what batches hold."""

    def __init__(self, target: Callable[[int], Array]) -> None:
        self.target = target
        self.batches: list[torch.Tensor] = []

    def targets(self, rows: Rows, features: Sequence[Features], classes: Sequence[str]) -> list[Array]:
        return [self.target(len(row["input_ids"])) for row in features]

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str, smoothing: float = 0.0) -> Callable[..., Any]:
        def noted(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
            self.batches.append(labels)
            return outputs["logits"].sum() * 0

        return noted


def batches_of(target: Callable[[int], Array], job: TrainingJob, tmp_path: Path) -> list[torch.Tensor]:
    fake = Fake(target)
    task: Any = fake
    texts = tuple(" ".join(["one"] * (1 + place % 9)) for place in range(32))
    few = replace(job.train.take(range(32)), inputs=texts)
    train(replace(job, task=task, train=few, validation=few.take(range(3))), tmp_path, silent, stop_after_seconds=0.0)
    return fake.batches


def test_targets_for_each_token_are_padded_with_what_no_loss_counts(job: TrainingJob, tmp_path: Path) -> None:
    batches = batches_of(np.arange, job, tmp_path)
    ragged = 0
    for batch in batches:
        lengths = [int((row != UNCOUNTED).sum()) for row in batch]
        assert batch.dtype == torch.int64
        assert batch.shape == (16, max(lengths))  # as wide as the tokens, which are padded to the longest
        for row, length in zip(batch.tolist(), lengths, strict=True):
            assert row == [*range(length), *[UNCOUNTED] * (max(lengths) - length)]
            ragged += length < max(lengths)
    assert ragged > 0


@pytest.mark.parametrize(
    ("target", "shape", "kind"),
    [
        (np.array(2), (16,), torch.int64),
        (np.array(0.5, dtype=np.float32), (16,), torch.float32),
        (np.array([0.0, 1.0, 1.0], dtype=np.float32), (16, 3), torch.float32),
    ],
)
def test_targets_that_a_row_has_once_are_stacked_as_they_are(
    target: Array, shape: tuple[int, ...], kind: torch.dtype, job: TrainingJob, tmp_path: Path
) -> None:
    for batch in batches_of(lambda _: target, job, tmp_path):
        assert (batch.shape, batch.dtype) == (shape, kind)
        np.testing.assert_array_equal(batch[3], target)


class Choosy(TextClassification):
    """Text classification that chooses a threshold, which changes with the weights."""

    needs_thresholds = True

    def choose_thresholds(
        self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str], metric: Metric
    ) -> tuple[float, ...]:
        assert rows.answers
        return (float(np.mean(outputs)),)


def test_thresholds_are_those_of_the_epoch_that_was_kept_and_are_saved(job: TrainingJob, tmp_path: Path) -> None:
    task: Any = Choosy()
    found = train(replace(with_recipe(job, epochs=2), task=task), tmp_path / "work", silent)
    expected = float(np.mean(found.model.outputs(job.validation.inputs)))
    assert list(found.model.thresholds) == pytest.approx([expected])
    found.model.save(tmp_path)
    assert load_fine_tuned(tmp_path).thresholds == found.model.thresholds
    assert train(with_recipe(job, epochs=1), tmp_path / "other", silent).model.thresholds == ()


def test_training_ends_early_when_it_no_longer_helps(job: TrainingJob, tmp_path: Path) -> None:
    noise = replace(job, validation=replace(job.validation, answers=job.validation.answers[::-1]))
    found = train(with_recipe(noise, epochs=12, learning_rate=0.02), tmp_path, silent)
    assert len(found.epochs) < 12


MISTAKES = replace(ACCURACY, name="mistakes", higher_is_better=False, reduce=lambda sums: 1 - ACCURACY.reduce(sums))
"""Accuracy the other way round."""


def test_of_errors_the_smallest_is_kept_and_training_ends_when_they_rise(job: TrainingJob, tmp_path: Path) -> None:
    noise = replace(job, validation=replace(job.validation, answers=job.validation.answers[::-1]))
    noise = with_recipe(noise, epochs=12, learning_rate=0.02)
    right = train(noise, tmp_path / "right", silent)
    wrong = train(replace(noise, metric=MISTAKES), tmp_path / "wrong", silent)
    assert len(wrong.epochs) < 12
    assert [1 - epoch.validation_score for epoch in wrong.epochs] == pytest.approx(
        [epoch.validation_score for epoch in right.epochs]
    )
    assert wrong.best_epoch == right.best_epoch
    np.testing.assert_array_equal(weights(wrong), weights(right))


def test_of_errors_a_late_epoch_that_learned_is_kept(job: TrainingJob, trained: Trained, tmp_path: Path) -> None:
    found = train(replace(job, metric=MISTAKES), tmp_path, silent)
    assert found.epochs[-1].validation_score < found.epochs[0].validation_score
    assert found.best_epoch == trained.best_epoch > 1
    np.testing.assert_array_equal(weights(found), weights(trained))


@pytest.mark.parametrize("weighting", ["balanced", "none"])
def test_the_loss_does_not_depend_on_how_batches_are_accumulated(weighting: str, rows: Rows) -> None:
    few = Rows(rows.ids[:12], rows.inputs[:12], ("calm",) * 7 + ("glad",) * 4 + ("upset",))
    loss = TASK.loss(CLASSES, few, weighting, 0.0)
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.from_numpy(np.stack(TASK.targets(few, [], CLASSES)))
    whole = loss({"logits": logits}, labels)
    for ends in ([0, 4, 8, 12], [0, 1, 12], [0, 5, 6, 12]):
        parts = [loss({"logits": logits[a:b]}, labels[a:b], 12) for a, b in itertools.pairwise(ends)]
        assert float(sum(parts)) == pytest.approx(float(whole), rel=1e-5)


def test_balanced_classes_weigh_alike() -> None:
    rows = Rows(("",) * 4, ("",) * 4, ("calm", "calm", "calm", "glad"))
    logits = torch.zeros(4, 2, requires_grad=True)
    labels = torch.from_numpy(np.stack(TASK.targets(rows, [], ["calm", "glad"])))
    loss = TASK.loss(["calm", "glad"], rows, "balanced", 0.0)({"logits": logits}, labels)
    (slope,) = torch.autograd.grad(loss, logits)
    assert slope.sum(dim=0).tolist() == pytest.approx([0.0, 0.0], abs=1e-7)


def test_a_pilot_ends_in_time_and_leaves_no_checkpoint(job: TrainingJob, tmp_path: Path) -> None:
    found = train(with_recipe(job, epochs=1000), tmp_path, silent, stop_after_seconds=0.2)
    assert 1 < len(found.steps) < 1000
    assert found.epochs == []
    assert list(tmp_path.glob("checkpoint-*")) == []
