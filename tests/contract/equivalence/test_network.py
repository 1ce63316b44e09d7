"""What the network may do to a call, through the processes of both front ends (S82, S84, S88).

Nothing here is measured finely: an answer that trickles has no end, so an operation that ends at all was ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from pulumi_edas_scale.domain.errors import PartialFailureError
from pulumi_edas_scale.domain.settings import Settings
from pulumi_edas_scale.dynamic import Provider
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.edas.transport import CA_VARIABLES
from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.operations.request import Request
from pulumi_edas_scale.operations.service import Service
from tests.contract.dynamic.host_process import URN as DYNAMIC_URN
from tests.contract.dynamic.host_process import HostProcess, reference
from tests.contract.plugin.harness import PROVIDER_URN, struct
from tests.contract.plugin.harness import URN as PLUGIN_URN
from tests.contract.plugin.processes import START, Process
from tests.contract.sdk.certificates import tls_before, write_certificate
from tests.contract.sdk.endings import failure
from tests.contract.sdk.hostile import TRICKLE_SECONDS, TRICKLES, HostileServer
from tests.contract.sdk.raw_server import RawServer, Reply
from tests.e2e.world import BETA, REGION, SHOP, scenario_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pulumi_edas_scale.domain.codes import Message

APP = "3616cdca-4f92-4413-b02f-a3a5b31a4f0b"
GROUP = "4f1fb6f5-9b5f-4f2b-a6ab-1f1b7e0d9c55"
ID = f"cn-hangzhou/{APP}/{GROUP}"
INPUTS = {"regionId": "cn-hangzhou", "appId": APP, "groupId": GROUP, "instanceIds": ["i-bp101"]}
KEYS = {"ALICLOUD_ACCESS_KEY": "invented-key", "ALICLOUD_SECRET_KEY": "invented-secret"}
UNTRUSTED = "the certificate of the endpoint is not trusted"
EMPTY: Mapping[str, str] = {}
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

    def __init__(self, config: dict[str, str], environ: Mapping[str, str] = EMPTY) -> None:
        settings = {f"edas-scale:{key}": value for key, value in config.items()}
        self._host = HostProcess(None, settings, {**KEYS, **environ})
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

    def __init__(self, config: dict[str, str], environ: Mapping[str, str] = EMPTY) -> None:
        self._process = Process(START, {**KEYS, **environ})
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


Kind = Callable[..., FrontEnd]
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


@pytest.mark.parametrize("variable", CA_VARIABLES)
def test_s88_each_front_end_trusts_whom_the_environment_names(
    kind: Kind, tmp_path: Path, variable: str
) -> None:
    """S88: the variables for certificates count in the processes of both front ends, not only in the core."""
    with RawServer() as server:
        server.reply = Reply.json(failure("Forbidden.RAM", "no"), status=403)
        certificate = write_certificate(tmp_path / "server.pem")
        with tls_before(server.server_port, certificate) as front:
            names = {**dict.fromkeys(CA_VARIABLES, ""), variable: str(certificate)}
            front_end = kind({"endpoint": front.url}, names)
            try:
                said = read(front_end)
            finally:
                front_end.close()
    assert "Forbidden.RAM" in said


def test_s88_each_front_end_uses_and_leaves_out_a_proxy(kind: Kind) -> None:
    """S88: a call goes to the proxy of the environment, unless NO_PROXY names the endpoint, here by its suffix."""
    with RawServer() as proxy:
        proxy.reply = Reply.json(failure("Forbidden.RAM", "no"), status=403)
        said = []
        for exception in ("", ".invalid"):
            names = {"HTTP_PROXY": proxy.url, "NO_PROXY": exception}
            front_end = kind({"endpoint": "http://edas.invalid:81"}, names)
            try:
                said.append(read(front_end))
            finally:
                front_end.close()
        targets = {each.target.partition("/pop")[0] for each in proxy.received}
    assert targets == {"http://edas.invalid:81"}
    assert "Forbidden.RAM" in said[0]
    assert "the name of the endpoint cannot be resolved" in said[1]


@pytest.mark.parametrize(
    ("variable", "exception", "reached"),
    [
        ("ALL_PROXY", "", "the proxy"),
        ("HTTP_PROXY", "0.0.0.0:{port}", "EDAS"),
        ("HTTP_PROXY", "0.0.0.0:1", "the proxy"),
        ("ALL_PROXY", "10.0.0.0/8, 0.0.0.0/8", "EDAS"),
        ("ALL_PROXY", "10.0.0.0/8", "the proxy"),
    ],
)
def test_s88_each_front_end_knows_ports_and_networks(
    kind: Kind, variable: str, exception: str, reached: str
) -> None:
    """S88: ALL_PROXY counts, and NO_PROXY with a port or a network, in the processes of both front ends.

    0.0.0.0 is this machine by an address that is not a loopback one, which no proxy is asked for in any case.
    """
    with RawServer() as proxy, RawServer() as edas:
        for server, name in ((proxy, "the proxy"), (edas, "EDAS")):
            server.reply = Reply.json(failure("Forbidden.RAM", f"here is {name}"), status=403)
        names = {variable: proxy.url, "NO_PROXY": exception.format(port=edas.server_port)}
        front_end = kind({"endpoint": f"http://0.0.0.0:{edas.server_port}"}, names)
        try:
            said = read(front_end)
        finally:
            front_end.close()
    assert f"here is {reached}" in said


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SignatureDoesNotMatch", 400),
        ("InvalidAccessKeyId.NotFound", 404),
        ("InvalidSecurityToken.Expired", 400),
    ],
)
def test_s89_credentials_that_are_refused_are_named(kind: Kind, code: str, status: int) -> None:
    """S89: the message says where the credentials came from and who looks at them, never what they are."""
    with RawServer() as server:
        server.reply = Reply.json(failure(code, "no"), status=status)
        front_end = kind({"endpoint": server.url})
        try:
            said = read(front_end)
        finally:
            front_end.close()
    assert code in said
    assert "came from the environment variables ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY: check" in said
    assert "'edas-scale doctor' looks at each." in said
    assert not any(each in said for each in KEYS.values())


@dataclass
class Listener:
    """A front end that hears what an operation waits for, and does something at the first word of its order."""

    at_order: Callable[[], None]
    lines: list[str] = field(default_factory=list)
    broken: bool = False

    def progress(self, urn: str, text: str) -> None:
        """Keep a status line."""
        del urn
        if " is running" in text and not self.broken:
            self.broken = True
            self.at_order()
        self.lines.append(text)

    def info(self, urn: str, text: str) -> None:
        """Show nothing."""

    def warn(self, urn: str, warning: Message) -> None:
        """Show nothing."""

    def stopped(self) -> str | None:
        """Go on."""
        return None


def test_s88_a_certificate_that_breaks_in_the_middle_of_an_order(tmp_path: Path) -> None:
    """S88: the order is not given up, because it goes on without us; each line and the failure name the cause.

    That these lines come every ten seconds is tested on virtual time (tests/unit/edas/test_waiter.py).
    """
    trusted, strange = (write_certificate(tmp_path / f"{each}.pem") for each in ("trusted", "strange"))
    with (
        Emulator(scenario_world(), order_duration="seconds:1000") as edas,
        tls_before(int(edas.url.rpartition(":")[2]), trusted) as front,
    ):
        environ = {**edas.environment(), "REQUESTS_CA_BUNDLE": str(trusted)}
        host = Listener(lambda: front.show(strange))
        core = Service(
            Settings(region_id=REGION, endpoint=front.url),
            host,
            lambda settings, region_id: SdkClient(
                region_id=region_id, endpoint=settings.endpoint, environ=environ
            ),
        )
        news = {"appId": SHOP, "groupId": BETA, "instanceIds": ["i-d"], "timeoutSeconds": 5}
        checked = core.check(Request("urn:web", news=news))
        with pytest.raises(PartialFailureError) as caught:
            core.change(Request("urn:web", news=checked.inputs))
        [order] = edas.orders(SHOP)

    after = host.lines[next(at for at, line in enumerate(host.lines) if " is running" in line) + 1 :]
    assert any(order["id"] in line and UNTRUSTED in line for line in after)
    said = str(caught.value)
    assert "the time-out of 5 seconds passed" in said
    assert order["id"] in said
    assert UNTRUSTED in said
    assert caught.value.outputs["changeOrderIds"] == [order["id"]]


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
