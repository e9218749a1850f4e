"""Names of people: found by a run of one's own that tags them, in audits and in mended files."""

import csv
import json
from pathlib import Path

import pytest

from advisor.alternative import save_alternative
from advisor.people import People, is_person
from advisor.run_folder import open_existing, open_run
from advisor.session import answers_from
from pipeline.data.personal_data import Span, find, mask
from pipeline.data.splitting import row_ids
from pipeline.embeddings import Embedder
from pipeline.task import RivalSetting, Rows, load_task
from tests.advisor.conftest import Advisor

SENTENCES = (
    (("Mary", "Miller", "wrote", "from", "Rome"), ("B-PER", "I-PER", "O", "O", "B-LOC")),
    (("ask", "Tom", "in", "Oslo"), ("O", "B-PER", "O", "B-LOC")),
)
TEXTS = (
    "Mary Miller was rude to me in Rome",
    "call Tom on +44 20 7946 0958, day",
    "it came late and broke at once",
    "nobody answers in Oslo",
)


def save_tagger(folder: Path, embedder: Embedder, tags: dict[str, str] | None = None) -> Path:
    """A run whose way is a list of names."""
    inputs = tuple(words for words, _ in SENTENCES)
    answers = tuple(tuple((tags or {}).get(tag, tag) for tag in given) for _, given in SENTENCES)
    rows = Rows(row_ids(inputs, answers), inputs, answers)
    lines = [{"tokens": given, "tags": answer} for given, answer in zip(inputs, answers, strict=True)]
    data = folder.with_suffix(".jsonl")
    data.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    given = {"": {"task": "token-classification"}, "data": {"tokens": "tokens", "tags": "tags"}}
    run = open_run(answers_from([str(data)], given | {"task_options": {"tags": "spans"}}), folder)
    task = load_task("token-classification", {"tags": "spans"})
    setting = RivalSetting(embedder, task.classes(rows), task.metrics["span_f1"], {}, [], "mean")
    save_alternative(run.path, "gazetteer", task, rows, setting, {"tokens": "tokens", "tags": "tags"}, 0)
    return run.path


@pytest.fixture
def tagger(here: Path, embedder: Embedder) -> Path:
    return save_tagger(here / "tagger", embedder)


@pytest.fixture
def letters(here: Path) -> Path:
    path = here / "letters.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [("text", "label"), *((f"{text} {n}", "ab"[n % 2]) for n in range(12) for text in TEXTS)]
        )
    return path


def test_names_are_found_where_they_stand_whether_they_were_read_ahead_or_not(tagger: Path) -> None:
    people = People(open_existing(tagger))
    people.read(TEXTS[:2])
    assert people(TEXTS[0]) == [Span("name", 0, 11)]
    assert people("so mary miller, again") == [Span("name", 3, 14)]
    assert people(TEXTS[2]) == []


def test_a_name_inside_a_surer_find_is_left_to_it(tagger: Path) -> None:
    people = People(open_existing(tagger))
    assert mask("Tom, tom@example.org", people) == "[NAME], [E-MAIL]"
    assert [span.kind for span in find("tom@example.org", people)] == ["e-mail"]


def test_the_audit_counts_names_and_shows_none(advisor: Advisor, tagger: Path, letters: Path, here: Path) -> None:
    done = advisor("audit", letters.name, "--names", tagger.name, "--json", "--out", "found")
    (finding,) = [each for each in done.document["findings"] if each["code"] == "personal_data_and_names"]
    assert finding["count"] == 24
    assert "name in 24, phone in 12" in finding["because"]
    assert finding["mend"] == "advisor prepare letters.csv --names tagger --mend personal-data --out FILE"
    assert not any("Names of people" in line for line in done.document["left_out"])
    page = (here / "found" / "audit.html").read_text(encoding="utf-8")
    assert "[NAME] was rude to me in Rome" in page
    assert "Miller" not in done.out + done.err + page


def test_without_a_run_the_audit_says_that_names_were_not_looked_for(advisor: Advisor, letters: Path) -> None:
    document = advisor("audit", letters.name, "--json").document
    (said,) = [line for line in document["left_out"] if "Names of people" in line]
    assert "--names RUN" in said


def test_mended_files_and_their_record_hold_no_name(advisor: Advisor, tagger: Path, letters: Path, here: Path) -> None:
    mends = ("--mend", "personal-data", "--out", "clean.csv")
    done = advisor("prepare", letters.name, "--text", "text", "--label", "label", "--names", tagger.name, *mends)
    assert done.code == 0
    written = (here / "clean.csv").read_text(encoding="utf-8")
    assert "[NAME] was rude to me in Rome 3" in written
    assert "call [NAME] on [PHONE], day 7" in written
    told = (here / "clean.csv.record.jsonl").read_text(encoding="utf-8")
    assert "It holds personal data: name (1)" in told
    assert not any(name in written + told + done.out for name in ("Mary", "Miller", "Tom"))


def test_a_run_whose_tags_are_not_people_is_refused_with_what_it_has(
    advisor: Advisor, embedder: Embedder, letters: Path, here: Path
) -> None:
    save_tagger(here / "places", embedder, {"B-PER": "B-FOOD", "I-PER": "I-FOOD"})
    done = advisor("audit", letters.name, "--names", "places")
    assert done.code == 1
    assert "It has: FOOD, LOC" in done.err


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("PER", True), ("person", True), ("first_name", True), ("B-ORG", False), ("personal", False), ("product", False)],
)
def test_a_tag_is_one_of_people_by_its_name(kind: str, expected: bool) -> None:
    assert is_person(kind) is expected
