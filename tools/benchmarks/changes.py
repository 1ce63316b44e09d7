"""What a change costs beyond the time of its change orders, with and without the engine.

The law of this file: the orders of one series take slightly different times. The provider looks at an order in a
fixed rhythm, so that a single duration would measure where it falls between two looks, and nothing else.
"""

from __future__ import annotations

import statistics
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.emulator import Emulator
from tests.e2e.stack import FrontEnd, membership
from tools.benchmarks import stacks
from tools.benchmarks.estates import Estate, nothing_program
from tools.benchmarks.results import CALLS, SECONDS, Figure, ratio
from tools.benchmarks.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.stack import Stack
    from tools.benchmarks.sizes import Sizes
    from tools.benchmarks.stacks import Lab

OVERHEAD_LIMIT_SECONDS: Final = 0.5
"""For a change with one order of a second; the swap has two, and each may cost as much."""

LONG_ORDER_SECONDS: Final = 30.0
LONG_ORDER_LIMIT: Final = 1.05

SPREAD: Final = 0.083
"""The orders of a series differ by this share of a second, which is no multiple of the provider's pauses."""

SPARE_MACHINES: Final = 4

LIFE: Final = (
    ("create of 3", ("i-00000", "i-00001", "i-00002"), 1),
    ("add 1", ("i-00000", "i-00001", "i-00002", "i-00003"), 1),
    ("swap 1", ("i-00000", "i-00001", "i-00003", "i-00004"), 2),
    ("remove 1", ("i-00000", "i-00001", "i-00003"), 1),
    ("no change", ("i-00000", "i-00001", "i-00003"), 0),
    ("delete", (), 1),
)
"""What is done, the members it leads to, and how many change orders that takes."""

_ONE: Final = Estate(1, 1, joined=False)


def _inputs(members: tuple[str, ...]) -> dict[str, object]:
    place = {"regionId": "cn-hangzhou", "appId": "app-00000", "groupId": "group-00000"}
    return {**place, "instanceIds": list(members), "minRunning": 1} if members else {}


# -- without the engine ------------------------------------------------------------------------------------------


def measure_provider(sizes: Sizes) -> Iterator[Figure]:
    """Live a membership's life in one process, several times; its first operation also pays for the imports."""
    overheads: dict[str, list[float]] = {name: [] for name, *_ in LIFE}
    overheads["create of 3, first of its process"] = []
    calls: dict[str, list[float]] = {name: [] for name in overheads}
    for round_ in range(sizes.runs):
        with Emulator(_ONE.world(SPARE_MACHINES)) as edas, Worker(edas.environment()) as worker:
            _live(edas, worker, round_, overheads, calls, first=True)
            _live(edas, worker, round_ + sizes.runs, overheads, calls, first=False)
    orders = {name: count for name, _, count in LIFE}
    for name, values in overheads.items():
        limit = OVERHEAD_LIMIT_SECONDS * orders.get(name, 1) or None
        yield Figure("provider", name, "time beyond orders of 1 s", SECONDS, tuple(values), limit)
        yield Figure("provider", name, "calls of EDAS", CALLS, tuple(calls[name]))


def _live(  # noqa: PLR0913 - where it happens, and where it is written down
    edas: Emulator,
    worker: Worker,
    round_: int,
    overheads: dict[str, list[float]],
    calls: dict[str, list[float]],
    *,
    first: bool,
) -> None:
    for step, (name, members, orders) in enumerate(LIFE):
        duration = 1.0 + (SPREAD * (7 * round_ + step)) % 0.5
        edas.switches(order_duration=f"seconds:{duration}")
        edas.clear_log()
        made = len(edas.orders())
        seconds = worker.change(**_inputs(members)) - orders * duration
        _require_orders(edas, name, made + orders)
        kind = f"{name}, first of its process" if first and step == 0 else name
        overheads[kind].append(seconds)
        calls[kind].append(len(edas.log()))


