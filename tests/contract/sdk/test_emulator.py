from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    NotUnderstoodError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import Application, Cluster, MemberState
from pulumi_edas_scale.edas.client import SdkClient
from pulumi_edas_scale.emulator import Emulator
from pulumi_edas_scale.emulator.world.world_file import BUILT_IN_WORLD

if TYPE_CHECKING:
    from collections.abc import Iterator

SUCCESS = 2
HELD = 8


@pytest.fixture(scope="module")
def shared_edas() -> Iterator[Emulator]:
    """One emulator for all tests: the SDK prepares TLS for every new port."""
    with Emulator(order_duration="polls:1") as edas:
        yield edas


@pytest.fixture
def edas(shared_edas: Emulator) -> Emulator:
    """An emulator with its built-in world, as if it had just been started."""
    shared_edas.replace_world(BUILT_IN_WORLD)
    shared_edas.switches(order_duration="polls:1")
    shared_edas.clear_log()
    return shared_edas


@pytest.fixture
def client(edas: Emulator) -> SdkClient:
    """A client with the keys of the emulator, which verifies signatures."""
    return SdkClient(region_id="cn-hangzhou", endpoint=edas.url, environ=edas.environment())


@pytest.fixture
def shop(client: SdkClient) -> Application:
    """The first application that has members."""
    (summary,) = (item for item in client.read_applications().items if item.name == "shop")
    return client.read_application(summary.app_id)


def await_end(client: SdkClient, order_id: str) -> int:
    """Poll an order until it is neither ready nor running."""
    while (status := client.read_change_order(order_id).status) in {0, 1}:
        pass
    return status


def test_a_machine_joins_and_leaves(client: SdkClient, shop: Application, edas: Emulator) -> None:
    """The calls of a scale out and a scale in, from the list of machines to the read-back."""
    machine = next(machine for machine in client.read_scale_out_machines(shop.cluster_id) if machine.online)
    group = shop.groups[0]
    order = client.submit_scale_out(shop.app_id, group.group_id, [machine.ecu_id])
    assert order in {item.order_id for item in client.read_change_orders(shop.app_id)}
    assert await_end(client, order) == SUCCESS
    members = client.read_application(shop.app_id).members_of(group.group_id)
    (joined,) = (member for member in members if member.ecu_id == machine.ecu_id)
    assert (joined.instance_id, joined.state) == (machine.instance_id, MemberState.RUNNING)
    leaving = client.submit_scale_in(shop.app_id, [joined.ecc_id], force=False)
    assert leaving is not None
    assert await_end(client, leaving) == SUCCESS
    assert client.read_application(shop.app_id).members == shop.members
    assert all(entry["executed"] for entry in edas.log("ScaleOutApplication"))


def test_a_forced_leave_has_no_order(client: SdkClient, shop: Application, edas: Emulator) -> None:
    """A member whose agent is off leaves at once, without an order."""
    member = shop.members[0]
    edas.action("offline", instance=member.instance_id)
    assert client.read_application(shop.app_id).members[0].agent_off
    assert client.submit_scale_in(shop.app_id, [member.ecc_id], force=True) is None
    assert member.ecu_id not in {left.ecu_id for left in client.read_application(shop.app_id).members}


def test_the_instances_of_a_cluster(client: SdkClient, shop: Application) -> None:
    """Every page is read, whether its instances are in use or not."""
    pages = [client.read_cluster_members(shop.cluster_id, page, 7).items for page in range(1, 20)]
    *full, last = (page for page in pages if page)
    assert {len(page) for page in full} == {7}
    listed = [member.ecu_id for page in (*full, last) for member in page]
    assert len(set(listed)) == len(listed)
    assert {member.ecu_id for member in shop.members} <= set(listed)
    whole = client.read_cluster_members(shop.cluster_id)
    assert [member.ecu_id for member in whole.items] == listed
    assert whole.total == len(listed)


@pytest.mark.parametrize("instance_ip", ["private", "public_and_private"])
def test_a_failed_order_says_why(
    client: SdkClient, shop: Application, edas: Emulator, instance_ip: str
) -> None:
    """A failed order names the instance by its private address, with EDAS's code."""
    edas.switches(instance_ip=instance_ip)
    machine = client.read_scale_out_machines(shop.cluster_id)[0]
    edas.rule(effect="order", instances={machine.instance_id: "EDAS-10001"})
    order = client.submit_scale_out(shop.app_id, shop.groups[0].group_id, [machine.ecu_id])
    await_end(client, order)
    assert {(failure.ip, failure.code) for failure in client.read_change_order(order).failures} == {
        (machine.ip, "EDAS-10001")
    }


