"""The cheap ways to tag words: what each remembers, and what it says of words that it never saw."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.embeddings import Embedder
from pipeline.errors import ModelError
from pipeline.task import Answer, RivalSetting, Rows, load_task
from pipeline.tasks.tag_rivals import draw_sentences
from tests import tiny
from tests.examples import token_classification as example

TASK = load_task("token-classification", {"tags": "spans"})


def rows_of(*sentences: str) -> Rows:
    """Rows from words with their tags behind a stroke; words without are outside."""
    pairs = [[(*part.split("/"), "O")[:2] for part in sentence.split()] for sentence in sentences]
    return Rows(
        tuple(map(str, range(len(pairs)))),
        tuple(tuple(word for word, _ in sentence) for sentence in pairs),
        tuple(tuple(tag for _, tag in sentence) for sentence in pairs),
    )


def answers(name: str, embedder: Embedder, train: Rows, *given: str) -> list[Answer]:
    classes = TASK.classes(train)
    setting = RivalSetting(embedder, classes, TASK.metrics["span_f1"], {}, [], "mean")
    inputs = tuple(tuple(sentence.split()) for sentence in given)
    found = TASK.fit_rival(name, setting)(train, 0)(Rows(tuple(map(str, range(len(inputs)))), inputs, ()))
    return list(found.answers)


def test_the_majority_is_outside_and_finds_no_span(embedder: Embedder) -> None:
    train = rows_of("in Rome/B-city today", "Rome/B-city")
    assert answers("majority_tag", embedder, train, "Rome is", "") == [("O", "O"), ()]


def test_a_word_keeps_its_tag_and_lends_it_to_other_letters(embedder: Embedder) -> None:
    train = rows_of("May/B-name may may", "May/B-name", "ROME/B-city Rome/B-city rome")
    assert answers("word_tags", embedder, train, "May may MAY Rome rOME other") == [
        ("B-name", "O", "O", "B-city", "B-city", "O")
    ]


def test_known_names_are_found_the_longest_first_whatever_their_case(embedder: Embedder) -> None:
    train = rows_of(
        "New/B-city York/I-city",
        "the New/B-paper York/I-paper Times/I-paper",
        "NEW/B-city YORK/I-city",
        "may may May/B-name",
        "Oslo/B-city oslo oslo Oslo/B-city Oslo/B-city",
    )
    assert answers("gazetteer", embedder, train, "the new york times", "New York is new", "May Oslo Times") == [
        ("O", "B-paper", "I-paper", "I-paper"),
        ("B-city", "I-city", "O", "O"),
        ("O", "B-city", "O"),
    ]


def test_without_an_outside_the_commonest_tag_stands_for_it(embedder: Embedder) -> None:
    train = rows_of("x/a y/b y/b", "y/b z/b")
    assert TASK.classes(train) == ["b", "a"]
    assert answers("gazetteer", embedder, train, "x q") == [("a", "b")]
    assert answers("probe", embedder, train, "\u200b") == [("b",)]


def test_the_probe_learns_what_features_tell_and_two_tags_too(embedder: Embedder) -> None:
    train = rows_of(*["one calm/a one", "calm/a one", "one one calm/a"] * 5)
    assert answers("probe", embedder, train, "one calm", "calm one calm") == [("O", "a"), ("a", "O", "a")]


def test_the_probe_says_the_first_class_where_it_can_learn_nothing(embedder: Embedder) -> None:
    unread = Rows(("1", "2"), (("\u200b", "\x07"), ("",)), (("O", "a"), ("a",)))
    assert answers("probe", embedder, unread, "one calm", "") == [("O", "O"), ()]
    assert answers("probe", embedder, rows_of("one/a"), "one") == [("a",)]


def test_the_probe_is_fitted_to_whole_sentences_with_every_tag_among_them() -> None:
    rows = example.make_rows(200, 0)
    rare = rows_of("one calm/B-rare", "glad/I-rare one")
    joined = Rows((*rows.ids, "x", "y"), (*rows.inputs, *rare.inputs), (*rows.answers, *rare.answers))
    drawn = draw_sentences(joined, seed=4, most=60)
    assert sum(map(len, drawn.inputs)) <= 60
    assert set(drawn.ids) <= set(joined.ids)
    assert {tag for answer in drawn.answers for tag in answer} == set(TASK.classes(joined))  # type: ignore[union-attr]
    assert drawn == draw_sentences(joined, seed=4, most=60)
    assert drawn.ids != draw_sentences(joined, seed=5, most=60).ids


def test_a_saved_probe_needs_its_model_and_counted_ways_do_not(embedder: Embedder, tmp_path: Path) -> None:
    rows = example.make_rows(60, 0)
    setting = RivalSetting(embedder, TASK.classes(rows), TASK.metrics["span_f1"], {}, [], "layer_mean")
    for name in TASK.rivals:
        (tmp_path / name).mkdir()
        TASK.fit_rival(name, setting)(rows, 0).save(tmp_path / name)
        if name != "probe":
            assert TASK.load_rival(tmp_path / name, None)(rows).row_ids == rows.ids
    with pytest.raises(ModelError) as caught:
        TASK.load_rival(tmp_path / "probe", None)
    assert caught.value.fix == "Install or download that model."
    probe = TASK.fit_rival("probe", setting)(rows, 0)
    again = TASK.load_rival(tmp_path / "probe", embedder)
    np.testing.assert_array_equal(again(rows).confidence, probe(rows).confidence)
    head = TASK.head_of(again)
    assert head is not None
    assert [each.shape for each in head] == [(len(tiny.CLASSES) * 2 + 1, 32), (len(tiny.CLASSES) * 2 + 1,)]
