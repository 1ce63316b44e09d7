"""What ListApplication shows is a hint; the tests say how far it is trusted."""

from __future__ import annotations

from typing import Final

from pulumi_edas_scale.domain.model import ApplicationSummary
from pulumi_edas_scale.edas.hints import (
    DEPLOYING,
    FAILURE_BACKOFF,
    FEWEST_ENDS,
    HINT_SECONDS,
    IN_TIME_SECONDS,
    MOST_APPLICATIONS,
    OFF_SECONDS,
    Hints,
)

BOTH: Final = ("a", "b")


def line(app_id: str, state: str = DEPLOYING, instances: int = 1, running: int = 1) -> ApplicationSummary:
    """Return what the list shows of an application."""
    return ApplicationSummary(app_id, app_id, "cluster", 2, state, instances, running)


def asked(now: float = 0.0) -> Hints:
    """Return hints that have asked for both applications and seen them deploying."""
    hints = Hints()
    hints.begin_reading(BOTH, now)
    assert hints.heard([line("a"), line("b")], now) == {}
    return hints


def test_a_single_order_needs_no_hint() -> None:
    """One order is polled often enough by itself; a hint in use goes on until nobody waits."""
    assert Hints().next_reading(["a"], 1.0) is None
    assert Hints().next_reading(BOTH, 1.0) == 0.0
    assert asked().next_reading(["a"], 1.0) == HINT_SECONDS
    assert asked().next_reading(["a"], 0.5) == 2 * HINT_SECONDS
    assert asked().next_reading([], 1.0) is None


def test_what_is_a_hint() -> None:
    """Who leaves DEPLOYING, or changes a number while not DEPLOYING, is named; strangers and missing lines are not."""
    hints = asked()
    assert hints.heard([line("a", instances=2), line("stranger", "RUNNING")], 2.0) == {}
    assert hints.heard([line("a", "RUNNING", 2)], 4.0) == {"a": True}
    assert hints.heard([line("a", "RUNNING", 2)], 6.0) == {}
    assert hints.heard([line("a", "RUNNING", 2, 2)], 8.0) == {"a": False}


def test_many_applications_take_turns() -> None:
    """One call asks for so many applications; whose turn is longest ago comes first."""
    hints, many = Hints(), [f"{number:03d}" for number in range(MOST_APPLICATIONS + 5)]
    first = hints.begin_reading(many, 0.0)
    second = hints.begin_reading(many, 2.0)
    assert len(first) == len(second) == MOST_APPLICATIONS
    assert set(first) | set(second) == set(many)


def test_a_failure_rests() -> None:
    """A failing call rests, ever longer, and meanwhile nothing is expected of it."""
    hints = asked()
    hints.failed(2.0)
    assert hints.next_reading(BOTH, 1.0) == 2.0 + FAILURE_BACKOFF.first
    assert not hints.covers("a")
    assert not hints.covers("new")
    hints.failed(20.0)
    assert hints.next_reading(BOTH, 1.0) == 20.0 + 2 * FAILURE_BACKOFF.first


def test_a_hint_that_never_comes_is_left_alone() -> None:
    """After some ends that no hint followed in time, the call is not made for a while."""
    hints, now = Hints(), 0.0
    for _ in range(FEWEST_ENDS):
        hints.begin_reading(BOTH, now)
        hints.heard([line("a"), line("b")], now)
        hints.order_ended("a", now, hinted=False)
        now += IN_TIME_SECONDS + 1.0
        hints.begin_reading(["b"], now)
        hints.heard([line("a"), line("b")], now)
    due = hints.next_reading(BOTH, 1.0)
    assert due is not None
    assert due >= now + OFF_SECONDS


def test_a_poll_that_was_quicker_proves_nothing_against_the_hint() -> None:
    """A hint that would have come soon after the end counts as in time."""
    hints, now = Hints(), 0.0
    for _ in range(FEWEST_ENDS):
        hints.begin_reading(BOTH, now)
        hints.heard([line("a"), line("b")], now)
        hints.order_ended("a", now, hinted=False)
        hints.begin_reading(["b"], now + 2.0)
        hints.heard([line("a", "RUNNING"), line("b")], now + 2.0)
        now += 4.0
    assert hints.covers("b")


def test_what_is_not_known_teaches_nothing() -> None:
    """The end of an order whose application was never shown says nothing about the hint."""
    hints = asked()
    hints.order_ended("unknown", 1.0, hinted=True)
    hints.order_ended("a", 1.0, hinted=True)
    assert hints.covers("b")
    assert not hints.covers("a")


