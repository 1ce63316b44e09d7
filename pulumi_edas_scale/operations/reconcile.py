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

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import LINE_SECONDS, Backoff, Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.codes import format_failure, join_messages
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, InputError
from pulumi_edas_scale.domain.model import Outcome, TaskState
from pulumi_edas_scale.domain.orders import Phase, is_active, phase_of
from pulumi_edas_scale.domain.plan import VISIBILITY_LAG_SECONDS, OrderKind, Wait, breaks_floor
from pulumi_edas_scale.operations import outcome
from pulumi_edas_scale.operations.follow import Follower
from pulumi_edas_scale.operations.ghosts import find_ghosts
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
    from pulumi_edas_scale.domain.model import Application, ChangeOrder
    from pulumi_edas_scale.domain.plan import Order

GROUP_LAG_SECONDS: Final = 10.0
"""How long a group that was just created may be missing from the reading of its application."""

WAIT_BACKOFF: Final = Backoff(first=0.3, factor=1.5, longest=5.0)

LAST_ROUND_SECONDS: Final = 5.0
"""What a wait that ends well leaves of the time-out, for the round that ends the operation."""

SHORTEST_WAIT_SECONDS: Final = 0.01
"""What is left of a wait below this is a rounding error."""

URGENT_LOOKS: Final = 5
"""What an order has just brought in is looked at in quick succession first, however many others wait."""

LOOKS_BEFORE_WORDS: Final = 2
"""After so many looks at the cluster, some twelve seconds, it is said who holds a missing instance."""

FIRST_LINE_SECONDS: Final = 1.0
"""The engine asks about its resources within a fraction of that, so that a longer wait is worth a line."""

OPERATIONS: Final = {OrderKind.SCALE_OUT: "ScaleOutApplication", OrderKind.SCALE_IN: "ScaleInApplication"}


@dataclass(slots=True)
class _Waited:
    """How long one kind of waiting has lasted, and how many times it was looked since."""

    reason: Wait
    seconds: float = 0.0
    looks: int = 0

    @property
    def urgent(self) -> bool:
        """Whether the next look is one of the first, quick ones after an order."""
        return self.looks < URGENT_LOOKS and self.reason not in {Wait.ABSENT, Wait.GROUP}

    def left(self, join_timeout: float) -> float:
        """Return for how many more seconds it may last."""
        longest = {
            Wait.UNSEEN: VISIBILITY_LAG_SECONDS,
            Wait.LATE: VISIBILITY_LAG_SECONDS,
            # Who wants failures at once gets this one at once.
            Wait.GROUP: min(GROUP_LAG_SECONDS, join_timeout),
            # EDAS is at work, so that only the time-out ends it, as it does for a joiner of this operation.
            Wait.STARTING: math.inf,
        }
        return longest.get(self.reason, join_timeout) - self.seconds


