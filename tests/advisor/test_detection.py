"""Data is assessed without saying what it is: what is taken, what is said of it, what is asked, and what is refused."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from advisor.columns import settle_columns
from advisor.interview import confirm_reading
from advisor.records import Answers, Goal
from advisor.rulebook import RULES_FOLDER, load_columns, load_tasks
from pipeline.data.columns import SHAPES, Reading
from pipeline.records import DataSource, ModelSource
from pipeline.storage import load_record
from tests import tiny
from tests.advisor.conftest import Advisor

ENTER, UP, DOWN = "\r", "\x1b[A", "\x1b[B"
LONG = "a long enough review of something, number"


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    path.write_text("review,stars\n" + "".join(f'"{LONG} {row}",{row % 5 + 1}\n' for row in range(60)))
    return path


def test_what_was_taken_is_said_kept_and_reported(advisor: Advisor, here: Path, tiny_model: ModelSource) -> None:
    tiny.write_csv(tiny.make_rows(60, seed=1), here / "moods.csv")
    done = advisor("assess", "moods.csv", "--model", tiny_model.location, "--no-launch", "--out", "run")
    assert (done.code, done.err) == (4, "")
    said = "They were taken for Text classification: text is 'text', label is 'label' (99 % sure)."
    assert done.out.startswith(f"Nobody said what the columns are. {said}\n")
    assert "`--task text-classification --text text --label label`" in done.out
    assert "How the columns were read" in done.out
    kept = tomllib.loads((here / "run" / "answers.toml").read_text())
    assert kept["task"] == "text-classification"
    assert {"text": "text", "label": "label"}.items() <= kept["data"].items()
    reading = load_record(Reading, here / "run" / "reading.json")
    assert (reading.task, reading.columns) == ("text-classification", {"text": "text", "label": "label"})
    page = (here / "run" / "report.html").read_text()
    assert "How the columns were read" in page
    assert all(reason.split("'")[0] in page for reason in reading.because)
    assert advisor("assess", "moods.csv", "--model", tiny_model.location, "--no-launch", "--out", "run").code == 4


def test_a_run_of_an_earlier_version_goes_on_as_the_task_that_was_meant_then(
    advisor: Advisor, here: Path, tiny_model: ModelSource
) -> None:
    tiny.write_csv(tiny.make_rows(60, seed=1), here / "moods.csv")
    assert advisor("assess", "moods.csv", "--model", tiny_model.location, "--no-launch", "--out", "run").code == 4
    answers = here / "run" / "answers.toml"
    without = answers.read_text().replace('task = "text-classification"\n', "")
    for decided in (True, False):
        answers.write_text(without)
        (here / "run" / "reading.json").unlink(missing_ok=True)
        if not decided:
            (here / "run" / "decision.json").unlink()
        assert advisor("assess", "run", "--no-launch").code == 4
        assert tomllib.loads(answers.read_text())["task"] == "text-classification"


def test_without_a_terminal_two_plausible_readings_are_refused_with_what_to_say(
    advisor: Advisor, ratings: Path
) -> None:
    done = advisor("assess", ratings.name, "--no-launch")
    assert (done.code, done.out) == (1, "")
    lines = done.err.splitlines()
    assert lines[0].startswith("'ratings.csv' can be read in more than one way: Score: text is 'review'")
    assert "  --task text-regression --text review --column score=stars" in lines
    assert "  --task text-classification --text review --label stars" in lines
    assert lines[-4:] == [
        '    task = "text-classification"',
        "    [data]",
        '    text = "review"',
        '    label = "stars"',
    ]
    assert not (ratings.parent / "runs").exists()


@pytest.mark.parametrize(
    ("keys", "task", "columns"),
    [
        (ENTER, "text-regression", {"text": "review", "score": "stars"}),
        (DOWN + ENTER, "text-classification", {"text": "review", "label": "stars"}),
        (UP + ENTER + ENTER + DOWN + ENTER + ENTER, "text-classification", {"text": "stars", "label": "review"}),
    ],
)
def test_with_a_terminal_it_is_asked_on_one_screen_and_what_was_said_stays(
    ratings: Path, keys: str, task: str, columns: dict[str, str]
) -> None:
    asked = Answers(data=DataSource(train=str(ratings)), goal=Goal(good_enough=0.5))
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        found = settle_columns(asked, ratings.parent, confirm_reading)
    assert (found.answers.task, found.answers.data.columns, found.reading) == (task, columns, None)
    assert found.answers.goal.good_enough == 0.5


def test_every_sign_has_its_weight_and_sentence_and_none_is_unused() -> None:
    code = "".join(
        (RULES_FOLDER.parent / "pipeline" / "data" / f"{name}.py").read_text()
        for name in ("roles", "agreement", "columns")
    )
    nodes = ast.walk(ast.parse(code))
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    signs = load_columns().signs
    assert set(signs.signs) <= written
    assert all("{value}" in sign.says and sign.says.endswith(".") for sign in signs.signs.values())
    assert all(re.match(r"https://|set by us", sign.source) for sign in signs.signs.values())
    roles = {role for shape in SHAPES for role in shape.roles}
    assert set(signs.names) == roles
    names = [name for each in signs.names.values() for name in [*each.usual, *each.near]]
    assert [name for name in names if name != name.casefold() or re.search(r"\W", name)] == []


def test_every_kind_of_task_that_can_be_read_has_its_rules() -> None:
    assert {shape.task for shape in SHAPES} == set(load_tasks())
