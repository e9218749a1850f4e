"""The same checks for every task that is built. Its data come from `tests/examples/<module of the task>.py`."""

import functools
import importlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from advisor.rulebook import load_columns, load_tasks, load_ways
from pipeline.data.columns import SHAPES, read_columns
from pipeline.data.dataset import load_dataset
from pipeline.data.reading import read
from pipeline.data.splitting import folds
from pipeline.embeddings import UNCOUNTED, Embedder
from pipeline.errors import PlanError
from pipeline.evaluation.comparison import compare, judge, score
from pipeline.predictors.fine_tuned import FineTuned, load_fine_tuned
from pipeline.records import DataSource, ModelSource, Recipe
from pipeline.storage import load_rows, save_predictions, save_rows
from pipeline.task import TASKS, Array, RivalSetting, Rows, Task, TrainingSetting, load_task
from pipeline.training.job import TrainingJob
from pipeline.training.train import train
from tests import tiny

RECIPE = Recipe(
    strategy="fine_tune",
    learning_rate=1e-2,
    batch_size=16,
    epochs=6,
    warmup_fraction=0.1,
    weight_decay=0.01,
    early_stopping_epochs=6,
    class_weights="none",
)


@dataclass(frozen=True)
class Example:
    """A task with rows of its own."""

    task: Task
    rows: Rows
    columns: dict[str, Any]
    options: dict[str, str]
    write_file: Callable[[Rows, Path], Path]

    @property
    def classes(self) -> list[str]:
        return self.task.classes(self.rows)


@pytest.fixture(scope="module", params=TASKS)
def example(request: pytest.FixtureRequest) -> Example:
    module = importlib.import_module(f"tests.examples.{TASKS[request.param].rpartition('.')[2]}")
    task = load_task(request.param, module.OPTIONS, module.COLUMNS)
    return Example(task, module.make_rows(360, 1), module.COLUMNS, module.OPTIONS, module.write_file)


def setting(example: Example, embedder: Embedder) -> RivalSetting:
    return RivalSetting(
        embedder=embedder,
        classes=example.classes,
        metric=next(iter(example.task.metrics.values())),
        phrases=tiny.PHRASES,
        templates=["{phrase}"],
        pooling="mean",
    )


def perfect_outputs(example: Example, rows: Rows, embedder: Embedder) -> list[Array]:
    """What a model would say that knows the truth."""
    task = example.task
    features = task.encode(embedder.tokenizer, rows.inputs, tiny.PREPARATION.max_tokens)
    targets = task.targets(rows, features, example.classes)
    if not example.classes:
        return [target.reshape(1) for target in targets]
    if np.issubdtype(targets[0].dtype, np.floating):
        return [20 * target - 10 for target in targets]
    width = max(target.size for target in targets)
    places = [np.pad(target.reshape(-1), (0, width - target.size)) for target in targets]
    logits = np.stack([10.0 * np.eye(len(example.classes))[np.maximum(each, 0)] for each in places])
    return task.outputs(logits[:, 0] if targets[0].ndim == 0 else logits, features)


def test_tasks_and_the_first_look_at_data_load_without_torch() -> None:
    loads = "".join(f"import {module}\n" for module in [*TASKS.values(), "pipeline.data.preview", "pipeline.__main__"])
    heavy = "print([name for name in ('torch', 'transformers', 'pandas', 'sklearn') if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{loads}{heavy}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_task_that_is_not_built_is_refused() -> None:
    with pytest.raises(PlanError) as caught:
        load_task("text-translation")
    assert caught.value.problem == "The task 'text-translation' is not built."
    assert caught.value.fix == f"Built are: {', '.join(TASKS)}."


