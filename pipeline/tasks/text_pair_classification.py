"""Two texts in, one label out."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pipeline.data.values import as_text
from pipeline.errors import DataError
from pipeline.evaluation.metrics import right_or_wrong
from pipeline.findings import Found
from pipeline.metric import Metric
from pipeline.predictors.linear import Kind, OneLabel
from pipeline.results import ErrorAnalysis, ErrorTable
from pipeline.task import Array, Fit, Input, Layout, Predictions, Role, Rows, Task
from pipeline.tasks.labels import (
    OneLabelTask,
    read_labels,
)
from pipeline.tasks.pooled import Fits, Loads, answered, at_hand, unanswered

if TYPE_CHECKING:
    import pandas as pd

    from pipeline.embeddings import Embedder

EXAMPLES = 3
LONGEST_EXAMPLE = 60
"""Characters of a text that an example shows."""
WORD = re.compile(r"\w+")
OVERLAPS = ("under 25 %", "25 to 50 %", "50 to 75 %", "75 % or more")


class PairLabel(OneLabel):
    """One label a pair, by multinomial logistic regression in which classes weigh alike."""

    strengths: ClassVar[dict[Kind, float]] = {"tfidf": 1.0, "probe": 0.0003, "head": 0.0003}
    """scikit-learn's C. A pair has four times the features of a text. Measured with all-MiniLM-L6-v2 on MRPC and on the STS
    benchmark cut into three labels: at 256, 1,000 and all rows the probe is within 0.6 points of the best of eight values from
    0.00001 to 0.1, where the 0.01 of single texts is up to 4.8 points short. TF-IDF with 1 is within a point of the best of
    0.1, 1 and 10 in all five cells that were tried."""


class TextPairClassification(OneLabelTask):
    """Two texts in, one label out."""

    key = "text-pair-classification"
    usage = (
        'classify = transformers.pipeline("text-classification", model="model", truncation=True)\n'
        'classify({"text": "one", "text_pair": "the other"})'
    )
    starts_from_probe = False  # the probe reads each text for itself, the model both together
    layouts = (
        Layout(
            "two texts and their label",
            (
                Role("text", "the first text", required_to_predict=True),
                Role("text_pair", "the second text", required_to_predict=True),
                Role("label", "the one label of both", required_to_predict=False),
            ),
        ),
    )
    rivals = ("majority", "similarity", "tfidf", "probe")

    def readout(self, metric: Metric | None = None) -> OneLabel:
        """Multinomial logistic regression, regularised for pairs."""
        del metric
        return PairLabel()

    def rows(self, table: "pd.DataFrame", columns: Mapping[str, Any], file: str, *, labelled: bool) -> Rows:
        """Rows with two texts and, when asked for, a label; rows without a label are left out.

        Raises:
            DataError: A column is missing.
        """
        from pipeline.data.reading import column

        pairs = read_pairs(table, columns, file)
        if not labelled:
            return unanswered(table, pairs)
        return answered(table, pairs, read_labels(column(table, columns["label"], file), file))

    def audit(self, rows: Rows) -> list[Found]:
        """Pairs that have another label the other way round, and pairs of a text with itself."""
        labels: dict[tuple[str, str], list[str]] = defaultdict(list)
        for given, answer in zip(rows.inputs, rows.answers, strict=True):
            labels[_plain(given)].append(str(answer))
        contradicted = {
            pair: given
            for pair, given in labels.items()
            if pair[0] != pair[1] and set(labels.get(pair[::-1], given)) != set(given)
        }
        twice = {one: given for (one, other), given in labels.items() if one == other}
        found = [
            Found(
                "both_orders",
                sum(map(len, contradicted.values())),
                len(rows),
                [_example(pair, labels) for pair in contradicted if pair < pair[::-1]][:EXAMPLES],
            ),
            Found(
                "same_text_twice",
                sum(map(len, twice.values())),
                len(rows),
                [f"{_cut(text)}: {' / '.join(sorted(set(twice[text])))}" for text in twice][:EXAMPLES],
            ),
        ]
        return [each for each in found if each.count]

    def fits(self) -> Fits:
        """The majority guess and similarity."""
        from pipeline.predictors.majority import majority

        return {
            "majority": lambda setting: majority(setting.classes),
            "similarity": lambda setting: cut_similarity(setting.embedder, setting.classes, setting.metric),
        }

    def loads(self) -> Loads:
        """Similarity."""
        return {"similarity.json": lambda folder, embedder: load_cut_similarity(folder, at_hand(embedder))}

    def analyse_errors(
        self, rows: Rows, fine_tuned: Predictions, rival: Predictions, classes: Sequence[str], *, show_rows: bool
    ) -> ErrorAnalysis:
        """What every task with one label counts, and errors by how many words both texts have in common."""
        found = super().analyse_errors(rows, fine_tuned, rival, classes, show_rows=show_rows)
        return found.model_copy(
            update={"tables": [_errors_by_overlap(rows, right_or_wrong(rows.answers, fine_tuned.answers))]}
        )


def read_pairs(table: "pd.DataFrame", columns: Mapping[str, Any], file: str) -> list[Input]:
    """Both texts of every row.

    Raises:
        DataError: A column is missing.
    """
    from pipeline.data.reading import column

    one, other = (map(as_text, column(table, columns[key], file)) for key in ("text", "text_pair"))
    pairs = list(zip(one, other, strict=True))
    for side, key in enumerate(("text", "text_pair")):
        if pairs and table.attrs.get("whole", True) and not any(pair[side].strip() for pair in pairs):
            raise DataError(
                f"The column '{columns[key]}' of '{Path(file).name}' is empty in every row.",
                f"Fill it, or name another column for {key}.",
            )
    return list(pairs)


def pair_similarity(embedder: "Embedder", inputs: Sequence[Input]) -> Array:
    """Cosine similarity of the two texts of each pair under the model's own pooling; (inputs,)."""
    from pipeline.predictors.zero_shot import unit

    one, other = (unit(embedder([given[side] for given in inputs], embedder.source.pooling)) for side in (0, 1))
    return np.asarray((one * other).sum(axis=1), dtype=float)


