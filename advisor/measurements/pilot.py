"""A short real fine-tuning of the recipe on some training rows: the dry run that gives gain, time and memory."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import PilotMeasurement
from pipeline.data.splitting import folds
from pipeline.embeddings import Embedder
from pipeline.pilot import PilotRequest, run_pilot
from pipeline.preparation import prepare
from pipeline.records import ModelSource, Recipe
from pipeline.task import Array

TRAINED_ROWS = 320
SCORED_ROWS = 600
PILOT_EPOCHS = 6
SHARE_OF_BUDGET = 0.1
SHORTEST_SECONDS, LONGEST_SECONDS = 30.0, 240.0


def measure_pilot(
    bench: Bench,
    embedder: Embedder,
    source: ModelSource,
    recipe: Recipe,
    budget_seconds: float,
    folder: Path,
    advance: Callable[[int, int], None],
) -> PilotMeasurement:
    """Try the recipe on few rows in a fresh process.

    Args:
        bench: The rows.
        embedder: Gives the encoder's folder and the preparation.
        source: The model with the pooling of its head.
        recipe: What the run would do; the pilot takes more epochs since it has fewer rows.
        budget_seconds: The user's time budget; a pilot takes at most a tenth of it, 30 to 240 s.
        folder: For the exchange with the process.
        advance: Told how many of the steps are done.

    Raises:
        RunFailed: The process broke.
    """
    begun = time.perf_counter()
    places, parts = _parts(bench)
    rows = bench.rows.take(places)
    seconds = float(np.clip(SHARE_OF_BUDGET * budget_seconds, SHORTEST_SECONDS, LONGEST_SECONDS))
    request = PilotRequest(
        task=bench.task.key,
        model=source,
        encoder=str(embedder.path),
        preparation=embedder.preparation,
        recipe=recipe.model_copy(update={"epochs": max(PILOT_EPOCHS, recipe.epochs)}),
        classes=bench.classes,
        metric=bench.metric.name,
        cache=str(folder.parent),
        longest_rows=_longest(embedder, bench, places, recipe.batch_size),
        seconds=seconds,
        seed=bench.seed,
        started=0.0,
    )
    found = run_pilot(request, rows, parts.tolist(), folder, advance)
    return PilotMeasurement(**found.model_dump(), seconds=time.perf_counter() - begun)


def _parts(bench: Bench) -> tuple[list[int], Array]:
    """Rows of the pilot. With few rows each half is trained on and scored on the other, so that every row tells.

    Returns:
        Positions on the bench, and for each 0 or 1 (the half that trains) or -1 (only scored).
    """
    strata = bench.task.strata(bench.rows)
    if len(bench.rows) < 2 * TRAINED_ROWS:
        halves = folds(bench.groups, strata, 2, bench.seed)
        parts = np.zeros(len(bench.rows), dtype=int)
        parts[halves[1]] = 1
        return list(range(len(bench.rows))), parts
    wanted = round(len(bench.rows) / TRAINED_ROWS)
    pieces = folds(bench.groups, strata, wanted, bench.seed)
    trained = list(pieces[0])
    scored = [place for piece in pieces[1:] for place in piece][:SCORED_ROWS]
    return [int(place) for place in [*trained, *scored]], np.array([0] * len(trained) + [-1] * len(scored))


def _longest(embedder: Embedder, bench: Bench, places: list[int], batch_size: int) -> list[int]:
    """Positions among the pilot's rows of the longest texts, as many as a batch holds."""
    texts = [str(prepare(bench.rows.inputs[place], embedder.preparation)) for place in places]
    return sorted(range(len(texts)), key=lambda place: -len(texts[place]))[:batch_size]
