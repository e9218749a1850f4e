"""What one command does from start to end: assess, report, launch, report again."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.answers_file import check_answers, read_toml, save_answers
from advisor.columns import Settled, settle_columns
from advisor.errors import AnswersError
from advisor.records import Answers, Assessment, Go, NoGo, NotYet
from advisor.report.terminal import Terminal
from advisor.reporting import gather, save_page
from advisor.rulebook import load_rules
from advisor.run_folder import RunFolder, note_as_last, open_run, shown_path
from pipeline.data.preview import say_dialects
from pipeline.data.recognition import absolute
from pipeline.errors import PipelineError, RunFailed
from pipeline.records import name_of
from pipeline.results import Result

EXIT_CODES = {"go": 0, "no_go": 3, "not_yet": 4}
TASK_BEFORE = "text-classification"
"""What was decided about when answers did not say the task, before it was detected."""


@dataclass(frozen=True)
class Request:
    """What the command line asked for.

    Attributes:
        launch: Whether a go may start training.
        json: Whether one JSON document goes to standard output.
    """

    launch: bool = True
    json: bool = False


def answers_from(names: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> Answers:
    """Answers from an answers file or, the short way, from data; paths made absolute.

    Args:
        names: `answers.toml`, or files, patterns, a folder, a database or a data set on the hub.
        options: What the command line adds, by section, the empty one for what stands above all; None is left out.

    Raises:
        AnswersError: They cannot be used.
        DataError: A data file is not there.
    """
    path = Path(names[0])
    is_answers = len(names) == 1 and path.suffix.lower() == ".toml"
    values = read_toml(path) if is_answers else {"data": {"train": names[0] if len(names) == 1 else list(names)}}
    for section, given in options.items():
        said = {name: value for name, value in given.items() if value is not None}
        if said and not section:
            values |= said
        elif said:
            values[section] = {**values.get(section, {}), **said}
    return anchored(check_answers(values, name_of(names[0])), path.resolve().parent if is_answers else Path.cwd())


def pairs(given: Sequence[str] | None) -> dict[str, Any]:
    """What was given as KEY=VALUE; a key that was given more than once has a list.

    Raises:
        AnswersError: One has no equals sign.
    """
    found: dict[str, Any] = {}
    for each in given or ():
        key, sign, value = each.partition("=")
        if not sign:
            raise AnswersError(f"'{each}' has no equals sign.", "Write it as KEY=VALUE, such as score=stars.")
        earlier = found.get(key)
        found[key] = value if earlier is None else [*(earlier if isinstance(earlier, list) else [earlier]), value]
    return found


def anchored(answers: Answers, base: Path) -> Answers:
    """The answers with absolute paths; a name without a file stays, for the hub.

    Raises:
        DataError: A data file is missing.
    """
    data = answers.data
    found: dict[str, Any] = {
        name: absolute(given, base) for name in ("train", "validation", "test") if (given := getattr(data, name))
    }
    if data.other_tasks:
        others = absolute(data.other_tasks, base)
        found["other_tasks"] = [others] if isinstance(others, str) else others
    if data.splits is not None:
        found["splits"] = str((base / data.splits).resolve())
    candidates = [
        str(path) if (path := (base / name).resolve()).is_dir() else name for name in answers.models.candidates
    ]
    values = answers.model_dump(exclude_unset=True)
    values["data"].update(found)
    if candidates:
        values["models"]["candidates"] = candidates
    return check_answers(values, "answers")


def assess_new(answers: Answers, out: Path | None, request: Request, terminal: Terminal) -> int:
    """Assess into a run folder; a new one in which nothing could be measured is removed again."""
    settled = settle(answers, terminal, json=request.json)
    there = out is not None and out.is_dir()
    folder = open_run(settled.answers, out)
    if settled.reading is not None:
        folder.save("reading", settled.reading)
    try:
        return carry_on(folder, request, terminal)
    except PipelineError:
        if not there and not folder.has("splits.parquet"):
            shutil.rmtree(folder.path)
        raise


def settle(answers: Answers, terminal: Terminal, base: Path | None = None, *, json: bool) -> Settled:
    """The answers with task and columns; what was detected is said, and what is not clear is asked where one can ask.

    Args:
        answers: What the user said.
        terminal: Where it is said.
        base: What relative paths are relative to; where the command was given when not said.
        json: Whether standard output is kept for a document, so that nobody can be asked.
    """
    from advisor.interview import confirm_reading, has_terminal

    settled = settle_columns(answers, base or Path.cwd(), confirm_reading if not json and has_terminal() else None)
    if settled.reading is not None:
        terminal.say_reading(settled.reading)
    return Settled(check_answers(settled.answers.model_dump(exclude_unset=True), "answers"), settled.reading)


def _settle_run(folder: RunFolder, request: Request, terminal: Terminal) -> None:
    """Write the kind of task into a run whose answers do not say it, as runs of earlier versions do not."""
    answers = folder.answers
    if answers.task is not None:
        return
    if folder.has("decision.json"):
        settled = Settled(answers.model_copy(update={"task": TASK_BEFORE}))
    else:
        settled = settle(answers, terminal, folder.path, json=request.json)
    save_answers(settled.answers, folder.path / "answers.toml")
    if settled.reading is not None:
        folder.save("reading", settled.reading)


def carry_on(folder: RunFolder, request: Request, terminal: Terminal) -> int:
    """Measure and decide, or take up the decision that is there; report; launch on a go. Returns the exit code."""
    note_as_last(folder)
    _settle_run(folder, request, terminal)
    if not folder.has("decision.json"):
        for line in say_dialects(folder.answers.data, folder.path):
            terminal.say(f"Reading {line}")
        _decide(folder, terminal)
    report = gather(folder)
    answers, decision = report.answers, report.decision
    finished = report.result is not None
    if not finished:
        save_page(folder, report)
    terminal.show_decision(answers, report.measurements, decision)
    code = EXIT_CODES[decision.verdict]
    wanted = answers.launch.automatic or folder.has("log.jsonl")  # a training that was begun goes on
    if decision.verdict == "go" and (finished or (request.launch and wanted)):
        code = train(folder, terminal)
    else:
        terminal.show_next_steps(report.steps)
    if request.json:
        result = folder.load("result", Result) if folder.has("result.json") else None
        document = Assessment(**decision.model_dump(), run_folder=str(folder.path), result=result)
        sys.stdout.write(document.model_dump_json(indent=1) + "\n")
    terminal.say(f"Report: {shown_path(folder.path)}/report.html")
    return code


def _decide(folder: RunFolder, terminal: Terminal) -> Go | NotYet | NoGo:
    with terminal.progress(f"Measuring in {shown_path(folder.path)}") as progress:
        progress.step("starting")
        quiet_libraries()
        from advisor.advise import advise

        return advise(folder, load_rules(), progress)


def train(folder: RunFolder, terminal: Terminal) -> int:
    """Launch or resume the plan of a go as a child process unless it is finished, then show outcome beside forecast.

    Returns:
        0 when it is done or was finished before, else the exit code of the child.

    Raises:
        PlanError: There is no plan; names the verdict and what would flip it.
    """
    note_as_last(folder)
    if folder.has("result.json"):
        terminal.say(f"This run is finished; its result is in '{shown_path(folder.path)}/result.json'.")
    elif (code := _launch(folder)) != 0:
        return code
    report = gather(folder)
    assert report.result is not None
    save_page(folder, report)
    terminal.show_result(report.result)
    terminal.show_next_steps(report.steps)
    return 0


def _launch(folder: RunFolder) -> int:
    """Carry out the plan in a child.

    Raises:
        PlanError: There is no plan.
        RunFailed: The child was killed.
    """
    plan = folder.path / "plan.json"
    if not plan.is_file():
        from pipeline.run import load_plan

        load_plan(plan)  # says why there is none
    return carry_out([str(plan)], f"advisor train {shown_path(folder.path)}")


def carry_out(arguments: list[str], command: str) -> int:
    """Run the pipeline in a child with these arguments; Ctrl-C lets it save what it has.

    Args:
        arguments: Of `python -m pipeline`.
        command: What goes on where the child stopped.

    Returns:
        The exit code of the child.

    Raises:
        RunFailed: The child was killed.
    """
    child = subprocess.Popen([sys.executable, "-P", "-m", "pipeline", *arguments], stdout=sys.stderr)
    try:
        code = child.wait()
    except KeyboardInterrupt:
        _let_end(child)
        raise
    if code < 0:
        raise RunFailed(
            f"The run was killed by signal {-code}: most likely memory ran out.",
            f"Close other programs, then `{command}` again: it goes on from the last checkpoint.",
        )
    return code


def _let_end(child: "subprocess.Popen[bytes]") -> None:
    """The terminal sends Ctrl-C to both; a child that did not get it is told."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=1)
        return
    child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=30)
    except subprocess.TimeoutExpired:
        child.kill()


def quiet_libraries() -> None:
    """Keep the libraries' own bars and warnings off the screen, and everything off the network."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    import transformers

    transformers.utils.logging.disable_progress_bar()
