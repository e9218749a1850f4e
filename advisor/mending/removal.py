"""Which rows go, for which mend, and which row each repeats. Pure: hashes in, decisions out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from advisor.mending.mends import ROW_MENDS, MendName
from advisor.mending.survey import UNANSWERED, Survey
from pipeline.data.duplicates import group, text_hash
from pipeline.task import Array, Input

KEPT = 0
NOBODY = -1


@dataclass
class Removal:
    """What becomes of each row.

    Shapes: `why` and `other` have one entry per row.
    """

    why: Array
    """`KEPT`, or one more than the place of the mend in `ROW_MENDS`."""
    other: Array
    """The row that it repeats, or `NOBODY`."""
    notes: list[str] = field(default_factory=list)
    """What is left open, in sentences."""

    @classmethod
    def none_of(cls, rows: int) -> "Removal":
        """Every row stays."""
        return cls(np.zeros(rows, dtype=np.uint8), np.full(rows, NOBODY, dtype=np.int64))

    def counts(self) -> Counter[MendName]:
        """Rows that go, by mend."""
        found = np.bincount(self.why, minlength=len(ROW_MENDS) + 1)[1:]
        return Counter({mend: int(count) for mend, count in zip(ROW_MENDS, found, strict=True) if count})

    def drop(self, rows: Array, mend: MendName, others: Array | int = NOBODY) -> None:
        """Let these rows go."""
        self.why[rows] = 1 + ROW_MENDS.index(mend)
        self.other[rows] = others


def decide_removal(seen: Survey, chosen: Sequence[MendName], others: Sequence[Input] = ()) -> Removal:
    """Decide for each row whether it stays.

    Args:
        seen: All rows.
        chosen: Mends; each looks at what those before it left.
        others: Inputs of the test and validation files.
    """
    found = Removal.none_of(len(seen.texts))
    texts, answers = np.asarray(seen.texts, dtype=np.uint64), np.asarray(seen.answers, dtype=np.uint64)
    empty = np.frombuffer(seen.empty, dtype=np.uint8).astype(bool) if seen.empty else np.zeros(0, dtype=bool)
    if "empty" in chosen:
        found.drop(np.flatnonzero(empty), "empty")
    if "conflicts" in chosen:
        _settle_conflicts(found, texts, answers, empty, seen.scores)
    if "copies" in chosen:
        _drop_repeats(found, "copies", texts, answers, empty)
    if "near-copies" in chosen:
        keys = _keys_of(texts, _near_keys(list(seen.inputs.values())))
        _drop_repeats(found, "near-copies", keys, answers, empty)
        _note_differing(found, keys, empty, "nearly like an earlier one")
    elif "copies" in chosen:
        _note_differing(found, texts, empty, "a copy of an earlier text")
    if "leaks" in chosen:
        _drop_leaks(found, texts, empty, seen, others)
    if seen.has_more_inputs and {"near-copies", "leaks"} & set(chosen):
        found.notes.append(
            f"Nearly equal texts were looked for in a sample of {len(seen.inputs):,} different ones; "
            "of the rest only exact copies were found."
        )
    return found


def _alive(found: Removal, empty: Array) -> Array:
    return np.flatnonzero((found.why == KEPT) & ~empty)


def _drop_repeats(found: Removal, mend: MendName, keys: Array, answers: Array, empty: Array) -> None:
    """Of rows with the same key and the same answer keep the first."""
    rows = _alive(found, empty)
    order = rows[np.lexsort((answers[rows], keys[rows]))]
    again = (keys[order][1:] == keys[order][:-1]) & (answers[order][1:] == answers[order][:-1])
    starts = np.flatnonzero(np.concatenate([[True], ~again]))[: len(order)]
    firsts = order[np.repeat(starts, np.diff([*starts, len(order)]))] if len(order) else order
    repeats = np.concatenate([[False], again]) if len(order) else np.zeros(0, dtype=bool)
    found.drop(order[repeats], mend, firsts[repeats])


def _note_differing(found: Removal, keys: Array, empty: Array, what: str) -> None:
    rows = _alive(found, empty)
    left = len(rows) - len(np.unique(keys[rows]))
    if left:
        found.notes.append(
            f"{left:,} row{'s' if left > 1 else ''} that {'are' if left > 1 else 'is'} {what} stayed: "
            "their answers differ. `--mend conflicts` settles the same text with different answers."
        )


def _settle_conflicts(found: Removal, texts: Array, answers: Array, empty: Array, scores: Mapping[int, float]) -> None:
    """Of a text with different answers keep the rows with the commonest; where two are as common, none.

    Scores conflict when they lie further apart than all scores do on average (one standard deviation). What goes changes that
    average, so it is done again until nothing goes.
    """
    while True:
        rows = _alive(found, empty)
        rows = rows[answers[rows] != UNANSWERED]
        numbers = [scores[int(answer)] for answer in answers[rows]] if scores else []
        apart = float(np.std(numbers)) if numbers else 0.0
        dropped = 0
        for members in _with_several_answers(rows, texts, answers):
            counts = Counter(answers[members].tolist())
            if scores and _spread(counts, scores) <= apart:
                continue
            going, kept = _minority(members, answers, counts)
            found.drop(going, "conflicts", kept)
            dropped += len(going)
        if not (dropped and scores):
            return


def _spread(counts: Counter[int], scores: Mapping[int, float]) -> float:
    values = [scores[answer] for answer in counts]
    return max(values) - min(values)


def _minority(members: Array, answers: Array, counts: Counter[int]) -> tuple[Array, int]:
    """The rows that go, and a row that shows the answer which stays, if one does."""
    (best, most), (_, second) = counts.most_common(2)
    if most == second:
        return members, NOBODY
    return members[answers[members] != best], int(members[answers[members] == best][0])


def _with_several_answers(rows: Array, texts: Array, answers: Array) -> Iterator[Array]:
    """The rows of each text that has more than one answer, in their order."""
    order = rows[np.argsort(texts[rows], kind="stable")]
    borders = np.flatnonzero(np.diff(texts[order]) != 0) + 1
    ends = [0, *borders.tolist(), len(order)]
    for start, end in pairwise(ends):
        members = order[start:end]
        if end - start > 1 and (answers[members] != answers[members[0]]).any():
            yield members


def _near_keys(inputs: Sequence[Input]) -> dict[int, int]:
    """For each text hash the smallest hash of its group of nearly equal texts."""
    groups = group(inputs)
    return {int(text, 16): int(key, 16) for text, key in zip(groups.text_hashes, groups.keys, strict=True)}


def _keys_of(texts: Array, keys: Mapping[int, int]) -> Array:
    return np.array([keys.get(text, text) for text in texts.tolist()], dtype=np.uint64)


def _drop_leaks(found: Removal, texts: Array, empty: Array, seen: Survey, others: Sequence[Input]) -> None:
    near = _near_keys([*seen.inputs.values(), *others])
    kept_apart = {near[int(text_hash(given), 16)] for given in others}
    rows = _alive(found, empty)
    keys = _keys_of(texts[rows], near).tolist()
    found.drop(rows[[key in kept_apart for key in keys]], "leaks")
