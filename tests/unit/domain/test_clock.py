from __future__ import annotations

import threading

import pytest

from pulumi_edas_scale.domain.clock import (
    CANCELLED,
    DOUBT_SECONDS,
    ENGINE_GONE,
    ENGINE_IN_DOUBT,
    Backoff,
    Cancelled,
    DeadlineExceeded,
    OperationContext,
    ThreadRuntime,
)
from tests.unit.quiet import QuietRuntime


def test_nothing_bounds_an_operation_by_itself() -> None:
    """Without a deadline and a stop sign an operation may always go on."""
    OperationContext(QuietRuntime(1e9)).check()


def test_a_stop_sign_says_why() -> None:
    """An operation that must stop is told the reason, even when its deadline has passed as well."""
    with pytest.raises(Cancelled, match=CANCELLED):
        OperationContext(QuietRuntime(10.0), deadline=5.0, stopped=lambda: CANCELLED).check()


@pytest.mark.parametrize("moment", [5.0, 6.0])
def test_a_deadline_passes(moment: float) -> None:
    """At its deadline an operation is out of time, and not before."""
    OperationContext(QuietRuntime(4.9), deadline=5.0).check()
    with pytest.raises(DeadlineExceeded):
        OperationContext(QuietRuntime(moment), deadline=5.0).check()


def test_a_wait_never_passes_the_deadline() -> None:
    """A wait ends at the deadline, and then says so."""
    runtime = QuietRuntime(2.0)
    with pytest.raises(DeadlineExceeded):
        OperationContext(runtime, deadline=5.0).wait(60.0)
    assert runtime.waits == [3.0]


def test_a_wait_without_a_deadline() -> None:
    """Without a deadline a wait is as long as asked for, and never negative."""
    runtime = QuietRuntime()
    OperationContext(runtime).wait(60.0)
    OperationContext(runtime).wait(-1.0)
    assert runtime.waits == [60.0, 0.0]


def test_a_sleep_goes_on_after_it_was_woken() -> None:
    """A notice to somebody else wakes a sleeper, who then sleeps for the rest."""
    runtime = QuietRuntime()

    def four_seconds_pass() -> None:
        runtime.moment += 4.0

    runtime.meanwhile.append(four_seconds_pass)
    OperationContext(runtime).sleep(10.0)
    assert (runtime.waits, runtime.moment) == ([10.0, 6.0], 10.0)


def test_a_stop_sign_wakes_a_sleeper() -> None:
    """A stop sign that goes up during a sleep ends it."""
    signs: list[str] = []
    runtime = QuietRuntime(meanwhile=[lambda: signs.append(CANCELLED)])
    with pytest.raises(Cancelled):
        OperationContext(runtime, stopped=lambda: signs[0] if signs else None).sleep(10.0)
    assert runtime.moment == 0.0


def test_our_queue_costs_no_time() -> None:
    """Time that does not count moves the deadline, and inside there is none."""
    runtime = QuietRuntime()
    context = OperationContext(runtime, deadline=5.0)
    with context.deadline_paused():
        context.wait(60.0)
    assert context.deadline == 65.0


def test_an_operation_without_a_deadline_gets_none() -> None:
    """Time that does not count makes no deadline where there was none."""
    context = OperationContext(QuietRuntime())
    with context.deadline_paused():
        context.wait(60.0)
    assert context.deadline is None


def test_a_doubt_about_the_engine_keeps_back_writes_alone() -> None:
    """While it is not sure that the engine is there, reading goes on and a write waits until the doubt is over."""
    runtime, signs = QuietRuntime(), [ENGINE_IN_DOUBT]
    context = OperationContext(runtime, stopped=lambda: signs[0] if signs else None)
    context.check()
    runtime.meanwhile = [lambda: None, signs.clear]
    context.check_before_write()
    assert not signs
    assert runtime.moment == DOUBT_SECONDS


def test_a_doubt_that_comes_true_sends_nothing() -> None:
    """When the doubt ends with an engine that is gone, the write is not made."""
    signs = [ENGINE_IN_DOUBT]
    runtime = QuietRuntime(meanwhile=[lambda: signs.append(ENGINE_GONE)])
    with pytest.raises(Cancelled, match=ENGINE_GONE):
        OperationContext(runtime, stopped=lambda: signs[-1]).check_before_write()


def test_threads_wake_each_other() -> None:
    """A thread that waits on the monitor is woken by another's notice."""
    runtime, seen = ThreadRuntime(), list[str]()

    def wait_for_news() -> None:
        with runtime:
            while not seen:
                runtime.wait(60.0)
            seen.append("answer")

    thread = threading.Thread(target=wait_for_news, daemon=True)
    thread.start()
    with runtime:
        seen.append("news")
        runtime.notify()
    thread.join(60.0)
    assert seen == ["news", "answer"]


def test_real_time_and_chance() -> None:
    """The real clock never goes back, and chance is a number from 0 to below 1."""
    runtime = ThreadRuntime()
    assert runtime.now() <= runtime.now()
    assert 0.0 <= runtime.random() < 1.0


def test_a_backoff_grows_to_its_longest_pause_and_never_overflows() -> None:
    """Pauses grow by the factor up to the longest, however many tries there were."""
    backoff = Backoff(first=0.5, factor=2.0, longest=10.0)
    assert [backoff.pause(tries) for tries in (0, 1, 2, 5, 10_000)] == [0.5, 1.0, 2.0, 10.0, 10.0]


def test_jitter_spreads_a_pause_by_its_share_either_way() -> None:
    """With a jitter of a quarter a pause of four seconds takes three to five."""
    backoff = Backoff(first=4.0, factor=1.0, longest=4.0, jitter=0.25)
    assert [backoff.pause(0, chance) for chance in (0.0, 0.5, 1.0)] == [3.0, 4.0, 5.0]
