"""What is true after an operation, and what to say about it.

This file's law: state holds what is true, and a message says no more than the evidence it stands on. An operation
that sent nothing, and waits for no order of its own, leaves state as it was. Nothing here changes EDAS; at most one
more reading is made before words are chosen.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import Cancelled, DeadlineExceeded, OperationContext
from pulumi_edas_scale.domain.codes import Message, format_failure, join_messages
from pulumi_edas_scale.domain.errors import EdasError, OperationError
from pulumi_edas_scale.domain.model import Outcome
from pulumi_edas_scale.domain.orders import Phase, describe_status, is_active, phase_of
from pulumi_edas_scale.domain.plan import History, Wait, is_managed, is_up
from pulumi_edas_scale.operations.observe import outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pulumi_edas_scale.domain.model import Application, OrderReport, Scope
    from pulumi_edas_scale.domain.plan import Order, Refusal
    from pulumi_edas_scale.operations.observe import Observation, Target
    from pulumi_edas_scale.operations.session import Reporter, Session

LAST_LOOK_SECONDS: Final = 8.0
"""Bound of the one reading that shows what is true after a failure: law 14 gives ten seconds after a time-out."""

QUICK_LOOK_SECONDS: Final = 0.5
"""The same after a cancel, which must be honoured within a second."""

ORDER_LOOK_SECONDS: Final = 1.5
"""Bound of the one reading that shows how the order is that was waited for."""

ABORT_SECONDS: Final = 5.0
"""What EDAS is given to answer that an order is aborted, after a cancel."""


class ChangeError(OperationError):
    """A create, update or delete that did not end well.

    Args:
        message: for the user.
        outcome: what is true now, to be saved; None when nothing was sent, so that state stays as it was.
    """

    def __init__(self, message: Message, outcome: Outcome | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome


class OrderFailedError(Exception):
    """An order of ours ended badly."""

    def __init__(self, order: Order, report: OrderReport, found: Observation) -> None:
        super().__init__(report.order_id)
        self.order = order
        self.report = report
        self.found = found


@dataclass(frozen=True, slots=True)
class Followed:
    """An order that is waited for, and its status at a moment; None before it was polled."""

    order_id: str
    status: int | None
    moment: float


@dataclass(slots=True)
class Progress:
    """What one operation has done and seen so far.

    Attributes:
        history: what it has had accepted.
        expected: ECU ids of listed ids that an order of it has added.
        order_ids: the orders it has had accepted: their ids are EDAS's answers to calls of this operation.
        found_ids: orders that were found after a lost answer and have ended; most likely ours, but nobody knows.
        observation: the last reading it decided from.
        observed_at: when that was, on the runtime's clock.
        running: the order it waits for, as seen last.
        own_running: whether that order is the last of ``order_ids``.
        touched: whether it may have changed anything, so that state must say what is true.
        waiting: what is waited for now, without a turn.
        not_accepted: how the present write ended when it was tried last: throttled, not sent, or without an answer.
        unanswered: the write that was left without an answer and may have been executed, empty when none was.
    """

    history: History = field(default_factory=History)
    expected: dict[str, str] = field(default_factory=dict)
    order_ids: list[str] = field(default_factory=list)
    found_ids: list[str] = field(default_factory=list)
    observation: Observation | None = None
    observed_at: float = 0.0
    running: Followed | None = None
    own_running: bool = False
    touched: bool = False
    unanswered: str = ""
    waiting: Wait | None = None
    not_accepted: EdasError | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One create, update or delete of a membership, as its parts see it.

    Attributes:
        session: what the operations of the process share.
        target: what must be reached.
        context: when to stop; the deadline begins with the first turn.
        reporter: where to say what is seen.
        abort_on_stop: whether a cancelled run aborts the order of ours that runs.
        progress: what it has done and seen so far.
    """

    session: Session
    target: Target
    context: OperationContext
    reporter: Reporter
    abort_on_stop: bool = False
    progress: Progress = field(default_factory=Progress)

    @property
    def scope(self) -> Scope:
        """The group, with its names once a reading has shown them."""
        found = self.progress.observation
        return self.target.scope if found is None else self.target.scope.named(found.live)


# -- it ended well ---------------------------------------------------------------------------------------------------


def settled_outcome(operation: Operation, found: Observation) -> Outcome:
    """Return what a reading with nothing left to do shows."""
    group_id = operation.target.scope.group_id
    group, members = found.live.group(group_id), found.live.members_of(group_id)
    adopted = {each.ecu_id for each in found.plan.adopt}
    joined = operation.progress.history.ordered | adopted
    down = [each for each in members if each.ecu_id in joined and not each.runs]
    if down and not operation.target.deleting and group is not None and not group.deployed:
        operation.reporter.warn(messages.describe_never_deployed(operation.scope))
    elif adopted_down := [each for each in down if each.ecu_id in adopted]:
        operation.reporter.warn(messages.describe_adopted_down(adopted_down, operation.scope))
    if operation.progress.order_ids:
        operation.reporter.progress(messages.describe_end(members))
    return _outcome_in(operation, found.live, found.plan_input.desired)


