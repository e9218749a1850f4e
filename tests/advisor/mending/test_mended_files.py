"""`advisor prepare` from files to files: what was mended is gone, what was not is as it was, and the record says all of it."""

import csv
import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from advisor.audit.inspection import CHECKS, Subject, inspect
from advisor.audit.material import Material
from advisor.columns import settle_columns
from advisor.mending.mends import ALL_SAFE, MENDS
from advisor.mending.records import Prepared
from advisor.mending.session import Wish, prepare_data
from advisor.report.terminal import Terminal
from advisor.rulebook import load_rules
from advisor.session import answers_from
from pipeline.data.dataset import load_dataset
from pipeline.errors import DataError, PipelineError
from pipeline.task import load_task

HOUSE = Path(__file__).parents[3]
FILLER = "A letter about"
WORDS = ["river", "stone", "apple", "window", "carpet", "engine", "violin", "pepper", "castle", "meadow", "anchor", "button"]  # fmt: skip
FAULTY = [
    ("007", "The cafÃ© was closed when we came.", "late"),
    ("008", "Write to anna.jones@example.org or call +44 7700 900123.", "rude"),
    ("009", "The parcel never came and nobody answered us.", "late"),
    ("010", "the parcel  never came and nobody answered us.", "late"),
    ("011", "The parcel never came and nobody answered us!", "late"),
    ("012", "Nobody was in the shop.", "rude"),
    ("013", "Nobody was in the shop.", "late"),
    ("014", "=HYPERLINK(1)", "Late"),
    ("015", " ", "rude"),
    ("016", "It came at last.", " rude"),
    ("017", "They said \"sorry\", then\nnothing.", "rude"),
]  # fmt: skip


def rows() -> list[tuple[str, str, str]]:
    """Rows with one fault or more of each kind, among others that differ enough to be no near-copies."""
    sound = [
        (f"1{place:02}", f"{FILLER} {WORDS[place % 12]} {WORDS[place // 12]} {place}{place}{place}", "late" if place % 2 else "rude")
        for place in range(60)
    ]  # fmt: skip
    return [*FAULTY, *sound]


def write_csv(path: Path, lines: Sequence[Sequence[Any]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["id", "text", "label"])
        writer.writerows(lines)
    return path


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))[1:]


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "letters.csv", rows())


def prepare(files: Path | list[Path], out: Path, *names: str, **data: Any) -> int:
    given = {"": {"task": data.pop("task", None)}, "data": {"text": "text", "label": "label", **data}}
    return mend([files] if isinstance(files, Path) else files, given, out, *names)


def mend(files: Sequence[Path], given: dict[str, dict[str, Any]], out: Path, *names: str) -> int:
    named = list(map(str, files))
    return prepare_data(named, answers_from(named, given), Wish(out, names), Terminal(quiet=True))


def record(out: Path) -> list[dict[str, Any]]:
    lines = out.with_name(out.name + ".record.jsonl").read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


def audited(path: Path) -> set[str]:
    answers = settle_columns(
        answers_from([str(path)], {"data": {"text": "text", "label": "label"}}), path.parent
    ).answers
    task = load_task(answers.settled_task)
    data = load_dataset(answers.data, task, path.parent, answers.seed, check=False)
    data = replace(data, sides=["train"] * len(data.rows))  # a sealed row is not shown to every check
    material = Material(data, task, answers, load_rules(), [], lambda: None)
    return {finding.code for finding in inspect(material, Subject({"train": str(path)})).findings}


@pytest.mark.parametrize(
    ("mends", "codes"),
    [
        (["labels"], {"label_variants"}),
        (["encoding"], {"mojibake"}),
        (["personal-data"], {"personal_data"}),
        (["empty"], {"empty"}),
        (["conflicts"], {"conflicting_labels"}),
        (["labels", "conflicts", "copies"], {"label_variants", "conflicting_labels", "exact_duplicates"}),
        (["labels", "conflicts", "near-copies"], {"label_variants", "exact_duplicates", "near_duplicates"}),
    ],
)
def test_the_audit_of_the_new_file_finds_no_more_what_was_mended(
    faulty: Path, tmp_path: Path, mends: list[str], codes: set[str]
) -> None:
    before = faulty.read_bytes()
    assert codes <= audited(faulty)
    assert prepare(faulty, tmp_path / "new.csv", *mends) == 0
    assert not codes & audited(tmp_path / "new.csv")
    assert faulty.read_bytes() == before


