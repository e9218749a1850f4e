"""How the labels of a row stand in a table: a column for each label, a column of lists, or one of delimited text."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.values import as_label, as_list, is_missing
from pipeline.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

USUAL_DELIMITERS = (";", "|", ",")
FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
"""What a cell may say in a column that stands for one label, whatever its case."""
FAULTS_SHOWN = 5
Labels = tuple[str, ...]


def read_labels(table: "pd.DataFrame", columns: Mapping[str, Any], file: str) -> list[Labels | None]:
    """The labels of each row, sorted and without repeats; None where they are not filled in.

    Args:
        table: Its index counts rows from 1.
        columns: `labels` is the name of a column or a list of names; `label_delimiter` separates labels within a cell.
        file: The data file.

    Raises:
        DataError: A column is missing, or a cell is not what labels are read from.
    """
    from pipeline.data.reading import column

    named, delimiter = columns["labels"], columns.get("label_delimiter")
    if isinstance(named, str):
        return _from_one_column(column(table, named, file), delimiter, file, whole=table.attrs.get("whole", True))
    if delimiter:
        raise DataError(
            f"`label_delimiter` splits the cells of one column, and `labels` names {len(named)}.",
            "Take `label_delimiter` out, or name the one column that holds all labels.",
        )
    return _from_flags({name: list(column(table, name, file)) for name in named}, list(table.index), file)


def _from_flags(columns: Mapping[str, list[Any]], index: Sequence[Any], file: str) -> list[Labels | None]:
    """Labels from columns that each say of one label whether a row has it; a row that says nothing of any is not labelled."""
    found: list[Labels | None] = []
    faults: list[str] = []
    for place, row in enumerate(index):
        cells = {name: values[place] for name, values in columns.items()}
        if all(map(is_missing, cells.values())):
            found.append(None)
            continue
        said = {name: FLAGS.get(str(as_label(cell)).strip().casefold()) for name, cell in cells.items()}
        faults += [f"row {row}, column '{name}': {_shown(cells[name])}" for name in said if said[name] is None]
        found.append(tuple(sorted(name for name in said if said[name])))
    if faults:
        raise DataError(
            f"'{Path(file).name}' has cells that do not say whether a row has a label: {_listed(faults)}.",
            "Write 1, true or yes where a row has the label, and 0, false or no where it has not.",
        )
    return found


def _from_one_column(cells: "pd.Series", delimiter: str | None, file: str, *, whole: bool) -> list[Labels | None]:
    """Labels from a column of lists, of delimited text, or with one label in every cell; of a part of it when not `whole`."""
    filled = {row: cell for row, cell in cells.items() if not is_missing(cell)}
    lists = {row: entries for row, cell in filled.items() if (entries := as_list(cell)) is not None}
    texts = {row: str(as_label(cell)) for row, cell in filled.items() if row not in lists}
    if delimiter:
        if whole and texts and not any(delimiter in text for text in texts.values()):
            raise DataError(
                f"The label_delimiter {delimiter!r} is in no cell of the column '{cells.name}' of '{Path(file).name}'.",
                "Give the character that separates the labels there, or take label_delimiter out.",
            )
        _refuse_printed_lists(texts, str(cells.name), file)
        lists |= {row: [part.strip() for part in text.split(delimiter) if part.strip()] for row, text in texts.items()}
    else:
        _refuse_unclear(texts, str(cells.name), file, one_each=not lists)
        lists |= {row: [text] for row, text in texts.items()}
    faults = [
        f"row {row}: {_shown(entry)}"
        for row, entries in lists.items()
        for entry in entries
        if is_missing(entry) or isinstance(entry, list | dict)
    ]
    if faults:
        raise DataError(
            f"Lists in the column '{cells.name}' of '{Path(file).name}' hold entries that are no labels: {_listed(faults)}.",
            'Write each list as ["one label", "another"], and [] for a row that has none.',
        )
    return [
        tuple(sorted({str(as_label(each)) for each in lists[row]})) if row in lists else None for row in cells.index
    ]


def _refuse_unclear(texts: Mapping[Any, str], name: str, file: str, *, one_each: bool) -> None:
    """Refuse text that may hold several labels, and any text beside lists, while nothing says what separates labels.

    Raises:
        DataError: Names the first such row.
    """
    _refuse_printed_lists(texts, name, file)
    unclear = [row for row, text in texts.items() if not one_each or _delimiter(text)]
    if not unclear:
        return
    text = texts[unclear[0]]
    raise DataError(
        f"Row {unclear[0]} of '{Path(file).name}' holds {_shown(text)} in the column '{name}', which is no list.",
        f'Say what separates labels: `label_delimiter = "{_delimiter(text) or ";"}"` under [data].',
    )


def _refuse_printed_lists(texts: Mapping[Any, str], name: str, file: str) -> None:
    """Refuse lists as a program prints them, whose brackets and quotes would become part of the labels.

    Raises:
        DataError: Names the first such row.
    """
    for row, text in texts.items():
        if text.lstrip().startswith("["):
            raise DataError(
                f"Row {row} of '{Path(file).name}' holds {_shown(text)} in the column '{name}', which is no list.",
                'Write lists as JSON, with double quotes: ["one label", "another"].',
            )


def _delimiter(text: str) -> str:
    """The usual delimiter that a text holds, or nothing."""
    return next((mark for mark in USUAL_DELIMITERS if mark in text), "")


def _shown(cell: Any) -> str:
    return "nothing" if is_missing(cell) else f"'{str(cell)[:60]}'"


def _listed(faults: Sequence[str]) -> str:
    return "; ".join(faults[:FAULTS_SHOWN]) + (f" ({len(faults):,} in all)" if len(faults) > FAULTS_SHOWN else "")
