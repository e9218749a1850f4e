"""What a sitting leaves for the next assessment: an answers file that names the old and the new rows, and sides for the new ones."""

import os
from pathlib import Path
from typing import Any

import pandas as pd

from advisor.answers_file import read_toml, write_toml
from advisor.labelling.labelled_file import LabelledFile
from advisor.run_folder import RunFolder, run_name
from pipeline.data.splitting import load_splits
from pipeline.storage import storage_error

SPLITS = "splits-with-labels.parquet"
ANSWERS = "answers-with-labels.toml"


def hand_over(folder: RunFolder, task: str, columns: dict[str, Any], file: LabelledFile) -> Path:
    """Write the answers file for old and new rows together, and the sides on which they stand.

    Sealed rows stay sealed. A row that was chosen since it is hard or rare would make the sealed rows other than what the
    model will meet, so that chosen rows train, and only those that were drawn at random are sealed.

    Args:
        folder: The run.
        task: Key of the task, which the run may have found out by itself.
        columns: By role, likewise.
        file: The answers.

    Returns:
        The answers file.

    Raises:
        StorageError: The folder cannot take it.
    """
    _save_sides(folder.path, file)
    answers = folder.answers
    values = answers.model_dump(exclude_unset=True, exclude_none=True)
    data = values["data"]
    data.pop("columns", None)
    new = os.path.relpath(file.path.resolve(), folder.path)
    values["data"] = {**data, "train": [*_listed(answers.data.train), new], "splits": SPLITS, **columns}
    values.setdefault("name", run_name(answers))
    values = {"schema_version": 1, **values, "task": task}
    path = _free_name(folder.path / ANSWERS, values)
    write_toml(values, path)
    return path


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given


def _free_name(path: Path, values: dict[str, Any]) -> Path:
    """The path, or one with a number where somebody has changed the file that stands there."""
    number, free = 1, path
    while free.is_file() and read_toml(free) != values:
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _save_sides(folder: Path, file: LabelledFile) -> None:
    splits = load_splits(folder / "splits.parquet")
    answered = [line for line in file.standing() if line.act == "answered"]
    new = pd.DataFrame(
        {
            "row_id": [f"label-{line.text_hash}" for line in answered],
            "text_hash": [line.text_hash for line in answered],
            "group": [line.text_hash for line in answered],
            "side": [line.side for line in answered],
        }
    )
    path = folder / SPLITS
    try:
        draft = path.with_name(path.name + ".new")
        pd.concat([splits, new], ignore_index=True).to_parquet(draft, index=False)
        os.replace(draft, path)
    except OSError as error:
        raise storage_error(path, error) from error
