"""What is expected of a run: its score, its cost, and the recipe that both are expected of."""

import math
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from advisor.errors import AnswersError
from advisor.estimate import CHECKPOINT_SECONDS_PER_BYTE, Estimate, Workload, estimate, memory_margin
from advisor.forecast import LEVEL, Race, RowCounts, forecast
from advisor.records import PilotMeasurement, Training
from advisor.rule_records import StrategyBand, StrategyValue
from advisor.rulebook import load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.evaluation.metrics import ACCURACY
from pipeline.metric import Metric
from pipeline.records import PHASES, Forecast, PhaseCost, Recipe, Record
from tests.advisor import decisions
from tests.scores import MEAN_ERROR

RULES = load_rules()
COST = Estimate(wall_seconds=600.0, cpu_seconds=1100.0, peak_memory_bytes=2 * 10**9)
WORK = Workload(
    train_rows=1000,
    train_tokens=40_000,
    validation_tokens=8_000,
    test_tokens=10_000,
    test_rows=250,
    rival_seconds=10.0,
    folds=5,
    weight_bytes=90_000_000,
)


def pilot(gain: float = 0.03, standard_error: float = 0.013, probe: float = 0.802) -> PilotMeasurement:
    changes = {"gain": gain, "gain_standard_error": standard_error, "probe_score": probe}
    return decisions.pilot().model_copy(update=changes)


ROWS = RowCounts(cross_validated=1600, trained=640, sealed=400)


def expected(
    tried: PilotMeasurement, probe: float = 0.8, best: float = 0.8, useful_gain: float = 0.03, test_rows: int = 400
) -> Forecast:
    rivals = [decisions.score("tfidf", best, 0, 1), decisions.score("probe", probe, 0, 1)]
    race = Race(ACCURACY, rivals, "tfidf" if best > probe else "probe", useful_gain)
    return forecast(tried, race, replace(ROWS, sealed=test_rows), COST, RULES.forecast)


SLOPE = {"prior_share": 0.0, "prior_share_per_separation": 0.3}


def prior(guess: float = 0.8, probe: float = 0.8) -> float:
    """What other data sets showed, where the way that knows least scores like this."""
    numbers = RULES.forecast.numbers
    separation = 1 - (1 - probe) / (1 - min(guess, probe))
    return numbers["prior_share"].value + numbers["prior_share_per_separation"].value * separation


GAINS = [-0.9, -0.3, -0.05, 0.0, 0.02, 0.05, 0.1, 0.15, 0.19, 0.5]


def test_the_probability_of_a_useful_gain_rises_with_the_gain_of_the_pilot() -> None:
    found = [expected(pilot(gain)).probability_of_useful_gain for gain in GAINS]
    assert found == sorted(found)
    assert found[0] < 0.05
    assert found[-1] > 0.95


def test_the_expected_score_rises_with_the_gain_of_the_pilot() -> None:
    found = [expected(pilot(gain)).score.point for gain in GAINS]
    assert found == sorted(found)


def test_a_larger_wish_and_a_better_cheap_way_make_a_useful_gain_less_likely() -> None:
    wishes = [expected(pilot(0.08), useful_gain=wish).probability_of_useful_gain for wish in (0.01, 0.03, 0.1, 0.2)]
    assert wishes == sorted(wishes, reverse=True)
    better = [expected(pilot(0.08), best=best).probability_of_useful_gain for best in (0.8, 0.83, 0.9, 0.99)]
    assert better == sorted(better, reverse=True)


@pytest.mark.parametrize("probe", [0.0, 0.2, 0.8, 0.97, 1.0])
@pytest.mark.parametrize("gain", GAINS)
def test_the_interval_holds_the_point_and_stays_among_scores(probe: float, gain: float) -> None:
    found = expected(pilot(gain, probe=probe), probe=probe, best=max(probe, 0.5))
    assert 0 <= found.score.low <= found.score.point <= found.score.high <= 1
    assert found.score.level == LEVEL
    assert 0 <= found.probability_of_useful_gain <= 1


