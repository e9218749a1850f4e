"""One text in, one label out."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.data.values import as_label, as_text
from pipeline.errors import DataError, ModelError
from pipeline.evaluation.metrics import ACCURACY, MACRO_F1
from pipeline.records import ClassErrors, ErrorAnalysis, ErrorCase
from pipeline.task import Array, Fit, Metric, Predict, Predictions, RivalSetting, Role, Rows, TrainingSetting

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel

    from pipeline.embeddings import Embedder

MOST_CLASSES = 1000
ROWS_TO_JUDGE_LABELS = 50
"""Rows from which a column with a label for every other row is taken for something else."""
WORST_ROWS = 20
USUAL_TEXTS = ("text", "sentence", "content", "body", "review", "question", "tweet", "message")
USUAL_LABELS = ("label", "class", "category", "target", "sentiment", "intent", "topic")


class TextClassification:
    """One text in, one label out."""

    key = "text-classification"
    roles = (
        Role("text", "the text to be labelled", required_to_predict=True),
        Role("label", "its one label", required_to_predict=False),
    )
    metrics: Mapping[str, Metric] = {"macro_f1": MACRO_F1, "accuracy": ACCURACY}
    rivals = ("majority", "zero_shot", "tfidf", "probe")

    def detect_columns(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
        """Texts are long and differ; labels are short and come again. Likeliest first; a clear winner stands alone."""
        texts: dict[str, float] = {}
        labels: dict[str, float] = {}
        columns = list(dict.fromkeys(name for row in rows for name in row))
        for name in columns:
            values = [str(row[name]) for row in rows if row.get(name) not in (None, "")]
            if not values:
                continue
            different = len(set(values)) / len(values)
            length = float(np.mean([len(value) for value in values]))
            if length >= 15 and different > 0.3 and any(" " in value for value in values):
                texts[name] = length
            if 1 < len(set(values)) <= max(2, 0.5 * len(values)) and length < 40 and not _is_decimal(values):
                labels[name] = -different
        return {
            "text": _clear_winner(texts, USUAL_TEXTS, columns),
            "label": _clear_winner(labels, USUAL_LABELS, columns),
        }

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Rows with a text and, when asked for, a label; rows without a label are left out.

        Raises:
            DataError: A column is missing.
        """
        from pipeline.data.reading import column

        texts = [as_text(value) for value in column(table, columns["text"], file)]
        if not labelled:
            return Rows(tuple(str(place) for place in table.index), tuple(texts), ())
        labels = [as_label(value) for value in column(table, columns["label"], file)]
        kept = [place for place, label in enumerate(labels) if label is not None]
        return Rows(
            ids=tuple(str(table.index[place]) for place in kept),
            inputs=tuple(texts[place] for place in kept),
            answers=tuple(str(labels[place]) for place in kept),
        )

    def check(self, rows: Rows, file: str) -> None:
        """Refuse labels of one class only, far too many classes, and labels that differ by case or space.

        Raises:
            DataError: Names the labels, with the mend.
        """
        counts = Counter(str(answer) for answer in rows.answers)
        name = Path(file).name
        if len(counts) == 1:
            only = next(iter(counts))
            raise DataError(
                f"'{name}' has one class only: every label is '{only}'.",
                "Add rows of another class, or name another label column.",
            )
        if len(rows) >= ROWS_TO_JUDGE_LABELS and len(counts) > min(MOST_CLASSES, len(rows) // 2):
            raise DataError(
                f"The label column of '{name}' holds {len(counts):,} different values in {len(rows):,} rows.",
                "Name the column that holds the classes.",
            )
        alike: dict[str, list[str]] = defaultdict(list)
        for label in counts:
            alike[" ".join(label.casefold().split())].append(label)
        variants = [sorted(labels, key=lambda label: -counts[label]) for labels in alike.values() if len(labels) > 1]
        if variants:
            listed = "; ".join(
                ", ".join(f"'{label}' ({counts[label]} rows)" for label in labels) for labels in variants
            )
            mends = ", ".join(f"'{labels[0]}' instead of '{other}'" for labels in variants for other in labels[1:])
            raise DataError(f"'{name}' has labels that differ only by case or space: {listed}.", f"Write {mends}.")

    def classes(self, rows: Rows) -> list[str]:
        """All labels, in alphabetical order."""
        return sorted({str(answer) for answer in rows.answers})

    def strata(self, rows: Rows) -> list[str]:
        """The labels themselves."""
        return [str(answer) for answer in rows.answers]

    def fit_rival(self, name: str, setting: RivalSetting) -> Fit:
        """The majority guess, zero-shot, TF-IDF or the linear probe."""
        from pipeline.predictors.majority import majority
        from pipeline.predictors.probe import probe
        from pipeline.predictors.tfidf import tfidf
        from pipeline.predictors.zero_shot import zero_shot

        embedder, classes = setting.embedder, setting.classes
        fits: dict[str, Callable[[], Fit]] = {
            "majority": lambda: majority(classes),
            "zero_shot": lambda: zero_shot(embedder, classes, setting.phrases, setting.templates, setting.metric),
            "tfidf": lambda: tfidf(classes, embedder.preparation),
            "probe": lambda: probe(embedder, setting.pooling, classes),
        }
        return fits[name]()

    def load_rival(self, folder: Path, embedder: "Embedder | None") -> Predict:
        """A cheap way that was saved.

        Raises:
            ModelError: It reads features of a model that is not at hand.
        """
        from pipeline.predictors.majority import load_majority
        from pipeline.predictors.probe import load_probe
        from pipeline.predictors.tfidf import load_tfidf
        from pipeline.predictors.zero_shot import load_zero_shot

        if (folder / "majority.json").is_file():
            return load_majority(folder)
        if (folder / "tfidf.json").is_file():
            return load_tfidf(folder)
        if embedder is None:
            raise ModelError(
                "The saved way reads features of a model that is not here.", "Install or download that model."
            )
        return load_probe(folder, embedder) if (folder / "probe.json").is_file() else load_zero_shot(folder, embedder)

    def build_model(self, encoder: Path, setting: TrainingSetting) -> "PreTrainedModel":
        """The encoder with a linear head on pooled features."""
        from pipeline.heads import build_classifier

        return build_classifier(encoder, setting)

    def encode_answers(self, rows: Rows, classes: Sequence[str]) -> list[Any]:
        """Each label's place among the classes."""
        places = {label: place for place, label in enumerate(classes)}
        return [places[str(answer)] for answer in rows.answers]

    def loss(self, classes: Sequence[str], rows: Rows, weighting: str) -> Callable[..., Any]:
        """Cross-entropy, with classes weighing alike when asked for: mean over the rows of all accumulated batches."""
        import torch

        weights = None
        if weighting == "balanced":
            counts = Counter(str(answer) for answer in rows.answers)
            weights = torch.tensor([len(rows) / (len(classes) * max(counts[label], 1)) for label in classes])

        def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
            logits = outputs["logits"]
            weight = weights.to(logits.device, logits.dtype) if weights is not None else None
            total = torch.nn.functional.cross_entropy(logits, labels, weight=weight, reduction="sum")
            return total / (num_items_in_batch if num_items_in_batch is not None else len(labels))

        return loss

    def decode(self, row_ids: Sequence[str], logits: Array, classes: Sequence[str]) -> Predictions:
        """The class with the highest logit, with probabilities."""
        from scipy.special import softmax

        answers = tuple(classes[place] for place in logits.argmax(axis=1))
        return Predictions(tuple(row_ids), answers, softmax(logits.astype(float), axis=1))

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """Confusion, scores by class, confident mistakes, and what changed against the rival."""
        places = {label: place for place, label in enumerate(classes)}
        confusion = np.zeros((len(classes), len(classes)), dtype=int)
        for truth, answer in zip(rows.answers, fine_tuned.answers, strict=True):
            confusion[places[str(truth)], places[str(answer)]] += 1
        ours = np.array([truth == answer for truth, answer in zip(rows.answers, fine_tuned.answers, strict=True)])
        theirs = np.array([truth == answer for truth, answer in zip(rows.answers, rival.answers, strict=True)])
        return ErrorAnalysis(
            confusion=confusion.tolist(),
            by_class=_by_class(confusion, classes),
            worst=_worst(rows, fine_tuned, ours) if show_rows else [],
            mended=int((ours & ~theirs).sum()),
            broken=int((~ours & theirs).sum()),
        )


def _clear_winner(scores: Mapping[str, float], usual_names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """The usual name when exactly one column bears one, odd values or not when none looks right; else all by score."""
    usual = [name for name in columns if name.lower() in usual_names]
    return usual if len(usual) == 1 else sorted(scores, key=lambda name: -scores[name])


def _is_decimal(values: Sequence[str]) -> bool:
    try:
        return any(float(value) % 1 != 0 for value in values)
    except ValueError:
        return False


def _by_class(confusion: Array, classes: Sequence[str]) -> list[ClassErrors]:
    hits, truths, answers = np.diag(confusion), confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassErrors(
            label=label,
            rows=int(truths[place]),
            precision=float(hits[place] / max(answers[place], 1)),
            recall=float(hits[place] / max(truths[place], 1)),
            f1=float(2 * hits[place] / max(truths[place] + answers[place], 1)),
        )
        for place, label in enumerate(classes)
    ]


def _worst(rows: Rows, predictions: Predictions, right: Array) -> list[ErrorCase]:
    assert predictions.scores is not None
    confidence = predictions.scores.max(axis=1)
    wrong = [place for place in np.argsort(-confidence) if not right[place]][:WORST_ROWS]
    return [
        ErrorCase(
            row_id=rows.ids[place],
            text=str(rows.inputs[place])[:500],
            truth=str(rows.answers[place]),
            answer=str(predictions.answers[place]),
            confidence=float(confidence[place]),
        )
        for place in wrong
    ]


TASK = TextClassification()
