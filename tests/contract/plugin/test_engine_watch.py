from __future__ import annotations

import socket
import struct
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.hosts.engine_watch import EngineWatch, parse_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAIT = 20.0  # seconds: how long a loaded machine may take; never how long something must take


@pytest.fixture
def engine() -> Iterator[socket.socket]:
    """Give a listener on a port of this machine: all of an engine that the watch sees."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(WAIT)
        yield listener


def address_of(listener: socket.socket) -> str:
    """Return the address as an engine tells it."""
    host, port = listener.getsockname()
    return f"{host}:{port}"


def reset(connection: socket.socket) -> None:
    """End a connection as the kernel does for a killed process with unread data."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize("end", [socket.socket.close, reset])
def test_the_end_of_the_engine_is_noticed(
    engine: socket.socket, end: Callable[[socket.socket], None]
) -> None:
    """A connection that ends or is reset, and then a refusing port, mean that the engine is gone."""
    gone = threading.Event()
    watch = EngineWatch(address_of(engine), gone.set)
    assert watch.start()
    connection, _ = engine.accept()
    engine.close()
    end(connection)
    assert gone.wait(WAIT)
    assert watch.gone


def test_an_ended_connection_alone_means_nothing(engine: socket.socket) -> None:
    """An engine that ends a silent connection is connected to again, and still watched."""
    gone = threading.Event()
    watch = EngineWatch(address_of(engine), gone.set)
    assert watch.start()
    first, _ = engine.accept()
    first.sendall(b"a greeting that nobody reads")
    first.close()
    second, _ = engine.accept()
    assert not watch.gone
    engine.close()
    second.close()
    assert gone.wait(WAIT)


def test_an_engine_that_leaves_at_once_is_noticed(engine: socket.socket) -> None:
    """The connection is there when an engine that attaches gets its answer, so that its end is noticed from then on."""
    gone = threading.Event()
    watch = EngineWatch(address_of(engine), gone.set)
    assert watch.start()
    engine.settimeout(0)
    connection, _ = engine.accept()
    engine.close()
    connection.close()
    assert gone.wait(WAIT)


def test_a_closed_watch_is_silent(engine: socket.socket) -> None:
    """After close the connection ends and the end of the engine is not reported."""
    gone = threading.Event()
    watch = EngineWatch(address_of(engine), gone.set)
    assert watch.start()
    connection, _ = engine.accept()
    connection.settimeout(WAIT)
    watch.close()
    with closing(connection):
        assert connection.recv(1) == b""
    engine.close()
    assert not gone.is_set()


@pytest.mark.parametrize("started_us", [True, False])
def test_an_engine_that_never_answered_is_gone_when_it_started_us(
    engine: socket.socket, *, started_us: bool
) -> None:
    """An address nobody listens on is no proof that an engine died, unless it must have listened to start us."""
    address = address_of(engine)
    engine.close()
    gone = threading.Event()
    watching = EngineWatch(address, gone.set, started_us=started_us).start()
    assert watching is not None
    watching.join(WAIT)
    assert not watching.is_alive()
    assert gone.is_set() is started_us


@pytest.mark.parametrize(
    "address", [None, "", "127.0.0.1", "127.0.0.1:", "unix:/run/engine", "tcp://h:1", "h:0", "h:65536"]
)
def test_without_an_address_there_is_no_watch(address: str | None) -> None:
    """Whatever is not host and port is not watched."""
    assert not EngineWatch(address, lambda: None).start()


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_the_spellings_of_an_address(address: str, target: tuple[str, int]) -> None:
    """IPv4, IPv6 in brackets, and names are addresses."""
    assert parse_address(address) == target
