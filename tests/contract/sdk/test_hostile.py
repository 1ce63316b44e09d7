"""Scenario S82 at the boundary: one call has a total time and a total size, whatever comes back."""

from __future__ import annotations

import resource
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pulumi_edas_scale.domain.clock import (
    CANCELLED,
    Cancelled,
    DeadlineExceeded,
    OperationContext,
    ThreadRuntime,
)
from pulumi_edas_scale.domain.errors import EdasError, NotUnderstoodError, UnavailableError
from pulumi_edas_scale.edas.client import SdkClient
from tests.contract.sdk.conftest import KEYS
from tests.contract.sdk.hostile import FLOODS, TRICKLE_SECONDS, TRICKLES, HostileServer
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY_MACHINE_SECONDS = 20.0
"""What a machine with other things to do may add; the answers themselves never end."""

CALLS: dict[str, Callable[[SdkClient], object]] = {
    "read": lambda client: client.read_application("app"),
    "write": lambda client: client.submit_scale_out("app", "group", ["ecu"]),
}


def client_of(url: str, call_timeout: float = 0.5) -> SdkClient:
    """Return a client of an endpoint, with invented keys."""
    return SdkClient(region_id="r", endpoint=url, environ=KEYS, call_timeout=call_timeout)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("pieces", TRICKLES.values(), ids=TRICKLES)
def test_s82_a_trickle_ends_at_the_time_of_one_call(
    pieces: Callable[[], object], call: Callable[[SdkClient], object]
) -> None:
    """S82: an answer that trickles ends at callTimeoutSeconds, as an outage in which a write may have been executed.

    Its connection is shut, which also ends the thread that made the call.
    """
    with HostileServer(pieces, TRICKLE_SECONDS) as server:  # type: ignore[arg-type] # of the table
        begun = time.monotonic()
        with pytest.raises(UnavailableError, match=r"0\.5 s, edas-scale:callTimeoutSeconds") as caught:
            call(client_of(server.url))
        assert type(caught.value) is UnavailableError
        assert time.monotonic() - begun < 0.5 + BUSY_MACHINE_SECONDS
        assert server.left.wait(BUSY_MACHINE_SECONDS)
        assert server.requests == 1


@pytest.mark.parametrize("pieces", FLOODS.values(), ids=FLOODS)
def test_s82_a_flood_is_not_read_to_its_end(pieces: Callable[[], object]) -> None:
    """S82: a body larger than 64 MB, decoded, is given up while it is read, and memory stays bounded."""
    with HostileServer(pieces, 0) as server:  # type: ignore[arg-type] # of the table
        client = client_of(server.url, call_timeout=120)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(NotUnderstoodError, match="larger than 64 MB"):
            client.read_application("app")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown < 400 * 1024, f"{grown} kB"


class _Stoppable:
    """A stop sign that a test puts up."""

    reason: str | None = None

    def __call__(self) -> str | None:
        return self.reason


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_s82_a_stopped_operation_does_not_wait_for_its_call(call: Callable[[SdkClient], object]) -> None:
    """S82: Ctrl-C and Cancel end a call that hangs, long before its own time is over."""
    stopped = _Stoppable()
    with HostileServer(TRICKLES["body_byte_by_byte"], TRICKLE_SECONDS) as server:
        client = client_of(server.url, call_timeout=300)
        context = OperationContext(ThreadRuntime(), stopped=stopped)
        timer = threading.Timer(0.3, lambda: setattr(stopped, "reason", CANCELLED))
        timer.start()
        with pytest.raises(Cancelled):
            call(client.within(context))
        assert not server.requests or server.left.wait(BUSY_MACHINE_SECONDS)


def test_s82_a_deadline_ends_the_call_under_way() -> None:
    """S82: the time-out of an operation holds for the call it is in."""
    runtime = ThreadRuntime()
    with HostileServer(TRICKLES["headers_line_by_line"], TRICKLE_SECONDS) as server:
        client = client_of(server.url, call_timeout=300)
        with pytest.raises(DeadlineExceeded):
            client.within(OperationContext(runtime, runtime.now() + 1.0)).read_application("app")
        assert not server.requests or server.left.wait(BUSY_MACHINE_SECONDS)


def test_a_stopped_write_is_given_a_moment_to_answer(server: RawServer) -> None:
    """The answer to a write that is already there is taken, although the run was stopped: it has the order's id."""
    client = client_of(server.url, call_timeout=30)
    server.reply = Reply.json({"Code": 200, "ChangeOrderId": "first"})
    client.submit_scale_out("app", "group", ["ecu"])  # the connection is made by now
    server.reply = Reply.json({"Code": 200, "ChangeOrderId": "order"}, delay=0.2)
    context = OperationContext(ThreadRuntime(), stopped=lambda: CANCELLED)
    assert client.within(context).submit_scale_out("app", "group", ["ecu"]) == "order"


def test_where_somebody_waits_a_call_is_shorter() -> None:
    """A preview, whose retries are short, does not wait for one call as long as an update, nor in silence (S70)."""
    runtime = ThreadRuntime()
    lines: list[str] = []
    context = OperationContext(runtime, retry_timeout=0.2, report=lines.append)
    with HostileServer(TRICKLES["silence"], TRICKLE_SECONDS) as server:
        client = client_of(server.url, call_timeout=300).within(context)
        begun = time.monotonic()
        with pytest.raises(EdasError, match=r"\(10 s\)"):
            client.read_application("app")
        assert time.monotonic() - begun < 10 + BUSY_MACHINE_SECONDS
    assert lines == ["waiting for the answer of QueryApplicationStatus, 8 s"]
