"""``edas-scale status``: the groups of an application, their members, and the orders under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from pulumi_edas_scale.cli.context import Cloud, with_cloud
from pulumi_edas_scale.cli.output import Form, note, say, say_table, say_value
from pulumi_edas_scale.domain.errors import ThrottledError, UnavailableError
from pulumi_edas_scale.domain.messages import describe_states, short_name
from pulumi_edas_scale.domain.orders import describe_status, is_active, word_of
from pulumi_edas_scale.operations.lookups import member_value

if TYPE_CHECKING:
    from pulumi_edas_scale.domain.model import Application, ChangeOrder

SHORTEST_READING_INTERVAL: Final = 1.0
"""Seconds; EDAS allows 100 readings of applications a minute, for the whole account."""

ORDER_HEADINGS: Final = ("ORDER", "STATE", "GROUP", "WHAT", "STARTED", "BY")


@click.command("status")
@click.argument("app")
@click.option("--watch", is_flag=True, help="Repeat until Ctrl-C.")
@click.option(
    "--interval",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=SHORTEST_READING_INTERVAL),
    metavar="SECONDS",
    help="Pause between two readings.",
)
@with_cloud
def status(*, cloud: Cloud, app: str, watch: bool, interval: float, form: Form) -> None:
    """Show the deploy groups of application APP (id or name), its members, and change orders under way.

    With --output json --watch, every reading is one line.
    """
    live = cloud.application(app)
    _show(cloud, live, form=form, watch=watch)
    if not watch:
        return
    try:
        while True:
            cloud.context.sleep(interval)
            try:
                _show(cloud, cloud.read(live.app_id), form=form, watch=True)
            except (ThrottledError, UnavailableError) as error:
                # Whoever watches for hours must not start over because of one reading.
                note(f"{error} Reading again in {interval:g} seconds.")
    except KeyboardInterrupt:
        note("Stopped watching.")


def _show(cloud: Cloud, live: Application, *, form: Form, watch: bool) -> None:
    active = [each for each in cloud.change_orders(live.app_id) if is_active(each.status)]
    if form is not Form.TABLE:
        say_value(_as_json(cloud, live, active), form, one_of_many=watch)
        return
    if watch:  # after the reading, so that the old picture stays while EDAS is asked
        click.clear()
    cluster = f", cluster {live.cluster_id}" if live.cluster_id else ""
    say(f"Application {live.name} ({live.app_id}) in {cloud.region_id}{cluster}")
    for group in live.groups:
        members = live.members_of(group.group_id)
        never = "" if group.deployed else "; never deployed"
        say()
        say(f"Deploy group {group.name} ({group.group_id}): {describe_states(members)}{never}")
        if members:
            rows = sorted(members, key=lambda each: (each.instance_id, each.ecu_id))
            agent = {True: "online", False: "offline", None: ""}
            say_table(
                ("INSTANCE", "IP", "ZONE", "STATE", "LAST TASK", "AGENT"),
                [
                    (
                        short_name(each),
                        each.ip,
                        each.zone,
                        each.state.value,
                        each.task.name.lower(),
                        agent[each.online],
                    )
                    for each in rows
                ],
            )
    say()
    if not active:
        say("No change order is under way.")
        return
    say("Change orders under way:")
    say_orders(live, active)


def say_orders(live: Application | None, orders: list[ChangeOrder]) -> None:
    """Print change orders as a table; groups are named where the application shows their names."""
    names = {each.group_id: each.name for each in live.groups} if live is not None else {}
    say_table(
        ORDER_HEADINGS,
        [
            (
                each.order_id,
                describe_status(each.status),
                names.get(each.group_id, each.group_id),
                each.description,
                each.created_at,
                each.created_by,
            )
            for each in orders
        ],
    )


def order_json(order: ChangeOrder) -> dict[str, Any]:
    """Return a change order as ``--json`` shows it."""
    return {
        "orderId": order.order_id,
        "groupId": order.group_id,
        "status": order.status,
        "state": word_of(order.status),
        "active": is_active(order.status),
        "description": order.description,
        "createdAt": order.created_at,
        "createdBy": order.created_by,
    }


def _as_json(cloud: Cloud, live: Application, active: list[ChangeOrder]) -> dict[str, Any]:
    return {
        "regionId": cloud.region_id,
        "appId": live.app_id,
        "name": live.name,
        "clusterId": live.cluster_id,
        "groups": [
            {
                "groupId": group.group_id,
                "name": group.name,
                "deployed": group.deployed,
                "runningCount": sum(each.runs for each in live.members_of(group.group_id)),
                "members": [
                    {**member_value(each), "lastTask": each.task.name.lower(), "online": each.online}
                    for each in live.members_of(group.group_id)
                ],
            }
            for group in live.groups
        ],
        "activeOrders": [order_json(each) for each in active],
    }
