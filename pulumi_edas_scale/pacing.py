"""When to look at which change order.

This file's law: it decides about looks and makes none; every method gets the moment ``now`` in seconds. One pacer
serves all orders of a process, because they share EDAS's small budget of calls per minute.

Two reasons make a look worth its call:

- *warm*: orders of this kind took ``s`` seconds before, and this one has just become as old as that;
- *cold*: nothing is known, so an order is looked at again when it has become a little older, in proportion
  (``GROWTH`` of its age): the end is then seen late by a bounded share of the order's own time.

Cold looks of all orders together never take more than the spare budget divided by ``HORIZON_SECONDS``, and go
round: what one order shows at an age warms all others. A thousand orders are thus as polite as one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

FIRST_LOOK_SECONDS: Final = 0.4
"""No order of EDAS is known to end sooner, and the emulator's immediate ones are seen at once all the same."""

SHORTEST_GAP_SECONDS: Final = 0.2
LONGEST_GAP_SECONDS: Final = 10.0

GROWTH: Final = 0.035
"""Share of an order's age that may pass between two looks: an end is seen at most this much late."""

HORIZON_SECONDS: Final = 15.0
"""Cold looks may use up the spare budget no faster than over this time, so that it never runs dry in a minute."""

REMEMBERED_DURATIONS: Final = 16


@dataclass(slots=True)
class _Watched:
    kind: str
    begun: float
    looked: float
    not_before: float
    looking: bool = False


@dataclass(slots=True)
class Pacer:
    """The orders that are waited for, and how long orders like them took."""

    _watched: dict[str, _Watched] = field(default_factory=dict)
    _durations: dict[str, deque[float]] = field(default_factory=dict)
    _last_cold: float = float("-inf")

    def watch(self, order_id: str, kind: str, begun: float, now: float) -> None:
        """Start to care for an order of a kind (``scale out``), which began at the moment ``begun``."""
        self._watched[order_id] = _Watched(kind, begun, now, now + FIRST_LOOK_SECONDS)

    def forget(self, order_id: str) -> None:
        """Stop caring for an order, for whatever reason."""
        self._watched.pop(order_id, None)

    def look_begins(self, order_id: str, now: float) -> None:
        """Note that somebody is looking at the order now, so that nobody else does."""
        order = self._watched[order_id]
        order.looking = True
        if self._warm(order) > now:
            self._last_cold = now

    def look_ends(self, order_id: str, now: float, *, not_before: float | None = None) -> None:
        """Note that the order was seen and goes on; ``not_before`` is a moment before which looking is useless."""
        order = self._watched.get(order_id)
        if order is None:
            return
        order.looking = False
        order.looked = now
        order.not_before = now + _gap(now - order.begun) if not_before is None else not_before

    def learn(self, order_id: str, now: float) -> None:
        """Note that the order was seen to have ended well: others of its kind will take as long."""
        order = self._watched.get(order_id)
        if order is not None:
            known = self._durations.setdefault(order.kind, deque(maxlen=REMEMBERED_DURATIONS))
            known.append(now - order.begun)

    def next_look(self, now: float, spare_calls: float) -> tuple[str, float] | None:
        """Return the order to look at next and the moment to do so, None when nobody waits.

        Args:
            now: the present moment.
            spare_calls: how many calls the budget allows in this minute beyond those already made.
        """
        free = [(order_id, order) for order_id, order in self._watched.items() if not order.looking]
        if not free:
            return None
        warm = min(free, key=lambda item: (self._warm(item[1]), item[0]))
        cold = max(free, key=lambda item: (_overdue(item[1], now), item[0]))
        cold_at = max(cold[1].not_before, self._last_cold + HORIZON_SECONDS / max(spare_calls, 1.0))
        if self._warm(warm[1]) <= cold_at:
            return warm[0], self._warm(warm[1])
        return cold[0], cold_at

    def _warm(self, order: _Watched) -> float:
        """Return the moment at which the order becomes as old as the next remembered duration."""
        seen_age = order.looked - order.begun + _gap(order.looked - order.begun) / 2
        later = [seconds for seconds in self._durations.get(order.kind, ()) if seconds > seen_age]
        return max(order.begun + min(later), order.looked) if later else float("inf")


def _gap(age: float) -> float:
    return min(max(age * GROWTH, SHORTEST_GAP_SECONDS), LONGEST_GAP_SECONDS)


def _overdue(order: _Watched, now: float) -> float:
    """Return how many of its gaps an order has gone unseen: the largest is the most overdue."""
    return (now - order.not_before) / _gap(now - order.begun)
