"""The data sheet: what a reader asks of the data, for every verdict."""

import json
from pathlib import Path
from typing import Any

from advisor.answers_file import check_answers
from advisor.data_sheet import make_sheet
from advisor.rulebook import load_rules
from pipeline.records import DataSheet, Finding
from tests import tiny
from tests.advisor import decisions
from tests.advisor.conftest import Advisor

RULES = load_rules()


def sheet(findings: tuple[Finding, ...] = (), **sections: Any) -> DataSheet:
    answers = check_answers(
        {"data": {"train": "some/where/rows.csv", **sections.pop("data", {})}, **sections}, "answers"
    )
    dataset = decisions.not_yet().measurements.dataset
    return make_sheet(answers, dataset, findings, RULES.licences, "Text classification", "2026-11-25")


def test_it_says_what_the_data_is_how_much_and_how_it_was_split() -> None:
    dataset = decisions.not_yet().measurements.dataset
    facts = sheet().facts
    assert facts["What it is"] == "Text classification: rows.csv"
    assert facts["Rows"] == f"{dataset.rows:,}, of which {dataset.usable_rows:,} can be learned from"
    assert facts["How it was split"].startswith(f"{dataset.train_rows:,} to train, ")
    assert f"{dataset.test_rows:,} sealed" in facts["How it was split"]
    assert facts["Read on"] == "2026-11-25"


def test_what_nobody_said_is_told_as_that() -> None:
    facts = sheet().facts
    for name in ("Where it comes from", "Consent", "Licence", "Personal data", "Who labelled it"):
        assert facts[name] == "nobody said"


def test_what_was_said_stands_in_the_words_of_the_questionnaire() -> None:
    found = sheet(
        provenance={"origin": "scraped", "consent": "not_needed", "licence": "CC-BY-SA-4.0", "personal_data": "no"},
        expertise={"labelling": "solid"},
        data={"test": "held_out.csv"},
    )
    assert found.facts["Where it comes from"] == "gathered from the web"
    assert found.facts["Consent"].startswith("not needed")
    assert found.facts["Who labelled it"] == "we wrote the guide and measured agreement"
    assert "test: held_out.csv" in found.facts["What it is"]
    assert "as files gave it" in found.facts["How it was split"]
    assert (found.origin, found.licence) == ("scraped", "CC-BY-SA-4.0")
    assert len(found.notes) == 1


def test_the_faults_are_those_of_the_audit_with_counts_and_without_rows() -> None:
    finding = Finding(code="x", count=1200, because="1,200 labels contradict each other.", examples=["a secret row"])
    found = sheet((finding,))
    assert found.faults == ["1,200 labels contradict each other."]
    assert "secret" not in found.model_dump_json()


def test_it_is_written_for_a_verdict_that_is_no_go_too(here: Path, advisor: Advisor, tiny_model: Any) -> None:
    tiny.write_csv(tiny.make_rows(60, seed=1), here / "moods.csv")
    done = advisor("assess", "moods.csv", "--model", tiny_model.location, "--no-launch", "--out", "run")
    assert done.code == 4
    found = json.loads((here / "run" / "data_sheet.json").read_text(encoding="utf-8"))
    assert found["schema_version"] == 1
    assert found["facts"]["Rows"].startswith("60, of which ")
    page = (here / "run" / "report.html").read_text(encoding="utf-8")
    assert "Data sheet" in page
    assert "Who labelled it" in page
    assert "advisor label run --data unlabelled.csv" in page
    steps = json.loads((here / "run" / "next_steps.json").read_text(encoding="utf-8"))["steps"]
    assert steps[-1]["source"].startswith("https://")
    assert "advisor label run --data unlabelled.csv" in done.out
