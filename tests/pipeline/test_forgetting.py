"""What an encoder forgot: tasks made from plain texts, probes on both features, and a verdict outside noise."""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from advisor.rulebook import load_rules
from pipeline.evaluation.forgetting import judge_retention, linear_cka, measure_forgetting
from pipeline.evaluation.perplexity import NO_HEAD, measure_perplexity, say_perplexity
from pipeline.evaluation.probing import (
    FEWEST_OF_A_KIND,
    Probing,
    ask_labels,
    ask_length,
    ask_order,
    ask_word,
    make_probing,
)
from pipeline.models import load_encoder, load_language_model
from pipeline.records import DataSource, Interval, ModelSource
from pipeline.results import Perplexity
from pipeline.retention import read_other_tasks
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
    for remedy in ("l2_sp", "gradual", "learning_rate"):
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
    found, because = judge_retention(retention, RULE.sentences, RULE.least_retention, 0.8)
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


def test_another_task_keeps_only_labels_that_enough_texts_have_and_no_more_texts_than_the_rule_says() -> None:
    labels = ["rare" if place < 5 else ("a", "b")[place % 2] for place in range(len(TEXTS))]
    found = ask_labels("topics.csv", TEXTS, labels, 100, 0)
    assert found is not None
    assert (set(found.answers), found.name) == ({"a", "b"}, "topics.csv")
    assert 90 < len(found.texts) <= 100
    assert found == ask_labels("topics.csv", TEXTS, labels, 100, 0) != ask_labels("topics.csv", TEXTS, labels, 100, 1)
    assert ask_labels("topics.csv", TEXTS, ["a"] * len(TEXTS), 100, 0) is None


def test_what_was_lost_of_another_task_alone_is_told_apart_and_asks_for_a_remedy() -> None:
    def reds_apart(texts: Sequence[str]) -> Array:
        return np.delete(counted(texts), [PLACES["red"], len(WORDS) + PLACES["red"]], axis=1)

    red = Probing("reds.csv", tuple(TEXTS), tuple("red" if "red" in text.split() else "none" for text in TEXTS))
    found = measure_forgetting(TEXTS, counted, reds_apart, RULE, 0, [red])
    assert found is not None
    assert found.others_retention is not None
    assert found.retention.point > 0.97 > found.others_retention.high
    assert found.verdict == "lost_much"
    assert [each.what for each in found.others] == ["labels of reds.csv"]
    assert "l2_sp" in found.others_because
    assert "l2_sp" not in found.because
    kept = measure_forgetting(TEXTS, counted, counted, RULE, 0, [red])
    assert kept is not None
    assert kept.verdict == "kept"
    assert "other tasks is surely lost" in kept.others_because


def test_files_of_other_tasks_are_read_and_those_that_cannot_be_say_why(tmp_path: Path) -> None:
    tiny.write_csv(tiny.make_rows(90, 1), tmp_path / "moods.csv")
    tiny.write_csv(tiny.make_rows(6, 1), tmp_path / "few.csv")
    columns = {"text": "text", "label": "label"}
    named = [DataSource(train=name, columns=columns) for name in ("moods.csv", "few.csv", "gone.csv")]
    found, missing = read_other_tasks(named, tmp_path, tiny.PREPARATION, 600, 0)
    assert [(each.name, len(each.texts), set(each.answers)) for each in found] == [("moods.csv", 90, set(tiny.CLASSES))]
    assert set(missing) == {"labels of few.csv", "labels of gone.csv"}
    assert "fewer than two labels" in missing["labels of few.csv"]
    assert "gone.csv" in missing["labels of gone.csv"]


def save_language_model(folder: Path, kind: str) -> Path:
    """A tiny model with a head that predicts words, and its tokenizer."""
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    vocabulary = {word: place for place, word in enumerate([*tiny.SPECIAL, "one", *WORDS])}
    sizes = {"vocab_size": len(vocabulary), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = {**sizes, "intermediate_size": 32, "max_position_embeddings": 40, "initializer_range": 0.2}
    if kind == "masked":
        BertForMaskedLM(BertConfig(**config)).save_pretrained(folder)
    else:
        LlamaForCausalLM(LlamaConfig(**config, num_key_value_heads=2, pad_token_id=0)).save_pretrained(folder)
    BertTokenizerFast(vocab=vocabulary, model_max_length=40).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["masked", "causal"])
def test_a_model_that_predicts_words_is_asked_before_and_after_and_a_change_counts_outside_noise_only(
    kind: str, tmp_path: Path
) -> None:
    path = save_language_model(tmp_path, kind)
    tuned = load_encoder(path)
    same = measure_perplexity(path, tuned, TEXTS, 40, 0)
    assert isinstance(same, Perplexity)
    assert str(same.kind) == kind
    assert same.before == pytest.approx(same.after)
    assert (same.ratio.point, same.ratio.low) == (1.0, 1.0)
    assert "as well as before" in say_perplexity(same, "training texts", RULE.perplexity)
    model, _ = load_language_model(path) or pytest.fail("it has a head")
    if kind == "causal":  # the library's own loss of one text
        from pipeline.models import load_tokenizer

        ids = torch.tensor([load_tokenizer(path)(TEXTS[0])["input_ids"]])
        alone = measure_perplexity(path, tuned, TEXTS[:1], 40, 0)
        assert isinstance(alone, Perplexity)
        with torch.inference_mode():
            assert alone.before == pytest.approx(float(model(input_ids=ids, labels=ids).loss.exp()), rel=1e-4)
    with torch.no_grad():
        for part in tuned.parameters():
            part.add_(torch.randn_like(part))
    other = measure_perplexity(path, tuned, TEXTS, 40, 0)
    assert isinstance(other, Perplexity)
    assert other.before == same.before
    assert other.ratio.low > 1
    assert other.ratio.point == pytest.approx(other.after / other.before)
    said = say_perplexity(other, "training texts", RULE.perplexity)
    assert f"{other.after:,.2f}" in said
    assert "{" not in said


def test_a_model_without_such_a_head_says_so(tiny_model: ModelSource) -> None:
    path = Path(tiny_model.location)
    found = measure_perplexity(path, load_encoder(path), TEXTS, 40, 0)
    assert found == NO_HEAD
    assert (
        say_perplexity(found, "training texts", RULE.perplexity) == f"Its perplexity is not measured, since {NO_HEAD}."
    )
