from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from alibabacloud_edas20170801 import client as edas_client
from alibabacloud_edas20170801 import models as edas_models

from pulumi_edas_scale.domain.errors import InputError, InternalError, PermissionDeniedError
from pulumi_edas_scale.edas import sdk
from pulumi_edas_scale.edas.client import Exchange, SdkClient
from pulumi_edas_scale.edas.failures import OPERATIONS
from pulumi_edas_scale.edas.sdk import parse_endpoint
from tests.contract.sdk.conftest import KEYS
from tests.contract.sdk.raw_server import RawServer, Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from pulumi_edas_scale.edas.api import EdasClient

APPLICATION = {
    "Code": 200,
    "AppInfo": {"EcuList": {"Ecu": []}, "EccList": {"Ecc": []}, "GroupList": {"Group": []}},
}
ORDER = {"Code": 200, "ChangeOrderId": "order"}

REQUESTS: dict[str, tuple[Callable[[EdasClient], object], object, str, str, dict[str, str]]] = {
    "QueryApplicationStatus": (
        lambda client: client.read_application("app"),
        APPLICATION,
        "GET",
        "/pop/v5/app/app_status",
        {"AppId": "app"},
    ),
    "ListApplication": (
        lambda client: client.read_applications(2, 50),
        {"Code": 200, "ApplicationList": {"Application": []}},
        "POST",
        "/pop/v5/app/app_list",
        {"CurrentPage": "2", "PageSize": "50"},
    ),
    "ListScaleOutEcu": (
        lambda client: client.read_scale_out_machines("cluster"),
        {"Code": 200, "EcuInfoList": {"EcuInfo": []}},
        "POST",
        "/pop/v5/resource/scale_out_ecu_list",
        {"ClusterId": "cluster"},
    ),
    "ListClusterMembers": (
        lambda client: client.read_cluster_members("cluster", 1, 100),
        {"Code": 200, "ClusterMemberPage": {"ClusterMemberList": {"ClusterMember": []}}},
        "GET",
        "/pop/v5/resource/cluster_member_list",
        {"ClusterId": "cluster", "CurrentPage": "1", "PageSize": "100"},
    ),
    "GetCluster": (
        lambda client: client.read_cluster("cluster"),
        {"Code": 200, "Cluster": {"ClusterId": "cluster"}},
        "GET",
        "/pop/v5/resource/cluster",
        {"ClusterId": "cluster"},
    ),
    "ListRecentChangeOrder": (
        lambda client: client.read_change_orders("app"),
        {"Code": 200, "ChangeOrderList": {"ChangeOrder": []}},
        "POST",
        "/pop/v5/changeorder/change_order_list",
        {"AppId": "app"},
    ),
    "GetChangeOrderInfo": (
        lambda client: client.read_change_order("order"),
        {"Code": 200, "changeOrderInfo": {"Status": 2}},
        "POST",
        "/pop/v5/changeorder/change_order_info",
        {"ChangeOrderId": "order"},
    ),
    "ScaleOutApplication": (
        lambda client: client.submit_scale_out("app", "group", ["b", "a"]),
        ORDER,
        "POST",
        "/pop/v5/changeorder/co_scale_out",
        {"AppId": "app", "DeployGroup": "group", "EcuInfo": "b,a"},
    ),
    "ScaleInApplication": (
        lambda client: client.submit_scale_in("app", ["b", "a"], force=False),
        ORDER,
        "POST",
        "/pop/v5/changeorder/co_scale_in",
        {"AppId": "app", "EccInfo": "b,a"},
    ),
    "AbortChangeOrder": (
        lambda client: client.submit_abort("order"),
        {"Code": 200},
        "PUT",
        "/pop/v5/changeorder/change_order_abort",
        {"ChangeOrderId": "order"},
    ),
    "ContinuePipeline": (
        lambda client: client.submit_confirmation("pipeline"),
        {"Code": 200},
        "GET",
        "/pop/v5/changeorder/pipeline_batch_confirm",
        {"PipelineId": "pipeline", "Confirm": "True"},
    ),
}


