"""Trains with several seeds, keeps the model that is best on the validation rows, and tells how much the seed matters.

Each seed has a folder of its own; one that is finished leaves a note of its scores there and is not trained again.

Source: seeds matter as much as settings on small data, https://arxiv.org/abs/2002.06305
"""

import itertools
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from pipeline.embeddings import device
from pipeline.errors import StorageError
from pipeline.evaluation.comparison import say_amount
from pipeline.evaluation.intervals import difference_standard_error
from pipeline.metric import Metric
from pipeline.models import load_tokenizer
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.records import Document, EpochLog, Overfitting, SeedScore, SeedSpread, TextPreparation
from pipeline.storage import load_record, save_record
from pipeline.task import Array
from pipeline.training import averaging, rate_test
from pipeline.training.adjustments import OF_MEMORY, adjust, load_adjustments
from pipeline.training.callbacks import Report
from pipeline.training.checkpoints import discard_all
from pipeline.training.job import Trained, TrainingJob
from pipeline.training.overfitting import score_statistics
from pipeline.training.train import train

WEIGHTS, STATISTICS, NOTE = "weights.safetensors", "statistics.npy", "finished.json"
SEEDS = 2**32
"""Seeds are below this."""


class FinishedSeed(Document):
    """What one seed came to; its weights lie beside while no other is better."""

    seed: int
    score: float
    best_epoch: float
    epochs: list[EpochLog]
    thresholds: list[float]
    preparation: TextPreparation
    overfitting: Overfitting | None


@dataclass(frozen=True)
class _Place:
    """One seed: its folder, and the job with it."""

    folder: Path
    job: TrainingJob

    @property
    def note(self) -> FinishedSeed:
        return load_record(FinishedSeed, self.folder / NOTE)

    @property
    def statistics(self) -> Array:
        found: Array = np.load(self.folder / STATISTICS)
        return found


def train_seeds(job: TrainingJob, folder: Path, report: Report) -> Trained:
    """Train as often as the recipe says, each time with the next seed, and give the best of them.

    Raises:
        RunFailed: As in `train`.
        StorageError: As in `train`.
    """
    if job.recipe.seeds == 1:
        return train(job, folder, report)
    places: list[_Place] = []
    for count in range(job.recipe.seeds):
        name = f"seed-{count + 1}"
        tracking = None if job.tracking is None else job.tracking / name
        place = _Place(folder / name, replace(job, seed=(job.seed + count) % SEEDS, tracking=tracking))
        report("seed", seed=place.job.seed, number=count + 1, seeds=job.recipe.seeds)
        if not (place.folder / NOTE).is_file():
            _train_one(place, places, report)
        places.append(place)
        _keep_best_weights(places)
    spread = measure_spread([place.note for place in places], [place.statistics for place in places], job)
    report("seeds", **spread.model_dump())
    return _load(next(place for place in places if place.job.seed == spread.kept), spread, report)


def _train_one(place: _Place, before: Sequence[_Place], report: Report) -> None:
    """Train with one seed, and note what it came to; what the seeds before learned of memory and rate is heeded."""
    job, folder = place.job, place.folder
    for earlier in before[-1:]:
        known = [each for each in load_adjustments(earlier.folder) if each.kind in OF_MEMORY]
        recipe, preparation = adjust(job.recipe, job.preparation, known)
        job = replace(job, recipe=recipe, preparation=preparation)
        if (earlier.folder / rate_test.KEPT).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(earlier.folder / rate_test.KEPT, folder)
    trained = train(job, folder, report)
    statistics = score_statistics(job, trained.model, job.validation)
    note = FinishedSeed(
        seed=job.seed,
        score=job.metric.score(statistics),
        best_epoch=trained.best_epoch,
        epochs=trained.epochs,
        thresholds=list(trained.model.thresholds),
        preparation=trained.model.preparation,
        overfitting=trained.overfitting,
    )
    _save(trained, statistics, folder)
    save_record(note, folder / NOTE)
    discard_all(folder)
    shutil.rmtree(folder / averaging.FOLDER, ignore_errors=True)


def _save(trained: Trained, statistics: Array, folder: Path) -> None:
    draft = folder / f"{WEIGHTS}.new"
    try:
        save_model(trained.model.model, str(draft))
        os.replace(draft, folder / WEIGHTS)
        np.save(folder / STATISTICS, statistics)
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"The weights of seed {folder.name.rpartition('-')[2]} cannot be written to '{folder}': {error}.",
            "Free some space there, then run the same command again: it goes on from the last checkpoint.",
        ) from error


def _keep_best_weights(places: Sequence[_Place]) -> None:
    """Remove the weights of every seed that another one beats."""
    best = _best([place.note for place in places], places[0].job.metric)
    for place in places:
        if place.job.seed != best:
            (place.folder / WEIGHTS).unlink(missing_ok=True)


def _best(notes: Sequence[FinishedSeed], metric: Metric) -> int:
    """The seed with the best validation score, of equals the first."""
    return max(notes, key=lambda note: metric.gain(note.score, 0.0)).seed


def _load(place: _Place, spread: SeedSpread, report: Report) -> Trained:
    """The model of a seed as it was saved, whether it was trained in this session or in an earlier one."""
    job, note = place.job, place.note
    model = job.task.build_model(job.encoder, job.setting)
    load_model(model, place.folder / WEIGHTS)
    tuned = FineTuned(
        model=model.to(device()).eval(),
        tokenizer=load_tokenizer(job.encoder),
        task=job.task,
        classes=job.classes,
        preparation=note.preparation,
        thresholds=tuple(note.thresholds),
        report=report,
    )
    return Trained(tuned, note.epochs, note.best_epoch, [], note.overfitting, spread)


def measure_spread(notes: Sequence[FinishedSeed], statistics: Sequence[Array], job: TrainingJob) -> SeedSpread:
    """How much the score differs from seed to seed, apart from what drawing the validation rows brings.

    Two models that are equally good in truth score differently on a sample of rows. Half the variance of that difference is
    what drawing rows adds to the variance over seeds, and is taken off.
    """
    metric, scores = job.metric, np.array([note.score for note in notes])
    pairs = itertools.combinations(statistics, 2)
    noise = float(np.mean([difference_standard_error(metric, *pair, job.seed) ** 2 for pair in pairs])) / 2
    deviation = float(scores.std(ddof=1))
    apart = math.sqrt(max(deviation**2 - noise, 0.0))
    kept = _best(notes, metric)
    shown = [say_amount(each, metric.facts) for each in (deviation, math.sqrt(noise), apart)]
    listed = ", ".join(f"{note.score:.3f}" for note in notes)
    return SeedSpread(
        scores=[SeedScore(seed=note.seed, score=note.score, best_epoch=note.best_epoch) for note in notes],
        mean=float(scores.mean()),
        deviation=deviation,
        sampling_deviation=math.sqrt(noise),
        deviation_apart=apart,
        kept=kept,
        because=f"{len(notes)} seeds score {listed} on the validation rows: {scores.mean():.3f} on average, with a standard "
        f"deviation of {shown[0]}. Drawing so few rows alone brings {shown[1]}; apart from that the seeds spread by {shown[2]}. "
        f"The model of seed {kept} is kept, which flatters its validation score, not that on the sealed rows.",
    )
