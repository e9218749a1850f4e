"""What each strategy brings: trained once each, gone on with after a stop, compared on the same rows, never on sealed ones."""

import itertools
import json
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from advisor.ablation import choose_variants, plan_trials, save_request, training_seconds
from advisor.errors import AnswersError, RunFolderError
from advisor.report.ablation import ablation_blocks
from advisor.report.terminal import Terminal
from advisor.rulebook import load_ablation
from advisor.run_folder import RunFolder
from pipeline.__main__ import main
from pipeline.ablation import AS_IT_IS, FOLDER, Trial, Variant, ablate, compare_trials, make_folds
from pipeline.data.splitting import load_splits
from pipeline.errors import PlanError
from pipeline.evaluation.metrics import ACCURACY
from pipeline.records import ModelSource, Plan, Recipe
from pipeline.results import Ablation
from pipeline.run import open_workshop
from pipeline.storage import load_record, save_record
from pipeline.task import Array, Rows
from pipeline.training.journal import Journal, read_log
from tests import tiny
from tests.pipeline.test_run import make_plan

RULES = load_ablation()


@pytest.fixture
def planned(tmp_path: Path, rows: Rows, tiny_model: ModelSource) -> RunFolder:
    """A run folder with a plan and the log of a run that trained for six seconds."""
    folder = tmp_path / "run"
    folder.mkdir()
    tiny.write_csv(rows.take(range(120)), folder / "moods.csv")
    plan = make_plan(folder, tiny_model)
    save_record(plan.model_copy(update={"recipe": plan.recipe.model_copy(update={"epochs": 2})}), folder / "plan.json")
    (folder / "answers.toml").write_text('schema_version = 1\n[data]\ntrain = "moods.csv"\n')
    events = [("prepared", 4.0), ("training", 5.0), ("step", 8.0), ("reload", 10.0), ("finished", 99.0)]
    lines = [json.dumps({"event": event, "wall_seconds": wall, "cpu_seconds": wall}) for event, wall in events]
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n")
    return RunFolder(folder)


def finish(folder: RunFolder) -> None:
    (folder.path / "result.json").write_text("{}")


def test_every_strategy_of_a_recipe_can_be_tried_and_is_called_as_the_recipe_calls_it() -> None:
    own = {"learning_rate", "batch_size", "epochs", "seeds", "search_trials", "because", "sources"}
    of_memory = {"accumulation_steps", "gradient_checkpointing", "precision", "report_to"}
    assert {rule.field for rule in RULES} == set(Recipe.model_fields) - own - of_memory


def test_what_a_recipe_uses_is_left_out_and_what_it_does_not_is_put_in(planned: RunFolder) -> None:
    plan = load_record(Plan, planned.path / "plan.json")
    found, left_out = choose_variants(plan, RULES)
    changes = {each.field: (each.put_in, each.value) for each in found}
    assert changes["strategy"] == (False, "fine_tune")
    assert changes["weight_decay"] == (False, 0.0)
    assert changes["early_stopping_epochs"] == (False, 1000)
    assert changes["l2_sp"] == (True, 100.0)
    assert changes["unfreezing"] == (True, "gradual")
    assert left_out == {}
    with_lora = plan.model_copy(update={"recipe": plan.recipe.model_copy(update={"lora_rank": 8})})
    found, left_out = choose_variants(with_lora, RULES)
    assert "lora_rank" in {each.field for each in found if not each.put_in}
    assert set(left_out) == {"l1", "reinitialised_layers"}
    assert left_out["l1"].startswith("with lora_rank the weights stay as they are")


