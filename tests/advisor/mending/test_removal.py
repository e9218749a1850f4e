"""Which of a few rows go, for each mend and in which order."""

from collections.abc import Sequence

import pytest

from advisor.mending.mends import ROW_MENDS, MendName
from advisor.mending.removal import KEPT, NOBODY, decide_removal
from advisor.mending.survey import UNANSWERED, Survey
from pipeline.data.duplicates import text_hash

Line = tuple[str, str | float | None]
LETTER = "The parcel never came and nobody answers the phone"


def seen(lines: Sequence[Line]) -> Survey:
    found = Survey(files=[len(lines)])
    for text, answer in lines:
        key = int(text_hash(text), 16)
        found.empty.append(not text.strip())
        found.texts.append(0 if not text.strip() else key)
        if text.strip():
            found.keep_input(key, text)
        code = UNANSWERED if answer is None else abs(hash(answer)) + 1
        if isinstance(answer, float):
            found.scores[code] = answer
        found.answers.append(code)
    return found


def decided(lines: Sequence[Line], *chosen: MendName, others: Sequence[str] = ()) -> list[tuple[str, int] | None]:
    """For each row None when it stays, else for what it goes and beside which row."""
    found = decide_removal(seen(lines), chosen, others)
    return [
        None if why == KEPT else (ROW_MENDS[why - 1], other)
        for why, other in zip(found.why.tolist(), found.other.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("chosen", "lines", "expected"),
    [
        ("empty", [("a", "x"), (" ", "y"), ("", None)], [None, ("empty", NOBODY), ("empty", NOBODY)]),
        ("copies", [("a b", "x"), ("A  B", "x"), ("a b", "y"), ("c", "x"), ("a b", "x")], [None, ("copies", 0), None, None, ("copies", 0)]),
        ("copies", [("a", None), ("a", None), ("a", "x")], [None, ("copies", 0), None]),
        ("copies", [("", "x"), ("", "x")], [None, None]),
        ("conflicts", [("a", "x"), ("a", "y"), ("a", "x"), ("b", "x")], [None, ("conflicts", 0), None, None]),
        ("conflicts", [("a", "x"), ("a", "y"), ("b", "x"), ("b", "x")], [("conflicts", NOBODY), ("conflicts", NOBODY), None, None]),
        ("conflicts", [("a", "x"), ("a", None)], [None, None]),
        ("near-copies", [(LETTER, "x"), (LETTER + "!", "x"), (LETTER + "?", "y"), ("c", "x")], [None, ("near-copies", 0), None, None]),
    ],
)  # fmt: skip
def test_rows_go_for_what_they_are(
    chosen: MendName, lines: Sequence[Line], expected: list[tuple[str, int] | None]
) -> None:
    assert decided(lines, chosen) == expected


def test_conflicts_are_settled_while_copies_still_count() -> None:
    lines: list[Line] = [("a", "x"), ("a", "x"), ("a", "y")]
    assert decided(lines, "conflicts", "copies") == [None, ("copies", 0), ("conflicts", 0)]


def test_scores_conflict_when_they_lie_further_apart_than_all_do_and_that_until_nothing_goes() -> None:
    close: list[Line] = [("a", 1.0), ("a", 1.1), ("b", 5.0), ("c", 3.0)]
    assert decided(close, "conflicts") == [None] * 4
    far: list[Line] = [("a", 1.0), ("a", 5.0), ("a", 1.0), ("b", 3.0), ("b", 3.4), ("c", 3.2), ("d", 3.1)]
    once = decided(far, "conflicts")
    assert once[1] == ("conflicts", 0)
    left = [line for line, why in zip(far, once, strict=True) if why is None]
    assert decided(left, "conflicts") == [None] * len(left)


def test_rows_that_also_stand_in_the_test_file_leak_exactly_or_nearly() -> None:
    lines: list[Line] = [(LETTER, "x"), ("another", "x"), ("THIS one", "y")]
    others = [LETTER + "!", "this  ONE"]
    assert decided(lines, "leaks", others=others) == [("leaks", NOBODY), None, ("leaks", NOBODY)]


def test_what_stays_because_its_answer_differs_is_said() -> None:
    found = decide_removal(seen([("a", "x"), ("a", "y")]), ["copies"])
    assert found.notes == [
        "1 row that is a copy of an earlier text stayed: their answers differ. "
        "`--mend conflicts` settles the same text with different answers."
    ]
