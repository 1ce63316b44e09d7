"""``edas-scale orders`` and ``edas-scale order``: change orders listed, explained and followed.

This file's law: a bad end is shown when it is seen, and believed as late as the provider believes it: while an
order is followed, a failure that EDAS may still mend by itself does not end the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from pulumi_edas_scale.cli.batches import OrderBody, parse_order_body
from pulumi_edas_scale.cli.context import Cloud, with_cloud
from pulumi_edas_scale.cli.output import FAILED, Failure, Form, note, say, say_table, say_value
from pulumi_edas_scale.cli.status import order_json, say_orders
from pulumi_edas_scale.domain.errors import BusinessError
from pulumi_edas_scale.domain.orders import Confirmation, Phase, describe_status, phase_of, word_of
from pulumi_edas_scale.domain.task_errors import find_task_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.domain.model import ClusterMember, Machine, Member, OrderReport, TaskFailure
    from pulumi_edas_scale.domain.task_errors import TaskError

SHORTEST_POLL_INTERVAL: Final = 0.7
"""Seconds; EDAS allows 100 polls of change orders a minute, for the whole account."""


@click.command("orders")
@click.argument("app")
@with_cloud
def orders(*, cloud: Cloud, app: str, form: Form) -> None:
    """List the recent change orders of application APP (id or name), the newest first."""
    live = cloud.application(app)
    found = list(cloud.change_orders(live.app_id))
    if form is not Form.TABLE:
        say_value(
            {
                "regionId": cloud.region_id,
                "appId": live.app_id,
                "name": live.name,
                "changeOrders": [order_json(each) for each in found],
            },
            form,
        )
    elif found:
        say_orders(live, found)
    else:
        say(f"Application {live.name} ({live.app_id}) has no recent change orders.")


@click.command("order")
@click.argument("order_id", metavar="ID")
@click.option("--follow", is_flag=True, help="Show its progress until it has ended.")
@click.option(
    "--interval",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=SHORTEST_POLL_INTERVAL),
    metavar="SECONDS",
    help="Pause between two polls with --follow.",
)
@click.option(
    "--app",
    metavar="APP",
    help="Application (id or name) of the order: instances are then shown by their ids, which an order does not hold.",
)
@with_cloud
def order(  # noqa: PLR0913 - one argument per option
    *, cloud: Cloud, order_id: str, follow: bool, interval: float, app: str | None, form: Form
) -> None:
    """Explain change order ID: its batches and instances, what failed, why, and what to do.

    Exits with 1 when the order ended badly. With --output json --follow, every change is one line.
    """
    polled = _poll(cloud, order_id)
    if follow:
        polled = _follow(cloud, polled, interval, form=form)
    instance_ids = _instance_ids(cloud, app) if app else {}
    if form is not Form.TABLE:
        say_value(polled.as_value(instance_ids), form, one_of_many=follow)
    else:
        polled.explain(instance_ids)
    if phase_of(polled.report.status) is Phase.ENDED_BADLY:
        click.get_current_context().exit(FAILED)


@dataclass(frozen=True, slots=True)
class _Failed:
    """What failed in an order, and what the documentation of EDAS says of its code."""

    failure: TaskFailure
    documented: TaskError | None

    def say(self, instance_ids: Mapping[str, str]) -> None:
        """Print it with EDAS's cause and fix; ``instance_ids`` names machines by their address."""
        failure, documented = self.failure, self.documented
        where = f" in '{failure.stage}'" if failure.stage else ""
        name = f" {documented.name}" if documented else ""
        known = [each for each in (instance_ids.get(failure.ip), failure.instance_name, failure.ip) if each]
        also = f" ({', '.join(known[1:])})" if known[1:] else ""
        who = f"{known[0]}{also}" if known else "the whole batch"
        say(f"- {who}: {failure.code or 'no error code'}{name}{where}")
        if failure.message:
            say(f"  EDAS says: '{failure.message}'")
        if documented:
            say(f"  Cause: {documented.cause}.")
            say(f"  Fix: {documented.fix}.")

    def as_value(self) -> dict[str, str]:
        """Return it for machines."""
        failure, documented = self.failure, self.documented
        return {
            "instanceName": failure.instance_name,
            "ip": failure.ip,
            "stage": failure.stage,
            "code": failure.code,
            "name": documented.name if documented else "",
            "message": failure.message,
            "cause": documented.cause if documented else "",
            "fix": documented.fix if documented else "",
        }


