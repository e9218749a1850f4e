"""Checkpoints that can be trusted: each is sealed with its checksums once it is whole, and checked before it is used."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.storage import save_text

SEAL = "seal.json"
"""Written last: for every file of the checkpoint its size and SHA-256."""
STATE = "trainer_state.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class Search:
    """What there is to go on from.

    Attributes:
        checkpoint: The newest good checkpoint, if any.
        damaged: For each newer one that is not, its step and what is wrong with it.
    """

    checkpoint: Path | None
    damaged: dict[int, str]

    @property
    def step(self) -> int:
        """Where training goes on."""
        return 0 if self.checkpoint is None else step_of(self.checkpoint)


def checkpoint_of(folder: Path, step: int) -> Path:
    """Where the checkpoint of a step is."""
    return folder / f"checkpoint-{step}"


def step_of(checkpoint: Path) -> int:
    """The step that a checkpoint was written at."""
    return int(checkpoint.name.rpartition("-")[2])


def seal(checkpoint: Path) -> None:
    """Note what a checkpoint holds, now that it is whole.

    Raises:
        StorageError: The disk cannot take it.
    """
    files = {path.name: _fingerprint(path) for path in sorted(checkpoint.iterdir()) if path.name != SEAL}
    save_text(json.dumps(files, indent=1), checkpoint / SEAL)


def find_checkpoint(folder: Path) -> Search:
    """The newest checkpoint that is whole and as it was written, and whose best one is too; newer ones are removed.

    They would be written again in the same place, and hold nothing that can be used.
    """
    damaged: dict[int, str] = {}
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of, reverse=True):
        fault = _fault(checkpoint)
        if fault is None:
            return Search(checkpoint, damaged)
        damaged[step_of(checkpoint)] = fault
        shutil.rmtree(checkpoint)
    return Search(None, damaged)


def discard_newest(folder: Path) -> None:
    """Remove the newest checkpoint, from which training went astray."""
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step_of)[-1:]:
        shutil.rmtree(checkpoint)


def discard_all(folder: Path) -> None:
    """Remove every checkpoint, none of which can be gone on from."""
    for checkpoint in folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def discard_unfinished(folder: Path, step: int) -> None:
    """Remove what was written of a checkpoint that could not be finished."""
    shutil.rmtree(checkpoint_of(folder, step), ignore_errors=True)


def read_state(checkpoint: Path) -> dict[str, Any]:
    """What `Trainer` noted beside the weights: steps, the best one, scores so far."""
    found: dict[str, Any] = json.loads((checkpoint / STATE).read_text(encoding="utf-8"))
    return found


def _fault(checkpoint: Path) -> str | None:
    """What is wrong with a checkpoint, or with the best one that it needs in the end."""
    fault = _own_fault(checkpoint)
    if fault is not None:
        return fault
    best = read_state(checkpoint).get("best_global_step")
    if not best or best == step_of(checkpoint):
        return None
    fault = _own_fault(checkpoint_of(checkpoint.parent, best))
    return None if fault is None else f"it needs checkpoint {best}, of which {fault}"


def _own_fault(checkpoint: Path) -> str | None:
    path = checkpoint / SEAL
    if not path.is_file():
        return "not all was written"
    try:
        files = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"{SEAL} cannot be read"
    wrong = [name for name, known in files.items() if _fingerprint(checkpoint / name) != known]
    return f"{wrong[0]} is not as it was written" if wrong else None


def _fingerprint(path: Path) -> list[Any]:
    """Size and SHA-256 of a file; empty when it cannot be read."""
    try:
        with path.open("rb") as file:
            return [os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()]
    except OSError:
        return []
