"""The same checks for every task that is built."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.embeddings import Embedder
from pipeline.errors import PlanError
from pipeline.task import TASKS, RivalSetting, Rows, Task, load_task
from tests import tiny

every_task = pytest.mark.parametrize("key", TASKS)


def setting(task: Task, rows: Rows, embedder: Embedder) -> RivalSetting:
    return RivalSetting(
        embedder=embedder,
        classes=task.classes(rows),
        metric=next(iter(task.metrics.values())),
        phrases=tiny.PHRASES,
        templates=["{phrase}"],
        pooling="mean",
    )


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


@every_task
def test_a_task_names_its_roles_metrics_and_rivals(key: str) -> None:
    task = load_task(key)
    assert task.key == key
    assert task.roles
    assert all(role.key and role.holds for role in task.roles)
    assert any(role.required_to_predict for role in task.roles)
    assert not all(role.required_to_predict for role in task.roles)
    assert {name: metric.name for name, metric in task.metrics.items()} == {name: name for name in task.metrics}
    assert len(set(task.rivals)) == len(task.rivals) > 1
    assert "fine_tuned" not in task.rivals


@every_task
def test_metrics_stay_in_their_bounds_and_the_truth_scores_best(key: str, rows: Rows) -> None:
    task = load_task(key)
    classes = task.classes(rows)
    shuffled = rows.take(np.random.default_rng(0).permutation(len(rows)))
    for metric in task.metrics.values():
        low, high = metric.bounds
        best, other = (metric(rows.answers, given.answers, classes) for given in (rows, shuffled))
        assert low <= other <= high
        assert best == (high if metric.higher_is_better else low)
        statistics = metric.statistics(rows.answers, shuffled.answers, classes)
        assert len(statistics) == len(rows)
        assert float(metric.reduce(statistics.sum(axis=0))) == other
        if metric.right_or_wrong is not None:
            assert metric.right_or_wrong(rows.answers, rows.answers).all()


@every_task
def test_there_is_one_stratum_for_each_row(key: str, rows: Rows) -> None:
    assert len(load_task(key).strata(rows)) == len(rows)


@every_task
def test_every_rival_answers_and_a_saved_one_answers_the_same(
    key: str, rows: Rows, embedder: Embedder, tmp_path: Path
) -> None:
    task = load_task(key)
    train, others = rows.take(range(120)), Rows(rows.ids[120:150], rows.inputs[120:150], ())
    for name in task.rivals:
        predict = task.fit_rival(name, setting(task, rows, embedder))(train, 0)
        found = predict(others)
        assert found.row_ids == others.ids
        assert len(found.answers) == len(others)
        (tmp_path / name).mkdir()
        predict.save(tmp_path / name)  # type: ignore[attr-defined]
        again = task.load_rival(tmp_path / name, embedder)(others)
        assert (again.row_ids, again.answers) == (found.row_ids, found.answers)
        np.testing.assert_array_equal(again.scores, found.scores)


@every_task
def test_the_same_seed_fits_the_same_rival(key: str, rows: Rows, embedder: Embedder) -> None:
    task = load_task(key)
    train, others = rows.take(range(120)), rows.take(range(120, 150))
    for name in task.rivals:
        fit = task.fit_rival(name, setting(task, rows, embedder))
        np.testing.assert_array_equal(fit(train, 3)(others).scores, fit(train, 3)(others).scores)


@every_task
def test_encoded_answers_are_decoded_to_themselves(key: str, rows: Rows) -> None:
    task = load_task(key)
    classes = task.classes(rows)
    sure = 10 * np.eye(len(classes))[task.encode_answers(rows, classes)]
    found = task.decode(rows.ids, sure, classes)
    assert found.answers == rows.answers
    assert found.row_ids == rows.ids


@every_task
def test_right_answers_leave_no_errors_to_analyse(key: str, rows: Rows) -> None:
    task = load_task(key)
    classes = task.classes(rows)
    right = task.decode(rows.ids, 10 * np.eye(len(classes))[task.encode_answers(rows, classes)], classes)
    found = task.analyse_errors(rows, right, right, classes, show_rows=True)
    assert (found.worst, found.mended, found.broken) == ([], 0, 0)
