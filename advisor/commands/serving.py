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
    from advisor.live.arrival import rows_of_files
    from advisor.live.evaluation import evaluate as evaluate_rows
    from advisor.run_folder import open_existing
    from advisor.session import pairs, quiet_libraries

    folder = open_existing(run)
    named = {**pairs(column), **{key: name for key, name in (("text", text), ("label", label)) if name is not None}}
    source = source_of(data, data_format, encoding, delimiter, sheet, query) if data else None
    shown = terminal(json=json)
    with shown.progress("Evaluating") as progress:
        progress.step("loading the model")
        quiet_libraries()
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
    try_out(trial, shown.show_labels)
