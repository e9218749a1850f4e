"""The folder of a run: whose it is, what it refuses, and that a record is made once."""

import json
import os
from pathlib import Path

import pytest

from advisor.answers_file import read_answers
from advisor.errors import RunFolderError
from advisor.ledger import clean_runs, read_runs
from advisor.records import Answers, HardwareMeasurement, Models
from advisor.run_folder import RunFolder, last_unfinished, note_as_last, open_existing, open_run, run_name
from advisor.session import anchored
from pipeline.errors import PipelineError, PlanError, StorageError
from pipeline.records import DataSource
from tests.advisor import decisions


def answers(train: str = "reviews.csv", name: str | None = None) -> Answers:
    values = {"data": DataSource(train=train)} | ({"name": name} if name else {})
    return Answers.model_validate(values)


def refusal(answered: Answers, out: Path | None) -> str:
    with pytest.raises(PipelineError) as caught:
        open_run(answered, out)
    return str(caught.value)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_a_new_run_lies_under_runs_with_time_and_name() -> None:
    path = open_run(answers("data/my reviews (1).csv"), None).path
    assert path.parent.name == "runs"
    assert path.name.endswith("-my-reviews-1")
    assert [file.name for file in sorted(path.iterdir())] == ["answers.toml", "cache"]


@pytest.mark.parametrize(
    ("train", "name", "expected"),
    [
        ("reviews.csv", None, "reviews"),
        ("reviews.csv", "mine", "mine"),
        ("../..", None, "run"),
        ("someone/films", None, "films"),
        ("häßlich.csv", None, "häßlich"),
        ("reviews.csv", "../../etc", "etc"),
    ],
)
def test_the_name_of_a_run_is_one_part_of_a_path(train: str, name: str | None, expected: str) -> None:
    assert run_name(answers(train, name)) == expected


def test_data_and_models_are_kept_relative_so_that_the_folder_can_move_with_them(here: Path) -> None:
    (here / "reviews.csv").write_text("text,label\n")
    (here / "model").mkdir()
    given = answers(str(here / "reviews.csv")).model_copy(
        update={"models": Models(candidates=["bert-base-uncased", str(here / "model")])}
    )
    found = open_run(given, here / "deep" / "out").answers
    assert found.data.train == "../../reviews.csv"
    assert found.models.candidates == ["bert-base-uncased", "../../model"]


def test_an_empty_folder_and_the_same_answers_again_are_taken(here: Path) -> None:
    (here / "out").mkdir()
    first = open_run(answers(), here / "out")
    (first.path / "splits.parquet").touch()
    again = open_run(answers(), here / "out")
    assert (again.path, again.answers) == (first.path, first.answers)


def test_a_folder_with_something_else_in_it_is_refused(here: Path) -> None:
    (here / "photo.jpg").touch()
    assert refusal(answers(), here) == (
        f"'{here}' is not empty and is not a run folder.\nChoose an empty or new folder with --out."
    )
    assert [file.name for file in here.iterdir()] == ["photo.jpg"]


def test_the_run_of_other_answers_is_refused(here: Path) -> None:
    open_run(answers(), here / "out")
    assert refusal(answers(name="other"), here / "out") == (
        f"'{here}/out' is the run of other answers.\n"
        f"Go on with that run by `advisor assess {here}/out`, or choose a new folder with --out."
    )
    assert read_answers(here / "out" / "answers.toml") == answers()


@pytest.mark.parametrize("name", ["measurements", "decision", "plan", "result"])
@pytest.mark.parametrize(
    ("content", "version"), [('{"schema_version": 2}', "2"), ("{}", "None"), ("[]", "None"), ("{", "None")]
)
def test_a_run_of_another_version_is_refused(here: Path, name: str, content: str, version: str) -> None:
    out = open_run(answers(), here / "out").path
    (out / f"{name}.json").write_text(content)
    expected = (
        f"'{out}/{name}.json' has schema version {version}; this program reads version 1.\n"
        "Use the version of finetune-advisor that wrote it, or assess again into a new folder."
    )
    assert refusal(answers(), out) == expected
    with pytest.raises(RunFolderError) as caught:
        open_existing(out)
    assert str(caught.value) == expected


def test_a_folder_that_cannot_be_made_is_refused(here: Path) -> None:
    (here / "file").touch()
    assert refusal(answers(), here / "file" / "out") == (
        f"The folder '{here}/file/out' cannot be made: Not a directory.\n"
        "Choose a folder that you may write to with --out."
    )
    assert refusal(answers(), here / "file").startswith(f"The folder '{here}/file' cannot be made: ")


def test_a_folder_without_answers_is_no_run(here: Path) -> None:
    with pytest.raises(RunFolderError) as caught:
        open_existing(here)
    assert str(caught.value) == (
        f"'{here}' is not a run folder.\n`advisor runs` lists the runs; `advisor assess` makes one."
    )


def test_a_measurement_is_made_once_and_read_back_after(here: Path) -> None:
    folder = open_run(answers(), here / "out")
    made: list[int] = []

    def make() -> HardwareMeasurement:
        made.append(1)
        return decisions.hardware()

    first = folder.remember("hardware", HardwareMeasurement, make)
    again = RunFolder(folder.path).remember("hardware", HardwareMeasurement, make)
    assert first == again == decisions.hardware()
    assert made == [1]


