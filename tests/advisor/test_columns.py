"""Columns are detected on the whole file, and never guessed where two readings are plausible."""

import json
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.columns import read_as, settle_columns
from advisor.errors import AnswersError
from advisor.records import Answers, Goal
from advisor.rulebook import load_columns
from pipeline.data.columns import Reading, fitting_shapes
from pipeline.data.preview import Preview
from pipeline.errors import DataError
from pipeline.records import DataSource


def answers(path: Path | str, task: str | None = "text-classification", **columns: Any) -> Answers:
    return Answers(task=task, data=DataSource(train=str(path), columns=columns))


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_file_that_is_sorted_by_label_does_not_hide_the_label(tmp_path: Path) -> None:
    rows = [
        f"a long enough review number {place},{place // 300},{'web' if place % 2 else 'shop'}" for place in range(600)
    ]
    path = write(tmp_path / "sorted.csv", "review,sentiment,source", rows)
    assert settle_columns(answers(path), tmp_path).answers.data.columns == {"text": "review", "label": "sentiment"}


def test_two_plausible_labels_are_asked_for_and_not_guessed(tmp_path: Path) -> None:
    rows = [f"a long enough review number {place},{place % 2},{place % 3}" for place in range(60)]
    path = write(tmp_path / "two.csv", "review,mood,place", rows)
    assert refusal(answers(path), tmp_path) == (
        "'two.csv' can be read in more than one way: "
        "Text classification: text is 'review', label is 'mood' (50 % sure); or "
        "Text classification: text is 'review', label is 'place' (50 % sure).",
        """Say which it is, by options or in an answers file.
Text classification: text is 'review', label is 'mood':
  --task text-classification --text review --label mood
    task = "text-classification"
    [data]
    text = "review"
    label = "mood"
Text classification: text is 'review', label is 'place':
  --task text-classification --text review --label place
    task = "text-classification"
    [data]
    text = "review"
    label = "place"\
""",
    )


def refusal(asked: Answers, folder: Path) -> tuple[str, str]:
    with pytest.raises(AnswersError) as caught:
        settle_columns(asked, folder)
    return caught.value.problem, caught.value.fix


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


LONG = "a long enough text about number"
PAIR = {"text": "sentence1", "text_pair": "sentence2"}


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [f"{LONG} {place},{LONG} {2 * place},{place / 7:.2f}" for place in range(60)]
    return write(tmp_path / "pairs.csv", "sentence1,sentence2,score", rows)


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    rows = [f"{LONG} {place},{LONG} {place} and on and on,{place / 7:.2f}" for place in range(60)]
    return write(tmp_path / "stories.csv", "headline,story,score", rows)


def test_the_layout_is_the_most_particular_one_that_the_file_holds(pairs: Path, tmp_path: Path) -> None:
    found = settle_columns(answers(pairs, "text-regression"), tmp_path).answers.data.columns
    assert found == {"text": "sentence1", "text_pair": "sentence2", "score": "score"}
    rows = [f"{LONG} {place},{place / 7:.2f}" for place in range(60)]
    single = write(tmp_path / "single.csv", "review,stars", rows)
    assert settle_columns(answers(single, "text-regression"), tmp_path).answers.data.columns == {
        "text": "review",
        "score": "stars",
    }


def test_who_names_one_text_and_not_the_other_says_that_there_is_one(pairs: Path, tmp_path: Path) -> None:
    found = settle_columns(answers(pairs, "text-regression", text="sentence2"), tmp_path).answers.data.columns
    assert found == {"text": "sentence2", "score": "score"}
    named = {"text": "sentence2", "score": "score"}
    assert settle_columns(answers(pairs, "text-regression", **named), tmp_path).answers.data.columns == named


