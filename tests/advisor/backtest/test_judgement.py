"""What cells say of verdicts and forecasts, on cells that are made up."""

from collections.abc import Sequence
from typing import Any

import pytest

from advisor.backtest.accuracy import cost_accuracy, forecast_accuracy
from advisor.backtest.fitting import fit_forecast, leave_one_out
from advisor.backtest.judgement import ADVISED, SIMPLE_RULES, contributions, judge, judge_cell, sum_regrets
from advisor.backtest.suite import Cell
from advisor.backtest.table import backtest_blocks
from advisor.backtest.trial import CASE, Arms, CellOutcome
from advisor.decision import BestWay, Case
from advisor.report.blocks import Heading, Items, Paragraph, Table
from advisor.rulebook import load_rules
from pipeline.arm import ArmOutcome
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.records import Recipe
from tests.advisor import decisions

RULES = load_rules()
RECIPE = Recipe(
    strategy="probe_then_fine_tune",
    learning_rate=1e-4,
    batch_size=16,
    epochs=5,
    warmup_fraction=0.1,
    weight_decay=0.01,
    early_stopping_epochs=2,
    class_weights="none",
)


def arm(score: float, memory: int = 1_309_000_000) -> ArmOutcome:
    return ArmOutcome(
        score=decisions.score("fine_tuned", score, score - 0.02, score + 0.02),
        steps=60,
        planned_steps=100,
        tokens=100_000,
        train_cpu_seconds=50.0,
        train_wall_seconds=40.0,
        cpu_seconds=70.0,
        wall_seconds=60.0,
        peak_memory_bytes=memory,
        epochs=[],
        best_epoch=3.0,
    )


def outcome(
    fine_tuned: float,
    probe: float = 0.84,
    zero_shot: float = 0.6,
    pilot_gain: float = 0.08,
    control: str = "real",
    group: str = "letters",
    **case: Any,
) -> CellOutcome:
    """A cell in which the advisor chose the probe; `case` changes what the verdict rests on."""
    measured = decisions.measurements(pilot=decisions.pilot().model_copy(update={"gain": pilot_gain}))
    whole: dict[str, Any] = {
        "usable_rows": 1700,
        "smallest_class": ("refund", 200),
        "median_class_rows": 280.0,
        "consent": "yes",
        "permutation_p": 0.001,
        "best": BestWay("probe", 0.841, 0.821, 0.109, 0.129),
        "metric": MACRO_F1.facts,
        "good_enough": 0.95,
        "useful_gain": 0.03,
        "probability": None,
        "time_share": 0.2,
        "memory_share": 0.2,
        "points": 0.0,
    }
    cheap = {"majority": 0.05, "zero_shot": zero_shot, "tfidf": 0.8, "probe": probe}
    return CellOutcome(
        cell=Cell(set_name="letters", group=group, size=1700, control=control, seed=0, fingerprint="x"),
        held_out_rows=1000,
        measurements=measured,
        case=CASE.dump_python(Case(**{**whole, **case}), mode="json"),
        quantities={"separation": 0.8, "usable_rows": 1700.0, "rows_per_class": 280.0, "headroom": 3.6},
        recipe=RECIPE,
        forecast=decisions.FORECAST,
        starts_from_probe=True,
        task="text-classification",
        task_options={},
        metric="macro_f1",
        probe_scores={"mean": 0.841},
        arms=Arms(
            cheap=[decisions.score(name, value, 0, 1) for name, value in cheap.items()], fine_tuned=arm(fine_tuned)
        ),
        expected_train_cpu_seconds=55.0,
    )


NO_SIGNAL: dict[str, Any] = {"permutation_p": 0.4}


