"""What happens during a run, line by line in `log.jsonl`, and the clock that goes on over interruptions."""

import datetime
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.energy import EnergyMeter

Listener = Callable[[dict[str, Any]], None]
OWN_PEAK = Path("/proc/self/status")
"""Where Linux tells the peak of this process alone: `ru_maxrss` begins at what the process that started it had held."""


class Journal:
    """Appends events to `log.jsonl` and tells listeners; each line carries the seconds of the run so far.

    Beside these the memory peak of this session, the load of the machine, and the energy of its processors where it tells.

    Args:
        path: The log; what an earlier, interrupted session wrote counts.
        started: `time.time()` at which this process began, when all of it belongs to the session; the session begins now otherwise.
    """

    def __init__(self, path: Path, started: float | None = None) -> None:
        self.path = path
        self.listeners: list[Listener] = []
        self._started, self._earlier_cpu = (started, 0.0) if started is not None else (time.time(), cpu_seconds())
        self._meter = EnergyMeter()
        self._before_wall, self._before_cpu, self._before_joules = _spent_before(path)
        _end_cut_line(path)

    @property
    def wall_seconds(self) -> float:
        """Wall seconds of the run in all its sessions."""
        return self._before_wall + time.time() - self._started

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of this process and its children, in all sessions."""
        return self._before_cpu + cpu_seconds() - self._earlier_cpu

    @property
    def joules(self) -> float | None:
        """Energy of the machine's processors in all sessions; None where it does not tell."""
        now = self._meter.joules
        return None if now is None or self._before_joules is None else self._before_joules + now

    def write(self, event: str, **values: Any) -> None:
        """Append one event."""
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = {
            "time": now,
            "event": event,
            "wall_seconds": round(self.wall_seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_memory_bytes": peak_memory_bytes(),
            "load": round(os.getloadavg()[0], 2),
            "joules": None if (joules := self.joules) is None else round(joules, 1),
            **values,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        for listener in self.listeners:
            listener(line)


def cpu_seconds() -> float:
    """Processor seconds of this process and the children that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def peak_memory_bytes() -> int:
    """Most memory that this process held at once; on an accelerator, the most that was allocated there."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    if OWN_PEAK.is_file():
        return 1024 * int(OWN_PEAK.read_text(encoding="utf-8").partition("VmHWM:")[2].split()[0])
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _spent_before(path: Path) -> tuple[float, float, float | None]:
    """Seconds and joules of the last whole line of an earlier session; they already hold those of the sessions before it."""
    for line in reversed(read_log(path)):
        return float(line["wall_seconds"]), float(line["cpu_seconds"]), line.get("joules")
    return 0.0, 0.0, 0.0


def _end_cut_line(path: Path) -> None:
    """End a line that a crash cut short, so that the next one stands alone."""
    if path.is_file() and not path.read_bytes().endswith(b"\n"):
        with path.open("ab") as file:
            file.write(b"\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """The events of a log; a line that a crash cut short is left out."""
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found
