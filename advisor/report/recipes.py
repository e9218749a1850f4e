"""What both reports say of how a model is trained: each choice with its reason, and what is left out."""

from dataclasses import dataclass
from typing import Any

from advisor.report.wording import say_name, say_title
from pipeline.records import Recipe

TITLES = {"l1": "L1", "lora_rank": "LoRA, rank", "l2_sp": "L2-SP", "weight_decay": "Weight decay (L2)"}


@dataclass(frozen=True)
class Choice:
    """One value of a recipe."""

    what: str
    value: str
    because: str
    source: str


def choices(recipe: Recipe) -> list[Choice]:
    """What is used, in the order of the recipe."""
    return [
        Choice(_title(name), _say(getattr(recipe, name)), recipe.because.get(name, ""), recipe.sources.get(name, ""))
        for name in _fields()
        if _is_used(recipe, name)
    ]


def left_out(recipe: Recipe) -> list[Choice]:
    """What could be used and is not, with what it would do."""
    return [
        Choice(_title(name), "", recipe.because[name], recipe.sources[name])
        for name in _fields()
        if not _is_used(recipe, name) and name in recipe.because
    ]


def _fields() -> list[str]:
    return [name for name in Recipe.model_fields if name not in ("because", "sources")]


def _is_used(recipe: Recipe, name: str) -> bool:
    """Whether a value is more than the way to leave something out, or the user's own."""
    off = Recipe.model_fields[name].default
    return getattr(recipe, name) != off or name == "schedule" or recipe.sources.get(name) == "your answers"


def _title(name: str) -> str:
    return TITLES.get(name, say_title(name))


def _say(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "nothing"
    return f"{value:g}" if isinstance(value, int | float) else say_name(str(value))
