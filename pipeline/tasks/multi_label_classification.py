"""One text in, any number of labels out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.data.values import as_text
from pipeline.errors import DataError
from pipeline.evaluation.metrics import (
    ACCURACY,
    MACRO_F1,
    MACRO_PRECISION,
    MACRO_RECALL,
    MICRO_F1,
    MICRO_PRECISION,
    MICRO_RECALL,
    WEIGHTED_F1,
    mark_labels,
    named,
    right_or_wrong,
)
from pipeline.evaluation.probability_metrics import BRIER, LOG_LOSS, PR_AUC, ROC_AUC
from pipeline.findings import Found
from pipeline.metric import Metric
from pipeline.results import ErrorAnalysis, ErrorTable
from pipeline.task import Answer, Array, Layout, Predictions, RivalSetting, Role, Rows, Task
from pipeline.tasks.labels import (
    check_labels,
    errors_by_class,
    worst_cases,
)
from pipeline.tasks.pooled import Fits, Loads, PooledTask, answered, at_hand, unanswered

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.predictors.linear import Readout

FEWEST_TO_COME_TOGETHER = 5
"""Rows from which labels that never come apart are more than chance."""
NEARLY_ALL = 0.95
MOST_IN_TABLE = 10
WHOLE_ANSWERS = replace(ACCURACY, title="accuracy of whole answers")
EXAMPLES = 5


class MultiLabelClassification(PooledTask):
    """One text in, any number of labels out."""

    key = "multi-label-classification"
    usage = (
        'classify = transformers.pipeline("text-classification", model="model", top_k=None, truncation=True)\n'
        'classify("a text")  # the probability of each label; from which on it counts, finetune_advisor.json says'
    )
    layouts = (
        Layout(
            "a text and its labels",
            (
                Role("text", "the text to be labelled", required_to_predict=True),
                Role("labels", "its labels", required_to_predict=False, many=True),
            ),
        ),
    )
    data_keys = ("label_delimiter",)
    metrics: Mapping[str, Metric] = named(MACRO_F1, MICRO_F1, WEIGHTED_F1)
    beside: Mapping[str, Metric] = named(
        WHOLE_ANSWERS, MACRO_PRECISION, MACRO_RECALL, MICRO_PRECISION, MICRO_RECALL, ROC_AUC, PR_AUC, LOG_LOSS, BRIER
    )
    rivals = ("prior", "zero_shot", "tfidf", "probe")
    needs_thresholds = True
    problem_type = "multi_label_classification"

    def readout(self, metric: Metric | None = None) -> "Readout":
        """A logistic regression for each label, its thresholds chosen for the metric."""
        from pipeline.tasks.several_labels import SeveralLabels

        return SeveralLabels(metric) if metric is not None else SeveralLabels()

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Rows with a text and, when asked for, labels; rows whose labels are not filled in are left out.

        Raises:
            DataError: A column is missing, or a cell is not what labels are read from.
        """
        from pipeline.data.reading import column
        from pipeline.tasks.label_cells import read_labels

        texts = [as_text(value) for value in column(table, columns["text"], file)]
        if not labelled:
            return unanswered(table, texts)
        return answered(table, texts, read_labels(table, columns, file))

    def check(self, rows: Rows, file: str) -> None:
        """Refuse no label, one label only, far too many labels, and labels that differ by case or space.

        Raises:
            DataError: Names the labels, with the mend.
        """
        counts = count_labels(rows.answers)
        name = Path(file).name
        if not counts:
            raise DataError(f"No row of '{name}' has a label.", "Name the column that holds the labels.")
        if len(counts) == 1:
            raise DataError(
                f"'{name}' has one label only: '{next(iter(counts))}'.",
                "Add rows with another label. Whether a row has one label or not is asked with "
                'task = "text-classification" and a column that says yes or no.',
            )
        check_labels(counts, len(rows), file)

    def audit(self, rows: Rows) -> list[Found]:
        """Labels that never come apart or stand on nearly all rows, and rows without any."""
        without = [given for given, answer in zip(rows.inputs, rows.answers, strict=True) if not answer]
        together = find_inseparable(rows.answers)
        everywhere = [label for label, count in count_labels(rows.answers).items() if count > NEARLY_ALL * len(rows)]
        known = len(self.classes(rows))
        found = [
            Found(
                "labels_always_together",
                len(together),
                known,
                [" + ".join(labels) for labels in together[:EXAMPLES]],
                {"fewest": str(FEWEST_TO_COME_TOGETHER)},
            ),
            Found(
                "labels_nearly_everywhere",
                len(everywhere),
                known,
                sorted(everywhere)[:EXAMPLES],
                {"limit": f"{NEARLY_ALL:.0%}"},
            ),
            Found("rows_without_labels", len(without), len(rows), [str(given)[:120] for given in without[:EXAMPLES]]),
        ]
        return [finding for finding in found if finding.count]

    def classes(self, rows: Rows) -> list[str]:
        """All labels, in alphabetical order."""
        return sorted(count_labels(rows.answers))

    def strata(self, rows: Rows) -> list[str]:
        """The rarest label of each row, so that every part gets its share of the rare ones; "" where there is none."""
        counts = count_labels(rows.answers)
        return [
            min(labels, key=lambda label: (counts[label], label), default="") for labels in map(_several, rows.answers)
        ]

    def phrasing_scores(self, rows: Rows, setting: RivalSetting) -> dict[str, float]:
        """Score of zero-shot for each template."""
        from pipeline.tasks.several_labels import template_scores

        return {f"“{template}”": score for template, score in template_scores(rows, setting).items()}

    def fits(self) -> Fits:
        """The commonest labels and zero-shot."""
        from pipeline.tasks.several_labels import near_labels, prior

        return {"prior": prior, "zero_shot": near_labels}

    def loads(self) -> Loads:
        """Zero-shot, and the commonest labels."""
        from pipeline.tasks.several_labels import load_near_labels, load_prior

        return {
            "prior.json": lambda folder, _: load_prior(folder),
            "near_labels.json": lambda folder, embedder: load_near_labels(folder, at_hand(embedder)),
        }

    def targets(self, rows: Rows, features: Sequence[Any], classes: Sequence[str]) -> list[Array]:
        """For each row a 1 at each of its labels and else 0; (classes,), single precision."""
        del features
        return list(self.columns_of(rows, classes).astype(np.float32))

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str, smoothing: float = 0.0) -> Callable[..., Any]:
        """Binary cross-entropy: mean over labels and rows of all accumulated batches, whose targets `Trainer` counts one by one.

        The weighting is ignored: thresholds see to it that rare labels are answered, and rows with a label that weigh more only
        cost accuracy (see `STRENGTHS` in `several_labels`).
        """
        import torch

        del classes, rows, weighting

        def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
            logits = outputs["logits"]
            targets = (1 - smoothing) * labels.to(logits.dtype) + smoothing / 2  # the label is there, or it is not
            total = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
            return total / (num_items_in_batch if num_items_in_batch is not None else labels.numel())

        return loss

    def temperature(self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str]) -> float:
        """One for all labels."""
        from pipeline.evaluation.calibration import fit_binary_temperature

        logits = np.asarray(outputs, dtype=float).reshape(len(rows), len(classes))
        return fit_binary_temperature(logits, mark_labels(rows.answers, classes))

    def choose_thresholds(
        self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str], metric: Metric
    ) -> tuple[float, ...]:
        """The probability from which on each label is answered, chosen as for the cheap ways."""
        from pipeline.tasks.several_labels import choose_thresholds

        logits = np.asarray(outputs, dtype=float).reshape(len(rows), len(classes))
        return choose_thresholds(logits, mark_labels(rows.answers, classes), metric)

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Scores by label, labels missed, added and taken for each other, and what changed against the rival, whole answers taken."""
        truth, answers = mark_labels(rows.answers, classes), mark_labels(fine_tuned.answers, classes)
        ours, theirs = (right_or_wrong(rows.answers, each.answers) for each in (fine_tuned, rival))
        return ErrorAnalysis(
            by_class=errors_by_class(classes, (truth & answers).sum(axis=0), truth.sum(axis=0), answers.sum(axis=0)),
            tables=count_mistakes(truth & ~answers, answers & ~truth, classes),
            worst=worst_cases(rows, fine_tuned, ours) if show_rows else [],
            mended=int((ours & ~theirs).sum()),
            broken=int((~ours & theirs).sum()),
        )


def _several(answer: Answer) -> tuple[str, ...]:
    assert isinstance(answer, tuple)
    return answer


def count_labels(answers: Sequence[Answer]) -> Counter[str]:
    """Rows of each label."""
    return Counter(label for answer in answers for label in _several(answer))


def find_inseparable(answers: Sequence[Answer]) -> list[tuple[str, ...]]:
    """Groups of labels that stand on the very same rows."""
    places: dict[str, list[int]] = defaultdict(list)
    for row, answer in enumerate(answers):
        for label in _several(answer):
            places[label].append(row)
    together: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for label in sorted(places):
        together[tuple(places[label])].append(label)
    return [
        tuple(labels) for rows, labels in together.items() if len(labels) > 1 and len(rows) >= FEWEST_TO_COME_TOGETHER
    ]


def count_mistakes(missed: Array, added: Array, classes: Sequence[str]) -> list[ErrorTable]:
    """Which labels were missed and added most, and which were missed where another was added.

    Shapes: `missed` and `added` are (rows, classes) booleans.
    """
    misses, additions = missed.sum(axis=0), added.sum(axis=0)
    worst = [place for place in np.argsort(-(misses + additions), kind="stable") if misses[place] + additions[place]]
    swaps = missed.T.astype(int) @ added.astype(int)
    pairs = [divmod(int(cell), len(classes)) for cell in np.argsort(-swaps, axis=None, kind="stable")[:MOST_IN_TABLE]]
    tables = [
        ErrorTable(
            title="Labels most often missed or added",
            note="Rows that have the label and were not given it, and rows that were given it and have it not.",
            columns=["label", "missed", "added"],
            rows=[[classes[place], str(misses[place]), str(additions[place])] for place in worst[:MOST_IN_TABLE]],
        ),
        ErrorTable(
            title="Labels taken for each other",
            note="Rows on which one label was missed while the other was added.",
            columns=["missed", "added", "rows"],
            rows=[[classes[one], classes[other], str(swaps[one, other])] for one, other in pairs if swaps[one, other]],
        ),
    ]
    return [table for table in tables if table.rows]


TASK: Task = MultiLabelClassification()
