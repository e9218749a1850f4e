"""One run from start to end that is stopped in each phase, as Ctrl-C stops it, and goes on where it was.

Its texts carry random accents, which the model strips and TF-IDF does not: the probe on the frozen model is the best cheap
way, and the verdict is a go.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.data.splitting import row_ids
from pipeline.records import ModelSource
from pipeline.task import Rows
from pipeline.training.journal import read_log
from tests import tiny
from tests.advisor.conftest import Done, advise_in

ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0311\u0323\u0325\u032d\u0330\u0331"
LONGEST_WAIT = 60.0
STOPPED = (
    "Stopped. Everything so far is kept: `advisor --resume` goes on, the same command too where it names a run folder."
)


def accented_rows(count: int) -> Rows:
    draw = random.Random(3)
    words = draw.sample(tiny.WORDS, len(tiny.WORDS))
    own = {label: words[8 * place : 8 * place + 8] for place, label in enumerate(tiny.CLASSES)}
    labels = [tiny.CLASSES[place % 3] for place in range(count)]
    texts = []
    for label in labels:
        text = draw.choices(own[label], k=3) + draw.sample(words[24:], 3)
        draw.shuffle(text)
        letters = " ".join(text)
        texts.append("".join(letter if letter == " " else letter + draw.choice(ACCENTS) for letter in letters))
    return Rows(row_ids(texts, labels), tuple(texts), tuple(labels))


Started = subprocess.Popen[bytes]


def act(folder: Path, arguments: list[str], when: Callable[[Started], bool], then: Callable[[Started], None]) -> Done:
    """Start a command in a process group of its own, as a terminal does, and do something as soon as something holds."""
    command = [str(Path(sys.executable).with_name("advisor")), *arguments]
    with (folder / "stdout").open("w+") as out, (folder / "stderr").open("w+") as err:
        child = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
        end = time.monotonic() + LONGEST_WAIT
        while not when(child) and child.poll() is None and time.monotonic() < end:
            time.sleep(0.005)
        then(child)
        code = child.wait(LONGEST_WAIT)
    return Done(code, (folder / "stdout").read_text(), (folder / "stderr").read_text())


def press_ctrl_c(child: Started) -> None:
    os.killpg(child.pid, signal.SIGINT)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: ModelSource) -> Path:
    folder = tmp_path_factory.mktemp("place")
    tiny.write_csv(accented_rows(360), folder / "moods.csv")
    (folder / "answers.toml").write_text(
        f"""
        [data]
        train = "moods.csv"
        [goal]
        good_enough = 1.0
        useful_gain = 0.001
        [budget]
        train_minutes = 5
        [models]
        candidates = ["{tiny_model.location}"]
        [training]
        learning_rate = 0.01  # tiny models take more than real ones
        [launch]
        automatic = false
        """
    )
    return folder


def run_of(place: Path) -> Path:
    return next((place / "runs").iterdir())


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def measured_in_part(place: Path) -> Done:
    def measured(_: Started) -> bool:
        return any(place.glob("runs/*/cache/model-*.json"))

    return act(place, ["assess", "answers.toml"], measured, press_ctrl_c)


def test_ctrl_c_while_measuring_keeps_what_was_measured(place: Path, measured_in_part: Done) -> None:
    assert measured_in_part.code == 130
    assert measured_in_part.err == f"\n{STOPPED}\n"
    assert measured_in_part.out.endswith(", stopped\n")
    kept = {path.name for path in (run_of(place) / "cache").glob("*.json")}
    assert kept == {"dataset.json", "hardware.json", "model-tiny-bert.json"}
    assert not (run_of(place) / "decision.json").exists()


@pytest.fixture(scope="module")
def decided(place: Path, measured_in_part: Done) -> Done:
    for name in ("dataset", "hardware", "model-tiny-bert"):
        path = run_of(place) / "cache" / f"{name}.json"
        path.write_text(json.dumps(read(path) | {"seconds": 12345.0}))
    return advise_in(place, "--resume")


def test_resume_goes_on_without_measuring_anything_twice(place: Path, decided: Done) -> None:
    assert (decided.code, decided.err) == (0, "")
    assert "counting rows" not in decided.out
    assert "reading the training rows" not in decided.out
    assert "cross-validating the cheap ways" in decided.out
    found = read(run_of(place) / "measurements.json")
    assert [found[name]["seconds"] for name in ("dataset", "hardware")] == [12345.0] * 2
    assert [model["seconds"] for model in found["models"]] == [12345.0]


def test_a_go_comes_with_a_plan_and_its_forecast(place: Path, decided: Done) -> None:
    decision, plan = (read(run_of(place) / f"{name}.json") for name in ("decision", "plan"))
    assert decision["verdict"] == "go"
    assert plan["forecast"] == decision["forecast"]
    assert plan["chosen_rival"] == decision["alternative"]["name"] == "probe"
    assert f"advisor train runs/{run_of(place).name}" in decided.out
    assert not (run_of(place) / "log.jsonl").exists()


def events(place: Path) -> list[dict[str, Any]]:
    return read_log(run_of(place) / "log.jsonl")


@pytest.fixture(scope="module")
def killed(place: Path, decided: Done) -> Done:
    def launched(child: Started) -> bool:
        return bool(psutil.Process(child.pid).children())

    def kill(child: Started) -> None:
        psutil.Process(child.pid).children()[0].kill()

    return act(place, ["train", f"runs/{run_of(place).name}"], launched, kill)


def test_a_run_that_is_killed_is_a_failure_that_can_be_taken_up_again(place: Path, killed: Done) -> None:
    assert (killed.code, killed.out) == (5, "")
    assert killed.err == (
        "The run was killed by signal 9: most likely memory ran out.\n"
        f"Close other programs, then `advisor train runs/{run_of(place).name}` again: "
        "it goes on from the last checkpoint.\n"
    )


@pytest.fixture(scope="module")
def trained_in_part(place: Path, killed: Done) -> Done:
    def saved(_: Started) -> bool:
        return any(line["event"] == "checkpoint" for line in events(place))

    return act(place, ["train", f"runs/{run_of(place).name}"], saved, press_ctrl_c)


def test_ctrl_c_in_training_keeps_the_checkpoints(place: Path, trained_in_part: Done) -> None:
    assert trained_in_part.code == 130
    assert "Traceback" not in trained_in_part.err
    assert trained_in_part.err.endswith(f"\n{STOPPED}\n")
    assert events(place)[-1]["event"] == "interrupted"
    assert any((run_of(place) / "work").glob("checkpoint-*/trainer_state.json"))
    assert not (run_of(place) / "result.json").exists()


@pytest.fixture(scope="module")
def finished(place: Path, trained_in_part: Done) -> Done:
    return advise_in(place, "--resume")


def test_resume_goes_on_from_the_last_checkpoint_to_the_result(place: Path, finished: Done) -> None:
    assert finished.code == 0
    first, again = (line for line in events(place) if line["event"] == "training")
    assert first["from_step"] == 0 < again["from_step"]
    assert events(place)[-1]["event"] == "finished"
    assert not (run_of(place) / "work").exists()


def test_the_result_stands_beside_the_forecast(place: Path, finished: Done) -> None:
    result, decision = (read(run_of(place) / f"{name}.json") for name in ("result", "decision"))
    assert result["forecast"] == decision["forecast"]
    assert result["outcome"].keys() ^ result["forecast"].keys() == {"steps", "expected_steps"}
    assert result["chosen_rival"] == decision["alternative"]["name"]
    assert [rival["name"] for rival in result["rivals"]] == [rival["name"] for rival in decision["rivals"]]
    assert result["reload"]["labels_identical"]
    assert result["reload"]["largest_logit_difference"] <= result["reload"]["tolerance"]
    assert result["because"].startswith("The gain is ")


def test_the_sealed_rows_were_opened_once(place: Path, finished: Done) -> None:
    readings = [json.loads(line) for line in (run_of(place) / "test_readings.jsonl").read_text().splitlines()]
    assert [reading["purpose"] for reading in readings].count("final evaluation") == 1


def test_a_finished_run_is_said_to_be_finished(place: Path, finished: Done) -> None:
    path = f"runs/{run_of(place).name}"
    done = advise_in(place, "train", path)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"This run is finished; its result is in '{path}/result.json'.\n")
    page = (run_of(place) / "report.html").read_text()
    done = advise_in(place, "assess", path, "--json")
    assert done.code == 0
    assert done.document["result"] == read(run_of(place) / "result.json")
    assert (run_of(place) / "report.html").read_text() == page


@pytest.mark.parametrize(("option", "way"), [([], "fine-tuned"), (["--cheap"], "linear probe")])
def test_both_ways_of_a_finished_run_answer_new_rows(
    place: Path, finished: Done, tmp_path: Path, option: list[str], way: str
) -> None:
    tiny.write_csv(accented_rows(9), tmp_path / "new.csv")
    done = advise_in(
        place, "predict", run_of(place), "--data", tmp_path / "new.csv", "--out", tmp_path / "out.csv", *option
    )
    assert (done.code, done.err) == (0, "")
    assert done.out == f"9 rows answered by the {way} way, written to '{tmp_path}/out.csv'.\n"
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 10


def test_the_ledger_lists_forecast_and_outcome(place: Path, finished: Done) -> None:
    listed = advise_in(place, "runs").out
    assert run_of(place).name in listed
    result = read(run_of(place) / "result.json")
    for part in ("forecast", "outcome"):
        assert f"{result[part]['score']['point']:.3f}" in listed
