"""The README says what the program says."""

import re
import tomllib
from pathlib import Path

import typer.main

from advisor.__main__ import app
from advisor.answers_file import check_answers
from advisor.rule_records import TaskRules
from advisor.rulebook import load_tasks, say_way
from pipeline.task import TASKS, load_task

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def task_line(rules: TaskRules) -> str:
    begin = f"| {rules.title} | `{rules.key}` | {rules.summary} |"
    if rules.key not in TASKS:
        return f"{begin} not built yet | | |"
    task = load_task(rules.key)
    columns = " or ".join(", ".join(f"`{role.key}`" for role in layout.roles) for layout in reversed(task.layouts))
    scores = ", ".join(metric.title for metric in task.metrics.values())
    shapes = [load_task(rules.key, {}, {role.key: role.key for role in layout.roles}) for layout in task.layouts]
    ways = dict.fromkeys(say_way(name) for shape in shapes for name in shape.rivals)
    return f"{begin} {columns} | {', '.join(ways)} | {scores} |"


def test_the_two_commands_stand_in_the_readme() -> None:
    assert 'pip install ".[demo]" && advisor demo' in README
    assert 'pip install ".[demo,test]" && pytest -n auto' in README


def test_the_table_of_commands_is_that_of_the_program() -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]  # a group has commands
    expected = [f"| `advisor {name}` | {command.help} |" for name, command in commands.items()]
    assert [line for line in README.splitlines() if line.startswith("| `advisor ")] == expected


def test_the_table_of_tasks_is_made_from_the_tasks_and_their_rules() -> None:
    begin = README.index("| task | key |")
    table = README[begin : README.index("\n\n", begin)].splitlines()[2:]
    assert table == [task_line(rules) for rules in load_tasks().values()]


def test_the_answers_files_of_the_readme_are_ones_that_the_program_takes() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    assert [check_answers(tomllib.loads(block), "README.md").task for block in blocks] == [
        "text-classification",
        "token-classification",
    ]


def test_every_file_of_a_run_folder_that_the_readme_names_is_described_in_words_that_exist() -> None:
    for name in ("answers.toml", "splits.parquet", "test_readings.jsonl", "decision.json", "plan.json", "result.json"):
        assert f"`{name}`" in README
