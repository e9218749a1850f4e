"""Commands on a model at work: evaluate, try, serve."""

import sys
from typing import Annotated

import typer

from advisor.commands.door import app, door, terminal
from advisor.commands.options import Columns, Delimiter, Encoding, Format, Json, Query, Run, Sheet, source_of

Cheap = Annotated[bool, typer.Option("--cheap", help="Use the best cheap way even when there is a fine-tuned model.")]


@app.command()
@door
def evaluate(
    run: Run,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Rows that came after the run, of any kind that can be read; can be repeated.", show_default=False
        ),
    ] = None,
    served: Annotated[
        bool, typer.Option("--served", help="The rows that were served, with the marks that they got.")
    ] = False,
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="Look at the rows without their labels, where they have some.")
    ] = False,
    cheap: Cheap = False,
    text: Annotated[str | None, typer.Option(help="Column with the text, when named differently here.")] = None,
    label: Annotated[str | None, typer.Option(help="Column with the label, when named differently here.")] = None,
    column: Columns = None,
    json: Json = False,
    data_format: Format = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    query: Query = None,
) -> None:
    """Score a run's model on new labelled rows, or say how rows without labels differ from what it knew."""
    from advisor.live.arrival import refuse_both, rows_of_files, rows_of_service
    from advisor.live.evaluation import evaluate as evaluate_rows
    from advisor.run_folder import open_existing
    from advisor.session import pairs, quiet_libraries

    folder = open_existing(run)
    named = {**pairs(column), **{key: name for key, name in (("text", text), ("label", label)) if name is not None}}
    source = source_of(data, data_format, encoding, delimiter, sheet, query) if data else None
    refuse_both(data, served=served)
    shown = terminal(json=json)
    with shown.progress("Evaluating") as progress:
        progress.step("loading the model")
        quiet_libraries()
        if served:
            given = rows_of_service(folder, cheap=cheap, unlabelled=unlabelled)
        else:
            given = rows_of_files(folder, source, named, cheap=cheap, unlabelled=unlabelled)
        found = evaluate_rows(given, progress)
    if json:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
    else:
        shown.show_evaluation(found)


@app.command("try")
@door
def try_model(
    run: Run,
    cheap: Cheap = False,
    annotator: Annotated[str | None, typer.Option(help="Who marks; kept with each mark.")] = None,
) -> None:
    """Type texts, see the answers with what they rest on, and mark them right or wrong."""
    from advisor.live.trial import prepare, refuse_without_terminal, try_out
    from advisor.run_folder import open_existing
    from advisor.session import quiet_libraries

    folder = open_existing(run)
    refuse_without_terminal()
    shown = terminal()
    with shown.progress("Getting ready") as progress:
        progress.step("loading the model")
        quiet_libraries()
        trial = prepare(folder, progress, cheap=cheap, annotator=annotator)
    try_out(trial, shown.show_blocks)


@app.command()
@door
def serve(
    run: Run,
    host: Annotated[str, typer.Option(help="Where to listen; any but this machine needs a token.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes one that is free.")] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ADVISOR_TOKEN", help="What requests must carry; one is made where it is needed and none is given."
        ),
    ] = None,
    cheap: Cheap = False,
) -> None:
    """Serve a run's model over HTTP, with a page to try and mark it; requests and marks are kept."""
    from advisor.live.server import Wish, check
    from advisor.live.server import serve as serve_way
    from advisor.run_folder import open_existing
    from advisor.session import quiet_libraries
    from advisor.way import open_way
    from pipeline.memory import keep_memory_flat

    folder = open_existing(run)
    wish = Wish(host, port, token)
    check(wish)
    shown = terminal()
    with shown.progress("Getting ready") as progress:
        progress.step("loading the model")
        keep_memory_flat()
        quiet_libraries()
        way = open_way(folder, cheap=cheap)
    serve_way(way, wish, shown.say)
