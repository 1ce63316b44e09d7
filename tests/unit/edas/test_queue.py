from __future__ import annotations

from contextlib import ExitStack

import pytest

from pulumi_edas_scale.domain.clock import CANCELLED, Cancelled, OperationContext
from pulumi_edas_scale.edas.queue import KeyedQueue
from tests.unit.quiet import QuietRuntime


def test_a_free_turn_is_taken_at_once() -> None:
    """Who is alone has the turn at once, is told no place, and leaves the application free."""
    runtime, full_names = QuietRuntime(), list[int]()
    queue = KeyedQueue(runtime)
    with queue.hold("app-1", OperationContext(runtime), full_names.append):
        assert queue.wanted("app-1")
    assert not queue.wanted("app-1")
    assert (full_names, runtime.waits) == ([], [])


def test_nobody_asked_yet() -> None:
    """An application nobody asked for is not wanted."""
    assert not KeyedQueue(QuietRuntime()).wanted("app-1")


def test_applications_do_not_wait_for_each_other() -> None:
    """The turn of one application does not keep another."""
    runtime, full_names = QuietRuntime(), list[int]()
    queue = KeyedQueue(runtime)
    with (
        queue.hold("app-1", OperationContext(runtime), full_names.append),
        queue.hold("app-2", OperationContext(runtime), full_names.append),
    ):
        assert full_names == []


def test_the_place_is_told_when_it_changes() -> None:
    """Who waits is told how many are before, each time that changes, and gets the turn after the last."""
    runtime, full_names = QuietRuntime(), list[int]()
    queue, first = KeyedQueue(runtime), ExitStack()
    first.enter_context(queue.hold("app-1", OperationContext(runtime), full_names.append))
    runtime.meanwhile = [lambda: None, first.close]
    context = OperationContext(runtime, deadline=5.0)
    with queue.hold("app-1", context, full_names.append):
        assert full_names == [1]
    assert runtime.notified == 2


def test_the_queue_costs_no_time() -> None:
    """The time in the queue moves the deadline: our own queue costs nobody his time-out."""
    runtime = QuietRuntime()
    queue, first = KeyedQueue(runtime), ExitStack()
    first.enter_context(queue.hold("app-1", OperationContext(runtime), lambda _: None))

    def an_hour_passes() -> None:
        runtime.moment += 3600.0
        first.close()

    runtime.meanwhile = [an_hour_passes]
    context = OperationContext(runtime, deadline=5.0)
    with queue.hold("app-1", context, lambda _: None):
        assert context.deadline == 3605.0


def test_who_is_stopped_leaves_the_queue() -> None:
    """A stop sign ends the wait, and whoever is behind is not kept by the one who left."""
    runtime, signs = QuietRuntime(), list[str]()
    queue = KeyedQueue(runtime)
    with queue.hold("app-1", OperationContext(runtime), lambda _: None):
        runtime.meanwhile = [lambda: signs.append(CANCELLED)]
        stopped = OperationContext(runtime, stopped=lambda: signs[0] if signs else None)
        with pytest.raises(Cancelled), queue.hold("app-1", stopped, lambda _: None):
            pytest.fail("the turn was given to two")
    assert not queue.wanted("app-1")
