"""A short real fine-tuning of the recipe on some training rows: the dry run that gives gain, time and memory."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from advisor.measurements.bench import Bench
from advisor.records import PilotMeasurement
from pipeline.data.splitting import folds
from pipeline.embeddings import Embedder
from pipeline.pilot import FOR_MEMORY, Allowance, PilotRequest, run_pilot
from pipeline.preparation import as_one_text, prepare
from pipeline.records import Recipe
from pipeline.task import Array, RivalSetting

TRAINED_ROWS, MOST_TRAINED_ROWS = 320, 1280
"""Rows that a pilot trains on: the fewer for most tasks, up to the more where answers are rare or the head starts from nothing,
since a model that has seen too little tells nothing of what more rows bring."""
ROWS_OF_A_KIND = 24
"""Rows of the typical kind of answer that it should see."""
SCORED_ROWS = 1000
LONGEST_ROWS = 128
"""Rows that are read with the frozen encoder for the memory of it; more where a batch is larger."""
PILOT_EPOCHS, FEWER_EPOCHS = 8, 4
"""Passes over few rows, and over many."""
SHARE_OF_BUDGET = 0.1
"""Part of the user's time that all advice may take."""
SHORTEST_SECONDS, LONGEST_SECONDS = 10.0, 240.0
SHARE_OF_RUN, LEAST_CPU_SECONDS = 0.15, 60.0
"""Processor seconds that all advice may take: this part of those of the run, or so many if that is more. Set by us."""
AFTERWARDS_CPU_SECONDS = 3.0
"""What comes after the pilot: saving the best cheap way and the report."""


@dataclass(frozen=True)
class Trial:
    """What a pilot tries.

    Attributes:
        recipe: What the run would do; the pilot takes more epochs since it has fewer rows.
        setting: What the probe may use that the gain is counted from.
        head_pooling: How the fine-tuned model reads.
        budget_seconds: The user's time budget, of which all advice takes at most a tenth.
        spent: Wall and processor seconds that were measured for so far.
        tokens: Padded tokens of all training rows.
        train_rows: How many these are.
    """

    recipe: Recipe
    setting: RivalSetting
    head_pooling: str
    budget_seconds: float
    spent: tuple[float, float]
    tokens: int
    train_rows: int

    @property
    def allowance(self) -> Allowance:
        """What the pilot may cost."""
        left = SHARE_OF_BUDGET * self.budget_seconds - self.spent[0]
        return Allowance(
            wall_seconds=float(np.clip(left, SHORTEST_SECONDS, LONGEST_SECONDS)),
            least_cpu_seconds=LEAST_CPU_SECONDS,
            share=SHARE_OF_RUN,
            spent_cpu_seconds=self.spent[1] + AFTERWARDS_CPU_SECONDS,
            run_rows=self.recipe.trainings * self.recipe.epochs * self.train_rows,
            row_tokens=self.tokens / max(self.train_rows, 1),
        )


def measure_pilot(bench: Bench, trial: Trial, folder: Path, advance: Callable[[int, int], None]) -> PilotMeasurement:
    """Try the recipe on few rows in a fresh process.

    Args:
        bench: The rows.
        trial: What to try.
        folder: For the exchange with the process.
        advance: Told how many of the steps are done.

    Raises:
        RunFailed: The process broke.
    """
    begun = time.perf_counter()
    embedder = trial.setting.embedder
    places, parts = _parts(bench)
    encoded = _encoded(embedder, bench)
    longest = sorted(range(len(encoded)), key=lambda place: -len(encoded[place]))
    longest = longest[: max(trial.recipe.batch_size, LONGEST_ROWS)]
    rows = bench.rows.take([*places, *longest])
    epochs = PILOT_EPOCHS if (parts == 0).sum() <= 2 * TRAINED_ROWS else FEWER_EPOCHS
    request = PilotRequest.of(
        bench.task,
        trial.setting,
        head_pooling=trial.head_pooling,
        recipe=trial.recipe.model_copy(update={"epochs": max(epochs, trial.recipe.epochs)}),
        cache=str(embedder.cache or folder.parent),
        longest_rows=list(range(len(places), len(rows))),
        tokens=sorted(set().union(*encoded)),
        allowance=trial.allowance,
        seed=bench.seed,
        started=0.0,
    )
    found = run_pilot(request, rows, [*parts.tolist(), *[FOR_MEMORY] * len(longest)], folder, advance)
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
    wanted = min(_rows_to_train(bench), len(bench.rows) // 2)
    pieces = folds(bench.groups, strata, round(len(bench.rows) / wanted), bench.seed)
    trained = list(pieces[0])
    scored = [place for piece in pieces[1:] for place in piece][:SCORED_ROWS]
    return [int(place) for place in [*trained, *scored]], np.array([0] * len(trained) + [-1] * len(scored))


def _rows_to_train(bench: Bench) -> int:
    if not bench.task.starts_from_probe:
        return MOST_TRAINED_ROWS
    counts = Counter(kind for answer in bench.rows.answers for kind in bench.task.kinds(answer))
    if not counts:
        return TRAINED_ROWS
    typical = float(np.median(list(counts.values()))) / len(bench.rows)
    return int(np.clip(ROWS_OF_A_KIND / typical, TRAINED_ROWS, MOST_TRAINED_ROWS))


def _encoded(embedder: Embedder, bench: Bench) -> Sequence[Sequence[int]]:
    """Tokens of each row, in order."""
    texts = [as_one_text(prepare(given, embedder.preparation)) for given in bench.rows.inputs]
    found: Sequence[Sequence[int]] = embedder.tokenizer(
        texts, truncation=True, max_length=embedder.preparation.max_tokens
    )["input_ids"]
    return found
