from __future__ import annotations

import json

import pytest

from pulumi_edas_scale.emulator import control, views
from pulumi_edas_scale.emulator.inputs import InputError
from tests.unit.emulator.simulated import BETA, CLUSTER, DEFAULT, SHOP, Simulation


def test_a_foreign_member_appears_and_leaves() -> None:
    """At once, without an order and without a line in the request log."""
    edas = Simulation()
    edas.act("join", group="beta", application="shop", instance="i-c")
    assert edas.listed()["ecu-c"] == (7, 2)
    edas.act("leave", instance="i-c")
    assert "ecu-c" not in edas.listed()
    assert not edas.world.orders
    assert {entry["operation"] for entry in edas.world.log} == {"QueryApplicationStatus"}


def test_a_foreign_member_appears_and_leaves_by_orders_of_other_people() -> None:
    """The orders are listed with source console and run as the script says."""
    edas = Simulation()
    joining = edas.act("join", group=BETA, instance="i-c", order=True, duration="seconds:3")["id"]
    assert edas.status(joining) == 1
    assert edas.later(3).status(joining) == 2
    leaving = edas.act("leave", instance="i-c", order=True, duration="seconds:3")["id"]
    assert edas.later(3).status(leaving) == 2
    assert "ecu-c" not in edas.listed()
    listed = edas.call("ListRecentChangeOrder", AppId=SHOP)["ChangeOrderList"]["ChangeOrder"]
    assert {order["Source"] for order in listed} == {"console"}


def test_a_member_moves_to_another_group() -> None:
    """Its ECC stays the same."""
    edas = Simulation()
    ecc = edas.ecc("i-a")
    edas.act("move", instance="i-a", group="beta")
    member = edas.true_member("i-a")
    assert (member["groupId"], member["eccId"]) == (BETA, ecc)


def test_an_agent_stops_and_answers_again() -> None:
    """The member shows AppState 0 meanwhile, and what it was afterwards."""
    edas = Simulation()
    edas.act("offline", instance="ecu-a")
    assert edas.listed()["ecu-a"] == (0, 2)
    edas.act("online", instance="i-a")
    assert edas.listed()["ecu-a"] == (7, 2)


def test_the_state_of_a_member_is_set() -> None:
    """Either state may be left as it is."""
    edas = Simulation()
    edas.act("set_state", instance="i-a", app_state=3)
    assert edas.listed()["ecu-a"] == (3, 2)
    edas.act("set_state", instance="i-a", app_state=1, task_state=3)
    assert edas.listed()["ecu-a"] == (1, 3)


def test_instances_are_imported_and_removed() -> None:
    """A new one becomes an ECU, a raw one is converted, a removed one takes its member along."""
    edas = Simulation()
    edas.act("import", instance="i-new", ecuId="ecu-new", zone="cn-hangzhou-z")
    edas.act("import", instance="i-raw")
    assert (
        edas.finished(edas.call("ScaleOutApplication", AppId=SHOP, DeployGroup=BETA, EcuInfo="ecu-new")) == 2
    )
    assert control.find_machine(edas.world, "i-raw").is_ready(edas.now)
    edas.act("remove_instance", instance="i-new")
    assert "ecu-new" not in edas.listed()
    members = edas.call("ListClusterMembers", ClusterId=CLUSTER, EcsList="i-new")["ClusterMemberPage"]
    assert members["ClusterMemberList"]["ClusterMember"] == []


def test_applications_and_groups_come_and_go() -> None:
    """With their members and orders; what is left of an order of a deleted application is aborted."""
    edas = Simulation()
    made = edas.act("create_application", application={"name": "fresh", "cluster": "ecs"})
    assert edas.call("GetApplication", AppId=made["id"])["Application"]["Name"] == "fresh"
    order = edas.scale_out("i-c")["ChangeOrderId"]
    edas.act("delete_group", group=BETA)
    assert set(edas.listed()) == {"ecu-a", "ecu-b"}
    assert edas.later(10).status(order) == 2
    second = edas.scale_in("i-a")["ChangeOrderId"]
    edas.act("delete_application", application="shop")
    assert edas.status(second) == 6
    assert edas.call("QueryApplicationStatus", AppId=SHOP)["Code"] == 601
    free = edas.call("ListScaleOutEcu", ClusterId=CLUSTER)["EcuInfoList"]["EcuInfo"]
    assert {"ecu-a", "ecu-b", "ecu-c"} <= {ecu["EcuId"] for ecu in free}


def test_a_group_counts_as_deployed_or_not() -> None:
    """What joins it comes up accordingly."""
    edas = Simulation(order_duration="immediate")
    edas.act("set_deployed", group=BETA, deployed=False)
    edas.scale_out("i-c")
    edas.act("set_deployed", group=BETA)
    edas.scale_out("i-d")
    assert (edas.listed()["ecu-c"], edas.listed()["ecu-d"]) == ((1, 2), (7, 2))


