"""Keeps every test off the network, and makes the one small model and data set that tests share."""

import atexit
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.embeddings import Embedder
    from tests.finished_runs import FinishedRun

_empty_cache = tempfile.mkdtemp(prefix="finetune-advisor-tests-")
atexit.register(shutil.rmtree, _empty_cache, ignore_errors=True)
os.environ |= {
    "HF_HOME": _empty_cache,
    "XDG_STATE_HOME": _empty_cache,
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "HF_EVALUATE_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",  # on so small a model two threads on a busy machine are twenty times slower
}

_connect = socket.socket.connect
_HERE = ("127.0.0.1", "::1", "localhost")


def _connect_here(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _HERE:
        raise ConnectionRefusedError(f"tests run offline; something wanted to reach {address}")
    _connect(self, address)


socket.socket.connect = _connect_here  # type: ignore[method-assign, assignment]

import pytest  # noqa: E402 - the guard comes before anything that could reach out

from pipeline.records import ModelSource  # noqa: E402
from pipeline.task import Rows  # noqa: E402
from tests import tiny  # noqa: E402


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """A real encoder of one layer with random weights, in a folder of its own."""
    return tiny.save_model(tmp_path_factory.mktemp("tiny") / "tiny-bert")


@pytest.fixture(scope="session")
def rows() -> Rows:
    """Labelled rows that a frozen random model reads badly and a trained one well."""
    return tiny.make_rows(360, seed=1)


@pytest.fixture
def csv_file(tmp_path: Path, rows: Rows) -> Path:
    """The same rows as a CSV file."""
    return tiny.write_csv(rows, tmp_path / "moods.csv")


@pytest.fixture(scope="session")
def embedder(tiny_model: ModelSource) -> "Embedder":
    """Frozen features of that model."""
    from pipeline.embeddings import Embedder

    return Embedder(Path(tiny_model.location), tiny_model, tiny.PREPARATION, cache=None)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, tiny_model: ModelSource) -> "FinishedRun":
    """The finished run of a task, made once."""
    from tests.finished_runs import Finished, make_run

    made: dict[str, Finished] = {}

    def finished(key: str) -> Finished:
        if key not in made:
            made[key] = make_run(key, tmp_path_factory.mktemp(key), tiny_model)
        return made[key]

    return finished
