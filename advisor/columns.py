"""Which columns hold what: as the user said, else detected, and refused when two readings are plausible."""

from pathlib import Path

from advisor.errors import AnswersError
from advisor.records import Answers
from pipeline.data.preview import preview
from pipeline.errors import DataError
from pipeline.task import load_task


def settle_columns(answers: Answers, folder: Path) -> Answers:
    """Fill in the columns that the answers leave open.

    Raises:
        DataError: The file has one column only, or lacks a column that was named.
        AnswersError: No column, or more than one, could fill a role.
    """
    task = load_task(answers.task)
    open_roles = [role for role in task.roles if role.key not in answers.data.columns]
    seen = preview(answers.data, folder, whole=True)
    name = Path(answers.data.train).name
    if seen.columns and len(seen.columns) == 1:
        raise DataError(
            f"'{name}' has only one column: '{seen.columns[0][:60]}'.",
            "A text and a label column are needed; when its columns are split at another character, set `delimiter`.",
        )
    if not open_roles:
        return answers
    if not seen.columns:
        keys = " ".join(f"--{role.key} COLUMN" for role in open_roles)
        raise AnswersError(
            f"There is no file '{answers.data.train}' here, and the columns of a data set on the hub are not known.",
            f"Check the path, or name the columns: `{keys}`, or under [data].",
        )
    found = task.detect_columns(seen.rows)
    columns = dict(answers.data.columns)
    taken = set(map(str, columns.values()))
    for role in open_roles:
        likely = [column for column in found[role.key] if column not in taken]
        if len(likely) != 1:
            plausible = (
                f"could be any of: {', '.join(likely)}" if likely else f"is in none of: {', '.join(seen.columns)}"
            )
            raise AnswersError(
                f"Which column of '{name}' holds {role.holds}? It {plausible}.",
                f'Name it: `--{role.key} COLUMN`, or `{role.key} = "COLUMN"` under [data].',
            )
        columns[role.key] = likely[0]
        taken.add(likely[0])
    return answers.model_copy(update={"data": answers.data.model_copy(update={"columns": columns})})
