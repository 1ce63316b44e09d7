"""Whose turn it is to change an application.

This file's law: first come, first served, one at a time per application in this process. EDAS runs one change
order of an application at a time; the second would only be refused.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pulumi_edas_scale.domain.clock import OperationContext, Runtime

_UNTIL_NOTIFIED_SECONDS: Final = 3600.0
"""A waiter is notified when its turn comes; this only bounds a single wait."""


@dataclass(slots=True)
class KeyedQueue:
    """The queues of one account in one region, by application."""

    runtime: Runtime
    _queues: dict[str, deque[object]] = field(default_factory=dict)

    @contextmanager
    def hold(self, app_id: str, context: OperationContext, on_place: Callable[[int], None]) -> Iterator[None]:
        """Hold the turn of an application; the time spent in the queue does not count.

        Args:
            app_id: the application.
            context: bounds of the operation; they end the wait, too.
            on_place: called with how many are before us, whenever that changes.
        """
        ticket = object()
        with self.runtime:
            queue = self._queues.setdefault(app_id, deque())
            queue.append(ticket)
        try:
            with context.deadline_paused():
                self._await_head(queue, ticket, context, on_place)
            yield
        finally:
            with self.runtime:
                queue.remove(ticket)
                self.runtime.notify()

    def wanted(self, app_id: str) -> bool:
        """Return whether anybody holds or waits for the turn of an application."""
        with self.runtime:
            return bool(self._queues.get(app_id))

    def _await_head(
        self, queue: deque[object], ticket: object, context: OperationContext, on_place: Callable[[int], None]
    ) -> None:
        reported = 0
        while True:
            with self.runtime:
                context.check()
                place = queue.index(ticket)
                if place == reported and place:
                    context.wait(_UNTIL_NOTIFIED_SECONDS)
                    place = queue.index(ticket)
            if place == 0:
                return
            if place != reported:
                reported = place
                on_place(place)
