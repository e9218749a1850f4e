"""Uses what a run produced: the fine-tuned model, or the best cheap way."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.other_data import source_like
from advisor.run_folder import RunFolder
from advisor.way import open_way
from pipeline.data.reading import read
from pipeline.data.recognition import find_dialect, find_places
from pipeline.errors import DataError
from pipeline.records import DataSource
from pipeline.storage import storage_error
from pipeline.task import Array

ADDED = ("prediction", "confidence")
"""Columns that are written beside those of the file."""
WRITERS = {".csv", ".jsonl", ".parquet"}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\0")
"""How a text begins that a spreadsheet takes for a formula: ASVS 1.2.10, https://asvs.emil.hemdal.se/1.2.10"""


def predict(
    folder: RunFolder,
    data: Mapping[str, Any],
    out: Path,
    *,
    cheap: bool = False,
    named: Mapping[str, Any] | None = None,
) -> tuple[str, int]:
    """Answer the rows of a file and write them with their answers.

    Args:
        folder: A run.
        data: Where the rows are and how they are written, as under [data]; labels are not needed.
        out: CSV, JSON Lines or Parquet file to write; it must not exist.
        cheap: Use the cheap way even when there is a fine-tuned model.
        named: Columns by their roles, where they differ from those of the training file.

    Returns:
        Name of the way that answered, and the number of rows.

    Raises:
        DataError: The file cannot be read, or `out` cannot be written as asked.
    """
    _check_out(out)
    source = source_like(folder.answers.data, data)
    way = open_way(folder, cheap=cheap).reading(named or {})
    table = read(source.train, source, Path.cwd())
    rows = way.task.rows(table, way.columns, source.name, labelled=False)
    found = way.predict(rows)
    _write(table, way.task.written(table, way.columns, found), found.confidence, out, source)
    return way.title, len(rows)


def _check_out(out: Path) -> None:
    if out.suffix.lower() not in WRITERS:
        raise DataError(
            f"'{out.name}' is not of a kind that can be written.", f"Use one of: {', '.join(sorted(WRITERS))}."
        )
    if out.exists():
        raise DataError(f"'{out}' is already there.", "Choose another name with --out; nothing is overwritten.")


def _write(table: Any, answers: list[Any], confidence: Array | None, out: Path, source: DataSource) -> None:
    taken = [name for name in ADDED if name in table.columns]
    if taken:
        raise DataError(f"'{source.name}' has a column '{taken[0]}' already.", "Rename it; that name is written here.")
    answered = table.assign(prediction=answers)
    if confidence is not None:
        answered["confidence"] = confidence
    delimiter = find_dialect(find_places(source.train, Path.cwd())[0], source).delimiter
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.suffix.lower() == ".csv":
            answered.map(_as_cell).rename(columns=_as_cell).to_csv(out, index=False, sep=delimiter)
        elif out.suffix.lower() == ".jsonl":
            answered.to_json(out, orient="records", lines=True, force_ascii=False)
        else:
            mixed = [name for name in table.columns if table[name].map(type).nunique() > 1]
            answered.astype(dict.fromkeys(mixed, str)).to_parquet(out, index=False)
    except OSError as error:
        raise storage_error(out, error) from error


def _as_cell(value: Any) -> Any:
    """A cell of a CSV file as a spreadsheet should show it: a text that would be a formula gets an apostrophe before it.

    Numbers stay as they are. JSON Lines and Parquet, which programs read, hold every text unchanged.
    """
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) or not value.startswith(FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
