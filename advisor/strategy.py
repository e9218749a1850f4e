"""Chooses how to train, from `rules/strategies.toml`, with the reason for each choice. Pure."""

from advisor.rulebook import StrategyRules
from pipeline.records import Recipe

SMALL_PARAMETERS, BASE_PARAMETERS = 60_000_000, 200_000_000


def choose_recipe(rules: StrategyRules, train_rows: int, parameters: int, imbalance: float | None) -> Recipe:
    """The recipe for so many training rows, a model of this size, and classes this uneven."""
    values = rules.values
    band = max((band for band in rules.sizes if band.at_least_rows <= train_rows), key=lambda band: band.at_least_rows)
    size = "small" if parameters < SMALL_PARAMETERS else "base" if parameters < BASE_PARAMETERS else "large"
    rate = values[f"learning_rate_{size}"]
    weigh = values["imbalance_for_weights"]
    uneven = imbalance is not None and imbalance > float(weigh.value)
    because = {
        "strategy": values["strategy"].because,
        "learning_rate": rate.because,
        "epochs": band.because,
        "warmup_fraction": values["warmup_fraction"].because,
        "weight_decay": values["weight_decay"].because,
    }
    sources = {
        "strategy": values["strategy"].source,
        "learning_rate": rate.source,
        "epochs": band.source,
        "warmup_fraction": values["warmup_fraction"].source,
        "weight_decay": values["weight_decay"].source,
    }
    if uneven:
        because["class_weights"] = weigh.because.replace("{value}", f"{imbalance:.1f}")
        sources["class_weights"] = weigh.source
    return Recipe(
        strategy="probe_then_fine_tune" if values["strategy"].value == "probe_then_fine_tune" else "fine_tune",
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
