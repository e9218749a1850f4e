"""What the final evaluation tells beside the scores: slices, suspects, sureness, steadiness, neighbours, and rows to read."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from pipeline.embeddings import Embedder
from pipeline.evaluation.calibration import abstentions, calibration, untempered_confidence
from pipeline.evaluation.comparison import compare, compare_all, holm, swap_p
from pipeline.evaluation.coverage import SIMULATED, fewest_rows, why_no_interval
from pipeline.evaluation.examination import Examined, Surroundings, examine
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1
from pipeline.evaluation.neighbours import nearest
from pipeline.evaluation.number_metrics import MAE, SPEARMAN
from pipeline.evaluation.robustness import Trial, change_text, disturb
from pipeline.evaluation.slices import FEWEST_ROWS, Sliceable, find_slices
from pipeline.evaluation.suspects import suspect_labels, suspect_marks, suspect_numbers
from pipeline.task import Array, Predictions, Rows, load_task
from tests import tiny


def plain_rows(texts: list[str], answers: list[str]) -> Rows:
    return Rows(tuple(map(str, range(len(texts)))), tuple(texts), tuple(answers))


def slices_of(texts: list[str], wrong: Array, **beside: list[str]) -> tuple[set[str], str]:
    rows = plain_rows(texts, ["x"] * len(texts))
    found = find_slices(
        Sliceable(rows, [frozenset({"x"})] * len(texts), beside), wrong.astype(float), are_sizes=False, seed=0
    )
    return {each.name for each in found.worst if each.p_holm < 0.05}, found.because


def test_p_values_are_corrected_as_holm_does_and_never_fall() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_slice_that_is_worse_is_found_and_the_others_are_not() -> None:
    draw = np.random.default_rng(0)
    source = ["mail" if place % 4 == 0 else "web" for place in range(400)]
    wrong = draw.random(400) < np.where(np.array(source) == "mail", 0.5, 0.1)
    texts = [f"some words here {place % 3} more" for place in range(400)]
    sure, because = slices_of(texts, wrong, source=source)
    assert sure == {"mail"}
    assert because.startswith("One slice is worse beyond chance, of ")


def test_where_nothing_is_worse_beyond_chance_it_says_so() -> None:
    false_alarms = 0
    for seed in range(20):
        draw = np.random.default_rng(seed)
        words = ["red", "green", "blue", "one", "two", "three", "four"]
        texts = [" ".join(draw.choice(words, size=5)) for _ in range(200)]
        sure, because = slices_of(texts, draw.random(200) < 0.2, source=[str(place % 5) for place in range(200)])
        false_alarms += bool(sure)
        assert ("No slice is worse beyond chance" in because) == (not sure)
    assert false_alarms <= 3  # at 5 % each, more than three of twenty happen once in sixty


def test_a_slice_with_too_few_rows_is_not_tested() -> None:
    texts = ["alpha beta"] * (FEWEST_ROWS - 1) + ["gamma delta"] * 60
    wrong = np.arange(len(texts)) < FEWEST_ROWS - 1
    sure, because = slices_of(texts, wrong, source=["few"] * (FEWEST_ROWS - 1) + ["many"] * 60)
    assert sure == set()
    assert because == f"No slice has {FEWEST_ROWS} rows, so none was tested."


def test_sizes_of_errors_are_compared_by_ranks() -> None:
    draw = np.random.default_rng(1)
    long = np.arange(200) % 2 == 0
    texts = ["word " * 30 if each else "word " * 5 for each in long]
    errors = np.abs(draw.normal(size=200)) * np.where(long, 2.0, 1.0)
    rows = plain_rows(texts, ["1"] * 200)
    found = find_slices(Sliceable(rows, [frozenset()] * 200, words=False), errors, are_sizes=True, seed=0)
    worst = found.worst[0]
    assert (worst.kind, worst.rows, found.measure) == ("length", 100, "mean absolute error")
    assert worst.p == pytest.approx(stats.mannwhitneyu(errors[long], errors[~long], alternative="greater").pvalue)
    assert worst.error.point == pytest.approx(errors[long].mean())
    assert worst.error.low < worst.error.point < worst.error.high
    assert worst.rest == pytest.approx(errors[~long].mean())


def test_rows_are_told_apart_by_writing_and_by_language() -> None:
    texts = ["the cat is on the mat and it is red"] * 30 + ["кошка сидит на ковре"] * 30
    wrong = np.arange(60) >= 30
    rows = plain_rows(texts, ["x"] * 60)
    languages = {"en": ["the", "is", "and", "on", "it"], "de": ["der", "und"]}
    given = Sliceable(rows, [frozenset()] * 60, languages=languages, words=False)
    found = {
        (each.kind, each.name) for each in find_slices(given, wrong.astype(float), are_sizes=False, seed=0).worst[:2]
    }
    assert ("writing", "cyrillic") in found


def planted(rows: int = 400, flipped: float = 0.1) -> tuple[Array, Array, Array]:
    """Labels of which some were flipped, probabilities that know better, and which were flipped."""
    draw = np.random.default_rng(0)
    right = draw.integers(0, 3, size=rows)
    flip = draw.random(rows) < flipped
    given = np.where(flip, (right + 1) % 3, right)
    logits = 4 * np.eye(3)[right] + draw.normal(size=(rows, 3))
    return given, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), flip


def test_planted_mistakes_of_the_truth_are_suspected_and_little_else() -> None:
    given, probabilities, flip = planted()
    found = suspect_labels(given, probabilities)
    rows = [row for row, _, _ in found]
    assert flip[rows].mean() > 0.95
    assert flip[rows].sum() > 0.8 * flip.sum()
    assert [margin for _, _, margin in found] == sorted((margin for _, _, margin in found), reverse=True)
    assert all(place == (given[row] + 2) % 3 for row, place, _ in found if flip[row])


def test_a_clean_truth_with_a_sure_model_has_no_suspects_and_neither_have_no_rows() -> None:
    assert suspect_labels(np.array([0, 1, 2]), np.eye(3)) == []
    assert suspect_labels(np.zeros(0, dtype=int), np.zeros((0, 3))) == []
    assert suspect_labels(np.array([0, 0, 0]), np.full((3, 2), 0.5)) == []  # a class without rows accuses nobody


def test_forgotten_labels_and_far_off_numbers_are_suspected() -> None:
    marks = np.array([[1, 0]] * 20 + [[0, 0]])
    probabilities = np.array([[0.9, 0.1]] * 20 + [[0.95, 0.1]])
    assert [(row, place) for row, place, _ in suspect_marks(marks, probabilities)] == [(20, 0)]
    errors = [*np.random.default_rng(0).normal(size=50).tolist(), 30.0]
    assert suspect_numbers(errors)[0][0] == 50
    assert suspect_numbers([0.0, 0.0, 0.0]) == suspect_numbers([]) == []


def drawn_sureness(rows: int = 2000, overconfident: float = 0.0) -> tuple[Array, Array]:
    draw = np.random.default_rng(3)
    sure = 0.5 + 0.5 * draw.random(rows)
    return sure, (draw.random(rows) < sure - overconfident).astype(float)


def test_a_model_that_keeps_its_word_errs_no_more_than_by_chance() -> None:
    found = calibration(*drawn_sureness(), "x", 1.0, None, 0)
    assert found.expected_error < 2 * found.expected_by_chance
    assert sum(each.rows for each in found.bins) == 2000
    assert all(each.low <= each.right <= each.high for each in found.bins)
    boastful = calibration(*drawn_sureness(overconfident=0.2), "x", 1.0, None, 0)
    assert boastful.expected_error == pytest.approx(0.2, abs=0.03)
    sure, right = drawn_sureness()
    few = calibration(sure[:60], right[:60], "x", 1.0, None, 0)
    assert few.expected_by_chance > 2 * found.expected_by_chance  # the bias of few rows is told


def test_rows_that_are_alike_sure_stay_in_one_bin() -> None:
    found = calibration(np.full(50, 0.7), np.ones(50), "x", 1.0, None, 0)
    assert [each.rows for each in found.bins] == [50]
    assert found.expected_error == pytest.approx(0.3)


def test_the_confidence_before_the_temperature_is_told_from_the_probabilities_after_it() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3)) * 3
    soft = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    hard = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert untempered_confidence(soft, 2.0) == pytest.approx(hard.max(axis=1))


def test_answering_less_is_right_more_often_at_thresholds_of_validation_rows() -> None:
    sure, right = drawn_sureness()
    validation = sure[:500]
    found = abstentions(validation, sure[500:], right[500:])
    assert (found[0].threshold, found[0].coverage) == (0.0, 1.0)
    assert [each.threshold for each in found[1:]] == pytest.approx(
        np.quantile(validation, [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7])
    )
    assert [each.coverage for each in found] == sorted((each.coverage for each in found), reverse=True)
    assert found[-1].right > found[0].right + 0.1
    shuffled = abstentions(validation, sure[500:], np.random.default_rng(0).permutation(right[500:]))
    assert [each.threshold for each in shuffled] == [each.threshold for each in found]


@pytest.mark.parametrize(
    ("text", "kind", "changed"),
    [
        ("Wait, really?", "punctuation", "Wait really"),
        ("no marks", "punctuation", "no marks."),
        ("Mixed Case", "case", "mixed case"),
        ("small case", "case", "SMALL CASE"),
        ("I don't know", "paraphrase", "I do not know"),
        ("That is what is new", "paraphrase", "that's what's new"),
        ("?!", "punctuation", "?!"),
    ],
)
def test_a_text_is_changed_as_is_said(text: str, kind: str, changed: str) -> None:
    assert change_text(text, kind, random.Random(0)) == changed


def test_typos_change_a_few_letters_of_longer_words_and_the_same_ones_each_time() -> None:
    text = "several longer words stand here, beside an or of"
    changed = change_text(text, "typos", random.Random(0))
    assert changed == change_text(text, "typos", random.Random(0)) != text
    assert len(changed.split(" ")) == len(text.split(" "))
    assert sum(one != other for one, other in zip(text.split(" "), changed.split(" "), strict=True)) == 1
    assert change_text("a an of", "typos", random.Random(0)) == "a an of"
    assert "{text}" not in change_text("{braces}", "paraphrase", random.Random(0))


def test_a_model_that_reads_capitals_is_found_unsteady_and_another_is_not() -> None:
    rows = plain_rows([f"text number {place}" for place in range(120)], ["a", "b"] * 60)
    truth = dict(zip((given.lower() for given in map(str, rows.inputs)), rows.answers, strict=True))

    def careless(rows: Rows) -> Predictions:
        return Predictions(rows.ids, tuple(truth.get(str(text), "a") for text in rows.inputs))

    def careful(rows: Rows) -> Predictions:
        return Predictions(rows.ids, tuple(truth.get(str(text).lower().strip("."), "a") for text in rows.inputs))

    both = {}
    for name, predict in (("careless", careless), ("careful", careful)):
        trial = Trial(rows, predict(rows), predict, by_words=False, language="de")
        both[name] = {each.kind: each for each in disturb(trial, ACCURACY, ["a", "b"], seed=0).disturbances}
    case = both["careless"]["case"]
    assert (case.before, case.after, case.changed) == (1.0, 0.5, 120)
    assert case.drop.low > 0.3
    assert case.p_holm is not None
    assert case.p_holm < 0.001
    assert both["careful"]["case"].drop.point == 0.0
    assert set(both["careless"]) == {"typos", "case", "punctuation"}  # templates are English


def test_the_words_of_a_sentence_stay_as_many() -> None:
    rows = Rows(("1",), (("Anna", "lives", "in", "Berlin", "."),), (("B", "O", "O", "B", "O"),))
    seen: list[Rows] = []

    def predict(rows: Rows) -> Predictions:
        seen.append(rows)
        return Predictions(rows.ids, tuple(("O",) * len(each) for each in rows.inputs))

    metric = next(iter(load_task("token-classification").metrics.values()))
    found = disturb(Trial(rows, predict(rows), predict, by_words=True, language="en"), metric, ["O", "B"], seed=0)
    assert [each.kind for each in found.disturbances] == ["typos", "case"]
    assert "how many words" in found.left_out
    assert all(len(given.inputs[0]) == 5 for given in seen)


def test_the_nearest_training_rows_are_those_of_the_same_words(embedder: Embedder) -> None:
    known = [*tiny.make_rows(30, 1).inputs, "bada bida buda", "glad"]
    found = nearest(embedder, "mean", [known[30], known[5]], known, by_words=False)
    assert [places[0][0] for places in found] == [30, 5]
    assert found[0][0][1] == pytest.approx(1.0, abs=1e-5)
    pairs = [(str(one), str(other)) for one, other in zip(known[:5], known[5:10], strict=True)]
    assert nearest(embedder, "mean", [pairs[2]], pairs, by_words=False)[0][0][0] == 2
    assert nearest(embedder, "mean", [], known, by_words=False) == []


def test_a_paired_permutation_finds_a_difference_and_not_where_there_is_none() -> None:
    draw = np.random.default_rng(0)
    truth = draw.normal(size=80)
    near, far, same = (truth + draw.normal(size=80) * size for size in (0.2, 1.0, 0.2))
    statistics = {
        name: MAE.statistics(truth.tolist(), answers.tolist(), [])
        for name, answers in (("near", near), ("far", far), ("same", same))
    }
    assert swap_p(MAE, statistics["near"], statistics["far"], 0) < 0.01
    assert swap_p(MAE, statistics["near"], statistics["same"], 0) > 0.05
    ranks = [SPEARMAN.statistics(truth.tolist(), answers.tolist(), []) for answers in (near, far)]
    assert swap_p(SPEARMAN, ranks[0], ranks[1], 0) < 0.01


def test_every_rival_is_compared_with_p_values_corrected_for_their_number() -> None:
    truth = ["a", "b"] * 60
    rows = plain_rows(["t"] * 120, truth)
    half = [*truth[:60], *["a"] * 60]
    ways = {
        "one": Predictions(rows.ids, tuple(half)),
        "two": Predictions(rows.ids, ("a",) * 120),
        "fine_tuned": Predictions(rows.ids, tuple(truth)),
    }
    found = compare_all(MACRO_F1, rows, ways, ["a", "b"], 0)
    assert [each.rival for each in found] == ["one", "two"]
    assert all(each.p_holm is not None and each.difference.p is not None for each in found)
    assert all((each.p_holm or 0) >= (each.difference.p or 0) for each in found)
    assert compare(MACRO_F1, rows, ways["fine_tuned"], ways["one"], ["a", "b"], 0).standard_error


def test_an_interval_that_is_not_shown_says_why() -> None:
    assert "held the true value too seldom" in why_no_interval("accuracy", 10, "score")
    assert why_no_interval("accuracy", 2000, "score") == ""
    assert fewest_rows("tag_f1", "score") is None
    assert "or were not simulated" in why_no_interval("something else", 2000, "score")
    assert fewest_rows("class_f1", "score") == 10
    assert {metric: fewest_rows(metric, "score") for metric in SIMULATED if fewest_rows(metric, "score") != 50} == {
        "balanced_accuracy": 200,
        "expected_cost": 200,
        "rmse": 200,
        "mse": 200,
        "class_f1": 10,
        "tag_f1": None,
    }
    assert all(fewest_rows(metric, "difference") == 50 for metric in set(SIMULATED) - {"class_f1", "tag_f1"})


@pytest.fixture
def examined(embedder: Embedder) -> tuple[Examined, Surroundings]:
    task, rows = load_task("text-classification"), tiny.make_rows(120, 5)
    draw = np.random.default_rng(0)
    logits = 3 * np.array([[label == each for each in tiny.CLASSES] for label in rows.answers], dtype=float)
    ours = task.decode(rows.ids, list(logits + draw.normal(size=(120, 3))), tiny.CLASSES, ())
    theirs = Predictions(rows.ids, tuple(draw.choice(tiny.CLASSES, size=120)))
    given = Examined(task, MACRO_F1, tiny.CLASSES, rows, ours, theirs, 0)

    def predict(rows: Rows) -> Predictions:
        return Predictions(rows.ids, tuple(draw.choice(tiny.CLASSES, size=len(rows))))

    around = Surroundings(
        predict=predict,
        temperature=1.5,
        on_validation=ours.confidence,
        train=tiny.make_rows(60, 6),
        embedder=embedder,
        pooling="mean",
        language="en",
    )
    return given, around


def test_an_examination_names_rows_that_hold_what_it_says_of_them(examined: tuple[Examined, Surroundings]) -> None:
    given, around = examined
    found = examine(given, around)
    places = {row: place for place, row in enumerate(given.test.ids)}
    for case in found.mended_rows:
        assert case.answer == case.truth != case.rival
    for case in found.broken_rows:
        assert case.rival == case.truth != case.answer
        assert len(case.neighbours) == 3
        assert case.neighbours[0].similarity >= case.neighbours[1].similarity
    assert all(case.answer == case.truth for case in found.best)
    sure = [given.ours.confidence[places[case.row_id]] for case in found.best]  # type: ignore[index]
    assert sure == sorted(sure, reverse=True)
    assert all(case.neighbours for case in found.worst)
    assert all(each.truth == given.test.answers[places[each.row_id]] != each.suggested for each in found.suspects)
    assert found.calibration is not None
    assert found.calibration.expected_untempered is not None
    assert found.robustness is not None
    assert {each.kind for each in found.robustness.disturbances} == {"typos", "case", "punctuation", "paraphrase"}
    assert found.seconds is not None


def test_personal_rows_are_not_shown_anywhere(examined: tuple[Examined, Surroundings]) -> None:
    given, around = examined
    found = examine(given, replace(around, show_rows=False))
    assert [*found.best, *found.mended_rows, *found.broken_rows, *found.worst, *found.suspects] == []
    assert found.slices is not None
    assert not any(each.kind == "word" for each in found.slices.worst)
    text = found.model_dump_json()
    assert not any(str(given_text) in text for given_text in given.test.inputs)


def test_what_is_fitted_does_not_follow_from_the_sealed_truth(
    examined: tuple[Examined, Surroundings], tmp_path: Path
) -> None:
    given, around = examined
    found = examine(given, around)
    shuffled = np.random.default_rng(9).permutation(np.array(given.test.answers, dtype=object))
    other = examine(replace(given, test=replace(given.test, answers=tuple(shuffled))), around)
    assert [each.threshold for each in found.abstentions] == [each.threshold for each in other.abstentions]
    assert [each.coverage for each in found.abstentions] == [each.coverage for each in other.abstentions]
    assert found.calibration is not None
    assert other.calibration is not None
    assert found.calibration.temperature == other.calibration.temperature
    assert found.abstentions != other.abstentions  # what is right of those did change
