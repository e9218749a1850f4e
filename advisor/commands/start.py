"""What `advisor` does without a command: ask, or go on with what was stopped."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from advisor import __version__
from advisor.commands.door import app, door, terminal


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


@door
def _resume_or_ask(*, resume: bool) -> int:
    from advisor.run_folder import draft_is_newest, last_unfinished

    if not resume or draft_is_newest():
        return _ask()
    from advisor.session import Request, carry_on

    return carry_on(last_unfinished(), Request(), terminal())


def _ask() -> int:
    from advisor.interview import interview
    from advisor.run_folder import DRAFT

    answers = interview(DRAFT)
    from advisor.run_folder import open_run
    from advisor.session import Request, anchored, carry_on

    folder = open_run(anchored(answers, Path.cwd()), None)
    DRAFT.unlink()
    return carry_on(folder, Request(), terminal())
