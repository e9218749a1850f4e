"""What licences allow: which model or data forbids the stated use, and what a person should heed. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from advisor.records import UNKNOWN, Answers
from advisor.rule_records import LicenceMark, ModelEntry
from pipeline.sentences import fill


@dataclass(frozen=True)
class Forbidden:
    """Something whose licence forbids the stated use.

    Attributes:
        what: The model or the data.
        licence: Its licence.
        use: The use that it forbids.
    """

    what: str
    licence: str
    use: str


def allows(entry: ModelEntry, use: str) -> bool:
    """Whether a model's licence allows the stated use."""
    return entry.commercial_use or use != "commercial"


def forbidden_model(name: str, catalogue: Mapping[str, ModelEntry], answers: Answers) -> Forbidden | None:
    """The model where its licence forbids the stated use; one in a folder is not judged, since nothing says its licence."""
    entry, use = catalogue.get(name), answers.deployment.licence
    if entry is None or allows(entry, use):
        return None
    return Forbidden(entry.name, entry.licence.value, f"{use} use")


def marks_of(licence: str, marks: Iterable[LicenceMark]) -> list[LicenceMark]:
    """What the words of a licence say."""
    if licence == UNKNOWN:
        return []
    parts = _parts(licence)
    return [mark for mark in marks if any(_holds(parts, _parts(words)) for words in mark.words)]


def forbidding_mark(answers: Answers, marks: Iterable[LicenceMark]) -> LicenceMark | None:
    """What of the data's licence forbids the stated use, if anything does."""
    found = marks_of(answers.provenance.licence, marks)
    return next((mark for mark in found if mark.forbids == answers.deployment.licence), None)


def notes_on_data(answers: Answers, marks: Iterable[LicenceMark]) -> list[str]:
    """What a person should heed of the data's licence beside what is a veto."""
    found = marks_of(answers.provenance.licence, marks)
    said = [mark for mark in found if mark.forbids != answers.deployment.licence]
    return [fill(mark.because, licence=answers.provenance.licence) for mark in said]


def _parts(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.casefold())


def _holds(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(list(parts[start : start + len(wanted)]) == list(wanted) for start in range(len(parts)))