def empty_outcome(operation: Operation) -> Outcome:
    """Return what is true when the group or the application is gone."""
    recorded = operation.target.recorded
    return Outcome((), (), 0, recorded.group_name, recorded.cluster_id, _order_ids(operation))


# -- it did not ------------------------------------------------------------------------------------------------------


def refused(operation: Operation, refusal: Refusal, found: Observation) -> ChangeError:
    """Return the failure of a plan that must not be carried out."""
    target = operation.target
    floor, history = found.plan_input.floor, operation.progress.history
    removed = len(history.scaled_in) if operation.progress.touched else None
    failure = messages.describe_refusal(
        refusal, found.plan, target.policy, operation.scope, floor, removed=removed
    )
    return failed(operation, format_failure(*failure))


def call_failed(operation: Operation, error: EdasError) -> ChangeError:
    """Return the failure of a call that ended the operation."""
    order, _ = _followed(operation, ORDER_LOOK_SECONDS)
    words = f"{_attempt(operation)} failed. {error.with_fix()}{order}{_nothing_sent(operation)}"
    return failed(operation, Message(error.short_code, words))


def group_missing(operation: Operation, live: Application) -> ChangeError:
    """Return the failure of a group that is not in a reading of its application."""
    return failed(operation, format_failure(*messages.describe_missing_group(operation.target.scope, live)))


def expired(operation: Operation, reason: Wait, waited: float, found: Observation) -> ChangeError:
    """Return the failure of something that did not come in time.

    Args:
        operation: the operation.
        reason: what it waited for.
        waited: for how many seconds.
        found: the last reading.
    """
    if reason is Wait.ABSENT:
        after = (
            f" Waited {waited:.0f} seconds (joinTimeoutSeconds). Nothing was sent for them." if waited else ""
        )
        return failed(operation, _absent(operation, found) + after)
    group = found.live.members_of(operation.target.scope.group_id)
    if found.plan.vanishing:
        names = messages.join_list(messages.short_name(each) for each in found.plan.vanishing)
        words_left = f"{names}: still listed {waited:.0f} seconds after EDAS accepted the scale in."
        return failed(operation, Message("ES603", f"{_attempt(operation)} failed. {words_left}"))
    awaited = set(found.plan.awaited) | operation.progress.history.ordered
    down = [each for each in group if each.ecu_id in awaited and not each.runs]
    unseen = [found.names.get(each, each) for each in found.plan.awaited if each not in found.present]
    words = messages.describe_not_up(down, unseen, waited)
    return failed(operation, Message("ES602", f"{_attempt(operation)} failed. {words}"))


def _absent(operation: Operation, found: Observation) -> Message:
    """Return of each listed id that is not there what is wrong, and who stands in the way."""
    return join_messages([words for _, words in _absences(operation, found)][: messages.LONGEST_LIST])


def held_up(operation: Operation, found: Observation) -> list[Message]:
    """Return a text for each listed id that somebody holds who will probably not let it go while this one waits.

    A membership that was removed from the program is deleted last, and one that Pulumi has not begun to change may
    stand behind this one. Neither is certain (the program may come to its holder later, a place may become free), so
    it is said at once and waited for all the same.
    """
    return [words for stuck, words in _absences(operation, found) if stuck]


def _absences(operation: Operation, found: Observation) -> Iterator[tuple[bool, Message]]:
    """Yield what is wrong with each listed id that is not there, and whether its holder has not begun to let it go."""
    ownership, scope = operation.session.ownership, operation.target.scope
    for each in found.plan.absent:
        held, releaser = each.cause in messages.USED_ELSEWHERE, None
        with operation.context.runtime:
            if held:
                releaser = ownership.claims.releaser(scope, each.group_id, each.listed.id)
            begun = releaser is not None and ownership.has_begun(releaser)
        words = format_failure(*messages.describe_absent(each, found.live))
        yield held and not begun, words + messages.describe_holder(each, releaser, begun=begun)


def order_failed(operation: Operation, failure: OrderFailedError) -> ChangeError:
    """Return the failure of an order of ours, with the cause EDAS gives for each instance."""
    found, order = failure.found, failure.order
    live = _last_look(operation)
    words = messages.describe_bad_end(
        order,
        failure.report,
        operation.scope,
        found.names,
        messages.addresses(found.live, found.machines),
    )
    members = found.live.members if live is None else live.members
    return failed(operation, words + messages.silent_leavers(order, operation.target.policy, members), live)


