"""Commands on what was run: predict, label, runs, backtest."""

from pathlib import Path
from typing import Annotated

import typer

from advisor.commands.door import app, door, terminal
from advisor.commands.options import Columns, Delimiter, Encoding, Format, Query, Run, Sheet, source_of


@app.command()
@door
def predict(
    run: Run,
    data: Annotated[
        list[str],
        typer.Option(
            help="Data with the rows to answer, of any kind that can be read; can be repeated.", show_default=False
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="File to write: .csv, with an apostrophe before what a spreadsheet takes for a formula; .jsonl or .parquet, as it is.",
            show_default=False,
        ),
    ],
    cheap: Annotated[
        bool, typer.Option("--cheap", help="Use the best cheap way even when there is a fine-tuned model.")
    ] = False,
    text: Annotated[str | None, typer.Option(help="Column with the text, when named differently here.")] = None,
    column: Columns = None,
    data_format: Format = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    query: Query = None,
) -> None:
    """Answer new rows with what the run produced."""
    from advisor.prediction import predict as predict_rows
    from advisor.run_folder import open_existing
    from advisor.session import pairs

    named = {**pairs(column), **({} if text is None else {"text": text})}
    source = source_of(data, data_format, encoding, delimiter, sheet, query)
    way, rows = predict_rows(open_existing(run), source, out, cheap=cheap, named=named)
    terminal().say(f"{rows:,} rows answered by the {way} way, written to '{out}'.")


@app.command()
@door
def label(
    run: Run,
    data: Annotated[
        list[str] | None,
        typer.Option(help="Rows to label, of any kind that can be read; can be repeated.", show_default=False),
    ] = None,
    again: Annotated[
        Path | None,
        typer.Option(help="File of another person's answers: ask its rows again, and say how far you agree."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the answers; labelled.jsonl in the run otherwise.")] = None,
    annotator: Annotated[str | None, typer.Option(help="Who answers; kept with each answer.")] = None,
    text: Annotated[str | None, typer.Option(help="Column with the text, when named differently here.")] = None,
    column: Columns = None,
    most: Annotated[int | None, typer.Option(min=1, help="Rows to ask, or with --json to rank.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the ranked rows with reasons instead of asking.")] = False,
    data_format: Format = None,
    encoding: Encoding = None,
    delimiter: Delimiter = None,
    sheet: Sheet = None,
    query: Query = None,
) -> None:
    """Ask for the labels that would help most, row by row, and say when they are enough."""
    from advisor.labelling.asking import Wish, ask_rows, prepare, refuse_without_terminal, write_ranked
    from advisor.run_folder import open_existing
    from advisor.session import pairs, quiet_libraries

    folder = open_existing(run)
    if not json:
        refuse_without_terminal()
    named = {**pairs(column), **({} if text is None else {"text": text})}
    source = source_of(data, data_format, encoding, delimiter, sheet, query) if data else None
    shown = terminal(json=json)
    with shown.progress("Choosing rows to label") as progress:
        progress.step("starting")
        quiet_libraries()
        sitting = prepare(folder, Wish(source, out, annotator, named, most, again), progress)
    if json:
        write_ranked(sitting, most)
    else:
        ask_rows(sitting, most, shown.show_blocks)


@app.command()
@door
def runs(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs.")] = Path("runs"),
    clean: Annotated[bool, typer.Option("--clean", help="Remove what can be made again, after asking.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="With --clean: do not ask.")] = False,
    calibration: Annotated[
        bool, typer.Option("--calibration", help="Say how far forecasts could be trusted over all finished runs.")
    ] = False,
) -> None:
    """List past runs: forecasts beside outcomes, and the space they take."""
    from advisor.ledger import calibrate, clean_runs, read_runs

    lines = read_runs(folder)
    if calibration:
        terminal().show_calibration(calibrate(lines))
        return
    terminal().show_runs(lines)
    if clean and lines:
        size = sum(line.bytes_remakable for line in lines) / 1e6
        if yes or typer.confirm(f"Remove {size:,.0f} MB that can be made again?"):
            clean_runs(lines)


@app.command()
@door
def backtest(
    suite: Annotated[
        Path, typer.Argument(help="TOML file that names data sets, sizes and controls.", show_default=False)
    ],
    cells: Annotated[
        int | None, typer.Option(min=0, help="Carry out at most so many cells that are not finished; 0 only judges.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Draws of each cell.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for what is carried out; backtests/<suite> when not given.")
    ] = None,
) -> None:
    """Try the advisor and every arm on many data sets, and say how often its verdicts were right and what they cost."""
    from advisor.backtest.session import Wish
    from advisor.backtest.session import backtest as try_all

    try_all(suite, Wish(cells, seeds, out), terminal())
