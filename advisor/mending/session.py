"""What `advisor prepare` does from start to end: columns, mends, the new file, and a few lines about it."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from advisor.interview import choose_several, has_terminal
from advisor.mending.mends import MENDS, MendName, chosen_mends
from advisor.mending.output import form_of, refuse_existing
from advisor.mending.preparation import Order, count_mends, prepare, record_path
from advisor.mending.records import Prepared
from advisor.mending.source import Source
from advisor.records import Answers
from advisor.report.terminal import Terminal
from advisor.session import settle
from pipeline.data.personal_data import Names
from pipeline.errors import DataError

EXIT_USAGE = 2
WITHOUT_NAMES = (
    "Names of people were not looked for: a run of your own that tags them can, with --names RUN. "
    "Read some rows before you pass the file on."
)
WITH_NAMES = (
    "Names are those that the model of the named run found; it misses some. Read some rows before you pass the file on."
)


@dataclass(frozen=True)
class Wish:
    """What is to be made of the data.

    Attributes:
        out: The new file.
        mends: By name; asked or listed when empty.
        names: Finds names of people, where a model for them was named.
        json: Whether the result goes to standard output as JSON.
    """

    out: Path
    mends: Sequence[str] = ()
    names: Names | None = None
    json: bool = False


def prepare_data(given: Sequence[str], answers: Answers, wish: Wish, terminal: Terminal) -> int:
    """Mend data as the command line says; ask which mends, or list them where nobody can be asked.

    Args:
        given: What was named as data, as it was typed.
        answers: The task and where the data is.
        wish: What is to be made of it.
        terminal: Where it is told.

    Returns:
        The exit code.

    Raises:
        PipelineError: Something cannot be read or written as asked.
    """
    out = wish.out
    form_of(out)
    refuse_existing(out, record_path(out))
    has_other_files = bool(answers.data.test or answers.data.validation)
    chosen = chosen_mends(wish.mends, has_other_files=has_other_files)
    answers = settle(answers, terminal, json=wish.json).answers
    order = Order(Source(answers.data, Path.cwd()), answers, out, wish.names)
    with terminal.progress(f"Preparing '{out}'") as steps:
        if not chosen:
            steps.step("looking for what can be mended")
            counts = count_mends(order, steps.advance)
            steps.close(works=True)
            if not has_terminal():
                terminal.show_error(_listing(given, out, counts))
                return EXIT_USAGE
            chosen = _ask(counts, has_other_files=has_other_files)
        done = prepare(order, chosen, steps)
    for line in say_prepared(done, chosen, has_names=wish.names is not None):
        terminal.say(line)
    if wish.json:
        sys.stdout.write(done.model_dump_json(indent=1) + "\n")
    return 0


def _listing(given: Sequence[str], out: Path, counts: Mapping[MendName, int]) -> DataError:
    if not counts:
        return DataError("No mend was named, and none is needed.", "The data can be used as it is.")
    listed = ", ".join(f"{name} ({_rows(count)})" for name, count in counts.items())
    flags = " ".join(f"--mend {name}" for name in counts)
    command = f"advisor prepare {shlex.join(given)} {flags} --out {shlex.quote(str(out))}"
    return DataError(
        f"No mend was named. Those that would do something: {listed}.", f"Name those that you want: `{command}`"
    )


def _ask(counts: Mapping[MendName, int], *, has_other_files: bool) -> list[MendName]:
    """Which mends a person wants; those that lose nothing are ticked."""
    choices = [
        (mend.name, mend.name + (f" ({_rows(counts[mend.name])})" if mend.name in counts else "") + f": {mend.does}")
        for mend in MENDS
        if mend.name in counts or mend.name == "split"
    ]
    ticked = [mend.name for mend in MENDS if mend.is_safe]
    names = choose_several("Which mends are to be made, in this order?", choices, ticked)
    return chosen_mends(names, has_other_files=has_other_files)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def say_prepared(done: Prepared, chosen: Sequence[MendName], *, has_names: bool = False) -> list[str]:
    """The result in lines."""
    lines = [f"{done.rows_written:,} of {done.rows_read:,} rows written to '{done.out}'."]
    for count in done.mends:
        said = [
            f"{_rows(rows)} {what}"
            for rows, what in ((count.rows_changed, "changed"), (count.rows_dropped, "dropped"))
            if rows
        ]
        lines.append(f"  {count.mend}: {', '.join(said) or 'nothing to do'}")
    lines += [f"  '{label}' is now written '{spelled}'" for label, spelled in done.spelling.items()]
    lines += [f"  {_rows(rows)} in '{path}'" for path, rows in done.parts.items()]
    if done.splits is not None:
        lines.append(f'  To use these parts: splits = "{done.splits}" under [data], with train = "{done.out}".')
    lines += done.notes
    if "personal-data" in chosen:
        lines.append(WITH_NAMES if has_names else WITHOUT_NAMES)
    return [*lines, f"Every row that was dropped or changed, and why: '{done.record}'"]
