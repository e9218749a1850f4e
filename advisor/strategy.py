"""Chooses how to train, from `rules/strategies.toml`, with the reason for each choice. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from advisor.errors import AnswersError
from advisor.rule_records import StrategyRules, StrategyValue
from pipeline.records import Recipe

SET_BY_YOU = "Set by you."
SMALL_PARAMETERS, BASE_PARAMETERS = 60_000_000, 200_000_000


@dataclass(frozen=True)
class TrainingCircumstances:
    """What a recipe follows from.

    Attributes:
        train_rows: Rows to train on.
        parameters: Of the model.
        imbalance: Largest class over smallest; None without classes.
        starts_from_probe: Whether the task's model reads as the probe does.
    """

    train_rows: int
    parameters: int
    imbalance: float | None
    starts_from_probe: bool = True


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
    chosen = {**_choose(rules, around), **own}
    values = {name: value.value for name, value in chosen.items()}
    because = {name: value.because for name, value in chosen.items() if value.because}
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


def _choose(rules: StrategyRules, around: TrainingCircumstances) -> dict[str, StrategyValue]:
    """For each field the value that the rules give it; without a reason where another field tells it."""
    values, rows, imbalance = rules.values, around.train_rows, around.imbalance
    band = max((band for band in rules.sizes if band.at_least_rows <= rows), key=lambda band: band.at_least_rows)
    parameters = around.parameters
    size = "small" if parameters < SMALL_PARAMETERS else "base" if parameters < BASE_PARAMETERS else "large"
    weigh = values["imbalance_for_weights"]
    uneven = imbalance is not None and imbalance > float(weigh.value)
    weighed = weigh.because.replace("{value}", f"{imbalance:.1f}") if uneven else ""

    def of_size(value: int, because: str = "") -> StrategyValue:
        return StrategyValue(value=value, because=because, source=band.source)

    return {
        "strategy": values["strategy" if around.starts_from_probe else "strategy_for_pairs"],
        "learning_rate": values[f"learning_rate_{size}"],
        "batch_size": of_size(band.batch_size),
        "epochs": of_size(band.epochs, band.because),
        "early_stopping_epochs": of_size(band.early_stopping_epochs),
        "class_weights": StrategyValue(value="balanced" if uneven else "none", because=weighed, source=weigh.source),
        **{name: value for name, value in values.items() if name in Recipe.model_fields and name != "strategy"},
    }
