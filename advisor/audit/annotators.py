"""How far the annotators agree, where a file has a column for each."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from pathlib import Path

from advisor.audit.material import EXAMPLES, Found, Material
from pipeline.data.reading import column, read
from pipeline.data.values import as_label, as_number
from pipeline.evaluation.agreement import Level, Said, alpha, count_values, kappas
from pipeline.records import DataSource, Interval, name_of

USUAL = re.compile(r"(annotator|rater|coder)s?[_ -]?\w+|(label|annotation|rating)[_ -]?\d+", re.IGNORECASE)
"""Names that a column bears which holds what one annotator said."""
PAIRS_SHOWN = 6
MOST_ROWS_RESAMPLED = 5_000
ORDINAL_VALUES = 11
"""Different whole scores up to which they are taken for grades in an order rather than amounts."""


def annotator_columns(columns: Collection[str], taken: Collection[str]) -> list[str]:
    """The columns that look as if one annotator filled each; none when there is one only."""
    found = [name for name in columns if name not in taken and USUAL.fullmatch(name)]
    return found if len(found) > 1 else []


def read_annotations(source: DataSource, folder: Path, columns: Collection[str]) -> dict[str, dict[str, str]]:
    """What each annotator said of the training rows, by the annotator's column and the place of the row.

    Args:
        source: Where the rows are; it may name the annotators.
        folder: That paths are relative to.
        columns: Of the training file.
    """
    taken = {name for named in source.columns.values() for name in ([named] if isinstance(named, str) else named)}
    names = source.annotators or annotator_columns(columns, taken)
    if not names:
        return {}
    file = name_of(source.train)
    table = read(source.train, source, folder)
    return {
        name: {f"{file} row {row}": said for row, cell in column(table, name, file).items() if (said := as_label(cell))}
        for name in names
    }


def find_agreement(material: Material) -> list[Found]:
    """Krippendorff's alpha over all annotators, and Cohen's kappa of every two."""
    if not material.annotations:
        return []
    level, said = _read(material)
    kept = _sample(said)
    counted = count_values(list(kept.values()))
    whole = alpha(counted, level, material.answers.seed)
    several = sum(sum(each[row] is not None for each in said.values()) > 1 for row in range(len(material.positions)))
    if whole is None or several == 0:
        return []
    numbers = material.rules.audit.numbers
    code = "agreement" if whole.point >= numbers["tentative_alpha"].value else "low_agreement"
    code = "no_agreement" if whole.point < numbers["chance_alpha"].value else code
    pairs = kappas(kept, material.answers.seed)
    shown = "; ".join(
        f"{one} and {other} {_words(kappa)} on {rows:,} rows"
        for (one, other), (kappa, rows) in islice(pairs.items(), PAIRS_SHOWN)
    )
    more = f"; and {len(pairs) - PAIRS_SHOWN} pairs more" if len(pairs) > PAIRS_SHOWN else ""
    values = {
        "annotators": str(len(said)),
        "alpha": _words(whole),
        "level": level,
        "limit": f"{numbers['tentative_alpha'].value:.3f}",
        "kappas": shown + more,
    }
    return [Found(code, several, len(material.positions), _disagreements(material, said), values)]


def _read(material: Material) -> tuple[Level, dict[str, Said]]:
    """What the annotators said, as labels, grades or numbers: as the task takes its answers."""
    places = [material.data.place(position) for position in material.positions]
    words = {name: [said.get(place) for place in places] for name, said in material.annotations.items()}
    if not any(isinstance(answer, float) for answer in material.rows.answers[:1]):
        return "nominal", dict(words)
    numbers: dict[str, Said] = {
        name: [None if each is None else as_number(each) for each in said] for name, said in words.items()
    }
    different = {each for said in numbers.values() for each in said if isinstance(each, float)}
    graded = len(different) <= ORDINAL_VALUES and all(each.is_integer() for each in different)
    return "ordinal" if graded else "interval", numbers


def _sample(said: Mapping[str, Said]) -> dict[str, Said]:
    """Rows taken evenly when there are many, since each resample reads them all."""
    rows = len(next(iter(said.values())))
    step = -(-rows // MOST_ROWS_RESAMPLED)
    return {name: each[::step] for name, each in said.items()}


def _words(found: Interval) -> str:
    return f"{found.point:.2f} ({found.low:.2f} to {found.high:.2f})"


def _disagreements(material: Material, said: Mapping[str, Said]) -> list[str]:
    """The rows on which most annotators were not with the largest party."""
    apart: list[tuple[int, int]] = []
    for row, position in enumerate(material.positions):
        answers = [each[row] for each in said.values() if each[row] is not None]
        if len(set(answers)) > 1:
            apart.append((len(answers) - Counter(answers).most_common(1)[0][1], position))
    rows = {position: row for row, position in enumerate(material.positions)}
    worst = sorted(apart, key=lambda pair: -pair[0])[:EXAMPLES]
    return [f"{material.example(position)} ({_given(said, rows[position])})" for _, position in worst]


def _given(said: Mapping[str, Said], row: int) -> str:
    answers: Sequence[object] = [each[row] for each in said.values()]
    return " / ".join("nothing" if each is None else str(each) for each in answers)
