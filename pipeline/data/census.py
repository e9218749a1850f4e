"""Counts copies, conflicts and leaks among all rows, however many there are: hashes of them go to disk and are counted in parts."""

import functools
import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pipeline.data.splitting import draw_place
from pipeline.records import Census
from pipeline.task import Answer, Array

HELD_ROWS = 1_000_000
"""Rows whose hashes are held in memory at most."""
PARTS = 256
"""Files that hashes are spread over by their first bits, so that the same ones meet; each is counted by itself."""
ROW = np.dtype([("text", "<u8"), ("answer", "<u8"), ("origin", "u1")])
DRAW = np.dtype([("key", "<u8"), ("file", "<u4"), ("row", "<u8")])
TRAIN, VALIDATION, TEST = range(3)
"""Where a row comes from, in the order in which a row that stands in two files belongs to the earlier."""
PAIRS = {
    "validation in train": (VALIDATION, TRAIN),
    "test in train": (TEST, TRAIN),
    "test in validation": (TEST, VALIDATION),
}


class Spill:
    """Records that are grouped by their first field, a hash; on disk once there are many.

    Args:
        folder: An empty folder of its own.
        kind: What a record holds.
        most: Records that are held in memory.
    """

    def __init__(self, folder: Path, kind: np.dtype, most: int) -> None:
        self.folder, self.kind, self.most = folder, kind, most
        self.held: list[Array] = []
        self.count, self.spilled = 0, False

    def add(self, *fields: Array | Sequence[int] | int) -> None:
        """Add a batch of records: an array for each field, or one value for all."""
        length = max(len(field) for field in fields if not isinstance(field, int))
        records = np.empty(length, dtype=self.kind)
        for name, field in zip(self.kind.names or (), fields, strict=True):
            records[name] = field
        self.held.append(records)
        self.count += length
        if sum(map(len, self.held)) >= self.most:
            self._write()

    def parts(self) -> Iterator[Array]:
        """All records in groups, in the order in which they came; records of one hash are in one group."""
        if not self.spilled:
            yield np.concatenate(self.held) if self.held else np.empty(0, dtype=self.kind)
            return
        self._write()
        for path in sorted(self.folder.iterdir()):
            yield np.fromfile(path, dtype=self.kind)

    def _write(self) -> None:
        records = np.concatenate(self.held) if self.held else np.empty(0, dtype=self.kind)
        part = (records[(self.kind.names or ("",))[0]] >> np.uint64(56)).astype(np.uint16)
        order = np.argsort(part, kind="stable")
        bounds = np.searchsorted(part[order], np.arange(PARTS + 1))
        self.folder.mkdir(exist_ok=True)
        for number, (start, end) in enumerate(itertools.pairwise(bounds)):
            if end > start:
                with (self.folder / f"{number:03}").open("ab") as file:
                    records[order[start:end]].tofile(file)
        self.held, self.spilled = [], True


class Counter:
    """Counts all rows of a source as they are read.

    Args:
        folder: For hashes that do not fit into memory.
        held_rows: Rows whose hashes are held in memory before they are written to disk.
    """

    def __init__(self, folder: Path, held_rows: int = HELD_ROWS) -> None:
        self.rows = Spill(folder / "texts", ROW, held_rows)
        self.unlabelled = 0
        self._numbers, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, hashes: Array, answers: Sequence[Answer], origin: int) -> None:
        """Count rows by the hashes of their texts and their answers."""
        if len(hashes) == 0:
            return
        if isinstance(answers[0], float):
            values = np.array(answers, dtype=np.float64)
            if origin != TEST:
                self._spread(values)
            self.rows.add(hashes, values.view(np.uint64), origin)
        else:
            self.rows.add(hashes, np.array([_answer_hash(answer) for answer in answers], dtype=np.uint64), origin)

    def _spread(self, values: Array) -> None:
        """Take values into mean and variance.

        Source: Chan et al. (1983), https://doi.org/10.1080/00031305.1983.10483115
        """
        total = self._numbers + len(values)
        shift = float(values.mean()) - self._mean
        self._squares += float(((values - values.mean()) ** 2).sum()) + shift**2 * self._numbers * len(values) / total
        self._mean += shift * len(values) / total
        self._numbers = total

    def census(self, kept_rows: int, sampled: int | None = None) -> Census:
        """What was counted."""
        apart = (self._squares / self._numbers) ** 0.5 if self._numbers else None
        totals = np.zeros(3 + len(PAIRS), dtype=np.int64)
        for records in self.rows.parts():
            if len(records):
                totals += _count(records, apart)
        different, copies, conflicting, *leaked = totals.tolist()
        return Census(
            rows=self.rows.count,
            unlabelled_rows=self.unlabelled,
            kept_rows=kept_rows,
            sampled_train_rows=sampled,
            different_texts=different,
            exact_copies=copies,
            conflicting_rows=conflicting,
            leaked_rows={name: count for name, count in zip(PAIRS, leaked, strict=True) if count},
        )