def test_an_application_may_be_left_out_of_the_list() -> None:
    """It can be read all the same, as it is when only the list is filtered by permission."""
    edas = Simulation()
    edas.act("set_listed", application="shop", listed=False)
    listed = edas.call("ListApplication", AppName="shop")["ApplicationList"]["Application"]
    assert listed == []
    assert edas.call("QueryApplicationStatus", AppId=SHOP)["Code"] == 200


def test_orders_are_confirmed_failed_and_aborted_by_people() -> None:
    """Without an id the only active order is meant."""
    edas = Simulation()
    held = edas.act("start_order", group=DEFAULT, held=True)["id"]
    assert edas.later(100).status(held) == 8
    assert edas.act("confirm_order")["status"] == 1
    failed = edas.act("fail_order", error="EDAS-10000")
    assert (failed["statusWord"], failed["instances"][0]["error"]) == (
        "failed",
        "EDAS-10000 NO_SPACE_LEFT_ON_DISK",
    )
    aborted = edas.scale_out("i-c")["ChangeOrderId"]
    assert edas.act("abort_order", order=aborted)["status"] == 6
    assert edas.status(aborted) == 6


def test_an_order_of_other_people_stops_all_members() -> None:
    """`kind` says what it does."""
    edas = Simulation()
    edas.act("start_order", group=DEFAULT, kind="stop")
    assert edas.later(10).listed() == {"ecu-a": (1, 2), "ecu-b": (1, 2)}


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("explode", {}, "action: 'explode' is unknown; known are abort_order, confirm_order,"),
        ("offline", {}, "offline.instance: must be a string that is not empty, got None"),
        ("offline", {"instance": "i-x"}, "there is no instance 'i-x'"),
        ("leave", {"instance": "i-c"}, "leave.instance: 'i-c' is not a member of any group"),
        ("join", {"group": "gone", "instance": "i-c"}, "there is no deploy group 'gone'"),
        (
            "join",
            {"group": "_DEFAULT_GROUP", "instance": "i-c"},
            "3 applications have a deploy group '_DEFAULT_GROUP'",
        ),
        ("join", {"group": BETA, "instance": "i-h"}, "join.instance: 'i-h' is a member already"),
        (
            "join",
            {"group": BETA, "instance": "i-raw"},
            "join.instance: 'i-raw' is no ECU of the application's cluster",
        ),
        ("delete_application", {"application": "gone"}, "there is no application 'gone'"),
        ("set_state", {"instance": "i-a", "app_state": 9}, "set_state: 9 is not a valid AppState"),
        (
            "start_order",
            {"group": BETA, "kind": "dance"},
            "start_order.kind: must be one of deploy, stop, start",
        ),
        ("start_order", {"group": BETA, "duration": "x"}, "start_order.duration: must be"),
        ("confirm_order", {}, "confirm_order.order: must be given, 0 orders are active"),
        ("confirm_order", {"order": "gone"}, "confirm_order.order: there is no change order 'gone'"),
        ("import", {"instance": "i-x", "cluster": "gone"}, "import.cluster: 0 clusters fit; name one"),
        ("import", {"instance": "i-x", "speed": 3}, "import.speed: no such key"),
        (
            "create_application",
            {"application": {"name": "x"}},
            "create_application.application.cluster: must be",
        ),
    ],
)
def test_a_wrong_action_is_refused(name: str, args: dict[str, object], message: str) -> None:
    """The message names the argument."""
    edas = Simulation()
    with pytest.raises(InputError) as caught:
        edas.act(name, **args)
    assert str(caught.value).startswith(message)


def test_orders_that_have_ended_cannot_be_failed_or_confirmed() -> None:
    """And an order that runs does not wait for anybody."""
    edas = Simulation()
    order = edas.scale_out("i-c")["ChangeOrderId"]
    with pytest.raises(InputError, match="does not wait for a confirmation"):
        edas.act("confirm_order", order=order)
    edas.later(10)
    with pytest.raises(InputError, match="has ended"):
        edas.act("fail_order", order=order)


def test_the_state_shows_all_the_truth_and_no_secret() -> None:
    """Members that EDAS does not list are there and marked; keys are not."""
    edas = Simulation(joiner_visible="end")
    edas.scale_out("i-c")
    state = views.snapshot(edas.world, edas.now)
    member = state["applications"][0]["groups"][1]["members"][0]
    assert (member["instanceId"], member["listed"]) == ("i-c", False)
    assert state["orders"][0]["instances"][0]["eccId"] == member["eccId"]
    assert "secret" not in json.dumps(state)


def test_the_minimum_of_every_group_is_shown() -> None:
    """Running now, and the fewest since the reset."""
    edas = Simulation()
    edas.act("offline", instance="i-a")
    edas.act("online", instance="i-a")
    first = views.running_minimum(edas.world, edas.now)[0]
    assert (first["group"], first["running"], first["lowest"]) == ("_DEFAULT_GROUP", 2, 1)
