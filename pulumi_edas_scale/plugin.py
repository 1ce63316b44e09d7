"""The plugin front end: ``pulumi-resource-edas-scale``, a provider for every Pulumi language.

The engine starts this program several times in one ``pulumi up`` and waits for its port each time. So the
port is printed as soon as gRPC listens; everything else, the protocol and the service with it, is imported
while the engine connects.

This file's law: stdout carries the port and nothing else, and what keeps the plugin from starting is one
line on stderr.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import grpc

from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pulumi_edas_scale.hosts.plugin import Plugin

_PROGRAM: Final = "pulumi-resource-edas-scale"

_HELP: Final = f"""\
usage: {_PROGRAM} [ENGINE]
       {_PROGRAM} --version | --help

The provider plugin of the package edas-scale. Pulumi starts it and gives its own address as ENGINE.
To debug it, start it without an address and name the port that it prints:
PULUMI_DEBUG_PROVIDERS=edas-scale:PORT pulumi up
"""

_DRAIN_TIMEOUT: Final = 2.0
"""Seconds that operations under way may take to end truthfully once the process must go."""

_LARGEST_MESSAGE: Final = 400 * 1024 * 1024
"""Bytes; Pulumi's own limit for a message (rpcutil.GrpcChannelOptions)."""


class _LateService(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic in its stubs only
    """The service, imported with the first call or on request, whichever comes first."""

    def __init__(self, make_plugin: Callable[[Any], Plugin]) -> None:
        self._make_plugin = make_plugin
        self._plugin: Plugin | None = None
        self._handlers: list[Any] = []

    def plugin(self) -> Plugin:
        """Return the service; in the event loop only."""
        if self._plugin is None:
            module = import_module("pulumi_edas_scale.hosts.plugin")
            self._plugin = self._make_plugin(module)
            module.provider_pb2_grpc.add_ResourceProviderServicer_to_server(self._plugin, self)
        return self._plugin

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:  # noqa: ANN401  # as in grpc
        """Find the method of a call: grpc asks here."""
        self.plugin()
        found = (handler.service(handler_call_details) for handler in self._handlers)
        return next((method for method in found if method is not None), None)

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler[Any, Any]]) -> None:
        """Take what the generated code would give to a server."""
        self._handlers.extend(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Leave out the second list that newer generated code gives: the first one is complete."""


def engine_address(arguments: Sequence[str]) -> str | None:
    """Return where the engine listens: the last argument, when it is not an option; None when it is not given."""
    last = arguments[-1] if arguments else ""
    return last if last and not last.startswith("-") else None


async def serve(arguments: Sequence[str]) -> None:
    """Serve until the engine that started this process is gone, or a signal asks for the end.

    A process that was started without an engine outlives the engines that attach to it: when one of them is
    gone, only the operations under way end.

    Args:
        arguments: the command line as the engine makes it; the last one is the engine's address.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()

    def end() -> None:
        with suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(ended.set)

    def make_plugin(module: Any) -> Plugin:  # noqa: ANN401  # the module of the service, imported late
        engine = module.Engine(engine_address(arguments), end)
        engine.watch()
        return cast("Plugin", module.Plugin(engine))

    service = _LateService(make_plugin)
    context = [
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
        ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ]
    server = grpc.aio.server(options=context)
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    with suppress(NotImplementedError):  # Windows has no such handlers: there the process just ends
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
    print(port, flush=True)  # noqa: T201  # the engine waits for it
    sys.stdout = sys.stderr
    plugin = service.plugin()
    await ended.wait()
    plugin.stop()
    await server.stop(_DRAIN_TIMEOUT)


def main() -> NoReturn:
    """Run the plugin; the engine starts it, and so may anybody who wants to attach Pulumi to it."""
    arguments = sys.argv[1:]
    try:
        if arguments == ["--version"]:
            print(__version__, flush=True)  # noqa: T201
        elif arguments in (["--help"], ["-h"]):
            print(_HELP, end="", flush=True)  # noqa: T201
        else:
            asyncio.run(serve(arguments))
    except (ImportError, OSError, RuntimeError) as error:
        with suppress(OSError):  # a full disk, which may be what there is to report
            print(f"{_PROGRAM} cannot start: {error}", file=sys.stderr)  # noqa: T201
        os._exit(1)
    # Not sys.exit: threads that still wait for an answer of EDAS would hold the process.
    os._exit(0)
