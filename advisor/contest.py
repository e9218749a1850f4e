"""Runs side by side: what differed between them, and which is better on the sealed rows that they share."""

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from advisor.errors import RunFolderError
from advisor.records import Answers, Contest, Contestant, Decision, Differing, Match, Measurements
from advisor.run_folder import RunFolder, shown_path
from pipeline.evaluation.comparison import compare, holm
from pipeline.metric import Metric
from pipeline.records import Plan
from pipeline.results import Difference, Result
from pipeline.storage import load_predictions
from pipeline.task import Predictions, Rows, Task, load_task

FEWEST_SHARED = 30
"""Sealed rows that two runs must share for a paired test. Set by us."""
NEVER_TOLD = frozenset({"because", "sources", "splits"})
"""Fields of answers and recipes that are reasons or files and no choices."""


MCNEMAR, PERMUTATION = "McNemar's exact test of right and wrong rows", "a paired permutation test"
UNPAIRED = "the normal approximation for scores on different rows"


class _Run:
    """The records of one run."""

    def __init__(self, folder: RunFolder) -> None:
        if not folder.has("decision.json"):
            raise RunFolderError(
                f"'{shown_path(folder.path)}' has no verdict yet.",
                f"Go on with `advisor assess {shown_path(folder.path)}`, or leave it out.",
            )
        self.name = shown_path(folder.path)
        self.path = folder.path
        self.answers: Answers = folder.answers
        self.decision = folder.load("decision", Decision)
        self.measurements = folder.load("measurements", Measurements)
        self.plan = folder.load("plan", Plan) if folder.has("plan.json") else None
        self.result = folder.load("result", Result) if folder.has("result.json") else None

    def task(self) -> Task:
        return load_task(self.answers.settled_task, self.answers.options, self.answers.data.columns)


def compare_runs(folders: Sequence[RunFolder]) -> Contest:
    """Lay runs side by side.

    Raises:
        RunFolderError: There are fewer than two, one comes twice, has no verdict, or is of another kind of task.
    """
    runs = _read(folders)
    metric = runs[0].task().metrics[runs[0].decision.metric]
    trained = [run for run in runs if run.result is not None]
    pairs = list(itertools.combinations(trained, 2))
    matches = [_match(metric, one, other) for one, other in pairs]
    corrected = holm([match.p_holm for match in matches])
    return Contest(
        task=runs[0].answers.settled_task,
        metric_facts=metric.facts,
        runs=[_contestant(run) for run in runs],
        differing=_differing(runs),
        matches=[match.model_copy(update={"p_holm": p}) for match, p in zip(matches, corrected, strict=True)],
        notes=_notes(runs, matches, metric),
    )


def _read(folders: Sequence[RunFolder]) -> list[_Run]:
    paths = [folder.path for folder in folders]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None or len(paths) < 2:
        problem = "There is one run only." if twice is None else f"'{shown_path(twice)}' is named twice."
        raise RunFolderError(problem, "Name two runs or more: `advisor compare RUN RUN`; `advisor runs` lists them.")
    runs = [_Run(folder) for folder in folders]
    first = runs[0]
    other = next((run for run in runs if run.answers.settled_task != first.answers.settled_task), None)
    if other is not None:
        raise RunFolderError(
            f"'{first.name}' is {first.answers.settled_task} and '{other.name}' is {other.answers.settled_task}.",
            "Compare runs of one kind of task: scores of different kinds say nothing of each other.",
        )
    return runs


def _contestant(run: _Run) -> Contestant:
    data, result = run.measurements.dataset, run.result
    rivals = result.rivals if result else run.decision.rivals
    better = max if run.decision.metric_facts.higher_is_better else min
    return Contestant(
        run=run.name,
        verdict=run.decision.verdict,
        result=result.verdict if result else None,
        model=run.decision.recommendation.model,
        train_rows=data.train_rows,
        test_rows=result.test_rows if result else data.test_rows,
        score=result.fine_tuned if result else None,
        best_cheap=better(rivals, key=lambda rival: rival.score, default=None),
        train_wall_seconds=result.outcome.train_wall_seconds if result else None,
    )


def _differing(runs: Sequence[_Run]) -> list[Differing]:
    """Choices, models and data that are not the same in all runs; what only one of them has too."""
    told = [_told(run) for run in runs]
    keys = dict.fromkeys(key for each in told for key in each)
    return [
        Differing(what=key, values=[each.get(key, "–") for each in told])
        for key in keys
        if len({each.get(key) for each in told}) > 1
    ]


def _told(run: _Run) -> dict[str, str]:
    """Everything that makes a run what it is, by name and in words."""
    data = run.measurements.dataset
    answers = run.answers.model_dump(exclude={"name", "schema_version", "task", "training", "launch"})
    files = {side: answers["data"].pop(side) for side in ("train", "validation", "test")}
    found = {f"data.{side}": _say_files(given, run.path) for side, given in files.items()}
    found |= _flat(answers, "")
    found |= {
        "rows to train on": f"{data.train_rows:,}",
        "rows to validate": f"{data.validation_rows:,}",
        "sealed rows": f"{data.test_rows:,}",
        "score that counts": run.decision.metric_facts.title,
        "good enough": f"{run.decision.good_enough:.4g}",
        "useful gain": f"{run.decision.useful_gain:.4g}",
        "model": run.decision.recommendation.model,
    }
    if run.decision.recipe is not None:
        found |= _flat(run.decision.recipe.model_dump(), "recipe.")
    if run.plan is not None:
        found |= _flat(run.plan.preparation.model_dump(), "preparation.")
        found |= {"pooling": run.plan.head_pooling, "cheap way to beat": run.plan.chosen_rival}
        found["labels"] = f"{len(run.plan.classes)}: {', '.join(run.plan.classes)}"
    return found


