"""What came after the run: each later evaluation beside the forecast, in the terminal and on the page."""

from dataclasses import replace
from pathlib import Path

import pytest

from advisor.answers_file import save_answers
from advisor.report.page import write_page
from advisor.report.sequels import MOST_SHOWN, newest, sequel_blocks, sequel_rows, sequel_whiskers
from advisor.report.terminal import Terminal
from advisor.run_folder import RunFolder
from pipeline.storage import save_record
from tests.advisor import decisions
from tests.advisor.conftest import Advisor
from tests.advisor.decisions import evaluation


def test_later_rows_stand_beside_forecast_and_sealed_rows_on_one_scale() -> None:
    sample = decisions.watched()
    found = sequel_whiskers(sample.result, newest(sample.evaluations))
    assert [each.title for each in found] == ["forecast", "sealed rows", "2026-06-30 june.csv"]
    assert [each.score for each in found] == pytest.approx([0.894, 0.884, 0.812], abs=0.02)
    assert (found[2].low, found[2].high) == (0.776, 0.844)


def test_each_evaluation_says_its_verdict_its_change_and_whether_the_forecast_held() -> None:
    sample = decisions.watched()
    worse, drifted = sequel_rows(sample.result, newest(sample.evaluations))
    assert worse == [
        "2026-06-30 june.csv",
        "Worse",
        "-7.2 points (-11.9 to -2.6)",
        "0.812: below range",
        "texts told apart 0.71, p = 0.001; 11 % of the answers moved, p = 0.001",
    ]
    assert drifted[:4] == ["2026-07-31 july.csv", "Drifted", "no labels", "–"]
    assert drifted[4].endswith("78 % of 40 marks say right")


def test_a_cheap_way_is_not_held_against_the_forecast_of_the_fine_tuned_model() -> None:
    sample = replace(decisions.watched(), evaluations={"evaluations/a": evaluation(way="tfidf")})
    assert sequel_rows(sample.result, newest(sample.evaluations))[0][3] == "–"


def test_a_run_without_a_result_shows_its_later_scores_alone() -> None:
    found = newest({"evaluations/a": evaluation(way="tfidf")})
    assert [each.title for each in sequel_whiskers(None, found)] == ["2026-06-30 june.csv"]


def test_of_many_evaluations_the_newest_are_shown_oldest_first() -> None:
    days = [evaluation().model_copy(update={"time": f"2026-01-{day:02d}T00:00:00+00:00"}) for day in range(31, 0, -1)]
    found = newest({f"evaluations/{place}": each for place, each in enumerate(days)})
    assert [each.found.time[8:10] for each in found] == [f"{day:02d}" for day in range(32 - MOST_SHOWN, 32)]


def test_nothing_is_said_where_nothing_came_later() -> None:
    assert sequel_blocks(decisions.result(), []) == []


def test_the_page_has_a_section_that_names_the_page_of_each(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(path, decisions.watched().report)
    page = path.read_text(encoding="utf-8")
    section = page[page.index('<section id="later">') : page.index('<section id="learning">')]
    assert "evaluations/20260630-090000" in section
    assert "below range" in section
    assert "<svg" in section
    assert 'href="#later"' in page
    write_page(path, decisions.go().report)
    assert "later" not in path.read_text(encoding="utf-8").partition("</nav>")[0].partition("<nav")[2]


def test_the_terminal_shows_what_came_later(capsys: pytest.CaptureFixture[str]) -> None:
    sample = decisions.watched()
    Terminal(width=100).show_sequels(sample.result, sample.evaluations)
    said = capsys.readouterr().out
    assert "Since then" in said
    assert "below range" in said
    assert "0.776 to 0.844" in said


def saved(path: Path) -> RunFolder:
    """The folder of a run that rows were evaluated after."""
    folder, sample = RunFolder(path), decisions.watched()
    folder.make()
    save_answers(sample.answers.model_copy(update={"task": "text-classification"}), folder.path / "answers.toml")
    assert sample.result is not None
    folder.save("measurements", sample.measurements)
    folder.save("decision", sample.decision)
    folder.save("result", sample.result)
    for place, found in sample.evaluations.items():
        (folder.path / place).mkdir(parents=True)
        save_record(found, folder.path / place / "evaluation.json")
    return folder


def test_the_report_is_made_anew_with_what_came_later(advisor: Advisor, here: Path) -> None:
    saved(here / "run")
    done = advisor("report", "run")
    assert done.code == 0, done.err
    assert "Since then" in done.out
    assert "2026-06-30 june.csv" in done.out
    page = (here / "run" / "report.html").read_text(encoding="utf-8")
    assert '<section id="later">' in page


def test_an_evaluation_that_cannot_be_read_is_named(advisor: Advisor, here: Path) -> None:
    saved(here / "run")
    (here / "run" / "evaluations" / "20260630-090000" / "evaluation.json").write_text("{", encoding="utf-8")
    done = advisor("report", "run")
    assert done.code == 1
    assert "20260630-090000/evaluation.json" in done.err
