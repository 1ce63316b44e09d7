"""The plugin front end: ``pulumi-resource-edas-scale``, a provider for every Pulumi language.

The engine starts this program several times in one ``pulumi up`` and waits for its port each time. So the
port is printed as soon as it is open; everything else, the protocol and the service with it, is imported
while the engine connects.

This file's law: stdout carries the port and nothing else, and what keeps the plugin from starting is one
line on stderr.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Final, NoReturn

import grpc

from pulumi_edas_scale.hosts.call_threads import MOST_ANSWERING, CallThreads
from pulumi_edas_scale.hosts.late_imports import import_late
from pulumi_edas_scale.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PROGRAM: Final = "pulumi-resource-edas-scale"

_HELP: Final = f"""\
usage: {_PROGRAM} [ENGINE]
       {_PROGRAM} --version | --help

The provider plugin of the package edas-scale. Pulumi starts it and gives its own address as ENGINE.
To debug it, start it without an address and name the port that it prints:
PULUMI_DEBUG_PROVIDERS=edas-scale:PORT pulumi up
"""

_DRAIN_TIMEOUT: Final = 4.0
"""Seconds that operations under way may take to end truthfully once the process must go: hundreds of them on a busy
machine. The engine kills a plugin five seconds after it has interrupted it."""

_LARGEST_MESSAGE: Final = 400 * 1024 * 1024
"""Bytes; Pulumi's own limit for a message (rpcutil.GrpcChannelOptions)."""


def engine_address(arguments: Sequence[str]) -> str | None:
    """Return where the engine listens: the last argument, when it is not an option; None when it is not given."""
    last = arguments[-1] if arguments else ""
    return last if last and not last.startswith("-") else None


def serve(arguments: Sequence[str]) -> None:
    """Serve until the engine that started this process is gone, or a signal asks for the end.

    A process that was started without an engine outlives the engines that attach to it: when one of them is
    gone, only the operations under way end.

    Args:
        arguments: the command line as the engine makes it; the last one is the engine's address.
    """
    options = [
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
        ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    ]
    server = grpc.server(CallThreads(MOST_ANSWERING, "answering"), options=options)
    ended, end = _wait_and_end()
    port = server.add_insecure_port("127.0.0.1:0")
    # From here on the system takes connections for the port, and the engine's waits for what is imported meanwhile.
    print(port, flush=True)  # noqa: T201  # the engine waits for it
    sys.stdout = sys.stderr
    import_late()
    service = import_module("pulumi_edas_scale.hosts.plugin")
    engine = service.Engine(engine_address(arguments), end)
    plugin = service.Plugin(engine)
    service.provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    server.start()
    engine.watch()
    ended()
    plugin.stop()
    server.stop(_DRAIN_TIMEOUT).wait()


def _wait_and_end() -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what waits for the end of the process, and what any thread may call for it; signals do as well.

    A socket and no lock: a signal's handler runs in the thread that waits, which may hold that lock at the moment, and
    on Windows no signal ends the wait for a lock.
    """
    waiting, ending = socket.socketpair()
    ending.settimeout(0)
    signal.set_wakeup_fd(ending.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return partial(waiting.recv, 1), partial(ending.send, b"\0")


def main() -> NoReturn:
    """Run the plugin; the engine starts it, and so may anybody who wants to attach Pulumi to it."""
    arguments = sys.argv[1:]
    try:
        if arguments == ["--version"]:
            print(__version__, flush=True)  # noqa: T201
        elif arguments in (["--help"], ["-h"]):
            print(_HELP, end="", flush=True)  # noqa: T201
        else:
            serve(arguments)
    except (ImportError, OSError, RuntimeError) as error:
        with suppress(OSError):  # a full disk, which may be what there is to report
            print(f"{_PROGRAM} cannot start: {error}", file=sys.stderr)  # noqa: T201
        os._exit(1)
    # Not sys.exit: threads that still wait for an answer of EDAS would hold the process.
    os._exit(0)
