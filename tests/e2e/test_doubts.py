"""Answers of EDAS that say less, or something else, than they seem to: none of them is believed at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.test_many import add_machine
from tests.e2e.world import BETA, NEW, NEW_DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

READINGS = (
    "QueryApplicationStatus",
    "ListRecentChangeOrder",
    "GetChangeOrderInfo",
    "ListScaleOutEcu",
    "GetCluster",
)


@pytest.mark.scenario("S68")
@pytest.mark.parametrize("spelling", ["null", "object", "text"])
def test_s68_nobody_is_a_member_yet(stack: Stack, spelling: str) -> None:
    """The first member of an application joins, however EDAS spells that nobody is there and nothing happened yet."""
    stack.edas.switches(empty_list=spelling)
    stack.declare(["i-a"], app_id=NEW, group_id=NEW_DEFAULT)

    stack.up()

    assert stack.members() == ["i-a"]
    assert orders.orders(stack.edas, NEW) == [("scale_out", ["i-a"])]


@pytest.mark.scenario("S68")
def test_s68_a_list_that_cannot_be_empty(web: Stack) -> None:
    """A missing list of members of an application that has some is an error that says how to record it."""
    groups = {"Group": [{"GroupId": BETA, "GroupName": "beta"}]}
    info = {"Application": {"InstanceCount": 3}, "GroupList": groups, "EccList": None}
    body = json.dumps({"Code": 200, "AppInfo": info})
    web.edas.rule(operation="QueryApplicationStatus", effect="body", body=body, times=20)

    refused = web.refresh(fails=True)

    refused.must_say("AppInfo.EccList: expected a list of 3", "edas-scale doctor --record")
    assert web.members() == ["i-a", "i-b", "i-c"]
    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S69")
def test_s69_one_refusal_of_each_reading(stack: Stack) -> None:
    """Each reading is refused once with Code 601, the polls of the order too: one order, and green."""
    stack.edas.switches(refused_reading=",".join(f"{each}:1" for each in READINGS), order_unknown_at_first=1)
    stack.declare(["i-a", "i-b"])

    stack.up()

    assert stack.members() == ["i-a", "i-b"]
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-b"])]


@pytest.mark.scenario("S71")
@pytest.mark.parametrize("command", ["refresh", "destroy"])
def test_s71_one_refusal_and_one_list_are_not_gone(web: Stack, command: str) -> None:
    """One Code 601, and one list without the application, do not make it gone: nothing is forgotten."""
    web.edas.switches(
        refused_reading="QueryApplicationStatus:1,ListRecentChangeOrder:1", list_application="missing"
    )

    if command == "refresh":
        web.refresh()
        assert web.members() == ["i-a", "i-b", "i-c"]
        assert orders.writes(web.edas) == []
    else:
        web.destroy()
        assert orders.members(web.edas) == []


@pytest.mark.scenario("S73", "S75")
def test_s73_the_list_of_applications_fails_for_ever(stack: Stack) -> None:
    """A create needs no list of applications, and every request names its region, where several share an endpoint."""
    stack.edas.switches(list_application="failing", region_required=True)
    stack.declare(["i-a"])

    stack.up()

    assert stack.members() == ["i-a"]


@pytest.mark.scenario("S74")
def test_s74_a_page_behind_the_last(stack: Stack) -> None:
    """Where a list is of a round size a page behind it is asked for, and that it is refused is nobody's business."""
    stack.edas.switches(page_behind_last="refused", total_size="pages", import_lag=600.0)
    for number in range(7):
        add_machine(stack.edas, number)
    stack.edas.action("import", instance="i-x1", cluster="ecs", ip="10.3.9.9")
    stack.declare(["i-a", "i-x1"])

    running = stack.start("up", "--yes", "--skip-preview")
    stack.edas.await_calls("ListClusterMembers", 3, timeout=60.0)
    stack.edas.action("advance_clock", seconds=600)
    result = running.result()

    assert result.exit_code == 0, result
    behind = [
        each for each in stack.edas.log("ListClusterMembers") if each["params"].get("CurrentPage") == "2"
    ]
    assert {each["code"] for each in behind} == {"601"}
    assert orders.orders(stack.edas) == [("scale_out", ["i-a", "i-x1"])]
    assert stack.members() == ["i-a", "i-x1"]


@pytest.mark.scenario("S76")
@pytest.mark.parametrize("place", ["code", "name", "stage"])
def test_s76_the_code_of_a_task_wherever_it_stands(given: Callable[..., Stack], place: str) -> None:
    """Code, cause and fix of a failed instance are in the message, wherever EDAS gives the code."""
    web = given(instance_ids=["i-a"])
    web.edas.switches(task_error_place=place)
    web.edas.rule(effect="order", instances={"i-b": "EDAS-10001"})
    web.declare(["i-a", "i-b"])

    failed = web.up(fails=True)

    failed.must_say("i-b", "EDAS-10001 STAR_AGENT_OFFLINE", "restart it on the instance")


@pytest.mark.scenario("S83")
def test_s83_texts_of_strangers(web: Stack) -> None:
    """Half a character, line ends, escapes and commands of a CI runner in a text: state is saved, one clean line."""
    text = "half \ud83d\r\n::error::owned \u202e<{%fg 1%}>end"
    body = json.dumps({"Code": 601, "Message": text, "RequestId": "r"})
    web.edas.rule(operation="ScaleOutApplication", effect="body", body=body, times=20)
    web.declare(["i-a", "i-b", "i-c", "i-d"])

    failed = web.up(fails=True)

    failed.must_say("half \ufffd : :error::owned end")
    assert "\n::error::" not in failed.output
    assert not {"\u202e", "\ud83d"} & set(failed.output)
    assert web.members() == ["i-a", "i-b", "i-c"]


@pytest.mark.scenario("S91")
def test_s91_a_machine_without_its_ecs_id_stays_one(web: Stack) -> None:
    """While EDAS leaves out the ECS ids, nothing drifts, nothing is sent, and state keeps them."""
    web.edas.switches(blank_instance_id="always")

    web.preview(expect_no_changes=True)
    web.refresh()

    assert web.members() == ["i-a", "i-b", "i-c"]
    web.up()
    assert orders.writes(web.edas) == []
