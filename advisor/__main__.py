"""The command line: wiring and exit codes.

Exit codes: 0 go (and trained), 1 a mistake to fix, 2 usage, 3 no-go, 4 not yet (of `audit`: a result on such data would mean
nothing), 5 a run that failed after a go (checkpoints kept), 130 Ctrl-C (answers and measurements so far are kept).
"""

import errno
import functools
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from advisor import __version__
from pipeline.errors import PipelineError, RunFailed

EXIT_MISTAKE, EXIT_USAGE, EXIT_FAILED, EXIT_INTERRUPTED = 1, 2, 5, 130
STOPPED = (
    "Stopped. Everything so far is kept: `advisor --resume` goes on, the same command too where it names a run folder."
)
REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""What a disk or a folder refuses; any other fault of the system is a bug here."""

app = typer.Typer(
    name="advisor",
    help="Should you fine-tune a pre-trained model for your task, which one, and what will you get? Measured, not guessed.",
    epilog="Without a command it asks you, question by question. `advisor demo` shows everything on real data.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run; runs/<time>-<name> when not given.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; all else goes to standard error.")]
NoLaunch = Annotated[bool, typer.Option("--no-launch", help="On a go, do not start training.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=COLUMN", help="Column of any other role of the task; can be repeated."),
]
Options = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="Answer to a question of the task; can be repeated.")
]
Task = Annotated[str, typer.Option("--task", help="Kind of task: a key of the README's table.")]
Run = Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)]


def _door(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turn faults that a person can mend into two lines and an exit code; a bug keeps its traceback."""

    @functools.wraps(command)
    def opened(*arguments: Any, **options: Any) -> None:
        try:
            code = command(*arguments, **options) or 0
        except KeyboardInterrupt:
            sys.stderr.write(f"\n{STOPPED}\n")
            code = EXIT_INTERRUPTED
        except PipelineError as error:
            _terminal().show_error(error)
            code = EXIT_FAILED if isinstance(error, RunFailed) else EXIT_MISTAKE
        except OSError as error:
            if error.errno not in REFUSALS:
                raise
            _terminal().show_error(_refusal(error))
            code = EXIT_MISTAKE
        raise typer.Exit(code)

    return opened


def _refusal(error: OSError) -> PipelineError:
    named = f"'{error.filename}'" if error.filename else "The run folder"
    return PipelineError(
        f"{named} cannot be used: {error.strerror}.",
        "Free some space, or give a folder that is yours; the same command then goes on where it stopped.",
    )