def test_who_names_the_truth_alone_leaves_the_layout_open(pairs: Path, stories: Path, tmp_path: Path) -> None:
    found = settle_columns(answers(pairs, "text-regression", score="score"), tmp_path).answers.data.columns
    assert found == {"text": "sentence1", "text_pair": "sentence2", "score": "score"}
    both = {"text": "headline", "text_pair": "story"}
    assert settle_columns(answers(stories, "text-regression", **both), tmp_path).answers.data.columns == both | {
        "score": "score"
    }


def test_two_texts_that_need_not_be_a_pair_are_asked_for(stories: Path, tmp_path: Path) -> None:
    problem, fix = refusal(answers(stories, "text-regression"), tmp_path)
    assert problem.startswith("'stories.csv' can be read in more than one way: ")
    assert "--task text-regression --text story --column score=score" in fix
    assert "--task text-regression --text headline --column score=score" in fix


def test_a_role_without_an_option_of_its_own_is_named_by_column(tmp_path: Path) -> None:
    rows = [f"{LONG} {place},{LONG} {2 * place},some words" for place in range(60)]
    unscored = write(tmp_path / "unscored.csv", "sentence1,sentence2,remark", rows)
    assert refusal(answers(unscored, "text-regression", text="sentence1", text_pair="sentence2"), tmp_path) == (
        "Which column of 'unscored.csv' holds the score of both, a number? "
        "It is in none of: sentence1, sentence2, remark.",
        'Name it: `--column score=COLUMN`, or `score = "COLUMN"` under [data].',
    )


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ({}, [{"text", "text_pair", "score"}, {"text", "score"}]),
        ({"score": "a"}, [{"text", "text_pair", "score"}, {"text", "score"}]),
        ({"text": "a"}, [{"text", "score"}]),
        ({"text": "a", "score": "b"}, [{"text", "score"}]),
        ({"text_pair": "a"}, [{"text", "text_pair", "score"}]),
        ({"text": "a", "text_pair": "b"}, [{"text", "text_pair", "score"}]),
        ({"label_delimiter": ";"}, [{"text", "text_pair", "score"}, {"text", "score"}]),
    ],
)
def test_shapes_are_those_that_what_was_named_allows(columns: dict[str, str], roles: list[set[str]]) -> None:
    assert [set(shape.roles) for shape in fitting_shapes(columns, ["text-regression"])] == roles


def test_labels_are_found_in_a_column_of_lists_and_in_several_columns(tmp_path: Path) -> None:
    lists = [{"text": f"{LONG} {place}", "marks": ["late", "rude"][: place % 3]} for place in range(40)]
    path = write_lines(tmp_path / "lists.jsonl", lists)
    found = settle_columns(answers(path, "multi-label-classification"), tmp_path).answers
    assert found.data.columns == {"text": "text", "labels": "marks"}
    rows = [f"{LONG} {place},{place % 2},{place % 3 // 2}" for place in range(40)]
    path = write(tmp_path / "flags.csv", "text,late,rude", rows)
    found = settle_columns(answers(path, "multi-label-classification"), tmp_path).answers
    assert found.data.columns == {"text": "text", "labels": ["late", "rude"]}
    named = answers(path, "multi-label-classification", text="text", labels=["rude"])
    assert settle_columns(named, tmp_path).answers.data.columns == {"text": "text", "labels": ["rude"]}


def test_two_columns_of_lists_are_asked_for(tmp_path: Path) -> None:
    lists = [{"text": f"{LONG} {place}", "marks": ["late"], "names": ["rude"]} for place in range(40)]
    path = write_lines(tmp_path / "lists.jsonl", lists)
    problem, fix = refusal(answers(path, "multi-label-classification"), tmp_path)
    assert problem.startswith("'lists.jsonl' can be read in more than one way: ")
    for name in ("marks", "names"):
        assert f"--task multi-label-classification --text text --column labels={name}" in fix


SENTENCES = [
    {"tokens": ["We", "saw", place, "again"], "ner": ["O", "O", "B-place", "O"]}
    for place in ("Rome", "Paris", "Oslo", "Bern", "Kiel", "Riga", "Turin", "Nice", "Graz", "Lyon") * 3
]


