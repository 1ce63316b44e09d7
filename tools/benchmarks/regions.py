"""How cost grows beyond what can be run: thousands of applications in several regions, on virtual time.

The law of this file: readings, budgets, queue of writes and polls are the package's own, EDAS's documented limits hold,
and time passes only while somebody waits. What the limits alone would take is calculated beside it. Regions do not
share limits, so one of them is simulated and stands for all.
"""

from __future__ import annotations

import random
import tracemalloc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.model import Application, DeployGroup, Member, MemberState, TaskState
from pulumi_edas_scale.edas.rate_limit import CALLS_PER_MINUTE, WINDOW_SECONDS
from pulumi_edas_scale.edas.reads import Reads
from tests.simulation.looks import SHAPES, Life
from tests.unit.quiet import QuietClient, QuietRuntime
from tools.benchmarks.results import CALLS, MEGABYTES, RATIO, VIRTUAL_SECONDS, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.benchmarks.sizes import Sizes

REGIONS: Final = 5
APPLICATIONS: Final = 200
GROUPS: Final = 10
"""Applications in each region, and groups with one membership in each application: ten thousand memberships."""

CHANGED: Final = 100
"""Memberships of each region that change, each in an application of its own: a twentieth."""

SHAPE: Final = "uniform, 10 to 60 s"

OVER_LIMITS: Final = 1.1
"""What the whole may take over what EDAS's limits alone take."""

WRITE: Final = "ScaleOutApplication"
READ: Final = "QueryApplicationStatus"
ESTATE: Final = (
    f"{REGIONS * APPLICATIONS * GROUPS} groups in {REGIONS * APPLICATIONS} applications, {REGIONS} regions"
)


@dataclass
class Region(QuietClient):
    """An EDAS of many applications, each with a member in every group; it counts readings."""

    live: Application = field(default_factory=lambda: _application("app-0"))
    calls: int = 0

    def read_application(self, app_id: str) -> Application:
        """Return the application."""
        self.calls += 1
        return _application(app_id)


def measure_regions(_sizes: Sizes) -> Iterator[Figure]:
    """Preview or refresh everything, with the groups of an application together or far apart; change a twentieth."""
    apps = [f"app-{number}" for number in range(APPLICATIONS)]
    orders = {
        "groups of an application together": [each for each in apps for _ in range(GROUPS)],
        "groups of an application far apart": apps * GROUPS,
    }
    for name, order in orders.items():
        region, runtime = Region(), QuietRuntime()
        reads = Reads(region, runtime)
        context = OperationContext(runtime)
        tracemalloc.start()
        for app_id in order:
            reads.shown_application(app_id, context)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        case = f"{ESTATE}, preview or refresh, {name}"
        yield Figure("regions", case, "calls of EDAS", CALLS, (float(REGIONS * region.calls),))
        yield from _times(case, runtime.moment, _at_best(APPLICATIONS, CALLS_PER_MINUTE[READ]))
        yield Figure("regions", case, "memory of readings, peak", MEGABYTES, (REGIONS * memory / 2**20,))
    yield from _change()


def _change() -> Iterator[Figure]:
    """Let writes begin as their limit allows, and poll their orders."""
    runtime = QuietRuntime()
    reads, context = Reads(Region(), runtime), OperationContext(runtime)
    begins = []
    for _ in range(CHANGED):
        reads.reserve(WRITE, context)
        begins.append(runtime.moment)
    rng = random.Random(CHANGED)  # noqa: S311 - durations, no secrets
    durations = [SHAPES[SHAPE](rng) for _ in begins]
    life = Life(begins, durations).run()
    last_seen = max(begins[each] + durations[each] + late for each, late in life.late.items())
    at_best = max(
        _at_best(place + 1, CALLS_PER_MINUTE[WRITE]) + duration for place, duration in enumerate(durations)
    )
    # The orders before and the members before and after are read once for each change, the write is one call.
    calls = 4 * CHANGED + sum(map(len, life.calls.values()))
    case = f"{ESTATE}, {REGIONS * CHANGED} of them change, orders {SHAPE}"
    yield Figure("regions", case, "calls of EDAS", CALLS, (float(REGIONS * calls),))
    yield from _times(case, last_seen, at_best)


def _at_best(calls: int, limit: int) -> float:
    """Return when the last of so many calls can be made."""
    return (calls - 1) // limit * WINDOW_SECONDS


def _times(case: str, seconds: float, at_best: float) -> Iterator[Figure]:
    yield Figure("regions", case, "time", VIRTUAL_SECONDS, (seconds,))
    yield Figure("regions", case, "time that the limits alone take", VIRTUAL_SECONDS, (at_best,))
    yield Figure("regions", case, "over that", RATIO, (seconds / at_best,), OVER_LIMITS)


def _application(app_id: str) -> Application:
    groups = tuple(DeployGroup(f"group-{each}", f"group-{each}", deployed=True) for each in range(GROUPS))
    members = tuple(
        Member(
            f"ecu-{app_id}-{each}",
            f"i-{app_id}-{each}",
            f"ecc-{app_id}-{each}",
            "10.0.0.1",
            "",
            f"group-{each}",
            MemberState.RUNNING,
            TaskState.SUCCESS,
            online=True,
        )
        for each in range(GROUPS)
    )
    return Application(app_id, app_id, "cluster", groups, members)
