import csv
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.plain_text import PlainTextOutput
from pydantic.fields import FieldInfo

from advisor.answers_file import read_toml, write_toml
from advisor.errors import AnswersError
from advisor.interview import interview
from advisor.records import Answers, Ask
from advisor.rulebook import load_tasks
from pipeline.records import Record
from pipeline.task import TASKS

ENTER, UP, DOWN, CTRL_C, CTRL_D, CLEAR = "\r", "\x1b[A", "\x1b[B", "\x03", "\x04", "\x15"
LAST = UP * 2
"""Keys to the last choice above that of going back."""


def fields_that_ask(record: type[Record] = Answers, section: str = "") -> dict[str, FieldInfo]:
    found: dict[str, FieldInfo] = {}
    for name, info in record.model_fields.items():
        if any(isinstance(note, Ask) for note in info.metadata):
            found[section + name] = info
        elif isinstance(info.annotation, type) and issubclass(info.annotation, Record):
            found |= fields_that_ask(info.annotation, f"{section}{name}.")
    return found


def rest(keys: Mapping[str, str] | None = None) -> str:
    """Keys for the questions that every task has: those given, else Enter."""
    return "".join((keys or {}).get(name, ENTER) for name in fields_that_ask())


def answer(draft: Path, keys: str) -> Answers:
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(keys)
        return interview(draft)


def stop_after(draft: Path, keys: str) -> str:
    """What the screen showed until Ctrl-C."""
    screen = StringIO()
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=PlainTextOutput(screen)):
        pipe.send_text(keys + CTRL_C)
        with pytest.raises(KeyboardInterrupt):
            interview(draft)
    return screen.getvalue()


def asked(draft: Path) -> list[str]:
    return list(read_toml(draft)["interview"]["asked"])


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    return tmp_path / "draft.toml"


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    rows = [(f"a review of film number {row} in some words", row % 2) for row in range(30)]
    return write_csv(tmp_path / "reviews.csv", ("body", "stars"), rows)


@pytest.fixture
def start(reviews: Path) -> str:
    """Keys up to the first question that every task has: file, the screen that shows how it is read, two phrases."""
    return f"{reviews}{ENTER}" + ENTER + f"a bad film{ENTER}" + ENTER


def test_a_whole_interview_gives_what_was_answered(draft: Path, start: str, reviews: Path) -> None:
    given = {
        "goal.metric": DOWN + ENTER,
        "goal.good_enough": "0.8" + ENTER,
        "budget.train_minutes": "30" + ENTER,
        "budget.price_per_hour": "1.5" + ENTER,
        "provenance.origin": UP * 4 + ENTER,
        "provenance.consent": UP * 3 + ENTER,
        "provenance.licence": "CC-BY-4.0" + ENTER,
        "provenance.personal_data": UP + ENTER,
        "expertise.training": UP + ENTER,
        "deployment.max_latency_ms": "20" + ENTER,
        "deployment.language": "en" + ENTER,
        "deployment.licence": DOWN + ENTER,
        "launch.automatic": DOWN + ENTER,
    }
    answers = answer(draft, start + rest(given))
    assert answers.task == "text-classification"
    assert answers.data.train == str(reviews)
    assert answers.data.columns == {"text": "body", "label": "stars"}
    assert answers.data.phrases == {"0": "a bad film"}
    assert (answers.goal.metric, answers.goal.good_enough, answers.goal.useful_gain) == ("accuracy", 0.8, None)
    assert (answers.budget.train_minutes, answers.budget.memory_gib, answers.budget.price_per_hour) == (30, None, 1.5)
    assert (answers.provenance.origin, answers.provenance.consent) == ("own", "yes")
    assert (answers.provenance.licence, answers.provenance.personal_data) == ("CC-BY-4.0", "no")
    assert (answers.expertise.training, answers.expertise.evaluation) == ("solid", "unknown")
    assert (answers.deployment.max_latency_ms, answers.deployment.language) == (20, "en")
    assert (answers.deployment.licence, answers.launch.automatic) == ("commercial", False)


