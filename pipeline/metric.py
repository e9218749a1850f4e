"""A score as a function of per-row statistics, so that a bootstrap costs a matrix product."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipeline.records import MetricFacts

if TYPE_CHECKING:
    from pipeline.task import Answer, Array, Predictions


@dataclass(frozen=True)
class Metric:
    """A score as a function of per-row statistics, so that a bootstrap costs a matrix product.

    Attributes:
        name: Its name in answers files.
        title: Its name for people.
        statistics: (truth, answers, classes) -> (rows, k).
        reduce: sums of statistics (…, k) -> scores (…).
        higher_is_better: Its direction.
        bounds: Lowest and highest value; infinite where there is none.
        unit: What one unit of it is: `points` for scores of which 1 is perfect, else that of the data.
        right_or_wrong: (truth, answers) -> (rows,) booleans where each row is right or wrong.
        is_proportion: Whether it is the share of rows that are right, one trial a row.
        reads: What its statistics are taken from: answers, or the probabilities (rows, classes) behind them.
    """

    name: str
    title: str
    statistics: "Callable[[Sequence[Answer], Any, Sequence[str]], Array]"
    reduce: "Callable[[Array], Array]"
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    unit: str = "points"
    right_or_wrong: "Callable[[Sequence[Answer], Sequence[Answer]], Array] | None" = None
    is_proportion: bool = False
    reads: Literal["answers", "probabilities"] = "answers"

    def __call__(self, truth: "Sequence[Answer]", answers: "Sequence[Answer] | Array", classes: Sequence[str]) -> float:
        """The score of answers against the truth."""
        return self.score(self.statistics(truth, answers, classes))

    def of(self, truth: "Sequence[Answer]", predictions: "Predictions", classes: Sequence[str]) -> "Array | None":
        """The statistics of predictions; None where they lack the probabilities that it reads."""
        read = predictions.answers if self.reads == "answers" else predictions.scores
        return None if read is None else self.statistics(truth, read, classes)

    def score(self, statistics: "Array") -> float:
        """The score of rows with these statistics (rows, k)."""
        return float(self.reduce(statistics.sum(axis=0)))

    def resample(self, statistics: "Array", weights: "Array") -> "Array":
        """Scores when each row counts so often.

        Shapes: `statistics` is (rows, k), `weights` is (resamples, rows), the result (resamples,).
        """
        return self.reduce(weights @ statistics)

    def leave_one_out(self, statistics: "Array") -> "Array":
        """Scores without each row in turn; (rows,)."""
        return self.reduce(statistics.sum(axis=0) - statistics)

    def gain(self, ours: float, theirs: float) -> float:
        """How much better ours is than theirs, positive when it is, whatever the direction."""
        return ours - theirs if self.higher_is_better else theirs - ours

    @property
    def best(self) -> float:
        """The score of perfect answers."""
        return self.bounds[1] if self.higher_is_better else self.bounds[0]

    @property
    def facts(self) -> MetricFacts:
        """What a reader of a score must know."""
        low, high = (None if abs(bound) == float("inf") else bound for bound in self.bounds)
        return MetricFacts(
            name=self.name,
            title=self.title,
            higher_is_better=self.higher_is_better,
            lowest=low,
            highest=high,
            unit=self.unit,
        )
