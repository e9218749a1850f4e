"""Rows that somebody else labelled, asked again without a hint; and how far the two people agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.errors import AnswersError
from advisor.labelling.pool import Pool, input_cells
from pipeline.data.duplicates import group
from pipeline.data.reading import read
from pipeline.evaluation.agreement import Level, alpha, count_values
from pipeline.records import DataSource, Interval
from pipeline.task import Answer, Rows, Task

AGAIN = "asked again, to see whether two people agree; nothing is suggested"
SHOWN_LABELS = 3


@dataclass(frozen=True)
class First:
    """What the first person said: answers by the hash of what was read."""

    answers: Mapping[str, Answer]


def read_again(path: Path, task: Task, columns: Mapping[str, Any], done: set[str]) -> tuple[Pool, First]:
    """The rows of a file of answers that were not asked again yet, and all answers of that file.

    Raises:
        AnswersError: All of them were asked again.
        DataError: The file cannot be read with the columns of the training data.
    """
    rows, table = read_answers_back(path, task, columns)
    hashes = group(rows.inputs).text_hashes
    free = [place for place, key in enumerate(hashes) if key not in done]
    if not free:
        raise AnswersError(
            f"All {len(rows):,} rows of '{path.name}' were asked again by now.", "Name another file with --again."
        )
    places = {str(index): place for place, index in enumerate(table.index)}
    unanswered = Rows(rows.ids, rows.inputs, ()).take(free)
    cells = [input_cells(task, columns, {}, table.iloc[places[row]]) for row in unanswered.ids]
    pool = Pool(path.name, unanswered, cells, [hashes[place] for place in free], {}, 0)
    return pool, First(dict(zip(hashes, rows.answers, strict=True)))


def read_answers_back(path: Path, task: Task, columns: Mapping[str, Any]) -> tuple[Rows, Any]:
    """The rows of a file of answers as the reader reads them, and the table that they are from."""
    source = DataSource(train=str(path.resolve()))
    table = read(source.train, source, Path.cwd())
    return task.rows(table, columns, source.name, labelled=True), table


def say_agreement(task: Task, first: First, second: Rows, seed: int) -> list[str]:
    """How far the second person agrees with the first on the rows that both answered."""
    hashes = group(second.inputs).text_hashes if len(second) else []
    pairs = [
        (first.answers[key], answer) for key, answer in zip(hashes, second.answers, strict=True) if key in first.answers
    ]
    if not pairs:
        return ["No row has two answers yet."]
    same = sum(one == other for one, other in pairs)
    said = [f"Of {len(pairs):,} rows with two answers {same:,} have the same ({100 * same / len(pairs):.0f} %)."]
    one, other = ([pair[side] for pair in pairs] for side in (0, 1))
    if "span_f1" in task.metrics:
        return [*said, f"Span F1 of one person against the other: {task.metrics['span_f1'](one, other, ()):.3f}."]
    if isinstance(one[0], tuple):
        return [*said, *_by_label(one, other, seed)]
    level: Level = "interval" if isinstance(one[0], float) else "nominal"
    return [*said, _say_alpha("Krippendorff's alpha", _alpha(one, other, level, seed))]


def _by_label(one: Sequence[Any], other: Sequence[Any], seed: int) -> list[str]:
    """Alpha of each label, the lowest first."""
    labels = sorted({label for answers in (*one, *other) for label in answers})
    found = {
        label: _alpha([str(label in said) for said in one], [str(label in said) for said in other], "nominal", seed)
        for label in labels
    }
    lowest = sorted(labels, key=lambda label: found[label].point if (found[label]) else 2.0)  # type: ignore[union-attr]
    return [_say_alpha(f"Krippendorff's alpha of '{label}'", found[label]) for label in lowest[:SHOWN_LABELS]]


def _alpha(one: Sequence[Any], other: Sequence[Any], level: Level, seed: int) -> Interval | None:
    return alpha(count_values([list(one), list(other)]), level, seed)


def _say_alpha(what: str, found: Interval | None) -> str:
    if found is None:
        return f"{what}: nothing to disagree on, both said one thing only."
    return f"{what}: {found.point:.3f} (95 % interval {found.low:.3f} to {found.high:.3f}); 1 is perfect, 0 is chance."
