"""Change orders that fail, wait, collide or get lost, and answers of EDAS that cannot be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.world import BETA, DEFAULT, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]


@pytest.mark.scenario("S10")
@pytest.mark.parametrize(
    ("failed_joiner", "partly_failed_order"),
    [
        ("stays", "failed"),
        ("leaves", "partial"),
        pytest.param("stays", "partial", marks=pytest.mark.soak),
        pytest.param("leaves", "failed", marks=pytest.mark.soak),
    ],
)
def test_s10_one_of_three_fails_to_join(stack: Stack, failed_joiner: str, partly_failed_order: str) -> None:
    """State has the two that run and the third as it is, and the next up repairs only the third.

    The message names the instance, EDAS's code, the cause and the fix.
    """
    stack.edas.switches(failed_joiner=failed_joiner, partly_failed_order=partly_failed_order)
    stack.edas.rule(effect="order", instances={"i-c": "EDAS-10001"})
    stack.declare(ABC)

    result = stack.up(fails=True)

    result.must_say("i-c (10.0.0.99): EDAS-10001", "STAR_AGENT_OFFLINE", "restart", "retries only i-c")
    assert orders.running(stack.edas) == ["i-a", "i-b"]
    states = {each["instanceId"]: each["state"] for each in stack.outputs()["members"]}
    assert states == {"i-a": "running", "i-b": "running"} | (
        {"i-c": "stopped"} if failed_joiner == "stays" else {}
    )
    stack.edas.reset_running_minimum()

    stack.up()

    repair = [("scale_out", ["i-c"])]
    if failed_joiner == "stays":
        repair = [("scale_in", ["i-c"]), *repair]
    assert orders.orders(stack.edas) == [("scale_out", ABC), *repair]
    assert stack.edas.running_minimum(BETA, SHOP) == 2
    assert orders.running(stack.edas) == ABC
    assert stack.members() == ABC
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S4", "S10")
def test_s10_a_swap_whose_joiner_failed_keeps_the_old_member(web: Stack) -> None:
    """The old member leaves only when the new one, whose first join failed, runs after its repair."""
    web.edas.rule(effect="order", instances={"i-d": "EDAS-10001"})
    web.declare(["i-a", "i-b", "i-d"])
    web.up(fails=True)

    web.up()

    assert orders.orders(web.edas) == [
        ("scale_out", ["i-d"]),
        ("scale_in", ["i-d"]),
        ("scale_out", ["i-d"]),
        ("scale_in", ["i-c"]),
    ]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == ["i-a", "i-b", "i-d"]


@pytest.mark.scenario("S11")
def test_s11_a_held_order_is_waited_for(web: Stack) -> None:
    """An order that waits for a person is named by its id, and the run goes on when that person confirms."""
    web.edas.rule(effect="order", held=True)
    web.declare([*ABC, "i-d"])

    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", 2)
    [held] = web.edas.orders(SHOP)
    web.edas.action("confirm_order")
    result = running.result()

    assert result.exit_code == 0, result
    result.must_say(held["id"])
    result.must_say("is held (8)")
    assert orders.writes(web.edas) == ["ScaleOutApplication"]
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S11")
def test_s11_confirm_batches_confirms_our_order(web: Stack) -> None:
    """With confirmBatches an order of ours does not wait for a person."""
    web.edas.rule(effect="order", held=True)
    web.declare([*ABC, "i-d"], confirm_batches=True)

    web.up()

    assert orders.writes(web.edas) == ["ScaleOutApplication", "ContinuePipeline"]
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S11")
def test_s11_confirm_batches_leaves_orders_of_others(web: Stack) -> None:
    """An order of somebody else is never confirmed by us."""
    web.edas.action("join", group=DEFAULT, application=SHOP, instance="i-k", order=True, held=True)
    web.declare([*ABC, "i-d"], confirm_batches=True)

    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", 2)
    assert orders.writes(web.edas) == []
    web.edas.action("confirm_order")
    result = running.result()

    assert result.exit_code == 0, result
    assert orders.writes(web.edas) == ["ScaleOutApplication"]


@pytest.mark.scenario("S12")
def test_s12_an_order_between_batches_is_waited_for(stack: Stack) -> None:
    """An order that waits for its next batch (9) is an order that runs."""
    stack.edas.rule(effect="order", batches=3, batch_wait="seconds:1")
    stack.declare(ABC)

    stack.up()

    [order] = stack.edas.orders(SHOP)
    assert 9 in {status for _, status in order["history"]}
    assert orders.writes(stack.edas) == ["ScaleOutApplication"]
    assert stack.members() == ABC


@pytest.mark.scenario("S13")
def test_s13_an_order_of_others_is_waited_for(web: Stack) -> None:
    """While somebody else's order runs nothing is sent; it is named, and then the run goes on."""
    web.edas.action(
        "join", group=DEFAULT, application=SHOP, instance="i-k", order=True, duration="seconds:600"
    )
    [other] = web.edas.orders(SHOP)
    web.declare([*ABC, "i-d"])

    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", 2)
    assert orders.writes(web.edas) == []
    web.edas.action("advance_clock", seconds=600)
    result = running.result()

    assert result.exit_code == 0, result
    result.must_say(f"waiting for change order {other['id']}")
    assert orders.answers(web.edas, "ScaleOutApplication") == ["200"]
    [_, ours] = web.edas.orders(SHOP)
    assert ours["createdAt"] >= web.edas.orders(SHOP)[0]["finishedAt"]
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S13")
@pytest.mark.parametrize("second_order", ["refused", "refused_400", "queued", "parallel_per_group"])
def test_s13_an_order_of_others_that_comes_just_before_ours(web: Stack, second_order: str) -> None:
    """An order that begins between our look and our call is waited for, in whatever way EDAS says busy."""
    web.edas.switches(second_order=second_order)
    web.edas.rule(effect="pause", operation="ScaleOutApplication")
    web.declare([*ABC, "i-d"])

    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_paused()
    web.edas.action("join", group=DEFAULT, application=SHOP, instance="i-k", order=True, duration="seconds:1")
    web.edas.resume()
    result = running.result()

    assert result.exit_code == 0, result
    assert orders.orders(web.edas) == [("scale_out", ["i-d"])]
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S14")
def test_s14_throttled_answers_are_backed_off_from(stack: Stack) -> None:
    """Throttled reads and a throttled write, which was not executed, only take time."""
    stack.edas.rule(effect="throttle", operation="GetChangeOrderInfo", times=2)
    stack.edas.rule(effect="throttle", operation="QueryApplicationStatus", times=1)
    stack.edas.rule(effect="throttle", operation="ScaleOutApplication", times=1)
    stack.declare(ABC)

    stack.up()

    assert orders.answers(stack.edas, "ScaleOutApplication") == ["Throttling.User", "200"]
    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert stack.members() == ABC


