"""What it costs when many operations wait in the plugin, and how soon all of them are stopped.

The law of this file: the operations are real and wait for orders that never end, each in an application of its own.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import empty_pb2

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.hosts.protocol import provider_pb2
from tests.contract.plugin.harness import URN, struct
from tests.contract.plugin.processes import plugin
from tools.benchmarks.estates import REGION, Estate
from tools.benchmarks.results import MEGABYTES, SECONDS, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.benchmarks.sizes import Sizes

CANCEL_SECONDS: Final = 1.0
"""Row S17 of the scenario table."""

WRITES_AT_ONCE: Final = 20
"""Of one minute, for certain; the limit of EDAS is twice as many."""

ENDLESS: Final = "seconds:100000"

CALL_TIMEOUT: Final = 600.0


def measure_waits(sizes: Sizes) -> Iterator[Figure]:
    """Let operations wait, ask something else, and cancel."""
    for count in sizes.waiting:
        runs = [_wait_and_cancel(count) for _ in range(sizes.engine_runs)]
        case = f"{count} create{'s' * (count > 1)} under way, native"
        limits = {"Cancel answered": CANCEL_SECONDS}
        for what, unit in (
            ("memory", MEGABYTES),
            ("a check answered", SECONDS),
            ("Cancel answered", SECONDS),
            ("all ended after Cancel", SECONDS),
        ):
            values = tuple(run[what] for run in runs)
            yield Figure("waits", case, what, unit, values, limits.get(what))


def _wait_and_cancel(count: int) -> dict[str, float]:
    world = Estate(count, count, joined=False).world(order_duration=ENDLESS)
    with Emulator(world) as edas, plugin(environ=edas.environment()) as process:
        process.configure()
        creates = [process.stub.Create.future(_create(each), timeout=CALL_TIMEOUT) for each in range(count)]
        edas.await_calls("ScaleOutApplication", count=min(count, WRITES_AT_ONCE))
        time.sleep(1.0 + count / 100)  # the others wait for the limits of EDAS, which shows nothing
        memory = _megabytes(process.popen.pid)
        began = time.monotonic()
        process.stub.Check(provider_pb2.CheckRequest(urn=URN, news=_inputs(0)), timeout=CALL_TIMEOUT)
        checked = time.monotonic()
        process.stub.Cancel(empty_pb2.Empty(), timeout=CALL_TIMEOUT)
        cancelled = time.monotonic()
        if any(create.exception() is None for create in creates):
            raise RuntimeError("an operation ended that was to wait")
        ended = time.monotonic()
    return {
        "memory": memory,
        "a check answered": checked - began,
        "Cancel answered": cancelled - checked,
        "all ended after Cancel": ended - checked,
    }


def _inputs(number: int) -> Any:  # noqa: ANN401 - a message
    return struct(
        {
            "regionId": REGION,
            "appId": f"app-{number:05d}",
            "groupId": f"group-{number:05d}",
            "instanceIds": [f"i-{number:05d}"],
        }
    )


def _create(number: int) -> provider_pb2.CreateRequest:
    return provider_pb2.CreateRequest(urn=f"{URN}-{number}", properties=_inputs(number))


def _megabytes(pid: int) -> float:
    found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError("the plugin has ended")
    return int(found[1]) / 1024
