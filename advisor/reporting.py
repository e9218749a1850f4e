"""The report of a run from the records in its folder: the page, and what is printed."""

from advisor.errors import RunFolderError
from advisor.next_steps import after_decision, after_result
from advisor.outlook import Score, Standing
from advisor.records import Answers, Decision, Measurements
from advisor.report.contents import Report
from advisor.report.terminal import Terminal
from advisor.rulebook import load_advice
from advisor.run_folder import EVALUATIONS, RunFolder, shown_path
from pipeline.live_results import Evaluation
from pipeline.records import DataSheet
from pipeline.results import Result
from pipeline.storage import load_record
from pipeline.task import load_task


def gather(folder: RunFolder) -> Report:
    """Everything that the folder holds for a report, with the steps that follow from it.

    Raises:
        RunFolderError: There is no verdict yet.
    """
    if not folder.has("decision.json"):
        raise RunFolderError(
            f"'{shown_path(folder.path)}' has no verdict yet.",
            f"Go on with `advisor assess {shown_path(folder.path)}`.",
        )
    answers, decision = folder.answers, folder.load("decision", Decision)
    measurements = folder.load("measurements", Measurements)
    result = folder.load("result", Result) if folder.has("result.json") else None
    run = shown_path(folder.path)
    standing = Standing(answers, measurements, decision, run, result, _rescore(answers, decision, result))
    steps = after_result(standing) if result else after_decision(standing, load_advice(answers.settled_task))
    sheet = folder.load("data_sheet", DataSheet) if folder.has("data_sheet.json") else None
    return Report(answers, measurements, decision, result, steps, sheet, _evaluations(folder))


def _evaluations(folder: RunFolder) -> dict[str, Evaluation]:
    """What was evaluated after the run, by its folder in that of the run.

    Raises:
        PlanError: One cannot be read.
    """
    paths = sorted((folder.path / EVALUATIONS).glob("*/evaluation.json"))
    return {f"{EVALUATIONS}/{path.parent.name}": load_record(Evaluation, path) for path in paths}


def _rescore(answers: Answers, decision: Decision, result: Result | None) -> Score | None:
    """The score that counts as a function of answers, where each row has one label."""
    if result is None or not result.errors.confusion:
        return None
    task = load_task(answers.settled_task, answers.options, answers.data.columns)
    metric, classes = task.metrics[decision.metric], result.classes
    if task.by_words:
        return None
    return lambda truth, given: metric(truth, given, classes)


def save_page(folder: RunFolder, report: Report) -> None:
    """Write `report.html` and `next_steps.json`."""
    from advisor.report.page import write_page

    folder.save("next_steps", report.steps)
    write_page(folder.path / "report.html", report)


def rebuild(folder: RunFolder, terminal: Terminal) -> int:
    """Make the page anew from the records, and print the report; nothing is measured. Returns 0."""
    report = gather(folder)
    save_page(folder, report)
    terminal.show_decision(report.answers, report.measurements, report.decision)
    if report.result is not None:
        terminal.show_result(report.result)
    terminal.show_sequels(report.result, report.evaluations)
    terminal.show_next_steps(report.steps)
    terminal.say(f"Report: {shown_path(folder.path)}/report.html")
    return 0
