"""One write: send it, settle an answer that was lost or refused, and follow its order to the end.

This file's law (7): no order is submitted twice for the same instance. A write is repeated at once only when it was
surely not executed; after a lost answer only when EDAS has shown for long enough that it was not.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import Backoff, Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    NotSentError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.orders import OrderType, Phase, is_active, phase_of, type_of
from pulumi_edas_scale.domain.plan import VISIBILITY_LAG_SECONDS, OrderKind
from pulumi_edas_scale.operations.outcome import OrderFailedError

if TYPE_CHECKING:
    from collections.abc import Collection

    from pulumi_edas_scale.domain.model import ChangeOrder, OrderReport
    from pulumi_edas_scale.domain.plan import Order
    from pulumi_edas_scale.operations.follow import Follower
    from pulumi_edas_scale.operations.observe import Observation
    from pulumi_edas_scale.operations.outcome import Operation

AMBIGUOUS_SECONDS: Final = 30.0
"""How long readings must agree that a write was not executed before it is repeated, once."""

REFUSALS_TOLERATED: Final = 2
"""A refused write with no active order is repeated this often: an order may have ended in between."""

REFUSAL_BACKOFF: Final = Backoff(first=2.0, factor=4.0, longest=8.0, jitter=0.5)
"""The second pause is longer: a member that has just left may be listed, and refused, for some seconds."""

NOT_SENT_BACKOFF: Final = Backoff(first=0.6, factor=2.0, longest=10.0, jitter=0.5)

LOST_ANSWER_BACKOFF: Final = Backoff(first=0.3, factor=1.5, longest=5.0)

WRITES: Final = {OrderKind.SCALE_OUT: "ScaleOutApplication", OrderKind.SCALE_IN: "ScaleInApplication"}
_TYPES: Final = {OrderKind.SCALE_OUT: OrderType.SCALE_OUT, OrderKind.SCALE_IN: OrderType.SCALE_IN}


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often the present write was tried without success: refused, not sent, and repeated after a lost answer."""

    refused: int = 0
    not_sent: int = 0
    repeated: bool = False


