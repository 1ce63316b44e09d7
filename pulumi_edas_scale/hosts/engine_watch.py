"""Notice that the engine is gone, so that an orphaned provider sends nothing more.

When the Pulumi CLI is killed, the providers it started live on and their threads keep working: an orphaned
loop would submit its next order while the next ``pulumi up`` runs. The parent process says nothing (it may
be a shell that outlives the CLI). The engine's own socket does: the kernel closes it with the process,
whatever killed it.

This file's law: only refused connections mean that the engine is gone: after the end of a held one or, when the engine
started this process and so must have listened, from the start. A time-out, an unreachable network or a lack of file
descriptors never does. Sockets and one thread only: both front ends use this file, and it imports neither gRPC nor
Pulumi.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

_CONNECT_TIMEOUT: Final = 2.0
"""Seconds for one connection to this machine; past it nothing is concluded, and it is tried again."""

_REFUSALS_THAT_CONFIRM: Final = 3
"""A listener that is merely overrun refuses once on some systems; a dead one refuses every time."""

_PAUSE_BETWEEN_REFUSALS: Final = 0.03
"""Seconds; no order is sent while they are counted (``in_doubt``)."""

_PAUSE_BETWEEN_CONNECTIONS: Final = 1.0
"""Seconds. gRPC's server ends a silent connection (after two minutes in Go), so ends are ordinary."""


def parse_address(address: str | None) -> tuple[str, int] | None:
    """Return host and port of an engine's address, or None when it is none that can be watched.

    Args:
        address: ``127.0.0.1:35441``, ``[::1]:35441``; anything else (a path, None) gives None.
    """
    host, _, port = (address or "").removeprefix("dns:///").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or "/" in host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        return None
    return host, int(port)


class EngineWatch:
    """Hold one connection to the engine and call ``on_gone`` once, when the engine's process is surely gone.

    Args:
        address: the engine's address as it gave it to its plugin; None, or one that is not a host and a port,
            makes a watch that watches nothing.
        on_gone: called at most once, in the thread of the watch. It may end the process.
        started_us: whether the engine started this process. One that did not, and refuses from the start, says nothing.
    """

    def __init__(self, address: str | None, on_gone: Callable[[], None], *, started_us: bool = False) -> None:
        self._target = parse_address(address)
        self._on_gone = on_gone
        self._started_us = started_us
        self._closed = threading.Event()
        self._gone = threading.Event()
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._in_doubt = False

    @property
    def in_doubt(self) -> bool:
        """Whether the held connection has ended and it is not yet known what that means."""
        return self._in_doubt

    @property
    def gone(self) -> bool:
        """Whether the engine was found gone."""
        return self._gone.is_set()

    def start(self) -> threading.Thread | None:
        """Connect, and watch in a daemon thread, which is returned; None without an address.

        The connection is made at once: an engine that attaches is there until it has the answer, and an end of it after
        that must be one that is noticed.
        """
        if self._target is None:
            return None
        first = self._connect(self._target)
        name = f"engine-watch-{self._target[1]}"
        thread = threading.Thread(target=self._watch, args=(self._target, first), name=name, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Stop watching; ``on_gone`` is not called any more."""
        with self._lock:
            self._closed.set()
            connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):  # the peer may have ended it already
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _watch(self, target: tuple[str, int], first: socket.socket | OSError) -> None:
        # Whoever resets a connection was there, and whoever started us has listened before: it may have died since.
        was_there = isinstance(first, ConnectionResetError) or (
            self._started_us and isinstance(first, ConnectionRefusedError)
        )
        if isinstance(first, OSError) and not was_there:
            _log.debug("the engine is not watched: %s", first)
            return
        self._in_doubt = was_there
        connection = self._reconnect(target) if isinstance(first, OSError) else first
        while connection is not None and self._hold(connection):
            begun = time.monotonic()
            with contextlib.suppress(OSError):
                while connection.recv(4096):  # a gRPC server greets; then nothing until it ends or resets it
                    pass
            self._in_doubt = True  # the kernel ends it with the process, so before anything else is noticed
            connection.close()
            connection = self._reconnect(target)
            if connection is not None and time.monotonic() - begun < _PAUSE_BETWEEN_CONNECTIONS:
                self._in_doubt = False
                self._closed.wait(_PAUSE_BETWEEN_CONNECTIONS)

    def _hold(self, connection: socket.socket) -> bool:
        """Keep a connection that ``close`` can end; return False when it came after that."""
        with self._lock:
            if self._closed.is_set():
                connection.close()
                return False
            self._connection = connection
            self._in_doubt = False
            return True

    def _reconnect(self, target: tuple[str, int]) -> socket.socket | None:
        """Return the next connection, or None when the watch is over: closed, or the engine is gone."""
        refusals = 0
        while not self._closed.is_set():
            answer = self._connect(target)
            if isinstance(answer, socket.socket):
                if _is_greeted(answer):
                    return answer
                answer.close()  # taken by the kernel for a listener whose process is dying
                self._closed.wait(_PAUSE_BETWEEN_REFUSALS)
                continue
            if not isinstance(answer, ConnectionRefusedError):
                refusals = 0
                self._closed.wait(_PAUSE_BETWEEN_CONNECTIONS)
                continue
            refusals += 1
            if refusals == _REFUSALS_THAT_CONFIRM:
                self._report_gone()
                return None
            self._closed.wait(_PAUSE_BETWEEN_REFUSALS)
        return None

    def _report_gone(self) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        self._gone.set()
        _log.debug("the engine is gone")
        self._on_gone()

    @staticmethod
    def _connect(target: tuple[str, int]) -> socket.socket | OSError:
        """Return a connection, or why there is none."""
        try:
            connection = socket.create_connection(target, timeout=_CONNECT_TIMEOUT)
        except OSError as error:
            return error
        if connection.getsockname()[1] == target[1]:
            # Nobody listens, and the kernel gave us the engine's old port as our own (a simultaneous open). The peer's
            # name would not do: there is none any more when the connection has been reset meanwhile.
            connection.close()
            return ConnectionRefusedError("the connection reached only itself")
        connection.settimeout(None)
        return connection


def _is_greeted(connection: socket.socket) -> bool:
    """Return whether the peer is there: a gRPC server speaks first. One that is only slow counts as there."""
    connection.settimeout(_CONNECT_TIMEOUT)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(None)
