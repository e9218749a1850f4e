"""The rows and folds on which every way is compared."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from advisor.measurements.bench import MOST_ANSWERS, MOST_FOLDS, REPEATED_BELOW, REPEATS, Bench, make_bench
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import Side, row_ids
from pipeline.task import Input, Predictions, Rows, load_task
from pipeline.tasks.text_classification import TextClassification
from tests import tiny
from tests.examples import token_classification

TASK = load_task("text-classification")
METRIC = TASK.metrics["accuracy"]


def dataset(rows: Rows) -> Dataset:
    sides: list[Side] = ["train"] * len(rows)
    return Dataset(rows, group(rows.inputs), sides, False, 0)


def bench(rows: Rows, seed: int = 13) -> Bench:
    found = make_bench(TASK, dataset(rows), range(len(rows)), METRIC, seed)
    assert found is not None
    return found


def copied(rows: Rows, times: int) -> Rows:
    """Every text several times with another ending, near enough to be one group."""
    inputs = [f"{text}{'!' * place}" for text in rows.inputs for place in range(times)]
    answers = [answer for answer in rows.answers for _ in range(times)]
    return Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))


def test_no_group_stands_in_two_folds_and_every_row_is_held_out_once() -> None:
    made = bench(copied(tiny.make_rows(60, seed=3), times=3))
    assert len(set(made.groups)) < len(made.rows) / 2
    for folds in made.folds:
        assert sorted(place for fold in folds for place in fold) == list(range(len(made.rows)))
        homes = Counter(key for fold in folds for key in {made.groups[place] for place in fold})
        assert set(homes.values()) == {1}


def test_folds_have_the_classes_in_like_shares() -> None:
    made = bench(tiny.make_rows(150, seed=3))
    for fold in made.folds[0]:
        counts = Counter(made.rows.answers[place] for place in fold)
        assert max(counts.values()) - min(counts.values()) <= 3


@pytest.mark.parametrize(("rows", "repeats"), [(REPEATED_BELOW - 3, REPEATS), (REPEATED_BELOW, 1)])
def test_folds_of_few_rows_are_drawn_several_times(rows: int, repeats: int) -> None:
    made = bench(tiny.make_rows(rows, seed=3))
    assert [len(folds) for folds in made.folds] == [MOST_FOLDS] * repeats
    assert len({tuple(map(tuple, folds)) for folds in made.folds}) == repeats


def test_the_typical_class_limits_the_folds() -> None:
    inputs = [str(given) for given in tiny.make_rows(60, seed=3).inputs]
    answers = [f"rare {place % 2}" if place < 6 else "common" for place in range(60)]
    made = bench(Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers)))
    assert {len(folds) for folds in made.folds} == {3}


@pytest.mark.parametrize(("rows", "classes"), [(19, 2), (40, 1)])
def test_rows_that_allow_no_comparison_have_no_bench(rows: int, classes: int) -> None:
    inputs = tuple(f"{place} is the number of this text" for place in range(rows))
    answers = tuple(f"class {place % classes}" if place else "a class of its own" for place in range(rows))
    assert make_bench(TASK, dataset(Rows(row_ids(inputs, answers), inputs, answers)), range(rows), METRIC, 13) is None


def test_held_out_answers_come_from_a_fit_that_never_saw_the_row() -> None:
    made = bench(tiny.make_rows(60, seed=3))
    seen: list[set[str]] = []

    def remember(rows: Rows, seed: int) -> "Memory":
        seen.append(set(rows.ids))
        return Memory(dict(zip(rows.ids, rows.answers, strict=True)))  # type: ignore[arg-type]

    class Memory:
        def __init__(self, known: dict[str, str]) -> None:
            self.known = known

        def __call__(self, rows: Rows) -> Predictions:
            assert not self.known.keys() & set(rows.ids)
            return Predictions(rows.ids, tuple("new" for _ in rows.ids))

        def save(self, folder: Path) -> None:
            raise AssertionError("nothing is kept of a comparison")

    found = made.held_out(remember)
    assert found.row_ids == made.rows.ids
    assert found.answers == ("new",) * 60
    assert len(seen) == MOST_FOLDS


class Echo:
    """Answers each text with the text itself."""

    def __call__(self, rows: Rows) -> Predictions:
        return Predictions(rows.ids, rows.inputs)

    def save(self, folder: Path) -> None:
        raise AssertionError("nothing is kept of a comparison")


def test_answers_come_back_in_the_order_of_the_rows_for_every_repetition() -> None:
    made = bench(tiny.make_rows(60, seed=3))
    found, seconds = made.timed(lambda rows, seed: Echo())
    assert [each.row_ids for each in found] == [made.rows.ids] * REPEATS
    assert [each.answers for each in found] == [made.rows.inputs] * REPEATS
    assert seconds > 0


class Wordy(TextClassification):
    """Text classification that asks for a thousand answers a text."""

    def weight(self, given: Input) -> int:
        return 1000


def test_rows_that_ask_for_many_answers_are_fewer() -> None:
    rows = tiny.make_rows(90, seed=3)
    task: Any = Wordy()
    made = make_bench(task, dataset(rows), range(90), METRIC, 13)
    assert made is not None
    assert len(made.rows) == MOST_ANSWERS // 1000
    places = [rows.ids.index(row) for row in made.rows.ids]
    assert places == sorted(places)
    assert len(bench(rows).rows) == 90


def test_sentences_are_compared_on_folds_too() -> None:
    task = load_task("token-classification", token_classification.OPTIONS)
    rows = token_classification.make_rows(80, seed=3)
    made = make_bench(task, dataset(rows), range(80), next(iter(task.metrics.values())), 13)
    assert made is not None
    assert sum(map(task.weight, rows.inputs)) == sum(len(given) for given in rows.inputs)
    for folds in made.folds:
        assert sorted(place for fold in folds for place in fold) == list(range(80))


def test_the_same_seed_makes_the_same_bench() -> None:
    rows = tiny.make_rows(90, seed=3)
    one, same, other = bench(rows), bench(rows), bench(rows, seed=14)

    def first(made: Bench) -> list[list[int]]:
        return [fold.tolist() for fold in made.folds[0]]

    assert first(one) == first(same) != first(other)
