"""What the whole run will cost, from the steps that the pilot really took. Pure."""

from dataclasses import dataclass

from advisor.records import PilotMeasurement
from pipeline.records import Recipe
from pipeline.training.cadence import epochs_between_scores

CHECKPOINT_SECONDS_PER_BYTE = 4e-9
"""Writing weights and both moments of the optimiser, three times the weights; measured on a local disk."""
PROBED_TEXTS, PROBING_READS = 600, 4
"""What was forgotten is told from at most so many texts, read as they are and with words swapped, by both encoders."""
RELOAD_STARTS = 1.0
"""The reload check starts one more process."""


@dataclass(frozen=True)
class Workload:
    """How much the run has to read.

    Attributes:
        train_rows: Rows in an epoch.
        train_tokens: Their tokens, padded within batches of like length.
        validation_tokens: Tokens of the validation rows, padded.
        test_tokens: Tokens of the sealed rows, estimated from the mean row; they stay sealed.
        rival_seconds: Seconds that one cross-validation of all rivals took.
        folds: Folds of that cross-validation.
        weight_bytes: Size of the model.
    """

    train_rows: int
    train_tokens: int
    validation_tokens: int
    test_tokens: int
    rival_seconds: float
    folds: int
    weight_bytes: int


@dataclass(frozen=True)
class Estimate:
    """Cost of the whole run, evaluation included."""

    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


def estimate(pilot: PilotMeasurement, recipe: Recipe, work: Workload, memory_margin: float) -> Estimate:
    """Add up start, training, evaluation of the epochs that are scored, checkpoints, reload, rivals and the sealed rows."""
    trainings = recipe.seeds + (recipe.search_trials if recipe.search_trials > 1 else 0)
    epochs = trainings * recipe.epochs
    steps = epochs * -(-work.train_rows // recipe.batch_size)
    train = training_seconds(pilot, steps, epochs * work.train_tokens)
    every = epochs_between_scores(work.train_tokens, work.validation_tokens, recipe.epochs)
    scored = trainings * -(-recipe.epochs // every)
    read_tokens = (scored + 4 * trainings) * work.validation_tokens + 2 * work.test_tokens
    read_tokens += PROBING_READS * PROBED_TEXTS * work.train_tokens // max(work.train_rows, PROBED_TEXTS)
    evaluate = read_tokens * pilot.evaluation_seconds_per_token
    save = epochs * work.weight_bytes * CHECKPOINT_SECONDS_PER_BYTE
    rivals = work.rival_seconds / max(work.folds, 1) * 1.25
    starts = 1 + RELOAD_STARTS
    return Estimate(
        wall_seconds=starts * pilot.start_seconds + train + evaluate + save + rivals,
        cpu_seconds=starts * pilot.start_cpu_seconds
        + train * pilot.processor_share
        + read_tokens * pilot.evaluation_cpu_seconds_per_token
        + save
        + rivals * pilot.processor_share,
        peak_memory_bytes=int(pilot.peak_memory_bytes * memory_margin),
    )


def training_seconds(pilot: PilotMeasurement, steps: int, tokens: int) -> float:
    """Wall seconds of so many training steps over so many padded tokens."""
    return steps * pilot.seconds_per_step + tokens * pilot.seconds_per_token


def training_cpu_seconds(pilot: PilotMeasurement, steps: int, tokens: int) -> float:
    """Processor seconds of the same."""
    return training_seconds(pilot, steps, tokens) * pilot.processor_share
