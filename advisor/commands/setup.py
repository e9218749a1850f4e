"""Commands that tell and set up what there is: models, doctor, init, schema."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from advisor.commands.door import EXIT_MISTAKE, app, door, terminal
from advisor.commands.options import Asked, Task


@app.command()
@door
def models(
    task: Task = "text-classification",
    fetch: Annotated[str | None, typer.Option(help="Download this model from the hub, and pin what came.")] = None,
) -> None:
    """List the catalogue of pre-trained models, with why one would pick each."""
    from advisor.catalogue import fetch_model, list_models

    if fetch is not None:
        terminal().say(fetch_model(fetch))
        return
    entries, at_hand = list_models(task)
    terminal().show_models(entries, at_hand)


@app.command()
@door
def doctor() -> int:
    """Say what of the machine and installation works, what is missing, and what mends it."""
    from advisor.doctor import check_all

    checks = check_all(Path.cwd())
    terminal().show_checks(checks)
    return 0 if all(check.works for check in checks) else EXIT_MISTAKE


@app.command()
@door
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("answers.toml"),
    task: Asked = None,
) -> None:
    """Write a commented answers file."""
    from advisor.answers_template import write_template

    write_template(path, task)
    terminal().say(f"Wrote '{path}'. Fill it in, then: advisor assess {path}")


@app.command()
@door
def schema(
    name: Annotated[
        str, typer.Argument(help="answers, audit, measurements, decision, assessment, plan, result or next_steps.")
    ],
) -> None:
    """Print the JSON Schema of a file that a run writes or reads."""
    from advisor.schemas import schema_of

    sys.stdout.write(schema_of(name) + "\n")
