"""Forecasts of past runs against what happened."""

from pathlib import Path

import pytest

from advisor.ledger import RunLine, calibrate
from advisor.report.contents import compare_forecast
from advisor.report.terminal import Terminal
from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import Forecast, Interval, Outcome, PhaseCost
from tests.advisor.conftest import Advisor


def line(point: float, likely: float = 0.8, seconds: float = 100.0, unit: str = "points") -> RunLine:
    """A finished run of which .80 (.75 to .85) in 110 s was forecast, and this came."""
    return RunLine(
        name="run",
        folder="runs/run",
        verdict="go",
        result="improved",
        forecast=Forecast(
            score=Interval(point=0.80, low=0.75, high=0.85, level=0.8),
            probability_of_useful_gain=likely,
            train_cpu_seconds=220.0,
            train_wall_seconds=110.0,
            peak_memory_bytes=10**9,
        ),
        outcome=Outcome(
            score=Interval(point=point, low=point - 0.02, high=point + 0.02),
            probability_of_useful_gain=float(point >= 0.78),
            train_cpu_seconds=200.0,
            train_wall_seconds=seconds,
            peak_memory_bytes=8 * 10**8,
        ),
        unit=unit,
        bytes_on_disk=0,
        bytes_remakable=0,
    )


UNFINISHED = line(0.8).model_copy(update={"outcome": None, "unit": None})


def test_only_finished_runs_count() -> None:
    assert calibrate([]) is None
    assert calibrate([UNFINISHED]) is None
    found = calibrate([UNFINISHED, line(0.8)])
    assert found is not None
    assert found.runs == 1


def test_hits_intervals_and_errors_are_counted_over_all_runs() -> None:
    found = calibrate([line(0.80), line(0.84, likely=0.6), line(0.70, seconds=220.0), line(0.79)])
    assert found is not None
    assert (found.right.point, found.covered.point, found.level) == (0.75, 0.75, 0.8)
    assert found.right.low < 0.75 < found.right.high
    assert found.brier == pytest.approx((0.2**2 + 0.4**2 + 0.8**2 + 0.2**2) / 4)
    assert found.score is not None
    assert (found.score.mean, found.score.bias, found.score.worst) == pytest.approx((3.75, 0.5, 10.0))
    assert (found.wall.mean, found.wall.bias, found.wall.worst) == pytest.approx((0.2, 0.1, 0.5))
    assert found.processor.mean == pytest.approx(0.1)
    assert found.memory.bias == pytest.approx(0.25)


def test_errors_in_units_of_the_data_are_not_mixed_with_points() -> None:
    mixed, alone = calibrate([line(0.80), line(0.70, unit="stars")]), calibrate([line(0.70, unit="stars")])
    assert mixed is not None
    assert alone is not None
    assert mixed.score is not None
    assert (mixed.score.runs, mixed.covered.point) == (1, 0.5)
    assert alone.score is None


def phased(steps: int, training: float) -> RunLine:
    """Of 100 steps 90 were expected to take 180 s of 220, and these were taken."""
    base = line(0.8)
    assert base.forecast is not None
    assert base.outcome is not None
    parts = {"prepare": 20.0, "training": 180.0, "evaluation": 20.0}
    before = [PhaseCost(name=name, wall_seconds=each, cpu_seconds=each) for name, each in parts.items()]
    after = [PhaseCost(name=name, wall_seconds=1.0, cpu_seconds=20.0) for name in ("prepare", "evaluation")]
    after.insert(1, PhaseCost(name="training", wall_seconds=1.0, cpu_seconds=training))
    told = {"phases": before, "planned_steps": 100, "expected_steps": 90.0}
    found = {"phases": after, "planned_steps": 100, "steps": steps, "train_cpu_seconds": 40.0 + training}
    return base.model_copy(
        update={"forecast": base.forecast.model_copy(update=told), "outcome": base.outcome.model_copy(update=found)}
    )


def test_processor_seconds_are_judged_for_the_steps_that_were_really_taken_phase_by_phase() -> None:
    found = calibrate([phased(45, 90.0), line(0.8)])
    assert found is not None
    assert found.taken is not None
    assert found.steps is not None
    assert found.processor.worst == pytest.approx(220 / 130 - 1)
    assert (found.taken.mean, found.steps.bias) == pytest.approx((0.0, 1.0))
    assert (found.taken.runs, found.steps.runs) == (1, 1)
    assert {name: miss.mean for name, miss in found.phases.items()} == pytest.approx(
        {"prepare": 0.0, "training": 0.0, "evaluation": 0.0}
    )
    slower = calibrate([phased(90, 360.0)])
    assert slower is not None
    assert slower.phases["training"].mean == pytest.approx(0.5)


def test_the_report_sets_each_phase_and_the_steps_beside_what_was_taken() -> None:
    found = phased(45, 99.0)
    assert found.forecast is not None
    before, after = (
        {each.what: (each.forecast, each.outcome, each.against) for each in lines}
        for lines in (
            compare_forecast(found.forecast, None, ACCURACY.facts),
            compare_forecast(found.forecast, found.outcome, ACCURACY.facts),
        )
    )
    assert before["– training steps"] == ("3 min 0 s", "", "")
    assert after["– training steps"] == ("3 min 0 s", "1 min 39 s", "10 % more for these steps")
    assert after["– starting, reading"] == ("20 s", "20 s", "as forecast")
    assert before["Training steps"] == ("90 of 100 planned", "", "")
    assert after["Training steps"] == ("90 of 100 planned", "45", "stopped early")
    assert "Load of the machine" not in after


def test_the_account_names_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal(width=100).show_calibration(calibrate([line(0.80), line(0.70, seconds=220.0)]))
    text = capsys.readouterr().out
    assert "2 finished runs" in text
    assert "A go was right in 50 % of them (9.5 % to 91 %)" in text
    assert "50 % of scores" in text
    assert "hold 80 %" in text
    rows = [row.split() for row in text.splitlines()]
    assert ["score,", "in", "points", "5.0", "+5.0", "10.0", "2"] in rows
    assert ["wall", "time", "30.0", "%", "-20.0", "%", "50.0", "%", "2"] in rows
    assert not [row for row in rows if "really" in row]
    Terminal(width=100).show_calibration(calibrate([phased(45, 90.0)]))
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert ["–", "for", "the", "steps", "really", "taken", "0.0", "%", "+0.0", "%", "0.0", "%", "1"] in rows
    assert ["training", "steps", "100.0", "%", "+100.0", "%", "100.0", "%", "1"] in rows


def test_the_command_says_that_there_is_nothing_to_compare_yet(advisor: Advisor, here: Path) -> None:
    done = advisor("runs", "--calibration")
    assert (done.code, done.out) == (0, "No run is finished yet, so no forecast can be compared with an outcome.\n")
