"""What this package needs from EDAS, and nothing more.

This file's law: one method is one call of one API operation, at most. A method returns a value that was
understood, or raises an error of ``errors.py``; there is no third way, so "no members" is always a fact and never
a failure in disguise (law 8). No method retries or waits: that is the business of ``reads.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        Cluster,
        ClusterMember,
        Machine,
        OrderReport,
        Page,
    )


class EdasClient(Protocol):
    """One account in one region, as far as the membership of deploy groups is concerned.

    Every method raises an ``EdasError`` of ``errors.py``: its subclass says what the caller may do.
    """

    def within(self, context: OperationContext) -> Self:
        """Return this client for the calls of one operation.

        A call that is under way when the operation must stop is left at once, with the sign of ``context.check``.
        A write that was left so may have been executed.
        """
        ...

    def read_application(self, app_id: str) -> Application:
        """Return one reading of the whole application (QueryApplicationStatus)."""
        ...

    def read_applications(self, page: int = 1, page_size: int | None = None) -> Page[ApplicationSummary]:
        """Return one page, counted from 1, of the applications of the region; all without a size (ListApplication)."""
        ...

    def read_application_states(self, app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        """Return what the first page says of those applications, if EDAS honours the filter (ListApplication)."""
        ...

    def read_scale_out_machines(self, cluster_id: str, app_id: str = "") -> tuple[Machine, ...]:
        """Return the machines of the cluster that no application uses, sorted by ECU id (ListScaleOutEcu).

        Where the cluster is not known (empty), that of the application is meant.
        """
        ...

    def read_cluster_members(
        self, cluster_id: str, page: int = 1, page_size: int | None = None
    ) -> Page[ClusterMember]:
        """Return one page, counted from 1, of the instances of a cluster; all without a size (ListClusterMembers)."""
        ...

    def read_cluster(self, cluster_id: str) -> Cluster:
        """Return the kind of a cluster, and whether it is there (GetCluster)."""
        ...

    def read_change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Return the recent change orders of an application, in no promised order (ListRecentChangeOrder)."""
        ...

    def read_change_order(self, order_id: str) -> OrderReport:
        """Return the state of one change order (GetChangeOrderInfo)."""
        ...

    def submit_scale_out(self, app_id: str, group_id: str, ecu_ids: Sequence[str]) -> str:
        """Ask EDAS to add machines to a group; return the id of the change order (ScaleOutApplication)."""
        ...

    def submit_scale_in(self, app_id: str, ecc_ids: Sequence[str], *, force: bool) -> str | None:
        """Ask EDAS to remove members; return the order's id, or None when forced (ScaleInApplication).

        ``ecc_ids`` is never empty: for the sibling operations an empty list is documented to mean everything.
        """
        ...

    def submit_abort(self, order_id: str) -> None:
        """Stop a running change order; what is already changed stays changed (AbortChangeOrder)."""
        ...

    def submit_confirmation(self, pipeline_id: str) -> None:
        """Confirm the batch that waits for a person (ContinuePipeline)."""
        ...
