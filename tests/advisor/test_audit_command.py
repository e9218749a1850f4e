"""`advisor audit` as a person meets it: what it says, what it writes, what it never shows, and its exit codes."""

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import ModelSource
from tests import tiny
from tests.advisor.audit.test_noise import labelled as words_of_classes
from tests.advisor.conftest import Advisor, Done

Audit = Callable[..., Done]


def labelled(count: int, seed: int) -> list[tuple[str, str]]:
    rows = tiny.make_rows(count, seed)
    return [(str(text), str(label)) for text, label in zip(rows.inputs, rows.answers, strict=True)]


ROWS, OTHERS = labelled(120, seed=3), labelled(60, seed=4)


def write(path: Path, rows: Sequence[Sequence[Any]], header: Sequence[str] = ("text", "label")) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def audit(advisor: Advisor, here: Path, tiny_model: ModelSource) -> Audit:
    """Audits with the tiny model at hand."""

    def run(*arguments: object) -> Done:
        return advisor("audit", *arguments, "--model", tiny_model.location)

    return run


def codes(done: Done) -> dict[str, str]:
    return {finding["code"]: finding["severity"] for finding in done.document["findings"]}


def test_a_sound_file_ends_with_0_and_leaves_three_files(audit: Audit, here: Path) -> None:
    write(here / "moods.csv", ROWS)
    done = audit("moods.csv", "--out", "found")
    assert done.code == 0
    assert sorted(path.name for path in (here / "found").iterdir()) == [
        "audit.html",
        "audit.json",
        "test_readings.jsonl",
    ]
    assert "Report: found/audit.html" in done.out
    assert "moods" in done.out
    saved = json.loads((here / "found" / "audit.json").read_text())
    assert (saved["rows"], saved["invalidates"], saved["files"]) == (120, False, {"train": "moods.csv"})
    assert saved["lengths"]["unit"] == "tokens"


def test_without_out_the_folder_is_named_by_time_and_file(audit: Audit, here: Path) -> None:
    write(here / "moods.csv", ROWS)
    assert audit("moods.csv").code == 0
    (folder,) = (here / "audits").iterdir()
    assert folder.name.endswith("-moods")


def test_json_is_one_document_that_is_also_in_the_folder(audit: Audit, here: Path) -> None:
    write(here / "moods.csv", ROWS)
    done = audit("moods.csv", "--json", "--out", "found")
    assert done.document == json.loads((here / "found" / "audit.json").read_text())
    assert "Report: " in done.err


def test_a_folder_that_holds_something_is_left_alone(audit: Audit, here: Path) -> None:
    write(here / "moods.csv", ROWS)
    (here / "found").mkdir()
    (here / "found" / "notes.txt").write_text("mine")
    done = audit("moods.csv", "--out", "found")
    assert (done.code, done.err) == (1, "'found' is there already.\nChoose an empty or new folder with --out.\n")
    assert [path.name for path in (here / "found").iterdir()] == ["notes.txt"]


def test_a_test_file_that_shares_rows_ends_with_4_and_says_why(audit: Audit, here: Path) -> None:
    write(here / "moods.csv", ROWS)
    write(here / "test.csv", [*ROWS[:30], *OTHERS[:30]])
    done = audit("moods.csv", "--test", "test.csv", "--json")
    assert done.code == 4
    assert codes(done)["test_leaks"] == "invalidates"
    assert done.document["invalidates"]
    assert "MEND FIRST" in done.err
    assert "advisor prepare moods.csv --test test.csv --mend leaks --out FILE" in done.err


def test_one_class_is_reported_where_assess_would_refuse_it(audit: Audit, advisor: Advisor, here: Path) -> None:
    write(here / "moods.csv", [(text, "calm") for text, _ in ROWS])
    assert advisor("assess", "moods.csv").code == 1
    done = audit("moods.csv", "--text", "text", "--label", "label", "--json")
    assert done.code == 4
    assert codes(done)["one_class"] == "invalidates"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("nowhere.csv",), "There is no file 'nowhere.csv'"),
        (("moods.csv", "--label", "stars"), "'moods.csv' has no column 'stars'"),
        (("moods.csv", "--task", "poetry"), "task is 'poetry'"),
        (("moods.csv", "--annotators", "ann,ben"), "'moods.csv' has no column 'ann'"),
    ],
)
def test_a_mistake_ends_with_1_and_leaves_nothing(
    audit: Audit, here: Path, arguments: Sequence[str], problem: str
) -> None:
    write(here / "moods.csv", ROWS)
    done = audit(*arguments)
    assert done.code == 1
    assert problem in done.err
    assert not (here / "audits").exists()


def test_annotators_are_found_by_their_names_or_said(audit: Audit, here: Path) -> None:
    rows = [(text, label, label, label if place % 10 else "calm") for place, (text, label) in enumerate(ROWS)]
    write(here / "moods.csv", rows, ("text", "label", "annotator_1", "annotator_2"))
    assert "agreement" in codes(audit("moods.csv", "--json"))
    write(here / "moods.csv", rows, ("text", "label", "ann", "ben"))
    assert "agreement" not in codes(audit("moods.csv", "--label", "label", "--json", "--out", "one"))
    done = audit("moods.csv", "--label", "label", "--annotators", "ann,ben", "--json", "--out", "two")
    (finding,) = [finding for finding in done.document["findings"] if finding["code"] == "agreement"]
    assert "ann and ben" in finding["because"]
    assert finding["of"] == done.document["looked_at_rows"] < 120


