"""What tasks with labels share: how label columns are found, which labels are refused, training on one label a row, errors."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from pipeline.data.label_variants import find_variants
from pipeline.data.values import as_label
from pipeline.errors import DataError
from pipeline.evaluation.costs import Costs, expected_cost
from pipeline.evaluation.metrics import (
    ACCURACY,
    BALANCED_ACCURACY,
    MACRO_F1,
    MACRO_PRECISION,
    MACRO_RECALL,
    MATTHEWS,
    WEIGHTED_F1,
    named,
    right_or_wrong,
)
from pipeline.evaluation.probability_metrics import BRIER, LOG_LOSS, PR_AUC, ROC_AUC
from pipeline.metric import Metric
from pipeline.records import Interval
from pipeline.results import ClassErrors, ErrorAnalysis, ErrorCase
from pipeline.task import Array, Fit, Predict, Predictions, RivalSetting, Rows
from pipeline.tasks.pooled import PooledTask, shown_answer, shown_input

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.embeddings import Embedder
    from pipeline.predictors.linear import Readout

MOST_CLASSES = 1000
ROWS_TO_JUDGE_LABELS = 50
"""Rows from which a column with a label for every other row is taken for something else."""
WORST_ROWS = 20
LONGEST_SHOWN = 500
"""Characters of an input that an error case keeps."""


class OneLabelTask(PooledTask):
    """One label for each row.

    Args:
        options: `costs` is the table of what mistakes cost, as JSON.
    """

    metrics: Mapping[str, Metric] = named(MACRO_F1, ACCURACY, BALANCED_ACCURACY, WEIGHTED_F1, MATTHEWS)
    beside: Mapping[str, Metric] = named(MACRO_PRECISION, MACRO_RECALL, ROC_AUC, PR_AUC, LOG_LOSS, BRIER)
    usage = (
        'classify = transformers.pipeline("text-classification", model="model", truncation=True)\nclassify("a text")'
    )

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        given = (options or {}).get("costs")
        self.options = {"costs": given} if given else {}
        self.costs = Costs.read(given) if given else None
        if self.costs is not None:
            self.metrics = named(expected_cost(self.costs), *type(self).metrics.values())
            self.needs_thresholds = True

    def configure(self, options: Mapping[str, str], columns: Mapping[str, Any]) -> Self:
        """The task with its answers chosen by a table of costs, where there is one."""
        del columns
        return type(self)(options)

    def readout(self, metric: Metric | None = None) -> "Readout":
        """Multinomial logistic regression."""
        del metric
        from pipeline.predictors.linear import OneLabel

        return OneLabel()

    def check(self, rows: Rows, file: str) -> None:
        """Refuse labels of one class only, far too many classes, and labels that differ by case or space.

        Raises:
            DataError: Names the labels, with the mend.
        """
        check_labels(Counter(str(answer) for answer in rows.answers), len(rows), file)
        faults = self.costs.faults(self.classes(rows)) if self.costs is not None else []
        if faults:
            problems, mends = zip(*faults, strict=True)
            raise DataError(
                f"The costs do not fit '{Path(file).name}': {'; '.join(problems)}.", " ".join(dict.fromkeys(mends))
            )

    def classes(self, rows: Rows) -> list[str]:
        """All labels, in alphabetical order."""
        return sorted({str(answer) for answer in rows.answers})

    def strata(self, rows: Rows) -> list[str]:
        """The labels themselves."""
        return [str(answer) for answer in rows.answers]

    def targets(self, rows: Rows, features: Sequence[Any], classes: Sequence[str]) -> list[Array]:
        """Each label's place among the classes."""
        del features
        places = {label: place for place, label in enumerate(classes)}
        return [np.array(places[str(answer)]) for answer in rows.answers]

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str, smoothing: float = 0.0) -> Callable[..., Any]:
        """Cross-entropy, with classes weighing alike when asked for: mean over the rows of all accumulated batches.

        A row weighs as its own label does. With `weight`, `torch` would also spread what is smoothed by the weights of the classes,
        so that every row is drawn to the rare ones.
        """
        import torch

        weights = None
        if weighting == "balanced":
            counts = Counter(str(answer) for answer in rows.answers)
            weights = torch.tensor([len(rows) / (len(classes) * max(counts[label], 1)) for label in classes])

        def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
            logits = outputs["logits"]
            each = torch.nn.functional.cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
            if weights is not None:
                each = each * weights.to(logits.device, logits.dtype)[labels]
            return each.sum() / (num_items_in_batch if num_items_in_batch is not None else len(labels))

        return loss

    def fit_rival(self, name: str, setting: RivalSetting) -> Fit:
        """The cheap way of that name; where mistakes have costs, with the answers that cost least."""
        fit = super().fit_rival(name, setting)
        if self.costs is None:
            return fit
        from pipeline.predictors.costed import costed

        return costed(fit, self.costs, setting.classes)

    def load_rival(self, folder: Path, embedder: "Embedder | None") -> Predict:
        """A cheap way that was saved.

        Raises:
            ModelError: It reads features of a model that is not at hand.
        """
        way = super().load_rival(folder, embedder)
        if self.costs is None:
            return way
        from pipeline.predictors.costed import load_costed

        return load_costed(folder, way, self.costs)

    def head_of(self, probe: Predict) -> tuple[Array, Array] | None:
        """The probe's own weights, where the model pools as it does."""
        return super().head_of(getattr(probe, "way", probe))

    def temperature(self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str]) -> float:
        """Fitted on the logits of the one label."""
        from pipeline.evaluation.calibration import fit_temperature

        return fit_temperature(self._logits(outputs, classes), self._places(rows, classes))

    def choose_thresholds(
        self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str], metric: Metric
    ) -> tuple[float, ...]:
        """Where mistakes have costs, what makes the probabilities of all classes mean what they say."""
        del metric
        if self.costs is None:
            return ()
        from pipeline.evaluation.calibration import fit_scaling

        return fit_scaling(self._logits(outputs, classes), self._places(rows, classes))

    def decode(
        self, row_ids: Sequence[str], outputs: Sequence[Array], classes: Sequence[str], thresholds: Sequence[float]
    ) -> Predictions:
        """The likeliest label; where mistakes have costs, the one that costs least."""
        if self.costs is None:
            return super().decode(row_ids, outputs, classes, thresholds)
        from pipeline.evaluation.calibration import scale
        from pipeline.predictors.costed import decide

        scaling = thresholds or (1.0, *[0.0] * len(classes))
        return decide(row_ids, scale(self._logits(outputs, classes), scaling), classes, self.costs)

    def _logits(self, outputs: Sequence[Array], classes: Sequence[str]) -> Array:
        return np.asarray(outputs, dtype=float).reshape(len(outputs), len(classes))

    def _places(self, rows: Rows, classes: Sequence[str]) -> Array:
        places = {label: place for place, label in enumerate(classes)}
        return np.array([places[str(answer)] for answer in rows.answers], dtype=int)

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Confusion, scores by class, confident mistakes, and what changed against the rival."""
        confusion = count_confusion(rows.answers, fine_tuned.answers, classes)
        ours, theirs = (right_or_wrong(rows.answers, each.answers) for each in (fine_tuned, rival))
        return ErrorAnalysis(
            confusion=confusion.tolist(),
            by_class=errors_by_class(classes, np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)),
            worst=worst_cases(rows, fine_tuned, ours) if show_rows else [],
            mended=int((ours & ~theirs).sum()),
            broken=int((~ours & theirs).sum()),
        )


def read_labels(cells: "pd.Series", file: str) -> list[str | None]:
    """The one label of each cell, None where it is empty.

    Raises:
        DataError: A cell holds a list or an object; names its row.
    """
    for row, cell in cells.items():
        if isinstance(cell, list | dict | tuple) or getattr(cell, "ndim", 0) > 0:
            raise DataError(
                f"Row {row} of '{Path(file).name}' holds several values in the label column '{cells.name}'.",
                'For several labels a row set task = "multi-label-classification", or name another column.',
            )
    return [as_label(cell) for cell in cells]


def check_labels(counts: Mapping[str, int], rows: int, file: str) -> None:
    """Refuse one class only, far too many classes, and labels that differ by case or space.

    Args:
        counts: Rows of each label.
        rows: All rows.
        file: The data file.

    Raises:
        DataError: Names the labels, with the mend.
    """
    name = Path(file).name
    if len(counts) == 1:
        only = next(iter(counts))
        raise DataError(
            f"'{name}' has one class only: every label is '{only}'.",
            "Add rows of another class, or name another label column.",
        )
    if rows >= ROWS_TO_JUDGE_LABELS and len(counts) > min(MOST_CLASSES, rows // 2):
        raise DataError(
            f"The label column of '{name}' holds {len(counts):,} different values in {rows:,} rows.",
            "Name the column that holds the classes.",
        )
    variants = find_variants(counts)
    if variants:
        listed = "; ".join(
            ", ".join(f"'{label}' ({counts[label]} rows)" for label in found.labels) for found in variants
        )
        mends = ", ".join(f"'{found.spelling}' instead of '{other}'" for found in variants for other in found.strays)
        raise DataError(
            f"'{name}' has labels that differ only in how they are written: {listed}.",
            f"Write {mends}. A copy that is mended so: `advisor prepare {name} --mend labels --out FILE`.",
        )


def count_confusion(truth: Iterable[Any], answers: Iterable[Any], classes: Sequence[str]) -> Array:
    """How often each class was answered as each; (classes, classes), the truth down the first axis."""
    places = {label: place for place, label in enumerate(classes)}
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    for expected, given in zip(truth, answers, strict=True):
        confusion[places[expected], places[given]] += 1
    return confusion


def errors_by_class(
    classes: Sequence[str], hits: Array, truths: Array, answers: Array, *, share_rows: bool = False
) -> list[ClassErrors]:
    """Precision, recall and F1 of each class from how often it was right, true and answered; each (classes,).

    Their intervals stand on things that are drawn one by one: words that share their sentences (`share_rows`) have none.
    """
    return [
        ClassErrors(
            label=label,
            rows=int(truths[place]),
            precision=float(hits[place] / max(answers[place], 1)),
            recall=float(hits[place] / max(truths[place], 1)),
            f1=float(2 * hits[place] / max(truths[place] + answers[place], 1)),
            precision_reach=None if share_rows else _reach(hits[place], answers[place]),
            recall_reach=None if share_rows else _reach(hits[place], truths[place]),
            f1_reach=None if share_rows else _f1_reach(hits[place], truths[place], answers[place]),
        )
        for place, label in enumerate(classes)
    ]


def _reach(hits: int, of: int) -> Interval | None:
    from pipeline.evaluation.intervals import wilson

    return wilson(int(hits), int(of)) if of else None


def _f1_reach(hits: int, true: int, answered: int) -> Interval | None:
    from pipeline.evaluation.coverage import CLASS_F1, why_no_interval
    from pipeline.evaluation.intervals import f1_interval

    return None if why_no_interval(CLASS_F1, int(true), "score") else f1_interval(int(hits), int(true), int(answered))


def worst_cases(rows: Rows, predictions: Predictions, right: Array) -> list[ErrorCase]:
    """The rows that were answered wrong with most confidence, surest first."""
    assert predictions.confidence is not None
    order: Iterable[Any] = np.argsort(-predictions.confidence)
    wrong = [place for place in order if not right[place]][:WORST_ROWS]
    return [
        ErrorCase(
            row_id=rows.ids[place],
            text=shown_input(rows.inputs[place])[:LONGEST_SHOWN],
            truth=shown_answer(rows.answers[place]),
            answer=shown_answer(predictions.answers[place]),
            confidence=float(predictions.confidence[place]),
        )
        for place in wrong
    ]