def test_every_field_with_a_question_is_asked_with_its_help_in_the_order_of_the_records(
    draft: Path, start: str
) -> None:
    answer(draft, start + rest())
    special = ["data.train", "interview.reading", "data.phrases.0", "data.phrases.1"]
    order = special + list(fields_that_ask())
    assert asked(draft) == order
    values = read_toml(draft)
    for place, (name, info) in enumerate(fields_that_ask().items(), start=len(special)):
        write_toml({**values, "interview": {**values["interview"], "asked": order[:place]}}, draft)
        screen = " ".join(stop_after(draft, "").split())
        ask = next(note for note in info.metadata if isinstance(note, Ask))
        assert ask.question in screen, name
        assert info.description, name
        assert " ".join(info.description.split()) in screen, name
        assert "back" in screen, name


def test_back_in_a_select_asks_the_question_before_again_with_its_answer_ready(draft: Path, start: str) -> None:
    stop_after(draft, start + DOWN + ENTER + "0.7" + ENTER + "<" + ENTER + "<" + ENTER)
    assert asked(draft)[-1] == "data.phrases.1"
    kept_answers = read_toml(draft)["goal"]
    assert kept_answers == {"metric": "accuracy", "good_enough": 0.7}
    stop_after(draft, ENTER + ENTER)
    assert read_toml(draft)["goal"] == kept_answers
    assert asked(draft)[-1] == "goal.good_enough"
    stop_after(draft, "<" + ENTER + "<" + ENTER + 4 * DOWN + ENTER)  # the last choice of the metric goes back
    assert asked(draft)[-1] == "data.phrases.0"


def test_back_in_a_text_changes_the_answer_before(draft: Path, reviews: Path) -> None:
    stop_after(draft, f"{reviews}{ENTER}" + ENTER + "bda" + ENTER + "<" + ENTER + "bad" + ENTER)
    assert read_toml(draft)["data"]["phrases"] == {"0": "bad"}
    assert asked(draft)[-1] == "data.phrases.0"


def test_a_typed_minus_takes_an_optional_answer_back(draft: Path, start: str) -> None:
    stop_after(draft, start + ENTER * 4 + "8" + ENTER + "<" + ENTER)
    assert read_toml(draft)["budget"]["memory_gib"] == 8
    stop_after(draft, "-" + ENTER)
    assert "memory_gib" not in read_toml(draft)["budget"]
    assert asked(draft)[-1] == "budget.memory_gib"


def test_ctrl_c_keeps_the_answers_and_the_next_interview_goes_on(draft: Path, start: str) -> None:
    stop_after(draft, start + ENTER + "0.9" + ENTER)
    assert asked(draft)[-2:] == ["goal.metric", "goal.good_enough"]
    screen = stop_after(draft, "0.05" + ENTER)
    assert "6 answers are kept" in screen
    assert "Where are your labelled examples" not in screen
    assert read_toml(draft)["goal"] == {"metric": "macro_f1", "good_enough": 0.9, "useful_gain": 0.05}
    answers = answer(draft, ENTER * (len(fields_that_ask()) - 3))
    assert (answers.goal.good_enough, answers.goal.useful_gain) == (0.9, 0.05)
    assert answers.data.phrases == {"0": "a bad film"}


def test_ctrl_d_stops_like_ctrl_c(draft: Path, reviews: Path) -> None:
    stop_after(draft, f"{reviews}{ENTER}" + CTRL_D)
    assert asked(draft) == ["data.train"]


def test_a_question_that_was_left_empty_is_not_asked_again(draft: Path, start: str) -> None:
    stop_after(draft, start)
    assert asked(draft)[-1] == "data.phrases.1"
    assert read_toml(draft)["data"]["phrases"] == {"0": "a bad film"}
    assert "'1'" not in stop_after(draft, "")


