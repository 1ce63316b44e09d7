"""Every wait ends and says what it waits for: instances that do not come, throttles, failing readings, frozen runs."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.orders import calls
from tests.e2e.stack import Stack, membership
from tests.e2e.test_many import add_applications
from tests.e2e.world import BETA, SHOP

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator import Emulator

ABC = ["i-a", "i-b", "i-c"]


@pytest.mark.scenario("S59")
def test_s59_many_memberships_wait_for_missing_instances(stack: Stack) -> None:
    """Each fails at its own joinTimeoutSeconds and names its instance; calls grow with applications."""
    groups = [{"id": f"group-{number}", "name": f"group-{number}"} for number in range(12)]
    stack.edas.action(
        "create_application",
        application={"id": "app-many", "name": "many", "cluster": "ecs", "groups": groups},
    )
    stack.write(
        *(
            membership(
                f"web-{number}",
                app_id="app-many",
                group_id=f"group-{number}",
                instance_ids=[f"i-missing-{number}"],
                join_timeout_seconds=4,
            )
            for number in range(12)
        )
    )

    result = stack.up("--parallel", "32", fails=True)

    result.must_say(*(f"'i-missing-{number}' is not in cluster" for number in range(12)))
    result.must_say("Waited 4 seconds")
    assert calls(stack.edas).total() <= 60
    assert stack.resources() == []


@pytest.mark.scenario("S60")
def test_s60_a_write_that_is_throttled_for_ever(stack: Stack) -> None:
    """It ends at its time-out, and says that it was throttled."""
    stack.edas.rule(effect="throttle", operation="ScaleOutApplication", times=None, retry_after_ms=3_600_000)
    stack.declare(["i-a"], timeout_seconds=10)

    result = stack.up(fails=True)

    result.must_say("time-out of 10 seconds passed", "Throttling.User")
    assert len(stack.edas.log("ScaleOutApplication")) < 10


@pytest.mark.scenario("S70")
def test_s70_a_reading_that_fails_for_a_long_time(stack: Stack) -> None:
    """A status line names the cause while it lasts; the error names the call and EDAS's text."""
    stack.edas.rule(
        effect="error",
        operation="QueryApplicationStatus",
        status=503,
        code="ServiceUnavailable",
        message="EDAS is being upgraded",
        times=None,
    )
    stack.declare(ABC, opts="custom_timeouts=pulumi.CustomTimeouts(create='10s')")

    result = stack.up(fails=True)

    said = "QueryApplicationStatus answered ServiceUnavailable 'EDAS is being upgraded'"
    result.must_say(said, "Trying again", "the time-out of 10 seconds passed")
    assert said in result.diagnostics
    assert orders.writes(stack.edas) == []
    assert stack.resources() == []


@pytest.mark.scenario("S79")
def test_s79_a_joiner_that_edas_still_starts(stack: Stack) -> None:
    """It is waited for without a joinTimeoutSeconds, and under strictPreview."""
    stack.edas.switches(start_delay=4.0)
    stack.declare(["i-a"], join_timeout_seconds=0)
    stack.up()
    stack.config["edas-scale:strictPreview"] = "true"
    stack.declare(["i-a", "i-b"])

    stack.up()

    assert {each["state"] for each in stack.outputs()["members"]} == {"running"}
    assert orders.orders(stack.edas) == [("scale_out", ["i-a"]), ("scale_out", ["i-b"])]


@pytest.mark.scenario("S81")
def test_s81_who_waits_does_not_slow_down_who_is_well(stack: Stack) -> None:
    """Twelve memberships wait for instances that do not come; a thirteenth joins as if it were alone."""
    waiting = [
        each.replace("'i-n", "'i-missing").replace(",\n)", ",\n    join_timeout_seconds=12,\n)")
        for each in add_applications(stack.edas, 12)
    ]
    stack.write(*waiting, membership("web", instance_ids=["i-a"]))

    stack.up("--parallel", "32", fails=True)

    [order] = stack.edas.orders(SHOP)
    first = stack.edas.log("QueryApplicationStatus")[0]["time"]
    assert order["createdAt"] - first <= 6.0
    seen = [
        each["time"] for each in stack.edas.log("QueryApplicationStatus") if each["params"]["AppId"] == SHOP
    ]
    assert max(seen) - order["finishedAt"] <= 4.0
    assert stack.members() == ["i-a"]


@pytest.mark.scenario("S85")
def test_s85_frozen_while_the_order_ends(web: Stack) -> None:
    """The provider is frozen while its order ends: one last reading is made, and nothing old is reported as present."""
    web.edas.rule(effect="order", duration="seconds:600")
    web.declare([*ABC, "i-d"], timeout_seconds=6)
    running = web.start("up", "--yes", "--skip-preview")
    web.edas.await_calls("GetChangeOrderInfo", 1)
    begun = web.edas.log("ScaleOutApplication")[0]["time"]

    freeze(web, signal.SIGSTOP)
    web.edas.action("advance_clock", seconds=600)
    await_moment(web.edas, begun + 600.0 + 7.0)
    freeze(web, signal.SIGCONT)
    result = running.result()

    [order] = web.edas.orders(SHOP)
    assert f"{order['id']} is running" not in result.diagnostics
    assert result.exit_code == 0 or f"{order['id']} has ended as success (2)" in result.diagnostics, result
    assert orders.running(web.edas, BETA) == [*ABC, "i-d"]
    assert web.members() == [*ABC, "i-d"]


def freeze(stack: Stack, number: signal.Signals) -> None:
    """Stop the processes of the provider, or let them go on."""
    found = stack.provider_processes()
    assert found
    for pid in found:
        os.kill(pid, number)


def await_moment(edas: Emulator, moment: float) -> None:
    """Let the time of EDAS reach a moment."""
    with edas.host.changed:
        while (left := moment - edas.host.now()) > 0:
            edas.host.changed.wait(left)
