"""What a refresh finds out about a recorded membership.

This file's law: a refresh never waits for a membership and never fails because an instance is unwell (law 10), and it
drops nobody that a change order may have taken out for a moment: who is missing has left only when no order of the
application was active, and none ended, around the reading that shows it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.drift import find_drift
from pulumi_edas_scale.domain.errors import BusinessError, EdasError, OperationError
from pulumi_edas_scale.domain.orders import OrderType
from pulumi_edas_scale.domain.resolution import find_member, with_instance_ids
from pulumi_edas_scale.edas.reads import FRESH_SECONDS
from pulumi_edas_scale.operations.observe import (
    CannotTellError,
    is_gone,
    managed_ecus,
    outcome_of,
    recorded_instance_ids,
)
from pulumi_edas_scale.operations.traces import find_traces

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.codes import Message
    from pulumi_edas_scale.domain.model import Application, Outcome, Recorded, Scope
    from pulumi_edas_scale.operations.session import Session


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What is true of a membership, and what to say about it.

    Attributes:
        outcome: what is to be recorded.
        left: the ids, in both spellings, of recorded members that are gone or in another group.
        warnings: what others did to it, and what of our own work is unfinished, in sentences.
        away: who is missing while an order runs, in a sentence; None when nobody is.
    """

    outcome: Outcome
    left: frozenset[str]
    warnings: tuple[Message, ...]
    away: str | None = None


def read_group(
    session: Session, scope: Scope, recorded: Recorded, context: OperationContext
) -> Application | None:
    """Return a reading in which the group is, or None when it or its application is gone.

    Raises:
        OperationError: it is not known whether it is gone.
        EdasError: it cannot be read.
    """
    try:
        live = session.reads.shown_application(scope.app_id, context, group_id=scope.group_id).value
    except BusinessError as error:
        try:
            if is_gone(session, scope, recorded.cluster_id, context):
                return None
        except CannotTellError as doubt:
            words = messages.describe_not_gone(scope, recorded.cluster_id, doubt.error or error)
            raise OperationError(words) from error
        raise
    live = with_instance_ids(live, recorded_instance_ids(recorded))
    return live if live.group(scope.group_id) is not None else None


def refresh(
    session: Session, scope: Scope, recorded: Recorded, live: Application, context: OperationContext
) -> Refreshed:
    """Find out what is true of a recorded membership.

    Args:
        session: where further readings come from.
        scope: the group.
        recorded: what the last operation wrote down.
        live: a reading in which the group is.
        context: bounds of the refresh.
    """
    left = _left_ids(recorded, live, scope)
    undisturbed = True
    if left:  # only then does it matter whether an order runs, so a clean refresh costs one call
        live, undisturbed = _settled_reading(session, scope, live, context)
        live = with_instance_ids(live, recorded_instance_ids(recorded))
        left = _left_ids(recorded, live, scope) if undisturbed else frozenset()
    here = live.members_of(scope.group_id)
    outcome = outcome_of(
        live,
        scope,
        managed_ecus(recorded, live, scope.group_id),
        recorded,
        change_order_ids=recorded.change_order_ids,
        # What the last operation failed to bring up is so until it runs.
        unsettled=recorded.unsettled - {each.ecu_id for each in here if each.runs},
    )
    drift = find_drift(recorded, live, scope)
    away = None
    if not undisturbed:
        away = messages.describe_busy(drift, scope)
        # Members that an order may have taken out for a moment stay recorded as they were: that is not drift.
        drift = replace(drift, gone=(), moved=(), left=(), unjoined=(), joining=())
        present = {each.ecu_id for each in here}
        out = ((each.as_member(), each.joined) for each in recorded.members if each.ecu_id not in present)
        outcome = replace(outcome, members=(*outcome.members, *out))
    unfinished = messages.describe_unfinished(drift, recorded.change_order_ids, scope)
    traces = find_traces(session, scope, drift.gone, OrderType.SCALE_IN, context)
    warnings = (*([unfinished] if unfinished else []), *messages.describe_drift(drift, live, scope, traces))
    return Refreshed(outcome, left, warnings, away)


def _settled_reading(
    session: Session, scope: Scope, live: Application, context: OperationContext
) -> tuple[Application, bool]:
    """Return a reading in which all who are missing have really left, and whether it is one.

    An order takes members out for a moment, so the reading must lie between two lists of orders that are equal and
    without an active one; the list and the reading that others have just asked for are shared.
    """
    reads, app_id = session.reads, scope.app_id
    try:
        reads.recent_change_orders(app_id, context, within=FRESH_SECONDS)
        reading = reads.recent_application(app_id, context)
        if not reads.unchanged_since(app_id, reading.begun):  # no list of orders is older than this reading
            reading = reads.application(app_id, context, begun_after=session.runtime.now())
        reads.recent_change_orders(app_id, context, within=session.runtime.now() - reading.begun)
        return reading.value, reads.unchanged_since(app_id, reading.begun)
    except EdasError:
        return live, False  # whether an order runs is not known, so nothing is dropped


def _left_ids(recorded: Recorded, live: Application, scope: Scope) -> frozenset[str]:
    """Return the ids, in both spellings, of recorded members that are gone or in another group."""
    here = live.members_of(scope.group_id)
    gone = [each for each in recorded.members if find_member(here, each.ecu_id) is None]
    moved = [
        each.id
        for each in recorded.listed
        if find_member(here, each.id) is None and find_member(live.members, each.id) is not None
    ]
    return frozenset(name for each in gone for name in (each.ecu_id, each.instance_id) if name) | frozenset(
        moved
    )
