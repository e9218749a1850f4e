"""How much of the texts each model reads."""

import pytest

from advisor.audit.limits import find_long_texts, measure_reaches
from advisor.rule_records import Rules
from pipeline.embeddings import Embedder
from tests.advisor.audit.samples import RULES, found_by, make_material, plain_texts


def words(count: int) -> str:
    return " ".join(["one"] * count)


def test_rows_and_tokens_behind_the_limit_of_the_model_at_hand_are_counted(embedder: Embedder) -> None:
    """The tiny model reads 40 tokens, two of them special: of 100 words 62 stand behind the cut."""
    material = make_material([words(100), words(38), words(39), words(5)], embedder=embedder)
    reaches, lengths = measure_reaches(material, material.rows.inputs)
    assert lengths.tolist() == [102, 40, 41, 7]
    assert (reaches[0].models, reaches[0].limit, reaches[0].counted) == (("tiny-bert",), 40, True)
    assert (reaches[0].rows_cut, reaches[0].of) == (2, 4)
    assert reaches[0].tokens_cut == pytest.approx((62 + 1) / (102 + 40 + 41 + 7))
    found = found_by(find_long_texts, material)["long_texts"]
    assert (found.count, found.of, found.values["model"], found.values["limit"]) == (2, 4, "tiny-bert", "40")
    assert [example.split(":")[0] for example in found.examples] == ["x.csv row 1", "x.csv row 3"]


def test_models_that_are_not_at_hand_stand_by_their_limit_and_are_said_to_be_estimated() -> None:
    material = make_material([words(10_000), words(600), words(100), words(3)])
    reaches, _ = measure_reaches(material, material.rows.inputs)
    rows = {reach.limit: reach.rows_cut for reach in reaches}
    assert rows[512] == 2
    assert rows[128] == 2
    assert rows[8192] == 1
    assert not any(reach.counted for reach in reaches)
    assert reaches[0].limit == 512, "without a model at hand the commonest limit stands first"
    names = [name for reach in reaches for name in reach.models]
    assert sorted(names) == sorted(names_that_read(RULES, "text-classification"))
    found = found_by(find_long_texts, material)["long_texts"]
    assert "(128 tokens, estimated): 50.0 % of rows" in found.values["by_model"]


def names_that_read(rules: Rules, task: str) -> list[str]:
    return [name for name, entry in rules.models.items() if entry.kind in rules.tasks[task].reads]


def test_both_texts_of_a_pair_are_read_together(embedder: Embedder) -> None:
    pairs = [(words(30), words(30)), (words(3), words(3))]
    material = make_material(pairs, task="text-pair-classification", embedder=embedder)
    assert measure_reaches(material, pairs)[1].tolist() == [63, 9]
    assert found_by(find_long_texts, material)["long_texts"].count == 1


def test_words_of_a_sentence_are_counted_as_the_model_reads_them(embedder: Embedder) -> None:
    sentences = [("one",) * 50, ("one",) * 3]
    material = make_material(sentences, [("O",) * 50, ("O",) * 3], "token-classification", embedder)
    assert measure_reaches(material, sentences)[1].tolist() == [52, 5]


def test_short_texts_are_not_worth_a_word(embedder: Embedder) -> None:
    assert find_long_texts(make_material(["one two", "three"], embedder=embedder)) == []
    assert find_long_texts(make_material(plain_texts(40))) == []
    assert find_long_texts(make_material([])) == []