def test_a_question_that_has_to_be_answered_is_never_answered_for_a_person(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "words.jsonl", SENTENCES)
    problem, fix = refusal(answers(path, "token-classification"), tmp_path)
    assert problem == "What do the tags mark? That is not said."
    assert fix.startswith('Say `--option tags=spans or tags=words`, or `tags = "…"` under [task_options]. ')
    said = answers(path, "token-classification").model_copy(update={"task_options": {"tags": "words"}})
    found = settle_columns(said, tmp_path).answers
    assert found.data.columns == {"tokens": "tokens", "tags": "ner"}
    assert found.task_options == {"tags": "words"}


def test_a_question_is_asked_only_with_the_columns_that_it_is_about(tmp_path: Path) -> None:
    spans = [
        {"text": f"We saw Rome and place {place}", "entities": [{"start": 7, "end": 11, "label": "place"}]}
        for place in range(30)
    ]
    path = write_lines(tmp_path / "spans.jsonl", spans)
    found = settle_columns(answers(path, "token-classification"), tmp_path).answers
    assert found.data.columns == {"text": "text", "spans": "entities"}


def test_the_columns_of_a_data_set_on_the_hub_are_looked_up_there(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        settle_columns(answers("makers/reviews", "text-classification", label="a"), tmp_path)
    assert caught.value.problem.startswith(
        "There is no file 'makers/reviews', and no data set of that name could be loaded ("
    )
    assert caught.value.fix.startswith("Check the path; for a data set on the hub check its id")


def test_columns_of_a_data_set_on_the_hub_that_are_all_named_are_taken(tmp_path: Path) -> None:
    named = {"text": "body", "score": "stars"}
    assert settle_columns(answers("makers/reviews", "text-regression", **named), tmp_path).answers.data.columns == named


@pytest.mark.parametrize(
    ("header", "row", "task", "columns"),
    [
        ("body,sentiment", "{long} {place},{flag}", "text-classification", {"text": "body", "label": "sentiment"}),
        (
            "sentence1,sentence2,score",
            "{long} {place},{long} {place},{place}.5",
            "text-regression",
            PAIR | {"score": "score"},
        ),
        (
            "sentence1,sentence2,label",
            "{long} {place},{long} {place},{flag}",
            "text-pair-classification",
            PAIR | {"label": "label"},
        ),
        (
            "text,late,rude",
            "{long} {place},{flag},{other}",
            "multi-label-classification",
            {"text": "text", "labels": ["late", "rude"]},
        ),
    ],
)
def test_without_a_task_it_is_detected_with_its_columns_and_kept_with_its_reasons(
    header: str, row: str, task: str, columns: dict[str, Any], tmp_path: Path
) -> None:
    rows = [row.format(long=LONG, place=place, flag=place % 2, other=place % 3 // 2) for place in range(60)]
    path = write(tmp_path / "rows.csv", header, rows)
    found = settle_columns(answers(path, None), tmp_path)
    assert (found.answers.task, found.answers.data.columns) == (task, columns)
    assert found.reading is not None
    assert found.reading.columns == columns
    assert found.reading.confidence >= load_columns().taken.value
    assert found.reading.because


def test_what_was_named_narrows_what_it_can_be(tmp_path: Path) -> None:
    rows = [f"{LONG} {place},{place % 5 + 1}" for place in range(60)]
    path = write(tmp_path / "ratings.csv", "review,stars", rows)
    problem, fix = refusal(answers(path, None), tmp_path)
    assert "Text classification: text is 'review', label is 'stars'" in problem
    assert "Score: text is 'review', score is 'stars'" in problem
    assert "--task text-regression --text review --column score=stars" in fix
    for columns, task in (({"label": "stars"}, "text-classification"), ({"score": "stars"}, "text-regression")):
        named = answers(path, None, **columns)
        assert settle_columns(named, tmp_path).answers.task == task
    by_metric = answers(path, None).model_copy(update={"goal": Goal(metric="rmse")})
    assert settle_columns(by_metric, tmp_path).answers.task == "text-regression"
    by_option = answers(path, None).model_copy(update={"task_options": {"lowest": "1"}})
    assert settle_columns(by_option, tmp_path).answers.task == "text-regression"


def test_columns_that_leave_one_kind_of_task_are_taken_at_their_word(tmp_path: Path) -> None:
    found = settle_columns(answers("makers/reviews", None, text="body", label="stars"), tmp_path)
    assert (found.answers.task, found.reading) == ("text-classification", None)
    both = answers("makers/reviews", None, text="a", text_pair="b", score="c")
    assert settle_columns(both, tmp_path).answers.task == "text-regression"


def test_lines_of_an_answers_file_are_given_as_they_have_to_be_written(tmp_path: Path) -> None:
    rows = [f"{LONG} {place},{place % 2},{place % 3}" for place in range(60)]
    path = write(tmp_path / "odd.csv", 'the "text" of it,how it\'s meant,where', rows)
    _, fix = refusal(answers(path, None), tmp_path)
    lines = fix.split("\n")
    start = lines.index('    task = "text-classification"')
    assert tomllib.loads("\n".join(line[4:] for line in lines[start : start + 4])) == {
        "task": "text-classification",
        "data": {"text": 'the "text" of it', "label": "how it's meant"},
    }
    flags = shlex.split(lines[start - 1])
    assert flags == ["--task", "text-classification", "--text", 'the "text" of it', "--label", "how it's meant"]


def test_data_for_a_task_that_is_not_built_is_refused_with_that_fact(tmp_path: Path) -> None:
    talks = [{"messages": [{"role": "user", "content": LONG}, {"role": "assistant", "content": LONG}]}] * 9
    path = write_lines(tmp_path / "talks.jsonl", talks)
    problem, fix = refusal(answers(path, None), tmp_path)
    assert problem == (
        "'talks.jsonl' is data for Generation: messages is 'messages' (99 % sure). That kind of task is not built yet."
    )
    assert fix.startswith("Built are: text-classification, ")


def test_data_without_any_answer_is_refused_with_what_to_say(tmp_path: Path) -> None:
    path = write(tmp_path / "dates.csv", "day,number", [f"2020-01-{place % 28 + 1:02},{place}" for place in range(40)])
    problem, fix = refusal(answers(path, None), tmp_path)
    assert problem == "No kind of task is plain from the columns of 'dates.csv': day, number."
    assert "--text COLUMN --label COLUMN" in fix
    with pytest.raises(DataError, match="only one column: 'text'"):
        settle_columns(answers(write(tmp_path / "one.csv", "text", [LONG, LONG + " two"]), None), tmp_path)


def test_who_can_be_asked_is_asked_where_it_is_not_clear_and_only_there(tmp_path: Path) -> None:
    put: list[list[str]] = []

    def choose_last(asked: Answers, found: Preview, readings: list[Reading]) -> Answers:
        labelled = [reading for reading in readings if "label" in reading.columns]
        put.append([str(reading.columns["label"]) for reading in labelled])
        return read_as(asked, labelled[-1])

    rows = [f"a long enough review number {place},{place % 2},{place % 3}" for place in range(60)]
    path = write(tmp_path / "two.csv", "review,mood,place", rows)
    found = settle_columns(answers(path, None), tmp_path, choose_last)
    assert (put, found.reading) == ([["mood", "place"]], None)
    assert found.answers.data.columns == {"text": "review", "label": "place"}
    clear = write(tmp_path / "clear.csv", "review,label,place", rows)
    assert settle_columns(answers(clear, None), tmp_path, choose_last).answers.data.columns["label"] == "label"
    assert len(put) == 1
