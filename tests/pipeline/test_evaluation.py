"""Metrics, intervals and tests against other software, published numbers and simulation."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest, norm
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from pipeline.evaluation.comparison import compare, judge, mcnemar, score, smallest_provable_gain
from pipeline.evaluation.intervals import (
    difference_interval,
    difference_standard_error,
    score_interval,
    standard_error,
    wilson,
)
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1, MICRO_F1, as_evaluate_metric
from pipeline.metric import Metric
from pipeline.results import Difference
from pipeline.task import Array, Predictions, Rows
from tests.scores import MEAN_ERROR

CLASSES = ["a", "b", "c", "never"]


def draw(rows: int, right: float, seed: int) -> tuple[list[str], list[str]]:
    """Random labels, and answers of which about that share is right."""
    random = np.random.default_rng(seed)
    truth = random.choice(["a", "a", "b", "c"], size=rows)
    guess = random.choice(["a", "b", "c"], size=rows)
    return truth.tolist(), np.where(random.random(rows) < right, truth, guess).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    truth, answers = draw(50, 0.5, seed)
    assert ACCURACY(truth, answers, CLASSES) == pytest.approx(accuracy_score(truth, answers))
    assert MACRO_F1(truth, answers, CLASSES) == pytest.approx(f1_score(truth, answers, average="macro"))


def test_macro_f1_counts_classes_that_are_only_answered_and_none_that_are_absent() -> None:
    truth, answers = ["a", "a", "b", "b"], ["a", "c", "b", "a"]
    expected = f1_score(truth, answers, average="macro")
    assert MACRO_F1(truth, answers, CLASSES) == MACRO_F1(truth, answers, ["a", "b", "c"]) == pytest.approx(expected)
    assert MACRO_F1([], [], CLASSES) == ACCURACY([], [], CLASSES) == 0.0


def draw_several(rows: int, seed: int) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Random sets of labels, and answers that differ from them here and there; some are empty."""
    random = np.random.default_rng(seed)
    truth = random.random((rows, 3)) < [0.5, 0.3, 0.1]
    answers = truth ^ (random.random((rows, 3)) < 0.2)
    return tuple(  # type: ignore[return-value]
        [tuple(label for label, given in zip("abc", row, strict=True) if given) for row in part]
        for part in (truth, answers)
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("metric", "average"), [(MACRO_F1, "macro"), (MICRO_F1, "micro")])
def test_scores_of_several_labels_are_those_of_scikit_learn(metric: Metric, average: str, seed: int) -> None:
    truth, answers = draw_several(40, seed)
    binary = MultiLabelBinarizer(classes=["a", "b", "c"]).fit(truth)
    expected = f1_score(binary.transform(truth), binary.transform(answers), average=average, zero_division=0)
    assert metric(truth, answers, CLASSES) == pytest.approx(expected)
    assert metric(truth, truth, CLASSES) == metric.best == 1.0
    assert metric(truth, [()] * 40, CLASSES) == 0.0


def test_micro_f1_of_one_label_is_accuracy_and_of_several_counts_every_label() -> None:
    truth, answers = draw(60, 0.5, seed=2)
    assert MICRO_F1(truth, answers, CLASSES) == pytest.approx(ACCURACY(truth, answers, CLASSES))
    assert MICRO_F1([("a", "b"), ("a",), ()], [("a",), ("a", "c"), ("b",)], CLASSES) == pytest.approx(4 / 7)


@pytest.mark.parametrize("metric", [ACCURACY, MACRO_F1, MICRO_F1, MEAN_ERROR])
def test_resampling_and_leaving_out_score_the_rows_that_are_meant(metric: Metric) -> None:
    random = np.random.default_rng(0)
    truth, answers = (random.normal(size=(2, 30)).tolist()) if metric is MEAN_ERROR else draw(30, 0.5, seed=4)
    statistics = metric.statistics(truth, answers, CLASSES)
    weights = random.integers(0, 3, size=(6, 30)).astype(float)
    for weight, found in zip(weights, metric.resample(statistics, weights), strict=True):
        rows = np.repeat(np.arange(30), weight.astype(int))
        assert found == pytest.approx(metric([truth[row] for row in rows], [answers[row] for row in rows], CLASSES))
    for place in (0, 17, 29):
        kept = [row for row in range(30) if row != place]
        expected = metric([truth[row] for row in kept], [answers[row] for row in kept], CLASSES)
        assert metric.leave_one_out(statistics)[place] == pytest.approx(expected)


def test_a_gain_is_positive_when_ours_is_better_whatever_the_direction() -> None:
    assert ACCURACY.gain(0.9, 0.7) == pytest.approx(0.2)
    assert MEAN_ERROR.gain(0.9, 0.7) == pytest.approx(-0.2)
    assert (ACCURACY.best, MEAN_ERROR.best) == (1.0, 0.0)


