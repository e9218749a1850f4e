"""Commands that measure, decide and train: assess, demo, train, ablate."""

from pathlib import Path
from typing import Annotated

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
    NoLaunch,
    Options,
    Out,
    Query,
    Quote,
    Revision,
    Run,
    Sheet,
    Test,
    Text,
    Validation,
    said,
)


@app.command()
@door
def assess(
    context: typer.Context,
    source: Annotated[
        list[str],
        typer.Argument(
            help="answers.toml; or data: files, patterns, a folder, the address of a database, the id of a data set on the hub; "
            "or the folder of a run to go on with.",
            show_default=False,
        ),
    ],
    task: Asked = None,
    text: Text = None,
    label: Label = None,
    column: Columns = None,
    option: Options = None,
    metric: Annotated[str | None, typer.Option(help="Score that counts.")] = None,
    good_enough: Annotated[float | None, typer.Option(help="Score at which you would stop looking.")] = None,
    useful_gain: Annotated[float | None, typer.Option(help="Smallest gain worth having.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes that the whole run may take.")] = None,
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
    model: Annotated[
        list[str] | None, typer.Option(help="Model to measure: a name of the catalogue or a folder; can be repeated.")
    ] = None,
    no_launch: NoLaunch = False,
    out: Out = None,
    json: Json = False,
) -> int:
    """Measure and decide from an answers file or a data file, without a question."""
    from advisor.run_folder import open_existing
    from advisor.session import Request, answers_from, assess_new, carry_on

    request = Request(launch=not no_launch, json=json)
    if len(source) == 1 and (Path(source[0]) / "answers.toml").is_file():
        return carry_on(open_existing(Path(source[0])), request, terminal(json=json))
    answers = answers_from(source, said(context))
    return assess_new(answers, out, request, terminal(json=json))


@app.command()
@door
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
    return assess_new(answers, folder, Request(launch=not no_launch, json=json), terminal(json=json))


@app.command()
@door
def train(run: Run) -> int:
    """Launch or resume the plan of a go."""
    from advisor.run_folder import open_existing
    from advisor.session import train as train_run

    return train_run(open_existing(run), terminal())


@app.command()
@door
def ablate(
    run: Run,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Strategy to try, as it is called under [training]; can be repeated.", show_default=False),
    ] = None,
    folds: Annotated[
        int,
        typer.Option(
            min=2, help="Parts of the rows, each of which is answered by a model that learned from the others."
        ),
    ] = 3,
    json: Json = False,
) -> int:
    """Train the recipe again with each strategy left out or put in, and say which of them help on your data."""
    import sys

    from advisor.ablation import plan_trials, save_request
    from advisor.rulebook import load_ablation
    from advisor.run_folder import open_existing, shown_path
    from advisor.session import carry_out
    from pipeline.results import Ablation

    folder, shown = open_existing(run), terminal(json=json)
    trials = plan_trials(folder, load_ablation(), only or [], folds)
    for line in trials.announcement():
        shown.say(line)
    save_request(folder, trials)
    path = shown_path(folder.path)
    code = carry_out([str(folder.path / "plan.json"), "--ablate"], f"advisor ablate {path}")
    if code == 0:
        found = folder.load("ablation", Ablation)
        if json:
            sys.stdout.write(found.model_dump_json(indent=1) + "\n")
        else:
            shown.show_ablation(found)
            shown.say(f"Kept: {path}/ablation.json")
    return code
