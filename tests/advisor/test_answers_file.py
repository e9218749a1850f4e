"""Answers files: what is refused and how it is said, and that nothing changes on the way to disk and back."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.answers_file import check_answers, read_answers, save_answers, write_toml
from advisor.answers_template import commented_template, write_template
from advisor.errors import AnswersError, RunFolderError
from advisor.records import Answers, Ask
from advisor.rulebook import load_tasks
from pipeline.records import DataSource, Record
from pipeline.task import TASKS, Layout, load_task

TASKS_KNOWN = ", ".join(load_tasks())
FIELDS = (
    "train, validation, test, phrases, format, encoding, delimiter, quote, header, sheet, query, config, "
    "revision, annotators, max_rows, slices, splits, other_tasks"
)
DATA_KEYS = f"text, label, {FIELDS}"
ALL_DATA_KEYS = f"text, label, labels, label_delimiter, text_pair, score, tokens, tags, spans, {FIELDS}"
SHORTEST = '[data]\ntrain = "reviews.csv"\n'


def refusal(text: str) -> str:
    with pytest.raises(AnswersError) as caught:
        check_answers(tomllib.loads(text), "answers.toml")
    return str(caught.value)


def test_the_contract_of_the_answers_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text(
        """
        schema_version = 1
        task = "text-classification"
        seed = 13
        [data]
        train = "reviews.csv"
        validation = "more.csv"
        text = "body"
        label = "stars"
        phrases = { "0" = "a negative review" }
        [goal]
        metric = "macro_f1"
        good_enough = 0.95
        useful_gain = 0.03
        [budget]
        train_minutes = 30
        memory_gib = 8
        [launch]
        automatic = true
        """
    )
    found = read_answers(path)
    assert found.data.columns == {"text": "body", "label": "stars"}
    assert (found.budget.train_minutes, found.budget.memory_gib, found.goal.metric) == (30, 8, "macro_f1")
    unknown = (found.provenance.consent, found.provenance.licence, set(found.expertise.model_dump().values()))
    assert unknown == ("unknown", "unknown", {"unknown"})


def test_only_the_data_file_is_needed() -> None:
    found = check_answers(tomllib.loads(SHORTEST), "answers.toml")
    assert (found.task, found.seed, found.launch.automatic) == (None, 13, True)


def test_all_faults_are_said_at_once_each_with_its_mend() -> None:
    assert refusal(
        """
        schema_version = 2
        task = "text-classification"
        speed = 3
        [data]
        train = 3
        txt = "body"
        [goal]
        metric = "makro_f1"
        good_enuf = 1
        [budget]
        train_minutes = "soon"
        """
    ) == (
        "'answers.toml': schema_version is 2; data.train is 3; goal.good_enuf is not a known key; "
        "budget.train_minutes is 'soon'; speed is not a known key; data.txt is not a key of [data]; "
        "goal.metric 'makro_f1' is not a score of this task.\n"
        "schema_version: This program reads version 1. "
        "data.train: Write the name of a file, or a list of names. "
        "goal.good_enuf: Did you mean 'good_enough'? Known are: metric, good_enough, useful_gain, costs. "
        "budget.train_minutes: It should be a valid number, unable to parse string as a number. "
        "speed: Did you mean 'seed'? Known are: schema_version, task, name, seed, data, goal, budget, models, "
        "provenance, expertise, deployment, training, launch, task_options. "
        f"data.txt: Did you mean 'text'? Known are: {DATA_KEYS}. "
        "goal.metric: Did you mean 'macro_f1'? Known are: macro_f1, accuracy, balanced_accuracy, weighted_f1, mcc."
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "data is missing.\nAdd it: `advisor init` shows every key."),
        ("data = 3", "data is 3.\nWrite it as a section: [data]."),
        (f'schema_version = "1"\n{SHORTEST}', "schema_version is '1'.\nThis program reads version 1."),
        (
            f'task = "translation"\n{SHORTEST}',
            f"task 'translation' is not built yet.\nBuilt are: {', '.join(TASKS)}.",
        ),
        (f'task = "poetry"\n{SHORTEST}', f"task is 'poetry'.\nKnown are: {TASKS_KNOWN}."),
        (
            f'task = "text-clasification"\n{SHORTEST}',
            f"task is 'text-clasification'.\nDid you mean 'text-classification'? Known are: {TASKS_KNOWN}.",
        ),
        (
            f'task = "text-classification"\n{SHORTEST}lable = "stars"',
            f"data.lable is not a key of [data].\nDid you mean 'label'? Known are: {DATA_KEYS}.",
        ),
        (
            f'{SHORTEST}lable = "stars"',
            f"data.lable is not a key of [data].\nDid you mean 'label'? Known are: {ALL_DATA_KEYS}.",
        ),
        (f"{SHORTEST}label = 3", "data.label is 3.\nWrite the name of a column."),
        (f'{SHORTEST}text = ["a", "b"]', "data.text is ['a', 'b'].\nWrite the name of one column."),
        (f'{SHORTEST}phrases = ["a"]', "data.phrases is ['a'].\nWrite it as a section: [data.phrases]."),
        (f"{SHORTEST}max_rows = 0", "data.max_rows is 0.\nIt should be greater than or equal to 1."),
        (
            f'task = "text-classification"\n{SHORTEST}[goal]\ngood_enough = 95',
            "goal.good_enough is 95.\nIt has to lie between 0 and 1. Write 0.95 for 95 of a hundred.",
        ),
        (f"{SHORTEST}[goal]\ngood_enough = nan", "goal.good_enough is nan.\nIt has to lie between 0 and 1."),
        (f"{SHORTEST}[goal]\nuseful_gain = 0", "goal.useful_gain is 0.\nIt should be greater than 0."),
        (f"{SHORTEST}[goal]\nuseful_gain = inf", "goal.useful_gain is inf.\nIt has to lie between 0 and 1."),
        (
            f'{SHORTEST}[goal]\nmetric = "f2"',
            "goal.metric 'f2' is not a score of any kind of task.\n"
            "Known are: macro_f1, accuracy, balanced_accuracy, weighted_f1, mcc, micro_f1, rmse, spearman, mae, r2, pearson, "
            "span_f1.",
        ),
        (
            f'task = "text-classification"\n{SHORTEST}[goal]\nmetric = "f2"',
            "goal.metric 'f2' is not a score of this task.\nKnown are: macro_f1, accuracy, balanced_accuracy, weighted_f1, mcc.",
        ),
        (
            f'{SHORTEST}label = "a"\n[goal]\nmetric = "rmse"',
            "task is left out, and no kind of task takes all that is said.\n"
            "Say which it is, or take out what is not its own.",
        ),
        (
            f'{SHORTEST}[task_options]\nlength = "5"',
            "task_options.length is not a question of any kind of task.\nKnown are: lowest, highest, tags.",
        ),
        (
            f'{SHORTEST}[provenance]\nconsent = "sure"',
            "provenance.consent is 'sure'.\nIt should be 'unknown', 'yes', 'no' or 'not_needed'.",
        ),
        (
            f'task = "text-pair-classification"\n{SHORTEST}label_delimiter = ";"',
            "data.label_delimiter is not a key of [data].\nDid you mean 'delimiter'? Known are: text, text_pair, label, "
            "train, validation, test, phrases, format, encoding, delimiter, quote, header, sheet, "
            "query, config, revision, annotators, max_rows, slices, splits, other_tasks.",
        ),
        (
            f'task = "token-classification"\n{SHORTEST}tokens = "words"\nspans = "names"',
            "data names columns that do not go together: spans, tokens.\nName tokens, tags; or text, spans.",
        ),
        (
            f'task = "text-regression"\n{SHORTEST}score = ["a", "b"]',
            "data.score is ['a', 'b'].\nWrite the name of one column.",
        ),
        (
            f'task = "token-classification"\n{SHORTEST}[task_options]\ntags = "names"',
            "task_options.tags is 'names'.\nWrite one of: spans, words.",
        ),
        (
            f'task = "token-classification"\n{SHORTEST}[task_options]\ntag = "words"',
            "task_options.tag is not a question of this task.\nDid you mean 'tags'? Known are: tags.",
        ),
        (
            f'task = "text-regression"\n{SHORTEST}[task_options]\nlowest = "none"',
            "task_options.lowest is 'none'.\nWrite a number.",
        ),
        (
            f'task = "text-regression"\n{SHORTEST}[goal]\ngood_enough = -1',
            "goal.good_enough is -1.\nIt has to be a number, at least 0.",
        ),
        (
            f'task = "text-regression"\n{SHORTEST}[goal]\nuseful_gain = inf',
            "goal.useful_gain is inf.\nIt has to be a number, at least 0.",
        ),
        (
            f'task = "text-regression"\n{SHORTEST}[goal]\ngood_enough = nan',
            "goal.good_enough is nan.\nIt has to be a number, at least 0.",
        ),
        (
            f'task = "text-regression"\n{SHORTEST}[goal]\nmetric = "spearman"\nuseful_gain = 3',
            "goal.useful_gain is 3.\nIt has to lie between 0 and 2.",
        ),
    ],
)
def test_a_fault_is_said_with_its_mend(text: str, said: str) -> None:
    assert refusal(text) == f"'answers.toml': {said}"


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(AnswersError) as caught:
        read_answers(tmp_path / "answers.toml")
    assert str(caught.value) == f"There is no file '{tmp_path}/answers.toml'.\nWrite one with `advisor init`."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"task = ", "Invalid value (at end of document)"),
        (
            b'task = "caf\xe9"',
            "'utf-8' codec can't decode byte 0xe9 in position 11: invalid continuation byte",
        ),
        (b"a = 1\na = 2", "Cannot overwrite a value (at end of document)"),
    ],
)
def test_a_file_that_is_not_toml_is_refused_with_the_place(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "answers.toml"
    path.write_bytes(content)
    with pytest.raises(AnswersError) as caught:
        read_answers(path)
    said = f"'answers.toml' is not valid TOML: {why}.\nMend that place; `advisor init` shows the form."
    assert str(caught.value) == said


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnswersError) as caught:
        read_answers(tmp_path)
    assert str(caught.value) == f"'{tmp_path}' cannot be read: Is a directory.\nGive a file that you may read."


def keys_of(record: type[Record], section: str = "") -> set[str]:
    found: set[str] = set()
    for name, info in record.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, Record):
            found |= keys_of(kind, f"{section}{name}.")
        else:
            found.add(section + name)
    return found


def dotted(values: dict[str, Any], section: str = "") -> set[str]:
    found: set[str] = set()
    for name, value in values.items():
        nested = isinstance(value, dict) and name not in ("phrases", "task_options", "costs")
        found |= dotted(value, f"{section}{name}.") if nested else {section + name}
    return found


COSTS = {"costs": "{}"}
COMMENTED = re.compile(r"^# (\w+ = .+)$", re.MULTILINE)


@pytest.mark.parametrize("task", [None, *TASKS])
def test_the_template_is_an_answers_file_with_the_stated_defaults(task: str | None) -> None:
    found = check_answers(tomllib.loads(commented_template(task)), "answers.toml")
    assert found.model_dump() == Answers(task=task, data=DataSource(train="reviews.csv")).model_dump()


def of_one_layout(template: str, layout: Layout, layouts: Sequence[Layout]) -> str:
    """The template without the columns of the other layouts, which cannot all be named at once."""
    others = {
        f'# {role.key} = "{role.key}"  # {role.holds}' for each in layouts if each is not layout for role in each.roles
    }
    return "".join(line for line in template.splitlines(keepends=True) if not line.startswith(tuple(others)))


@pytest.mark.parametrize("task", TASKS)
def test_the_template_shows_every_key_and_each_can_be_uncommented(task: str) -> None:
    built, questions = load_task(task), load_tasks()[task].questions
    assert {each.key for each in questions if each.section == "data"} == set(built.data_keys)
    for layout in built.layouts:
        template = of_one_layout(commented_template(task), layout, built.layouts)
        values = tomllib.loads(COMMENTED.sub(r"\1", template))
        own = {f"data.{key}" for key in [*(role.key for role in layout.roles), *built.data_keys]}
        absent = set() if "expected_cost" in built.configure(COSTS, {}).metrics else {"goal.costs"}
        assert dotted(values) - {"task_options"} == (keys_of(Answers) - {"data.columns", "task_options"} - absent) | own
        assert set(values.get("task_options", {})) == {each.key for each in questions if each.section == "task_options"}
        values["goal"].pop("costs", None)  # they are themselves the score that counts
        values["training"].pop("lora_rank")  # under it weights stay as they are, so that others could do nothing
        check_answers(values, "answers.toml")


@pytest.mark.parametrize("task", TASKS)
def test_each_key_of_the_template_can_be_uncommented_alone(task: str) -> None:
    template = commented_template(task)
    for line in COMMENTED.findall(template):
        check_answers(tomllib.loads(template.replace(f"# {line}", line)), line)


@pytest.mark.parametrize("task", TASKS)
def test_the_template_says_question_and_help_of_every_key(task: str) -> None:
    template = commented_template(task)
    for name, field in Answers.model_fields.items():
        record = field.annotation
        if name == "data" or not (isinstance(record, type) and issubclass(record, Record)):
            continue
        shown = {key: info for key, info in record.model_fields.items() if key != "costs" or "# costs = " in template}
        for info in shown.values():
            assert all(f"# {line}\n" in template for line in str(info.description).splitlines())
            for ask in (note for note in info.metadata if isinstance(note, Ask)):
                assert f"# {ask.question}" in template
    for question in load_tasks()[task].questions:
        assert f"# {question.question}\n# {question.help}\n" in template
        assert all(f"# {value}: {said}\n" in template for value, said in question.choices.items())


def test_the_template_says_which_columns_go_together_and_what_has_to_be_answered() -> None:
    template = commented_template("token-classification")
    assert (
        "# Either the words of a sentence and a tag for each:\n"
        '# tokens = "tokens"  # the words of a sentence, as a list\n'
        '# tags = "tags"  # the tag of each word, as a list\n'
        "# or a text and the spans in it:\n"
    ) in template
    needed = '# It has to be answered where there is a column of tags.\n# tags = "spans"\n'
    assert template.endswith(needed)
    assert "has to be answered" not in commented_template("text-regression")
    several = '# labels = "labels"  # its labels'
    assert several in commented_template("multi-label-classification")
    assert "Either" not in commented_template("text-classification")


def test_numbers_of_a_task_may_be_written_as_numbers() -> None:
    text = f'task = "text-regression"\n{SHORTEST}[task_options]\nlowest = 0\nhighest = 2.5'
    assert check_answers(tomllib.loads(text), "answers.toml").task_options == {"lowest": "0", "highest": "2.5"}


def test_several_columns_may_fill_a_role_that_takes_them() -> None:
    text = f'task = "multi-label-classification"\n{SHORTEST}labels = ["late", "rude"]'
    assert check_answers(tomllib.loads(text), "answers.toml").data.columns == {"labels": ["late", "rude"]}


def test_a_goal_in_the_unit_of_the_data_may_be_more_than_1() -> None:
    text = f'task = "text-regression"\n{SHORTEST}[goal]\ngood_enough = 12.5\nuseful_gain = 40'
    found = check_answers(tomllib.loads(text), "answers.toml").goal
    assert (found.good_enough, found.useful_gain) == (12.5, 40)


def test_a_goal_that_was_not_said_is_left_open() -> None:
    found = check_answers(tomllib.loads(SHORTEST), "answers.toml").goal
    assert (found.metric, found.good_enough, found.useful_gain) == (None, None, None)


def test_the_template_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    write_template(path, "text-regression")
    assert path.read_text() == commented_template("text-regression")
    with pytest.raises(AnswersError) as caught:
        write_template(path, "text-classification")
    assert str(caught.value) == f"'{path}' is already there.\nGive another name: `advisor init other.toml`."
    with pytest.raises(AnswersError) as caught:
        write_template(path / "below.toml", "text-classification")
    assert str(caught.value) == (
        f"'{path}/below.toml' cannot be written: Not a directory.\nChoose a folder that you may write to."
    )


def test_no_template_is_written_of_a_task_that_is_not_built(tmp_path: Path) -> None:
    with pytest.raises(AnswersError) as caught:
        write_template(tmp_path / "answers.toml", "text-clasification")
    assert str(caught.value) == (
        "The task 'text-clasification' is not built.\n"
        f"Did you mean 'text-classification'? Known are: {', '.join(TASKS)}."
    )
    assert not (tmp_path / "answers.toml").exists()


def test_what_was_not_asked_is_still_not_asked_after_saving_and_reading(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "data": {"train": "reviews.csv", "text": "body", "phrases": {"a b": 'quoted "words" ü'}},
        "goal": {"good_enough": 0.9},
        "models": {"candidates": ["bert-base-uncased"]},
        "launch": {"automatic": False},
    }
    given = check_answers(values, "answers.toml")
    path = tmp_path / "new" / "answers.toml"
    save_answers(given, path)
    found = read_answers(path)
    assert found == given
    assert found.not_asked() == given.not_asked()
    asked = {name for name, _ in found.not_asked()}
    assert "goal.useful_gain" in asked
    assert asked.isdisjoint({"goal.good_enough", "launch.automatic"})
    assert [file.name for file in path.parent.iterdir()] == ["answers.toml"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_while_saving_leaves_the_old_answers_whole(tmp_path: Path) -> None:
    path = tmp_path / "answers.toml"
    path.write_text("seed = 1\n")
    (tmp_path / "answers.toml.new").symlink_to("/dev/full")
    with pytest.raises(RunFolderError) as caught:
        write_toml({"seed": 2}, path)
    assert str(caught.value) == (
        f"'{path}' cannot be written: No space left on device.\nFree some space or choose another folder."
    )
    assert path.read_text() == "seed = 1\n"


def test_the_template_without_a_task_leaves_it_to_be_detected_and_shows_it_as_a_comment() -> None:
    template = commented_template(None)
    assert "detected when left out" in template
    assert '\n# task = "text-classification"\n' in template
    for line in COMMENTED.findall(template):
        check_answers(tomllib.loads(template.replace(f"# {line}", line)), line)


@pytest.mark.parametrize(
    ("task", "given", "place", "fix"),
    [
        ("text-classification", "label_smoothing = 1.0", "training.label_smoothing", "should be less than 1"),
        (
            "text-classification",
            'schedule = "steps"',
            "training.schedule",
            "should be 'linear', 'cosine' or 'constant'",
        ),
        ("text-classification", "layer_deca = 0.9", "training.layer_deca", "Did you mean 'layer_decay'?"),
        ("text-classification", "dropout = 1.0", "training.dropout", "should be less than 1"),
        (
            "text-classification",
            "batch_size = 10\naccumulation_steps = 4",
            "training.accumulation_steps",
            "a number that 10 can be divided by",
        ),
        ("text-classification", "lora_rank = 8\nl1 = 1.0", "training.l1", "Leave it out, or lora_rank."),
        (
            "text-pair-classification",
            'strategy = "probe_then_fine_tune"',
            "training.strategy",
            "Write 'fine_tune', or leave it out.",
        ),
    ],
)
def test_a_wrong_value_of_the_recipe_is_refused_with_the_mend(task: str, given: str, place: str, fix: str) -> None:
    said = refusal(f'task = "{task}"\n{SHORTEST}[training]\n{given}\n')
    assert f"'answers.toml': {place} is" in said
    assert fix in said


def test_a_probe_may_be_asked_for_where_the_model_reads_as_it_does() -> None:
    text = f'{SHORTEST}[training]\nstrategy = "probe_then_fine_tune"\nbatch_size = 12\naccumulation_steps = 4\n'
    found = check_answers(tomllib.loads(text), "answers.toml")
    assert found.training.model_dump(exclude_none=True) == {
        "strategy": "probe_then_fine_tune",
        "batch_size": 12,
        "accumulation_steps": 4,
    }
