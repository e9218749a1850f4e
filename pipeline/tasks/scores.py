"""What scores have of their own: how they are found, read and judged, how a linear model learns them, and their mean."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.values import as_number, is_missing
from pipeline.errors import DataError
from pipeline.predictors.linear import Kind, Linear
from pipeline.task import Answer, Array, Predictions, Rows

LARGEST = 1e12
"""Scores beyond it are taken for a slip; their squares would drown all others."""
THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")
FAULTS_SHOWN = 3
STRENGTHS = 10.0 ** np.arange(-1, 6.5, 0.5)
"""What is added to the squares of standardised features. Measured with all-MiniLM-L6-v2: best are 1,000 on graded tweets and
3,000 to 10,000 on pairs of the STS benchmark; encoders with fewer features need less."""
SPARSE_STRENGTH = 1.0
"""Ridge on TF-IDF. Measured on graded tweets and on pairs of the STS benchmark, at 256, 1,000 and all rows: RMSE is within half a
percent of the best of 0.1, 0.3, 1, 3 and 10 in five of six cells, and within 1 % in the other."""


@dataclass(frozen=True)
class Number:
    """A number a row, by ridge regression, kept inside the ends of the scale."""

    lowest: float = -np.inf
    highest: float = np.inf

    def fit(self, features: Any, answers: Sequence[Answer], classes: Sequence[str], kind: Kind, seed: int) -> Linear:
        """Fit on features (rows, features)."""
        del classes, seed
        truth = numbers(answers)
        return fit_sparse_ridge(features, truth) if kind == "tfidf" else fit_ridge(features, truth)

    def decode(
        self, row_ids: Sequence[str], outputs: Array, classes: Sequence[str], thresholds: Sequence[float] = ()
    ) -> Predictions:
        """The outputs (rows, 1) as numbers: the shortest that single precision does not tell from them, 3.8 and not 3.79999995."""
        del classes, thresholds
        found = np.asarray(outputs).ravel().astype(str).astype(float)
        return Predictions(tuple(row_ids), tuple(np.clip(found, self.lowest, self.highest).tolist()))


def fit_ridge(features: Array, truth: Array) -> Linear:
    """Ridge regression on dense features (rows, features), as strong as answers rows best that it leaves out one at a time.

    One decomposition serves all strengths: the leverage of a row, which its left-out error follows from, is a sum over it.

    Source: https://scikit-learn.org/stable/modules/generated/sklearn.linear_model.RidgeCV.html takes the same way.
    """
    from threadpoolctl import threadpool_limits

    features = np.asarray(features, dtype=float)
    middle, mean = features.mean(axis=0), float(truth.mean())
    centred, wanted = features - middle, truth - mean
    wide = features.shape[1] > len(features)
    with threadpool_limits(1, "blas"):  # as for logistic regression
        values, vectors = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
        values = np.maximum(values, 0)
        turned = vectors * np.sqrt(values) if wide else centred @ vectors
        along, squares = turned.T @ wanted, turned**2
        left: dict[float, Array] = {}
        errors: dict[float, float] = {}
        for strength in STRENGTHS.tolist():
            left[strength] = wanted - turned @ (along / (values + strength))
            leverage = squares @ (1 / (values + strength)) + 1 / len(truth)
            errors[strength] = float(np.mean((left[strength] / np.maximum(1 - leverage, 1e-9)) ** 2))
        best = min(errors, key=lambda strength: errors[strength])
        weight = left[best] @ centred / best  # what ridge leaves, taken back to the features, is its weight
    return Linear(weight[None, :], np.array([mean - weight @ middle]))


def fit_sparse_ridge(features: Any, truth: Array) -> Linear:
    """Ridge regression on counts of words."""
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=SPARSE_STRENGTH, solver="sparse_cg").fit(features, truth)
    return Linear(np.asarray(model.coef_).reshape(1, -1), np.array([float(model.intercept_)]))


@dataclass(frozen=True)
class Mean:
    """Answers every row with the same number."""

    score: float

    def __call__(self, rows: Rows) -> Predictions:
        """Answer rows."""
        return Predictions(rows.ids, (self.score,) * len(rows))

    def save(self, folder: Path) -> None:
        """Write the number."""
        (folder / "mean.json").write_text(json.dumps(asdict(self)), encoding="utf-8")


def always_mean(rows: Rows, seed: int) -> Mean:
    """The fit of the mean."""
    del seed
    return Mean(float(numbers(rows.answers).mean()))


def load_mean(folder: Path) -> Mean:
    """Read a mean that was saved."""
    return Mean(**json.loads((folder / "mean.json").read_text(encoding="utf-8")))


def refuse_words(ids: Sequence[str], cells: Sequence[Any], name: str, file: str) -> None:
    """Refuse cells of a score column that are neither empty nor numbers.

    Raises:
        DataError: Names the first few, and how many there are.
    """
    wrong = [
        (place, str(cell).strip())
        for place, cell in zip(ids, cells, strict=True)
        if not is_missing(cell) and ((number := as_number(cell)) is None or abs(number) > LARGEST)
    ]
    if not wrong:
        return
    listed = ", ".join(f"row {place} '{cell[:40]}'" for place, cell in wrong[:FAULTS_SHOWN])
    more = f" and {len(wrong) - FAULTS_SHOWN:,} more" if len(wrong) > FAULTS_SHOWN else ""
    raise DataError(
        f"'{Path(file).name}' has cells in its column '{name}' that are not numbers: {listed}{more}.",
        f"{_mend_of([cell for _, cell in wrong])}; leave a cell empty to leave its row out.",
    )


def _mend_of(cells: Sequence[str]) -> str:
    """How cells that are not numbers should be written."""
    commas = [cell for cell in cells if "," in cell and as_number(cell.replace(",", ".", 1)) is not None]
    if commas and not THOUSANDS.fullmatch(commas[0]):  # who can tell 2,380 from 2.380
        return f"Write a decimal point, {commas[0].replace(',', '.')} instead of '{commas[0]}'"
    if any(THOUSANDS.fullmatch(cell) or as_number(cell) is not None for cell in cells):
        return f"Write plain numbers up to {LARGEST:g}, such as 3.5 or 2380, with no comma"
    return "Write numbers such as 3.5"


def numbers(answers: Sequence[Answer]) -> Array:
    """Scores as an array; (rows,)."""
    return np.array(answers, dtype=float)
