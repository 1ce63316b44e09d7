"""Many change orders and one pacer on a clock without threads: how late ends are seen, and at what price."""

from __future__ import annotations

import heapq
import random
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pulumi_edas_scale.budget import CALLS_PER_MINUTE, Budget
from pulumi_edas_scale.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LISTING_RESERVE = 50
"""Calls of ListRecentChangeOrder that polls leave to decisions (``inventory.POLLS_KEPT_FOR_DECISIONS``)."""

CALL_SECONDS = 0.05


@dataclass
class Lateness:
    """What a simulation has shown; seconds."""

    late: list[float]
    calls: dict[str, list[float]]

    @property
    def median(self) -> float:
        """Return how late the end of the middle order was seen."""
        return statistics.median(self.late)

    @property
    def worst_twentieth(self) -> float:
        """Return the lateness that nineteen in twenty orders do not exceed."""
        return sorted(self.late)[int(len(self.late) * 0.95)] if len(self.late) > 1 else self.late[0]

    def most_in_a_minute(self, operation: str) -> int:
        """Return the largest number of calls of an operation within any sixty seconds."""
        moments = self.calls.get(operation, [])
        most = first = 0
        for last, moment in enumerate(moments):
            while moments[first] <= moment - 60.0:
                first += 1
            most = max(most, last - first + 1)
        return most

    def looks_per_order(self) -> float:
        """Return how many looks an order has cost."""
        return sum(map(len, self.calls.values())) / len(self.late)


def shapes(dice: random.Random) -> dict[str, Callable[[], float]]:
    """Return ways in which durations of orders may be spread; seconds."""
    return {
        "constant": lambda: 30.0,
        "uniform": lambda: dice.uniform(5.0, 60.0),
        "lognormal": lambda: min(dice.lognormvariate(3.0, 0.7), 600.0),
        "bimodal": lambda: dice.gauss(8.0, 0.5) if dice.random() < 0.5 else dice.gauss(90.0, 5.0),
    }


def simulate(begins: Sequence[float], durations: Sequence[float]) -> Lateness:
    """Let one pacer look at orders that begin and end at known moments, within the budgets of one account.

    Args:
        begins: when each order begins, ascending.
        durations: how long each takes.
    """
    pacer = Pacer()
    reports, lists = Budget(CALLS_PER_MINUTE["GetChangeOrderInfo"]), Budget(100)
    calls: dict[str, list[float]] = {"GetChangeOrderInfo": [], "ListRecentChangeOrder": []}
    late: list[float] = []
    ends = {str(index): begin + durations[index] for index, begin in enumerate(begins)}
    waiting = [(begin, str(index)) for index, begin in enumerate(begins)]
    looking: list[tuple[float, str]] = []
    now = 0.0
    while waiting or looking or len(late) < len(begins):
        while waiting and waiting[0][0] <= now:
            begin, name = heapq.heappop(waiting)
            pacer.watch(name, "scale out", begin, now)
        while looking and looking[0][0] <= now:
            _, name = heapq.heappop(looking)
            if ends[name] <= now - CALL_SECONDS / 2:
                late.append(now - ends[name])
                pacer.learn(name, now)
                pacer.forget(name)
            else:
                pacer.look_ends(name, now)
        spare = reports.spare(now) + max(lists.spare(now) - LISTING_RESERVE, 0.0)
        choice = pacer.next_look(now, spare)
        moments = [now + 1.0]
        if choice is not None and spare >= 1:
            name, at = choice
            if at <= now:
                by_list = reports.spare(now) < 1
                operation = "ListRecentChangeOrder" if by_list else "GetChangeOrderInfo"
                (lists if by_list else reports).spend(now)
                calls[operation].append(now)
                pacer.look_begins(name, now)
                heapq.heappush(looking, (now + CALL_SECONDS, name))
                continue
            moments.append(at)
        moments += [queue[0][0] for queue in (waiting, looking) if queue]
        now = min(moment for moment in moments if moment > now)
    return Lateness(late, calls)


def concurrent(count: int, shape: str, seed: int = 1) -> Lateness:
    """Simulate so many orders that begin within some seconds, with durations of a shape."""
    dice = random.Random(seed)
    duration = shapes(dice)[shape]
    begins = sorted(dice.uniform(0.0, min(5.0, count / 5)) for _ in range(count))
    return simulate(begins, [max(duration(), 0.5) for _ in begins])


def table() -> str:
    """Return the numbers of all shapes and counts, for people."""
    lines = ["orders shape      median   95 %  looks/order  calls/min"]
    for count in (1, 10, 50, 200, 1000):
        for shape in shapes(random.Random(0)):
            found = concurrent(count, shape)
            most = Counter({operation: found.most_in_a_minute(operation) for operation in found.calls})
            lines.append(
                f"{count:6} {shape:10} {found.median:6.2f} {found.worst_twentieth:6.2f}  "
                f"{found.looks_per_order():8.1f}     {most['GetChangeOrderInfo']}+{most['ListRecentChangeOrder']}"
            )
    return "\n".join(lines)
