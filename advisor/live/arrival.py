"""Where new rows come from: files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import AnswersError
from advisor.live.evaluation import Given
from advisor.other_data import source_like
from advisor.run_folder import RunFolder
from advisor.way import open_way
from pipeline.data.reading import read


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
        raise AnswersError("No rows to evaluate are named.", "Name them with --data.")
    source = source_like(folder.answers.data, data)
    table = read(source.train, source, Path.cwd())
    way = open_way(folder, cheap=cheap).reading(named)
    said = set(named) & {
        role.key for layout in way.task.layouts for role in layout.roles if not role.required_to_predict
    }
    return Given(way, table, source.name, labelled=False if unlabelled else True if said else None)
