"""How many calls of one API operation may be made in a minute.

This file's law: over any ``WINDOW_SECONDS`` no more calls are let through than EDAS documents, and after a refusal
fewer, until the higher number has proved itself again. It knows no clock; every method gets the moment ``now``.

Source: the throttling table of the EDAS API (calls a minute for one account). Operations the table does not list
are taken to be like their siblings.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from pulumi_edas_scale.domain.clock import Backoff

CALLS_PER_MINUTE: Final = {
    "ScaleOutApplication": 40,
    "GetChangeOrderInfo": 100,
    "QueryApplicationStatus": 100,
    "ListApplication": 60,
    "ListScaleOutEcu": 20,
}

UNLISTED_CALLS_PER_MINUTE: Final = 100

WINDOW_SECONDS: Final = 61.0
"""A second more than the minute, for calls that travel at different speeds."""

REFUSAL_BACKOFF: Final = Backoff(first=1.0, factor=2.0, longest=30.0, jitter=0.25)

KEPT_BACK: Final = 0.7
"""Others use the account as well: after a refusal this share of the limit is tried."""

FEWEST_CALLS: Final = 6

REGAIN_PER_SECOND: Final = 1 / 300
"""Share of the documented limit that is tried again with every second without a refusal."""


@dataclass(slots=True)
class Budget:
    """The calls of one operation; every method needs the monitor's lock."""

    documented: int
    _calls: deque[float] = field(default_factory=deque)
    _limit: float = 0.0
    _limit_at: float = 0.0
    _paused_until: float = float("-inf")
    _refusals: int = 0

    def __post_init__(self) -> None:
        self._limit = float(self.documented)

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait before the next call, 0 when it may be made now."""
        self._forget_old(now)
        wait = max(self._paused_until - now, 0.0)
        allowed = int(self._limit_now(now))
        if len(self._calls) >= allowed:
            wait = max(wait, self._calls[len(self._calls) - allowed] + WINDOW_SECONDS - now)
        return wait

    def spare(self, now: float) -> float:
        """Return how many calls could be made at once."""
        self._forget_old(now)
        if self._paused_until > now:
            return 0.0
        return max(self._limit_now(now) - len(self._calls), 0.0)

    def spend(self, now: float) -> None:
        """Note a call that begins now."""
        self._calls.append(now)

    def accepted(self) -> None:
        """Note that a call was not refused for being one too many."""
        self._refusals = 0

    def refused(self, now: float, retry_after: float | None, chance: float) -> None:
        """Note a refusal: pause, doubling with each in a row, and keep to fewer calls afterwards.

        Args:
            now: the present moment.
            retry_after: seconds the gateway asks for, None when it does not say.
            chance: a number in [0, 1) that spreads the pauses of several processes.
        """
        pause = REFUSAL_BACKOFF.pause(self._refusals, chance)
        self._paused_until = max(self._paused_until, now + max(pause, retry_after or 0.0))
        self._refusals += 1
        self._limit = max(self._limit_now(now) * KEPT_BACK, float(FEWEST_CALLS))
        self._limit_at = now

    def _limit_now(self, now: float) -> float:
        regained = self.documented * REGAIN_PER_SECOND * max(now - self._limit_at, 0.0)
        return min(self._limit + regained, float(self.documented))

    def _forget_old(self, now: float) -> None:
        while self._calls and self._calls[0] <= now - WINDOW_SECONDS:
            self._calls.popleft()
