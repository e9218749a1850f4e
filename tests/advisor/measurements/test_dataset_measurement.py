"""What is counted on a data set small enough to count by hand."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from advisor.audit.counts import usable_positions
from advisor.measurements.dataset import measure_dataset
from advisor.records import Answers, DatasetMeasurement, Deployment
from advisor.rulebook import load_rules
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import Side, row_ids
from pipeline.records import DataSource
from pipeline.task import Answer, Input, Rows, load_task

RULES = load_rules()
Line = tuple[str, str, Side]

LINES: list[Line] = [
    ("The parcel never came and nobody answers.", "delivery", "train"),
    ("the parcel  never came and nobody ANSWERS.", "delivery", "train"),
    ("The parcel never came and nobody answers!", "delivery", "train"),
    ("I want my money back.", "refund", "train"),
    ("Please cancel my order now.", "refund", "train"),
    ("Please cancel my order now.", "delivery", "validation"),
    ("", "refund", "train"),
    ("The courier was rude to my neighbour.", "delivery", "validation"),
    ("A sealed text that nobody may read.", "refund", "test"),
    ("A sealed text that nobody may read.", "delivery", "test"),
    ("Copied from the given test file.", "delivery", "left_out"),
    ("Kept for later rounds of testing.", "praise", "reserve"),
]


def dataset(lines: Sequence[Line] = LINES, unlabelled: int = 0) -> Dataset:
    inputs, answers = tuple(line[0] for line in lines), tuple(line[1] for line in lines)
    rows = Rows(row_ids(inputs, answers), inputs, answers)
    return Dataset(rows, group(inputs), [line[2] for line in lines], False, unlabelled)


def measure(data: Dataset, language: str | None = None) -> DatasetMeasurement:
    answers = Answers(
        task="text-classification", data=DataSource(train="x.csv"), deployment=Deployment(language=language)
    )
    return measure_dataset(data, load_task(answers.settled_task), answers, RULES.domains)


def measure_rows(task: str, inputs: Sequence[Input], answers: Sequence[Answer]) -> DatasetMeasurement:
    """Count rows of any task, all of them for training."""
    rows = Rows(row_ids(tuple(inputs), tuple(answers)), tuple(inputs), tuple(answers))
    data = Dataset(rows, group(rows.inputs), ["train"] * len(rows), False, 0)
    asked = Answers(task=task, data=DataSource(train="x.csv"))
    return measure_dataset(data, load_task(task), asked, RULES.domains)


def texts(*lines: str) -> Dataset:
    return dataset([(line, str(place % 2), "train") for place, line in enumerate(lines)])


def test_rows_that_can_be_learned_from_are_not_empty_not_copies_or_nearly_and_not_contradicted() -> None:
    assert usable_positions(dataset(), load_task("text-classification")) == [0, 3, 7]


def test_rows_are_counted_by_side() -> None:
    found = measure(dataset())
    assert (found.rows, found.usable_rows) == (12, 3)
    sides = (found.train_rows, found.validation_rows, found.test_rows, found.reserve_rows, found.leaked_rows)
    assert sides == (6, 2, 2, 1, 1)


def test_classes_are_counted_on_usable_rows_and_none_is_forgotten() -> None:
    found = measure(dataset())
    assert found.rows_per_class == {"delivery": 2, "praise": 0, "refund": 1}
    assert (found.smallest_class_rows, found.median_class_rows, found.imbalance) == (0, 1.0, 2.0)


def test_copies_near_copies_and_conflicts_are_counted() -> None:
    found = measure(dataset(unlabelled=2))
    assert found.exact_duplicate_fraction == pytest.approx(3 / 12)
    assert found.near_duplicate_fraction == pytest.approx(4 / 12)
    assert (found.conflicting_rows, found.empty_rows) == (2, 1)


def test_a_clean_data_set_loses_no_row() -> None:
    words = ["river", "engine", "violin", "harvest", "lantern", "glacier", "saddle", "orchard"]
    lines: list[Line] = [
        (f"{one} {other} {one[::-1]} {other[::-1]}", "ab"[place % 2], "train")
        for place, (one, other) in enumerate((one, other) for one in words for other in words if one < other)
    ]
    found = measure(dataset(lines))
    assert found.usable_rows == found.rows == 28
    assert (found.exact_duplicate_fraction, found.near_duplicate_fraction) == (0, 0)


def test_words_are_counted_on_rows_that_may_train() -> None:
    found = measure(texts("one two three", "one", "one two three four five", "ONE"))
    assert (found.median_words, found.longest_words) == (2.0, 5)
    assert found.distinct_word_fraction == pytest.approx(5 / 10)


GERMAN = ["Ich habe das Paket nicht bekommen und bin sehr enttäuscht", "Die Ware ist gut und der Preis auch"]
ENGLISH = ["I have not received the parcel and I am very disappointed", "The goods are fine and so is the price"]


@pytest.mark.parametrize(
    ("lines", "language", "script"),
    [
        (GERMAN, "de", "latin"),
        (ENGLISH, "en", "latin"),
        (["Je ne suis pas content de la livraison", "Les produits sont dans une boîte pour vous"], "fr", "latin"),
        (["물건이 아직 도착하지 않았어요", "아주 좋아요"], "ko", "hangul"),
        (["荷物がまだ届きません", "とてもよかったです"], "ja", "hiragana"),
        (["包裹还没有到", "非常好"], "zh", "cjk"),
        (["Το δέμα δεν έφτασε", "Πολύ καλό"], "el", "greek"),
        (["Посылка не пришла", "Очень хорошо"], "ru", "cyrillic"),
        (["xq zzv blorp", "wibble frob"], "unknown", "latin"),
        (["123 456", "!!!"], "unknown", "none"),
    ],
)
def test_the_language_is_guessed_from_script_and_commonest_words(lines: list[str], language: str, script: str) -> None:
    found = measure(texts(*lines))
    assert (found.language, found.language_source, found.script) == (language, "guess", script)


def test_the_language_that_the_user_says_wins() -> None:
    found = measure(texts(*GERMAN), language="nl")
    assert (found.language, found.language_source) == ("nl", "user")


@pytest.mark.parametrize(
    ("lines", "domain"),
    [
        (["@anna look at this #wow", "rt so funny lol", "good morning everyone"], "social-media"),
        (["The patient was admitted with chronic symptoms", "Dose 5 mg at discharge"], "clinical"),
        (ENGLISH, "general"),
    ],
)
def test_the_domain_is_guessed_from_words_that_mark_it(lines: list[str], domain: str) -> None:
    assert measure(texts(*lines)).domain == domain


APART = [
    "river",
    "engine",
    "violin",
    "harvest",
    "lantern",
    "glacier",
    "saddle",
    "orchard",
    "copper",
    "meadow",
    "tunnel",
]


def test_every_label_of_a_row_is_counted_and_rows_without_any_are_not() -> None:
    answers = [("late", "rude"), ("late",), (), ("late", "rude"), ("kind",), *[("late",)] * 6]
    found = measure_rows("multi-label-classification", APART, answers)
    assert found.rows_per_class == {"kind": 1, "late": 9, "rude": 2}
    assert (found.smallest_class_rows, found.median_class_rows, found.imbalance) == (1, 2.0, 9.0)
    assert found.usable_rows == 11


def test_sets_of_labels_that_differ_on_one_text_are_in_conflict() -> None:
    inputs = [*APART, APART[0], APART[1]]
    answers = [("late", "rude"), ("late",), *[("late",)] * 9, ("late",), ("late",)]
    found = measure_rows("multi-label-classification", inputs, answers)
    assert (found.conflicting_rows, found.usable_rows) == (2, 10)


def test_scores_have_no_classes_and_are_in_conflict_when_far_apart_only() -> None:
    scores = [float(place) for place in range(11)]
    inputs = [*APART, APART[3], APART[8]]
    deviation = float(np.std([*scores, 4.0, 1.0]))
    assert 1.0 < deviation < 7.0
    found = measure_rows("text-regression", inputs, [*scores, 4.0, 1.0])
    assert (found.conflicting_rows, found.usable_rows) == (2, 10)
    assert found.rows_per_class == {}
    assert (found.smallest_class_rows, found.median_class_rows, found.imbalance) == (None, None, None)


def test_pairs_and_sentences_are_counted_as_one_text() -> None:
    pairs = [(f"{one} here", f"{other} there now") for one, other in itertools.pairwise(APART)]
    found = measure_rows("text-pair-classification", [*pairs, ("", " ")], [*"ab" * 5, "a"])
    assert (found.median_words, found.longest_words, found.empty_rows) == (5.0, 5, 1)
    assert found.usable_rows == 10
