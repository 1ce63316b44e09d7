"""The dynamic host as the engine starts it, driven over gRPC, with an engine that records what it is told."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic import dynamic as sdk
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

if TYPE_CHECKING:
    from pulumi.dynamic import ResourceProvider

CHECKOUT = Path(__file__).parents[3]
URN = "urn:pulumi:dev::shop::pulumi-python:dynamic/edas-scale:DeployGroupMembership::web"

_HOST = importlib.util.find_spec("pulumi.dynamic.__main__")
READS_BY_ID = (
    _HOST is not None and _HOST.origin is not None and "if not props" in Path(_HOST.origin).read_text("utf-8")
)
"""Whether this SDK can read a dynamic resource by its id alone; old ones cannot."""

UNLIMITED = (("grpc.max_metadata_size", 1 << 24), ("grpc.absolute_max_metadata_size", 1 << 24))
"""Bytes that Go's client accepts for the state in an error; Python's would accept 8 kB."""


class RecordingEngine(engine_pb2_grpc.EngineServicer):
    """The one service of the engine that the front end uses."""

    def __init__(self) -> None:
        self.lines: list[engine_pb2.LogRequest] = []
        self._server = grpc.server(ThreadPoolExecutor(max_workers=2))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: engine_pb2.LogRequest, context: object) -> empty_pb2.Empty:  # noqa: ARG002, N802
        """Record a line."""
        self.lines.append(request)
        return empty_pb2.Empty()

    def logged(self, *, ephemeral: bool) -> list[tuple[str, str, int]]:
        """Return URN, text and severity of what was said so far."""
        return [(line.urn, line.message, line.severity) for line in self.lines if line.ephemeral is ephemeral]

    def vanish(self) -> None:
        """Close every socket, as the kernel does for a killed process."""
        self._server.stop(0).wait()


class HostProcess:
    """One ``python -m pulumi.dynamic``.

    Args:
        engine: the address to announce, None to announce none.
        config: the stack configuration.
        environ: additions to the environment.
    """

    def __init__(
        self, engine: str | None, config: dict[str, str] | None = None, environ: dict[str, str] | None = None
    ) -> None:
        command = [sys.executable, "-u", "-m", "pulumi.dynamic"]
        self.process = subprocess.Popen(
            command if engine is None else [*command, engine],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **(environ or {})},
        )
        assert self.process.stdout is not None
        self._channel = grpc.insecure_channel(
            f"127.0.0.1:{int(self.process.stdout.readline())}", options=UNLIMITED
        )
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.stub.Configure(provider_pb2.ConfigureRequest(args=struct(config or {})))

    def start_create(self, request: provider_pb2.CreateRequest) -> Any:  # noqa: ANN401
        """Begin a create; it goes on as long as the returned call is kept."""
        return self.stub.Create.future(request)

    def interrupt(self) -> None:
        """Send what the engine sends first when it ends a provider."""
        self.process.send_signal(signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Wait for the end of the process; return its exit code and what it wrote to stderr."""
        _, errors = self.process.communicate(timeout=30)
        self._channel.close()
        return self.process.returncode, errors

    def kill(self) -> None:
        """End the process whatever it does."""
        self.process.kill()
        self.end()


def struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """Return values as the engine sends them."""
    built = struct_pb2.Struct()
    built.update(values)
    return built


def plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Return properties of an answer as Python values."""
    values: dict[str, Any] = rpc.deserialize_properties(properties, keep_unknowns=True)
    return values


def reference(provider: ResourceProvider) -> str:
    """Return the reference to a provider as the SDK writes it into state."""
    serialized: str = sdk.serialize_provider(provider)
    return serialized


def status_of(error: Any) -> status_pb2.Status:  # noqa: ANN401  # the stubs do not say that it is also a call
    """Return the status that the engine reads from a failed call."""
    metadata = dict(error.trailing_metadata() or ())
    return status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
