"""When to poll which change order.

This file's law: it decides about polls and makes none; every method gets the moment ``now`` in seconds. One schedule
serves all orders of a process, because they share EDAS's small budget of calls per minute, of which polls may take a
part (law 17).

An order whose application the hint shows changed (``hints.py``) is polled next. Else a poll is worth making when the
chance that it finds an end has grown to its *threshold*. How likely an end becomes at an age is learned from the
orders of the same kind, as survival is (a beta process): while ``n`` orders are known to have become as old,

- each of them that ended at that age adds ``1 / (PRIOR + n)``,
- and growing older by a share adds ``PRIOR / (PRIOR + n)`` of that share, whatever the scale of time.

So nothing but its age speaks for an order at the front, little for one whose like were seen running at its age, and an
end for all that reach the age of the one that ended. A few orders at the front find out how long orders take, in
steps that leave a poll for the end of each.

The threshold is what the budget can bear: a tenth for a single order, more than a half when each order has one poll
left. Where durations differ that many ends would wait for a long time, so what is to spare beside one poll for the end
of each goes to *guesses*: the next order that reaches the lowest threshold, evenly over the minute.
A thousand orders are as polite as one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.edas.hints import Hints
from pulumi_edas_scale.edas.rate_limit import WINDOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pulumi_edas_scale.domain.model import ApplicationSummary

FIRST_POLL_SECONDS: Final = 0.4
"""No order of EDAS is known to end sooner, and the emulator's immediate ones are seen at once all the same."""

SHORTEST_GAP_SECONDS: Final = 0.2
LONGEST_GAP_SECONDS: Final = 10.0

LONGEST_ROUND_SECONDS: Final = 0.8
"""However small the chance, an order is polled after so many seconds for each order there is (and 10 at least)."""

UNLIKELY_ROUNDS: Final = 3.0
"""An order whose end will probably be hinted at, or that is younger than any that ended, waits for so many rounds."""

LOWEST_THRESHOLD: Final = 0.1
"""Share of its age after which a single order is polled again, up to ``STEADY_GAP_SECONDS``."""

HIGHEST_THRESHOLD: Final = 0.6
"""When calls are scarce they go where an end is more likely than not."""

STEADY_GAP_SECONDS: Final = 1.8
STEADY_SHARE: Final = 0.028
"""While calls are plenty, an end is seen that many seconds late at most, or by that share of the age. Taking turns,
report and list are asked 17 times a minute each, 27 in the first one."""

SHORTEST_FRONT_STEP: Final = 0.05
LONGEST_FRONT_STEP: Final = 0.6
"""Share by which an order must have become older than the one at the front to be polled in its place."""

KEPT_FOR_ENDS: Final = 1.2
"""Polls that the front leaves for the end of each order."""

POLLS_KEPT: Final = 2.0
"""Polls the threshold keeps back for each order: with ``n`` orders and ``s`` spare calls it is ``2 n / s``."""

KEPT_FROM_GUESSES: Final = 0.8
"""Polls that guesses leave for each order: a guess is right now and then."""

PRIOR: Final = 0.5
"""Orders that what is seen of others has to outweigh."""

KEPT_FOR_HINTS: Final = 1.5
"""Polls kept back for each order whose end will probably be hinted at: some hints come a moment early."""

FIRST_GUESS_SECONDS: Final = 1.0
"""An order whose end will probably be hinted at is not polled younger: of two hundred orders that begin in five
seconds, those polled at once would take the polls from the ends of the last."""

FALSE_HINT_SECONDS: Final = 0.5
"""After the first hint that found an order running; twice as long after each further one. An application may leave
DEPLOYING a moment before its order ends, and its numbers change with every batch."""

MOST_FALSE_HINTS: Final = 3
"""Polls in a row for a hint that does not come true."""

REMEMBERED_DURATIONS: Final = 16


@dataclass(slots=True)
class _Watched:
    kind: str
    app_id: str
    begun: float
    polled: float
    not_before: float
    in_doubt: bool = False
    polling: bool = False
    hinted_at: float | None = None
    left_deploying: bool = False
    false_hints: int = 0

    @property
    def seen_age(self) -> float:
        """How old the order was when it was polled last."""
        return self.polled - self.begun

    def due(self, age: float) -> float:
        """Return the moment to poll it when that is worth it from an age on."""
        if self.in_doubt:
            return self.not_before
        due = self.begun + age if self.hinted_at is None else min(self.begun + age, self.hinted_at)
        return max(due, self.not_before)


