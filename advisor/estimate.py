"""What the whole run will cost, from the steps that the pilot really took. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from advisor.records import PilotMeasurement
from advisor.rule_records import ForecastNumber
from pipeline.records import PhaseCost, PhaseName, Recipe
from pipeline.training.cadence import epochs_between_scores

CHECKPOINT_SECONDS_PER_BYTE = 4e-9
"""Writing weights and both moments of the optimiser, three times the weights, and sealing them; measured on a local disk."""
PROBED_TEXTS, PROBING_READS = 600, 2.5
"""What was forgotten is told from at most so many texts, read as they are and with words swapped, by both encoders; how they are read by
the pre-trained one is known from measuring."""
DISTURBED_ROWS, DISTURBANCES = 300, 4
"""Sealed rows that are changed a little, and ways to change them."""
SEALED_READS = 2.5
"""The fine-tuned model reads the sealed rows once, and the frozen one too, which gives every layer and takes half as long again."""
VALIDATION_READS = 4
"""Beside each epoch: before the first step, as many training rows, thresholds and temperature, and for the reload check."""
STARTS: dict[PhaseName, float] = {"prepare": 1.0, "validation": 0.15, "evaluation": 0.9, "analysis": 0.4}
"""What hardly depends on the rows, as a part of what starting took on the same machine: saving the model; a new process for the reload
check, and resampling; probes. Measured on a run of 256 rows, two epochs of all-MiniLM-L6-v2 and 300 sealed rows, one thread."""


@dataclass(frozen=True)
class Workload:
    """How much the run has to read.

    Attributes:
        train_rows: Rows in an epoch.
        train_tokens: Their tokens, padded within batches of like length.
        validation_tokens: Tokens of the validation rows, padded.
        test_tokens: Tokens of the sealed rows, estimated from the mean row; they stay sealed.
        test_rows: How many these are.
        rival_seconds: Seconds that one cross-validation of all rivals took.
        folds: Folds of that cross-validation.
        weight_bytes: Size of the model; a checkpoint is smaller where the pilot found that only some word vectors learn.
    """

    train_rows: int
    train_tokens: int
    validation_tokens: int
    test_tokens: int
    test_rows: int
    rival_seconds: float
    folds: int
    weight_bytes: int


@dataclass(frozen=True)
class Estimate:
    """Cost of the whole run, evaluation included.

    Attributes:
        wall_seconds: In all.
        cpu_seconds: In all.
        peak_memory_bytes: At once.
        phases: Parts of the seconds.
        planned_steps: Of training, when none is saved by early stopping.
        expected_steps: Those that the seconds are for.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    phases: tuple[PhaseCost, ...] = ()
    planned_steps: int | None = None
    expected_steps: float | None = None


def estimate(
    pilot: PilotMeasurement, recipe: Recipe, work: Workload, margin: float, stopping_share: float = 1.0
) -> Estimate:
    """Add up the phases of a run: start, training, validation of the epochs that are scored, sealed rows and rivals, and analysis.

    Args:
        pilot: What steps, reading and starting took.
        recipe: Of the run.
        work: How much there is to read.
        margin: Peak memory of a run over that of its dry run.
        stopping_share: Part of the planned steps that is taken where training may stop early.
    """
    trainings = recipe.trainings
    may_stop = recipe.early_stopping_epochs < recipe.epochs
    epochs = trainings * recipe.epochs * (stopping_share if may_stop else 1.0)
    an_epoch = -(-work.train_rows // recipe.batch_size)
    steps = epochs * an_epoch
    train = training_seconds(pilot, steps, epochs * work.train_tokens)
    every = epochs_between_scores(work.train_tokens, work.validation_tokens, recipe.epochs, an_epoch)
    scored = -(-epochs // every)
    checkpoints = epochs / min(every, 1) * (pilot.checkpoint_bytes or work.weight_bytes) * CHECKPOINT_SECONDS_PER_BYTE
    rivals = work.rival_seconds / max(work.folds, 1) * 1.25
    probed = PROBING_READS * PROBED_TEXTS * work.train_tokens / max(work.train_rows, PROBED_TEXTS)
    disturbed = work.test_tokens * DISTURBANCES / max(work.test_rows / DISTURBED_ROWS, 1.0)
    validated = (scored + VALIDATION_READS * trainings) * work.validation_tokens
    phases = (
        _cost("prepare", pilot),
        PhaseCost(name="training", wall_seconds=train, cpu_seconds=train * pilot.processor_share),
        _cost("validation", pilot, validated, checkpoints),
        _cost("evaluation", pilot, SEALED_READS * work.test_tokens + 2 * work.validation_tokens, rivals),
        _cost("analysis", pilot, probed + disturbed),
    )
    return Estimate(
        wall_seconds=sum(phase.wall_seconds for phase in phases),
        cpu_seconds=sum(phase.cpu_seconds for phase in phases),
        peak_memory_bytes=int(pilot.peak_memory_bytes * margin),
        phases=phases,
        planned_steps=trainings * recipe.epochs * an_epoch,
        expected_steps=steps,
    )


def memory_margin(pilot: PilotMeasurement, train_rows: int, numbers: Mapping[str, ForecastNumber]) -> float:
    """Peak memory of a run over that of its pilot: more rows come in batches of more shapes, for each of which something is kept."""
    doublings = max(math.log2(max(train_rows, 1) / pilot.train_rows), 0.0)
    return numbers["memory_margin"].value * (1 + numbers["memory_per_doubling"].value * doublings)


def _cost(name: PhaseName, pilot: PilotMeasurement, tokens: float = 0.0, seconds: float = 0.0) -> PhaseCost:
    """Of a phase that reads tokens without learning, and computes for so many wall seconds besides."""
    starts = STARTS[name]
    return PhaseCost(
        name=name,
        wall_seconds=starts * pilot.start_seconds + tokens * pilot.evaluation_seconds_per_token + seconds,
        cpu_seconds=starts * pilot.start_cpu_seconds
        + tokens * pilot.evaluation_cpu_seconds_per_token
        + seconds * pilot.processor_share,
    )


def training_seconds(pilot: PilotMeasurement, steps: float, tokens: float) -> float:
    """Wall seconds of so many training steps over so many padded tokens."""
    return steps * pilot.seconds_per_step + tokens * pilot.seconds_per_token


def training_cpu_seconds(pilot: PilotMeasurement, steps: int, tokens: int) -> float:
    """Processor seconds of the same."""
    return training_seconds(pilot, steps, tokens) * pilot.processor_share
