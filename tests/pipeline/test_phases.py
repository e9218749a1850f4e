"""What each phase of a run took, told from its log."""

from typing import Any

import pytest

from pipeline.records import PHASES
from pipeline.training.phases import account, count_steps, split_phases


def line(event: str, wall: float, peak: int = 0, **values: Any) -> dict[str, Any]:
    return {"event": event, "wall_seconds": wall, "cpu_seconds": 2 * wall, "peak_memory_bytes": peak, **values}


LOG = [
    line("prepared", 5, 100),
    line("start", 8, 120),
    line("training", 9, 120, steps=20, from_step=0),
    line("step", 19, 300, step=5),
    line("note", 20, 300),
    line("step", 30, 310, step=10),
    line("evaluation", 33, 310),
    line("checkpoint", 34, 310),
    line("probing", 36, 310),
    line("forgetting", 40, 420),
    line("reload", 40, 420),
    line("evaluating", 44, 420),
    line("scored", 50, 420),
    line("compared", 51, 420),
    line("examined", 61, 430),
    line("finished", 62, 430),
]


def test_the_time_between_two_lines_belongs_to_what_the_later_one_ends() -> None:
    found = {phase.name: phase for phase in split_phases(LOG)}
    assert list(found) == list(PHASES)
    wall = {"prepare": 9, "training": 21, "validation": 6, "evaluation": 11, "analysis": 15}
    assert {name: phase.wall_seconds for name, phase in found.items()} == wall
    assert {name: phase.cpu_seconds for name, phase in found.items()} == {name: 2 * each for name, each in wall.items()}
    assert sum(wall.values()) == LOG[-1]["wall_seconds"]


def test_the_memory_of_a_phase_is_the_peak_up_to_its_end() -> None:
    peaks = {phase.name: phase.peak_memory_bytes for phase in split_phases(LOG)}
    assert peaks == {"prepare": 120, "training": 310, "validation": 420, "evaluation": 420, "analysis": 430}


def test_phases_of_several_sessions_add_up() -> None:
    again = [line("prepared", 70), line("training", 71, steps=20, from_step=10), line("step", 81, step=20)]
    found = {phase.name: phase.wall_seconds for phase in split_phases([*LOG[:8], line("interrupted", 65), *again])}
    assert found["training"] == 21 + 10
    assert sum(found.values()) == 81


@pytest.mark.parametrize(
    ("lines", "steps"),
    [
        ([], (0, 0)),
        (LOG, (10, 20)),
        ([*LOG, line("training", 70, steps=20, from_step=10), line("step", 80, step=20)], (20, 20)),  # went on
        ([*LOG, line("training", 70, steps=20, from_step=0), line("step", 80, step=5)], (15, 40)),  # another seed
    ],
)
def test_steps_are_counted_over_trainings_and_sessions(lines: list[dict[str, Any]], steps: tuple[int, int]) -> None:
    assert count_steps(lines) == steps


def test_a_log_tells_how_busy_the_machine_was() -> None:
    assert account(LOG)["load_average"] is None
    assert account([{**each, "load": 3.0} for each in LOG])["load_average"] == 3.0
