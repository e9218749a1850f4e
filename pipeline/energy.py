"""Energy that the processors of the machine took, where the machine counts it and lets this program read it.

Source: https://docs.kernel.org/power/powercap/powercap.html
"""

from pathlib import Path

COUNTERS = Path("/sys/class/powercap")
PACKAGES = "*-rapl:[0-9]*"
JOULE = 1_000_000
"""Of the microjoules that Linux counts in."""


class EnergyMeter:
    """Joules of all processors of the machine since it was made, whichever program they worked for.

    Args:
        counters: Where Linux tells them. A counter that begins again from zero goes on when it was read at least once in between,
            which takes it half an hour and more.
    """

    def __init__(self, counters: Path = COUNTERS) -> None:
        self._joules = 0.0
        self._last = {
            package: count for package in _packages(counters) if (count := _read(package / "energy_uj")) is not None
        }

    @property
    def joules(self) -> float | None:
        """So far; None where the machine does not tell."""
        for package, before in self._last.items():
            now = _read(package / "energy_uj")
            if now is None:
                self._last = {}
                break
            gone = now - before if now >= before else now - before + (_read(package / "max_energy_range_uj") or 0)
            self._joules += max(gone, 0) / JOULE
            self._last[package] = now
        return self._joules if self._last else None


def _packages(counters: Path) -> list[Path]:
    """Whole processors; what is below them, such as their cores, has two colons and is a part of them."""
    return sorted(path for path in counters.glob(PACKAGES) if path.name.count(":") == 1)


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
