"""Histories that have found something: each broke a law once, and is short enough to be read."""

from __future__ import annotations

from typing import Any, Final

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED
from tests.simulation.edas import Fault
from tests.simulation.histories import SHOP, History, Step, play

ALONE: Final[dict[str, Any]] = {"exclusive": True, "ids": ("i-0",)}
BOTH: Final[dict[str, Any]] = {**ALONE, "batchSize": 1, "ids": ("i-0", "i-6"), "joinTimeoutSeconds": 120}
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
    "an instance of a renamed membership goes to one of another application": History(
        seed=731000409,
        members={"g-other": ("i-5",), "g-web": ("i-8",)},
        tame=True,
        steps=(
            Step(
                "up",
                {
                    "other": {"ids": ("ecu-1", "i-4", "ecu-5"), "minRunning": 0},
                    "web2": {"ids": ("i-2", "ecu-9"), "minRunning": 0},
                },
            ),
            Step(
                "up",
                {
                    "other": {"ids": ("ecu-1", "i-4", "ecu-5", "ecu-9"), "minRunning": 0},
                    "web2-new": {"ids": ("i-2",), "minRunning": 0},
                },
            ),
        ),
    ),
    "the same, and then it gets its name back": History(
        seed=731001177,
        members={"g-other": ("i-4", "i-0")},
        switches={"start_delay": 8.0, "code_type": "text"},
        tame=True,
        steps=(
            Step(
                "up",
                {
                    "beta": {"ids": (), "minRunning": 0},
                    "other": {"ids": ("i-4", "i-0", "i-7"), "minRunning": 0},
                },
            ),
            Step(
                "up",
                {
                    "beta": {"ids": ("i-7",), "minRunning": 0},
                    "other-new": {"ids": ("i-4", "i-0"), "minRunning": 0},
                },
                faults=(Fault("lost_after", "ScaleInApplication"),),
            ),
            Step(
                "up",
                {
                    "beta": {"ids": ("i-7",), "minRunning": 0},
                    "other": {"ids": ("i-4", "i-0", "i-3"), "minRunning": 0},
                },
                faults=(Fault("lost_before", "ScaleOutApplication"),),
            ),
        ),
    ),
    "an instance of a renamed membership goes to another group": History(
        seed=731002182,
        members={},
        switches={"freed_ecu_lag": 15.0, "order_duration": "immediate", "scale_in_lag": 40.0},
        tame=True,
        steps=(
            Step(
                "up",
                {
                    "beta": {"ids": ("i-0", "i-7", "i-5"), "minRunning": 0},
                    "web": {"ids": ("i-1",), "minRunning": 0},
                },
            ),
            Step(
                "up",
                {"beta": {"ids": ("i-0", "i-7"), "minRunning": 0}, "web": {"ids": ("i-1",), "minRunning": 0}},
            ),
            Step(
                "up",
                {
                    "beta": {"ids": ("i-0", "i-7", "i-1"), "minRunning": 0},
                    "web-new": {"ids": (), "minRunning": 0},
                },
            ),
        ),
    ),
    "a member that left when its process was killed is still listed, and desired by the next": History(
        seed=731002613,
        members={"g-beta": ("i-6",), "g-other": ("i-9", "i-4")},
        switches={
            "order_duration": "polls:4",
            "scale_in_lag": 10.0,
            "second_order": "parallel_per_group",
            "unknown_member_scale_in": "ignored",
        },
        steps=(
            Step(
                "up",
                {"beta": ALONE, "web": {"ids": (), "minRunning": 2}, "other": {"ids": (), "minRunning": 2}},
                events=((13.0, "join", {"group": "g-beta", "instance": "i-2"}),),
                faults=(Fault("kill_after", nth=21),),
                stop=(7.2, "the run was cancelled"),
                on_cancel="abort",
            ),
            Step(
                "up",
                {
                    "beta": BOTH,
                    "web": {"ids": ("i-4", "i-2"), "minRunning": 2},
                    "other": {"ids": (), "minRunning": 2},
                },
                events=(
                    (39.7, "start_order", {"group": "g-beta", "duration": "seconds:10", "held": True}),
                    (59.1, "start_order", {"group": "g-web", "kind": "start", "duration": "seconds:10"}),
                ),
            ),
            Step("refresh"),
        ),
    ),
    "a scale out is refused for ever, although nothing else runs": History(
        seed=1,
        members={},
        steps=(
            Step(
                "up",
                {"web": {"ids": ("i-1",)}},
                rules=(
                    {
                        "operation": "ScaleOutApplication",
                        "effect": "error",
                        "status": 200,
                        "code": "601",
                        "times": 60,
                    },
                ),
            ),
        ),
    ),
    "a scale in never arrives, and its answer is lost every time": History(
        seed=2,
        members={"g-web": ("i-0", "i-1")},
        steps=(
            Step("up", {"web": {"ids": ("i-0", "i-1")}}),
            Step(
                "up",
                {"web": {"ids": ("i-0",)}},
                faults=(Fault("lost_before", "ScaleInApplication", times=60),),
            ),
        ),
    ),
    "a colleague's held deployment appears after a lost scale in, and then somebody cancels": History(
        seed=3,
        members={"g-web": ("i-0", "i-1")},
        steps=(
            Step("up", {"web": {"ids": ("i-0", "i-1"), "confirmBatches": True}}),
            Step(
                "up",
                {"web": {"ids": ("i-0",), "confirmBatches": True}},
                events=((6.0, "start_order", {"group": "g-web", "duration": "seconds:10", "held": True}),),
                faults=(Fault("lost_before", "ScaleInApplication"),),
                stop=(30.0, CANCELLED),
                on_cancel="abort",
            ),
        ),
    ),
    "an order of ours is held, and a person confirms it": History(
        seed=4,
        members={},
        steps=(
            Step(
                "up",
                {"web": {"ids": ("i-0", "i-1"), "minRunning": 0}},
                events=((60.0, "confirm_order", {"application": SHOP}),),
                rules=({"operation": "scale_out", "effect": "order", "batches": 2, "held": True},),
            ),
        ),
    ),
    "somebody cancels while an order of ours runs that is to go on": History(
        seed=5,
        members={},
        switches={"order_duration": "seconds:40"},
        steps=(Step("up", {"web": {"ids": ("i-0",)}}, stop=(10.0, CANCELLED)),),
    ),
    "two memberships of a group shrink to its floor at once, and the listing lags": History(
        seed=6,
        members={"g-web": ("i-0", "i-1", "i-2", "i-3")},
        switches={"scale_in_lag": 40.0, "order_duration": "seconds:5", "leaver_stops": "end"},
        steps=(
            Step("up", {"web": {"ids": ("i-0", "i-1")}, "web2": {"ids": ("i-2", "i-3")}}),
            Step(
                "up",
                {"web": {"ids": ("i-0",), "minRunning": 3}, "web2": {"ids": ("i-2",), "minRunning": 3}},
            ),
        ),
    ),
    "a colleague scales in just before a membership shrinks, and the listing lags": History(
        seed=7,
        members={"g-web": ("i-0", "i-1", "i-2", "i-3")},
        switches={"scale_in_lag": 50.0, "leaver_stops": "end"},
        steps=(
            Step("up", {"web": {"ids": ("i-0", "i-1")}}),
            Step(
                "wait",
                seconds=9.0,
                events=((0.2, "leave", {"instance": "i-3", "order": True, "duration": "seconds:1"}),),
            ),
            Step("up", {"web": {"ids": ("i-0",), "minRunning": 3}}),
        ),
    ),
    "members leave one by one, and one of them does not run": History(
        seed=8,
        members={"g-web": ("i-0", "i-1", "i-2", "i-3")},
        steps=(
            Step("up", {"web": {"ids": ("i-0", "i-1", "i-2", "i-3")}}),
            Step(
                "wait",
                seconds=20.0,
                events=((0.2, "set_state", {"instance": "i-3", "app_state": 1, "task_state": 2}),),
            ),
            Step("up", {"web": {"ids": ("i-0",), "batchSize": 1, "maxRemovals": 3}}),
        ),
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_what_broke_a_law_once_does_so_no_more(name: str) -> None:
    """Each of these histories has found a mistake; all laws hold in it now."""
    report = play(HISTORIES[name])
    assert not report.broken, "\n".join([*report.lines, *report.broken])
