"""How varied the texts are, and which regions no label reaches. To the tiny model all words that it does not know are one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from advisor.audit.coverage import count_different, find_bare_regions, find_uniform_texts
from pipeline.data.dataset import load_dataset
from pipeline.embeddings import Embedder
from pipeline.records import DataSource
from pipeline.task import Answer, Input, Rows, load_task
from tests.advisor.audit.samples import found_by, make_material, plain_texts


@pytest.mark.parametrize("many", [1, 2, 8])
def test_wholly_different_texts_are_counted_however_often_they_stand(many: int) -> None:
    assert count_different(np.repeat(np.eye(8)[:many], 5, axis=0)) == pytest.approx(many)


def test_texts_that_a_model_cannot_tell_apart_are_twins(embedder: Embedder, rows: Rows) -> None:
    inputs = [*rows.inputs[:100], *plain_texts(40)]
    labels = [*rows.answers[:100], *["unknown words"] * 40]
    found = found_by(find_uniform_texts, make_material(inputs, labels, embedder=embedder))
    assert (found["twins"].count, found["twins"].of) == (40, 140)
    assert found["diversity"].values["least"] == " Least varied is 'unknown words', as 1."
    assert found["diversity"].count <= found["diversity"].of == 14
    assert found["diversity"].values["model"] == "tiny-bert"


def test_unlabelled_texts_unlike_any_labelled_one_are_counted(embedder: Embedder, rows: Rows) -> None:
    unlabelled = [*plain_texts(60), *rows.inputs[200:260]]
    material = make_material(rows.inputs[:200], rows.answers[:200], embedder=embedder, unlabelled=unlabelled)
    found = found_by(find_bare_regions, material)["bare_regions"]
    assert (found.count, found.of) == (60, 120)
    assert found.values["labelled"] == "0"
    assert set(found.examples) <= set(plain_texts(60))


def test_unlabelled_texts_like_the_labelled_ones_leave_no_region_bare(embedder: Embedder, rows: Rows) -> None:
    material = make_material(rows.inputs[:200], rows.answers[:200], embedder=embedder, unlabelled=rows.inputs[200:])
    assert found_by(find_bare_regions, material) == {}


@pytest.mark.parametrize(
    ("task", "shape", "answers"),
    [
        ("token-classification", lambda text: tuple(text.split()[:3]), [("O",) * 3] * 40),
        ("token-classification", lambda text: (text.split()[0],), [("O",)] * 40),
        ("text-pair-classification", lambda text: (text, text[:9]), ["a", "b"] * 20),
        ("text-regression", str, [float(place) for place in range(40)]),
        ("multi-label-classification", str, [("a", "b"), ("a",)] * 20),
    ],
)
def test_texts_of_every_task_are_compared(
    embedder: Embedder, rows: Rows, task: str, shape: Callable[[str], Input], answers: list[Answer]
) -> None:
    inputs = [shape(str(given)) for given in rows.inputs[:40]]
    found = find_uniform_texts(make_material(inputs, answers, task, embedder))
    assert [each.code for each in found] == ["diversity", "twins"]
    assert 20 <= found[1].of <= 40


def test_without_a_model_or_rows_nothing_is_said(embedder: Embedder, rows: Rows) -> None:
    alone = make_material(rows.inputs, rows.answers, unlabelled=plain_texts(60))
    few = make_material(rows.inputs[:10], rows.answers[:10], embedder=embedder, unlabelled=plain_texts(10))
    for material in (alone, few):
        assert find_uniform_texts(material) == find_bare_regions(material) == []


def test_rows_without_an_answer_are_kept_for_this_and_for_nothing_else(tmp_path: Path) -> None:
    lines = [f"{text},{label}" for text, label in zip(plain_texts(60), ["a", "b", ""] * 20, strict=True)]
    (tmp_path / "half.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    source = DataSource(train="half.csv", columns={"text": "text", "label": "label"})
    data = load_dataset(source, load_task("text-classification"), tmp_path, seed=1)
    assert list(data.unlabelled) == plain_texts(60)[2::3]
    assert (len(data.rows), data.unlabelled_rows) == (40, 20)
