"""New rows of a run: with labels or without, and without those that the run knows already."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from advisor.way import Way
from pipeline.data.dataset import Dataset, log_test_reading
from pipeline.data.duplicates import group, text_hash
from pipeline.data.splitting import load_splits
from pipeline.errors import DataError
from pipeline.task import Array, Rows

if TYPE_CHECKING:
    import pandas as pd

LEARNED = "stands in the run's data"
NEARLY = "is nearly a row of the run's data"
SEALED = "is a sealed row of the run, which was scored already"
SHOWN = 5


@dataclass(frozen=True)
class Newcomers:
    """Rows that came after a run.

    Attributes:
        name: What they are called.
        given: How many rows there were.
        rows: All that the run did not know, without their labels.
        places: Their places among those that were given.
        labelled: Those of them that have a label.
        classes: All classes: the model's, then labels that only these rows have.
        unknown: How many rows have each of those.
        known: Rows that were left out, by why.
    """

    name: str
    given: int
    rows: Rows
    places: list[int]
    labelled: Rows
    classes: list[str]
    unknown: dict[str, int]
    known: dict[str, int]


def meet(way: Way, table: "pd.DataFrame", name: str, data: Dataset | None, *, labelled: bool | None) -> Newcomers:
    """Read rows, and set those aside that the run knows.

    Args:
        way: What will answer them.
        table: The rows, its index their numbers.
        name: What they are called.
        data: All rows of the run; None where they are not at hand, so that only exact copies are found.
        labelled: Whether their labels count; None for as the table has them.

    Raises:
        DataError: A column is missing or cannot be read, no row is new, or no label is one that the model knows.
    """
    rows = way.task.rows(table, way.columns, name, labelled=False)
    has_labels = labelled if labelled is not None else set(way.truth) <= set(table.columns)
    with_label = way.task.rows(table, way.columns, name, labelled=True) if has_labels else rows.take([])
    why = known_rows(way, rows, data)
    kept = [place for place, each in enumerate(why) if not each]
    known = {each: count for each, count in Counter(why).items() if each}
    if not kept:
        said = "; ".join(f"{count:,} × {each}" for each, count in known.items())
        raise DataError(f"No row of '{name}' is new to this run: {said}.", "Give rows that came after it.")
    new = rows.take(kept)
    fresh = set(new.ids)
    scored = with_label.take([place for place, row in enumerate(with_label.ids) if row in fresh])
    classes, unknown = _classes(way, scored, name)
    return Newcomers(name, len(rows), new, kept, scored, classes, unknown, known)


def known_rows(way: Way, rows: Rows, data: Dataset | None) -> list[str]:
    """For each row why the run knows it already; empty where it is new.

    Only texts are compared. Copies apart from case and white space are found by the hashes of the run; with the rows of the run
    at hand near-copies of what it learned from are found too.
    """
    splits = load_splits(way.folder.path / "splits.parquet")
    sides = dict(zip(splits["text_hash"], splits["side"], strict=True))
    purpose = "compare their texts with new rows, to leave out what was scored already"
    log_test_reading(way.folder.path, purpose, int((splits["side"] == "test").sum()))
    hashes = [text_hash(given) for given in rows.inputs]
    why = ["" if each not in sides else SEALED if sides[each] == "test" else LEARNED for each in hashes]
    if data is None:
        return why
    learned = data.unsealed()
    together = group([*learned.inputs, *rows.inputs])
    near = set(together.keys[: len(learned)])
    return [
        each or (NEARLY if key in near else "") for each, key in zip(why, together.keys[len(learned) :], strict=True)
    ]


def _classes(way: Way, scored: Rows, name: str) -> tuple[list[str], dict[str, int]]:
    """All classes, and how many rows have each that the model cannot answer.

    Raises:
        DataError: The rows have labels, and none that the model knows.
    """
    if not way.classes or not len(scored):
        return way.classes, {}
    found = way.task.classes(scored)
    unseen = [label for label in found if label not in way.classes]
    if len(unseen) == len(found):
        theirs, ours = (", ".join(f"'{each}'" for each in labels[:SHOWN]) for labels in (unseen, way.classes))
        raise DataError(
            f"No label of '{name}' is one that this run knows: it has {theirs}, the run knows {ours}.",
            "Give the column of the labels with --label, or look at the rows without their labels with --unlabelled.",
        )
    counts = {label: sum(_has(answer, label) for answer in scored.answers) for label in unseen}
    return [*way.classes, *unseen], counts


def _has(answer: object, label: str) -> bool:
    return label in answer if isinstance(answer, tuple) else answer == label


def without_copies(rows: Rows, most: int, seed: int) -> Rows:
    """The rows without copies and near-copies of each other, a seeded sample of at most so many."""
    first: dict[str, int] = {}
    for place, key in enumerate(group(rows.inputs).keys):
        first.setdefault(key, place)
    return rows.take(_drawn(list(first.values()), most, seed))


def _drawn(places: Sequence[int], most: int, seed: int) -> Array:
    drawn = np.random.default_rng(seed).permutation(len(places))[:most]
    return np.array([places[place] for place in sorted(drawn.tolist())], dtype=int)
