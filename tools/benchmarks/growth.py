"""How cost grows with groups and applications, beside as many resources that do nothing.

The law of this file: ours and the others take turns, so that a slow minute of the machine meets both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.stack import FrontEnd
from tools.benchmarks import stacks
from tools.benchmarks.estates import Estate, nothing_program, nothing_state
from tools.benchmarks.results import CALLS, MEGABYTES, SECONDS, Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.benchmarks.sizes import Sizes
    from tools.benchmarks.stacks import Cost, Lab

CALLS_LIMIT: Final = 110
TIME_LIMIT: Final = 1.5
PROGRAM_LIMIT: Final = 1.3
HOST_LIMIT_MEGABYTES: Final = 120.0
PROMISED: Final = (1000, 100)
"""Of how many groups in how many applications the limits above speak."""

COMMANDS: Final[dict[str, Callable[..., Cost]]] = {
    "preview": stacks.preview,
    "refresh": stacks.refresh,
    "up": stacks.up,
}

_NOTHING: Final = "nothing"


@dataclass
class _Seeds:
    """The state of an estate of one, from which larger ones are written; made when it is first needed."""

    lab: Lab
    _states: dict[str, dict[str, Any]] = field(default_factory=dict)

    def nothing(self, count: int) -> dict[str, Any]:
        """Return the state of resources that do nothing."""
        if _NOTHING not in self._states:
            with self.lab.stack(FrontEnd.DYNAMIC, Estate(1, 1).world()) as stack:
                stacks.write_program(stack, nothing_program(1))
                stacks.up(stack)
                self._states[_NOTHING] = stacks.state_of(stack)
        return nothing_state(self._states[_NOTHING], count)

    def estate(self, front_end: FrontEnd, estate: Estate) -> dict[str, Any]:
        """Return the state of memberships."""
        if front_end.name not in self._states:
            one = Estate(1, 1)
            with self.lab.stack(front_end, one.world()) as stack:
                stack.write(one.program())
                stacks.up(stack)
                self._states[front_end.name] = stacks.state_of(stack)
        return estate.state(self._states[front_end.name])


def measure_growth(lab: Lab, sizes: Sizes) -> Iterator[Figure]:
    """Preview, refresh and update estates of growing size in which nothing changes."""
    seeds = _Seeds(lab)
    for groups, applications in sizes.growth:
        estate = Estate(groups, applications)
        floor = _costs_of_nothing(seeds, groups, COMMANDS)
        for front_end in FrontEnd:
            costs = _costs(seeds, front_end, estate, COMMANDS)
            for name, cost in costs.items():
                case = f"{estate}, {name} without changes, {front_end.name.lower()}"
                yield Figure("growth", case, "time", SECONDS, (cost.seconds,))
                pair = ((cost.seconds,), (floor[name].seconds,))
                yield ratio("growth", case, "time over nothing's", pair)
                yield Figure("growth", case, "calls of EDAS", CALLS, (float(cost.total_calls),))
        if groups <= 100:  # noqa: PLR2004 - a thousand creates meet the limits of reads, see `limits`
            yield from _adoption(lab, estate)


def _adoption(lab: Lab, estate: Estate) -> Iterator[Figure]:
    """Create memberships whose members are there already: nothing but the provider's own work."""
    for front_end in FrontEnd:
        with lab.stack(front_end, estate.world()) as stack:
            stack.write(estate.program())
            cost = stacks.up(stack)
        case = f"{estate}, up that adopts all members, {front_end.name.lower()}"
        yield Figure("growth", case, "time", SECONDS, (cost.seconds,))
        yield Figure("growth", case, "calls of EDAS", CALLS, (float(cost.total_calls),))


def measure_largest(lab: Lab, sizes: Sizes) -> Iterator[Figure]:
    """Preview the largest estate without changes: time, calls, memory, and the program's own work."""
    seeds = _Seeds(lab)
    estate = Estate(*sizes.largest)
    only_preview = {"preview": stacks.preview}
    floor: list[Cost] = []
    costs: dict[FrontEnd, list[Cost]] = {front_end: [] for front_end in FrontEnd}
    for _ in range(sizes.largest_runs):
        floor.append(_costs_of_nothing(seeds, estate.groups, only_preview)["preview"])
        for front_end in FrontEnd:
            costs[front_end].append(_costs(seeds, front_end, estate, only_preview)["preview"])
    yield Figure(
        "preview", f"{estate.groups} that do nothing", "time", SECONDS, tuple(each.seconds for each in floor)
    )
    yield Figure(
        "preview",
        f"{estate.groups} that do nothing",
        "memory of the host",
        MEGABYTES,
        tuple(each.host_megabytes for each in floor),
    )
    for front_end in FrontEnd:
        yield from _largest_figures(
            estate, front_end, costs[front_end], floor, promised=sizes.largest == PROMISED
        )


def _largest_figures(
    estate: Estate, front_end: FrontEnd, costs: list[Cost], floor: list[Cost], *, promised: bool
) -> Iterator[Figure]:
    case = f"{estate}, {front_end.name.lower()}"
    seconds = tuple(each.seconds for each in costs)
    yield Figure("preview", case, "time", SECONDS, seconds)
    pair = (seconds, tuple(each.seconds for each in floor))
    yield ratio("preview", case, "time over nothing's", pair, TIME_LIMIT if promised else None)
    calls = tuple(float(each.total_calls) for each in costs)
    yield Figure("preview", case, "calls of EDAS", CALLS, calls, CALLS_LIMIT if promised else None)
    recorder = tuple(each.host_megabytes for each in costs)
    limit = HOST_LIMIT_MEGABYTES if promised else None
    yield Figure("preview", case, "memory of the host", MEGABYTES, recorder, limit)
    host = tuple(each.host_seconds for each in costs)
    yield Figure("preview", case, "processor time of the host", SECONDS, host)
    program = [each.program_seconds for each in costs if each.program_seconds is not None]
    nothing = [each.program_seconds for each in floor if each.program_seconds is not None]
    what = "the program's processor time over nothing's"
    yield ratio("preview", case, what, (program, nothing), PROGRAM_LIMIT if promised else None)


def _costs_of_nothing(seeds: _Seeds, count: int, commands: dict[str, Callable[..., Cost]]) -> dict[str, Cost]:
    with seeds.lab.stack(FrontEnd.DYNAMIC, Estate(1, 1).world(), seeds.nothing(count)) as stack:
        stacks.write_program(stack, nothing_program(count))
        return {name: command(stack) for name, command in commands.items()}


def _costs(
    seeds: _Seeds, front_end: FrontEnd, estate: Estate, commands: dict[str, Callable[..., Cost]]
) -> dict[str, Cost]:
    with seeds.lab.stack(front_end, estate.world(), seeds.estate(front_end, estate)) as stack:
        stack.write(estate.program())
        return {name: command(stack) for name, command in commands.items()}
