"""What a run keeps of data that does not fit into memory, so that every later session works on the same rows."""

from pathlib import Path

from advisor.measuring import Measuring
from advisor.records import Answers, Budget
from advisor.rulebook import load_rules
from advisor.run_folder import RunFolder, open_run
from pipeline.records import DataSource
from tests import tiny


class Silent:
    """Shows nothing."""

    def step(self, name: str) -> None:
        """Nothing."""

    def advance(self, done: int, total: int) -> None:
        """Nothing."""


def measuring(folder: RunFolder) -> Measuring:
    return Measuring(folder, load_rules(), Silent())


def begin(here: Path, memory_gib: float | None) -> RunFolder:
    path = tiny.write_csv(tiny.make_rows(900, seed=1), here / "moods.csv")
    data = DataSource(train=str(path), columns={"text": "text", "label": "label"})
    answers = Answers(task="text-classification", data=data, budget=Budget(memory_gib=memory_gib))
    return open_run(answers, here / "run")


def test_rows_that_do_not_fit_are_sampled_once_and_asked_for_by_their_number_from_then_on(here: Path) -> None:
    folder = begin(here, memory_gib=0.0008)
    first = measuring(folder)
    kept = first.data.census.sampled_train_rows
    assert kept is not None
    assert 300 < kept < 700
    assert (first.data.census.rows, len(first.data.rows)) == (900, kept)
    assert first.answers.data.max_rows == kept
    (folder.cache / "kept_rows.txt").write_text(str(kept - 50))  # as if less had been free when the run began
    (folder.path / "splits.parquet").unlink()
    assert len(measuring(folder).data.rows) == kept - 50


def test_rows_that_fit_are_all_kept(here: Path) -> None:
    found = measuring(begin(here, memory_gib=None))
    assert (len(found.data.rows), found.answers.data.max_rows) == (900, None)