@dataclass(frozen=True)
class CutSimilarity:
    """Answers by which interval the similarity of both texts falls into, with the shares of the classes there as scores.

    Shapes: `labels` and `shares` have one entry per interval, one more than `thresholds`, which rise; each of the shares has
    one entry per class.
    """

    embedder: "Embedder"
    classes: list[str]
    thresholds: list[float]
    labels: list[str]
    shares: list[list[float]]

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        interval = np.searchsorted(np.array(self.thresholds), pair_similarity(self.embedder, rows.inputs))
        shares = np.array(self.shares)[interval]
        answered = np.array([self.classes.index(label) for label in self.labels])[interval]
        confidence = shares[np.arange(len(rows)), answered]
        return Predictions(rows.ids, tuple(self.classes[place] for place in answered), shares, confidence)

    def save(self, folder: Path) -> None:
        """Write thresholds, labels and shares; the encoder itself stays where it is."""
        description = {
            "classes": self.classes,
            "thresholds": self.thresholds,
            "labels": self.labels,
            "shares": self.shares,
        }
        (folder / "similarity.json").write_text(json.dumps(description), encoding="utf-8")


def cut_similarity(embedder: "Embedder", classes: Sequence[str], metric: Metric) -> Fit:
    """The fit of similarity: two labels are cut where the score is best, more by a small decision tree."""

    def fit(rows: Rows, seed: int) -> CutSimilarity:
        near = pair_similarity(embedder, rows.inputs)
        truth = [str(answer) for answer in rows.answers]
        present = [label for label in classes if label in set(truth)]
        if len(present) <= 2:
            thresholds, labels = _best_cut(near, truth, present, classes, metric)
        else:
            thresholds, labels = _tree_cuts(near, truth, seed)
        interval = np.searchsorted(np.array(thresholds), near)
        member = np.array([[label == each for each in classes] for label in truth], dtype=float)
        shares = [member[interval == place].mean(axis=0).tolist() for place in range(len(labels))]
        return CutSimilarity(embedder, list(classes), thresholds, labels, shares)

    return fit