def ended(hints: Hints, now: float, *, hinted: bool) -> None:
    """Let the order of application a end, and begin the next one."""
    hints.begin_reading(BOTH, now)
    hints.heard([line("a"), line("b")], now)
    hints.order_ended("a", now + 1.0, hinted=hinted)


def late(hints: Hints, now: float) -> None:
    """Let an order end whose hint has not come when it is too late for it."""
    ended(hints, now, hinted=False)
    hints.begin_reading(["b"], now + 2.0)
    hints.heard([line("a"), line("b")], now + 2.0 + IN_TIME_SECONDS)


def test_a_hint_is_trusted_when_a_quarter_of_the_ends_came_with_it() -> None:
    """Two of eight ends are enough, one is not; then the order is polled as if there were no hints."""
    for in_time, trusted in ((2, True), (1, False)):
        hints = Hints()
        for number in range(FEWEST_ENDS):
            now = 100.0 * number
            if number < in_time:
                ended(hints, now, hinted=True)
            else:
                late(hints, now)
        hints.begin_reading(BOTH, 5000.0)
        hints.heard([line("a", "RUNNING"), line("b")], 5000.0)
        assert hints.covers("a") is trusted


def test_a_hint_that_comes_soon_after_a_poll_was_in_time() -> None:
    """Whether it would have come is seen until the time is over, and not at the first answer."""
    hints = Hints()
    for number in range(FEWEST_ENDS):
        now = 100.0 * number
        ended(hints, now, hinted=False)
        hints.begin_reading(["b"], now + 2.0)
        hints.heard([line("a"), line("b")], now + 2.0)
        hints.begin_reading(["b"], now + 1.0 + IN_TIME_SECONDS)
        hints.heard([line("a", "RUNNING"), line("b")], now + 1.0 + IN_TIME_SECONDS)
    hints.begin_reading(BOTH, 5000.0)
    hints.heard([line("a"), line("b")], 5000.0)
    assert hints.covers("a")


def test_an_end_that_was_judged_is_covered_again_by_the_next_answer() -> None:
    """Until then nothing is known of the next order of that application, and it is polled as usual."""
    hints = asked()
    hints.order_ended("a", 1.0, hinted=True)
    assert not hints.covers("a")
    assert hints.covers("b")
    late(hints, 10.0)
    assert not hints.covers("a")


def test_a_line_of_a_stranger_does_not_end_the_answer() -> None:
    """An answer that ignores the filter may begin with strangers."""
    hints = asked()
    assert hints.heard([line("stranger"), line("a", "RUNNING")], 2.0) == {"a": True}


def test_hints_that_rest_cover_nobody() -> None:
    """While they rest, an application that was never asked for is polled as if there were none."""
    hints = Hints()
    for number in range(FEWEST_ENDS):
        late(hints, 100.0 * number)
    assert not hints.covers("new")
    hints.begin_reading(BOTH, 5000.0)
    assert hints.covers("new")


def test_each_failure_in_a_row_makes_the_rest_longer() -> None:
    """A good answer begins the row anew."""
    hints, rests = Hints(), []
    for _ in range(3):
        hints.failed(0.0)
        rests.append(hints.next_reading(BOTH, 1.0))
    assert rests == [FAILURE_BACKOFF.pause(each) for each in range(3)]
    hints.heard([], 0.0)
    hints.failed(0.0)
    assert hints.next_reading(BOTH, 1.0) == rests[0]


def test_whether_a_hint_is_in_time_is_open_until_the_time_is_over() -> None:
    """At the last moment it still is; a moment later it is late, and that is what is remembered."""
    hints, now = Hints(), 0.0
    for number in range(FEWEST_ENDS):
        now = 100.0 * number
        ended(hints, now, hinted=False)
        hints.begin_reading(["b"], now + 2.0)
        assert hints.heard([line("b")], now + 1.0 + IN_TIME_SECONDS) == {}
        assert hints.next_reading(["b", "c"], 1.0) == now + 2.0 + HINT_SECONDS
        assert hints.heard([line("b")], now + 1.1 + IN_TIME_SECONDS) == {}
    assert hints.next_reading(["b", "c"], 1.0) == now + 1.1 + IN_TIME_SECONDS + OFF_SECONDS