def test_every_operation_is_tested() -> None:
    """The table of operations and the table above name the same ones."""
    assert set(REQUESTS) == set(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_request_of(operation: str, server: RawServer, client: SdkClient) -> None:
    """Each method sends one signed request of its operation, and nothing but the documented parameters."""
    call, answer, method, path, query = REQUESTS[operation]
    server.reply = Reply.json(answer)
    call(client)
    (request,) = server.received
    assert (request.method, request.path, request.query) == (method, path, query)
    assert request.headers["x-acs-action"] == operation
    assert request.headers["x-acs-version"] == "2017-08-01"
    assert request.headers["x-acs-region-id"] == "cn-hangzhou"  # S75
    assert ";x-acs-region-id;" in request.headers["authorization"]
    assert request.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=LTAI-invented-key,")
    assert "pulumi-edas-scale/" in request.headers["user-agent"]
    assert request.headers["host"] == server.url.removeprefix("http://")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_sdk_has(operation: str) -> None:
    """Each operation has the method and the request model by which it is called."""
    snake_case = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
    assert callable(getattr(edas_client.Client, f"{snake_case}_with_options"))
    assert callable(getattr(edas_models, f"{operation}Request"))


def test_force_is_only_sent_when_asked_for(server: RawServer, client: SdkClient) -> None:
    """A forced scale in says so, and needs no order id in the answer."""
    server.reply = Reply.json({"Code": 200})
    assert client.submit_scale_in("app", ["ecc"], force=True) is None
    assert server.received[0].query == {"AppId": "app", "EccInfo": "ecc", "ForceStatus": "True"}


@pytest.mark.parametrize("ids", [[], [""], ["a", ""], ["a,b"], ["a b"], "ecc", ""], ids=repr)
def test_an_empty_list_is_never_sent(server: RawServer, client: SdkClient, ids: list[str]) -> None:
    """EDAS may read an empty list as everything, so it is our bug and nothing is sent."""
    with pytest.raises(InternalError):
        client.submit_scale_in("app", ids, force=False)
    with pytest.raises(InternalError):
        client.submit_scale_out("app", "group", ids)
    assert server.received == []


def test_sixty_four_threads_share_one_client(server: RawServer) -> None:
    """Many threads may make the first call at once; each gets its own answer, over kept connections."""
    client = SdkClient(region_id="cn-hangzhou", endpoint=server.url, environ=KEYS)
    server.reply = Reply.json(ORDER)
    before = server.connections
    ready = threading.Barrier(64)

    def submit(number: int) -> str:
        ready.wait()
        return client.submit_scale_out("app", "group", [f"ecu-{number}"])

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(submit, range(64))) == {"order"}
        assert set(pool.map(lambda _: client.submit_scale_out("app", "group", ["x"]), range(128))) == {
            "order"
        }
    assert {request.query["EcuInfo"] for request in server.received} >= {f"ecu-{n}" for n in range(64)}
    assert server.connections - before <= 64


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_loopback_needs_no_proxy(server: RawServer, variable: str) -> None:
    """An endpoint on this machine is reached directly, whatever proxy the environment names."""
    server.reply = Reply.json(ORDER)
    client = SdkClient(region_id="r", endpoint=server.url, environ=KEYS | {variable: "http://127.0.0.1:9"})
    assert client.submit_scale_out("app", "group", ["ecu"]) == "order"


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY"])
def test_the_proxy_is_used_for_other_hosts(server: RawServer, variable: str) -> None:
    """An endpoint elsewhere is reached through the proxy of the environment."""
    server.reply = Reply.json(ORDER)
    client = SdkClient(region_id="r", endpoint="http://edas.test", environ=KEYS | {variable: server.url})
    assert client.submit_scale_out("app", "group", ["ecu"]) == "order"
    assert server.received[0].target.startswith("http://edas.test/pop/v5/")


def test_no_proxy_is_heeded(server: RawServer) -> None:
    """NO_PROXY keeps a host from the proxy, which the SDK alone does not manage."""
    server.reply = Reply.json(ORDER)
    client = SdkClient(
        region_id="r",
        endpoint="http://[fe80::1%25nosuch]",
        environ=KEYS | {"http_proxy": server.url, "NO_PROXY": "fe80::1%25nosuch"},
    )
    with pytest.raises(Exception, match="cannot be resolved"):
        client.submit_scale_out("app", "group", ["ecu"])
    assert server.received == []


def test_the_region_gives_the_endpoint(server: RawServer) -> None:
    """Without an endpoint it is the region's, spoken to over https."""
    server.reply = Reply(403)
    client = SdkClient(region_id="cn-hangzhou", environ=KEYS | {"https_proxy": server.url})
    with pytest.raises(Exception, match="through a proxy"):
        client.read_application("app")
    assert (server.received[0].method, server.received[0].target) == (
        "CONNECT",
        "edas.cn-hangzhou.aliyuncs.com:443",
    )