def _terminal(*, json: bool = False) -> Any:
    from advisor.report.terminal import Terminal

    return Terminal(stderr=json)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the questionnaire or run that was stopped last.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Ask, measure, decide, and on a go train."""
    if version:
        sys.stdout.write(f"finetune-advisor {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        _resume_or_ask(resume=resume)


@_door
def _resume_or_ask(*, resume: bool) -> int:
    from advisor.run_folder import draft_is_newest, last_unfinished

    if not resume or draft_is_newest():
        return _ask()
    from advisor.session import Request, carry_on

    return carry_on(last_unfinished(), Request(), _terminal())


def _ask() -> int:
    from advisor.interview import interview
    from advisor.run_folder import DRAFT

    answers = interview(DRAFT)
    from advisor.run_folder import open_run
    from advisor.session import Request, anchored, carry_on

    folder = open_run(anchored(answers, Path.cwd()), None)
    DRAFT.unlink()
    return carry_on(folder, Request(), _terminal())


@app.command()
@_door
def assess(
    source: Annotated[
        Path,
        typer.Argument(help="answers.toml, a data file, or the folder of a run to go on with.", show_default=False),
    ],
    task: Annotated[
        str | None, typer.Option(help="Kind of task; text-classification when not given.", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    column: Columns = None,
    option: Options = None,
    metric: Annotated[str | None, typer.Option(help="Score that counts.")] = None,
    good_enough: Annotated[float | None, typer.Option(help="Score at which you would stop looking.")] = None,
    useful_gain: Annotated[float | None, typer.Option(help="Smallest gain worth having.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes that the whole run may take.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the data file; UTF-8 when not given.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Character between columns; detected when not given.")] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Model to measure: a name of the catalogue or a folder; can be repeated.")
    ] = None,
    no_launch: NoLaunch = False,
    out: Out = None,
    json: Json = False,
) -> int:
    """Measure and decide from an answers file or a data file, without a question."""
    from advisor.run_folder import open_existing
    from advisor.session import Request, answers_from, assess_new, carry_on, pairs

    request = Request(launch=not no_launch, json=json)
    if source.is_dir():
        return carry_on(open_existing(source), request, _terminal(json=json))
    options: dict[str, dict[str, Any]] = {
        "": {"task": task},
        "data": {"text": text, "label": label, **pairs(column), "encoding": encoding, "delimiter": delimiter},
        "task_options": {**pairs(option)},
        "goal": {"metric": metric, "good_enough": good_enough, "useful_gain": useful_gain},
        "budget": {"train_minutes": minutes},
        "models": {"candidates": model},
    }
    answers = answers_from(source, options)
    return assess_new(answers, out, request, _terminal(json=json))


@app.command()
@_door
def audit(
    source: Annotated[Path, typer.Argument(help="answers.toml, or a data file.", show_default=False)],
    task: Annotated[
        str | None, typer.Option(help="Kind of task; text-classification when not given.", show_default=False)
    ] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text.")] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label.")] = None,
    column: Columns = None,
    option: Options = None,
    validation: Annotated[str | None, typer.Option(help="File with validation rows.")] = None,
    test: Annotated[str | None, typer.Option(help="File with test rows; no row of it is shown.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Encoding of the data file; UTF-8 when not given.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="Character between columns; detected when not given.")] = None,
    model: Annotated[list[str] | None, typer.Option(help="Model that may be used to read the texts.")] = None,
    annotators: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Columns with what each annotator said, to measure their agreement."),
    ] = None,
    no_examples: Annotated[bool, typer.Option("--no-examples", help="Show no row of the data.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; audits/<time>-<name> when not given.")
    ] = None,
    json: Json = False,
) -> int:
    """Say what is wrong with the data, what that does to a verdict, and what mends it."""
    from advisor.audits import Wish, audit_data
    from advisor.session import answers_from, pairs

    named = annotators.split(",") if annotators else None
    given = {"annotators": named, "validation": validation, "test": test, "encoding": encoding, "delimiter": delimiter}
    options: dict[str, dict[str, Any]] = {
        "": {"task": task},
        "data": {"text": text, "label": label, **pairs(column), **given},
        "task_options": {**pairs(option)},
        "models": {"candidates": model},
    }
    wish = Wish(json=json, examples=not no_examples)
    return audit_data(answers_from(source, options), out, wish, _terminal(json=json))


@app.command()
@_door
def demo(
    name: Annotated[str, typer.Argument(help="tweets or topics.")] = "tweets",
    no_launch: NoLaunch = False,
    out: Out = None,
    json: Json = False,
) -> int:
    """Show everything on embedded real data with the embedded model; no hub, no questions."""
    from advisor.demo import demo_answers
    from advisor.session import Request, assess_new

    answers, folder = demo_answers(name, out)
    return assess_new(answers, folder, Request(launch=not no_launch, json=json), _terminal(json=json))


@app.command()
@_door
def train(run: Run) -> int:
    """Launch or resume the plan of a go."""
    from advisor.run_folder import open_existing
    from advisor.session import train as train_run

    return train_run(open_existing(run), _terminal())


@app.command()
@_door
def predict(
    run: Run,
    data: Annotated[str, typer.Option(help="File with the rows to answer.", show_default=False)],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .jsonl or .parquet.", show_default=False)],
    cheap: Annotated[
        bool, typer.Option("--cheap", help="Use the best cheap way even when there is a fine-tuned model.")
    ] = False,
    text: Annotated[str | None, typer.Option(help="Column with the text, when named differently here.")] = None,
    column: Columns = None,
) -> None:
    """Answer new rows with what the run produced."""
    from advisor.prediction import predict as predict_rows
    from advisor.run_folder import open_existing
    from advisor.session import pairs

    named = {**pairs(column), **({} if text is None else {"text": text})}
    way, rows = predict_rows(open_existing(run), data, out, cheap=cheap, named=named)
    _terminal().say(f"{rows:,} rows answered by the {way} way, written to '{out}'.")


@app.command()
@_door
def models(
    task: Task = "text-classification",
    fetch: Annotated[str | None, typer.Option(help="Download this model from the hub, and pin what came.")] = None,
) -> None:
    """List the catalogue of pre-trained models, with why one would pick each."""
    from advisor.catalogue import fetch_model, list_models

    if fetch is not None:
        _terminal().say(fetch_model(fetch))
        return
    entries, at_hand = list_models(task)
    _terminal().show_models(entries, at_hand)


@app.command()
@_door
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs.")] = Path("runs"),
    clean: Annotated[bool, typer.Option("--clean", help="Remove what can be made again, after asking.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --clean: do not ask.")] = False,
) -> None:
    """List past runs: forecasts beside outcomes, and the space they take."""
    from advisor.ledger import clean_runs, read_runs

    lines = read_runs(folder)
    _terminal().show_runs(lines)
    if clean and lines:
        size = sum(line.bytes_remakable for line in lines) / 1e6
        if yes or typer.confirm(f"Remove {size:,.0f} MB that can be made again?"):
            clean_runs(lines)


@app.command()
@_door
def doctor() -> int:
    """Say what of the machine and installation works, what is missing, and what mends it."""
    from advisor.doctor import check_all

    checks = check_all(Path.cwd())
    _terminal().show_checks(checks)
    return 0 if all(check.works for check in checks) else EXIT_MISTAKE


@app.command()
@_door
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("answers.toml"),
    task: Task = "text-classification",
) -> None:
    """Write a commented answers file."""
    from advisor.answers_file import write_template

    write_template(path, task)
    _terminal().say(f"Wrote '{path}'. Fill it in, then: advisor assess {path}")


@app.command()
@_door
def schema(
    name: Annotated[
        str, typer.Argument(help="answers, audit, measurements, decision, assessment, plan, result or next_steps.")
    ],
) -> None:
    """Print the JSON Schema of a file that a run writes or reads."""
    from advisor.schemas import schema_of

    sys.stdout.write(schema_of(name) + "\n")


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
