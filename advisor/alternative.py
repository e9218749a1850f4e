"""The best cheap way, saved ready to use: no user leaves with nothing."""

import shutil
from pathlib import Path

from safetensors import SafetensorError

from advisor.errors import RunFolderError
from pipeline.embeddings import Embedder
from pipeline.models import locate
from pipeline.records import Document, ModelSource, TextPreparation
from pipeline.storage import load_record, save_record, storage_error
from pipeline.task import Predict, RivalSetting, Rows, Task, load_task

MOST_KNOWN = 1_000
"""Inputs whose features a saved way keeps in memory from one call to the next."""


class SavedWay(Document):
    """Which cheap way was saved, and what it reads."""

    name: str
    task: str
    options: dict[str, str]
    classes: list[str]
    columns: dict[str, str | list[str]]
    model: ModelSource
    preparation: TextPreparation


def save_alternative(
    folder: Path,
    name: str,
    task: Task,
    rows: Rows,
    setting: RivalSetting,
    columns: dict[str, str | list[str]],
    seed: int,
) -> None:
    """Fit a cheap way on all training rows and write it into `alternative/`.

    Raises:
        StorageError: The disk or the folder cannot take it.
    """
    target = folder / "alternative"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    way = task.fit_rival(name, setting)(rows, seed)
    try:
        way.save(target)
    except SafetensorError as error:
        raise storage_error(target, OSError(str(error))) from error
    description = SavedWay(
        name=name,
        task=task.key,
        options=dict(task.options),
        classes=list(setting.classes),
        columns=columns,
        model=setting.embedder.source,
        preparation=setting.embedder.preparation,
    )
    save_record(description, target / "way.json")


def load_alternative(folder: Path, at_hand: Embedder | None = None) -> tuple[SavedWay, Predict]:
    """Load the cheap way of a run.

    Args:
        folder: The run.
        at_hand: Features that were computed already; used where they are of the model that the way reads.

    Raises:
        RunFolderError: The run has none.
        ModelError: It reads features of a model that is not at hand.
    """
    target = folder / "alternative"
    if not (target / "way.json").is_file():
        raise RunFolderError(f"'{folder}' holds no cheap way yet.", f"Go on with the run: `advisor assess {folder}`.")
    way = load_record(SavedWay, target / "way.json")
    if at_hand is not None and (at_hand.source, at_hand.preparation) == (way.model, way.preparation):
        embedder: Embedder | None = at_hand
    else:
        path = locate(way.model, folder)
        embedder = Embedder(path, way.model, way.preparation, cache=None) if path is not None else None
        if embedder is not None:
            embedder.most_known = MOST_KNOWN
    return way, load_task(way.task, way.options).load_rival(target, embedder)
