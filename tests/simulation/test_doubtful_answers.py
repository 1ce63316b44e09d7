"""The laws hold on the other side of every assumption about what EDAS answers (docs/api-assumptions.md)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.simulation.histories import play
from tests.simulation.invention import invent

SEEDS: Final = range(4)

SIDES: Final[dict[str, tuple[Any, ...]]] = {
    "empty_list": ("absent", "null", "object", "inner_null", "array", "text"),
    "order_unknown_at_first": (1, 2),
    "refused_reading": (
        "GetChangeOrderInfo:1",
        "GetChangeOrderInfo:3",
        "GetChangeOrderInfo:running",
        "QueryApplicationStatus:1",
        "QueryApplicationStatus:3",
        "QueryApplicationStatus:running",
        "ListRecentChangeOrder:1",
        "ListRecentChangeOrder:running",
        "ListScaleOutEcu:1",
        "ListClusterMembers:1",
        "ListApplication:1",
        "ListDeployGroup:1",
        "GetCluster:1",
    ),
    "refusal_code": (500, 401),
    "list_application": ("stale:20", "same_state", "missing", "failing"),
    "page_behind_last": ("refused",),
    "task_error_place": ("code", "text", "name", "stage"),
    "redeployed_ecc": ("new",),
    "blank_instance_id": ("always", "joined:10"),
}


@pytest.mark.parametrize(("name", "side"), [(name, side) for name, sides in SIDES.items() for side in sides])
def test_a_doubtful_answer_breaks_no_law(name: str, side: object) -> None:
    """Empty lists, refused first reads and lists that lag change nothing but the time (S68, S69, S71, S73, S74)."""
    for seed in SEEDS:
        history = invent(seed)
        report = play(replace(history, switches={**history.switches, name: side}))
        assert not report.broken, "\n".join([f"seed {seed}", *report.lines, *report.broken])


@pytest.mark.parametrize("most", [1, 2])
def test_a_cut_list_costs_nobody_his_place(most: int) -> None:
    """While EDAS lists fewer members than it counts nothing can be reached, and nobody is taken out for it.

    No order names who is to stay (2), the floor holds (3), and no foreign member leaves (4).
    """
    for seed in SEEDS:
        history = invent(seed)
        report = play(replace(history, switches={**history.switches, "cut_list": most}))
        broken = [each for each in report.broken if re.match(r"law [23]|law 4(?!.*destroy left)", each)]
        assert not broken, "\n".join([f"seed {seed}", *report.lines, *broken])
