"""A plugin in a thread, an engine that only listens, and a core that does as it is told."""

from __future__ import annotations

import threading
from concurrent import futures
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import grpc
from google.protobuf import empty_pb2

from pulumi_edas_scale.domain.inputs import Checked
from pulumi_edas_scale.hosts.call_threads import MOST_ANSWERING, CallThreads
from pulumi_edas_scale.hosts.engine import Engine as Served
from pulumi_edas_scale.hosts.plugin import Plugin
from pulumi_edas_scale.hosts.protocol import engine_pb2_grpc, provider_pb2, provider_pb2_grpc
from pulumi_edas_scale.hosts.wire import render_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from google.protobuf import struct_pb2

    from pulumi_edas_scale.domain.settings import Settings
    from pulumi_edas_scale.hosts.engine import EngineHost
    from pulumi_edas_scale.hosts.protocol import engine_pb2

URN = "urn:pulumi:dev::shop::edas-scale:index:DeployGroupMembership::members"
PROVIDER_URN = "urn:pulumi:dev::shop::pulumi:providers:edas-scale::default_0_1_0"
WAIT = 20.0  # seconds: how long a loaded machine may take; never how long something must take


class Core:
    """The core's provider: each call is recorded, and answered by the callable of its name."""

    def __init__(self, **answers: Callable[..., Any]) -> None:
        self.answers: dict[str, Callable[..., Any]] = {
            "check": lambda asked: Checked(dict(asked.news), (), ()),
            "stop": lambda: None,
            "leave_run": lambda: None,
            **answers,
        }
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.settings: Settings | None = None
        self.host: EngineHost | None = None

    def made(self, settings: Settings, host: EngineHost) -> Core:
        """Take the place of the provider that the plugin makes."""
        self.settings, self.host = settings, host
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Give every method of the core."""

        def call(*args: object, **options: object) -> object:
            self.calls.append((name, args, options))
            return self.answers[name](*args, **options)

        return call

    def last(self, name: str) -> tuple[Any, ...]:
        """Return the arguments of the last call of that name."""
        return next(args for called, args, _ in reversed(self.calls) if called == name)


class Engine(engine_pb2_grpc.EngineServicer):
    """Collects what the plugin logs."""

    def __init__(self) -> None:
        self.lines: list[engine_pb2.LogRequest] = []
        self.server = grpc.server(futures.ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> Any:  # noqa: ANN401, N802
        """Keep a line."""
        del context
        self.lines.append(request)
        return empty_pb2.Empty()


class RunningPlugin:
    """A plugin under test.

    Args:
        core: what the plugin asks; None for the real one.
        engine: the address of the engine that started it; None for a plugin that somebody started by hand.

    Attributes:
        stub: what the engine calls.
        plugin: the servicer.
        gone: set when the plugin found the engine gone that started it.
    """

    def __init__(self, core: Core | None = None, engine: str | None = None) -> None:
        self.core = core
        self._engine = engine
        self.gone = threading.Event()
        self.plugin: Plugin
        self.stub: Any

    @contextmanager
    def running(self) -> Iterator[RunningPlugin]:
        """Serve while the block runs."""
        fakes = () if self.core is None else (cast("Any", self.core.made),)
        engine = Served(self._engine, self.gone.set)
        engine.watch()
        self.plugin = Plugin(engine, *fakes)
        server = grpc.server(CallThreads(MOST_ANSWERING))
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(self.plugin, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            self.stub = provider_pb2_grpc.ResourceProviderStub(channel)
            try:
                yield self
            finally:
                server.stop(None).wait(WAIT)

    def configure(self, **settings: object) -> None:
        """Configure as the engine does for the default provider."""
        request = provider_pb2.ConfigureRequest(args=struct(settings), urn=PROVIDER_URN)
        self.stub.Configure(request, timeout=WAIT)


def struct(values: Mapping[str, object], *secret: str) -> struct_pb2.Struct:
    """Return properties as a message."""
    return render_properties(values, secret)
