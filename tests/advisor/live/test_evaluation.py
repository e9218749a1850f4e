"""New rows of every task: scored where they have labels, compared with what the run knew where they have none."""

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.reading import read
from pipeline.live_results import Evaluation
from pipeline.records import DataSource
from pipeline.storage import load_record
from pipeline.task import TASKS
from tests import tiny
from tests.advisor.conftest import Advisor
from tests.finished_runs import Finished, FinishedRun

every_task = pytest.mark.parametrize("key", TASKS)
TEXTS = "text-classification"


def table_of(finished: Finished, file: Path | None = None) -> pd.DataFrame:
    path = file or finished.new
    return read(str(path), DataSource(train=str(path)), path.parent)


def write(table: pd.DataFrame, path: Path) -> Path:
    table.to_json(path, orient="records", lines=True, force_ascii=False)
    return path


def truths(finished: Finished) -> list[str]:
    inputs = {"text", "text_pair", "tokens"}
    return [name for role, name in finished.example.COLUMNS.items() if role not in inputs]


def kept(finished: Finished) -> set[Path]:
    return set((finished.folder / "evaluations").glob("*/evaluation.json"))


@every_task
def test_labelled_rows_of_every_task_are_scored_and_held_against_the_sealed_ones(
    key: str, finished_run: FinishedRun, advisor: Advisor
) -> None:
    finished = finished_run(key)
    before = kept(finished)
    done = advisor("evaluate", finished.folder, "--data", finished.new, "--json")
    assert done.code == 0, done.err
    found = Evaluation.model_validate(done.document)
    result = finished.result
    assert found.score is not None
    assert found.score.change is not None
    assert (found.rows, found.labelled_rows + sum(found.known_rows.values())) == (150, 150)
    assert found.way == "fine_tuned"
    assert found.score.before == result.fine_tuned
    assert found.score.now.low <= found.score.now.score <= found.score.now.high
    gain = found.score.now.score - result.fine_tuned.score
    assert abs(found.score.change.point) == pytest.approx(abs(gain))
    told = not found.score.change.why_no_interval  # of errors in numbers no interval is shown on so few rows
    assert told is (key != "text-regression")
    assert found.verdict == ("as_before" if told else "cannot_tell")
    assert found.score.scores[0].facts.name == result.metric_facts.name
    assert len(found.score.scores) >= len(result.fine_tuned.beside) + 1
    (saved,) = kept(finished) - before
    assert load_record(Evaluation, saved) == found


@every_task
def test_rows_without_labels_are_compared_with_those_of_the_run(
    key: str, finished_run: FinishedRun, advisor: Advisor, tmp_path: Path
) -> None:
    finished = finished_run(key)
    bare = write(table_of(finished).drop(columns=truths(finished)), tmp_path / "bare.jsonl")
    done = advisor("evaluate", finished.folder, "--data", bare, "--json")
    assert done.code == 0, done.err
    found = Evaluation.model_validate(done.document)
    assert (found.score, found.labelled_rows) == (None, 0)
    assert found.drift is not None
    assert found.drift.texts is not None
    assert found.drift.texts.p >= 0.01
    assert found.drift.texts.area.low < 0.6
    assert (found.drift.confidence is None) == (key == "text-regression")
    assert (found.drift.numbers is None) == (key != "text-regression")
    assert (found.drift.answers is None) == (key == "text-regression")
    assert found.verdict == "as_before"
    again = advisor("evaluate", finished.folder, "--data", finished.new, "--unlabelled", "--json")
    assert Evaluation.model_validate(again.document).drift == found.drift


def other_words(text: str) -> str:
    """The same text with the words that say nothing in place of those of its class."""
    said = [word for word in text.split() if word in tiny.OTHER_WORDS]
    return " ".join(said + tiny.OTHER_WORDS[:3])