@pytest.mark.scenario("S15")
@pytest.mark.parametrize(
    ("known_member", "joiner_visible"),
    [
        ("refused", "early"),
        ("ignored", "end"),
        pytest.param("refused", "end", marks=pytest.mark.soak),
        pytest.param("ignored", "early", marks=pytest.mark.soak),
    ],
)
def test_s15_a_lost_answer_is_no_second_order(stack: Stack, known_member: str, joiner_visible: str) -> None:
    """When the connection breaks after EDAS accepted, that order is found and awaited, and none is sent again."""
    stack.edas.switches(known_member=known_member, joiner_visible=joiner_visible)
    stack.edas.rule(effect="reset", operation="ScaleOutApplication", when="after")
    stack.declare(ABC)

    stack.up()

    assert orders.writes(stack.edas) == ["ScaleOutApplication"]
    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert stack.members() == ABC


@pytest.mark.scenario("S15")
def test_s15_a_lost_answer_to_a_scale_in(web: Stack) -> None:
    """The same holds for a scale in."""
    web.edas.rule(effect="body", operation="ScaleInApplication", when="after", status=502, body="<html>")
    web.declare(["i-a", "i-b"])

    web.up()

    assert orders.writes(web.edas) == ["ScaleInApplication"]
    assert orders.orders(web.edas) == [("scale_in", ["i-c"])]
    assert web.members() == ["i-a", "i-b"]