@pytest.mark.parametrize("key", TASKS)
def test_a_task_says_the_same_of_itself_as_its_rules(key: str) -> None:
    task, rules = load_task(key), load_tasks()[key]
    assert task.key == key
    assert list(task.metrics) == rules.metrics
    assert {name: metric.name for name, metric in task.metrics.items()} == {name: name for name in task.metrics}
    assert rules.reads
    assert set(task.rivals) <= set(load_ways())
    assert len(set(task.rivals)) == len(task.rivals) > 2
    assert "probe" in task.rivals
    assert "fine_tuned" not in task.rivals
    assert bool(rules.templates) == ("zero_shot" in task.rivals)


@pytest.mark.parametrize("key", TASKS)
def test_every_layout_has_what_goes_in_and_the_truth(key: str) -> None:
    for layout in load_task(key).layouts:
        assert layout.title
        assert all(role.key and role.holds for role in layout.roles)
        assert [role.required_to_predict for role in layout.roles] == [True] * (len(layout.roles) - 1) + [False]


def test_a_task_is_the_same_again_from_its_key_and_options(example: Example) -> None:
    again = load_task(example.task.key, example.task.options)
    assert list(again.metrics) == list(example.task.metrics)
    assert again.rivals == example.task.rivals
    assert dict(again.options) == dict(example.task.options)


def test_rows_are_read_back_from_a_file(example: Example, tmp_path: Path) -> None:
    path = example.write_file(example.rows, tmp_path / "data")
    table = read(path.name, DataSource(train=path.name), tmp_path)
    found = example.task.rows(table, example.columns, path.name, labelled=True)
    assert found.inputs == example.rows.inputs
    assert found.answers == pytest.approx(example.rows.answers) if not example.classes else example.rows.answers
    unlabelled = example.task.rows(table, example.columns, path.name, labelled=False)
    assert (unlabelled.inputs, unlabelled.answers) == (example.rows.inputs, ())


def test_columns_are_detected_where_they_bear_usual_names(example: Example, tmp_path: Path) -> None:
    path = example.write_file(example.rows, tmp_path / "data")
    table = read(path.name, DataSource(train=path.name), tmp_path)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.to_numpy()]
    found = read_columns(rows, load_columns().signs)[0]
    assert (found.task, found.columns) == (example.task.key, example.columns)
    assert found.confidence > 0.9


def test_shapes_by_which_columns_are_read_agree_with_the_layouts(example: Example) -> None:
    shapes = [shape for shape in SHAPES if shape.task == example.task.key]
    assert [shape.roles for shape in shapes] == [
        tuple(role.key for role in layout.roles) for layout in example.task.layouts
    ]
    assert [set(shape.inputs) for shape in shapes] == [
        {role.key for role in layout.roles if role.required_to_predict} for layout in example.task.layouts
    ]


def test_a_data_set_is_split_with_every_side_and_no_finding_of_its_own(example: Example, tmp_path: Path) -> None:
    path = example.write_file(example.rows, tmp_path / "data")
    data = load_dataset(DataSource(train=path.name, columns=example.columns), example.task, tmp_path, seed=1)
    assert {"train", "validation", "test"} <= set(data.sides)
    assert example.task.audit(data.unsealed()) == []


def test_metrics_stay_in_their_bounds_and_the_truth_scores_best(example: Example, embedder: Embedder) -> None:
    rows, classes, task = example.rows, example.classes, example.task
    guess = task.fit_rival(task.rivals[0], setting(example, embedder))(rows, 0)(rows)
    for metric in task.metrics.values():
        low, high = metric.bounds
        other = metric(rows.answers, guess.answers, classes)
        assert low <= other <= high
        assert metric(rows.answers, rows.answers, classes) == pytest.approx(metric.best)
        assert metric.gain(metric.best, other) > 0
        statistics = metric.statistics(rows.answers, guess.answers, classes)
        assert len(statistics) == len(rows)
        np.testing.assert_allclose(metric.resample(statistics, np.ones((2, len(rows)))), [other, other])
        assert metric.leave_one_out(statistics)[0] == pytest.approx(metric.score(statistics[1:]))


