"""What every request passes first: whether it may come in, how large it may be, and what every answer says to a browser."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from advisor.live.gauges import Gauges

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPEN = ("/", "/page.css", "/page.js", "/health")
"""Paths that tell nothing of the run, so that they need no token."""
KNOWN = (*OPEN, "/about", "/predict", "/mark", "/nearest", "/metrics", "/openapi.json")
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
BODY_SECONDS = 30.0
"""Time in which a body must have come."""
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class Limits:
    """How much one request may ask.

    Attributes:
        body_bytes: Of one request.
        rows: Of one request.
        characters: Of one text.
        waiting: Requests that may wait for an answer.
    """

    body_bytes: int = 1_000_000
    rows: int = 256
    characters: int = 20_000
    waiting: int = 2_000


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        host: Where the service listens.
        token: What a request must carry; None where none is needed.
    """

    host: str
    token: str | None

    def names(self, host: str) -> bool:
        """Whether a request was meant for this service, and not led here by a page elsewhere whose name points to this machine."""
        if self.host not in LOOPBACK:
            return True  # the token protects it, and it may have any name
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return name in LOOPBACK

    def lets_in(self, given: str) -> bool:
        """Whether the header `Authorization` carries the token; takes as long whatever differs."""
        if self.token is None:
            return True
        wanted, found = (hashlib.sha256(each.encode()).digest() for each in (f"Bearer {self.token}", given))
        return hmac.compare_digest(wanted, found)


@dataclass(frozen=True)
class _Refusal:
    status: int
    problem: str
    fix: str


class Gate:
    """Lets requests through to the service, or says why not.

    Args:
        app: The service.
        access: Who may ask.
        limits: How much.
        gauges: Told of every request.
    """

    def __init__(self, app: App, access: Access, limits: Limits, gauges: Gauges) -> None:
        self.app, self.access, self.limits, self.gauges = app, access, limits, gauges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, status = time.perf_counter(), 500

        async def tell(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        try:
            found = self._refusal(scope) or await self._body(scope, receive)
            if isinstance(found, _Refusal):
                await _refuse(found, tell)
            else:
                await self.app(scope, _replay(found), tell)
        finally:
            path = scope["path"] if scope["path"] in KNOWN else "other"
            self.gauges.request(path, status, time.perf_counter() - begun)

    def _refusal(self, scope: Scope) -> _Refusal | None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if not self.access.names(headers.get("host", "")):
            return _Refusal(421, "This service has another name.", "Ask it under the address that it printed.")
        if scope["path"] not in OPEN and not self.access.lets_in(headers.get("authorization", "")):
            return _Refusal(401, "The token is missing or wrong.", "Send the header `Authorization: Bearer TOKEN`.")
        if scope["method"] != "POST":
            return None
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            return _Refusal(
                403, "A page of another site asks.", "Ask from this service's own page, or without a browser."
            )
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _Refusal(
                415, "The body is not said to be JSON.", "Send the header `Content-Type: application/json`."
            )
        length = headers.get("content-length", "0")
        return self._too_large() if not length.isdigit() or int(length) > self.limits.body_bytes else None

    def _too_large(self) -> _Refusal:
        most = f"{self.limits.body_bytes:,}"
        return _Refusal(413, f"The body is larger than {most} bytes.", "Send fewer rows at once.")

    async def _body(self, scope: Scope, receive: Receive) -> bytes | _Refusal:
        """The whole body, or why it is not taken; nothing of it is kept beyond the limit."""
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return b""
        try:
            return await asyncio.wait_for(self._read(receive), BODY_SECONDS)
        except TimeoutError:
            return _Refusal(408, "The body did not come in time.", "Send it again.")

    async def _read(self, receive: Receive) -> bytes | _Refusal:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self.limits.body_bytes:
                return self._too_large()
            if not message.get("more_body", False):
                return bytes(body)


def _replay(body: bytes) -> Receive:
    given = False

    async def receive() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _refuse(refusal: _Refusal, send: Send) -> None:
    body = json.dumps({"problem": refusal.problem, "fix": refusal.fix}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
