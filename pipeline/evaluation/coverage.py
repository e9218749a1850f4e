"""From how many rows on an interval is shown: where simulation says that it holds the true value as often as it should."""

from collections.abc import Mapping
from typing import Literal

FEWEST_ROWS = 50
FEWEST: Mapping[str, tuple[int, int]] = {}


def why_no_interval(metric: str, rows: int, what: Literal["score", "difference"]) -> str:
    """Why no interval is shown for a score, or a difference of scores, on so many rows; empty where one is."""
    fewest = FEWEST.get(metric, (FEWEST_ROWS, FEWEST_ROWS))[what == "difference"]
    if rows >= fewest:
        return ""
    return f"No interval: on fewer than {fewest} rows simulated intervals held the true value too seldom, and there are {rows}."