def test_scores_and_gains_have_intervals_that_hold_them(example: Example, embedder: Embedder) -> None:
    train_rows, others = example.rows.take(range(200)), example.rows.take(range(200, 360))
    answers = {
        name: example.task.fit_rival(name, setting(example, embedder))(train_rows, 0)(others)
        for name in (example.task.rivals[0], "probe")
    }
    for metric in example.task.metrics.values():
        for name, found in answers.items():
            scored = score(name, example.task.metrics, metric, others, [found], example.classes, seed=0)
            assert scored.low <= scored.score <= scored.high
            assert set(scored.beside) == set(example.task.metrics) - {metric.name}
        gain = compare(metric, others, answers["probe"], answers[example.task.rivals[0]], example.classes, seed=0)
        assert gain.low <= gain.point <= gain.high
        worse = compare(metric, others, answers[example.task.rivals[0]], answers["probe"], example.classes, seed=0)
        assert worse.point == pytest.approx(-gain.point)
        expected = "insufficient_evidence" if worse.why_no_interval else "not_improved"
        assert judge(worse, 10.0, metric, "none")[0] == expected


def test_there_is_one_stratum_for_each_row_and_folds_follow_from_them(example: Example) -> None:
    strata = example.task.strata(example.rows)
    assert len(strata) == len(example.rows)
    held_out = folds([str(place) for place in range(len(strata))], strata, 5, seed=0)
    assert sorted(int(place) for fold in held_out for place in fold) == list(range(len(strata)))
    assert len(set(strata)) >= 2


def test_there_is_a_signal_with_targets_for_every_sample(example: Example, embedder: Embedder) -> None:
    found = example.task.signal(example.rows, embedder, "mean", example.classes, 50, seed=0)
    assert len(found.features) == len(found.texts) == len(found.targets) <= 50
    assert found.targets.shape[1] == max(len(example.classes), 1)
    assert np.isfinite(found.features).all()


def test_every_rival_answers_and_a_saved_one_answers_the_same(
    example: Example, embedder: Embedder, tmp_path: Path
) -> None:
    train_rows, others = example.rows.take(range(120)), example.rows.take(range(120, 150))
    unlabelled = Rows(others.ids, others.inputs, ())
    for name in example.task.rivals:
        predict = example.task.fit_rival(name, setting(example, embedder))(train_rows, 0)
        found = predict(unlabelled)
        assert found.row_ids == others.ids
        assert [type(answer) for answer in found.answers] == [type(answer) for answer in others.answers]
        (tmp_path / name).mkdir()
        predict.save(tmp_path / name)
        again = example.task.load_rival(tmp_path / name, embedder)(unlabelled)
        assert (again.row_ids, again.answers) == (found.row_ids, found.answers)
        np.testing.assert_array_equal(again.scores, found.scores)
        save_predictions(tmp_path / name / "answers.parquet", others, found, example.classes)


def test_the_same_seed_fits_the_same_rival(example: Example, embedder: Embedder) -> None:
    train_rows, others = example.rows.take(range(120)), example.rows.take(range(120, 150))
    for name in example.task.rivals:
        fit = example.task.fit_rival(name, setting(example, embedder))
        assert fit(train_rows, 3)(others).answers == fit(train_rows, 3)(others).answers


def test_outputs_that_know_the_truth_become_the_truth(example: Example, embedder: Embedder) -> None:
    rows = example.rows.take(range(60))
    outputs = perfect_outputs(example, rows, embedder)
    metric = next(iter(example.task.metrics.values()))
    thresholds = example.task.choose_thresholds(rows, outputs, example.classes, metric)
    assert bool(thresholds) == example.task.needs_thresholds
    found = example.task.decode(rows.ids, outputs, example.classes, thresholds)
    assert found.row_ids == rows.ids
    assert metric(rows.answers, found.answers, example.classes) == pytest.approx(metric.best, abs=1e-6)
    errors = example.task.analyse_errors(rows, found, found, example.classes, show_rows=True)
    assert (errors.mended, errors.broken) == (0, 0)
    assert example.classes == [] or errors.worst == []
    for table in errors.tables:
        assert all(len(row) == len(table.columns) for row in table.rows)


