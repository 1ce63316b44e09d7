"""Answers that hold a caller up: they trickle, never end, or are far larger than anything EDAS says.

Each is what a broken gateway, proxy or endpoint may send. A server takes one request, and then does what the test says
until its client goes away.
"""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

Pieces = Callable[[], Iterator[bytes]]

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
TRICKLE_SECONDS: Final = 0.1
"""Between two pieces, far below any time-out that counts the gap between two bytes."""


def body_byte_by_byte() -> Iterator[bytes]:
    """A body of which one byte comes at a time."""
    yield HEAD + b"Content-Length: 1000000\r\n\r\n"
    while True:
        yield b" "


def headers_line_by_line() -> Iterator[bytes]:
    """Headers that go on, one line at a time."""
    yield HEAD
    for number in range(10_000):
        yield b"X-Line-%d: x\r\n" % (number % 50)


def status_byte_by_byte() -> Iterator[bytes]:
    """Not even the first line comes to its end."""
    yield b"HTTP/1.1 200 "
    while True:
        yield b"O"


def endless_continue() -> Iterator[bytes]:
    """``100 Continue``, again and again, instead of an answer."""
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n"


def chunk_by_chunk() -> Iterator[bytes]:
    """A body in chunks that has no last one."""
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    while True:
        yield b"1\r\n \r\n"


def silence() -> Iterator[bytes]:
    """Nothing at all."""
    while True:
        yield b""


TRICKLES: Final[dict[str, Pieces]] = {
    each.__name__: each
    for each in (
        body_byte_by_byte,
        headers_line_by_line,
        status_byte_by_byte,
        endless_continue,
        chunk_by_chunk,
        silence,
    )
}


def endless_body() -> Iterator[bytes]:
    """A body that is sent as fast as it is taken, and has no end."""
    yield HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    piece = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    while True:
        yield piece


def gigabyte() -> Iterator[bytes]:
    """A body that announces a gigabyte, and has it."""
    yield HEAD + b"Content-Length: 1073741824\r\n\r\n"
    piece = b" " * 0x100000
    for _ in range(1024):
        yield piece


def gzip_bomb() -> Iterator[bytes]:
    """A megabyte that decodes to a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = b" " * 0x100000
    packed = b"".join([*(packer.compress(piece) for _ in range(1024)), packer.flush()])
    yield HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


def gzip_in_gzip() -> Iterator[bytes]:
    """Some kilobytes that decode, twice, to a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = b" " * 0x100000
    packed = gzip.compress(b"".join([*(packer.compress(piece) for _ in range(1024)), packer.flush()]))
    yield HEAD + b"Content-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


FLOODS: Final[dict[str, Pieces]] = {
    each.__name__: each for each in (endless_body, gigabyte, gzip_bomb, gzip_in_gzip)
}


class HostileServer:
    """Takes one request on each connection and sends pieces until nobody takes them.

    Args:
        pieces: what is sent.
        pause: seconds between two pieces.
    """

    def __init__(self, pieces: Pieces, pause: float) -> None:
        self._pieces = pieces
        self._pause = pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = threading.Event()
        self.left = threading.Event()
        """A client has gone away."""
        self.requests = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._closed.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                self.requests += 1
                for piece in self._pieces():
                    connection.sendall(piece)
                    if self._closed.wait(self._pause) if self._pause else self._closed.is_set():
                        return
                    if not piece and _is_closed(connection):
                        break
                if not self._pause:
                    connection.recv(1)
            except OSError:
                pass
        self.left.set()


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
