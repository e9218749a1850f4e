"""What both reports say of the training itself."""

import dataclasses
from pathlib import Path

import pytest

from advisor.report.page import write_page
from advisor.report.terminal import Terminal
from pipeline.records import Adjustment
from tests.advisor import decisions
from tests.advisor.decisions import Sample

TOLD = "Memory ran out while training: each batch of 16 rows is now read in 2 parts of 8, which makes the same steps."


def page_of(sample: Sample, folder: Path) -> str:
    path = folder / "report.html"
    write_page(path, sample.answers, sample.measurements, sample.decision, sample.result, sample.next_steps)
    return path.read_text(encoding="utf-8")


def test_what_a_run_did_otherwise_than_planned_stands_in_both_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.go()
    assert sample.result is not None
    assert "Done otherwise than planned" not in page_of(sample, tmp_path)
    adjusted = [Adjustment(kind="smaller_batches", value=2, because=TOLD)]
    changed = dataclasses.replace(sample, result=sample.result.model_copy(update={"adjustments": adjusted}))
    page = page_of(changed, tmp_path)
    assert "Done otherwise than planned" in page
    assert TOLD in page
    assert changed.result is not None
    Terminal(width=200).show_result(changed.result)
    assert TOLD in " ".join(capsys.readouterr().out.split())
