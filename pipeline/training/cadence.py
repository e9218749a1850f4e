"""How often validation rows are scored: after every epoch, more seldom where that costs much, more often where epochs are few."""

import math

MOST_SHARE = 0.25
"""Of the time that training takes, beyond which scoring is made rarer; set by us."""
FEWEST_SCORES = 4
"""In a run of at least so many epochs, however dear they are: early stopping and the choice of an epoch need some; set by us."""
MOST_SCORES, MOST_SHARE_WITHIN = 8, 0.15
"""Scores of a run, and share of the time that training takes, up to which epochs are scored in parts too; set by us."""
PARTS = (4, 2)
"""Into which an epoch may fall."""
FEWEST_STEPS = 40
"""Of a part: after fewer steps little has changed beside the noise of a score; set by us."""
FORWARD_SHARE = 1 / 3
"""Cost of reading a token over that of learning from it: the way back costs about twice the way forwards.

Source: https://arxiv.org/abs/2001.08361
"""


def epochs_between_scores(train_tokens: int, validation_tokens: int, epochs: int, steps: int) -> float:
    """Epochs from one score of the validation rows to the next: whole ones, a half or a quarter.

    Args:
        train_tokens: Padded, of an epoch.
        validation_tokens: Padded, of one score.
        epochs: Of the run.
        steps: Of an epoch.
    """
    share = FORWARD_SHARE * validation_tokens / max(train_tokens, 1)
    for parts in PARTS:
        if parts * epochs <= MOST_SCORES and parts * share <= MOST_SHARE_WITHIN and steps >= parts * FEWEST_STEPS:
            return 1 / parts
    return max(1, min(math.ceil(share / MOST_SHARE), epochs // FEWEST_SCORES))


def say_cadence(every: float) -> str:
    """What is told where validation rows are not scored after each epoch, or not only then."""
    if every < 1:
        return (
            f"Validation rows are scored {1 / every:.0f} times an epoch, so that a run of few epochs can stop early too "
            "and keep what is best within one."
        )
    return (
        f"Validation rows are scored after every {every:.0f} epochs and the last: after each one, scoring would take more than "
        f"{100 * MOST_SHARE:.0f} % of the time that training takes."
    )
