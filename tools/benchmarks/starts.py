"""What it costs to import the package in each of its processes, and to start the plugin.

The law of this file: all candidates take turns, one start each a round, so that they share the machine's moods.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.benchmarks.results import MEGABYTES, SECONDS, Figure, ratio
from tools.benchmarks.worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.benchmarks.sizes import Sizes

START_LIMIT: Final = 1.3

RETRY_TIMEOUT_SECONDS: Final = 60.0
"""For an import; one that hangs must not hang the benchmark."""

PULUMI: Final = "import pulumi"
GRPC: Final = "import grpc"

IMPORTS: Final = {
    "python alone": "",
    GRPC: "import grpc",
    PULUMI: "import pulumi",
    "a program's import": "import pulumi_edas_scale",
    "a program that uses it": "import pulumi; from pulumi_edas_scale import DeployGroupMembership",
    "a program of the plugin": "import pulumi; from pulumi_edas_scale.native import DeployGroupMembership",
    "the host of dynamic resources alone": "import pulumi.dynamic, pulumi.runtime.rpc",
    "the host with this provider": (
        "import pulumi.dynamic, pulumi.runtime.rpc, pulumi_edas_scale.dynamic, pulumi_edas_scale.operations.service"
    ),
    "the plugin, to its port": "import pulumi_edas_scale.plugin",
    "the plugin, serving": "import pulumi_edas_scale.hosts.plugin, pulumi_edas_scale.operations.service",
    "the plugin, calling EDAS": (
        "import pulumi_edas_scale.hosts.plugin, pulumi_edas_scale.operations.service; "
        "import pulumi_edas_scale.hosts.late_imports as late; "
        "import pulumi_edas_scale.edas.sdk as sdk; "
        "late.import_late(); "
        "sdk.import_sdk()"
    ),
}

_TELL: Final = """
took = time.perf_counter() - began
import json, re
status = open("/proc/self/status").read()
print(json.dumps([took, int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024]))
"""
"""The high-water mark of the memory map: ``ru_maxrss`` would begin at the size of the process that forked."""

BARE_SERVER: Final = """
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from pulumi_edas_scale.hosts.protocol import plugin_pb2, provider_pb2_grpc

class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="0.0.0")

server = grpc.server(ThreadPoolExecutor(8))
provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
server.wait_for_termination()
"""
"""A gRPC server and the generated stubs, imported the cheap way; nothing else can serve the protocol."""

_ASK: Final = """
import sys, time
import grpc
from google.protobuf import empty_pb2
from pulumi_edas_scale.hosts.protocol import provider_pb2_grpc
for line in sys.stdin:
    channel = grpc.insecure_channel(f"127.0.0.1:{line.strip()}")
    provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), wait_for_ready=True, timeout=60)
    print("answered", flush=True)
    channel.close()
"""


def _environment() -> Mapping[str, str]:
    """Return the environment, in which byte code is kept as it is where nobody forbids it."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure_imports(sizes: Sizes) -> Iterator[Figure]:
    """Import in a fresh interpreter, and say how long that took and how large it became."""
    seconds: dict[str, list[float]] = {name: [] for name in IMPORTS}
    recorder: dict[str, list[float]] = {name: [] for name in IMPORTS}
    for statement in IMPORTS.values():
        _import(statement)  # writes byte code, where there is none yet
    for _ in range(sizes.starts):
        for name, statement in IMPORTS.items():
            took, size = _import(statement)
            seconds[name].append(took)
            recorder[name].append(size)
    for name in IMPORTS:
        yield Figure("imports", name, "time", SECONDS, tuple(seconds[name]))
        yield Figure("imports", name, "memory", MEGABYTES, tuple(recorder[name]))
        for other in (PULUMI, GRPC):
            if name not in (PULUMI, GRPC, "python alone"):
                yield ratio("imports", name, f"time over `{other}`", (seconds[name], seconds[other]))
                yield ratio("imports", name, f"memory over `{other}`", (recorder[name], recorder[other]))


def _import(statement: str) -> tuple[float, float]:
    code = f"import time\nbegan = time.perf_counter()\n{statement}\n{_TELL}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=RETRY_TIMEOUT_SECONDS,
    )
    took, size = json.loads(done.stdout)
    return float(took), float(size)


def measure_start(sizes: Sizes) -> Iterator[Figure]:
    """Start the plugin and a bare server in turns: to the port, and to the first answer."""
    plugin = [str(Path(sys.executable).with_name("pulumi-resource-edas-scale"))]
    candidates = {"plugin": plugin, "bare gRPC server": [sys.executable, "-c", BARE_SERVER]}
    ports: dict[str, list[float]] = {name: [] for name in candidates}
    firsts: dict[str, list[float]] = {name: [] for name in candidates}
    with subprocess.Popen(
        [sys.executable, "-c", _ASK], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as asker:
        for _ in range(sizes.starts):
            for name, command in candidates.items():
                port, first = _start(command, asker)
                ports[name].append(port)
                firsts[name].append(first)
        asker.communicate("")
    bare = "bare gRPC server"
    for name in candidates:
        yield Figure("start", name, "time to the port", SECONDS, tuple(ports[name]))
        yield Figure("start", name, "time to the first answer", SECONDS, tuple(firsts[name]))
    yield ratio(
        "start", "plugin", "to the port, over a bare server", (ports["plugin"], ports[bare]), START_LIMIT
    )
    what = "to the first answer, over a bare server"
    yield ratio("start", "plugin", what, (firsts["plugin"], firsts[bare]), START_LIMIT)


def _start(command: Sequence[str], asker: subprocess.Popen[str]) -> tuple[float, float]:
    """Return the seconds to the line with the port and to the answer of the first call."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
            assert asker.stdin is not None  # noqa: S101 - as above
            assert asker.stdout is not None  # noqa: S101 - as above
            port = process.stdout.readline()
            reported = time.perf_counter() - began
            asker.stdin.write(port)
            asker.stdin.flush()
            if not asker.stdout.readline():
                raise RuntimeError(f"{command[0]} did not answer on port {port!r}")
            return reported, time.perf_counter() - began
        finally:
            process.kill()
