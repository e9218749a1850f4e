"""Other data for a run than what it was made from: rows to answer or to label."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pipeline.errors import DataError
from pipeline.records import DataSource

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
