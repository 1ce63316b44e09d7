"""A preview says what is true, whose doing it was, and that it could not look where it could not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.causes import UNREADABLE, make_unreadable
from tests.e2e.stack import FrontEnd, membership
from tests.e2e.world import BETA, DEFAULT, GAMMA, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]
A_MINUTE = 60.0
"""Half of it is for looking, the rest for a busy machine that starts the CLI, the program and the provider."""


@pytest.mark.scenario("S65")
@pytest.mark.parametrize("cause", UNREADABLE)
def test_s65_what_could_not_be_looked_at_is_not_clean(web: Stack, cause: str) -> None:
    """A recorded membership that cannot be read is an error with the cause, in preview and up, in half a minute."""
    words = make_unreadable(web, cause)

    begun = time.monotonic()
    result = web.preview(expect_no_changes=True, fails=True)
    assert time.monotonic() - begun < A_MINUTE
    result.must_say("error:", words)
    web.up(fails=True)

    assert orders.writes(web.edas) == []
    assert web.members() == ABC


CHANGED_HOST = """
import sys
if "pulumi.dynamic" in sys.orig_argv:
    from pulumi_edas_scale.hosts import dynamic_process
    dynamic_process._servicer_frames = lambda frame: iter(())
"""
"""What lets a host of dynamic providers look like one of a Pulumi SDK that does not show the request."""


@pytest.mark.scenario("S65")
def test_s65_in_a_host_that_does_not_show_the_request(web: Stack, tmp_path: Path) -> None:
    """The dynamic provider looks all the same: a clean group is clean, a drifted one is not, one unread is an error."""
    if web.front_end is not FrontEnd.DYNAMIC:
        pytest.skip("only the dynamic provider has a host")
    (tmp_path / "sitecustomize.py").write_text(CHANGED_HOST, "utf-8")
    web.environment["PYTHONPATH"] = str(tmp_path)

    web.preview(expect_no_changes=True)
    web.refresh()
    web.edas.action("leave", instance="i-b")
    web.preview().must_say("1 to update")
    words = make_unreadable(web, "secret")
    # Such a host puts its own traceback before the sentence.
    unread = web.start("preview", "--expect-no-changes").result()
    unread.must_say("error:", words)
    assert unread.exit_code != 0


@pytest.mark.scenario("S65")
@pytest.mark.parametrize("cause", ["credentials", "permission", "endpoint"])
def test_s65_a_create_that_cannot_look_warns(stack: Stack, cause: str) -> None:
    """The application of a create may be made by the same up, so a preview that cannot read it warns."""
    words = make_unreadable(stack, cause)
    stack.declare(ABC)

    stack.preview().must_say("warning:", words, "to create")


@pytest.mark.scenario("S65")
def test_s65_without_preview_reads_nothing_is_read(web: Stack) -> None:
    """With previewReads false a preview makes not one call, whatever it shows."""
    web.config["edas-scale:previewReads"] = "false"
    web.edas.action("leave", instance="i-b")

    web.preview(expect_no_changes=True)
    web.declare([*ABC, "i-d"])
    web.preview().must_say("1 to update")
    web.declare(ABC, group_id=GAMMA)
    web.preview().must_say("1 to replace")
    web.declare(ABC, name="other")
    web.preview()
    assert web.edas.log() == []

    web.declare([*ABC, "i-d"])
    web.up()
    assert orders.orders(web.edas) == [("scale_out", ["i-b", "i-d"])]


@pytest.mark.scenario("S65")
def test_s65_a_group_that_is_gone_is_an_error(web: Stack) -> None:
    """The id of a deleted group never comes back, so the preview of its membership fails and names the groups."""
    web.edas.action("delete_group", group=BETA, application="shop")

    web.preview(fails=True).must_say("has no deploy group", DEFAULT)


@pytest.mark.scenario("S87")
@pytest.mark.parametrize("obstacle", ["offline", "elsewhere"])
def test_s87_nothing_leaves_while_one_cannot_join(web: Stack, obstacle: str) -> None:
    """A replacement that deletes first is refused while a listed machine cannot join the new group."""
    if obstacle == "offline":
        web.edas.action("offline", instance="i-d")
    joiner = "i-d" if obstacle == "offline" else "i-l"
    web.declare(["i-a", "i-b", joiner], group_id=GAMMA)

    for result in (web.preview(fails=True), web.up(fails=True)):
        result.must_say(f"'{joiner}'", "nothing leaves")
    assert orders.writes(web.edas) == []
    assert orders.running(web.edas) == ABC


@pytest.mark.scenario("S87", "S45")
def test_s87_the_preview_lists_what_leaves(web: Stack) -> None:
    """The preview of a replacement that deletes first names who leaves the old group, and up does as it says."""
    web.declare(ABC, group_id=GAMMA)

    web.preview().must_say("1 to replace", "scale in 3: i-a")
    web.up()

    assert orders.orders(web.edas) == [("scale_in", ABC), ("scale_out", ABC)]
    assert orders.running(web.edas, GAMMA) == ABC
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S94")
def test_s94_our_own_scale_in_is_no_drift(web: Stack) -> None:
    """A scale in of ours that ends after Ctrl-C is reported as unfinished work, and the next up is clean."""
    web.edas.switches(order_duration="seconds:30")
    web.declare(["i-a", "i-b"])
    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo")
    running.interrupt()
    running.result()
    assert web.members() == ABC
    web.edas.action("advance_clock", seconds=60)

    result = web.preview()

    result.must_say("Unfinished work of the last update")
    assert "Drift:" not in result.words
    assert "outside Pulumi" not in result.words
    web.edas.clear_log()
    web.up()
    assert orders.writes(web.edas) == []
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S94")
@pytest.mark.parametrize("refreshed", [False, True])
def test_s94_our_failed_join_is_no_drift(web: Stack, refreshed: bool) -> None:  # noqa: FBT001 - a parameter
    """A join of ours that failed is reported as unfinished, also after a refresh, and is a change to be finished."""
    web.edas.rule(effect="order", instances={"i-d": "EDAS-10001"})
    web.declare([*ABC, "i-d"])
    web.up(fails=True)
    if refreshed:
        web.refresh()

    result = web.preview(expect_no_changes=True, fails=True)

    result.must_say("Unfinished work of the last update", "i-d")
    assert "Drift:" not in result.words


@pytest.mark.scenario("S94")
def test_s94_a_failed_join_that_ended_well_after_all(web: Stack) -> None:
    """After a failed update whose goal is reached meanwhile the engine proposes an update, and a line says why."""
    web.edas.rule(effect="order", instances={"i-d": "EDAS-10001"})
    web.declare([*ABC, "i-d"])
    web.up(fails=True)
    web.edas.action("set_state", instance="i-d", app_state=7, task_state=2)

    result = web.preview()

    result.must_say("1 to update", "runs since the last update failed: i-d. Nothing is sent for that")
    web.edas.clear_log()
    web.up()
    assert orders.writes(web.edas) == []
    web.preview(expect_no_changes=True)


@pytest.mark.scenario("S94")
def test_s94_who_was_evicted_is_told_by_the_order(stack: Stack) -> None:
    """A member that another, exclusive membership scaled in is not told as taken "outside Pulumi"."""
    web2 = membership("web2", opts="depends_on=[web]", instance_ids=["i-b", "i-c"])
    stack.write(membership("web", instance_ids=["i-a"]), web2)
    stack.up()
    stack.write(membership("web", instance_ids=["i-a"], exclusive=True), web2)
    stack.preview(fails=True).must_say("is exclusive", "::web ", "::web2")
    stack.up(fails=True)
    [evicting] = [each["id"] for each in stack.edas.orders(SHOP) if each["kind"] == "scale_in"]
    stack.write(membership("web", instance_ids=["i-a"]), web2)

    result = stack.preview()

    result.must_say("Drift: i-b, i-c left", f"by change order {evicting}")
    assert "outside Pulumi" not in result.words


@pytest.mark.scenario("S90")
def test_s90_an_autoscaler_is_left_alone(given: Callable[..., Stack]) -> None:
    """With ignoreChanges on the list nobody is brought back or taken out, with or without another change."""
    stack = given(instance_ids=ABC, opts="ignore_changes=['instance_ids']")
    stack.edas.action("leave", instance="i-b")
    stack.edas.action("join", group=BETA, application=SHOP, instance="i-d")

    stack.preview(expect_no_changes=True)
    stack.up()
    stack.declare(ABC, opts="ignore_changes=['instance_ids']", join_timeout_seconds=200)
    stack.up()
    stack.preview(expect_no_changes=True)

    assert orders.writes(stack.edas) == []
    assert orders.running(stack.edas) == ["i-a", "i-c", "i-d"]


@pytest.mark.scenario("S95")
def test_s95_the_name_of_the_application(stack: Stack) -> None:
    """The name of an application where its id belongs is refused with the id, in preview and in update."""
    stack.declare(ABC, app_id="shop")

    stack.preview(fails=True).must_say("is the name of an application", SHOP)
    stack.up(fails=True).must_say("is the name of an application", SHOP)
    assert stack.resources() == []


@pytest.mark.scenario("S95")
def test_s95_an_application_of_another_account(stack: Stack) -> None:
    """An id that is not listed is said as such, with what was asked and what there is, in preview and in update."""
    unknown = SHOP[:-1] + "9"
    stack.declare(ABC, app_id=unknown)

    for result in (stack.preview(), stack.up(fails=True)):
        result.must_say(unknown, "is not listed in region cn-hangzhou", stack.edas.url, f"shop ({SHOP})")
    assert stack.resources() == []


@pytest.mark.scenario("S95")
def test_s95_a_region_that_does_not_exist(stack: Stack) -> None:
    """A misspelt region is refused with the one that was meant, without a call."""
    stack.declare(ABC, region_id="cn-hangzou")

    stack.preview(fails=True).must_say("cn-hangzou", "cn-hangzhou")
    stack.up(fails=True).must_say("cn-hangzou", "cn-hangzhou")
    assert stack.edas.log() == []


@pytest.mark.scenario("S95")
def test_s95_the_id_of_a_terraform_bridge(stack: Stack) -> None:
    """An id of the form app:name:id means its last part."""
    stack.declare(ABC, app_id=f"app:shop:{SHOP}")

    stack.up()

    assert stack.outputs()["appId"] == SHOP
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S64")
def test_s64_a_refresh_drops_nobody_while_an_order_runs(given: Callable[..., Stack]) -> None:
    """A member that an order takes out for a moment stays recorded and listed, and the next up takes nobody out."""
    stack = given(instance_ids=ABC, exclusive=True, opts="ignore_changes=['instance_ids']")
    before = stack.outputs()
    stack.edas.action("start_order", group=BETA, application=SHOP, kind="deploy", duration="seconds:600")
    stack.edas.action("leave", instance="i-b")

    refreshed = stack.refresh()

    refreshed.must_say("Not listed in deploy group", "i-b")
    assert "outside Pulumi" not in refreshed.words
    assert (stack.members(), stack.resource()["inputs"]["instanceIds"]) == (ABC, ABC)
    assert stack.outputs()["members"] == before["members"]
    stack.edas.action("advance_clock", seconds=700)
    stack.edas.action("join", group=BETA, application=SHOP, instance="i-b")
    stack.up()
    assert orders.writes(stack.edas) == []
    assert orders.running(stack.edas) == ABC
