from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_tea_openapi.exceptions import (
    AlibabaCloudException,
    ClientException,
    ServerException,
    ThrottlingException,
)
from alibabacloud_tea_openapi.models import GlobalParameters
from alibabacloud_tea_openapi.utils import Utils
from darabonba.exceptions import RetryError, UnretryableException
from darabonba.request import DaraRequest

from pulumi_edas_scale.emulator import Emulator
from tests.contract.emulator.clients import BETA, SHOP, http, sdk_call, sdk_client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """An emulator whose orders never end by themselves."""
    with Emulator(order_duration="seconds:3600") as emulator:
        yield emulator


def _status(edas: Emulator, **config: object) -> Any:  # noqa: ANN401 - the SDK has no types
    return sdk_call(sdk_client(edas, **config), "QueryApplicationStatus", app_id=SHOP)


def _scale_out(edas: Emulator, **config: object) -> Any:  # noqa: ANN401 - the SDK has no types
    ecu = edas.state()["clusters"][0]["ecus"][0]["ecuId"]
    client = sdk_client(edas, **config)
    return sdk_call(client, "ScaleOutApplication", app_id=SHOP, deploy_group=BETA, ecu_info=ecu)


def test_throttling(edas: Emulator) -> None:
    """With the header a throttling exception that knows how long to wait; without it versions of the SDK differ."""
    edas.rule(effect="throttle")
    with pytest.raises(AlibabaCloudException) as plain:
        _status(edas)
    assert (plain.value.status_code, plain.value.code) == (400, "Throttling.User")
    edas.rule(effect="throttle", retry_after_ms=1500)
    with pytest.raises(ThrottlingException) as timed:
        _status(edas)
    assert timed.value.retry_after == 1500


def test_errors_of_the_gateway(edas: Emulator) -> None:
    """4xx and 5xx reach the caller as the SDK's exceptions, with code and request id."""
    edas.rule(effect="error", status=403, code="Forbidden.RAM", message="no")
    with pytest.raises(ClientException) as denied:
        _status(edas)
    assert (denied.value.code, bool(denied.value.request_id)) == ("Forbidden.RAM", True)
    edas.rule(effect="error", status=503, code="ServiceUnavailable")
    with pytest.raises(ServerException) as down:
        _status(edas)
    assert down.value.code == "ServiceUnavailable"


def test_a_business_failure_is_no_exception(edas: Emulator) -> None:
    """Code 403 in HTTP 200 is returned as an ordinary answer."""
    edas.rule(effect="error", status=200, code="403", message="No permissions")
    response = _status(edas)
    assert (response.status_code, response.body.code, response.body.message) == (200, 403, "No permissions")


def test_http_600(edas: Emulator) -> None:
    """The status of EDAS's newer error table passes the SDK as if it were a success."""
    edas.rule(effect="error", status=600, code="Edas.errorcode.InstanceNotExist.Instance.message")
    response = _status(edas)
    assert (response.status_code, response.body.code) == (
        600,
        "Edas.errorcode.InstanceNotExist.Instance.message",
    )


@pytest.mark.parametrize("body", ["null", '{"Code":200,"AppInfo":"x"}'])
def test_a_body_of_the_wrong_nesting_is_swallowed(edas: Emulator, body: str) -> None:
    """The SDK returns no body; that is what a caller has to notice."""
    edas.rule(effect="body", body=body)
    assert _status(edas).body is None


def test_an_empty_list_as_body_parses_as_nothing(edas: Emulator) -> None:
    """There is a body, but without a code."""
    edas.rule(effect="body", body="[]")
    assert _status(edas).body.code is None


