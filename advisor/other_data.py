"""Other data for a run than what it was made from: rows to answer or to label, and labelled rows of other tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from advisor.columns import clear_reading
from advisor.rule_records import ColumnRules
from pipeline.data.columns import read_columns
from pipeline.data.preview import preview
from pipeline.errors import DataError
from pipeline.records import OTHER_TASK, DataSource

ALIKE = ("encoding", "delimiter", "quote", "header", "sheet")
"""What was said of the training data and holds for other files until something else is said."""


def source_like(training: DataSource, data: Mapping[str, Any]) -> DataSource:
    """Where other rows are and how they are written: as was said, else as the training data.

    Raises:
        DataError: What was said is of the wrong kind.
    """
    alike = training.model_dump(include=set(ALIKE))
    try:
        return DataSource(**{**alike, **{name: value for name, value in data.items() if value is not None}})
    except ValidationError as error:
        fault = error.errors()[0]
        raise DataError(
            f"{fault['loc'][0]} is {fault['input']!r:.60}.", fault["msg"].replace("Input", "It") + "."
        ) from error


TEXT_AND_LABEL = ("text", "label")


def other_tasks(training: DataSource, folder: Path, rules: ColumnRules) -> list[DataSource]:
    """Labelled rows of other tasks as the answers name them, each with its columns.

    Args:
        training: Names their files.
        folder: What relative paths are relative to.
        rules: How columns are read.

    Raises:
        DataError: A file is missing or cannot be read, or it is not clear which of its columns hold texts and labels.
    """
    return [_with_columns(source_like(training, {"train": name}), folder, rules) for name in training.other_tasks]


def _with_columns(source: DataSource, folder: Path, rules: ColumnRules) -> DataSource:
    seen = preview(source, folder, whole=True)
    columns: Mapping[str, Any] = {role: role for role in TEXT_AND_LABEL if role in seen.columns}
    if len(columns) < len(TEXT_AND_LABEL):
        reading = clear_reading(read_columns(seen.rows, rules.signs, columns, [OTHER_TASK]), rules)
        if reading is None:
            raise DataError(
                f"It is not clear which columns of '{source.name}', named under [data] other_tasks, hold texts and labels.",
                f"It has: {', '.join(seen.columns)}. Name them 'text' and 'label' there, or leave the file out.",
            )
        columns = reading.columns
    return source.model_copy(update={"columns": dict(columns)})
