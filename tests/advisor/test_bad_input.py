"""Data and folders as people bring them: each fault is refused with its mend, and what can be changed is a not-yet."""

import csv
import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.run_folder import open_run
from advisor.session import answers_from
from pipeline.records import ModelSource
from tests import tiny
from tests.advisor.conftest import Advisor, Done

Assess = Callable[..., Done]
MADE = tiny.make_rows(120, seed=1)
ROWS = [(str(text), str(label)) for text, label in zip(MADE.inputs, MADE.answers, strict=True)]


def write(
    path: Path, rows: Iterable[Sequence[Any]], header: Sequence[str] = ("text", "label"), split: str = ","
) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=split).writerows([header, *rows])
    return path


@pytest.fixture
def assess(advisor: Advisor, tiny_model: ModelSource) -> Assess:
    def run(*arguments: object) -> Done:
        return advisor("assess", *arguments, "--model", tiny_model.location, "--no-launch")

    return run


def variants() -> list[tuple[str, str]]:
    return [(text, label.upper() if place % 10 == 0 else label) for place, (text, label) in enumerate(ROWS)]


def in_latin() -> bytes:
    return b"text,label\n" + b"".join(f"café {text},{label}\n".encode("latin-1") for text, label in ROWS)


FILES: dict[str, Callable[[Path], object]] = {
    "empty.csv": lambda path: path.touch(),
    "header.csv": lambda path: write(path, []),
    "latin.csv": lambda path: path.write_bytes(in_latin()),
    "semicolons.csv": lambda path: write(path, ROWS, split=";"),
    "column.csv": lambda path: write(path, [(text,) for text, _ in ROWS], header=("text",)),
    "class.csv": lambda path: write(path, [(text, "calm") for text, _ in ROWS]),
    "variants.csv": lambda path: write(path, variants()),
    "spaces.csv": lambda path: write(path, [*ROWS, ("a text by itself", "glad ")]),
    "huge.csv": lambda path: write(path, [*ROWS, ("x" * 10_000_000, "calm")]),
    "ragged.csv": lambda path: write(path, [*ROWS, ("one", "two", "three")]),
    "unlabelled.csv": lambda path: write(path, [(text, "") for text, _ in ROWS]),
    "identity.csv": lambda path: write(path, [(text, place) for place, (text, _) in enumerate(ROWS)]),
    "two.csv": lambda path: write(path, [(text, text[::-1], label) for text, label in ROWS], ("one", "other", "label")),
    "reviews.csv": lambda path: write(path, ROWS),
    "broken.jsonl": lambda path: path.write_text('{"text": "a b", "label": "c"}\n{"text"\n'),
    "broken.parquet": lambda path: path.write_text("not parquet at all"),
    "sheet.xlsx": lambda path: path.write_text("a sheet"),
}
HEADER = "Give a file with a header line and at least one row below it."
COLUMNS = (
    "One for what goes in and one for the answer are needed; when its columns are split at another character, "
    "set `delimiter`."
)

