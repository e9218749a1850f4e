"""Options that several commands take, and what they say as answers."""

from pathlib import Path
from typing import Annotated, Any

import typer

Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run; runs/<time>-<name> when not given.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document; all else goes to standard error.")]
NoLaunch = Annotated[bool, typer.Option("--no-launch", help="On a go, do not start training.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        help="answers.toml; or data: files, patterns, a folder, the address of a database, the id of a data set on the hub.",
        show_default=False,
    ),
]
Asked = Annotated[
    str | None, typer.Option("--task", help="Kind of task: a key of the README's table; detected when not given.")
]
Text = Annotated[str | None, typer.Option(help="Column with the text.")]
Label = Annotated[str | None, typer.Option(help="Column with the label.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", metavar="ROLE=COLUMN", help="Column of any other role of the task; can be repeated."),
]
Options = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="Answer to a question of the task; can be repeated.")
]
Format = Annotated[
    str | None,
    typer.Option("--format", help="Kind of the data, such as csv, json_lines or excel; detected when not given."),
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the data; detected when not given.")]
Delimiter = Annotated[str | None, typer.Option(help="Character between columns; detected when not given.")]
Quote = Annotated[str | None, typer.Option(help="Character around cells that hold the delimiter.")]
Header = Annotated[bool | None, typer.Option("--header/--no-header", help="Whether the first line names the columns.")]
Sheet = Annotated[str | None, typer.Option(help="Sheet of an Excel file.")]
Query = Annotated[str | None, typer.Option(help="SELECT, or the name of a table, for a database.")]
Config = Annotated[str | None, typer.Option(help="Configuration of a data set on the hub.")]
Revision = Annotated[str | None, typer.Option(help="Commit, tag or branch of a data set on the hub.")]
MostRows = Annotated[int | None, typer.Option(help="Use only a seeded sample of so many training rows.")]
Validation = Annotated[list[str] | None, typer.Option(help="Rows for choosing the best checkpoint; can be repeated.")]
Test = Annotated[list[str] | None, typer.Option(help="Rows for the final evaluation; can be repeated.")]
Names = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN", help="Run whose model tags the names of people: they are looked for as personal data too."
    ),
]
Task = Annotated[str, typer.Option("--task", help="Kind of task: a key of the README's table.")]
Run = Annotated[Path, typer.Argument(help="Folder of a run.", show_default=False)]

PLACES = {
    "task": ("", "task"),
    "text": ("data", "text"),
    "label": ("data", "label"),
    "validation": ("data", "validation"),
    "test": ("data", "test"),
    "data_format": ("data", "format"),
    "encoding": ("data", "encoding"),
    "delimiter": ("data", "delimiter"),
    "quote": ("data", "quote"),
    "header": ("data", "header"),
    "sheet": ("data", "sheet"),
    "query": ("data", "query"),
    "config": ("data", "config"),
    "revision": ("data", "revision"),
    "max_rows": ("data", "max_rows"),
    "metric": ("goal", "metric"),
    "good_enough": ("goal", "good_enough"),
    "useful_gain": ("goal", "useful_gain"),
    "minutes": ("budget", "train_minutes"),
    "model": ("models", "candidates"),
}
"""Where in an answers file the value of an option stands: section, the empty one for what stands above all, and key."""


def said(context: typer.Context) -> dict[str, dict[str, Any]]:
    """What the options of a command say as answers, by section and key."""
    from advisor.session import pairs

    given = context.params
    found: dict[str, dict[str, Any]] = {
        "data": {**pairs(given.get("column"))},
        "task_options": {**pairs(given.get("option"))},
    }
    for name, (section, key) in PLACES.items():
        value = None if given.get(name) in ((), []) else given.get(name)
        if value is not None:  # what was not said must not undo what --column said
            found.setdefault(section, {})[key] = value
    return found


def source_of(
    data: list[str],
    data_format: str | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    query: str | None,
) -> dict[str, Any]:
    """Rows and how they are written, as under [data]."""
    return {
        "train": data[0] if len(data) == 1 else data,
        "format": data_format,
        "encoding": encoding,
        "delimiter": delimiter,
        "sheet": sheet,
        "query": query,
    }
