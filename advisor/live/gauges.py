"""What a service counts of itself, in the text format that Prometheus reads."""

import threading
from collections import Counter

import psutil

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """Values counted by size.

    Args:
        bounds: Upper ends of the bins, in order.
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts = bounds, [0] * len(bounds)
        self.number, self.total = 0, 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.number += 1
        self.total += value
        for place, bound in enumerate(self.bounds):
            self.counts[place] += value <= bound

    def lines(self, name: str) -> list[str]:
        """In the text format."""
        bins = [f'{name}_bucket{{le="{bound}"}} {count}' for bound, count in zip(self.bounds, self.counts, strict=True)]
        return [
            *bins,
            f'{name}_bucket{{le="+Inf"}} {self.number}',
            f"{name}_sum {self.total}",
            f"{name}_count {self.number}",
        ]


class Gauges:
    """The counts of one service; all methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: Counter[tuple[str, int]] = Counter()
        self._marks: Counter[bool] = Counter()
        self._seconds, self._batches = Histogram(SECONDS), Histogram(ROWS)

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered; `path` is one of the service's own, so that strangers cannot make up new ones."""
        with self._lock:
            self._answered[path, status] += 1
            self._seconds.add(seconds)

    def batch(self, rows: int) -> None:
        """So many rows were answered at once."""
        with self._lock:
            self._batches.add(rows)

    def mark(self, *, is_right: bool) -> None:
        """An answer was marked."""
        with self._lock:
            self._marks[is_right] += 1

    def text(self, waiting: int) -> str:
        """Everything, in the text format.

        Source: https://prometheus.io/docs/instrumenting/exposition_formats/
        """
        with self._lock:
            requests = [
                f'advisor_requests_total{{path="{path}",status="{status}"}} {count}'
                for (path, status), count in sorted(self._answered.items())
            ]
            marks = [
                f'advisor_marks_total{{right="{str(is_right).lower()}"}} {self._marks[is_right]}'
                for is_right in (False, True)
            ]
            parts = [
                ("advisor_requests_total", "counter", "Requests by path and status.", requests),
                ("advisor_marks_total", "counter", "Answers that were marked right or wrong.", marks),
                (
                    "advisor_request_seconds",
                    "histogram",
                    "Seconds from a request to its answer.",
                    self._seconds.lines("advisor_request_seconds"),
                ),
                (
                    "advisor_batch_rows",
                    "histogram",
                    "Rows that were answered at once.",
                    self._batches.lines("advisor_batch_rows"),
                ),
            ]
        memory = psutil.Process().memory_info().rss
        parts += [
            ("advisor_waiting", "gauge", "Requests that wait for their turn.", [f"advisor_waiting {waiting}"]),
            (
                "process_resident_memory_bytes",
                "gauge",
                "Memory in use.",
                [f"process_resident_memory_bytes {memory}"],
            ),
        ]
        lines = [
            line
            for name, kind, help_, found in parts
            for line in (f"# HELP {name} {help_}", f"# TYPE {name} {kind}", *found)
        ]
        return "\n".join(lines) + "\n"