MISTAKES = replace(ACCURACY, name="mistakes", higher_is_better=False, reduce=lambda sums: 1 - ACCURACY.reduce(sums))
"""Accuracy the other way round."""


@pytest.mark.parametrize(("probe", "best"), [(0.8, 0.8), (0.2, 0.83), (0.97, 0.97), (1.0, 1.0)])
@pytest.mark.parametrize("gain", GAINS)
def test_of_errors_the_same_is_expected_the_other_way_round(probe: float, best: float, gain: float) -> None:
    found = expected(pilot(gain, probe=probe), probe=probe, best=best)
    rivals = [decisions.score("tfidf", 1 - best, 0, 1), decisions.score("probe", 1 - probe, 0, 1)]
    race = Race(MISTAKES, rivals, "tfidf" if best > probe else "probe", 0.03)
    other = forecast(pilot(gain, probe=1 - probe), race, ROWS, COST, RULES.forecast)
    assert other.probability_of_useful_gain == pytest.approx(found.probability_of_useful_gain)
    assert other.score.point == pytest.approx(1 - found.score.point)
    assert (other.score.low, other.score.high) == pytest.approx((1 - found.score.high, 1 - found.score.low))


def expected_error(unit: float, gain: float = 0.1, probe: float = 0.5, metric: Metric = MEAN_ERROR) -> Forecast:
    """Of a score without upper bound, in data whose scores are so many times as large."""
    rivals = [
        decisions.score("mean", 0.9 * unit, 0.85 * unit, 0.95 * unit),
        decisions.score("probe", probe * unit, 0.9 * probe * unit, 1.1 * probe * unit),
    ]
    tried = pilot(gain * unit, 0.01 * unit, probe=probe * unit)
    return forecast(tried, Race(metric, rivals, "probe", 0.05 * unit), ROWS, COST, RULES.forecast)


@pytest.mark.parametrize("unit", [0.001, 7.0, 10_000.0])
@pytest.mark.parametrize("gain", [-0.2, 0.0, 0.1, 0.3])
def test_the_unit_of_the_data_changes_nothing_but_the_unit(gain: float, unit: float) -> None:
    plain, found = expected_error(1.0, gain), expected_error(unit, gain)
    assert found.probability_of_useful_gain == pytest.approx(plain.probability_of_useful_gain)
    for part in ("low", "point", "high"):
        assert getattr(found.score, part) == pytest.approx(unit * getattr(plain.score, part))


def test_an_error_is_expected_to_fall_by_a_share_and_never_below_zero() -> None:
    found = expected_error(1.0, gain=0.2)
    assert 0.2 < found.score.point < 0.5
    assert found.score.low < found.score.point < found.score.high
    assert found.probability_of_useful_gain > 0.9
    assert expected_error(1.0, gain=-0.2).probability_of_useful_gain < found.probability_of_useful_gain
    small = expected_error(1.0, gain=0.02, probe=0.01)
    assert small.score.low == 0.0 <= small.score.point <= 0.01
    assert expected_error(1.0, gain=0.0, probe=0.0).score.point == 0.0


def test_a_model_that_starts_from_nothing_is_expected_by_numbers_of_its_own() -> None:
    race = Race(ACCURACY, [decisions.score("probe", 0.8, 0, 1)], "probe", 0.03)
    rows, numbers = replace(ROWS, trained=2 * pilot().train_rows), RULES.forecast.numbers
    steep = numbers["share_per_doubling"].model_copy(update={"value": 1.0})
    for starts, name in ((True, "share_per_doubling"), (False, "share_per_doubling_from_nothing")):
        rules = RULES.forecast.model_copy(update={"numbers": numbers | {name: steep}})
        for asked in (True, False):
            here = replace(race, starts_from_probe=asked)
            usual, found = (forecast(pilot(), here, rows, COST, each) for each in (RULES.forecast, rules))
            assert (found.score.point > usual.score.point + 0.01) == (asked == starts)
            assert (found == usual) == (asked != starts)