@pytest.mark.parametrize(
    ("region", "network", "address"),
    [
        ("cn-hangzhou", "public", "https://edas.cn-hangzhou.aliyuncs.com"),
        ("cn-chengdu", "public", "https://edas.aliyuncs.com"),
        ("ap-southeast-3", "public", "https://edas.ap-northeast-1.aliyuncs.com"),
        ("cn-hangzhou", "vpc", "https://edas-vpc.cn-hangzhou.aliyuncs.com"),
    ],
)
def test_s75_the_address_of_a_region(region: str, network: str, address: str) -> None:
    """S75: the SDK's map says which regions share an address; in a VPC it is the region's own."""
    assert SdkClient(region_id=region, network=network, environ=KEYS).address == address


def test_who_watches_is_told_every_call(server: RawServer) -> None:
    """Bodies are passed on word for word, those of refusals too, with status and time, and bad ends as their error."""
    reported: list[Exchange] = []
    client = SdkClient(region_id="r", endpoint=server.url, environ=KEYS, watch=reported.append)
    assert client.credentials_source() == ""
    server.reply = Reply.json(ORDER | {"Surplus": [1]})
    client.submit_scale_out("app", "group", ["ecu"])
    server.reply = Reply(403, b'{"Code": "Forbidden.RAM", "Message": "no"}')
    with pytest.raises(PermissionDeniedError) as caught:
        client.read_change_orders("app")
    assert reported == [
        Exchange("ScaleOutApplication", ORDER | {"Surplus": [1]}),
        Exchange(
            "ListRecentChangeOrder",
            {"Code": "Forbidden.RAM", "Message": "no"},
            caught.value,
        ),
    ]
    assert [each.status for each in reported] == [200, 403]
    assert all(each.seconds > 0 for each in reported)
    assert client.credentials_source() == "static_sts"


def test_another_sdk_may_keep_its_sessions_elsewhere(server: RawServer, client: SdkClient) -> None:
    """Where the SDK offers no session to watch, calls are made all the same."""
    server.reply = Reply.json(ORDER)
    client.submit_scale_out("app", "group", ["ecu"])
    connection = client._connector.connection
    assert connection is not None
    sdk._mount_adapter(dataclasses.replace(connection._sdk, core=object()), connection._client, None)
    assert client.submit_scale_out("app", "group", ["ecu"]) == "order"


@pytest.mark.parametrize(
    ("text", "scheme", "netloc"),
    [
        ("http://127.0.0.1:8080", "http", "127.0.0.1:8080"),
        ("http://127.0.0.1:8080/", "http", "127.0.0.1:8080"),
        ("127.0.0.1:8080", "http", "127.0.0.1:8080"),
        ("localhost:8080", "http", "localhost:8080"),
        ("[::1]:8080", "http", "[::1]:8080"),
        ("edas-vpc.cn-hangzhou.aliyuncs.com", "https", "edas-vpc.cn-hangzhou.aliyuncs.com"),
        ("https://edas.aliyuncs.com", "https", "edas.aliyuncs.com"),
    ],
)
def test_endpoint(text: str, scheme: str, netloc: str) -> None:
    """An endpoint may be a URL or a host; only a loopback address is spoken to without TLS by default."""
    endpoint = parse_endpoint(text)
    assert (endpoint.scheme, endpoint.netloc) == (scheme, netloc)


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host",
        "http://",
        "http://host/path",
        "http://host:port",
        "http://u:p@host",
        "http://host?x=1",
        "a b",
    ],
)
def test_wrong_endpoint(text: str) -> None:
    """What is no endpoint is refused under the name of the setting."""
    with pytest.raises(InputError) as caught:
        SdkClient(region_id="r", endpoint=text)
    assert caught.value.failures[0][0] == "edas-scale:endpoint"


def test_no_region_and_no_endpoint() -> None:
    """Without both there is no address to call."""
    with pytest.raises(InputError):
        SdkClient(region_id="")


def test_the_sdk_is_imported_by_the_first_call_only() -> None:
    """Importing this package and making a client load nothing of the SDK."""
    program = (
        "import sys; from pulumi_edas_scale.edas.client import SdkClient; SdkClient(region_id='r');"
        "print([name for name in sys.modules if name.split('.')[0] in"
        " {'Tea', 'darabonba', 'requests', 'aiohttp'} or name.startswith('alibabacloud')])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