def measure_long_orders(sizes: Sizes) -> Iterator[Figure]:
    """Let orders of half a minute run, each in a process of its own, at the same time.

    Each process makes its first call before, one after the other: what the imports of several processes take from
    each other on few cores is no part of an order (see "first of its process" in ``measure_provider``).
    """
    totals = []
    calls = []
    with ExitStack() as open_:
        running = []
        for number in range(sizes.long_orders):
            duration = LONG_ORDER_SECONDS + number * 0.37
            edas = open_.enter_context(
                Emulator(_ONE.world(SPARE_MACHINES, order_duration=f"seconds:{duration}"))
            )
            worker = open_.enter_context(Worker(edas.environment()))
            worker.change(**{**_inputs(("i-00000",)), "instanceIds": []})
            edas.clear_log()
            running.append((edas, worker, duration))
        for _, worker, _ in running:
            worker.begin(**_inputs(("i-00000",)))
        for edas, worker, duration in running:
            totals.append(worker.end() / duration)
            _require_orders(edas, "add 1", 1)
            calls.append(float(len(edas.log())))
    case = f"add 1, order of {LONG_ORDER_SECONDS:.0f} s"
    yield Figure("long", case, "time over that of the order", "x", tuple(totals), LONG_ORDER_LIMIT)
    yield Figure("long", case, "calls of EDAS", CALLS, tuple(calls))


def _require_orders(edas: Emulator, name: str, expected: int) -> None:
    """Make sure that the orders whose time is subtracted were made.

    Raises:
        RuntimeError: they were not, so that nothing was measured.
    """
    made = len(edas.orders())
    if made != expected:
        raise RuntimeError(f"{name}: {expected} orders were to be made by now, and {made} were")


# -- through the engine ------------------------------------------------------------------------------------------


def measure_engine(lab: Lab, sizes: Sizes) -> Iterator[Figure]:
    """Live the same life by ``pulumi up``, in both front ends, beside a resource that does nothing."""
    floor: dict[str, list[float]] = {"create": [], "update": [], "no change": [], "delete": []}
    seconds: dict[tuple[FrontEnd, str], list[float]] = {
        (front_end, name): [] for front_end in FrontEnd for name, *_ in LIFE
    }
    calls: dict[tuple[FrontEnd, str], Counter[str]] = {}
    for round_ in range(sizes.engine_runs):
        _nothing_lives(lab, floor)
        for front_end in FrontEnd:
            _group_lives(lab, front_end, round_, seconds, calls)
    for kind, values in floor.items():
        yield Figure(
            "engine", f"a resource that does nothing, {kind}", "time of `up`", SECONDS, tuple(values)
        )
    kinds = {"create of 3": "create", "no change": "no change", "delete": "delete"}
    for (front_end, name), values in seconds.items():
        case = f"{name}, {front_end.name.lower()}"
        theirs = floor[kinds.get(name, "update")]
        beyond = tuple(value - statistics.median(theirs) for value in values)
        yield Figure("engine", case, "time of `up` beyond orders of 1 s and nothing's", SECONDS, beyond)
        yield ratio("engine", case, "the same, less the orders, over nothing's", (values, theirs))
        yield Figure("engine", case, "calls of EDAS", CALLS, (float(sum(calls[front_end, name].values())),))


def _nothing_lives(lab: Lab, floor: dict[str, list[float]]) -> None:
    with lab.stack(FrontEnd.DYNAMIC, _ONE.world()) as stack:
        for kind, program in (
            ("create", nothing_program(1)),
            ("update", nothing_program(1, generation=1)),
            ("no change", nothing_program(1, generation=1)),
        ):
            stacks.write_program(stack, program)
            floor[kind].append(stacks.up(stack).seconds)
        floor["delete"].append(stacks.destroy(stack).seconds)


def _group_lives(
    lab: Lab,
    front_end: FrontEnd,
    round_: int,
    seconds: dict[tuple[FrontEnd, str], list[float]],
    calls: dict[tuple[FrontEnd, str], Counter[str]],
) -> None:
    with lab.stack(front_end, _ONE.world(SPARE_MACHINES)) as stack:
        for step, (name, members, orders) in enumerate(LIFE):
            duration = 1.0 + (SPREAD * (7 * round_ + step)) % 0.5
            stack.edas.switches(order_duration=f"seconds:{duration}")
            made = len(stack.edas.orders())
            cost = _step(stack, members)
            _require_orders(stack.edas, name, made + orders)
            seconds[front_end, name].append(cost.seconds - orders * duration)
            calls[front_end, name] = Counter(cost.calls)


def _step(stack: Stack, members: tuple[str, ...]) -> stacks.Cost:
    if not members:
        return stacks.destroy(stack)
    stack.write(membership(app_id="app-00000", group_id="group-00000", instance_ids=list(members)))
    return stacks.up(stack)
