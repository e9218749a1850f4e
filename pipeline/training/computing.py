"""How fast this machine computes in which way, measured once before a run: how many threads, and whether in mixed precision.

What was found is kept beside the checkpoints, so that a run that goes on computes as before.
"""

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from pipeline.precision import mixed_precision
from pipeline.records import Recipe, Record
from pipeline.storage import load_record, save_record
from pipeline.training.block import Block
from pipeline.training.callbacks import Report

KEPT = "computing.json"
TURNS = 5
"""Times that each way is measured, of which the median counts; set by us."""
FASTER = 1.1
"""More threads, or mixed precision, have to be so many times as fast; set by us."""


class Computing(Record):
    """How a run computes.

    Attributes:
        threads: Of the processor.
        mixed_precision: Whether products of matrices are computed in bfloat16; weights stay in single precision.
        seconds: What one block took in each way that was measured.
    """

    threads: int
    mixed_precision: bool
    seconds: dict[str, float]


def find_computing(recipe: Recipe, tokens: int, width: int, folder: Path, report: Report) -> Computing:
    """That of an earlier session, else a new one.

    Args:
        recipe: Says whether mixed precision is allowed.
        tokens: In a typical batch.
        width: Features of the encoder.
        folder: Of the checkpoints.
        report: Told what was found.
    """
    path = folder / KEPT
    if path.is_file():
        return load_record(Computing, path)
    found = _measure(recipe.precision, tokens, width)
    folder.mkdir(parents=True, exist_ok=True)
    save_record(found, path)
    report("computing", **found.model_dump(exclude={"schema_version"}))
    if found.mixed_precision:
        report("note", text=_say(recipe, found))
    return found


@contextmanager
def computed_so(found: Computing) -> Iterator[None]:
    """Compute with so many threads; as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(found.threads, os.cpu_count() or 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def in_single_precision(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss whose logits are made single precision first, and that is computed in it."""

    def computed(outputs: Any, *given: Any, **named: Any) -> Any:
        outputs["logits"] = outputs["logits"].float()
        with mixed_precision(outputs["logits"].device.type, used=False):
            return loss(outputs, *given, **named)

    return computed


def _say(recipe: Recipe, found: Computing) -> str:
    if recipe.precision == "mixed":
        return "Products of matrices are computed in bfloat16, as the recipe has it."
    times = found.seconds["single"] / found.seconds["mixed"]
    return (
        f"Products of matrices are computed in bfloat16, which is {times:.1f} times as fast on this machine; "
        "the weights stay in single precision."
    )


def _measure(precision: str, tokens: int, width: int) -> Computing:
    before, seconds = torch.get_num_threads(), dict[str, float]()
    with torch.random.fork_rng():
        block = Block(tokens, width)
        threads = before if block.device == "cuda" else _find_threads(block, before, seconds)
        torch.set_num_threads(threads)
        if precision == "where_faster":
            ways = [(block.seconds(mixed=False), block.seconds(mixed=True)) for _ in range(TURNS)]
            seconds["single"], seconds["mixed"] = (statistics.median(way) for way in zip(*ways, strict=True))
    torch.set_num_threads(before)
    faster = precision == "where_faster" and seconds["single"] > FASTER * seconds["mixed"]
    return Computing(threads=threads, mixed_precision=faster or precision == "mixed", seconds=seconds)


def _find_threads(block: "Block", most: int, seconds: dict[str, float]) -> int:
    """The number of threads from which on more are no longer faster; what each took is noted."""
    chosen, least = 1, float("inf")
    fewer = [1 << power for power in range(most.bit_length()) if 1 << power < most]
    for count in [*fewer, most] if most > 1 else []:
        torch.set_num_threads(count)
        found = statistics.median(block.seconds(mixed=False) for _ in range(TURNS))
        seconds[f"threads_{count}"] = found
        if found * FASTER > least:
            break
        chosen, least = count, found
    return chosen