def test_all_tasks_are_listed_on_wish_and_those_not_built_cannot_be_chosen(draft: Path, reviews: Path) -> None:
    by_hand = f"{reviews}{ENTER}" + LAST + ENTER
    stop_after(draft, by_hand)
    screen = stop_after(draft, "")
    for task in load_tasks().values():
        assert task.title in screen
    assert screen.count("not built yet") >= len(load_tasks()) - len(TASKS)
    draft.unlink()
    for moves in (DOWN, DOWN * (len(load_tasks()) - 1), UP * 2):
        stop_after(draft, by_hand + moves + ENTER)
        assert read_toml(draft)["task"] in TASKS
        draft.unlink()


def test_a_wrong_file_name_is_refused_with_the_right_one_beside_it(draft: Path, reviews: Path) -> None:
    wrong = reviews.with_name("reviws.csv")
    screen = stop_after(draft, f"{wrong}{ENTER}" + CLEAR + ENTER + f"'{reviews}'{ENTER}")
    assert " ".join(screen.split()).count("did you mean 'reviews.csv'?") == 1
    assert "This question needs an answer" in screen
    assert read_toml(draft)["data"]["train"] == str(reviews)


def test_a_file_with_one_column_is_refused(draft: Path, tmp_path: Path) -> None:
    lonely = write_csv(tmp_path / "lonely.csv", ["body"], [["one"], ["two"]])
    assert "has only one column: 'body'" in stop_after(draft, f"{lonely}{ENTER}")
    assert not draft.exists()


def test_wrong_scores_are_refused_and_a_right_one_taken(draft: Path, start: str) -> None:
    said = {
        "85": "85 is more than 1 — write 0.85 for 85 of a hundred.",
        "0,9": "'0,9' has a comma — write numbers with a point, such as 0.9.",
        "high": "'high' is not a number — write digits only, such as 60 or 0.95.",
        "nan": "'nan' is not a number — write digits only, such as 60 or 0.95.",
        "-0.5": "-0.5 is not between 0 and 1 — write a number that fits.",
        "900": "900 is not between 0 and 1 — write a number that fits.",
    }
    screen = stop_after(draft, start + ENTER + "".join(typed + ENTER + CLEAR for typed in said) + "0.9" + ENTER)
    assert [line for line in said.values() if line not in screen] == []
    assert read_toml(draft)["goal"]["good_enough"] == 0.9


def test_numbers_obey_their_fields(draft: Path, start: str) -> None:
    screen = stop_after(draft, start + ENTER * 2 + f"0{ENTER}{CLEAR}0.1{ENTER}" + f"0{ENTER}{CLEAR}90{ENTER}-4{ENTER}")
    assert screen.count("'0' does not fit — it should be greater than 0.") == 2
    assert "'-4' does not fit — it should be greater than 0." in screen
    assert read_toml(draft)["goal"]["useful_gain"] == 0.1
    assert read_toml(draft)["budget"] == {"train_minutes": 90}


def test_three_rows_are_shown_and_nothing_in_them_drives_the_terminal(draft: Path, tmp_path: Path) -> None:
    rows = [
        (f"\x1b[2J\x1b]0;title\x07text {row} with \x9b5m odd\nletters \u202e here " + "long " * 50, row % 2)
        for row in range(30)
    ]
    screen = stop_after(draft, f"{write_csv(tmp_path / 'odd.csv', ('body', 'stars'), rows)}{ENTER}")
    assert not set(screen) & {"\x1b", "\x07", "\x9b", "\u202e"}
    table = [line for line in screen.splitlines() if line.startswith("  text ") and "with" in line]
    assert [line.split()[:4] for line in table] == [["text", str(row), "with", "5m"] for row in range(3)]
    assert {len(line) for line in table} == {len(table[0])}
    assert len(table[0]) <= 80
    assert "text: body, label: stars" in screen


def test_columns_can_be_chosen_instead_of_confirmed(draft: Path, reviews: Path) -> None:
    stop_after(draft, f"{reviews}{ENTER}" + LAST + ENTER + ENTER + DOWN + ENTER + ENTER)
    assert asked(draft)[:5] == ["data.train", "interview.reading", "task", "data.text", "data.label"]
    assert {role: read_toml(draft)["data"][role] for role in ("text", "label")} == {"text": "stars", "label": "body"}