def test_the_facts_of_a_metric_say_how_to_read_it() -> None:
    facts = MEAN_ERROR.facts
    assert (facts.name, facts.title, facts.higher_is_better) == ("mean_error", "mean error", False)
    assert (facts.lowest, facts.highest, facts.unit) == (0.0, None, "score")
    assert (MACRO_F1.facts.lowest, MACRO_F1.facts.highest, MACRO_F1.facts.unit) == (0.0, 1.0, "points")


def test_metrics_work_behind_the_evaluate_library_offline() -> None:
    truth, answers = draw(80, 0.4, seed=7)
    for metric in (ACCURACY, MACRO_F1):
        found = as_evaluate_metric(metric, CLASSES).compute(predictions=answers, references=truth)
        assert found == {metric.name: metric(truth, answers, CLASSES)}


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (8, 10, 0.490, 0.943),
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<857
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_gives_the_published_intervals(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-4)
    assert found.low <= found.point == successes / trials <= found.high


def test_without_rows_nothing_is_known() -> None:
    found = wilson(0, 0)
    assert (found.low, found.high) == (0.0, 1.0)


def test_accuracy_has_a_wilson_interval_and_macro_f1_a_wider_one_with_fewer_rows() -> None:
    few, many = (draw(count, 0.6, seed=1) for count in (60, 600))
    accuracy = score_interval(ACCURACY, [ACCURACY.statistics(*few, CLASSES)], seed=0)
    right = sum(one == other for one, other in zip(*few, strict=True))
    assert accuracy == wilson(right, 60)
    wide, narrow = (score_interval(MACRO_F1, [MACRO_F1.statistics(*rows, CLASSES)], seed=0) for rows in (few, many))
    assert wide.low < wide.point < wide.high
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def covered(metric: Metric, rows: int, true: float, right: float, trials: int) -> float:
    found = [
        score_interval(metric, [metric.statistics(*draw(rows, right, seed=trial), CLASSES)], seed=trial)
        for trial in range(trials)
    ]
    return float(np.mean([interval.low <= true <= interval.high for interval in found]))


def test_bca_covers_the_true_macro_f1_about_as_often_as_it_says() -> None:
    true = MACRO_F1(*draw(200_000, 0.6, seed=99), CLASSES)
    assert covered(MACRO_F1, 100, true, 0.6, trials=100) == pytest.approx(0.95, abs=0.045)  # two standard errors


def test_scores_that_no_resample_can_vary_get_the_rule_of_three() -> None:
    truth = ["a", "b"] * 20
    found = score_interval(MACRO_F1, [MACRO_F1.statistics(truth, truth, CLASSES)], seed=0)
    assert (found.low, found.point, found.high) == (1 - 3 / 40, 1.0, 1.0)


def statistics_of(metric: Metric, seeds: list[int]) -> list[Array]:
    """Statistics of answers of several repetitions to the same rows."""
    truth, _ = draw(80, 0.5, seed=11)
    return [metric.statistics(truth, np.roll(truth, seed).tolist(), CLASSES) for seed in seeds]


@pytest.mark.parametrize("metric", [ACCURACY, MACRO_F1])
def test_repetitions_are_averaged_and_do_not_pass_for_more_rows(metric: Metric) -> None:
    repeated = statistics_of(metric, [1, 2, 3])
    alone = [score_interval(metric, [each], seed=0) for each in repeated]
    found = score_interval(metric, repeated, seed=0)
    assert found.point == pytest.approx(np.mean([each.point for each in alone]), abs=0.501 / 80)
    assert found.low < found.point < found.high
    same = score_interval(metric, [repeated[0]] * 3, seed=0)
    assert (same.point, same.low, same.high) == pytest.approx((alone[0].point, alone[0].low, alone[0].high))


def test_repetitions_that_err_on_different_rows_vary_less_together_than_each() -> None:
    repeated = statistics_of(MACRO_F1, [1, 2, 3, 5, 7])
    alone = [score_interval(MACRO_F1, [each], seed=0) for each in repeated]
    found = score_interval(MACRO_F1, repeated, seed=0)
    assert found.high - found.low < np.mean([each.high - each.low for each in alone])


def test_an_error_has_an_interval_that_does_not_end_below_zero() -> None:
    truth = [float(place % 5) for place in range(40)]
    near = [number + (3.0 if place in (7, 21) else 0.0) for place, number in enumerate(truth)]
    found = score_interval(MEAN_ERROR, [MEAN_ERROR.statistics(truth, near, [])], seed=0)
    assert 0 <= found.low < found.point == pytest.approx(0.15)
    assert found.high > 0.3
    perfect = score_interval(MEAN_ERROR, [MEAN_ERROR.statistics(truth, truth, [])], seed=0)
    assert (perfect.low, perfect.point, perfect.high) == (0.0, 0.0, 0.0)


