"""The cheap ways on one bench, and whether the labels carry any signal."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from advisor.measurements.bench import Bench, make_bench
from advisor.measurements.rivals import measure_rivals, permutation_p
from advisor.rulebook import load_rules
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.task import RivalSetting, Rows, load_task
from tests import tiny
from tests.examples import text_regression

RULES = load_rules()
TASK = load_task("text-classification")
NO_SIGNAL = RULES.decision.thresholds["no_signal"].value


def bench(inputs: Sequence[str], answers: Sequence[str], seed: int = 13) -> Bench:
    rows = Rows(row_ids(inputs, answers), tuple(inputs), tuple(answers))
    data = Dataset(rows, group(rows.inputs), ["train"] * len(rows), False, 0)
    found = make_bench(TASK, data, range(len(rows)), TASK.metrics["macro_f1"], seed)
    assert found is not None
    return found


def setting(made: Bench, embedder: Embedder, phrases: dict[str, str]) -> RivalSetting:
    return RivalSetting(embedder, made.classes, made.metric, phrases, RULES.tasks[TASK.key].templates, "mean")


def test_labels_that_texts_explain_have_a_signal(embedder: Embedder) -> None:
    rows = tiny.make_rows(150, seed=4)
    assert permutation_p(bench([*map(str, rows.inputs)], [*map(str, rows.answers)]), embedder, "mean") <= NO_SIGNAL


@pytest.mark.parametrize("seed", range(8))
def test_shuffled_labels_have_no_signal(embedder: Embedder, seed: int) -> None:
    rows = tiny.make_rows(150, seed=4)
    answers = [*map(str, rows.answers)]
    random.Random(seed).shuffle(answers)
    assert permutation_p(bench([*map(str, rows.inputs)], answers, seed), embedder, "mean") > NO_SIGNAL


def test_copies_of_random_rows_lend_them_no_signal(embedder: Embedder) -> None:
    rows = tiny.make_rows(80, seed=4)
    draw = random.Random(3)
    answers = [draw.choice("ab") for _ in rows.inputs]
    inputs = [f"{text}{'!' * place}" for text in rows.inputs for place in range(3)]
    made = bench(inputs, [answer for answer in answers for _ in range(3)])
    assert permutation_p(made, embedder, "mean") > NO_SIGNAL


def test_the_cheap_ways_are_scored_on_the_same_rows_and_the_best_is_named(embedder: Embedder) -> None:
    rows = tiny.make_rows(120, seed=4)
    made = bench([*map(str, rows.inputs)], [*map(str, rows.answers)])
    found = measure_rivals(made, setting(made, embedder, tiny.PHRASES), lambda *_: None)
    scores = {rival.name: rival.score for rival in found.rivals}
    assert tuple(scores) == TASK.rivals
    assert found.best == max(scores, key=lambda name: scores[name])
    assert scores["majority"] < scores["probe"]
    assert (found.rows_used, found.folds) == (120, 5)
    for rival in found.rivals:
        assert 0 <= rival.low <= rival.score <= rival.high <= 1
        assert (rival.metric, rival.note) == ("macro_f1", None)
    spread = list(found.zero_shot_spread.values())
    assert spread == sorted(spread, reverse=True)
    assert 0 < found.difference_standard_error < 0.2


def test_few_rows_are_scored_by_the_mean_of_several_draws_of_the_folds(embedder: Embedder) -> None:
    rows = tiny.make_rows(120, seed=4)
    made = bench([*map(str, rows.inputs)], [*map(str, rows.answers)])
    found = measure_rivals(made, setting(made, embedder, tiny.PHRASES), lambda *_: None)
    assert len(made.folds) == 3
    for rival in found.rivals:
        answers, _ = made.timed(TASK.fit_rival(rival.name, setting(made, embedder, tiny.PHRASES)))
        for name, score in {"macro_f1": rival.score, **rival.beside}.items():
            each = [TASK.metrics[name](made.rows.answers, one.answers, made.classes) for one in answers]
            assert score == pytest.approx(sum(each) / 3)


SCORES = load_task("text-regression", text_regression.OPTIONS)


def bench_of_scores(rows: Rows) -> Bench:
    data = Dataset(rows, group(rows.inputs), ["train"] * len(rows), False, 0)
    found = make_bench(SCORES, data, range(len(rows)), SCORES.metrics["rmse"], 13)
    assert found is not None
    return found


def test_of_errors_the_smallest_names_the_best_way(embedder: Embedder) -> None:
    made = bench_of_scores(text_regression.make_rows(150, seed=4))
    found = measure_rivals(made, setting(made, embedder, {}), lambda *_: None)
    errors = {rival.name: rival.score for rival in found.rivals}
    assert tuple(errors) == SCORES.rivals == ("mean", "tfidf", "probe")
    assert found.best == min(errors, key=lambda name: errors[name]) != "mean"
    assert all(rival.low <= rival.score <= rival.high for rival in found.rivals)
    assert all(set(rival.beside) == set(SCORES.metrics) - {"rmse"} for rival in found.rivals)
    assert found.zero_shot_spread == {}
    assert 0 < found.difference_standard_error < 0.2
    assert found.permutation_p <= NO_SIGNAL


@pytest.mark.parametrize("seed", range(4))
def test_shuffled_scores_have_no_signal(embedder: Embedder, seed: int) -> None:
    rows = text_regression.make_rows(150, seed=4)
    answers = [*rows.answers]
    random.Random(seed).shuffle(answers)
    made = bench_of_scores(Rows(row_ids(rows.inputs, answers), rows.inputs, tuple(answers)))
    assert permutation_p(made, embedder, "mean") > NO_SIGNAL


def test_scores_that_are_all_alike_have_no_signal(embedder: Embedder) -> None:
    rows = text_regression.make_rows(60, seed=4)
    made = bench_of_scores(rows)
    same = replace(made, rows=replace(made.rows, answers=(2.0,) * 60))
    assert permutation_p(same, embedder, "mean") == 1.0


def test_zero_shot_on_bare_numbers_is_noted_until_they_are_put_in_words(embedder: Embedder) -> None:
    rows = tiny.make_rows(60, seed=4)
    numbers = [str(tiny.CLASSES.index(str(answer))) for answer in rows.answers]
    made = bench([*map(str, rows.inputs)], numbers)
    worded = {str(place): phrase for place, phrase in enumerate(tiny.PHRASES.values())}
    for phrases, noted in (({}, True), (worded, False)):
        found = measure_rivals(made, setting(made, embedder, phrases), lambda *_: None)
        notes = {rival.name: rival.note for rival in found.rivals if rival.note is not None}
        said = "Labels are bare numbers: say what they mean in data.phrases for a fair zero-shot."
        assert notes == ({"zero_shot": said} if noted else {})
