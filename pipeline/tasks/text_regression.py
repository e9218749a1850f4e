"""One text or two in, a number out."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.data.roles import FEWEST_SCORES
from pipeline.data.values import as_number, as_text, is_missing
from pipeline.errors import DataError, PlanError
from pipeline.evaluation.metrics import named
from pipeline.evaluation.number_metrics import MAE, MSE, PEARSON, R2, RMSE, SPEARMAN
from pipeline.findings import Found
from pipeline.metric import Metric
from pipeline.preparation import as_one_text
from pipeline.results import ErrorAnalysis, ErrorCase, ErrorTable
from pipeline.task import Answer, Array, Fit, Input, Layout, Predictions, Role, Rows, Task, TrainingSetting
from pipeline.tasks.labels import (
    LONGEST_SHOWN,
    WORST_ROWS,
)
from pipeline.tasks.pooled import Fits, Loads, PooledTask, answered, at_hand, shown_input, unanswered
from pipeline.tasks.scores import (
    Number,
    always_mean,
    load_mean,
    numbers,
    refuse_words,
)
from pipeline.tasks.text_pair_classification import pair_similarity, read_pairs

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel

    from pipeline.embeddings import Embedder

FEW_SCORES = 10
"""Different scores up to which they could be classes, and errors are told for each."""
ROWS_TO_JUDGE_SCORES = 50
EXAMPLES = 3
NEAR = 0.05
"""Standard deviations of the truth below which a difference is none."""
PARTS = 5


@dataclass(frozen=True)
class ScaledSimilarity:
    """Answers with offset + slope × the similarity of both texts."""

    embedder: "Embedder"
    readout: Number
    slope: float
    offset: float

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        outputs = self.offset + self.slope * pair_similarity(self.embedder, rows.inputs)
        return self.readout.decode(rows.ids, outputs, ())

    def save(self, folder: Path) -> None:
        """Write slope and offset; the encoder itself stays where it is."""
        description = {"slope": self.slope, "offset": self.offset}
        (folder / "similarity.json").write_text(json.dumps(description), encoding="utf-8")


def scaled_similarity(embedder: "Embedder", readout: Number) -> Fit:
    """The fit of similarity: least squares from similarity to score."""

    def fit(rows: Rows, seed: int) -> ScaledSimilarity:
        del seed
        near, truth = pair_similarity(embedder, rows.inputs), numbers(rows.answers)
        apart = near - near.mean()
        slope = float(apart @ truth / max(apart @ apart, 1e-12))
        return ScaledSimilarity(embedder, readout, slope, float(truth.mean() - slope * near.mean()))

    return fit


class TextRegression(PooledTask):
    """One text or two in, a number out.

    Args:
        options: The ends of the scale, if any, and `texts`, which is `two` for pairs.
    """

    key = "text-regression"
    problem_type = "regression"
    beside: Mapping[str, Metric] = named(MSE)
    layouts = (
        Layout(
            "two texts and their score",
            (
                Role("text", "the first text", required_to_predict=True),
                Role("text_pair", "the second text", required_to_predict=True),
                Role("score", "the score of both, a number", required_to_predict=False),
            ),
        ),
        Layout(
            "a text and its score",
            (
                Role("text", "the text to be scored", required_to_predict=True),
                Role("score", "its score, a number", required_to_predict=False),
            ),
        ),
    )

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.options = dict(options or {})
        lowest, highest = (_end(self.options, key) for key in ("lowest", "highest"))
        if lowest is not None and highest is not None and lowest >= highest:
            raise PlanError(
                f"The scale of the scores ends below where it begins: lowest {lowest:g}, highest {highest:g}.",
                "Give a `lowest` that is below `highest` under [task_options].",
            )
        self._readout = Number(-np.inf if lowest is None else lowest, np.inf if highest is None else highest)
        self.pairs = self.options.get("texts") == "two"
        self.starts_from_probe = not self.pairs
        self.metrics: Mapping[str, Metric] = named(
            *((SPEARMAN, RMSE) if self.pairs else (RMSE, SPEARMAN)), MAE, R2, PEARSON
        )
        self.rivals = ("mean", "similarity", "tfidf", "probe") if self.pairs else ("mean", "tfidf", "probe")
        given = '{"text": "one", "text_pair": "the other"}' if self.pairs else '"a text"'
        self.usage = (
            'score = transformers.pipeline("text-classification", model="model", function_to_apply="none", truncation=True)\n'
            f"score({given})"
        )

    def configure(self, options: Mapping[str, str], columns: Mapping[str, Any]) -> "TextRegression":
        """For pairs where a second text is named; without columns as the options say that it was."""
        pairs = "text_pair" in columns if columns else options.get("texts") == "two"
        own = {key: value for key, value in options.items() if key != "texts"}
        return TextRegression(own | {"texts": "two"} if pairs else own)

    def readout(self, metric: Metric | None = None) -> Number:
        """Ridge regression."""
        del metric
        return self._readout

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Rows with a text or two and, when asked for, a score; rows without a score are left out.

        Raises:
            DataError: A column is missing, or cells of the score are not numbers.
        """
        from pipeline.data.reading import column

        if self.pairs:
            inputs = read_pairs(table, columns, file)
        else:
            inputs = [as_text(value) for value in column(table, columns["text"], file)]
        if not labelled:
            return unanswered(table, inputs)
        cells = list(column(table, columns["score"], file))
        refuse_words([str(place) for place in table.index], cells, columns["score"], file)
        return answered(table, inputs, [as_number(cell) for cell in cells])

    def check(self, rows: Rows, file: str) -> None:
        """Refuse fewer than three different scores.

        Raises:
            DataError: Names them.
        """
        found = sorted(set(numbers(rows.answers).tolist()))
        if not any(self._readout.lowest <= score <= self._readout.highest for score in found):
            raise DataError(
                f"No score of '{Path(file).name}' lies on the scale that was named; they go from {shown(found[0])} to {shown(found[-1])}.",
                "Mend `lowest` and `highest` under [task_options], or name another score column.",
            )
        if len(found) < FEWEST_SCORES:
            other = "text-pair-classification" if self.pairs else "text-classification"
            raise DataError(
                f"'{Path(file).name}' has too few different scores to learn from: {', '.join(map(shown, found))}.",
                f'Take them for labels: task = "{other}"; or name another score column.',
            )

    def audit(self, rows: Rows) -> list[Found]:
        """Scores that could be classes, that lie outside the scale, or that are nearly all the same."""
        scores = numbers(rows.answers).tolist()
        counts, found = Counter(scores), list[Found]()
        if len(scores) >= ROWS_TO_JUDGE_SCORES and len(counts) <= FEW_SCORES:
            found.append(_found("few_values", len(counts), len(scores), sorted(counts)))
        outside = [score for score in scores if not self._readout.lowest <= score <= self._readout.highest]
        if outside:
            found.append(_found("outside_scale", len(outside), len(scores), sorted(set(outside))))
        value, most = counts.most_common(1)[0] if counts else (0.0, 0)
        if most > len(scores) / 2:
            found.append(_found("one_value", most, len(scores), [value]))
        return found

    def classes(self, rows: Rows) -> list[str]:
        """None."""
        del rows
        return []

    def strata(self, rows: Rows) -> list[str]:
        """Which fifth of the scores each lies in."""
        return [str(part) for part in _parts(numbers(rows.answers), PARTS)]

    def columns_of(self, rows: Rows, classes: Sequence[str]) -> Array:
        """The scores, standardised; (rows, 1)."""
        del classes
        mean, deviation = _scale(rows)
        return (numbers(rows.answers)[:, None] - mean) / deviation

    def fits(self) -> Fits:
        """The mean, and similarity."""
        return {
            "mean": lambda _: always_mean,
            "similarity": lambda setting: scaled_similarity(setting.embedder, self._readout),
        }

    def loads(self) -> Loads:
        """Similarity, and the mean."""
        return {
            "mean.json": lambda folder, _: load_mean(folder),
            "similarity.json": lambda folder, embedder: ScaledSimilarity(
                at_hand(embedder),
                self._readout,
                **json.loads((folder / "similarity.json").read_text(encoding="utf-8")),
            ),
        }

    def build_model(self, encoder: Path, setting: TrainingSetting) -> "PreTrainedModel":
        """The encoder with one output, whose zero and unit are mean and standard deviation of the scores."""
        from pipeline.heads import PooledClassifier, build_head

        mean, deviation = _scale(setting.rows)
        return build_head(
            PooledClassifier, encoder, setting, problem_type=self.problem_type, mean=mean, deviation=deviation
        )

    def targets(self, rows: Rows, features: Sequence[Any], classes: Sequence[str]) -> list[Array]:
        """The scores."""
        del features, classes
        return [np.array(answer, dtype=np.float32) for answer in rows.answers]

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str, smoothing: float = 0.0) -> Callable[..., Any]:
        """Squared error in variances of the scores: mean over the rows of all accumulated batches.

        Smoothing spreads a part of each answer over all scores; squared error then pulls to their mean, slope for slope.
        """
        del classes, weighting
        mean, deviation = _scale(rows)

        def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
            targets = (1 - smoothing) * labels.float() + smoothing * mean
            total = ((outputs["logits"].float().squeeze(-1) - targets) ** 2).sum() / deviation**2
            return total / (num_items_in_batch if num_items_in_batch is not None else len(labels))

        return loss

    confidence_of = ""

    def mistakes(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """How far each answer lies off."""
        return np.asarray(np.abs(numbers(answers) - numbers(truth)))

    def say_answer(self, given: Input, answer: Answer, other: Answer) -> str:
        """The score in a few digits."""
        del given, other
        return shown(answer)

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Errors by true score and by length, the largest ones, and what changed against the rival."""
        del classes
        truth, ours, theirs = (numbers(each.answers) for each in (rows, fine_tuned, rival))
        near = NEAR * float(truth.std())
        closer = np.abs(theirs - truth) - np.abs(ours - truth)
        lengths = np.array([len(as_one_text(given).split()) for given in rows.inputs], dtype=float)
        return ErrorAnalysis(
            tables=[_by_score(truth, ours), _by_length(lengths, ours - truth)],
            worst=_largest(rows, fine_tuned, ours - truth, near) if show_rows else [],
            mended=int((closer > near).sum()),
            broken=int((closer < -near).sum()),
        )


def _end(options: Mapping[str, Any], key: str) -> float | None:
    """One end of the scale, where it was named.

    Raises:
        PlanError: It is not a number.
    """
    if is_missing(options.get(key)):
        return None
    number = as_number(options[key])
    if number is None:
        raise PlanError(f"`{key}` is '{options[key]}', which is not a number.", "Write a number, such as 0 or 5.")
    return number


def _found(code: str, count: int, of: int, examples: Sequence[float]) -> Found:
    return Found(code, count, of, [shown(each) for each in examples[:EXAMPLES]])


def _scale(rows: Rows) -> tuple[float, float]:
    """Mean and standard deviation of the scores; the latter is never nothing."""
    scores = numbers(rows.answers)
    return float(scores.mean()), max(float(scores.std()), 1e-6)


def _parts(values: Array, parts: int) -> Array:
    """Which of so many parts, alike in size where values differ, each value lies in; values alike lie in one; (rows,)."""
    ordered = np.sort(values)
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return (below + up_to) * parts // (2 * max(len(values), 1))


def _bands(values: Array, parts: int, few: int = 0) -> list[tuple[str, Array]]:
    """Values in parts, or each for itself where there are few: what a part is called, and which rows are in it."""
    place = values if len(set(values.tolist())) <= few else _parts(values, parts)
    inside = [place == each for each in np.unique(place)]
    ends = [(shown(values[rows].min()), shown(values[rows].max())) for rows in inside]
    return [(low if low == high else f"{low} to {high}", rows) for (low, high), rows in zip(ends, inside, strict=True)]


def _by_score(truth: Array, answers: Array) -> ErrorTable:
    """Whether low scores are answered too high and high ones too low."""
    bands = _bands(truth, PARTS, FEW_SCORES)
    return ErrorTable(
        title="Errors by true score",
        note="Answers that lie above low scores and below high ones keep too near to the middle.",
        columns=["true score", "rows", "answers lie above it by", "RMSE"],
        rows=[
            [name, f"{inside.sum():,}", f"{errors.mean():+.3g}", f"{np.sqrt(np.mean(errors**2)):.3g}"]
            for name, inside in bands
            for errors in [(answers - truth)[inside]]
        ],
    )


def _by_length(lengths: Array, errors: Array) -> ErrorTable:
    return ErrorTable(
        title="Errors by length of text",
        columns=["words", "rows", "RMSE"],
        rows=[
            [name, f"{inside.sum():,}", f"{np.sqrt(np.mean(errors[inside] ** 2)):.3g}"]
            for name, inside in _bands(lengths, 4)
        ],
    )


def _largest(rows: Rows, predictions: Predictions, errors: Array, near: float) -> list[ErrorCase]:
    """The rows whose answers are furthest off, furthest first."""
    order = [place for place in np.argsort(-np.abs(errors), kind="stable") if abs(errors[place]) > near]
    return [
        ErrorCase(
            row_id=rows.ids[place],
            text=shown_input(rows.inputs[place])[:LONGEST_SHOWN],
            truth=shown(rows.answers[place]),
            answer=shown(predictions.answers[place]),
            confidence=None,
        )
        for place in order[:WORST_ROWS]
    ]


def shown(score: Any) -> str:
    """A score in three digits, or in whole numbers where those are more."""
    return f"{score:.3g}" if abs(score) < 1000 else f"{score:,.0f}"


TASK: Task = TextRegression()
