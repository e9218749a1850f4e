"""The rows of a cell: drawn from the files of its set, and for a control changed on purpose."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from advisor.backtest.suite import Cell, SuiteSet
from advisor.errors import AnswersError
from pipeline.data.reading import column, read
from pipeline.records import DataSource
from pipeline.storage import save_text
from pipeline.task import load_task

NOISE = {"noise_20": 0.2, "noise_40": 0.4}
"""Share of rows that get the answer of a row that was answered otherwise."""


@dataclass(frozen=True)
class Material:
    """The rows of one set.

    Attributes:
        train: Rows to draw from.
        held_out: Rows to score on.
        truth: Columns that hold the answer.
    """

    train: pd.DataFrame
    held_out: pd.DataFrame
    truth: list[str]

    def __len__(self) -> int:
        return len(self.train)


def read_material(given: SuiteSet, seed: int) -> Material:
    """All rows of a set that are answered, in a seeded order.

    Raises:
        AnswersError: A column that holds the answers is not named.
        DataError: A file cannot be read.
    """
    source = DataSource.model_validate(given.data)
    roles = [role for layout in load_task(given.task).layouts for role in layout.roles if not role.required_to_predict]
    named = [source.columns[role.key] for role in roles if role.key in source.columns]
    truth = list(dict.fromkeys(each for name in named for each in ([name] if isinstance(name, str) else name)))
    if not truth:
        wanted = " or ".join(f"`{role.key}`" for role in roles)
        raise AnswersError(f"The set '{given.name}' names no column of answers.", f"Say {wanted} under its data.")
    tables = []
    for place, files in enumerate((source.train, source.test)):
        assert files is not None, "the suite was checked"
        table = read(files, source, Path.cwd())
        for name in truth:
            column(table, name, given.name)
        table = table[table[truth].notna().all(axis=1)]
        order = np.random.default_rng([seed, place]).permutation(len(table))
        tables.append(table.iloc[order].reset_index(drop=True))
    return Material(tables[0], tables[1], truth)


def draw(material: Material, cell: Cell, held_out_rows: int) -> Material | None:
    """The rows of a cell, or None where the set has too few.

    Held-out rows whose answer no drawn row has are left out, since nothing could learn it. What a control changes it
    changes in both parts alike, as it would be among the rows of one person.
    """
    if len(material) < cell.size:
        return None
    generator = np.random.default_rng([cell.seed, cell.size])
    train = material.train.iloc[: cell.size]
    held_out = _answered_in(train, material.held_out, material.truth).iloc[:held_out_rows]
    parts = [_changed(part, material.truth, cell.control, generator) for part in (train, held_out)]
    parts[1] = _answered_in(parts[0], parts[1], material.truth)
    if cell.control == "codes":
        parts = _coded(parts, material.truth, generator)
    return Material(parts[0], parts[1], material.truth)


def _answered_in(train: pd.DataFrame, held_out: pd.DataFrame, truth: Sequence[str]) -> pd.DataFrame:
    """The held-out rows whose answer is among those of other rows; all where answers are rarely met twice, as numbers are."""
    known = set(_answers(train, truth))
    if len(known) > len(train) / 2:
        return held_out
    return held_out[[kind in known for kind in _answers(held_out, truth)]]


def save_material(material: Material, folder: Path) -> tuple[Path, Path]:
    """Write both parts as JSON Lines, and return where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "train.jsonl", folder / "held_out.jsonl"
    for table, path in zip((material.train, material.held_out), paths, strict=True):
        save_text(table.to_json(orient="records", lines=True, force_ascii=False), path)
    return paths


def _answers(table: pd.DataFrame, truth: Sequence[str]) -> list[str]:
    """The answer of each row as one word that can be compared."""
    return [repr(cells) for cells in table[list(truth)].itertuples(index=False, name=None)]


def _changed(table: pd.DataFrame, truth: list[str], control: str, generator: np.random.Generator) -> pd.DataFrame:
    """The rows with the answers that a control gives them."""
    places = np.arange(len(table))
    if control == "random_labels":
        places = generator.permutation(places)
    elif control == "half_shuffled":
        half = np.sort(generator.permutation(places)[: len(places) // 2])
        places[half] = generator.permutation(half)
    elif control in NOISE:
        kinds = np.array(_answers(table, truth), dtype=object)
        for place in generator.permutation(len(places))[: round(NOISE[control] * len(places))]:
            others = np.flatnonzero(kinds != kinds[place])
            places[place] = generator.choice(others) if len(others) else place
    changed = table.copy()
    changed[truth] = table[truth].to_numpy()[places]
    return changed


def _coded(parts: list[pd.DataFrame], truth: list[str], generator: np.random.Generator) -> list[pd.DataFrame]:
    """The rows with a code in place of each label, so that labels say nothing."""
    found = [part.copy() for part in parts]
    for name in truth:
        kinds = sorted({str(value) for part in parts for value in part[name]})
        codes = dict(zip(kinds, (f"c{place:03d}" for place in generator.permutation(len(kinds))), strict=True))
        for part in found:
            part[name] = [codes[str(value)] for value in part[name]]
    return found
