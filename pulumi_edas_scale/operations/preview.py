"""What a change would do, from a live reading, before anything is sent.

This file's law: the same observation and the same planner as the change, so a preview cannot say something else. It
fails where no other resource of the program could make it right, and warns where the same run may mend it before
our turn comes; ``strict`` turns those warnings into failures. What could not be looked at is not clean: a recorded
membership that cannot be read fails the preview, so that a green one means looked at, and as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import IMPATIENT_RETRY_SECONDS, DeadlineExceeded
from pulumi_edas_scale.domain.codes import Message, format_failure
from pulumi_edas_scale.domain.drift import find_drift
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, OperationError, ThrottledError
from pulumi_edas_scale.domain.orders import OrderType, is_active
from pulumi_edas_scale.domain.resolution import Absent, Cause, find_member
from pulumi_edas_scale.operations.lookups import find_wrong_application
from pulumi_edas_scale.operations.observe import find_kubernetes, observe
from pulumi_edas_scale.operations.traces import describe_strangers, find_traces

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.codes import Failure
    from pulumi_edas_scale.domain.model import Application, Listed, Member
    from pulumi_edas_scale.operations.observe import Observation, Target
    from pulumi_edas_scale.operations.session import Session

DEADLINE_SECONDS: Final = 25.0
"""How long a preview asks in total: the user learns the cause within half a minute."""


@dataclass(slots=True)
class Preview:
    """What there is to say about a change that was not made yet.

    Attributes:
        observation: the reading it rests on, None when there was none, or the group is not there.
        failures: what no other resource could make right.
        mendable: what is wrong now and the same run may still mend; warnings, unless the preview is strict.
        warnings: what the user should know before agreeing.
        lines: what will happen.
        unfinished: whether the last operation of ours left something to do.
    """

    observation: Observation | None = None
    failures: list[Failure] = field(default_factory=list)
    mendable: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    unfinished: bool = False

    @property
    def changes_membership(self) -> bool:
        """Whether an order would be sent, somebody who is not there yet would join, or work of ours be finished."""
        plan = self.observation.plan if self.observation is not None else None
        return self.unfinished or (plan is not None and plan.changes_membership)

    def drifted(self, listed: tuple[Listed, ...]) -> tuple[tuple[str, str], ...]:
        """Return by path what the change would do where the inputs ask for nothing.

        The engine draws a changed output as one that goes away, so who joins is drawn where the program lists it.
        """
        found = self.observation
        if found is None or not self.changes_membership:
            return ()
        plan, ecu_ids = found.plan, found.resolution.ecu_ids
        absent = {each.listed.id for each in plan.absent}
        joining = {*plan.join, *(each.ecu_id for each in plan.broken)}
        paths = [
            each.path for each in listed if each.id in absent or ecu_ids.get(each.id, each.id) in joining
        ]
        if paths:
            return tuple((path, "add") for path in paths)
        if plan.evict:
            return (("exclusive", "update"),)
        return ((next((each.input for each in listed), "instanceIds"), "update"),)

    def add_missing_group(self, target: Target, live: Application) -> None:
        """Note that the group is not there."""
        failure = messages.describe_missing_group(target.scope, live)
        # The id of a group that was deleted never comes back, so no resource of the program can mend it for us.
        if any(group.name == target.scope.group_id for group in live.groups) or not _is_new(target):
            self.failures.append(failure)
        else:
            self.mendable.append(format_failure(*failure))

    def add_drift(
        self, session: Session, target: Target, found: Observation, context: OperationContext
    ) -> None:
        """Note what others did to the membership, and what of our own work is unfinished."""
        recorded = target.recorded
        # An id that is not known yet may be any of those that left.
        desired = {each.id for each in target.listed} if target.unknown_ids == 0 else None
        drift = find_drift(recorded, found.live, target.scope, desired)
        if target.ignored and not recorded.unsettled:
            away = messages.describe_left_alone(drift, target.scope)
            self.lines.extend([away] if away is not None else [])
            drift = replace(drift, gone=(), moved=(), joining=())
        self.unfinished = drift.unfinished
        unfinished = messages.describe_unfinished(drift, recorded.change_order_ids, target.scope)
        self.warnings.extend([unfinished] if unfinished is not None else [])
        self.lines.extend(messages.describe_reached(drift, target.scope))
        traces = find_traces(session, target.scope, drift.gone, OrderType.SCALE_IN, context)
        self.warnings.extend(messages.describe_drift(drift, found.live, target.scope, traces))

    def add_plan(self, target: Target, found: Observation, *, creating: bool) -> None:
        """Note what would be sent, adopted by a create, or left in place for another membership."""
        plan = found.plan
        if plan.changes_membership or (creating and plan.adopt) or plan.kept:
            floor = None if target.deleting else target.policy.min_running
            self.lines.append(
                messages.describe_plan(plan, found.names, found.full_names, floor, target.unknown_ids)
            )

    def add_refusals(self, target: Target, found: Observation) -> None:
        """Note what forbids the plan for sure."""
        self.failures.extend(
            messages.describe_refusal(each, found.plan, target.policy, target.scope, found.plan_input.floor)
            for each in found.plan.refusals
        )

    def judge(self, session: Session, target: Target, found: Observation) -> None:
        """Sort what is wrong into failures and warnings."""
        plan, floor = found.plan, found.plan_input.floor
        self.failures.extend(found.wrong_ids)
        self.add_refusals(target, found)
        for each in plan.doubts:
            path, reason = messages.describe_refusal(each, plan, target.policy, target.scope, floor)
            words = f"{path}: depending on ids that are not known yet, at most: {reason}"
            self.warnings.append(Message(reason.code, words))
        self.mendable.extend(
            format_failure(*messages.describe_absent(each, found.live))
            for each in plan.absent
            if not _is_released(session, target, each)
        )
        if plan.evict:
            self.warnings.append(messages.describe_evictions(plan, target.scope, target.unknown_ids))


def preview_change(
    session: Session,
    target: Target,
    context: OperationContext,
    *,
    strict: bool,
    known_foreign: frozenset[str] = frozenset(),
) -> Preview:
    """Say what a create or an update would do now.

    Args:
        session: where readings come from.
        target: what is to be reached.
        context: the stop sign, and where to say what is waited for; a preview sets its own deadline.
        strict: whether what the same run may still mend is a failure, too.
        known_foreign: ECU ids of foreign members that are recorded, and so no news.

    Returns:
        A Preview. That EDAS cannot be read is a warning in it for a create, whose application the same run may make.

    Raises:
        OperationError: EDAS cannot be read, so nothing is known of a recorded membership.
    """
    preview = Preview()
    try:
        preview = _look(session, target, context, known_foreign)
    except (EdasError, DeadlineExceeded) as failure:
        error = _cause_of(failure)
        refused = isinstance(error, BusinessError)
        wrong = find_wrong_application(session, target.scope, context) if refused else None
        if not _is_new(target):
            words = messages.describe_not_looked_at(target.scope, error)
            raise OperationError(words + f" {format_failure(*wrong.failure)}" if wrong else words) from error
        if wrong is None:
            preview.mendable.append(messages.describe_unreadable(target.scope, error))
        elif wrong.meant_is_known:
            preview.failures.append(wrong.failure)
        else:  # one that is not listed may be one that the same run makes
            preview.mendable.append(format_failure(*wrong.failure))
    if strict:
        preview.failures.extend(("", each) for each in preview.mendable)
    else:
        preview.warnings.extend(preview.mendable)
    return preview


def _look(
    session: Session, target: Target, context: OperationContext, known_foreign: frozenset[str]
) -> Preview:
    bounded = _bounded(context)
    while True:
        preview = Preview()
        try:
            _look_within(session, target, bounded, preview, known_foreign)
        except ThrottledError:
            # Nothing is wrong but the moment: the whole time of a preview is spent on it.
            if bounded.deadline is not None and session.runtime.now() >= bounded.deadline:
                raise
        except DeadlineExceeded as sign:
            # Without a failed call it was the queue of our own calls, in a stack with more applications than EDAS
            # may be asked for in a minute: that says nothing about EDAS, and ends by itself.
            if sign.__cause__ is not None:
                raise
            bounded = _bounded(context)
        else:
            return preview


def _is_new(target: Target) -> bool:
    # A membership that lists nobody is recorded all the same: where it is tells it from one that is yet to be made.
    recorded = target.recorded
    return not (recorded.members or recorded.listed or recorded.cluster_id or recorded.group_name)


def _look_within(
    session: Session,
    target: Target,
    context: OperationContext,
    preview: Preview,
    known_foreign: frozenset[str],
) -> None:
    creating = _is_new(target)
    if creating:
        # Read before the application, so that the create may use the same reading when no order came after it.
        _report_active_order(session, target, context, preview)
    scope = target.scope
    try:
        live = session.reads.shown_application(scope.app_id, context, group_id=scope.group_id).value
    except BusinessError:
        if _refuse_kubernetes(session, target, None, context, preview):
            return
        raise
    if creating and _refuse_kubernetes(session, target, live, context, preview):
        return
    target = replace(target, scope=scope.named(live))
    if live.group(scope.group_id) is None:
        preview.add_missing_group(target, live)
        return
    found = observe(session, target, live, context)
    preview.observation = found
    preview.add_drift(session, target, found, context)
    if not creating:
        arrivals = describe_strangers(
            session,
            target.scope,
            found.plan.foreign,
            known_foreign,
            context,
            urn=target.urn,
            policy=target.policy,
        )
        preview.lines.extend(arrivals)
    preview.judge(session, target, found)
    if found.plan.changes_membership and not creating:
        if _refuse_kubernetes(session, target, live, context, preview):
            return
        _report_active_order(session, target, context, preview)
    preview.add_plan(target, found, creating=creating)


def _refuse_kubernetes(
    session: Session, target: Target, live: Application | None, context: OperationContext, preview: Preview
) -> bool:
    summary = find_kubernetes(session, target.scope.app_id, live, context)
    if summary is None:
        return False
    preview.failures.append(messages.describe_kubernetes(target.scope, summary))
    return True


def _report_active_order(
    session: Session, target: Target, context: OperationContext, preview: Preview
) -> None:
    orders = session.reads.shown_change_orders(target.scope.app_id, context)
    preview.lines.extend(
        f"Now {messages.describe_active_order(each, target.scope)}."
        for each in orders
        if is_active(each.status)
    )


def preview_replacement(
    leaving: tuple[Session, Target],
    joining: tuple[Session, Target] | None,
    context: OperationContext,
) -> Preview:
    """Judge a replacement that deletes first as a whole, before anything leaves.

    Args:
        leaving: the old membership, as a delete.
        joining: the new one, as a create; None while its place is not known.
        context: the stop sign, and where to say what is waited for; a preview sets its own deadline.

    Returns:
        A Preview with what leaves the old group. Each that cannot join the new one is a failure in it, not a warning:
        the old group would be empty by the time the new one fails.

    Raises:
        OperationError: the old membership cannot be read.
    """
    preview = Preview()
    session, target = leaving
    context = _bounded(context)
    try:
        live = session.reads.shown_application(
            target.scope.app_id, context, group_id=target.scope.group_id
        ).value
        if live.group(target.scope.group_id) is None:
            return preview
        target = replace(target, scope=target.scope.named(live))
        found = observe(session, target, live, context)
    except (EdasError, DeadlineExceeded) as failure:
        if isinstance(failure, BusinessError):  # it may be gone, which the delete makes sure of
            preview.warnings.append(messages.describe_unreadable(target.scope, failure))
            return preview
        error = _cause_of(failure)
        raise OperationError(messages.describe_not_looked_at(target.scope, error)) from error
    plan = found.plan
    if plan.leave or plan.kept:
        preview.lines.append(messages.describe_replaced(plan, target.scope, messages.full_names(live)))
    if plan.leave and joining is not None:
        _judge_joiners(*joining, context, plan.leave, preview)
    if preview.failures:
        preview.failures.append(("", messages.describe_nothing_leaves(plan.leave, target.scope)))
    # What another membership keeps running in the old group binds this delete as any other.
    preview.add_refusals(target, found)
    return preview


def _judge_joiners(
    session: Session,
    target: Target,
    context: OperationContext,
    leaving: tuple[Member, ...],
    preview: Preview,
) -> None:
    context = _bounded(context)
    try:
        live = session.reads.shown_application(
            target.scope.app_id, context, group_id=target.scope.group_id
        ).value
        if _refuse_kubernetes(session, target, live, context, preview):
            return
        if live.group(target.scope.group_id) is None:
            preview.failures.append(messages.describe_missing_group(target.scope, live))
            return
        found = observe(session, target, live, context)
    except (EdasError, DeadlineExceeded) as failure:
        preview.warnings.append(messages.describe_unreadable(target.scope, _cause_of(failure)))
        return
    preview.failures.extend(found.wrong_ids)
    for each in found.plan.absent:
        freed = find_member(leaving, each.listed.id)
        if freed is not None and freed.agent_off:
            obstacle = Absent(each.listed, Cause.AGENT_OFF)
        elif freed is not None or _is_released(session, target, each):
            continue
        else:
            obstacle = each
        problem = messages.describe_absent(obstacle, found.live)
        if obstacle.cause is Cause.CONVERTING:  # it will be there, and the create waits for it
            preview.warnings.append(format_failure(*problem))
        else:
            preview.failures.append(problem)


def _cause_of(failure: EdasError | DeadlineExceeded) -> BaseException:
    """Return the failed call behind a deadline that passed, or the failure itself."""
    return failure.__cause__ or failure if isinstance(failure, DeadlineExceeded) else failure


def _bounded(context: OperationContext) -> OperationContext:
    """Return the bounds of one look: a deadline from now on, and patience for one call that fails."""
    deadline = context.runtime.now() + DEADLINE_SECONDS
    return replace(context, deadline=deadline, retry_timeout=IMPATIENT_RETRY_SECONDS)


def _is_released(session: Session, target: Target, absent: Absent) -> bool:
    """Return whether another membership of this run gives the instance up, so that there is nothing to warn of."""
    if absent.cause not in messages.USED_ELSEWHERE:
        return False
    with session.runtime:
        urn = session.ownership.claims.releaser(target.scope, absent.group_id, absent.listed.id)
    return urn is not None