@dataclass(frozen=True, slots=True)
class _Polled:
    report: OrderReport
    body: OrderBody

    @property
    def progress(self) -> str:
        """The state in one line."""
        words = f"{describe_status(self.report.status)}"
        batches = self.body.batches
        for number, batch in enumerate(batches, start=1):
            # The first batch with open instances is the one at work: batches run one after the other.
            if batch.instances and not all(each.ended for each in batch.instances):
                done = sum(each.ended for each in batch.instances)
                return f"{words}; batch {number} of {len(batches)}: {done} of {len(batch.instances)} instances done"
        return words

    def explain(self, instance_ids: Mapping[str, str]) -> None:
        """Print it for people; ``instance_ids`` names machines by their address."""
        report, body = self.report, self.body
        say(f"Change order {report.order_id}: {describe_status(report.status)}")
        started = f"started by {report.created_by}" if report.created_by else "started"
        moment = f" at {body.created_at} (as EDAS writes it, without a zone)" if body.created_at else ""
        say(f"{body.kind or report.description or 'Change'}, {started}{moment}")
        if body.detail:
            say(body.detail)
        _say_held(report)
        for number, batch in enumerate(body.batches, start=1):
            state = "" if batch.status is None else f": {describe_status(batch.status)}"
            say()
            say(f"Batch {number} of {len(body.batches)}{state}")
            if batch.instances:
                say_table(
                    ("INSTANCE", "NAME", "IP", "STATE", "LAST STEP"),
                    [
                        (
                            instance_ids.get(each.ip, ""),
                            each.name,
                            each.ip,
                            "" if each.status is None else describe_status(each.status),
                            each.step,
                        )
                        for each in batch.instances
                    ],
                )
        if report.failures:
            say()
            say("What failed:")
            for failure in report.failures:
                _Failed(failure, find_task_error(failure.code)).say(instance_ids)
        elif phase_of(report.status) is Phase.ENDED_BADLY:
            say()
            say("EDAS reports no cause; the console shows the order under Change Records.")

    def as_value(self, instance_ids: Mapping[str, str]) -> dict[str, Any]:
        """Return it for machines."""
        report, body = self.report, self.body
        return {
            "orderId": report.order_id,
            "status": report.status,
            "state": _word(report.status),
            "kind": body.kind,
            "description": report.description,
            "detail": body.detail,
            "createdAt": body.created_at,
            "createdBy": report.created_by,
            "heldPipelineId": report.held_pipeline_id,
            "batches": [
                {
                    "name": batch.name,
                    "status": batch.status,
                    "state": _word(batch.status),
                    "instances": [
                        {
                            "instanceId": instance_ids.get(each.ip, ""),
                            "name": each.name,
                            "ip": each.ip,
                            "status": each.status,
                            "state": _word(each.status),
                            "step": each.step,
                        }
                        for each in batch.instances
                    ],
                }
                for batch in body.batches
            ],
            "failures": [_Failed(each, find_task_error(each.code)).as_value() for each in report.failures],
        }


def _poll(cloud: Cloud, order_id: str) -> _Polled:
    try:
        report = cloud.session.reads.change_order(order_id, cloud.context)
    except BusinessError as error:
        message = (
            f"There is no change order '{order_id}' in region {cloud.region_id}, or EDAS has forgotten it "
            f"(it keeps them for about three months). EDAS says: {error} 'edas-scale orders' lists those it knows."
        )
        raise Failure(message) from error
    return _Polled(report, parse_order_body(cloud.recorder.body_of("GetChangeOrderInfo")))


def _follow(cloud: Cloud, polled: _Polled, interval: float, *, form: Form) -> _Polled:
    """Say how an order goes on until it has ended; return the last poll."""
    confirmation = Confirmation()
    said = ""
    while True:
        now = cloud.cli_context.runtime.now()
        confirmation = confirmation.after(polled.report.status, now)
        # EDAS shows failed at times and goes on; the provider does not believe the first one either.
        if phase_of(polled.report.status) is Phase.SUCCEEDED or confirmation.confirmed(now):
            return polled
        if polled.progress != said:
            said = polled.progress
            if form is not Form.TABLE:
                say_value(polled.as_value({}), form, one_of_many=True)
            else:
                say(f"Change order {polled.report.order_id}: {said}")
                _say_held(polled.report)
        try:
            cloud.context.sleep(interval)
            polled = _poll(cloud, polled.report.order_id)
        except KeyboardInterrupt:
            # Not 0: a script that waits for the end must not take an interrupt for a good one.
            note("Stopped following; the order goes on.")
            click.get_current_context().exit(FAILED)


def _say_held(report: OrderReport) -> None:
    if phase_of(report.status) is Phase.HELD:
        say(
            "It waits until someone confirms its next batch, in the EDAS console under Change Records; a "
            "membership with confirmBatches confirms the orders it has submitted."
        )


def _instance_ids(cloud: Cloud, app: str) -> dict[str, str]:
    """Return the ECS id, or else the ECU id, of each machine of an application's cluster by its address."""
    live = cloud.application(app)
    known: list[Member | Machine | ClusterMember] = [*live.members]
    if live.cluster_id:  # who left the application, or failed to join it, is still in the cluster
        known += [*cloud.session.reads.cluster_members(live.cluster_id, cloud.context)]
    return {each.ip: each.instance_id or each.ecu_id for each in known if each.ip}


def _word(status: int | None) -> str:
    return "" if status is None else word_of(status)