def timed_out(operation: Operation, sign: DeadlineExceeded) -> ChangeError:
    """Return the failure of an operation whose deadline passed."""
    failure = sign.__cause__ if isinstance(sign.__cause__, EdasError) else operation.progress.not_accepted
    cause = f" The last call failed: {failure.with_fix()}" if failure is not None else ""
    found = operation.progress.observation
    if operation.progress.waiting is Wait.ABSENT and found is not None:
        cause = f" {_absent(operation, found)}{cause}"
    elif operation.progress.waiting is not None:
        cause = f" It was waiting for {operation.progress.waiting.value}.{cause}"
    order, _ = _followed(operation, ORDER_LOOK_SECONDS)
    seconds, nothing = operation.target.policy.timeout_seconds, _nothing_sent(operation)
    if nothing:
        nothing += (
            f" {_next_command(operation)} tries again; timeoutSeconds or customTimeouts give it longer."
        )
    return failed(
        operation,
        Message(
            "ES604",
            f"{_attempt(operation)}: the time-out of {seconds} seconds passed.{order}"
            f"{_unanswered(operation)}{cause}{nothing}",
        ),
    )


def stopped(operation: Operation, sign: Cancelled) -> ChangeError:
    """Return what is true when the run was stopped; nothing is sent but, if asked for, the abort of our order."""
    progress = operation.progress
    # A process whose engine is gone must end; a user who cancelled still wants to know what is true.
    words, ended = _followed(operation, QUICK_LOOK_SECONDS / 2 if sign.by_user else 0.0)
    order = f"{words}{_unanswered(operation)}"
    # Without an engine nobody asked for an abort, and nobody would learn of it.
    if progress.own_running and not ended and operation.abort_on_stop and sign.by_user:
        order = _abort(operation, progress.order_ids[-1])
    live = None
    if sign.by_user:
        runtime = operation.context.runtime
        live = _look_within(
            operation, OperationContext(runtime, runtime.now() + QUICK_LOOK_SECONDS, retry_timeout=0.0)
        )
    words = f"{_attempt(operation, concerned=True)} was stopped: {sign}.{order}{_nothing_sent(operation)}"
    return failed(operation, Message("ES605", words), live, last_look=False)


def _followed(operation: Operation, seconds: float) -> tuple[str, bool]:
    """Return what is known of the order that was waited for, read once more within so many seconds, and if it ended.

    The process may have been stopped while the order ended, so what was seen before is said as such.
    """
    running, again = operation.progress.running, f"the next {_next_command(operation)} waits for it"
    if running is None:
        return "", False
    runtime = operation.context.runtime
    status = None
    if seconds:
        context = OperationContext(runtime, runtime.now() + seconds, retry_timeout=0.0)
        with suppress(EdasError, DeadlineExceeded, Cancelled):
            status = operation.session.reads.change_order(running.order_id, context).status
    if status is not None and not is_active(status) and phase_of(status) is not Phase.UNKNOWN:
        return f" Change order {running.order_id} has ended as {describe_status(status)}.", True
    if status is not None:
        goes = "goes on in EDAS"
        if phase_of(status) is Phase.HELD:
            goes = "stays so until somebody confirms it in the EDAS console"
        return f" Change order {running.order_id} is {describe_status(status)} and {goes}; {again}.", False
    ago = runtime.now() - running.moment
    seen = f"was {describe_status(running.status)}" if running.status is not None else "was active"
    words = f"{seen} {ago:.0f} seconds ago, and goes on in EDAS unless it has ended since"
    return f" Change order {running.order_id} {words}; {again}.", False


def _next_command(operation: Operation) -> str:
    return "'pulumi destroy'" if operation.target.deleting else "'pulumi up'"


def _unanswered(operation: Operation) -> str:
    write = operation.progress.unanswered
    if not write:
        return ""
    again = f"the next {_next_command(operation)} looks for it"
    return f" {write} was sent and not answered, so a change order may have begun; {again}."


def _nothing_sent(operation: Operation) -> str:
    return "" if operation.progress.touched else " This operation sent no change order."


def _abort(operation: Operation, order_id: str) -> str:
    runtime = operation.context.runtime
    context = OperationContext(runtime, runtime.now() + ABORT_SECONDS)
    try:
        operation.session.client.within(context).submit_abort(order_id)
    except DeadlineExceeded:
        return f" AbortChangeOrder was sent for change order {order_id} and not answered within {ABORT_SECONDS:g} s."
    except EdasError as error:
        return f" Change order {order_id} could not be aborted and goes on in EDAS: {error.with_fix()}"
    return f" Change order {order_id} was aborted; what it had changed stays changed."


