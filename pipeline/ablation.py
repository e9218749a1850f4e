"""Trains the recipe of a run again with each strategy left out or put in, and tells in cross-validation what each brings.

`python -m pipeline RUN/plan.json --ablate` reads `RUN/ablation/request.json` and writes `RUN/ablation.json`. Each training that is
finished is kept there and not made again. All rows that are not sealed are scored, each by a model that neither learned from it nor
chose its epoch by it. Sealed rows are not answered, and nothing is chosen by them.
"""

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.data.splitting import folds, load_splits
from pipeline.evaluation.comparison import holm, swap_p
from pipeline.evaluation.coverage import why_no_interval
from pipeline.evaluation.intervals import difference_interval
from pipeline.metric import Metric
from pipeline.records import Document, Plan, Recipe, Record
from pipeline.results import Ablation, Contribution, Difference, Result
from pipeline.run import Workshop, open_workshop, training_job
from pipeline.storage import load_record, save_record, save_text
from pipeline.task import Array, Rows, task_of
from pipeline.training.adjustments import OF_MEMORY, adjust
from pipeline.training.journal import Journal
from pipeline.training.overfitting import score_statistics
from pipeline.training.seeds import SEEDS
from pipeline.training.train import train

FOLDER, REQUEST, NOTE, STATISTICS = "ablation", "request.json", "finished.json", "statistics.npy"
AS_IT_IS = "as_it_is"
SURE = 0.05
"""P value, corrected, below which a strategy is said to help or to harm."""
Verdict = Literal["helps", "harms", "not_told_apart"]
Value = bool | float | int | str


class Variant(Record):
    """One strategy: what the recipe is changed to so as to leave it out or to put it in."""

    field: str
    title: str
    put_in: bool
    """Whether it is off in the recipe, so that it is put in; else it is left out."""
    value: Value


class AblationRequest(Document):
    """What is to be tried, and in how many folds."""

    variants: list[Variant]
    folds: int


class Finished(Document):
    """What one training came to."""

    score: float
    seconds: float


@dataclass(frozen=True)
class Trial:
    """All that was trained with one change.

    Attributes:
        statistics: Of the rows that each fold holds out.
        scores: Of each fold.
        seconds: Of all folds together.
    """

    statistics: list[Array]
    scores: list[float]
    seconds: float


@dataclass(frozen=True)
class Fold:
    """Rows to learn, to choose the epoch by, and to score."""

    train: Rows
    validation: Rows
    held_out: Rows


def ablate(folder: Path, journal: Journal) -> Ablation:
    """Carry out the request in a run folder, going on where an earlier session stopped; saved as `ablation.json` too.

    Raises:
        PlanError: The data is not what was planned with.
        RunFailed: Training broke.
    """
    request = load_record(AblationRequest, folder / FOLDER / REQUEST)
    workshop = open_workshop(load_record(Plan, folder / "plan.json"), folder, journal)
    changes: dict[str, dict[str, Value]] = {
        AS_IT_IS: {},
        **{each.field: {each.field: each.value} for each in request.variants},
    }
    parts = make_folds(workshop, request.folds)
    trials: dict[str, Trial] = {}
    for name, change in changes.items():
        journal.write("variant", name=name, number=len(trials) + 1, variants=len(changes), change=change)
        trials[name] = _try(workshop, _recipe(workshop, change), folder / FOLDER / name, parts)
    metric = task_of(workshop.plan).metrics[workshop.plan.metric]
    found = Ablation(
        rows=sum(len(part.held_out) for part in parts),
        train_rows=round(float(np.mean([len(part.train) for part in parts]))),
        folds=len(parts),
        score=_score(trials[AS_IT_IS], metric),
        contributions=compare_trials(request.variants, trials, metric, workshop.plan.seed),
        metric_facts=metric.facts,
        seconds=sum(trial.seconds for trial in trials.values()),
    )
    save_record(found, folder / "ablation.json")
    return found


def _recipe(workshop: Workshop, change: Mapping[str, Value]) -> Recipe:
    """The recipe of the plan, trained once, with a change."""
    return Recipe.model_validate({**workshop.plan.recipe.model_dump(), "seeds": 1, "search_trials": 0, **change})


def make_folds(workshop: Workshop, most: int) -> list[Fold]:
    """The rows to learn and to validate, in a grouped, stratified cross-validation; as large a share validates as in the run."""
    plan, data = workshop.plan, workshop.data
    places = np.array(data.positions("train", "validation"))
    groups = load_splits(workshop.folder / "splits.parquet")["group"].to_numpy()
    strata = np.array(task_of(plan).strata(data.rows))
    validating = max(2, round(len(places) / max(len(data.positions("validation")), 1)))
    found = []
    for held in folds(groups[places], strata[places], most, plan.seed):
        rest = np.delete(places, held)
        inner = folds(groups[rest], strata[rest], validating, plan.seed)[0]
        sides = (data.rows.take(each) for each in (np.delete(rest, inner), rest[inner], places[held]))
        found.append(Fold(*sides))
    return found


