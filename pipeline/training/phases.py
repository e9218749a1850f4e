"""What each phase of a run took and how many steps it trained, told from its log over all its sessions."""

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

from pipeline.records import PHASES, PhaseCost, PhaseName

ENDED: Mapping[str, PhaseName] = {
    "prepared": "prepare",
    "computing": "prepare",
    "start": "prepare",
    "training": "prepare",
    "step": "training",
    "evaluation": "validation",
    "checkpoint": "validation",
    "probing": "validation",
    "reload": "validation",
    "forgetting": "analysis",
    "evaluating": "evaluation",
    "scored": "evaluation",
    "compared": "evaluation",
    "examined": "analysis",
}
"""For events that something ends with, the phase that the time since the line before belongs to. Others, such as notes, end nothing:
their time belongs to what comes next."""


def account(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The parts of an outcome that the log of a run tells: its phases, its steps, and how busy the machine was."""
    taken, planned = count_steps(lines)
    loads = [line["load"] for line in lines if "load" in line]
    return {
        "phases": split_phases(lines),
        "steps": taken,
        "planned_steps": planned,
        "load_average": round(mean(loads), 2) if loads else None,
    }


def split_phases(lines: Sequence[Mapping[str, Any]]) -> list[PhaseCost]:
    """Seconds of each phase in the order of a run, and the memory peak up to its end; the sums are those of the whole log.

    Args:
        lines: Of a journal, in order; time behind the last one that ends something belongs to the last phase.
    """
    wall, processor = dict.fromkeys(PHASES, 0.0), dict.fromkeys(PHASES, 0.0)
    memory: dict[PhaseName, int] = {}
    spent = (0.0, 0.0)
    phase: PhaseName = PHASES[0]
    for place, line in enumerate(lines):
        phase = ENDED.get(line["event"], phase)
        if line["event"] not in ENDED and place + 1 < len(lines):
            continue
        wall[phase] += line["wall_seconds"] - spent[0]
        processor[phase] += line["cpu_seconds"] - spent[1]
        spent = line["wall_seconds"], line["cpu_seconds"]
        memory[phase] = max(memory.get(phase, 0), line.get("peak_memory_bytes", 0))
    return [
        PhaseCost(
            name=name,
            wall_seconds=max(wall[name], 0.0),
            cpu_seconds=max(processor[name], 0.0),
            peak_memory_bytes=memory.get(name) or None,
        )
        for name in PHASES
    ]


def count_steps(lines: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Steps that were taken in all trainings of a log, and steps that these were planned with.

    A training that an interruption cut short counts what it had told; what it told nothing of is lost, and trained again.
    """
    taken = planned = last = 0
    for line in lines:
        if line["event"] == "training":
            planned += line["steps"] if line["from_step"] == 0 or planned == 0 else 0
            last = line["from_step"]
        elif line["event"] == "step":
            taken, last = taken + line["step"] - last, line["step"]
    return taken, planned
