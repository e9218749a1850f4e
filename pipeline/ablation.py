"""Trains the recipe of a run again with each strategy left out or put in, and tells on the validation rows what each brings.

`python -m pipeline RUN/plan.json --ablate` reads `RUN/ablation/request.json` and writes `RUN/ablation.json`. Each training that is
finished is kept there and not made again. Sealed rows are not answered, and nothing is chosen by them.
"""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pipeline.evaluation.comparison import holm, swap_p
from pipeline.evaluation.coverage import why_no_interval
from pipeline.evaluation.intervals import difference_interval
from pipeline.metric import Metric
from pipeline.records import Document, Plan, Recipe, Record
from pipeline.results import Ablation, Contribution, Difference, Result
from pipeline.run import Workshop, open_workshop, training_job
from pipeline.storage import load_record, save_record, save_text
from pipeline.task import Array
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
    """What is to be tried, and with how many seeds."""

    variants: list[Variant]
    seeds: int


class Finished(Document):
    """What one training came to."""

    score: float
    seconds: float


@dataclass(frozen=True)
class Trial:
    """All that was trained with one change.

    Attributes:
        statistics: Of the validation rows, for each seed.
        scores: For each seed.
        seconds: Of all seeds together.
    """

    statistics: list[Array]
    scores: list[float]
    seconds: float


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
    trials: dict[str, Trial] = {}
    for name, change in changes.items():
        journal.write("variant", name=name, number=len(trials) + 1, variants=len(changes), change=change)
        trials[name] = _try(workshop, _recipe(workshop, change), folder / FOLDER / name, request.seeds)
    metric = training_job(workshop).metric
    found = Ablation(
        rows=len(workshop.data.on("validation")),
        train_rows=len(workshop.data.on("train")),
        seeds=request.seeds,
        score=float(np.mean(trials[AS_IT_IS].scores)),
        contributions=compare_trials(request.variants, trials, metric, workshop.plan.seed),
        metric_facts=metric.facts,
        seconds=sum(trial.seconds for trial in trials.values()),
    )
    save_record(found, folder / "ablation.json")
    return found


def _recipe(workshop: Workshop, change: Mapping[str, Value]) -> Recipe:
    """The recipe of the plan, trained once, with a change."""
    return Recipe.model_validate({**workshop.plan.recipe.model_dump(), "seeds": 1, "search_trials": 0, **change})


def _try(workshop: Workshop, recipe: Recipe, folder: Path, seeds: int) -> Trial:
    """Train with so many seeds, those apart that were finished earlier with the very same recipe."""
    known = [each for each in _adjustments(workshop.folder) if each.kind in OF_MEMORY]
    recipe, preparation = adjust(recipe, workshop.plan.preparation, known)
    statistics, notes = [], []
    for place in range(seeds):
        own = folder / f"seed-{place + 1}"
        _forget_other_recipe(own, recipe)
        if not (own / NOTE).is_file():
            begun = time.perf_counter()
            job = training_job(workshop, recipe, preparation, (workshop.plan.seed + place) % SEEDS)
            trained = train(replace(job, tracking=None), own / "work", workshop.journal.write)
            scored = score_statistics(job, trained.model, job.validation)
            np.save(own / STATISTICS, scored)
            save_record(Finished(score=job.metric.score(scored), seconds=time.perf_counter() - begun), own / NOTE)
            shutil.rmtree(own / "work", ignore_errors=True)
        notes.append(load_record(Finished, own / NOTE))
        statistics.append(np.load(own / STATISTICS))
    return Trial(statistics, [note.score for note in notes], sum(note.seconds for note in notes))


def _forget_other_recipe(folder: Path, recipe: Recipe) -> None:
    """Remove what was trained with another recipe, of an earlier plan."""
    path, wanted = folder / "recipe.json", recipe.model_dump_json(exclude={"because", "sources"})
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

    Intervals hold for all strategies together (Bonferroni), p values are corrected as well (Holm). Statistics are means over
    seeds, so that the interval tells of drawing rows; the spread over seeds stands beside it.
    """
    pairs = []
    for variant in variants:
        ours, theirs = trials[AS_IT_IS], trials[variant.field]
        pairs.append((theirs, ours) if variant.put_in else (ours, theirs))
    means = [tuple(np.mean(each.statistics, axis=0) for each in pair) for pair in pairs]
    raw = [swap_p(metric, ours, theirs, seed) for ours, theirs in means]
    level = 1 - SURE / max(len(pairs), 1)
    found = []
    for variant, pair, (ours, theirs), p, corrected in zip(variants, pairs, means, raw, holm(raw), strict=True):
        interval = difference_interval(metric, ours, theirs, seed, level)
        difference = Difference(
            point=interval.point,
            low=interval.low,
            high=interval.high,
            p=p,
            standard_error=interval.standard_error,
            why_no_interval=why_no_interval(metric.name, len(ours), "difference"),
        )
        gains = [metric.gain(one, other) for one, other in zip(pair[0].scores, pair[1].scores, strict=True)]
        found.append(
            Contribution(
                field=variant.field,
                title=variant.title,
                put_in=variant.put_in,
                value=variant.value,
                score=float(np.mean(trials[variant.field].scores)),
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