def test_only_what_a_pilot_gained_grows_with_more_rows_where_it_starts_from_the_probe() -> None:
    race = Race(ACCURACY, [decisions.score("probe", 0.8, 0, 1)], "probe", 0.03)
    for gain, grows in ((0.06, True), (0.0, False), (-0.02, False)):
        tried = pilot().model_copy(update={"gain": gain})
        few, many = (
            forecast(tried, race, replace(ROWS, trained=times * tried.train_rows), COST, RULES.forecast).score.point
            for times in (1, 4)
        )
        assert (many > few + 1e-9) == grows
    nothing = replace(race, starts_from_probe=False)
    few, many = (
        forecast(tried, nothing, replace(ROWS, trained=times * tried.train_rows), COST, RULES.forecast).score.point
        for times in (1, 4)
    )
    assert many > few


@pytest.mark.parametrize(("error", "sureness"), [(0.001, 1.0), (0.02, 0.6827)])
def test_what_words_alone_tell_the_model_is_expected_to_learn_as_far_as_the_pilot_is_sure_to_learn(
    error: float, sureness: float
) -> None:
    plain, lifted = (expected(pilot(0.02, error), probe=0.5, best=best) for best in (0.5, 0.65))
    known = 0.5 + sureness * 0.15
    assert lifted.score.point > known
    share, left = (plain.score.point - 0.5) / 0.5, lifted.score.point - known
    assert left / (1 - known) == pytest.approx(share, rel=1e-3)


@pytest.mark.parametrize(("gain", "point"), [(-0.4, 0.5), (0.0, 0.5)])
def test_a_pilot_that_gains_nothing_says_that_what_words_tell_is_not_learned(gain: float, point: float) -> None:
    found = expected(pilot(gain, 0.001, probe=0.5), probe=0.5, best=0.65)
    assert found.score.point == pytest.approx(point, abs=0.02)


def test_a_forecast_of_many_more_rows_than_the_pilot_had_is_less_sure() -> None:
    race = Race(ACCURACY, [decisions.score("probe", 0.8, 0.78, 0.82)], "probe", 0.2)
    few, many = (
        forecast(pilot(), race, replace(ROWS, trained=times * pilot().train_rows), COST, RULES.forecast)
        for times in (4, 64)
    )
    assert many.score.point == pytest.approx(few.score.point)
    assert many.score.high - many.score.low > few.score.high - few.score.low
    assert 0.5 > many.probability_of_useful_gain > few.probability_of_useful_gain


