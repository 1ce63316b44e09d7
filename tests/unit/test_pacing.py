from __future__ import annotations

import heapq
import random
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from pulumi_edas_scale.budget import CALLS_PER_MINUTE, UNLISTED_CALLS_PER_MINUTE, Budget
from pulumi_edas_scale.inventory import POLLS_KEPT_FOR_DECISIONS
from pulumi_edas_scale.pacing import (
    FIRST_LOOK_SECONDS,
    HEARSAY,
    HIGHEST_PRICE,
    LONGEST_GAP_SECONDS,
    LONGEST_ROUND_SECONDS,
    LOWEST_PRICE,
    SHORTEST_GAP_SECONDS,
    Pacer,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PLENTY: Final = 150.0
"""Looks that the budgets of one account allow in a minute, when none was made yet."""

CALL_SECONDS: Final = 0.05

KIND: Final = "scale out"


@dataclass
class Account:
    """The two budgets that looks at change orders are paid from, and the moments of the calls."""

    reports: Budget = field(default_factory=lambda: Budget(CALLS_PER_MINUTE["GetChangeOrderInfo"]))
    lists: Budget = field(default_factory=lambda: Budget(UNLISTED_CALLS_PER_MINUTE))
    report_calls: list[float] = field(default_factory=list)
    list_calls: list[float] = field(default_factory=list)

    def spare(self, now: float) -> float:
        """Return how many looks are allowed at once: some calls of the list are kept for decisions."""
        return self.reports.spare(now) + max(self.lists.spare(now) - POLLS_KEPT_FOR_DECISIONS, 0.0)

    def look(self, now: float) -> None:
        """Make one call: the report of the order, or when those are spent the list."""
        by_report = self.reports.spare(now) >= 1
        (self.reports if by_report else self.lists).spend(now)
        (self.report_calls if by_report else self.list_calls).append(now)


@dataclass
class Simulation:
    """Orders that begin and end at known moments, and one pacer that looks at them; ``late`` is in seconds."""

    begins: Sequence[float]
    durations: Sequence[float]
    account: Account = field(default_factory=Account)
    pacer: Pacer = field(default_factory=Pacer)
    late: dict[str, float] = field(default_factory=dict)

    def run(self, until: float) -> Simulation:
        """Let virtual time pass until every end was seen, or until a moment."""
        ends = {str(place): begin + self.durations[place] for place, begin in enumerate(self.begins)}
        begins = sorted((begin, str(place)) for place, begin in enumerate(self.begins))
        answers: list[tuple[float, str]] = []
        now = 0.0
        while len(self.late) < len(self.begins) and now < until:
            while begins and begins[0][0] <= now:
                begin, name = begins.pop(0)
                self.pacer.watch(name, KIND, begin, now)
            while answers and answers[0][0] <= now:
                self._answer(heapq.heappop(answers)[1], ends, now)
            moments = [now + 1.0, *(queue[0][0] for queue in (begins, answers) if queue)]
            spare = self.account.spare(now)
            choice = self.pacer.next_look(now, spare) if spare >= 1 else None
            if choice is not None and choice[1] <= now:
                self.account.look(now)
                self.pacer.look_begins(choice[0], now)
                heapq.heappush(answers, (now + CALL_SECONDS, choice[0]))
            else:
                now = min([*moments, choice[1]] if choice is not None else moments)
        return self

    def _answer(self, name: str, ends: dict[str, float], now: float) -> None:
        if ends[name] > now - CALL_SECONDS / 2:
            self.pacer.look_ends(name, now)
            return
        self.late[name] = now - ends[name]
        self.pacer.learn(name, now)
        self.pacer.forget(name)

    @property
    def median(self) -> float:
        """How late the middle end was seen."""
        return statistics.median(self.late.values())

    @property
    def worst_twentieth(self) -> float:
        """How late nineteen in twenty ends were seen at most."""
        ordered = sorted(self.late.values())
        return ordered[int(len(ordered) * 0.95)]


def shapes(dice: random.Random) -> dict[str, Callable[[], float]]:
    """Return ways in which the durations of orders may be spread; seconds."""
    return {
        "constant": lambda: 30.0,
        "uniform": lambda: dice.uniform(5.0, 60.0),
        "lognormal": lambda: min(dice.lognormvariate(3.0, 0.7), 600.0),
        "bimodal": lambda: max(dice.gauss(8.0, 0.5) if dice.random() < 0.5 else dice.gauss(90.0, 5.0), 1.0),
    }


def concurrent(count: int, shape: str, seed: int = 1) -> Simulation:
    """Simulate so many orders that begin within five seconds, with durations of a shape, or of all in turn."""
    dice = random.Random(seed)
    known = shapes(dice)
    turns = list(known.values()) if shape == "mixed" else [known[shape]]
    begins = sorted(dice.uniform(0.0, 5.0) for _ in range(count))
    durations = [turns[place % len(turns)]() for place in range(count)]
    return Simulation(begins, durations).run(until=7200.0)


def most_in_a_minute(moments: Sequence[float]) -> int:
    """Return the largest number of ascending moments within any sixty seconds."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 60.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def seen_at(pacer: Pacer, name: str, age: float, *, kind: str = KIND) -> None:
    """Let a pacer know an order that began at the moment 0 and was seen running at an age."""
    pacer.watch(name, kind, 0.0, 0.0)
    pacer.look_begins(name, age)
    pacer.look_ends(name, age)


def taught(*seconds: float, kind: str = KIND) -> Pacer:
    """Return a pacer that has seen orders of a kind take so long."""
    pacer = Pacer()
    for taken in seconds:
        pacer.watch("teacher", kind, 0.0, 0.0)
        pacer.learn("teacher", taken)
        pacer.forget("teacher")
    return pacer


def test_nobody_waits() -> None:
    """Without an order, or with orders that are all being looked at, there is nothing to look at."""
    pacer = Pacer()
    assert pacer.next_look(0.0, PLENTY) is None
    pacer.watch("one", KIND, 0.0, 0.0)
    pacer.look_begins("one", 1.0)
    assert pacer.next_look(1.0, PLENTY) is None


def test_the_first_look() -> None:
    """An order is looked at soon after it began: the emulator's immediate ones have ended by then."""
    pacer = Pacer()
    pacer.watch("one", KIND, 10.0, 10.0)
    assert pacer.next_look(10.0, PLENTY) == ("one", 10.0 + FIRST_LOOK_SECONDS)


def test_an_order_found_running_is_looked_at_as_soon() -> None:
    """An order that was begun long before by somebody else is looked at soon as well."""
    pacer = Pacer()
    pacer.watch("one", KIND, -500.0, 10.0)
    choice = pacer.next_look(10.0, PLENTY)
    assert choice is not None
    assert choice[1] <= 10.0 + LONGEST_GAP_SECONDS


def test_looks_have_a_shortest_distance() -> None:
    """However young an order is, two looks are some tenths of a second apart."""
    pacer = Pacer()
    seen_at(pacer, "one", 0.4)
    choice = pacer.next_look(0.4, PLENTY)
    assert choice is not None
    assert choice[1] >= 0.4 + SHORTEST_GAP_SECONDS


def test_an_order_that_is_forgotten_is_not_looked_at() -> None:
    """Whoever stops waiting is not looked at; forgetting, learning and seeing a stranger change nothing."""
    pacer = Pacer()
    pacer.watch("one", KIND, 0.0, 0.0)
    pacer.forget("one")
    pacer.forget("one")
    pacer.look_ends("one", 1.0)
    pacer.learn("one", 1.0)
    assert pacer == Pacer()


def test_a_doubt_is_settled_when_it_can_be() -> None:
    """An order whose bad end is in doubt is looked at neither before nor after the moment that settles it."""
    pacer = taught(1.0)
    pacer.watch("one", KIND, 0.0, 0.0)
    pacer.look_begins("one", 3.0)
    pacer.look_ends("one", 3.0, not_before=10.5)
    assert pacer.next_look(3.0, 1.0) == ("one", 10.5)


def test_a_doubt_may_go() -> None:
    """Once the order is seen going on, it is looked at as others are."""
    pacer = Pacer()
    pacer.watch("one", KIND, 0.0, 0.0)
    pacer.look_ends("one", 3.0, not_before=100.0)
    pacer.look_ends("one", 4.0)
    choice = pacer.next_look(4.0, PLENTY)
    assert choice is not None
    assert choice[1] < 5.0


def test_an_order_is_looked_at_when_it_is_as_old_as_those_before() -> None:
    """With calls to spare, an order is looked at exactly when it has become as old as one of its kind became."""
    pacer = taught(9.0)
    pacer.watch("one", KIND, 100.0, 100.0)
    pacer.look_begins("one", 108.8)
    pacer.look_ends("one", 108.8)
    assert pacer.next_look(108.8, PLENTY) == ("one", 109.0)


def test_one_kind_teaches_nothing_about_another() -> None:
    """What scale outs take says nothing about scale ins."""
    pacer = taught(9.0, kind="scale in")
    pacer.watch("one", KIND, 100.0, 100.0)
    pacer.look_begins("one", 108.8)
    pacer.look_ends("one", 108.8)
    choice = pacer.next_look(108.8, PLENTY)
    assert choice is not None
    assert choice[1] == pytest.approx(100.0 + 8.8 / (1 - LOWEST_PRICE))


def test_an_order_older_than_all_before_is_still_looked_at() -> None:
    """When an order has outlived all that is known, its end is looked for in proportion to its age."""
    pacer = taught(9.0)
    seen_at(pacer, "one", 50.0)
    choice = pacer.next_look(50.0, PLENTY)
    assert choice is not None
    assert choice[1] == pytest.approx(50.0 / (1 - LOWEST_PRICE))


def test_the_one_at_the_front_finds_out() -> None:
    """Of two orders of which nothing is known, the one that has become oldest is looked at first."""
    pacer = Pacer()
    seen_at(pacer, "young", 6.0)
    seen_at(pacer, "old", 20.0)
    choice = pacer.next_look(20.0, PLENTY)
    assert choice is not None
    assert choice[0] == "young"
    assert choice[1] <= 20.0 / (1 - LOWEST_PRICE)


def test_scarce_calls_make_looks_rare() -> None:
    """The fewer calls are left, the later the next look comes, and with very few not before an end is likely."""
    pacer = Pacer()
    for place in range(10):
        seen_at(pacer, str(place), 1.0)
    moments = []
    for spare in (PLENTY, 50.0, 10.0, 0.0):
        choice = pacer.next_look(1.0, spare)
        assert choice is not None
        moments.append(choice[1])
    assert moments == sorted(moments)
    assert moments[-1] == pytest.approx(1.0 / (1 - HIGHEST_PRICE))


def test_a_high_price_leaves_hearsay_unheard() -> None:
    """When a look costs more than hearsay can be worth, the order still has its turn in a round."""
    assert HIGHEST_PRICE >= HEARSAY
    pacer = taught(1000.0)
    seen_at(pacer, "one", 20.0)
    assert pacer.next_look(20.0, 0.0) == ("one", 20.0 + LONGEST_GAP_SECONDS)


def test_everybody_has_a_turn_in_a_round() -> None:
    """However small its chance, an order is looked at after a time that grows with the number of orders alone."""
    pacer = taught(*[5000.0] * 16)
    for place in range(100):
        seen_at(pacer, str(place), 60.0)
    choice = pacer.next_look(60.0, 1.0)
    assert choice is not None
    assert choice[1] <= 60.0 + 100 * LONGEST_ROUND_SECONDS


def test_equals_take_turns() -> None:
    """Of orders that are equally due, the one that was seen least recently comes first, then the lower id."""
    pacer = Pacer()
    pacer.watch("b", KIND, 0.0, 0.0)
    pacer.watch("a", KIND, 0.0, 0.0)
    assert pacer.next_look(0.0, PLENTY) == ("a", FIRST_LOOK_SECONDS)
    pacer.look_begins("a", FIRST_LOOK_SECONDS)
    assert pacer.next_look(0.0, PLENTY) == ("b", FIRST_LOOK_SECONDS)


SHAPES: Final = ("constant", "uniform", "lognormal", "bimodal")

BOUNDS: Final = {
    1: (3.0, 3.0),
    10: (8.0, 16.0),
    50: (45.0, 70.0),
    200: (75.0, 180.0),
    1000: (330.0, 620.0),
}
"""Lateness of the middle end and of nineteen in twenty, in seconds: half as much again as was measured.

With a thousand orders 150 looks a minute alone make the middle end 200 seconds late, and the last 400.
"""

BOUNDS_WHEN_ALL_TAKE_AS_LONG: Final = {10: (5.0, 6.0), 50: (4.0, 6.0), 200: (50.0, 90.0)}


@pytest.mark.parametrize(
    ("count", "shape"),
    [*((count, shape) for count in (1, 10, 50, 200) for shape in SHAPES), (1000, "mixed")],
)
def test_concurrent_orders(count: int, shape: str) -> None:
    """Any number of orders that end as they like stays within the budgets, and every end is seen, not too late."""
    found = concurrent(count, shape)
    assert len(found.late) == count
    assert most_in_a_minute(found.account.report_calls) <= CALLS_PER_MINUTE["GetChangeOrderInfo"]
    assert most_in_a_minute(found.account.list_calls) <= UNLISTED_CALLS_PER_MINUTE - POLLS_KEPT_FOR_DECISIONS
    median, worst = BOUNDS[count]
    assert found.median <= median
    assert found.worst_twentieth <= worst


@pytest.mark.parametrize("count", sorted(BOUNDS_WHEN_ALL_TAKE_AS_LONG))
def test_orders_that_take_as_long_are_seen_soon(count: int) -> None:
    """When all orders take as long, the first teaches the others, and ends are seen as soon as calls allow."""
    found = concurrent(count, "constant", seed=2)
    median, worst = BOUNDS_WHEN_ALL_TAKE_AS_LONG[count]
    assert found.median <= median
    assert found.worst_twentieth <= worst


def test_one_slow_order_starves_nobody() -> None:
    """An order that takes an hour costs the others nothing, and is seen itself within a round."""
    found = Simulation([0.0, *map(float, range(20))], [3600.0, *[10.0] * 20]).run(until=7200.0)
    slow = found.late.pop("0")
    assert slow <= max(LONGEST_GAP_SECONDS, 21 * LONGEST_ROUND_SECONDS) + CALL_SECONDS
    assert found.worst_twentieth <= 3.0


def test_newcomers_starve_nobody() -> None:
    """A slow order is seen in time although new orders keep coming that are worth looking at more."""
    begins = [0.0, *(float(second) for second in range(1, 600, 2))]
    found = Simulation(begins, [300.0, *[20.0] * 300]).run(until=7200.0)
    assert len(found.late) == 301
    assert found.late["0"] <= 30.0
