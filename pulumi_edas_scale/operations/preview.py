"""What a change would do, from a live reading, before anything is sent.

This file's law: the same survey and the same planner as the change, so a preview cannot say something else. It
fails where no other resource of the program could make it right, and warns where the same run may mend it before
our turn comes; ``strict`` turns those warnings into failures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain import messages as diagnosis
from pulumi_edas_scale.domain.clock import DeadlineSign
from pulumi_edas_scale.domain.errors import EdasError
from pulumi_edas_scale.domain.orders import is_active
from pulumi_edas_scale.domain.resolution import Cause
from pulumi_edas_scale.edas.reads import SHOWN_SECONDS
from pulumi_edas_scale.operations.observe import find_summary, runs_on_kubernetes, survey

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import Limits
    from pulumi_edas_scale.domain.model import Application
    from pulumi_edas_scale.domain.resolution import Absent
    from pulumi_edas_scale.operations.observe import Survey, Wish
    from pulumi_edas_scale.operations.session import Session

PATIENCE_SECONDS: Final = 8.0
"""How long a preview goes on asking when calls fail: a warning now is better than an answer in a minute."""


@dataclass(slots=True)
class Preview:
    """What there is to say about a change that was not made yet.

    Attributes:
        survey: the reading it rests on, None when EDAS could not be read.
        failures: property path and reason of what no other resource could make right.
        mendable: what is wrong now and the same run may still mend; warnings, unless the preview is strict.
        warnings: what the user should know before he agrees.
        lines: what will happen.
    """

    survey: Survey | None = None
    failures: list[tuple[str, str]] = field(default_factory=list)
    mendable: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def changes_membership(self) -> bool:
        """Whether an order would be sent, or somebody who is not there yet would join."""
        return self.survey is not None and self.survey.plan.changes_membership


def preview_change(
    session: Session, wish: Wish, limits: Limits, *, strict: bool, known_foreign: frozenset[str] = frozenset()
) -> Preview:
    """Say what a create or an update would do now.

    Args:
        session: where readings come from.
        wish: what shall be reached.
        limits: bounds of the reading.
        strict: whether what the same run may still mend is a failure, too.
        known_foreign: ECU ids of foreign members that are recorded, and so no news.

    Returns:
        A Preview; that EDAS cannot be read is a warning in it, never an error.
    """
    preview = Preview()
    try:
        _look(session, wish, limits, preview, known_foreign)
    except EdasError as error:
        preview.mendable.append(diagnosis.describe_unreadable(wish.scope, error))
    except DeadlineSign as sign:
        preview.mendable.append(diagnosis.describe_unreadable(wish.scope, sign.__cause__ or sign))
    if strict:
        preview.failures.extend(("", each) for each in preview.mendable)
    else:
        preview.warnings.extend(preview.mendable)
    return preview


def _look(
    session: Session, wish: Wish, limits: Limits, preview: Preview, known_foreign: frozenset[str]
) -> None:
    creating = not wish.recorded.members and not wish.recorded.listed
    if creating:
        if _refuse_kubernetes(session, wish, limits, preview):
            return
        # Read before the application, so that the create may use the same reading when no order came after it.
        _tell_active_order(session, wish, limits, preview)
    live = session.inventory.recent_application(wish.scope.app_id, limits, within=SHOWN_SECONDS).value
    if live.group(wish.scope.group_id) is None:
        _tell_missing_group(wish, live, preview)
        return
    found = survey(session, wish, live, limits)
    preview.survey = found
    _tell_drift(wish, found, known_foreign, preview)
    _judge(session, wish, found, preview)
    plan = found.plan
    if plan.changes_membership and not creating:
        if _refuse_kubernetes(session, wish, limits, preview):
            return
        _tell_active_order(session, wish, limits, preview)
    if plan.changes_membership or (creating and plan.adopt) or plan.kept:
        preview.lines.append(diagnosis.describe_plan(plan, found.places, wish.policy, wish.unknown_ids))


def _refuse_kubernetes(session: Session, wish: Wish, limits: Limits, preview: Preview) -> bool:
    summary = find_summary(session, wish.scope.app_id, limits)
    if summary is None or not runs_on_kubernetes(summary):
        return False
    path, reason = diagnosis.describe_kubernetes(wish.scope, summary).split(": ", 1)
    preview.failures.append((path, reason))
    return True


def _tell_active_order(session: Session, wish: Wish, limits: Limits, preview: Preview) -> None:
    orders = session.inventory.recent_change_orders(wish.scope.app_id, limits, within=SHOWN_SECONDS)
    preview.lines.extend(
        f"Now {diagnosis.describe_active_order(each, wish.scope)}."
        for each in orders
        if is_active(each.status)
    )


def _tell_missing_group(wish: Wish, live: Application, preview: Preview) -> None:
    words = diagnosis.describe_missing_group(wish.scope, live)
    if any(group.name == wish.scope.group_id for group in live.groups):
        path, reason = words.split(": ", 1)
        preview.failures.append((path, reason))
    else:
        preview.mendable.append(words)


def _tell_drift(wish: Wish, found: Survey, known_foreign: frozenset[str], preview: Preview) -> None:
    preview.warnings.extend(diagnosis.describe_drift(wish.recorded, found.live, wish.scope))
    if wish.recorded.members or wish.recorded.listed:
        arrivals = diagnosis.describe_arrivals(found.plan.foreign, known_foreign, wish.scope)
        if arrivals is not None:
            preview.lines.append(arrivals)


def _judge(session: Session, wish: Wish, found: Survey, preview: Preview) -> None:
    """Sort what is wrong into failures and warnings."""
    plan = found.plan
    preview.failures.extend(
        diagnosis.describe_repeated(two.path, one.path, two.id, one.id)
        for one, two in found.resolution.repeated
    )
    preview.failures.extend(
        diagnosis.describe_refusal(each, plan, wish.policy, wish.scope) for each in plan.refusals
    )
    for each in plan.doubts:
        path, reason = diagnosis.describe_refusal(each, plan, wish.policy, wish.scope)
        preview.warnings.append(f"{path}: depending on ids that are not known yet, at most: {reason}")
    preview.mendable.extend(
        diagnosis.describe_absent(each, found.live)
        for each in plan.absent
        if each.cause is not Cause.OTHER_GROUP or not _is_released(session, wish, each)
    )
    if plan.evict:
        preview.warnings.append(diagnosis.describe_evictions(plan, wish.scope, wish.unknown_ids))


def _is_released(session: Session, wish: Wish, absent: Absent) -> bool:
    """Return whether another membership of this run gives the instance up, so that there is nothing to warn of."""
    with session.runtime:
        return session.claims.releases(wish.scope, absent.group_id, absent.listed.id)
