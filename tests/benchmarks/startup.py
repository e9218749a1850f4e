"""How long a person waits at start: `advisor --help` and `advisor --version` beside a bare Python, in one run.

Run by hand: `python tests/benchmarks/startup.py`. Prints medians of ten and ratios.
"""

import statistics
import subprocess
import sys
import time

RUNS = 10
COMMANDS = {
    "bare python": ["-c", "pass"],
    "advisor --version": ["-m", "advisor", "--version"],
    "advisor --help": ["-m", "advisor", "--help"],
    "imports of the first question": ["-c", "import advisor.__main__, advisor.interview"],
}


def seconds(arguments: list[str]) -> float:
    """Wall seconds of one start."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - begun


def main() -> None:
    """Measure the commands in turn, so that a busy machine slows all of them alike."""
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(RUNS):
        for name, arguments in COMMANDS.items():
            found[name].append(seconds(arguments))
    bare = statistics.median(found["bare python"])
    for name, times in found.items():
        median = statistics.median(times)
        print(f"{name:32s} {median:6.3f} s   {median / bare:5.1f} times bare python")


if __name__ == "__main__":
    main()
