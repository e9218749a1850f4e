"""Chooses how to train, from `rules/strategies.toml`, with the reason for each choice. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from advisor.errors import AnswersError
from advisor.rule_records import StrategyBand, StrategyReason, StrategyRules, StrategyValue
from pipeline.records import Recipe
from pipeline.sentences import fill

SET_BY_YOU = "Set by you."
SMALL_PARAMETERS, BASE_PARAMETERS = 60_000_000, 200_000_000
Reader = Literal["newcomer", "usual", "expert"]
"""Who reads the reasons."""


@dataclass(frozen=True)
class TrainingCircumstances:
    """What a recipe follows from.

    Attributes:
        train_rows: Rows to train on.
        parameters: Of the model.
        imbalance: Largest class over smallest; None without classes.
        starts_from_probe: Whether the task's model reads as the probe does.
        memory_bytes: That the run may take; None where it is not known.
        row_tokens: Of a typical row; None where it is not known.
        efficient_tokens: Fewest tokens with which a step reads nearly as fast as with many on this machine; None where it is not known.
        epoch_seconds: Of one pass over the rows by the machine's arithmetic; None where it is not known.
        budget_seconds: That the whole run may take.
        has_lora: Whether the package of LoRA is there.
        bfloat16: Where products in bfloat16 are computed; None for nowhere.
        reader: Who reads the reasons; who is new to it gets nothing unusual that was not asked for.
    """

    train_rows: int
    parameters: int
    imbalance: float | None
    starts_from_probe: bool = True
    memory_bytes: float | None = None
    row_tokens: float | None = None
    efficient_tokens: int | None = None
    epoch_seconds: float | None = None
    budget_seconds: float = float("inf")
    has_lora: bool = False
    bfloat16: Literal["processor", "accelerator"] | None = None
    reader: Reader = "usual"


def choose_recipe(
    rules: StrategyRules,
    own: Mapping[str, StrategyValue],
    around: TrainingCircumstances,
    said: Mapping[str, Any] | None = None,
) -> Recipe:
    """The recipe for these circumstances.

    Args:
        rules: Of all tasks.
        own: Values of this task that stand in for them.
        around: Rows, model and classes.
        said: What the user said of it, by field; it stands in for everything else.

    Raises:
        AnswersError: What the user said does not go with the rest.
    """
    usual = {**_choose(rules, around), **own}
    special = _for_memory(rules, around, usual, said or {}) | _for_time(rules, around, usual)
    if around.reader == "newcomer":
        special = {name: value for name, value in special.items() if name not in rules.newcomers.without}
    chosen = usual | special
    values = {name: value.value for name, value in chosen.items()}
    because = {name: _explain(name, value, around.reader) for name, value in chosen.items() if value.because}
    sources = {name: value.source for name, value in chosen.items() if value.because}
    for name, value in (said or {}).items():
        values[name], because[name], sources[name] = value, SET_BY_YOU, "your answers"
    try:
        return Recipe.model_validate({**values, "because": because, "sources": sources})
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise AnswersError(
            f"[training] does not go with the rest of the recipe: {fault}.",
            f"Give batch_size too; it is {values['batch_size']} here."
            if "batch" in fault
            else "Leave one of them out.",
        ) from error


def _explain(name: str, value: StrategyValue, reader: Reader) -> str:
    """The reason as this reader wants it: in full sentences, or in short with what the setting is called."""
    if reader == "newcomer":
        return f"{value.because} {value.plainly}".rstrip()
    return f"`{name}`: {value.in_short or value.because}" if reader == "expert" else value.because


def _filled(rule: StrategyValue, slots: Mapping[str, str], **changes: Any) -> StrategyValue:
    """A value whose reasons tell what was measured, for every reader."""
    reasons = {name: fill(getattr(rule, name), **slots) for name in StrategyReason.model_fields}
    return rule.model_copy(update={**reasons, **changes})


def _choose(rules: StrategyRules, around: TrainingCircumstances) -> dict[str, StrategyValue]:
    """For each field the value that the rules give it; without a reason where another field tells it."""
    values, rows, imbalance = rules.values, around.train_rows, around.imbalance
    band = max((band for band in rules.sizes if band.at_least_rows <= rows), key=lambda band: band.at_least_rows)
    parameters = around.parameters
    size = "small" if parameters < SMALL_PARAMETERS else "base" if parameters < BASE_PARAMETERS else "large"
    weigh = values["imbalance_for_weights"]
    reasons = band.model_dump(include=set(StrategyReason.model_fields))
    weights = StrategyValue(value="none", because="", source=weigh.source)
    if imbalance is not None and imbalance > float(str(weigh.value)):
        weights = _filled(weigh, {"value": f"{imbalance:.1f}"}, value="balanced")
    by_itself = {name: value for name, value in values.items() if name in Recipe.model_fields and name != "strategy"}
    if around.bfloat16 is not None:
        by_itself["precision"] = _filled(values["precision_with_bfloat16"], {"value": around.bfloat16})

    batch_size = _for_throughput(rules, around, band) or StrategyValue(
        value=band.batch_size, because="", source=band.source
    )
    return {
        "strategy": values["strategy" if around.starts_from_probe else "strategy_for_pairs"],
        "learning_rate": values[f"learning_rate_{size}"],
        "batch_size": batch_size,
        "epochs": StrategyValue(value=band.epochs, source=band.source, **reasons),
        "early_stopping_epochs": StrategyValue(value=band.early_stopping_epochs, because="", source=band.source),
        "class_weights": weights,
        **by_itself,
    }


def _for_throughput(rules: StrategyRules, around: TrainingCircumstances, band: StrategyBand) -> StrategyValue | None:
    """Larger batches where rows are short: as long as this machine reads faster for it, and steps enough are left to learn in."""
    if not around.row_tokens or not around.efficient_tokens:
        return None
    largest, fewest = rules.values["batch_size_for_throughput"], rules.values["steps_for_larger_batches"]
    rows = band.batch_size
    while (
        2 * rows <= int(str(largest.value))
        and rows * around.row_tokens < around.efficient_tokens
        and band.epochs * around.train_rows >= int(str(fewest.value)) * 2 * rows
    ):
        rows *= 2
    if rows == band.batch_size:
        return None
    slots = {"value": str(rows), "row": f"{around.row_tokens:.0f}", "tokens": str(around.efficient_tokens)}
    return _filled(largest, slots, value=rows)


def _for_memory(
    rules: StrategyRules,
    around: TrainingCircumstances,
    chosen: Mapping[str, StrategyValue],
    said: Mapping[str, Any],
) -> dict[str, StrategyValue]:
    """What saves memory, where all weights with slopes and moments would fill too much of it."""
    rule, share = rules.values["bytes_a_parameter"], rules.values["memory_for_weights"]
    need = float(str(rule.value)) * around.parameters
    if around.memory_bytes is None or need <= float(str(share.value)) * around.memory_bytes:
        return {}
    told = _filled(share, {"need": f"{need / 1e9:.1f} GB", "memory": f"{around.memory_bytes / 1e9:.1f} GB"})
    rows, parts = int(str(said.get("batch_size", chosen["batch_size"].value))), 4
    found: dict[str, bool | int] = {"gradient_checkpointing": True}
    if rows % parts == 0:
        found["accumulation_steps"] = parts
    if around.has_lora and not (said.get("l1") or said.get("reinitialised_layers")):
        found["lora_rank"] = int(str(rules.values["lora_where_memory_is_short"].value))
    return {name: _filled(told, {}, value=value, source=rule.source) for name, value in found.items()}


def _for_time(
    rules: StrategyRules, around: TrainingCircumstances, chosen: Mapping[str, StrategyValue]
) -> dict[str, StrategyValue]:
    """Fewer epochs, where those of the size would take too much of the time."""
    if not around.epoch_seconds:
        return {}
    rule, usual = rules.values["time_for_epochs"], int(str(chosen["epochs"].value))
    fitting = int(min(float(str(rule.value)) * around.budget_seconds / around.epoch_seconds, usual))
    if fitting >= usual:
        return {}
    slots = {"usual": str(usual), "value": f"{around.epoch_seconds / 60:.0f}"}
    return {"epochs": _filled(rule, slots, value=max(fitting, 1))}
