from __future__ import annotations

from contextlib import ExitStack

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED, Limits, StoppedSign
from pulumi_edas_scale.edas.queue import Turns
from tests.unit.quiet import QuietRuntime


def test_a_free_turn_is_taken_at_once() -> None:
    """Who is alone has the turn at once, is told no place, and leaves the application free."""
    runtime, places = QuietRuntime(), list[int]()
    turns = Turns(runtime)
    with turns.turn("app-1", Limits(runtime), places.append):
        assert turns.wanted("app-1")
    assert not turns.wanted("app-1")
    assert (places, runtime.waits) == ([], [])


def test_nobody_asked_yet() -> None:
    """An application nobody asked for is not wanted."""
    assert not Turns(QuietRuntime()).wanted("app-1")


def test_applications_do_not_wait_for_each_other() -> None:
    """The turn of one application does not keep another."""
    runtime, places = QuietRuntime(), list[int]()
    turns = Turns(runtime)
    with (
        turns.turn("app-1", Limits(runtime), places.append),
        turns.turn("app-2", Limits(runtime), places.append),
    ):
        assert places == []


def test_the_place_is_told_when_it_changes() -> None:
    """Who waits is told how many are before, each time that changes, and gets the turn after the last."""
    runtime, places = QuietRuntime(), list[int]()
    turns, first = Turns(runtime), ExitStack()
    first.enter_context(turns.turn("app-1", Limits(runtime), places.append))
    runtime.meanwhile = [lambda: None, first.close]
    limits = Limits(runtime, deadline=5.0)
    with turns.turn("app-1", limits, places.append):
        assert places == [1]
    assert runtime.notified == 2


def test_the_queue_costs_no_time() -> None:
    """The time in the queue moves the deadline: our own queue costs nobody his time-out."""
    runtime = QuietRuntime()
    turns, first = Turns(runtime), ExitStack()
    first.enter_context(turns.turn("app-1", Limits(runtime), lambda _: None))

    def an_hour_passes() -> None:
        runtime.moment += 3600.0
        first.close()

    runtime.meanwhile = [an_hour_passes]
    limits = Limits(runtime, deadline=5.0)
    with turns.turn("app-1", limits, lambda _: None):
        assert limits.deadline == 3605.0


def test_who_is_stopped_leaves_the_queue() -> None:
    """A stop sign ends the wait, and whoever is behind is not kept by the one who left."""
    runtime, signs = QuietRuntime(), list[str]()
    turns = Turns(runtime)
    with turns.turn("app-1", Limits(runtime), lambda _: None):
        runtime.meanwhile = [lambda: signs.append(CANCELLED)]
        stopped = Limits(runtime, stopped=lambda: signs[0] if signs else None)
        with pytest.raises(StoppedSign), turns.turn("app-1", stopped, lambda _: None):
            pytest.fail("the turn was given to two")
    assert not turns.wanted("app-1")