REFUSED: list[tuple[str, list[str], str, str]] = [
    ("empty.csv", [], "'empty.csv' is empty.", HEADER),
    ("header.csv", [], "'header.csv' holds no rows.", HEADER),
    (
        "latin.csv",
        ["--encoding", "utf-8"],
        "'latin.csv' is not UTF-8: line 2 holds the byte 0xe9.",
        'Say how it is written: `encoding = "cp1252"` or "latin-1" under [data], or --encoding cp1252.',
    ),
    (
        "reviews.csv",
        ["--encoding", "utf-17"],
        "There is no encoding 'utf-17'.",
        "Use utf-8, latin-1, cp1252, utf-16 or another name that Python knows.",
    ),
    (
        "semicolons.csv",
        ["--delimiter", ","],
        "'semicolons.csv' has only one column when split at ','.",
        "It looks split at ';': leave `delimiter` out, or set it to ';'.",
    ),
    (
        "semicolons.csv",
        ["--delimiter", ";;"],
        "The delimiter ';;' is not one character.",
        "Use one character, such as ',' or ';'.",
    ),
    ("column.csv", [], "'column.csv' has only one column: 'text'.", COLUMNS),
    (
        "class.csv",
        [],
        "'class.csv' has one class only: every label is 'calm'.",
        "Add rows of another class, or name another label column.",
    ),
    (
        "variants.csv",
        [],
        "'variants.csv' has labels that differ only in how they are written: 'calm' (36 rows), 'CALM' (4 rows); "
        "'glad' (36 rows), 'GLAD' (4 rows); 'upset' (36 rows), 'UPSET' (4 rows).",
        "Write 'calm' instead of 'CALM', 'glad' instead of 'GLAD', 'upset' instead of 'UPSET'. "
        "A copy that is mended so: `advisor prepare variants.csv --mend labels --out FILE`.",
    ),
    (
        "spaces.csv",
        [],
        "'spaces.csv' has labels that differ only in how they are written: 'glad' (40 rows), 'glad ' (1 rows).",
        "Write 'glad' instead of 'glad '. A copy that is mended so: `advisor prepare spaces.csv --mend labels --out FILE`.",
    ),
    (
        "huge.csv",
        [],
        "'huge.csv' row 122 (up to line 122) has a cell of more than 1,000,000 characters.",
        "Close the quotation mark that was left open there, or shorten that cell.",
    ),
    (
        "ragged.csv",
        [],
        "'ragged.csv' row 122 (line 122) has 3 cells, the header has 2.",
        "Put quotation marks around cells that hold ',', or mend that row.",
    ),
    (
        "unlabelled.csv",
        [],
        "No row has an answer to learn from.",
        "Fill the column that holds the truth, or name another one.",
    ),
    (
        "identity.csv",
        [],
        "The label column of 'identity.csv' holds 120 different values in 120 rows.",
        "Name the column that holds the classes.",
    ),
    (
        "two.csv",
        [],
        "'two.csv' can be read in more than one way: Text classification: text is 'one', label is 'label' (49 % sure); "
        "or Text classification: text is 'other', label is 'label' (49 % sure).",
        "Say which it is, by options or in an answers file.\n"
        "Text classification: text is 'one', label is 'label':\n"
        "  --task text-classification --text one --label label\n"
        '    task = "text-classification"\n    [data]\n    text = "one"\n    label = "label"\n'
        "Text classification: text is 'other', label is 'label':\n"
        "  --task text-classification --text other --label label\n"
        '    task = "text-classification"\n    [data]\n    text = "other"\n    label = "label"',
    ),
    ("reviews.csv", ["--text", "body"], "'reviews.csv' has no column 'body'.", "It has: text, label."),
    (
        "reviews.csv",
        ["--label", "lable"],
        "'reviews.csv' has no column 'lable'.",
        "It has: text, label. Did you mean 'label'?",
    ),
    (
        "reviews.csv",
        ["--metric", "makro_f1"],
        "'reviews.csv': goal.metric 'makro_f1' is not a score of any kind of task.",
        "Did you mean 'macro_f1'? Known are: macro_f1, accuracy, balanced_accuracy, weighted_f1, mcc, micro_f1, "
        "rmse, spearman, mae, r2, pearson, span_f1.",
    ),
    (
        "reviews.csv",
        ["--model", "all-minilm-l6"],
        "There is no model 'all-minilm-l6' in the catalogue, and no folder of that name with a config.json.",
        "Did you mean 'all-minilm-l6-v2'? `advisor models` lists the catalogue.",
    ),
    (
        "reviews.csv",
        ["--out", "reviews.csv/run"],
        "The folder '{here}/reviews.csv/run' cannot be made: Not a directory.",
        "Choose a folder that you may write to with --out.",
    ),
    (
        "broken.jsonl",
        [],
        "'broken.jsonl' line 2 is not JSON: Expecting ':' delimiter: line 2 column 1 (char 8).",
        "Mend that line, one object a line.",
    ),
    (
        "sheet.xlsx",
        [],
        "'sheet.xlsx' is not a whole Excel workbook: File is not a zip file.",
        "Save it again as .xlsx, or as CSV.",
    ),
]


@pytest.mark.parametrize(
    ("name", "options", "problem", "fix"), REFUSED, ids=[" ".join([one[0], *one[1]]) for one in REFUSED]
)
def test_a_fault_in_the_data_is_refused_with_its_mend(
    assess: Assess, here: Path, name: str, options: list[str], problem: str, fix: str
) -> None:
    FILES[name](here / name)
    done = assess(name, *options)
    assert (done.code, done.err) == (1, f"{problem}\n{fix}\n".replace("{here}", str(here)))
    assert not list(here.glob("runs/*"))


