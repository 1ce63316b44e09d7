"""Members are added, removed and swapped with the fewest orders, and never at the cost of capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.orders import calls
from tests.e2e.world import BETA, DEFAULT, OTHER, OTHER_DEFAULT, REGION, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]


@pytest.mark.scenario("S1")
def test_s01_create_is_one_scale_out(stack: Stack) -> None:
    """Three new members join in one scale out, and state and outputs say who they are."""
    stack.declare(ABC)

    stack.up()

    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert orders.running(stack.edas) == ABC
    assert orders.writes(stack.edas) == ["ScaleOutApplication"]
    assert calls(stack.edas)["QueryApplicationStatus"] <= 3
    resource = stack.resource()
    assert resource["type"] == stack.front_end.type_token
    assert resource["id"] == f"{REGION}/{SHOP}/{BETA}"
    assert stack.members() == ABC
    assert [each["state"] for each in stack.outputs()["members"]] == ["running"] * 3
    assert stack.outputs()["changeOrderIds"] == [stack.edas.orders(SHOP)[0]["id"]]
    assert stack.outputs()["runningCount"] == 3
    assert stack.outputs()["groupName"] == "beta"
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S1")
def test_s01_the_preview_says_what_the_create_will_do(stack: Stack) -> None:
    """The preview of a create names the order that would run, and sends nothing."""
    stack.declare(ABC)

    result = stack.preview()

    result.must_say("scale out 3: i-a")
    assert orders.writes(stack.edas) == []
    assert stack.resources() == []


@pytest.mark.scenario("S2")
def test_s02_one_more_is_one_scale_out_of_that_one(web: Stack) -> None:
    """A fourth member joins alone; the three others are in no order."""
    web.declare([*ABC, "i-d"])

    result = web.up(preview=True)

    result.must_say("scale out 1: i-d")
    assert orders.orders(web.edas) == [("scale_out", ["i-d"])]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S3")
def test_s03_one_less_is_one_scale_in_of_that_one(web: Stack) -> None:
    """A member that left the list leaves alone; the two others are in no order."""
    web.declare(["i-a", "i-b"])

    web.up()

    assert orders.orders(web.edas) == [("scale_in", ["i-c"])]
    assert web.edas.running_minimum(BETA, SHOP) == 2
    assert web.members() == ["i-a", "i-b"]


@pytest.mark.scenario("S4")
def test_s04_a_swap_never_costs_a_running_member(web: Stack) -> None:
    """The new member joins and runs before the old one leaves."""
    web.declare(["i-a", "i-b", "i-d"])

    result = web.up(preview=True)

    result.must_say("scale out 1: i-d")
    result.must_say("then scale in 1: i-c")
    assert orders.orders(web.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == ["i-a", "i-b", "i-d"]
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S4")
@pytest.mark.parametrize("joiner_visible", ["early", "end", "late:2"])
def test_s04_a_swap_waits_until_the_new_member_runs(web: Stack, joiner_visible: str) -> None:
    """A joiner that starts slowly, and is listed whenever EDAS likes, is awaited before the scale in."""
    web.edas.switches(start_delay=1.0, joiner_visible=joiner_visible)
    web.declare(["i-a", "i-b", "i-d"])

    web.up()

    assert orders.orders(web.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])]
    assert web.edas.running_minimum(BETA, SHOP) == 3


@pytest.mark.scenario("S5")
def test_s05_the_order_of_the_ids_means_nothing(web: Stack) -> None:
    """The same ids in another order are no change: no diff, no order, one reading."""
    web.declare(["i-c", "i-a", "i-b"])

    web.preview(expect_no_changes=True)
    assert calls(web.edas) == {"QueryApplicationStatus": 1}
    web.up()

    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S6")
def test_s06_an_id_twice_is_refused_by_its_path(stack: Stack) -> None:
    """An id that is listed twice fails the check, which names the second place; nothing is sent."""
    stack.declare(["i-a", "i-b", "i-a"])

    result = stack.preview(fails=True)

    result.must_say("instanceIds[2]")
    result.must_say("i-a")
    assert stack.edas.log() == []


@pytest.mark.scenario("S6")
def test_s06_one_machine_by_two_names_is_refused(stack: Stack) -> None:
    """An instance and its own ECU in the two lists are one member, listed twice."""
    stack.declare(["i-a"], ecu_ids=["ecu-a"])

    result = stack.preview(fails=True)

    result.must_say("'ecu-a' is the same machine as 'i-a'")
    assert orders.writes(stack.edas) == []


def test_bad_input_is_refused_by_its_path(stack: Stack) -> None:
    """A wrong input fails the check, which names the property; nothing is sent and nothing is recorded."""
    stack.declare(
        ["i-a", "no-instance"],
        app_id="",
        min_running=-1,
        batch_size=0,
        wait_for="ever",
        on_delete="nothing",
        timeout_seconds=1.5,
    )

    result = stack.up(fails=True)

    for path in (
        "instanceIds[1]",
        "appId",
        "minRunning",
        "batchSize",
        "waitFor",
        "onDelete",
        "timeoutSeconds",
    ):
        result.must_say(f"has a problem: {path}: ")
    assert stack.edas.log() == []
    assert stack.resources() == []


def test_no_list_at_all_is_refused(stack: Stack) -> None:
    """An absent list is no answer: without any list nothing can be desired."""
    stack.declare()

    result = stack.up(fails=True)

    result.must_say("has a problem: instanceIds: ")
    assert stack.edas.log() == []


def test_members_can_be_listed_by_ecu(stack: Stack) -> None:
    """The members are the union of the instances and the ECUs that are listed."""
    stack.declare(["i-a"], ecu_ids=["ecu-b", "ecu-c"])

    stack.up()

    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert stack.members() == ABC


def test_the_other_spelling_of_a_member_moves_nobody(web: Stack) -> None:
    """A member that is now listed by its ECU stays where it is."""
    web.declare(["i-a", "i-b"], ecu_ids=["ecu-c"])

    web.up()

    assert orders.writes(web.edas) == []
    assert web.members() == ABC


@pytest.mark.scenario("S23")
def test_s23_many_members_join_in_chunks(stack: Stack) -> None:
    """Five hundred members join in orders of batchSize, each below the length of an address."""
    ids = [f"i-m{number:03d}" for number in range(500)]
    for number, each in enumerate(ids):
        address = f"10.1.{number // 250}.{number % 250 + 1}"
        stack.edas.action("import", instance=each, cluster="ecs", ip=address)
    stack.edas.switches(order_duration="immediate", max_ids_per_call=100)
    stack.declare(ids, batch_size=100)

    stack.up()

    assert [(kind, len(who)) for kind, who in orders.orders(stack.edas)] == [("scale_out", 100)] * 5
    assert stack.members() == ids
    assert orders.members(stack.edas) == ids


def test_batches_pause_and_leave_in_chunks(web: Stack) -> None:
    """The size of a batch holds for both directions, and nobody leaves before everybody has joined."""
    web.declare(["i-d", "i-e", "i-f"], batch_size=2, batch_pause_seconds=0.1)

    web.up()

    assert [(kind, len(who)) for kind, who in orders.orders(web.edas)] == [
        ("scale_out", 2),
        ("scale_out", 1),
        ("scale_in", 2),
        ("scale_in", 1),
    ]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == ["i-d", "i-e", "i-f"]


@pytest.mark.scenario("S34")
def test_s34_min_running_is_refused_before_anything_is_sent(web: Stack) -> None:
    """A list that would leave fewer running than minRunning is refused in preview and in update."""
    web.declare(["i-a"], min_running=2)

    web.preview(fails=True).must_say("minRunning: scaling in 2")
    result = web.up(fails=True)

    result.must_say("minRunning: scaling in 2")
    result.must_say("would leave 1 running, but minRunning is 2")
    assert orders.writes(web.edas) == []
    assert web.members() == ABC


@pytest.mark.scenario("S34")
def test_s34_min_running_holds_against_the_live_group(web: Stack) -> None:
    """A member that stops while the change runs counts: the scale in that was fine before is refused then."""
    web.edas.rule(effect="order", operation="ScaleOutApplication", held=True)
    web.declare(["i-a", "i-d"], min_running=2)

    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", 1)
    web.edas.action("set_state", instance="i-a", app_state=1)
    web.edas.action("confirm_order")
    result = running.result()

    assert result.exit_code != 0
    result.must_say("minRunning")
    assert orders.orders(web.edas) == [("scale_out", ["i-d"])]
    assert web.members() == ["i-a", "i-b", "i-c", "i-d"]


@pytest.mark.scenario("S34")
def test_s34_the_last_member_does_not_leave_by_accident(web: Stack) -> None:
    """An empty list is refused by the default of minRunning, and done with minRunning 0."""
    web.declare([])
    web.up(fails=True).must_say("minRunning")
    assert orders.writes(web.edas) == []

    web.declare([], min_running=0)
    web.up()

    assert orders.orders(web.edas) == [("scale_in", ABC)]
    assert web.members() == []


@pytest.mark.scenario("S34")
def test_s34_max_removals_is_refused(web: Stack) -> None:
    """A list that would take more members out than maxRemovals is refused, and names them."""
    web.declare(["i-a", "i-d", "i-e"], max_removals=1)

    web.preview(fails=True).must_say("maxRemovals: 2 members would leave")
    result = web.up(fails=True)

    result.must_say("(i-b, i-c), but maxRemovals is 1")
    assert orders.writes(web.edas) == []
    assert web.members() == ABC


@pytest.mark.scenario("S45")
def test_s45_to_another_group_with_the_same_instances(web: Stack) -> None:
    """The old membership leaves first when the new one wants its instances."""
    web.declare(ABC, group_id=DEFAULT)

    result = web.up(preview=True)

    result.must_say("replace")
    assert orders.orders(web.edas) == [("scale_in", ABC), ("scale_out", ABC)]
    assert orders.running(web.edas, DEFAULT) == ABC
    assert orders.members(web.edas, BETA) == []
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S45")
def test_s45_to_another_group_with_other_instances(web: Stack) -> None:
    """The new membership joins first when it shares nothing with the old one."""
    web.declare(["i-d", "i-e"], group_id=DEFAULT)

    web.up()

    assert orders.orders(web.edas) == [("scale_out", ["i-d", "i-e"]), ("scale_in", ABC)]
    assert orders.running(web.edas, DEFAULT) == ["i-d", "i-e"]
    assert orders.members(web.edas, BETA) == []


def test_to_another_application(web: Stack) -> None:
    """Another appId replaces the membership: the members leave the one and join the other application."""
    web.declare(ABC, app_id=OTHER, group_id=OTHER_DEFAULT)

    web.up()

    assert orders.orders(web.edas) == [("scale_in", ABC)]
    assert orders.orders(web.edas, OTHER) == [("scale_out", ABC)]
    assert web.resource()["id"] == f"{REGION}/{OTHER}/{OTHER_DEFAULT}"


def test_to_another_region_is_a_replacement(web: Stack) -> None:
    """Another regionId is shown as a replacement, delete first."""
    web.declare(ABC, region_id="cn-shanghai")

    result = web.preview()

    result.must_say("replace")
    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S46")
def test_s46_retain_leaves_the_members(given: Callable[..., Stack]) -> None:
    """With onDelete retain a destroy forgets the membership and sends no order."""
    stack = given(instance_ids=ABC, on_delete="retain")

    stack.destroy()

    assert orders.writes(stack.edas) == []
    assert orders.running(stack.edas) == ABC
    assert stack.resources() == []


def test_destroy_scales_in_what_is_managed(web: Stack) -> None:
    """A destroy takes the managed members out, down to none, and leaves foreign ones."""
    web.edas.action("join", group=BETA, application=SHOP, instance="i-d")

    web.destroy()

    assert orders.orders(web.edas) == [("scale_in", ABC)]
    assert orders.running(web.edas) == ["i-d"]
    assert web.resources() == []


@pytest.mark.scenario("S47")
def test_s47_replace_on_demand_moves_nobody(web: Stack) -> None:
    """``pulumi up --replace`` creates before it deletes; the claims of the run keep every member."""
    urn = web.resource()["urn"]

    web.up("--replace", urn)

    assert orders.writes(web.edas) == []
    assert orders.running(web.edas) == ABC
    assert web.members() == ABC
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S47")
def test_s47_another_resource_name_moves_nobody(web: Stack) -> None:
    """A resource that was renamed in the program is created and then deleted, and no member moves."""
    web.declare(ABC, name="renamed")

    web.up(preview=True)

    assert orders.writes(web.edas) == []
    assert orders.running(web.edas) == ABC
    assert web.members("renamed") == ABC
    assert len(web.resources()) == 1