def test_personal_rows_are_not_shown(example: Example, embedder: Embedder) -> None:
    rows = example.rows
    wrong = example.task.fit_rival("probe", setting(example, embedder))(rows.take(range(60)), 0)(rows)
    assert example.task.analyse_errors(rows, wrong, wrong, example.classes, show_rows=True).worst
    assert example.task.analyse_errors(rows, wrong, wrong, example.classes, show_rows=False).worst == []


def test_rows_survive_the_way_to_another_process(example: Example, tmp_path: Path) -> None:
    save_rows(example.rows, tmp_path / "rows.parquet", part=[0] * len(example.rows))
    found, beside = load_rows(tmp_path / "rows.parquet")
    assert found == example.rows
    assert set(beside["part"]) == {0}
    assert tuple(map(tuple, json.loads(json.dumps(found.inputs)))) == tuple(map(tuple, example.rows.inputs))


def test_training_beats_what_knows_nothing_and_a_saved_model_answers_the_same(
    example: Example, embedder: Embedder, tiny_model: ModelSource, tmp_path: Path
) -> None:
    task, metric = example.task, next(iter(example.task.metrics.values()))
    train_rows, validation, others = (example.rows.take(range(*ends)) for ends in ((0, 240), (240, 300), (300, 360)))
    head = None
    if task.starts_from_probe:
        head = task.head_of(task.fit_rival("probe", setting(example, embedder))(train_rows, 0))
        assert head is not None
    recipe = RECIPE.model_copy(update={"strategy": "probe_then_fine_tune" if head else "fine_tune"})
    job = TrainingJob(
        task=task,
        encoder=Path(tiny_model.location),
        recipe=recipe,
        preparation=tiny.PREPARATION,
        pooling="mean",
        classes=example.classes,
        metric=metric,
        train=train_rows,
        validation=validation,
        seed=0,
        head=head,
    )
    trained: FineTuned = train(job, tmp_path / "work", lambda *_, **__: None).model
    least = task.fit_rival(task.rivals[0], setting(example, embedder))(train_rows, 0)
    ours, theirs = (metric(others.answers, way(others).answers, example.classes) for way in (trained, least))
    assert metric.gain(ours, theirs) > 0.2 * metric.gain(metric.best, theirs)
    trained.save(tmp_path)
    again = load_fine_tuned(tmp_path)
    assert again.thresholds == trained.thresholds
    for one, other in zip(trained.outputs(others.inputs), again.outputs(others.inputs), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class Summing:
    """A task without dropout that sums the slopes of every weight over all that is read."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.slopes: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def build_model(self, encoder: Path, setting: TrainingSetting) -> Any:
        model = self.task.build_model(encoder, setting)
        model.dropout.p = 0.0
        for name, weight in model.named_parameters():
            weight.register_hook(functools.partial(self.add, name))
        return model

    def add(self, name: str, slope: Any) -> None:
        self.slopes[name] = self.slopes.get(name, 0) + slope


@pytest.mark.parametrize("weighting", ["balanced", "none"])
def test_a_step_does_not_depend_on_how_its_batch_is_accumulated(
    weighting: Any, example: Example, tiny_model: ModelSource, tmp_path: Path
) -> None:
    rows = example.rows.take([0, 1, 2, 3, 4, 6, 9, 12])  # classes of unlike size
    some = tuple(
        first_words(given, 1 + place) if isinstance(given, str) else given for place, given in enumerate(rows.inputs)
    )
    rows = Rows(rows.ids, some, rows.answers)  # texts of unlike length
    found = []
    for parts in (1, 4, 8):
        task: Any = Summing(example.task)
        recipe = {"batch_size": 8, "epochs": 1, "class_weights": weighting, "accumulation_steps": parts}
        job = TrainingJob(
            task=task,
            encoder=Path(tiny_model.location),
            recipe=RECIPE.model_copy(update=recipe),
            preparation=tiny.PREPARATION,
            pooling="mean",
            classes=example.classes,
            metric=next(iter(example.task.metrics.values())),
            train=rows,
            validation=example.rows.take(range(20, 30)),
            seed=0,
        )
        trained = train(job, tmp_path / str(parts), lambda *_, **__: None, stop_after_seconds=60.0)
        assert len(trained.steps) == 1
        found.append(task.slopes)
    for name, whole in found[0].items():
        for parts in found[1:]:
            np.testing.assert_allclose(parts[name].numpy(), whole.numpy(), rtol=1e-3, atol=1e-6)
    assert max(float(whole.abs().max()) for whole in found[0].values()) > 1e-2


def first_words(text: str, count: int) -> str:
    """So many words of a text."""
    return " ".join(text.split()[:count])


def test_smoothed_answers_are_a_mixture_of_the_truth_and_of_all_others(example: Example, embedder: Embedder) -> None:
    task, classes, rows = example.task, example.classes, example.rows.take(range(6))
    features = task.encode(embedder.tokenizer, rows.inputs, tiny.PREPARATION.max_tokens)
    ragged = [torch.from_numpy(np.asarray(target)) for target in task.targets(rows, features, classes)]
    tokens = bool(ragged[0].ndim) and not ragged[0].is_floating_point()
    labels = torch.nn.utils.rnn.pad_sequence(ragged, True, UNCOUNTED) if tokens else torch.stack(ragged)
    shape = (*labels.shape, len(classes)) if tokens else (len(rows), max(len(classes), 1))
    logits = torch.randn(shape, generator=torch.Generator().manual_seed(0), requires_grad=True)

    def slope(smoothing: float) -> Any:
        loss = task.loss(classes, example.rows, "none", smoothing)({"logits": logits}, labels)
        return torch.autograd.grad(loss, logits)[0]

    plain, half, whole = slope(0.0), slope(0.5), slope(1.0)
    torch.testing.assert_close(half, (plain + whole) / 2)
    other = torch.where(labels == UNCOUNTED, labels, labels.flip(0)) if not tokens else labels
    changed = task.loss(classes, example.rows, "none", 1.0)({"logits": logits}, other)
    torch.testing.assert_close(torch.autograd.grad(changed, logits)[0], whole)  # nothing of the truth is left


@pytest.mark.parametrize(
    "strategy",
    [
        {
            "schedule": "cosine",
            "rate_search": "range_test",
            "layer_decay": 0.8,
            "unfreezing": "gradual",
            "averaged_checkpoints": 2,
        },
        {"l1": 0.1, "l2_sp": 0.1, "dropout": 0.2, "label_smoothing": 0.1},
        {"reinitialised_layers": 1, "accumulation_steps": 4, "gradient_checkpointing": True, "schedule": "constant"},
    ],
    ids=["pace", "restraint", "memory"],
)
def test_every_strategy_works_on_every_task(
    strategy: dict[str, Any], example: Example, tiny_model: ModelSource, tmp_path: Path
) -> None:
    job = TrainingJob(
        task=example.task,
        encoder=Path(tiny_model.location),
        recipe=Recipe.model_validate(RECIPE.model_dump() | {"epochs": 3} | strategy),
        preparation=tiny.PREPARATION,
        pooling="mean",
        classes=example.classes,
        metric=next(iter(example.task.metrics.values())),
        train=example.rows.take(range(120)),
        validation=example.rows.take(range(240, 300)),
        seed=0,
    )
    found = train(job, tmp_path / "work", lambda *_, **__: None)
    assert found.epochs[-1].loss < found.epochs[0].loss
    found.model.save(tmp_path)
    again = load_fine_tuned(tmp_path)
    others = example.rows.inputs[300:320]
    for one, other in zip(found.model.outputs(others), again.outputs(others), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
