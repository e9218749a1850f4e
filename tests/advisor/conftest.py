"""The command line as a person meets it: exit code, standard output and standard error."""

import contextlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Advisor = Callable[..., Done]


def advise_in(folder: Path, *arguments: object) -> Done:
    """Run a command in this process, in a folder; a traceback is a failure."""
    from advisor.__main__ import app

    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            pytest.raises(SystemExit) as ended,
        ):
            app([str(argument) for argument in arguments], prog_name="advisor")
        for file in (out, err):
            file.seek(0)
        done = Done(int(str(ended.value.code)), out.read(), err.read())
    assert "Traceback" not in done.err
    return done


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command line is used in, by a person who never used it before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    return tmp_path


@pytest.fixture
def advisor(here: Path) -> Advisor:
    """Runs a command in that folder."""

    def run(*arguments: object) -> Done:
        return advise_in(here, *arguments)

    return run
