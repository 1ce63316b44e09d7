"""Await the end of change orders, all of a process together.

This file's law: polling again because an order is not finished is decided by ``poll_schedule.py``; retrying because
a call failed is the business of ``reads.py``, except for a poll: one answer is not the truth (law 15), so a refused
or unreadable poll is a doubt, which the same schedule settles. A bad end is believed only when ``orders.py`` says so.
This file never decides what an end means for a membership.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from pulumi_edas_scale.domain.clock import Backoff, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    EdasError,
    NotUnderstoodError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import OrderReport
from pulumi_edas_scale.domain.orders import Confirmation, Phase, phase_of
from pulumi_edas_scale.edas.poll_schedule import SHORTEST_GAP_SECONDS, PollSchedule
from pulumi_edas_scale.edas.reads import ORDER_LIST, ORDER_REPORT

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.edas.reads import Reads

_LONGEST_WAIT_SECONDS: Final = 1.0
"""Another order is due first: its waiter notifies when it has polled; this only bounds a single wait."""

_HINT_CALL_SECONDS: Final = 3.0
"""A hint that takes longer is none: its caller does not poll its own order meanwhile."""

_REPORT_GAP_SECONDS: Final = 2.2
"""Between two polls of an order of which only its report tells: at most 28 a minute, and no order costs more than 30
calls of an operation (law 17)."""

_FAILED_POLL_BACKOFF: Final = Backoff(first=0.5, factor=2.0, longest=7.5)
"""Pauses after failed polls. An order may be unknown to EDAS for its first moments and last a second or two, so the
first pause is short; the sixth poll of a row comes after fifteen seconds, when ``Confirmation`` can believe it."""


class Watcher(Protocol):
    """What the polls of an order are reported to; no method may block."""

    def seen(self, report: OrderReport, age_seconds: float) -> None:
        """The order goes on; called after every poll that was answered."""
        ...

    def poll_failed(self, order_id: str, error: EdasError, age_seconds: float) -> None:
        """A poll failed and is made again; called after each."""
        ...


@dataclass(frozen=True, slots=True)
class Awaited:
    """One order to wait for.

    Attributes:
        order_id, app_id: which one.
        kind: orders of one kind take about equally long (``scale out``); empty when that is not known.
        begun: when it was submitted, on the runtime's clock.
    """

    order_id: str
    app_id: str
    kind: str
    begun: float


@dataclass(frozen=True, slots=True)
class _Doubt:
    """The failed polls of an order since one was answered.

    Attributes:
        error: the last failure.
        failures: how many there were.
        refusals: those that EDAS answered. A call that got no answer, or was throttled, says nothing about the
            order, and is repeated until the deadline.
    """

    error: EdasError | None = None
    failures: int = 0
    refusals: Confirmation = field(default_factory=Confirmation)

    def after(self, error: EdasError, now: float) -> _Doubt:
        answered = isinstance(error, (BusinessError, NotUnderstoodError))
        refusals = self.refusals.once_more(now) if answered else self.refusals
        return _Doubt(error, self.failures + 1, refusals)

    def next_poll(self, now: float) -> float:
        return now + _FAILED_POLL_BACKOFF.pause(self.failures - 1)


@dataclass(slots=True)
class Way:
    """By which of the two operations an order is polled: by turns, so that neither pays for all.

    The first poll asks for the report: it alone shows what permission is missing. The list does not know old orders,
    and of a held or failed one it does not say enough; such an order is polled by its report from then on.
    """

    polls: int = 0
    reports_only: bool = False

    def choose(self, spare: dict[str, float]) -> str | None:
        """Return the operation of the next poll, None when none that would do is to spare."""
        wanted = [ORDER_REPORT] if self.reports_only else [ORDER_REPORT, ORDER_LIST]
        if self.polls % 2:
            wanted.reverse()
        return next((each for each in wanted if spare[each] >= 1), None)


@dataclass(slots=True)
class Waiter:
    """The polls of change orders of one account in one region."""

    reads: Reads
    poll_schedule: PollSchedule = field(default_factory=PollSchedule)

    def await_end(self, order: Awaited, context: OperationContext, watcher: Watcher) -> OrderReport:
        """Block until the order has ended well, or its bad end is believed.

        Args:
            order: the order.
            context: bounds of the operation.
            watcher: gets every poll.

        Returns:
            The last report; its status says how the order ended.

        Raises:
            EdasError: EDAS repeatedly does not say how the order goes on, or does not let us ask; it may still run.
            Cancelled, DeadlineExceeded: the operation must not go on.
        """
        runtime = self.reads.runtime
        with runtime:
            self.poll_schedule.watch(order.order_id, order.app_id, order.kind, order.begun, runtime.now())
        try:
            return self._poll_to_the_end(order, context, watcher)
        finally:
            with runtime:
                self.poll_schedule.forget(order.order_id)
                runtime.notify()

    def _poll_to_the_end(self, order: Awaited, context: OperationContext, watcher: Watcher) -> OrderReport:
        runtime = self.reads.runtime
        bad_end, doubt, way = Confirmation(), _Doubt(), Way()
        while True:
            try:
                report = self._poll(order, context, way)
            except (BusinessError, ThrottledError, UnavailableError) as error:
                now = runtime.now()
                doubt = doubt.after(error, now)
                if doubt.refusals.confirmed(now):
                    raise
                watcher.poll_failed(order.order_id, error, now - order.begun)
                self._goes_on(order, not_before=doubt.next_poll(now))
                continue
            except DeadlineExceeded as sign:
                if doubt.error is None:
                    raise
                raise sign from doubt.error
            doubt = _Doubt()
            now = runtime.now()
            bad_end = bad_end.after(report.status, now)
            phase = phase_of(report.status)
            if phase is Phase.SUCCEEDED or bad_end.confirmed(now):
                if phase is Phase.SUCCEEDED and order.kind:
                    with runtime:  # a bad end says nothing about how long a good one takes
                        self.poll_schedule.learn(order.order_id, runtime.now())
                return report
            watcher.seen(report, now - order.begun)
            self._goes_on(
                order,
                not_before=bad_end.next_poll(now) if phase is Phase.ENDED_BADLY else None,
                gap=_REPORT_GAP_SECONDS if way.reports_only else SHORTEST_GAP_SECONDS,
            )

    def _goes_on(
        self, order: Awaited, *, not_before: float | None = None, gap: float = SHORTEST_GAP_SECONDS
    ) -> None:
        runtime = self.reads.runtime
        with runtime:
            self.poll_schedule.poll_ends(order.order_id, runtime.now(), not_before=not_before, gap=gap)
            runtime.notify()

    def _poll(self, order: Awaited, context: OperationContext, way: Way) -> OrderReport:
        """Poll until there is a report, which a list may not give."""
        while True:
            operation = self._await_turn(order.order_id, context, way)
            way.polls += 1
            if operation == ORDER_REPORT:
                return self.reads.poll_order(order.order_id, context)
            listed = self.reads.poll_orders(order.app_id, context)
            found = next((each for each in listed if each.order_id == order.order_id), None)
            # Of an order that is held or failed only its own report says enough.
            if found is not None and phase_of(found.status) in {Phase.ACTIVE, Phase.SUCCEEDED}:
                return OrderReport(
                    found.order_id, found.status, found.description, found.created_by, (), None
                )
            way.reports_only = True
            self._goes_on(order)

    def _await_turn(self, order_id: str, context: OperationContext, way: Way) -> str:
        """Wait until this order is the one to poll; return by which operation, which is counted already."""
        runtime = self.reads.runtime
        while True:
            with runtime:
                context.check()
                now = runtime.now()
                asked: tuple[str, ...] = ()
                hint = self.poll_schedule.next_hint(self.reads.poll_part(now))
                if hint is not None and hint <= now:
                    hinted = self.poll_schedule.begin_hint(now)
                    asked = hinted if self.reads.begin_hint(now) else ()  # no call is to spare for it
                if not asked:
                    operation = self._turn(order_id, context, way, now)
                    if operation is not None:
                        return operation
            if asked:
                self._read_hint(asked, context)

    def _turn(self, order_id: str, context: OperationContext, way: Way, now: float) -> str | None:
        """Return by which operation to poll the order now; else wait for a while and return None."""
        spare = self.reads.spare_polls(now)
        choice = self.poll_schedule.next_poll(sum(spare.values()))
        hint = self.poll_schedule.next_hint(self.reads.poll_part(now))
        until_hint = _LONGEST_WAIT_SECONDS if hint is None else max(hint - now, 0.0)
        if choice is None or choice[0] != order_id or choice[1] > now:
            until_poll = (
                choice[1] - now if choice is not None and choice[0] == order_id else _LONGEST_WAIT_SECONDS
            )
            context.wait(min(until_poll, until_hint, _LONGEST_WAIT_SECONDS))
            return None
        operation = way.choose(spare)
        if operation is not None:
            self.poll_schedule.poll_begins(order_id, now)
            self.reads.begin_poll(operation, now)
            self.reads.runtime.notify()
            return operation
        if sum(spare.values()) >= 1:
            # Those behind may still be polled by the other operation, so this one steps aside for a moment.
            self.poll_schedule.postpone(order_id, now + _LONGEST_WAIT_SECONDS)
            self.reads.runtime.notify()
        context.wait(min(until_hint, _LONGEST_WAIT_SECONDS / 2))
        return None

    def _read_hint(self, asked: tuple[str, ...], context: OperationContext) -> None:
        """Ask for a hint; that it does not come is not a failure, and it may not hold up an order for long."""
        runtime = self.reads.runtime
        try:
            lines = self.reads.read_hint(asked, context.shortened(_HINT_CALL_SECONDS))
        except (EdasError, DeadlineExceeded):
            with runtime:
                self.poll_schedule.hints.failed(runtime.now())
            return
        with runtime:
            self.poll_schedule.take_hint(lines, runtime.now())
            runtime.notify()