@pytest.mark.scenario("S25")
def test_s25_a_joined_instance_that_does_not_come_up(stack: Stack) -> None:
    """An order that ends well is not enough: an instance that does not run after it fails the run by name."""
    stack.edas.action("set_start", instance="i-c", app_state=1, task_state=2)
    stack.declare(ABC, join_timeout_seconds=2)

    result = stack.up(fails=True)

    result.must_say("i-c (10.0.0.99) is listed but does not run (AppState 1)")
    states = {each["instanceId"]: each["state"] for each in stack.outputs()["members"]}
    assert states == {"i-a": "running", "i-b": "running", "i-c": "stopped"}

    stack.edas.action("set_state", instance="i-c", app_state=7)
    stack.up()
    assert orders.orders(stack.edas) == [("scale_out", ABC)]


@pytest.mark.scenario("S25")
def test_s25_wait_for_order_is_content_with_the_order(stack: Stack) -> None:
    """With waitFor order the end of the order is enough."""
    stack.edas.action("set_start", instance="i-c", app_state=1, task_state=2)
    stack.declare(ABC, wait_for="order")

    stack.up()

    states = {each["instanceId"]: each["state"] for each in stack.outputs()["members"]}
    assert states == {"i-a": "running", "i-b": "running", "i-c": "stopped"}


@pytest.mark.scenario("S26")
def test_s26_a_forced_scale_in_is_verified_by_reading(web: Stack) -> None:
    """A member whose agent is off leaves by force, which has no order: the reading shows when it has left."""
    web.edas.switches(force_scale_in_lag=2.0)
    web.edas.action("offline", instance="i-c")
    web.declare(["i-a", "i-b"], force_scale_in="offline")

    web.up()

    [call] = web.edas.log("ScaleInApplication")
    assert call["params"]["ForceStatus"].lower() == "true"
    assert orders.members(web.edas) == ["i-a", "i-b"]
    assert web.members() == ["i-a", "i-b"]
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S26")
def test_s26_only_who_is_offline_is_forced(web: Stack) -> None:
    """Members that answer leave by an ordinary order, first."""
    web.edas.action("offline", instance="i-c")
    web.declare(["i-a"], force_scale_in="offline")

    web.up()

    assert [
        call["params"].get("ForceStatus", "false").lower() for call in web.edas.log("ScaleInApplication")
    ] == [
        "false",
        "true",
    ]
    assert orders.orders(web.edas) == [("scale_in", ["i-b"])]
    assert orders.members(web.edas) == ["i-a"]


@pytest.mark.scenario("S29")
def test_s29_a_missing_permission_fails_at_once(stack: Stack) -> None:
    """Code 403 in HTTP 200 is no reason to poll: the run fails and names the RAM action; state says what is true."""
    stack.edas.rule(
        effect="error",
        operation="GetChangeOrderInfo",
        status=200,
        code="403",
        message="forbidden",
        times=None,
    )
    stack.edas.rule(
        effect="error", operation="ListRecentChangeOrder", first=2, status=200, code="403", times=None
    )
    stack.declare(ABC)

    result = stack.up(fails=True)

    result.must_say("edas:ReadApplication is missing")
    assert len(stack.edas.log("GetChangeOrderInfo")) <= 2
    stack.edas.clear_rules()
    stack.up()
    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert stack.members() == ABC


@pytest.mark.scenario("S31")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "null"),
        (200, "[]"),
        (200, '{"Code": 200, "Message": "success"}'),
        (200, '{"Code": 200, "AppInfo": {"EccList": {"Ecc": null}}}'),
        (502, "<html><h1>502 Bad Gateway</h1></html>"),
    ],
    ids=["null", "list", "empty", "nesting", "html"],
)
def test_s31_an_answer_of_a_wrong_shape_is_not_no_members(web: Stack, status: int, body: str) -> None:
    """An answer that is not understood is asked for again, and the right one then shows that nothing is to do."""
    web.edas.rule(effect="body", operation="QueryApplicationStatus", status=status, body=body, times=2)

    web.refresh()

    assert web.members() == ABC
    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S31")
