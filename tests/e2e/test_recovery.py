"""What an earlier run, or somebody else, left behind: hand-overs, lost writes, repairs, members listed late."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.stack import Code, FrontEnd, Stack, membership
from tests.e2e.world import BETA, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

ABC = ["i-a", "i-b", "i-c"]


def late(seconds: float, ids: list[str]) -> tuple[str, Code]:
    """Return a statement and, as an argument, the list that it lets the program know so much later."""
    statement = f"import asyncio\nasync def late():\n    await asyncio.sleep({seconds})\n    return {ids!r}\n"
    return statement, Code("pulumi.Output.from_input(late())")


@pytest.mark.scenario("S56")
def test_s56_an_id_is_handed_over_to_a_later_resource(stack: Stack) -> None:
    """The second resource is reached seconds later: the instance runs in the end, and exactly one state lists it.

    Deleting the one that gave it away keeps it.
    """
    stack.write(membership("web", instance_ids=["i-a", "i-b"]), membership("web2", instance_ids=["i-c"]))
    stack.up()
    statement, ids = late(2.0, ["i-b", "i-c"])
    stack.write(statement, membership("web", instance_ids=["i-a"]), membership("web2", instance_ids=ids))

    stack.up()

    assert orders.running(stack.edas) == ABC
    assert (stack.members("web"), stack.members("web2")) == (["i-a"], ["i-b", "i-c"])
    stack.write(membership("web2", instance_ids=["i-b", "i-c"]))
    stack.up()
    assert orders.running(stack.edas) == ["i-b", "i-c"]


@pytest.mark.scenario("S58")
def test_s58_a_colleagues_deployment_after_a_lost_scale_in(stacks: Callable[..., Stack]) -> None:
    """Our scale in is lost, not executed: a colleague's held deployment of the group is neither confirmed nor aborted.

    Ours is sent once it is over. Half a minute is waited in both front ends at once.
    """
    made = [stacks(each, instance_ids=ABC, confirm_batches=True) for each in FrontEnd]
    for stack in made:
        stack.config["edas-scale:onCancel"] = "abort"
        stack.edas.rule(effect="reset", operation="ScaleInApplication", when="before")
        stack.declare(["i-a", "i-b"], confirm_batches=True)
    running = [stack.start("up", "--yes", "--skip-preview") for stack in made]
    for stack in made:
        stack.edas.await_calls("ScaleInApplication", timeout=60.0)
        stack.edas.action("start_order", application=SHOP, group=BETA, kind="deploy", held=True, user="ann")
        stack.edas.await_calls("GetChangeOrderInfo", 3, timeout=60.0)
        assert orders.writes(stack.edas) == ["ScaleInApplication"]
        stack.edas.action("confirm_order")

    for stack, each in zip(made, running, strict=True):
        result = each.result()

        assert result.exit_code == 0, result
        assert orders.writes(stack.edas) == ["ScaleInApplication"] * 2
        assert orders.orders(stack.edas) == [("scale_in", ["i-c"])]
        assert stack.members() == ["i-a", "i-b"]
        assert len(stack.outputs()["changeOrderIds"]) == 1


@pytest.mark.scenario("S61")
def test_s61_the_first_member_failed_and_its_repair_was_interrupted(stack: Stack) -> None:
    """What shows that our join failed outlives a run that sent nothing: the next one repairs it."""
    stack.edas.rule(effect="order", instances={"i-a": "EDAS-10001"})
    stack.declare(["i-a"])
    stack.up(fails=True)
    stack.edas.rule(effect="throttle", operation="ScaleInApplication", times=None)
    stack.declare(["i-a"], timeout_seconds=2)
    stack.up(fails=True)
    stack.edas.clear_rules()
    stack.declare(["i-a"])

    stack.up()

    assert orders.orders(stack.edas)[1:] == [("scale_in", ["i-a"]), ("scale_out", ["i-a"])]
    assert orders.running(stack.edas) == ["i-a"]
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S63")
def test_s63_destroy_before_the_joiner_is_listed(stacks: Callable[..., Stack]) -> None:
    """A create ended before its joiner was listed: a destroy right after it leaves nobody behind."""
    made = [stacks(each, instance_ids=["i-a"]) for each in FrontEnd]
    for stack in made:
        stack.edas.switches(joiner_visible="late:16")
        stack.declare(["i-a", "i-b"], opts="custom_timeouts=pulumi.CustomTimeouts(update='5s')")
    for each in [stack.start("up", "--yes", "--skip-preview") for stack in made]:
        result = each.result()
        assert result.exit_code != 0, result
    running = [stack.start("destroy", "--yes", "--skip-preview") for stack in made]

    for stack, each in zip(made, running, strict=True):
        result = each.result()

        assert result.exit_code == 0, result
        assert orders.members(stack.edas) == []
        assert stack.resources() == []


@pytest.mark.scenario("S66")
def test_s66_the_next_run_confirms_the_order_of_the_last(web: Stack) -> None:
    """The run ended before it could confirm its order: the next one confirms the order that state lists."""
    web.edas.rule(effect="order", operation="ScaleOutApplication", held=True)
    web.edas.rule(effect="error", operation="ContinuePipeline", status=503, times=None)
    web.declare([*ABC, "i-d"], confirm_batches=True, timeout_seconds=3)
    web.up(fails=True)
    web.edas.clear_rules()
    web.edas.clear_log()
    web.declare([*ABC, "i-d"], confirm_batches=True)

    web.up()

    assert orders.writes(web.edas) == ["ContinuePipeline"]
    assert web.members() == [*ABC, "i-d"]


@pytest.mark.scenario("S80")
def test_s80_a_member_that_just_left_is_still_listed(web: Stack) -> None:
    """Somebody took it out just now, and it is still listed: up ends green only with the member there."""
    web.edas.switches(scale_in_lag=6.0)
    web.edas.action("leave", instance="i-b", order=True, duration="immediate")
    # Something to update: what a diff reads does not say that a listed member has left.
    web.declare(ABC, max_removals=1)

    web.up()

    assert orders.running(web.edas) == ABC
    assert orders.orders(web.edas) == [("scale_out", ["i-b"])]
    assert web.members() == ABC


@pytest.mark.scenario("S80")
def test_s80_the_floor_does_not_count_who_just_left(stack: Stack) -> None:
    """Two memberships of a group both let go: the one that comes second counts the other's member as gone."""
    stack.edas.switches(scale_in_lag=40.0)
    stack.write(
        membership("web", instance_ids=["i-a", "i-b"]),
        membership("web2", instance_ids=["i-c"], min_running=0),
    )
    stack.up()
    stack.write(
        membership("web", instance_ids=["i-a"], min_running=2),
        membership("web2", instance_ids=[], min_running=0),
    )

    stack.up(fails=True).must_say("minRunning")

    assert len(orders.running(stack.edas)) == 2
