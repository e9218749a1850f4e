"""Odd files of every kind: rows, or an error with its mend; never a traceback, never a hang."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.odd_files import check, odd_files, valid

KINDS = list(valid())
EACH = settings(derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_gives_rows_or_an_error_with_its_mend(kind: str) -> None:
    @settings(EACH, max_examples=12)
    @given(odd=odd_files(kind))
    def read(odd: object) -> None:
        with tempfile.TemporaryDirectory() as folder:
            check(odd, Path(folder))  # type: ignore[arg-type]

    read()


@settings(EACH, max_examples=96)
@given(data=st.data())
def test_what_is_no_file_of_any_kind_gives_rows_or_an_error_with_its_mend(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(data.draw(odd_files()), Path(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_the_files_that_are_broken_are_whole_before(kind: str) -> None:
    suffix, content = valid()[kind]
    options = {"quote": "'"} if kind == "csv with semicolons" else {}
    if kind == "tsv in cp1252":
        options = {"encoding": "cp1252"}
    with tempfile.TemporaryDirectory() as folder:
        from tests.odd_files import OddFile

        assert check(OddFile(f"whole{suffix}", content, options), Path(folder)) == "rows"
