"""What the public API of dynamic providers cannot do, done through the process that hosts them.

The engine runs every Python dynamic resource of a stack in one process, ``python -m pulumi.dynamic``, and
gives its providers nothing but property bags. This file reaches past that. Each reach is one of the tricks
below, has a contract test against the installed SDK, and degrades to nothing when the host has changed:

===  =====================================  ===========================================================
 #   what it gives                          where it reaches
===  =====================================  ===========================================================
 1   URN, time-out and recorded inputs      the frame of the servicer that called us: request, context
 2   state that is true after a failure     gRPC's trailing metadata: ErrorResourceInitFailed
 3   an error of one line, no traceback     the same metadata: a status with our message
 4   live and lasting lines at the resource the engine's address, the last argument of the process
 5   a thread for each call instead of 4     ``server`` in the frame of the main thread, its pool
 6   the end of an orphan                   the engine's address; the frames of the pool's threads
 7   which diff is real                     the order of the calls per URN (public, but needs trick 1;
                                            without it every diff that comes after no reading is real)
 8   the first Ctrl-C as a stop sign        the server's list of handlers, in front of the host's Cancel
 9   an interrupt as a stop sign            threading's list of what runs before threads are joined
===  =====================================  ===========================================================

This file's law: a guard (``try``) stands around reads of other people's attributes only, never around our own
code.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf import empty_pb2
from pulumi.output import UNKNOWN as ENGINE_UNKNOWN
from pulumi.output import Unknown as EngineUnknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from pulumi_edas_scale.domain.model import UNKNOWN, Unknown
from pulumi_edas_scale.hosts.call_threads import MOST_WAITING, CallThreads, answered_in
from pulumi_edas_scale.hosts.engine import Engine, EngineHost
from pulumi_edas_scale.hosts.engine_watch import parse_address
from pulumi_edas_scale.hosts.wire import sendable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from types import FrameType

    from pulumi.dynamic import Config as Config  # noqa: PLC0414  # the front end has no other way to name it
    from pulumi.runtime.proto import status_pb2

_LAST_WORDS_SECONDS: Final = 2.0
"""How long an orphan's own calls may take to see the stop sign and end by themselves."""

_LOOK_SECONDS: Final = 0.1
"""How often an orphan looks whether the calls of other packages have ended."""


class OperationFailedError(Exception):
    """A failure whose text is for the user; the host passes it on."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the engine, as far as trick 1 can see it.

    Attributes:
        method: the name of the operation (``Check``); empty when the request cannot be seen.
        urn: whose call it is; empty when it cannot be seen.
        timeout_seconds: the engine's customTimeouts, None when not set.
        inputs: the recorded inputs (Read only), None when there are none.
        has_outputs: whether there are recorded outputs (Read only).
        hidden: the recorded outputs that some versions of the SDK keep from a provider: those with two underscores.
        ignored: the property paths of ``ignoreChanges`` (Diff and Update only).
        previous: the method of the call before it for the same URN, empty when there was none.
        context: the gRPC context that answers the call.
    """

    method: str = ""
    urn: str = ""
    timeout_seconds: float | None = None
    inputs: Mapping[str, Any] | None = None
    has_outputs: bool = True
    hidden: Mapping[str, Any] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    previous: str = ""
    context: grpc.ServicerContext | None = None


