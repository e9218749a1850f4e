"""Tags of words: how they are read, which are refused, what the audit counts, how answers are written, where a model fails."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.splitting import folds
from pipeline.embeddings import Embedder
from pipeline.errors import DataError, PlanError
from pipeline.task import Predictions, Rows, Task, load_task
from tests import tiny
from tests.examples import token_classification as example

TOKENS = {"tokens": "words", "tags": "tags"}
SPANS = {"text": "text", "spans": "spans"}
OVERLAP = "has spans that overlap or share a word, the second being"
BY_SPANS = load_task("token-classification", {"tags": "spans"})
BY_WORDS = load_task("token-classification", {"tags": "words"})


def table(*rows: tuple[Any, Any], columns: Sequence[str] = ("words", "tags")) -> pd.DataFrame:
    found = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    found.index = pd.RangeIndex(1, len(found) + 1)
    return found


def texts(*rows: tuple[Any, Any]) -> pd.DataFrame:
    return table(*rows, columns=("text", "spans"))


def rows_of(*sentences: str, words: Sequence[str] = ()) -> Rows:
    """Rows with these tags, on words that are given or made up."""
    tags = tuple(tuple(sentence.split()) for sentence in sentences)
    inputs = tuple(
        tuple((words[row] if words else "abcdefgh"[: len(each)]).split() if words else "abcdefgh"[: len(each)])
        for row, each in enumerate(tags)
    )
    return Rows(tuple(map(str, range(len(tags)))), inputs, tags)


def refusal(task: Task, *sentences: str) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        task.check(rows_of(*sentences), "folder/names.jsonl")
    return caught.value.problem, caught.value.fix


def unreadable(found: pd.DataFrame, columns: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        BY_SPANS.rows(found, columns, "folder/names.jsonl", labelled=True)
    return caught.value.problem, caught.value.fix


def test_lists_arrays_json_and_words_with_spaces_are_read_alike() -> None:
    words, tags = ["New", "York", "!"], ["B-city", "I-city", "O"]
    found = BY_SPANS.rows(
        table(
            (words, tags),
            (np.array(words), np.array(tags)),
            (json.dumps(words), json.dumps(tags)),
            ("New York !", " B-city I-city  O"),
            (json.dumps(words), "B-city I-city O"),
        ),
        TOKENS,
        "names.csv",
        labelled=True,
    )
    assert found == Rows(tuple("12345"), (tuple(words),) * 5, (tuple(tags),) * 5)


def test_numbers_become_words_and_tags_and_rows_without_tags_are_left_out() -> None:
    given = table(([1, 2.5, None], [3, 4.0, True]), (["x"], None), (None, "  "), ("[ laughs ] hi", "O O O O"))
    found = BY_SPANS.rows(given, TOKENS, "names.csv", labelled=True)
    assert found.ids == ("1", "4")
    assert found.inputs == (("1", "2.5", ""), ("[", "laughs", "]", "hi"))
    assert found.answers[0] == ("3", "4", "true")
    unlabelled = BY_SPANS.rows(given, {"tokens": "words", "tags": "missing"}, "names.csv", labelled=False)
    assert unlabelled == Rows(tuple("1234"), (("1", "2.5", ""), ("x",), (), ("[", "laughs", "]", "hi")), ())


def test_rows_that_cannot_be_read_are_named_together() -> None:
    found = unreadable(
        table(
            (["a", "b"], ["O"]),
            ("['a', 'b']", "['O', 'O']"),
            (["a"], ["O"]),
            ([], []),
            (["a", "b"], ["O", None]),
            (["a"], [["O"]]),
        ),
        TOKENS,
    )
    assert found == (
        "'names.jsonl' row 1: 'tags' holds 1 tags for 2 words; row 2: 'words' holds no list of words: ['a', 'b']; "
        "row 4: 'words' holds no words; and 2 more rows.",
        "Give each word one tag; words that hold spaces need JSON lists. Write lists as JSON, with double quotes: "
        '["New", "York"]; in Python `json.dumps` does. Take rows without words out.',
    )
    assert (
        unreadable(table((["a", "b"], ["O", " "])), TOKENS)[0] == "'names.jsonl' row 1: 'tags' holds no tag for word 2."
    )
    assert unreadable(table((["a"], "[0]"), (["a"], "[0 1]")), TOKENS)[0] == (
        "'names.jsonl' row 2: 'tags' holds no list of tags: [0 1]."
    )
    assert unreadable(table((5, "O")), TOKENS)[0] == "'names.jsonl' row 1: 'words' holds no list of words: 5."


def test_spans_become_tags_and_are_widened_to_whole_words_in_the_open() -> None:
    task = load_task("token-classification", {}, SPANS)
    assert task.options == {"tags": "spans"}
    text = "Anna-Lena saw 北京大学 and the 👍🏽s."
    given = texts(
        (text, [{"start": 0, "end": 9, "label": "person"}, {"start": 14, "end": 16, "label": "city"}]),
        (text, json.dumps([{"start": 15, "end": 17, "label": "city"}, {"start": 2, "end": 4, "label": "person"}])),
        ("nothing", []),
        ("unlabelled", None),
        (" New York ", [{"start": 0, "end": 10, "label": "city", "id": 7}]),
    )
    found = task.rows(given, SPANS, "names.jsonl", labelled=True)
    assert found.ids == ("1", "2", "3", "5")
    assert found.inputs[0] == ("Anna", "-", "Lena", "saw", *"北京大学", "and", "the", "👍🏽", "s", ".")
    assert found.answers[0] == ("B-person", "I-person", "I-person", "O", "B-city", "I-city", *"OOOOOOO")
    assert found.answers[1] == ("B-person", "O", "O", "O", "O", "B-city", "I-city", *"OOOOOO")
    assert found.answers[2:] == (("O",), ("B-city", "I-city"))
    (finding,) = task.audit(found)
    assert (finding.code, finding.count, finding.examples) == ("widened_spans", 1, ["'na' to 'Anna'"])
    assert task.audit(found.take([0, 2])) == []
    assert load_task("token-classification", {}, SPANS).audit(found) == []
    assert task.rows(given, SPANS, "names.jsonl", labelled=False).inputs[3] == ("unlabelled",)


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        ([{"start": 0, "end": 3, "label": "x"}, {"start": 2, "end": 5, "label": "y"}], f"{OVERLAP} 2 to 5 'w Y' (y)"),
        ([{"start": 0, "end": 1, "label": "x"}, {"start": 1, "end": 3, "label": "y"}], f"{OVERLAP} 1 to 3 'ew' (y)"),
        ([{"start": 4, "end": 9, "label": "x"}], "has a span from 4 to 9 in a text of 8 characters"),
        ([{"start": -1, "end": 2, "label": "x"}], "has a span from -1 to 2 in a text of 8 characters"),
        ([{"start": 2, "end": 2, "label": "x"}], "has a span from 2 to 2 in a text of 8 characters"),
        ([{"start": 3, "end": 4, "label": "x"}], "has a span without words: 3 to 4 ' ' (x)"),
        ([[0, 3, "x"]], "holds something that is no span: [0, 3, 'x']"),
        ([{"start": 0, "label": "x"}], "holds something that is no span: {'start': 0, 'label': 'x'}"),
        ([{"start": 0, "end": 1.5, "label": "x"}], "holds something that is no span: {'start': 0, 'end': 1.5, 'label': 'x'}"),
        ([{"start": 0, "end": 3, "label": " "}], "holds something that is no span: {'start': 0, 'end': 3, 'label': ' '}"),
        ("New (city)", "holds no list of spans: New (city)"),
        ({"start": [0]}, "holds no list of spans: {'start': [0]}"),
    ],
)  # fmt: skip
def test_spans_that_cannot_be_tags_are_refused(spans: Any, problem: str) -> None:
    said, mend = unreadable(texts(("fine", []), ("New York", spans)), SPANS)
    assert said == f"'names.jsonl' row 2: 'spans' {problem}."
    assert mend
    assert unreadable(texts((" ", [])), SPANS)[0] == "'names.jsonl' row 1: the text holds no words."


def test_what_tags_mark_decides_metrics_and_rivals() -> None:
    assert list(BY_SPANS.metrics) == ["span_f1", "accuracy", "macro_f1"]
    assert list(BY_WORDS.metrics) == ["accuracy", "macro_f1"]
    assert BY_SPANS.rivals == ("majority_tag", "word_tags", "gazetteer", "probe")
    assert BY_WORDS.rivals == ("majority_tag", "word_tags", "probe")
    bare = load_task("token-classification")
    assert (bare.options, list(bare.metrics)) == ({}, ["span_f1", "accuracy", "macro_f1"])
    with pytest.raises(PlanError) as caught:
        load_task("token-classification", {"tags": "names"})
    assert (caught.value.problem, caught.value.fix) == ("task_options.tags is 'names'.", "It can be: spans, words.")
    with pytest.raises(PlanError) as caught:
        load_task("token-classification", {"tags": "words"}, SPANS)
    assert caught.value.problem == "task_options.tags is 'words', but the data has a column of spans."


def test_tags_that_cannot_be_learned_are_refused_with_the_mend() -> None:
    assert refusal(BY_WORDS, "N N", "N") == (
        "'names.jsonl' has one class only: every label is 'N'.",
        "Add rows of another class, or name another label column.",
    )
    assert refusal(BY_SPANS, "O O", "O")[0] == "'names.jsonl' has no span in any row."
    assert refusal(BY_SPANS, "B-city O", "B-City I-City", "I-city B-city")[1].startswith(
        "Write 'city' instead of 'City'."
    )
    assert refusal(BY_WORDS, "noun Noun", "noun")[1].startswith("Write 'noun' instead of 'Noun'.")
    assert refusal(BY_SPANS, "0 1 2", "0 0 5") == (
        "The tags of 'names.jsonl' are numbers, which do not say where spans begin: '0', '1', '2', ….",
        "Write their names, such as 'B-city', 'I-city' and 'O'. "
        'If each word has a tag of its own, such as a part of speech, set task_options.tags = "words".',
    )
    assert refusal(BY_SPANS, "B-PER O LOC")[0] == (
        "'names.jsonl' has tags with a letter in front of the type ('B-PER') and tags without: 'LOC'."
    )
    assert refusal(BY_SPANS, "B-PER E-PER L-PER")[0] == (
        "The letters in front of the types in 'names.jsonl' are of no scheme: B, E, L."
    )
    assert refusal(BY_SPANS, "E-mail O")[0] == (
        "The letters in front of the types in 'names.jsonl' are of no scheme: E."
    )
    many = " ".join(f"t{place}" for place in range(40))
    assert refusal(BY_WORDS, many, many.upper())[0] == "The tags of 'names.jsonl' are 80 different ones for 80 words."


@pytest.mark.parametrize(
    "tags", ["B-a I-a O", "I-a O", "B-a E-a O", "S-a O", "U-a B-a L-a", "B-a M-a E-a", "a O", "a b"]
)
def test_every_scheme_is_taken(tags: str) -> None:
    BY_SPANS.check(rows_of(tags, tags, tags.replace("-a", "-b")), "names.jsonl")
    assert [finding.code for finding in BY_SPANS.audit(rows_of(tags))] == (["nothing_outside"] if tags == "a b" else [])


def test_numbers_are_tags_where_each_word_has_its_own() -> None:
    BY_WORDS.check(rows_of("0 1 2", "0 0 5"), "names.jsonl")


def test_the_audit_counts_broken_sequences_and_empty_words() -> None:
    rows = rows_of("B-a I-a O", "O I-a", "B-a I-b", "B-a", words=["x y z", "the Obamas", "v w", "x"])
    (finding,) = BY_SPANS.audit(rows)
    assert (finding.code, finding.count) == ("illegal_tags", 2)
    assert finding.examples == ["'I-a' behind 'O': the Obamas", "'I-b' behind 'B-a': v w"]
    assert BY_WORDS.audit(rows) == []
    empty = Rows(("1", "2"), (("a", " "), ("b", "c")), (("O", "B-x"), ("B-x", "O")))
    (finding,) = BY_WORDS.audit(empty)
    assert (finding.code, finding.count, finding.examples) == ("empty_words", 1, ["a  "])


def test_the_first_class_is_outside_or_the_commonest() -> None:
    rows = rows_of("B-b O", "B-a I-a O")
    assert BY_SPANS.classes(rows) == ["O", "B-a", "B-b", "I-a"]
    assert BY_WORDS.classes(rows_of("Z A M", "M B")) == ["M", "A", "B", "Z"]
    assert BY_SPANS.kinds(("B-b", "O", "B-a", "I-a")) == {"a", "b"}
    assert BY_WORDS.kinds(("N", "V")) == frozenset()
    assert BY_SPANS.weight(rows.inputs[1]) == 3


def test_strata_are_the_rarest_types_or_lengths() -> None:
    rows = rows_of("B-a B-b", "B-a", "B-a", "O", "O O")
    assert BY_SPANS.strata(rows) == ["b", "a", "a", "", ""]
    assert BY_SPANS.strata(rows_of("B-a", "B-a O", "B-a O O")) == ["short", "middle", "long"]
    words = rows_of(*["N V D"] * 30)
    found = BY_WORDS.strata(words)
    assert Counter(found) == {"short": 10, "middle": 10, "long": 10}
    assert len(folds(list(words.ids), found, 5, seed=0)) == 5


def test_a_signal_is_one_word_of_each_row_and_half_of_them_names(embedder: Embedder) -> None:
    rows = example.make_rows(300, 1)
    classes = BY_SPANS.classes(rows)
    found = BY_SPANS.signal(rows, embedder, "mean", classes, 200, seed=3)
    assert found.targets.shape == (200, len(classes))
    assert (found.targets.sum(axis=1) == 1).all()
    names = found.targets[:, 1:].sum() / 100  # every other row has names
    assert 0.5 < names < 0.9
    assert all(1 <= len(text.split()) <= 3 for text in found.texts)
    again = BY_SPANS.signal(rows, embedder, "mean", classes, 200, seed=3)
    np.testing.assert_array_equal(found.features, again.features)
    assert BY_SPANS.signal(rows, embedder, "mean", classes, 10**6, seed=3).features.shape == (300, 32)


def test_answers_are_written_in_the_form_of_the_data() -> None:
    given = texts((" Anna-Lena saw 北京大学!", None), ("", None))
    rows = BY_SPANS.rows(given, SPANS, "names.jsonl", labelled=False)
    answers = (("B-person", "I-person", "I-person", "O", "B-city", "I-city", "B-school", "I-school", "O"), ())
    found = BY_SPANS.written(given, SPANS, Predictions(rows.ids, answers))
    assert found == [
        [
            {"start": 1, "end": 10, "label": "person", "text": "Anna-Lena"},
            {"start": 15, "end": 17, "label": "city", "text": "北京"},
            {"start": 17, "end": 19, "label": "school", "text": "大学"},
        ],
        [],
    ]
    labelled = texts(*[(given["text"].iloc[row], spans) for row, spans in enumerate(found[:1])])
    assert BY_SPANS.rows(labelled, SPANS, "names.jsonl", labelled=True).answers == answers[:1]
    assert BY_SPANS.written(given, TOKENS, Predictions(rows.ids, answers))[0] == list(answers[0])


def test_the_loss_is_the_mean_over_words_of_all_accumulated_batches() -> None:
    import torch

    loss = BY_SPANS.loss(["O", "B-a"], rows_of("O B-a"), "balanced", 0.0)
    logits = torch.tensor([[[0.0, 0.0], [2.0, 0.0], [5.0, 1.0]], [[1.0, 3.0], [0.0, 0.0], [0.0, 0.0]]])
    labels = torch.tensor([[-100, 0, -100], [1, 1, -100]])
    each = [-torch.log_softmax(logits, -1)[place][int(labels[place])] for place in ((0, 1), (1, 0), (1, 1))]
    assert float(loss({"logits": logits}, labels)) == pytest.approx(float(sum(each)) / 3)
    assert float(loss({"logits": logits}, labels, torch.tensor(12))) == pytest.approx(float(sum(each)) / 12)
    assert float(loss({"logits": logits}, torch.full((2, 3), -100))) == 0.0


def test_errors_of_spans_are_counted_by_type_mistake_and_length() -> None:
    truth = rows_of("B-a I-a O B-b", "B-a O B-b I-b", "O B-a O O", "B-a I-a I-a O", "O O O B-a", words=["w x y z"] * 5)
    answers = ("B-a I-a O B-a", "B-a I-a O O", "O B-a O O", "O B-b O O", "B-a O O O")
    ours = Predictions(
        truth.ids, tuple(tuple(tags.split()) for tags in answers), confidence=np.array([5, 9, 9, 7, 8]) / 10
    )
    theirs = Predictions(truth.ids, (truth.answers[0], *[("O",) * 4] * 4))
    found = BY_SPANS.analyse_errors(truth, ours, theirs, [], show_rows=True)
    assert [(one.label, one.rows, one.precision, one.recall) for one in found.by_class] == [
        ("a", 5, 0.4, 0.4),
        ("b", 2, 0.0, 0.0),
    ]
    mistakes, lengths = found.tables
    assert dict(mistakes.rows) == {
        "right border, wrong type": "1",
        "right type, wrong border": "1",
        "wrong type and border": "1",
        "missed": "2",
        "invented": "1",
    }
    assert [row[:2] for row in lengths.rows] == [["1 word", "4"], ["2 words", "2"], ["3 and more", "1"]]
    assert (found.confusion, found.mended, found.broken) == ([], 1, 1)
    assert [(case.row_id, case.text, case.truth, case.answer) for case in found.worst] == [
        ("1", "w x y z", "w (a); y z (b)", "w x (a)"),
        ("4", "w x y z", "z (a)", "w (a)"),
        ("3", "w x y z", "w x y (a)", "x (b)"),
        ("0", "w x y z", "w x (a); z (b)", "w x (a); z (a)"),
    ]
    assert BY_SPANS.analyse_errors(truth, ours, theirs, [], show_rows=False).worst == []


def test_spans_that_are_tagged_otherwise_are_no_error() -> None:
    truth = rows_of("B-a I-a O")
    same = Predictions(truth.ids, (("I-a", "I-a", "O"),), confidence=np.array([0.9]))
    found = BY_SPANS.analyse_errors(truth, same, same, [], show_rows=True)
    assert (found.worst, [table.title for table in found.tables]) == ([], ["Spans by length"])


def test_errors_of_words_are_counted_by_tag_and_letters() -> None:
    truth = rows_of("N V N X", "V N", words=["Time flies FAST !", "run home"])
    ours = Predictions(truth.ids, (("N", "N", "N", "X"), ("V", "N")), confidence=np.array([0.5, 0.9]))
    theirs = Predictions(truth.ids, (truth.answers[0], ("N", "N")))
    found = BY_WORDS.analyse_errors(truth, ours, theirs, ["N", "V", "X"], show_rows=True)
    assert found.confusion == [[3, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert [(one.label, one.rows, one.recall) for one in found.by_class] == [
        ("N", 3, 1.0),
        ("V", 2, 0.5),
        ("X", 1, 1.0),
    ]
    assert found.tables[0].rows == [
        ["small letters", "3", "0.667"],
        ["first letter a capital", "1", "1.000"],
        ["all capitals", "1", "1.000"],
        ["no letters", "1", "1.000"],
    ]
    assert [(case.truth, case.answer) for case in found.worst] == [("flies (V)", "flies (N)")]
    assert (found.mended, found.broken) == (1, 1)


def test_a_head_from_the_probe_answers_as_the_probe(embedder: Embedder) -> None:
    from pipeline.predictors.fine_tuned import FineTuned
    from pipeline.task import RivalSetting, TrainingSetting

    rows = example.make_rows(120, 2)
    classes = BY_SPANS.classes(rows)
    cut = Rows(("x", "y"), (("one",) * 60, ("one", "\u200b", "calm")), ())
    for pooling in ("mean", "layer_mean"):
        probe = BY_SPANS.fit_rival(
            "probe", RivalSetting(embedder, classes, BY_SPANS.metrics["span_f1"], {}, [], pooling)
        )(rows, 0)
        setting = TrainingSetting(classes, pooling, 0, rows, BY_SPANS.head_of(probe))
        model = BY_SPANS.build_model(embedder.path, setting).eval()
        tuned = FineTuned(model, embedder.tokenizer, BY_SPANS, classes, tiny.PREPARATION)
        for given in (rows, cut):
            ours, theirs = tuned(given), probe(given)
            assert ours.answers == theirs.answers
            assert ours.confidence is not None
            assert theirs.confidence is not None
            np.testing.assert_allclose(ours.confidence, theirs.confidence, atol=1e-2)


def test_a_saved_model_is_read_by_the_pipelines_of_transformers(embedder: Embedder, tmp_path: Path) -> None:
    import transformers

    from pipeline.task import TrainingSetting

    rows = example.make_rows(20, 2)
    classes = BY_SPANS.classes(rows)
    BY_SPANS.build_model(embedder.path, TrainingSetting(classes, "layer_mean", 0, rows)).save_pretrained(
        tmp_path / "model"
    )
    embedder.tokenizer.save_pretrained(tmp_path / "model")
    space: dict[str, Any] = {"transformers": transformers}
    exec(BY_SPANS.usage.replace('model="model"', f'model="{tmp_path / "model"}"'), space)
    assert {found["entity_group"] for found in space["tag"](" ".join(rows.inputs[0]))} <= {*tiny.CLASSES, "O"}
    model = BY_SPANS.load_model(tmp_path / "model")
    assert model.config.id2label == dict(enumerate(classes))