@pytest.mark.parametrize(("status", "body"), [(502, "<html>Bad gateway</html>"), (500, ""), (200, "")])
def test_a_body_that_is_not_json(edas: Emulator, status: int, body: str) -> None:
    """HTML or nothing ends in an exception that has lost the status."""
    edas.rule(effect="body", status=status, body=body, content_type="text/html")
    with pytest.raises(UnretryableException):
        _status(edas)


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_a_connection_that_is_reset(edas: Emulator, when: str, orders: int) -> None:
    """The caller cannot tell whether the order exists; the log can."""
    edas.rule(operation="ScaleOutApplication", effect="reset", when=when)
    with pytest.raises(UnretryableException) as caught:
        _scale_out(edas)
    assert isinstance(caught.value.inner_exception, RetryError)
    assert len(edas.orders("shop")) == orders
    assert edas.log("ScaleOutApplication")[0]["executed"] is bool(orders)
    assert _status(edas).body.code == 200, "the server goes on"


@pytest.mark.parametrize(("when", "orders"), [("before", 0), ("after", 1)])
def test_an_answer_that_comes_too_late(edas: Emulator, when: str, orders: int) -> None:
    """A caller that gives up has left an order behind, or not: a call nobody waits for is not begun."""
    edas.rule(operation="ScaleOutApplication", effect="delay", seconds=0.4, when=when)
    with pytest.raises(UnretryableException):
        _scale_out(edas, read_timeout=100)
    edas.await_calls("ScaleOutApplication")
    edas.rule(effect="delay", seconds=0.6)
    assert _status(edas).body.code == 200
    assert len(edas.orders("shop")) == orders


def test_a_paused_call_waits_until_it_is_resumed(edas: Emulator) -> None:
    """After acceptance the order exists while its caller still waits; then the caller gets its answer."""
    edas.rule(operation="ScaleOutApplication", effect="pause", when="after")
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(_scale_out(edas)))
    caller.start()
    (paused,) = edas.await_paused()
    assert paused["operation"] == "ScaleOutApplication"
    assert len(edas.orders("shop")) == 1
    assert http(edas, "GET", "/_emulator/state")[1]["paused"] == [paused["n"]]
    assert not answers
    assert http(edas, "POST", "/_emulator/resume", {})[1] == {"resumed": [paused["n"]]}
    caller.join(30)
    assert answers[0].body.change_order_id == edas.orders("shop")[0]["id"]


def test_a_call_paused_before_acceptance_is_dropped_when_its_caller_is_gone(edas: Emulator) -> None:
    """A client that was killed exactly there has changed nothing."""
    edas.rule(operation="ScaleOutApplication", effect="pause")
    with pytest.raises(UnretryableException):
        _scale_out(edas, read_timeout=200)
    edas.await_paused()
    edas.resume()
    edas.rule(effect="delay", seconds=0.1)
    assert _status(edas).body.code == 200
    assert edas.orders("shop") == []
    assert edas.log("ScaleOutApplication")[0]["code"] == "disconnected"


def test_documented_limits_are_enforced_and_counted() -> None:
    """The twenty-first ListScaleOutEcu of a minute is throttled."""
    with Emulator(limits="documented") as edas:
        client = sdk_client(edas)
        for _ in range(20):
            assert sdk_call(client, "ListScaleOutEcu", app_id=SHOP).body.code == 200
        with pytest.raises(AlibabaCloudException, match=r"Throttling\.User|user flow control"):
            sdk_call(client, "ListScaleOutEcu", app_id=SHOP)
        assert edas.breaches() == {"ListScaleOutEcu": 1}
        edas.action("advance_clock", seconds=60)
        assert sdk_call(client, "ListScaleOutEcu", app_id=SHOP).body.code == 200


def test_orders_end_as_real_time_passes() -> None:
    """An order of a tenth of a second has ended when one asks later."""
    with Emulator(order_duration="seconds:0.1") as edas:
        order = _scale_out(edas).body.change_order_id
        client = sdk_client(edas)
        deadline = time.monotonic() + 30
        status = 1
        while status == 1 and time.monotonic() < deadline:
            body = sdk_call(client, "GetChangeOrderInfo", change_order_id=order).body
            status = body.change_order_info.status
        assert status == 2
        assert edas.members("beta", "shop")[0]["appState"] == 7


