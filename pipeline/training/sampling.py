"""The order in which rows are learned: batches of like length, so that little is padded, in an order that is random.

The order of an epoch follows from the seed and the number of the epoch alone, whatever was drawn before.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

LENGTH_NOISE = 0.1
"""Rows whose lengths differ by less than about this share, or by one token, meet in other batches each epoch; set by us."""


class LikeLengths(Sampler[int]):
    """Rows one after the other, so that each `batch_size` of them, from the first on, are of like length.

    Args:
        lengths: Tokens of each row.
        batch_size: Rows of a step.
        seed: Of the order.
    """

    def __init__(self, lengths: Sequence[int], batch_size: int, seed: int) -> None:
        self.lengths, self.batch_size, self.seed = np.asarray(lengths, dtype=float), batch_size, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        """The rows of an epoch; within a step the longest come first, and what fills no step comes last."""
        draw = np.random.default_rng((self.seed, self.epoch))
        rows = draw.permutation(len(self.lengths))
        whole = len(rows) - len(rows) % self.batch_size
        rest = rows[whole:]
        noise = draw.uniform(0.0, 1.0, whole) * np.maximum(LENGTH_NOISE * self.lengths[rows[:whole]], 1.0)
        by_length = rows[:whole][np.argsort(-(self.lengths[rows[:whole]] + noise), kind="stable")]
        batches = by_length.reshape(-1, self.batch_size)
        for batch in [*batches[draw.permutation(len(batches))], rest]:
            yield from batch[np.argsort(-self.lengths[batch], kind="stable")].tolist()

    def set_epoch(self, epoch: int) -> None:
        """Which epoch comes next; `Trainer` tells."""
        self.epoch = epoch
