from __future__ import annotations

import random

import pytest

from pulumi_edas_scale.edas.rate_limit import (
    CALLS_PER_MINUTE,
    FEWEST_CALLS,
    LEAST_POLL_SHARE,
    THROTTLED_BACKOFF,
    WINDOW_SECONDS,
    Budget,
    PollShare,
)

FIVE_MINUTES = 300.0


def spent(documented: int, calls: int, now: float) -> Budget:
    """Return a budget of which so many calls were made at one moment."""
    budget = Budget(documented)
    for _ in range(calls):
        budget.spend(now)
    return budget


def most_in_a_minute(moments: list[float]) -> int:
    """Return the largest number of moments within any sixty seconds."""
    return max(sum(start <= each < start + 60.0 for each in moments) for start in moments)


def test_the_documented_limits() -> None:
    """The limits are those of EDAS's throttling table."""
    assert CALLS_PER_MINUTE == {
        "ScaleOutApplication": 40,
        "GetChangeOrderInfo": 100,
        "QueryApplicationStatus": 100,
        "ListApplication": 60,
        "ListScaleOutEcu": 20,
    }


def test_calls_go_through_at_once_until_the_limit() -> None:
    """Nobody waits while the minute has calls left; the next one waits until the first has left the window."""
    assert spent(20, 19, 5.0).wait_seconds(5.0) == 0.0
    budget = spent(20, 20, 5.0)
    assert budget.wait_seconds(5.0) == WINDOW_SECONDS
    assert budget.wait_seconds(35.0) == WINDOW_SECONDS - 30.0
    assert budget.wait_seconds(5.0 + WINDOW_SECONDS) == 0.0


def test_the_window_slides() -> None:
    """A call comes free a window after it was made, one by one, not all at a full minute."""
    budget = Budget(3)
    for moment in (0.0, 10.0, 20.0):
        budget.spend(moment)
    assert budget.wait_seconds(30.0) == 31.0
    assert budget.spare(61.0) == 1.0
    assert budget.spare(71.0) == 2.0
    assert budget.spare(81.0) == 3.0


def test_who_spends_more_than_allowed_waits_longer() -> None:
    """Calls beyond the limit, which somebody else's haste may cause, must all leave the window first."""
    budget = Budget(2)
    for moment in (0.0, 1.0, 2.0, 3.0):
        budget.spend(moment)
    assert budget.wait_seconds(3.0) == 2.0 + WINDOW_SECONDS - 3.0
    assert budget.spare(3.0) == 0.0


@pytest.mark.parametrize("documented", sorted(set(CALLS_PER_MINUTE.values())))
def test_never_more_than_documented(documented: int) -> None:
    """Callers that always want more, and wait as they are told, never exceed the documented number in a minute."""
    budget, now, moments = Budget(documented), 0.0, []
    while now < FIVE_MINUTES:
        wait = budget.wait_seconds(now)
        if wait > 0:
            now += wait
            continue
        budget.spend(now)
        moments.append(now)
        now += 0.01
    assert most_in_a_minute(moments) == documented
    assert len(moments) >= documented * 4


def test_a_refusal_pauses() -> None:
    """After a refusal nothing goes through for about a second, and nothing is to spare."""
    budget = Budget(100)
    budget.refused(10.0, None, 0.5)
    assert budget.wait_seconds(10.0) == 1.0
    assert budget.spare(10.0) == 0.0
    assert budget.wait_seconds(11.0) == 0.0
    assert budget.spare(11.0) > 0.0


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 0.75), (0.5, 1.0), (1.0, 1.25)])
def test_pauses_are_spread(chance: float, pause: float) -> None:
    """Chance spreads a pause by a quarter in both directions, so that processes do not come back together."""
    budget = Budget(100)
    budget.refused(0.0, None, chance)
    assert budget.wait_seconds(0.0) == pause


def test_pauses_double() -> None:
    """Each refusal in a row doubles the pause, up to the longest one."""
    budget, pauses, now = Budget(100), [], 0.0
    for _ in range(12):
        budget.refused(now, None, 0.5)
        pauses.append(budget.wait_seconds(now))
        now += pauses[-1]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0] + [THROTTLED_BACKOFF.longest] * 7


def test_an_accepted_call_ends_the_row() -> None:
    """After an accepted call the next refusal pauses as shortly as a first one."""
    budget = Budget(100)
    budget.refused(0.0, None, 0.5)
    budget.refused(1.0, None, 0.5)
    budget.accepted()
    budget.refused(10.0, None, 0.5)
    assert budget.wait_seconds(10.0) == 1.0


