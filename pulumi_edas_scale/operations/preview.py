"""What a change would do, from a live reading, before anything is sent.

This file's law: the same survey and the same planner as the change, so a preview cannot say something else. It
fails where no other resource of the program could make it right, and warns where the same run may mend it before
our turn comes; ``strict`` turns those warnings into failures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.clock import DeadlineExceeded
from pulumi_edas_scale.domain.errors import BusinessError, EdasError
from pulumi_edas_scale.domain.orders import is_active
from pulumi_edas_scale.domain.resolution import Cause
from pulumi_edas_scale.edas.reads import PREVIEW_FRESH_SECONDS
from pulumi_edas_scale.operations.observe import find_kubernetes, observe

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import Application
    from pulumi_edas_scale.domain.resolution import Absent
    from pulumi_edas_scale.operations.observe import Observation, Target
    from pulumi_edas_scale.operations.session import Session

RETRY_TIMEOUT_SECONDS: Final = 8.0
"""How long a preview goes on asking when calls fail: a warning now is better than an answer in a minute."""


@dataclass(slots=True)
class Preview:
    """What there is to say about a change that was not made yet.

    Attributes:
        observation: the reading it rests on, None when EDAS could not be read.
        failures: property path and reason of what no other resource could make right.
        mendable: what is wrong now and the same run may still mend; warnings, unless the preview is strict.
        warnings: what the user should know before he agrees.
        lines: what will happen.
    """

    observe: Observation | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)
    mendable: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def changes_membership(self) -> bool:
        """Whether an order would be sent, or somebody who is not there yet would join."""
        return self.observe is not None and self.observe.plan.changes_membership


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
        target: what shall be reached.
        context: bounds of the reading.
        strict: whether what the same run may still mend is a failure, too.
        known_foreign: ECU ids of foreign members that are recorded, and so no news.

    Returns:
        A Preview; that EDAS cannot be read is a warning in it, never an error.
    """
    preview = Preview()
    try:
        _look(session, target, context, preview, known_foreign)
    except EdasError as error:
        preview.mendable.append(messages.describe_unreadable(target.scope, error))
    except DeadlineExceeded as sign:
        preview.mendable.append(messages.describe_unreadable(target.scope, sign.__cause__ or sign))
    if strict:
        preview.failures.extend(("", each) for each in preview.mendable)
    else:
        preview.warnings.extend(preview.mendable)
    return preview


def _look(
    session: Session,
    target: Target,
    context: OperationContext,
    preview: Preview,
    known_foreign: frozenset[str],
) -> None:
    creating = not target.recorded.members and not target.recorded.listed
    if creating:
        # Read before the application, so that the create may use the same reading when no order came after it.
        _tell_active_order(session, target, context, preview)
    scope = target.scope
    try:
        live = session.reads.recent_application(
            scope.app_id, context, within=PREVIEW_FRESH_SECONDS, group_id=scope.group_id
        ).value
    except BusinessError:
        if _refuse_kubernetes(session, target, None, context, preview):
            return
        raise
    if creating and _refuse_kubernetes(session, target, live, context, preview):
        return
    if live.group(target.scope.group_id) is None:
        _tell_missing_group(target, live, preview)
        return
    found = observe(session, target, live, context)
    preview.observe = found
    _tell_drift(target, found, known_foreign, preview)
    _judge(session, target, found, preview)
    plan = found.plan
    if plan.changes_membership and not creating:
        if _refuse_kubernetes(session, target, live, context, preview):
            return
        _tell_active_order(session, target, context, preview)
    if plan.changes_membership or (creating and plan.adopt) or plan.kept:
        preview.lines.append(
            messages.describe_plan(plan, found.full_names, target.policy, target.unknown_ids)
        )


def _refuse_kubernetes(
    session: Session, target: Target, live: Application | None, context: OperationContext, preview: Preview
) -> bool:
    summary = find_kubernetes(session, target.scope.app_id, live, context)
    if summary is None:
        return False
    path, reason = messages.describe_kubernetes(target.scope, summary).split(": ", 1)
    preview.failures.append((path, reason))
    return True


def _tell_active_order(session: Session, target: Target, context: OperationContext, preview: Preview) -> None:
    orders = session.reads.recent_change_orders(target.scope.app_id, context, within=PREVIEW_FRESH_SECONDS)
    preview.lines.extend(
        f"Now {messages.describe_active_order(each, target.scope)}."
        for each in orders
        if is_active(each.status)
    )


def _tell_missing_group(target: Target, live: Application, preview: Preview) -> None:
    words = messages.describe_missing_group(target.scope, live)
    if any(group.name == target.scope.group_id for group in live.groups):
        path, reason = words.split(": ", 1)
        preview.failures.append((path, reason))
    else:
        preview.mendable.append(words)


def _tell_drift(target: Target, found: Observation, known_foreign: frozenset[str], preview: Preview) -> None:
    preview.warnings.extend(messages.describe_drift(target.recorded, found.live, target.scope))
    if target.recorded.members or target.recorded.listed:
        arrivals = messages.describe_arrivals(found.plan.foreign, known_foreign, target.scope)
        if arrivals is not None:
            preview.lines.append(arrivals)


def _judge(session: Session, target: Target, found: Observation, preview: Preview) -> None:
    """Sort what is wrong into failures and warnings."""
    plan, floor = found.plan, found.plan_input.floor
    preview.failures.extend(found.wrong_ids)
    preview.failures.extend(
        messages.describe_refusal(each, plan, target.policy, target.scope, floor) for each in plan.refusals
    )
    for each in plan.doubts:
        path, reason = messages.describe_refusal(each, plan, target.policy, target.scope, floor)
        preview.warnings.append(f"{path}: depending on ids that are not known yet, at most: {reason}")
    preview.mendable.extend(
        messages.describe_absent(each, found.live)
        for each in plan.absent
        if each.cause is not Cause.OTHER_GROUP or not _is_released(session, target, each)
    )
    if plan.evict:
        preview.warnings.append(messages.describe_evictions(plan, target.scope, target.unknown_ids))


def _is_released(session: Session, target: Target, absent: Absent) -> bool:
    """Return whether another membership of this run gives the instance up, so that there is nothing to warn of."""
    with session.runtime:
        urn = session.ownership.releaser(target.scope, absent.group_id, absent.listed.id)
    return urn is not None
