"""Texts with the label that three of their words stand for."""

from pathlib import Path
from typing import Any

from pipeline.task import Rows
from tests import tiny

COLUMNS: dict[str, Any] = {"text": "text", "label": "label"}
OPTIONS: dict[str, str] = {}
make_rows = tiny.make_rows


def write_file(rows: Rows, path: Path) -> Path:
    """Write rows as a file with those columns; `path` has no suffix yet."""
    return tiny.write_csv(rows, path.with_suffix(".csv"))