def test_the_gateway_knows_best() -> None:
    """A pause the gateway asks for is kept when it is longer than ours, and does not shorten ours."""
    asked, hasty = Budget(100), Budget(100)
    asked.refused(0.0, 20.0, 0.5)
    hasty.refused(0.0, 0.1, 0.5)
    assert (asked.wait_seconds(0.0), hasty.wait_seconds(0.0)) == (20.0, 1.0)


def test_a_longer_pause_stands() -> None:
    """A second refusal never shortens the pause of the first."""
    budget = Budget(100)
    budget.refused(0.0, 20.0, 0.5)
    budget.refused(1.0, None, 0.5)
    assert budget.wait_seconds(1.0) == 19.0


def test_a_refusal_lowers_the_limit_and_time_raises_it() -> None:
    """After a refusal seven tenths are tried; a third comes back in a hundred seconds, and never more than all."""
    budget = Budget(90)
    budget.refused(0.0, None, 0.5)
    assert budget.spare(1.0) == pytest.approx(63.0 + 0.3)
    assert budget.spare(60.0) == pytest.approx(63.0 + 18.0)
    assert budget.spare(1000.0) == 90.0


def test_a_lowered_limit_makes_callers_wait() -> None:
    """Calls made before a refusal count against the lower limit after it."""
    budget = spent(100, 80, 0.0)
    assert budget.wait_seconds(0.0) == 0.0
    budget.refused(0.0, None, 0.5)
    assert budget.wait_seconds(1.0) == WINDOW_SECONDS - 1.0


def test_some_calls_always_remain() -> None:
    """However often calls are refused, some are tried in a minute: nobody waits for ever."""
    budget = Budget(100)
    for moment in range(50):
        budget.refused(float(moment), None, 0.5)
    assert FEWEST_CALLS <= budget.spare(49.0 + THROTTLED_BACKOFF.longest) <= FEWEST_CALLS + 12


def test_two_that_share_an_account_are_both_served() -> None:
    """Two processes that share one limit find, by refusals alone, shares with which few calls are wasted."""
    rng = random.Random(7)
    budgets, made, accepted, refusals = (Budget(100), Budget(100)), [0, 0], list[float](), 0
    now = 0.0
    while now < 2 * FIVE_MINUTES:
        for place, budget in enumerate(budgets):
            if budget.wait_seconds(now) > 0:
                continue
            budget.spend(now)
            if sum(each > now - 60.0 for each in accepted[-100:]) >= 100:
                budget.refused(now, None, rng.random())
                refusals += 1
            else:
                budget.accepted()
                accepted.append(now)
                made[place] += 1
        now += 0.25
    assert min(made) > max(made) / 2
    assert refusals < len(accepted) / 5


def test_each_refusal_halves_what_polls_may_take() -> None:
    """An eighth always remains, and refusals of calls that were under way together count once."""
    share = PollShare()
    assert share.part(100.0) == 1.0
    share.refused(100.0)
    assert share.part(100.0) == 0.5
    share.refused(101.9)
    assert share.part(101.9) == pytest.approx(0.5 + 1.9 / 600)
    share.refused(102.0)
    assert share.part(102.0) == pytest.approx((0.5 + 2 / 600) / 2)
    for second in range(20):
        share.refused(110.0 + 2 * second)
    assert share.part(148.0) == LEAST_POLL_SHARE


def test_what_polls_may_take_grows_back_in_five_minutes_from_a_half() -> None:
    """And never beyond all of it; a moment before the refusal is as good as that of the refusal."""
    share = PollShare()
    share.refused(100.0)
    assert share.part(99.0) == share.part(100.0) == 0.5
    assert share.part(250.0) == 0.75
    assert share.part(400.0) == share.part(1000.0) == 1.0


def test_polls_take_a_part_of_theirs() -> None:
    """What is spare for them is the least of their own allowance and of all calls."""
    budget = Budget(100, polls=60.0)
    assert budget.spare_polls(0.0, 1.0) == 60.0
    assert budget.spare_polls(0.0, 0.5) == 30.0
    for _ in range(20):
        budget.spend_poll(0.0)
    assert budget.spare_polls(0.0, 0.5) == 10.0
    assert budget.spare_polls(0.0, 0.25) == 0.0
    for _ in range(70):
        budget.spend(0.0)
    assert budget.spare_polls(0.0, 1.0) == 10.0


def test_a_limit_is_not_regained_at_the_moment_of_a_refusal() -> None:
    """Seven tenths are left, to the last call."""
    budget = Budget(1000)
    budget.refused(50.0, None, 0.5)
    budget._paused_until = 0.0  # the pause is another test's
    assert budget.spare(50.0) == 700.0
