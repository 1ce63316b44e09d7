"""Which change order moved a member, as far as EDAS's recent orders tell.

This file's law: what is found is evidence for words, never for an order. An order names addresses, and who sent it is
an account: whether that was this program, another one or a person with the same key, nobody can tell (law 12).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from pulumi_edas_scale.domain.clock import Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.drift import Traces
from pulumi_edas_scale.domain.errors import EdasError
from pulumi_edas_scale.domain.messages import describe_arrivals
from pulumi_edas_scale.domain.orders import OrderType, type_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import ChangeOrder, Member, Policy, Scope
    from pulumi_edas_scale.operations.session import Session

MOST_REPORTS: Final = 5
"""How many of the newest orders of a group are asked whom they named: each costs a call, once in a process."""

EVIDENCE_SECONDS: Final = 5.0
"""How long evidence may take altogether; what it is for has waited for its own readings already."""

_MOVES: Final = (OrderType.SCALE_IN, OrderType.SCALE_OUT)


_NO_EVIDENCE: Final = (EdasError, DeadlineExceeded, Cancelled)
"""How a reading may end that only makes a better sentence: what it was made for has its result already."""


class Machine(Protocol):
    """Whoever is sought: a member of a reading, or one that was written down."""

    @property
    def ecu_id(self) -> str:
        """The machine."""
        ...

    @property
    def ecc_id(self) -> str:
        """The placement."""
        ...

    @property
    def ip(self) -> str:
        """The address, by which orders name it; empty when not known."""
        ...


def find_traces(
    session: Session, scope: Scope, moved: Collection[Machine], kind: OrderType, context: OperationContext
) -> Traces:
    """Find out which orders brought machines to where they are now.

    Args:
        session: where further readings come from, none of which may fail what it is asked for.
        scope: the group they left or joined.
        moved: who; nothing is read for nobody.
        kind: what such an order does, a scale in or a scale out.
        context: bounds of the operation.

    Returns:
        For each machine the newest of the group's orders that names it, where that is one of this kind: if it is
        another, something else has moved the machine since.
    """
    with session.runtime:
        removed = session.ownership.removed(scope)
    by_run = frozenset(each.ecu_id for each in moved if each.ecc_id in removed)
    sought = {each.ip: each.ecu_id for each in moved if each.ecu_id not in by_run and each.ip}
    if not sought:
        return Traces(by_run=by_run)
    found: dict[str, ChangeOrder] = {}
    context = context.shortened(EVIDENCE_SECONDS)
    try:
        orders = session.reads.shown_change_orders(scope.app_id, context)
    except _NO_EVIDENCE:
        return Traces(by_run=by_run, looked=False)
    ours = [
        each for each in orders if each.group_id in {scope.group_id, ""} and type_of(each.co_type) in _MOVES
    ]
    # Times have seconds: of two orders in one of them, the one is meant that explains what is seen.
    ours.sort(key=lambda each: (each.created_at, type_of(each.co_type) is kind), reverse=True)
    for order in ours[:MOST_REPORTS]:
        try:
            named = session.ghosts.addresses(session.reads, order.order_id, context)
        except _NO_EVIDENCE:
            return Traces(found, by_run, looked=False)
        for ip in named & sought.keys():
            ecu_id = sought.pop(ip)
            if type_of(order.co_type) is kind:
                found[ecu_id] = order
    return Traces(found, by_run)


def find_strangers(  # noqa: PLR0913 - a membership, and who else is in its group
    session: Session,
    scope: Scope,
    foreign: Collection[Member],
    known_foreign: Collection[str],
    context: OperationContext,
    *,
    urn: str,
) -> tuple[list[Member], Traces]:
    """Return the members that no membership of the run lists and no record knows, and which orders brought them.

    Args:
        session: whose run knows what the other memberships list.
        scope: the group.
        foreign: the members of the group that the membership does not manage.
        known_foreign: ECU ids of those that are recorded, and so no news.
        context: bounds of the operation.
        urn: the membership that looks.
    """
    with session.runtime:
        strangers = session.ownership.claims.strangers(foreign, scope, besides=urn)
    new = [each for each in strangers if each.ecu_id not in known_foreign]
    return new, find_traces(session, scope, new, OrderType.SCALE_OUT, context)


def describe_strangers(  # noqa: PLR0913 - a membership, and who else is in its group
    session: Session,
    scope: Scope,
    foreign: Collection[Member],
    known_foreign: Collection[str],
    context: OperationContext,
    *,
    urn: str,
    policy: Policy,
) -> tuple[str, ...]:
    """Return that members arrived which no membership of the run lists so far, and what becomes of them.

    Args:
        session: whose run knows what the other memberships list.
        scope: the group.
        foreign: the members of the group that the membership does not manage.
        known_foreign: ECU ids of those that are recorded, and so no news.
        context: bounds of the operation.
        urn: the membership that looks.
        policy: says whether it suffers others.
    """
    new, traces = find_strangers(session, scope, foreign, known_foreign, context, urn=urn)
    return describe_arrivals(new, scope, traces, exclusive=policy.exclusive)
