"""What columns are taken for, over every kind of data, and how sure: by name, by what they hold, and by both together."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from advisor.columns import plausible_readings
from advisor.rulebook import load_columns
from pipeline.data.columns import SHAPES, Reading, read_columns

RULES = load_columns()
SIGNS = RULES.signs
ROWS = 60
NOUNS = [
    "kettle",
    "train",
    "window",
    "garden",
    "printer",
    "sofa",
    "lamp",
    "ticket",
    "jacket",
    "bottle",
    "phone",
    "river",
]
VERBS = ["broke", "arrived", "worked", "failed", "shone", "leaked", "stopped", "rattled", "pleased", "annoyed"]
DRAW = random.Random(7)


def text(words: int = 12) -> str:
    parts = [f"the {DRAW.choice(NOUNS)} {DRAW.choice(VERBS)} and" for _ in range(max(1, words // 4))]
    return " ".join(parts) + f" I told my {DRAW.choice(NOUNS)} about it"


def pick(*values: Any) -> Any:
    return DRAW.choice(values)


def picture() -> dict[str, Any]:
    return {"bytes": b"\xff\xd8\xff" + bytes(DRAW.randrange(256) for _ in range(8)), "path": None}


def question_of(passage: str) -> dict[str, Any]:
    start = passage.index("the ", 4)
    answer = passage[start : start + 12]
    return {
        "id": str(DRAW.random()),
        "title": pick("Rome", "Oslo", "Bern"),
        "context": passage,
        "question": f"What {DRAW.choice(VERBS)} in the {DRAW.choice(NOUNS)} of {DRAW.choice(NOUNS)}?",
        "answers": {"text": [answer], "answer_start": [start]},
    }


def paraphrase() -> tuple[str, str]:
    words = text(16).split()
    return " ".join(words), " ".join([*words[:-2], DRAW.choice(NOUNS), DRAW.choice(VERBS)])


def german() -> str:
    return f"der {DRAW.choice(NOUNS)} ist nicht gut und ich will das auch nicht mit dem {DRAW.choice(NOUNS)}"


def spans() -> list[dict[str, Any]]:
    return [{"start": 0, "end": 3, "label": pick("place", "person")}]


def messages() -> list[dict[str, str]]:
    return [{"role": "user", "content": text()}, {"role": "assistant", "content": text(30)}]


def sentence() -> list[str]:
    return [DRAW.choice(NOUNS) for _ in range(DRAW.randrange(3, 9))]


def tagged() -> dict[str, Any]:
    words = sentence()
    return {"tokens": words, "ner_tags": [pick("O", "O", "O", "B-thing", "I-thing") for _ in words]}


def pair(one: str, other: str, **more: Any) -> dict[str, Any]:
    first, second = paraphrase()
    return {one: first, other: second, **more}


Row = Callable[[int], dict[str, Any]]
PLAIN: list[tuple[str, Row, str, dict[str, Any]]] = [
    (
        "text and label",
        lambda n: {"text": text(), "label": pick("good", "bad")},
        "text-classification",
        {"text": "text", "label": "label"},
    ),
    (
        "title case",
        lambda n: {"Review Text": text(), "Sentiment": pick("pos", "neg")},
        "text-classification",
        {"text": "Review Text", "label": "Sentiment"},
    ),
    (
        "labels of 0 and 1",
        lambda n: {"sentence": text(), "label": n % 2},
        "text-classification",
        {"text": "sentence", "label": "label"},
    ),
    (
        "labels of 0 and 1 in text",
        lambda n: {"utterance": text(), "intent": str(n % 2)},
        "text-classification",
        {"text": "utterance", "label": "intent"},
    ),
    (
        "labels by number",
        lambda n: {"text": text(), "label": n % 5},
        "text-classification",
        {"text": "text", "label": "label"},
    ),
    (
        "numbered rows",
        lambda n: {"": n, "text": text(), "label": pick("a", "b")},
        "text-classification",
        {"text": "text", "label": "label"},
    ),
    (
        "id, date and a constant",
        lambda n: {
            "tweet_id": f"x{n:07}",
            "date": f"2020-01-{n % 28 + 1:02}",
            "query": "NO_QUERY",
            "tweet": text(),
            "target": n % 2,
        },
        "text-classification",
        {"text": "tweet", "label": "target"},
    ),
    (
        "a comment beside",
        lambda n: {"text": text(), "comment": text(4) if n % 4 == 0 else "", "label": pick("spam", "ham")},
        "text-classification",
        {"text": "text", "label": "label"},
    ),
    (
        "title and body",
        lambda n: {"title": text(4), "body": text(60), "category": pick("world", "sport", "tech")},
        "text-classification",
        {"text": "body", "label": "category"},
    ),
    (
        "sentiment and language",
        lambda n: {"text": text(), "sentiment": pick("positive", "negative"), "language": pick("en", "de")},
        "text-classification",
        {"text": "text", "label": "sentiment"},
    ),
    (
        "split and confidence",
        lambda n: {
            "text": text(),
            "sentiment": pick("positive", "neutral", "negative"),
            "confidence": DRAW.random(),
            "split": pick("train", "test"),
        },
        "text-classification",
        {"text": "text", "label": "sentiment"},
    ),
    (
        "fine and coarse labels",
        lambda n: {"text": text(), "label": pick("x", "y"), "fine_label": pick("x1", "x2", "y1")},
        "text-classification",
        {"text": "text", "label": "label"},
    ),
    (
        "an empty column",
        lambda n: {"text": text(), "label": pick("x", "y"), "remarks": None, "notes": ""},
        "text-classification",
        {"text": "text", "label": "label"},
    ),
    (
        "many classes",
        lambda n: {"query": text(), "intent": f"intent_{n % 40}"},
        "text-classification",
        {"text": "query", "label": "intent"},
    ),
    (
        "lists of labels",
        lambda n: {"text": text(), "labels": ["late", "rude", "kind"][: n % 4]},
        "multi-label-classification",
        {"text": "text", "labels": "labels"},
    ),
    (
        "delimited labels",
        lambda n: {"plot": text(40), "genres": pick("drama|war", "comedy", "drama|comedy", "war")},
        "multi-label-classification",
        {"text": "plot", "labels": "genres", "label_delimiter": "|"},
    ),
    (
        "flags",
        lambda n: {"comment_text": text(), "toxic": n % 2, "obscene": n % 3 // 2, "threat": n % 5 // 4},
        "multi-label-classification",
        {"text": "comment_text", "labels": ["toxic", "obscene", "threat"]},
    ),
    (
        "premise and hypothesis",
        lambda n: {"premise": text(), "hypothesis": text(), "label": pick("entailment", "contradiction", "neutral")},
        "text-pair-classification",
        {"text": "premise", "text_pair": "hypothesis", "label": "label"},
    ),
    (
        "two questions",
        lambda n: pair("question1", "question2", id=n, qid1=2 * n, is_duplicate=n % 2),
        "text-pair-classification",
        {"text": "question1", "text_pair": "question2", "label": "is_duplicate"},
    ),
    (
        "similar sentences",
        lambda n: pair("sentence_A", "sentence_B", relatedness_score=round(n % 41 / 10, 1)),
        "text-regression",
        {"text": "sentence_A", "text_pair": "sentence_B", "score": "relatedness_score"},
    ),
    (
        "similarity as label",
        lambda n: pair("sentence1", "sentence2", label=round(n % 41 / 10, 1), idx=n),
        "text-regression",
        {"text": "sentence1", "text_pair": "sentence2", "score": "label"},
    ),
    (
        "a rating with decimals",
        lambda n: {"essay": text(80), "grade": n % 13 / 2},
        "text-regression",
        {"text": "essay", "score": "grade"},
    ),
    (
        "a rating with decimal commas",
        lambda n: {"review": text(), "score": f"{n % 13},{n % 10}"},
        "text-regression",
        {"text": "review", "score": "score"},
    ),
    ("tagged words", lambda n: tagged(), "token-classification", {"tokens": "tokens", "tags": "ner_tags"}),
    (
        "tagged words with an id",
        lambda n: {"id": str(n), **tagged()},
        "token-classification",
        {"tokens": "tokens", "tags": "ner_tags"},
    ),
    (
        "spans",
        lambda n: {"text": text(), "entities": spans()},
        "token-classification",
        {"text": "text", "spans": "entities"},
    ),
    (
        "questions about passages",
        lambda n: question_of(text(60)),
        "extractive-question-answering",
        {"question": "question", "context": "context", "answers": "answers"},
    ),
    (
        "pictures",
        lambda n: {"image": picture(), "label": n % 4},
        "image-classification",
        {"image": "image", "label": "label"},
    ),
    (
        "paths of pictures",
        lambda n: {"file_name": f"train/{n}.jpg", "class": pick("cat", "dog")},
        "image-classification",
        {"image": "file_name", "label": "class"},
    ),
    (
        "articles with highlights",
        lambda n: {"id": str(n), "article": text(120), "highlights": text(12)},
        "summarization",
        {"document": "article", "summary": "highlights"},
    ),
    ("two languages", lambda n: {"en": text(), "de": german()}, "translation", {"source": "en", "target": "de"}),
    (
        "a translation in one column",
        lambda n: {"id": n, "translation": {"en": text(), "de": german()}},
        "translation",
        {"translation": "translation"},
    ),
    (
        "source and target",
        lambda n: {"source": text(), "target": german()},
        "translation",
        {"source": "source", "target": "target"},
    ),
    (
        "instructions",
        lambda n: {"instruction": text(), "input": text() if n % 3 == 0 else "", "output": text(40)},
        "text-generation",
        {"prompt": "instruction", "input": "input", "answer": "output"},
    ),
    (
        "prompts and completions",
        lambda n: {"prompt": text(), "completion": text(40)},
        "text-generation",
        {"prompt": "prompt", "answer": "completion"},
    ),
    (
        "preferences",
        lambda n: {"prompt": text(), "chosen": text(30), "rejected": text(30)},
        "text-generation",
        {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    ),
    ("messages", lambda n: {"messages": messages()}, "text-generation", {"messages": "messages"}),
    (
        "conversations",
        lambda n: {"id": n, "conversations": [{"from": "human", "value": text()}, {"from": "gpt", "value": text()}]},
        "text-generation",
        {"messages": "conversations"},
    ),
]
"""Data as it is published, the kind of task, and the columns; each is read without a question."""


def rows_of(row: Row, count: int = ROWS) -> list[dict[str, Any]]:
    DRAW.seed(11)
    return [row(place) for place in range(count)]


def read(rows: Sequence[Mapping[str, Any]], **options: Any) -> list[Reading]:
    return read_columns(rows, SIGNS, **options)


def likely(readings: Sequence[Reading]) -> list[Reading]:
    return [reading for reading in readings if reading.confidence >= RULES.plausible.value]


plain = pytest.mark.parametrize(
    ("row", "task", "columns"), [case[1:] for case in PLAIN], ids=[case[0] for case in PLAIN]
)


@plain
def test_data_as_it_is_published_is_read_without_a_question(row: Row, task: str, columns: dict[str, Any]) -> None:
    found = read(rows_of(row))
    assert (found[0].task, found[0].columns) == (task, columns)
    assert found[0].confidence >= RULES.taken.value
    assert len(likely(found)) == 1
    assert all(reason.endswith(".") and "{" not in reason for reason in found[0].because)


@plain
def test_the_order_of_columns_changes_nothing_but_which_of_two_texts_is_first(
    row: Row, task: str, columns: dict[str, Any]
) -> None:
    rows = [dict(reversed(each.items())) for each in rows_of(row)]
    found = read(rows)
    turned = {"en": "de", "de": "en"}
    expected = {
        role: sorted(column) if isinstance(column, list) else turned.get(column, column)
        for role, column in columns.items()
    }
    got = {role: sorted(column) if isinstance(column, list) else column for role, column in found[0].columns.items()}
    assert (found[0].task, got) == (task, expected)


def test_every_kind_of_task_is_read() -> None:
    assert {task for _, _, task, _ in PLAIN} == {shape.task for shape in SHAPES}


def neutral(rows: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows with columns called c1, c2, …, in another order; and what each was called."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    random.Random(5).shuffle(names)
    called = {f"c{place}": name for place, name in enumerate(names, start=1)}
    return [{new: row.get(old) for new, old in called.items()} for row in rows], called


NAMELESS = {
    "text and label",
    "labels of 0 and 1",
    "id, date and a constant",
    "many classes",
    "lists of labels",
    "delimited labels",
    "flags",
    "a rating with decimals",
    "a rating with decimal commas",
    "tagged words",
    "tagged words with an id",
    "spans",
    "questions about passages",
    "pictures",
    "paths of pictures",
    "two languages",
    "a translation in one column",
    "messages",
    "conversations",
    "split and confidence",
}


@pytest.mark.parametrize("case", [case for case in PLAIN if case[0] in NAMELESS], ids=lambda case: case[0])
def test_what_columns_hold_tells_most_kinds_without_their_names(case: tuple[str, Row, str, dict[str, Any]]) -> None:
    rows, called = neutral(rows_of(case[1]))
    best = read(rows)[0]
    named = {
        role: [called[name] for name in column] if isinstance(column, list) else called.get(column, column)
        for role, column in best.columns.items()
    }
    turned = {"source": case[3].get("target"), "target": case[3].get("source")}
    assert best.task == case[2]
    assert {role: sorted(value) for role, value in named.items()} in (
        {role: sorted(value) for role, value in case[3].items()},
        {role: sorted(value or "") for role, value in turned.items()},
    )


DOUBTFUL: list[tuple[str, Row, list[tuple[str, dict[str, Any]]]]] = [
    (
        "ratings of 1 to 5",
        lambda n: {"review": text(), "stars": n % 5 + 1},
        [
            ("text-regression", {"text": "review", "score": "stars"}),
            ("text-classification", {"text": "review", "label": "stars"}),
        ],
    ),
    (
        "scores of 1 to 5",
        lambda n: {"text": text(), "score": str(n % 5 + 1)},
        [
            ("text-regression", {"text": "text", "score": "score"}),
            ("text-classification", {"text": "text", "label": "score"}),
        ],
    ),
    (
        "two columns of labels",
        lambda n: {"review": text(), "mood": pick("x", "y"), "place": pick("u", "v", "w")},
        [
            ("text-classification", {"text": "review", "label": "mood"}),
            ("text-classification", {"text": "review", "label": "place"}),
        ],
    ),
    (
        "three annotators",
        lambda n: {"text": text(), **{f"annotator_{each}": pick("x", "y") for each in (1, 2, 3)}},
        [("text-classification", {"text": "text", "label": f"annotator_{each}"}) for each in (1, 2, 3)],
    ),
    (
        "two texts without names",
        lambda n: {"ours": text(20), "theirs": text(20), "kind": pick("x", "y")},
        [
            ("text-classification", {"text": "ours", "label": "kind"}),
            ("text-classification", {"text": "theirs", "label": "kind"}),
        ],
    ),
]


@pytest.mark.parametrize(("row", "expected"), [case[1:] for case in DOUBTFUL], ids=[case[0] for case in DOUBTFUL])
def test_where_two_readings_are_plausible_both_are_told(row: Row, expected: list[tuple[str, dict[str, Any]]]) -> None:
    found = [(reading.task, reading.columns) for reading in likely(read(rows_of(row)))]
    assert [each for each in expected if each not in found] == []


def test_a_text_that_is_left_aside_for_a_longer_one_is_named() -> None:
    (found,) = likely(read(rows_of(lambda n: {"opening": text(6), "body": text(20), "kind": pick("x", "y")})))
    assert found.columns == {"text": "body", "label": "kind"}
    assert "Of several columns of texts the longest is read: 'body', not 'opening'." in found.because


def test_a_table_of_hundreds_of_columns_is_read_in_seconds_and_told_in_few_readings() -> None:
    kinds = [DRAW.random, lambda: DRAW.randrange(5), lambda: pick("a", "b"), text, sentence]
    rows = [{f"f{place}": kinds[place % 5]() for place in range(60)} for _ in range(40)]
    found = read(rows)
    assert sum(reading.confidence for reading in found) <= 1
    assert 1 < len(plausible_readings(found, RULES)) <= 6


ODD: list[Any] = [
    None,
    "",
    " ",
    "x",
    "[1, 2",
    "[]",
    "{}",
    3,
    -2.5,
    float("nan"),
    float("inf"),
    10**400,
    True,
    b"",
    b"\xff\xd8\xff",
    [],
    [[]],
]
ODDER: list[Any] = [
    [None, {}],
    {},
    {"text": 1},
    {"role": "user"},
    [{"start": 0, "end": 1, "label": None}],
    ("a",),
    "\ud800",
    "a;b",
    "a, b",
    "😀" * 9,
]


@pytest.mark.parametrize("seed", range(40))
def test_no_cell_is_so_odd_that_it_cannot_be_looked_at(seed: int) -> None:
    draw = random.Random(seed)
    names = ["text", "label", "score", "tokens", "tags", "", " ", "c1", "c2", "answers", "context", "image", "en", "de"]
    rows = [
        {name: draw.choice([*ODD, *ODDER]) for name in draw.sample(names, draw.randrange(1, 8))}
        for _ in range(draw.choice([1, 2, 20]))
    ]
    found = read(rows)
    assert 0 <= sum(reading.confidence for reading in found) <= 1 + 1e-9
    assert read([]) == []
