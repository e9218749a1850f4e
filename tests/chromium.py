"""A real browser for tests, driven over its debugging pipe; it reaches this machine only."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 60.0
"""Seconds after which an answer is not waited for any more."""


def find_chromium() -> str | None:
    """Where it is, if it is anywhere."""
    return next((path for name in NAMES if (path := shutil.which(name)) is not None), None)


def _high_pipe() -> tuple[int, int]:
    """A pipe whose ends are not 3 or 4, where the browser wants its own."""
    ends = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return high[0], high[1]


class Browser:
    """One page of a headless browser with a profile of its own.

    Args:
        profile: An empty folder.
        dark: Whether the person likes it dark.
    """

    def __init__(self, profile: Path, *, dark: bool = False) -> None:
        program = find_chromium()
        assert program is not None
        (read_here, write_there), (read_there, write_here) = _high_pipe(), _high_pipe()
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--proxy-server=http://127.0.0.1:9",
            "--proxy-bypass-list=127.0.0.1;localhost",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        command = [
            "bash",
            "-c",
            f'exec "$@" 3<&{read_there} 4>&{write_there}',
            "bash",
            program,
            *options,
            "about:blank",
        ]
        self._process = subprocess.Popen(
            command, pass_fds=(read_there, write_there), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(read_there)
        os.close(write_there)
        self._in, self._out = os.fdopen(read_here, "rb", buffering=0), os.fdopen(write_here, "wb", buffering=0)
        self._number, self._rest = 0, b""
        self.events: list[dict[str, Any]] = []
        self._begin(dark=dark)

    def _begin(self, *, dark: bool) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        if dark:
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in.close()
        self._out.close()
        self._process.kill()
        self._process.wait()

    def call(self, method: str, **values: Any) -> Any:
        """Ask the browser for something, and wait for the answer."""
        self._number += 1
        session = {"sessionId": self._session} if hasattr(self, "_session") else {}
        message = {"id": self._number, "method": method, "params": values, **session}
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, found
                return found["result"]
            self.events.append(found)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = self._in.read(65536)
            assert piece, "the browser has ended"
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        return json.loads(line)  # type: ignore[no-any-return]

    def open(self, address: str) -> None:
        """Go to a page, and wait until its script has run."""
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of an expression on the page."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, condition: str) -> None:
        """Until an expression on the page is true."""
        until = time.monotonic() + PATIENCE
        while not self.run(condition):
            assert time.monotonic() < until, f"in vain: {condition}"
            time.sleep(0.05)

    def press(self, key: str, *, ctrl: bool = False) -> None:
        """A key, as a person presses it."""
        codes = {"Enter": 13, "Tab": 9}
        code, text = codes.get(key, ord(key[0].upper())), "\r" if key == "Enter" else key if len(key) == 1 else ""
        values: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **values, **({"text": text} if text and not ctrl else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **values)

    def type(self, text: str) -> None:
        """A text into what has the focus."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, width: int = 800, height: int = 900) -> None:
        """A picture of the page."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
        )
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def complaints(self) -> list[str]:
        """What the page or the browser complained of: errors of scripts, and what the policy forbade."""
        logged = [each["params"]["entry"]["text"] for each in self.events if each.get("method") == "Log.entryAdded"]
        thrown = [
            str(each["params"]["exceptionDetails"].get("text"))
            for each in self.events
            if each.get("method") == "Runtime.exceptionThrown"
        ]
        return logged + thrown

    def asked(self) -> list[str]:
        """Every address that the page asked for."""
        return [
            each["params"]["request"]["url"]
            for each in self.events
            if each.get("method") == "Network.requestWillBeSent"
        ]
