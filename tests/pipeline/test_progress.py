"""What a person sees of a run: curves, rate, time left against the forecast, memory; the same as lines without a terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from pipeline.records import Forecast, Interval, PhaseCost
from pipeline.training.pace import Pace, say_clock
from pipeline.training.progress import BLOCKS, SIGNS, Display, draw_curve

FORECAST = Forecast(
    score=Interval(point=0.8, low=0.6, high=0.9, level=0.8),
    probability_of_useful_gain=0.9,
    train_cpu_seconds=60,
    train_wall_seconds=200,
    peak_memory_bytes=1_800_000_000,
)


def step(number: int, wall: float, **values: Any) -> dict[str, Any]:
    line = {
        "event": "step",
        "step": number,
        "steps": 100,
        "epoch": number / 25,
        "loss": 1 / number,
        "wall_seconds": wall,
    }
    return line | {"rows_per_second": 58.4, "tokens_per_second": 1420.2, "memory_bytes": 1_000_000_000} | values


RUN: list[dict[str, Any]] = [
    {"event": "prepared", "wall_seconds": 5.0},
    {"event": "training", "steps": 100, "from_step": 0, "wall_seconds": 10.0},
    *(step(number, 10.0 + number) for number in range(5, 30, 5)),
    {"event": "evaluation", "step": 25, "epoch": 1.0, "score": 0.5, "wall_seconds": 40.0},
    {"event": "note", "text": "[bold]kept[/bold]", "wall_seconds": 41.0},
]


def test_a_curve_rises_where_the_values_do_and_fits_its_width() -> None:
    assert draw_curve([0, 1, 2, 3], 8, BLOCKS) == "▁▃▆█"
    assert draw_curve([3, 3], 8, SIGNS) == "__"
    many = draw_curve([place**0.5 for place in range(1000)], 20, BLOCKS)
    assert len(many) == 20
    assert list(many) == sorted(many)


@pytest.mark.parametrize(("seconds", "shown"), [(0, "0:00"), (59.6, "1:00"), (194, "3:14"), (3725, "1:02:05")])
def test_a_clock_shows_hours_only_where_there_are_some(seconds: float, shown: str) -> None:
    assert say_clock(seconds) == shown


def test_the_time_left_counts_all_trainings_that_are_still_to_come() -> None:
    def left(*events: dict[str, Any]) -> float | None:
        pace = Pace()
        for line in [*RUN[:3], *events]:
            pace.hear({**line, "wall_seconds": line.get("wall_seconds", 0.0)})
        return pace.seconds_left

    search = {"event": "trial", "number": 2, "trials": 4, "seeds": 3}
    assert left() == pytest.approx(95)
    assert left({"event": "seed", "number": 1, "seeds": 3}) == pytest.approx(95 + 200)
    assert left(
        {"event": "variant", "number": 4, "variants": 5}, {"event": "fold", "number": 2, "folds": 3}
    ) == pytest.approx(95 + 100 + 300)
    assert left(search) == pytest.approx(95 + 200 + 300)  # two more settings, then three seeds
    assert left(search, {"event": "seed", "number": 1, "seeds": 3}) == pytest.approx(95 + 200 + 200)
    assert left(search, {"event": "searched"}) == pytest.approx(95)
    assert left({"event": "training", "steps": 50, "from_step": 0}) is None  # nothing of the next one is known yet


def test_it_tells_time_against_the_forecast_and_rate_and_memory() -> None:
    pace = Pace(FORECAST)
    assert pace.say() == []
    for line in RUN:
        pace.hear(line)
    assert pace.say() == [
        "0:35 gone, about 1:15 of training left; forecast 3:20 for the whole run",
        "58 rows a second, 1,420 tokens a second, 1.0 GB of 1.8 forecast",
    ]
    pace.hear(step(30, 150.0))
    assert pace.say()[0].endswith("forecast 3:20 for the whole run, now 7:57")
    pace.hear(step(100, 190.0))
    assert pace.say()[0] == "3:10 gone, training is done; forecast 3:20 for the whole run"


def test_what_comes_after_training_is_told_at_the_speed_of_training() -> None:
    """Of 100 steps in 50 s and 30 s behind them were forecast; steps take twice as long."""
    parts = {"training": 40.0, "validation": 10.0, "evaluation": 20.0, "analysis": 10.0}
    phases = [PhaseCost(name=name, wall_seconds=each, cpu_seconds=each) for name, each in parts.items()]
    pace = Pace(FORECAST.model_copy(update={"phases": phases, "expected_steps": 100.0, "train_wall_seconds": 90.0}))
    for line in RUN[:3]:
        pace.hear(line)
    assert pace.seconds_after == pytest.approx(60)
    assert (
        pace.say()[0]
        == "0:15 gone, about 1:35 of training left, and 1:00 of evaluation; forecast 1:30 for the whole run, now 2:50"
    )


def test_without_a_terminal_the_same_comes_as_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with Display(FORECAST) as display:
        for line in RUN:
            display(line)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "  data read, rows verified",
        "  step 25/100  loss 0.040  0:35 gone, about 1:15 of training left; forecast 3:20 for the whole run  "
        "58 rows a second, 1,420 tokens a second, 1.0 GB of 1.8 forecast",
        "  epoch 1: validation score 0.500",
        "  [bold]kept[/bold]",
    ]


@pytest.mark.parametrize(("encoding", "curve"), [("utf-8", "█"), ("ascii", "#")])
def test_on_a_terminal_bar_curves_rate_and_time_stand_together(encoding: str, curve: str) -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace")
    display = Display(FORECAST, Console(file=screen, force_terminal=True, width=100, markup=False, highlight=False))
    for line in RUN:
        display(line)
    drawn = Console(width=100, record=True, file=io.StringIO())
    drawn.print(display.draw())
    shown = drawn.export_text()
    assert "step 25/100, epoch 1.0" in shown
    assert curve in shown
    assert "0.200 to 0.040" in shown
    assert "validation" in shown
    assert "about 1:15 of training left" in shown
    assert "1.0 GB of 1.8 forecast" in shown
    display({"event": "reload", "wall_seconds": 90.0})
    screen.flush()
    assert "[bold]kept[/bold]" in screen.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"event": "seed", "seed": 1, "number": 2, "seeds": 2, "wall_seconds": 90.0},
        {"event": "fold", "number": 2, "folds": 2, "wall_seconds": 90.0},
        {"event": "variant", "number": 2, "variants": 2, "change": {}, "wall_seconds": 90.0},
    ],
)
def test_nothing_is_drawn_before_training_between_two_and_after_it(event: dict[str, Any]) -> None:
    display = Display()
    for line in [*RUN, event] if event else []:
        display(line)
    drawn = Console(width=100, record=True, file=io.StringIO())
    drawn.print(display.draw())
    assert drawn.export_text().strip() == ""


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_all_of_it_fits_the_terminal_and_what_is_wrapped_stays_under_its_beginning(columns: int) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=columns, markup=False, highlight=False, color_system=None)
    display = Display(FORECAST, console)
    for line in RUN:
        display(line)
    with console.capture() as drawn:
        console.print(display.draw())
    rows = drawn.get().splitlines()
    assert len(rows) <= 7
    bar = max(len(row.split("step")[0]) for row in rows if "step 25/100" in row)
    assert bar > 0.4 * min(columns, 120)
    screen.truncate(0)
    display({"event": "note", "text": "word " * 60, "wall_seconds": 50.0})
    assert all(row.startswith("  word") for row in screen.getvalue().lstrip("\0").splitlines() if row.strip())
