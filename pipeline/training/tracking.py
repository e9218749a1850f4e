"""Where TensorBoard, trackio or mlflow write what `Trainer` reports to them: into the run folder, and nowhere else by themselves."""

import os
from collections.abc import Sequence
from pathlib import Path

KEPT = "tracking"
"""Folder of a run that holds what they write."""


def track(names: Sequence[str], folder: Path | None) -> list[str]:
    """Tell trackers to write into a folder, unless the environment tells them otherwise, and to send nothing of their own.

    Returns:
        What `Trainer` shall report to; nothing without a folder, as in a pilot.
    """
    if folder is None or not names:
        return []
    folder.mkdir(parents=True, exist_ok=True)
    places = {
        "TRACKIO_DIR": str(folder / "trackio"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    for name, value in places.items():
        os.environ.setdefault(name, value)
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    return list(names)
