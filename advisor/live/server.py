"""`advisor serve`: opens a door on this machine, answers until it is stopped, and loses nothing."""

import contextlib
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from advisor.errors import AnswersError
from advisor.live.answering import Answering
from advisor.live.gate import LOOPBACK, Access, Gate, Limits
from advisor.live.gauges import Gauges
from advisor.live.served import FILE, ServedFile
from advisor.way import Way
from pipeline.errors import MissingExtra

SHORTEST_TOKEN = 16
CLOSING_SECONDS = 10
"""Time that requests under way have to end when the service is stopped."""

BACKLOG = 2048
"""Connections that may wait to be taken."""


@dataclass(frozen=True)
class Wish:
    """What the command line asked for.

    Attributes:
        host: Where to listen.
        port: Likewise; 0 for any that is free.
        token: What requests must carry; None for one of ours, or none on this machine alone.
        limits: How much one request may ask.
    """

    host: str
    port: int
    token: str | None = None
    limits: Limits = field(default_factory=Limits)


def check(wish: Wish) -> None:
    """Refuse what cannot be served, before the model is loaded.

    Raises:
        AnswersError: The token is too short.
        MissingExtra: The packages of the extra are not installed.
    """
    if wish.token is not None and len(wish.token) < SHORTEST_TOKEN:
        raise AnswersError(
            f"The token has {len(wish.token)} characters.",
            f"Give one of {SHORTEST_TOKEN} or more, or none to have one made.",
        )
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtra(
            f"Serving needs the package '{error.name}', which is not installed.",
            'Install the extra: pip install "finetune-advisor[serve]".',
        ) from error


class Service:
    """A service that is ready to answer.

    Args:
        way: What answers.
        wish: What the command line asked for.

    Raises:
        AnswersError: The address cannot be had.
        StorageError: The run folder cannot take requests.
    """

    def __init__(self, way: Way, wish: Wish) -> None:
        import uvicorn

        from advisor.live.service import build

        self.token = wish.token or (None if wish.host in LOOPBACK else secrets.token_urlsafe(24))
        self._listener = _listen(wish)
        self.file = ServedFile(way.folder.path / FILE)
        gauges = Gauges()
        self._answering = Answering(way, self.file, gauges, wish.limits.waiting)
        service = build(self._answering, self.file, gauges, wish.limits)
        config = uvicorn.Config(
            Gate(service, Access(wish.host, self.token), wish.limits, gauges),
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            backlog=BACKLOG,
            timeout_graceful_shutdown=CLOSING_SECONDS,
        )
        self._server = uvicorn.Server(config)

    @property
    def address(self) -> str:
        """Where it answers."""
        host, port = self._listener.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    def run(self) -> int:
        """Answer until a signal comes or it is stopped; returns how many rows are kept."""
        try:
            self._server.run(sockets=[self._listener])
        except KeyboardInterrupt:
            pass  # uvicorn raises again the signal that it was stopped with
        finally:
            self._answering.stop()
            kept = self.file.count()
            self.file.close()
            self._listener.close()
        return kept

    def stop(self) -> None:
        """End what `run` does, once requests under way are answered."""
        self._server.should_exit = True


def serve(way: Way, wish: Wish, say: Callable[[str], None]) -> None:
    """Answer requests until a signal comes.

    Raises:
        AnswersError: The address cannot be had.
        StorageError: The run folder cannot take requests.
    """
    service = Service(way, wish)
    say(f"The {way.title} way answers at {service.address} until Ctrl-C.")
    if service.token is not None and wish.token is None:
        say(f"Requests must carry this token: {service.token}")
    kept = service.run()
    say(f"Stopped; {kept:,} rows with their answers are kept in '{FILE}' of the run.")
    say(
        "`advisor evaluate RUN --served` scores what was marked, and says how the requests differ from the training data."
    )


def _listen(wish: Wish) -> socket.socket:
    """A socket that listens.

    Raises:
        AnswersError: It cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            wish.host, wish.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with contextlib.ExitStack() as closing:
            listener = closing.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            closing.pop_all()
            return listener
    except OSError as error:
        raise AnswersError(
            f"Nothing can listen at '{wish.host}', port {wish.port}: {error.strerror or error}.",
            "Choose another with --host or --port; port 0 takes one that is free.",
        ) from error
