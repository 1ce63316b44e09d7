"""Recipes for a group that something else manages today, and for changing front ends."""

from __future__ import annotations

import pytest

from tests.e2e import orders
from tests.e2e.stack import FrontEnd, Stack, membership
from tests.e2e.world import BETA, REGION, SHOP

ABC = ["i-a", "i-b", "i-c"]
RESOURCE_ID = f"{REGION}/{SHOP}/{BETA}"


def join(stack: Stack) -> None:
    """Have the members there, as another tool left them."""
    for each in ABC:
        stack.edas.action("join", group=BETA, application=SHOP, instance=each)


@pytest.mark.scenario("S22")
@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
def test_from_terraform_by_adoption(stack: Stack) -> None:
    """List who is there, preview that no order would run, up: the members are managed, and nothing was sent."""
    join(stack)
    stack.declare(ABC, max_removals=0)

    preview = stack.preview()
    stack.up()

    assert "no change orders; adopt 3 existing members" in preview.words
    assert orders.writes(stack.edas) == []
    assert stack.members() == ABC
    stack.preview(expect_no_changes=True)


@pytest.mark.scenario("S22")
@pytest.mark.parametrize("front_end", [FrontEnd.NATIVE], ids=["native"])
def test_from_terraform_by_import(stack: Stack) -> None:
    """The import option in the program brings the group in, and is dropped afterwards; nothing is sent."""
    join(stack)
    stack.declare(ABC, opts=f"import_={RESOURCE_ID!r}")
    stack.up()
    stack.declare(ABC)

    stack.preview(expect_no_changes=True)

    assert orders.writes(stack.edas) == []
    assert stack.members() == ABC


@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
def test_changing_front_ends(web: Stack) -> None:
    """Retain and up; change the import and up; drop retain and up. No order is sent, and no member moves."""
    web.declare(ABC, on_delete="retain")
    web.up()
    web.front_end = FrontEnd.NATIVE
    web.prepare()
    web.declare(ABC, on_delete="retain")
    web.up()
    web.declare(ABC)
    web.up()

    assert orders.writes(web.edas) == []
    assert [each["type"] for each in web.resources()] == [FrontEnd.NATIVE.type_token]
    assert orders.running(web.edas) == ABC
    web.preview(expect_no_changes=True)


@pytest.mark.parametrize("front_end", [FrontEnd.DYNAMIC], ids=["dynamic"])
def test_two_stacks_hand_a_group_over(web: Stack) -> None:
    """A membership that is to move to another stack is retained there and adopted here."""
    web.declare(ABC, on_delete="retain")
    web.up()
    web.write()
    web.up()
    assert web.resources() == []

    web.write(membership("moved", instance_ids=ABC))
    web.up()

    assert orders.writes(web.edas) == []
    assert web.members("moved") == ABC
