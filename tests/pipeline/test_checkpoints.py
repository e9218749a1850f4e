"""Which checkpoint is trusted, whatever a crash or a bad disk made of the others."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.training.checkpoints import SEAL, STATE, WEIGHTS, checkpoint_of, discard_newest, find_checkpoint, seal


def write(folder: Path, step: int, best: int | None = None) -> Path:
    """A sealed checkpoint."""
    checkpoint = checkpoint_of(folder, step)
    checkpoint.mkdir()
    (checkpoint / STATE).write_text(json.dumps({"global_step": step, "best_global_step": best}), encoding="utf-8")
    (checkpoint / WEIGHTS).write_bytes(bytes(range(256)) * 40)
    (checkpoint / "optimizer.pt").write_bytes(bytes(range(256)) * 80)
    seal(checkpoint)
    return checkpoint


def truncate(checkpoint: Path) -> None:
    path = checkpoint / "optimizer.pt"
    path.write_bytes(path.read_bytes()[:1000])


def flip_a_bit(checkpoint: Path) -> None:
    path = checkpoint / WEIGHTS
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)


def lose_a_file(checkpoint: Path) -> None:
    (checkpoint / WEIGHTS).unlink()


def stop_before_the_seal(checkpoint: Path) -> None:
    (checkpoint / SEAL).unlink()


def cut_the_seal(checkpoint: Path) -> None:
    (checkpoint / SEAL).write_text('{"model.safe', encoding="utf-8")


def cut_the_state(checkpoint: Path) -> None:
    (checkpoint / STATE).write_text('{"global_step": 2', encoding="utf-8")


def test_without_checkpoints_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    found = find_checkpoint(tmp_path / "none")
    assert (found.checkpoint, found.step, found.damaged) == (None, 0, {})


def test_the_newest_is_newest_by_number_and_not_by_name(tmp_path: Path) -> None:
    for step in (9, 100, 26):
        write(tmp_path, step)
    assert find_checkpoint(tmp_path).checkpoint == checkpoint_of(tmp_path, 100)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (truncate, "optimizer.pt is not as it was written"),
        (flip_a_bit, "model.safetensors is not as it was written"),
        (lose_a_file, "model.safetensors is not as it was written"),
        (stop_before_the_seal, "not all was written"),
        (cut_the_seal, "seal.json cannot be read"),
        (cut_the_state, "trainer_state.json is not as it was written"),
    ],
)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    damage: Callable[[Path], None], fault: str, tmp_path: Path
) -> None:
    write(tmp_path, 13)
    damage(write(tmp_path, 26))
    found = find_checkpoint(tmp_path)
    assert (found.checkpoint, found.step, found.damaged) == (checkpoint_of(tmp_path, 13), 13, {26: fault})
    assert not checkpoint_of(tmp_path, 26).exists()


def test_a_checkpoint_whose_best_one_is_damaged_cannot_be_used_either(tmp_path: Path) -> None:
    write(tmp_path, 13, best=13)
    flip_a_bit(write(tmp_path, 26, best=26))
    write(tmp_path, 39, best=26)
    found = find_checkpoint(tmp_path)
    assert found.step == 13
    assert list(found.damaged) == [39, 26]
    assert found.damaged[39] == "it needs checkpoint 26, of which model.safetensors is not as it was written"


def test_the_newest_checkpoint_can_be_discarded(tmp_path: Path) -> None:
    write(tmp_path, 9)
    write(tmp_path, 10)
    discard_newest(tmp_path)
    assert find_checkpoint(tmp_path).step == 9
    discard_newest(tmp_path / "none")
