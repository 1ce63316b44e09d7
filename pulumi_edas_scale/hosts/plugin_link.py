"""What the plugin knows of its engine: where it listens, whether it lives, and whether it cancelled.

This file's law: the engine is told things, never waited for. Whatever goes wrong on the way to it is lost
in silence, because a message that cannot be shown is no reason for an operation to fail.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

import grpc

from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE, ENGINE_IN_DOUBT
from pulumi_edas_scale.domain.codes import with_code
from pulumi_edas_scale.hosts.engine_watch import EngineWatch, parse_address
from pulumi_edas_scale.hosts.protocol import engine_pb2, engine_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi_edas_scale.operations.ownership import RunLog

_LOG_TIMEOUT: Final = 5.0
"""Seconds for the engine to take one message."""

_FLUSH_TIMEOUT: Final = 1.0
"""Seconds an answer may wait for the messages that belong before it."""

_LONGEST_QUEUE: Final = 10_000
"""Messages kept for an engine that does not take them; beyond it the newest are lost."""


class EngineLink:
    """The way from this process to the engine. Made and used in the event loop, but for ``log`` and ``gone``.

    Args:
        on_gone: called once, in the event loop, when the engine is surely gone.
    """

    def __init__(self, on_gone: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_gone = on_gone
        self._address: str | None = None
        self._watch = EngineWatch(None, on_gone)
        self._channel: grpc.aio.Channel | None = None
        self._stub: engine_pb2_grpc.EngineAsyncStub | None = None
        self._pending: dict[object, engine_pb2.LogRequest] = {}
        self._sender: asyncio.Task[None] | None = None

    @property
    def address(self) -> str | None:
        """Where the engine listens, None when that is not known."""
        return self._address

    @property
    def gone(self) -> bool:
        """Whether the engine was found gone; any thread may ask."""
        return self._watch.gone

    @property
    def in_doubt(self) -> bool:
        """Whether it is being found out if the engine is gone; any thread may ask."""
        return self._watch.in_doubt

    async def connect(self, address: str | None) -> None:
        """Turn to the engine at this address, told by argument, Handshake or Attach; the last one holds."""
        if not address or address == self._address or parse_address(address) is None:
            return
        await self.close()
        self._address = address
        self._channel = grpc.aio.insecure_channel(address)
        self._stub = cast("engine_pb2_grpc.EngineAsyncStub", engine_pb2_grpc.EngineStub(self._channel))
        self._watch = EngineWatch(address, self._report_gone)
        await self._loop.run_in_executor(None, self._watch.start)

    async def close(self) -> None:
        """Forget the engine."""
        self._watch.close()
        channel = self._channel
        self._channel = self._stub = self._address = None
        if channel is not None:
            await channel.close(None)

    def log(
        self,
        severity: engine_pb2.LogSeverity.ValueType,
        urn: str | None,
        text: str,
        *,
        ephemeral: bool = False,
    ) -> None:
        """Show a message at the resource; any thread may call it, and it returns at once.

        Args:
            severity: how it is marked.
            urn: the resource, None for the whole stack.
            text: the message.
            ephemeral: a status that the next one replaces, and not a lasting line.
        """
        request = engine_pb2.LogRequest(severity=severity, urn=urn or "", message=text, ephemeral=ephemeral)
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody listens any more
            self._loop.call_soon_threadsafe(self._enqueue, request)

    async def flush(self) -> None:
        """Let what was logged before this call arrive, unless the engine takes too long."""
        if self._sender is not None:
            await asyncio.wait({self._sender}, timeout=_FLUSH_TIMEOUT)

    def _report_gone(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._on_gone)

    def _enqueue(self, request: engine_pb2.LogRequest) -> None:
        if self._stub is None or len(self._pending) >= _LONGEST_QUEUE:
            return
        # A status that nobody has seen yet makes place for the newer one.
        key: object = request.urn if request.ephemeral else object()
        self._pending.pop(key, None)
        self._pending[key] = request
        if self._sender is None:
            self._sender = self._loop.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._pending and self._stub is not None:
                request = self._pending.pop(next(iter(self._pending)))
                with contextlib.suppress(grpc.RpcError, asyncio.CancelledError):
                    await self._stub.Log(request, timeout=_LOG_TIMEOUT)
        finally:
            self._sender = None


class PluginHost:
    """What this front end can do for the core: see ``provider.Host``. One for each Configure.

    Args:
        link: the way to the engine.
    """

    def __init__(self, link: EngineLink) -> None:
        self._link = link
        self._cancelled = False

    def cancel(self) -> None:
        """Put up the stop sign; it stays up for the operations that were given this host."""
        self._cancelled = True

    def open_run_log(self) -> RunLog:
        """Join the run of the engine that this process serves now."""
        # Imported with the service, long after the plugin has told its port.
        ledger = import_module("pulumi_edas_scale.hosts.run_ledger")
        log: RunLog = ledger.open_run_log(self._link.address, partial(self.debug, ""))
        return log

    def stopped(self) -> str | None:
        """Return why nothing more may be sent, None while it may."""
        if self._link.gone:
            return ENGINE_GONE
        if self._cancelled:
            return CANCELLED
        return ENGINE_IN_DOUBT if self._link.in_doubt else None

    def progress(self, urn: str, text: str) -> None:
        """Show a status line on the row of the resource."""
        self._link.log(engine_pb2.INFO, urn, text, ephemeral=True)

    def info(self, urn: str, text: str) -> None:
        """Show a lasting line under the resource."""
        self._link.log(engine_pb2.INFO, urn, text)

    def warn(self, urn: str, text: str) -> None:
        """Show a lasting warning under the resource."""
        self._link.log(engine_pb2.WARNING, urn, with_code(text))

    def debug(self, urn: str, text: str) -> None:
        """Leave a line for those who run Pulumi with ``--debug``."""
        self._link.log(engine_pb2.DEBUG, urn, text)