@dataclass(slots=True)
class Submitter:
    """The writes of one operation; ``_failed`` are the orders whose bad end was seen to stay."""

    operation: Operation
    follower: Follower
    attempts: Attempts = field(default_factory=Attempts)
    _failed: set[str] = field(default_factory=set)

    def submit(self, order: Order, found: Observation, known_orders: Collection[str]) -> bool:
        """Send one order and follow it to its end.

        Args:
            order: what to send.
            found: the reading it was decided from.
            known_orders: ids of the orders of the application that were listed just before.

        Returns:
            Whether it was executed; False when everything has to be looked at again first.

        Raises:
            OrderFailedError: the order ended badly.
            EdasError: EDAS refuses it for good, or it is not known whether it was executed.
        """
        operation = self.operation
        operation.reporter.progress(messages.describe_order(order, found.names, found.full_names))
        operation.context.check_before_write()
        client, scope = operation.session.client.within(operation.context), operation.target.scope
        try:
            if order.kind is OrderKind.SCALE_OUT:
                order_id: str | None = client.submit_scale_out(scope.app_id, scope.group_id, order.ecu_ids)
            else:
                order_id = client.submit_scale_in(scope.app_id, order.ecc_ids, force=order.force)
        except ThrottledError as error:
            # Surely not executed, and the budget of the process has learned from it: the next round waits its turn.
            operation.session.reads.refused(error)
            self._not_accepted(error)
        except NotSentError as error:
            self._not_accepted(error)
            self._pause(NOT_SENT_BACKOFF, self.attempts.not_sent)
            self.attempts = replace(self.attempts, not_sent=self.attempts.not_sent + 1)
        except (PermissionDeniedError, CredentialsError):
            raise  # business failures by kind, but no other moment of the application changes them
        except (Cancelled, DeadlineExceeded):
            # The call was left under way: EDAS may have executed it, so state must say what is true.
            operation.progress.touched = True
            operation.progress.unanswered = WRITES[order.kind]
            raise
        except BusinessError as error:
            self._refused(error)
        except UnavailableError as error:
            return self._settle_lost_answer(order, found, known_orders, error)
        else:
            self._accepted(order, order_id, found)
            return True
        return False

    def _accepted(self, order: Order, order_id: str | None, found: Observation) -> None:
        """Note an order that EDAS took, and follow it; without an id the readings alone show its end."""
        operation, progress = self.operation, self.operation.progress
        progress.touched = True
        progress.history = progress.history.after(order)
        runtime, scope = operation.context.runtime, operation.target.scope
        with runtime:
            operation.session.ownership.note_removed(scope, order.ecc_ids, runtime.now())
        if order.kind is OrderKind.SCALE_OUT:
            progress.expected |= {
                spelled: ecu for spelled, ecu in found.resolution.ecu_ids.items() if ecu in order.ecu_ids
            }
        self.attempts = Attempts()
        progress.unanswered, progress.not_accepted = "", None
        if order_id is None:
            # A forced scale in has no order, and one whose answer was lost has shown its effect already.
            operation.session.reads.order_ended(operation.target.scope.app_id, None)
            return
        progress.order_ids.append(order_id)
        progress.own_running = True
        # Where orders usually take long, the first poll is half a minute away.
        operation.reporter.progress(f"change order {order_id} began")
        report = self.follower.follow(order_id, order.kind.value)
        progress.own_running = False
        if phase_of(report.status) is not Phase.SUCCEEDED:
            # Noted before all the same: a failed scale in may have taken some of its members away.
            raise OrderFailedError(order, report, found)
        with runtime:  # a listing may lag for a minute from now on, however long the order took
            operation.session.ownership.note_removed(scope, order.ecc_ids, runtime.now())

    def _refused(self, error: BusinessError) -> None:
        """Distinguish a busy application from a refusal that stays: an active order is waited for by the next round."""
        operation = self.operation
        orders = operation.session.reads.change_orders(operation.target.scope.app_id, operation.context)
        if any(is_active(each.status) for each in orders):
            return  # busy is not a refusal: it is not counted, for a neighbour may work here for an hour
        last = max(orders, key=lambda each: each.created_at, default=None)
        if (
            last is not None
            and phase_of(last.status) is Phase.ENDED_BADLY
            and last.order_id not in self._failed
        ):
            # EDAS may be at work on it again: a bad end counts when it has stayed, and so does what it refuses.
            self._failed.add(last.order_id)
            self.follower.follow_other(last)
            return
        if self.attempts.refused >= REFUSALS_TOLERATED:
            raise error
        self._pause(REFUSAL_BACKOFF, self.attempts.refused)
        self.attempts = replace(self.attempts, refused=self.attempts.refused + 1)

    def _not_accepted(self, error: EdasError) -> None:
        """Say why the write goes on waiting; it is surely not executed."""
        self.operation.progress.not_accepted = error
        self.operation.reporter.progress(f"{error} Trying again.")

    def _pause(self, backoff: Backoff, tries: int) -> None:
        context = self.operation.context
        context.sleep(backoff.pause(tries, context.runtime.random()))

    # -- a lost answer -----------------------------------------------------------------------------------------------

    def _settle_lost_answer(
        self, order: Order, found: Observation, known_orders: Collection[str], error: UnavailableError
    ) -> bool:
        """Find out whether a write whose answer was lost was executed.

        The effect decides, not the likeness of an order: one that is found is followed to its end and never steered
        (law 12). Where the effect is not there when all has been quiet for long enough, the write was not executed.

        Raises:
            OrderFailedError: an order of the same kind for the same machines was found, and ended badly.
            UnavailableError: it was not executed, and not when it was repeated either.
        """
        operation, runtime = self.operation, self.operation.context.runtime
        progress = operation.progress
        progress.touched = True
        progress.unanswered, progress.not_accepted = error.operation, error
        known = set(known_orders)
        quiet_since, patience = runtime.now(), AMBIGUOUS_SECONDS
        begun, tries = runtime.now(), 0
        while True:
            operation.reporter.progress(
                f"the answer of {error.operation} was lost; looking whether EDAS executed it, "
                f"{runtime.now() - begun:.0f} s. {error}"
            )
            new = self._new_order(known)
            if new is not None:
                # No matter whose it is: while it runs the effect of ours can neither be seen nor be missed.
                known.add(new.order_id)
                operation.reporter.progress(messages.describe_active_order(new, operation.scope))
                report = self.follower.follow(new.order_id)
                if _may_be(new, report, order, found):
                    progress.found_ids.append(new.order_id)
                    # Without addresses it may be anybody's, and a failure of somebody else's order is not ours.
                    if phase_of(report.status) is not Phase.SUCCEEDED and report.ips:
                        progress.history = progress.history.after(order)
                        raise OrderFailedError(order, report, found)
                    # It may be ours, and listings lag behind an order: its effect gets the time any of ours has.
                    patience = VISIBILITY_LAG_SECONDS
                quiet_since = runtime.now()
                continue
            if self._has_effect(order, found):
                self._accepted(order, None, found)
                return True
            if runtime.now() - quiet_since >= patience:
                if self.attempts.repeated:
                    raise error
                self.attempts = replace(self.attempts, repeated=True)
                progress.unanswered = ""
                return False
            operation.context.sleep(LOST_ANSWER_BACKOFF.pause(tries))
            tries += 1

    def _new_order(self, known: Collection[str]) -> ChangeOrder | None:
        """Return an order of our group that was not there before the write."""
        scope = self.operation.target.scope
        orders = self.operation.session.reads.change_orders(scope.app_id, self.operation.context)
        new = [
            each for each in orders if each.order_id not in known and each.group_id in {scope.group_id, ""}
        ]
        return min(new, key=lambda each: (not is_active(each.status), each.order_id), default=None)

    def _has_effect(self, order: Order, found: Observation) -> bool:
        """Return whether a fresh reading shows what the order asked for."""
        operation = self.operation
        scope, now = operation.target.scope, operation.context.runtime.now()
        reading = operation.session.reads.application(
            scope.app_id, operation.context, begun_after=now, group_id=scope.group_id
        )
        members = reading.value.members_of(scope.group_id)
        if order.kind is OrderKind.SCALE_OUT:
            present = {each.ecu_id for each in members}
            # Who was there before proves nothing.
            return present.issuperset(order.ecu_ids) and not found.present.issuperset(order.ecu_ids)
        return not {each.ecc_id for each in members}.intersection(order.ecc_ids)


def _may_be(new: ChangeOrder, report: OrderReport, order: Order, found: Observation) -> bool:
    """Return whether nothing contradicts that an order is the one whose answer was lost: its kind, its machines.

    An order names its machines by address only. A deployment names every machine of the group, so ours must cover
    all that it names.
    """
    ours = found.addresses(order.ecu_ids)
    return type_of(new.co_type) in {_TYPES[order.kind], OrderType.UNKNOWN} and (
        not ours or report.ips <= ours
    )
