"""Who reads a recipe gets its reasons as they want them, and the machine has a say in how it computes."""

import pytest
import torch

from advisor.rule_records import StrategyReason
from advisor.rulebook import load_rules
from advisor.strategy import Reader, TrainingCircumstances, choose_recipe
from pipeline.errors import PlanError
from pipeline.precision import find_bfloat16, require_bfloat16
from pipeline.records import Recipe

RULES = load_rules().strategies
SHORT_OF_MEMORY = {"memory_bytes": 0.3e9, "has_lora": True}


def recipe(reader: Reader = "usual", **around: object) -> Recipe:
    given = {"train_rows": 1000, "parameters": 22_000_000, "imbalance": 4.0, **around}
    return choose_recipe(RULES, {}, TrainingCircumstances(**given, reader=reader))  # type: ignore[arg-type]


def test_who_is_new_to_it_reads_what_each_word_means_and_who_is_experienced_the_setting_and_little_more() -> None:
    plain, usual, short = (recipe(reader) for reader in ("newcomer", "usual", "expert"))
    assert set(plain.because) == set(usual.because) == set(short.because)
    for name, because in usual.because.items():
        assert plain.because[name].startswith(f"{because} ")
        assert short.because[name].startswith(f"`{name}`: ")
    lengths = [sum(map(len, each.because.values())) for each in (plain, usual, short)]
    assert lengths[0] > 1.3 * lengths[1] > 1.3 * 1.3 * lengths[2]
    assert "4.0 to 1" in short.because["class_weights"]
    assert {name: getattr(plain, name) for name in plain.because} == {
        name: getattr(short, name) for name in plain.because
    }


def test_every_reason_of_the_rules_is_there_for_every_reader() -> None:
    own = {"newcomer": "plainly", "expert": "in_short"}
    reasons: list[StrategyReason] = [
        *RULES.sizes,
        *(RULES.values[name] for name in recipe().because if name in RULES.values),
    ]
    for reason in reasons:
        assert all(getattr(reason, name) for name in own.values()), reason.because
        assert len(reason.in_short) < len(reason.because)


@pytest.mark.parametrize("reader", ["newcomer", "usual", "expert"])
def test_reasons_tell_what_was_measured_to_every_reader(reader: Reader) -> None:
    found = recipe(reader, **SHORT_OF_MEMORY, epoch_seconds=600.0, budget_seconds=1200.0)
    assert all("{" not in because for because in found.because.values())
    assert "0.4 GB" in found.because["gradient_checkpointing"]
    assert "10 min" in found.because["epochs"]


def test_who_is_new_to_it_gets_nothing_unusual_that_was_not_asked_for() -> None:
    assert [recipe(reader, **SHORT_OF_MEMORY).lora_rank for reader in ("newcomer", "usual", "expert")] == [0, 8, 8]
    assert recipe("newcomer", **SHORT_OF_MEMORY).gradient_checkpointing
    around = TrainingCircumstances(1000, 22_000_000, None, reader="newcomer", memory_bytes=0.3e9)
    assert choose_recipe(RULES, {}, around, {"lora_rank": 4}).lora_rank == 4


def test_a_machine_that_computes_in_bfloat16_is_measured_with_it() -> None:
    found = [recipe(bfloat16=unit).precision for unit in (None, "processor", "accelerator")]
    assert found == ["single", "where_faster", "where_faster"]
    assert "The accelerator of this machine" in recipe(bfloat16="accelerator").because["precision"]
    assert "The processor of this machine" in recipe(bfloat16="processor").because["precision"]
    around = TrainingCircumstances(1000, 22_000_000, None, bfloat16="accelerator")
    assert choose_recipe(RULES, {}, around, {"precision": "single"}).precision == "single"


def test_mixed_precision_is_refused_where_nothing_computes_in_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False)
    assert find_bfloat16() is None
    for precision in (None, "single", "where_faster"):
        require_bfloat16(precision)
    with pytest.raises(PlanError) as caught:
        require_bfloat16("mixed")
    assert "bfloat16" in caught.value.problem
    assert '"where_faster"' in caught.value.fix


@pytest.mark.parametrize(("supported", "expected"), [(True, "accelerator"), (False, None)])
def test_an_accelerator_counts_before_the_processor(
    supported: bool, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported)
    assert find_bfloat16() == expected
