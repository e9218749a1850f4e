"""What the audit finds in data small enough to count by hand, and what it says of it."""

import random
from collections.abc import Sequence

import pytest

from advisor.audit.inspection import CHECKS, Subject, inspect
from advisor.audit.material import Material
from advisor.records import Answers, Audit
from advisor.rulebook import load_rules
from pipeline.data.dataset import Dataset
from pipeline.data.duplicates import group
from pipeline.data.splitting import Side, row_ids
from pipeline.records import DataSource, Finding
from pipeline.task import Answer, Input, Rows, load_task

RULES = load_rules()
FILES = {"train": "letters.csv", "validation": "more/check.csv", "test": "'my test.csv'"}
Line = tuple[str, str, Side, Side | None]
"""A text, its label, its side, and the side that its file fixes."""

LINES: list[Line] = [
    ("The parcel never came and nobody answers.", "delivery", "train", None),
    ("the parcel  never came and nobody ANSWERS.", "delivery", "train", None),
    ("The parcel never came and nobody answers!", "delivery", "train", None),
    ("I want my money back.", "refund", "train", None),
    ("Please cancel my order now.", "refund", "train", None),
    ("Please cancel my order now.", "delivery", "train", None),
    ("", "refund", "train", None),
    ("The courier was rude to my neighbour.", "delivery", "left_out", None),
    ("The courier was rude to my neighbour.", "delivery", "validation", "validation"),
    ("Copied into the given test file, word by word.", "delivery", "left_out", None),
    ("Copied into the given test file, word by word.", "delivery", "test", "test"),
    ("Nearly copied into the given test file, or not.", "praise", "left_out", None),
    ("Nearly copied into the given test file, or not!", "praise", "test", "test"),
    ("A sealed text that nobody may read.", "refund", "test", "test"),
    ("A sealed text that nobody may read.", "delivery", "test", "test"),
]


def material(
    task: str, inputs: Sequence[Input], answers: Sequence[Answer], sides: Sequence[Side] = (), **changes: object
) -> Material:
    rows = Rows(row_ids(tuple(inputs), tuple(answers)), tuple(inputs), tuple(answers))
    given = changes.pop("given", ())
    places = [f"letters.csv row {row}" for row in range(1, len(rows) + 1)]
    data = Dataset(rows, group(rows.inputs), list(sides) or ["train"] * len(rows), False, 2, given, places)  # type: ignore[arg-type]
    asked = Answers(task=task, data=DataSource(train="letters.csv"))
    return Material(data, load_task(task), asked, RULES, [], lambda: None)


def look(found: Material, *, show_rows: bool = True) -> Audit:
    return inspect(found, Subject(FILES, show_rows=show_rows))


def letters(lines: Sequence[Line] = LINES) -> Material:
    texts, labels, sides, given = zip(*lines, strict=True)
    return material("text-classification", texts, labels, sides, given=given)


def counts(found: Audit) -> dict[str, tuple[int, int | None]]:
    return {finding.code: (finding.count, finding.of) for finding in found.findings}


def of_code(found: Audit, code: str) -> Finding:
    return next(finding for finding in found.findings if finding.code == code)


def test_copies_leaks_conflicts_and_gaps_are_counted() -> None:
    assert counts(look(letters())) == {
        "exact_duplicates": (2 + 1, 15),
        "near_duplicates": (1, 15),
        "validation_leaks": (1, 1),
        "test_leaks": (1, 4),
        "test_near_leaks": (1, 4),
        "conflicting_labels": (2, 11),
        "empty": (1, 15),
        "rare_classes": (3, 3),
        "unlabelled": (2, 17),
    }


def test_no_sealed_row_is_shown() -> None:
    found = look(letters())
    shown = [example for finding in found.findings for example in finding.examples]
    assert shown
    assert not any("sealed" in example or "or not!" in example for example in shown)
    assert of_code(found, "test_leaks").examples == [
        "letters.csv row 10: Copied into the given test file, word by word."
    ]
    assert of_code(found, "test_near_leaks").examples == [
        "letters.csv row 12: Nearly copied into the given test file, or not."
    ]