@pytest.mark.parametrize(
    "mends", [["encoding", "labels", "personal-data", "empty", "conflicts", "copies", "near-copies"], [ALL_SAFE]]
)
def test_preparing_what_was_prepared_changes_nothing(faulty: Path, tmp_path: Path, mends: list[str]) -> None:
    prepare(faulty, tmp_path / "one.csv", *mends)
    prepare(tmp_path / "one.csv", tmp_path / "two.csv", *mends)
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert record(tmp_path / "one.csv")
    assert record(tmp_path / "two.csv") == []


def test_every_change_and_every_drop_is_in_the_record_and_nothing_else_is_different(
    faulty: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new.csv"
    prepare(faulty, out, "encoding", "labels", "personal-data", "empty", "conflicts", "copies", "near-copies")
    lines = record(out)
    dropped = {line["row"]: (line["mend"], line["because"]) for line in lines if line["action"] == "dropped"}
    changed = {(line["row"], line["mend"]): line for line in lines if line["action"] == "changed"}
    assert dropped == {
        9: ("empty", "It lacks a text."),
        6: ("conflicts", "Its text has several answers, none of them more often than all others."),
        7: ("conflicts", "Its text has several answers, none of them more often than all others."),
        4: ("copies", "It is a copy of row 3."),
        5: ("near-copies", "It is nearly like row 3."),
    }
    assert set(changed) == {(1, "encoding"), (2, "personal-data"), (8, "labels"), (10, "labels")}
    assert changed[1, "encoding"]["before"] == "The cafÃ© was closed when we came."
    assert changed[1, "encoding"]["after"] == "The café was closed when we came."
    assert changed[8, "labels"] == {
        "file": "letters.csv",
        "row": 8,
        "mend": "labels",
        "action": "changed",
        "because": "The label is mostly written in the other way.",
        "column": "label",
        "before": "Late",
        "after": "late",
    }
    expected = [list(row) for number, row in enumerate(rows(), start=1) if number not in dropped]
    by_id = {row[0]: row for row in expected}
    by_id["007"][1] = "The café was closed when we came."
    by_id["008"][1] = "Write to [E-MAIL] or call [PHONE]."
    by_id["014"][2], by_id["016"][2] = "late", "rude"
    assert read_csv(out) == expected


def test_personal_data_never_stands_in_the_record(tmp_path: Path) -> None:
    lines = [
        ("1", "cafÃ© of anna.jones@example.org", "late"),
        ("2", "call +44 7700 900123", "anna.jones@example.org"),
        ("3", "call", "Anna.Jones@example.org"),
        ("4", "anna.jones@example.org is twice here", "late"),
        ("5", "anna.jones@example.org is twice here", "late"),
    ]
    out = tmp_path / "new.csv"
    prepare(write_csv(tmp_path / "a.csv", lines), out, *(mend.name for mend in MENDS if mend.name not in ("split", "leaks")))  # fmt: skip
    told = out.with_name("new.csv.record.jsonl").read_text(encoding="utf-8")
    assert {line["mend"] for line in record(out)} >= {"encoding", "personal-data", "labels", "copies"}
    assert "anna" not in told.lower()
    assert "7700" not in told


def test_personal_data_in_other_columns_stays_and_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.jsonl"
    lines = [{"text": f"letter {place}", "label": "ab"[place % 2], "from": "anna@example.org"} for place in range(4)]
    source.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    named = [str(source)]
    answers = answers_from(named, {"data": {"text": "text", "label": "label"}})
    prepare_data(named, answers, Wish(tmp_path / "new.jsonl", ["personal-data"]), Terminal())
    assert "The column 'from' holds personal data too (e-mail) and was left as it is" in capsys.readouterr().out
    assert [json.loads(line) for line in (tmp_path / "new.jsonl").read_text().splitlines()] == lines


def test_values_that_are_not_mended_keep_their_types_and_their_order(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [
        {"z": None, "text": "cafÃ© one", "label": 1, "nested": {"a": [1, None]}, "n": 10**20, "f": 1.50},
        {"z": "007", "text": "two", "label": 0, "nested": [], "n": None, "f": 2, "more": "only here"},
        {"z": True, "text": "three", "label": 1},
    ]
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    prepare(source, tmp_path / "new.jsonl", "encoding")
    found = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == [{**lines[0], "text": "café one"}, *lines[1:]]
    assert [list(row) for row in found] == [list(row) for row in lines]
    assert '"f": 1.5' in (tmp_path / "new.jsonl").read_text(encoding="utf-8")


def test_parquet_keeps_its_schema_and_every_other_value(tmp_path: Path) -> None:
    table = pyarrow.table(
        {
            "when": pyarrow.array([0, 1, None], pyarrow.timestamp("ms")),
            "text": ["cafÃ© one", "two", "three"],
            "label": pyarrow.array([1, 0, 1], pyarrow.int8()),
            "share": pyarrow.array([0.5, float("nan"), None], pyarrow.float32()),
            "tags": [["a"], [], None],
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    prepare(tmp_path / "a.parquet", tmp_path / "new.parquet", "encoding")
    found = pyarrow.parquet.read_table(tmp_path / "new.parquet")
    assert found.schema.equals(table.schema)
    assert found.column("text").to_pylist() == ["café one", "two", "three"]
    assert str(found.drop_columns("text").to_pylist()) == str(table.drop_columns("text").to_pylist())


@pytest.mark.parametrize("name", ["new.csv", "new.tsv", "new.jsonl", "new.json", "new.parquet", "new.csv.gz", "new.jsonl.gz"])  # fmt: skip
def test_every_form_can_be_written_and_holds_the_same_rows(faulty: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    prepare(faulty, out, "empty")
    if name.endswith(".gz"):
        out = out.with_name(name.removesuffix(".gz"))
        out.write_bytes(gzip.decompress((tmp_path / name).read_bytes()))
    readers: dict[str, Any] = {".csv": pd.read_csv, ".tsv": pd.read_table, ".parquet": pd.read_parquet}
    if out.suffix in (".json", ".jsonl"):
        found = pd.read_json(out, lines=out.suffix == ".jsonl", dtype=False)
    else:
        found = readers[out.suffix](out, **({} if out.suffix == ".parquet" else {"dtype": str}))
    assert found.to_numpy().tolist() == [list(row) for row in rows() if row[1].strip()]


def test_the_delimiter_of_the_file_is_kept(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", rows(), delimiter=";")
    prepare(tmp_path / "a.csv", tmp_path / "new.csv", "empty")
    assert read_csv(tmp_path / "new.csv", ";")[0] == list(FAULTY[0])


def test_several_files_become_one_and_the_record_names_each(tmp_path: Path) -> None:
    one = write_csv(tmp_path / "one.csv", [("1", "the same text", "late"), ("2", "another", "rude")])
    two = write_csv(tmp_path / "two.csv", [("3", "more", "late"), ("4", "The same text", "late")])
    prepare([one, two], tmp_path / "new.csv", "copies")
    assert [row[0] for row in read_csv(tmp_path / "new.csv")] == ["1", "2", "3"]
    (line,) = record(tmp_path / "new.csv")
    assert (line["file"], line["row"], line["because"]) == ("two.csv", 2, "It is a copy of row 1 of 'one.csv'.")


def test_rows_that_stand_in_the_test_file_are_dropped_and_that_file_is_only_read(faulty: Path, tmp_path: Path) -> None:
    test = write_csv(tmp_path / "test.csv", [("1", "the PARCEL never came and nobody answered us", "late")])
    before = test.read_bytes()
    prepare(faulty, tmp_path / "new.csv", "leaks", test=str(test))
    assert {line["row"] for line in record(tmp_path / "new.csv")} == {3, 4, 5}
    assert test.read_bytes() == before


def test_leaks_need_a_file_to_compare_with(faulty: Path, tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as refused:
        prepare(faulty, tmp_path / "new.csv", "leaks")
    assert refused.value.fix == "Name their file: --test FILE, --validation FILE, or both."


def test_a_split_is_the_one_that_assess_makes_and_its_parts_hold_every_row(faulty: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.csv"
    prepare(faulty, out, "labels", "empty", "conflicts", "copies", "split")
    paths = {side: tmp_path / f"new.{side}.csv" for side in ("train", "validation", "test", "reserve")}
    parts = {side: read_csv(path) for side, path in paths.items() if path.exists()}
    assert {"train", "validation", "test"} <= set(parts)
    assert sorted(row for part in parts.values() for row in part) == sorted(read_csv(out))
    given = {"text": "text", "label": "label", "splits": f"{out}.splits.parquet"}
    answers = answers_from([str(out)], {"data": given})
    data = load_dataset(answers.data, load_task("text-classification"), tmp_path, answers.seed + 1)
    for side, part in parts.items():
        if side != "test":
            assert sorted(data.on(side).inputs) == sorted(row[1] for row in part)  # type: ignore[arg-type]


def test_a_file_that_is_there_is_refused_and_kept(faulty: Path, tmp_path: Path) -> None:
    for name in ("new.csv", "new.csv.record.jsonl", "new.train.csv"):
        taken = tmp_path / name
        taken.write_text("mine")
        with pytest.raises(DataError, match="already there"):
            prepare(faulty, tmp_path / "new.csv", "empty", "split")
        assert taken.read_text() == "mine"
        taken.unlink()
    with pytest.raises(DataError, match="already there"):
        prepare(faulty, faulty, "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letters.csv"]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["copys"], "There is no mend 'copys'."),
        (["empty", "conflicts", "near-copies", "nothing"], "There is no mend 'nothing'."),
    ],
)
def test_a_mend_that_does_not_exist_is_refused(faulty: Path, tmp_path: Path, names: list[str], problem: str) -> None:
    with pytest.raises(PipelineError) as refused:
        prepare(faulty, tmp_path / "new.csv", *names)
    assert refused.value.problem == problem
    assert "encoding, labels, personal-data" in refused.value.fix


def test_a_label_of_a_row_without_a_text_is_written_like_the_others(tmp_path: Path) -> None:
    lines = [("1", "one text", "A"), ("2", "another text", "A"), ("3", "", "a"), ("4", "a third text", "b")]
    prepare(write_csv(tmp_path / "a.csv", lines), tmp_path / "new.csv", "labels")
    assert [row[2] for row in read_csv(tmp_path / "new.csv")] == ["A", "A", "A", "b"]


def test_rows_that_cannot_be_split_yet_say_which_mend_they_need_and_leave_nothing_behind(
    faulty: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        prepare(faulty, tmp_path / "new.csv", "split")
    assert "labels that differ only in how they are written" in refused.value.problem
    assert "--mend labels" in refused.value.fix
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letters.csv"]


def test_mends_that_would_leave_no_row_are_refused(tmp_path: Path) -> None:
    source = write_csv(tmp_path / "a.csv", [("1", "same", "late"), ("2", "same", "rude")])
    with pytest.raises(DataError, match="No row would be left"):
        prepare(source, tmp_path / "new.csv", "conflicts")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_without_a_mend_and_without_a_terminal_they_are_listed_with_the_command(
    faulty: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(faulty, tmp_path / "new.csv") == 2
    told = capsys.readouterr().err
    assert (
        "encoding (1 row), labels (2 rows), personal-data (1 row), empty (1 row), conflicts (2 rows), "
        "copies (1 row), near-copies (2 rows)"
    ) in told
    assert f"advisor prepare {faulty} --mend encoding --mend labels --mend personal-data" in told
    assert not (tmp_path / "new.csv").exists()
    clean = write_csv(tmp_path / "clean.csv", rows()[20:])
    assert prepare(clean, tmp_path / "new.csv") == 2
    assert "none is needed" in capsys.readouterr().err


def test_a_person_ticks_the_mends_and_those_that_lose_nothing_are_ticked_already(faulty: Path, tmp_path: Path) -> None:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("\r")
        assert prepare(faulty, tmp_path / "new.csv") == 0
    assert {line["mend"] for line in record(tmp_path / "new.csv")} == {"encoding", "labels", "empty", "copies"}


def test_a_person_who_stops_leaves_nothing_behind(faulty: Path, tmp_path: Path) -> None:
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("\x03")
        with pytest.raises(KeyboardInterrupt):
            prepare(faulty, tmp_path / "new.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["letters.csv"]


def test_tags_and_several_labels_are_mended_in_the_files_of_their_tasks(tmp_path: Path) -> None:
    tagged = tmp_path / "notes.jsonl"
    lines: list[dict[str, Any]] = [
        {"tokens": ["Anna", "in", "Rome"], "tags": ["B-person", "O", "B-City"], "by": 1},
        {"tokens": ["in", "Rome"], "tags": ["O", "B-city"], "by": 2},
        {"tokens": ["near", "Oslo"], "tags": ["O", "B-city"], "by": None},
        {"tokens": [], "tags": [], "by": 3},
    ]
    tagged.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    options: dict[str, dict[str, str]] = {
        "": {"task": "token-classification"},
        "data": {"tokens": "tokens", "tags": "tags"},
        "task_options": {"tags": "spans"},
    }
    assert mend([tagged], options, tmp_path / "new.jsonl", "labels", "empty") == 0
    found = [json.loads(line) for line in (tmp_path / "new.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == [{**lines[0], "tags": ["B-person", "O", "B-city"]}, *lines[1:3]]
    several = tmp_path / "complaints.csv"
    write_csv(several, [("1", "one text here", "Late;rude"), ("2", "another text", "late"), ("3", "a third", "rude;late")])  # fmt: skip
    options = {
        "": {"task": "multi-label-classification"},
        "data": {"text": "text", "labels": "label", "label_delimiter": ";"},
    }
    assert mend([several], options, tmp_path / "new.csv", "labels") == 0
    assert [row[2] for row in read_csv(tmp_path / "new.csv")] == ["late;rude", "late", "rude;late"]


def command(source: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "advisor", "prepare", str(source), "--out", str(out), *options]


def test_what_was_done_is_printed_as_json(faulty: Path, tmp_path: Path) -> None:
    asked = command(faulty, tmp_path / "new.csv", "--mend", ALL_SAFE, "--json")
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=HOUSE)
    found = Prepared.model_validate_json(done.stdout)
    assert (found.rows_read, found.rows_written) == (71, 69)
    assert [(mend.mend, mend.rows_changed, mend.rows_dropped) for mend in found.mends] == [
        ("encoding", 1, 0),
        ("labels", 2, 0),
        ("empty", 0, 1),
        ("copies", 0, 1),
    ]
    assert found.spelling == {"Late": "late", " rude": "rude"}


def test_ctrl_c_while_it_writes_leaves_nothing_behind(tmp_path: Path) -> None:
    lines = [(place, f"{FILLER} {place} cafÃ©", "late" if place % 2 else "rude") for place in range(10_000)]
    asked = command(write_csv(tmp_path / "a.csv", lines), tmp_path / "new.csv", "--mend", "encoding")
    running = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=HOUSE)
    until = time.monotonic() + 60
    while not any(path.name.startswith(".new.csv") for path in tmp_path.iterdir()):
        assert running.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_every_mend_that_the_audit_names_exists() -> None:
    named = {rule.mend for rule in load_rules().audit.findings.values() if rule.mend}
    assert named <= {mend.name for mend in MENDS}
    assert {"label_variants", "mojibake", "personal_data"} <= set(load_rules().audit.findings)
    assert len(CHECKS) >= 9
