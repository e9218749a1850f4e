"""Columns are detected on the whole file, and never guessed where two readings are plausible."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.columns import clear_columns, possible_layouts, settle_columns
from advisor.errors import AnswersError
from advisor.records import Answers
from pipeline.errors import DataError
from pipeline.records import DataSource
from pipeline.task import Layout, Role, load_task


def answers(path: Path | str, task: str = "text-classification", **columns: Any) -> Answers:
    return Answers(task=task, data=DataSource(train=str(path), columns=columns))


def write(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_file_that_is_sorted_by_label_does_not_hide_the_label(tmp_path: Path) -> None:
    rows = [
        f"a long enough review number {place},{place // 300},{'web' if place % 2 else 'shop'}" for place in range(600)
    ]
    path = write(tmp_path / "sorted.csv", "review,sentiment,source", rows)
    assert settle_columns(answers(path), tmp_path).data.columns == {"text": "review", "label": "sentiment"}


def test_two_plausible_labels_are_asked_for_and_not_guessed(tmp_path: Path) -> None:
    rows = [f"a long enough review number {place},{place % 2},{place % 3}" for place in range(60)]
    path = write(tmp_path / "two.csv", "review,mood,place", rows)
    with pytest.raises(AnswersError) as caught:
        settle_columns(answers(path), tmp_path)
    assert caught.value.problem.startswith("Which column of 'two.csv' holds its one label? It could be any of: ")
    assert caught.value.fix == 'Name it: `--label COLUMN`, or `label = "COLUMN"` under [data].'


def refusal(asked: Answers, folder: Path) -> tuple[str, str]:
    with pytest.raises(AnswersError) as caught:
        settle_columns(asked, folder)
    return caught.value.problem, caught.value.fix


def write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


LONG = "a long enough text about number"


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [f"{LONG} {place},{LONG} {2 * place},{place / 7:.2f}" for place in range(60)]
    return write(tmp_path / "pairs.csv", "sentence1,sentence2,score", rows)


@pytest.fixture
def stories(tmp_path: Path) -> Path:
    rows = [f"{LONG} {place},{LONG} {place} and on and on,{place / 7:.2f}" for place in range(60)]
    return write(tmp_path / "stories.csv", "headline,story,score", rows)


def test_the_layout_is_the_most_particular_one_that_the_file_holds(pairs: Path, tmp_path: Path) -> None:
    found = settle_columns(answers(pairs, "text-regression"), tmp_path).data.columns
    assert found == {"text": "sentence1", "text_pair": "sentence2", "score": "score"}
    rows = [f"{LONG} {place},{place / 7:.2f}" for place in range(60)]
    single = write(tmp_path / "single.csv", "review,stars", rows)
    assert settle_columns(answers(single, "text-regression"), tmp_path).data.columns == {
        "text": "review",
        "score": "stars",
    }


def test_who_names_one_text_and_not_the_other_says_that_there_is_one(pairs: Path, tmp_path: Path) -> None:
    found = settle_columns(answers(pairs, "text-regression", text="sentence2"), tmp_path).data.columns
    assert found == {"text": "sentence2", "score": "score"}
    named = {"text": "sentence2", "score": "score"}
    assert settle_columns(answers(pairs, "text-regression", **named), tmp_path).data.columns == named


def test_who_names_the_truth_alone_leaves_the_layout_open(pairs: Path, stories: Path, tmp_path: Path) -> None:
    found = settle_columns(answers(pairs, "text-regression", score="score"), tmp_path).data.columns
    assert found == {"text": "sentence1", "text_pair": "sentence2", "score": "score"}
    both = {"text": "headline", "text_pair": "story"}
    assert settle_columns(answers(stories, "text-regression", **both), tmp_path).data.columns == both | {
        "score": "score"
    }


def test_two_texts_that_need_not_be_a_pair_are_asked_for(stories: Path, tmp_path: Path) -> None:
    assert refusal(answers(stories, "text-regression"), tmp_path) == (
        "Which column of 'stories.csv' holds the text to be scored? It could be any of: story, headline.",
        'Name it: `--text COLUMN`, or `text = "COLUMN"` under [data].',
    )


def test_a_role_without_an_option_of_its_own_is_named_by_column(tmp_path: Path) -> None:
    rows = [f"{LONG} {place},{LONG} {2 * place},some words" for place in range(60)]
    unscored = write(tmp_path / "unscored.csv", "sentence1,sentence2,remark", rows)
    assert refusal(answers(unscored, "text-regression", text="sentence1", text_pair="sentence2"), tmp_path) == (
        "Which column of 'unscored.csv' holds the score of both, a number? "
        "It is in none of: sentence1, sentence2, remark.",
        'Name it: `--column score=COLUMN`, or `score = "COLUMN"` under [data].',
    )


def test_no_column_fills_two_roles() -> None:
    layout = Layout("", (Role("one", "", True), Role("other", "", True), Role("truth", "", False)))
    found: dict[str, list[str | list[str]]] = {"one": ["a"], "other": ["a", "b"], "truth": ["c"]}
    assert clear_columns(layout, {}, found) == {"one": "a", "other": "b", "truth": "c"}
    assert clear_columns(layout, {"one": "b"}, found) == {"other": "a", "truth": "c"}
    assert clear_columns(layout, {"truth": "a"}, found) == layout.roles[0]
    assert clear_columns(layout, {}, {"one": ["a"], "other": ["a"], "truth": ["c"]}) == layout.roles[1]


@pytest.mark.parametrize(
    ("columns", "titles"),
    [
        ({}, ["two texts and their score", "a text and its score"]),
        ({"score": "a"}, ["two texts and their score", "a text and its score"]),
        ({"text": "a"}, ["a text and its score"]),
        ({"text": "a", "score": "b"}, ["a text and its score"]),
        ({"text_pair": "a"}, ["two texts and their score"]),
        ({"text": "a", "text_pair": "b"}, ["two texts and their score"]),
        ({"label_delimiter": ";"}, ["two texts and their score", "a text and its score"]),
    ],
)
def test_layouts_are_those_that_what_was_named_allows(columns: dict[str, str], titles: list[str]) -> None:
    assert [layout.title for layout in possible_layouts(load_task("text-regression"), columns)] == titles


def test_labels_are_found_in_a_column_of_lists_and_in_several_columns(tmp_path: Path) -> None:
    lists = [{"text": f"{LONG} {place}", "marks": ["late", "rude"][: place % 3]} for place in range(40)]
    path = write_lines(tmp_path / "lists.jsonl", lists)
    found = settle_columns(answers(path, "multi-label-classification"), tmp_path)
    assert found.data.columns == {"text": "text", "labels": "marks"}
    rows = [f"{LONG} {place},{place % 2},{place % 3 // 2}" for place in range(40)]
    path = write(tmp_path / "flags.csv", "text,late,rude", rows)
    found = settle_columns(answers(path, "multi-label-classification"), tmp_path)
    assert found.data.columns == {"text": "text", "labels": ["late", "rude"]}
    named = answers(path, "multi-label-classification", text="text", labels=["rude"])
    assert settle_columns(named, tmp_path).data.columns == {"text": "text", "labels": ["rude"]}


def test_two_columns_of_lists_are_asked_for(tmp_path: Path) -> None:
    lists = [{"text": f"{LONG} {place}", "marks": ["late"], "names": ["rude"]} for place in range(40)]
    path = write_lines(tmp_path / "lists.jsonl", lists)
    assert refusal(answers(path, "multi-label-classification"), tmp_path) == (
        "Which column of 'lists.jsonl' holds its labels? It could be any of: marks, names.",
        'Name it: `--column labels=COLUMN`, or `labels = "COLUMN"` under [data].',
    )


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
    found = settle_columns(said, tmp_path)
    assert found.data.columns == {"tokens": "tokens", "tags": "ner"}
    assert found.task_options == {"tags": "words"}


def test_a_question_is_asked_only_with_the_columns_that_it_is_about(tmp_path: Path) -> None:
    spans = [
        {"text": f"We saw Rome and place {place}", "entities": [{"start": 7, "end": 11, "label": "place"}]}
        for place in range(30)
    ]
    path = write_lines(tmp_path / "spans.jsonl", spans)
    found = settle_columns(answers(path, "token-classification"), tmp_path)
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
    assert settle_columns(answers("makers/reviews", "text-regression", **named), tmp_path).data.columns == named