def load_cut_similarity(folder: Path, embedder: "Embedder") -> CutSimilarity:
    """Read a similarity that was saved."""
    return CutSimilarity(embedder, **json.loads((folder / "similarity.json").read_text(encoding="utf-8")))


def _best_cut(
    near: Array, truth: Sequence[str], labels: Sequence[str], classes: Sequence[str], metric: Metric
) -> tuple[list[float], list[str]]:
    """The one cut, and which of two labels lies below it, with the best score; no cut where one label does better, or is alone.

    Shapes: `near` is (rows,).
    """
    order = np.argsort(near, kind="stable")
    near, truth = near[order], [truth[place] for place in order]
    cuts = np.concatenate([[0], np.flatnonzero(near[1:] > near[:-1]) + 1])  # rows that lie below
    found = []
    for below, above in ((labels[0], labels[-1]), (labels[-1], labels[0])):
        low, high = (metric.statistics(truth, [label] * len(truth), classes) for label in (below, above))
        sums = np.concatenate([np.zeros((1, low.shape[1])), np.cumsum(low - high, axis=0)])[cuts] + high.sum(axis=0)
        scores = metric.reduce(sums) * (1 if metric.higher_is_better else -1)
        best = int(np.argmax(scores))
        found.append((float(scores[best]), int(cuts[best]), below, above))
    _, cut, below, above = max(found)
    return ([float(near[cut - 1 : cut + 1].mean())], [below, above]) if cut else ([], [above])


def _tree_cuts(near: Array, truth: Sequence[str], seed: int) -> tuple[list[float], list[str]]:
    """Thresholds of a decision tree with as many leaves as labels, which weigh alike, and the label of each interval."""
    from sklearn.tree import DecisionTreeClassifier

    model = DecisionTreeClassifier(max_leaf_nodes=len(set(truth)), class_weight="balanced", random_state=seed)
    model.fit(near[:, None], truth)
    inner = model.tree_.children_left != model.tree_.children_right
    thresholds = sorted(model.tree_.threshold[inner].tolist())
    ends = np.array([-3.0, *thresholds, 3.0])  # beyond what a cosine can be
    return thresholds, model.predict((ends[1:] + ends[:-1])[:, None] / 2).tolist()


def _errors_by_overlap(rows: Rows, right: Array) -> ErrorTable:
    """Errors by the share of words that both texts have, of those that either has."""
    band = np.array([min(int(4 * _shared_words(given)), 3) for given in rows.inputs], dtype=int)
    counted = [
        (name, int((band == place).sum()), int((~right[band == place]).sum())) for place, name in enumerate(OVERLAPS)
    ]
    return ErrorTable(
        title="Errors by words in common",
        note="Words that both texts have, of all that either has. Errors where many are shared and the label still differs, "
        "or few and it does not, show that the model goes by words.",
        columns=["words in common", "rows", "wrong", "share"],
        rows=[
            [name, f"{count:,}", f"{wrong:,}", f"{100 * wrong / count:.0f} %" if count else "–"]
            for name, count, wrong in counted
        ],
    )


def _shared_words(given: Input) -> float:
    """Jaccard similarity of the words of both texts, whatever their case."""
    one, other = (set(WORD.findall(part.lower())) for part in _plain(given))
    return len(one & other) / max(len(one | other), 1)


def _plain(given: Input) -> tuple[str, str]:
    """Both texts, white space collapsed."""
    one, other = (" ".join(part.split()) for part in given)
    return one, other


def _example(pair: tuple[str, str], labels: Mapping[tuple[str, str], Sequence[str]]) -> str:
    said = " / ".join(", ".join(sorted(set(labels[each]))) for each in (pair, pair[::-1]))
    return f"{_cut(pair[0])} ⇄ {_cut(pair[1])}: {said}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_EXAMPLE else f"{text[: LONGEST_EXAMPLE - 1]}…"


TASK: Task = TextPairClassification()