def test_the_command_that_mends_names_the_files_as_one_would_type_them() -> None:
    found = look(letters())
    assert of_code(found, "exact_duplicates").mend == "advisor prepare letters.csv --mend copies --out FILE"
    mend = "advisor prepare letters.csv --test 'my test.csv' --mend leaks --out FILE"
    assert of_code(found, "test_near_leaks").mend == mend
    assert of_code(found, "validation_leaks").mend == mend.replace(
        "--test 'my test.csv'", "--validation more/check.csv"
    )
    assert found.files == {"train": "letters.csv", "validation": "check.csv", "test": "my test.csv"}


def test_each_example_says_where_its_row_stands() -> None:
    found = look(letters())
    assert of_code(found, "conflicting_labels").examples == [
        "letters.csv row 5: Please cancel my order now. (refund / delivery)"
    ]
    assert of_code(found, "near_duplicates").examples == [
        "letters.csv row 3: The parcel never came and nobody answers! ≈ "
        "letters.csv row 1: The parcel never came and nobody answers."
    ]
    assert of_code(found, "empty").examples == ["letters.csv row 7"]


def test_no_row_is_shown_where_none_may_be() -> None:
    found = look(letters(), show_rows=False)
    assert counts(found) == counts(look(letters()))
    assert [example for finding in found.findings for example in finding.examples] == []
    assert any("No row is shown" in line for line in found.left_out)


def test_what_invalidates_a_result_comes_first_then_what_is_commonest() -> None:
    found = look(letters())
    grades = [(finding.severity, finding.count) for finding in found.findings]
    order = ["invalidates", "warning", "note"]
    assert grades == sorted(grades, key=lambda pair: (order.index(pair[0]), -pair[1]))
    assert found.invalidates
    assert of_code(found, "test_leaks").severity == "invalidates"


WORDS = ["river", "engine", "violin", "harvest", "lantern", "glacier", "saddle", "orchard"]
CLEAN = [f"{one} {other} {one[::-1]} {other[::-1]}" for one in WORDS for other in WORDS if one < other]


def test_a_clean_data_set_has_nothing_but_the_rows_without_an_answer() -> None:
    found = look(material("text-classification", CLEAN, [*"ab"] * 14))
    assert counts(found) == {"unlabelled": (2, 30)}
    assert not found.invalidates
    assert found.classes == {"a": 14, "b": 14}
    assert (found.rows, found.looked_at_rows, found.sides) == (28, 28, {"train": 28})


@pytest.mark.parametrize(("larger", "uneven"), [(18, False), (20, True)])
def test_classes_are_uneven_from_ten_times_on(larger: int, uneven: bool) -> None:
    found = look(material("text-classification", CLEAN[: larger + 2], ["a"] * larger + ["b"] * 2))
    assert ("imbalance" in counts(found)) == uneven


def test_one_class_alone_invalidates_every_result() -> None:
    found = look(material("text-classification", CLEAN, ["a"] * 28))
    assert of_code(found, "one_class").severity == "invalidates"
    assert "'a'" in of_code(found, "one_class").because
    assert found.invalidates


def test_what_the_task_finds_odd_stands_among_the_others() -> None:
    found = look(material("text-regression", CLEAN[:12], [3.0] * 7 + [1.0, 2.0, 4.0, 5.0, 3.0]))
    assert counts(found) == {"one_value": (8, 12), "unlabelled": (2, 14)}


def test_scores_conflict_when_they_lie_far_apart() -> None:
    scores = [float(place) for place in range(11)]
    found = look(material("text-regression", [*CLEAN[:11], CLEAN[3], CLEAN[8]], [*scores, 4.0, 1.0]))
    assert of_code(found, "conflicting_labels").examples == [f"letters.csv row 9: {CLEAN[8]} (8.0 / 1.0)"]


def test_every_check_stands_once() -> None:
    assert len(set(CHECKS)) == len(CHECKS)


def test_a_row_that_only_a_chain_of_others_joins_to_a_file_is_no_leak() -> None:
    draw = random.Random(0)
    words = [f"{draw.randrange(10**8):08}" for _ in range(32)]
    first, middle, last = (" ".join(words[start : start + 24]) for start in (0, 2, 4))
    chain: list[Line] = [
        (first, "a", "left_out", None),
        (middle, "b", "test", "test"),
        (last, "a", "test", "test"),
    ]
    assert counts(look(letters(chain)))["test_near_leaks"] == (1, 2)
    joined = letters(chain).data.groups.keys
    assert joined[0] == joined[1] == joined[2]
