"""How often validation rows are scored: after every epoch, or more seldom where that would cost much beside the training itself."""

import math

MOST_SHARE = 0.25
"""Of the time that training takes, beyond which scoring is made rarer; set by us."""
FEWEST_SCORES = 4
"""In a run of at least so many epochs, however dear they are: early stopping and the choice of an epoch need some; set by us."""
FORWARD_SHARE = 1 / 3
"""Cost of reading a token over that of learning from it: the way back costs about twice the way forwards.

Source: https://arxiv.org/abs/2001.08361
"""


def epochs_between_scores(train_tokens: int, validation_tokens: int, epochs: int) -> int:
    """After how many epochs validation rows are scored each time."""
    share = FORWARD_SHARE * validation_tokens / max(train_tokens, 1)
    return max(1, min(math.ceil(share / MOST_SHARE), epochs // FEWEST_SCORES))


def say_cadence(every: int) -> str:
    """What is told where not every epoch is scored."""
    return (
        f"Validation rows are scored after every {every} epochs and the last: after each one, scoring would take more than "
        f"{100 * MOST_SHARE:.0f} % of the time that training takes."
    )