def test_the_time_is_that_of_the_runs_own_training(planned: RunFolder) -> None:
    finish(planned)
    assert training_seconds(planned) == 6.0
    trials = plan_trials(planned, RULES, ["l2_sp", "dropout"], 2)
    assert trials.seconds == 6.0 * 3 * 2 / 2  # each learns from half of the rows
    plan = load_record(Plan, planned.path / "plan.json")
    often = plan.recipe.model_copy(update={"seeds": 2, "search_trials": 4})
    save_record(plan.model_copy(update={"recipe": often}), planned.path / "plan.json")
    assert plan_trials(planned, RULES, ["l2_sp", "dropout"], 2).seconds == pytest.approx(trials.seconds / 6)
    first, *others = trials.announcement()
    assert first.startswith(
        "6 trainings: the recipe as it is, and with each of 2 strategies left out or put in, in 2 folds each."
    )
    assert "about 18 s" in first
    assert others == []


def test_what_cannot_be_tried_is_refused_with_the_mend(planned: RunFolder) -> None:
    with pytest.raises(RunFolderError) as unfinished:
        plan_trials(planned, RULES, [], 2)
    assert "advisor train" in unfinished.value.fix
    finish(planned)
    with pytest.raises(AnswersError) as unknown:
        plan_trials(planned, RULES, ["l2_ps"], 2)
    assert "Did you mean 'l2_sp'?" in unknown.value.fix
    (planned.path / "plan.json").unlink()
    with pytest.raises(PlanError):
        plan_trials(planned, RULES, [], 2)