@pytest.mark.parametrize(
    ("cell", "verdict", "right", "regret"),
    [
        (outcome(0.90), "go", True, 0.0),  # worth it
        (outcome(0.85), "go", False, 3.0 - 1.0),  # a point better than the probe: the useful gain less that point
        (outcome(0.84), "go", False, 3.0),
        (outcome(0.80), "go", False, 3.0 + 4.0),
        (outcome(0.90, **NO_SIGNAL), "no_go", False, 6.0),
        (outcome(0.85, **NO_SIGNAL), "no_go", True, 0.0),
        (outcome(0.80, zero_shot=0.86, **NO_SIGNAL), "no_go", True, 2.0),  # the wrong cheap way
        (outcome(0.88, zero_shot=0.86), "go", False, 1.0),  # not worth it against the better cheap way
        (outcome(0.90, consent="no"), "not_yet", False, 6.0),
    ],
)
def test_a_verdict_costs_what_the_best_arm_has_more(
    cell: CellOutcome, verdict: str, right: bool, regret: float
) -> None:
    found = judge_cell(cell, RULES)
    assert (found.verdict, found.is_right) == (verdict, right)
    assert found.regrets[ADVISED] == pytest.approx(regret)


def test_simple_rules_are_charged_in_the_same_way() -> None:
    found = judge_cell(outcome(0.80), RULES).regrets
    assert set(found) == {ADVISED, *SIMPLE_RULES}
    assert found["always go"] == pytest.approx(7.0)
    assert found["never go"] == pytest.approx(0.0)
    assert judge_cell(outcome(0.90), RULES).regrets["never go"] == pytest.approx(6.0)


def test_regrets_are_summed_as_mean_high_and_worst() -> None:
    found = sum_regrets("always go", [0.0] * 18 + [1.0, 20.0])
    assert (found.cells, found.worst) == (20, 20.0)
    assert found.mean == pytest.approx(1.05)
    assert found.near == pytest.approx(0.95)
    assert 1.0 < found.high < 20.0


def test_a_factor_whose_veto_saves_points_contributes_them() -> None:
    cells = [outcome(0.80, **NO_SIGNAL), outcome(0.90)]
    found = {each.factor: each for each in contributions(cells, lambda _: RULES)}
    assert set(found) == {*(rule.key for rule in RULES.factors), "forecast"}
    similar = found["task_similarity"]
    assert similar.changed == 1
    assert similar.without_it - similar.with_it == pytest.approx(3.5)
    assert not similar.informs_only
    assert found["expertise"].informs_only
    assert found["compute"].changed == 0


def test_a_factor_whose_veto_costs_points_is_said_to_do_harm() -> None:
    text = shown([outcome(0.90, median_class_rows=3.0)])
    assert "data availability | 0.00 | -6.00 | 1 | does harm here" in text
    assert "expertise | 6.00 | +0.00 | 0 | informational" in text


@pytest.mark.parametrize("factor", ["data_availability", "compute", "baseline_performance", "task_similarity"])
def test_a_factor_that_is_left_out_vetoes_nothing(factor: str) -> None:
    vetoes: dict[str, dict[str, Any]] = {
        "data_availability": {"median_class_rows": 3.0},
        "compute": {"time_share": 4.0},
        "baseline_performance": {"best": BestWay("probe", 0.96, 0.955, -0.01, -0.005)},
        "task_similarity": NO_SIGNAL,
    }
    cell = outcome(0.90, **vetoes[factor])
    assert judge_cell(cell, RULES).verdict != "go"
    assert judge_cell(cell, RULES, without=factor).verdict == "go"


def test_forecasts_are_measured_against_what_happened() -> None:
    cells = judge([outcome(0.90), outcome(0.50)], lambda _: RULES)
    expected = cells[0].forecast
    assert expected is not None
    found = forecast_accuracy(cells)
    assert found is not None
    points = [100 * abs(expected.score.point - happened) for happened in (0.90, 0.50)]
    assert found.error == pytest.approx(sum(points) / 2)
    assert found.coverage.point == 0.5
    assert found.width == pytest.approx(100 * (expected.score.high - expected.score.low))
    likely = expected.probability_of_useful_gain
    assert found.brier == pytest.approx(((likely - 1) ** 2 + likely**2) / 2)


def test_costs_are_measured_as_shares_of_what_was_taken() -> None:
    found = cost_accuracy(judge([outcome(0.90)], lambda _: RULES))
    assert found is not None
    assert found.processor == pytest.approx(0.1)
    assert found.steps == pytest.approx(0.6)
    assert found.memory == pytest.approx(1 - 1.24 / 1.309)
    assert found.memory_under == pytest.approx(found.memory)


