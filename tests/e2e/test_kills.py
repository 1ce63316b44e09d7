"""Runs that are killed or interrupted: the next one is the only writer, and nothing is done twice."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.orders import WRITES
from tests.e2e.world import BETA, SHOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.stack import FrontEnd, Running, Stack

ABC = ["i-a", "i-b", "i-c"]
SWAPPED = ["i-a", "i-b", "i-d"]

UNSURE = tuple(
    {"joiner_visible": visible, "second_order": second, "known_member": known}
    for visible, second, known in itertools.product(
        ("early", "end"), ("refused", "queued"), ("refused", "ignored")
    )
)
"""What EDAS may be like; the laws hold for each."""

SHARES = 4
"""Into how many tests the calls of one swap are dealt, so that they run side by side."""


def await_pause(stack: Stack, running: Running) -> bool:
    """Wait until a call stands paused, or the command has ended; return whether one does."""
    while running.process.poll() is None:
        try:
            stack.edas.await_paused(timeout=0.1)
        except TimeoutError:
            continue
        return True
    return False


def kill_at(
    stack: Stack, call: int, when: str, victim: str, operation: str | None = None
) -> dict[str, object] | None:
    """Run ``up`` and kill at one call; return the call, None when the run ended before it.

    Args:
        stack: what is to be changed.
        call: the how many-th call; with ``operation`` only its calls count.
        when: ``before`` EDAS acts, or ``after``, so that only the answer is lost.
        victim: ``cli`` or ``provider``.
        operation: the operation to kill at.
    """
    stack.edas.rule(effect="pause", first=call, when=when, operation=operation)
    running = stack.start("up", "--yes", "--skip-preview")
    if not await_pause(stack, running):
        assert running.result().exit_code == 0
        return None
    paused: dict[str, object] = stack.edas.log(operation)[call - 1]
    if victim == "cli":
        stack.kill_cli(running)
        stack.await_provider_end()
        stack.edas.resume()
        stack.run("cancel", "--yes")
    else:
        assert stack.kill_provider()
        assert running.result().exit_code != 0
        stack.edas.resume()
    stack.edas.clear_rules()
    return paused


@pytest.mark.scenario("S16", "S37")
@pytest.mark.soak
@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("victim", ["cli", "provider"])
def test_s16_kill_at_every_call_of_a_swap(
    stacks: Callable[..., Stack], front_end: FrontEnd, victim: str, share: int
) -> None:
    """Killed at any API call of a swap, before EDAS acts or before its answer arrives, the next up does the rest.

    One order per instance in the end, and never fewer running members than before.
    """
    for call in itertools.count(1 + share, SHARES):
        for when in ("before", "after"):
            stack = stacks(front_end, instance_ids=ABC)
            switches = UNSURE[(call + (when == "after") * 3) % len(UNSURE)]
            stack.edas.switches(order_duration="seconds:0.2", **switches)
            stack.declare(SWAPPED)
            paused = kill_at(stack, call, when, victim)
            if paused is None:
                assert call > 8, "a swap is more than eight calls"
                return
            expect_the_rest(
                stack, f"killed the {victim} {when} call {call}, {paused['operation']}, {switches}"
            )
            if paused["operation"] not in WRITES:
                break  # a reading leaves nothing behind: the moments before and after it are the same


@pytest.mark.scenario("S16", "S37")
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["ScaleOutApplication", "ScaleInApplication"])
@pytest.mark.parametrize("victim", ["cli", "provider"])
def test_s16_kill_at_a_write_of_a_swap(web: Stack, victim: str, operation: str, when: str) -> None:
    """Killed at a write, before EDAS acts or before its answer arrives, the next up does the rest and no more."""
    web.edas.switches(order_duration="seconds:0.2", second_order="queued", known_member="ignored")
    web.declare(SWAPPED)

    assert kill_at(web, 1, when, victim, operation=operation) is not None

    expect_the_rest(web, f"killed the {victim} {when} {operation}")


def expect_the_rest(stack: Stack, context: str) -> None:
    """Run ``up`` again, and check that in the end there was one order per instance and no loss."""
    stack.up()
    assert orders.orders(stack.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])], context
    assert stack.edas.running_minimum(BETA, SHOP) == 3, context
    assert orders.running(stack.edas) == SWAPPED, context
    assert stack.members() == SWAPPED, context
    assert not stack.close(), context


@pytest.mark.scenario("S16")
def test_s16_kill_while_a_create_waits(stack: Stack) -> None:
    """A create that was killed while its order ran is adopted by the next up."""
    stack.edas.rule(effect="order", held=True)
    stack.declare(ABC)
    running = stack.start("up", "--yes", "--skip-preview")
    stack.edas.await_calls("GetChangeOrderInfo")

    stack.kill_cli(running)
    stack.await_provider_end()

    stack.run("cancel", "--yes")
    again = stack.start("up", "--yes", "--skip-preview")
    stack.edas.await_calls("GetChangeOrderInfo", len(stack.edas.log("GetChangeOrderInfo")) + 2)
    stack.edas.action("confirm_order")
    assert again.result().exit_code == 0
    assert orders.orders(stack.edas) == [("scale_out", ABC)]
    assert orders.writes(stack.edas) == ["ScaleOutApplication"]
    assert stack.members() == ABC


@pytest.mark.scenario("S16", "S79")
def test_s16_killed_while_the_joiner_starts(web: Stack) -> None:
    """Killed after the first order of a swap, while EDAS starts its machine: who leaves waits until that runs."""
    web.edas.rule(
        effect="order", operation="ScaleOutApplication", instances={"i-d": {"app_state": 1, "task_state": 1}}
    )
    web.declare(SWAPPED)
    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("QueryApplicationStatus", 3)
    assert web.kill_provider()
    assert running.result().exit_code != 0
    web.edas.clear_log()

    again = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("QueryApplicationStatus", 4)
    assert orders.writes(web.edas) == []
    web.edas.action("set_state", instance="i-d", app_state=7, task_state=2)
    assert again.result().exit_code == 0

    assert orders.orders(web.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == SWAPPED


def kill_after(stack: Stack, operation: str) -> str:
    """Run ``up`` and kill the provider when EDAS has executed a write, before its answer; return the order."""
    assert kill_at(stack, 1, "after", "provider", operation=operation) is not None
    stack.edas.action("advance_clock", seconds=100)
    [order] = stack.edas.orders(SHOP)
    return str(order["id"])


@pytest.mark.scenario("S16")
def test_s16_a_destroy_after_a_kill_names_who_stays(web: Stack) -> None:
    """A joiner of a killed update is in no state: a destroy cannot know whose it is, and says that it stays."""
    web.declare([*ABC, "i-d"])
    order_id = kill_after(web, "ScaleOutApplication")

    result = web.destroy()

    result.must_say(f"i-d (change order {order_id}) stays in deploy group", "not recorded here")
    assert orders.running(web.edas) == ["i-d"]


@pytest.mark.scenario("S16", "S94")
def test_s16_a_killed_scale_in_is_not_outside_pulumi(web: Stack) -> None:
    """Who left by an order of a run that was killed: the order is named, and nobody else is blamed for it."""
    web.declare(ABC[:2])
    order_id = kill_after(web, "ScaleInApplication")

    as_wanted = web.preview()
    web.declare(ABC)
    taken_back = web.preview()
    refreshed = web.refresh()

    as_wanted.must_say("Neither listed nor in deploy group", "i-c. Nothing is sent for that")
    assert "Drift:" not in as_wanted.words
    for result in (taken_back, refreshed):
        result.must_say(
            "Drift: i-c left", f"by change order {order_id}", "Whether a killed run sent it is not known."
        )
        assert "outside Pulumi" not in result.words


@pytest.mark.scenario("S37")
def test_s37_an_orphan_sends_nothing_more(web: Stack) -> None:
    """When the CLI is killed during the first order of a swap, the provider ends without sending the second."""
    web.edas.rule(effect="order", operation="ScaleOutApplication", held=True)
    web.declare(SWAPPED)
    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo")

    web.kill_cli(running)
    web.edas.action("confirm_order")
    web.await_provider_end()

    assert orders.writes(web.edas) == ["ScaleOutApplication"]
    web.run("cancel", "--yes")
    web.up()
    assert orders.orders(web.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])]
    assert web.members() == SWAPPED


def interrupted(stack: Stack, **inputs: object) -> Running:
    """Start an ``up`` whose order does not end, and press Ctrl-C while it waits."""
    stack.edas.rule(effect="order", operation="ScaleOutApplication", held=True)
    stack.declare(SWAPPED, **inputs)
    running = stack.start("up", "--yes", "--skip-preview")
    stack.edas.await_calls("GetChangeOrderInfo", 2)
    running.interrupt()
    return running


@pytest.mark.scenario("S17")
def test_s17_ctrl_c_detaches(web: Stack) -> None:
    """Ctrl-C ends the run at once with what is true; the order stays, and the next up waits for it."""
    running = interrupted(web)

    result = running.result()

    [order] = web.edas.orders(SHOP)
    assert result.exit_code != 0
    assert order["active"]
    result.must_say(order["id"])
    result.must_say("stays so until somebody confirms it in the EDAS console")
    assert web.outputs()["changeOrderIds"] == [order["id"]]
    assert orders.writes(web.edas) == ["ScaleOutApplication"]
    again = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", len(web.edas.log("GetChangeOrderInfo")) + 1)
    web.edas.action("confirm_order")
    assert again.result().exit_code == 0
    assert orders.orders(web.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])]
    assert web.members() == SWAPPED


@pytest.mark.scenario("S17")
def test_s17_ctrl_c_aborts_when_told_so(web: Stack) -> None:
    """With onCancel abort the order of ours that runs is aborted, and the next up starts over."""
    web.config["edas-scale:onCancel"] = "abort"
    running = interrupted(web)

    result = running.result()

    assert result.exit_code != 0
    assert orders.writes(web.edas) == ["ScaleOutApplication", "AbortChangeOrder"]
    result.must_say("was aborted")
    web.edas.clear_rules()
    web.up()
    assert orders.running(web.edas) == SWAPPED
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == SWAPPED


@pytest.mark.scenario("S17")
def test_s17_a_second_ctrl_c_is_survived(web: Stack) -> None:
    """Two Ctrl-C end the run at once, whatever it does; the next up waits for the order and sends only the rest."""
    running = interrupted(web)
    running.interrupt()
    assert running.result().exit_code != 0
    web.await_provider_end()

    again = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", len(web.edas.log("GetChangeOrderInfo")) + 1)
    web.edas.action("confirm_order")
    result = again.result()

    assert result.exit_code == 0, result
    assert orders.orders(web.edas) == [("scale_out", ["i-d"]), ("scale_in", ["i-c"])]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == SWAPPED
