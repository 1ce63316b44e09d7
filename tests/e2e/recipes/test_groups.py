"""Recipes for groups: move between two, blue and green, replace everybody, choose from what is free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e import orders
from tests.e2e.recipes.beside import EXAMPLES
from tests.e2e.stack import FrontEnd, membership
from tests.e2e.world import BETA, GAMMA, SHOP

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

ABC = ["i-a", "i-b", "i-c"]
DEF = ["i-d", "i-e", "i-f"]


def two_groups(stack: Stack, blue: list[str], green: list[str], min_running: int = 1) -> None:
    """Write a program with a membership for each of two groups."""
    stack.write(
        membership("blue", group_id=BETA, instance_ids=blue, min_running=min_running),
        membership("green", group_id=GAMMA, instance_ids=green, min_running=min_running),
    )


def test_moving_an_instance_to_another_group(stack: Stack) -> None:
    """Moving one id from the one list to the other is one up: it leaves there, and then joins here."""
    two_groups(stack, ABC, ["i-d"])
    stack.up()
    two_groups(stack, ["i-a", "i-b"], ["i-d", "i-c"])

    stack.up()

    assert orders.members(stack.edas, BETA) == ["i-a", "i-b"]
    assert orders.members(stack.edas, GAMMA) == ["i-c", "i-d"]
    assert orders.orders(stack.edas)[2:] == [("scale_in", ["i-c"]), ("scale_out", ["i-c"])]


def test_exchanging_two_instances_takes_two_runs(stack: Stack) -> None:
    """An exchange is refused by name; first the one way, then the other, is the way, and costs no group its floor."""
    two_groups(stack, ["i-a", "i-b"], ["i-c", "i-d"])
    stack.up()
    stack.edas.reset_running_minimum()
    two_groups(stack, ["i-a", "i-c"], ["i-b", "i-d"])
    refused = stack.preview(fails=True)
    assert "exchange instances (i-b, i-c)" in refused.words

    two_groups(stack, ["i-a"], ["i-b", "i-d", "i-c"])
    stack.up()
    two_groups(stack, ["i-a", "i-c"], ["i-b", "i-d"])
    stack.up()

    assert orders.members(stack.edas, BETA) == ["i-a", "i-c"]
    assert orders.members(stack.edas, GAMMA) == ["i-b", "i-d"]
    assert stack.edas.running_minimum(BETA, SHOP) >= 1


def test_blue_and_green(stack: Stack) -> None:
    """Green grows beside blue and is seen running; then blue gives its machines back, in a run of its own."""
    two_groups(stack, ABC, [], min_running=0)
    stack.up()

    two_groups(stack, ABC, DEF, min_running=0)
    stack.up()
    assert orders.running(stack.edas, BETA) == ABC
    assert orders.running(stack.edas, GAMMA) == DEF

    two_groups(stack, [], DEF, min_running=0)
    stack.up()

    assert orders.members(stack.edas, BETA) == []
    assert orders.running(stack.edas, GAMMA) == DEF
    kinds = [kind for kind, _ in orders.orders(stack.edas)]
    assert kinds == ["scale_out", "scale_out", "scale_in"]


def test_replacing_everybody_without_losing_capacity(web: Stack) -> None:
    """Three other machines are one change of the list: they join and run, then the three old ones leave."""
    web.declare(DEF, min_running=3)

    preview = web.preview()
    web.up()

    assert "lowest running 3 of 3" in preview.words
    assert orders.orders(web.edas) == [("scale_out", DEF), ("scale_in", ABC)]
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert web.members() == DEF


def test_replacing_everybody_a_few_at_a_time(web: Stack) -> None:
    """With one machine to spare, a list that changes by one and a batch size of one go round the group."""
    for before, after in zip(ABC, DEF, strict=True):
        listed = sorted({*web.members(), after} - {before})
        web.declare(listed, min_running=3, max_removals=1)
        web.up()

    assert web.members() == DEF
    assert web.edas.running_minimum(BETA, SHOP) == 3
    assert len(orders.orders(web.edas)) == 6


def test_a_group_of_a_given_size(stack: Stack) -> None:
    """The example chooses free machines over the zones, and keeps to them in the next run."""
    source = (EXAMPLES / "candidates" / "__main__.py").read_text()
    if stack.front_end is FrontEnd.NATIVE:  # the functions are the same in both front ends
        source = source.replace("    DeployGroupMembership,\n", "")
        source = source.replace(
            "import pulumi\n",
            "import pulumi\nfrom pulumi_edas_scale.native import DeployGroupMembership\n",
            1,
        )
    (stack.program / "__main__.py").write_text(source)
    stack.config = {"shop:application": "shop", "shop:deployGroup": "beta", "shop:size": "3"}

    stack.up()

    chosen = orders.members(stack.edas)
    zones = {
        each["zone"] for each in stack.edas.state()["clusters"][0]["ecus"] if each["instanceId"] in chosen
    }
    assert len(chosen) == 3
    assert len(zones) == 3
    stack.preview(expect_no_changes=True)
    stack.config["shop:size"] = "4"
    stack.up()
    assert set(chosen) < set(orders.members(stack.edas))
    stack.config["shop:size"] = "2"
    stack.up()
    assert len(orders.members(stack.edas)) == 2