def test_each_is_trained_once_and_a_stop_loses_nothing(planned: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    finish(planned)
    save_request(planned, plan_trials(planned, RULES, ["strategy", "layer_decay"], 2))
    (planned.path / "result.json").unlink()  # only its presence was looked at

    begun: list[str] = []

    def stop(line: dict[str, object]) -> None:
        begun.append(f"{line['event']} {line.get('number')}")
        if begun[-1] == "fold 2" and "variant 2" in begun:
            raise KeyboardInterrupt

    journal = Journal(planned.path / FOLDER / "log.jsonl")
    journal.listeners.append(stop)
    with pytest.raises(KeyboardInterrupt):
        ablate(planned.path, journal)
    done = {path: path.stat().st_mtime_ns for path in planned.path.rglob("finished.json")}
    assert {(path.parts[-3], path.parts[-2]) for path in done} == {
        (AS_IT_IS, "fold-1"),
        (AS_IT_IS, "fold-2"),
        ("strategy", "fold-1"),
    }
    before = signal.getsignal(signal.SIGTERM)
    assert main([str(planned.path / "plan.json"), "--ablate"]) == 0
    signal.signal(signal.SIGTERM, before)
    assert "3 of 3: layer_decay = 0.9" in capsys.readouterr().err
    assert len(list(planned.path.rglob("finished.json"))) == 6
    for path, written in done.items():
        assert path.stat().st_mtime_ns == written
    found = load_record(Ablation, planned.path / "ablation.json")
    assert [(each.field, each.put_in) for each in found.contributions] == [("strategy", False), ("layer_decay", True)]
    sides = list(load_splits(planned.path / "splits.parquet")["side"])
    assert found.rows == sides.count("train") + sides.count("validation")
    assert found.train_rows < found.rows / 2
    purposes = [line["purpose"] for line in read_log(planned.path / "test_readings.jsonl")]
    assert set(purposes) == {"verify row hashes"}
    assert not list(planned.path.rglob("checkpoint-*"))
    assert not (planned.path / "model").exists()


def scored(rights: Array) -> Array:
    return np.stack([rights.astype(float), np.ones(len(rights))], axis=1)


def test_a_strategy_helps_where_the_score_is_surely_better_with_it_and_the_p_values_are_corrected() -> None:
    place = np.arange(200)
    trials = {
        AS_IT_IS: Trial([scored(place < 160)], [0.8], 1.0),
        "warmup_fraction": Trial([scored(place < 120)], [0.6], 1.0),  # left out: worse
        "l2_sp": Trial([scored(place < 186)], [0.93], 1.0),  # put in: better
        "dropout": Trial([scored(place < 130)], [0.65], 1.0),  # put in: worse
        "schedule": Trial([scored((place < 161) & (place != 3))], [0.8], 1.0),
    }
    variants = [
        Variant(field="warmup_fraction", title="warm-up", put_in=False, value=0.0),
        Variant(field="l2_sp", title="L2-SP", put_in=True, value=10.0),
        Variant(field="dropout", title="more dropout", put_in=True, value=0.2),
        Variant(field="schedule", title="falling rate", put_in=False, value="constant"),
    ]
    found = compare_trials(variants, trials, ACCURACY, 0)
    assert [round(each.difference.point, 3) for each in found] == [0.2, 0.13, -0.15, 0.0]
    assert [each.verdict for each in found] == ["helps", "helps", "harms", "not_told_apart"]
    for each in found:
        assert each.difference.p is not None
        assert each.p_holm >= each.difference.p
        assert each.difference.low <= each.difference.point <= each.difference.high
        assert each.deviation is None
    alone = compare_trials(variants[:1], trials, ACCURACY, 0)
    assert alone[0].difference.low > found[0].difference.low  # of one strategy the interval is narrower


def test_the_parts_of_all_folds_are_scored_together_and_the_spread_over_folds_stands_beside_it() -> None:
    place = np.arange(100)
    trials = {
        AS_IT_IS: Trial([scored(place < 80), scored(place < 84)], [0.8, 0.84], 1.0),
        "l2_sp": Trial([scored(place < 82), scored(place < 82)], [0.82, 0.82], 1.0),
    }
    (found,) = compare_trials([Variant(field="l2_sp", title="L2-SP", put_in=True, value=10.0)], trials, ACCURACY, 0)
    assert found.score == pytest.approx(0.82)
    assert found.difference.point == pytest.approx(0.0)
    assert found.deviation == pytest.approx(np.std([0.02, -0.02], ddof=1))


def test_each_row_that_is_not_sealed_is_scored_once_by_who_neither_learned_nor_validated_by_it(
    planned: RunFolder,
) -> None:
    journal = Journal(planned.path / "log.jsonl")
    workshop = open_workshop(load_record(Plan, planned.path / "plan.json"), planned.path, journal)
    parts = make_folds(workshop, 3)
    open_rows = workshop.data.on("train", "validation")
    assert Counter(row for part in parts for row in part.held_out.ids) == Counter(open_rows.ids)
    for part in parts:
        sides = [set(rows.ids) for rows in (part.train, part.validation, part.held_out)]
        assert not any(one & other for one, other in itertools.combinations(sides, 2))
        assert set.union(*sides) == set(open_rows.ids)
        assert set(part.train.answers) == set(tiny.CLASSES)


def test_the_table_names_the_setting_that_would_be_better(capsys: pytest.CaptureFixture[str]) -> None:
    place = np.arange(200)
    trials = {
        AS_IT_IS: Trial([scored(place < 120)], [0.6], 1.0),
        "l2_sp": Trial([scored(place < 180)], [0.9], 1.0),
        "schedule": Trial([scored(place < 60)], [0.3], 1.0),
    }
    variants = [
        Variant(field="l2_sp", title="L2-SP", put_in=True, value=10.0),
        Variant(field="schedule", title="falling rate", put_in=False, value="constant"),
    ]
    found = Ablation(
        rows=200,
        train_rows=800,
        folds=2,
        score=0.6,
        contributions=compare_trials(variants, trials, ACCURACY, 0),
        metric_facts=ACCURACY.facts,
        seconds=90.0,
    )
    Terminal(width=160).show_ablation(found)
    shown = " ".join(capsys.readouterr().out.split())
    assert "L2-SP with: 10.0 0.900 +30.0" in shown
    assert "L2-SP: `l2_sp = 10.0` under [training] would be better here." in shown
    assert "falling rate: leave it as it is." in shown
    assert "6 trainings on about 800 rows each in 1 min 30 s." in shown
    assert "sealed rows were not answered" in shown
    assert ablation_blocks(found)