def test_a_difference_is_paired_so_that_shared_mistakes_cancel() -> None:
    truth, theirs = draw(400, 0.5, seed=3)
    ours = theirs.copy()
    mended = [place for place in range(400) if theirs[place] != truth[place]][:20]
    for place in mended:
        ours[place] = truth[place]
    one, other = (ACCURACY.statistics(truth, answers, CLASSES) for answers in (ours, theirs))
    found = difference_interval(ACCURACY, one, other)
    assert found.point == pytest.approx(0.05)
    assert 0.025 < found.low < 0.04
    assert 0.06 < found.high < 0.08
    alone = score_interval(ACCURACY, [one], seed=0)
    assert found.high - found.low < 0.6 * (alone.high - alone.low)


def test_the_interval_of_a_difference_of_means_is_that_of_the_paired_t_test() -> None:
    truth, theirs = draw(120, 0.5, seed=3)
    _, ours = draw(120, 0.9, seed=4)
    one, other = (ACCURACY.statistics(truth, answers, CLASSES) for answers in (ours, theirs))
    expected = stats.ttest_rel(one[:, 0], other[:, 0]).confidence_interval(0.9)
    found = difference_interval(ACCURACY, one, other, level=0.9)
    assert (found.low, found.high) == pytest.approx(tuple(expected))


def test_standard_errors_are_those_of_theory() -> None:
    truth, theirs = draw(400, 0.5, seed=3)
    one, other = ACCURACY.statistics(truth, truth, CLASSES), ACCURACY.statistics(truth, theirs, CLASSES)
    right = ACCURACY(truth, theirs, CLASSES)
    expected = (right * (1 - right) / 400) ** 0.5
    assert standard_error(ACCURACY, other, seed=0) == pytest.approx(expected, rel=0.1)
    assert difference_standard_error(ACCURACY, one, other, seed=0) == pytest.approx(expected, rel=0.1)
    assert difference_standard_error(ACCURACY, other, other, seed=0) == 0.0


def test_a_smaller_error_is_a_gain_with_an_interval_above_zero() -> None:
    random = np.random.default_rng(0)
    truth = random.normal(size=300)
    theirs, ours = truth + random.normal(size=300), truth + 0.5 * random.normal(size=300)
    rows = Rows(tuple(str(place) for place in range(300)), ("",) * 300, tuple(truth.tolist()))
    near, far = (Predictions(rows.ids, tuple(each.tolist())) for each in (ours, theirs))
    found = compare(MEAN_ERROR, rows, near, far, [], seed=0)
    assert found.point == pytest.approx(np.abs(theirs - truth).mean() - np.abs(ours - truth).mean())
    assert 0.2 < found.low < found.point < found.high < 0.6
    assert found.p is None
    back = compare(MEAN_ERROR, rows, far, near, [], seed=0)
    assert (back.point, back.low, back.high) == pytest.approx((-found.point, -found.high, -found.low), abs=0.01)


@pytest.mark.parametrize(("only_ours", "only_theirs", "both"), [(10, 2, 30), (5, 5, 0), (0, 6, 4), (1, 0, 9)])
def test_mcnemar_is_the_exact_binomial_test_of_rows_that_differ(only_ours: int, only_theirs: int, both: int) -> None:
    ours = np.array([True] * only_ours + [False] * only_theirs + [True] * both)
    theirs = np.array([False] * only_ours + [True] * only_theirs + [True] * both)
    assert mcnemar(ours, theirs) == pytest.approx(binomtest(only_ours, only_ours + only_theirs).pvalue)
    assert mcnemar(ours, ours) == 1.0


def test_a_comparison_and_a_score_carry_what_a_report_needs() -> None:
    truth, theirs = draw(200, 0.5, seed=5)
    rows = Rows(tuple(str(place) for place in range(200)), ("",) * 200, tuple(truth))
    ours = Predictions(rows.ids, tuple(truth))
    found = compare(MACRO_F1, rows, ours, Predictions(rows.ids, tuple(theirs)), CLASSES, seed=0)
    assert found.point == pytest.approx(1 - f1_score(truth, theirs, average="macro"))
    assert found.low < found.point < found.high
    assert found.p is not None
    assert found.p < 1e-6
    both = {"macro_f1": MACRO_F1, "accuracy": ACCURACY}
    one = score("probe", both, MACRO_F1, rows, [ours], CLASSES, seed=0)
    assert (one.name, one.metric, one.score, one.low, one.high) == ("probe", "macro_f1", 1.0, 1 - 3 / len(rows), 1.0)
    assert one.beside == {"accuracy": 1.0}
    twice = score("probe", both, ACCURACY, rows, [ours, Predictions(rows.ids, tuple(theirs))], CLASSES, seed=0)
    assert twice.score == pytest.approx((1 + ACCURACY(truth, theirs, CLASSES)) / 2, abs=0.501 / 200)
    assert twice.beside == {"macro_f1": pytest.approx((1 + MACRO_F1(truth, theirs, CLASSES)) / 2)}


