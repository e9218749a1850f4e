"""Metrics, intervals and tests against other software, published numbers and simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score

from pipeline.evaluation.comparison import compare, judge, mcnemar, score, smallest_provable_gain
from pipeline.evaluation.intervals import difference_interval, score_interval, wilson
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1, as_evaluate_metric
from pipeline.records import Difference
from pipeline.task import Metric, Predictions, Rows

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
    accuracy = score_interval(ACCURACY, ACCURACY.statistics(*few, CLASSES), seed=0)
    right = sum(one == other for one, other in zip(*few, strict=True))
    assert accuracy == wilson(right, 60)
    wide, narrow = (score_interval(MACRO_F1, MACRO_F1.statistics(*rows, CLASSES), seed=0) for rows in (few, many))
    assert wide.low < wide.point < wide.high
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def covered(metric: Metric, rows: int, true: float, right: float, trials: int) -> float:
    found = [
        score_interval(metric, metric.statistics(*draw(rows, right, seed=trial), CLASSES), seed=trial)
        for trial in range(trials)
    ]
    return float(np.mean([interval.low <= true <= interval.high for interval in found]))


def test_bca_covers_the_true_macro_f1_about_as_often_as_it_says() -> None:
    true = MACRO_F1(*draw(200_000, 0.6, seed=99), CLASSES)
    assert covered(MACRO_F1, 100, true, 0.6, trials=100) == pytest.approx(0.95, abs=0.045)  # two standard errors


def test_scores_that_no_resample_can_vary_get_the_rule_of_three() -> None:
    truth = ["a", "b"] * 20
    found = score_interval(MACRO_F1, MACRO_F1.statistics(truth, truth, CLASSES), seed=0)
    assert (found.low, found.point, found.high) == (1 - 3 / 40, 1.0, 1.0)


def test_a_difference_is_paired_so_that_shared_mistakes_cancel() -> None:
    truth, theirs = draw(400, 0.5, seed=3)
    ours = theirs.copy()
    mended = [place for place in range(400) if theirs[place] != truth[place]][:20]
    for place in mended:
        ours[place] = truth[place]
    one, other = (ACCURACY.statistics(truth, answers, CLASSES) for answers in (ours, theirs))
    found = difference_interval(ACCURACY, one, other, seed=0)
    assert found.point == pytest.approx(0.05)
    assert 0.025 < found.low < 0.04
    assert 0.06 < found.high < 0.08
    alone = score_interval(ACCURACY, one, seed=0)
    assert found.high - found.low < 0.6 * (alone.high - alone.low)


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
    one = score("probe", MACRO_F1, rows, ours, CLASSES, seed=0)
    assert (one.name, one.metric, one.score, one.low, one.high) == ("probe", "macro_f1", 1.0, 1 - 3 / len(rows), 1.0)


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
    found = judge(Difference(point=point, low=low, high=high, p=None), 0.03, "none")
    assert found[0] == verdict
    assert because in (None, found[1])
    capped = judge(Difference(point=point, low=low, high=high, p=None), 0.03, "insufficient_evidence")
    assert capped[0] == "insufficient_evidence"
    assert capped[1].endswith("with so few rows no result can be called proven.")


def test_more_rows_prove_smaller_gains_and_more_discordance_hides_them() -> None:
    by_rows = [smallest_provable_gain(rows, 0.15) or 0.0 for rows in (50, 100, 200, 500, 1000, 2000)]
    assert by_rows == sorted(by_rows, reverse=True)
    by_discordance = [smallest_provable_gain(500, share) or 0.0 for share in (0.0, 0.05, 0.1, 0.2, 0.5)]
    assert by_discordance == sorted(by_discordance)
    assert all(0 < gain <= 1 for gain in [*by_rows, *by_discordance])
    assert smallest_provable_gain(0, 0.1) is None


@pytest.mark.parametrize(
    ("gain", "discordant", "rows"), [(0.03, 0.10, 860), (0.03, 0.20, 1740), (0.05, 0.10, 310), (0.05, 0.20, 620)]
)
def test_a_gain_is_provable_with_about_as_many_rows_as_the_house_says(
    gain: float, discordant: float, rows: int
) -> None:
    assert smallest_provable_gain(rows, discordant) == pytest.approx(gain, rel=0.02)