def _flat(values: Mapping[str, Any], before: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in values.items():
        if name in NEVER_TOLD:
            continue
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{before}{name}.")
        else:
            found[f"{before}{name}"] = "–" if value in (None, [], {}) else str(value)
    return found


def _say_files(given: Any, folder: Path) -> str:
    """Files as they are seen from here, whichever folder they are told from."""
    names = [given] if isinstance(given, str) else given or []
    return (
        ", ".join(shown_path(path) if (path := (folder / name).resolve()).exists() else name for name in names) or "–"
    )


def _match(metric: Metric, one: _Run, other: _Run) -> Match:
    """The second against the first: paired on the sealed rows that they share, else as scores of different rows."""
    answered = [_answered(run) for run in (one, other)]
    assert one.result is not None
    classes = list(dict.fromkeys([*one.result.classes, *(other.result.classes if other.result else [])]))
    places = [{row: place for place, row in enumerate(rows.ids)} for rows, _ in answered]
    shared = [row for row in answered[0][0].ids if row in places[1]]
    if len(shared) < FEWEST_SHARED:
        return _unpaired(metric, (one, other), answered, classes)
    rows, ours, theirs = _aligned(answered, places, shared)
    difference = compare(metric, rows, theirs, ours, classes, one.answers.seed, permute=True)
    return Match(
        one=one.name,
        other=other.name,
        paired=True,
        rows=[len(shared)],
        scores=[metric(rows.answers, each.answers, classes) for each in (ours, theirs)],
        difference=difference,
        test=PERMUTATION if metric.right_or_wrong is None else MCNEMAR,
        p_holm=1.0 if difference.p is None else difference.p,
    )


def _answered(run: _Run) -> tuple[Rows, Predictions]:
    """The sealed rows of a run with their truth, inputs left out, and the answers of the fine-tuned model."""
    truth, found = load_predictions(run.path / "predictions" / "fine_tuned.parquet", [])
    return Rows(found.row_ids, ("",) * len(truth), truth), found


def _aligned(
    answered: Sequence[tuple[Rows, Predictions]], places: Sequence[Mapping[str, int]], shared: Sequence[str]
) -> tuple[Rows, Predictions, Predictions]:
    """The shared rows, and the answers of both runs in their order."""
    order = [[each[row] for row in shared] for each in places]
    answers = [
        Predictions(tuple(shared), tuple(found.answers[place] for place in taken))
        for (_, found), taken in zip(answered, order, strict=True)
    ]
    return answered[0][0].take(order[0]), answers[0], answers[1]


def _unpaired(
    metric: Metric,
    runs: tuple[_Run, _Run],
    answered: Sequence[tuple[Rows, Predictions]],
    classes: Sequence[str],
) -> Match:
    """Scores on different rows: the error of the difference holds that of both.

    Source: the normal interval of a difference of independent estimates, https://en.wikipedia.org/wiki/Standard_error
    """
    from pipeline.evaluation.intervals import standard_error

    statistics = [metric.statistics(rows.answers, found.answers, classes) for rows, found in answered]
    scores = [metric.score(each) for each in statistics]
    error = math.hypot(*(standard_error(metric, each, runs[0].answers.seed) for each in statistics))
    point = metric.gain(scores[1], scores[0])
    p = math.erfc(abs(point) / max(error, 1e-12) / math.sqrt(2))
    return Match(
        one=runs[0].name,
        other=runs[1].name,
        paired=False,
        rows=[len(rows) for rows, _ in answered],
        scores=scores,
        difference=Difference(
            point=point, low=point - 1.96 * error, high=point + 1.96 * error, p=p, standard_error=error
        ),
        test=UNPAIRED,
        p_holm=p,
    )


def _notes(runs: Sequence[_Run], matches: Sequence[Match], metric: Metric) -> list[str]:
    found = [
        f"'{run.name}' was not trained: its verdict was {run.decision.verdict.replace('_', '-')}."
        for run in runs
        if run.result is None
    ]
    found += [
        f"'{run.name}' was run for {run.decision.metric_facts.title}; here all are compared by {metric.title}."
        for run in runs
        if run.decision.metric != metric.name
    ]
    found += [
        f"'{match.one}' and '{match.other}' do not share {FEWEST_SHARED} sealed rows, so their scores come from different "
        "rows and the test is not paired: part of the difference may be the rows. Give both the same --test file, or "
        "`[data] splits` with the first run's splits.parquet. A row whose label was mended counts as another row."
        for match in matches
        if not match.paired
    ]
    if len(matches) > 1:
        found.append(f"p values are corrected for {len(matches)} comparisons (Holm).")
    return found
