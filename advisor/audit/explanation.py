"""Puts what the checks found into words, from `rules/audit/`. Pure."""

from collections.abc import Mapping
from typing import Literal

from advisor.audit.material import Found
from advisor.rule_records import FindingRule
from pipeline.data.personal_data import mask
from pipeline.records import Finding
from pipeline.sentences import fill


def explain(found: Found, rules: Mapping[str, FindingRule], file: str) -> Finding:
    """A finding with its sentences, its weight and the command that mends it; personal data in its examples is masked.

    Args:
        found: By a check.
        rules: Of all kinds of fault.
        file: The data file as a person would type it, with the options that the mend needs.
    """
    rule = rules[found.code]
    share = found.count / max(found.of, 1)
    values = {"count": f"{found.count:,}", "of": f"{found.of:,}", "share": _percent(share), **found.values}
    return Finding(
        code=found.code,
        count=found.count,
        of=found.of,
        title=rule.title,
        because=fill(rule.because, **values),
        effect=fill(rule.effect, **values),
        mend=f"advisor prepare {file} --mend {rule.mend} --out FILE"
        if rule.mend
        else fill(rule.advice or "", **values),
        severity=_severity(rule, share),
        examples=[mask(example) for example in found.examples],
    )


def _percent(share: float) -> str:
    return "under 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _severity(rule: FindingRule, share: float) -> Literal["note", "warning", "invalidates"]:
    if rule.invalidates_at is not None and share >= rule.invalidates_at:
        return "invalidates"
    return "warning" if share >= rule.warns_at else "note"
