"""The loop that makes the members of a deploy group what they shall be.

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

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import CANCELLED, Cancelled, DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.errors import (
    BusinessError,
    CredentialsError,
    EdasError,
    InputError,
    NotSentError,
    OperationError,
    PermissionDeniedError,
    ThrottledError,
    UnavailableError,
)
from pulumi_edas_scale.domain.model import Outcome, TaskState
from pulumi_edas_scale.domain.orders import Phase, describe_status, is_active, phase_of
from pulumi_edas_scale.domain.plan import History, OrderKind, Refusal, breaks_floor, is_up
from pulumi_edas_scale.edas.waiter import Awaited
from pulumi_edas_scale.operations.observe import (
    CannotTellError,
    Observation,
    Target,
    find_summary,
    is_gone,
    observe,
    outcome_of,
    runs_on_kubernetes,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from pulumi_edas_scale.domain.model import Application, ChangeOrder, OrderReport
    from pulumi_edas_scale.domain.plan import Order, Plan
    from pulumi_edas_scale.operations.session import Reporter, Session

VISIBILITY_LAG_SECONDS: Final = 60.0
"""How long a reading may contradict an order that ended well, before that is a failure."""

GROUP_LAG_SECONDS: Final = 10.0
"""How long a group that was just created may be missing from the reading of its application."""

AMBIGUOUS_SECONDS: Final = 30.0
"""How long readings must agree that a write was not executed before it is repeated, once."""

REFUSALS_TOLERATED: Final = 2
"""A refused write with no active order is repeated this often: an order may have ended in between."""

REFUSAL_PAUSE_SECONDS: Final = 2.0
REFUSAL_GROWTH: Final = 4.0
"""The second pause is longer: a member that has just left may be listed, and refused, for some seconds."""

LAST_LOOK_SECONDS: Final = 15.0
"""Bound of the one reading that tells what is true after a failure."""

QUICK_LOOK_SECONDS: Final = 0.5

FIRST_PAUSE_SECONDS: Final = 0.3
LONGEST_PAUSE_SECONDS: Final = 5.0

OPERATIONS: Final = {OrderKind.SCALE_OUT: "ScaleOutApplication", OrderKind.SCALE_IN: "ScaleInApplication"}


class ChangeError(OperationError):
    """A create, update or delete that did not end well.

    Args:
        message: for the user.
        outcome: what is true now, to be saved; None when nothing was sent, so that state stays as it was.
    """

    def __init__(self, message: str, outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome


class Wait(enum.Enum):
    """What a round ended with, when it did not end with nothing left to do."""

    AGAIN = "again, at once"
    PAUSE = "the pause between two change orders"
    GROUP = "the deploy group"
    ABSENT = "instances that are not there yet"
    UNSEEN = "the reading to show what an order did"
    RISING = "joined instances to run"
    FLOOR = "joined instances to run, because of minRunning"


class _OrderFailedError(Exception):
    def __init__(self, order: Order, report: OrderReport, found: Observation) -> None:
        super().__init__(report.order_id)
        self.order = order
        self.report = report
        self.found = found


@dataclass(slots=True)
class _Clock:
    """How long one kind of waiting has lasted, and how long to wait before the next reading."""

    spent: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS


@dataclass(slots=True)
class Change:
    """One create, update or delete of a membership.

    Attributes:
        session: what the operations of the process share.
        target: what shall be reached.
        context: the stop sign; the deadline begins with the first turn.
        reporter: where to say what is seen.
        abort_on_stop: whether a cancelled run aborts the order of ours that runs.
    """

    session: Session
    target: Target
    context: OperationContext
    reporter: Reporter
    abort_on_stop: bool = False
    _history: History = field(default_factory=History)
    _expected: dict[str, str] = field(default_factory=dict)
    _order_ids: list[str] = field(default_factory=list)
    _clocks: dict[Wait, _Clock] = field(default_factory=dict)
    _observation: Observation | None = None
    _running: OrderReport | None = None
    _own_running: bool = False
    _touched: bool = False
    _known_orders: frozenset[str] = frozenset()
    _own_order_ended: bool = False
    _more_orders: bool = False
    _permit: str | None = None
    _refusals: int = 0
    _not_sent: int = 0
    _repeated: bool = False
    _reported: set[str] = field(default_factory=set)

    def run(self) -> Outcome:
        """Change the group until nothing is left to do.

        Returns:
            What the last reading showed.

        Raises:
            ChangeError: it did not end well; with the truth to save when anything was changed.
            InputError: the wish cannot be right, and nothing was sent.
        """
        try:
            return self._until_settled()
        except Cancelled as sign:
            raise self._stopped(sign) from sign
        except DeadlineExceeded as sign:
            raise self._too_late(sign) from sign
        except _OrderFailedError as failure:
            raise self._order_failed(failure) from None
        except EdasError as error:
            raise self._failed(f"{self._attempt()} failed. {error}") from error

    # -- the loop ------------------------------------------------------------------------------------------------

    def _until_settled(self) -> Outcome:
        while True:
            with self.session.queue.hold(self.target.scope.app_id, self.context, self._say_place):
                self._start_deadline()
                result = self._round()
            if isinstance(result, Outcome):
                return result
            self._wait(result)

    def _round(self) -> Outcome | Wait:
        """Look, decide and do one thing; the turn of the application is held."""
        try:
            return self._look_and_act()
        except BusinessError as error:
            if not self.target.deleting or not self._is_gone(error):
                raise
            return self._nothing_left()

    def _look_and_act(self) -> Outcome | Wait:
        if self._own_order_ended:
            self._own_order_ended = False
            found = self._examine(self._fresh())
            if isinstance(found, Observation) and _is_settled(found.plan):
                return self._outcome(found)
        others = self._active_orders()
        if others:
            for each in others:
                self._await_other(each)
            return Wait.AGAIN
        if not (self.target.deleting or self.target.recorded.members):
            self._refuse_kubernetes()  # before its reading, which knows no members of that kind
        found = self._examine(self._recent())
        return self._act(found) if isinstance(found, Observation) else found

    def _examine(self, live: Application) -> Observation | Outcome | Wait:
        """Find out what a reading means; a group that is not there ends a delete and is waited for else."""
        if live.group(self.target.scope.group_id) is None:
            return self._nothing_left() if self.target.deleting else Wait.GROUP
        found = observe(
            self.session, self.target, live, self.context, history=self._history, expected=self._expected
        )
        self._observation = found
        if found.resolution.repeated:
            raise InputError(
                [
                    messages.describe_repeated(two.path, one.path, two.id, one.id)
                    for one, two in found.resolution.repeated
                ]
            )
        return found

    def _act(self, found: Observation) -> Outcome | Wait:
        plan = found.plan
        for refusal in plan.refusals:
            raise self._refuse(refusal, plan)
        if plan.changes_membership:
            self._refuse_kubernetes()
        if plan.absent:
            return Wait.ABSENT
        order = plan.next_order
        if order is None:
            return self._settle(found)
        if self._would_break_floor(order, found):
            if self._may_still_rise(found):
                return Wait.FLOOR
            raise self._refuse(Refusal.MIN_RUNNING, plan)
        if not self._may_write(order):
            return Wait.AGAIN
        self._more_orders = len(plan.orders) > 1
        return self._submit(order, found)

    def _settle(self, found: Observation) -> Outcome | Wait:
        """Nothing is to be sent now: wait for what was sent to show, or be done."""
        plan = found.plan
        if plan.vanishing or set(plan.awaited) - _present(found):
            return Wait.UNSEEN
        if plan.awaited:
            return Wait.RISING
        return self._outcome(found)

    def _may_write(self, order: Order) -> bool:
        """Make sure the write may be made now; False when time passed, so that everything is looked at again."""
        if order.kind is OrderKind.SCALE_IN and not self.target.deleting and self._awaited_quiet():
            return False
        operation = OPERATIONS[order.kind]
        if self._permit != operation:
            with self.context.uncounted():
                waited = self.session.reads.reserve(operation, self.context)
            self._permit = operation
            return not waited
        return True

    def _awaited_quiet(self) -> bool:
        """Let every resource of the program say what it claims; return whether that took time."""
        runtime, claims = self.context.runtime, self.session.claims
        waited = False
        with runtime:
            while (seconds := claims.quiet_in(runtime.now())) > 0:
                waited = True
                self.context.wait(seconds)
        return waited

    # -- readings ------------------------------------------------------------------------------------------------

    def _active_orders(self) -> list[ChangeOrder]:
        orders = self.session.reads.change_orders(self.target.scope.app_id, self.context)
        self._known_orders = frozenset(each.order_id for each in orders)
        return [each for each in orders if is_active(each.status)]

    def _fresh(self) -> Application:
        reads = self.session.reads
        now = self.context.runtime.now()
        return reads.application(self.target.scope.app_id, self.context, begun_after=now).value

    def _recent(self) -> Application:
        """Return a reading no change order came after: a shared one if it is still fresh, else a new one."""
        reads = self.session.reads
        app_id = self.target.scope.app_id
        if not self._clocks:  # while something is waited for, only a new reading can show it
            reading = reads.recent_application(app_id, self.context)
            if reads.unchanged_since(app_id, reading.begun):
                return reading.value
        return self._fresh()

    def _refuse_kubernetes(self) -> None:
        summary = find_summary(self.session, self.target.scope.app_id, self.context)
        if summary is not None and runs_on_kubernetes(summary):
            raise ChangeError(messages.describe_kubernetes(self.target.scope, summary))

    def _is_gone(self, error: EdasError) -> bool:
        cluster_id = self.target.recorded.cluster_id
        try:
            return is_gone(self.session, self.target.scope, cluster_id, self.context)
        except CannotTellError as doubt:
            words = messages.describe_not_gone(self.target.scope, cluster_id, doubt.error or error)
            raise ChangeError(words) from error

    # -- writing -------------------------------------------------------------------------------------------------

    def _submit(self, order: Order, found: Observation) -> Wait:
        """Send one order and await its end; an ambiguous or refused answer is settled by observing."""
        self.reporter.progress(messages.describe_order(order, found.full_names))
        self.context.check_before_write()
        self._permit = None
        try:
            order_id = self._send(order)
        except ThrottledError as error:
            self.session.reads.refused(error)
        except NotSentError:
            self._pause_before_sending_again()
        except (PermissionDeniedError, CredentialsError):
            raise
        except BusinessError as error:
            self._refused(error)
        except UnavailableError as error:
            self._observe(order, found, error)
        else:
            self._accepted(order, order_id, found)
        return Wait.PAUSE if self._own_order_ended and self._more_orders else Wait.AGAIN

    def _send(self, order: Order) -> str | None:
        client = self.session.client
        scope = self.target.scope
        if order.kind is OrderKind.SCALE_OUT:
            return client.submit_scale_out(scope.app_id, scope.group_id, order.ecu_ids)
        return client.submit_scale_in(scope.app_id, order.ecc_ids, force=order.force)

    def _accepted(self, order: Order, order_id: str | None, found: Observation) -> None:
        """Note an order that EDAS took, and await its end; without an id the readings alone show its end."""
        self._touched = True
        self._history = self._history.after(order)
        if order.kind is OrderKind.SCALE_OUT:
            joining = {
                spelled: ecu for spelled, ecu in found.resolution.ecu_ids.items() if ecu in order.ecu_ids
            }
            self._expected.update(joining)
        self._refusals = self._not_sent = 0
        self._repeated = False
        self._clocks.clear()
        if order_id is None:
            self.session.reads.order_ended(self.target.scope.app_id, None)
            self._own_order_ended = True
            return
        self._order_ids.append(order_id)
        self._own_running = True
        report = self._await(
            Awaited(order_id, self.target.scope.app_id, order.kind.value, self.context.runtime.now())
        )
        self._own_running = False
        self._own_order_ended = True
        if phase_of(report.status) is not Phase.SUCCEEDED:
            raise _OrderFailedError(order, report, found)

    def _pause_before_sending_again(self) -> None:
        """Back off; the connection was refused, so the call was surely not executed."""
        self._not_sent += 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._not_sent, 8), 2 * LONGEST_PAUSE_SECONDS)
        self.context.sleep(pause * (0.5 + self.context.runtime.random()))

    def _refused(self, error: BusinessError) -> None:
        """Tell a busy application from a refusal that stays: an active order is waited for by the next round."""
        if self._active_orders():
            return
        self._refusals += 1
        if self._refusals > REFUSALS_TOLERATED:
            raise error
        pause = REFUSAL_PAUSE_SECONDS * REFUSAL_GROWTH ** (self._refusals - 1)
        self.context.sleep(pause * (0.5 + self.context.runtime.random()))

    def _observe(self, order: Order, found: Observation, error: UnavailableError) -> None:
        """Find out whether a write whose answer was lost was executed.

        Raises:
            UnavailableError: it was not, and not when it was repeated either.
        """
        self._touched = True
        known = set(self._known_orders)
        quiet_since = self.context.runtime.now()
        self.reporter.progress(f"the answer of {error.operation} was lost; looking whether EDAS executed it")
        pause = FIRST_PAUSE_SECONDS
        while True:
            new = self._new_order(known)
            if new is not None and self._may_be_ours(new, order, found):
                self._accepted(order, new.order_id, found)
                return
            if new is not None:
                known.add(new.order_id)
                quiet_since = self.context.runtime.now()
                continue
            if self._has_effect(order, found):
                self._accepted(order, None, found)
                return
            if self.context.runtime.now() - quiet_since >= AMBIGUOUS_SECONDS:
                if self._repeated:
                    raise error
                self._repeated = True
                return
            self.context.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _may_be_ours(self, new: ChangeOrder, order: Order, found: Observation) -> bool:
        """Return whether a new order is the one whose answer was lost, as far as EDAS tells.

        An order names its instances by address only, and not always at once: one that names none is waited for
        first, and is taken for ours if it names none at its end either.
        """
        ours = found.addresses(order.ecu_ids)
        report = self.session.reads.change_order(new.order_id, self.context)
        if not (report.ips & ours):
            report = self._await(
                Awaited(new.order_id, self.target.scope.app_id, "", self.context.runtime.now())
            )
        return not report.ips or not ours or bool(report.ips & ours)

    def _new_order(self, known: Collection[str]) -> ChangeOrder | None:
        """Return an order of our group that was not there before the write."""
        group_id = self.target.scope.group_id
        orders = self.session.reads.change_orders(self.target.scope.app_id, self.context)
        new = [each for each in orders if each.order_id not in known and each.group_id in {group_id, ""}]
        return min(new, key=lambda each: (not is_active(each.status), each.order_id), default=None)

    def _has_effect(self, order: Order, found: Observation) -> bool:
        """Return whether a fresh reading shows what the order asked for."""
        members = self._fresh().members_of(self.target.scope.group_id)
        placements = {each.ecc_id for each in members}
        present = {each.ecu_id for each in members}
        if order.kind is OrderKind.SCALE_OUT:
            return present.issuperset(order.ecu_ids) and not _present(found).issuperset(order.ecu_ids)
        return not placements.intersection(order.ecc_ids)

    # -- waiting -------------------------------------------------------------------------------------------------

    def _await_other(self, order: ChangeOrder) -> None:
        """Wait for an order of the application, whoever started it."""
        ours = order.order_id in self._order_ids or order.order_id in self.target.recorded.change_order_ids
        self._touched = self._touched or ours
        self.reporter.progress(messages.describe_active_order(order, self.target.scope))
        self._await(Awaited(order.order_id, self.target.scope.app_id, "", self.context.runtime.now()))

    def _await(self, awaited: Awaited) -> OrderReport:
        report = self.session.waiter.await_end(awaited, self.context, self)
        self._running = None
        self.session.reads.order_ended(awaited.app_id, awaited.order_id)
        return report

    def seen(self, report: OrderReport, age_seconds: float) -> None:
        """Be told of a look at an order that goes on (see ``waiter.Watcher``)."""
        self._running = report
        status = describe_status(report.status)
        self.reporter.progress(f"change order {report.order_id} is {status}, {age_seconds:.0f} s")
        phase = phase_of(report.status)
        if phase is Phase.HELD:
            self._held(report)
        elif phase is Phase.UNKNOWN and report.order_id not in self._reported:
            self._reported.add(report.order_id)
            self.reporter.warn(messages.describe_unknown_status(report.order_id, report.status))

    def _held(self, report: OrderReport) -> None:
        """Say whom a held order waits for, or confirm it when it is ours and may be confirmed."""
        pipeline = report.held_pipeline_id
        if self.target.policy.confirm_batches and report.order_id in self._order_ids and pipeline is not None:
            if pipeline not in self._reported:
                self.context.check_before_write()
                try:
                    self.session.client.submit_confirmation(pipeline)
                except (BusinessError, ThrottledError, UnavailableError):
                    return  # the next look shows whether it was confirmed, by us or by somebody else
                self._reported.add(pipeline)
            return
        if report.order_id not in self._reported:
            self._reported.add(report.order_id)
            self.reporter.warn(messages.describe_held(report.order_id, report.created_by))

    def _wait(self, reason: Wait) -> None:
        """Let time pass before the next round; no turn is held."""
        if reason is Wait.AGAIN:
            return
        if reason is Wait.PAUSE:
            self.context.sleep(self.target.policy.batch_pause_seconds)
            return
        clock = self._clocks.setdefault(reason, _Clock())
        left = self._patience(reason) - clock.spent
        with self.context.runtime:
            vain = self.session.claims.exchange(self.target.urn) if reason is Wait.ABSENT else None
        if vain is not None:
            raise self._failed(vain)
        if left <= 0:
            raise self._expired(reason, clock.spent)
        self.reporter.progress(f"waiting for {reason.value}, {clock.spent:.0f} s")
        pause = min(clock.pause, left)
        busy = self.session.queue.wanted(self.target.scope.app_id)
        self.context.sleep(pause)
        # The join clock stands still while one of ours works on the application, or EDAS still starts a joiner.
        if not (busy or self.session.queue.wanted(self.target.scope.app_id) or self._is_starting(reason)):
            clock.spent += pause
        clock.pause = min(clock.pause * 1.5, LONGEST_PAUSE_SECONDS)

    def _patience(self, reason: Wait) -> float:
        if reason is Wait.UNSEEN:
            return VISIBILITY_LAG_SECONDS
        if reason is Wait.GROUP:
            return min(GROUP_LAG_SECONDS, self.target.policy.join_timeout_seconds)
        return float(self.target.policy.join_timeout_seconds)

    def _is_starting(self, reason: Wait) -> bool:
        if reason is not Wait.RISING or self._observation is None:
            return False
        awaited = self._observation.plan.awaited
        members = self._observation.live.members_of(self.target.scope.group_id)
        return any(each.ecu_id in awaited and each.task is TaskState.PROCESSING for each in members)

    def _would_break_floor(self, order: Order, found: Observation) -> bool:
        floor = self.target.policy.min_running
        return not self.target.deleting and breaks_floor(order, found.live, self.target.scope.group_id, floor)

    def _may_still_rise(self, found: Observation) -> bool:
        """Return whether a joiner of this operation does not run yet, and may."""
        group = found.live.group(self.target.scope.group_id)
        joiners = (self._history.ordered | self.target.recorded.unsettled) & found.plan_input.desired
        members = found.live.members_of(self.target.scope.group_id)
        down = any(each.ecu_id in joiners and not each.runs for each in members)
        return group is not None and group.deployed and down

    def _start_deadline(self) -> None:
        if self.context.deadline is None:
            self.context.deadline = self.context.runtime.now() + self.target.policy.timeout_seconds

    def _say_place(self, place: int) -> None:
        self.reporter.progress(f"{place} before this one change application {self.target.scope.app_id}")

    # -- what is true, and what to say ---------------------------------------------------------------------------

    def _outcome(self, found: Observation) -> Outcome:
        """Return what a reading with nothing left to do shows."""
        if not self.target.deleting:
            self._warn_if_never_deployed(found)
        if self._order_ids:
            self.reporter.progress(messages.describe_end(found.live.members_of(self.target.scope.group_id)))
        return self._outcome_in(found.live, found.plan_input.desired, frozenset())

    def _outcome_in(self, live: Application, managed: frozenset[str], unsettled: frozenset[str]) -> Outcome:
        return outcome_of(
            live,
            self.target.scope,
            managed,
            self.target.recorded,
            change_order_ids=tuple(self._order_ids),
            unsettled=unsettled,
        )

    def _nothing_left(self) -> Outcome:
        recorded = self.target.recorded
        return Outcome((), (), 0, recorded.group_name, recorded.cluster_id, tuple(self._order_ids))

    def _warn_if_never_deployed(self, found: Observation) -> None:
        group = found.live.group(self.target.scope.group_id)
        down = [each for each in found.live.members_of(self.target.scope.group_id) if not each.runs]
        if (
            group is not None
            and not group.deployed
            and any(each.ecu_id in self._history.ordered for each in down)
        ):
            self.reporter.warn(messages.describe_never_deployed(self.target.scope))

    def _attempt(self) -> str:
        what = "Delete" if self.target.deleting else "Change"
        who = f" ({messages.join_list(each.id for each in self.target.listed)})" if self.target.listed else ""
        return f"{what} of the members of {messages.describe_group(self.target.scope)}{who}"

    def _refuse(self, refusal: Refusal, plan: Plan) -> ChangeError:
        path, reason = messages.describe_refusal(refusal, plan, self.target.policy, self.target.scope)
        return self._failed(f"{path}: {reason}")

    def _expired(self, reason: Wait, waited: float) -> ChangeError:
        """Return the failure of something that did not come in time."""
        found = self._observation
        if reason is Wait.GROUP or found is None:
            return self._failed(messages.describe_missing_group(self.target.scope, self._fresh()))
        if reason is Wait.ABSENT:
            words = [messages.describe_absent(each, found.live) for each in found.plan.absent]
            after = (
                f" Waited {waited:.0f} seconds (joinTimeoutSeconds). Nothing was sent for them."
                if waited
                else ""
            )
            return self._failed(" ".join(words[: messages.LONGEST_LIST]) + after)
        awaited = set(found.plan.awaited) | self._history.ordered
        group = found.live.members_of(self.target.scope.group_id)
        down = [each for each in group if each.ecu_id in awaited and not each.runs]
        gone = [found.names.get(each, each) for each in found.plan.awaited if each not in _present(found)]
        if found.plan.vanishing:
            names = messages.join_list(messages.short_name(each) for each in found.plan.vanishing)
            words_left = (
                f"{names} are still listed {waited:.0f} seconds after EDAS accepted to scale them in."
            )
            return self._failed(f"{self._attempt()} failed. {words_left}")
        return self._failed(f"{self._attempt()} failed. {messages.describe_not_up(down, gone, waited)}")

    def _order_failed(self, failure: _OrderFailedError) -> ChangeError:
        """Return the failure of an order of ours, with the cause EDAS gives for each instance."""
        found, order = failure.found, failure.order
        live = self._last_look()
        words = messages.describe_bad_end(
            order,
            failure.report,
            self.target.scope,
            found.names,
            messages.addresses(found.live, found.machines),
        )
        members = found.live.members if live is None else live.members
        return self._failed(words + messages.silent_leavers(order, self.target.policy, members), live)

    def _too_late(self, sign: DeadlineExceeded) -> ChangeError:
        running = self._running
        cause = f" The last call failed: {sign.__cause__}" if isinstance(sign.__cause__, EdasError) else ""
        order = (
            f" while change order {running.order_id} is {describe_status(running.status)}; the next 'pulumi up' waits "
            "for that order and sends it no second time"
            if running is not None
            else ""
        )
        seconds = self.target.policy.timeout_seconds
        return self._failed(f"{self._attempt()}: the time-out of {seconds} seconds passed{order}.{cause}")

    def _stopped(self, sign: Cancelled) -> ChangeError:
        """Return what is true when the run was stopped; nothing is sent but, if asked for, the abort of our order."""
        running = self._running
        order = ""
        if self._own_running and self._order_ids:
            order = f" Change order {self._order_ids[-1]} goes on in EDAS; the next 'pulumi up' waits for it."
            if self.abort_on_stop and str(sign) == CANCELLED:
                order = self._abort(self._order_ids[-1])
        elif running is not None:
            order = f" Change order {running.order_id} goes on in EDAS."
        seen = self._observation.live if self._observation is not None else None
        live = self._quick_look() if str(sign) == CANCELLED else None
        return self._failed(f"{self._attempt()} was stopped: {sign}.{order}", live or seen, last_look=False)

    def _abort(self, order_id: str) -> str:
        try:
            self.session.client.submit_abort(order_id)
        except EdasError as error:
            return f" Change order {order_id} could not be aborted and goes on in EDAS: {error}"
        return f" Change order {order_id} was aborted; what it had changed stays changed."

    def _failed(
        self, message: str, live: Application | None = None, *, last_look: bool = True
    ) -> ChangeError:
        """Return the failure with what is true now; without a truth when nothing was sent and nothing of ours runs."""
        if not self._touched or self._observation is None:
            return ChangeError(message)
        if live is None and last_look:
            live = self._last_look()
        if live is None:
            live = self._observation.live
        plan_input = self._observation.plan_input
        not_up = self._not_up(live)
        outcome = self._outcome_in(
            live, plan_input.desired | plan_input.managed | self._history.ordered, not_up
        )
        names = messages.short_names(live, self._observation.machines)
        retry = messages.join_list(names.get(each, each) for each in not_up)
        hint = f"'pulumi up' retries only {retry}." if retry else "'pulumi up' does the rest."
        return ChangeError(f"{message} {messages.describe_members(outcome)} {hint}", outcome)

    def _not_up(self, live: Application) -> frozenset[str]:
        """Return the desired ECU ids this operation cared for that are not up."""
        found = self._observation
        group = live.group(self.target.scope.group_id)
        if found is None or group is None:
            return frozenset()
        members = {each.ecu_id: each for each in live.members_of(self.target.scope.group_id)}
        broken = {each.ecu_id for each in found.plan.broken}
        cared = (self._history.ordered | self.target.recorded.unsettled | broken) & found.plan_input.desired
        return frozenset(
            each
            for each in cared
            if each not in members
            or not is_up(members[each], deployed=group.deployed, policy=self.target.policy)
        )

    def _last_look(self) -> Application | None:
        """Read once more what is true, whatever happened to the operation; None when EDAS does not tell."""
        runtime = self.context.runtime
        context = OperationContext(runtime, runtime.now() + LAST_LOOK_SECONDS, self.context.stopped)
        return self._look_within(context)

    def _quick_look(self) -> Application | None:
        """Read once what is true after a cancel, which shall be heeded within a second."""
        runtime = self.context.runtime
        return self._look_within(
            OperationContext(runtime, runtime.now() + QUICK_LOOK_SECONDS, retry_timeout=0.0)
        )

    def _look_within(self, context: OperationContext) -> Application | None:
        now = context.runtime.now()
        try:
            return self.session.reads.application(self.target.scope.app_id, context, begun_after=now).value
        except (EdasError, DeadlineExceeded, Cancelled):
            return None


def _is_settled(plan: Plan) -> bool:
    return not (plan.orders or plan.absent or plan.awaited or plan.vanishing)


def _present(found: Observation) -> set[str]:
    return {each.ecu_id for each in found.live.members_of(found.plan_input.group_id)}
