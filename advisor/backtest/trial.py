"""Carries out one cell: the advisor's own measuring and deciding, and every arm on the held-out rows."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from advisor.advise import gather, weigh
from advisor.answers_file import save_answers
from advisor.backtest.material import Material, draw, read_material, save_material
from advisor.backtest.suite import Cell, Suite, SuiteSet, answers_of
from advisor.decision import Case
from advisor.estimate import training_cpu_seconds
from advisor.factors import Target, read_quantities
from advisor.investigation import Facts, find_out, make_case, recipe_for
from advisor.measuring import Measuring, Progress
from advisor.records import Measurements
from advisor.rule_records import Rules
from advisor.run_folder import RunFolder
from pipeline.apart import TrainingRequest
from pipeline.arm import HELD_OUT, TRAINED, VALIDATED, ArmOutcome, run_arm
from pipeline.evaluation.comparison import score
from pipeline.records import Document, Forecast, Recipe, Record, Score
from pipeline.storage import load_record, save_record
from pipeline.task import Rows

POOL = 6
"""Rows for each wanted one that zero-shot may choose from, for the control that it solves."""
CASE = TypeAdapter(Case)
FINISHED = "cell.json"


class Arms(Record):
    """What every way reached on the held-out rows."""

    cheap: list[Score]
    fine_tuned: ArmOutcome


class CellOutcome(Document):
    """Everything that a cell showed: what the advisor measured, and what each arm reached.

    Verdict and forecast are made from it again by the rules of the day, so that rules can be changed without measuring anew.
    """

    cell: Cell
    held_out_rows: int
    measurements: Measurements
    case: dict[str, Any]
    """What the verdict rests on, as `advisor/decision.py` has it; the probability and points are made again."""
    quantities: dict[str, float]
    """What the factors read."""
    recipe: Recipe
    forecast: Forecast | None
    """None where the rows allowed no pilot."""
    starts_from_probe: bool
    task: str
    task_options: dict[str, str]
    metric: str
    probe_scores: dict[str, float]
    arms: Arms
    expected_train_cpu_seconds: float | None
    """Of the steps that were really taken, by what the pilot had measured; none without a pilot."""


@dataclass(frozen=True)
class Place:
    """Where a backtest works.

    Attributes:
        out: Folder for everything.
        rules: Of the advisor.
        progress: Told of every phase.
    """

    out: Path
    rules: Rules
    progress: Progress

    def folder(self, cell: Cell) -> Path:
        """Of one cell."""
        return self.out / "cells" / cell.key

    def features(self, cell: Cell) -> Path:
        """Frozen features, shared by the cells of a set."""
        return self.out / "features" / cell.set_name


def finished(place: Place, cell: Cell) -> CellOutcome | None:
    """What a cell showed, when it was carried out before on the same rows."""
    path = place.folder(cell) / FINISHED
    if not path.is_file():
        return None
    found = load_record(CellOutcome, path)
    return found if found.cell == cell else None


def carry_out(place: Place, suite: Suite, cell: Cell) -> CellOutcome | None:
    """Measure and decide as the advisor does, try every arm, and save what came of it; None where the set is too small.

    Raises:
        PipelineError: The data cannot be used, or a training broke.
    """
    given = next(each for each in suite.sets if each.name == cell.set_name)
    material = _material(place, suite, given, cell)
    if material is None:
        return None
    run = _open(place.folder(cell), suite, given, cell, material)
    measuring = Measuring(run, place.rules, place.progress, features=place.features(cell))
    facts = find_out(measuring, everything=True)
    measurements = gather(measuring, facts)
    weigh(measuring, facts, measurements)  # nothing that a user's verdict needs is left unmeasured
    arms = _arms(measuring, facts)
    outcome = _outcome(measuring, facts, measurements, arms, cell)
    save_record(outcome, run.path / FINISHED)
    return outcome


def _material(place: Place, suite: Suite, given: SuiteSet, cell: Cell) -> Material | None:
    material = read_material(given, cell.seed)
    if cell.control == "zero_shot" and len(material) >= cell.size:
        material = _solved(place, suite, given, cell, material)
    return draw(material, cell, suite.held_out_rows)


def _open(folder: Path, suite: Suite, given: SuiteSet, cell: Cell, material: Material) -> RunFolder:
    """The cell's run folder; what another suite left there is removed."""
    mark = folder / "made_for.json"
    if mark.is_file() and json.loads(mark.read_text(encoding="utf-8")) != cell.model_dump():
        shutil.rmtree(folder)
    train, held_out = save_material(material, folder)
    run = RunFolder(folder)
    run.make()
    save_answers(answers_of(suite, given, cell, train, held_out), folder / "answers.toml")
    save_record(cell, mark)
    return run


