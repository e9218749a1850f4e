"""The data sheet of a run: what the data is, where it comes from, what may be done with it, and what is wrong with it. Pure.

Source: the questions are a short choice of those in Gebru et al. (2021), Datasheets for Datasets,
https://arxiv.org/abs/1803.09010
"""

from collections.abc import Iterable

from advisor.licences import marks_of
from advisor.records import Answers, Ask, DatasetMeasurement, Expertise, Provenance
from advisor.rule_records import LicenceMark
from pipeline.records import DataSheet, Finding, Record, name_of
from pipeline.sentences import fill

MOST_CLASSES = 20


def make_sheet(
    answers: Answers,
    dataset: DatasetMeasurement,
    findings: Iterable[Finding],
    marks: Iterable[LicenceMark],
    title: str,
    day: str,
) -> DataSheet:
    """The data sheet, from what the user said and what was counted.

    Args:
        answers: For files, provenance and who labelled.
        dataset: What was counted.
        findings: What the audit found.
        marks: What licences say.
        title: The task's, for people.
        day: On which the data was read, as YYYY-MM-DD.
    """
    given = answers.provenance
    return DataSheet(
        origin=given.origin,
        consent=given.consent,
        licence=given.licence,
        personal_data=given.personal_data,
        facts={
            "What it is": f"{title}: {_files(answers)}",
            "Rows": f"{dataset.rows:,}, of which {dataset.usable_rows:,} can be learned from",
            "Kinds of answer": _classes(dataset.rows_per_class),
            "How it was split": _split(answers, dataset),
            "Language": f"{dataset.language}{', a guess' if dataset.language_source == 'guess' else ''}",
            "Where it comes from": _words(given, "origin"),
            "Consent": _words(given, "consent"),
            "Licence": given.licence if given.licence != "unknown" else "nobody said",
            "Personal data": _words(given, "personal_data"),
            "Who labelled it": _words(answers.expertise, "labelling"),
            "Read on": day,
        },
        notes=[fill(mark.because, licence=given.licence) for mark in marks_of(given.licence, marks)],
        faults=[finding.because for finding in findings],
    )


def _files(answers: Answers) -> str:
    data = answers.data
    named = {"": data.train, "validation: ": data.validation, "test: ": data.test}
    return ", ".join(f"{role}{name_of(given)}" for role, given in named.items() if given)


def _classes(rows: dict[str, int]) -> str:
    if not rows:
        return "none are counted"
    ordered = sorted(rows.items(), key=lambda item: -item[1])
    shown = ", ".join(f"{label} {count:,}" for label, count in ordered[:MOST_CLASSES])
    return shown + (f", and {len(ordered) - MOST_CLASSES} more" if len(ordered) > MOST_CLASSES else "")


def _split(answers: Answers, dataset: DatasetMeasurement) -> str:
    how = (
        "as files gave it"
        if answers.data.test
        else "as in an earlier run, new rows by a hash of their near-duplicate group"
        if answers.data.splits
        else "by a hash of each row's near-duplicate group"
    )
    reserve = f", {dataset.reserve_rows:,} in reserve" if dataset.reserve_rows else ""
    return (
        f"{dataset.train_rows:,} to train, {dataset.validation_rows:,} to choose the checkpoint, "
        f"{dataset.test_rows:,} sealed{reserve}; {how}, seed {answers.seed}"
    )


def _words(record: Provenance | Expertise, name: str) -> str:
    """An answer as the questionnaire words it."""
    value = getattr(record, name)
    kind: type[Record] = type(record)
    ask = next(note for note in kind.model_fields[name].metadata if isinstance(note, Ask))
    return "nobody said" if value == "unknown" else dict(ask.choices).get(value, str(value))
