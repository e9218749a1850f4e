"""Splits that are grouped, stratified, seeded and sticky, and sealed until the final evaluation."""

import hashlib
import json
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from pipeline.data.duplicates import Groups
from pipeline.errors import DataError
from pipeline.task import Answer, Array, Input

Side = Literal["train", "validation", "test", "reserve", "left_out"]
TEST_SHARE, FEWEST_TEST_ROWS, MOST_TEST_ROWS, LARGEST_TEST_SHARE = 0.2, 200, 2000, 1 / 3
VALIDATION_SHARE, MOST_VALIDATION_ROWS = 0.15, 1000
FEWEST_ROWS_FOR_A_PROOF = 300
_ZONE = 1.25
"""Groups whose hash falls below this many times the test share never train. Between 1,000 and 10,000 rows, where the share is
a fifth, more data therefore cannot pull a test row into training; beyond, and where new rows join an old group, an earlier
`splits.parquet` keeps every row on its side."""


@dataclass(frozen=True)
class SplitRequest:
    """What a split is made from.

    Shapes: `strata` has one entry per row; `given` too, with the side that a file of its own fixes, or None.
    """

    groups: Groups
    strata: Sequence[str]
    given: Sequence[Side | None]
    seed: int
    earlier: pd.DataFrame | None = None


_as_json = json.JSONEncoder(ensure_ascii=True).encode
_as_json_text = json.encoder.encode_basestring_ascii


def row_key(given: Input, answer: Answer | None) -> str:
    """Hash of what a row holds."""
    if isinstance(given, str) and isinstance(answer, str):  # most rows, told in the same way and faster
        return hashlib.sha256(f"[{_as_json_text(given)}, {_as_json_text(answer)}]".encode()).hexdigest()[:16]
    return hashlib.sha256(_as_json([given, answer]).encode()).hexdigest()[:16]


def draw_place(seed: int, row_id: str) -> bytes:
    """Where a row falls when a sample is drawn: those with the lowest places are taken."""
    return hashlib.sha256(f"{seed}:{row_id}".encode()).digest()


def row_ids(inputs: Sequence[Input], answers: Sequence[Answer]) -> tuple[str, ...]:
    """Ids that follow from what a row holds: hash of input and answer, and how often it occurred before."""
    seen: Counter[str] = Counter()
    ids = []
    for position, given in enumerate(inputs):
        key = row_key(given, answers[position] if answers else None)
        ids.append(f"{key}-{seen[key]}")
        seen[key] += 1
    return tuple(ids)


def test_share(rows: int) -> float:
    """A fifth of the rows, at least 200 and at most 2,000, never more than a third."""
    if rows == 0:
        return 0.0
    return min(max(TEST_SHARE * rows, FEWEST_TEST_ROWS), MOST_TEST_ROWS, rows * LARGEST_TEST_SHARE) / rows


test_share.__test__ = False  # type: ignore[attr-defined]  # its name is not that of a test


def split(request: SplitRequest) -> list[Side]:
    """Give each row a side.

    Rows of a near-duplicate group share a side; sides that files or an earlier split fix stay. A group in a given test file
    pulls its copies out of training (`left_out`), since a model must not train on what it is tested on.
    """
    sides: list[Side | None] = list(request.given)
    _keep_earlier(sides, request)
    has_test, has_validation = "test" in request.given, "validation" in request.given
    places = _places(request)
    free = [row for row, side in enumerate(sides) if side is None]
    share = 0.0 if has_test else test_share(len(free))
    _draw(sides, free, places, request, "test", share, _ZONE * share)
    rest = [row for row in free if sides[row] is None]
    share = 0.0 if has_validation else min(VALIDATION_SHARE, MOST_VALIDATION_ROWS / max(len(rest), 1))
    _draw(sides, rest, {row: 1 - place for row, place in places.items()}, request, "validation", share, 1.0)
    return _leave_out_copies([side or "train" for side in sides], request)


def _places(request: SplitRequest) -> dict[int, float]:
    """Where the hash of each row's group falls between 0 and 1; large groups fall anywhere, as small ones do."""
    digests = (hashlib.sha256(f"{request.seed}:{key}".encode()).digest() for key in request.groups.keys)
    return {row: int.from_bytes(digest[:8], "big") / 2**64 for row, digest in enumerate(digests)}