def test_each_plausible_reading_can_be_chosen_on_the_one_screen(draft: Path, tmp_path: Path) -> None:
    rows = [(f"a headline number {row} in words", f"{row} some more words that differ", row % 2) for row in range(30)]
    path = write_csv(tmp_path / "news.csv", ("headline", "story", "topic"), rows)
    stop_after(draft, f"{path}{ENTER}")
    screen = " ".join(stop_after(draft, "").split())
    stop_after(draft, DOWN + ENTER)
    assert "It looks like text classification (" in screen
    assert "% sure):" in screen
    assert "'story' holds texts, which are long and differ." in screen
    assert "text: story, label: topic — is that right?" in screen
    assert "no: Text classification text: headline, label: topic" in screen
    assert "let me choose the task and columns" in screen
    assert asked(draft) == ["data.train", "interview.reading"]
    found = read_toml(draft)
    assert (found["task"], found["data"]["text"], found["data"]["label"]) == (
        "text-classification",
        "headline",
        "topic",
    )


def test_another_file_forgets_columns_and_phrases(draft: Path, tmp_path: Path, start: str, reviews: Path) -> None:
    stop_after(draft, start + UP + ENTER + ("<" + ENTER) * 2 + UP + ENTER)
    assert asked(draft) == []
    other = tmp_path / "other.csv"
    other.write_bytes(reviews.read_bytes())
    stop_after(draft, f"{other}{ENTER}")
    assert read_toml(draft)["data"] == {"train": str(other)}


def test_the_columns_of_a_data_set_on_the_hub_are_typed(draft: Path) -> None:
    stop_after(draft, f"someone/films{ENTER}" + ENTER + f"review{ENTER}" + ENTER)
    assert read_toml(draft)["data"] == {"train": "someone/films", "text": "review"}
    assert asked(draft) == ["data.train", "task", "data.text", "data.label"]


@pytest.mark.parametrize(("wish", "expected"), [(ENTER, "interview.phrases"), (DOWN + ENTER + ENTER, "data.phrases.0")])
def test_many_labels_are_explained_one_by_one_only_on_wish(
    draft: Path, tmp_path: Path, wish: str, expected: str
) -> None:
    rows = [(f"a text with number {row} in it", row % 25) for row in range(150)]
    path = write_csv(tmp_path / "many.csv", ("text", "label"), rows)
    stop_after(draft, f"{path}{ENTER}" + ENTER)
    assert "[data] phrases in answers.toml" in " ".join(stop_after(draft, wish).split())
    assert asked(draft)[-1] == expected


def test_a_file_that_went_away_is_asked_for_again(draft: Path, start: str, reviews: Path) -> None:
    stop_after(draft, start + ENTER)
    moved = reviews.rename(reviews.with_name("moved.csv"))
    stop_after(draft, f"{moved}{ENTER}")
    assert asked(draft) == ["data.train"]


@pytest.mark.parametrize("text", ["task = ", "data = 3", "interview = {asked = 1}", "interview = 2"])
def test_a_draft_that_cannot_be_read_is_named_and_left_alone(draft: Path, text: str) -> None:
    draft.write_text(text)
    with pytest.raises(AnswersError, match=r"draft\.toml") as caught:
        answer(draft, "")
    assert "move it away" in caught.value.fix
    assert draft.read_text() == text


def test_a_draft_of_a_task_that_is_not_built_asks_for_it_again(draft: Path, reviews: Path) -> None:
    stop_after(draft, f"{reviews}{ENTER}" + ENTER)
    for chosen, kept in ((None, ["data.train"]), ("other", ["data.train", "interview.reading"])):
        found = {**read_toml(draft), "task": "poetry"}
        asked_for = ["data.train", "interview.reading", *(["task"] if chosen else [])]
        write_toml({**found, "interview": {"asked": asked_for, **({"reading": chosen} if chosen else {})}}, draft)
        stop_after(draft, UP + ENTER)
        assert asked(draft) == kept[:-1]


