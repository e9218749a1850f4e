"""Every entry of `rules/audit/` has a check that can find it, and every check an entry that puts it into words."""

import ast
from pathlib import Path

import pytest

from advisor.audit.copies import FILES
from advisor.rulebook import load_rules

HOUSE = Path(__file__).resolve().parents[3]
RULES = load_rules().audit
SOURCES = [*(HOUSE / "advisor" / "audit").glob("*.py"), *(HOUSE / "pipeline" / "tasks").glob("*.py")]
TREES = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES]
BY_FILE = {f"{side}_{kind}" for side in FILES if side for kind in ("leaks", "near_leaks")}
"""Codes that are made from the name of a file."""


def strings() -> set[str]:
    return {
        node.value
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def codes_of_checks() -> set[str]:
    """The first argument of every `Found(…)` that is written out."""
    return {
        node.args[0].value
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("Found", "_found")
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    }


def test_every_entry_has_a_check_that_names_it() -> None:
    assert set(RULES.findings) - strings() - BY_FILE == set()


def test_every_check_has_an_entry_that_puts_it_into_words() -> None:
    assert len(codes_of_checks()) > 20
    assert codes_of_checks() - set(RULES.findings) == set()
    assert set(RULES.findings) >= BY_FILE


def test_every_number_is_read_by_a_check() -> None:
    assert set(RULES.numbers) - strings() == set()


@pytest.mark.parametrize("code", RULES.findings)
def test_every_entry_says_what_it_means_and_what_can_be_done(code: str) -> None:
    rule = RULES.findings[code]
    assert all(sentence.strip().endswith((".", "`", "}")) for sentence in (rule.because, rule.effect))
    assert bool(rule.mend) != bool(rule.advice)
    assert 0 <= rule.warns_at <= 1
    assert rule.invalidates_at is None or rule.warns_at <= rule.invalidates_at