def test_a_file_that_is_no_parquet_is_refused(assess: Assess, here: Path) -> None:
    FILES["broken.parquet"](here / "broken.parquet")
    done = assess("broken.parquet")
    problem, fix = done.err.splitlines()
    assert done.code == 1
    assert problem.startswith("'broken.parquet' is not a whole Parquet file: ")
    assert fix == "Save it again as Parquet, or as CSV."


def test_a_missing_file_is_refused_with_the_near_name(assess: Assess, here: Path) -> None:
    done = assess("reviws.csv")
    assert (done.code, done.err) == (
        1,
        f"There is no file 'reviws.csv'.\nCheck the path; it was looked for in {here}.\n",
    )
    write(here / "reviews.csv", ROWS)
    assert assess("reviws.csv").err == "There is no file 'reviws.csv'.\nDid you mean 'reviews.csv'?\n"
    assert assess("reviews.docx").err == ("There is no file 'reviews.docx'.\nDid you mean 'reviews.csv'?\n")


def test_an_answers_file_that_cannot_be_read_is_refused(assess: Assess, here: Path) -> None:
    (here / "answers.toml").write_text("[data\n")
    assert assess("answers.toml").err == (
        "'answers.toml' is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 6).\n"
        "Mend that place; `advisor init` shows the form.\n"
    )


def test_a_run_folder_of_another_version_is_refused_and_left_alone(assess: Assess, here: Path) -> None:
    write(here / "few.csv", ROWS[:30])
    assert assess("few.csv", "--out", "run").code == 4
    (here / "run" / "decision.json").write_text('{"schema_version": 7}')
    expected = (
        "'run/decision.json' has schema version 7; this program reads version 1.\n"
        "Use the version of finetune-advisor that wrote it, or assess again into a new folder.\n"
    )
    for arguments in (["few.csv", "--out", "run"], ["run"]):
        done = assess(*arguments)
        assert (done.code, done.err) == (1, expected)
    assert (here / "run" / "decision.json").read_text() == '{"schema_version": 7}'


def test_a_folder_that_is_not_a_run_is_refused(assess: Assess, here: Path) -> None:
    assert assess(here).err == (
        f"'{here.name}' is a folder.\nIt holds neither data files, nor a folder of texts or images for each label, nor a run.\n"
    )
    write(here / "reviews.csv", ROWS)
    assert assess("reviews.csv", "--out", here).err == (
        f"'{here}' is not empty and is not a run folder.\nChoose an empty or new folder with --out.\n"
    )


FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
GOES_ON = "then run the same command again: it goes on where it stopped."


def begin(here: Path, model: ModelSource) -> Path:
    """A run of few rows in which nothing was measured yet."""
    write(here / "few.csv", ROWS[:60])
    answers = answers_from([str(here / "few.csv")], {"models": {"candidates": [model.location]}})
    return open_run(answers, here / "run").path


@FULL
@pytest.mark.parametrize(
    "name", ["cache/dataset.json", "cache/model-tiny-bert.json", "measurements.json", "decision.json"]
)
def test_a_full_disk_is_said_and_the_same_command_goes_on_after(
    advisor: Advisor, here: Path, tiny_model: ModelSource, name: str
) -> None:
    blocked = begin(here, tiny_model) / f"{name}.new"
    blocked.symlink_to("/dev/full")
    done = advisor("assess", "run", "--no-launch")
    assert (done.code, done.err) == (
        1,
        f"'{here}/run/{name}' cannot be written: No space left on device.\n"
        f"Free some space or choose another folder with --out, {GOES_ON}\n",
    )
    blocked.unlink()
    assert advisor("assess", "run", "--no-launch").code == 4


@FULL
def test_a_full_disk_where_a_log_is_appended_to_is_said_too(
    advisor: Advisor, here: Path, tiny_model: ModelSource
) -> None:
    (begin(here, tiny_model) / "test_readings.jsonl").symlink_to("/dev/full")
    done = advisor("assess", "run", "--no-launch")
    assert (done.code, done.err) == (
        1,
        "The run folder cannot be used: No space left on device.\n"
        "Free some space, or give a folder that is yours; the same command then goes on where it stopped.\n",
    )


def copies() -> list[tuple[str, str]]:
    return [ROWS[place % 3] for place in range(120)]


