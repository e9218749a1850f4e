"""`advisor export --push` against a server that speaks as much of the hub's own protocol as pushing needs."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.finished_runs import FinishedRun

TOKEN = "hf_of_a_test"
NAME = "anna/moods"


@dataclass
class Hub:
    """What was asked of it, and what it holds."""

    address: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)
    """By path in the repository."""
    large: dict[str, bytes] = field(default_factory=dict)
    """By hash, before a commit names them."""
    unknown: list[str] = field(default_factory=list)


def answer(hub: Hub, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """One request.

    Source: https://huggingface.co/docs/hub/api, and the protocol of Git LFS for large files
    """
    known: dict[str, Callable[[Hub, bytes], tuple[int, dict[str, Any]]]] = {
        "/api/repos/create": create,
        "/api/validate-yaml": lambda *_: (200, {"errors": [], "warnings": []}),
        f"/api/models/{NAME}/preupload/main": sort_by_size,
        f"/{NAME}.git/info/lfs/objects/batch": name_places,
        f"/api/models/{NAME}/commit/main": commit,
    }
    if path.startswith("/upload/"):
        hub.large[path.removeprefix("/upload/")] = body
        return 200, {}
    if path in known:
        return known[path](hub, body)
    hub.unknown.append(path)
    return 404, {"error": "no such thing here"}


def create(hub: Hub, body: bytes) -> tuple[int, dict[str, Any]]:
    if hub.created:
        return 409, {"error": "You already created this model repo"}
    hub.created.append(json.loads(body))
    return 200, {"url": f"{hub.address}/{NAME}"}


def sort_by_size(hub: Hub, body: bytes) -> tuple[int, dict[str, Any]]:
    del hub
    asked = [each["path"] for each in json.loads(body)["files"]]
    modes = [(each, "lfs" if each.endswith(".safetensors") else "regular") for each in asked]
    return 200, {"files": [{"path": each, "uploadMode": mode, "shouldIgnore": False} for each, mode in modes]}


def name_places(hub: Hub, body: bytes) -> tuple[int, dict[str, Any]]:
    wanted = json.loads(body)["objects"]
    found = [{**each, "actions": {"upload": {"href": f"{hub.address}/upload/{each['oid']}"}}} for each in wanted]
    return 200, {"transfer": "basic", "objects": found}


def commit(hub: Hub, body: bytes) -> tuple[int, dict[str, Any]]:
    for line in (json.loads(each) for each in body.splitlines()):
        value = line["value"]
        if line["key"] == "file":
            hub.files[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            hub.files[value["path"]] = hub.large[value["oid"]]
    return 200, {"success": True, "commitOid": "0" * 40, "commitUrl": f"{hub.address}/{NAME}/commit/{'0' * 40}"}


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if not self.path.startswith("/upload/"):
                found.tokens.add(self.headers.get("Authorization"))
            status, document = answer(found, self.path.partition("?")[0], body)
            sent = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PUT = do_HEAD = handle_any  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def export(hub: Hub, run: Path, home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, since the hub's library reads its address once."""
    own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": "0"}
    return subprocess.run(
        [sys.executable, "-m", "advisor", "export", str(run), "--push", NAME, *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, **own, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"},
        cwd=Path(__file__).parents[2],
    )


def is_private(asked: dict[str, Any]) -> bool:
    """Whether a repository was asked for that only its owner sees, in the words of newer or earlier libraries."""
    return asked["visibility"] == "private" if "visibility" in asked else bool(asked["private"])


def test_a_model_is_pushed_whole_and_private_and_a_second_time_refused(
    hub: Hub, finished_run: FinishedRun, tmp_path: Path
) -> None:
    run = finished_run("text-classification").folder
    done = export(hub, run, tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"Pushed to {hub.address}/{NAME}, which nobody but you and whom you invite can see." in done.stdout
    assert [(each["name"], each["organization"], is_private(each)) for each in hub.created] == [("moods", "anna", True)]
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert hub.unknown == []
    here = {path.relative_to(run / "model").as_posix(): path for path in (run / "model").rglob("*") if path.is_file()}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in hub.files.items()} == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in here.items()
    }
    assert {"README.md", "config.json", "model.safetensors"} <= set(hub.files)
    before = dict(hub.files)
    again = export(hub, run, tmp_path)
    assert again.returncode == 1
    assert "could not be pushed" in again.stderr
    assert "Traceback" not in again.stderr
    assert hub.files == before


def test_everybody_sees_it_only_when_that_is_said(hub: Hub, finished_run: FinishedRun, tmp_path: Path) -> None:
    done = export(hub, finished_run("text-classification").folder, tmp_path, "--public")
    assert done.returncode == 0, done.stderr
    assert not is_private(hub.created[0])
    assert "which everybody can see" in done.stdout
