"""The rows that can be asked: read from a file, without those that are known, that repeat each other, or that would leak."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.reading import read
from pipeline.errors import DataError
from pipeline.records import DataSource
from pipeline.task import Answer, Predictions, Rows, Task

MOST_ROWS = 5000
"""Rows that are ranked at once, a seeded sample beyond it: each has to be read by the model first."""


@dataclass(frozen=True)
class Pool:
    """Rows to ask.

    Shapes: `rows`, `cells` and `hashes` have one entry per row.
    """

    file: str
    rows: Rows
    """Without answers; their ids are row numbers of the file."""
    cells: list[dict[str, Any]]
    """What the columns that go in hold, under the names that they have in the training data."""
    hashes: list[str]
    """Of what is read, as in `splits.parquet`."""
    left_out: dict[str, int]
    """Why rows of the file are not asked, and how many."""
    sealed_compared: int
    """Sealed rows whose text was compared with these."""


def read_pool(
    source: DataSource,
    task: Task,
    columns: Mapping[str, Any],
    named: Mapping[str, Any],
    known: Dataset,
    labelled: set[str],
    seed: int,
) -> Pool:
    """Read the rows of a file that a person can be asked.

    Args:
        source: The file as `train`, with its encoding and delimiter.
        task: Reads rows from tables.
        columns: Of the training data, by role.
        named: Columns of this file that are named differently, by role.
        known: The run's rows; texts of sealed ones are compared, nothing more.
        labelled: Text hashes of rows that were answered or skipped before.
        seed: Of the sample, where the file is large.

    Raises:
        DataError: The file cannot be read, or no row of it is left to ask.
    """
    here = {**columns, **named}
    table = read(source.train, source, Path.cwd())
    rows = task.rows(table, here, source.name, labelled=False)
    counts: Counter[str] = Counter()
    answered = _answered(task, table, here, source.name)
    keep = [place for place, row in enumerate(rows.ids) if row not in answered]
    counts["has an answer already"] = len(rows) - len(keep)
    filled = [place for place in keep if not task.is_empty(rows.inputs[place])]
    counts["is empty"] = len(keep) - len(filled)
    together = group([*known.rows.inputs, *(rows.inputs[place] for place in filled)])
    old = len(known.rows)
    in_data, near = set(known.groups.text_hashes), dict[str, str]()
    for key, side in zip(together.keys[:old], known.sides, strict=True):
        near[key] = "sealed" if side == "test" or near.get(key) == "sealed" else "known"
    asked: list[tuple[int, str]] = []
    seen: set[str] = set()
    groups = {key for key, text in zip(together.keys, together.text_hashes, strict=True) if text in labelled}
    for place, key, text in zip(filled, together.keys[old:], together.text_hashes[old:], strict=True):
        why = _why_not(key, text, in_data, near, labelled, groups | seen)
        counts[why] += 1
        seen.add(key)
        if not why:
            asked.append((place, text))
    if not asked:
        said = "; ".join(f"{count:,} × {why}" for why, count in counts.items() if why and count)
        raise DataError(
            f"No row of '{source.name}' is left to ask: {said or 'it has none'}.",
            "Give a file with other rows, or the column with --text or --column ROLE=COLUMN.",
        )
    if len(asked) > MOST_ROWS:
        counts["waits: a sample is ranked first"] = len(asked) - MOST_ROWS
        drawn = np.random.default_rng(seed).permutation(len(asked))[:MOST_ROWS]
        asked = [asked[place] for place in sorted(drawn.tolist())]
    places = [place for place, _ in asked]
    return Pool(
        file=source.name,
        rows=rows.take(places),
        cells=[input_cells(task, columns, named, table.iloc[place]) for place in places],
        hashes=[text for _, text in asked],
        left_out={why: count for why, count in counts.items() if why and count},
        sealed_compared=sum(side == "test" for side in known.sides),
    )


def _why_not(
    key: str, text: str, in_data: set[str], near: Mapping[str, str], labelled: set[str], seen: set[str]
) -> str:
    """Why a row is not asked; empty when it is."""
    if text in in_data:
        return "stands in the run's data"
    if text in labelled:
        return "was asked before"
    if key in near:
        return "is nearly a sealed row" if near[key] == "sealed" else "is nearly a row of the run's data"
    return "is nearly another row here" if key in seen else ""


def _answered(task: Task, table: Any, columns: Mapping[str, Any], file: str) -> set[str]:
    """Rows of a file that holds the columns of the truth, and has them filled in."""
    roles = {role.key for layout in task.layouts for role in layout.roles if not role.required_to_predict}
    given = [columns[key] for key in roles if key in columns]
    names = [name for each in given for name in ([each] if isinstance(each, str) else each)]
    if not set(names) <= set(table.columns):
        return set()
    return set(task.rows(table, columns, file, labelled=True).ids)


def input_cells(task: Task, columns: Mapping[str, Any], named: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """The cells that go in, under the names of the training data."""
    roles = [role.key for layout in task.layouts for role in layout.roles if role.required_to_predict]
    found = {}
    for key in dict.fromkeys(key for key in roles if key in columns):
        cell = record[{**columns, **named}[key]]
        found[str(columns[key])] = cell.tolist() if hasattr(cell, "tolist") else cell
    return found


def truth_cells(
    task: Task, columns: Mapping[str, Any], cells: Mapping[str, Any], row: Rows, answer: Answer
) -> dict[str, Any]:
    """The columns of the truth as the training data has them, for one row with these other cells."""
    table = pd.DataFrame([dict(cells)], dtype=object)
    table.index = pd.Index(row.ids)
    (written,) = task.written(table, columns, Predictions(row.ids, (answer,)))
    roles = (role for layout in task.layouts for role in layout.roles if not role.required_to_predict)
    name = next(columns[role.key] for role in roles if role.key in columns)
    if isinstance(name, str):
        return {name: written}
    return {label: int(label in written) for label in name}