@dataclass(slots=True)
class _Kind:
    """What is known of the orders of one kind.

    Attributes:
        durations: how long some took, ascending.
        ages: how old those that are waited for were when they were seen last, ascending.
    """

    durations: Sequence[float]
    ages: Sequence[float]
    _steps: list[float] = field(default_factory=lambda: [SHORTEST_GAP_SECONDS])
    _hazards: list[float] = field(default_factory=lambda: [0.0])

    def __post_init__(self) -> None:
        ends = Counter(_at_least_shortest(each) for each in self.durations)
        known = sorted(_at_least_shortest(each) for each in (*self.durations, *self.ages))
        hazard = 0.0
        for age in sorted(set(known)):
            weight = PRIOR + len(known) - bisect_left(known, age)
            hazard += PRIOR / weight * math.log(age / self._steps[-1])
            self._steps.append(age)
            self._hazards.append(hazard)
            if ends[age]:
                hazard += ends[age] / weight
                self._steps.append(age)
                self._hazards.append(hazard)

    def age_by_others(self, seen_age: float, chance: float) -> float:
        """Return the age at which an order that was seen running, at one of the ages, has ended with that chance."""
        seen = bisect_right(self._steps, _at_least_shortest(seen_age)) - 1
        wanted = self._hazards[seen] - math.log1p(-chance)
        place = bisect_left(self._hazards, wanted - _ROUNDING)
        if place == len(self._hazards):
            return self._steps[-1] * math.exp(wanted - self._hazards[-1])
        before, after = self._steps[place - 1], self._steps[place]
        share = (wanted - self._hazards[place - 1]) / (self._hazards[place] - self._hazards[place - 1])
        return float(before * (after / before) ** min(share, 1.0))

    def age_at_front(self, seen_age: float, threshold: float, polls_left: float) -> float:
        """Return the age at which an order passes the one at the front, to be the next to find something out.

        Args:
            seen_age: how old the order was when it was seen last.
            threshold: the chance that makes a poll worthwhile.
            polls_left: how many polls the front may use in the next minute.
        """
        if self.durations and seen_age < self.durations[0]:
            return math.inf
        front = self.ages[-1]
        # Ages may be of any scale, so a step is a share of the age; they reach to what the front may be when a minute
        # has passed and polls come back.
        step = math.log1p(WINDOW_SECONDS / max(front, SHORTEST_GAP_SECONDS)) / max(polls_left, 1.0)
        step = min(max(step, SHORTEST_FRONT_STEP), LONGEST_FRONT_STEP)
        return max(_worth(seen_age, threshold), _worth(front, step))


_ROUNDING: Final = 1e-9


def _at_least_shortest(age: float) -> float:
    return max(age, SHORTEST_GAP_SECONDS)


