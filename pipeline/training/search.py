"""Searches settings on the validation rows only, in the time that the budget leaves, in a study that goes on after a stop.

The recipe as it is comes first. Another one is taken only where its validation score is surely better: of many equal settings
the best looks better by luck.

Source: tree-structured Parzen estimators as in https://arxiv.org/abs/1907.10902
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.evaluation.intervals import SURE, difference_standard_error
from pipeline.records import Recipe
from pipeline.task import Array
from pipeline.training.callbacks import Report
from pipeline.training.job import TrainingJob
from pipeline.training.overfitting import score_statistics
from pipeline.training.seeds import SEEDS
from pipeline.training.train import train

STUDY = "search.db"
"""File of the study in the run folder."""
NAME = "settings"
RATE_SPAN = 4.0
"""Learning rates are sought from the recipe's over this to the recipe's times this."""
LAYER_DECAYS = (1.0, 0.95, 0.9, 0.8)
WEIGHT_DECAYS = (0.0, 0.01, 0.1)
SMOOTHINGS = (0.0, 0.05, 0.1)
WARMUPS = (0.0, 0.06, 0.1, 0.2)
SEARCHED = ("learning_rate", "layer_decay", "weight_decay", "label_smoothing", "warmup_fraction")


def search_settings(job: TrainingJob, folder: Path, study: Path, report: Report, seconds: float | None) -> Recipe:
    """The recipe with the settings that are surely better, or as it is.

    Args:
        job: What is trained.
        folder: For the trainings.
        study: The file that the study is kept in.
        report: Told of every trial.
        seconds: After which no further trial begins; those of earlier sessions do not count.

    Raises:
        MissingExtra: The package is not installed.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kept = optuna.create_study(
        study_name=NAME,
        storage=f"sqlite:///{study}",
        direction="maximize",
        load_if_exists=True,
    )
    if not kept.trials:
        kept.enqueue_trial({name: getattr(job.recipe, name) for name in SEARCHED})
    begun = time.perf_counter()
    while (done := len(_finished(kept))) < job.recipe.search_trials:
        longest = max((trial.user_attrs["seconds"] for trial in _finished(kept)), default=0.0)
        if done and seconds is not None and time.perf_counter() - begun + longest > seconds:
            report("note", text=f"The search ended after {done} of {job.recipe.search_trials} trials: the time was up.")
            break
        _try_one(kept, job, folder, report)
    return choose_settings(kept, job, folder, report)


def _finished(study: Any) -> list[Any]:
    return [trial for trial in study.trials if trial.state.name == "COMPLETE"]


def _try_one(study: Any, job: TrainingJob, folder: Path, report: Report) -> None:
    """Train with the next settings; those that a stop cut off go on first.

    Each has a seed of its own, so that a search that was stopped tries the same settings as one that was not.
    """
    import optuna

    for trial in study.trials:
        if trial.state.name == "RUNNING":
            study.tell(trial.number, state=_failed())
            study.enqueue_trial(trial.params)
    number = len(_finished(study)) + 1
    study.sampler = optuna.samplers.TPESampler(seed=(job.seed + number) % SEEDS)
    trial = study.ask()
    recipe = _suggest(trial, job.recipe)
    report(
        "trial",
        number=number,
        trials=job.recipe.search_trials,
        seeds=job.recipe.seeds,
        **{name: getattr(recipe, name) for name in SEARCHED},
    )
    begun = time.perf_counter()
    place = folder / f"trial-{number}"
    own = replace(job, recipe=recipe, tracking=None)
    statistics = score_statistics(own, train(own, place, report).model, job.validation)
    _statistics_of(folder, trial.number).parent.mkdir(parents=True, exist_ok=True)
    np.save(_statistics_of(folder, trial.number), statistics)
    trial.set_user_attr("seconds", time.perf_counter() - begun)
    study.tell(trial, job.metric.gain(job.metric.score(statistics), 0.0))
    shutil.rmtree(place, ignore_errors=True)


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def _suggest(trial: Any, recipe: Recipe) -> Recipe:
    low, high = recipe.learning_rate / RATE_SPAN, recipe.learning_rate * RATE_SPAN
    found = {
        "learning_rate": trial.suggest_float("learning_rate", low, high, log=True),
        "layer_decay": _one_of(trial, "layer_decay", LAYER_DECAYS, recipe),
        "weight_decay": _one_of(trial, "weight_decay", WEIGHT_DECAYS, recipe),
        "label_smoothing": _one_of(trial, "label_smoothing", SMOOTHINGS, recipe),
        "warmup_fraction": _one_of(trial, "warmup_fraction", WARMUPS, recipe),
    }
    return recipe.model_copy(update=found)


def _one_of(trial: Any, name: str, values: tuple[float, ...], recipe: Recipe) -> float:
    """One of some values, the recipe's own among them."""
    return float(trial.suggest_categorical(name, sorted({*values, getattr(recipe, name)})))


def _statistics_of(folder: Path, number: int) -> Path:
    return folder / "trials" / f"{number}.npy"


def choose_settings(study: Any, job: TrainingJob, folder: Path, report: Report) -> Recipe:
    """The best settings where they are better than the recipe's by more than the noise of the difference."""
    trials = _finished(study)
    first, best = trials[0], max(trials, key=lambda trial: trial.value)
    theirs, ours = (_load(folder, trial.number) for trial in (first, best))
    noise = difference_standard_error(job.metric, ours, theirs, job.seed) if best.number != first.number else 0.0
    better = best.number != first.number and best.value - first.value > SURE * noise
    scores = [job.metric.score(each) for each in (ours, theirs)]
    settings = ", ".join(f"{name} = {best.params[name]:.3g}" for name in SEARCHED)
    report("searched", trials=len(trials), taken=better)
    report(
        "note",
        text=f"Of {len(trials)} settings the best scores {scores[0]:.3f} on the validation rows, the recipe as it is {scores[1]:.3f}, "
        f"with a standard error of {noise:.3f}: {f'taken is {settings}' if better else 'the recipe stays as it is'}.",
    )
    return job.recipe.model_copy(update={name: best.params[name] for name in SEARCHED}) if better else job.recipe


def _load(folder: Path, number: int) -> Array:
    found: Array = np.load(_statistics_of(folder, number))
    return found