@pytest.mark.parametrize(
    ("point", "low", "high", "verdict", "because"),
    [
        (
            0.05,
            0.01,
            0.09,
            "improved",
            "The gain is +5.0 points (95 % interval +1.0 to +9.0): above zero at 95 %, and at least the 3.0 points that you wanted.",
        ),
        (0.03, 0.0001, 0.09, "improved", None),
        (0.03, 0.0, 0.09, "insufficient_evidence", None),
        (
            0.0299,
            0.01,
            0.09,
            "insufficient_evidence",
            "The gain is +3.0 points (95 % interval +1.0 to +9.0): these rows cannot tell whether it reaches 3.0 points.",
        ),
        (0.0, -0.03, 0.03, "insufficient_evidence", None),
        (
            0.0,
            -0.03,
            0.0299,
            "not_improved",
            "The gain is +0.0 points (95 % interval -3.0 to +3.0): less than the 3.0 points that you wanted.",
        ),
        (-0.05, -0.09, -0.01, "not_improved", None),
        (0.02, 0.01, 0.0299, "not_improved", None),
    ],
)
def test_a_gain_is_judged_at_the_edges(
    point: float, low: float, high: float, verdict: str, because: str | None
) -> None:
    found = judge(Difference(point=point, low=low, high=high, p=None), 0.03, MACRO_F1, "none")
    assert found[0] == verdict
    assert because in (None, found[1])
    capped = judge(Difference(point=point, low=low, high=high, p=None), 0.03, MACRO_F1, "insufficient_evidence")
    assert capped[0] == "insufficient_evidence"
    assert capped[1].endswith("with so few rows no result can be called proven.")


@pytest.mark.parametrize(
    ("point", "low", "high", "verdict", "because"),
    [
        (
            0.123456,
            0.05,
            0.2,
            "improved",
            "The gain is +0.123 in mean error (95 % interval +0.05 to +0.2): above zero at 95 %, and at least the "
            "0.1 in mean error that you wanted.",
        ),
        (
            -12345.6,
            -20000.0,
            0.05,
            "not_improved",
            "The gain is -12300 in mean error (95 % interval -20000 to +0.05): less than the 0.1 in mean error that "
            "you wanted.",
        ),
        (
            0.08,
            -0.01,
            0.2,
            "insufficient_evidence",
            "The gain is +0.08 in mean error (95 % interval -0.01 to +0.2): these rows cannot tell whether it reaches "
            "0.1 in mean error.",
        ),
    ],
)
def test_a_gain_in_the_unit_of_the_data_is_judged_and_said_in_it(
    point: float, low: float, high: float, verdict: str, because: str
) -> None:
    found = judge(Difference(point=point, low=low, high=high, p=None), 0.1, MEAN_ERROR, "none")
    assert found == (verdict, because)


def test_more_sealed_rows_prove_smaller_gains_and_a_noisier_difference_hides_them() -> None:
    by_rows = [smallest_provable_gain(0.01, 800, rows) or 0.0 for rows in (50, 100, 200, 500, 1000, 2000)]
    assert by_rows == sorted(by_rows, reverse=True)
    by_noise = [smallest_provable_gain(error, 800, 500) or 0.0 for error in (0.001, 0.005, 0.01, 0.02, 0.05)]
    assert by_noise == sorted(by_noise)
    assert all(0 < gain < 1 for gain in [*by_rows, *by_noise])
    assert smallest_provable_gain(0.01, 800, 0) is None


@pytest.mark.parametrize(
    ("gain", "discordant", "rows"), [(0.03, 0.10, 860), (0.03, 0.20, 1740), (0.05, 0.10, 310), (0.05, 0.20, 620)]
)
def test_a_gain_is_provable_with_about_as_many_rows_as_the_house_says(
    gain: float, discordant: float, rows: int
) -> None:
    measured = 1000
    error = (discordant / measured) ** 0.5  # of the difference of two accuracies, where so many rows differ
    assert smallest_provable_gain(error, measured, rows) == pytest.approx(gain, rel=0.02)


def test_a_provable_gain_is_found_four_times_in_five() -> None:
    measured, sealed, error = 400, 100, 0.02
    gain = smallest_provable_gain(error, measured, sealed)
    assert gain is not None
    found = norm(gain, 2 * error).sf(1.96 * 2 * error)  # a fourth of the rows: twice the standard error
    assert found == pytest.approx(0.8, abs=0.001)