def _score(trial: Trial, metric: Metric) -> float:
    return metric.score(np.concatenate(trial.statistics))


def _try(workshop: Workshop, recipe: Recipe, folder: Path, parts: Sequence[Fold]) -> Trial:
    """Train in each fold, with a seed of its own; those apart that were finished earlier with the very same recipe and rows."""
    known = [each for each in _adjustments(workshop.folder) if each.kind in OF_MEMORY]
    recipe, preparation = adjust(recipe, workshop.plan.preparation, known)
    statistics, notes = [], []
    for place, part in enumerate(parts):
        own = folder / f"fold-{place + 1}"
        _forget_other_work(own, recipe, part)
        if not (own / NOTE).is_file():
            begun = time.perf_counter()
            workshop.journal.write("fold", number=place + 1, folds=len(parts))
            seed = (workshop.plan.seed + place) % SEEDS
            job = training_job(workshop, recipe, preparation, seed, (part.train, part.validation))
            trained = train(replace(job, tracking=None), own / "work", workshop.journal.write)
            scored = score_statistics(job, trained.model, part.held_out)
            np.save(own / STATISTICS, scored)
            save_record(Finished(score=job.metric.score(scored), seconds=time.perf_counter() - begun), own / NOTE)
            shutil.rmtree(own / "work", ignore_errors=True)
        notes.append(load_record(Finished, own / NOTE))
        statistics.append(np.load(own / STATISTICS))
    return Trial(statistics, [note.score for note in notes], sum(note.seconds for note in notes))


def _forget_other_work(folder: Path, recipe: Recipe, part: Fold) -> None:
    """Remove what was trained with another recipe, of an earlier plan, or on other rows."""
    ids = " ".join([*part.train.ids, "", *part.validation.ids, "", *part.held_out.ids])
    rows = hashlib.sha256(ids.encode()).hexdigest()
    path = folder / "made_with.json"
    wanted = f'{{"rows": "{rows}", "recipe": {recipe.model_dump_json(exclude={"because", "sources"})}}}'
    if not path.is_file() or path.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        save_text(wanted, path)


def _adjustments(folder: Path) -> list[Any]:
    """What the run itself had to do otherwise than planned."""
    path = folder / "result.json"
    return list(load_record(Result, path).adjustments) if path.is_file() else []


def compare_trials(
    variants: Sequence[Variant], trials: Mapping[str, Trial], metric: Metric, seed: int
) -> list[Contribution]:
    """What each strategy brings: the score with it less that without, on the same rows.

    Intervals hold for all strategies together (Bonferroni), p values are corrected as well (Holm). The interval tells of drawing
    rows; the spread over folds, which differ in rows and seed, stands beside it.
    """
    pairs = []
    for variant in variants:
        ours, theirs = trials[AS_IT_IS], trials[variant.field]
        pairs.append((theirs, ours) if variant.put_in else (ours, theirs))
    whole = [(np.concatenate(one.statistics), np.concatenate(other.statistics)) for one, other in pairs]
    raw = [swap_p(metric, *both, seed) for both in whole]
    level = 1 - SURE / max(len(pairs), 1)
    found = []
    for variant, pair, both, p, corrected in zip(variants, pairs, whole, raw, holm(raw), strict=True):
        interval = difference_interval(metric, *both, level)
        difference = Difference(
            point=interval.point,
            low=interval.low,
            high=interval.high,
            p=p,
            standard_error=interval.standard_error,
            why_no_interval=why_no_interval(metric.name, len(both[0]), "difference"),
        )
        gains = [metric.gain(one, other) for one, other in zip(pair[0].scores, pair[1].scores, strict=True)]
        found.append(
            Contribution(
                field=variant.field,
                title=variant.title,
                put_in=variant.put_in,
                value=variant.value,
                score=_score(trials[variant.field], metric),
                difference=difference,
                deviation=float(np.std(gains, ddof=1)) if len(gains) > 1 else None,
                p_holm=corrected,
                verdict=_verdict(difference.point, corrected),
                seconds=trials[variant.field].seconds,
            )
        )
    return found


def _verdict(gain: float, p: float) -> Verdict:
    if p >= SURE or gain == 0:
        return "not_told_apart"
    return "helps" if gain > 0 else "harms"