def _raw_status(edas: Emulator, most: int) -> bytes:
    """Read the status of an application over a bare connection: at most that many bytes of the answer."""
    host, key = urlsplit(edas.url), next(iter(edas.world.access_keys.values()))
    empty = hashlib.sha256().hexdigest()
    headers = {
        "host": host.netloc,
        "x-acs-action": "QueryApplicationStatus",
        "x-acs-version": "2017-08-01",
        "x-acs-date": Utils.get_timestamp(),
        "x-acs-signature-nonce": Utils.get_nonce(),
        "x-acs-content-sha256": empty,
    }
    request = DaraRequest()
    request.method, request.pathname = "GET", "/pop/v5/app/app_status"
    request.headers, request.query = headers, {"AppId": SHOP}
    sign = Utils.get_authorization(request, "ACS3-HMAC-SHA256", empty, key.id, key.secret)
    lines = [f"GET {request.pathname}?AppId={SHOP} HTTP/1.1", f"authorization: {sign}"]
    text = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""])
    received = b""
    with socket.create_connection((host.hostname or "", host.port or 0), timeout=30) as connection:
        connection.sendall(text.encode())
        with contextlib.suppress(ConnectionResetError):
            while len(received) < most and (piece := connection.recv(most - len(received))):
                received += piece
    return received


@pytest.mark.parametrize("part", ["body", "headers"])
def test_an_answer_that_trickles_arrives(edas: Emulator, part: str) -> None:
    """Byte by byte or line by line, the whole answer of an executed call."""
    edas.rule(effect="trickle", part=part, seconds=0.001)
    assert _status(edas).body.code == 200
    assert edas.log()[0]["executed"]


@pytest.mark.parametrize("part", ["body", "headers"])
def test_a_caller_that_leaves_a_trickling_answer_has_been_heard(edas: Emulator, part: str) -> None:
    """The order exists, and the emulator goes on answering others while and after it trickles."""
    edas.rule(operation="ScaleOutApplication", effect="trickle", part=part, seconds=3600)
    with pytest.raises(UnretryableException):
        _scale_out(edas, read_timeout=200)
    assert len(edas.orders("shop")) == 1
    assert _status(edas).body.code == 200


@pytest.mark.parametrize(
    ("part", "repeated"), [("continue", b"HTTP/1.1 100 Continue\r\n\r\n"), ("endless", b"1\r\n \r\n")]
)
def test_an_answer_without_an_end(edas: Emulator, part: str, repeated: bytes) -> None:
    """The same piece comes again and again until the caller goes away."""
    edas.rule(effect="trickle", part=part, seconds=0)
    received = _raw_status(edas, most=3_000)
    assert received.count(repeated) > 50
    assert _status(edas).body.code == 200


def test_a_small_body_that_unpacks_to_a_large_one(edas: Emulator) -> None:
    """A quarter of a gigabyte of spaces before the answer, in a quarter of a megabyte."""
    edas.rule(effect="trickle", part="bomb", seconds=0)
    received = _raw_status(edas, most=10_000_000)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert len(body) < 1_000_000
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    assert unpacker.decompress(body, 2**20) == b" " * 2**20


@pytest.mark.parametrize("code", ["InvalidSecurityToken.Expired", "InvalidTimeStamp.Expired"])
def test_credentials_that_expire_once(edas: Emulator, code: str) -> None:
    """One call is refused as the gateway does it, the next one is answered."""
    edas.rule(effect="error", status=400, code=code)
    with pytest.raises(ClientException) as caught:
        _status(edas)
    assert caught.value.code == code
    assert _status(edas).body.code == 200


def test_a_region_that_is_required(edas: Emulator) -> None:
    """The official SDK names no region unless it is given headers; a call that names it is answered."""
    edas.switches(region_required=True)
    with pytest.raises(ClientException) as caught:
        _status(edas)
    assert caught.value.code == "MissingRegionId"
    named = GlobalParameters(headers={"x-acs-region-id": "cn-hangzhou"})
    assert _status(edas, global_parameters=named).body.code == 200