def everything(done: Done, folder: Path) -> str:
    return done.out + done.err + "".join(path.read_text(encoding="utf-8") for path in folder.iterdir())


@pytest.mark.parametrize("hidden", ["option", "answers"])
def test_no_row_is_shown_where_none_may_be(audit: Audit, here: Path, hidden: str) -> None:
    write(here / "moods.csv", [*ROWS, *ROWS[:20]])
    open_report = audit("moods.csv", "--out", "open")
    assert any(text[:100] in everything(open_report, here / "open") for text, _ in ROWS)
    (here / "answers.toml").write_text('[data]\ntrain = "moods.csv"\n[provenance]\npersonal_data = "yes"\n')
    given = ("moods.csv", "--no-examples") if hidden == "option" else ("answers.toml",)
    closed = audit(*given, "--out", "closed")
    assert closed.code == 0
    assert not any(text[:100] in everything(closed, here / "closed") for text, _ in ROWS)


def test_no_row_of_the_test_file_is_shown(audit: Audit, here: Path) -> None:
    write(here / "moods.csv", [*ROWS, *ROWS[:10]])
    sealed = [(f"{text} sealed", label) for text, label in [*OTHERS, *OTHERS[:20]]]
    write(here / "test.csv", [*sealed, *ROWS[:3], ("", "calm")])
    done = audit("moods.csv", "--test", "test.csv", "--out", "found")
    assert "sealed" not in everything(done, here / "found").replace("sealed rows", "")
    readings = [json.loads(line) for line in (here / "found" / "test_readings.jsonl").read_text().splitlines()]
    assert [reading["rows"] for reading in readings] == [len(sealed) + 4]


def test_no_row_that_would_be_sealed_is_shown(audit: Audit, here: Path) -> None:
    doubled = [*ROWS, *((text.upper(), label) for text, label in ROWS)]
    write(here / "moods.csv", doubled)
    done = audit("moods.csv", "--json")
    shown = [example for finding in done.document["findings"] for example in finding["examples"]]
    assert len(shown) > 0
    assert done.document["looked_at_rows"] == 240 - done.document["sides"]["test"] < 240


HOSTILE = ["<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "\u202eevil", "[bold]x[/bold]", "'\"&<b>"]


def test_hostile_rows_are_harmless_in_page_and_terminal(audit: Audit, here: Path) -> None:
    label = '<img src=x onerror="alert(2)">'
    rows = [
        (f"{bad} {text}", label if place % 2 else "calm") for place, (text, _) in enumerate(ROWS) for bad in HOSTILE
    ]
    path = write(here / "moods.csv", [*rows, *rows], ("text", "label"))
    done = audit(path.name, "--text", "text", "--label", "label", "--out", "found")
    page = (here / "found" / "audit.html").read_text(encoding="utf-8")
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page + done.out
    assert "\u202e" not in page + done.out
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_the_schema_of_an_audit_is_printed(advisor: Advisor) -> None:
    done = advisor("schema", "audit")
    assert done.code == 0
    assert {"findings", "invalidates", "profiles", "lengths"} <= set(done.document["properties"])


def test_a_result_on_invalid_data_is_not_yet_with_the_mend_beside_it(
    advisor: Advisor, here: Path, tiny_model: ModelSource
) -> None:
    write(here / "moods.csv", longer := [*ROWS, *labelled(500, seed=9)])
    write(here / "test.csv", [*longer[:60], *OTHERS])
    (here / "answers.toml").write_text(
        f'[data]\ntrain = "moods.csv"\ntest = "test.csv"\n[models]\ncandidates = ["{tiny_model.location}"]\n'
    )
    done = advisor("assess", "answers.toml", "--out", "run", "--json", "--no-launch")
    assert done.code == 4
    (reason,) = done.document["reasons"][:1]
    assert reason["code"] == "invalid_data"
    assert "60 of 120 test rows" in reason["because"]
    assert "advisor prepare moods.csv --test test.csv --mend leaks" in done.document["flips"][0]["because"]
    assert 'id="findings"' in (here / "run" / "report.html").read_text()


def test_answers_that_are_probably_wrong_are_listed_to_be_read(advisor: Advisor, here: Path) -> None:
    absent = ("--model", "roberta-large")  # counts of words tell these classes apart, the tiny model does not
    texts, labels, changed = words_of_classes(600, 0.1)
    write(here / "words.csv", list(zip(texts, labels, strict=True)))
    done = advisor("audit", "words.csv", *absent, "--json", "--out", "found")
    places = [int(each["row"].split()[-1]) - 1 for each in done.document["suspects"]]
    assert len(set(places) & set(changed)) >= 0.8 * len(places) > 0
    page = (here / "found" / "audit.html").read_text(encoding="utf-8")
    assert "Answers to read first" in page
    assert "Answers to read first" in done.err
    assert texts[places[0]] in page
    hidden = advisor("audit", "words.csv", *absent, "--json", "--no-examples", "--out", "hidden")
    assert [each["row"] for each in hidden.document["suspects"]] == [each["row"] for each in done.document["suspects"]]
    assert {each["text"] for each in hidden.document["suspects"]} == {""}
