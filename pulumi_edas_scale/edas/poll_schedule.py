"""When to look at which change order.

This file's law: it decides about looks and makes none; every method gets the moment ``now`` in seconds. One pacer
serves all orders of a process, because they share EDAS's small budget of calls per minute.

A look is worth making when the chance that it finds an end has grown to its *price*, and the price is what the
budget can bear: a few percent for a single order, more than half when each order has one look left. The chance
that an order has ended since it was seen last is taken from three things:

- *known*: the share of the remembered durations of its kind, beyond its age when last seen, that it has reached;
- *ahead*: nothing is known and no order of its kind was seen running at its age: the chance is the share by
  which it has aged, whatever the scale (``1 - seen / age``);
- *hearsay*: others of its kind run at that age or took longer; then the same counts for ``HEARSAY`` of itself.

So one order at the front finds out how long orders take, and the others are looked at when they become as old. A
thousand orders are as polite as one.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_LOOK_SECONDS: Final = 0.4
"""No order of EDAS is known to end sooner, and the emulator's immediate ones are seen at once all the same."""

SHORTEST_GAP_SECONDS: Final = 0.2
LONGEST_GAP_SECONDS: Final = 10.0

LONGEST_ROUND_SECONDS: Final = 0.8
"""However small the chance, an order is looked at after so many seconds for each order there is (and 10 at least):
with 75 calls a minute to spare, everybody has his turn once in a round."""

LOWEST_PRICE: Final = 0.035
"""Share of its age by which the end of a single order is seen late at most."""

HIGHEST_PRICE: Final = 0.6
"""When calls are scarce they go where an end is more likely than not."""

LOOKS_KEPT: Final = 2.0
"""Looks the price keeps back for each order: with ``n`` orders and ``s`` spare calls a look costs ``2 n / s``."""

HEARSAY: Final = 0.3

REMEMBERED_DURATIONS: Final = 16


@dataclass(slots=True)
class _Watched:
    kind: str
    begun: float
    looked: float
    not_before: float
    doubted: bool = False
    looking: bool = False

    @property
    def seen_age(self) -> float:
        """How old the order was when it was looked at last."""
        return self.looked - self.begun


@dataclass(slots=True)
class PollSchedule:
    """The orders that are waited for, and how long orders like them took."""

    _watched: dict[str, _Watched] = field(default_factory=dict)
    _durations: dict[str, deque[float]] = field(default_factory=dict)

    def watch(self, order_id: str, kind: str, begun: float, now: float) -> None:
        """Start to care for an order of a kind (``scale out``), which began at the moment ``begun``."""
        self._watched[order_id] = _Watched(kind, begun, now, now + FIRST_LOOK_SECONDS)

    def forget(self, order_id: str) -> None:
        """Stop caring for an order, for whatever reason."""
        self._watched.pop(order_id, None)

    def poll_begins(self, order_id: str, now: float) -> None:
        """Note that somebody is looking at the order now, so that nobody else does."""
        order = self._watched[order_id]
        order.looking = True
        order.looked = now

    def poll_ends(self, order_id: str, now: float, *, not_before: float | None = None) -> None:
        """Note that the order was seen and goes on; ``not_before`` is when a doubt about it can be settled."""
        order = self._watched.get(order_id)
        if order is None:
            return
        order.looking = False
        order.looked = now
        order.doubted = not_before is not None
        order.not_before = now + SHORTEST_GAP_SECONDS if not_before is None else not_before

    def learn(self, order_id: str, now: float) -> None:
        """Note that the order was seen to have ended well: others of its kind will take as long."""
        order = self._watched.get(order_id)
        if order is not None:
            known = self._durations.setdefault(order.kind, deque(maxlen=REMEMBERED_DURATIONS))
            known.append(now - order.begun)

    def next_poll(self, now: float, spare_calls: float) -> tuple[str, float] | None:
        """Return the order to look at next and the moment to do so, None when nobody waits.

        Args:
            now: the present moment.
            spare_calls: how many calls the budget allows in this minute beyond those already made.
        """
        del now
        price = LOOKS_KEPT * len(self._watched) / max(spare_calls, 1.0)
        price = min(max(price, LOWEST_PRICE), HIGHEST_PRICE)
        known = {kind: sorted(durations) for kind, durations in self._durations.items()}
        farthest: dict[str, float] = {}
        for order in self._watched.values():
            farthest[order.kind] = max(farthest.get(order.kind, 0.0), order.seen_age)
        due = (
            (self._due(order, price, farthest[order.kind], known.get(order.kind, [])), order.looked, order_id)
            for order_id, order in self._watched.items()
            if not order.looking
        )
        first = min(due, default=None)
        return None if first is None else (first[2], first[0])

    def _due(self, order: _Watched, price: float, farthest: float, known: Sequence[float]) -> float:
        """Return the moment at which a look at the order becomes worth its price; ``known`` ascends."""
        if order.doubted:
            return order.not_before
        outlived = bisect_right(known, order.seen_age)
        longest = max(LONGEST_GAP_SECONDS, LONGEST_ROUND_SECONDS * len(self._watched))
        age = min(order.seen_age + longest, _worth(order.seen_age, price / HEARSAY))
        if outlived < len(known):
            age = min(age, known[outlived + math.ceil(price * (len(known) - outlived)) - 1])
        elif order.seen_age >= farthest:
            age = min(age, _worth(order.seen_age, price))
        else:  # it may pass the one at the front, and be the next to find something out
            age = min(age, max(_worth(order.seen_age, price), _worth(farthest, LOWEST_PRICE)))
        return max(order.begun + age, order.not_before)


def _worth(seen_age: float, chance: float) -> float:
    """Return the age at which an end since ``seen_age`` has that chance, if every scale of time is as likely."""
    return max(seen_age, SHORTEST_GAP_SECONDS) / (1 - chance) if chance < 1 else math.inf
