"""Many groups at once: as fast as their orders and EDAS's limits allow.

The law of this file: every run begins in a minute in which nothing was called, on an EDAS of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tests.e2e.stack import FrontEnd
from tools.benchmarks import stacks
from tools.benchmarks.estates import Estate, nothing_program
from tools.benchmarks.results import CALLS, RATIO, SECONDS, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.stack import Stack
    from tools.benchmarks.sizes import Sizes
    from tools.benchmarks.stacks import Lab

ORDER_SECONDS: Final = 2.0
LIMIT_SECONDS: Final = {10: 12.0, 64: 6.0}
"""At --parallel 10 and 64, for 40 groups: row S30 of the scenario table."""

PROMISED_GROUPS: Final = 40
LIMITED_GROUPS: Final = 60
LIMITED_SECONDS: Final = 75.0
"""Row S41: the documented 40 calls of ScaleOutApplication a minute alone cost 60 s."""

BATCH_SIZE: Final = 50
BATCH_SECONDS: Final = 0.5


def measure_parallel(lab: Lab, sizes: Sizes) -> Iterator[Figure]:
    """Create the groups at once, and preview them without changes afterwards."""
    count = sizes.parallel_groups
    estate = Estate(count, count, joined=False)
    world = estate.world(order_duration=f"seconds:{ORDER_SECONDS}")
    promised = count == PROMISED_GROUPS
    for parallel, limit in LIMIT_SECONDS.items():
        ideal = math.ceil(count / parallel) * ORDER_SECONDS
        floors = _nothing(lab, count, parallel, sizes.engine_runs)
        yield Figure(
            "parallel", f"{count} that do nothing, --parallel {parallel}", "time of `up`", SECONDS, floors
        )
        for front_end in FrontEnd:
            costs, previews = [], []
            for _ in range(sizes.engine_runs):
                with lab.stack(front_end, world) as stack:
                    stack.write(estate.program())
                    costs.append(stacks.up(stack, "--parallel", str(parallel)))
                    _require_orders(stack, count)
                    previews.append(stacks.preview(stack, "--parallel", str(parallel)))
            case = f"{count} groups, orders of 2 s, --parallel {parallel}, {front_end.name.lower()}"
            seconds = tuple(cost.seconds for cost in costs)
            yield Figure("parallel", case, "time of `up`", SECONDS, seconds, limit if promised else None)
            over = tuple(each / (ideal + sorted(floors)[len(floors) // 2]) for each in seconds)
            yield Figure("parallel", case, "over the orders' time and nothing's", RATIO, over)
            yield Figure("parallel", case, "calls of EDAS", CALLS, _calls(costs))
            yield Figure(
                "parallel", case, "calls of a preview without changes", CALLS, _calls(previews), float(count)
            )


def measure_limited(lab: Lab, sizes: Sizes) -> Iterator[Figure]:
    """Create more groups than EDAS lets orders be sent for in a minute."""
    count = sizes.limited_groups
    estate = Estate(count, count, joined=False)
    world = estate.world(order_duration=f"seconds:{ORDER_SECONDS}", limits="documented")
    promised = count == LIMITED_GROUPS
    for front_end in FrontEnd:
        with lab.stack(front_end, world) as stack:
            stack.write(estate.program())
            cost = stacks.up(stack, "--parallel", "64")
            _require_orders(stack, count)
        case = f"{count} groups, orders of 2 s, documented limits, {front_end.name.lower()}"
        limit = LIMITED_SECONDS if promised else None
        yield Figure("limits", case, "time of `up`", SECONDS, (cost.seconds,), limit)
        yield Figure("limits", case, "throttled answers", CALLS, (float(cost.throttled),), 0.0)
        yield Figure("limits", case, "calls of EDAS", CALLS, (float(cost.total_calls),))


def measure_large_group(lab: Lab, sizes: Sizes) -> Iterator[Figure]:
    """Create one group of many members, in batches."""
    count = sizes.group_members
    estate = Estate(1, 1, joined=False, group_size=count)
    orders = math.ceil(count / BATCH_SIZE)
    for front_end in FrontEnd:
        with lab.stack(front_end, estate.world(order_duration=f"seconds:{BATCH_SECONDS}")) as stack:
            stack.write(estate.program())
            cost = stacks.up(stack)
            _require_orders(stack, orders)
            unchanged = stacks.preview(stack)
        case = f"{count} members in {orders} orders of {BATCH_SECONDS} s, {front_end.name.lower()}"
        yield Figure("large-group", case, "time of `up`", SECONDS, (cost.seconds,))
        over = cost.seconds / (orders * BATCH_SECONDS)
        yield Figure("large-group", case, "over the orders' own time", RATIO, (over,))
        yield Figure("large-group", case, "calls of EDAS", CALLS, (float(cost.total_calls),))
        yield Figure(
            "large-group",
            case,
            "calls of a preview without changes",
            CALLS,
            (float(unchanged.total_calls),),
            1.0,
        )


def _require_orders(stack: Stack, expected: int) -> None:
    """Make sure that what was measured is what was meant.

    Raises:
        RuntimeError: another number of orders was made.
    """
    made = len(stack.edas.orders())
    if made != expected:
        raise RuntimeError(f"{expected} orders were to be made, and {made} were")


def _nothing(lab: Lab, count: int, parallel: int, runs: int) -> tuple[float, ...]:
    seconds = []
    for _ in range(runs):
        with lab.stack(FrontEnd.DYNAMIC, Estate(1, 1).world()) as stack:
            stacks.write_program(stack, nothing_program(count))
            seconds.append(stacks.up(stack, "--parallel", str(parallel)).seconds)
    return tuple(seconds)


def _calls(costs: list[stacks.Cost]) -> tuple[float, ...]:
    return tuple(float(cost.total_calls) for cost in costs)
