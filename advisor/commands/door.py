"""The door of the command line: faults that a person can mend become two lines and an exit code.

Exit codes: 0 go (and trained), 1 a mistake to fix, 2 usage, 3 no-go, 4 not yet (of `audit`: a result on such data would mean
nothing), 5 a run that failed after a go (checkpoints kept), 130 Ctrl-C (answers and measurements so far are kept).
"""

import errno
import functools
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from pipeline.errors import PipelineError, RunFailed

if TYPE_CHECKING:
    from advisor.report.terminal import Terminal

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


def door(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turn faults that a person can mend into two lines and an exit code; a bug keeps its traceback."""

    @functools.wraps(command)
    def opened(*arguments: Any, **options: Any) -> None:
        try:
            code = command(*arguments, **options) or 0
        except KeyboardInterrupt:
            sys.stderr.write(f"\n{STOPPED}\n")
            code = EXIT_INTERRUPTED
        except PipelineError as error:
            terminal().show_error(error)
            code = EXIT_FAILED if isinstance(error, RunFailed) else EXIT_MISTAKE
        except OSError as error:
            if error.errno not in REFUSALS:
                raise
            terminal().show_error(_refusal(error))
            code = EXIT_MISTAKE
        raise typer.Exit(code)

    return opened


def _refusal(error: OSError) -> PipelineError:
    named = f"'{error.filename}'" if error.filename else "The run folder"
    return PipelineError(
        f"{named} cannot be used: {error.strerror}.",
        "Free some space, or give a folder that is yours; the same command then goes on where it stopped.",
    )


def terminal(*, json: bool = False) -> "Terminal":
    """Where a command prints; on standard error when one JSON document goes to standard output."""
    from advisor.report.terminal import Terminal

    return Terminal(stderr=json)
