"""What tasks share whose model reads an input, a text or a pair of texts, into one vector."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from pipeline.data.personal_data import mask
from pipeline.errors import ModelError
from pipeline.evaluation.metrics import mark_labels, right_or_wrong
from pipeline.findings import Found
from pipeline.metric import Metric
from pipeline.preparation import as_one_text
from pipeline.task import (
    Answer,
    Array,
    Features,
    Fit,
    Input,
    Predict,
    Predictions,
    RivalSetting,
    Rows,
    Signal,
    TrainingSetting,
)

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel

    from pipeline.embeddings import Embedder
    from pipeline.evaluation.costs import Costs
    from pipeline.predictors.linear import Kind, Readout

Fits = Mapping[str, Callable[[RivalSetting], Fit]]
Loads = Mapping[str, Callable[[Path, "Embedder | None"], Predict]]


def at_hand(embedder: "Embedder | None") -> "Embedder":
    """Features that a saved way reads.

    Raises:
        ModelError: Their model is not at hand.
    """
    if embedder is None:
        raise ModelError("The saved way reads features of a model that is not here.", "Install or download that model.")
    return embedder


def answered(table: "pd.DataFrame", inputs: Sequence[Input], answers: Sequence[Answer | None]) -> Rows:
    """The rows of a table that have an answer; their ids are its index."""
    numbers = table.index.tolist()
    kept = [place for place, answer in enumerate(answers) if answer is not None]
    return Rows(
        ids=tuple(str(numbers[place]) for place in kept),
        inputs=tuple(inputs[place] for place in kept),
        answers=tuple(answer for answer in answers if answer is not None),
    )


def unanswered(table: "pd.DataFrame", inputs: Sequence[Input]) -> Rows:
    """All rows of a table, to be answered."""
    return Rows(tuple(str(place) for place in table.index), tuple(inputs), ())


def shown_input(given: Any) -> str:
    """An input in one line: the two texts of a pair apart, personal data masked."""
    return mask(given if isinstance(given, str) else " ⇄ ".join(given))


def shown_answer(answer: Any) -> str:
    """An answer in one line."""
    return ", ".join(answer) or "none" if isinstance(answer, tuple) else str(answer)


class PooledTask:
    """A task whose model pools what it reads and answers by a linear head. Subclasses say what the answers are."""

    hub_tag = "text-classification"
    data_keys: tuple[str, ...] = ()
    options: Mapping[str, str] = {}
    head_module = "pipeline.heads"
    starts_from_probe = True
    needs_thresholds = False
    costs: "Costs | None" = None
    by_words = False
    confidence_of = "the answer being right"
    problem_type: ClassVar[str] = "single_label_classification"
    """How `transformers` names the kind of output, so that its own pipelines read it."""

    def configure(self, options: Mapping[str, str], columns: Mapping[str, Any]) -> Self:
        """Itself: nothing depends on options or columns."""
        del options, columns
        return self

    def readout(self, metric: Metric | None = None) -> "Readout":
        """How a linear model learns the answers, with an eye to the metric where it is fitted."""
        raise NotImplementedError

    def audit(self, rows: Rows) -> list[Found]:
        """Nothing of its own."""
        del rows
        return []

    def kinds(self, answer: Answer) -> frozenset[str]:
        """The label, or the labels."""
        return frozenset([answer] if isinstance(answer, str) else map(str, answer) if isinstance(answer, tuple) else [])

    def weight(self, given: Input) -> int:
        """One answer for each input."""
        del given
        return 1

    def is_empty(self, given: Input) -> bool:
        """A text without a letter, or a pair that lacks one."""
        return not all(text.strip() for text in ([given] if isinstance(given, str) else given))

    def signal(
        self, rows: Rows, embedder: "Embedder", pooling: str, classes: Sequence[str], most: int, seed: int
    ) -> Signal:
        """Features as the probe reads them, and one column for each class."""
        from pipeline.predictors.probe import embed

        if len(rows) > most:
            rows = rows.take(sorted(np.random.default_rng(seed).permutation(len(rows))[:most]))
        texts = tuple(as_one_text(given) for given in rows.inputs)
        return Signal(embed(embedder, rows.inputs, pooling), texts, self.columns_of(rows, classes))

    def columns_of(self, rows: Rows, classes: Sequence[str]) -> Array:
        """The truth as numbers; (rows, classes), 1 where a row is of a class."""
        return mark_labels(rows.answers, classes).astype(float)

    def phrasing_scores(self, rows: Rows, setting: RivalSetting) -> dict[str, float]:
        """Empty: there is no zero-shot."""
        del rows, setting
        return {}

    def fits(self) -> Fits:
        """Its cheap ways beside TF-IDF and the probe."""
        raise NotImplementedError

    def loads(self) -> Loads:
        """How they are loaded again: name of the file that each of them saves, and what reads its folder."""
        raise NotImplementedError

    def fit_rival(self, name: str, setting: RivalSetting) -> Fit:
        """The cheap way of that name."""
        from pipeline.predictors.tfidf import tfidf

        if name == "tfidf":
            return tfidf(self.readout(setting.metric), setting.classes, setting.embedder.preparation)
        if name == "probe":
            return self.fit_probe(setting)
        return self.fits()[name](setting)

    def fit_probe(self, setting: RivalSetting) -> Fit:
        """The linear probe."""
        from pipeline.predictors.probe import probe

        kind: Kind = "head" if setting.as_head else "probe"
        return probe(setting.embedder, setting.pooling, self.readout(setting.metric), setting.classes, kind)

    def load_rival(self, folder: Path, embedder: "Embedder | None") -> Predict:
        """A cheap way that was saved.

        Raises:
            ModelError: It reads features of a model that is not at hand.
        """
        from pipeline.predictors.majority import load_majority
        from pipeline.predictors.probe import load_probe
        from pipeline.predictors.tfidf import load_tfidf

        shared: Loads = {
            "majority.json": lambda folder, _: load_majority(folder),
            "tfidf.json": lambda folder, _: load_tfidf(folder, self.readout()),
            "probe.json": lambda folder, embedder: load_probe(folder, at_hand(embedder), self.readout()),
        }
        loads = {**shared, **self.loads()}
        return next(load(folder, embedder) for file, load in loads.items() if (folder / file).is_file())

    def head_of(self, probe: Predict) -> tuple[Array, Array] | None:
        """The probe's own weights, where the model pools as it does."""
        linear = getattr(probe, "linear", None)
        return (linear.weight, linear.bias) if self.starts_from_probe and linear is not None else None

    def build_model(self, encoder: Path, setting: TrainingSetting) -> "PreTrainedModel":
        """The encoder with a linear head on pooled features."""
        from pipeline.heads import PooledClassifier, build_head

        return build_head(PooledClassifier, encoder, setting, problem_type=self.problem_type)

    def load_model(self, folder: Path) -> "PreTrainedModel":
        """A fine-tuned model that was saved."""
        from pipeline.heads import PooledClassifier, load_head

        return load_head(PooledClassifier, folder)

    def encode(self, tokenizer: Any, inputs: Sequence[Input], max_tokens: int) -> list[Features]:
        """Tokens of a text, or of both texts of a pair one after the other."""
        firsts = [given if isinstance(given, str) else given[0] for given in inputs]
        seconds = [given[1] for given in inputs if not isinstance(given, str)]
        encoded = tokenizer(firsts, *([seconds] if seconds else []), truncation=True, max_length=max_tokens)
        return [{name: values[row] for name, values in encoded.items()} for row in range(len(firsts))]

    def outputs(self, logits: Array, features: Sequence[Features]) -> list[Array]:
        """One row of logits for each input."""
        del features
        return list(logits)

    def choose_thresholds(
        self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str], metric: Metric
    ) -> tuple[float, ...]:
        """Nothing to choose."""
        del rows, outputs, classes, metric
        return ()

    def temperature(self, rows: Rows, outputs: Sequence[Array], classes: Sequence[str]) -> float:
        """1: outputs are no logits."""
        del rows, outputs, classes
        return 1.0

    def decode(
        self, row_ids: Sequence[str], outputs: Sequence[Array], classes: Sequence[str], thresholds: Sequence[float]
    ) -> Predictions:
        """Answers as the probe's outputs become them."""
        stacked = np.stack(outputs) if len(outputs) else np.zeros((0, max(len(classes), 1)))
        return self.readout().decode(row_ids, stacked, classes, thresholds)

    def mistakes(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """1 where an answer is not the truth."""
        return 1.0 - right_or_wrong(truth, answers)

    def rightness(self, truth: Sequence[Answer], answers: Sequence[Answer]) -> Array:
        """1 where an answer is the truth."""
        return np.asarray(1.0 - self.mistakes(truth, answers))

    def say_input(self, given: Input) -> str:
        """A text as it is, the two texts of a pair apart."""
        return shown_input(given)

    def say_answer(self, given: Input, answer: Answer, other: Answer) -> str:
        """A label, or several with commas between."""
        del given, other
        return shown_answer(answer)

    def written(self, table: "pd.DataFrame", columns: Mapping[str, Any], predictions: Predictions) -> list[Any]:
        """The answers as they are; several labels as a list."""
        del table, columns
        return [list(answer) if isinstance(answer, tuple) else answer for answer in predictions.answers]