NOT_YET: dict[str, tuple[list[tuple[str, str]], list[str], str]] = {
    "nothing but copies": (copies(), ["too_few_rows", "class_without_rows", "few_rows_per_class"], "Only "),
    "the same text with every label": (
        [("the same words every time", label) for _, label in ROWS],
        ["too_few_rows", "class_without_rows", "few_rows_per_class", "invalid_data"],
        "Only 0 usable rows are left",
    ),
    "too few rows": (ROWS[:30], ["too_few_rows", "few_rows_per_class"], "Only 20 usable rows are left"),
    "two rows": (ROWS[:2], ["too_few_rows", "class_without_rows", "few_rows_per_class"], "Only 1 usable rows"),
}


@pytest.mark.parametrize("case", NOT_YET)
def test_data_that_can_be_mended_is_a_not_yet_that_leaves_a_cheap_way(
    assess: Assess, advisor: Advisor, here: Path, case: str
) -> None:
    rows, codes, because = NOT_YET[case]
    write(here / "data.csv", rows)
    done = assess("data.csv", "--text", "text", "--label", "label", "--out", "run", "--json")
    assert done.code == 4
    assert done.document["verdict"] == "not_yet"
    assert [reason["code"] for reason in done.document["reasons"]] == codes
    assert done.document["reasons"][0]["because"].startswith(because)
    assert len(done.document["flips"]) == len(codes)
    assert done.document["forecast"] is None
    assert (here / "run" / "alternative" / "way.json").is_file()
    assert "</html>" in (here / "run" / "report.html").read_text()
    assert not (here / "run" / "plan.json").exists()
    write(here / "new.csv", [(text,) for text, _ in ROWS[:5]], header=("text",))
    predicted = advisor("predict", "run", "--data", "new.csv", "--out", "out.csv")
    assert predicted.code == 0
    with (here / "out.csv").open() as file:
        answers = list(csv.DictReader(file))
    assert [row["text"] for row in answers] == [text for text, _ in ROWS[:5]]
    assert {row["prediction"] for row in answers} <= {label for _, label in rows}


def test_copies_are_found_and_said(assess: Assess, here: Path) -> None:
    write(here / "data.csv", copies())
    assess("data.csv", "--out", "run")
    found = json.loads((here / "run" / "measurements.json").read_text())
    assert found["dataset"]["exact_duplicate_fraction"] == pytest.approx(117 / 120)
    assert {finding["code"]: finding["count"] for finding in found["audit"]["findings"]}["exact_duplicates"] == 117


def test_numbers_work_as_labels(assess: Assess, advisor: Advisor, here: Path) -> None:
    write(here / "data.csv", [(text, tiny.CLASSES.index(label)) for text, label in ROWS])
    done = assess("data.csv", "--out", "run", "--json")
    assert done.code in (0, 3)
    found = json.loads((here / "run" / "measurements.json").read_text())["dataset"]
    assert list(found["rows_per_class"]) == ["0", "1", "2"]
    notes = {rival["name"]: rival["note"] for rival in done.document["rivals"] if rival["note"]}
    assert list(notes) == ["zero_shot"]
    assert advisor("predict", "run", "--data", "data.csv", "--out", "out.csv", "--cheap").code == 0
    with (here / "out.csv").open() as file:
        assert {row["prediction"] for row in csv.DictReader(file)} <= {"0", "1", "2"}


@pytest.mark.parametrize("seed", [1, 2])
def test_random_labels_are_a_no_go_without_a_forecast(assess: Assess, here: Path, seed: int) -> None:
    draw = random.Random(seed)
    write(here / "data.csv", [(text, draw.choice("abc")) for text, _ in ROWS])
    done = assess("data.csv", "--out", "run", "--json", "--good-enough", 1, "--useful-gain", 0.001)
    assert done.code == 3
    assert (done.document["verdict"], done.document["forecast"]) == ("no_go", None)
    assert [reason["code"] for reason in done.document["reasons"]] == ["no_signal"]
    assert done.document["alternative"]["name"] in {rival["name"] for rival in done.document["rivals"]}
    assert (here / "run" / "report.html").is_file()
    assert not (here / "run" / "plan.json").exists()


def test_a_cheap_way_that_is_good_enough_for_sure_is_a_no_go(assess: Assess, here: Path) -> None:
    write(here / "data.csv", ROWS)
    done = assess("data.csv", "--out", "run", "--json", "--good-enough", 0.5)
    assert done.code == 3
    assert [reason["code"] for reason in done.document["reasons"]] == ["good_enough_reached"]
