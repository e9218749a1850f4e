"""`advisor audit`: looks at data alone, without a verdict, and keeps what it found in a folder of its own."""

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from advisor.columns import Settled
from advisor.errors import RunFolderError
from advisor.measuring import Measuring
from advisor.records import Answers, Audit
from advisor.report.terminal import Terminal
from advisor.rulebook import load_rules
from advisor.run_folder import open_run, run_name, shown_path, stamp
from advisor.session import quiet_libraries, settle
from pipeline.data.personal_data import Names
from pipeline.data.preview import say_dialects
from pipeline.storage import save_record

AUDITS = Path("audits")
EXIT_SOUND, EXIT_INVALID = 0, 4


@dataclass(frozen=True)
class Wish:
    """How the audit is to be shown.

    Attributes:
        json: Whether one JSON document goes to standard output.
        examples: Whether rows may be shown.
        names: Finds names of people, where a model for them was named.
    """

    json: bool = False
    examples: bool = True
    names: Names | None = None


def audit_data(answers: Answers, out: Path | None, wish: Wish, terminal: Terminal) -> int:
    """Audit data into a new folder, and show what was found.

    Returns:
        0, or 4 when something would invalidate any result.

    Raises:
        RunFolderError: `out` holds something already, or cannot be written.
        PipelineError: The data cannot be read.
    """
    answers = settle(answers, terminal, json=wish.json).answers
    folder = out if out is not None else AUDITS / f"{stamp()}-{run_name(answers)}"
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunFolderError(f"'{folder}' is there already.", "Choose an empty or new folder with --out.")
    settled = settle(answers, terminal, json=wish.json)
    with tempfile.TemporaryDirectory(prefix="advisor-audit-") as work:
        audit = _look(settled, Path(work) / "run", wish, terminal)
        _keep(audit, folder, Path(work) / "run" / "test_readings.jsonl", run_name(answers))
    terminal.show_audit(audit, run_name(answers))
    if wish.json:
        sys.stdout.write(audit.model_dump_json(indent=1) + "\n")
    terminal.say(f"Report: {shown_path(folder)}/audit.html")
    return EXIT_INVALID if audit.invalidates else EXIT_SOUND


def _look(settled: Settled, work: Path, wish: Wish, terminal: Terminal) -> Audit:
    run = open_run(settled.answers, work)
    for line in say_dialects(run.answers.data, run.path):
        terminal.say(f"Reading {line}")
    with terminal.progress("Looking at the data") as progress:
        progress.step("starting")
        quiet_libraries()
        measuring = Measuring(run, load_rules(), progress, check=False, examples=wish.examples, names=wish.names)
        return measuring.audit.model_copy(update={"reading": settled.reading})


def _keep(audit: Audit, folder: Path, readings: Path, name: str) -> None:
    from advisor.report.page import write_audit_page

    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(readings, folder)
    except OSError as error:
        raise RunFolderError(
            f"The folder '{folder}' cannot be used: {error.strerror}.",
            "Choose a folder that you may write to with --out.",
        ) from error
    save_record(audit, folder / "audit.json")
    write_audit_page(folder / "audit.html", audit, name)