def current_call() -> Call:
    """Return the call that this thread is answering (trick 1)."""
    try:
        frame = next(_servicer_frames(sys._getframe(1)), None)
        if frame is None:
            return Call()
        request, context = frame.f_locals["request"], frame.f_locals["context"]
        reads = isinstance(request, provider_pb2.ReadRequest)
        return Call(
            method=type(request).__name__.removesuffix("Request"),
            urn=str(getattr(request, "urn", "")),
            timeout_seconds=float(getattr(request, "timeout", 0.0)) or None,
            inputs=rpc.deserialize_properties(request.inputs)
            if reads and request.HasField("inputs")
            else None,
            has_outputs=not reads or bool(request.properties.fields),
            hidden=_hidden_outputs(request),
            ignored=tuple(map(str, getattr(request, "ignoreChanges", ()))),
            context=context,
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return Call()


def _servicer_frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield the frames of the host's gRPC methods, the innermost first."""
    while frame is not None:
        names = frame.f_code.co_varnames
        if (
            {"self", "request", "context"}.issubset(names)
            and isinstance(frame.f_locals.get("self"), provider_pb2_grpc.ResourceProviderServicer)
            # From Python 3.13 on f_locals is a view whose keys() is a list.
            and {"request", "context"}.issubset(frame.f_locals)
        ):
            yield frame
        frame = frame.f_back


def _hidden_outputs(request: object) -> Mapping[str, Any]:
    if isinstance(request, (provider_pb2.DiffRequest, provider_pb2.UpdateRequest)):
        recorded = request.olds
    elif isinstance(request, (provider_pb2.ReadRequest, provider_pb2.DeleteRequest)):
        recorded = request.properties
    else:
        return {}
    return {
        name: rpc.deserialize_property(value) for name, value in recorded.items() if name.startswith("__")
    }


def to_core(properties: Mapping[str, Any]) -> dict[str, object]:
    """Return properties with unknown values as the core writes them."""
    return {name: _to_core(value) for name, value in properties.items()}


def _to_core(value: object) -> object:
    if isinstance(value, EngineUnknown):
        return UNKNOWN
    if isinstance(value, dict):
        return to_core(value)
    return [_to_core(part) for part in value] if isinstance(value, list) else value


def to_engine(properties: Mapping[str, object]) -> dict[str, Any]:
    """Return properties as the SDK can send them, with unknown values as the engine writes them."""
    return {name: _to_engine(value) for name, value in sendable(properties).items()}


def _to_engine(value: object) -> object:
    if isinstance(value, Unknown):
        return ENGINE_UNKNOWN
    if isinstance(value, dict):
        return {name: _to_engine(part) for name, part in value.items()}
    return [_to_engine(part) for part in value] if isinstance(value, list) else value


def failure(call: Call, status: status_pb2.Status) -> OperationFailedError:
    """Make the answer of a call a failure of one line, with what is true (tricks 2 and 3).

    The engine takes code, text and details from the status in the trailing metadata, and not what the host
    makes of the exception (its traceback). Where the call cannot be seen, the exception alone has to do.

    Args:
        call: the call that fails.
        status: one paragraph for the user, and what the state must say, if anything.

    Returns:
        The exception to raise, ``from None``.
    """
    if call.context is not None:
        with contextlib.suppress(AttributeError, TypeError, ValueError):
            call.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        # abort() marks the call as ended on purpose and then always raises a bare Exception. Hosts before 3.261
        # print a traceback for calls that are not marked; later ones abort a second time, with the traceback as
        # the text.
        with contextlib.suppress(Exception):
            call.context.abort(grpc.StatusCode.UNKNOWN, status.message)
    return OperationFailedError(status.message)


def stack_config(config: Config, keys: Collection[str]) -> dict[str, str]:
    """Return the stack configuration with namespaced keys.

    Args:
        config: what the host gives to ``configure``.
        keys: what to ask for where only the public look-up of single keys is there.
    """
    try:
        everything = dict(config._props)
    except (AttributeError, TypeError, ValueError):
        everything = {key: config.get(key) for key in keys}
    return {key: str(value) for key, value in everything.items() if value is not None}


def _server() -> Any:  # noqa: ANN401  # gRPC's server object is typed by its public methods only
    """Return the gRPC server of this process from the main thread, None when it is not found there."""
    try:
        frame: FrameType | None = sys._current_frames()[threading.main_thread().ident or 0]
    except (AttributeError, KeyError):
        return None
    while frame is not None:
        server = frame.f_locals.get("server")
        if isinstance(server, grpc.Server):
            return server
        frame = frame.f_back
    return None


def widen_pool() -> bool:
    """Let the host answer as many calls at once as the plugin (trick 5).

    Without it four change orders hold up every other dynamic resource of the stack.

    Returns:
        Whether the pool was found.
    """
    try:
        state = _server()._state
        if not isinstance(state.thread_pool, ThreadPoolExecutor):
            return False
        state.thread_pool = CallThreads(MOST_WAITING, "dynamic")
    except AttributeError:
        return False
    return True


def heed_cancel(cancelled: Callable[[], None]) -> bool:
    """Have ``cancelled`` called when the engine cancels (trick 8), which the host itself ignores.

    The first Ctrl-C does that: without it an operation would run to its end, until a second Ctrl-C breaks it
    off and leaves the engine without a state. The engine also cancels at the end of every healthy operation.

    Returns:
        Whether the host was found.
    """
    try:
        _server()._state.generic_handlers.insert(0, _CancelHandler(cancelled))
    except (AttributeError, TypeError):
        return False
    return True


class _CancelHandler(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in the stubs only
    """Answers Cancel before the host does."""

    def __init__(self, cancelled: Callable[[], None]) -> None:
        self._cancelled = cancelled
        self._threads = CallThreads(1, "cancel")  # those of the server may all wait for this call

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the method for Cancel, None for every other call."""
        if handler_call_details.method != "/pulumirpc.ResourceProvider/Cancel":
            return None

        @answered_in(self._threads)
        def cancel(request: empty_pb2.Empty, context: object) -> empty_pb2.Empty:
            del context
            self._cancelled()
            return request

        return grpc.unary_unary_rpc_method_handler(
            cancel,
            request_deserializer=empty_pb2.Empty.FromString,
            response_serializer=empty_pb2.Empty.SerializeToString,
        )


def before_threads_are_joined(call: Callable[[], None]) -> bool:
    """Have ``call`` called when the interpreter ends, before it waits for the threads of pools (trick 9).

    An interrupt (a second Ctrl-C: the engine sends one, and kills 5 s later) ends the main thread of the host
    only; ``atexit`` would come after the wait for our operations, which know nothing of it.

    Returns:
        Whether it will be called.
    """
    register = getattr(threading, "_register_atexit", None)
    if register is None:
        return False
    try:
        register(call)
    except RuntimeError:  # the interpreter is ending already
        return False
    return True


class CallOrder:
    """Which call came last for each URN (trick 7).

    In a refresh the engine asks diff with the sides swapped. It is a real one only right after a Check.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: dict[str, str] = {}

    def note(self, call: Call) -> Call:
        """Record a call, and return it with the method of the one before it."""
        if not call.urn:
            return call
        with self._lock:
            previous = self._last.get(call.urn, "")
            self._last[call.urn] = call.method
        return replace(call, previous=previous)


class DynamicHost(EngineHost):
    """What this process can do for the core while operations run; one for all providers of the process.

    Args:
        address: the engine's address, None without an engine.
        is_ours: whether a provider object of the host is of this package; calls of others are let end.
        end_process: ends the process at once.
    """

    def __init__(
        self,
        address: str | None,
        is_ours: Callable[[object], bool],
        end_process: Callable[[], None],
    ) -> None:
        super().__init__(Engine(address, self._engine_gone))
        self._is_ours = is_ours
        self._end_process = end_process
        self._host_known = False
        self._calls = CallOrder()

    def attach(self) -> None:
        """Widen the pool, watch for the end of engine and host; to be called within a call of the engine."""
        # Only a host whose frames look as expected here can be asked later whose calls are in flight.
        self._host_known = current_call().context is not None
        widen_pool()
        self._engine.watch()
        heed_cancel(self.cancel)
        before_threads_are_joined(self.cancel)

    def enter(self) -> Call:
        """Return the call that this thread is answering, and remember that it came."""
        return self._calls.note(current_call())

    def _engine_gone(self) -> None:
        """Let our calls, which know, and those of other packages end, and end the process (trick 6)."""
        last_words = time.monotonic() + _LAST_WORDS_SECONDS
        pause = threading.Event()  # never set: a pause, in a thread that has nothing else to do
        while True:
            ours, others = self._calls_in_flight()
            if not others and not (ours and time.monotonic() < last_words):
                break
            pause.wait(_LOOK_SECONDS)
        if self._host_known:
            self._end_process()

    def _calls_in_flight(self) -> tuple[int, int]:
        """Return how many calls of this package run now, and how many of others or not yet known whose."""
        try:
            threads = tuple(sys._current_frames().values())
        except AttributeError:  # not CPython
            threads = ()
        providers = [found for found in map(_provider_of, threads) if found is not _IDLE]
        ours = sum(map(self._is_ours, providers))
        return ours, len(providers) - ours


_IDLE: Final = object()


def _provider_of(thread: FrameType) -> object:
    """Return the provider of the call that a thread runs, None before it is known, ``_IDLE`` without one."""
    try:
        frame = next(_servicer_frames(thread), None)
        return _IDLE if frame is None else frame.f_locals.get("provider")
    except (AttributeError, KeyError, TypeError):
        return _IDLE


def end_process() -> None:
    """End the process without waiting for any thread."""
    os._exit(1)


def engine_address(arguments: Sequence[str]) -> str | None:
    """Return the engine's address from the arguments of the host process, None when there is none."""
    return arguments[-1] if arguments and parse_address(arguments[-1]) else None
