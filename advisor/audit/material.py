"""What a check of the data looks at, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from advisor.records import Answers, Candidate
from advisor.rule_records import Rules
from pipeline.data.dataset import Dataset
from pipeline.embeddings import Embedder
from pipeline.preparation import as_one_text
from pipeline.task import Rows, Task

MOST_ROWS = 20_000
"""Rows that checks look at which cost more than a count; beyond it a seeded sample."""


@dataclass(frozen=True)
class Found:
    """What a check found, before `rules/audit.toml` puts it into words.

    Attributes:
        code: Its entry in `rules/audit.toml`.
        count: Rows, classes or whatever the entry counts.
        of: How many were looked at.
        examples: Three at most, as the data has them; personal data already masked.
        values: What the entry's sentences name beside `{count}`, `{of}` and `{share}`.
    """

    code: str
    count: int
    of: int
    examples: Sequence[str] = ()
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Material:
    """What checks look at.

    Attributes:
        data: All rows with their sides. Texts of sealed rows may be hashed and compared, nothing more.
        task: Of these rows.
        answers: What the user said.
        rules: Thresholds and sentences.
        candidates: Models that are at hand.
        embedder: Frozen features of the first of them, or None when none is; made when first asked for.
    """

    data: Dataset
    task: Task
    answers: Answers
    rules: Rules
    candidates: Sequence[Candidate]
    embedder: Callable[[], Embedder | None]

    @cached_property
    def positions(self) -> list[int]:
        """Positions of the rows that are looked at: none that is sealed, at most `MOST_ROWS`, in the order of the file."""
        unsealed = self.data.positions("train", "validation", "reserve", "left_out")
        if len(unsealed) <= MOST_ROWS:
            return unsealed
        drawn = np.random.default_rng(self.answers.seed).permutation(len(unsealed))[:MOST_ROWS]
        return [unsealed[place] for place in sorted(drawn)]

    @cached_property
    def rows(self) -> Rows:
        """The rows at `positions`."""
        return self.data.rows.take(self.positions)

    @cached_property
    def texts(self) -> list[str]:
        """Their texts, those of a pair joined."""
        return [as_one_text(given) for given in self.rows.inputs]


Check = Callable[[Material], list[Found]]
