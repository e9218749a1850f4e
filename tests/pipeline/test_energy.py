"""Energy of the processors, by counters as Linux lays them out."""

import json
from pathlib import Path

import pytest

from pipeline import energy
from pipeline.energy import EnergyMeter
from pipeline.training.journal import Journal, read_log


def count(folder: Path, name: str, microjoules: int, most: int = 262_143_328_850) -> None:
    (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n", encoding="ascii")
    (folder / name / "max_energy_range_uj").write_text(f"{most}\n", encoding="ascii")


def test_joules_of_all_processors_add_up_and_their_parts_do_not_count_twice(tmp_path: Path) -> None:
    for name, start in (("intel-rapl:0", 5_000_000), ("intel-rapl:1", 0), ("intel-rapl:0:0", 7)):
        count(tmp_path, name, start)
    meter = EnergyMeter(tmp_path)
    assert meter.joules == 0
    count(tmp_path, "intel-rapl:0", 8_500_000)
    count(tmp_path, "intel-rapl:1", 1_000_000)
    count(tmp_path, "intel-rapl:0:0", 900_000_000)
    assert meter.joules == pytest.approx(4.5)
    count(tmp_path, "intel-rapl:1", 3_000_000)
    assert meter.joules == pytest.approx(6.5)


def test_a_counter_that_begins_again_goes_on(tmp_path: Path) -> None:
    count(tmp_path, "intel-rapl:0", 9_000_000, most=10_000_000)
    meter = EnergyMeter(tmp_path)
    count(tmp_path, "intel-rapl:0", 2_000_000, most=10_000_000)
    assert meter.joules == pytest.approx(3.0)


def test_a_machine_that_does_not_tell_has_no_joules(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path / "none").joules is None
    count(tmp_path, "intel-rapl:0", 1)
    meter = EnergyMeter(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("?", encoding="ascii")
    assert meter.joules is None
    assert EnergyMeter(tmp_path).joules is None


def test_the_log_of_a_run_carries_joules_over_its_sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count(tmp_path, "intel-rapl:0", 0)
    monkeypatch.setattr(energy.EnergyMeter.__init__, "__defaults__", (tmp_path,))
    log = tmp_path / "log.jsonl"
    first = Journal(log)
    count(tmp_path, "intel-rapl:0", 4_000_000)
    first.write("reading")
    count(tmp_path, "intel-rapl:0", 50_000_000)  # while nothing runs
    second = Journal(log)
    count(tmp_path, "intel-rapl:0", 52_000_000)
    second.write("reading")
    assert [line["joules"] for line in read_log(log)] == [4.0, 6.0]
    assert second.joules == pytest.approx(6.0)


def test_what_an_earlier_session_did_not_tell_is_not_made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"event": "reading", "wall_seconds": 1.0, "cpu_seconds": 1.0}) + "\n", encoding="utf-8")
    count(tmp_path, "intel-rapl:0", 0)
    monkeypatch.setattr(energy.EnergyMeter.__init__, "__defaults__", (tmp_path,))
    assert Journal(log).joules is None
