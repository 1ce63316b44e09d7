"""An HTTP server on the loopback that answers exactly what a test says, and breaks on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


@dataclass(frozen=True)
class Reply:
    """What to answer; ``reset`` breaks the connection instead, ``hang`` waits until ``released`` is set."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reset: bool = False
    hang: bool = False
    announced: int | None = None  # a Content-Length that is not the true one
    delay: float = 0.0  # seconds before it comes

    @classmethod
    def json(cls, value: object, status: int = 200, *, delay: float = 0.0) -> Reply:
        """Return an answer with a JSON body."""
        return cls(status, json.dumps(value).encode(), delay=delay)


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def path(self) -> str:
        """The path, without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The parameters, decoded; empty ones are kept."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


class RawServer(ThreadingHTTPServer):
    """Answers ``reply`` to everything, and remembers what it got."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256  # connections that may be opened at once without waiting a second

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.reply = Reply()
        self.first: list[Reply] = []  # what is answered before ``reply``, one each
        self.received: list[Received] = []
        self.connections = 0
        self.released = threading.Event()
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving, and let go of calls that hang."""
        self.released.set()
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: RawServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def answer(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append(Received(self.command, self.path, headers))
        reply = self.server.first.pop(0) if self.server.first else self.server.reply
        if reply.delay:
            time.sleep(reply.delay)
        if reply.hang:
            self.server.released.wait(60)  # seconds; the test ends it earlier
        if reply.reset or reply.hang:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(reply.status, "reason")
        length = len(reply.body) if reply.announced is None else reply.announced
        for name, value in {"Content-Type": "application/json", **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(reply.body)
        self.close_connection = reply.announced is not None

    do_GET = do_POST = do_PUT = do_CONNECT = answer  # noqa: N815 - the names http.server calls

    def finish(self) -> None:
        if self.connection.fileno() >= 0:  # a reset closes it early
            super().finish()

    def log_message(self, *_: object) -> None:
        """Print nothing."""