def test_more_sealed_rows_make_the_interval_narrower() -> None:
    widths = [
        (found := expected(pilot(), test_rows=rows)).score.high - found.score.low for rows in (20, 100, 400, 2000)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 1.5 * widths[-1]


def test_a_surer_pilot_counts_for_more() -> None:
    unsure, sure = (expected(pilot(0.15, error)).score.point for error in (0.2, 0.005))
    assert sure > unsure


def test_without_a_telling_pilot_the_other_data_sets_speak() -> None:
    assert expected(pilot(-0.1, standard_error=50.0)).score.point == pytest.approx(0.8 + prior() * 0.2, abs=1e-3)


def test_where_the_probe_tells_little_apart_less_of_its_error_is_expected_to_go() -> None:
    numbers = RULES.forecast.numbers
    steep = {name: numbers[name].model_copy(update={"value": value}) for name, value in SLOPE.items()}
    rules = RULES.forecast.model_copy(update={"numbers": {**numbers, **steep}})
    found = []
    for guess in (0.79, 0.5, 0.1):
        race = Race(
            ACCURACY, [decisions.score("majority", guess, 0, 1), decisions.score("probe", 0.8, 0, 1)], "probe", 0.03
        )
        found.append(forecast(pilot(0.0, standard_error=50.0), race, ROWS, COST, rules).score.point)
    assert found == sorted(found)
    assert found[-1] > found[0] + 0.02


def test_the_scales_widen_interval_and_doubt() -> None:
    numbers = RULES.forecast.numbers
    for name in ("interval_scale", "gain_scale"):
        doubled = numbers[name].model_copy(update={"value": 2 * numbers[name].value})
        rules = RULES.forecast.model_copy(update={"numbers": {**numbers, name: doubled}})
        rivals = [decisions.score("probe", 0.8, 0.78, 0.82)]
        usual, found = (
            forecast(pilot(0.08), Race(ACCURACY, rivals, "probe", 0.03), ROWS, COST, each)
            for each in (RULES.forecast, rules)
        )
        wider = found.score.high - found.score.low > 1.5 * (usual.score.high - usual.score.low)
        surer = abs(usual.probability_of_useful_gain - 0.5) > abs(found.probability_of_useful_gain - 0.5)
        assert (wider, surer) == (name == "interval_scale", name == "gain_scale")


def test_the_cost_goes_into_the_forecast_as_it_is() -> None:
    found = expected(pilot())
    assert (found.train_wall_seconds, found.train_cpu_seconds, found.peak_memory_bytes) == (600.0, 1100.0, 2 * 10**9)


def recipe(rows: int = 1000, parameters: int = 22_000_000, imbalance: float | None = 1.0) -> Recipe:
    return choose_recipe(RULES.strategies, {}, TrainingCircumstances(rows, parameters, imbalance))


def test_every_part_of_the_work_makes_the_run_longer() -> None:
    base = estimate(pilot(), recipe(), WORK, 1.0)
    for part in ("train_rows", "train_tokens", "validation_tokens", "test_tokens", "rival_seconds", "weight_bytes"):
        more = estimate(pilot(), recipe(), replace(WORK, **{part: 10 * getattr(WORK, part)}), 1.0)
        assert more.wall_seconds > base.wall_seconds, part
        assert more.cpu_seconds > base.cpu_seconds, part
        assert more.peak_memory_bytes == base.peak_memory_bytes


def test_the_cost_of_training_is_steps_and_tokens_as_the_pilot_took_them() -> None:
    tried = decisions.pilot().model_copy(
        update={
            "start_seconds": 0.0,
            "evaluation_seconds_per_token": 0.0,
            "seconds_per_step": 0.5,
            "seconds_per_token": 0.001,
        }
    )
    plan = recipe()
    steps = plan.epochs * math.ceil(WORK.train_rows / plan.batch_size)
    found = phase(estimate(tried, plan, WORK, 1.0), "training")
    assert found.wall_seconds == pytest.approx(steps * 0.5 + plan.epochs * WORK.train_tokens * 0.001)
    assert found.cpu_seconds == pytest.approx(found.wall_seconds * tried.processor_share)


def phase(found: Estimate, name: str) -> PhaseCost:
    return next(each for each in found.phases if each.name == name)


def test_the_phases_are_all_that_a_run_takes() -> None:
    found = estimate(pilot(), recipe(), WORK, 1.0)
    assert [each.name for each in found.phases] == list(PHASES)
    assert sum(each.wall_seconds for each in found.phases) == pytest.approx(found.wall_seconds)
    assert sum(each.cpu_seconds for each in found.phases) == pytest.approx(found.cpu_seconds)
    assert all(each.cpu_seconds > 0 for each in found.phases)


def test_training_that_may_stop_early_is_expected_to_take_fewer_steps() -> None:
    plan = recipe().model_copy(update={"epochs": 5, "early_stopping_epochs": 2})
    whole, likely = (estimate(pilot(), plan, WORK, 1.0, share) for share in (1.0, 0.8))
    assert whole.planned_steps == likely.planned_steps == whole.expected_steps == 5 * 63
    assert likely.expected_steps == pytest.approx(0.8 * 5 * 63)
    assert phase(likely, "training").cpu_seconds == pytest.approx(0.8 * phase(whole, "training").cpu_seconds)
    never = plan.model_copy(update={"early_stopping_epochs": 5})
    assert estimate(pilot(), never, WORK, 1.0, 0.8) == estimate(pilot(), never, WORK, 1.0)


def test_checkpoints_cost_what_they_hold_and_not_the_whole_model() -> None:
    small = pilot().model_copy(update={"checkpoint_bytes": WORK.weight_bytes // 2})
    whole, half = (phase(estimate(tried, recipe(), WORK, 1.0), "validation") for tried in (pilot(), small))
    assert half.wall_seconds == pytest.approx(
        whole.wall_seconds - recipe().epochs * WORK.weight_bytes / 2 * CHECKPOINT_SECONDS_PER_BYTE
    )


def test_the_memory_has_the_margin_of_the_rules_and_more_of_it_with_more_rows() -> None:
    numbers, rows = RULES.forecast.numbers, pilot().train_rows
    margin, growth = numbers["memory_margin"].value, numbers["memory_per_doubling"].value
    assert (margin >= 1, growth > 0) == (True, True)
    assert [memory_margin(pilot(), times * rows, numbers) for times in (1, 4)] == [margin, margin * (1 + 2 * growth)]
    assert memory_margin(pilot(), rows // 2, numbers) == margin
    assert estimate(pilot(), recipe(), WORK, margin).peak_memory_bytes == int(
        decisions.pilot().peak_memory_bytes * margin
    )


def test_several_seeds_take_so_many_times_the_training_and_no_more_memory() -> None:
    only_training = replace(WORK, rival_seconds=0.0, test_tokens=0, weight_bytes=0)
    tried = pilot().model_copy(update={"start_seconds": 0.0, "evaluation_seconds_per_token": 0.0})
    once = estimate(tried, recipe(), only_training, 1.0)
    thrice = estimate(tried, recipe().model_copy(update={"seeds": 3}), only_training, 1.0)
    one, three = (phase(found, "training").wall_seconds for found in (once, thrice))
    assert three == pytest.approx(3 * one)
    assert thrice.peak_memory_bytes == once.peak_memory_bytes


BANDS = RULES.strategies.sizes
EDGES = [
    (max(band.at_least_rows + step, 0), BANDS[max(place - 1, 0)] if step < 0 and band.at_least_rows else band)
    for place, band in enumerate(BANDS)
    for step in (-1, 0, 1)
]  # no data has fewer rows than the first band


@pytest.mark.parametrize(("rows", "band"), EDGES, ids=[str(rows) + "-" + str(band.epochs) for rows, band in EDGES])
def test_the_recipe_changes_exactly_at_the_edge_of_a_size(rows: int, band: StrategyBand) -> None:
    found = recipe(rows)
    assert (found.epochs, found.batch_size) == (band.epochs, band.batch_size)
    assert (found.early_stopping_epochs, found.because["epochs"]) == (band.early_stopping_epochs, band.because)


@pytest.mark.parametrize(
    ("parameters", "size"),
    [
        (4_000_000, "small"),
        (59_999_999, "small"),
        (60_000_000, "base"),
        (199_999_999, "base"),
        (200_000_000, "large"),
        (350_000_000, "large"),
    ],
)
def test_larger_models_learn_at_lower_rates(parameters: int, size: str) -> None:
    assert recipe(parameters=parameters).learning_rate == RULES.strategies.values[f"learning_rate_{size}"].value


def test_classes_are_weighed_only_beyond_the_threshold_of_imbalance() -> None:
    edge = float(str(RULES.strategies.values["imbalance_for_weights"].value))
    assert [recipe(imbalance=value).class_weights for value in (None, 1.0, edge, math.nextafter(edge, 9), 40.0)] == [
        "none",
        "none",
        "none",
        "balanced",
        "balanced",
    ]
    assert recipe(imbalance=40.0).because["class_weights"].startswith("The largest class has 40.0 times the rows")


@pytest.mark.parametrize(
    ("rows", "row_tokens", "efficient_tokens", "batch_size"),
    [
        (1600, 12, 512, 32),
        (1599, 12, 512, 16),  # too few steps would be left
        (200, 12, 512, 16),
        (3000, 31.9, 512, 32),
        (3000, 32, 512, 16),  # such batches read fast already
        (100_000, 12, 2048, 32),  # no more than were tried
        (3000, 12, None, 16),
        (3000, None, 512, 16),
    ],
)
def test_batches_are_larger_where_rows_are_short_and_steps_enough(
    rows: int, row_tokens: float | None, efficient_tokens: int | None, batch_size: int
) -> None:
    around = TrainingCircumstances(rows, 22_000_000, None, row_tokens=row_tokens, efficient_tokens=efficient_tokens)
    found = choose_recipe(RULES.strategies, {}, around)
    assert found.batch_size == batch_size
    told = "On this machine a step was measured to read fast from about 512 tokens on"
    assert found.because.get("batch_size", "").startswith(told) == (batch_size == 32 and rows < 30_000)
    assert choose_recipe(RULES.strategies, {}, around, {"batch_size": 8}).batch_size == 8


@pytest.mark.parametrize(
    ("gigabytes", "has_lora", "saved"),
    [
        (None, True, (False, 1, 0)),
        (0.73, True, (False, 1, 0)),
        (0.71, True, (True, 4, 8)),
        (0.71, False, (True, 4, 0)),
    ],
)
def test_memory_is_saved_from_the_start_where_the_weights_would_fill_half_of_it(
    gigabytes: float | None, has_lora: bool, saved: tuple[bool, int, int]
) -> None:
    memory = None if gigabytes is None else gigabytes * 1e9
    around = TrainingCircumstances(1000, 22_500_000, None, memory_bytes=memory, has_lora=has_lora)  # 0.36 GB
    found = choose_recipe(RULES.strategies, {}, around)
    assert (found.gradient_checkpointing, found.accumulation_steps, found.lora_rank) == saved
    assert ("takes 0.4 GB" in found.because["gradient_checkpointing"]) == saved[0]
    with_l1 = choose_recipe(RULES.strategies, {}, around, {"l1": 1.0, "batch_size": 6})
    assert (with_l1.lora_rank, with_l1.accumulation_steps) == (0, 1)
    own = choose_recipe(RULES.strategies, {}, around, {"gradient_checkpointing": False})
    assert not own.gradient_checkpointing


@pytest.mark.parametrize(("minutes", "epochs"), [(60, 5), (8.4, 5), (8.2, 4), (3.4, 2), (0.1, 1)])
def test_fewer_passes_are_planned_where_the_usual_ones_do_not_fit_the_time(minutes: float, epochs: int) -> None:
    around = TrainingCircumstances(1000, 22_500_000, None, epoch_seconds=60.0, budget_seconds=60 * minutes)
    found = choose_recipe(RULES.strategies, {}, around)
    assert found.epochs == epochs
    assert ("the 5 passes that are usual" in found.because["epochs"]) == (epochs < 5)


def test_a_task_that_reads_otherwise_than_the_probe_starts_from_nothing_and_says_why() -> None:
    whole = TrainingCircumstances(train_rows=1000, parameters=22_000_000, imbalance=None)
    for around, value in ((whole, "strategy"), (replace(whole, starts_from_probe=False), "strategy_for_pairs")):
        found, rule = choose_recipe(RULES.strategies, {}, around), RULES.strategies.values[value]
        assert (found.strategy, found.because["strategy"], found.sources["strategy"]) == (
            rule.value,
            rule.because,
            rule.source,
        )
    assert choose_recipe(RULES.strategies, {}, replace(whole, starts_from_probe=False)).strategy == "fine_tune"


def test_values_of_a_task_stand_in_for_those_of_all_with_their_own_reason() -> None:
    around = TrainingCircumstances(train_rows=1000, parameters=22_000_000, imbalance=3.0)
    own = {
        "epochs": StrategyValue(value=9, because="Tags need more.", source="measured by us"),
        "class_weights": StrategyValue(value="none", because="Tags are never alike.", source="set by us"),
    }
    usual, found = choose_recipe(RULES.strategies, {}, around), choose_recipe(RULES.strategies, own, around)
    assert (usual.class_weights, found.class_weights, found.epochs) == ("balanced", "none", 9)
    changed = ["epochs", "class_weights"]
    assert [found.because[name] for name in changed] == ["Tags need more.", "Tags are never alike."]
    assert [found.sources[name] for name in changed] == ["measured by us", "set by us"]
    keep = {"epochs", "class_weights", "because", "sources"}
    assert found.model_dump(exclude=keep) == usual.model_dump(exclude=keep)
    for name in set(usual.because) - set(changed):
        assert found.because[name] == usual.because[name]


def test_what_the_user_said_stands_in_for_everything_else_and_is_shown_as_such() -> None:
    around = TrainingCircumstances(train_rows=1000, parameters=22_000_000, imbalance=3.0)
    own = {"class_weights": StrategyValue(value="none", because="Tags are never alike.", source="set by us")}
    said = {"class_weights": "balanced", "layer_decay": 0.9, "unfreezing": "gradual", "epochs": 2}
    found = choose_recipe(RULES.strategies, own, around, said)
    for name, value in said.items():
        assert (getattr(found, name), found.because[name], found.sources[name]) == (
            value,
            "Set by you.",
            "your answers",
        )
    usual = choose_recipe(RULES.strategies, own, around, {})
    keep = {*said, "because", "sources"}
    assert found.model_dump(exclude=keep) == usual.model_dump(exclude=keep)


def test_what_does_not_go_with_the_rest_of_the_recipe_is_refused_with_the_mend() -> None:
    around = TrainingCircumstances(train_rows=1000, parameters=22_000_000, imbalance=3.0)
    with pytest.raises(AnswersError) as caught:
        choose_recipe(RULES.strategies, {}, around, {"accumulation_steps": 3})
    assert caught.value.problem == (
        "[training] does not go with the rest of the recipe: a batch of 16 rows has no 3 like parts."
    )
    assert caught.value.fix == "Give batch_size too; it is 16 here."


def test_every_field_of_a_recipe_can_be_set_by_the_user_with_the_same_bounds() -> None:
    fields = set(Recipe.model_fields) - {"because", "sources"}
    assert set(Training.model_fields) == fields
    for name in fields:
        for value in (-1, 0, 0.5, 1, 2, 1.5, "linear", "gradual", "balanced", "fine_tune", True, ""):
            assert accepts(Training, name, value) == accepts(Recipe, name, value), (name, value)


def accepts(kind: type[Record], name: str, value: Any) -> bool:
    """Whether a record takes such a value in a field."""
    whole = {"strategy": "fine_tune", "learning_rate": 1, "batch_size": 8, "epochs": 1, "warmup_fraction": 0}
    whole |= {"weight_decay": 0, "early_stopping_epochs": 1, "class_weights": "none"} if kind is Recipe else {}
    try:
        kind.model_validate({**(whole if kind is Recipe else {}), name: value})
    except ValidationError:
        return False
    return True


def test_every_strategy_stands_in_the_rules_with_reason_and_source() -> None:
    found = recipe(imbalance=40.0)
    assert set(found.because) >= set(Recipe.model_fields) - {
        "because",
        "sources",
        "batch_size",
        "early_stopping_epochs",
    }
    for name in Recipe.model_fields:
        rule = RULES.strategies.values.get(name)
        default = Recipe.model_fields[name].default
        assert rule is None or Recipe.model_fields[name].is_required() or rule.value == default


@pytest.mark.parametrize("key", RULES.tasks)
def test_the_values_of_every_task_make_a_recipe(key: str) -> None:
    own = RULES.tasks[key].recipe
    found = choose_recipe(RULES.strategies, own, TrainingCircumstances(1000, 22_000_000, 4.0))
    assert {name: getattr(found, name) for name in own} == {name: value.value for name, value in own.items()}


@pytest.mark.parametrize("imbalance", [1.0, 9.0])
def test_every_choice_of_a_recipe_has_a_reason_and_a_source(imbalance: float) -> None:
    found = recipe(imbalance=imbalance)
    assert set(found.because) == set(found.sources)
    assert all("{" not in sentence for sentence in found.because.values())
    assert all(source.startswith("https://") for source in found.sources.values())


def test_a_pilot_that_was_cut_short_counts_for_less() -> None:
    whole, cut = pilot(-0.1), pilot(-0.1).model_copy(update={"planned_steps": 2 * pilot().steps})
    point = 0.8 + prior() * 0.2
    assert expected(whole).score.point < expected(cut).score.point < point
