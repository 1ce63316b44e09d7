"""Today's version continues from the state and the configuration of earlier ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e import orders
from tests.e2e.recorded.record import CONFIG, PROGRAM
from tests.e2e.world import BETA, GAMMA, SHOP

if TYPE_CHECKING:
    from tests.e2e.stack import Stack

RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def upgraded(stack: Stack) -> Stack:
    """A stack with the state that the first version left, the same program and the same members in EDAS."""
    for group, instances in ((BETA, ["i-a", "i-b", "i-c"]), (GAMMA, ["i-d", "i-e"])):
        for instance in instances:
            stack.edas.action("join", group=group, application=SHOP, instance=instance)
    stack.config.update(CONFIG)
    stack.write(*PROGRAM)
    recorded = RECORDED / f"first-{stack.front_end.name.lower()}.json"
    stack.run("stack", "import", "--file", str(recorded))
    stack.edas.clear_log()
    return stack


def placements(stack: Stack, name: str) -> dict[str, str]:
    """Return by the ECS ids of the recorded members which placement each is."""
    return {each["instanceId"]: each["eccId"] for each in stack.outputs(name)["members"]}


def test_the_state_of_the_first_version_is_continued(upgraded: Stack) -> None:
    """Preview, refresh and up change nothing and send no order; a change then moves only the difference."""
    before = {name: placements(upgraded, name) for name in ("web", "search")}

    upgraded.preview(expect_no_changes=True)
    upgraded.up("--refresh")

    assert {name: placements(upgraded, name) for name in ("web", "search")} == before
    assert orders.writes(upgraded.edas) == []
    upgraded.write(PROGRAM[0].replace("'i-c'", "'i-f'"), PROGRAM[1])
    upgraded.up()
    assert orders.orders(upgraded.edas) == [("scale_out", ["i-f"]), ("scale_in", ["i-c"])]


def test_the_state_of_the_first_version_can_be_destroyed(upgraded: Stack) -> None:
    """Destroy as the first command of a new version scales in what the first one recorded, and nothing else."""
    upgraded.edas.action("join", group=BETA, application=SHOP, instance="i-g")

    upgraded.destroy()

    assert sorted(orders.orders(upgraded.edas)) == [
        ("scale_in", ["i-a", "i-b", "i-c"]),
        ("scale_in", ["i-d", "i-e"]),
    ]
    assert orders.members(upgraded.edas) == ["i-g"]
