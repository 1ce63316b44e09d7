"""The loop that brings the members of a deploy group to what is desired.

One level-triggered loop for create (nothing managed yet), update and delete (nothing desired): read, decide, do
one thing, and again, until a reading shows that nothing is left to do. Its laws, beside those of ``plan.py``:

6. Every decision is taken from a reading begun after the last change order ended that we know of.
7. It may be killed at any instruction and run again: an order that still runs is waited for, members that joined
   are simply there; no order is submitted twice for the same instance and none is lost.
8. An answer that is not understood is an error, never "no members".
9. What is already gone needs no order.

It knows neither the SDK nor Pulumi, and it never looks at a clock but the runtime's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import Backoff, Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, InputError
from pulumi_edas_scale.domain.model import Outcome, TaskState
from pulumi_edas_scale.domain.orders import is_active
from pulumi_edas_scale.domain.plan import OrderKind, Refusal, Wait, breaks_floor
from pulumi_edas_scale.operations import outcome
from pulumi_edas_scale.operations.follow import Follower
from pulumi_edas_scale.operations.observe import (
    CannotTellError,
    Observation,
    find_kubernetes,
    is_gone,
    observe,
)
from pulumi_edas_scale.operations.outcome import ChangeError, Operation, OrderFailedError
from pulumi_edas_scale.operations.submit import Submitter

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.model import Application
    from pulumi_edas_scale.domain.plan import Order, Plan

VISIBILITY_LAG_SECONDS: Final = 60.0
"""How long a reading may contradict an order that ended well, before that is a failure."""

GROUP_LAG_SECONDS: Final = 10.0
"""How long a group that was just created may be missing from the reading of its application."""

WAIT_BACKOFF: Final = Backoff(first=0.3, factor=1.5, longest=5.0)

OPERATIONS: Final = {OrderKind.SCALE_OUT: "ScaleOutApplication", OrderKind.SCALE_IN: "ScaleInApplication"}


@dataclass(slots=True)
class _Waited:
    """How long one kind of waiting has lasted, and how many times it was looked since."""

    seconds: float = 0.0
    looks: int = 0


@dataclass(slots=True)
class Reconciler:
    """The loop of one create, update or delete."""

    operation: Operation
    _submitter: Submitter = field(init=False)
    _waited: dict[Wait, _Waited] = field(default_factory=dict)
    _permit: str | None = None  # the operation whose place in the budget is ours already

    def __post_init__(self) -> None:
        self._submitter = Submitter(self.operation, Follower(self.operation))

    def run(self) -> Outcome:
        """Change the group until nothing is left to do.

        Returns:
            What the last reading showed.

        Raises:
            ChangeError: it did not end well; with the truth to save when anything was changed.
            InputError: the inputs cannot be right, and nothing was sent.
        """
        operation = self.operation
        try:
            return self._until_settled()
        except Cancelled as sign:
            raise outcome.stopped(operation, sign) from sign
        except DeadlineExceeded as sign:
            raise outcome.timed_out(operation, sign) from sign
        except OrderFailedError as failure:
            raise outcome.order_failed(operation, failure) from None
        except EdasError as error:
            raise outcome.call_failed(operation, error) from error

    # -- the loop ------------------------------------------------------------------------------------------------

    def _until_settled(self) -> Outcome:
        operation = self.operation
        verify = False
        while True:
            with operation.session.queue.hold(
                operation.target.scope.app_id, operation.context, self._say_place
            ):
                self._start_deadline()
                result = self._round(verify=verify)
            if isinstance(result, Outcome):
                return result
            verify = result in {Wait.VERIFY, Wait.PAUSE}
            self._wait(result)

    def _round(self, *, verify: bool) -> Outcome | Wait:
        """Look, decide and do one thing; the turn of the application is held."""
        try:
            return self._look_and_act(verify=verify)
        except BusinessError as error:
            if not self.operation.target.deleting or not self._is_gone(error):
                raise
            return outcome.empty_outcome(self.operation)

    def _look_and_act(self, *, verify: bool) -> Outcome | Wait:
        target = self.operation.target
        if verify:
            found = self._examine(self._fresh())
            if isinstance(found, Observation) and _is_settled(found.plan):
                return outcome.settled_outcome(self.operation, found)
        orders = self.operation.session.reads.change_orders(target.scope.app_id, self.operation.context)
        others = [each for each in orders if is_active(each.status)]
        if others:
            for each in others:
                self._submitter.follower.follow_other(each)
            return Wait.AGAIN
        try:
            live = self._recent()
        except BusinessError:
            self._refuse_kubernetes(None)  # of an application of that kind EDAS may not tell this at all
            raise
        if not (target.deleting or target.recorded.members):
            self._refuse_kubernetes(live)  # before its group is waited for
        found = self._examine(live)
        if isinstance(found, Observation):
            return self._act(found, frozenset(each.order_id for each in orders))
        return found

    def _examine(self, live: Application) -> Observation | Outcome | Wait:
        """Find out what a reading means; a group that is not there ends a delete and is waited for else."""
        operation, target = self.operation, self.operation.target
        if live.group(target.scope.group_id) is None:
            return outcome.empty_outcome(operation) if target.deleting else Wait.GROUP
        found = observe(
            operation.session,
            target,
            live,
            operation.context,
            history=operation.progress.history,
            expected=operation.progress.expected,
        )
        operation.progress.observation = found
        if found.wrong_ids:
            raise InputError(found.wrong_ids)
        return found

    def _act(self, found: Observation, known_orders: frozenset[str]) -> Outcome | Wait:
        plan = found.plan
        for refusal in plan.refusals:
            raise outcome.refused(self.operation, refusal, found)
        if plan.changes_membership:
            self._refuse_kubernetes(found.live)
        if plan.absent:
            return Wait.ABSENT
        order = plan.next_order
        if order is None:
            return self._settle(found)
        if self._would_break_floor(order, found):
            if self._may_still_rise(found):
                return Wait.FLOOR
            raise outcome.refused(self.operation, Refusal.MIN_RUNNING, found)
        if not self._may_write(order):
            return Wait.AGAIN
        self._permit = None
        executed = self._submitter.submit(order, found, known_orders)
        if not executed:
            return Wait.AGAIN
        self._waited.clear()
        return Wait.PAUSE if len(plan.orders) > 1 else Wait.VERIFY

    def _settle(self, found: Observation) -> Outcome | Wait:
        """Nothing is to be sent now: wait for what was sent to show, or be done."""
        plan = found.plan
        if plan.vanishing or set(plan.awaited) - found.present:
            return Wait.UNSEEN
        if plan.awaited:
            return Wait.RISING
        return outcome.settled_outcome(self.operation, found)

    def _may_write(self, order: Order) -> bool:
        """Make sure the write may be made now; False when time passed, so that everything is looked at again."""
        operation = self.operation
        if order.kind is OrderKind.SCALE_IN and self._awaited_quiet():
            return False
        name = OPERATIONS[order.kind]
        if self._permit != name:
            with operation.context.uncounted():
                waited = operation.session.reads.reserve(name, operation.context)
            # The place is kept over the next look: sixty waiters would else read their application again and again.
            self._permit = name
            return not waited
        return True

    def _awaited_quiet(self) -> bool:
        """Let every resource of the program say what it claims; return whether that took time."""
        runtime, ownership = self.operation.context.runtime, self.operation.session.ownership
        waited = False
        with runtime:
            while (seconds := ownership.quiet_in(runtime.now())) > 0:
                waited = True
                self.operation.context.wait(seconds)
        return waited

    # -- readings ------------------------------------------------------------------------------------------------

    def _fresh(self) -> Application:
        context, scope = self.operation.context, self.operation.target.scope
        return self.operation.session.reads.application(
            scope.app_id, context, begun_after=context.runtime.now(), group_id=scope.group_id
        ).value

    def _recent(self) -> Application:
        """Return a reading no change order came after: a shared one if it is still fresh, else a new one."""
        reads = self.operation.session.reads
        scope = self.operation.target.scope
        if not self._waited:  # while something is waited for, only a new reading can show it
            reading = reads.recent_application(scope.app_id, self.operation.context, group_id=scope.group_id)
            if reads.unchanged_since(scope.app_id, reading.begun):
                return reading.value
        return self._fresh()

    def _refuse_kubernetes(self, live: Application | None) -> None:
        operation, scope = self.operation, self.operation.target.scope
        summary = find_kubernetes(operation.session, scope.app_id, live, operation.context)
        if summary is not None:
            raise ChangeError(messages.describe_kubernetes(scope, summary))

    def _is_gone(self, error: EdasError) -> bool:
        operation, scope = self.operation, self.operation.target.scope
        cluster_id = operation.target.recorded.cluster_id
        try:
            return is_gone(operation.session, scope, cluster_id, operation.context)
        except CannotTellError as doubt:
            words = messages.describe_not_gone(scope, cluster_id, doubt.error or error)
            raise ChangeError(words) from error

    # -- waiting -------------------------------------------------------------------------------------------------

    def _wait(self, reason: Wait) -> None:
        """Let time pass before the next round; no turn is held."""
        operation, queue = self.operation, self.operation.session.queue
        app_id = operation.target.scope.app_id
        if reason in {Wait.AGAIN, Wait.VERIFY}:
            return
        if reason is Wait.PAUSE:
            operation.context.sleep(operation.target.policy.batch_pause_seconds)
            return
        waited = self._waited.setdefault(reason, _Waited())
        left = self._patience(reason) - waited.seconds
        with operation.context.runtime:
            ownership = operation.session.ownership
            vain = ownership.exchange(operation.target.urn) if reason is Wait.ABSENT else None
        if vain is not None:
            raise outcome.failed(operation, vain)
        if left <= 0:
            found = operation.progress.observation
            if reason is Wait.GROUP or found is None:
                raise outcome.group_missing(operation, self._fresh())
            raise outcome.expired(operation, reason, waited.seconds, found)
        operation.reporter.progress(f"waiting for {reason.value}, {waited.seconds:.0f} s")
        pause = min(WAIT_BACKOFF.pause(waited.looks), left)
        busy = queue.wanted(app_id)
        operation.context.sleep(pause)
        # The join clock stands still while one of ours works on the application, or EDAS still starts a joiner.
        if not (busy or queue.wanted(app_id) or self._is_starting(reason)):
            waited.seconds += pause
        waited.looks += 1

    def _patience(self, reason: Wait) -> float:
        join_timeout = self.operation.target.policy.join_timeout_seconds
        if reason is Wait.UNSEEN:
            return VISIBILITY_LAG_SECONDS
        if reason is Wait.GROUP:
            return min(GROUP_LAG_SECONDS, join_timeout)
        return float(join_timeout)

    def _is_starting(self, reason: Wait) -> bool:
        found = self.operation.progress.observation
        if reason is not Wait.RISING or found is None:
            return False
        members = found.live.members_of(self.operation.target.scope.group_id)
        return any(
            each.ecu_id in found.plan.awaited and each.task is TaskState.PROCESSING for each in members
        )

    def _would_break_floor(self, order: Order, found: Observation) -> bool:
        floor = found.plan_input.floor.min_running
        return breaks_floor(order, found.live, self.operation.target.scope.group_id, floor)

    def _may_still_rise(self, found: Observation) -> bool:
        """Return whether a joiner of this operation does not run yet, and may."""
        scope = self.operation.target.scope
        group = found.live.group(scope.group_id)
        ordered = self.operation.progress.history.ordered
        joiners = (ordered | self.operation.target.recorded.unsettled) & found.plan_input.desired
        members = found.live.members_of(scope.group_id)
        down = any(each.ecu_id in joiners and not each.runs for each in members)
        return group is not None and group.deployed and down

    def _start_deadline(self) -> None:
        context = self.operation.context
        if context.deadline is None:
            context.deadline = context.runtime.now() + self.operation.target.policy.timeout_seconds

    def _say_place(self, place: int) -> None:
        app_id = self.operation.target.scope.app_id
        self.operation.reporter.progress(f"{place} before this one change application {app_id}")


def _is_settled(plan: Plan) -> bool:
    return not (plan.orders or plan.absent or plan.awaited or plan.vanishing)