@dataclass(slots=True)
class PollSchedule:
    """The orders that are waited for, how long orders like them took, and what is hinted about them."""

    hints: Hints = field(default_factory=Hints)
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _durations: dict[str, deque[float]] = field(default_factory=dict)

    def watch(self, order_id: str, app_id: str, kind: str, begun: float, now: float) -> None:
        """Begin to care for an order of a kind (``scale out``), which began at the moment ``begun``."""
        self._watched[order_id] = _Watched(kind, app_id, begun, now, now + FIRST_POLL_SECONDS)

    def forget(self, order_id: str) -> None:
        """Stop caring for an order, for whatever reason."""
        self._watched.pop(order_id, None)

    def poll_begins(self, order_id: str, now: float) -> None:
        """Note that somebody polls the order now, so that nobody else does."""
        order = self._watched[order_id]
        order.polling = True
        order.polled = now

    def poll_ends(
        self, order_id: str, now: float, *, not_before: float | None = None, gap: float = SHORTEST_GAP_SECONDS
    ) -> None:
        """Note that the order was seen and goes on.

        Args:
            order_id: which one.
            now: the present moment.
            not_before: when a doubt about it can be settled.
            gap: the shortest pause before its next poll.
        """
        order = self._watched.get(order_id)
        if order is None:
            return
        order.polling = False
        order.polled = now
        order.in_doubt = not_before is not None
        order.not_before = now + gap if not_before is None else not_before
        if order.hinted_at is not None:
            # Polled again soon: the hint may be a moment ahead of the order. If it was about something else (a batch
            # of instances that came up), the pauses grow and the usual schedule takes over.
            pause = FALSE_HINT_SECONDS * 2.0**order.false_hints
            order.false_hints = min(order.false_hints + 1, MOST_FALSE_HINTS)
            again = order.left_deploying and order.false_hints < MOST_FALSE_HINTS
            order.hinted_at = now + pause if again else None

    def postpone(self, order_id: str, until: float) -> None:
        """Let the others go first until then: there is no call to spare for this order."""
        order = self._watched[order_id]
        order.not_before = max(order.not_before, until)

    def learn(self, order_id: str, now: float) -> None:
        """Note that the order was seen to have ended well: others of its kind will take as long."""
        order = self._watched.get(order_id)
        if order is not None:
            known = self._durations.setdefault(order.kind, deque(maxlen=REMEMBERED_DURATIONS))
            known.append(now - order.begun)
            self.hints.order_ended(order.app_id, now, hinted=order.hinted_at is not None)

    def next_hint(self, part: float) -> float | None:
        """Return when to ask for the next hint, None while there is no use for one; ``part`` as in ``hints.py``."""
        return self.hints.next_reading({each.app_id for each in self._watched.values()}, part)

    def begin_hint(self, now: float) -> tuple[str, ...]:
        """Return the applications to ask for now."""
        return self.hints.begin_reading({each.app_id for each in self._watched.values()}, now)

    def take_hint(self, lines: Iterable[ApplicationSummary], now: float) -> None:
        """Take in what ListApplication shows: whose application changed is polled next."""
        changed = self.hints.heard(lines, now)
        for order in self._watched.values():
            left_deploying = changed.get(order.app_id)
            if left_deploying is None:
                continue
            # A number that changes while the application is still deploying is the weaker hint: after some that were
            # false it no longer counts at once.
            pause = 0.0 if left_deploying else FALSE_HINT_SECONDS * (2.0**order.false_hints - 1.0)
            at = max(now, order.polled + pause)
            order.left_deploying = left_deploying
            order.hinted_at = at if order.hinted_at is None else min(order.hinted_at, at)

    def next_poll(self, spare_calls: float) -> tuple[str, float] | None:
        """Return the order to poll next and the moment to do so, None when nobody waits.

        Args:
            spare_calls: how many polls the budget allows in this minute beyond those already made.
        """
        # The end of an order that is hinted at costs one poll. Those are kept back first, or else the polls that look
        # for the others would have spent them.
        expected = set()
        if self.next_hint(1.0) is not None:
            expected = {name for name, each in self._watched.items() if self.hints.covers(each.app_id)}
        to_spare = spare_calls - KEPT_FOR_HINTS * len(expected)
        threshold = POLLS_KEPT * len(self._watched) / max(to_spare, 1.0)
        threshold = min(max(threshold, LOWEST_THRESHOLD), HIGHEST_THRESHOLD)
        ages: dict[str, list[float]] = {}
        for order in self._watched.values():
            ages.setdefault(order.kind, []).append(order.seen_age)
        kinds = {kind: _Kind(sorted(self._durations.get(kind, ())), sorted(ages[kind])) for kind in ages}
        polls_left = spare_calls - KEPT_FOR_ENDS * len(self._watched)
        guess = math.inf
        if threshold == HIGHEST_THRESHOLD:
            to_guess = max(spare_calls - KEPT_FROM_GUESSES * len(self._watched), 1.0)
            guess = max(each.polled for each in self._watched.values()) + WINDOW_SECONDS / to_guess
        first: tuple[float, float, str] | None = None
        for place, (order_id, order) in enumerate(self._watched.items(), start=1):
            if order.polling:
                continue
            if order_id not in expected:
                kind = kinds[order.kind]
                age = self._worthwhile_age(order, threshold, kind, polls_left)
                if kind.durations:
                    likely = kind.age_by_others(order.seen_age, LOWEST_THRESHOLD)
                    age = min(age, max(likely, guess - order.begun))
            elif to_spare > 0:
                # Its end will probably be hinted at: only the quick may be quicker.
                age = _first_age(order, threshold, kinds[order.kind], polls_left)
                age = max(min(order.seen_age + UNLIKELY_ROUNDS * self._round(), age), FIRST_GUESS_SECONDS)
            else:
                # Every poll is kept for an end that is hinted at. For hints that are missed there is a slow round, in
                # which each has a place of its own: orders that began together would else be polled together.
                rounds = UNLIKELY_ROUNDS * (1 + place / len(self._watched))
                age = order.seen_age + rounds * self._round()
            due = (order.due(age), order.polled, order_id)
            first = due if first is None else min(first, due)
        return None if first is None else (first[2], first[0])

    def _round(self) -> float:
        return max(LONGEST_GAP_SECONDS, LONGEST_ROUND_SECONDS * len(self._watched))

    def _worthwhile_age(self, order: _Watched, threshold: float, kind: _Kind, polls_left: float) -> float:
        """Return the age at which a poll of the order becomes worth making."""
        longest = self._round()
        if kind.durations:
            # None is known to have ended as young: the polls of this round would be missing when the ends come.
            longest = min(max(longest, kind.durations[0] - order.seen_age), UNLIKELY_ROUNDS * longest)
        if threshold == LOWEST_THRESHOLD:
            longest = min(longest, max(STEADY_GAP_SECONDS, STEADY_SHARE * order.seen_age))
        return min(order.seen_age + longest, _first_age(order, threshold, kind, polls_left))


def _first_age(order: _Watched, threshold: float, kind: _Kind, polls_left: float) -> float:
    by_others = kind.age_by_others(order.seen_age, threshold)
    return min(by_others, kind.age_at_front(order.seen_age, threshold, polls_left))


def _worth(seen_age: float, chance: float) -> float:
    """Return the age at which an end since ``seen_age`` has that chance, if every scale of time is as likely."""
    return max(seen_age, SHORTEST_GAP_SECONDS) / (1 - chance) if chance < 1 else math.inf
