"""How late the ends of many change orders are seen, and what that costs in calls.

The law of this file: no clock and no network. It lives through the simulation of ``tests/simulation/looks.py``, whose
time is virtual, so that two runs of one tree give the same figures on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.looks import COUNTS, DOCUMENTED, SHAPES, concurrent
from tools.benchmarks.results import CALLS, VIRTUAL_SECONDS, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.benchmarks.sizes import Sizes

MEDIAN = "end seen late, median"
WORST_TWENTIETH = "end seen late, 95 %"
BREACHES = "calls beyond the limits"


def busiest_minute(operation: str) -> str:
    """Return what the figure of an operation is called."""
    return f"{operation}, busiest minute"


def measure_pacing(_sizes: Sizes) -> Iterator[Figure]:
    """Live through every number of orders and every shape of durations."""
    breaches = []
    for count in COUNTS:
        for shape in SHAPES:
            found = concurrent(count, shape)
            case = f"{count}: {shape}"
            yield Figure("pacing", case, MEDIAN, VIRTUAL_SECONDS, (found.median,))
            yield Figure("pacing", case, WORST_TWENTIETH, VIRTUAL_SECONDS, (found.worst_twentieth,))
            for operation in DOCUMENTED:
                calls = float(found.busiest[operation])
                yield Figure("pacing", case, busiest_minute(operation), CALLS, (calls,))
            yield Figure("pacing", case, BREACHES, CALLS, (float(found.breaches),))
            breaches.append(float(found.breaches))
    all_cases = f"{len(breaches)} simulations of 1 to {COUNTS[-1]} orders, together"
    yield Figure("pacing", all_cases, BREACHES, CALLS, (sum(breaches),), 0.0)
