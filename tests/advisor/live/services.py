"""A service on a real socket of this machine, with the tiny model of a finished run behind it."""

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from advisor.live.server import Service, Wish
from advisor.run_folder import RunFolder
from advisor.way import open_way
from tests.finished_runs import Finished

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Served:
    """A service that runs."""

    service: Service
    folder: Path

    def ask(self, path: str, body: Any = None, method: str | None = None, **headers: str) -> Reply:
        """One request over a connection of its own; `body` is sent as JSON unless it is bytes."""
        address = urlsplit(self.service.address)
        connection = http.client.HTTPConnection("127.0.0.1", address.port, timeout=60)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            known = {} if sent is None else JSON
            connection.request(method or ("GET" if sent is None else "POST"), path, sent, known | named)
            found = connection.getresponse()
            return Reply(found.status, {name.lower(): value for name, value in found.getheaders()}, found.read())
        finally:
            connection.close()

    def predict(self, *rows: Any, **headers: str) -> Reply:
        """Ask for answers."""
        return self.ask("/predict", {"rows": list(rows)}, **headers)


@contextmanager
def serving(finished: Finished, folder: Path, wish: Wish | None = None, *, cheap: bool = False) -> Iterator[Served]:
    """Serve a copy of a run, so that what is kept in it is the test's own."""
    if not folder.is_dir():
        shutil.copytree(
            finished.folder, folder, ignore=shutil.ignore_patterns("cache", "served.sqlite*", "evaluations")
        )
    way = open_way(RunFolder(folder), cheap=cheap)
    service = Service(way, wish or Wish("127.0.0.1", 0))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        yield Served(service, folder)
    finally:
        service.stop()
        thread.join(timeout=30)
        assert not thread.is_alive()
