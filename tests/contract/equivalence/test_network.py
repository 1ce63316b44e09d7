"""What the network may do to a call, through the processes of both front ends (S82, S84, S88).

Nothing here is measured finely: an answer that trickles has no end, so an operation that ends at all was ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from pulumi_edas_scale.dynamic import Provider
from tests.contract.dynamic.host_process import URN as DYNAMIC_URN
from tests.contract.dynamic.host_process import HostProcess, reference
from tests.contract.plugin.harness import PROVIDER_URN, struct
from tests.contract.plugin.harness import URN as PLUGIN_URN
from tests.contract.plugin.processes import START, Process
from tests.contract.sdk.endings import failure
from tests.contract.sdk.hostile import TRICKLE_SECONDS, TRICKLES, HostileServer
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

APP = "3616cdca-4f92-4413-b02f-a3a5b31a4f0b"
GROUP = "4f1fb6f5-9b5f-4f2b-a6ab-1f1b7e0d9c55"
ID = f"cn-hangzhou/{APP}/{GROUP}"
INPUTS = {"regionId": "cn-hangzhou", "appId": APP, "groupId": GROUP, "instanceIds": ["i-bp101"]}
KEYS = {"ALICLOUD_ACCESS_KEY": "invented-key", "ALICLOUD_SECRET_KEY": "invented-secret"}
LONGEST = 90.0
"""Seconds: what a busy machine may need for what is over in some seconds; an answer that trickles never is."""


class FrontEnd(Protocol):
    """A running provider process, as far as these tests drive it."""

    urn: str
    stub: Any

    def properties(self) -> Any:  # noqa: ANN401 - a message of the protocol
        """Return the inputs of a membership as the engine sends them."""
        ...

    def close(self) -> None:
        """End the process."""
        ...


class Dynamic:
    """The dynamic provider in Pulumi's host."""

    urn = DYNAMIC_URN

    def __init__(self, config: dict[str, str]) -> None:
        self._host = HostProcess(None, {f"edas-scale:{key}": value for key, value in config.items()}, KEYS)
        self.stub: Any = self._host.stub

    def properties(self) -> Any:  # noqa: ANN401 - as above
        """Return the inputs, with the reference to the provider."""
        return struct({**INPUTS, "__provider": reference(Provider())})

    def close(self) -> None:
        """End the process."""
        self._host.kill()


class Plugin:
    """The plugin."""

    urn = PLUGIN_URN

    def __init__(self, config: dict[str, str]) -> None:
        self._process = Process(START, KEYS)
        self.stub: Any = self._process.stub
        self.stub.Configure(provider_pb2.ConfigureRequest(urn=PROVIDER_URN, args=struct(config)))

    def properties(self) -> Any:  # noqa: ANN401 - as above
        """Return the inputs."""
        return struct(INPUTS)

    def close(self) -> None:
        """End the process."""
        self._process.popen.kill()
        self._process.popen.communicate()
        self._process.channel.close()


Kind = Callable[[dict[str, str]], FrontEnd]
FRONT_ENDS: dict[str, Kind] = {"dynamic": Dynamic, "plugin": Plugin}


@pytest.fixture(params=FRONT_ENDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each front end in turn."""
    return FRONT_ENDS[request.param]


@pytest.fixture
def trickling() -> Iterator[HostileServer]:
    """An EDAS whose answers never end."""
    with HostileServer(TRICKLES["body_byte_by_byte"], TRICKLE_SECONDS) as server:
        yield server


def create(front_end: FrontEnd, timeout: float) -> Any:  # noqa: ANN401 - a future of the protocol
    """Begin to create a membership with a time-out in seconds."""
    request = provider_pb2.CreateRequest(
        urn=front_end.urn, properties=front_end.properties(), timeout=timeout
    )
    return front_end.stub.Create.future(request, timeout=LONGEST)


def read(front_end: FrontEnd) -> str:
    """Refresh the membership; return why that failed."""
    request = provider_pb2.ReadRequest(id=ID, urn=front_end.urn, properties=front_end.properties())
    with pytest.raises(grpc.RpcError) as caught:
        front_end.stub.Read(request, timeout=LONGEST)
    return str(caught.value)


def test_s82_a_time_out_holds_while_an_answer_trickles(kind: Kind, trickling: HostileServer) -> None:
    """S82: an operation ends at its time-out although the call it is in would go on for ever."""
    front_end = kind({"endpoint": trickling.url})
    try:
        call = create(front_end, 3.0)
        with pytest.raises(grpc.RpcError, match="the time-out of 3 seconds passed"):
            call.result()
    finally:
        front_end.close()


def test_s82_a_call_is_made_again(kind: Kind, trickling: HostileServer) -> None:
    """S82: a call that trickled is ended at callTimeoutSeconds and made again; the failure says how the last ended."""
    front_end = kind({"endpoint": trickling.url, "callTimeoutSeconds": "1"})
    try:
        call = create(front_end, 8.0)
        with pytest.raises(
            grpc.RpcError, match=r"no answer arrived in time \(1 s, edas-scale:callTimeoutSeconds\)"
        ):
            call.result()
    finally:
        front_end.close()
    assert trickling.requests > 1


def test_s82_cancel_ends_a_call_that_trickles(kind: Kind, trickling: HostileServer) -> None:
    """S82: the first Ctrl-C is heeded while a call is under way."""
    front_end = kind({"endpoint": trickling.url, "callTimeoutSeconds": "600"})
    try:
        call = create(front_end, 1000.0)
        give_up = time.monotonic() + LONGEST
        while not trickling.requests and time.monotonic() < give_up:
            time.sleep(0.05)
        front_end.stub.Cancel(empty_pb2.Empty(), timeout=LONGEST)
        with pytest.raises(grpc.RpcError, match="was stopped: the run was cancelled"):
            call.result()
    finally:
        front_end.close()


def test_s88_a_name_that_does_not_resolve_ends_a_refresh(kind: Kind) -> None:
    """S88: a refresh ends with the cause, and is not silent until some time-out."""
    front_end = kind({"endpoint": "http://[fe80::1%25nosuch]:8080"})
    try:
        said = read(front_end)
    finally:
        front_end.close()
    assert "the name of the endpoint cannot be resolved" in said


def test_s84_a_token_that_expired_once_is_fetched_again(kind: Kind) -> None:
    """S84: the first answer says that the token expired; the call is signed and made again."""
    with RawServer() as server:
        server.first = [Reply.json(failure("InvalidSecurityToken.Expired"), status=400)]
        server.reply = Reply.json(failure("Forbidden.RAM", "no"), status=403)
        front_end = kind({"endpoint": server.url})
        try:
            said = read(front_end)
        finally:
            front_end.close()
        assert "Forbidden.RAM" in said
        assert len({each.headers["x-acs-signature-nonce"] for each in server.received}) >= 2
