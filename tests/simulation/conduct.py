"""How an operation behaves while it runs: how long it takes, what it repeats, when it pauses, what it steers.

The law of this file: as ``laws.py``, it looks and never touches. It measures the lines a user sees and the calls that
EDAS gets, never what the provider thinks of itself. Where a moment can only be known roughly, the doubt is in favour
of the provider, and as small as the pauses between two of its readings.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from pulumi_edas_scale.domain.errors import BusinessError, UnavailableError
from pulumi_edas_scale.domain.plan import Wait

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_edas_scale.domain.errors import EdasError

AFTER_DEADLINE_SECONDS: Final = 10.0
"""What DESIGN law 14 gives an operation after its time-out."""

LOOK_SECONDS: Final = 20.0
"""Between two readings of a wait, one of which may be slow and lag: what a clock may be wrong by."""

SILENT_SECONDS: Final = 20.0
"""Ten seconds of waiting without a line are a defect; some slow calls may come in between."""

MOST_REFUSALS: Final = 3
"""A write that EDAS refuses although no order is active is repeated twice (DESIGN section 4)."""

MOST_LOST: Final = 2
"""A write whose answer was lost is repeated once."""

MOST_REFUSED_READINGS: Final = 18
"""A refused reading is a doubt until it was seen three times over fifteen seconds; a delete asks for two witnesses,
and each order that was active when the application went is waited for before."""

MOST_CALLS_A_MINUTE: Final = 30
"""Of any operation but the polls of orders and their hints, which ``looks.py`` measures (law 17)."""

POLLS: Final = frozenset({"GetChangeOrderInfo", "ListRecentChangeOrder", "ListApplication"})

QUEUED: Final = re.compile(r"\d+ before this one change application")
WAITING: Final = re.compile(r"waiting for (.+?)( \(.*\))?, \d+ s")
WORKING: Final = re.compile(r"change order|scale (out|in) |waiting for change order|\d+ before this one")
PAUSING: Final = re.compile(f"waiting for {Wait.PAUSE.value}|waiting up to|(waiting for )?change order")
JOIN_CLOCK: Final = frozenset({Wait.ABSENT, Wait.RISING, Wait.FLOOR})


class Stood(NamedTuple):
    """What the join clock had to stand still for since the last line.

    Attributes:
        perhaps: an order of the application was active at some moment.
        surely: one was active all the time.
        some_start: EDAS starts a listed member.
        all_start: it starts every listed member that does not run.
    """

    perhaps: bool
    surely: bool
    some_start: bool
    all_start: bool


BLIND: Final = re.compile(r"failed: .* Trying again")
"""The line of a reading that is repeated."""


@dataclass
class Conduct:
    """One create, update or delete while it runs, as seen from outside.

    Attributes:
        begun: when the engine asked for it.
        timeout: its ``timeoutSeconds``.
        join_timeout: its ``joinTimeoutSeconds``.
        pause: its ``batchPauseSeconds``.
        confirms: its ``confirmBatches``.
        recorded_orders: the orders of the last operation, as state knows them.
    """

    begun: float
    timeout: float = 1800.0
    join_timeout: float = 300.0
    pause: float = 0.0
    confirms: bool = False
    recorded_orders: frozenset[str] = frozenset()
    told: set[str] = field(default_factory=set)
    orders: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    calls: dict[str, list[float]] = field(default_factory=dict)
    _line: str = ""
    _said_at: float = 0.0
    _counted: float = 0.0
    _silent: float = 0.0
    _quiet: dict[Wait, float] = field(default_factory=dict)
    _waited: dict[Wait, float] = field(default_factory=dict)
    _last_wait: Wait | None = None

    def __post_init__(self) -> None:
        """Begin with silence."""
        self._said_at = self.begun

    def say(self, line: str, now: float, stood: Stood) -> None:
        """Take note of a status line."""
        self._pass(now, stood)
        self._line = line
        if WORKING.match(line):
            self._last_wait = None
        self._last_wait = self._reason() or self._last_wait

    def wrote(self, order_id: str) -> None:
        """Take note of an accepted order: every wait begins again, and calls are counted for each order."""
        self.orders.append(order_id)
        self.calls.clear()
        self._quiet.clear()
        self._waited.clear()

    def fail_call(
        self, operation: str, params: Mapping[str, str], error: EdasError, *, idle: bool
    ) -> str | None:
        """Count a call that was refused or lost; return what is wrong with its repeats."""
        key = f"{operation} {sorted(params.items())}"
        write = operation.startswith("Scale")
        if isinstance(error, BusinessError):
            if write and not idle:
                self.refused[key] = 0
                return None
            self.refused[key] += 1
            if self.refused[key] > (MOST_REFUSALS if write else MOST_REFUSED_READINGS):
                return f"{operation} was refused {self.refused[key]} times"
        elif write and isinstance(error, UnavailableError) and type(error) is UnavailableError:
            self.refused[f"lost {key}"] += 1
            if self.refused[f"lost {key}"] > MOST_LOST:
                return (
                    f"{operation} was sent {self.refused[f'lost {key}']} times although each answer was lost"
                )
        return None

    def call(self, operation: str, now: float) -> str | None:
        """Count a call; return what is wrong when there are too many."""
        moments = self.calls.setdefault(operation, [])
        moments.append(now)
        many = len(moments) > MOST_CALLS_A_MINUTE and now - moments[-1 - MOST_CALLS_A_MINUTE] < 60.0
        if many and operation not in POLLS:
            return f"more than {MOST_CALLS_A_MINUTE} {operation} in a minute"
        return None

    def ended(self, now: float, failure: str, stood: Stood) -> Sequence[str]:
        """Return what was wrong with the time that an operation took."""
        self._pass(now, stood)
        wrong = []
        if self._counted > self.timeout + AFTER_DEADLINE_SECONDS:
            wrong.append(f"takes {self._counted:.1f} s, its time-out is {self.timeout:g} s")
        if self._silent > SILENT_SECONDS:
            wrong.append(f"says nothing for {self._silent:.1f} s")
        for each, seconds in self._quiet.items():
            patience = self._patience(each)
            if seconds > patience + LOOK_SECONDS:
                wrong.append(f"waits {seconds:.1f} s for {each.value}, not {patience:g} s")
        expired = re.search(r"Waited \d+ seconds|After \d+ seconds", failure)
        if expired and self._last_wait in JOIN_CLOCK:
            waited = self._waited.get(self._last_wait, 0.0)
            if waited < self.join_timeout - LOOK_SECONDS:
                wrong.append(f"gives up after {waited:.1f} s, joinTimeoutSeconds is {self.join_timeout:g}")
        return wrong

    @property
    def said_at(self) -> float:
        """When the last line was said, or the operation began."""
        return self._said_at

    def _pass(self, now: float, stood: Stood) -> None:
        since = now - self._said_at
        self._said_at = now
        if not QUEUED.match(self._line):  # the queue of one's own process costs nobody his time
            self._counted += since
            if not PAUSING.match(self._line):  # these say what is waited for until it is over
                self._silent = max(self._silent, since)
        reason = self._reason()
        if reason is not None and not (stood.perhaps or stood.some_start):
            self._quiet[reason] = self._quiet.get(reason, 0.0) + since
        # A reading that is repeated or waits for its turn has a line of its own, and the wait goes on.
        stands = stood.surely or (stood.all_start and self._last_wait in {Wait.RISING, Wait.FLOOR})
        # Who cannot look does not learn of an order: an outage stops no clock.
        stands = stands and not BLIND.search(self._line)
        if self._last_wait is not None and not stands:
            self._waited[self._last_wait] = self._waited.get(self._last_wait, 0.0) + since

    def _reason(self) -> Wait | None:
        waiting = WAITING.fullmatch(self._line)
        return next((each for each in Wait if waiting and each.value == waiting[1]), None)

    def _patience(self, reason: Wait) -> float:
        if reason in JOIN_CLOCK:
            return self.join_timeout
        return min(10.0, self.join_timeout) if reason is Wait.GROUP else 60.0
