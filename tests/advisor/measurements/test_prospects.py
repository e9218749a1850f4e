"""What more rows and better labels would bring, told by the probe."""

import importlib
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from advisor.measurements.bench import Bench
from advisor.measurements.prospects import measure_curve, measure_mending, measure_prospects
from pipeline.data.splitting import folds
from pipeline.embeddings import Embedder
from pipeline.evaluation.metrics import ACCURACY
from pipeline.task import TASKS, Predictions, RivalSetting, Rows, load_task
from tests import tiny

TEXT = load_task("text-classification")


def bench(rows: Rows, task: Any = TEXT, metric: Any = ACCURACY) -> Bench:
    keys = list(rows.ids)
    return Bench(task, rows, keys, task.classes(rows), metric, [folds(keys, task.strata(rows), 5, 13)], 13)


class Memory:
    """Knows what it has seen word by word, and says the class that shares most words with a text."""

    def __init__(self, rows: Rows) -> None:
        self.rows = len(rows)
        self.words: dict[str, set[str]] = {}
        for text, label in zip(rows.inputs, rows.answers, strict=True):
            self.words.setdefault(str(label), set()).update(str(text).split())

    def __call__(self, rows: Rows) -> Predictions:
        answers = [
            max(self.words, key=lambda label: len(self.words[label] & set(text.split())))
            for text in map(str, rows.inputs)
        ]
        return Predictions(rows.ids, tuple(answers))

    def save(self, folder: Any) -> None:
        raise NotImplementedError


def remember(rows: Rows, seed: int) -> Memory:
    return Memory(rows)


def ignore(done: int, total: int) -> None:
    assert done <= total


def test_the_curve_doubles_its_rows_from_point_to_point_and_rises_where_rows_help() -> None:
    curve = measure_curve(bench(tiny.make_rows(300, seed=3)), remember, ignore)
    assert curve is not None
    assert [point.rows for point in curve.points] == [30, 60, 120, 240]
    scores = [point.score.point for point in curve.points]
    assert scores[0] < scores[-1]
    assert curve.last_doubling.point == pytest.approx(scores[-1] - scores[-2])
    assert set(curve.class_gains) == set(tiny.CLASSES)
    assert np.mean(list(curve.class_gains.values())) == pytest.approx(curve.last_doubling.point, abs=0.05)


def test_smaller_parts_lie_in_the_larger_ones_and_never_hold_a_row_that_is_scored() -> None:
    fitted: list[frozenset[str]] = []
    scored: list[frozenset[str]] = []

    class Spy(Memory):
        def __init__(self, rows: Rows) -> None:
            fitted.append(frozenset(rows.ids))
            super().__init__(rows)

        def __call__(self, rows: Rows) -> Predictions:
            scored.append(frozenset(rows.ids))
            return super().__call__(rows)

    def spy(rows: Rows, seed: int) -> Spy:
        return Spy(rows)

    measure_curve(bench(tiny.make_rows(200, seed=3)), spy, ignore)
    eighth, quarter, half, whole = (fitted[start : start + 5] for start in (0, 5, 10, 15))
    for parts in zip(eighth, quarter, half, whole, strict=True):
        assert all(small < large for small, large in itertools.pairwise(parts))
    assert all(not learned & seen for learned, seen in zip(fitted, scored, strict=True))


@pytest.mark.parametrize(("rows", "points"), [(21, 0), (51, 2), (90, 3), (400, 4)])
def test_rows_are_halved_only_while_enough_are_left(rows: int, points: int) -> None:
    curve = measure_curve(bench(tiny.make_rows(rows, seed=3)), remember, ignore)
    assert (len(curve.points) if curve else 0) == points


def test_rows_with_wrong_labels_cost_what_leaving_them_out_brings() -> None:
    rows = tiny.make_rows(240, seed=5)
    wrong = range(0, 240, 5)
    labels = list(rows.answers)
    for row in wrong:
        labels[row] = tiny.CLASSES[(tiny.CLASSES.index(str(labels[row])) + 1) % 3]
    noisy = replace(rows, answers=tuple(labels))
    found = measure_mending(bench(noisy), remember, [noisy.ids[row] for row in wrong])
    assert found is not None
    assert found.rows == 48
    assert found.gain.point > 0.02
    harmless = measure_mending(bench(noisy), remember, [noisy.ids[row] for row in range(1, 240, 5)])
    assert harmless is not None
    assert harmless.gain.point < found.gain.point
    assert measure_mending(bench(noisy), remember, ["a sealed row"]) is None


@pytest.mark.parametrize("key", TASKS)
def test_every_task_has_a_learning_curve_of_its_probe(key: str, embedder: Embedder) -> None:
    example = importlib.import_module(f"tests.examples.{TASKS[key].rpartition('.')[2]}")
    task = load_task(key, example.OPTIONS, example.COLUMNS)
    rows = example.make_rows(200, 1)
    made = bench(rows, task, next(iter(task.metrics.values())))
    setting = RivalSetting(embedder, made.classes, made.metric, tiny.PHRASES, ["{phrase}"], "mean")
    found = measure_prospects(made, task.fit_rival("probe", setting), [rows.ids[0]], ignore)
    assert found.curve is not None
    assert len(found.curve.points) >= 3
    assert found.mending is not None
    assert bool(found.curve.class_gains) == bool(made.classes)
