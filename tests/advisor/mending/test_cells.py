"""What the mends of cells do to each form that a cell can have, and what they leave as it was."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.mending.cells import LABEL_ROLES, NUMBER_ROLES, TEXT_ROLES, CellMends, change_labels
from advisor.mending.mends import CELL_MENDS, MendName
from advisor.mending.positions import Edit, edit, move
from pipeline.task import TASKS, load_task

TEXT = {"text": "body", "label": "kind"}
SPELLING = {"RUDE": "rude", "Late": "late", "City": "city"}


def mended(columns: dict[str, Any], row: dict[str, Any], *chosen: MendName) -> dict[str, Any]:
    mends = CellMends(columns, chosen or CELL_MENDS, SPELLING)
    mends.apply(row)
    return row


@pytest.mark.parametrize(
    ("role", "cell", "delimiter", "expected"),
    [
        ("label", "RUDE", None, "rude"),
        ("label", "rude", None, "rude"),
        ("label", None, None, None),
        ("label", 7, None, 7),
        ("label", True, None, True),
        ("labels", ["RUDE", "kind"], None, ["rude", "kind"]),
        ("labels", ["RUDE", "rude", "kind"], None, ["rude", "kind"]),
        ("labels", '["RUDE", "né"]', None, '["rude", "né"]'),
        ("labels", '["rude",   "kind"]', None, '["rude",   "kind"]'),
        ("labels", "RUDE; Late ;kind", ";", "rude; late ;kind"),
        ("labels", "RUDE;rude", ";", "rude"),
        ("labels", "rude ; kind", ";", "rude ; kind"),
        ("labels", [], None, []),
        ("tags", ["B-City", "I-City", "O"], None, ["B-city", "I-city", "O"]),
        ("tags", ["City", "City"], None, ["city", "city"]),
        ("tags", "B-City  O", None, "B-city  O"),
        ("spans", [{"start": 0, "end": 2, "label": "City", "by": 1}], None, [{"start": 0, "end": 2, "label": "city", "by": 1}]),
        ("spans", '[{"start": 0, "end": 2, "label": "x"}]', None, '[{"start": 0, "end": 2, "label": "x"}]'),
    ],
)  # fmt: skip
def test_labels_are_written_in_one_way_in_the_form_that_the_cell_had(
    role: str, cell: Any, delimiter: str | None, expected: Any
) -> None:
    changed = change_labels(cell, role, lambda label: SPELLING.get(label, label), delimiter)
    assert changed == expected
    assert type(changed) is type(expected)


@pytest.mark.parametrize(
    "cell",
    ["=cmd|' /C calc'!A0", "007", "", "  spaced  ", "a,b;c\"d'", "line\nbreak\r\n", "NULL", "\ud83d", 12, 1.50, None],
)
def test_cells_without_a_fault_stay_the_very_same(cell: Any) -> None:
    row = {"body": cell, "kind": "rude"}
    assert mended(TEXT, dict(row)) == row


def test_text_and_label_are_mended_and_each_change_is_told() -> None:
    row = {"body": "cafÃ©, write to a.b@example.org", "kind": "RUDE"}
    touches = CellMends(TEXT, CELL_MENDS, SPELLING).apply(row)
    assert row == {"body": "café, write to [E-MAIL]", "kind": "rude"}
    assert [(touch.mend, touch.column, touch.after) for touch in touches] == [
        ("encoding", "body", "café, write to a.b@example.org"),
        ("labels", "kind", "rude"),
        ("personal-data", "body", "café, write to [E-MAIL]"),
    ]


def test_only_the_mends_that_were_chosen_are_made() -> None:
    row = {"body": "cafÃ© a.b@example.org", "kind": "RUDE"}
    assert mended(TEXT, dict(row), "labels") == {**row, "kind": "rude"}
    assert mended(TEXT, dict(row), "encoding") == {**row, "body": "café a.b@example.org"}


def test_words_keep_their_number_so_that_tags_stay_beside_them() -> None:
    columns = {"tokens": "words", "tags": "tags"}
    row = {"words": ["Call", "+49", "30", "901820", "in", "cafÃ©"], "tags": ["O", "O", "O", "O", "O", "B-City"]}
    assert mended(columns, row) == {
        "words": ["Call", "[PHONE]", "[PHONE]", "[PHONE]", "in", "café"],
        "tags": ["O", "O", "O", "O", "O", "B-city"],
    }
    assert mended(columns, {"words": "at  cafÃ© a@b.org", "tags": "O O O"}, "encoding")["words"] == "at  café a@b.org"
    assert mended(columns, {"words": '["cafÃ©"]', "tags": '["O"]'})["words"] == '["café"]'


def test_spans_move_with_the_text() -> None:
    columns = {"text": "text", "spans": "spans"}
    text = "a.b@example.org met cafÃ© owner Zoë in Zürich"
    spans = [
        {"start": text.index(word), "end": text.index(word) + len(word), "label": "x"} for word in ("cafÃ©", "Zürich")
    ]
    row = mended(columns, {"text": text, "spans": json.dumps(spans)})
    assert row["text"] == "[E-MAIL] met café owner Zoë in Zürich"
    found = json.loads(row["spans"])
    assert [row["text"][span["start"] : span["end"]] for span in found] == ["café", "Zürich"]


def test_text_with_spans_is_left_where_its_pieces_alone_read_otherwise() -> None:
    row = {"text": "cafÃ© au lait", "spans": [{"start": 4, "end": 5, "label": "x"}]}
    assert mended({"text": "text", "spans": "spans"}, dict(row), "encoding") == row


@pytest.mark.parametrize(
    ("span", "expected"),
    [((0, 4), (0, 4)), ((5, 9), (5, 8)), ((6, 7), (5, 8)), ((4, 10), (4, 9)), ((9, 12), (8, 11)), ((2, 7), (2, 8))],
)
def test_a_span_that_cuts_an_edit_takes_in_what_replaced_it(span: tuple[int, int], expected: tuple[int, int]) -> None:
    assert tuple(move(*span, [Edit(5, 9, "abc")]).values()) == expected


@given(
    st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 5), st.text(max_size=4)), max_size=3)
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_stands_outside_of_edits_is_found_again_where_it_moved(
    text: str, wanted: list[tuple[int, int, str]]
) -> None:
    edits: list[Edit] = []
    for start, length, new in sorted(wanted):
        if start + length <= len(text) and (not edits or edits[-1].end <= start):
            edits.append(Edit(start, start + length, new))
    changed = edit(text, edits)
    for place, letter in enumerate(text):
        if all(place + 1 <= each.start or each.end <= place for each in edits):
            moved = move(place, place + 1, edits)
            assert changed[moved["start"] : moved["end"]] == letter


def test_every_role_of_every_task_says_what_may_be_changed_in_its_cells() -> None:
    roles = {role.key for key in TASKS for layout in load_task(key).layouts for role in layout.roles}
    assert roles == {*TEXT_ROLES, *LABEL_ROLES, *NUMBER_ROLES}
