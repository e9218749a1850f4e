"""What only some kinds of task can get wrong: refused with the fault and its mend, never read as something else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from advisor.records import Answers
from pipeline.data.dataset import load_dataset
from pipeline.task import load_task
from tests.advisor.conftest import Advisor
from tests.examples import text_pair_classification, token_classification

Table = Sequence[Mapping[str, Any]]
PAIRS = [
    {"text": f"a thing {place}", "text_pair": f"one more thing {place}", "label": "xy"[place % 2], "score": place % 7}
    for place in range(60)
]
SENTENCES = [{"tokens": ["Anna", "saw", "Rome", str(place)], "tags": ["B-a", "O", "B-b", "O"]} for place in range(60)]


def save(rows: Table, path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def retagged(*tags: str) -> Table:
    return [{**row, "tags": list(tags)} for row in SENTENCES]


@pytest.mark.parametrize(
    ("task", "rows", "options", "problem", "fix"),
    [
        (
            "text-regression",
            [{**row, "score": 1e300 if place == 4 else row["score"]} for place, row in enumerate(PAIRS)],
            ["--column", "text=text", "--column", "score=score"],
            "'rows.jsonl' has cells in its column 'score' that are not numbers: row 5 '1e+300'.",
            "Write plain numbers up to 1e+12",
        ),
        (
            "text-regression",
            PAIRS,
            ["--column", "text=text", "--column", "score=score", "--option", "lowest=40"],
            "No score of 'rows.jsonl' lies on the scale that was named; they go from 0 to 6.",
            "Mend `lowest` and `highest`",
        ),
        (
            "text-regression",
            PAIRS,
            ["--column", "text=score", "--column", "score=score"],
            "'rows.jsonl': data.score is 'score', as text is.",
            "Name a column of its own for each.",
        ),
        (
            "text-pair-classification",
            [{**row, "text_pair": None} for row in PAIRS],
            [],
            "The column 'text_pair' of 'rows.jsonl' is empty in every row.",
            "Fill it, or name another column for text_pair.",
        ),
        (
            "text-classification",
            [{"text": row["text"], "label": ["x", "y"]} for row in PAIRS],
            ["--label", "label"],
            "Row 1 of 'rows.jsonl' holds several values in the label column 'label'.",
            'For several labels a row set task = "multi-label-classification"',
        ),
        (
            "multi-label-classification",
            [{"text": row["text"], "labels": "x|y" if row["label"] == "x" else "y"} for row in PAIRS],
            ["--column", "label_delimiter=;"],
            "The label_delimiter ';' is in no cell of the column 'labels' of 'rows.jsonl'.",
            "Give the character that separates the labels there",
        ),
        (
            "multi-label-classification",
            [{"text": row["text"], "labels": "['x', 'y']"} for row in PAIRS],
            [],
            "Row 1 of 'rows.jsonl' holds '['x', 'y']' in the column 'labels', which is no list.",
            "Write lists as JSON, with double quotes",
        ),
        (
            "token-classification",
            retagged("B_a", "O", "B_b", "O"),
            ["--option", "tags=spans"],
            "The tags of 'rows.jsonl' are in no scheme that is known: 'B_a', 'B_b'.",
            "Write 'B-city' and 'I-city'",
        ),
        (
            "token-classification",
            retagged("a", "OTHER", "OTHER", "OTHER"),
            ["--option", "tags=spans"],
            "Most words of 'rows.jsonl' have the tag 'OTHER' and none has 'O'",
            "Write 'O' instead of 'OTHER' if that is what it means.",
        ),
        (
            "token-classification",
            [{"tokens": [word], "tags": [tag]} for row in SENTENCES for word, tag in zip(*row.values(), strict=True)],
            ["--column", "tokens=tokens", "--column", "tags=tags", "--option", "tags=spans"],
            "Every row of 'rows.jsonl' holds one word: a tag is told from the words around it.",
            "Put the words of a sentence into one row",
        ),
        (
            "token-classification",
            SENTENCES,
            [],
            "What do the tags mark? That is not said.",
            "Say `--option tags=spans or tags=words`",
        ),
        (
            "token-classification",
            [{**row, "pos_tags": row["tags"], "ner_tags": row["tags"], "tags": None} for row in SENTENCES],
            [],
            "'rows.jsonl' can be read in more than one way: Tags: tokens is 'tokens', tags is 'pos_tags'",
            "Say which it is, by options or in an answers file.\n",
        ),
    ],
)
def test_it_is_refused_with_its_mend(
    task: str, rows: Table, options: Sequence[str], problem: str, fix: str, here: Path, advisor: Advisor
) -> None:
    save(rows, here / "rows.jsonl")
    done = advisor("assess", "rows.jsonl", "--task", task, "--no-launch", "--out", "run", *options)
    assert done.code == 1
    assert problem in done.err
    assert fix in done.err
    assert not (here / "run").exists()


def test_the_same_file_cannot_train_and_test(here: Path, advisor: Advisor) -> None:
    rows = text_pair_classification.make_rows(90, 1)
    path = text_pair_classification.write_file(rows, here / "pairs")
    (here / "answers.toml").write_text(
        f'task = "text-pair-classification"\n[data]\ntrain = "{path.name}"\ntest = "{path.name}"\n', encoding="utf-8"
    )
    done = advisor("assess", "answers.toml", "--no-launch", "--out", "run")
    assert (done.code, done.err.splitlines()[-2]) == (
        1,
        f"No row of '{path.name}' is left to train on: each also stands in the validation or test file.",
    )


def test_a_test_file_without_answers_is_refused(here: Path, advisor: Advisor) -> None:
    save(PAIRS, here / "train.jsonl")
    save([{**row, "label": None} for row in PAIRS], here / "test.jsonl")
    (here / "answers.toml").write_text(
        'task = "text-pair-classification"\n[data]\ntrain = "train.jsonl"\ntest = "test.jsonl"\n'
        'text = "text"\ntext_pair = "text_pair"\nlabel = "label"\n',
        encoding="utf-8",
    )
    done = advisor("assess", "answers.toml", "--no-launch", "--out", "run")
    assert (done.code, done.err.splitlines()[-2]) == (1, "No row of 'test.jsonl' has an answer to score against.")


@pytest.mark.parametrize("seed", range(12))
def test_a_tag_that_stands_once_trains_and_is_never_sealed(seed: int, tmp_path: Path) -> None:
    rows = token_classification.make_rows(120, 1)
    odd = tuple("X" if place == 0 else "Y" for place in range(len(rows.inputs[0])))
    rows = type(rows)(rows.ids, rows.inputs, (odd, *rows.answers[1:]))
    path = token_classification.write_file(rows, tmp_path / "data")
    columns = token_classification.COLUMNS
    task = load_task("token-classification", {"tags": "words"}, columns)
    source = Answers.model_validate({"data": {"train": str(path), **columns}}).data
    data = load_dataset(source, task, tmp_path, seed)
    place = data.rows.answers.index(odd)
    assert data.sides[place] != "test"


def test_scores_that_are_all_alike_are_not_yet_to_be_judged(here: Path, advisor: Advisor) -> None:
    rows = [{"text": f"a thing that is {place} long", "score": {0: 1, 1: 2}.get(place, 5)} for place in range(200)]
    save(rows, here / "rows.jsonl")
    done = advisor("assess", "rows.jsonl", "--task", "text-regression", "--no-launch", "--out", "run", "--json")
    assert done.code in (3, 4)
    assert done.document["forecast"] is None


def test_a_role_that_the_run_does_not_read_is_refused_when_predicting(here: Path, advisor: Advisor) -> None:
    rows = [{"text": f"a thing that is {place} long", "score": {0: 1, 1: 2}.get(place, 5)} for place in range(200)]
    save(rows, here / "rows.jsonl")
    advisor("assess", "rows.jsonl", "--task", "text-regression", "--no-launch", "--out", "run")
    done = advisor("predict", "run", "--data", "rows.jsonl", "--out", "out.csv", "--column", "text_pair=score")
    assert (done.code, done.err.splitlines()[0]) == (1, "This run has no column for 'text_pair'.")
    assert not (here / "out.csv").exists()
