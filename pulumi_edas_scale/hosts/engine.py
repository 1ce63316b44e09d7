"""The engine that a front end serves: what it is shown, whether it lives, why to stop, and what a failure says.

This file's law: the engine gets messages, is never waited for, and no word to it can fail. What goes wrong on the
way is lost in silence, because a message that cannot be shown is no reason for an operation to fail.
"""

from __future__ import annotations

import contextlib
import threading
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final

import grpc

from pulumi_edas_scale.domain.clock import CANCELLED, ENGINE_GONE, ENGINE_IN_DOUBT
from pulumi_edas_scale.domain.codes import format_failure
from pulumi_edas_scale.domain.errors import PartialFailureError
from pulumi_edas_scale.hosts.engine_watch import EngineWatch, parse_address
from pulumi_edas_scale.hosts.protocol import engine_pb2, engine_pb2_grpc, provider_pb2, status_pb2
from pulumi_edas_scale.hosts.wire import sendable_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from google.protobuf import struct_pb2

    from pulumi_edas_scale.domain.codes import Failure, Message
    from pulumi_edas_scale.domain.errors import EdasScaleError
    from pulumi_edas_scale.operations.ownership import RunLog

_LOG_SECONDS: Final = 5.0
"""Time-out of one line; the engine is on this machine, so that past it the engine is busy ending."""

_FLUSH_SECONDS: Final = 2.0
"""How long an answer may wait for the engine to take the lines that belong before it."""

_LONGEST_QUEUE: Final = 10_000
"""Lines kept for an engine that does not take them; beyond it the newest are lost."""


class Engine:
    """One engine: the lines on its display, and whether it lives. Any thread may call.

    Nothing blocks but ``flush``, and ``watch`` for one connection on this machine.

    Args:
        address: where it listens; None, or what is not an address, makes an engine that gets nothing and never goes.
        on_gone: called once, in a thread of its own, when it is surely gone, after everybody who waits was woken;
            None for an engine that found this process running, which goes on without it.
    """

    def __init__(self, address: str | None, on_gone: Callable[[], None] | None = None) -> None:
        self.address = address if parse_address(address) else None
        self._on_gone = on_gone
        self._watch = EngineWatch(self.address, self._gone, started_us=on_gone is not None)
        self._wakes: list[Callable[[], None]] = []
        self._changed = threading.Condition()
        self._lines: dict[object, engine_pb2.LogRequest] = {}
        self._sending = False
        self._stub: engine_pb2_grpc.EngineStub | None = None

    @property
    def gone(self) -> bool:
        """Whether it was found gone."""
        return self._watch.gone

    @property
    def in_doubt(self) -> bool:
        """Whether it is being found out if it is gone."""
        return self._watch.in_doubt

    def watch(self) -> None:
        """Hold a connection to it from now on."""
        self._watch.start()

    def when_gone(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when it is gone, at once when it is."""
        self._wakes.append(wake)
        if self.gone:
            wake()

    def _gone(self) -> None:
        for wake in tuple(self._wakes):
            wake()
        if self._on_gone is not None:
            self._on_gone()

    def show(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, text: str, *, ephemeral: bool = False
    ) -> None:
        """Send a line, on the resource's row when the URN is known.

        Args:
            severity: how it is marked.
            urn: whose line it is; empty puts it under the stack.
            text: one paragraph.
            ephemeral: a status that the next one replaces, also one that was not sent yet; dropped without a URN.
        """
        if self.address is None or (ephemeral and not urn):
            return
        line = engine_pb2.LogRequest(
            severity=severity, urn=urn, message=sendable_text(text), ephemeral=ephemeral
        )
        key: object = urn if ephemeral else object()
        with self._changed:
            self._lines.pop(key, None)
            if len(self._lines) >= _LONGEST_QUEUE:
                return
            self._lines[key] = line
            if not self._sending:
                self._sending = True
                threading.Thread(target=self._send, name="engine-log", daemon=True).start()

    def flush(self) -> None:
        """Wait, not for long, until the engine has what was said so far: it shows nothing after an answer."""
        with self._changed:
            self._changed.wait_for(lambda: not self._sending, _FLUSH_SECONDS)

    def _send(self) -> None:
        if self._stub is None:
            # The engine is on this machine: a proxy of the environment must not be asked for it.
            channel = grpc.insecure_channel(str(self.address), options=(("grpc.enable_http_proxy", 0),))
            self._stub = engine_pb2_grpc.EngineStub(channel)
        while True:
            with self._changed:
                if not self._lines:
                    self._sending = False
                    self._changed.notify_all()
                    return
                line = self._lines.pop(next(iter(self._lines)))
            with contextlib.suppress(grpc.RpcError):  # an engine that is ending takes no lines
                self._stub.Log(line, timeout=_LOG_SECONDS)


class EngineHost:
    """What a front end can do for the core: see ``operations.service.Host``.

    Args:
        engine: whom its operations serve.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cancelled = False
        self._wakes: list[Callable[[], None]] = []

    def progress(self, urn: str, text: str) -> None:
        """Show a status on the resource's row until the next one."""
        self._engine.show(engine_pb2.INFO, urn, text, ephemeral=True)

    def info(self, urn: str, text: str) -> None:
        """List a line under the resource."""
        self._engine.show(engine_pb2.INFO, urn, text)

    def warn(self, urn: str, warning: Message) -> None:
        """List a warning under the resource."""
        self._engine.show(engine_pb2.WARNING, urn, warning.with_code())

    def debug(self, urn: str, text: str) -> None:
        """Say something that only ``pulumi --debug`` shows."""
        self._engine.show(engine_pb2.DEBUG, urn, text)

    def flush(self) -> None:
        """Wait, not for long, until the engine has every line."""
        self._engine.flush()

    def open_run_log(self) -> RunLog:
        """Join the run of the engine that these operations serve."""
        # Imported with the service, long after the plugin has printed its port.
        ledger = import_module("pulumi_edas_scale.hosts.run_ledger")
        log: RunLog = ledger.open_run_log(self._engine.address, partial(self.debug, ""))
        return log

    def stopped(self) -> str | None:
        """Return why nothing more may be sent, None while operations may go on."""
        if self._engine.gone:
            return ENGINE_GONE
        if self._cancelled:
            return CANCELLED
        return ENGINE_IN_DOUBT if self._engine.in_doubt else None

    def on_stop(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when nothing more may be sent, at once when that is so already."""
        self._wakes.append(wake)
        self._engine.when_gone(wake)
        if self._cancelled:
            wake()

    def cancel(self) -> None:
        """Put up the stop sign, for good, and wake all who wait."""
        self._cancelled = True
        for wake in tuple(self._wakes):
            wake()


def format_reasons(failures: Iterable[Failure]) -> list[str]:
    """Return what a refused check reports: with a property's name the engine would print its whole value first."""
    return [sendable_text(format_failure(*each).with_code()) for each in failures]


def failure_status(
    error: EdasScaleError, render: Callable[[Mapping[str, object]], struct_pb2.Struct]
) -> status_pb2.Status:
    """Return how a call failed: one paragraph and, after a change, what the state must say.

    Args:
        error: a failure; a partial one makes the engine save its id, inputs and outputs.
        render: makes a message of inputs and of outputs.
    """
    # The code inside must be the code of the call, or else the engine sees a mismatch instead of the detail.
    text = sendable_text(error.with_code())
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text)
    if isinstance(error, PartialFailureError):
        status.details.add().Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=error.id,
                properties=render(error.outputs),
                inputs=render(error.inputs),
                reasons=[text],  # the engine prints these only
            )
        )
    return status