def _count(records: Array, apart: float | None) -> Array:
    """Different texts, copies within a file, conflicting rows, and leaks between each pair of files, of one part.

    Args:
        records: With all records of each text.
        apart: How far scores of one text may lie apart; None for answers that are the same or not.
    """
    records = records[np.argsort(records["text"], kind="stable")]
    starts = np.flatnonzero(np.concatenate(([True], records["text"][1:] != records["text"][:-1])))
    texts = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(records))))
    there = np.stack([np.bincount(texts[records["origin"] == origin], minlength=len(starts)) for origin in range(3)])
    known = records["origin"] != TEST
    answers = records["answer"].view(np.float64) if apart is not None else records["answer"]
    low, high = _range(answers, texts, known, len(starts))
    contradicted = high - low > apart if apart is not None else high != low
    leaks = [there[later][there[earlier] > 0].sum() for later, earlier in PAIRS.values()]
    copies = np.maximum(there - 1, 0).sum()
    return np.array([len(starts), copies, (known & contradicted[texts]).sum(), *leaks], dtype=np.int64)


def _range(answers: Array, texts: Array, known: Array, count: int) -> tuple[Array, Array]:
    """The lowest and the highest answer of each text, among rows that may be looked at."""
    low, high = np.zeros(count, dtype=answers.dtype), np.zeros(count, dtype=answers.dtype)
    places = np.flatnonzero(known)
    if len(places) == 0:
        return low, high
    starts = np.flatnonzero(np.concatenate(([True], texts[places][1:] != texts[places][:-1])))
    low[texts[places][starts]] = np.minimum.reduceat(answers[places], starts)
    high[texts[places][starts]] = np.maximum.reduceat(answers[places], starts)
    return low, high


@functools.lru_cache(maxsize=4096)
def _answer_hash(answer: Answer) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(answer).encode()).digest()[:8], "big")


class Draw:
    """Draws a seeded sample of rows of which only hashes are known; the same as when all were in memory.

    Args:
        folder: For hashes that do not fit into memory.
        seed: Of the draw.
        held_rows: As for counting.
    """

    def __init__(self, folder: Path, seed: int, held_rows: int = HELD_ROWS) -> None:
        self.rows, self.seed = Spill(folder / "draw", DRAW, held_rows), seed

    def add(self, keys: Array, files: Array, rows: Array) -> None:
        """Add rows by the hashes of what they hold, their files and their numbers there."""
        self.rows.add(keys, files, rows)

    def drawn(self, most: int) -> Array:
        """The records of the rows that are drawn, in the order of files and rows."""
        lowest, places = np.empty(0, dtype=DRAW), np.empty(0, dtype=np.uint64)
        for part in self.rows.parts():
            lowest = np.concatenate([lowest, part])
            places = np.concatenate([places, self._places(part)])
            if len(lowest) > most:
                chosen = np.argpartition(places, most - 1)[:most]
                lowest, places = lowest[chosen], places[chosen]
        return lowest[np.lexsort((lowest["row"], lowest["file"]))]

    def _places(self, part: Array) -> Array:
        """The place of each row in the draw; copies are told apart by how many stood before."""
        places = np.empty(len(part), dtype=np.uint64)
        order = np.argsort(part["key"], kind="stable")
        before, earlier = 0, -1
        for position in order.tolist():
            key = int(part["key"][position])
            before = before + 1 if key == earlier else 0
            earlier = key
            places[position] = int.from_bytes(draw_place(self.seed, f"{key:016x}-{before}")[:8], "big")
        return places
