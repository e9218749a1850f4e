"""The folder of one run: saves each record as soon as it is made, and reads it back instead of making it again."""

import contextlib
import datetime
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from advisor.answers_file import read_answers, save_answers
from advisor.errors import RunFolderError
from advisor.records import Answers
from pipeline.records import Record
from pipeline.storage import load_record, save_record

R = TypeVar("R", bound=Record)

RUNS = Path("runs")
DRAFT = RUNS / "draft.toml"
"""Answers of a questionnaire that is not finished."""
EVALUATIONS = "evaluations"
"""Holds a folder for each evaluation of rows that came after the run."""
REMAKABLE = ("cache", "work")
"""What can be computed again: embeddings, measurements in between, checkpoints of a finished run."""


class RunFolder:
    """One run's folder.

    Args:
        path: The folder; it holds `answers.toml`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @property
    def cache(self) -> Path:
        """For what can be computed again."""
        return self.path / "cache"

    def make(self) -> None:
        """Make the folder, and the cache in it, where they are not there.

        Raises:
            RunFolderError: It cannot be written.
        """
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(
                f"The folder '{self.path}' cannot be made: {error.strerror}.",
                "Choose a folder that you may write to with --out.",
            ) from error

    @property
    def answers(self) -> Answers:
        """The answers that the run started from.

        Raises:
            AnswersError: They cannot be read.
        """
        return read_answers(self.path / "answers.toml")

    def has(self, name: str) -> bool:
        """Whether that file is there."""
        return (self.path / name).is_file()

    def remember(self, name: str, kind: type[R], make: Callable[[], R]) -> R:
        """A record from the cache when it was made before, else made now and saved.

        Raises:
            PlanError: What was saved is of another schema version.
            StorageError: It cannot be saved.
        """
        path = self.cache / f"{name}.json"
        if path.is_file():
            return load_record(kind, path)
        made = make()
        save_record(made, path)
        return made

    def save(self, name: str, record: Record) -> None:
        """Save a record under its name."""
        save_record(record, self.path / f"{name}.json")

    def load(self, name: str, kind: type[R]) -> R:
        """Read a record back.

        Raises:
            PlanError: It is missing or of another schema version.
        """
        return load_record(kind, self.path / f"{name}.json")


def open_run(answers: Answers, out: Path | None) -> RunFolder:
    """The folder for a run of these answers: a new one, or `out` when it is empty or a run of the very same answers.

    Raises:
        RunFolderError: `out` holds something else, or cannot be written.
    """
    path = out if out is not None else RUNS / f"{stamp()}-{run_name(answers)}"
    if path.is_dir() and any(path.iterdir()):
        _check_same_run(path, answers)
    folder = RunFolder(path)
    folder.make()
    save_answers(relative_to(answers, folder.path), folder.path / "answers.toml")
    return folder


def open_existing(path: Path) -> RunFolder:
    """A run folder that is there.

    Raises:
        RunFolderError: It is not one, or of another schema version.
    """
    if not (path / "answers.toml").is_file():
        raise RunFolderError(
            f"'{path}' is not a run folder.", "`advisor runs` lists the runs; `advisor assess` makes one."
        )
    _check_version(path)
    return RunFolder(path)


def note_as_last(folder: RunFolder) -> None:
    """Remember which run was worked on last, wherever it is, for `advisor --resume`."""
    with contextlib.suppress(OSError):  # a home that cannot be written to costs the convenience, not the run
        _last_file().parent.mkdir(parents=True, exist_ok=True)
        _last_file().write_text(str(folder.path), encoding="utf-8")


def last_unfinished() -> RunFolder:
    """The run that was worked on last, when it was stopped while measuring or training.

    Raises:
        RunFolderError: There is none.
    """
    path = Path(_last_file().read_text(encoding="utf-8")) if _last_file().is_file() else None
    if path is not None and (path / "answers.toml").is_file() and _is_unfinished(path):
        return RunFolder(path)
    raise RunFolderError(
        "No run was stopped on its way, or it is gone.",
        "Start one with `advisor`, or `advisor assess FILE`; `advisor assess RUN` goes on with an older one.",
    )


def draft_is_newest() -> bool:
    """Whether a questionnaire was stopped after the last run was worked on."""
    if not DRAFT.is_file():
        return False
    return not _last_file().is_file() or DRAFT.stat().st_mtime >= _last_file().stat().st_mtime


def _is_unfinished(path: Path) -> bool:
    training = (path / "log.jsonl").is_file() and not (path / "result.json").is_file()
    return not (path / "decision.json").is_file() or training


def _last_file() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "finetune-advisor" / "last"


def run_name(answers: Answers) -> str:
    """A name for files and titles: the user's, else that of the data."""
    name = answers.name or Path(answers.data.name).stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "run"


def relative_to(answers: Answers, folder: Path) -> Answers:
    """The answers with data and model paths relative to the run folder, so that it can move with its data."""
    data = answers.data
    paths = {
        name: _relative(value, folder)
        for name in ("train", "validation", "test", "splits", "other_tasks")
        if (value := getattr(data, name)) is not None
    }
    candidates = [_relative(name, folder) for name in answers.models.candidates]
    updates: dict[str, object] = {"data": data.model_copy(update=paths)}
    if candidates:
        updates["models"] = answers.models.model_copy(update={"candidates": candidates})
    return answers.model_copy(update=updates)


def _relative(given: Any, folder: Path) -> Any:
    """A path, or each of several; what is no path here stays as it is."""
    if isinstance(given, list):
        return [_relative(each, folder) for each in given]
    name, path = given, Path(given)
    return os.path.relpath(path.resolve(), folder) if path.exists() else name


def shown_path(path: Path) -> str:
    """A path as short as it can be from here."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def stamp() -> str:
    """The time of day in a folder's name."""
    return datetime.datetime.now().strftime("%Y%m%d-%H%M%S")


def _check_same_run(path: Path, answers: Answers) -> None:
    if not (path / "answers.toml").is_file():
        raise RunFolderError(
            f"'{path}' is not empty and is not a run folder.", "Choose an empty or new folder with --out."
        )
    _check_version(path)
    if read_answers(path / "answers.toml") != relative_to(answers, path.resolve()):
        raise RunFolderError(
            f"'{path}' is the run of other answers.",
            f"Go on with that run by `advisor assess {path}`, or choose a new folder with --out.",
        )


def _check_version(path: Path) -> None:
    for name in ("decision.json", "measurements.json", "plan.json", "result.json"):
        if not (path / name).is_file():
            continue
        try:
            version = json.loads((path / name).read_text(encoding="utf-8")).get("schema_version")
        except (json.JSONDecodeError, AttributeError):
            version = None
        if version != 1:
            raise RunFolderError(
                f"'{path / name}' has schema version {version}; this program reads version 1.",
                "Use the version of finetune-advisor that wrote it, or assess again into a new folder.",
            )


def bytes_on_disk(path: Path) -> int:
    """Size of everything below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def remakable(path: Path) -> list[Path]:
    """Folders of a run that can be computed again; checkpoints only once the run is finished."""
    finished = (path / "result.json").is_file() or not (path / "plan.json").is_file()
    names = REMAKABLE if finished else ("cache",)
    return [path / name for name in names if (path / name).is_dir()]
