"""Await the end of change orders, all of a process together.

This file's law: polling again because an order is not finished is decided by ``poll_schedule.py``; retrying because
a call failed is the business of ``reads.py``. A bad end is believed only when ``orders.py`` says so. This file never
decides what an end means for a membership.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol

from pulumi_edas_scale.domain.errors import ThrottledError
from pulumi_edas_scale.domain.model import OrderReport
from pulumi_edas_scale.domain.orders import Confirmation, Phase, phase_of
from pulumi_edas_scale.edas.poll_schedule import PollSchedule

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.edas.reads import Reads

_LONG_SECONDS: Final = 1.0
"""Another order is due first: its waiter notifies when it has looked; this only bounds a single wait."""


class Watcher(Protocol):
    """Who is told what the looks at an order show."""

    def seen(self, report: OrderReport, age_seconds: float) -> None:
        """The order goes on; called after every look, and again it must not block."""
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


@dataclass(slots=True)
class Waiter:
    """The looks at change orders of one account in one region."""

    reads: Reads
    poll_schedule: PollSchedule = field(default_factory=PollSchedule)

    def await_end(self, order: Awaited, context: OperationContext, watcher: Watcher) -> OrderReport:
        """Block until the order has ended well, or its bad end is believed.

        Args:
            order: the order.
            context: bounds of the operation.
            watcher: told of every look.

        Returns:
            The last report; its status says how the order ended.

        Raises:
            EdasError: EDAS refuses to tell about the order.
            StoppedSign, DeadlineSign: the operation must not go on.
        """
        runtime = self.reads.runtime
        confirmation = Confirmation()
        with runtime:
            self.poll_schedule.watch(order.order_id, order.kind, order.begun, runtime.now())
        try:
            while True:
                report = self._look(order, context)
                now = runtime.now()
                confirmation = confirmation.after(report.status, now)
                phase = phase_of(report.status)
                if phase is Phase.SUCCEEDED or confirmation.confirmed(now):
                    return self._ended(order, report, phase)
                watcher.seen(report, now - order.begun)
                with runtime:
                    doubt = confirmation.next_poll(now) if phase is Phase.ENDED_BADLY else None
                    self.poll_schedule.poll_ends(order.order_id, runtime.now(), not_before=doubt)
                    runtime.notify()
        finally:
            with runtime:
                self.poll_schedule.forget(order.order_id)
                runtime.notify()

    def _ended(self, order: Awaited, report: OrderReport, phase: Phase) -> OrderReport:
        if phase is Phase.SUCCEEDED and order.kind:
            runtime = self.reads.runtime
            with runtime:
                self.poll_schedule.learn(order.order_id, runtime.now())
        return report

    def _look(self, order: Awaited, context: OperationContext) -> OrderReport:
        """Look once, by the order's own report or, where those calls are spent, by the application's list."""
        while True:
            by_list = self._await_turn(order.order_id, context)
            found = self._listed(order, context) if by_list else None
            if found is not None:
                return found
            with suppress(ThrottledError):
                return self.reads.change_order(order.order_id, replace(context, fail_fast=True))
            runtime = self.reads.runtime
            with runtime:
                self.poll_schedule.poll_ends(order.order_id, runtime.now())

    def _listed(self, order: Awaited, context: OperationContext) -> OrderReport | None:
        """Return what the list says of an order; None when only the order's own report can tell more."""
        listed = self.reads.change_orders(order.app_id, context)
        found = next((each for each in listed if each.order_id == order.order_id), None)
        if found is None or phase_of(found.status) not in {Phase.ACTIVE, Phase.SUCCEEDED}:
            return None
        return OrderReport(found.order_id, found.status, found.description, found.created_by, (), None)

    def _await_turn(self, order_id: str, context: OperationContext) -> bool:
        """Wait until this order is the one to look at; return whether to look by the application's list."""
        runtime = self.reads.runtime
        with runtime:
            while True:
                context.check()
                now = runtime.now()
                spare = self.reads.spare_polls(now)
                choice = self.poll_schedule.next_poll(now, spare)
                if choice is not None and choice[0] == order_id and choice[1] <= now and spare >= 1:
                    self.poll_schedule.poll_begins(order_id, now)
                    runtime.notify()
                    return self.reads.poll_by_list(now)
                mine = choice is not None and choice[0] == order_id and choice[1] > now
                context.wait(min(choice[1] - now, _LONG_SECONDS) if choice and mine else self._pause(spare))

    @staticmethod
    def _pause(spare: float) -> float:
        return _LONG_SECONDS if spare >= 1 else _LONG_SECONDS / 2