def test_a_measurement_that_was_broken_off_is_made_again(here: Path) -> None:
    folder = open_run(answers(), here / "out")

    def stopped() -> HardwareMeasurement:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.remember("hardware", HardwareMeasurement, stopped)
    assert folder.remember("hardware", HardwareMeasurement, decisions.hardware) == decisions.hardware()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_while_saving_is_said_and_leaves_the_old_record_whole(here: Path) -> None:
    folder = open_run(answers(), here / "out")
    folder.save("decision", decisions.go().decision)
    before = (folder.path / "decision.json").read_text()
    (folder.path / "decision.json.new").symlink_to("/dev/full")
    with pytest.raises(StorageError) as caught:
        folder.save("decision", decisions.no_go().decision)
    assert str(caught.value) == (
        f"'{folder.path}/decision.json' cannot be written: No space left on device.\n"
        "Free some space or choose another folder with --out, then run the same command again: it goes on where it stopped."
    )
    assert (folder.path / "decision.json").read_text() == before


def test_a_damaged_record_names_the_field(here: Path) -> None:
    folder = open_run(answers(), here / "out")
    values = json.loads(decisions.hardware().model_dump_json()) | {"threads": "two"}
    (folder.cache / "hardware.json").write_text(json.dumps(values))
    with pytest.raises(PlanError) as caught:
        folder.remember("hardware", HardwareMeasurement, decisions.hardware)
    assert str(caught.value).startswith(f"'{folder.cache}/hardware.json' is damaged: threads: Input should be a valid")


def run(name: str, *files: str) -> Path:
    path = open_run(answers(), Path("runs") / name).path
    for file in files:
        (path / file).write_text("{}")
    return path


def test_the_run_to_go_on_with_is_the_last_one_when_it_was_stopped_wherever_it_is(tmp_path: Path) -> None:
    elsewhere = open_run(answers(), tmp_path / "elsewhere")
    note_as_last(elsewhere)
    assert last_unfinished().path == elsewhere.path
    (elsewhere.path / "decision.json").write_text("{}")
    (elsewhere.path / "plan.json").write_text("{}")
    with pytest.raises(RunFolderError):
        last_unfinished()  # a go whose training nobody has begun is not a stopped run
    (elsewhere.path / "log.jsonl").write_text("")
    assert last_unfinished().path == elsewhere.path
    (elsewhere.path / "result.json").write_text("{}")
    with pytest.raises(RunFolderError):
        last_unfinished()


def test_without_a_stopped_run_it_says_how_to_start_one() -> None:
    with pytest.raises(RunFolderError) as caught:
        last_unfinished()
    assert str(caught.value) == (
        "No run was stopped on its way, or it is gone.\n"
        "Start one with `advisor`, or `advisor assess FILE`; `advisor assess RUN` goes on with an older one."
    )


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))


def test_past_runs_are_listed_with_what_they_hold_and_unreadable_ones_too() -> None:
    sample = decisions.go()
    first = open_run(answers(), Path("runs/20260101-a"))
    first.save("decision", sample.decision)
    assert sample.result is not None
    first.save("result", sample.result)
    write(first.path / "work" / "checkpoint-1" / "weights", 1000)
    run("20260102-b", "decision.json")
    one, other = read_runs(Path("runs"))
    assert (one.name, one.verdict, one.result) == ("20260101-a", "go", "improved")
    assert (one.forecast, one.outcome) == (sample.decision.forecast, sample.result.outcome)
    assert one.bytes_remakable == 1000
    assert one.bytes_on_disk > 1000
    assert (other.verdict, other.result, other.forecast, other.outcome) == (None, None, None, None)


def test_only_what_can_be_made_again_is_removed() -> None:
    planned, finished = run("20260101-a", "plan.json"), run("20260102-b", "plan.json", "result.json")
    for path in (planned, finished):
        write(path / "cache" / "embeddings-0" / "block.npz", 10)
        write(path / "work" / "checkpoint-1" / "weights", 10)
        write(path / "model" / "model.safetensors", 10)
    lines = read_runs(Path("runs"))
    assert [line.bytes_remakable for line in lines] == [10, 20]
    clean_runs(lines)
    assert sorted(os.listdir(planned)) == ["answers.toml", "model", "plan.json", "work"]
    assert sorted(os.listdir(finished)) == ["answers.toml", "model", "plan.json", "result.json"]
    assert [line.bytes_remakable for line in read_runs(Path("runs"))] == [0, 0]


def test_a_password_in_an_address_is_not_written_into_the_run_folder(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "ADVISOR_DATABASE_PASSWORD", "s3cret"
    )  # set here so that it is taken back; reading an address sets it
    given = anchored(answers("postgresql://anna:s3cret@localhost/shop"), here)
    folder = open_run(given, here / "out")
    assert folder.answers.data.train == "postgresql://anna:$ADVISOR_DATABASE_PASSWORD@localhost/shop"
    assert not any(b"s3cret" in path.read_bytes() for path in folder.path.rglob("*") if path.is_file())
    assert run_name(given) == "shop"
