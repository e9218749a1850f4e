"""Saves records so that a reader sees the old file or the new one, never half of it, and reads them back."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from pipeline.errors import PlanError, StorageError
from pipeline.records import SCHEMA_VERSION, Record
from pipeline.task import Answer, Predictions, Rows

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Record)


def save_record(record: Record, path: Path) -> None:
    """Write a record as JSON.

    Raises:
        StorageError: The disk or the folder cannot take it.
    """
    save_text(record.model_dump_json(indent=1) + "\n", path)


def save_text(text: str, path: Path) -> None:
    """Write a text whole or not at all.

    Raises:
        StorageError: The disk or the folder cannot take it.
    """
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise storage_error(path, error) from error


def storage_error(path: Path, error: OSError) -> StorageError:
    """What a person should know when something could not be written."""
    return StorageError(
        f"'{path}' cannot be written: {error.strerror or error}.",
        "Free some space or choose another folder with --out, then run the same command again: it goes on where it stopped.",
    )


def load_record(kind: type[R], path: Path) -> R:
    """Read a record back.

    Raises:
        PlanError: The file is missing, cannot be read, or is of another schema version.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanError(f"'{path}' cannot be read: {error}.", "Make it again with `advisor assess`.") from error
    version = values.get("schema_version", SCHEMA_VERSION) if isinstance(values, dict) else None
    if version != SCHEMA_VERSION:
        raise PlanError(
            f"'{path}' has schema version {version}; this program reads version {SCHEMA_VERSION}.",
            "Use the version of finetune-advisor that wrote it, or assess again into a new folder.",
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PlanError(
            f"'{path}' is damaged: {place}: {first['msg']}.", "Make it again with `advisor assess`."
        ) from error


def save_predictions(path: Path, rows: Rows, predictions: Predictions, classes: list[str]) -> None:
    """Write answers with the truth beside them, how sure each is, and a column of scores for each class.

    Raises:
        StorageError: The disk or the folder cannot take it.
    """
    import pandas as pd

    truth: dict[str, list[Any]] = {"truth": list(rows.answers)} if rows.answers else {}
    found = {"row_id": list(predictions.row_ids), **truth, "answer": list(predictions.answers)}
    if predictions.confidence is not None:
        found["confidence"] = list(predictions.confidence)
    if predictions.scores is not None:
        found |= {f"score_{label}": list(predictions.scores[:, place]) for place, label in enumerate(classes)}
    table = pd.DataFrame(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".new")
        table.to_parquet(draft, index=False)
        os.replace(draft, path)
    except OSError as error:
        raise storage_error(path, error) from error


def load_predictions(path: Path, classes: list[str]) -> tuple[tuple[Answer, ...], Predictions]:
    """Read the truth and the answers that `save_predictions` wrote beside it.

    Raises:
        StorageError: The file is missing or damaged.
    """
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"'{path}' cannot be read: {error}.", "Copy it again from where the run was made, or run it again."
        ) from error
    truth, answers = (tuple(_as_saved(value) for value in table[name]) for name in ("truth", "answer"))
    named = [f"score_{label}" for label in classes]
    return truth, Predictions(
        row_ids=tuple(table["row_id"]),
        answers=answers,
        scores=table[named].to_numpy(dtype=float) if named and set(named) <= set(table.columns) else None,
        confidence=table["confidence"].to_numpy(dtype=float) if "confidence" in table.columns else None,
    )


def _as_saved(value: Any) -> Any:
    """A list comes back from Parquet as an array."""
    return tuple(value) if hasattr(value, "__array__") and value.ndim else value


def save_rows(rows: Rows, path: Path, **beside: list[Any]) -> None:
    """Write rows for another process, with further columns of one entry per row."""
    import pandas as pd

    table = {"id": list(rows.ids), "input": list(rows.inputs), "answer": list(rows.answers), **beside}
    pd.DataFrame(table).to_parquet(path)


def load_rows(path: Path) -> tuple[Rows, "pd.DataFrame"]:
    """Read rows that `save_rows` wrote, and the table with the further columns."""
    import pandas as pd

    table = pd.read_parquet(path)
    inputs, answers = (tuple(_as_saved(value) for value in table[name]) for name in ("input", "answer"))
    return Rows(tuple(table["id"]), inputs, answers), table