def _solved(place: Place, suite: Suite, given: SuiteSet, cell: Cell, material: Material) -> Material:
    """The rows that zero-shot answers rightly, in the wording that does best on rows to draw from."""
    pool = Material(
        material.train.iloc[: POOL * cell.size],
        material.held_out.iloc[: POOL * suite.held_out_rows],
        material.truth,
    )
    folder = place.out / "pools" / cell.key
    real = cell.model_copy(update={"control": "real"})
    run = _open(folder, suite, given, real, pool)
    measuring = Measuring(run, place.rules, place.progress, features=place.features(cell))
    candidate = measuring.at_hand[0]
    setting = measuring.setting(candidate, candidate.source.pooling)
    parts = measuring.data.on("train", "validation"), measuring.data.open_test_rows(folder, "backtest: a control")
    predict = measuring.task.fit_rival("zero_shot", setting)(parts[0], cell.seed)
    tables = []
    for rows in parts:
        answers = predict(rows).answers
        right = [place for place, (said, true) in enumerate(zip(answers, rows.answers, strict=True)) if said == true]
        tables.append(_table(rows.take(right), measuring.answers.data.columns))
    shutil.rmtree(folder)
    return Material(tables[0], tables[1], material.truth)


def _table(rows: Rows, columns: Any) -> pd.DataFrame:
    return pd.DataFrame({columns["text"]: list(rows.inputs), columns["label"]: list(rows.answers)})


def _arms(measuring: Measuring, facts: Facts) -> Arms:
    """Every way, learned from the rows that a user would have, on the held-out rows, which are the backtest's own."""
    folder = measuring.folder.path
    held_out = measuring.data.open_test_rows(folder, "backtest: score every arm")
    rows = measuring.data.on("train", "validation")
    pooling = facts.model.pooling if facts.model else facts.candidate.source.pooling
    setting = measuring.setting(facts.candidate, pooling)
    task, metric, seed = measuring.task, measuring.metric, measuring.answers.seed
    measuring.progress.step("scoring the cheap ways on the held-out rows")
    cheap = []
    for name in task.rivals:
        found = [task.fit_rival(name, setting)(rows, seed)(held_out)]
        cheap.append(score(name, task.metrics, metric, held_out, found, setting.classes, seed))
    measuring.progress.step("fine-tuning in full, and scoring on the held-out rows")
    parts = {"train": TRAINED, "validation": VALIDATED}
    taken = [(row, part) for side, part in parts.items() for row in measuring.data.positions(side)]  # type: ignore[arg-type]
    learned = measuring.data.rows.take([row for row, _ in taken])
    everything = Rows(learned.ids + held_out.ids, learned.inputs + held_out.inputs, learned.answers + held_out.answers)
    request = _request(measuring, facts, pooling)
    numbers = [*(part for _, part in taken), *([HELD_OUT] * len(held_out))]
    return Arms(cheap=cheap, fine_tuned=_kept_arm(request, everything, numbers, folder, measuring.progress))


def _kept_arm(request: TrainingRequest, rows: Rows, parts: list[int], folder: Path, progress: Progress) -> ArmOutcome:
    path = folder / "fine_tuned.json"
    if path.is_file():
        return load_record(ArmOutcome, path)
    found = run_arm(request, rows, parts, folder / "arm", progress.advance)
    save_record(found, path)
    return found


def _request(measuring: Measuring, facts: Facts, pooling: str) -> TrainingRequest:
    setting = measuring.setting(facts.candidate, pooling)
    embedder = setting.embedder
    parameters = sum(parameter.numel() for parameter in embedder.model.parameters())
    return TrainingRequest.of(
        measuring.task,
        setting,
        head_pooling=measuring.head_pooling(facts.candidate, pooling),
        recipe=facts.recipe or recipe_for(measuring, parameters),
        cache=str(embedder.cache),
        seed=measuring.answers.seed,
    )


def _outcome(measuring: Measuring, facts: Facts, measurements: Measurements, arms: Arms, cell: Cell) -> CellOutcome:
    goal = Target(measuring.metric, measuring.aim.good_enough, measuring.aim.useful_gain)
    quantities = read_quantities(measuring.answers, measurements, facts.model, facts.forecast, goal)
    case = make_case(measuring, facts, 0.0, quantities)
    taken = arms.fine_tuned
    expected = training_cpu_seconds(facts.pilot, taken.steps, taken.tokens) if facts.pilot else None
    embedder = measuring.embedder(facts.candidate)
    return CellOutcome(
        cell=cell,
        held_out_rows=measuring.dataset.test_rows,
        measurements=measurements,
        case=CASE.dump_python(case, mode="json"),
        quantities={str(name): value for name, value in quantities.items()},
        recipe=facts.recipe or recipe_for(measuring, sum(each.numel() for each in embedder.model.parameters())),
        forecast=facts.forecast,
        starts_from_probe=measuring.task.starts_from_probe,
        task=measuring.task.key,
        task_options=dict(measuring.task.options),
        metric=measuring.metric.name,
        probe_scores=facts.model.pooling_scores if facts.model else {},
        arms=arms,
        expected_train_cpu_seconds=expected,
    )
