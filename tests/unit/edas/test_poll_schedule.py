from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Final

import pytest

from pulumi_edas_scale.domain.model import ApplicationSummary
from pulumi_edas_scale.edas.poll_schedule import (
    FALSE_HINT_SECONDS,
    FIRST_POLL_SECONDS,
    HIGHEST_THRESHOLD,
    LONGEST_GAP_SECONDS,
    LONGEST_ROUND_SECONDS,
    LOWEST_THRESHOLD,
    PRIOR,
    SHORTEST_GAP_SECONDS,
    STEADY_GAP_SECONDS,
    UNLIKELY_ROUNDS,
    PollSchedule,
    _Kind,
    _worth,
)
from pulumi_edas_scale.edas.rate_limit import POLL_SHARE, POLLS_PER_MINUTE, WINDOW_SECONDS
from tests.simulation.looks import (
    CALL_SECONDS,
    DOCUMENTED,
    HINT,
    HINTS,
    KIND,
    LIST,
    REPORT,
    SHAPES,
    Found,
    Life,
    concurrent,
    most_in_a_minute,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

APP: Final = "app"
"""Of one application there is no hint."""

PLENTY: Final = 150.0
"""Looks that the budgets of one account allow in a minute, when none was made yet."""


def seen_at(poll_schedule: PollSchedule, name: str, age: float, *, kind: str = KIND) -> None:
    """Let a pacer know an order that began at the moment 0 and was seen running at an age."""
    poll_schedule.watch(name, APP, kind, 0.0, 0.0)
    poll_schedule.poll_begins(name, age)
    poll_schedule.poll_ends(name, age)


def taught(*seconds: float, kind: str = KIND) -> PollSchedule:
    """Return a pacer that has seen orders of a kind take so long."""
    poll_schedule = PollSchedule()
    for taken in seconds:
        poll_schedule.watch("teacher", "teacher", kind, 0.0, 0.0)
        poll_schedule.learn("teacher", taken)
        poll_schedule.forget("teacher")
    return poll_schedule


def test_nobody_waits() -> None:
    """Without an order, or with orders that are all being looked at, there is nothing to look at."""
    poll_schedule = PollSchedule()
    assert poll_schedule.next_poll(PLENTY) is None
    poll_schedule.watch("one", "one", KIND, 0.0, 0.0)
    poll_schedule.poll_begins("one", 1.0)
    assert poll_schedule.next_poll(PLENTY) is None


def test_the_first_look() -> None:
    """An order is looked at soon after it began: the emulator's immediate ones have ended by then."""
    poll_schedule = PollSchedule()
    poll_schedule.watch("one", "one", KIND, 10.0, 10.0)
    assert poll_schedule.next_poll(PLENTY) == ("one", 10.0 + FIRST_POLL_SECONDS)


def test_an_order_found_running_is_looked_at_as_soon() -> None:
    """An order that was begun long before by somebody else is looked at soon as well."""
    poll_schedule = PollSchedule()
    poll_schedule.watch("one", "one", KIND, -500.0, 10.0)
    choice = poll_schedule.next_poll(PLENTY)
    assert choice is not None
    assert choice[1] <= 10.0 + LONGEST_GAP_SECONDS


def test_looks_have_a_shortest_distance() -> None:
    """However young an order is, two looks are some tenths of a second apart."""
    poll_schedule = PollSchedule()
    seen_at(poll_schedule, "one", 0.4)
    choice = poll_schedule.next_poll(PLENTY)
    assert choice is not None
    assert choice[1] >= 0.4 + SHORTEST_GAP_SECONDS


def test_an_order_that_is_forgotten_is_not_looked_at() -> None:
    """Whoever stops waiting is not looked at; forgetting, learning and seeing a stranger change nothing."""
    poll_schedule = PollSchedule()
    poll_schedule.watch("one", "one", KIND, 0.0, 0.0)
    poll_schedule.forget("one")
    poll_schedule.forget("one")
    poll_schedule.poll_ends("one", 1.0)
    poll_schedule.learn("one", 1.0)
    assert poll_schedule == PollSchedule()


def test_a_doubt_is_settled_when_it_can_be() -> None:
    """An order whose bad end is in doubt is looked at neither before nor after the moment that settles it."""
    poll_schedule = taught(1.0)
    poll_schedule.watch("one", "one", KIND, 0.0, 0.0)
    poll_schedule.poll_begins("one", 3.0)
    poll_schedule.poll_ends("one", 3.0, not_before=10.5)
    assert poll_schedule.next_poll(1.0) == ("one", 10.5)


def test_a_doubt_may_go() -> None:
    """Once the order is seen going on, it is looked at as others are."""
    poll_schedule = PollSchedule()
    poll_schedule.watch("one", "one", KIND, 0.0, 0.0)
    poll_schedule.poll_ends("one", 3.0, not_before=100.0)
    poll_schedule.poll_ends("one", 4.0)
    choice = poll_schedule.next_poll(PLENTY)
    assert choice is not None
    assert choice[1] < 5.0


def test_an_order_is_looked_at_when_it_is_as_old_as_those_before() -> None:
    """With calls to spare, an order is looked at exactly when it has become as old as one of its kind became."""
    poll_schedule = taught(9.0)
    poll_schedule.watch("one", "one", KIND, 100.0, 100.0)
    poll_schedule.poll_begins("one", 108.8)
    poll_schedule.poll_ends("one", 108.8)
    assert poll_schedule.next_poll(PLENTY) == ("one", 109.0)


def test_one_kind_teaches_nothing_about_another() -> None:
    """What scale outs take says nothing about scale ins."""
    poll_schedule = taught(9.0, kind="scale in")
    poll_schedule.watch("one", "one", KIND, 100.0, 100.0)
    poll_schedule.poll_begins("one", 108.8)
    poll_schedule.poll_ends("one", 108.8)
    choice = poll_schedule.next_poll(PLENTY)
    assert choice is not None
    assert choice[1] == pytest.approx(100.0 + 8.8 / (1 - LOWEST_THRESHOLD))


def test_an_order_older_than_all_before_is_still_looked_at() -> None:
    """When an order has outlived all that is known, its end is looked for in proportion to its age."""
    poll_schedule = taught(9.0)
    seen_at(poll_schedule, "one", 50.0)
    choice = poll_schedule.next_poll(PLENTY)
    assert choice is not None
    assert choice[1] == pytest.approx(50.0 + STEADY_GAP_SECONDS)


def test_the_one_at_the_front_finds_out() -> None:
    """Of two orders of which nothing is known, the one that has become oldest is looked at first."""
    poll_schedule = PollSchedule()
    seen_at(poll_schedule, "young", 6.0)
    seen_at(poll_schedule, "old", 20.0)
    choice = poll_schedule.next_poll(PLENTY)
    assert choice is not None
    assert choice[0] == "young"
    assert choice[1] <= 20.0 / (1 - LOWEST_THRESHOLD)


def test_scarce_calls_make_looks_rare() -> None:
    """The fewer calls are left, the later the next look comes, and with very few not before an end is likely."""
    poll_schedule = PollSchedule()
    for place in range(10):
        seen_at(poll_schedule, str(place), 1.0)
    moments = []
    for spare in (PLENTY, 50.0, 10.0, 0.0):
        choice = poll_schedule.next_poll(spare)
        assert choice is not None
        moments.append(choice[1])
    assert moments == sorted(moments)
    assert moments[-1] == pytest.approx(1.0 / (1 - HIGHEST_THRESHOLD))


def test_a_high_price_leaves_hearsay_unheard() -> None:
    """When a look costs more than hearsay can be worth, the order still has its turn in a round."""
    poll_schedule = taught(1000.0)
    seen_at(poll_schedule, "one", 20.0)
    assert poll_schedule.next_poll(0.0) == ("one", 20.0 + UNLIKELY_ROUNDS * LONGEST_GAP_SECONDS)


def test_everybody_has_a_turn_in_a_round() -> None:
    """However small its chance, an order is looked at after a time that grows with the number of orders alone."""
    poll_schedule = taught(*[5000.0] * 16)
    for place in range(100):
        seen_at(poll_schedule, str(place), 60.0)
    choice = poll_schedule.next_poll(1.0)
    assert choice is not None
    assert choice[1] <= 60.0 + UNLIKELY_ROUNDS * 100 * LONGEST_ROUND_SECONDS


def test_equals_take_turns() -> None:
    """Of orders that are equally due, the one that was seen least recently comes first, then the lower id."""
    poll_schedule = PollSchedule()
    poll_schedule.watch("b", APP, KIND, 0.0, 0.0)
    poll_schedule.watch("a", APP, KIND, 0.0, 0.0)
    assert poll_schedule.next_poll(PLENTY) == ("a", FIRST_POLL_SECONDS)
    poll_schedule.poll_begins("a", FIRST_POLL_SECONDS)
    assert poll_schedule.next_poll(PLENTY) == ("b", FIRST_POLL_SECONDS)


BOUNDS: Final = {
    ("fresh", 1): 9.0,
    ("fresh", 10): 2.0,
    ("fresh", 50): 2.0,
    ("3 s stale", 10): 5.0,
    ("3 s stale", 50): 5.0,
    ("never", 10): 10.0,
    ("never", 50): 36.0,
    ("failing", 10): 10.0,
    ("failing", 50): 36.0,
}
"""How late nineteen in twenty ends are seen, in seconds, in the worst shape, by hint and number of orders.

A single order is one of five minutes, and 3 % of that is 9 seconds.
"""


@pytest.mark.parametrize(("hint", "count"), BOUNDS)
def test_concurrent_orders(hint: str, count: int) -> None:
    """Whatever the hint: polls take no more than their part, and every end is seen, not too late."""
    for shape in SHAPES:
        found = concurrent(count, shape, hint)
        assert found.busiest[REPORT] <= POLLS_PER_MINUTE[REPORT]
        assert found.busiest[LIST] <= POLL_SHARE * DOCUMENTED[LIST]
        assert found.busiest[HINT] <= POLL_SHARE * DOCUMENTED[HINT]
        assert found.worst_twentieth <= BOUNDS[hint, count], shape


@pytest.mark.parametrize("count", [1, 50])
def test_a_neighbour_who_polls_once_a_second_is_not_throttled(count: int) -> None:
    """S72: the polls of both together stay within what EDAS documents, in every minute and whatever the hint."""
    for stale in HINTS.values():
        begins = [place / 10 for place in range(count)]
        life = Life(begins, [60.0 + 2.0 * place for place in range(count)], stale).run()
        neighbour = [float(second) for second in range(300)]
        assert most_in_a_minute(sorted([*life.calls[REPORT], *neighbour])) <= DOCUMENTED[REPORT]


@pytest.mark.parametrize("hint", ["never", "failing"])
def test_equal_orders_need_no_hint(hint: str) -> None:
    """Fifty orders that take equally long leave each other the polls for their ends, and learn when to look.

    What they learn first is as exact as the steps of the order at the front: a fifth of its age.
    """
    assert concurrent(50, "all 30 s", hint).worst_twentieth <= 7.0


@pytest.mark.parametrize("shape", ["all 2 s", "uniform, 10 to 60 s", "lognormal, median 20 s"])
def test_two_hundred_orders(shape: str) -> None:
    """Their ends need more polls than there are in a minute, so they are compared to one who knows every end before.

    He polls each once, at its end or as soon as a poll is to spare; nineteen in twenty of ours follow him within
    two turns of the hint, which tells of a hundred applications at once, and the poll itself.
    """
    begins, durations = two_hundred(shape)
    life = Life(begins, durations).run()
    seen = sorted(begins[place] + durations[place] + late for place, late in life.late.items())
    behind = sorted(ours - best for ours, best in zip(seen, best_sights(begins, durations), strict=True))
    assert len(behind) == 200
    assert behind[189] <= 5.0


def two_hundred(shape: str) -> tuple[list[float], list[float]]:
    """Return when two hundred orders begin and how long they take."""
    rng = random.Random(200)
    begins = sorted(rng.uniform(0.0, 5.0) for _ in range(200))
    return begins, [SHAPES[shape](rng) for _ in begins]


def best_sights(begins: Sequence[float], durations: Sequence[float]) -> list[float]:
    """Return when ends can be seen at best with the polls there are."""
    polls = int(POLLS_PER_MINUTE[REPORT] + POLL_SHARE * DOCUMENTED[LIST])
    sights: list[float] = []
    for end in sorted(map(sum, zip(begins, durations, strict=True))):
        free = sights[-polls] + WINDOW_SECONDS if len(sights) >= polls else end
        sights.append(max(end, free))
    return sights


def test_a_breach_is_seen() -> None:
    """The simulation counts every call beyond a limit in the busiest minute, whatever the second it began in."""
    begun = [30.0 + second / 2 for second in range(105)]
    assert most_in_a_minute([0.0, *begun]) == 105
    assert Found((0.0,), {REPORT: most_in_a_minute(begun), LIST: 1}).breaches == 5


def test_one_slow_order_starves_nobody() -> None:
    """An order that takes an hour costs the others nothing, and is seen itself within a round."""
    found = Life([0.0, *map(float, range(20))], [3600.0, *[10.0] * 20]).run()
    slow = found.late.pop(0)
    assert slow <= max(LONGEST_GAP_SECONDS, 21 * LONGEST_ROUND_SECONDS) + CALL_SECONDS
    assert sorted(found.late.values())[-2] <= 3.0


def test_newcomers_starve_nobody() -> None:
    """A slow order is seen in time although new orders keep coming that are worth looking at more."""
    begins = [0.0, *(float(second) for second in range(1, 600, 2))]
    found = Life(begins, [300.0, *[20.0] * 300]).run()
    assert len(found.late) == 301
    assert found.late[0] <= 30.0


def hinted_schedule() -> PollSchedule:
    """Return a schedule with two orders whose applications were shown as DEPLOYING."""
    schedule = PollSchedule()
    for name in ("one", "two"):
        schedule.watch(name, name, KIND, 0.0, 0.0)
    schedule.begin_hint(0.0)
    schedule.take_hint([_line("one", "DEPLOYING"), _line("two", "DEPLOYING")], 0.0)
    return schedule


def _line(app_id: str, state: str) -> ApplicationSummary:
    return ApplicationSummary(app_id, app_id, "cluster", 2, state, 1, 1)


def test_who_is_hinted_at_is_polled_next() -> None:
    """S77: an order whose application left DEPLOYING comes first, and again soon when the hint was early."""
    schedule = hinted_schedule()
    for name in ("one", "two"):
        schedule.poll_begins(name, 10.0)
        schedule.poll_ends(name, 10.0)
    schedule.take_hint([_line("one", "DEPLOYING"), _line("two", "RUNNING")], 10.5)
    gaps, now = [], 10.5
    for _ in range(3):
        choice = schedule.next_poll(1.0)
        assert choice is not None
        assert choice[0] == "two"
        gaps.append(choice[1] - now)
        now = choice[1]
        schedule.poll_begins("two", now)
        schedule.poll_ends("two", now)
    assert gaps == [0.0, FALSE_HINT_SECONDS, 2 * FALSE_HINT_SECONDS]
    choice = schedule.next_poll(1.0)
    assert choice is not None
    assert choice[1] >= now + LONGEST_GAP_SECONDS


@pytest.mark.parametrize("seen_age", [3.0, 20.0, 60.0])
@pytest.mark.parametrize("chance", [0.05, 0.1, 0.2])
def test_the_age_of_a_chance_lies_where_the_hazard_has_grown_by_it(seen_age: float, chance: float) -> None:
    """Between two known ages the hazard grows with the logarithm of the age, the slower the more are known older."""
    kind = _Kind((12.0, 40.0, 90.0), (3.0, 3.0, 20.0, 60.0))

    def hazard(age: float) -> float:
        total, before, known = 0.0, SHORTEST_GAP_SECONDS, sorted((*kind.durations, *kind.ages))
        for each in sorted(set(known)):
            weight = PRIOR + sum(other >= each for other in known)
            total += PRIOR / weight * math.log(max(min(age, each), before) / before)
            if age <= each:
                return total
            total += list(kind.durations).count(each) / weight
            before = each
        return total + math.log(age / before)

    found = kind.age_by_others(seen_age, chance)
    grown = hazard(found) - hazard(seen_age)
    wanted = -math.log1p(-chance)
    # An end that is known is a step: the age stays there while the step is not used up.
    at_a_step = any(found == pytest.approx(each) for each in kind.durations)
    assert grown == pytest.approx(wanted, rel=0.01) or (at_a_step and grown <= wanted)


def test_a_number_that_changes_is_a_weaker_hint_each_time_it_was_false() -> None:
    """Half a second after the last poll, one and a half, three and a half; more false ones no longer count."""
    schedule, waits, now = hinted_schedule(), [], 10.0
    for count in range(4):
        for name in ("one", "two"):
            schedule.poll_begins(name, now)
            schedule.poll_ends(name, now)
        line = ApplicationSummary("two", "two", "cluster", 2, "RUNNING", 1, 2 + count)
        schedule.begin_hint(now)
        if not count:  # leaves DEPLOYING first, which is the stronger hint
            schedule.take_hint([_line("one", "DEPLOYING"), _line("two", "RUNNING")], now)
            schedule.poll_begins("two", now)
            schedule.poll_ends("two", now)
        schedule.take_hint([_line("one", "DEPLOYING"), line], now)
        choice = schedule.next_poll(1.0)
        assert choice is not None
        waits.append(round(choice[1] - now, 3) if choice[0] == "two" else None)
        now += 20.0
    assert waits == [FALSE_HINT_SECONDS * each for each in (1, 3, 7, 7)]


def test_no_age_is_old_enough_for_a_certain_end() -> None:
    """A chance below certainty has an age; certainty has none."""
    assert _worth(8.0, 0.5) == 16.0
    assert _worth(8.0, 1.0) == math.inf
    assert _worth(8.0, 1.5) == math.inf
