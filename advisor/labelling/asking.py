"""`advisor label`: from a run and a file to answers, row by row; or, for another tool, to the ranked rows."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advisor.errors import AnswersError
from advisor.labelling import prompts
from advisor.labelling.labelled_file import LabelledFile
from advisor.labelling.markup import as_scheme, kinds_of, mark_up, read_markup
from advisor.labelling.ranking import Pick
from advisor.labelling.second_opinion import read_answers_back
from advisor.labelling.session import Known, Sitting
from advisor.labelling.summary import is_enough, sum_up
from advisor.measuring import Progress
from advisor.other_data import source_like
from advisor.report.blocks import Block
from advisor.rulebook import load_rules
from advisor.run_folder import RunFolder
from pipeline.data.duplicates import group
from pipeline.data.values import as_number
from pipeline.records import DataSource
from pipeline.task import Answer, Rows
from pipeline.tasks.spans import OUTSIDE

FILE = "labelled.jsonl"
MOST_RANKED = 100


@dataclass(frozen=True)
class Wish:
    """What the command line asked for.

    Attributes:
        data: Where the rows are and how they are written, as under [data].
        out: File for the answers; the run's own when None.
        annotator: Who answers.
        named: Columns by role, where the file names them differently.
        most: Rows to rank or to ask; None for as many as there are.
        again: A file of answers whose rows are asked again.
    """

    data: Mapping[str, Any] | None
    out: Path | None = None
    annotator: str | None = None
    named: Mapping[str, Any] | None = None
    most: int | None = None
    again: Path | None = None


Tell = Callable[[Sequence[Block]], None]
"""Shows how things stand when a sitting ends."""


def refuse_without_terminal() -> None:
    """Say what to do instead where nobody can be asked.

    Raises:
        AnswersError: There is no terminal.
    """
    from advisor.interview import has_terminal

    if not has_terminal():
        raise AnswersError(
            "Labelling asks in the terminal, and there is none.",
            "Add --json to get the rows that would help most, ranked and with reasons, for a labelling tool.",
        )


def prepare(folder: RunFolder, wish: Wish, progress: Progress) -> Sitting:
    """Read the rows, rank them, and take up what earlier sittings left."""
    source = _rows_of(folder, wish)
    name = FILE if wish.again is None else "labelled-again-" + re.sub(r"\W+", "-", str(wish.annotator)) + ".jsonl"
    file = LabelledFile.open(wish.out or folder.path / name)
    known = Known(folder, load_rules(), progress, source, wish.named or {}, file)
    earlier = known.train.take([]) if wish.again is not None else _earlier(known, file)
    return Sitting(known, file, earlier, wish.annotator)


def _rows_of(folder: RunFolder, wish: Wish) -> DataSource | Path:
    """The rows that are asked.

    Raises:
        AnswersError: None were named, or nobody said who answers again.
    """
    if wish.again is None and wish.data is None:
        raise AnswersError("No rows to label are named.", "Name them with --data, or with --again FILE.")
    if wish.again is None or wish.data is not None:
        if wish.again is not None:
            raise AnswersError("--data and --again name two kinds of rows.", "Give one of them.")
        assert wish.data is not None
        return source_like(folder.answers.data, wish.data)
    if not wish.annotator:
        raise AnswersError(
            "Nobody said who answers again.", "Add --annotator NAME, so that two people can be told apart."
        )
    if not wish.again.is_file():
        raise AnswersError(f"There is no file '{wish.again}'.", "Name the file with the answers of the first person.")
    return wish.again


def ask_rows(sitting: Sitting, most: int | None, tell: Tell) -> None:
    """Ask until the person stops, the rows are through, or as many are answered as were wanted; then say how things stand."""
    note = ""
    was_enough = is_enough(sitting)
    try:
        while (pick := sitting.next()) is not None and (most is None or len(sitting.answers) < most):
            reply = put(sitting, pick, note)
            note = ""
            if reply.act == "stop":
                break
            if reply.act == "skip":
                sitting.skip(pick)
            elif reply.act in ("back", "undo"):
                note = (
                    sitting.back if reply.act == "back" else sitting.undo
                )() or "nothing to take back in this sitting"
            else:
                assert isinstance(reply.answer, str | float | tuple)
                sitting.answer(pick, reply.answer)
                if sitting.known.first is None and is_enough(sitting) and not was_enough:
                    was_enough, note = True, "That is enough to assess again: Ctrl-C stops and shows the command."
    finally:
        sitting.file.close()
    tell(sum_up(sitting))


def ranked(sitting: Sitting, most: int | None) -> dict[str, Any]:
    """The rows that would help most with their reasons, and how far the labels are, for a labelling tool."""
    pool = sitting.known.pool
    sitting.abandon()
    sitting.file.close()
    picks = sitting.choose(most or MOST_RANKED)
    return {
        "file": pool.file,
        "left_out": pool.left_out,
        "goals": [goal.model_dump() for goal in sitting.goals()],
        "enough": is_enough(sitting),
        "rows": [
            {
                "row": pool.rows.ids[pick.place],
                **pool.cells[pick.place],
                "because": pick.because,
                "suggested": _plain(sitting.belief.suggested[pick.place]),
                "probability": sitting.probability(pick.place),
            }
            for pick in picks
        ],
    }


def write_ranked(sitting: Sitting, most: int | None) -> None:
    """The same as one JSON document on standard output."""
    sys.stdout.write(json.dumps(ranked(sitting, most), ensure_ascii=False, indent=1, default=str) + "\n")


def put(sitting: Sitting, pick: Pick, note: str) -> prompts.Reply:
    """Ask one row as its task is asked."""
    known, place = sitting.known, pick.place
    given = known.pool.rows.inputs[place]
    sentence = known.asked == "spans" or isinstance(given, str)
    card = prompts.Card(_progress(sitting), [_text(known, place)] if sentence else list(given), pick.because, note)
    if known.asked == "number":
        guess = sitting.suggestion(place) or ""
        title = "a number" + (f", Enter takes {guess}" if guess else "")
        return prompts.type_answer(card, title, "", number_reader(known.task.options), guess)
    if known.asked == "spans":
        return _put_spans(sitting, card, place)
    chances = sitting.chances(place)
    if known.asked == "labels":
        return prompts.choose_labels(card, chances, sitting.suggested_labels(place))
    return prompts.choose_label(card, chances)


def _put_spans(sitting: Sitting, card: prompts.Card, place: int) -> prompts.Reply:
    known = sitting.known
    words = [str(word) for word in known.pool.rows.inputs[place]]
    tags = sitting.belief.suggested[place]
    classes = sitting.classes()
    marked = mark_up(words, tags if isinstance(tags, tuple) else [OUTSIDE] * len(words))
    kinds = ", ".join(kinds_of(classes))
    return prompts.type_answer(card, f"[words](label), labels: {kinds}", marked, tag_reader(words, classes))


def _text(known: Known, place: int) -> str:
    given = known.pool.rows.inputs[place]
    if isinstance(given, str):
        return given
    column = known.columns.get("text")
    return str(known.pool.cells[place][column]) if isinstance(column, str) else " ".join(given)


def number_reader(options: Mapping[str, str]) -> Callable[[str], float]:
    """Reads a typed number, on the scale where one was named."""
    low, high = (as_number(options.get(key)) for key in ("lowest", "highest"))

    def read_number(typed: str) -> float:
        found = as_number(typed.replace(",", "."))
        if found is None:
            raise AnswersError(f"'{typed}' is not a number.", "Type one, such as 3.5.")
        if (low is not None and found < low) or (high is not None and found > high):
            raise AnswersError(f"{found:g} lies outside the scale.", f"It goes from {low} to {high}.")
        return found

    return read_number


def tag_reader(words: Sequence[str], classes: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """Reads a sentence with its spans marked up."""
    return lambda typed: as_scheme(len(words), read_markup(typed, words), classes)


def _progress(sitting: Sitting) -> str:
    """How many are answered, and what is still wanted; the shortest class last."""
    if sitting.known.first is not None:
        return f"{len(sitting.answers):,} of {len(sitting.known.pool.rows):,} answered again"
    goals = sitting.goals()
    open_ones = [f"{goal.title}: {goal.have} of {goal.need}" for goal in goals if not goal.reached]
    need = sitting.known.target.fewest_per_class
    counts = sitting.known.target.counts(sitting.added())
    shortest = sorted((count, label) for label, count in counts.items() if count < need)[:1]
    if not any(goal.title.startswith("'") and not goal.reached for goal in goals):
        open_ones += [f"'{label}': {count} of {need}" for count, label in shortest]
    answered = f"{len(sitting.answers):,} answered"
    return " · ".join([answered, *(open_ones[:3] or ["enough to assess again"])])


def _earlier(known: Known, file: LabelledFile) -> Rows:
    """Rows that were answered for training before, as the reader reads them back."""
    nothing = known.train.take([])
    if not file.path.is_file() or file.path.stat().st_size == 0:
        return nothing
    rows, _ = read_answers_back(file.path, known.task, known.columns)
    sealed = {line.text_hash for line in file.standing() if line.side == "test"}
    hashes = group(rows.inputs).text_hashes if len(rows) else []
    return rows.take([place for place, key in enumerate(hashes) if key not in sealed])


def _plain(answer: Answer | object) -> object:
    return list(answer) if isinstance(answer, tuple) else answer
