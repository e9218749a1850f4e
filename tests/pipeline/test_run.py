"""Whole runs on the tiny model: finished, stopped, killed, gone on with, and refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers

from advisor.rulebook import load_rules
from pipeline.__main__ import main
from pipeline.data.dataset import load_dataset
from pipeline.data.splitting import rows_checksum, save_splits
from pipeline.errors import ModelError, PlanError, RunFailed
from pipeline.evaluation.metrics import MACRO_F1
from pipeline.model_card import model_card
from pipeline.models import check_weights
from pipeline.predictors.fine_tuned import TEMPERATURE, load_fine_tuned
from pipeline.records import DataSheet, DataSource, Forecast, Interval, ModelSource, Plan, Recipe
from pipeline.reload import check_reload
from pipeline.results import Result
from pipeline.run import load_plan, read_planned_data, run
from pipeline.storage import load_record, save_record
from pipeline.task import Rows, load_task, task_of
from pipeline.training.journal import Journal, read_log
from tests import tiny

DISTURBED = "change a sample of the sealed rows a little, and answer it again"
RECIPE = Recipe(
    strategy="probe_then_fine_tune",
    learning_rate=0.01,
    batch_size=16,
    epochs=12,
    warmup_fraction=0.1,
    weight_decay=0.01,
    early_stopping_epochs=12,
    class_weights="balanced",
)
FORECAST = Forecast(
    score=Interval(point=0.8, low=0.6, high=0.9, level=0.8),
    probability_of_useful_gain=0.9,
    train_cpu_seconds=10,
    train_wall_seconds=10,
    peak_memory_bytes=10**9,
)


def make_plan(folder: Path, model: ModelSource) -> Plan:
    """A plan for the rows of `moods.csv` in the folder, saved there with its splits."""
    task = load_task("text-classification")
    source = DataSource(train="moods.csv", columns={"text": "text", "label": "label"}, phrases=tiny.PHRASES)
    data = load_dataset(source, task, folder, seed=0)
    save_splits(folder / "splits.parquet", data.rows.ids, data.groups, data.sides)
    plan = Plan(
        name="moods",
        task=task.key,
        data=source,
        classes=task.classes(data.rows),
        rows_sha256=rows_checksum(data.rows.ids, data.sides),
        model=model.model_copy(update={"sha256": check_weights(Path(model.location), model)}),
        head_pooling="mean",
        zero_shot_pooling="mean",
        preparation=tiny.PREPARATION,
        recipe=RECIPE,
        rivals=list(task.rivals),
        chosen_rival="probe",
        templates=["{phrase}"],
        metric="macro_f1",
        useful_gain=0.03,
        good_enough=0.9,
        seed=0,
        data_sheet=DataSheet(
            facts={"Rows": "360\nof them all", "Consent": "yes, they agreed"},
            notes=["Share alike."],
            faults=["Copies. (3)"],
        ),
        forgetting=load_rules().forgetting,
        forecast=FORECAST,
    )
    save_record(plan, folder / "plan.json")
    return plan


def new_run(folder: Path, rows: Rows, model: ModelSource) -> Path:
    folder.mkdir()
    tiny.write_csv(rows, folder / "moods.csv")
    make_plan(folder, model)
    return folder


def carry_out(folder: Path, *options: str) -> int:
    """`python -m pipeline` in this process; what it does to signals is undone."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        return main([str(folder / "plan.json"), *options])
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, rows: Rows, tiny_model: ModelSource) -> Path:
    """A run that nothing disturbed."""
    folder = new_run(tmp_path_factory.mktemp("runs") / "undisturbed", rows, tiny_model)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert carry_out(folder) == 0
    torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def result(finished: Path) -> Result:
    return load_record(Result, finished / "result.json")


@pytest.fixture
def fresh(tmp_path: Path, rows: Rows, tiny_model: ModelSource) -> Path:
    """A run that was not begun."""
    return new_run(tmp_path / "run", rows, tiny_model)


