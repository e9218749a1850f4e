"""Looks at the data with every check, and puts what was found into one record."""

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor.audit.annotators import find_agreement
from advisor.audit.clutter import find_boilerplate, find_markup, find_texts_without_letters
from advisor.audit.copies import FILES, find_copies, find_leaks, find_sampled, find_uncompared
from advisor.audit.coverage import find_bare_regions, find_uniform_texts
from advisor.audit.drift import find_drift
from advisor.audit.explanation import explain
from advisor.audit.giveaways import find_labels_in_texts, find_telltales
from advisor.audit.label_noise import find_label_noise, list_suspects
from advisor.audit.labels import find_conflicts, find_gaps, find_uneven_classes
from advisor.audit.languages import find_lookalikes, find_mixed_languages, find_mixed_scripts
from advisor.audit.lengths import measure_lengths
from advisor.audit.limits import find_long_texts
from advisor.audit.material import Check, Material
from advisor.audit.privacy import find_personal_data
from advisor.audit.spelling import find_label_variants, find_wrong_encoding
from advisor.records import Audit, Candidate, ColumnProfile, Suspect
from pipeline.data.splitting import Side
from pipeline.extras import INSTALL_DEMO
from pipeline.findings import Found
from pipeline.records import Finding, name_of

CHECKS: tuple[Check, ...] = (
    find_leaks,
    find_copies,
    find_uncompared,
    find_sampled,
    find_conflicts,
    find_gaps,
    find_uneven_classes,
    find_drift,
    find_agreement,
    find_label_variants,
    find_wrong_encoding,
    find_personal_data,
    find_label_noise,
    find_labels_in_texts,
    find_telltales,
    find_long_texts,
    find_texts_without_letters,
    find_markup,
    find_boilerplate,
    find_mixed_languages,
    find_mixed_scripts,
    find_lookalikes,
    find_uniform_texts,
    find_bare_regions,
)
"""Every check; each says which entries of `rules/audit/` it found, with a count of 0 where it found nothing."""
SIDES: tuple[Side, ...] = ("train", "validation", "test", "reserve", "left_out")
SEVERITIES = ("invalidates", "warning", "note")


@dataclass(frozen=True)
class Subject:
    """What is audited, as a person knows it.

    Attributes:
        files: Training, validation and test file as one would type them in a command, by side.
        candidates: Models that may be considered, at hand or not.
        profiles: Of the columns of the training file.
        show_rows: Whether findings may show rows.
    """

    files: Mapping[str, str]
    candidates: Sequence[Candidate] = ()
    profiles: Sequence[ColumnProfile] = ()
    show_rows: bool = True


def inspect(material: Material, subject: Subject) -> Audit:
    """Make every check, and sort what was found by weight and count."""
    begun = time.perf_counter()
    found = [each for check in CHECKS for each in check(material)] + material.task.audit(material.data.unsealed())
    rules = material.rules.audit.findings
    findings = [explain(each, rules, _files(each, subject)) for each in found if each.count]
    data = material.data
    return Audit(
        task=material.task.key,
        files={side: name_of(shlex.split(typed)) for side, typed in subject.files.items()},
        columns=material.answers.data.columns,
        rows=len(data.rows),
        looked_at_rows=len(material.positions),
        sides={side: rows for side in SIDES if (rows := data.sides.count(side))},
        classes=material.classes,
        profiles=list(subject.profiles),
        lengths=measure_lengths(material, subject.candidates),
        findings=[_shown(each, subject) for each in sorted(findings, key=_weight)],
        suspects=[_shown_suspect(each, subject) for each in list_suspects(material)],
        left_out=_left_out(material, subject),
        invalidates=any(each.severity == "invalidates" for each in findings),
        seconds=time.perf_counter() - begun,
    )


def _files(found: Found, subject: Subject) -> str:
    """The files that a mend takes, as one would type them: a row that leaked goes out of the earlier file."""
    if "earlier" in found.values and "later" in found.values:
        sides = {FILES[side]: side or "train" for side in FILES}
        earlier, later = sides[found.values["earlier"]], sides[found.values["later"]]
        return f"{subject.files[earlier]} --{later} {subject.files[later]}"
    names = f" --names {found.values['names']}" if "names" in found.values else ""
    return subject.files["train"] + names


def _weight(finding: Finding) -> tuple[int, int]:
    return SEVERITIES.index(finding.severity), -finding.count


def _shown(finding: Finding, subject: Subject) -> Finding:
    return finding if subject.show_rows else finding.model_copy(update={"examples": []})


def _shown_suspect(suspect: Suspect, subject: Subject) -> Suspect:
    return suspect if subject.show_rows else suspect.model_copy(update={"text": ""})


def _left_out(material: Material, subject: Subject) -> list[str]:
    """What could not be looked at, and what would make it so."""
    found = []
    if not material.candidates:
        found.append(
            "Checks that read the texts with a model were not made: none is on this machine. "
            f"Install the embedded one with `{INSTALL_DEMO}`."
        )
    if material.names is None:
        found.append("Names of people were not looked for. A run of your own that tags them can: --names RUN.")
    if material.noise is None:
        found.append(
            "Wrong answers were not looked for: that takes 200 usable rows of at least two classes, one answer to a row, and a model "
            "where a row is a pair of texts."
        )
    unsealed = sum(side != "test" for side in material.data.sides)
    if len(material.positions) < unsealed:
        found.append(
            f"Checks that cost more than a count looked at a sample of {len(material.positions):,} of {unsealed:,} rows."
        )
    if not subject.show_rows:
        found.append("No row is shown: the data is personal, or that was asked for.")
    return found
