"""The README says what the program says."""

import re
import tomllib
from pathlib import Path

import typer.main

from advisor.__main__ import app
from advisor.answers_file import check_answers
from advisor.rulebook import load_tasks
from pipeline.task import TASKS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_stand_in_the_readme() -> None:
    assert 'pip install ".[demo]" && advisor demo' in README
    assert 'pip install ".[demo,test]" && pytest' in README


def test_the_table_of_commands_is_that_of_the_program() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group has commands
    expected = [f"| `advisor {name}` | {command.help} |" for name, command in commands.items()]
    assert [line for line in README.splitlines() if line.startswith("| `advisor ")] == expected


def test_the_table_of_tasks_is_made_from_the_tasks_and_their_rules() -> None:
    expected = [
        f"| {task.title} | `{task.key}` | {task.summary} | {'yes' if task.key in TASKS else 'not yet'} |"
        for task in load_tasks().values()
    ]
    assert [line for line in README.splitlines() if line.endswith(("| yes |", "| not yet |"))] == expected


def test_the_answers_file_of_the_readme_is_one_that_the_program_takes() -> None:
    block = re.search(r"```toml\n(.*?)```", README, re.DOTALL)
    assert block is not None
    assert check_answers(tomllib.loads(block[1]), "README.md").goal.useful_gain == 0.03


def test_every_file_of_a_run_folder_that_the_readme_names_is_described_in_words_that_exist() -> None:
    for name in ("answers.toml", "splits.parquet", "test_readings.jsonl", "decision.json", "plan.json", "result.json"):
        assert f"`{name}`" in README
