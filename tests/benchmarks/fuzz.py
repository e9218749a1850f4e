"""Throws odd files at the reader: `python -m tests.benchmarks.fuzz [EXAMPLES] [SEED]`, 10,000 when not given.

Prints how many gave rows and how many were refused with a mend; a traceback or a hang ends it with the file that caused it.
"""

import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.odd_files import OddFile, check, odd_files, valid


def main() -> None:
    """Throw the files, as many of each kind."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    warnings.simplefilter("error")
    kinds = [None, None, None, *valid()]
    begun = time.perf_counter()
    total: Counter[str] = Counter()
    for place, kind in enumerate(kinds):
        found: Counter[str] = Counter()
        share = examples // len(kinds) + (place < examples % len(kinds))
        throw(kind, share, number + place, found)
        total += found
        print(f"{kind or 'no kind':<22} {found['rows']:>6} rows {found['refused']:>6} refused", flush=True)
    seconds = time.perf_counter() - begun
    print(
        f"{total.total():,} files in {seconds:,.0f} s: {total['rows']:,} gave rows, {total['refused']:,} an error with its mend."
    )


def throw(kind: str | None, examples: int, number: int, found: Counter[str]) -> None:
    """Throw files of one kind, and count what came of them."""

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(odd=odd_files(kind))
    def read(odd: OddFile) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found[check(odd, Path(folder))] += 1

    read()


if __name__ == "__main__":
    main()
