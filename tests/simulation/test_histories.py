"""Histories that have found something: each broke a law once, and is short enough to be read."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.simulation.edas import Fault
from tests.simulation.histories import History, Step, play

BAD_REPAIR: Final[dict[str, Any]] = {"ids": ("ecu-7",)}

HISTORIES: Final = {
    "the answer of a write is lost while another stack changes the same group": History(
        seed=60,
        members={},
        apart=("web",),
        tame=True,
        steps=(
            Step(
                "up",
                {"web": {"ids": ("i-3",)}, "web2": {"ids": ("i-2",)}},
                faults=(Fault("lost_before", "ScaleOutApplication"),),
            ),
        ),
    ),
    "a repaired member is listed for a while after it left": History(
        seed=253,
        members={},
        switches={"scale_in_lag": 40.0},
        steps=(
            Step(
                "up", {"beta": BAD_REPAIR}, rules=({"effect": "order", "end": 7, "operation": "scale_out"},)
            ),
            Step("up", {"beta": {**BAD_REPAIR, "waitFor": "order"}}),
        ),
    ),
    "a member whose join failed is adopted beside the first that runs": History(
        seed=455,
        members={},
        steps=(
            Step("up", {"beta": {"ids": ("i-2",)}, "other": {"ids": ("i-6",)}}),
            Step(
                "up",
                {"other": {"ids": ("i-6", "i-8")}, "web": {"ids": ("i-2",)}},
                rules=({"effect": "order", "end": 10, "operation": "scale_out"},),
                faults=(Fault("kill_before", nth=30),),
            ),
        ),
    ),
    "members that have left are still listed when the next process comes": History(
        seed=110,
        members={},
        switches={"scale_in_lag": 10.0},
        steps=(
            Step(
                "up",
                {"other": {"batchSize": 2, "ids": ("ecu-4", "i-1", "i-8")}},
                rules=({"effect": "order", "end": 3, "operation": "scale_out"},),
                faults=(Fault("kill_after", nth=9),),
            ),
        ),
    ),
    "an instance goes to the other membership of its group while a diff is slow": History(
        seed=1406,
        members={"g-beta": ("i-3",), "g-other": ("i-8",), "g-web": ("i-6", "i-2", "i-0")},
        steps=(
            Step("up", {"other": {"exclusive": True, "ids": ("i-9",)}, "web2": {"ids": ("i-1",)}}),
            Step(
                "up",
                {
                    "web2": {"ids": ()},
                    "other": {"ids": ("i-3",)},
                    "web": {"ids": ("i-1",), "maxRemovals": 0, "minRunning": 0, "timeoutSeconds": 1},
                },
                rules=(
                    {
                        "body": "{}",
                        "effect": "body",
                        "first": 2,
                        "operation": "QueryApplicationStatus",
                        "when": "after",
                    },
                ),
            ),
        ),
    ),
    "the deadline passes right after a scale out, and the listing is late": History(
        seed=344,
        members={},
        switches={"joiner_visible": "late:30"},
        steps=(
            Step("up", {"web": {"ids": ("ecu-8",), "timeoutSeconds": 1}}),
            Step("up", {"web": {"ids": ()}}),
        ),
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_what_broke_a_law_once_does_so_no_more(name: str) -> None:
    """Each of these histories has found a mistake; all laws hold in it now."""
    report = play(HISTORIES[name])
    assert not report.broken, "\n".join([*report.lines, *report.broken])
