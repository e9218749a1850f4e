"""What a run does otherwise than planned so as not to be lost: one rung of a ladder after each setback, told and kept."""

from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.errors import RunFailed
from pipeline.extras import is_installed
from pipeline.memory import is_out_of_memory
from pipeline.records import Adjustment, Adjustments, Recipe, TextPreparation
from pipeline.storage import load_record, save_record
from pipeline.training.callbacks import Diverged, Report
from pipeline.training.lora import LADDER_RANK

SMALLER_RATE = 0.25
"""Factor of the learning rate after a loss that is no number; set by us."""
MOST_SMALLER_RATES = 2
FEWEST_TOKENS = 32
"""Texts are not cut shorter than this to save memory."""
OF_MEMORY = ("smaller_batches", "gradient_checkpointing", "lora", "shorter_texts")
"""Kinds that whatever is trained on the same machine next begins with."""
KEPT = "adjustments.json"


def load_adjustments(folder: Path) -> list[Adjustment]:
    """Those of earlier sessions."""
    path = folder / KEPT
    return list(load_record(Adjustments, path).adjustments) if path.is_file() else []


def keep_adjustment(adjustment: Adjustment, folder: Path, report: Report) -> None:
    """Tell of an adjustment, and keep it for sessions to come."""
    report("adjustment", **adjustment.model_dump())
    folder.mkdir(parents=True, exist_ok=True)
    save_record(Adjustments(adjustments=[*load_adjustments(folder), adjustment]), folder / KEPT)


def adjust(
    recipe: Recipe, preparation: TextPreparation, adjustments: Sequence[Adjustment]
) -> tuple[Recipe, TextPreparation]:
    """The recipe and the preparation as the adjustments make them."""
    for each in adjustments:
        if each.kind == "smaller_batches":
            recipe = recipe.model_copy(update={"accumulation_steps": int(each.value)})
        elif each.kind == "gradient_checkpointing":
            recipe = recipe.model_copy(update={"gradient_checkpointing": True})
        elif each.kind == "lora":
            recipe = recipe.model_copy(update={"lora_rank": int(each.value)})
        elif each.kind == "shorter_texts":
            preparation = preparation.model_copy(update={"max_tokens": int(each.value)})
        elif each.kind == "smaller_rate":
            recipe = recipe.model_copy(update={"learning_rate": each.value})
    return recipe, preparation


def answer_to(
    error: Exception,
    recipe: Recipe,
    preparation: TextPreparation,
    earlier: Sequence[Adjustment],
    longest: Callable[[], int],
) -> Adjustment:
    """The next rung after a setback.

    Args:
        error: What went wrong.
        recipe: As it is so far.
        preparation: As it is so far.
        earlier: What was adjusted already.
        longest: Gives the tokens of the longest row.

    Raises:
        RunFailed: There is no further rung.
        Exception: It is neither memory nor a number that is none.
    """
    if isinstance(error, Diverged):
        return _smaller_rate(error, recipe, earlier)
    if is_out_of_memory(error):
        return _less_memory(recipe, preparation, longest)
    raise error


def _smaller_rate(error: Diverged, recipe: Recipe, earlier: Sequence[Adjustment]) -> Adjustment:
    before = sum(each.kind == "smaller_rate" for each in earlier)
    if before == MOST_SMALLER_RATES:
        raise RunFailed(
            f"{error.what} at step {error.step}, and again with {before} smaller learning rates.",
            "Look for odd values in the rows, or assess again with another model or a far lower `learning_rate`.",
        ) from error
    rate = SMALLER_RATE * recipe.learning_rate
    return Adjustment(
        kind="smaller_rate",
        value=rate,
        because=f"{error.what} at step {error.step}: training goes back to the last good point, "
        f"with a learning rate of {rate:.2g} instead of {recipe.learning_rate:.2g}.",
    )


def _less_memory(recipe: Recipe, preparation: TextPreparation, longest: Callable[[], int]) -> Adjustment:
    parts = _next_parts(recipe)
    if parts is not None:
        rows = recipe.batch_size // parts
        return Adjustment(
            kind="smaller_batches",
            value=parts,
            because=f"Memory ran out while training: each batch of {recipe.batch_size} rows is now read in {parts} parts of "
            f"{rows}, which makes the same steps.",
        )
    if not recipe.gradient_checkpointing:
        return Adjustment(
            kind="gradient_checkpointing",
            value=1,
            because="Memory ran out with one row at a time: what layers compute is now computed twice instead of kept, "
            "which takes about a third more time.",
        )
    if _lora_can_help(recipe):
        return Adjustment(
            kind="lora",
            value=LADDER_RANK,
            because=f"Memory ran out all the same: the weights now stay as they are, and matrices of rank {LADDER_RANK} beside "
            "them learn (LoRA). Training starts again.",
        )
    tokens = min(preparation.max_tokens, longest())
    if tokens > FEWEST_TOKENS:
        shorter = max(tokens // 2, FEWEST_TOKENS)
        return Adjustment(
            kind="shorter_texts",
            value=shorter,
            because=f"Memory ran out all the same: texts are now cut after {shorter} tokens; the longest has {tokens}.",
        )
    raise RunFailed(
        f"Memory ran out while training on one row of {tokens} tokens at a time.",
        "Choose a smaller model, close other programs, then `advisor train` again.",
    )


def _lora_can_help(recipe: Recipe) -> bool:
    """Whether LoRA is not in use, goes with the rest of the recipe, and its package is there."""
    free = not (recipe.lora_rank or recipe.l1 or recipe.reinitialised_layers)
    return free and is_installed("peft")


def _next_parts(recipe: Recipe) -> int | None:
    """The next number of like parts that a batch can be read in."""
    most = range(2 * recipe.accumulation_steps, recipe.batch_size + 1)
    return next((parts for parts in most if recipe.batch_size % parts == 0), None)
