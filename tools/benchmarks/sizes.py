"""How much is measured: enough to trust a median, small enough to try, or everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Sizes:
    """The sizes of one run.

    Attributes:
        name: of the choice.
        runs: of what takes seconds.
        engine_runs: of what takes a whole life of a stack.
        long_orders: how many orders of half a minute run at the same time.
        starts: how often a process is started.
        parallel_groups: groups that are created at once.
        limited_groups: groups that are created under EDAS's limits.
        growth: groups and applications, smallest first.
        largest: groups and applications of the preview without changes.
        largest_runs: how often that is previewed.
        group_members: members of one large group.
        waiting: operations that wait at the same time.
    """

    name: str
    runs: int
    engine_runs: int
    long_orders: int
    starts: int
    parallel_groups: int
    limited_groups: int
    growth: tuple[tuple[int, int], ...]
    largest: tuple[int, int]
    largest_runs: int
    group_members: int
    waiting: tuple[int, ...]


_GROWTH: Final = ((1, 1), (10, 1), (10, 10), (100, 1), (100, 10), (100, 100))

QUICK: Final = Sizes("quick", 1, 1, 1, 3, 6, 6, ((1, 1), (10, 1), (10, 10)), (60, 6), 1, 60, (1, 100))
NORMAL: Final = Sizes("normal", 5, 3, 6, 11, 40, 60, _GROWTH, (1000, 100), 3, 500, (1, 100, 500))
FULL: Final = Sizes(
    "full",
    7,
    5,
    8,
    21,
    40,
    60,
    (*_GROWTH, (1000, 1), (1000, 10), (1000, 100)),
    (1000, 100),
    5,
    500,
    (1, 100, 500),
)
