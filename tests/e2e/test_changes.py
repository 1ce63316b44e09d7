"""Members are added, removed and swapped with the fewest orders, and never at the cost of capacity."""

from __future__ import annotations

import pytest

from tests.e2e import orders
from tests.e2e.orders import calls
from tests.e2e.stack import Stack
from tests.e2e.world import BETA, REGION, SHOP

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
    assert resource["type"] == stack.door.type_token
    assert resource["id"] == f"{REGION}/{SHOP}/{BETA}"
    assert stack.members() == ABC
    assert [each["state"] for each in stack.outputs()["members"]] == ["running"] * 3
    assert stack.outputs()["changeOrderIds"] == [stack.edas.orders(SHOP)[0]["id"]]
    assert stack.outputs()["runningCount"] == 3
    assert stack.outputs()["groupName"] == "beta"


@pytest.mark.scenario("S2")
def test_s02_one_more_is_one_scale_out_of_that_one(web: Stack) -> None:
    """A fourth member joins alone; the three others are in no order."""
    web.declare([*ABC, "i-d"])

    web.up()

    assert orders.orders(web.edas) == [("scale_out", ["i-d"])]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == [*ABC, "i-d"]
