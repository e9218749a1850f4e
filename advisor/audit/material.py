"""What a check of the data looks at, and what it says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from advisor.audit.counts import conflicting_positions, rows_per_class, unsealed_positions, usable_positions
from advisor.audit.noise import Noise, look_for_noise
from advisor.records import Answers, Candidate
from advisor.rule_records import Rules
from pipeline.data.dataset import Dataset
from pipeline.data.personal_data import Names, mask
from pipeline.embeddings import Embedder
from pipeline.findings import Found
from pipeline.preparation import as_one_text
from pipeline.task import Rows, Task

MOST_ROWS = 20_000
"""Rows that checks look at which cost more than a count; beyond it a seeded sample."""
EXAMPLES = 3
LONGEST_EXAMPLE = 120
"""Characters of a text that an example shows."""


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
        annotations: What each annotator said, by the annotator's column and the place of the row.
        names: Finds names of people, or None where no model for them was named.
    """

    data: Dataset
    task: Task
    answers: Answers
    rules: Rules
    candidates: Sequence[Candidate]
    embedder: Callable[[], Embedder | None]
    annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    names: Names | None = None

    @cached_property
    def positions(self) -> list[int]:
        """Positions of the rows that are looked at: none that is sealed, at most `MOST_ROWS`, in the order of the file."""
        unsealed = unsealed_positions(self.data)
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

    @cached_property
    def conflicts(self) -> list[int]:
        """Positions of rows whose text also stands with another answer."""
        return conflicting_positions(self.data)

    @cached_property
    def classes(self) -> dict[str, int]:
        """Usable rows for each kind of answer."""
        return rows_per_class(self.data, self.task, usable_positions(self.data, self.task))

    @cached_property
    def noise(self) -> Noise | None:
        """What held-out answers say of the labels; None where they cannot tell."""
        return look_for_noise(self.data, self.task, self.embedder(), self.answers.seed)

    def examples(self, positions: Sequence[int]) -> list[str]:
        """The first rows of these that are not sealed: where each stands, and how its text begins."""
        shown = (position for position in positions if self.data.sides[position] != "test")
        return [self.example(position) for position, _ in zip(shown, range(EXAMPLES), strict=False)]

    def shown(self, places: Sequence[int]) -> list[str]:
        """The first rows of these places among `rows`."""
        return self.examples([self.positions[place] for place in places[:EXAMPLES]])

    def example(self, position: int) -> str:
        """Where a row stands, and how its text begins, personal data masked.

        Raises:
            AssertionError: The row is sealed.
        """
        return f"{self.data.place(position)}: {self.beginning(position)}"

    def beginning(self, position: int) -> str:
        """How the text of a row begins, personal data masked.

        Raises:
            AssertionError: The row is sealed.
        """
        assert self.data.sides[position] != "test", "test rows are sealed"
        return mask(as_one_text(self.data.rows.inputs[position]), self.names)[:LONGEST_EXAMPLE]


__all__ = ["Check", "Found", "Material"]
Check = Callable[[Material], list[Found]]
