"""What both reports say of the training itself."""

import dataclasses
import html
from pathlib import Path
from typing import Any

import pytest

from advisor.report.page import write_page
from advisor.report.recipes import choices, left_out
from advisor.report.terminal import Terminal
from advisor.rulebook import load_rules
from advisor.strategy import TrainingCircumstances, choose_recipe
from pipeline.records import Adjustment, Interval, SeedScore, SeedSpread
from pipeline.results import Difference, Forgetting, ProbingScore
from tests.advisor import decisions
from tests.advisor.decisions import Sample

TOLD = "Memory ran out while training: each batch of 16 rows is now read in 2 parts of 8, which makes the same steps."


def page_of(sample: Sample, folder: Path) -> str:
    path = folder / "report.html"
    write_page(path, sample.report)
    return path.read_text(encoding="utf-8")


def with_recipe(**said: Any) -> Sample:
    sample, rules = decisions.go(), load_rules()
    recipe = choose_recipe(rules.strategies, {}, TrainingCircumstances(1000, 22_000_000, 4.0), said)
    return dataclasses.replace(sample, decision=sample.decision.model_copy(update={"recipe": recipe}))


def test_each_choice_of_a_recipe_stands_in_both_reports_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = with_recipe(l1=0.01, label_smoothing=0.0)
    page = page_of(sample, tmp_path)
    Terminal(width=200).show_decision(sample.answers, sample.measurements, sample.decision)
    shown = " ".join(capsys.readouterr().out.split())
    assert sample.decision.recipe is not None
    for line in choices(sample.decision.recipe):
        assert f"{line.what}: {line.value}." in shown
        assert line.because in shown
        assert html.escape(line.because) in page
    assert "L1: 0.01. Set by you." in shown
    assert "Label smoothing: 0. Set by you." in shown  # what the user said is shown even where it is the default
    assert "Left out: Rate search, Layer decay, Unfreezing, L2-SP, Dropout," in shown
    for line in left_out(sample.decision.recipe):
        assert line.because.split("`")[0] in page
    assert "L1 draws weights" not in page


def test_without_a_recipe_the_reports_say_nothing_of_it(tmp_path: Path) -> None:
    assert "How it is trained" not in page_of(decisions.no_go(), tmp_path)


def test_what_a_run_did_otherwise_than_planned_stands_in_both_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.go()
    assert sample.result is not None
    assert "Done otherwise than planned" not in page_of(sample, tmp_path)
    adjusted = [Adjustment(kind="smaller_batches", value=2, because=TOLD)]
    note = "L1: 31.0 % of the connecting weights are exactly zero."
    changes = {"adjustments": adjusted, "notes": [note]}
    changed = dataclasses.replace(sample, result=sample.result.model_copy(update=changes))
    page = page_of(changed, tmp_path)
    assert "Done otherwise than planned" in page
    assert TOLD in page
    assert note in page
    assert changed.result is not None
    Terminal(width=200).show_result(changed.result)
    shown = " ".join(capsys.readouterr().out.split())
    assert TOLD in shown
    assert note in shown


SPREAD = SeedSpread(
    scores=[SeedScore(seed=13, score=0.8, best_epoch=3.0), SeedScore(seed=14, score=0.82, best_epoch=2.0)],
    mean=0.81,
    deviation=0.014,
    sampling_deviation=0.01,
    deviation_apart=0.01,
    kept=14,
    because="2 seeds score 0.800, 0.820 on the validation rows.",
)
FORGOTTEN = Forgetting(
    texts=600,
    scores=[
        ProbingScore(
            name="length",
            what="how long a text is",
            texts=600,
            guessing=0.25,
            before=0.612,
            after=0.524,
            difference=Difference(point=-0.088, low=-0.12, high=-0.051, p=0.0001),
            p_holm=0.0003,
        )
    ],
    retention=Interval(point=0.86, low=0.82, high=0.9),
    similarity=0.71,
    verdict="lost_much",
    because="The tuned encoder forgot more than chance explains: set `l2_sp = 10.0`.",
    left_out={"which of ten words it holds": "no two words stand each alone in 15 texts"},
    seconds=4.2,
)


def test_the_spread_over_seeds_and_what_was_forgotten_stand_in_both_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.go()
    assert sample.result is not None
    assert "What the encoder forgot" not in page_of(sample, tmp_path)
    changes = {"seeds": SPREAD, "forgetting": FORGOTTEN}
    changed = dataclasses.replace(sample, result=sample.result.model_copy(update=changes))
    page = page_of(changed, tmp_path)
    assert changed.result is not None
    Terminal(width=200).show_result(changed.result)
    shown = " ".join(capsys.readouterr().out.split())
    for text in (page, shown):
        assert SPREAD.because in text
        assert "What the encoder forgot" in text
        assert "Told from 600 training texts in 4.2 s, without their labels" in text
        assert "Not asked: which of ten words it holds, since no two words" in text
    assert "set `l2_sp = 10.0`." in shown
    assert "set <code>l2_sp = 10.0</code>." in page
    assert "how long a text is 0.250 0.612 0.524 -8.8 (-12.0 to -5.1) p < 0.001" in shown
    assert '<td class="number">-8.8 (-12.0 to -5.1)</td>' in page


def test_what_was_forgotten_of_other_tasks_and_of_words_stands_in_both_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = decisions.go()
    other = FORGOTTEN.scores[0].model_copy(update={"name": "topics.csv", "what": "labels of <topics>.csv"})
    said = {"others": [other], "others_because": "It forgot topics.", "perplexity_because": "It predicts words worse."}
    assert sample.result is not None
    result = sample.result.model_copy(update={"forgetting": FORGOTTEN.model_copy(update=said)})
    page = page_of(dataclasses.replace(sample, result=result), tmp_path)
    Terminal(width=200).show_result(result)
    shown = " ".join(capsys.readouterr().out.split())
    for text in (page, shown):
        assert "It forgot topics." in text
        assert "It predicts words worse." in text
    assert "labels of &lt;topics&gt;.csv" in page
    assert "labels of <topics>.csv 0.250" in shown
