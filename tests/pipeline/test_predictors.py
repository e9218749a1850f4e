"""The cheap ways: what they answer, and that a saved one answers the same."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.embeddings import Embedder
from pipeline.errors import ModelError
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1
from pipeline.predictors.anchored import Meanings, anchored_probe, fit_around
from pipeline.predictors.linear import Linear, OneLabel, fit_logistic, fit_standardised
from pipeline.predictors.majority import majority
from pipeline.predictors.probe import Probe, embed, probe
from pipeline.predictors.tfidf import load_tfidf, tfidf
from pipeline.predictors.zero_shot import Phrasing, are_words, load_zero_shot, phrasing_scores, zero_shot
from pipeline.records import TextPreparation
from pipeline.task import Predictions, RivalSetting, Rows, load_task
from tests.tiny import CLASSES, PHRASES, PREPARATION

TASK = load_task("text-classification")
TEMPLATES = ["{phrase}", "one {phrase}"]
ABC = ["a", "b", "c"]


def answered(
    linear: Linear, features: np.ndarray[tuple[int, int], np.dtype[np.float64]], classes: list[str]
) -> Predictions:
    return OneLabel().decode([str(place) for place in range(len(features))], linear(features), classes)


def features_of(rows: int, seed: int) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[str]]:
    """Features of unlike scales that say something about the labels."""
    random = np.random.default_rng(seed)
    labels = random.choice(["a", "b", "c"], size=rows)
    signal = (labels[:, None] == np.array(["a", "b", "c"])) * 2.0
    features = np.concatenate([signal, np.zeros((rows, 3))], axis=1) + random.normal(size=(rows, 6))
    return features * [1, 10, 100, 1, 1000, 0.01] + [5, 0, -50, 1, 0, 3], labels.tolist()


def test_the_majority_guess_answers_the_commonest_class_with_the_shares_as_scores() -> None:
    rows = Rows(("1", "2", "3", "4"), ("", "", "", ""), ("b", "a", "b", "b"))
    found = majority(["a", "b", "c"])(rows, 0)(rows)
    assert found.answers == ("b",) * 4
    assert found.scores is not None
    assert found.scores.tolist() == [[0.25, 0.75, 0.0]] * 4
    assert found.confidence is not None
    assert found.confidence.tolist() == [0.75] * 4


def test_zero_shot_takes_the_phrasing_that_does_best(rows: Rows, embedder: Embedder) -> None:
    few = rows.take(range(90))
    scores = phrasing_scores(few, embedder, CLASSES, PHRASES, TEMPLATES, MACRO_F1)
    assert len(scores) == 4
    chosen = zero_shot(embedder, CLASSES, PHRASES, TEMPLATES, MACRO_F1)(few, 0)
    found = MACRO_F1(few.answers, chosen(few).answers, CLASSES)
    assert found == pytest.approx(max(scores.values()))
    assert found > MACRO_F1(few.answers, majority(CLASSES)(few, 0)(few).answers, CLASSES) + 0.1


def test_zero_shot_reads_phrases_and_else_the_label_as_words(rows: Rows, embedder: Embedder, tmp_path: Path) -> None:
    fit = zero_shot(embedder, ["on_hold", "sent-back"], {"on_hold": "one word"}, ["{phrase}"], MACRO_F1)
    labelled = Rows(("1", "2"), ("a", "b"), ("on_hold", "sent-back"))
    fit(labelled, 0).save(tmp_path)
    assert load_zero_shot(tmp_path, embedder).sentences == ["one word", "sent back"]


def test_a_phrasing_is_written_with_its_template() -> None:
    assert str(Phrasing("about {phrase}", centred=True)) == "“about {phrase}”, centred"


def test_the_probe_beats_the_majority_guess_and_leaves_room_above(rows: Rows, embedder: Embedder) -> None:
    train, test = rows.take(range(240)), rows.take(range(240, 360))
    found = ACCURACY(test.answers, probe(embedder, "mean", OneLabel(), CLASSES)(train, 0)(test).answers, CLASSES)
    assert 0.40 < found < 0.65


def test_scaling_folded_into_the_weights_answers_as_scaling_first_does() -> None:
    features, labels = features_of(200, seed=0)
    others, _ = features_of(100, seed=1)
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    explicit = LogisticRegression(C=OneLabel.strengths["probe"], max_iter=300, class_weight="balanced").fit(
        (features - mean) / deviation, labels
    )
    found = answered(fit_standardised(OneLabel(), features, labels, ABC, 0), others, ABC)
    assert found.scores is not None
    np.testing.assert_allclose(found.scores, explicit.predict_proba((others - mean) / deviation), atol=1e-6)


def test_constant_features_do_no_harm() -> None:
    features, labels = features_of(200, seed=0)
    constant = np.full((200, 2), [1e-3, 1e6])
    noise = np.random.default_rng(0).normal(scale=1e-33, size=(200, 1))
    plain = fit_standardised(OneLabel(), features, labels, ABC, 0)
    found = fit_standardised(OneLabel(), np.concatenate([features, constant, noise], axis=1), labels, ABC, 0)
    np.testing.assert_allclose(found.weight[:, :6], plain.weight, atol=1e-6)
    assert (found.weight[:, 6:] == 0).all()
    np.testing.assert_allclose(found.bias, plain.bias, atol=1e-4)


@pytest.mark.parametrize("present", [["a", "b", "c"], ["a", "c"], ["b"]])
def test_a_class_without_rows_is_never_answered(present: list[str]) -> None:
    features, labels = features_of(300, seed=2)
    kept = [place for place, label in enumerate(labels) if label in present]
    found = fit_logistic(features[kept], [labels[place] for place in kept], ["a", "b", "c", "d"], 1.0, 0)
    predicted = answered(found, features, ["a", "b", "c", "d"])
    assert set(predicted.answers) == set(present)
    assert predicted.scores is not None
    np.testing.assert_allclose(predicted.scores.sum(axis=1), 1)
    np.testing.assert_array_equal(predicted.confidence, predicted.scores.max(axis=1))
    absent = [place for place, label in enumerate(["a", "b", "c", "d"]) if label not in present]
    assert (predicted.scores[:, absent] == 0).all()


def test_two_classes_have_the_probabilities_of_scikit_learn() -> None:
    features, labels = features_of(200, seed=4)
    two = [label if label == "a" else "b" for label in labels]
    explicit = LogisticRegression(C=1.0, max_iter=300, class_weight="balanced").fit(features / 100, two)
    found = answered(fit_logistic(features / 100, two, ["b", "a"], 1.0, 0), features / 100, ["b", "a"])
    assert found.scores is not None
    np.testing.assert_allclose(found.scores[:, ::-1], explicit.predict_proba(features / 100), atol=1e-6)


@pytest.mark.parametrize("texts", [["?", "!", "?", "!"], ["", " ", "", " "], ["a", "b", "a", "b"]])
def test_tfidf_takes_texts_without_words(texts: list[str], tmp_path: Path) -> None:
    rows = Rows(("1", "2", "3", "4"), tuple(texts), ("x", "y", "x", "y"))
    fitted = tfidf(OneLabel(), ["x", "y"], PREPARATION)(rows, 0)
    found = fitted(rows)
    assert set(found.answers) <= {"x", "y"}
    fitted.save(tmp_path)
    assert load_tfidf(tmp_path, OneLabel())(rows).answers == found.answers
    if texts[0].strip():
        assert found.answers == rows.answers


def test_tfidf_prepares_texts_as_every_model_does(tmp_path: Path) -> None:
    rows = Rows(("1", "2"), ("ﬁne  day", "grey day"), ("x", "y"))
    fitted = tfidf(OneLabel(), ["x", "y"], TextPreparation(unicode_form="NFKC"))(rows, 0)
    other = Rows(("1",), ("fine day",), ())
    assert fitted(other).answers == ("x",)
    np.testing.assert_array_equal(fitted(other).scores, fitted(rows.take([0])).scores)


def test_a_linear_model_comes_back_with_its_thresholds(tmp_path: Path) -> None:
    for thresholds in ((), (0.25, 0.5)):
        linear = Linear(np.array([[1.0, 2.0], [0.0, -1.0]]), np.array([0.5, -0.5]), thresholds)
        linear.save(tmp_path / "linear.safetensors")
        found = Linear.load(tmp_path / "linear.safetensors")
        assert found.thresholds == thresholds
        features = np.array([[1.0, 1.0], [3.0, 0.0]])
        np.testing.assert_array_equal(found(features), [[3.5, -1.5], [3.5, -0.5]])


def test_features_of_a_pair_are_both_their_difference_and_their_product(embedder: Embedder) -> None:
    one, other = embedder(["one calm", "glad"], "mean")
    found = embed(embedder, [("one calm", "glad"), ("glad", "one calm")], "mean")
    np.testing.assert_allclose(found[0], np.concatenate([one, other, np.abs(one - other), one * other]), atol=1e-6)
    np.testing.assert_allclose(found[1], np.concatenate([other, one, np.abs(one - other), one * other]), atol=1e-6)
    assert embed(embedder, [], "mean").shape == (0, 32)


def test_tfidf_tells_pairs_that_share_words_from_pairs_that_do_not(tmp_path: Path) -> None:
    words = ["pear", "oak", "brick", "train", "lamp", "cloud", "fox", "bread"]
    same = [(f"the {word}", f"{word} there") for word in words]
    other = [(f"the {word}", f"{words[place - 3]} there") for place, word in enumerate(words)]
    rows = Rows(tuple(map(str, range(16))), (*same, *other), ("same",) * 8 + ("other",) * 8)
    fitted = tfidf(OneLabel(), ["other", "same"], PREPARATION)(rows, 0)
    assert fitted(rows).answers == rows.answers
    unseen = Rows(("1", "2"), (("a fox", "fox one"), ("a lamp", "bread one")), ())
    assert fitted(unseen).answers == ("same", "other")
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load_tfidf(tmp_path, OneLabel())(rows).scores, fitted(rows).scores)


def test_ways_that_read_features_say_so_when_their_model_is_gone(
    rows: Rows, embedder: Embedder, tmp_path: Path
) -> None:
    probe(embedder, "mean", OneLabel(), CLASSES)(rows, 0).save(tmp_path)
    with pytest.raises(ModelError) as caught:
        TASK.load_rival(tmp_path, None)
    assert caught.value.problem == "The saved way reads features of a model that is not here."
    assert caught.value.fix == "Install or download that model."
    assert isinstance(TASK.load_rival(tmp_path, embedder), Probe)


def test_a_probe_that_starts_from_what_labels_mean_is_better_with_few_rows_and_as_good_with_many(
    rows: Rows, embedder: Embedder
) -> None:
    test = rows.take(range(240, 360))
    meanings = Meanings(PHRASES, TEMPLATES, MACRO_F1)
    gains = {}
    for count in (9, 240):
        train = rows.take(range(count))
        bare = probe(embedder, "mean", OneLabel(), CLASSES)(train, 0)(test)
        anchored = anchored_probe(embedder, "mean", CLASSES, meanings)(train, 0)(test)
        gains[count] = MACRO_F1(test.answers, anchored.answers, CLASSES) - MACRO_F1(test.answers, bare.answers, CLASSES)
    assert gains[9] > 0.02
    assert gains[240] > -0.03


def test_an_anchor_of_nothing_leaves_the_probe_as_it_is() -> None:
    features, labels = features_of(200, seed=0)
    others, _ = features_of(300, seed=1)
    bare = answered(fit_standardised(OneLabel(), features, labels, ABC, 0), others, ABC)
    found = answered(fit_around(np.zeros((3, 6)), features, labels, ABC), others, ABC)
    assert found.scores == pytest.approx(bare.scores, abs=0.01)


@pytest.mark.parametrize("phrases", [PHRASES, {}])
def test_what_a_head_starts_from_has_the_rows_less_by_heart_than_the_probe_and_answers_new_ones_as_well(
    phrases: dict[str, str], rows: Rows, embedder: Embedder
) -> None:
    train, test = rows.take(range(60)), rows.take(range(240, 360))
    setting = RivalSetting(embedder, CLASSES, MACRO_F1, phrases, TEMPLATES if phrases else [], "mean")
    losses, scores = [], []
    for as_head in (False, True):
        fitted = TASK.fit_rival("probe", replace(setting, as_head=as_head))(train, 0)
        scored = fitted(train).scores
        assert scored is not None
        places = [CLASSES.index(str(answer)) for answer in train.answers]
        losses.append(-np.log(scored[np.arange(len(places)), places]))
        scores.append(MACRO_F1(test.answers, fitted(test).answers, CLASSES))
    assert np.mean(losses[1]) > np.mean(losses[0]) + 0.05
    assert scores[1] > scores[0] - 0.05


def test_an_anchored_probe_answers_no_class_without_rows_and_its_only_class_always() -> None:
    features, labels = features_of(60, seed=0)
    anchor = np.random.default_rng(0).normal(size=(4, 6))
    kept = [place for place, label in enumerate(labels) if label != "b"]
    found = answered(
        fit_around(anchor, features[kept], [labels[place] for place in kept], [*ABC, "d"]), features, [*ABC, "d"]
    )
    assert set(found.answers) == {"a", "c"}
    alone = answered(fit_around(anchor, features, ["b"] * len(features), [*ABC, "d"]), features, [*ABC, "d"])
    assert set(alone.answers) == {"b"}


@pytest.mark.parametrize(
    ("classes", "phrases", "are"),
    [
        (["calm", "glad"], {}, True),
        (["0", "1"], {}, False),
        (["0", "1"], {"0": "calm", "1": "glad"}, True),
        (["-1.5", "glad"], {}, False),
    ],
)
def test_labels_mean_something_unless_they_are_bare_numbers(
    classes: list[str], phrases: dict[str, str], are: bool
) -> None:
    assert are_words(classes, phrases) is are


def test_the_probe_of_labels_that_are_bare_numbers_starts_from_nothing(rows: Rows, embedder: Embedder) -> None:
    train, test = rows.take(range(30)), rows.take(range(240, 300))
    numbered = Rows(train.ids, train.inputs, tuple(str(CLASSES.index(str(answer))) for answer in train.answers))
    numbers = ["0", "1", "2"]
    setting = RivalSetting(embedder, numbers, MACRO_F1, {}, TEMPLATES, "mean")
    found = TASK.fit_rival("probe", setting)(numbered, 0)(test)
    bare = probe(embedder, "mean", OneLabel(), numbers)(numbered, 0)(test)
    assert found.scores == pytest.approx(bare.scores)
    meant = replace(setting, phrases={str(place): PHRASES[label] for place, label in enumerate(CLASSES)})
    assert TASK.fit_rival("probe", meant)(numbered, 0)(test).scores != pytest.approx(bare.scores)
