"""Trying a model by hand: real key presses, marks that are kept at once, and rows that can be trained on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from advisor.live.trial import Trial, prepare, try_out
from advisor.report.blocks import Bar, Block, Command, Heading, Items, Paragraph
from advisor.run_folder import RunFolder
from pipeline.data.reading import read
from pipeline.records import DataSource
from pipeline.task import TASKS, Rows
from tests import tiny
from tests.advisor.conftest import Advisor
from tests.finished_runs import Finished, FinishedRun

ENTER, STOP, SPACE, TAB = "\r", "\x03", " ", "\t"
TEXTS = "text-classification"
GLAD = " ".join([*tiny.CLASS_WORDS["glad"][:3], *tiny.OTHER_WORDS[:6]])


class Quiet:
    def step(self, name: str) -> None: ...

    def advance(self, done: int, total: int) -> None: ...


@pytest.fixture
def finished(finished_run: FinishedRun, request: pytest.FixtureRequest) -> Any:
    made = finished_run(getattr(request, "param", TEXTS))
    yield made
    for name in ("marks.jsonl", "marks.log.jsonl"):
        (made.folder / name).unlink(missing_ok=True)


def sit(finished: Finished, keys: str) -> list[Block]:
    """Press these keys and stop; everything that was shown."""
    shown: list[Block] = []
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys + STOP)
        trial: Trial = prepare(RunFolder(finished.folder), Quiet(), cheap=False, annotator="Ida")
        try_out(trial, shown.extend)
    return shown


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def marked_rows(finished: Finished) -> Rows:
    """What the reader makes of the marks."""
    path = finished.folder / "marks.jsonl"
    table = read(str(path), DataSource(train=str(path)), finished.folder)
    return finished.task.rows(table, finished.example.COLUMNS, path.name, labelled=True)


def said(shown: Sequence[Block]) -> str:
    parts: list[str] = []
    for each in shown:
        parts += each.lines if isinstance(each, Items) else []
        parts += [each.text] if isinstance(each, Paragraph | Command) else []
        parts += [f"{each.title} {each.note}"] if isinstance(each, Heading) else []
    return "\n".join(parts)


TWO = ["text-pair-classification"]
WRONG = {
    "text-classification": "upset" + ENTER,
    "text-pair-classification": "2",
    "multi-label-classification": "upset" + SPACE + ENTER,
    "text-regression": "9" + ENTER + "\x08" + "3,5" + ENTER,
    "token-classification": ENTER,
}


@pytest.mark.parametrize(("finished", "key"), [(key, key) for key in TASKS], indirect=["finished"])
def test_marks_of_every_task_are_rows_that_can_be_trained_on(finished: Finished, key: str) -> None:
    texts = (GLAD + ENTER) * (2 if key in TWO else 1)
    shown = sit(finished, texts + "r" + texts + "w" + WRONG[key] + texts + ENTER)
    rows = marked_rows(finished)
    assert len(rows) == 2
    log = lines(finished.folder / "marks.log.jsonl")
    assert [line["annotator"] for line in log] == ["Ida", "Ida"]
    assert log[0]["reason"] == "marked right"
    if key == TEXTS:
        assert rows.answers == ("glad", "upset")
        assert log[1]["reason"] == "marked wrong"
        assert log[1]["suggested"] == "glad"
    if key == "text-regression":
        assert rows.answers[1] == 3.5
    assert "2 marked, " in said(shown)
    assert "marks.jsonl" in said(shown)


def test_an_answer_is_shown_with_bars_and_the_nearest_training_rows(finished: Finished) -> None:
    shown = sit(finished, GLAD + ENTER + ENTER)
    heading = next(each for each in shown if isinstance(each, Heading))
    bars = [each for each in shown if isinstance(each, Bar)]
    assert (heading.title, heading.note.endswith(" sure")) == ("glad", True)
    assert bars[0].title == "glad"
    assert sorted(bar.title for bar in bars) == tiny.CLASSES
    assert sum(bar.part for bar in bars) == pytest.approx(1.0)
    assert [bar.part for bar in bars] == sorted((bar.part for bar in bars), reverse=True)
    near = next(each for each in shown if isinstance(each, Items))
    assert len(near.lines) == 3
    assert all("similarity" in line for line in near.lines)
    assert said(shown).endswith("Nothing was marked.")
    assert not (finished.folder / "marks.jsonl").exists()


def test_a_mark_is_on_the_disk_when_the_person_stops_in_the_middle_of_the_next(finished: Finished) -> None:
    sit(finished, GLAD + ENTER + "r" + GLAD + ENTER + "w")
    assert len(lines(finished.folder / "marks.jsonl")) == 1


def test_a_key_that_means_nothing_and_an_empty_text_do_no_harm(finished: Finished) -> None:
    shown = sit(finished, ENTER + GLAD + ENTER + "xr")
    assert "Type something" in said(shown)
    assert len(lines(finished.folder / "marks.jsonl")) == 1


def test_skipping_the_right_answer_marks_nothing(finished: Finished) -> None:
    assert "Not marked." in said(sit(finished, GLAD + ENTER + "w" + TAB))
    assert not (finished.folder / "marks.jsonl").exists()


def test_marks_are_scored_by_evaluate(finished: Finished, advisor: Advisor) -> None:
    texts = "".join(f"{tiny.make_rows(3, seed).inputs[0]}{ENTER}" + "r" for seed in range(50, 54))
    sit(finished, texts)
    done = advisor("evaluate", finished.folder, "--data", finished.folder / "marks.jsonl", "--json")
    assert (done.code, done.document["labelled_rows"]) == (0, 4)


def test_without_a_terminal_it_says_what_to_do_instead(finished: Finished, advisor: Advisor) -> None:
    done = advisor("try", finished.folder)
    assert done.code == 1
    assert done.err == (
        "Trying a model asks in the terminal, and there is none.\n"
        "Answer a file with `advisor predict RUN --data FILE --out FILE`, or serve it with `advisor serve RUN`.\n"
    )


def test_without_the_training_data_answers_come_all_the_same(finished: Finished) -> None:
    data = next(finished.folder.glob("data.*"))
    aside = data.rename(data.with_name("aside"))
    try:
        shown = sit(finished, GLAD + ENTER + "r")
    finally:
        aside.rename(data)
    assert "No nearest training rows: " in said(shown)
    assert len(lines(finished.folder / "marks.jsonl")) == 1
