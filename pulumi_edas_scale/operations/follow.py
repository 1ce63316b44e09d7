"""Follow a change order to its end, and say on the way what is seen.

This file's law (12): only an order whose id EDAS returned to a call of ours, of this operation or a recorded one, is
ever confirmed, and only where ``confirmBatches`` says so. Every other order is watched, however likely it is ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pulumi_edas_scale.domain import messages
from pulumi_edas_scale.domain.errors import BusinessError, ThrottledError, UnavailableError
from pulumi_edas_scale.domain.orders import Phase, describe_status, phase_of
from pulumi_edas_scale.edas.waiter import Awaited
from pulumi_edas_scale.operations.outcome import Followed

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.errors import EdasError
    from pulumi_edas_scale.domain.model import ChangeOrder, OrderReport
    from pulumi_edas_scale.operations.outcome import Operation


@dataclass(slots=True)
class Follower:
    """The orders one operation waits for; ``reported`` are those it has said something about, once."""

    operation: Operation
    reported: set[str] = field(default_factory=set)

    def follow(self, order_id: str, kind: str = "") -> OrderReport:
        """Wait for the end of an order of the application, no matter who started it.

        Args:
            order_id: the order.
            kind: of what kind it is, when it was submitted just now; orders of a kind take about equally long.
        """
        operation = self.operation
        app_id = operation.target.scope.app_id
        awaited = Awaited(order_id, app_id, kind, operation.context.runtime.now())
        operation.progress.running = Followed(order_id, None, awaited.begun)
        report = operation.session.waiter.await_end(awaited, operation.context, self)
        operation.progress.running = None
        operation.session.reads.order_ended(app_id, order_id)
        return report

    def follow_other(self, order: ChangeOrder) -> None:
        """Wait for an order that was active when this operation came."""
        operation = self.operation
        if self._is_ours(order.order_id):
            operation.progress.touched = True  # an order of ours has an end that state does not know yet
        operation.reporter.progress(messages.describe_active_order(order, operation.scope))
        self.follow(order.order_id)

    def seen(self, report: OrderReport, age_seconds: float) -> None:
        """Take note of a poll of an order that goes on (see ``waiter.Watcher``)."""
        reporter = self.operation.reporter
        now = self.operation.context.runtime.now()
        self.operation.progress.running = Followed(report.order_id, report.status, now)
        status = describe_status(report.status)
        reporter.progress(f"change order {report.order_id} is {status}, {age_seconds:.0f} s")
        phase = phase_of(report.status)
        if phase is Phase.HELD:
            self._held(report)
        elif phase is Phase.UNKNOWN and report.order_id not in self.reported:
            self.reported.add(report.order_id)
            reporter.warn(messages.describe_unknown_status(report.order_id, report.status))

    def _is_ours(self, order_id: str) -> bool:
        """Return whether EDAS gave this id to us; a recorded one may be held since the run that sent it ended."""
        operation = self.operation
        return (
            order_id in operation.progress.order_ids or order_id in operation.target.recorded.change_order_ids
        )

    def poll_failed(self, order_id: str, error: EdasError, age_seconds: float) -> None:
        """Say that a poll failed, and why (see ``waiter.Watcher``)."""
        self.operation.reporter.progress(
            f"change order {order_id}, {age_seconds:.0f} s; asking again. {error}"
        )

    def _held(self, report: OrderReport) -> None:
        """Say whom a held order waits for, or confirm it when it is ours and may be confirmed."""
        operation = self.operation
        pipeline = report.held_pipeline_id
        ours = self._is_ours(report.order_id)
        if operation.target.policy.confirm_batches and ours and pipeline is not None:
            if pipeline not in self.reported:
                operation.context.check_before_write()
                try:
                    operation.session.client.within(operation.context).submit_confirmation(pipeline)
                except (BusinessError, ThrottledError, UnavailableError):
                    return  # the next poll shows whether it was confirmed, by us or by somebody else
                self.reported.add(pipeline)
            return
        if report.order_id not in self.reported:
            self.reported.add(report.order_id)
            operation.reporter.warn(messages.describe_held(report.order_id, report.created_by))
