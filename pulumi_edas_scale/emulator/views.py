"""The emulated EDAS as JSON for people and tests: all the truth, and no secret.

The law of this file: it shows what is, also what EDAS does not list or report, and changes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from pulumi_edas_scale.emulator.world import progress
from pulumi_edas_scale.emulator.world.entities import (
    Application,
    Ecu,
    Group,
    Member,
    Order,
    OrderStatus,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.emulator.world.state import World

Json: TypeAlias = dict[str, Any]

STATUS_WORDS: Mapping[int, str] = {
    OrderStatus.READY: "ready",
    OrderStatus.RUNNING: "running",
    OrderStatus.SUCCESS: "success",
    OrderStatus.FAILED: "failed",
    OrderStatus.ABORTED: "aborted",
    OrderStatus.PARTIAL: "partial",
    OrderStatus.HELD: "held",
    OrderStatus.BATCH_WAIT: "batch wait",
    OrderStatus.SYSTEM_FAILURE: "system failure",
}


def snapshot(world: World, now: float) -> Json:
    """Return the whole world as JSON, without any secret."""
    progress.advance(world, now)
    return {
        "region": world.region,
        "now": now,
        "version": world.version,
        "switches": world.switches.as_json(),
        "clusters": [
            {
                "id": cluster.id,
                "name": cluster.name,
                "type": cluster.type,
                "ecus": [machine_json(world, ecu, now) for ecu in cluster.ecus.values()],
            }
            for cluster in world.clusters.values()
        ],
        "applications": [
            application_json(world, application, now) for application in world.applications.values()
        ],
        "orders": [order_json(order) for order in world.orders.values()],
        "rules": world.rules.as_json(),
        "breaches": dict(world.breaches),
    }


def members_json(world: World, application: Application, group: Group, now: float) -> list[Json]:
    """Return the true members of a group, sorted by ECS id; `listed` says whether EDAS shows them."""
    members = [member_json(world, application, member, now) for member in application.members_of(group.id)]
    return sorted(members, key=lambda member: str(member["instanceId"]))


def running_minimum(world: World, now: float) -> list[Json]:
    """Return, for every group, the running members now and the fewest since the last reset."""
    progress.advance(world, now)
    return [
        {
            "applicationId": application.id,
            "application": application.name,
            "groupId": group.id,
            "group": group.name,
            "running": sum(
                world.is_running(member, application) for member in application.members_of(group.id)
            ),
            "lowest": world.lowest_running(application.id, group.id),
        }
        for application in world.applications.values()
        for group in application.groups.values()
    ]


def order_json(order: Order) -> Json:
    """Return a change order with all that EDAS does not report: ECU, ECC and ECS ids of its instances."""
    return {
        "id": order.id,
        "applicationId": order.application_id,
        "groupId": order.group_id,
        "kind": order.kind.word,
        "source": order.source,
        "status": order.status,
        "statusWord": STATUS_WORDS.get(order.status, "unknown"),
        "active": order.active,
        "createdAt": order.created_at,
        "finishedAt": order.finished_at,
        "history": [[moment, status] for moment, status in order.history],
        "instances": [
            {
                "instanceId": target.instance_id,
                "ecuId": target.ecu_id,
                "eccId": target.ecc_id,
                "ip": target.ip,
                "batch": target.batch,
                "status": int(target.status),
                "error": target.error,
            }
            for target in order.targets
        ],
    }


def machine_json(world: World, ecu: Ecu, now: float) -> Json:
    """Return a machine, and which application and group use it."""
    owner = world.owner_of(ecu.ecu_id)
    member = owner.member_on(ecu.ecu_id) if owner else None
    return {
        "instanceId": ecu.instance_id,
        "ecuId": ecu.ecu_id,
        "ip": ecu.ip,
        "zone": ecu.zone,
        "online": ecu.online,
        "ready": ecu.is_ready(now),
        "applicationId": owner.id if owner else None,
        "groupId": member.group_id if member else None,
    }


def application_json(world: World, application: Application, now: float) -> Json:
    """Return an application with its groups and their true members."""
    return {
        "id": application.id,
        "name": application.name,
        "clusterId": application.cluster_id,
        "groups": [
            {
                "id": group.id,
                "name": group.name,
                "deployed": group.deployed,
                "lowestRunning": world.lowest_running(application.id, group.id),
                "members": members_json(world, application, group, now),
            }
            for group in application.groups.values()
        ],
    }


def member_json(world: World, application: Application, member: Member, now: float) -> Json:
    """Return one member; `listed` says whether EDAS shows it."""
    machine = world.machine_of(member, application)
    return {
        "instanceId": machine.instance_id,
        "ecuId": member.ecu_id,
        "eccId": member.ecc_id,
        "groupId": member.group_id,
        "ip": machine.ip,
        "appState": int(world.app_state(member, application)),
        "taskState": int(member.task_state),
        "online": machine.online,
        "listed": member.listed(now),
    }