def _draw(
    sides: list[Side | None],
    free: list[int],
    places: dict[int, float],
    request: SplitRequest,
    side: Side,
    share: float,
    zone: float,
) -> None:
    """Give `side` to the lowest places of each stratum up to its share; what else lies in the zone becomes the reserve."""
    if share == 0:
        return
    members: dict[str, list[int]] = defaultdict(list)
    for row in free:
        members[request.groups.keys[row]].append(row)
    wanted = {stratum: share * count for stratum, count in Counter(request.strata[row] for row in free).items()}
    taken: Counter[str] = Counter()
    for rows in sorted(members.values(), key=lambda rows: places[rows[0]]):
        stratum = Counter(request.strata[row] for row in rows).most_common(1)[0][0]
        chosen: Side | None = None
        if places[rows[0]] < zone and taken[stratum] + len(rows) / 2 <= wanted[stratum]:
            chosen, taken[stratum] = side, taken[stratum] + len(rows)
        elif places[rows[0]] < zone < 1:
            chosen = "reserve"
        for row in rows:
            sides[row] = chosen


def _keep_earlier(sides: list[Side | None], request: SplitRequest) -> None:
    if request.earlier is None:
        return
    known = dict(zip(request.earlier["text_hash"], request.earlier["side"], strict=True))
    by_group: dict[str, Side] = {}
    for key, text in zip(request.groups.keys, request.groups.text_hashes, strict=True):
        side = known.get(text)
        if side is not None and by_group.get(key) != "test":
            by_group[key] = side
    for row, key in enumerate(request.groups.keys):
        if sides[row] is None and by_group.get(key) not in (None, "left_out"):
            sides[row] = by_group[key]


def _leave_out_copies(sides: list[Side], request: SplitRequest) -> list[Side]:
    """Take rows out of training whose group is tested or validated on, and out of validation whose group is tested on."""
    by_group: dict[str, set[Side]] = defaultdict(set)
    for key, side in zip(request.groups.keys, sides, strict=True):
        by_group[key].add(side)
    found: list[Side] = []
    for key, side in zip(request.groups.keys, sides, strict=True):
        others = by_group[key]
        copied = (side in ("train", "validation") and "test" in others) or (side == "train" and "validation" in others)
        found.append("left_out" if copied else side)
    return found


def folds(groups: Sequence[str], strata: Sequence[str], most: int, seed: int) -> list[Array]:
    """Held-out positions of each fold of a grouped, stratified cross-validation.

    Returns:
        As many folds as the typical stratum has groups, at most `most` and at least two.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    pairs = {(stratum, key) for stratum, key in zip(strata, groups, strict=True)}
    typical = int(np.median(list(Counter(stratum for stratum, _ in pairs).values())))
    splitter = StratifiedGroupKFold(n_splits=max(2, min(most, typical)), shuffle=True, random_state=seed)
    nothing = np.zeros(len(groups))
    with warnings.catch_warnings():  # a stratum with fewer groups than folds is missing from some, as it should be
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        return [held_out for _, held_out in splitter.split(nothing, list(strata), list(groups))]


def save_splits(path: Path, ids: Sequence[str], groups: Groups, sides: Sequence[Side]) -> None:
    """Write `splits.parquet`: one line per row."""
    pd.DataFrame(
        {"row_id": list(ids), "text_hash": groups.text_hashes, "group": groups.keys, "side": list(sides)}
    ).to_parquet(path, index=False)


def load_splits(path: Path) -> pd.DataFrame:
    """Read `splits.parquet`.

    Raises:
        DataError: It is missing or is something else.
    """
    try:
        found = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"'{path}' cannot be read as splits: {error}.", "Give the splits.parquet of an earlier run."
        ) from error
    missing = {"row_id", "text_hash", "group", "side"} - set(found.columns)
    if missing:
        raise DataError(
            f"'{path}' lacks the columns {', '.join(sorted(missing))}.", "Give the splits.parquet of an earlier run."
        )
    return found


def rows_checksum(ids: Sequence[str], sides: Sequence[str]) -> str:
    """Checksum over all rows and their sides, in order."""
    lines = "\n".join(f"{row} {side}" for row, side in zip(ids, sides, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()