def test_s31_an_answer_that_stays_wrong_is_an_error(web: Stack) -> None:
    """Answers that are never understood fail the update and the destroy; nothing is sent, nothing forgotten."""
    web.edas.rule(effect="body", operation="QueryApplicationStatus", status=200, body="null", times=None)
    web.declare([*ABC, "i-d"], timeout_seconds=2)

    result = web.up(fails=True)

    result.must_say("QueryApplicationStatus")
    assert web.members() == ABC
    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S32")
def test_s32_a_joiner_that_is_listed_late_is_awaited(stack: Stack) -> None:
    """A member that is listed only seconds after the end of its order is waited for, then recorded."""
    stack.edas.switches(joiner_visible="late:3")
    stack.declare(ABC)

    stack.up()

    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert stack.members() == ABC


@pytest.mark.scenario("S33")
def test_s33_a_failure_that_goes_on_is_no_failure(stack: Stack) -> None:
    """EDAS repeats tasks by itself: an order that shows failed for some seconds and then succeeds has succeeded."""
    stack.edas.rule(effect="order", flips="seconds:4")
    stack.declare(ABC)

    stack.up()

    [order] = stack.edas.orders(SHOP)
    assert 3 in {status for _, status in order["history"]}
    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert stack.members() == ABC


@pytest.mark.scenario("S39")
def test_s39_the_deadline_passes_while_an_order_runs(web: Stack) -> None:
    """The failure names the order, state says what is true, and the next up waits for it and sends none."""
    web.edas.rule(effect="order", duration="seconds:600")
    web.declare([*ABC, "i-d"], timeout_seconds=2)

    result = web.up(fails=True)

    [order] = web.edas.orders(SHOP)
    result.must_say(order["id"])
    result.must_say("time-out of 2 seconds passed")
    assert web.outputs()["changeOrderIds"] == [order["id"]]
    web.declare([*ABC, "i-d"])
    running = web.start("up", "--yes", "--skip-preview")
    seen = len(web.edas.log("GetChangeOrderInfo"))
    web.edas.await_calls("GetChangeOrderInfo", seen + 1)
    web.edas.action("advance_clock", seconds=600)
    result = running.result()
    assert result.exit_code == 0, result
    assert orders.orders(web.edas) == [("scale_out", ["i-d"])]
    assert orders.writes(web.edas) == ["ScaleOutApplication"]
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S39")
def test_s39_custom_timeouts_win(stack: Stack) -> None:
    """The engine's customTimeouts hold in both front ends."""
    stack.edas.rule(effect="order", duration="seconds:600")
    stack.declare(ABC, opts="custom_timeouts=pulumi.CustomTimeouts(create='2s')")

    result = stack.up(fails=True)

    result.must_say("time-out of 2 seconds passed")
    assert stack.members() == ABC or stack.members() == []


@pytest.mark.scenario("S50")
def test_s50_a_failed_deployment_is_not_a_failed_join(given: Callable[..., Stack]) -> None:
    """When all members are stopped after a failed deployment, adding one moves none of them."""
    abcd = [*ABC, "i-d"]
    stack = given(instance_ids=abcd)
    for each in abcd:
        stack.edas.action("set_state", instance=each, app_state=1, task_state=3)
    stack.declare([*abcd, "i-e"])

    stack.up()

    assert orders.orders(stack.edas) == [("scale_out", ["i-e"])]
    assert stack.members() == [*abcd, "i-e"]


@pytest.mark.scenario("S50")
def test_s50_adopted_members_of_a_failed_deployment_stay(stack: Stack) -> None:
    """The same holds when the membership is new, so that nobody is recorded to have joined."""
    for each in ABC:
        stack.edas.action("join", group=BETA, application=SHOP, instance=each)
        stack.edas.action("set_state", instance=each, app_state=1, task_state=3)
    stack.declare([*ABC, "i-e"])

    stack.up()

    assert orders.orders(stack.edas) == [("scale_out", ["i-e"])]
    assert stack.members() == [*ABC, "i-e"]
