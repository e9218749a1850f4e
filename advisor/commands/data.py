"""Commands on the data alone: audit and prepare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from advisor.commands.door import app, door, terminal
from advisor.commands.options import (
    Asked,
    Columns,
    Config,
    Delimiter,
    Encoding,
    Format,
    Header,
    Json,
    Label,
    MostRows,
    Names,
    Options,
    Query,
    Quote,
    Revision,
    Sheet,
    Sources,
    Test,
    Text,
    Validation,
    said,
)

if TYPE_CHECKING:
    from pipeline.data.personal_data import Names as Finder


@app.command()
@door
def audit(
    context: typer.Context,
    source: Sources,
    task: Asked = None,
    text: Text = None,
    label: Label = None,
    column: Columns = None,
    option: Options = None,
    validation: Validation = None,
    test: Test = None,
    data_format: Format = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    header: Header = None,
    sheet: Sheet = None,
    query: Query = None,
    config: Config = None,
    revision: Revision = None,
    max_rows: MostRows = None,
    model: Annotated[list[str] | None, typer.Option(help="Model that may be used to read the texts.")] = None,
    annotators: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Columns with what each annotator said, to measure their agreement."),
    ] = None,
    names: Names = None,
    no_examples: Annotated[bool, typer.Option("--no-examples", help="Show no row of the data.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; audits/<time>-<name> when not given.")
    ] = None,
    json: Json = False,
) -> int:
    """Say what is wrong with the data, what that does to a verdict, and what mends it."""
    from advisor.audits import Wish, audit_data
    from advisor.session import answers_from

    answers = said(context)
    answers["data"]["annotators"] = annotators.split(",") if annotators else None
    wish = Wish(json=json, examples=not no_examples, names=_names(names))
    return audit_data(answers_from(source, answers), out, wish, terminal(json=json))


@app.command()
@door
def prepare(
    context: typer.Context,
    source: Sources,
    out: Annotated[
        Path,
        typer.Option(
            help="File to write: .csv, .tsv, .jsonl, .json or .parquet. A cell that begins with = stays as it is.",
            show_default=False,
        ),
    ],
    mend: Annotated[
        list[str] | None,
        typer.Option(
            help="Made in this order: encoding, labels, personal-data, empty, conflicts, copies, near-copies, leaks, split; "
            "or all-safe for those that lose nothing; can be repeated. Asked or listed when not given."
        ),
    ] = None,
    task: Asked = None,
    text: Text = None,
    label: Label = None,
    column: Columns = None,
    option: Options = None,
    validation: Validation = None,
    test: Test = None,
    data_format: Format = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    quote: Quote = None,
    header: Header = None,
    sheet: Sheet = None,
    query: Query = None,
    config: Config = None,
    revision: Revision = None,
    names: Names = None,
    json: Json = False,
) -> int:
    """Mend data: a new file, with a record of every row dropped or changed and why."""
    from advisor.mending.session import Wish, prepare_data
    from advisor.session import answers_from

    wish = Wish(out, mend or [], _names(names), json)
    return prepare_data(source, answers_from(source, said(context)), wish, terminal(json=json))


def _names(run: Path | None) -> "Finder | None":
    """What finds names of people, when a run was named for it."""
    if run is None:
        return None
    from advisor.people import People
    from advisor.run_folder import open_existing
    from advisor.session import quiet_libraries

    quiet_libraries()
    return People(open_existing(run))
