"""The plugin in a process of its own, asked as the engine asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from pulumi_edas_scale.hosts.protocol import provider_pb2, provider_pb2_grpc
from tests.contract.plugin.harness import PROVIDER_URN, URN, WAIT, struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APP = "3616cdca-4f92-4413-a1b2-000000000001"
GROUP = "4f1fb6f5-6769-4bd6-9a00-000000000001"
INPUTS = {"regionId": "cn-hangzhou", "appId": APP, "groupId": GROUP, "instanceIds": ["i-bp101"]}

START = [sys.executable, "-m", "pulumi_edas_scale"]


class Process:
    """A plugin in a process of its own."""

    def __init__(self, command: list[str], environ: Mapping[str, str]) -> None:
        self.popen = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ}
        )
        assert self.popen.stdout is not None
        self.port = int(self.popen.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.port}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def configure(self) -> None:
        """Configure with the settings of the environment."""
        self.stub.Configure(provider_pb2.ConfigureRequest(urn=PROVIDER_URN), timeout=WAIT)

    def start_create(self) -> Any:  # noqa: ANN401  # generated stubs
        """Begin to create a membership."""
        request = provider_pb2.CreateRequest(urn=URN, properties=struct(INPUTS))
        return self.stub.Create.future(request, timeout=10 * WAIT)

    def end(self) -> tuple[int, str, str]:
        """Return exit code, and what was written after the port, once the process has ended."""
        out, err = self.popen.communicate(timeout=WAIT)
        return self.popen.returncode, out, err


@contextmanager
def plugin(*arguments: str, environ: Mapping[str, str] | None = None) -> Iterator[Process]:
    """Give a running plugin."""
    process = Process([*START, *arguments], environ or {})
    try:
        yield process
    finally:
        process.channel.close()
        process.popen.kill()
        process.popen.communicate(timeout=WAIT)
