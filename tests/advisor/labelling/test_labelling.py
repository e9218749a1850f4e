"""A whole sitting: from a run and a file, through real key presses, to rows that the next assessment reads."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from advisor.answers_file import read_toml
from advisor.errors import AnswersError, RunFolderError
from advisor.labelling.asking import Wish, ask_rows, prepare, ranked, refuse_without_terminal
from advisor.labelling.handover import ANSWERS, SPLITS
from advisor.labelling.session import AHEAD
from advisor.report.blocks import Block, Command, Items, Paragraph
from advisor.report.terminal import Terminal
from advisor.run_folder import RunFolder
from advisor.session import Request, assess_new
from pipeline.data.reading import read
from pipeline.data.splitting import load_splits
from pipeline.errors import DataError
from pipeline.records import DataSource, ModelSource
from pipeline.task import TASKS, Rows, load_task
from tests import tiny
from tests.advisor.conftest import Advisor
from tests.advisor.test_every_task_is_judged import answers_for, example_of

ENTER, TAB, BACK, UNDO, STOP, SPACE = "\r", "\t", "\x1b[Z", "\x1a", "\x03", " "
RUNS: dict[str, Path] = {}
Run = Callable[[str], Path]


class Quiet:
    def step(self, name: str) -> None: ...

    def advance(self, done: int, total: int) -> None: ...


@pytest.fixture(scope="module")
def run_of(tmp_path_factory: pytest.TempPathFactory, tiny_model: ModelSource) -> Run:
    """A run of each task, made once, whose verdict is not-yet since it has too few rows; and a file of other rows."""
    made: dict[str, Path] = {}

    def run(key: str) -> Path:
        if key not in made:
            folder = tmp_path_factory.mktemp(key)
            example = example_of(key)
            answers = answers_for(key, example.make_rows(72, 1), folder, tiny_model)
            assert assess_new(answers, folder / "run", Request(launch=False), Terminal(quiet=True)) == 4
            rows = example.make_rows(40, 2)
            table = read(str(example.write_file(rows, folder / "full")), DataSource(train="x"), folder)
            truth = [
                role.key for layout in load_task(key).layouts for role in layout.roles if not role.required_to_predict
            ]
            unlabelled = table.drop(columns=[example.COLUMNS[name] for name in truth if name in example.COLUMNS])
            unlabelled.to_json(folder / "new.jsonl", orient="records", lines=True, force_ascii=False)
            made[key] = folder
        return made[key]

    return run


def sentences(blocks: Sequence[Block]) -> list[str]:
    """What blocks say, line by line."""
    found: list[str] = []
    for each in blocks:
        found += each.lines if isinstance(each, Items) else [each.text] if isinstance(each, Paragraph | Command) else []
    return found


def sit(folder: Path, keys: str, out: Path, **wish: Any) -> list[str]:
    """Press these keys and stop; what was said at the end."""
    said: list[str] = []
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys + STOP)
        sitting = prepare(RunFolder(folder / "run"), Wish({"train": str(folder / "new.jsonl")}, out, **wish), Quiet())
        ask_rows(sitting, None, lambda blocks: said.extend(sentences(blocks)))
    return said


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def log(out: Path) -> list[dict[str, Any]]:
    return lines(out.with_name(f"{out.stem}.log.jsonl"))


def rows_in(folder: Path, key: str, out: Path) -> Rows:
    """What the reader makes of the answers, with the columns of the training data."""
    columns = example_of(key).COLUMNS
    table = read(str(out), DataSource(train=str(out)), folder)
    return load_task(key, example_of(key).OPTIONS, columns).rows(table, columns, str(out), labelled=True)


KEYS = {
    "text-classification": ("1", "2", "calm" + ENTER),
    "text-pair-classification": ("1", "1", ENTER),
    "multi-label-classification": (SPACE + ENTER, ENTER, "gl" + SPACE + ENTER),
    "text-regression": ("1.5" + ENTER, ENTER, "9" + ENTER + "\x08" + "2,5" + ENTER),
    "token-classification": (ENTER, ENTER, ENTER),
}


@pytest.mark.parametrize("key", TASKS)
def test_answers_of_every_task_are_training_rows_as_they_are(key: str, run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of(key), tmp_path / "labelled.jsonl"
    said = sit(folder, "".join(KEYS[key]), out)
    rows = rows_in(folder, key, out)
    assert len(rows) == 3
    assert len(set(rows.inputs)) == 3
    columns = [*example_of(key).COLUMNS.values()]
    assert [sorted(line) for line in lines(out)] == [sorted(columns)] * 3
    assert all(line["reason"] and line["suggested"] for line in log(out))
    assert said[0] == f"3 rows are labelled in '{out}'."
    if key == "multi-label-classification":
        assert {line["reason"].startswith(("unsure whether '", "unlike", "may be")) for line in log(out)} == {True}
    if key == "text-regression":
        assert rows.answers[0] == 1.5
        assert rows.answers[2] == 2.5  # 9 lies outside the scale, and was mended


def test_a_second_sitting_goes_on_where_the_first_stopped(run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    sit(folder, "1" + TAB + "1", out)
    sit(folder, "2" * 4, out)
    asked = [line["text_hash"] for line in log(out)]
    assert len(lines(out)) == 6
    assert len(set(asked)) == len(asked) == 7


def test_skip_back_and_undo_do_what_they_say(run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    sit(folder, "1" + "2" + TAB + UNDO + "newmood" + ENTER, out)
    assert [(line["act"], line["cells"].get("label")) for line in log(out)][3:] == [
        ("taken_back", None),
        ("taken_back", log(out)[1]["cells"]["label"]),
        ("answered", "newmood"),
    ]
    assert [line["label"] for line in lines(out)] == [log(out)[0]["cells"]["label"], "newmood"]
    assert log(out)[-1]["text_hash"] == log(out)[1]["text_hash"]
    back = tmp_path / "back.jsonl"
    sit(folder, BACK + TAB + BACK + "1", back)
    assert [line["act"] for line in log(back)] == ["skipped", "taken_back", "answered"]


def test_the_suggested_label_is_the_first_choice(run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    sit(folder, "1" * 4 + ENTER, out, annotator="Ada")
    assert all(line["cells"]["label"] == line["suggested"] for line in log(out))
    assert all(0 < line["probability"] <= 1 for line in log(out))
    assert {line["annotator"] for line in lines(out)} == {"Ada"}


def test_the_next_assessment_reads_both_files_and_keeps_the_sealed_rows(run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    said = sit(folder, "1" * 11, out)
    path = Path(said[-1].split()[-1])
    assert said[-1].strip().startswith("advisor assess ")
    values = read_toml(path if path.is_absolute() else Path.cwd() / path)
    train = values["data"]["train"]
    assert [(folder / "run" / name).resolve() for name in train] == [folder / "data.csv", out]
    assert values["data"]["splits"] == SPLITS
    old, new = (load_splits(folder / "run" / name) for name in ("splits.parquet", SPLITS))
    assert new["side"].tolist()[: len(old)] == old["side"].tolist()
    added = new.iloc[len(old) :]
    drawn = {line["text_hash"] for line in log(out) if line["reason"].startswith("drawn at random")}
    assert set(added["text_hash"]) == {line["text_hash"] for line in log(out)}
    assert set(added.loc[added["side"] == "test", "text_hash"]) == drawn
    assert len(drawn) == 2


def test_an_answers_file_that_somebody_changed_is_left_alone(run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    mine = folder / "run" / ANSWERS
    mine.write_text("schema_version = 1\n[data]\ntrain = 'mine.csv'\n", encoding="utf-8")
    said = sit(folder, "1", out)
    assert mine.read_text(encoding="utf-8").endswith("'mine.csv'\n")
    assert said[-1].endswith(".toml")
    assert ANSWERS not in said[-1]
    mine.unlink()


def test_it_says_when_the_labels_are_enough(run_of: Run, tmp_path: Path) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    said = sit(folder, "1" * 25, out)
    text = "\n".join(said)
    assert "rows are labelled" in text
    assert "change the linear probe by" in text
    assert ("That is enough for a new verdict:" in said) == ("still short" not in text)


def test_rows_that_are_known_empty_labelled_or_nearly_sealed_are_not_asked(run_of: Run, tmp_path: Path) -> None:
    folder = run_of("text-classification")
    data = pd.read_csv(folder / "data.csv")
    splits = load_splits(folder / "run" / "splits.parquet")
    sealed = data["text"][(splits["side"] == "test").to_numpy()].iloc[0]
    known = data["text"][(splits["side"] == "train").to_numpy()].iloc[0]
    texts = [f"{sealed} !", known.upper(), "", "a brand new row of words", "a brand new row of words", "filled in"]
    labels = ["", "", "", "", "", "calm"]
    file = tmp_path / "mixed.csv"
    pd.DataFrame({"text": texts, "label": labels}).to_csv(file, index=False)
    before = len(lines(folder / "run" / "test_readings.jsonl"))
    sitting = prepare(RunFolder(folder / "run"), Wish({"train": str(file)}, tmp_path / "out.jsonl"), Quiet())
    found = ranked(sitting, 10)
    assert [row["text"] for row in found["rows"]] == ["a brand new row of words"]
    assert found["left_out"] == {
        "has an answer already": 1,
        "is empty": 1,
        "is nearly a sealed row": 1,
        "stands in the run's data": 1,
        "is nearly another row here": 1,
    }
    readings = lines(folder / "run" / "test_readings.jsonl")[before:]
    assert any(reading["purpose"].startswith("compare texts with mixed.csv") for reading in readings)
    pd.DataFrame({"text": texts[:3]}).to_csv(file, index=False)
    with pytest.raises(DataError, match="is left to ask"):
        prepare(RunFolder(folder / "run"), Wish({"train": str(file)}, tmp_path / "out.jsonl"), Quiet())


def test_json_ranks_the_rows_with_reasons_and_asks_nothing(run_of: Run, advisor: Advisor) -> None:
    folder = run_of("text-classification")
    done = advisor("label", folder / "run", "--data", folder / "new.jsonl", "--json", "--most", 7)
    assert done.code == 0
    assert len(done.document["rows"]) == 7
    assert all(row["because"] and row["text"] and row["suggested"] in tiny.CLASSES for row in done.document["rows"])
    assert {"row", "probability"} <= set(done.document["rows"][0])
    assert not (folder / "run" / "labelled.jsonl").exists()


def test_without_a_terminal_it_says_what_to_do_instead(run_of: Run, advisor: Advisor) -> None:
    folder = run_of("text-classification")
    done = advisor("label", folder / "run", "--data", folder / "new.jsonl")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("Labelling asks in the terminal, and there is none.\nAdd --json")
    with pytest.raises(AnswersError):
        refuse_without_terminal()


def test_a_run_without_a_verdict_is_finished_first(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text("schema_version = 1\n[data]\ntrain = 'x.csv'\n", encoding="utf-8")
    with pytest.raises(RunFolderError, match="has no verdict yet"):
        prepare(RunFolder(tmp_path), Wish({"train": "x.csv"}), Quiet())


def test_the_order_is_made_anew_from_what_was_answered(run_of: Run, tmp_path: Path) -> None:
    folder = run_of("text-classification")
    sitting = prepare(
        RunFolder(folder / "run"), Wish({"train": str(folder / "new.jsonl")}, tmp_path / "labelled.jsonl"), Quiet()
    )
    first = sitting.belief
    for _ in range(12):
        pick = sitting.next()
        assert pick is not None
        sitting.answer(pick, "newmood")
    sitting.finish()
    assert sitting.next() is not None
    assert sitting.belief is not first
    assert "newmood" in sitting.belief.classes
    assert len(sitting.choose(AHEAD)) == AHEAD


@pytest.mark.parametrize(
    ("key", "measure"),
    [
        ("text-classification", "Krippendorff's alpha: "),
        ("multi-label-classification", "Krippendorff's alpha of '"),
        ("text-regression", "Krippendorff's alpha: "),
        ("token-classification", "Span F1 of one person against the other: "),
    ],
)
def test_a_second_person_answers_the_same_rows_without_a_hint(
    key: str, measure: str, run_of: Run, tmp_path: Path
) -> None:
    folder, first, second = run_of(key), tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    sit(folder, "".join(KEYS[key]), first)
    said: list[str] = []
    keys = {"text-regression": f"2{ENTER}", "token-classification": ENTER}.get(key, "1" + ENTER)
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys * 6 + STOP)
        wish = Wish(None, second, "Bob", again=first)
        sitting = prepare(RunFolder(folder / "run"), wish, Quiet())
        assert len(sitting.known.pool.rows) == 3
        ask_rows(sitting, None, lambda blocks: said.extend(sentences(blocks)))
    assert {str(row) for row in rows_in(folder, key, second).inputs} <= {
        str(row) for row in rows_in(folder, key, first).inputs
    }
    assert all("suggested" not in line and line["annotator"] == "Bob" for line in log(second))
    assert said[1].startswith("Of ")
    assert said[2].startswith(measure)
    assert len(lines(first)) == 3


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "No rows to label are named."),
        (["--again", "gone.jsonl"], "Nobody said who answers again."),
        (["--again", "gone.jsonl", "--annotator", "Bob"], "There is no file 'gone.jsonl'."),
        (["--again", "gone.jsonl", "--data", "x.csv"], "--data and --again name two kinds of rows."),
    ],
)
def test_rows_that_are_not_named_as_they_should_be_are_refused(
    options: list[str], problem: str, run_of: Run, advisor: Advisor
) -> None:
    done = advisor("label", run_of("text-classification") / "run", "--json", *options)
    assert done.code == 1
    assert problem in done.err


def test_old_and_new_rows_are_assessed_together_and_sealed_rows_stay_sealed(
    run_of: Run, tmp_path: Path, advisor: Advisor
) -> None:
    folder, out = run_of("text-classification"), tmp_path / "labelled.jsonl"
    said = sit(folder, "1" * 11, out)
    done = advisor("assess", (Path.cwd() / said[-1].split()[-1]).resolve(), "--no-launch", "--out", tmp_path / "next")
    assert done.code in (0, 3, 4), done.err
    old, new = (load_splits(path / "splits.parquet") for path in (folder / "run", tmp_path / "next"))
    assert len(new) == len(old) + 11
    before = dict(zip(old["text_hash"], old["side"], strict=True))
    after = dict(zip(new["text_hash"], new["side"], strict=True))
    assert {key for key, side in before.items() if side == "test"} <= {k for k, side in after.items() if side == "test"}
    assert sum(side == "test" for side in after.values()) == sum(side == "test" for side in before.values()) + 2