def readings(folder: Path) -> list[str]:
    lines = (folder / "test_readings.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["purpose"] for line in lines]


def test_what_the_encoder_forgot_is_told_without_the_sealed_rows(finished: Path, result: Result) -> None:
    found = result.forgetting
    assert found is not None
    assert 0 < found.similarity < 1
    assert found.texts <= 360
    assert {each.name for each in found.scores} <= {"length", "word", "order"}
    assert found.verdict in ("kept", "lost", "lost_much")
    events = [line["event"] for line in read_log(finished / "log.jsonl")]
    assert events.index("forgetting") < events.index("evaluating")


def test_a_run_ends_with_a_proven_gain_over_the_rival(result: Result) -> None:
    assert result.verdict == "improved"
    assert result.because.startswith(f"The gain is +{100 * result.difference.point:.1f} points")
    assert result.difference.low > 0.03
    assert result.difference.p is not None
    assert result.difference.p < 0.01
    assert [rival.name for rival in result.rivals] == ["majority", "zero_shot", "tfidf", "probe"]
    probe = next(rival for rival in result.rivals if rival.name == "probe")
    assert result.fine_tuned.score - probe.score == pytest.approx(result.difference.point)
    assert result.fine_tuned.low < result.fine_tuned.score < result.fine_tuned.high


def test_a_result_says_how_its_scores_are_read_and_has_the_other_scores_beside(result: Result, finished: Path) -> None:
    assert result.metric_facts == MACRO_F1.facts
    for score in [*result.rivals, result.fine_tuned]:
        table = pd.read_parquet(finished / "predictions" / f"{score.name}.parquet")
        assert set(score.beside) == {"accuracy", "balanced_accuracy", "weighted_f1", "mcc"}
        assert score.beside["accuracy"] == pytest.approx((table["truth"] == table["answer"]).mean())


def test_a_result_tells_the_outcome_beside_the_forecast(result: Result, finished: Path) -> None:
    assert result.forecast == FORECAST
    assert result.outcome.score.point == result.fine_tuned.score
    assert result.outcome.probability_of_useful_gain == 1.0
    last = read_log(finished / "log.jsonl")[-1]
    assert last["event"] == "finished"
    assert 0 < result.outcome.train_wall_seconds <= last["wall_seconds"]
    assert result.outcome.peak_memory_bytes > 50_000_000
    assert all(phase.cpu_seconds > 0 for phase in result.outcome.phases)
    spent = sum(phase.wall_seconds for phase in result.outcome.phases)
    assert spent == pytest.approx(result.outcome.train_wall_seconds, rel=0.1)
    assert result.outcome.steps == result.outcome.planned_steps
    assert result.reload.passed
    assert len(result.epochs) == 12
    assert result.environment["transformers"] == transformers.__version__


def test_saved_predictions_are_those_that_were_scored(result: Result, finished: Path) -> None:
    for score in [*result.rivals, result.fine_tuned]:
        table = pd.read_parquet(finished / "predictions" / f"{score.name}.parquet")
        assert len(table) == result.test_rows
        assert MACRO_F1(list(table["truth"]), list(table["answer"]), result.classes) == pytest.approx(score.score)
        names = [f"score_{label}" for label in result.classes]
        np.testing.assert_allclose(table[names].sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(table[names].max(axis=1), table["confidence"])
    wrong = pd.read_parquet(finished / "predictions" / "fine_tuned.parquet").query("truth != answer")
    assert {case.row_id for case in result.errors.worst} <= set(wrong["row_id"])
    assert sum(map(sum, result.errors.confusion)) == result.test_rows


def test_test_rows_are_opened_once_for_the_final_evaluation(finished: Path) -> None:
    assert readings(finished) == ["verify row hashes", "final evaluation", DISTURBED]
    events = [line["event"] for line in read_log(finished / "log.jsonl")]
    assert (
        events.index("evaluating")
        > events.index("reload")
        > max(place for place, event in enumerate(events) if event in ("step", "evaluation", "checkpoint"))
    )


def test_what_a_run_no_longer_needs_is_removed(finished: Path) -> None:
    assert {path.name for path in finished.iterdir()} == {
        "cache",
        "log.jsonl",
        "model",
        "moods.csv",
        "plan.json",
        "predictions",
        "result.json",
        "splits.parquet",
        "test_readings.jsonl",
    }


def test_the_model_folder_works_with_transformers_alone(finished: Path, rows: Rows) -> None:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(finished / "model")
    assert model.config.id2label == dict(enumerate(tiny.CLASSES))
    classify = transformers.pipeline("text-classification", model=str(finished / "model"))
    found = [answer["label"] for answer in classify([str(given) for given in rows.inputs[:20]])]
    assert tuple(found) == load_fine_tuned(finished / "model")(rows.take(range(20))).answers


def test_the_model_card_tells_scores_limits_and_use(finished: Path, result: Result) -> None:
    card = (finished / "model" / "README.md").read_text(encoding="utf-8")
    assert f"| fine_tuned | {result.fine_tuned.score:.3f} | " in card
    assert "Labels: `calm`, `glad`, `upset`." in card
    assert "Unicode NFC, white space collapsed, cut after 32 tokens" in card
    assert result.because in card
    limits = card[card.index("## Limits") :]
    weakest = min(result.errors.by_class, key=lambda one: one.f1)
    assert f"- Its weakest class is `{weakest.label}`: of {weakest.rows} it finds {weakest.recall:.0%} (95 %" in limits
    assert "- Of a text it reads the first 32 tokens." in limits
    assert " put in, its score goes from " in limits
    assert "points off on average." in limits


def test_labels_cannot_break_out_of_the_card(finished: Path, result: Result) -> None:
    plan = load_record(Plan, finished / "plan.json")
    bad = "a`b\n\n# <script>alert(1)</script>"
    card = model_card(plan.model_copy(update={"classes": [bad, "glad"]}), task_of(plan), result, plan.preparation)
    assert "Labels: `a'b # <script>alert(1)</script>`, `glad`." in card


def test_the_model_card_carries_the_data_sheet_in_single_lines(finished: Path) -> None:
    card = (finished / "model" / "README.md").read_text(encoding="utf-8")
    sheet = card[card.index("## Data") : card.index("## Limits")]
    expected = "- Rows: 360 of them all\n- Consent: yes, they agreed\n\nTo be heeded:\n\n- Share alike.\n- Copies. (3)"
    assert expected in sheet


def test_a_finished_run_says_so_and_does_nothing(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "result.json").read_bytes()
    assert carry_out(finished) == 0
    assert capsys.readouterr().err == f"This run is finished; its result is in '{finished / 'result.json'}'.\n"
    assert (finished / "result.json").read_bytes() == before


def test_a_saved_model_that_is_not_the_trained_one_fails_the_run(finished: Path, rows: Rows) -> None:
    trained = load_fine_tuned(finished / "model")
    trained.model.classifier.bias.data[0] += 0.01 * getattr(trained.model.config, TEMPERATURE)
    with pytest.raises(RunFailed) as caught:
        check_reload(finished, trained, rows.take(range(20)))
    assert caught.value.problem == (
        "The saved model is not the trained one: outputs differ by 0.01 where 1e-04 is allowed."
    )
    assert caught.value.fix == "Do not use model/; the checkpoints are kept in work/. Please report it."


def test_a_saved_model_that_cannot_be_loaded_fails_the_run(finished: Path, rows: Rows, tmp_path: Path) -> None:
    trained = load_fine_tuned(finished / "model")
    shutil.copytree(finished / "model", tmp_path / "model")
    weights = tmp_path / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(RunFailed) as caught:
        check_reload(tmp_path, trained, rows.take(range(20)))
    assert caught.value.problem.startswith(
        "The saved model could not be loaded again: The model in 'model' cannot be loaded: "
    )
    assert caught.value.fix == "The checkpoints are kept in work/; report this with that line."


class Disturbed:
    """A run in child processes that is stopped, killed and gone on with, on one thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sessions: list[tuple[int, str]] = []

    def session(self, disturb: signal.Signals | None, event: str, *options: str) -> None:
        """Carry the plan out until one more such event is written, then send the signal."""
        before = self._count(event)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline", str(self.folder / "plan.json"), *options],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        while disturb is not None and child.poll() is None and self._count(event) == before:
            time.sleep(0.002)
        if disturb is not None:
            child.send_signal(disturb)
        _, said = child.communicate(timeout=120)
        self.sessions.append((child.returncode, said))

    def _count(self, event: str) -> int:
        return sum(line["event"] == event for line in read_log(self.folder / "log.jsonl"))


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory, rows: Rows, tiny_model: ModelSource) -> Disturbed:
    folder = new_run(tmp_path_factory.mktemp("runs") / "disturbed", rows, tiny_model)
    found = Disturbed(folder)
    found.session(signal.SIGINT, "checkpoint")
    found.session(signal.SIGKILL, "checkpoint")
    found.session(signal.SIGKILL, "step")
    newest = max(folder.glob("work/checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    os.truncate(newest / "optimizer.pt", 1000)
    moved = (folder / "moods.csv").rename(folder.parent / "moved.csv")
    found.session(None, "finished", "--data", str(moved))
    return found


def test_ctrl_c_says_how_to_go_on_and_exits_130(disturbed: Disturbed) -> None:
    code, said = disturbed.sessions[0]
    assert code == 130
    assert said.endswith("Stopped. What was trained so far is kept; the same command goes on.\n")
    assert "interrupted" in [line["event"] for line in read_log(disturbed.folder / "log.jsonl")]


def test_a_run_that_was_stopped_and_killed_twice_ends_as_an_undisturbed_one_to_the_last_bit(
    disturbed: Disturbed, finished: Path, result: Result
) -> None:
    assert [code for code, _ in disturbed.sessions] == [130, -signal.SIGKILL, -signal.SIGKILL, 0]
    weights = "model/model.safetensors"
    assert (disturbed.folder / weights).read_bytes() == (finished / weights).read_bytes()
    found = load_record(Result, disturbed.folder / "result.json")
    assert found.fine_tuned.model_copy(update={"seconds": None}) == result.fine_tuned.model_copy(
        update={"seconds": None}
    )
    assert found.epochs == result.epochs
    assert found.best_epoch == result.best_epoch
    assert [rival.score for rival in found.rivals] == pytest.approx([rival.score for rival in result.rivals])
    assert disturbed.sessions[-1][1].endswith(f"improved: {found.because}\n")


def test_a_checkpoint_that_was_damaged_between_sessions_is_told_and_recorded(
    disturbed: Disturbed, result: Result
) -> None:
    (told,) = load_record(Result, disturbed.folder / "result.json").adjustments
    assert told.kind == "earlier_checkpoint"
    assert told.because.endswith(f"optimizer.pt is not as it was written: training goes on from step {told.value:.0f}.")
    assert f"  {told.because}\n" in disturbed.sessions[-1][1]
    assert result.adjustments == []


def test_each_session_goes_on_from_the_last_checkpoint(disturbed: Disturbed) -> None:
    log = read_log(disturbed.folder / "log.jsonl")
    begun = [line["from_step"] for line in log if line["event"] == "training"]
    assert begun[0] == 0 < begun[1] < begun[2]
    assert begun[3] < begun[2]  # one checkpoint was damaged
    seconds = [line["wall_seconds"] for line in log]
    assert seconds == sorted(seconds)
    assert f"going on from step {begun[3]}" in disturbed.sessions[3][1]


def test_a_disturbed_run_opens_the_test_rows_once_too(disturbed: Disturbed) -> None:
    assert readings(disturbed.folder) == ["verify row hashes"] * 4 + ["final evaluation", DISTURBED]


def test_without_a_plan_the_verdict_is_told_with_what_would_flip_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = {
        "verdict": "not_yet",
        "reasons": [{"because": "Class 'refund' has three rows."}, {"because": "The gain is uncertain."}],
        "flips": [{"because": "Label 150 more rows of class 'refund'."}],
    }
    (tmp_path / "decision.json").write_text(json.dumps(decision), encoding="utf-8")
    assert carry_out(tmp_path) == 1
    assert capsys.readouterr().err == (
        "There is no plan: the verdict was not-yet. Class 'refund' has three rows. The gain is uncertain.\n"
        "What would flip it: Label 150 more rows of class 'refund'.\n"
    )


def test_without_plan_and_verdict_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        load_plan(tmp_path / "plan.json")
    assert caught.value.problem == f"There is no plan at '{tmp_path / 'plan.json'}'."
    assert caught.value.fix == "Make one with `advisor assess`: a plan exists only after a go."


def test_changed_data_is_refused_with_counts(fresh: Path, rows: Rows, capsys: pytest.CaptureFixture[str]) -> None:
    changed = replace(rows, inputs=("a new text", "another new text", *rows.inputs[2:]))
    tiny.write_csv(changed.take(range(len(rows) - 1)), fresh / "moods.csv")
    assert carry_out(fresh) == 1
    assert capsys.readouterr().err == (
        "  reading the data\n"
        "'moods.csv' does not hold the rows that were planned with: 3 missing, 2 new or changed.\n"
        "Give the same file with --data, or assess again.\n"
    )
    assert not (fresh / "model").exists()


def test_splits_of_another_run_are_refused(fresh: Path) -> None:
    table = pd.read_parquet(fresh / "splits.parquet")
    table["side"] = table["side"].replace("test", "train")
    table.to_parquet(fresh / "splits.parquet")
    plan = load_plan(fresh / "plan.json")
    with pytest.raises(PlanError) as caught:
        read_planned_data(plan, plan.data, fresh)
    assert caught.value.problem == f"'{fresh / 'splits.parquet'}' is not the one of the plan."
    assert caught.value.fix == "Copy it again beside plan.json."


def test_a_model_that_is_gone_or_changed_is_refused(fresh: Path, tiny_model: ModelSource) -> None:
    plan = load_plan(fresh / "plan.json")
    shutil.copytree(tiny_model.location, fresh / "tiny")
    there = plan.model.model_copy(update={"location": "tiny"})
    weights = fresh / "tiny" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    journal = Journal(fresh / "log.jsonl")
    with pytest.raises(ModelError, match="not the pinned ones"):
        run(plan.model_copy(update={"model": there}), fresh, journal)
    shutil.rmtree(fresh / "tiny")
    with pytest.raises(ModelError) as caught:
        run(plan.model_copy(update={"model": there}), fresh, journal)
    assert caught.value.problem == "The model 'tiny-bert' is not on this machine."


@pytest.fixture
def broken(fresh: Path) -> Path:
    """A run whose learning rate lets the loss become no number in its first epoch."""
    plan = json.loads((fresh / "plan.json").read_text(encoding="utf-8"))
    plan["recipe"] |= {"learning_rate": 1e30, "warmup_fraction": 0.0}
    (fresh / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    return fresh


def test_a_run_that_breaks_exits_5_and_writes_down_why(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert carry_out(broken) == 5
    said: str = capsys.readouterr().err
    assert "  The loss became nan at step 5: training goes back to the last good point, with a learning rate of" in said
    assert "The loss became nan at step 5, and again with 2 smaller learning rates.\nLook for odd values" in said
    last: dict[str, Any] = read_log(broken / "log.jsonl")[-1]
    assert last["event"] == "failed"
    assert last["problem"] == "The loss became nan at step 5, and again with 2 smaller learning rates."
    assert not (broken / "result.json").exists()
    assert "final evaluation" not in readings(broken)