def test_a_draft_from_when_the_task_was_asked_first_goes_on_with_its_answers_ready(draft: Path, reviews: Path) -> None:
    old = ["task", "data.train", "interview.columns", "data.phrases.0", "data.phrases.1", "goal.metric"]
    data = {"train": str(reviews), "text": "body", "label": "stars", "phrases": {"0": "a bad film"}}
    values = {"task": "text-classification", "data": data, "goal": {"metric": "accuracy"}}
    write_toml({**values, "interview": {"columns": "yes", "asked": old}}, draft)
    assert "1 answer is kept" in stop_after(draft, "")
    found = answer(draft, ENTER * 3 + rest())
    assert (found.data.phrases, found.goal.metric, found.task) == (data["phrases"], "accuracy", "text-classification")
    write_toml({"task": "poetry", "interview": {"asked": ["task"]}}, draft)
    stop_after(draft, f"{reviews}{ENTER}")
    assert asked(draft) == ["data.train"]


def test_without_a_terminal_it_says_what_to_do_instead_of_waiting(draft: Path) -> None:
    code = f"from pathlib import Path; from advisor.interview import interview; interview(Path({str(draft)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30
    )
    assert "needs a terminal" in done.stderr
    assert "advisor assess FILE --text COLUMN --label COLUMN" in done.stderr
    assert "Warning" not in done.stderr
    assert not draft.exists()


def test_nothing_heavy_is_imported_for_the_questions() -> None:
    heavy = ["torch", "transformers", "pandas", "datasets", "sklearn", "scipy", "pyarrow", "matplotlib", "rich"]
    tasks = "from pipeline.task import load_task; load_task('text-classification')"
    others = f"for key in {list(TASKS)}: load_task(key)"  # whose formulas may need scipy
    found = "print([name for name in heavy if name in sys.modules])"
    code = f"import sys, advisor.interview\nheavy = {heavy}\n{tasks}\n{found}\n{others}\nheavy.remove('scipy')\n{found}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.split() == ["[]", "[]"]


def by_hand(path: Path, task: str) -> str:
    """Keys that name a file, and choose a task instead of what it is taken for."""
    return f"{path}{ENTER}" + LAST + ENTER + DOWN * list(TASKS).index(task) + ENTER


LONG = "some more words that differ in each row"


