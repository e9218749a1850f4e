"""Mistakes that are not equal: the user's table, the score that follows, and the answers that cost least."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.answers_file import check_answers
from advisor.errors import AnswersError
from pipeline.embeddings import Embedder
from pipeline.errors import DataError
from pipeline.evaluation.calibration import fit_binary_temperature, fit_scaling, fit_temperature, scale
from pipeline.evaluation.costs import Costs, cheapest, expected_cost, say_rule
from pipeline.records import ModelSource
from pipeline.task import RivalSetting, Rows, load_task
from tests import tiny
from tests.examples import text_pair_classification as pairs

DEAR = Costs({"ill": {"well": 9.0}, "well": {"ill": 1.0}})
LABELS = ["ill", "well"]


def draw_logits(temperature: float, shift: list[float], rows: int = 4000) -> tuple[Any, Any]:
    """Logits that are right once they are divided by the temperature and shifted, and what happened."""
    random = np.random.default_rng(0)
    right = random.normal(size=(rows, len(shift))) * 1.5
    chances = np.exp(right) / np.exp(right).sum(axis=1, keepdims=True)
    places = np.array([random.choice(len(shift), p=row) for row in chances])
    return (right - np.array(shift)) * temperature, places


@pytest.mark.parametrize(
    ("truth", "answer", "cost"),
    [("a", "b", 2.0), ("a", "c", 3.0), ("b", "a", 5.0), ("c", "b", 4.0), ("b", "c", 1.0)],
)
def test_a_star_stands_for_all_that_is_not_named(truth: str, answer: str, cost: float) -> None:
    table = Costs({"a": {"b": 2, "*": 3}, "b": {"a": 5}, "*": {"b": 4, "*": 1}})
    assert table.cost(truth, answer) == cost
    assert table.matrix(["a", "b", "c"])["abc".index(truth), "abc".index(answer)] == cost


@pytest.mark.parametrize(
    ("table", "fault", "mend"),
    [
        ({"il": {"well": 1}, "*": {"*": 1}}, "'il' is no label of the data", "Did you mean 'ill'?"),
        ({"ill": {"well": 1, "ill": 2}, "*": {"*": 1}}, "a right answer 'ill' costs 2", "beyond a right answer"),
        ({"ill": {"well": 1}}, "these mistakes have no cost: well answered ill", '"*" = {"*" = 1}'),
        ({"*": {"*": 0}}, "no mistake costs anything", "above 0"),
    ],
)
def test_a_table_that_does_not_fit_the_labels_is_refused(table: Any, fault: str, mend: str) -> None:
    found = Costs(table).faults(LABELS)
    assert [problem for problem, _ in found] == [fault]
    assert mend in found[0][1]
    rows = Rows(("1", "2"), ("I feel bad", "I feel good"), ("ill", "well"))
    with pytest.raises(DataError) as caught:
        load_task("text-classification", {"costs": json.dumps(table)}).check(rows, "data.csv")
    assert fault in caught.value.problem
    assert "'data.csv'" in caught.value.problem


def test_the_expected_cost_is_the_mean_of_what_each_row_costs() -> None:
    metric = expected_cost(DEAR)
    assert metric(["ill", "ill", "well", "well"], ["ill", "well", "ill", "well"], LABELS) == pytest.approx(10 / 4)
    assert metric(["ill", "well"], ["ill", "well"], LABELS) == metric.best == 0.0
    assert metric.gain(0.5, 2.0) == pytest.approx(1.5)


def test_the_answer_costs_least_and_two_labels_part_at_the_threshold_that_is_said() -> None:
    matrix = DEAR.matrix(LABELS)
    shares = np.array([[0.09, 0.91], [0.11, 0.89], [0.5, 0.5], [1.0, 0.0]])
    assert cheapest(shares, matrix).tolist() == [1, 0, 0, 0]
    assert "answered 'ill' from a calibrated probability of 0.1 on" in say_rule(LABELS, DEAR)
    free = Costs({"ill": {"well": 0}, "well": {"ill": 0}}).matrix(LABELS)
    assert cheapest(shares, free).tolist() == [1, 1, 0, 0]  # where nothing costs, the likeliest


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_a_temperature_is_found_again(temperature: float) -> None:
    logits, places = draw_logits(temperature, [0.0, 0.0, 0.0])
    assert fit_temperature(logits, places) == pytest.approx(temperature, rel=0.08)
    signed = logits[:, :1] - logits[:, 1:2]
    marks = np.random.default_rng(1).random(signed.shape) < 1 / (1 + np.exp(-signed / temperature))
    assert fit_binary_temperature(signed, marks) == pytest.approx(temperature, rel=0.08)
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int)) == 1.0


def test_a_scaling_undoes_that_classes_weighed_alike() -> None:
    logits, places = draw_logits(2.0, [1.0, 0.0, -1.0])
    found = scale(logits, fit_scaling(logits, places)).mean(axis=0)
    assert found == pytest.approx(np.bincount(places) / len(places), abs=0.01)
    assert fit_scaling(np.zeros((0, 3)), np.zeros(0, dtype=int)) == (1.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("key", ["text-classification", "text-pair-classification"])
def test_every_cheap_way_heeds_the_costs_and_a_saved_one_answers_the_same(
    key: str, embedder: Embedder, tmp_path: Path
) -> None:
    rows = tiny.make_rows(240, 3) if key == "text-classification" else pairs.make_rows(240, 3)
    classes = sorted({str(answer) for answer in rows.answers})
    dear = {classes[0]: {"*": 30}, "*": {"*": 1}}
    task, plain = load_task(key, {"costs": json.dumps(dear)}), load_task(key)
    metric = task.metrics["expected_cost"]
    assert next(iter(task.metrics)) == "expected_cost"
    setting = RivalSetting(embedder, classes, metric, tiny.PHRASES, ["{phrase}"], "mean")
    learned, others = rows.take(range(160)), rows.take(range(160, 240))
    for name in task.rivals:
        way = task.fit_rival(name, setting)(learned, 0)
        usual = plain.fit_rival(name, setting)(learned, 0)
        ours, theirs = (metric(others.answers, each(others).answers, classes) for each in (way, usual))
        assert ours <= theirs + 1e-9
        (tmp_path / name).mkdir()
        way.save(tmp_path / name)
        assert task.load_rival(tmp_path / name, embedder)(others).answers == way(others).answers


def test_outputs_become_the_cheapest_answers_once_they_are_scaled_on_validation_rows() -> None:
    task = load_task("text-classification", {"costs": json.dumps(DEAR.table)})
    assert task.needs_thresholds
    logits, places = draw_logits(1.0, [0.0, 2.0], rows=400)
    rows = Rows(tuple(map(str, range(400))), ("",) * 400, tuple(LABELS[place] for place in places))
    metric = task.metrics["expected_cost"]
    scaling = task.choose_thresholds(rows, list(logits), LABELS, metric)
    scaled, raw = (task.decode(rows.ids, list(logits), LABELS, each) for each in (scaling, ()))
    assert scaled.scores is not None
    assert scaled.scores.sum(axis=1) == pytest.approx(1.0)
    costs = [metric(rows.answers, each.answers, LABELS) for each in (scaled, raw)]
    assert costs[0] < costs[1] + 1e-9


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"goal": {"costs": {"a": {"b": 1}}, "metric": "accuracy"}}, "with costs their expected value counts"),
        ({"task": "text-regression", "goal": {"costs": {"a": {"b": 1}}}}, "goal.costs cannot be used"),
        ({"goal": {"costs": {"a": {"b": -1}}}}, "goal.costs.a.b is -1"),
        ({"goal": {"costs": {"a": {"b": "much"}}}}, "goal.costs.a.b is 'much'"),
        ({"goal": {"costs": 5}}, "goal.costs is 5"),
        ({"task": "text-regression", "goal": {"metric": "r2", "good_enough": 2}}, "goal.good_enough is 2"),
    ],
)
def test_costs_that_cannot_be_meant_are_refused_in_the_answers(values: Any, problem: str) -> None:
    with pytest.raises(AnswersError) as caught:
        check_answers({"task": "text-classification", "data": {"train": "x.csv"}, **values}, "answers.toml")
    assert problem in caught.value.problem


def test_costs_make_their_expected_value_the_score_that_counts() -> None:
    answers = check_answers(
        {"task": "text-classification", "data": {"train": "x.csv"}, "goal": {"costs": DEAR.table, "good_enough": 0.4}},
        "a.toml",
    )
    task = load_task(answers.settled_task, answers.options)
    assert next(iter(task.metrics)) == "expected_cost"
    assert {"macro_f1", "accuracy"} < set(task.metrics)
    assert load_task(answers.settled_task, task.options).metrics.keys() == task.metrics.keys()


def test_a_model_without_a_temperature_is_read_as_one_that_needs_none(tiny_model: ModelSource) -> None:
    assert load_task("text-regression").temperature(Rows((), (), ()), [], []) == 1.0
