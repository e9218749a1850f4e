"""How many labels are wrong, and which: on made curves, and on rows whose labels were changed on purpose."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from advisor.audit.label_noise import find_label_noise, list_suspects
from advisor.audit.material import Material
from advisor.audit.noise import FEWEST_ROWS, Floor, fit_floor, sureness_of, sureness_of_each
from pipeline.task import Answer, Input
from tests.advisor.audit.samples import WORDS, make_material

CLASSES = ["north", "south", "west"]


def drawn(rate: float, slope: float, rows: int = 4000, seed: int = 1) -> tuple[Floor, np.ndarray]:
    """The floor fitted to rows of which so many are mislabelled and the others contradicted the less the surer the model is."""
    draw = np.random.default_rng(seed)
    sureness = draw.gamma(2.0, 1.0, rows)
    wrong = draw.random(rows) < rate
    hard = draw.random(rows) < 1 / (1 + np.exp(slope * sureness))
    return fit_floor(sureness, wrong | hard), wrong


@pytest.mark.parametrize("rate", [0.0, 0.03, 0.1, 0.25])
@pytest.mark.parametrize("slope", [1.0, 3.0])
def test_the_rate_of_wrong_labels_is_told_apart_from_difficulty(rate: float, slope: float) -> None:
    found, _ = drawn(rate, slope, seed=3)
    assert found.rate.point == pytest.approx(rate, abs=0.05)
    assert found.rate.low <= rate <= found.rate.high


def test_a_hard_set_without_a_wrong_label_has_no_suspects() -> None:
    """A third of its labels are contradicted, and all of that is difficulty."""
    found, _ = drawn(0.0, 0.5)
    assert found.rate.low == 0
    assert (found.doubt >= 0.5).sum() <= 4


def test_suspects_are_mostly_wrong_where_the_model_is_sure() -> None:
    found, wrong = drawn(0.1, 3.0)
    suspected = found.doubt >= 0.5
    assert wrong[suspected].mean() > 0.6
    assert suspected[wrong].mean() > 0.6
    assert (found.doubt[~suspected & ~wrong] < 0.5).all()


def test_the_harder_the_set_the_wider_the_interval() -> None:
    widths = [found.rate.high - found.rate.low for found in (drawn(0.1, 0.4)[0], drawn(0.1, 3.0)[0])]
    assert widths[0] > 2 * widths[1]


def test_sureness_is_the_distance_of_the_first_two_answers() -> None:
    assert sureness_of(np.array([[0.8, 0.1, 0.1], [0.25, 0.5, 0.25]])) == pytest.approx(np.log([8, 2]))
    assert sureness_of_each(np.array([[0.5, 0.8, 0.2]]))[0] == pytest.approx([0, np.log(4), np.log(4)])


def labelled(rows: int, rate: float, seed: int = 4) -> tuple[list[str], list[str], list[int]]:
    """Texts with one to five words of their class among six others, and labels of which a share is changed."""
    draw = random.Random(seed)
    texts, labels, changed = [], [], []
    for place in range(rows):
        own = place % 3
        words = draw.sample(WORDS[own * 12 : own * 12 + 12], draw.randint(1, 5)) + draw.sample(WORDS[36:], 6)
        draw.shuffle(words)
        texts.append(" ".join(words))
        labels.append(CLASSES[own])
        if draw.random() < rate:
            labels[-1] = draw.choice([label for label in CLASSES if label != CLASSES[own]])
            changed.append(place)
    return texts, labels, changed


def suspected(material: Material) -> list[int]:
    return [int(suspect.row.split()[-1]) - 1 for suspect in list_suspects(material)]


def test_changed_labels_are_found_and_come_with_the_likelier_one() -> None:
    texts, labels, changed = labelled(600, 0.1)
    material = make_material(texts, labels)
    (found,) = find_label_noise(material)
    assert (found.code, found.of) == ("label_noise", 600)
    assert len(set(suspected(material)) & set(changed)) >= 0.85 * max(found.count, 0.8 * len(changed))
    assert material.noise is not None
    assert material.noise.rate is not None
    assert material.noise.rate.low <= len(changed) / 600 <= material.noise.rate.high
    first = list_suspects(material)[0]
    place = suspected(material)[0]
    assert (first.answer, first.likelier) == (labels[place], CLASSES[place % 3])
    assert first.doubt > 0.9
    assert found.values["reader"] == "counts of words"
    assert "likelier" in found.examples[0]


def test_right_labels_raise_no_suspicion() -> None:
    texts, labels, _ = labelled(600, 0.0)
    assert [found.count for found in find_label_noise(make_material(texts, labels))] == [0]


def test_labels_without_any_signal_are_not_called_wrong() -> None:
    texts, _, _ = labelled(600, 0.0)
    draw = random.Random(1)
    material = make_material(texts, [draw.choice(CLASSES) for _ in texts])
    (found,) = find_label_noise(material)
    assert found.count < 0.02 * found.of


def test_no_sealed_row_is_looked_at() -> None:
    texts, labels, _ = labelled(600, 0.1)
    sides = ["test" if place % 3 == 0 else "train" for place in range(600)]
    material = make_material(texts, labels, sides=sides)  # type: ignore[arg-type]
    assert material.noise is not None
    assert all(sides[position] == "train" for position in material.noise.positions)


def test_several_labels_are_looked_at_one_by_one() -> None:
    texts, labels, changed = labelled(600, 0.1)
    material = make_material(texts, [(label,) for label in labels], "multi-label-classification")
    (found,) = find_label_noise(material)
    assert len(set(suspected(material)) & set(changed)) >= 0.85 * max(found.count, 0.6 * len(changed))


def test_scores_far_from_what_their_text_says_are_listed() -> None:
    texts, labels, _ = labelled(600, 0.0)
    draw = random.Random(1)
    scores = [CLASSES.index(label) + draw.gauss(0, 0.2) for label in labels]
    for place in range(0, 600, 60):
        scores[place] += 6
    material = make_material(texts, scores, "text-regression")
    (found,) = find_label_noise(material)
    assert found.code == "score_outliers"
    assert set(suspected(material)[:10]) == set(range(0, 600, 60))
    assert found.count < 30


@pytest.mark.parametrize(
    ("inputs", "answers", "task"),
    [
        (labelled(FEWEST_ROWS - 1, 0.0)[0], labelled(FEWEST_ROWS - 1, 0.0)[1], "text-classification"),
        ([(text, text[::-1]) for text in labelled(300, 0.0)[0]], labelled(300, 0.0)[1], "text-pair-classification"),
        ([tuple(text.split()) for text in labelled(300, 0.0)[0]], [("O",) * 9] * 300, "token-classification"),
    ],
)
def test_where_it_cannot_be_told_nothing_is_said(inputs: Sequence[Input], answers: Sequence[Answer], task: str) -> None:
    material = make_material(inputs, answers, task)
    assert material.noise is None
    assert find_label_noise(material) == []
    assert list_suspects(material) == []