def test_texts_of_another_kind_are_told(finished_run: FinishedRun, advisor: Advisor, tmp_path: Path) -> None:
    finished = finished_run(TEXTS)
    table = table_of(finished)
    table["text"] = [other_words(text) for text in table["text"]]
    file = write(table.drop(columns=["label"]), tmp_path / "other.jsonl")
    found = advisor("evaluate", finished.folder, "--data", file, "--json").document
    assert found["verdict"] == "drifted"
    assert found["drift"]["texts"]["p"] == pytest.approx(1 / 500)
    assert found["drift"]["confidence"]["difference"]["high"] < 0
    done = advisor("evaluate", finished.folder, "--data", file)
    assert " DRIFTED   other.jsonl" in done.out
    assert "Label some of these rows" in done.out


def test_labels_that_are_often_wrong_make_it_worse(finished_run: FinishedRun, advisor: Advisor, tmp_path: Path) -> None:
    finished = finished_run(TEXTS)
    table = table_of(finished)
    table.loc[table.index % 2 == 0, "label"] = "calm"
    file = write(table, tmp_path / "worse.jsonl")
    done = advisor("evaluate", finished.folder, "--data", file)
    assert done.code == 0
    assert " WORSE   worse.jsonl" in done.out
    assert "It does worse: Macro F1 is" in done.out
    assert "Label by label" in done.out


def test_more_of_one_label_is_seen_without_any_label(
    finished_run: FinishedRun, advisor: Advisor, tmp_path: Path
) -> None:
    finished = finished_run(TEXTS)
    many = finished.example.write_file(finished.example.make_rows(450, 6), tmp_path / "many")
    table = table_of(finished, many)
    keep = (table["label"] == "glad") | (table.index % 4 == 0)
    share = float((table[keep]["label"] == "glad").mean())
    file = write(table[keep].drop(columns=["label"]), tmp_path / "glad.jsonl")
    found = advisor("evaluate", finished.folder, "--data", file, "--json").document
    glad = next(each for each in found["drift"]["answers"]["shares"] if each["answer"] == "glad")
    assert found["verdict"] == "drifted"
    assert glad["estimated"]["low"] <= share <= glad["estimated"]["high"]
    assert glad["before"] < 0.5 < glad["estimated"]["low"]


def test_rows_that_the_run_knows_are_said_and_left_out(
    finished_run: FinishedRun, advisor: Advisor, tmp_path: Path
) -> None:
    finished = finished_run(TEXTS)
    old = table_of(finished, next(finished.folder.glob("data.*"))).head(60)
    old["text"] = [text.upper() + " " for text in old["text"]]
    file = write(pd.concat([old, table_of(finished)], ignore_index=True), tmp_path / "mixed.jsonl")
    found = advisor("evaluate", finished.folder, "--data", file, "--json").document
    assert sum(found["known_rows"].values()) == 60
    assert set(found["known_rows"]) == {
        "stands in the run's data",
        "is a sealed row of the run, which was scored already",
    }
    assert (found["rows"], found["labelled_rows"]) == (210, 150)
    only = write(old, tmp_path / "old.jsonl")
    done = advisor("evaluate", finished.folder, "--data", only)
    assert done.code == 1
    assert done.err.splitlines()[-2].startswith("No row of 'old.jsonl' is new to this run: ")


def test_a_label_that_the_model_cannot_answer_is_said_and_counts_as_wrong(
    finished_run: FinishedRun, advisor: Advisor, tmp_path: Path
) -> None:
    finished = finished_run(TEXTS)
    table = table_of(finished)
    table.loc[table.index <= 30, "label"] = "bored"
    file = write(table, tmp_path / "bored.jsonl")
    found = advisor("evaluate", finished.folder, "--data", file, "--json").document
    assert found["unknown_labels"] == {"bored": 30}
    accuracy = next(line for line in found["score"]["scores"] if line["facts"]["name"] == "accuracy")
    assert accuracy["ours"]["point"] <= 0.8
    assert found["verdict"] == "worse"


