"""What an encoder forgot: tasks made from plain texts, probes on both features, and a verdict outside noise."""

import itertools
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from advisor.rulebook import load_rules
from pipeline.evaluation.forgetting import judge_retention, linear_cka, measure_forgetting
from pipeline.evaluation.probing import FEWEST_OF_A_KIND, ask_length, ask_order, ask_word, make_probing
from pipeline.records import Interval
from pipeline.task import Array
from tests import tiny

RULE = load_rules().forgetting
DRAW = random.Random(0)
WORDS = ["red", "green", "blue", "black", "white", *[f"w{place}" for place in range(75)]]
TEXTS = [" ".join(DRAW.choices(WORDS, k=DRAW.randint(3, 12))) for _ in range(300)]
PLACES = {word: place for place, word in enumerate(WORDS)}


def counted(texts: Sequence[str]) -> Array:
    """Features that say which words a text holds, how long it is, and the mean place of each word."""
    found = np.zeros((len(texts), 2 * len(WORDS) + 1))
    for row, text in enumerate(texts):
        words = text.split()
        found[row, -1] = len(words)
        for place, word in enumerate(words):
            found[row, PLACES[word]] += 1
            found[row, len(WORDS) + PLACES[word]] += place
    return found


def test_lengths_are_told_in_bins_of_about_as_many_texts() -> None:
    task = ask_length(TEXTS)
    assert task is not None
    counts = Counter(task.answers)
    assert len(counts) == 4
    assert min(counts.values()) > 0.5 * len(TEXTS) / 4
    bins = {
        answer: [len(text.split()) for text, own in zip(task.texts, task.answers, strict=True) if own == answer]
        for answer in counts
    }
    ranges = sorted((min(lengths), max(lengths)) for lengths in bins.values())
    assert all(one[1] < other[0] for one, other in itertools.pairwise(ranges))


def test_a_word_is_told_where_a_text_holds_just_one_of_those_that_are_asked_for() -> None:
    task = ask_word(TEXTS)
    assert task is not None
    asked = set(task.answers)
    assert 2 <= len(asked) <= 10
    for text, answer in zip(task.texts, task.answers, strict=True):
        assert answer in text.split()
    assert min(Counter(task.answers).values()) >= FEWEST_OF_A_KIND


def test_every_other_text_has_two_words_swapped_and_the_same_seed_swaps_the_same() -> None:
    task = ask_order(TEXTS, 3)
    assert task is not None
    long = [text for text in TEXTS if len(text.split()) >= 4]
    for text, read, answer in zip(long, task.texts, task.answers, strict=True):
        changed = sum(one != other for one, other in zip(text.split(), read.split(), strict=True))
        assert (changed, sorted(read.split())) == (2 if answer == "swapped" else 0, sorted(text.split()))
    assert task == ask_order(TEXTS, 3) != ask_order(TEXTS, 4)
    assert Counter(task.answers)["swapped"] == len(long) // 2


@pytest.mark.parametrize("texts", [[], ["one"] * 3, ["中文没有空格"] * 40])
def test_texts_that_allow_no_task_are_told_so_and_nothing_breaks(texts: list[str]) -> None:
    tasks, why = make_probing(texts, 0)
    assert tasks == []
    assert set(why) == {"length", "word", "order"}
    assert measure_forgetting(texts, counted, counted, RULE, 0) is None


def test_features_that_stay_the_same_lost_nothing() -> None:
    found = measure_forgetting(TEXTS, counted, counted, RULE, 0)
    assert found is not None
    assert [(each.before, each.difference.point) for each in found.scores] == [
        (each.after, 0.0) for each in found.scores
    ]
    assert all(each.before > each.guessing + 0.1 for each in found.scores if each.name != "order")
    assert (found.verdict, found.retention.point) == ("kept", 1.0)
    assert found.similarity == pytest.approx(1.0)
    assert "is surely lost" in found.because


def test_features_that_are_turned_and_scaled_say_the_same() -> None:
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(2 * len(WORDS) + 1,) * 2))[0]
    assert linear_cka(counted(TEXTS), 3 * counted(TEXTS) @ turn) == pytest.approx(1.0)
    assert linear_cka(counted(TEXTS), np.random.default_rng(1).normal(size=(300, 2))) < 0.2


def test_features_that_no_longer_say_words_and_lengths_are_told_with_the_remedy() -> None:
    def dulled(texts: Sequence[str]) -> Array:
        return (counted(texts)[:, :3] > 0).astype(float)

    found = measure_forgetting(TEXTS, counted, dulled, RULE, 0)
    assert found is not None
    assert found.verdict == "lost_much"
    assert found.retention.high < RULE.least_retention
    assert min(each.p_holm for each in found.scores if each.p_holm is not None) < 0.001
    for remedy in ("l2_sp", "layer_decay", "gradual", "lora_rank"):
        assert remedy in found.because
    assert found.similarity < 0.9


@pytest.mark.parametrize(
    ("point", "error", "verdict"),
    [
        (1.02, 0.01, "kept"),
        (0.9, 0.06, "kept"),
        (0.98, 0.005, "lost"),
        (0.97, 0.005, "lost"),
        (0.96, 0.005, "lost_much"),
    ],
)
def test_only_a_loss_outside_noise_counts_and_only_a_large_one_asks_for_a_remedy(
    point: float, error: float, verdict: str
) -> None:
    retention = Interval(point=point, low=point - 1.96 * error, high=point + 1.96 * error, standard_error=error)
    found, because = judge_retention(retention, 0.8, RULE)
    assert found == verdict
    assert f"keep {100 * point:.0f} % of their accuracy" in because
    assert "{" not in because


def test_no_more_texts_are_read_than_the_rule_says() -> None:
    read: list[int] = []

    def count(texts: Sequence[str]) -> Array:
        read.append(len(texts))
        return counted(texts)

    few = RULE.model_copy(update={"most_texts": 80})
    found = measure_forgetting(TEXTS * 5, count, counted, few, 0)
    assert found is not None
    assert found.texts == 80 == max(read)


def test_the_words_of_the_tiny_data_allow_two_tasks_at_least() -> None:
    tasks, _ = make_probing([str(given) for given in tiny.make_rows(200, 0).inputs], 0)
    assert {task.name for task in tasks} >= {"order"}
