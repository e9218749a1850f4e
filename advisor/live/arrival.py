"""Where new rows come from: files, or what was served."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from advisor.errors import AnswersError
from advisor.labelling.pool import truth_cells
from advisor.live.evaluation import Given
from advisor.live.served import FILE, ServedFile, ServedRow
from advisor.live.typed import rows_of
from advisor.other_data import source_like
from advisor.run_folder import RunFolder
from advisor.way import Way, open_way
from pipeline.data.reading import read
from pipeline.errors import DataError
from pipeline.evaluation.intervals import wilson
from pipeline.live_results import Marks

MOST_SERVED = 5_000
"""The newest rows that were served, which are looked at beside all that are marked."""


def refuse_both(data: Sequence[str] | None, *, served: bool) -> None:
    """Rows come from one place.

    Raises:
        AnswersError: Two were named.
    """
    if data and served:
        raise AnswersError("--data and --served name two kinds of rows.", "Give one of them.")


def rows_of_files(
    folder: RunFolder, data: Mapping[str, Any] | None, named: Mapping[str, Any], *, cheap: bool, unlabelled: bool
) -> Given:
    """Rows of files, with the way of the run that answers them.

    Args:
        folder: The run.
        data: Where the rows are and how they are written, as under [data].
        named: Columns by role, where they are named differently from the training data.
        cheap: The cheap way even when there is a fine-tuned model.
        unlabelled: Whether labels are not to be read.

    Raises:
        AnswersError: No rows were named.
        DataError: They cannot be read.
    """
    if data is None:
        raise AnswersError(
            "No rows to evaluate are named.", "Name them with --data, or take what was served with --served."
        )
    source = source_like(folder.answers.data, data)
    table = read(source.train, source, Path.cwd())
    way = open_way(folder, cheap=cheap, keep=True).reading(named)
    said = set(named) & {
        role.key for layout in way.task.layouts for role in layout.roles if not role.required_to_predict
    }
    return Given(way, table, source.name, labelled=False if unlabelled else True if said else None)


def rows_of_service(folder: RunFolder, *, cheap: bool, unlabelled: bool) -> Given:
    """What was served, with the right answers that people gave, and the way of the run that answers it.

    Raises:
        DataError: Nothing was served.
    """
    path = folder.path / FILE
    if not path.is_file():
        raise DataError("This run has served nothing yet.", f"Serve it with `advisor serve {folder.path}`.")
    file = ServedFile(path)
    try:
        rows, served = file.newest(MOST_SERVED), file.count()
    finally:
        file.close()
    if not rows:
        raise DataError("This run has served nothing yet.", f"Serve it with `advisor serve {folder.path}`.")
    way = open_way(folder, cheap=cheap, keep=True)
    table = pd.DataFrame([{**row.cells, **_truth(way, row)} for row in rows], dtype=object)
    table.index = pd.RangeIndex(1, len(table) + 1)
    for name in way.truth:
        if name not in table.columns:
            table[name] = None
    truths = sum(row.truth is not None for row in rows)
    given = (
        f"{served:,} served requests" if len(rows) == served else f"the newest {len(rows):,} of {served:,} served rows"
    )
    return Given(way, table, given, labelled=bool(truths) and not unlabelled, marks=_marks(rows))


def _truth(way: Way, row: ServedRow) -> dict[str, Any]:
    if row.truth is None:
        return {}
    truth = tuple(row.truth) if isinstance(row.truth, list) else row.truth
    return truth_cells(way.task, way.columns, row.cells, rows_of(way, [row.cells]), truth)


def _marks(rows: Sequence[ServedRow]) -> Marks:
    marked = [row for row in rows if row.is_right is not None]
    return Marks(
        marked=len(marked),
        right=wilson(sum(bool(row.is_right) for row in marked), len(marked)),
        without_truth=sum(row.truth is None for row in marked),
    )
