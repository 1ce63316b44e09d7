"""What ListApplication hints about the orders that are waited for.

This file's law: a hint says which order to poll next and never how an order ended. One call shows the state and the
numbers of every awaited application; how fresh they are is documented nowhere, so the ends that are seen teach
whether the hint comes first. It is left alone for a while when it never does, or when the call fails. No clock and
no call is here; every method gets the moment ``now`` in seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.clock import Backoff

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pulumi_edas_scale.domain.model import ApplicationSummary

HINT_SECONDS: Final = 2.0
"""Between two readings: thirty a minute, half of what is documented."""

FEWEST_ORDERS: Final = 2
"""A single order is polled often enough by itself; a reading that is in use goes on until nobody waits."""

MOST_APPLICATIONS: Final = 100
"""In one call, which is about the longest address that every gateway takes; more applications take turns."""

DEPLOYING: Final = "DEPLOYING"

LATEST_ENDS: Final = 12
FEWEST_ENDS: Final = 8
"""Ends that are remembered, and how many must be known before the hint is judged by them."""

TRUSTED_SHARE: Final = 0.25
"""Of the ends the hint must have shown so many in time."""

IN_TIME_SECONDS: Final = 6.0
"""A poll may be quicker than a hint that is asked every two seconds. Whether that one would have come is seen by the
next answers: a hint that is later than this is no help."""

OFF_SECONDS: Final = 300.0
"""How long a hint that never comes first is left alone."""

FAILURE_BACKOFF: Final = Backoff(first=15.0, factor=2.0, longest=600.0)
"""Pauses after a hint that failed: nobody misses it, and an account that may not read it should not be asked often."""


@dataclass(slots=True)
class Hints:
    """What is known of the awaited applications, and how far to trust it."""

    _lines: dict[str, ApplicationSummary] = field(default_factory=dict)
    _asked: dict[str, float] = field(default_factory=dict)
    _next: float = 0.0
    _failures: int = 0
    _rests: bool = False
    _overdue: dict[str, float] = field(default_factory=dict)
    _in_time: deque[bool] = field(default_factory=lambda: deque(maxlen=LATEST_ENDS))

    def next_reading(self, applications: Collection[str], part: float) -> float | None:
        """Return when to read next, None when so few orders need no hint.

        Args:
            applications: those whose orders are waited for.
            part: of what polls may take, as ``rate_limit.PollShare`` says; the less, the longer the pause.
        """
        if len(applications) < FEWEST_ORDERS and self._lines.keys().isdisjoint(applications):
            return None
        return self._next + HINT_SECONDS * (1 / part - 1)

    def begin_reading(self, applications: Collection[str], now: float) -> tuple[str, ...]:
        """Return the applications to ask for now: those whose last turn is longest ago."""
        self._next = now + HINT_SECONDS
        self._rests = False
        # What becomes of an application that has its next order already proves nothing about the one before.
        self._overdue = {each: until for each, until in self._overdue.items() if each not in applications}
        wanted = {*applications, *self._overdue}
        self._lines = {each: line for each, line in self._lines.items() if each in wanted}
        self._asked = {each: self._asked.get(each, float("-inf")) for each in wanted}
        # By id among equals, so that the same situation always asks the same.
        chosen = sorted(wanted, key=lambda each: (self._asked[each], each))[:MOST_APPLICATIONS]
        self._asked.update(dict.fromkeys(chosen, now))
        return tuple(sorted(chosen))

    def heard(self, lines: Iterable[ApplicationSummary], now: float) -> dict[str, bool]:
        """Take an answer in; return the applications that changed, and whether they left DEPLOYING.

        An answer that ignores the filter, or comes in pages, holds lines of strangers and lacks some of ours: the
        ones are dropped, and of the others there is no hint.
        """
        self._failures = 0
        changed = {}
        for line in lines:
            if line.app_id not in self._asked:
                continue
            before = self._lines.get(line.app_id)
            self._lines[line.app_id] = line
            if before is None:
                # Whether the order is over already or the line is older than the order, nobody knows.
                continue
            if before.state == DEPLOYING != line.state:
                changed[line.app_id] = True
            elif line.state != DEPLOYING and (before.instances, before.running) != (
                line.instances,
                line.running,
            ):
                # While it is still deploying, a number shows an instance that came, and not the end: one false
                # hint for each order would spend the polls that their ends need.
                changed[line.app_id] = False
        for app_id, until in tuple(self._overdue.items()):
            if app_id in changed or now > until:
                self._overdue.pop(app_id, None)
                self._judge(app_id, now, in_time=app_id in changed)
        return changed

    def failed(self, now: float) -> None:
        """Note that the call failed: nothing hangs on it, so it may rest."""
        rest = FAILURE_BACKOFF.pause(self._failures)
        self._failures += 1
        self._rests = True
        self._next = now + rest
        self._lines.clear()

    def order_ended(self, app_id: str, now: float, *, hinted: bool) -> None:
        """Learn from an end that was seen: whether the hint came first, or would have come soon."""
        if app_id not in self._lines:
            return
        if hinted:
            self._judge(app_id, now, in_time=True)
        else:
            self._overdue[app_id] = now + IN_TIME_SECONDS

    def _judge(self, app_id: str, now: float, *, in_time: bool) -> None:
        self._lines.pop(app_id, None)
        self._in_time.append(in_time)
        if len(self._in_time) >= FEWEST_ENDS and not any(self._in_time):
            self._next = max(self._next, now + OFF_SECONDS)
            self._rests = True
            self._in_time.clear()
            self._overdue.clear()
            self._lines.clear()

    def covers(self, app_id: str) -> bool:
        """Return whether the end of an order of that application will probably be hinted at."""
        if app_id not in self._lines:
            # Not asked for yet: that comes within two seconds, and until then others find out how long orders take.
            return app_id not in self._asked and not self._rests
        if len(self._in_time) < FEWEST_ENDS:
            # Before there is experience, an application that is shown as DEPLOYING while its order runs speaks for it.
            return self._lines[app_id].state == DEPLOYING or any(self._in_time)
        return sum(self._in_time) >= TRUSTED_SHARE * len(self._in_time)