def test_a_held_order_is_confirmed(client: SdkClient, shop: Application, edas: Emulator) -> None:
    """The batch that waits for a person is named, and goes on when it is confirmed."""
    edas.rule(effect="order", held=True)
    machine = client.read_scale_out_machines(shop.cluster_id)[0]
    order = client.submit_scale_out(shop.app_id, shop.groups[0].group_id, [machine.ecu_id])
    assert await_end(client, order) == HELD
    pipeline = client.read_change_order(order).held_pipeline_id
    assert pipeline is not None
    client.submit_confirmation(pipeline)
    assert await_end(client, order) == SUCCESS


def test_an_order_is_aborted(client: SdkClient, shop: Application, edas: Emulator) -> None:
    """A running order can be stopped."""
    edas.switches(order_duration="seconds:60")
    machine = client.read_scale_out_machines(shop.cluster_id)[0]
    order = client.submit_scale_out(shop.app_id, shop.groups[0].group_id, [machine.ecu_id])
    client.submit_abort(order)
    assert client.read_change_order(order).status not in {0, 1, SUCCESS}


@pytest.mark.parametrize("language", ["english", "chinese"])
@pytest.mark.parametrize("way", ["body_601", "body_404", "http_404", "http_500", "http_600"])
def test_every_way_to_be_gone_is_a_refusal(
    client: SdkClient, edas: Emulator, way: str, language: str
) -> None:
    """Whichever way EDAS says that something does not exist, it is understood."""
    edas.switches(not_found=way, message_language=language)
    with pytest.raises(BusinessError):
        client.read_application("00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("way", ["refused", "refused_400"])
def test_a_busy_application_refuses(client: SdkClient, shop: Application, edas: Emulator, way: str) -> None:
    """A second order is refused, with the order that runs in the list."""
    edas.switches(second_order=way, order_duration="seconds:60")
    first, second = client.read_scale_out_machines(shop.cluster_id)[:2]
    order = client.submit_scale_out(shop.app_id, shop.groups[0].group_id, [first.ecu_id])
    with pytest.raises(BusinessError):
        client.submit_scale_out(shop.app_id, shop.groups[0].group_id, [second.ecu_id])
    assert [item.order_id for item in client.read_change_orders(shop.app_id) if item.status in {0, 1}] == [
        order
    ]


def test_a_cluster_is_known_or_not(client: SdkClient, shop: Application, edas: Emulator) -> None:
    """A cluster tells its kind; a refusal, a missing permission and an outage are three things."""
    assert client.read_cluster(shop.cluster_id) == Cluster(shop.cluster_id, 2, present=True)
    with pytest.raises(BusinessError):
        client.read_cluster("00000000-0000-4000-8000-000000000000")
    edas.rule(operation="GetCluster", effect="error", status=403, code="Forbidden.RAM", message="denied")
    with pytest.raises(PermissionDeniedError):
        client.read_cluster(shop.cluster_id)
    edas.rule(operation="GetCluster", effect="throttle")
    with pytest.raises(ThrottledError):
        client.read_cluster(shop.cluster_id)


FAULTS: dict[str, tuple[dict[str, Any], type[EdasError]]] = {
    "throttle": ({"effect": "throttle", "retry_after_ms": 2500}, ThrottledError),
    "reset": ({"effect": "reset", "when": "after"}, UnavailableError),
    "denied": ({"effect": "error", "status": 200, "code": "403", "message": "denied"}, PermissionDeniedError),
    "null": ({"effect": "body", "body": "null"}, NotUnderstoodError),
    "html": (
        {"effect": "body", "status": 502, "body": "<html>", "content_type": "text/html"},
        UnavailableError,
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(client: SdkClient, shop: Application, edas: Emulator, fault: str) -> None:
    """Each kind of fault the emulator injects becomes its error."""
    rule, error_class = FAULTS[fault]
    edas.rule(operation="QueryApplicationStatus", **rule)
    with pytest.raises(EdasError) as caught:
        client.read_application(shop.app_id)
    assert type(caught.value) is error_class
    if error_class is ThrottledError:
        assert caught.value.retry_after == 2.5


def test_a_code_may_be_text(client: SdkClient, shop: Application, edas: Emulator) -> None:
    """Nothing depends on the type of the code."""
    edas.switches(code_type="text")
    assert client.read_application(shop.app_id) == shop


def test_a_wrong_secret(edas: Emulator) -> None:
    """A signature that does not verify is a matter of credentials."""
    wrong = edas.environment() | {"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "another-secret"}
    with pytest.raises(CredentialsError):
        SdkClient(region_id="cn-hangzhou", endpoint=edas.url, environ=wrong).read_applications()
