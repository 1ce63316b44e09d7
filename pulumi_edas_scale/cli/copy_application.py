"""A real application as a world file of the emulator, so that a change can be tried on a copy.

This file's law: it reads, and what it writes names no machine of the account. The ids and names of the
application, its groups and its cluster are kept, so that the same program runs against the copy; ECS ids, ECU
ids, addresses and names of machines are invented, and the order of the real ones is not to be seen in them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.cli.output import Failure, note, say_value
from pulumi_edas_scale.cli.redaction import Redactor
from pulumi_edas_scale.domain.codes import Message
from pulumi_edas_scale.domain.model import KUBERNETES_CLUSTER_TYPES, MEMBER_STATES, MemberState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pulumi_edas_scale.cli.context import Cloud
    from pulumi_edas_scale.domain.model import Application, ClusterMember, Machine, Member

Json = dict[str, Any]

EMULATOR_KEY: Final = {"id": "emulator-key", "secret": "emulator-secret"}
"""Of the copy, and of no account."""

OTHERS: Final = "other-applications"
"""The application of the copy that holds the machines which other applications of the cluster use."""

CONVERTED: Final = 1
OFFLINE: Final = -2
"""EDAS's ``Status`` of an instance of a cluster."""

_APP_STATES: Final = {state: number for number, state in MEMBER_STATES.items()} | {MemberState.UNKNOWN: 1}


def copy_application(cloud: Cloud, wanted: str, file: Path | None) -> None:
    """Write a world file with one application of the account.

    Args:
        cloud: the account.
        wanted: id or name of the application.
        file: where to write, None for stdout; an existing file is not overwritten.

    Raises:
        Failure: the file exists, or the application is of a kind that has no machines.
    """
    if file is not None and file.exists():
        raise Failure(f"{file} exists already and is not overwritten. Remove it, or name another file.")
    summary = cloud.summary(wanted)
    if summary.cluster_type in KUBERNETES_CLUSTER_TYPES:
        words = (
            f"Application {summary.name} ({summary.app_id}) runs on a Kubernetes cluster, where there is nothing to "
            "copy: deploy groups have no ECS instances there."
        )
        raise Failure(Message("ES118", words).with_code())
    live = cloud.read(summary.app_id)
    cluster_id = live.cluster_id or summary.cluster_id
    machines = cloud.session.reads.machines(cluster_id, live.app_id, cloud.context)
    instances = cloud.session.reads.cluster_members(cluster_id, cloud.context)
    world = build_world_file(cloud.region_id, live, cluster_id, machines, instances)
    if file is None:
        say_value(world)
        return
    try:
        file.write_text(json.dumps(world, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error}") from error
    note(f"Wrote {file}. Start it with: edas-scale emulator --world {file}")


def build_world_file(
    region_id: str,
    live: Application,
    cluster_id: str,
    machines: Iterable[Machine],
    instances: Iterable[ClusterMember],
) -> Json:
    """Return the world file of one application and its cluster, with invented machines.

    Args:
        region_id: the region.
        live: the application.
        cluster_id: its cluster.
        machines: what the cluster offers to scale out to.
        instances: all instances of the cluster.
    """
    redactor = Redactor()
    rows: dict[str, Json] = {}
    for member in live.members:
        online = member.online is not False and member.state is not MemberState.AGENT_OFF
        rows[member.ecu_id] = _machine(redactor, member, zone=member.zone, online=online)
    for machine in machines:
        rows.setdefault(machine.ecu_id, _machine(redactor, machine, zone=machine.zone, online=machine.online))
    others: list[str] = []
    unconverted: list[str] = []
    # An ECU that neither the application nor the offer names is used by somebody: free here, the copy could take it.
    for instance in instances:
        if not instance.ecu_id or instance.status not in {CONVERTED, OFFLINE}:
            unconverted.append(redactor.instance_id(instance.instance_id))
        elif instance.ecu_id not in rows:
            rows[instance.ecu_id] = _machine(redactor, instance, zone="", online=instance.status == CONVERTED)
            others.append(rows[instance.ecu_id]["instanceId"])
    cluster = {"id": cluster_id, "name": "copy", "type": 2, "ecus": list(rows.values())}
    applications = [_application(live, rows)]
    if others:
        applications.append(
            {"name": OTHERS, "cluster": "copy", "groups": [{"name": "_DEFAULT_GROUP", "members": others}]}
        )
    return {
        "region": region_id,
        "accessKeys": [EMULATOR_KEY],
        "clusters": [{**cluster, "instances": unconverted}],
        "applications": applications,
    }


def _machine(
    redactor: Redactor, machine: Member | Machine | ClusterMember, *, zone: str, online: bool
) -> Json:
    """Return a machine that stands for a real one; what is not known is left to the emulator."""
    row = {
        # A machine that EDAS lists without an ECS id has one in the copy: the emulator knows no other machines.
        "instanceId": redactor.instance_id(machine.instance_id or machine.ecu_id),
        "ecuId": redactor.uuid(machine.ecu_id),
        "ip": redactor.address(machine.ip),
        "zone": zone,
        "online": online,
    }
    return {key: value for key, value in row.items() if value != ""}


def _application(live: Application, rows: dict[str, Json]) -> Json:
    return {
        "id": live.app_id,
        "name": live.name or live.app_id,
        "cluster": "copy",
        "groups": [
            {
                "id": group.group_id,
                "name": group.name or group.group_id,
                "deployed": group.deployed,
                "members": [
                    {
                        "instanceId": rows[member.ecu_id]["instanceId"],
                        "appState": _APP_STATES[member.state],
                        "taskState": int(member.task),
                    }
                    for member in live.members_of(group.group_id)
                ],
            }
            for group in live.groups
        ],
    }
