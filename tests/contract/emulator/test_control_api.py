from __future__ import annotations

import socket
import threading
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.server import MAX_EVENT_READERS
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD, build_world
from tests.contract.emulator.clients import BETA, SHOP, http, sdk_call, sdk_client

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def edas() -> Iterator[Emulator]:
    """An emulator of the built-in world."""
    with Emulator(order_duration="seconds:3600") as emulator:
        yield emulator


def _control(edas: Emulator, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON
    status, answer = http(edas, method, f"/_emulator/{path}", body)
    assert status == 200, answer
    return answer


def test_the_state_over_http_is_the_state_in_process(edas: Emulator) -> None:
    """Except for the moment at which it was taken."""
    over_http, in_process = _control(edas, "GET", "state"), edas.state()
    assert over_http.keys() == in_process.keys()
    assert over_http["applications"] == in_process["applications"]


def test_switches_over_http(edas: Emulator) -> None:
    """They are set, shown, and refused by name."""
    assert _control(edas, "POST", "switches", {"second_order": "queued"})["second_order"] == "queued"
    assert _control(edas, "GET", "switches") == edas.switches()
    status, answer = http(edas, "POST", "/_emulator/switches", {"second_order": "x"})
    assert status == 400
    assert answer["error"].startswith("switches.second_order: must be one of")


def test_rules_over_http(edas: Emulator) -> None:
    """One or several are added, listed with what they met, and removed."""
    first = _control(edas, "POST", "rules", {"effect": "throttle", "operation": "ListCluster"})
    several = _control(edas, "POST", "rules", [{"effect": "reset", "times": None}, {"effect": "throttle"}])
    assert [rule["id"] for rule in [first, *several]] == ["rule-1", "rule-2", "rule-3"]
    assert _control(edas, "DELETE", "rules/rule-2") == {"removed": True}
    assert http(edas, "DELETE", "/_emulator/rules/rule-2")[0] == 404
    assert [rule["met"] for rule in _control(edas, "GET", "rules")] == [0, 0]
    _control(edas, "DELETE", "rules")
    assert edas.rules() == []
    status, answer = http(edas, "POST", "/_emulator/rules", [{"effect": "explode"}])
    assert (status, answer["error"][:14]) == (400, "[0].effect: mu")


def test_actions_over_http(edas: Emulator) -> None:
    """They do what they do in process, and are refused with a reason."""
    joined = _control(edas, "POST", "actions", {"action": "join", "group": BETA, "instance": "i-bp101"})
    assert joined["appState"] == 7
    assert edas.members("beta", "shop")[0]["instanceId"] == "i-bp101"
    before = edas.state()["now"]
    assert _control(edas, "POST", "actions", {"action": "advance_clock", "seconds": 60})["now"] >= before + 60
    refused: list[object] = [{"action": "explode"}, [], {"action": "advance_clock", "seconds": -1}]
    refused += [
        {"action": "advance_clock", "seconds": seconds} for seconds in (None, True, 1e300, float("nan"))
    ]
    for wrong in refused:
        assert http(edas, "POST", "/_emulator/actions", wrong)[0] == 400


def test_the_running_minimum_over_http(edas: Emulator) -> None:
    """It falls, and starts over when it is deleted."""

    def lowest() -> list[int]:
        return [
            group["lowest"]
            for group in _control(edas, "GET", "running-minimum")
            if group["application"] == "shop"
        ]

    assert lowest() == [1, 0]
    edas.action("join", group=BETA, instance="i-bp101")
    edas.action("offline", instance="i-bp111")
    assert lowest() == [0, 0]
    assert edas.running_minimum("_DEFAULT_GROUP", "shop") == 0
    edas.action("online", instance="i-bp111")
    _control(edas, "DELETE", "running-minimum")
    assert lowest() == [1, 1]
    edas.action("offline", instance="i-bp101")
    edas.reset_running_minimum()
    assert edas.running_minimum("beta", "shop") == 0


def test_the_log_over_http(edas: Emulator) -> None:
    """Every request has a line with its number, and numbers go on after the log was emptied."""
    client = sdk_client(edas)
    sdk_call(client, "QueryApplicationStatus", app_id=SHOP)
    (line,) = _control(edas, "GET", "log")
    assert (line["n"], line["operation"], line["params"]) == (1, "QueryApplicationStatus", {"AppId": SHOP})
    assert line["duration"] > 0
    assert line["time"] <= edas.host.now()
    _control(edas, "DELETE", "log")
    assert edas.log() == []
    sdk_call(client, "ListCluster")
    assert edas.await_calls("ListCluster")[0]["n"] == 2
    edas.clear_log()
    with pytest.raises(TimeoutError, match=r"within 0\.01 seconds"):
        edas.await_calls("ListCluster", timeout=0.01)


def test_the_world_is_replaced(edas: Emulator) -> None:
    """By another one, or by the built-in one; a wrong one is refused and the old one stays."""
    small = {"region": "cn-beijing", "accessKeys": [{"id": "k", "secret": "s"}]}
    _control(edas, "POST", "world", small)
    assert edas.state()["region"] == "cn-beijing"
    assert http(edas, "POST", "/_emulator/world", {"region": 1})[0] == 400
    assert edas.world.region == "cn-beijing"
    _control(edas, "POST", "world", {})
    assert edas.world.region == "cn-hangzhou"
    edas.replace_world(small)
    edas.replace_world()
    assert edas.world.region == "cn-hangzhou"


def test_a_page_of_another_site_cannot_control_the_emulator(edas: Emulator) -> None:
    """A POST without the type of JSON, which a browser sends without asking, is refused."""
    status, _ = http(edas, "POST", "/_emulator/resume", {}, content_type="text/plain")
    assert status == 415
    assert http(edas, "POST", "/_emulator/actions", "not an object")[0] == 400


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:1", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example:80", 421), ("", 421)],
)
def test_a_foreign_name_in_the_host_header_is_refused(edas: Emulator, host: str, status: int) -> None:
    """A site whose name is made to lead here (DNS rebinding) reads nothing; addresses and localhost do."""
    address = urlsplit(edas.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
    connection.request("GET", "/_emulator/state", headers={"Host": host})
    assert connection.getresponse().status == status
    connection.close()


def test_readers_of_the_event_stream_that_never_read_stall_nobody(edas: Emulator) -> None:
    """A hundred of them: some are turned away, calls are answered, and the stream serves again afterwards."""
    address = urlsplit(edas.url)
    readers = [socket.create_connection((address.hostname or "", address.port or 0)) for _ in range(100)]
    for reader in readers:
        reader.sendall(f"GET /_emulator/events HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    client = sdk_client(edas)
    for _ in range(200):  # each of them changes what the stream tells
        assert sdk_call(client, "ListDeployGroup", app_id=SHOP).body.code == 200
    answers = [reader.recv(64) for reader in readers]
    assert sum(b" 200 " in answer for answer in answers) == MAX_EVENT_READERS
    assert sum(b" 503 " in answer for answer in answers) == len(readers) - MAX_EVENT_READERS
    for reader in readers:
        reader.close()
    connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
    status = 503
    while status == 503:
        connection.request("GET", "/_emulator/events")
        status = connection.getresponse().status
        connection.close()
    assert status == 200


def test_a_body_that_is_too_large_is_refused(edas: Emulator) -> None:
    """Eight megabytes are more than any world needs."""
    assert http(edas, "POST", "/_emulator/world", {"region": "x" * 9_000_000})[0] == 413


def test_it_binds_to_the_loopback(edas: Emulator) -> None:
    """Nobody outside this machine can reach it."""
    assert edas.url.startswith("http://127.0.0.1:")


def test_the_environment_points_a_program_at_it(edas: Emulator) -> None:
    """The four variables of a lasting key; a temporary one adds its token."""
    assert edas.environment() == {
        "ALIBABA_CLOUD_ENDPOINT_EDAS": edas.url,
        "ALIBABA_CLOUD_REGION_ID": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "emulator-key",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "emulator-secret",
    }
    edas.replace_world({"region": "r", "accessKeys": [{"id": "k", "secret": "s", "securityToken": "t"}]})
    assert edas.environment()["ALIBABA_CLOUD_SECURITY_TOKEN"] == "t"


def test_an_emulator_takes_a_world_that_is_built_already() -> None:
    """And switches by keyword."""
    world = build_world(BUILT_IN_WORLD)
    with Emulator(world, second_order="queued") as edas:
        assert edas.world is world
        assert edas.switches()["second_order"] == "queued"
        assert edas.orders() == []
        assert edas.control("offline", instance="i-bp101")["online"] is False
        assert edas.remove_rule(edas.rule(effect="throttle"))
        edas.rule(effect="throttle")
        edas.clear_rules()
        assert edas.rules() == []
        assert isinstance(edas.running_minimum(), list)


def test_a_port_that_is_taken_is_an_error(edas: Emulator) -> None:
    """The caller hears of it at the start."""
    port = int(edas.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="address already in use"):
        Emulator(port=port).start()


def test_many_threads_at_once(edas: Emulator) -> None:
    """Requests and helpers from many threads meet one consistent world."""
    edas.switches(order_duration="immediate")
    client = sdk_client(edas)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert sdk_call(client, "QueryApplicationStatus", app_id=SHOP).body.code == 200
                edas.state()
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert [entry["n"] for entry in edas.log()] == list(range(1, 161))