@dataclass(slots=True)
class Reconciler:
    """The loop of one create, update or delete."""

    operation: Operation
    _submitter: Submitter = field(init=False)
    _waited: dict[Wait, _Waited] = field(default_factory=dict)
    _orders: tuple[ChangeOrder, ...] = ()  # the recent orders of the application, as read last
    _permit: str | None = None  # the operation whose place in the budget is ours already
    _ended_at: float = -math.inf  # when the last order of this operation did
    _given_up: set[Wait] = field(default_factory=set)  # what may never come, and was waited for long enough
    _may_only_adopt: bool = field(init=False)

    def __post_init__(self) -> None:
        self._submitter = Submitter(self.operation, Follower(self.operation))
        self._may_only_adopt = not self.operation.target.deleting

    def run(self) -> Outcome:
        """Change the group until nothing is left to do.

        Returns:
            What the last reading showed.

        Raises:
            ChangeError: it did not end well; with the truth to save when anything was changed.
            InputError: the inputs cannot be right, and nothing was sent.
        """
        operation, app_id = self.operation, self.operation.target.scope.app_id
        context, progress = operation.context, operation.reporter.progress
        try:
            while True:
                with operation.session.queue.hold(
                    app_id,
                    context,
                    lambda place: progress(f"{place} before this one change application {app_id}"),
                ):
                    # From the first turn on: time in the queue of one's own process does not count.
                    if context.deadline is None:
                        context.deadline = context.runtime.now() + operation.target.policy.timeout_seconds
                    result = self._round()
                if isinstance(result, Outcome):
                    return result
                # Without the turn: twelve that wait for their instances must not keep the thirteenth from working.
                self._wait(result)
        except Cancelled as sign:
            raise outcome.stopped(operation, sign) from sign
        except DeadlineExceeded as sign:
            raise outcome.timed_out(operation, sign) from sign
        except OrderFailedError as failure:
            raise outcome.order_failed(operation, failure) from None
        except EdasError as error:
            raise outcome.call_failed(operation, error) from error

    # -- the loop ------------------------------------------------------------------------------------------------

    def _round(self) -> Outcome | Wait:
        """Look, decide and do one thing; the turn of the application is held."""
        operation, scope = self.operation, self.operation.target.scope
        try:
            return self._look_and_act()
        except BusinessError as error:
            # For a create or an update an application that is gone is a mistake in the program, not its end.
            if not operation.target.deleting:
                raise
            cluster_id = operation.target.recorded.cluster_id
            try:
                gone = is_gone(operation.session, scope, cluster_id, operation.context)
            except CannotTellError as doubt:
                words = messages.describe_not_gone(scope, cluster_id, doubt.error or error)
                raise ChangeError(words) from error
            if not gone:
                raise
            return outcome.empty_outcome(operation)

    def _look_and_act(self) -> Outcome | Wait:
        context, reads = self.operation.context, self.operation.session.reads
        app_id = self.operation.target.scope.app_id
        turn = context.runtime.now()
        if self._may_only_adopt:
            self._may_only_adopt = False
            # Most memberships of a large program find their members in place: what one of them has read serves all.
            orders = reads.change_orders_to_adopt(app_id, context)
            seen = self._look(orders.value)
            if not isinstance(seen, Observation):
                return seen
            if not (seen.plan.refusals or seen.plan.next_order or self._blocked_by(seen)):
                return outcome.settled_outcome(self.operation, seen)
            # A write, and a refusal, rest on orders that were read since it was our turn.
            if orders.begun > turn:
                return self._act(seen)
        seen = self._look(reads.change_orders(app_id, context))
        return self._act(seen) if isinstance(seen, Observation) else seen

    def _look(self, orders: tuple[ChangeOrder, ...]) -> Observation | Outcome | Wait:
        """Wait for an order that is active; else read the application and find out what that means."""
        target = self.operation.target
        self._orders = orders
        others = [each for each in self._orders if is_active(each.status)]
        if others:
            # Anybody's, an order of ours before a crash included: EDAS refuses a second order meanwhile,
            # and a reading would show members that are about to come or go.
            for each in others:
                self._submitter.follower.follow_other(each)
            return Wait.AGAIN
        try:
            live = self._recent()
        except BusinessError:
            self._refuse_kubernetes(None)  # of an application of that kind EDAS may not show this at all
            raise
        if not (target.deleting or target.recorded.members):
            self._refuse_kubernetes(live)  # before its group is waited for
        return self._examine(live)

    def _examine(self, live: Application) -> Observation | Outcome | Wait:
        """Find out what a reading means; a group that is not there ends a delete and is waited for else."""
        operation, target = self.operation, self.operation.target
        if live.group(target.scope.group_id) is None:
            # The same run may have made the group a moment ago, and readings lag.
            return outcome.empty_outcome(operation) if target.deleting else Wait.GROUP
        found = observe(
            operation.session,
            target,
            live,
            operation.context,
            history=operation.progress.history,
            expected=operation.progress.expected,
            ghosts=find_ghosts(operation, live, self._orders),
        )
        operation.progress.observation, operation.progress.observed_at = (
            found,
            operation.context.runtime.now(),
        )
        if found.wrong_ids and operation.progress.touched:
            # Known late: state must say what was changed before.
            raise outcome.failed(
                operation, join_messages([format_failure(*each) for each in found.wrong_ids])
            )
        if found.wrong_ids:  # no later reading makes these right, so nobody waits for them
            raise InputError(found.wrong_ids)
        return found

    def _act(self, found: Observation) -> Outcome | Wait:
        plan = found.plan
        for refusal in plan.refusals:
            raise outcome.refused(self.operation, refusal, found)
        if plan.changes_membership:  # asked only before something is sent: a clean group costs one call
            self._refuse_kubernetes(found.live)
        reason = self._blocked_by(found)
        if reason is not None:
            return reason
        if plan.next_order is None:
            return outcome.settled_outcome(self.operation, found)
        return self._write(plan.next_order, found)

    def _blocked_by(self, found: Observation) -> Wait | None:
        """Return what has to be waited for before the next order, or before the end; None when nothing has."""
        plan = found.plan
        if plan.absent:
            # Before anything else: half of a change that cannot be finished is worse than none.
            return Wait.ABSENT
        leaves = plan.next_order is not None and plan.next_order.kind is OrderKind.SCALE_IN
        if found.starting and Wait.STARTING not in self._given_up and (leaves or plan.next_order is None):
            # Nobody leaves for one that does not run yet, whoever has brought it in: perhaps a run that was killed.
            return Wait.STARTING
        if plan.next_order is not None:
            # The plan counts on joiners that come up; where nobody is left who may, it has refused the order.
            floor, ghosts = found.plan_input.floor.min_running, found.plan_input.ghosts
            group_id = found.plan_input.group_id
            low = breaks_floor(plan.next_order, found.live, group_id, floor, ghosts)
            return Wait.FLOOR if low else None
        if plan.vanishing or set(plan.awaited) - found.present:
            # An order ended well and the listing has not followed: a lag for a minute, then a failure.
            return Wait.UNSEEN
        if plan.awaited:
            return Wait.RISING
        return Wait.LATE if self._is_joiner_late(found) else None

    def _write(self, order: Order, found: Observation) -> Outcome | Wait:
        """Submit an order, follow it to its end and read what it did."""
        if self._pause_left() > SHORTEST_WAIT_SECONDS:
            # This order came into the plan after the one before had ended.
            return Wait.PAUSE
        if not self._may_write(order):
            return Wait.AGAIN
        self._permit = None
        known_orders = {each.order_id for each in self._orders}
        if not self._submitter.submit(order, found, known_orders):
            return Wait.AGAIN
        self._ended_at = self.operation.context.runtime.now()
        self._waited.clear()  # what is waited for from now on, this order has brought about
        # Read what the order did before the turn is given away: the next in the queue may change the same machines.
        seen = self._examine(self._fresh())
        if not isinstance(seen, Observation):
            return seen
        if seen.plan.next_order is None and self._blocked_by(seen) is None:
            return outcome.settled_outcome(self.operation, seen)
        return Wait.PAUSE if len(found.plan.orders) > 1 else Wait.AGAIN

    def _may_write(self, order: Order) -> bool:
        """Make sure the write may be made now; False when time passed, so that everything is looked at again."""
        operation = self.operation
        if order.kind is OrderKind.SCALE_IN and self._awaited_quiet():
            # A resource that the engine asked about meanwhile may own who was to leave.
            return False
        name = OPERATIONS[order.kind]
        if self._permit != name:
            waited = operation.session.reads.reserve(name, operation.context)
            # The place is kept over the next look: sixty waiters would else read their application again and again.
            self._permit = name
            return not waited
        return True

    def _awaited_quiet(self) -> bool:
        """Let the engine ask about every resource of the program; return whether that took time."""
        operation, runtime = self.operation, self.operation.context.runtime
        ownership, begun = operation.session.ownership, self.operation.context.runtime.now()
        next_line = begun + FIRST_LINE_SECONDS
        operation.progress.waiting, waited = Wait.QUIET, False
        while True:
            with runtime:
                if (seconds := ownership.quiet_in(runtime.now())) <= 0:
                    break
                operation.context.wait(seconds)
            waited, now = True, runtime.now()
            if now >= next_line:
                # A preview of another resource may take minutes, and a process may be frozen.
                operation.reporter.progress(f"waiting for {Wait.QUIET.value}, {now - begun:.0f} s")
                next_line = now + LINE_SECONDS
        operation.progress.waiting = None
        return waited

    def _pause_left(self) -> float:
        """Return what is left of the pause after the last order of this operation."""
        pause = self.operation.target.policy.batch_pause_seconds
        return self._ended_at + pause - self.operation.context.runtime.now()

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
        attempts = self._submitter.attempts
        # What was refused is decided again from a new reading.
        if not (attempts.refused or attempts.repeated):
            reading = reads.recent_application(scope.app_id, self.operation.context, group_id=scope.group_id)
            if reads.unchanged_since(scope.app_id, reading.begun):
                return reading.value
        return self._fresh()

    def _refuse_kubernetes(self, live: Application | None) -> None:
        operation, scope = self.operation, self.operation.target.scope
        summary = find_kubernetes(operation.session, scope.app_id, live, operation.context)
        if summary is not None:
            raise ChangeError(format_failure(*messages.describe_kubernetes(scope, summary)))

    # -- waiting -------------------------------------------------------------------------------------------------

    def _wait(self, reason: Wait) -> None:
        """Let time pass until the next round has something to do; no turn is held.

        Raises:
            ChangeError: what is waited for did not come in time.
        """
        if reason is Wait.AGAIN:
            return
        if reason is Wait.PAUSE:  # without the turn, so that others use the application meanwhile
            if (left := self._pause_left()) > SHORTEST_WAIT_SECONDS:
                seconds = self.operation.target.policy.batch_pause_seconds
                self.operation.reporter.progress(
                    f"waiting for {reason.value}, batchPauseSeconds is {seconds:g} s"
                )
                self.operation.context.sleep(left)
            return
        found = self.operation.progress.observation
        # Who waits for a machine looks at the cluster; who waits for an application only at that.
        cluster_id = found.live.cluster_id if found is not None and reason is Wait.ABSENT else ""
        self.operation.progress.waiting = reason
        policy = self.operation.target.policy
        if (
            reason is Wait.ABSENT
            and policy.timeout_seconds < policy.join_timeout_seconds
            and not self._waited
        ):
            words = messages.describe_short_timeout(policy.timeout_seconds, policy.join_timeout_seconds)
            self.operation.reporter.warn(words)
        with self.operation.session.lookout.waiting(self.operation.target.scope.app_id, cluster_id):
            try:
                while self._look_again(reason):
                    pass
            except BusinessError:
                if not self.operation.target.deleting:
                    raise  # for a delete the next round finds out whether the application is gone
        self.operation.progress.waiting = None

    def _look_again(self, reason: Wait) -> bool:
        """Sleep, and look once whether the reason to wait is still there, by readings that all who wait share."""
        operation, runtime = self.operation, self.operation.context.runtime
        waited = self._waited.setdefault(reason, _Waited(reason))
        left = waited.left(operation.target.policy.join_timeout_seconds)
        deadline = operation.context.deadline
        found = operation.progress.observation
        nothing_to_send = found is None or found.plan.next_order is None
        if reason in {Wait.LATE, Wait.STARTING} and nothing_to_send and deadline is not None:
            # One that may never come must not make a delete impossible whose time-out is shorter than this wait, and
            # one that never ends to start is a member all the same.
            left = min(left, deadline - runtime.now() - LAST_ROUND_SECONDS)
        starting = self._is_starting(reason)
        if reason is Wait.ABSENT:
            self._look_at_holders(waited.looks)
        if left <= SHORTEST_WAIT_SECONDS and not starting:  # not even a joinTimeoutSeconds of 0 ends a start
            self._give_up(reason, waited.seconds)
            return False
        names = messages.join_list(found.awaited_names) if found is not None else ""
        operation.reporter.progress(
            f"waiting for {reason.value}{f' ({names})' if names else ''}, {waited.seconds:.0f} s"
        )
        pause, urgent = WAIT_BACKOFF.pause(waited.looks), waited.urgent
        if not urgent:
            pause = max(pause, operation.session.lookout.gap_seconds())
        begun = runtime.now()
        operation.context.sleep(pause if starting else min(pause, left))
        seen = self._examine(
            operation.session.reads.recent_application(
                operation.target.scope.app_id,
                operation.context,
                within=pause,
                group_id=operation.target.scope.group_id,
            ).value
        )
        waited.looks += 1
        # The clock stands still only while an order of the application is active, or EDAS starts that very joiner.
        active = False
        if not urgent:  # the first seconds cost little
            reads, app_id = operation.session.reads, operation.target.scope.app_id
            self._orders = reads.recent_change_orders(app_id, operation.context, within=pause)
            active = any(is_active(each.status) for each in self._orders)
        if starting and active:
            return False  # the start is work of that order: the next round follows it, by its name
        if not (starting or active):
            waited.seconds += runtime.now() - begun
        return reason is (self._blocked_by(seen) if isinstance(seen, Observation) else seen)

    def _look_at_holders(self, looks: int) -> None:
        """End a wait for who waits for this one, and say early who will probably not let go."""
        operation, found = self.operation, self.operation.progress.observation
        with operation.context.runtime:
            # A membership that is checked later may close a circle of those that wait for each other.
            circle = operation.session.ownership.claims.exchange(operation.target.urn)
        if circle is not None:
            raise outcome.failed(operation, circle.message)
        if looks == LOOKS_BEFORE_WORDS and found is not None:
            for each in outcome.held_up(operation, found)[: messages.LONGEST_LIST]:
                operation.reporter.warn(each)

    def _give_up(self, reason: Wait, waited: float) -> None:
        """End a wait that took too long; one for a joiner of an earlier run, which may never come, ends well."""
        operation = self.operation
        if reason in {Wait.LATE, Wait.STARTING}:
            self._given_up.add(reason)
            return
        found = operation.progress.observation
        if reason is Wait.GROUP or found is None:
            raise outcome.group_missing(operation, self._fresh())
        raise outcome.expired(operation, reason, waited, found)

    def _is_starting(self, reason: Wait) -> bool:
        """Return whether EDAS still starts every joiner that is waited for (TaskState 1)."""
        found = self.operation.progress.observation
        if reason not in {Wait.RISING, Wait.FLOOR} or found is None:
            return False
        ordered = self.operation.progress.history.ordered
        joiners = (ordered | self.operation.target.recorded.unsettled) & found.plan_input.desired
        members = found.live.members_of(self.operation.target.scope.group_id)
        down = [each for each in members if each.ecu_id in joiners and not each.runs]
        return bool(down) and all(each.task is TaskState.PROCESSING for each in down)

    def _is_joiner_late(self, found: Observation) -> bool:
        """Return whether a joiner that the last operation did not see, and nobody wants any more, may still come.

        A scale out may end before its machine is listed. Who only looks at the listing leaves it behind for ever.
        """
        recorded, plan_input = self.operation.target.recorded, found.plan_input
        unseen = (
            recorded.unsettled
            - plan_input.desired
            - found.present
            - self.operation.progress.history.scaled_in
        )
        ours = [each for each in self._orders if each.order_id in recorded.change_order_ids]
        came = any(phase_of(each.status) is not Phase.ENDED_BADLY for each in ours)
        return bool(unseen) and came and Wait.LATE not in self._given_up
