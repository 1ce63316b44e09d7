"""What other people do to a group is seen, said and, where it is ours to do, healed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.world import ACCESS_KEY, BETA, DEFAULT, SECRET, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]


@pytest.mark.scenario("S7")
def test_s07_a_member_that_left_is_seen_and_brought_back(web: Stack) -> None:
    """A preview without --refresh shows the member that is gone, and up scales out that one."""
    web.edas.action("leave", instance="i-b")

    preview = web.preview()

    preview.must_say("1 to update")
    preview.must_say("i-b left")
    preview.must_say("scale out 1: i-b")
    web.up()
    assert orders.orders(web.edas) == [("scale_out", ["i-b"])]
    assert web.members() == ABC


@pytest.mark.scenario("S7")
def test_s07_after_a_refresh_too(web: Stack) -> None:
    """A refresh takes the member that is gone out of the inputs, and the next up heals."""
    web.edas.action("leave", instance="i-b")

    refreshed = web.refresh()

    refreshed.must_say("i-b left")
    assert web.members() == ["i-a", "i-c"]
    assert web.resource()["inputs"]["instanceIds"] == ["i-a", "i-c"]
    assert orders.writes(web.edas) == []
    web.up()
    assert orders.orders(web.edas) == [("scale_out", ["i-b"])]
    assert web.members() == ABC


@pytest.mark.scenario("S7")
def test_s07_preview_with_refresh(web: Stack) -> None:
    """A preview with --refresh shows the drift too, and says the plan once."""
    web.edas.action("leave", instance="i-b")

    preview = web.preview(refresh=True)

    preview.must_say("1 to update")
    assert preview.diagnostics.count("scale out 1: i-b") == 1
    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S8")
def test_s08_a_foreign_member_is_left_alone(web: Stack) -> None:
    """A member that somebody else added is no change, is said in words, and stays through every change."""
    web.edas.action("join", group=BETA, application=SHOP, instance="i-d")

    web.preview(expect_no_changes=True).must_say("i-d joined")
    web.refresh()
    assert web.foreign_members() == ["i-d"]
    assert web.members() == ABC
    web.declare(["i-a", "i-b"])
    web.up()

    assert orders.orders(web.edas) == [("scale_in", ["i-c"])]
    assert orders.running(web.edas) == ["i-a", "i-b", "i-d"]
    assert web.foreign_members() == ["i-d"]


@pytest.mark.scenario("S8")
def test_s08_an_exclusive_group_holds_exactly_the_list(web: Stack) -> None:
    """Exclusive names the foreign member in the preview and scales it in."""
    web.edas.action("join", group=BETA, application=SHOP, instance="i-d")
    web.declare(ABC, exclusive=True)

    preview = web.preview()

    preview.must_say("scale in 1: i-d")
    preview.must_say("exclusive: 1 foreign member of")
    assert orders.writes(web.edas) == []
    web.up()
    assert orders.orders(web.edas) == [("scale_in", ["i-d"])]
    assert orders.running(web.edas) == ABC
    assert web.foreign_members() == []


@pytest.mark.scenario("S8")
def test_s08_exclusive_sees_a_later_arrival(given: Callable[..., Stack]) -> None:
    """Somebody who joins an exclusive group is a change that the preview shows without --refresh."""
    stack = given(instance_ids=ABC, exclusive=True)
    stack.edas.action("join", group=BETA, application=SHOP, instance="i-d")

    stack.preview().must_say("1 to update")
    stack.up()

    assert orders.orders(stack.edas) == [("scale_in", ["i-d"])]


@pytest.mark.scenario("S8")
def test_s08_a_foreign_member_that_is_listed_is_adopted(web: Stack) -> None:
    """A listed instance that is a member already becomes managed without an order."""
    web.edas.action("join", group=BETA, application=SHOP, instance="i-d")
    web.declare([*ABC, "i-d"])

    web.up()

    assert orders.writes(web.edas) == []
    assert web.members() == [*ABC, "i-d"]
    assert web.foreign_members() == []


@pytest.mark.scenario("S9")
def test_s09_a_moved_member_is_reported_and_never_scaled_in_there(web: Stack) -> None:
    """A member that was moved to another group is named with that group, and destroy leaves it there."""
    web.edas.action("move", instance="i-c", group=DEFAULT)

    preview = web.preview()

    preview.must_say("moved out of")
    preview.must_say(DEFAULT)
    web.refresh()
    assert web.members() == ["i-a", "i-b"]
    web.destroy()
    assert orders.orders(web.edas) == [("scale_in", ["i-a", "i-b"])]
    assert orders.running(web.edas, DEFAULT) == ["i-c"]


@pytest.mark.scenario("S9")
def test_s09_destroy_without_a_refresh_leaves_a_moved_member(web: Stack) -> None:
    """Destroy reads before it scales in: who is in another group now stays there."""
    web.edas.action("move", instance="i-c", group=DEFAULT)

    web.destroy()

    assert orders.orders(web.edas) == [("scale_in", ["i-a", "i-b"])]
    assert orders.running(web.edas, DEFAULT) == ["i-c"]


@pytest.mark.scenario("S20")
@pytest.mark.parametrize("not_found", ["body_601", "http_404", "http_500"])
def test_s20_destroy_after_the_application_is_gone(web: Stack, not_found: str) -> None:
    """Whatever way EDAS says that the application is gone, destroy succeeds without an order."""
    web.edas.switches(not_found=not_found)
    web.edas.action("delete_application", application="shop")

    web.destroy()

    assert orders.writes(web.edas) == []
    assert web.resources() == []


@pytest.mark.scenario("S20")
def test_s20_refresh_after_the_application_is_gone(web: Stack) -> None:
    """A refresh forgets the membership of an application that is gone."""
    web.edas.action("delete_application", application="shop")

    web.refresh()

    assert web.resources() == []


@pytest.mark.scenario("S20")
def test_s20_destroy_after_the_group_is_gone(web: Stack) -> None:
    """A group that is gone needs no order."""
    web.edas.action("delete_group", group=BETA, application="shop")

    web.destroy()

    assert orders.writes(web.edas) == []
    assert web.resources() == []


@pytest.mark.scenario("S21")
def test_s21_destroy_after_the_members_are_gone(web: Stack) -> None:
    """Members that are gone already need no order."""
    for each in ABC:
        web.edas.action("leave", instance=each)

    web.destroy()

    assert orders.writes(web.edas) == []
    assert web.resources() == []


@pytest.mark.scenario("S28")
def test_s28_refresh_while_members_are_unwell(web: Stack) -> None:
    """A refresh neither waits nor fails: it records the members as they are, and the plan stays empty."""
    web.edas.action("offline", instance="i-a")
    web.edas.action("set_state", instance="i-b", app_state=1)
    web.edas.action("set_state", instance="i-c", app_state=3)

    result = web.refresh()

    states = {each["instanceId"]: each["state"] for each in web.outputs()["members"]}
    assert states == {"i-a": "agentOff", "i-b": "stopped", "i-c": "unhealthy"}
    result.must_say("not running")
    assert web.outputs()["runningCount"] == 0
    web.preview(expect_no_changes=True)
    assert orders.writes(web.edas) == []


@pytest.mark.scenario("S48")
def test_s48_another_region_in_the_environment_is_no_change(web: Stack) -> None:
    """The recorded region holds, with a warning that the environment now says otherwise."""
    web.environment["ALIBABA_CLOUD_REGION_ID"] = "cn-beijing"

    result = web.preview(expect_no_changes=True)

    result.must_say("cn-beijing")
    result.must_say("warning")
    assert web.resource()["inputs"]["regionId"] == "cn-hangzhou"


@pytest.mark.scenario("S49")
@pytest.mark.parametrize("command", ["refresh", "destroy"])
def test_s49_another_account_forgets_nothing(web: Stack, command: str) -> None:
    """Where neither application nor cluster can be read it may be another account: an error, and state stays."""
    web.edas.replace_world({"region": "cn-hangzhou", "accessKeys": [{"id": ACCESS_KEY, "secret": SECRET}]})

    result = web.refresh(fails=True) if command == "refresh" else web.destroy(fails=True)

    result.must_say("cannot tell gone from another account")
    result.must_say("pulumi state delete")
    assert web.members() == ABC
    assert orders.writes(web.edas) == []


def test_with_ignore_changes_the_refreshed_list_is_desired(given: Callable[..., Stack]) -> None:
    """With ignoreChanges on the list somebody else may scale: a refresh takes over who left, and up agrees."""
    stack = given(instance_ids=ABC, opts="ignore_changes=['instance_ids']")
    stack.edas.action("leave", instance="i-b")

    stack.refresh()
    stack.declare([*ABC, "i-e"], opts="ignore_changes=['instance_ids']")
    stack.preview(expect_no_changes=True)
    stack.up()

    assert orders.writes(stack.edas) == []
    assert stack.members() == ["i-a", "i-c"]
