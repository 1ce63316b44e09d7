"""Placements that are listed although an order has taken them away.

This file's law: for the floor and for adoption a listed placement counts only if no order that ended less than a
minute ago names it. Orders of this run are known by the run's log, other people's by the order's type and the
addresses its report names.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pulumi_edas_scale.domain.errors import BusinessError
from pulumi_edas_scale.domain.orders import OrderType, Phase, phase_of, type_of
from pulumi_edas_scale.domain.plan import VISIBILITY_LAG_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import Application, ChangeOrder, Recorded
    from pulumi_edas_scale.edas.reads import Reads
    from pulumi_edas_scale.operations.outcome import Operation

MOST_REPORTS: Final = 3
"""How many of the newest scale ins of an application are asked whom they named: each costs a call, once."""


@dataclass(slots=True)
class Ghosts:
    """What this process knows of the ends of other people's scale ins, by order id."""

    _ended: dict[str, float] = field(default_factory=dict)
    _named: dict[str, frozenset[str]] = field(default_factory=dict)

    def named(  # noqa: PLR0913 - readings, and whose they are
        self,
        reads: Reads,
        orders: Sequence[ChangeOrder],
        live: Application,
        recorded: Recorded,
        context: OperationContext,
        *,
        besides: Collection[str],
    ) -> frozenset[str]:
        """Return the ECC ids of listed placements that a scale in which ended just now names.

        Args:
            reads: where the reports come from.
            orders: the recent orders of the application.
            live: the reading in question.
            recorded: a placement that is not the recorded one was added since, so no ghost.
            context: bounds of the operation.
            besides: orders of the operation itself, which knows better whom they took away.
        """
        now = reads.runtime.now()
        suspects = [
            each
            for each in orders
            if type_of(each.co_type) is OrderType.SCALE_IN and phase_of(each.status) is Phase.SUCCEEDED
        ]
        suspects.sort(key=lambda each: each.created_at, reverse=True)
        found: set[str] = set()
        eccs = {each.ecu_id: each.ecc_id for each in recorded.members}
        for order in suspects[:MOST_REPORTS]:
            # An end is as old as this process has known it: EDAS's times have no zone.
            if (
                order.order_id in besides
                or now - self._ended.setdefault(order.order_id, now) >= VISIBILITY_LAG_SECONDS
            ):
                continue
            taken = self.addresses(reads, order.order_id, context)
            placements = [
                each
                for each in live.members
                if each.ip in taken and eccs.get(each.ecu_id, each.ecc_id) == each.ecc_id
            ]
            if placements:
                later = (
                    each
                    for each in orders
                    if type_of(each.co_type) is OrderType.SCALE_OUT and each.created_at >= order.created_at
                )
                # What a later scale out names is there again.
                back = frozenset().union(*(self.addresses(reads, each.order_id, context) for each in later))
                found.update(each.ecc_id for each in placements if each.ip not in back)
        return frozenset(found)

    def addresses(self, reads: Reads, order_id: str, context: OperationContext) -> frozenset[str]:
        """Return the addresses that the report of an order names; it is asked for once."""
        if order_id not in self._named:
            ips: frozenset[str] = frozenset()
            # A report that is refused names nobody; one that fails is asked for again.
            with suppress(BusinessError):
                ips = reads.change_order(order_id, context).ips
            self._named[order_id] = ips
        return self._named[order_id]


def find_ghosts(operation: Operation, live: Application, orders: Sequence[ChangeOrder]) -> frozenset[str]:
    """Return the ECC ids of placements that are listed although an order which ended just now took them away.

    Args:
        operation: whose session knows the run.
        live: the reading in question.
        orders: the recent orders of the application.
    """
    session, target, runtime = operation.session, operation.target, operation.context.runtime
    with runtime:
        removed = session.ownership.removed(target.scope)
    found: frozenset[str] = frozenset()
    if not target.deleting:  # who only leaves rests on nobody else's being there
        found = session.ghosts.named(
            session.reads,
            orders,
            live,
            target.recorded,
            operation.context,
            besides=operation.progress.order_ids,
        )
    now = runtime.now()
    return found.union(each for each, moment in removed.items() if now - moment < VISIBILITY_LAG_SECONDS)