def test_labels_of_which_none_is_known_are_refused(finished_run: FinishedRun, advisor: Advisor, tmp_path: Path) -> None:
    finished = finished_run(TEXTS)
    file = write(table_of(finished).assign(label="joy"), tmp_path / "joy.jsonl")
    done = advisor("evaluate", finished.folder, "--data", file)
    assert done.code == 1
    assert done.err.splitlines()[-2:] == [
        "No label of 'joy.jsonl' is one that this run knows: it has 'joy', the run knows 'calm', 'glad', 'upset'.",
        "Give the column of the labels with --label, or look at the rows without their labels with --unlabelled.",
    ]


def test_columns_may_be_named_otherwise_and_the_cheap_way_may_be_asked(
    finished_run: FinishedRun, advisor: Advisor, tmp_path: Path
) -> None:
    finished = finished_run(TEXTS)
    table = table_of(finished).rename(columns={"text": "body", "label": "mood"})
    file = write(table, tmp_path / "named.jsonl")
    named = ("--text", "body", "--label", "mood", "--cheap")
    found = advisor("evaluate", finished.folder, "--data", file, *named, "--json").document
    rivals = finished.result.rivals
    assert (found["way"], found["labelled_rows"]) == ("tfidf", 150)
    assert found["score"]["before"] == next(each for each in rivals if each.name == "tfidf").model_dump()
    assert found["drift"]["confidence"] is not None
    wrong = advisor("evaluate", finished.folder, "--data", file, "--text", "body", "--label", "nothing")
    assert (wrong.code, "has no column 'nothing'" in wrong.err) == (1, True)


def test_a_run_without_its_data_scores_all_the_same_and_says_what_it_could_not_compare(
    finished_run: FinishedRun, advisor: Advisor
) -> None:
    finished = finished_run(TEXTS)
    data = next(finished.folder.glob("data.*"))
    aside = data.rename(data.with_name("aside"))
    try:
        found = advisor("evaluate", finished.folder, "--data", finished.new, "--json").document
    finally:
        aside.rename(data)
    assert found["labelled_rows"] == 150
    assert found["drift"]["texts"] is None
    assert found["left_out"]["texts"].startswith("The texts were not compared with the training data: ")


def test_too_few_rows_are_not_called_a_change(finished_run: FinishedRun, advisor: Advisor, tmp_path: Path) -> None:
    finished = finished_run(TEXTS)
    file = write(table_of(finished).head(5), tmp_path / "five.jsonl")
    found = advisor("evaluate", finished.folder, "--data", file, "--json").document
    assert found["verdict"] == "cannot_tell"
    assert found["score"]["change"]["why_no_interval"]
    assert set(found["left_out"]) == {"texts", "answers"}


def test_without_rows_it_says_which_option_names_them(finished_run: FinishedRun, advisor: Advisor) -> None:
    done = advisor("evaluate", finished_run(TEXTS).folder)
    assert done.code == 1
    assert done.err.endswith("Name them with --data, or take what was served with --served.\n")


def test_what_the_rows_hold_is_shown_as_text(finished_run: FinishedRun, advisor: Advisor, tmp_path: Path) -> None:
    finished = finished_run(TEXTS)
    table = table_of(finished)
    table["text"] = ["\x1b[31m<script>\u202e " + text for text in table["text"]]
    file = write(table, tmp_path / "hostile.jsonl")
    done = advisor("evaluate", finished.folder, "--data", file)
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out
    newest = max(finished.folder.glob("evaluations/*/evaluation.html"), key=lambda path: path.stat().st_mtime_ns)
    page = newest.read_text(encoding="utf-8")
    assert not set("\x1b\u202e") & set(page)
    assert "<script" not in page
    assert page.count("<section") == page.count("</section>") >= 4


def test_every_sealed_reading_of_an_evaluation_is_logged(finished_run: FinishedRun, advisor: Advisor) -> None:
    finished = finished_run(TEXTS)
    log = finished.folder / "test_readings.jsonl"
    before = len(log.read_text(encoding="utf-8").splitlines())
    advisor("evaluate", finished.folder, "--data", finished.new)
    purposes = [json.loads(line)["purpose"] for line in log.read_text(encoding="utf-8").splitlines()[before:]]
    assert "compare answers to new rows with those to the sealed rows" in purposes
    assert "compare their texts with new rows, to leave out what was scored already" in purposes