def test_a_cell_without_a_pilot_has_no_forecast_and_no_go() -> None:
    bare = outcome(0.9)
    bare = bare.model_copy(update={"forecast": None, "measurements": decisions.measurements(pilot=None)})
    found = judge_cell(bare, RULES)
    assert (found.forecast, found.verdict) == (None, "not_yet")
    assert forecast_accuracy([found]) is None
    assert cost_accuracy([found]) is None


def shown(cells: Sequence[CellOutcome]) -> str:
    """All text of the printed account."""
    parts: list[str] = []
    for block in backtest_blocks(cells, RULES):
        if isinstance(block, Heading):
            parts += [block.title, block.note]
        elif isinstance(block, Paragraph):
            parts.append(block.text)
        elif isinstance(block, Items):
            parts += block.lines
        elif isinstance(block, Table):
            parts += [" | ".join(row) for row in [block.titles, *block.rows]]
    return "\n".join(parts)


def test_the_account_keeps_real_cells_and_controls_apart_and_marks_wrong_verdicts() -> None:
    text = shown([outcome(0.90), outcome(0.80), outcome(0.80, control="random_labels", **NO_SIGNAL)])
    assert "2 real cells and 1 control from 1 group of data sets" in text
    assert "The verdict was right in 50 % of 2 cells" in text
    assert "The verdict was right in 100 % of 1 cell" in text
    assert "Go was said in 2, rightly in 1." in text
    assert "advisor | 3.50 |" in text
    assert "| Go (wrong) | go probability" in text
    assert "expertise | " in text


THREE = [outcome(0.86, group="a"), outcome(0.84, group="b"), outcome(0.90, group="c"), outcome(0.87, group="c")]


def test_constants_are_fitted_towards_what_happened() -> None:
    numbers = RULES.forecast.numbers
    lucky, unlucky = (fit_forecast([outcome(score)] * 12, RULES).numbers for score in (0.95, 0.80))
    base, slope = "prior_share", "prior_share_per_separation"
    assert lucky[base].value + lucky[slope].value > numbers[base].value + numbers[slope].value
    assert unlucky[base].value + unlucky[slope].value < numbers[base].value + numbers[slope].value
    assert unlucky["share_per_doubling"].value == 0.0
    assert lucky["pilot_deviation"] == numbers["pilot_deviation"]


def test_constants_are_fitted_to_real_cells_where_there_are_any() -> None:
    real, changed = [outcome(0.86)] * 6, [outcome(0.70, control="half_shuffled")] * 6
    assert fit_forecast([*real, *changed], RULES) == fit_forecast(real, RULES)
    assert fit_forecast(changed, RULES) != RULES.forecast


def test_growth_is_fitted_where_small_pilots_said_too_little() -> None:
    assert fit_forecast([outcome(0.95)] * 12, RULES).numbers["share_per_doubling"].value > 0


def test_the_interval_is_stretched_until_it_holds_four_scores_in_five() -> None:
    cells = [outcome(0.7 + 0.02 * place) for place in range(14)]
    fitted = RULES.model_copy(update={"forecast": fit_forecast(cells, RULES)})
    found = forecast_accuracy(judge(cells, lambda _: fitted))
    assert found is not None
    assert 0.8 <= found.coverage.point <= 0.9
    tight = fit_forecast([outcome(0.86)] * 14, RULES).numbers["interval_scale"].value
    assert tight < fitted.forecast.numbers["interval_scale"].value


def test_a_cell_is_judged_by_constants_that_never_saw_its_data_set() -> None:
    rules_for = leave_one_out(THREE, RULES)
    assert rules_for is not None
    for cell in THREE:
        others = [other for other in THREE if other.cell.group != cell.cell.group]
        assert rules_for(cell).forecast == fit_forecast(others, RULES)
    assert leave_one_out(THREE[:2], RULES) is None


def test_the_account_says_what_constants_of_the_other_sets_would_do() -> None:
    text = shown(THREE)
    assert "Constants of the forecast fitted on the other data sets" in text
    assert "interval_scale" in text
    assert "Constants" not in shown(THREE[:2])


def test_an_account_of_nothing_says_so() -> None:
    assert shown([]) == "No cell is finished yet."
