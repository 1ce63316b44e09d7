"""How many calls of one API operation may be made in a minute.

This file's law: over any ``WINDOW_SECONDS`` no more calls are let through than EDAS documents, and after a refusal
fewer, until the higher number has proved itself again. Polls take a part of that only (law 17): who waits can
wait a little longer, but a write, and the readings before it, must not wait for somebody else's curiosity. It knows
no clock; every method gets the moment ``now``.

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

POLL_SHARE: Final = 0.6
"""Part of a documented limit that the polls of a process may take."""

POLLS_PER_MINUTE: Final = {"GetChangeOrderInfo": 38.0}
"""Less than that part: of the 100 calls, 60 are what a neighbour makes who polls once a second (the Jenkins plugin
does), and two are between a minute of EDAS's and one of ours."""

WINDOW_SECONDS: Final = 61.0
"""A second more than the minute, for calls that travel at different speeds."""

THROTTLED_BACKOFF: Final = Backoff(first=1.0, factor=2.0, longest=30.0, jitter=0.25)

KEPT_BACK: Final = 0.7
"""Others use the account as well: after a refusal this share of the limit is tried."""

FEWEST_CALLS: Final = 6

REGAIN_PER_SECOND: Final = 1 / 300
"""Share of the documented limit that is tried again with every second without a refusal."""


LEAST_POLL_SHARE: Final = 1 / 8
"""However often EDAS refuses, so many of the polls of a process go on: every wait must end."""

POLL_REGAIN_PER_SECOND: Final = 1 / 600
"""What polls may take grows back from a half in five minutes: a neighbour's peak may last some minutes."""

ONE_REFUSAL_SECONDS: Final = 2.0
"""Refusals of calls that were under way together count once."""


@dataclass(slots=True)
class PollShare:
    """Which part of their allowance the polls of a process take now, all operations together.

    A refused call of any operation means that the account is busy, maybe with somebody who fails at the first
    refusal, and polls are what can best be done without.
    """

    _part: float = 1.0
    _refused_at: float = float("-inf")

    def part(self, now: float) -> float:
        """Return the part, from ``LEAST_POLL_SHARE`` to 1."""
        return min(self._part + POLL_REGAIN_PER_SECOND * max(now - self._refused_at, 0.0), 1.0)

    def refused(self, now: float) -> None:
        """Note that EDAS refused a call because too many were made."""
        if now - self._refused_at >= ONE_REFUSAL_SECONDS:
            self._part = max(self.part(now) / 2, LEAST_POLL_SHARE)
            self._refused_at = now


@dataclass(slots=True)
class Budget:
    """The calls of one operation; every method needs the monitor's lock.

    Attributes:
        documented: calls a minute for the account.
        polls: those of them that may be polls.
    """

    documented: int
    polls: float = 0.0
    _calls: deque[float] = field(default_factory=deque)
    _polls: deque[float] = field(default_factory=deque)
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

    def spare_polls(self, now: float, part: float) -> float:
        """Return how many polls could be made at once, if polls take that part of what they may."""
        # In this order: what is spare forgets old polls, too.
        spare = self.spare(now)
        return max(min(self.polls * part - len(self._polls), spare), 0.0)

    def spend_poll(self, now: float) -> None:
        """Note a poll that begins now."""
        self.spend(now)
        self._polls.append(now)

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
        pause = THROTTLED_BACKOFF.pause(self._refusals, chance)
        self._paused_until = max(self._paused_until, now + max(pause, retry_after or 0.0))
        self._refusals += 1
        self._limit = max(self._limit_now(now) * KEPT_BACK, float(FEWEST_CALLS))
        self._limit_at = now

    def _limit_now(self, now: float) -> float:
        regained = self.documented * REGAIN_PER_SECOND * max(now - self._limit_at, 0.0)
        return min(self._limit + regained, float(self.documented))

    def _forget_old(self, now: float) -> None:
        for moments in (self._calls, self._polls):
            while moments and moments[0] <= now - WINDOW_SECONDS:
                moments.popleft()