def write_lines(path: Path, lines: Iterable[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [(f"{row} {LONG}", f"{LONG} {row}", row / 7) for row in range(30)]
    return write_csv(tmp_path / "pairs.csv", ("sentence1", "sentence2", "score"), rows)


def test_all_columns_of_a_layout_are_confirmed_at_once(draft: Path, pairs: Path) -> None:
    screen = stop_after(draft, f"{pairs}{ENTER}")
    assert "text: sentence1, text_pair: sentence2, score: score — is that right?" in screen
    assert "text is the first text; text_pair is the second text; score is the score of both" in " ".join(
        screen.split()
    )
    stop_after(draft, ENTER)
    found = read_toml(draft)
    assert found["data"] == {"train": str(pairs), "text": "sentence1", "text_pair": "sentence2", "score": "score"}
    assert read_toml(draft)["task"] == "text-regression"
    assert asked(draft) == ["data.train", "interview.reading"]


def test_another_layout_can_be_chosen_and_only_its_columns_are_asked_for(draft: Path, pairs: Path) -> None:
    stop_after(draft, by_hand(pairs, "text-regression"))
    screen = stop_after(draft, "")
    assert "What does a row of the file hold?" in screen
    assert "two texts and their score" in screen
    stop_after(draft, DOWN + ENTER + DOWN + ENTER + ENTER)
    by_hand_asked = ["data.train", "interview.reading", "task", "interview.layout", "data.text", "data.score"]
    assert asked(draft) == by_hand_asked
    assert read_toml(draft)["data"] == {"train": str(pairs), "text": "sentence2", "score": "score"}


def test_a_layout_that_is_chosen_anew_forgets_the_columns_of_the_other(draft: Path, pairs: Path) -> None:
    stop_after(draft, by_hand(pairs, "text-regression") + ENTER * 3)
    assert set(read_toml(draft)["data"]) == {"train", "text", "text_pair"}
    stop_after(draft, UP + ENTER + (UP + ENTER) * 2 + DOWN + ENTER)
    assert asked(draft)[-1] == "interview.layout"
    assert read_toml(draft)["data"] == {"train": str(pairs)}


def test_texts_that_need_not_be_a_pair_lead_to_the_question_what_a_row_holds(draft: Path, tmp_path: Path) -> None:
    rows = [(f"a headline number {row} in words", f"{row} {LONG}", row / 7) for row in range(30)]
    path = write_csv(tmp_path / "stories.csv", ("headline", "story", "stars"), rows)
    screen = stop_after(draft, by_hand(path, "text-regression"))
    assert "a headline number 2" in screen
    assert "What does a row of the file hold?" in stop_after(draft, "")
    stop_after(draft, DOWN + ENTER)
    stop_after(draft, ENTER)
    assert read_toml(draft)["data"]["text"] in {"headline", "story"}


def test_a_question_of_the_task_is_asked_with_its_choices_and_cannot_be_left_open(draft: Path, tmp_path: Path) -> None:
    names = ("Rome", "Paris", "Oslo", "Bern", "Kiel", "Riga", "Turin", "Nice", "Graz", "Lyon")
    lines = [{"tokens": ["We", "saw", name], "ner": ["O", "O", "B-place"]} for name in names * 3]
    path = write_lines(tmp_path / "names.jsonl", lines)
    stop_after(draft, f"{path}{ENTER}" + ENTER)
    screen = stop_after(draft, "")
    question = load_tasks()["token-classification"].questions[0]
    assert question.question in screen
    for said in question.choices.values():
        assert said in " ".join(screen.split())
    assert "left empty" not in screen.split(question.question)[1]
    stop_after(draft, DOWN + ENTER)
    assert read_toml(draft)["task_options"] == {"tags": "words"}
    assert asked(draft)[-1] == "task_options.tags"
    answers = answer(draft, rest())
    assert (answers.task_options, answers.goal.metric) == ({"tags": "words"}, "accuracy")


def test_a_question_about_columns_that_are_not_there_is_not_asked(draft: Path, tmp_path: Path) -> None:
    spans = [
        {"text": f"We saw Rome and place {row}", "spans": [{"start": 7, "end": 11, "label": "x"}]} for row in range(9)
    ]
    path = write_lines(tmp_path / "spans.jsonl", spans)
    stop_after(draft, f"{path}{ENTER}" + ENTER * 2)
    assert asked(draft) == ["data.train", "interview.reading", "goal.metric"]


def test_a_number_that_a_task_asks_for_has_to_be_one_and_may_be_left_empty(draft: Path, pairs: Path) -> None:
    start = f"{pairs}{ENTER}" + ENTER
    screen = stop_after(draft, start + f"low{ENTER}{CLEAR}1,5{ENTER}{CLEAR}-2.5{ENTER}" + ENTER)
    assert "'low' is not a number" in screen
    assert "'1,5' has a comma" in screen
    assert read_toml(draft)["task_options"] == {"lowest": "-2.5"}
    assert asked(draft)[-2:] == ["task_options.lowest", "task_options.highest"]
    answers = answer(draft, rest({"goal.metric": DOWN + ENTER}))
    assert answers.task_options == {"lowest": "-2.5"}
    assert answers.goal.metric == "rmse"  # for pairs the rank correlation comes first


def test_scores_of_the_goal_obey_the_metric_that_was_chosen(draft: Path, tmp_path: Path) -> None:
    rows = [(f"{row} {LONG}", row / 7) for row in range(30)]
    path = write_csv(tmp_path / "ratings.csv", ("review", "stars"), rows)
    start = f"{path}{ENTER}" + ENTER * 3
    screen = stop_after(draft, start + ENTER + f"-1{ENTER}{CLEAR}12.5{ENTER}" + f"40{ENTER}")
    assert "-1 is less than 0 — write a number that fits." in screen
    assert read_toml(draft)["goal"] == {"metric": "rmse", "good_enough": 12.5, "useful_gain": 40}
    draft.unlink()
    screen = stop_after(draft, start + DOWN + ENTER + f"12{ENTER}{CLEAR}-0.2{ENTER}" + f"3{ENTER}{CLEAR}1.5{ENTER}")
    assert "12 is more than 1 — write 0.12 for 12 of a hundred." in screen
    assert "3 is not between 0 and 2" in screen
    assert read_toml(draft)["goal"] == {"metric": "spearman", "good_enough": -0.2, "useful_gain": 1.5}


def test_a_goal_that_is_left_empty_stays_open(draft: Path, start: str) -> None:
    answers = answer(draft, start + rest())
    assert (answers.goal.metric, answers.goal.good_enough, answers.goal.useful_gain) == ("macro_f1", None, None)


def test_labels_in_lists_are_explained_one_by_one(draft: Path, tmp_path: Path) -> None:
    lines = [{"text": f"{row} {LONG}", "labels": ["late", "rude"][: row % 3]} for row in range(30)]
    path = write_lines(tmp_path / "lists.jsonl", lines)
    start = f"{path}{ENTER}" + ENTER
    screen = stop_after(draft, start + ENTER + f"came late{ENTER}" + ENTER)
    assert "What does 'late' mean in words?" in screen
    assert asked(draft)[-3:] == ["data.label_delimiter", "data.phrases.late", "data.phrases.rude"]
    assert read_toml(draft)["data"]["phrases"] == {"late": "came late"}


def test_labels_in_one_cell_are_told_apart_by_what_was_said_to_separate_them(draft: Path, tmp_path: Path) -> None:
    rows = [(f"{row} {LONG}", ["late; rude", "late", "rude ;kind"][row % 3]) for row in range(30)]
    path = write_csv(tmp_path / "cells.csv", ("text", "labels"), rows)
    stop_after(draft, f"{path}{ENTER}" + ENTER)
    assert read_toml(draft)["data"]["label_delimiter"] == ";"  # as it was read, and ready to be confirmed
    stop_after(draft, ENTER + ENTER * 3)
    assert asked(draft)[-3:] == ["data.phrases.kind", "data.phrases.late", "data.phrases.rude"]
    assert read_toml(draft)["data"]["label_delimiter"] == ";"
    stop_after(draft, UP + ENTER + ("<" + ENTER) * 3 + f"|{ENTER}")
    assert read_toml(draft)["data"]["label_delimiter"] == "|"
    assert "phrases" not in read_toml(draft)["data"]


def test_several_columns_of_labels_can_be_confirmed_or_chosen_together(draft: Path, tmp_path: Path) -> None:
    rows = [(f"{row} {LONG}", f"{LONG} {row} and on", row % 2, row % 3 // 2) for row in range(30)]
    path = write_csv(tmp_path / "flags.csv", ("headline", "story", "late", "rude"), rows)
    screen = stop_after(draft, by_hand(path, "multi-label-classification") + ENTER + ENTER)
    assert "late + rude" in screen
    assert read_toml(draft)["data"]["labels"] == ["late", "rude"]
    assert asked(draft) == ["data.train", "interview.reading", "task", "data.text", "data.labels"]
    clear = write_csv(tmp_path / "clear.csv", ("text", "late", "rude"), [row[1:] for row in rows])
    draft.unlink()
    screen = stop_after(draft, f"{clear}{ENTER}" + ENTER)
    assert "text: text, labels: late + rude — is that right?" in screen
    assert read_toml(draft)["data"]["labels"] == ["late", "rude"]


def test_another_task_forgets_the_answers_to_the_first_ones_questions(draft: Path, pairs: Path) -> None:
    stop_after(draft, f"{pairs}{ENTER}" + ENTER + f"0{ENTER}")
    assert read_toml(draft)["task_options"] == {"lowest": "0"}
    stop_after(draft, ("<" + ENTER) * 2 + LAST + ENTER + DOWN * 2 + ENTER)
    found = read_toml(draft)
    assert found["task"] == "text-pair-classification"
    assert not {"task_options", "goal"} & set(found)
    assert found["data"] == {"train": str(pairs)}
