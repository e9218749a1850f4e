"""What the audit says of data of which only a sample was kept, or compared for near-copies."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from advisor.audit.copies import find_copies, find_sampled, find_uncompared
from advisor.audit.labels import find_conflicts
from advisor.audit.material import Material
from advisor.records import Answers
from advisor.rulebook import load_rules
from pipeline.data.dataset import Dataset, load_dataset
from pipeline.data.duplicates import group
from pipeline.records import DataSource
from pipeline.task import Rows, load_task

TASK = load_task("text-classification")
COLUMNS: dict[str, str | list[str]] = {"text": "text", "label": "label"}


def material(data: Dataset) -> Material:
    answers = Answers(task=TASK.key, data=DataSource(train="a.csv"))
    return Material(data, TASK, answers, load_rules(), [], lambda: None)


def with_near_copies(originals: int, copied: int, seed: int) -> list[str]:
    """Different texts of which so many have a near-copy."""
    draw = random.Random(seed)
    texts = [" ".join(f"{draw.randrange(10**7)}" for _ in range(15)) for _ in range(originals)]
    return [*texts, *(f"{text} more" for text in texts[:copied])]


@pytest.mark.parametrize(("copied", "seed"), [(600, 1), (300, 2), (150, 3)])
def test_the_share_of_near_copies_is_told_from_the_sample_that_was_compared(copied: int, seed: int) -> None:
    texts = with_near_copies(1500, copied, seed)
    rows = Rows(tuple(map(str, range(len(texts)))), tuple(texts), tuple("ab"[place % 2] for place in range(len(texts))))
    data = Dataset(rows, group(texts, most=700), ["train"] * len(texts), False, 0)
    found = find_uncompared(material(data))[0]
    assert (found.count, found.of) == (len(texts) - 700, len(texts))
    low, high = (float(re.sub(r"[^\d.e+-]", "", found.values[name])) / 100 for name in ("low", "high"))
    assert low <= copied / len(texts) <= high
    assert int(found.values["seen"]) < 0.6 * copied * 700 / len(
        texts
    )  # uncorrected, the sample would hide most of them


def test_copies_and_conflicts_among_rows_that_were_not_kept_are_counted_too(tmp_path: Path) -> None:
    lines = [f"text {place},a" for place in range(500)] + [f"TEXT {place},b" for place in range(40)]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    data = load_dataset(DataSource(train="a.csv", columns=COLUMNS, max_rows=60), TASK, tmp_path, seed=1)
    found = material(data)
    assert [(each.count, each.of) for each in find_copies(found)[:1]] == [(40, 540)]
    assert [(each.count, each.of) for each in find_conflicts(found)] == [(80, 540)]
    assert [(each.count, each.of, each.values["kept"]) for each in find_sampled(found)] == [(480, 540, "60")]
    assert find_sampled(material(replace(data, counted=None)))[0].count == 0
