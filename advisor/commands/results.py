"""Commands on what came of runs: report, compare, export."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from advisor.commands.door import app, door, terminal
from advisor.commands.options import Json, Run


@app.command()
@door
def report(run: Run) -> int:
    """Make the report of a run anew from its records."""
    from advisor.reporting import rebuild
    from advisor.run_folder import open_existing

    return rebuild(open_existing(run), terminal())


@app.command()
@door
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of two runs or more.", metavar="RUN RUN...")],
    json: Json = False,
) -> None:
    """Show runs side by side: what differed, their scores, and paired tests on the rows that they share."""
    from advisor.contest import compare_runs
    from advisor.run_folder import open_existing

    found = compare_runs([open_existing(run) for run in runs])
    if json:
        typer.echo(found.model_dump_json(indent=1))
    else:
        terminal().show_contest(found)


@app.command()
@door
def export(
    run: Run,
    kind: Annotated[
        Literal["onnx"] | None, typer.Option("--format", help="Write the model in this format; needs the extra `onnx`.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; onnx/ in the run when not given.")] = None,
    push: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Upload the model to the hub; private unless --public.")
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="With --push: let everybody see it.")] = False,
) -> None:
    """Hand the fine-tuned model over: as ONNX, scored on the same sealed rows before it is done, or to the hub."""
    from advisor.export import Wish
    from advisor.export import export as hand_over
    from advisor.run_folder import open_existing

    hand_over(open_existing(run), Wish(kind == "onnx", out, push, public), terminal())