def failed(
    operation: Operation, message: Message, live: Application | None = None, *, last_look: bool = True
) -> ChangeError:
    """Return the failure with what is true now; without an outcome when nothing was sent and nothing of ours runs."""
    progress = operation.progress
    if not progress.touched or progress.observation is None:
        return ChangeError(message)
    if live is None and last_look:
        live = _last_look(operation)
    age = 0.0
    if live is None:
        live = progress.observation.live
        age = operation.context.runtime.now() - progress.observed_at
    found, plan_input = progress.observation, progress.observation.plan_input
    desired, members = plan_input.desired, live.members_of(operation.target.scope.group_id)
    present = {each.ecu_id for each in members}
    not_up = _not_up(operation, found, live)
    ours = {each.ecu_id for each in members if is_managed(plan_input, each)}
    # What another membership of the run lists is in its state; in two states it would leave with either.
    ours -= {each.ecu_id for each in found.plan.kept}
    # A joiner that nobody has seen yet may still come, even when the program no longer lists it.
    unseen = operation.target.recorded.unsettled - desired - present
    outcome = _outcome_in(
        operation,
        live,
        desired | progress.history.ordered | ours,
        not_up | unseen,
    )
    names = found.names | messages.short_names(live)
    retry = messages.join_list(names.get(each, each) for each in not_up)
    command = _next_command(operation)
    leaving = (present if operation.target.policy.exclusive else ours) - desired
    if retry:
        hint = f"{command} retries only {retry}."
    elif found.plan.absent or desired - present or leaving:
        hint = f"{command} does the rest."
    else:  # the process was frozen, or EDAS was quicker than the failure
        hint = f"Nothing is left to do; {command} records it."
    return ChangeError(message + f" {messages.describe_members(outcome, age)} {hint}", outcome)


def _outcome_in(
    operation: Operation,
    live: Application,
    managed: frozenset[str],
    unsettled: frozenset[str] = frozenset(),
) -> Outcome:
    return outcome_of(
        live,
        operation.target.scope,
        managed,
        operation.target.recorded,
        change_order_ids=_order_ids(operation),
        unsettled=unsettled,
    )


def _order_ids(operation: Operation) -> tuple[str, ...]:
    """Return the orders of the operation; one that sent none has learned nothing to replace the recorded (law 16)."""
    progress = operation.progress
    return (*progress.order_ids, *progress.found_ids) or operation.target.recorded.change_order_ids


def _attempt(operation: Operation, *, concerned: bool = False) -> str:
    """Return what was attempted on which ids; ``concerned``: only those that something was still to be done for."""
    target, found = operation.target, operation.progress.observation
    what = "Delete" if target.deleting else "Change"
    ids = {each.id for each in target.listed}
    if concerned and found is not None:
        plan = found.plan
        ecus = {ecu for order in plan.orders for ecu in order.ecu_ids} | set(plan.awaited)
        ids = {found.names.get(each, each) for each in ecus} | {each.listed.id for each in plan.absent}
    who = f" ({messages.join_list(ids)})" if ids else ""
    return f"{what} of the members of {messages.describe_group(operation.scope)}{who}"


def _not_up(operation: Operation, found: Observation, live: Application) -> frozenset[str]:
    """Return the desired ECU ids this operation cared for that are not up."""
    target = operation.target
    group = live.group(target.scope.group_id)
    if group is None:
        return frozenset()
    members = {each.ecu_id: each for each in live.members_of(target.scope.group_id)}
    broken = {each.ecu_id for each in found.plan.broken}
    cared = (
        operation.progress.history.ordered | target.recorded.unsettled | broken
    ) & found.plan_input.desired
    return frozenset(
        each
        for each in cared
        if each not in members or not is_up(members[each], deployed=group.deployed, policy=target.policy)
    )


# -- the last reading ------------------------------------------------------------------------------------------------


def _last_look(operation: Operation) -> Application | None:
    """Read once more what is true, whatever happened to the operation; None when EDAS does not answer."""
    runtime = operation.context.runtime
    context = OperationContext(runtime, runtime.now() + LAST_LOOK_SECONDS, operation.context.stopped)
    return _look_within(operation, context)


def _look_within(operation: Operation, context: OperationContext) -> Application | None:
    now = context.runtime.now()
    reads, scope = operation.session.reads, operation.target.scope
    try:
        return reads.application(scope.app_id, context, begun_after=now, group_id=scope.group_id).value
    except (EdasError, DeadlineExceeded, Cancelled):
        return None
