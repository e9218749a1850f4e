"""Chooses how to train, from `rules/strategies.toml`, with the reason for each choice. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from advisor.rule_records import StrategyRules, StrategyValue
from pipeline.records import Recipe

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


def choose_recipe(rules: StrategyRules, own: Mapping[str, StrategyValue], around: TrainingCircumstances) -> Recipe:
    """The recipe for these circumstances.

    Args:
        rules: Of all tasks.
        own: Values of this task that stand in for them.
        around: Rows, model and classes.
    """
    recipe = _choose(rules, around)
    values = recipe.model_dump() | {name: value.value for name, value in own.items()}
    values["because"] |= {name: value.because for name, value in own.items()}
    values["sources"] |= {name: value.source for name, value in own.items()}
    return Recipe.model_validate(values)


def _choose(rules: StrategyRules, around: TrainingCircumstances) -> Recipe:
    values, rows, imbalance = rules.values, around.train_rows, around.imbalance
    band = max((band for band in rules.sizes if band.at_least_rows <= rows), key=lambda band: band.at_least_rows)
    parameters = around.parameters
    size = "small" if parameters < SMALL_PARAMETERS else "base" if parameters < BASE_PARAMETERS else "large"
    strategy = values["strategy" if around.starts_from_probe else "strategy_for_pairs"]
    rate = values[f"learning_rate_{size}"]
    weigh = values["imbalance_for_weights"]
    uneven = imbalance is not None and imbalance > float(weigh.value)
    because = {
        "strategy": strategy.because,
        "learning_rate": rate.because,
        "epochs": band.because,
        "warmup_fraction": values["warmup_fraction"].because,
        "weight_decay": values["weight_decay"].because,
    }
    sources = {
        "strategy": strategy.source,
        "learning_rate": rate.source,
        "epochs": band.source,
        "warmup_fraction": values["warmup_fraction"].source,
        "weight_decay": values["weight_decay"].source,
    }
    if uneven:
        because["class_weights"] = weigh.because.replace("{value}", f"{imbalance:.1f}")
        sources["class_weights"] = weigh.source
    return Recipe(
        strategy="probe_then_fine_tune" if strategy.value == "probe_then_fine_tune" else "fine_tune",
        learning_rate=float(rate.value),
        batch_size=band.batch_size,
        epochs=band.epochs,
        warmup_fraction=float(values["warmup_fraction"].value),
        weight_decay=float(values["weight_decay"].value),
        early_stopping_epochs=band.early_stopping_epochs,
        class_weights="balanced" if uneven else "none",
        because=because,
        sources=sources,
    )
