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
    from collections.abc import Collection, Mapping, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import Application, ChangeOrder, Recorded
    from pulumi_edas_scale.edas.reads import Reads

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
            taken = self._ips(reads, order.order_id, context)
            placements = [
                each
                for each in live.members
                if each.ip in taken and eccs.get(each.ecu_id, each.ecc_id) == each.ecc_id
            ]
            if placements:
                back = self._added_since(reads, orders, order, context)
                found.update(each.ecc_id for each in placements if each.ip not in back)
        return frozenset(found)

    def _added_since(
        self, reads: Reads, orders: Sequence[ChangeOrder], scale_in: ChangeOrder, context: OperationContext
    ) -> frozenset[str]:
        """Return the addresses that later scale outs name: these machines are there again."""
        later = [
            each
            for each in orders
            if type_of(each.co_type) is OrderType.SCALE_OUT and each.created_at >= scale_in.created_at
        ]
        return frozenset().union(*(self._ips(reads, each.order_id, context) for each in later))

    def _ips(self, reads: Reads, order_id: str, context: OperationContext) -> frozenset[str]:
        if order_id not in self._named:
            self._named[order_id] = frozenset()
            with suppress(BusinessError):  # a report that is refused names nobody
                self._named[order_id] = reads.change_order(order_id, context).ips
        return self._named[order_id]


def taken_by_run(removed: Mapping[str, float], now: float) -> frozenset[str]:
    """Return the ECC ids that orders of this run took away less than a minute ago."""
    return frozenset(each for each, moment in removed.items() if now - moment < VISIBILITY_LAG_SECONDS)
