"""Scores: how they are read and refused, how ranks are compared, what ridge learns, and where a model still fails."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
import transformers
from scipy import stats
from sklearn.linear_model import Ridge

from pipeline.embeddings import Embedder
from pipeline.errors import DataError, PlanError
from pipeline.evaluation.number_metrics import CELLS_AT_ONCE, RMSE, SPEARMAN
from pipeline.models import load_tokenizer
from pipeline.predictors.fine_tuned import FineTuned, load_fine_tuned
from pipeline.records import ModelSource
from pipeline.task import Predictions, RivalSetting, Rows, TrainingSetting, load_task
from pipeline.tasks.scores import STRENGTHS, Number, fit_ridge
from pipeline.tasks.text_pair_classification import pair_similarity
from pipeline.tasks.text_regression import ScaledSimilarity
from tests import tiny
from tests.examples import text_pair_classification, text_regression

ONE = load_task("text-regression", {}, {"text": "text", "score": "score"})
TWO = load_task("text-regression", {}, {"text": "a", "text_pair": "b", "score": "score"})


def rows_of(given: Sequence[float], text: str = "text") -> Rows:
    ids = tuple(str(place) for place in range(len(given)))
    return Rows(ids, tuple(f"{text} {place}" for place in ids), tuple(map(float, given)))


def pairs(count: int, embedder: Embedder) -> Rows:
    """Pairs whose score is their similarity on a scale of its own, and a little noise."""
    rows = text_pair_classification.make_rows(count, seed=4)
    near = pair_similarity(embedder, rows.inputs) + np.random.default_rng(0).normal(scale=0.001, size=count)
    return Rows(rows.ids, rows.inputs, tuple((10 - 5 * near).tolist()))


def setting(embedder: Embedder) -> RivalSetting:
    return RivalSetting(embedder, [], RMSE, {}, [], "mean")


def test_a_second_text_makes_it_a_task_of_pairs() -> None:
    assert (list(ONE.metrics), list(TWO.metrics)) == (
        ["rmse", "spearman", "mae", "r2", "pearson"],
        ["spearman", "rmse", "mae", "r2", "pearson"],
    )
    assert (ONE.rivals, TWO.rivals) == (("mean", "tfidf", "probe"), ("mean", "similarity", "tfidf", "probe"))
    assert (ONE.starts_from_probe, TWO.starts_from_probe) == (True, False)


def test_the_options_alone_make_the_same_task_again() -> None:
    asked = load_task("text-regression", {"lowest": "0", "highest": "5"}, {"text": "a", "text_pair": "b", "score": "c"})
    again = load_task("text-regression", asked.options)
    assert (again.options, again.rivals) == (asked.options, asked.rivals)
    assert asked.options == {"lowest": "0", "highest": "5", "texts": "two"}
    alone = load_task("text-regression", asked.options, {"text": "a", "score": "c"})
    assert (alone.options, alone.rivals) == ({"lowest": "0", "highest": "5"}, ONE.rivals)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"lowest": "nought"}, "`lowest` is 'nought', which is not a number."),
        (
            {"lowest": "5", "highest": "1"},
            "The scale of the scores ends below where it begins: lowest 5, highest 1.",
        ),
    ],
)
def test_ends_that_make_no_scale_are_refused(options: dict[str, str], problem: str) -> None:
    with pytest.raises(PlanError) as caught:
        load_task("text-regression", options)
    assert caught.value.problem == problem


def test_scores_are_read_as_numbers_and_rows_without_one_are_left_out() -> None:
    table = pd.DataFrame({"body": ["a", "b", "c"], "stars": ["3.5", " ", 4]}, index=range(1, 4), dtype=object)
    columns = {"text": "body", "score": "stars"}
    assert ONE.rows(table, columns, "x.csv", labelled=True) == Rows(("1", "3"), ("a", "c"), (3.5, 4.0))
    assert ONE.rows(table, columns, "x.csv", labelled=False) == Rows(("1", "2", "3"), ("a", "b", "c"), ())
    two = TWO.rows(table, {"text": "body", "text_pair": "body", "score": "stars"}, "x.csv", labelled=True)
    assert two.inputs == (("a", "a"), ("c", "c"))


@pytest.mark.parametrize(
    ("cells", "listed", "fix"),
    [
        (
            ["1", "good", "2", "n/a", True, "inf", "nan?"],
            "row 2 'good', row 4 'n/a', row 5 'True' and 2 more",
            "Write numbers such as 3.5; leave a cell empty to leave its row out.",
        ),
        (
            ["1,5", "2,5", 3.0],
            "row 1 '1,5', row 2 '2,5'",
            "Write a decimal point, 1.5 instead of '1,5'; leave a cell empty to leave its row out.",
        ),
    ],
)
def test_cells_that_are_not_numbers_are_listed_with_their_rows(cells: list[Any], listed: str, fix: str) -> None:
    table = pd.DataFrame({"text": ["a"] * len(cells), "grade": cells}, index=range(1, len(cells) + 1), dtype=object)
    with pytest.raises(DataError) as caught:
        ONE.rows(table, {"text": "text", "score": "grade"}, "folder/marks.csv", labelled=True)
    assert caught.value.problem == f"'marks.csv' has cells in its column 'grade' that are not numbers: {listed}."
    assert caught.value.fix == fix


def test_two_different_scores_are_labels() -> None:
    with pytest.raises(DataError) as caught:
        ONE.check(rows_of([0, 1] * 30), "folder/marks.csv")
    assert caught.value.problem == "'marks.csv' has too few different scores to learn from: 0, 1."
    assert caught.value.fix == 'Take them for labels: task = "text-classification"; or name another score column.'
    with pytest.raises(DataError, match="too few") as caught:
        TWO.check(rows_of([0, 1] * 30), "folder/marks.csv")
    assert '"text-pair-classification"' in caught.value.fix
    ONE.check(rows_of([0, 1, 2]), "marks.csv")


@pytest.mark.parametrize(
    ("given", "highest", "expected"),
    [
        (np.linspace(0, 5, 60).tolist(), "5", []),
        ([*range(10)] * 5, "9", [("few_values", 10, ["0", "1", "2"])]),
        ([*range(7)] * 7, "9", []),
        ([*range(11)] * 7, "10", []),
        ([-1, 6, 6, *range(1, 5), 0.5, 2.5], "5", [("outside_scale", 3, ["-1", "6"])]),
        ([0, 0, 0, 1, 2], "5", [("one_value", 3, ["0"])]),
        ([0, 0, 1, 2], "5", []),
    ],
)
def test_odd_scores_are_found(given: list[float], highest: str, expected: list[tuple[str, int, list[str]]]) -> None:
    task = load_task("text-regression", {"lowest": "0", "highest": highest})
    found = [(finding.code, finding.count, finding.examples) for finding in task.audit(rows_of(given))]
    assert found == expected
    assert "outside_scale" not in [finding.code for finding in ONE.audit(rows_of(given))]


def test_strata_are_fifths_of_the_scores() -> None:
    assert ONE.strata(rows_of([10, 1, 2, 9, 3, 8, 4, 7, 5, 6])) == ["4", "0", "0", "4", "1", "3", "1", "3", "2", "2"]
    assert len(set(ONE.strata(rows_of([0] * 50 + [1, 2, 3])))) == 2
    assert len(set(ONE.strata(rows_of([5] * 50 + [1, 2, 3])))) == 2


def numbers_with_ties(rows: int, seed: int) -> Any:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 6, rows) / 2
    return SPEARMAN.statistics(truth.tolist(), np.round(truth + draw.normal(size=rows), 1).tolist(), [])


def written_out(statistics: Any, times: Any) -> float:
    """What scipy says of rows that are repeated as often as they count."""
    rows = np.repeat(statistics, times, axis=0)
    return float(stats.spearmanr(rows[:, 0], rows[:, 1]).statistic)


def test_resampled_rank_correlations_are_those_of_the_rows_written_out() -> None:
    statistics = numbers_with_ties(80, seed=0)
    weights = np.random.default_rng(1).multinomial(80, np.full(80, 1 / 80), size=30)
    expected = [written_out(statistics, times) for times in weights]
    np.testing.assert_allclose(SPEARMAN.resample(statistics, weights), expected, atol=1e-12)
    assert SPEARMAN.score(statistics) == pytest.approx(written_out(statistics, 1), abs=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 40, 2500])
def test_rank_correlations_without_each_row_are_those_of_the_others(rows: int) -> None:
    statistics = numbers_with_ties(rows, seed=2)
    found = SPEARMAN.leave_one_out(statistics)
    assert found.shape == (rows,)
    if rows < 3:
        assert (found == 0).all()
        return
    step = CELLS_AT_ONCE // rows  # where one block ends and the next begins
    for row in {0, 1, min(step, rows) - 1, min(step, rows - 1), rows - 1}:
        times = np.arange(rows) != row
        assert found[row] == pytest.approx(written_out(statistics, times), abs=1e-12)


def test_rank_correlation_is_one_for_the_truth_and_nought_for_one_answer() -> None:
    truth = [0.1, 3.0, 2.0, 2.0, 7.0]
    assert SPEARMAN(truth, truth, []) == 1.0
    assert SPEARMAN(truth, [-each for each in truth], []) == -1.0
    assert SPEARMAN(truth, [2.0] * 5, []) == 0.0
    assert SPEARMAN(truth, [2**each for each in truth], []) == 1.0
    with pytest.raises(TypeError, match="sums over rows"):
        SPEARMAN.reduce(np.zeros(2))


def test_root_mean_squared_error_is_better_when_lower() -> None:
    assert RMSE([1.0, 2.0, 3.0], [1.0, 4.0, 4.0], []) == pytest.approx(np.sqrt(5 / 3))
    assert RMSE([1.0, 2.0], [1.0, 2.0], []) == RMSE.best == 0.0
    assert RMSE.gain(0.5, 0.8) == pytest.approx(0.3)
    assert (RMSE.facts.lowest, RMSE.facts.highest, RMSE.facts.unit) == (0.0, None, "score")


@pytest.mark.parametrize("shape", [(60, 10), (30, 50)])
def test_ridge_takes_the_strength_that_leaving_rows_out_finds(shape: tuple[int, int]) -> None:
    draw = np.random.default_rng(0)
    features = draw.normal(size=shape) + 1
    truth = features[:, 0] * 2 + draw.normal(size=shape[0]) + 7
    left_out = {
        strength: np.mean(
            [
                (
                    Ridge(alpha=strength)
                    .fit(np.delete(features, row, 0), np.delete(truth, row))
                    .predict(features[[row]])
                    - truth[row]
                )[0]
                ** 2
                for row in range(len(truth))
            ]
        )
        for strength in STRENGTHS.tolist()
    }
    best = Ridge(alpha=min(left_out, key=lambda strength: left_out[strength])).fit(features, truth)
    found = fit_ridge(features, truth)
    np.testing.assert_allclose(found.weight[0], best.coef_, atol=1e-8)
    np.testing.assert_allclose(found.bias, [best.intercept_], atol=1e-8)


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_ridge_takes_few_rows_and_scores_that_are_all_alike(rows: int) -> None:
    features = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    assert fit_ridge(features, np.full(rows, 4.0))(features) == pytest.approx(4.0)
    for given in (features, scipy.sparse.csr_matrix(features), np.zeros((rows, 1))):
        linear = Number().fit(given, [4.0] * rows, [], "tfidf", 0)
        assert linear(given) == pytest.approx(4.0)


def test_answers_stay_inside_the_scale_and_single_precision_is_not_shown() -> None:
    outputs = [np.array([value], dtype=np.float32) for value in (3.8, -0.2, 5.1)]
    task = load_task("text-regression", {"lowest": "0", "highest": "5"})
    found = task.decode(["a", "b", "c"], outputs, [], ())
    assert found == Predictions(("a", "b", "c"), (3.8, 0.0, 5.0))
    assert ONE.decode(["b"], outputs[1:2], [], ()).answers == (-0.2,)
    assert ONE.decode([], [], [], ()).answers == ()


def test_the_mean_needs_no_model_and_similarity_is_scaled_to_the_scores(embedder: Embedder, tmp_path: Path) -> None:
    rows = pairs(60, embedder)
    mean = TWO.fit_rival("mean", setting(embedder))(rows, 0)
    mean.save(tmp_path)
    constant = np.array(TWO.load_rival(tmp_path, None)(rows).answers, dtype=float)
    np.testing.assert_allclose(constant, np.mean(np.array(rows.answers, dtype=float)))
    fitted = TWO.fit_rival("similarity", setting(embedder))(rows, 0)
    assert isinstance(fitted, ScaledSimilarity)
    np.testing.assert_allclose([fitted.slope, fitted.offset], [-5, 10], atol=0.1)
    assert RMSE(rows.answers, fitted(rows).answers, []) < 0.2 * RMSE(rows.answers, mean(rows).answers, [])
    same = rows_of([1, 2, 3])
    same = Rows(same.ids, (("one", "one"),) * 3, same.answers)
    assert list(TWO.fit_rival("similarity", setting(embedder))(same, 0)(same).answers) == pytest.approx([2, 2, 2])


def test_a_head_starts_where_the_probe_is_for_one_text_and_from_the_mean_for_two(
    embedder: Embedder, tiny_model: ModelSource
) -> None:
    encoder = Path(tiny_model.location)
    for task, rows in ((ONE, text_regression.make_rows(80, seed=0)), (TWO, pairs(80, embedder))):
        probe = task.fit_rival("probe", setting(embedder))(rows, 0)
        head = task.head_of(probe)
        assert (head is None) == (task is TWO)
        model = task.build_model(encoder, TrainingSetting([], "mean", 0, rows, head))
        tuned = FineTuned(model, load_tokenizer(encoder), task, [], tiny.PREPARATION)
        answers = np.array(tuned(rows).answers, dtype=float)
        if task is ONE:
            np.testing.assert_allclose(answers, np.array(probe(rows).answers), atol=1e-4)
        else:
            truth = np.array(rows.answers, dtype=float)
            assert abs(answers.mean() - truth.mean()) < 3 * truth.std()


def test_the_loss_is_one_for_the_mean_and_nought_for_the_truth() -> None:
    rows = rows_of([10, 20, 30, 60])
    loss = ONE.loss([], rows, "balanced", 0.0)
    labels = torch.tensor(np.stack(ONE.targets(rows, [], [])))
    assert labels.dtype == torch.float32
    assert float(loss({"logits": torch.full((4, 1), 30.0)}, labels)) == pytest.approx(1)
    assert float(loss({"logits": labels[:, None]}, labels, torch.tensor(4))) == 0
    assert float(loss({"logits": torch.full((4, 1), 30.0)}, labels, torch.tensor(8))) == pytest.approx(0.5)


def test_what_the_card_says_about_use_works_and_a_saved_model_is_the_same(
    embedder: Embedder, tiny_model: ModelSource, tmp_path: Path
) -> None:
    encoder = Path(tiny_model.location)
    for task, rows in ((ONE, text_regression.make_rows(12, seed=3)), (TWO, pairs(12, embedder))):
        folder = tmp_path / str(len(task.rivals))
        model = task.build_model(encoder, TrainingSetting([], "mean", 0, rows))
        tuned = FineTuned(model, load_tokenizer(encoder), task, [], tiny.PREPARATION)
        tuned.save(folder)
        names: dict[str, Any] = {"transformers": transformers}
        exec(task.usage.replace('model="model"', f"model={str(folder)!r}"), names)
        given = rows.inputs[0]
        said = names["score"](given if isinstance(given, str) else {"text": given[0], "text_pair": given[1]})
        said = said[0] if isinstance(said, list) else said
        expected = tuned(rows).answers
        assert said["score"] == pytest.approx(expected[0], abs=1e-4)
        again = load_fine_tuned(folder)
        assert again.task.options == task.options
        assert again(rows).answers == pytest.approx(expected, abs=1e-5)


def test_signal_holds_standardised_scores(embedder: Embedder) -> None:
    found = ONE.signal(text_regression.make_rows(50, seed=0), embedder, "mean", [], 30, 0)
    assert found.targets.shape == (30, 1)
    assert len(found.features) == len(found.texts) == 30
    assert (found.targets.mean(), found.targets.std()) == (pytest.approx(0, abs=1e-9), pytest.approx(1))


def test_errors_are_told_by_score_and_by_length_and_the_largest_come_first() -> None:
    rows = Rows(tuple("abcd"), ("one", "one two", "one two three", "one two three four"), (0.0, 0.0, 10.0, 2000.0))
    ours = Predictions(rows.ids, (1.0, 0.0, 10.0, 1500.0))
    theirs = Predictions(rows.ids, (1.0, 300.0, 10.0, 1900.0))
    found = ONE.analyse_errors(rows, ours, theirs, [], show_rows=True)
    by_score, by_length = found.tables
    assert by_score.columns == ["true score", "rows", "answers lie above it by", "RMSE"]
    assert by_score.rows == [["0", "2", "+0.5", "0.707"], ["10", "1", "+0", "0"], ["2,000", "1", "-500", "500"]]
    assert by_length.rows == [["1", "1", "1"], ["2", "1", "0"], ["3", "1", "0"], ["4", "1", "500"]]
    assert [(case.row_id, case.truth, case.answer, case.confidence) for case in found.worst] == [
        ("d", "2,000", "1,500", None)
    ]
    assert (found.mended, found.broken) == (1, 1)
    assert (found.confusion, found.by_class) == ([], [])
    assert ONE.analyse_errors(rows, ours, theirs, [], show_rows=False).worst == []


def test_scores_of_many_values_are_banded_by_fifths() -> None:
    rows = rows_of(np.linspace(0, 10, 101).round(1).tolist())
    ours = Predictions(rows.ids, (5.0,) * 101)
    table = ONE.analyse_errors(rows, ours, ours, [], show_rows=True).tables[0]
    assert [row[0] for row in table.rows] == ["0 to 1.9", "2 to 3.9", "4 to 6", "6.1 to 8", "8.1 to 10"]
    assert [row[2][0] for row in table.rows] == ["+", "+", "+", "-", "-"]
