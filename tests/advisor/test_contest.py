"""Runs side by side: what differed, and who is better on the rows that both answered."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.answers_file import save_answers
from advisor.contest import MCNEMAR, UNPAIRED, compare_runs
from advisor.records import Answers, Contest
from advisor.run_folder import RunFolder
from pipeline.errors import PipelineError
from pipeline.evaluation.comparison import mcnemar
from pipeline.storage import load_predictions, save_predictions, save_record
from pipeline.task import Predictions, Rows
from tests.advisor import decisions
from tests.advisor.conftest import Advisor
from tests.advisor.decisions import CLASSES, Sample
from tests.pipeline.test_every_task import RECIPE

TRUTH = [CLASSES[place % len(CLASSES)] for place in range(300)]


def answered(right: float, seed: int) -> list[str]:
    """Answers of which about that share is right."""
    draw = random.Random(seed)
    return [label if draw.random() < right else draw.choice(CLASSES) for label in TRUTH]


def make_run(
    folder: Path, answers: Sequence[str], *, ids: str = "row", sample: Sample | None = None, **said: Any
) -> RunFolder:
    """A run as it lies on the disk, with these answers to its sealed rows."""
    sample = sample or decisions.go()
    folder.mkdir()
    values = {"task": "text-classification", **sample.answers.model_dump(exclude_unset=True), **said}
    save_answers(Answers.model_validate(values), folder / "answers.toml")
    save_record(sample.decision, folder / "decision.json")
    save_record(sample.measurements, folder / "measurements.json")
    if sample.result is not None:
        save_record(sample.result, folder / "result.json")
        rows = Rows(tuple(f"{ids}-{place}" for place in range(len(answers))), ("",) * len(answers), tuple(TRUTH))
        path = folder / "predictions" / "fine_tuned.parquet"
        save_predictions(path, rows, Predictions(rows.ids, tuple(answers)), CLASSES)
    return RunFolder(folder)


def compared(*runs: RunFolder) -> Contest:
    return compare_runs(list(runs))


def refusal(*runs: RunFolder) -> str:
    with pytest.raises(PipelineError) as caught:
        compare_runs(list(runs))
    return f"{caught.value.problem} {caught.value.fix}"


def test_runs_that_share_sealed_rows_are_tested_row_by_row(here: Path) -> None:
    worse, better = answered(0.6, 1), answered(0.85, 2)
    (match,) = compared(make_run(here / "one", worse), make_run(here / "two", better)).matches
    assert (match.one, match.other, match.paired, match.rows) == ("one", "two", True, [300])
    assert match.difference.low > 0
    right = [np.array([said == truth for said, truth in zip(each, TRUTH, strict=True)]) for each in (better, worse)]
    assert match.difference.p == match.p_holm == mcnemar(right[0], right[1])
    assert match.test == MCNEMAR
    assert match.scores[1] - match.scores[0] == pytest.approx(match.difference.point)


def test_only_the_rows_that_both_have_are_compared_in_whatever_order_they_lie(here: Path) -> None:
    same = answered(0.7, 1)
    one = make_run(here / "one", same)
    two = make_run(here / "two", same)
    truth, found = load_predictions(two.path / "predictions" / "fine_tuned.parquet", [])
    rows = Rows(found.row_ids, ("",) * len(truth), truth)
    order = list(reversed(range(60, 300)))
    part = Predictions(tuple(rows.ids[place] for place in order), tuple(found.answers[place] for place in order))
    save_predictions(two.path / "predictions" / "fine_tuned.parquet", rows.take(order), part, CLASSES)
    (match,) = compared(one, two).matches
    assert (match.paired, match.rows, match.difference.point, match.p_holm) == (True, [240], 0.0, 1.0)


def test_runs_on_other_rows_are_compared_unpaired_and_that_is_said(here: Path) -> None:
    one = make_run(here / "one", answered(0.6, 1))
    two = make_run(here / "two", answered(0.85, 2), ids="other")
    paired = compared(one, make_run(here / "three", answered(0.85, 2))).matches[0]
    contest = compared(one, two)
    (match,) = contest.matches
    assert (match.paired, match.rows, match.test) == (False, [300, 300], UNPAIRED)
    assert match.difference.point == pytest.approx(paired.difference.point)
    assert match.difference.low > 0
    assert any("so their scores come from different rows and the test is not paired" in note for note in contest.notes)


def test_p_values_of_three_runs_are_corrected_for_three_comparisons(here: Path) -> None:
    runs = [
        make_run(here / name, answered(right, seed))
        for name, right, seed in (("a", 0.7, 1), ("b", 0.74, 2), ("c", 0.9, 3))
    ]
    contest = compared(*runs)
    assert [(match.one, match.other) for match in contest.matches] == [("a", "b"), ("a", "c"), ("b", "c")]
    smallest = min(match.difference.p or 0 for match in contest.matches)
    assert min(match.p_holm for match in contest.matches) == pytest.approx(3 * smallest)
    assert "p values are corrected for 3 comparisons (Holm)." in contest.notes


def test_what_differed_is_told_and_what_did_not_is_not(here: Path) -> None:
    sample = decisions.go()
    samples = [
        replace(sample, decision=sample.decision.model_copy(update={"recipe": RECIPE.model_copy(update=changed)}))
        for changed in ({}, {"learning_rate": 7e-5, "because": {"learning_rate": "You said so."}})
    ]
    one = make_run(here / "one", answered(0.7, 1), sample=samples[0])
    two = make_run(here / "two", answered(0.7, 1), sample=samples[1], seed=99)
    differing = {each.what: each.values for each in compared(one, two).differing}
    assert differing.pop("seed") == ["13", "99"]
    assert differing.pop("recipe.learning_rate") == ["0.01", "7e-05"]
    assert differing == {}


def test_a_run_that_was_not_trained_stands_beside_without_a_test(here: Path) -> None:
    one = make_run(here / "one", answered(0.7, 1))
    two = make_run(here / "two", [], sample=decisions.no_go())
    contest = compared(one, two)
    assert contest.matches == []
    assert contest.runs[1].score is None
    assert "'two' was not trained: its verdict was no-go." in contest.notes


def test_what_cannot_be_compared_is_refused(here: Path) -> None:
    one = make_run(here / "one", answered(0.7, 1))
    assert refusal(one).startswith("There is one run only. Name two runs or more")
    assert refusal(one, one).startswith("'one' is named twice.")
    data = {"train": "a.csv", "text": "a", "text_pair": "b", "label": "c"}
    two = make_run(here / "two", answered(0.7, 1), task="text-pair-classification", data=data)
    assert "'one' is text-classification and 'two' is text-pair-classification." in refusal(one, two)
    (one.path / "decision.json").unlink()
    assert refusal(one, two).startswith("'one' has no verdict yet. Go on with `advisor assess one`")


def test_the_command_prints_the_comparison_and_with_json_a_document(here: Path, advisor: Advisor) -> None:
    make_run(here / "one", answered(0.6, 1))
    make_run(here / "two", answered(0.85, 2), seed=99)
    done = advisor("compare", "one", "two")
    assert (done.code, done.err) == (0, "")
    assert "B against A: +" in done.out
    assert "on the 300 sealed rows that both answered" in " ".join(done.out.split())
    assert "What differed" in done.out
    document = json.loads(advisor("compare", "one", "two", "--json").out)
    assert document["matches"][0]["paired"] is True
    assert advisor("compare", "one").code == 1
    assert advisor("compare", "one", "nowhere").code == 1


def test_hostile_names_reach_the_screen_as_text(here: Path, advisor: Advisor) -> None:
    bad = "\x1b[31mred \u202eevil"
    make_run(here / bad, answered(0.6, 1))
    make_run(here / "two", answered(0.85, 2), sample=decisions.hostile())
    out = advisor("compare", bad, "two").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert r"\x1b[31mred" in out


def test_a_report_is_made_anew_from_the_records(here: Path, advisor: Advisor) -> None:
    run = make_run(here / "one", answered(0.7, 1))
    done = advisor("report", "one")
    assert (done.code, done.err) == (0, "")
    assert "Report: one/report.html" in done.out
    assert "Forecast: +" in done.out
    first = (run.path / "report.html").read_text(encoding="utf-8")
    steps = json.loads((run.path / "next_steps.json").read_text(encoding="utf-8"))
    assert steps["steps"][0]["command"] == "advisor predict one --data in.csv --out out.csv"
    (run.path / "report.html").unlink()
    advisor("report", "one")
    assert (run.path / "report.html").read_text(encoding="utf-8") == first
    (run.path / "decision.json").unlink()
    assert advisor("report", "one").err.startswith("'one' has no verdict yet.")
