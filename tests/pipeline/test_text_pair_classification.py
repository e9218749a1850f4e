"""Pairs of texts: how they are found and read, what their similarity tells, and where a model still fails."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import transformers

from pipeline.embeddings import Embedder
from pipeline.errors import DataError
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1
from pipeline.metric import Metric
from pipeline.models import load_tokenizer
from pipeline.predictors.fine_tuned import FineTuned
from pipeline.predictors.zero_shot import unit
from pipeline.records import ModelSource
from pipeline.task import Predictions, RivalSetting, Rows, TrainingSetting, load_task
from pipeline.tasks.text_pair_classification import CutSimilarity, cut_similarity, pair_similarity
from tests import tiny
from tests.examples import text_pair_classification as example

TASK = load_task("text-pair-classification")


def pairs_of(pairs: Sequence[tuple[str, str, str]]) -> Rows:
    """Rows of (text, text_pair, label)."""
    ids = tuple(str(place) for place in range(len(pairs)))
    return Rows(ids, tuple((one, other) for one, other, _ in pairs), tuple(label for _, _, label in pairs))


def near_and_far(embedder: Embedder, count: int) -> tuple[Rows, Any]:
    """Pairs that are alike in more and more words, and their similarity."""
    rows = example.make_rows(count, seed=5)
    texts = [given[0].split() for given in rows.inputs]
    inputs = tuple(
        (" ".join(text), " ".join(text[: place % 7] + texts[place - 1][place % 7 :]))
        for place, text in enumerate(texts)
    )
    return Rows(rows.ids, inputs, rows.answers), pair_similarity(embedder, inputs)


def test_both_texts_are_read_in_their_order_and_rows_without_a_label_are_left_out() -> None:
    table = pd.DataFrame(
        {"a": ["one", None, "five"], "b": ["two", "three", "six"], "same": [True, False, None]},
        index=range(1, 4),
        dtype=object,
    )
    columns = {"text": "a", "text_pair": "b", "label": "same"}
    found = TASK.rows(table, columns, "pairs.csv", labelled=True)
    assert found == Rows(("1", "2"), (("one", "two"), ("", "three")), ("true", "false"))
    assert TASK.rows(table, columns, "pairs.csv", labelled=False).inputs[2] == ("five", "six")


def test_a_second_text_that_is_not_there_is_named() -> None:
    table = pd.DataFrame({"premise": ["a"], "hypothesis": ["b"], "label": ["c"]}, dtype=object)
    with pytest.raises(DataError) as caught:
        TASK.rows(table, {"text": "premise", "text_pair": "hypotesis", "label": "label"}, "pairs.csv", labelled=True)
    assert caught.value.problem == "'pairs.csv' has no column 'hypotesis'."
    assert caught.value.fix == "It has: premise, hypothesis, label. Did you mean 'hypothesis'?"


def test_pairs_that_have_another_label_the_other_way_round_are_found() -> None:
    rows = pairs_of(
        [
            ("a dog", "a cat", "yes"),
            ("a  cat", "a dog", "no"),
            ("a cat", "a dog", "no"),
            ("a cow", "a hen", "no"),
            ("a hen", "a cow", "no"),
            ("a pig", "a pig ", "yes"),
            ("a pig", "a pig", "no"),
        ]
    )
    found = {finding.code: finding for finding in TASK.audit(rows)}
    assert found.keys() == {"both_orders", "same_text_twice"}
    assert (found["both_orders"].count, found["both_orders"].examples) == (3, ["a cat ⇄ a dog: no / yes"])
    assert (found["same_text_twice"].count, found["same_text_twice"].examples) == (2, ["a pig: no / yes"])


def test_similarity_is_the_cosine_of_the_two_texts(embedder: Embedder) -> None:
    inputs = example.make_rows(4, seed=0).inputs
    one, other = (unit(embedder([given[side] for given in inputs], "mean")) for side in (0, 1))
    np.testing.assert_allclose(pair_similarity(embedder, inputs), np.diag(one @ other.T), rtol=1e-5)
    assert pair_similarity(embedder, [(given[0], given[0]) for given in inputs]) == pytest.approx(1.0)
    assert pair_similarity(embedder, []).shape == (0,)


@pytest.mark.parametrize("metric", [MACRO_F1, ACCURACY])
@pytest.mark.parametrize("turned", [False, True])
def test_two_labels_are_cut_where_the_score_is_best(embedder: Embedder, metric: Metric, turned: bool) -> None:
    rows, near = near_and_far(embedder, 60)
    noise = np.random.default_rng(0).normal(scale=near.std() / 2, size=60)
    labels = ["far" if value < np.quantile(near, 0.7) else "near" for value in near + noise]
    if turned:
        labels = ["near" if label == "far" else "far" for label in labels]
    rows = Rows(rows.ids, rows.inputs, tuple(labels))
    fitted = cut_similarity(embedder, ["far", "near"], metric)(rows, 0)
    tried = [
        metric(labels, np.where(near <= cut, below, above).tolist(), ["far", "near"])
        for cut in [-2.0, *near]
        for below, above in (("far", "near"), ("near", "far"))
    ]
    assert metric(labels, fitted(rows).answers, ["far", "near"]) == pytest.approx(max(tried))
    assert isinstance(fitted, CutSimilarity)
    assert fitted.labels == (["near", "far"] if turned else ["far", "near"])


def test_more_labels_are_cut_by_a_small_tree_and_shares_are_the_scores(embedder: Embedder) -> None:
    rows, near = near_and_far(embedder, 90)
    low, high = np.quantile(near, [0.3, 0.6])
    labels = ["c" if value <= low else "a" if value <= high else "b" for value in near]
    rows = Rows(rows.ids, rows.inputs, (*labels[:-1], "c"))
    fitted = cut_similarity(embedder, ["a", "b", "c", "d"], MACRO_F1)(rows, 0)
    found = fitted(rows)
    assert isinstance(fitted, CutSimilarity)
    assert fitted.labels == ["c", "a", "b"]
    assert found.answers == tuple(labels)
    assert found.scores is not None
    assert found.confidence is not None
    np.testing.assert_allclose(found.scores.sum(axis=1), 1)
    assert (found.scores[:, 3] == 0).all()
    last = fitted.labels.index(labels[-1])
    assert found.confidence[-1] == fitted.shares[last][["a", "b", "c", "d"].index(labels[-1])] < 1


@pytest.mark.parametrize("labels", [["a"], ["a", "b", "a", "b"]])
def test_where_similarity_tells_nothing_one_label_is_answered(embedder: Embedder, labels: list[str]) -> None:
    rows = pairs_of([("one", "one", label) for label in labels])
    fitted = cut_similarity(embedder, ["a", "b"], MACRO_F1)(rows, 0)
    assert isinstance(fitted, CutSimilarity)
    assert fitted.thresholds == []
    assert len(set(fitted(rows).answers)) == 1


def test_the_model_reads_both_texts_together_and_never_starts_from_the_probe(
    embedder: Embedder, tiny_model: ModelSource
) -> None:
    rows = example.make_rows(60, seed=2)
    classes = TASK.classes(rows)
    probe = TASK.fit_rival("probe", RivalSetting(embedder, classes, MACRO_F1, {}, [], "mean"))(rows, 0)
    assert TASK.head_of(probe) is None
    assert not TASK.starts_from_probe
    tokenizer = load_tokenizer(Path(tiny_model.location))
    encoded = TASK.encode(tokenizer, rows.inputs[:1], 32)[0]
    one, other = (tokenizer(text)["input_ids"] for text in rows.inputs[0])
    assert encoded["input_ids"] == [*one, *other[1:]]
    assert sorted(set(encoded["token_type_ids"])) == [0, 1]


def test_what_the_card_says_about_use_works(tiny_model: ModelSource, tmp_path: Path) -> None:
    rows = example.make_rows(12, seed=3)
    classes = TASK.classes(rows)
    setting = TrainingSetting(classes=classes, pooling="mean", seed=0, rows=rows)
    encoder = Path(tiny_model.location)
    tuned = FineTuned(TASK.build_model(encoder, setting), load_tokenizer(encoder), TASK, classes, tiny.PREPARATION)
    tuned.save(tmp_path / "model")
    names: dict[str, Any] = {"transformers": transformers}
    exec(TASK.usage.replace('model="model"', f"model={str(tmp_path / 'model')!r}"), names)
    said = names["classify"](dict(zip(("text", "text_pair"), rows.inputs[0], strict=True)))
    expected = tuned(rows.take([0]))
    assert expected.confidence is not None
    assert (said["label"], said["score"]) == (expected.answers[0], pytest.approx(expected.confidence[0], abs=1e-5))


def test_errors_are_counted_by_words_in_common() -> None:
    rows = pairs_of(
        [
            ("The cat sat.", "the CAT sat", "yes"),
            ("the cat sat", "the cat ran", "no"),
            ("one two", "three four", "no"),
            ("", "", "yes"),
        ]
    )
    ours = Predictions(rows.ids, ("yes", "yes", "no", "no"), None, np.array([0.9, 0.8, 0.7, 0.6]))
    found = TASK.analyse_errors(rows, ours, ours, ["no", "yes"], show_rows=True)
    assert [case.text for case in found.worst] == ["the cat sat ⇄ the cat ran", " ⇄ "]
    assert found.tables[0].rows == [
        ["under 25 %", "2", "1", "50 %"],
        ["25 to 50 %", "0", "0", "–"],
        ["50 to 75 %", "1", "1", "100 %"],
        ["75 % or more", "1", "0", "0 %"],
    ]
