"""The world file: which clusters, machines, applications, groups and members an emulator starts with.

The law of this file: a world is either read completely or refused with the JSON path of the first thing that
is wrong. README.md documents the format; `BUILT_IN_WORLD` is an example of every part of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator.inputs import (
    MAX_ENTRIES,
    Fields,
    InputError,
    mapping_of,
    parse_json,
    refuse_half_characters,
)
from pulumi_edas_scale.emulator.world.entities import (
    DEFAULT_GROUP_NAME,
    ECS_CLUSTER,
    KUBERNETES_CLUSTERS,
    AccessKey,
    Application,
    AppState,
    Cluster,
    Ecu,
    Group,
    Member,
    TaskState,
)
from pulumi_edas_scale.emulator.world.state import World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

# Everything in a world file was there before the emulator started; a fixed moment keeps two starts the same.
CREATED_AT = 1_760_000_000.0

_MACHINES = [
    {"instanceId": f"i-bp1{number:02d}", "ip": f"10.0.0.{number}", "zone": f"cn-hangzhou-{zone}"}
    for number, zone in enumerate("hijhijhijhij", start=1)
]

BUILT_IN_WORLD: Mapping[str, Any] = {
    "region": "cn-hangzhou",
    "accessKeys": [{"id": "emulator-key", "secret": "emulator-secret"}],
    "clusters": [
        {
            "id": "0d247b93-8d62-4e34-8a00-000000000001",
            "name": "ecs",
            "type": 2,
            "ecus": [
                *_MACHINES[:11],
                {**_MACHINES[11], "online": False},
            ],
            "instances": ["i-bp190"],
        },
        {"id": "0d247b93-8d62-4e34-8a00-000000000002", "name": "kubernetes", "type": 5},
    ],
    "applications": [
        {
            "id": "3616cdca-4f92-4413-a1b2-000000000001",
            "name": "shop",
            "cluster": "ecs",
            "groups": [
                {
                    "id": "8123db90-880f-486f-b1c2-000000000001",
                    "name": "_DEFAULT_GROUP",
                    "members": ["i-bp111"],
                },
                {"id": "4f1fb6f5-6769-4bd6-9a00-000000000001", "name": "beta"},
            ],
        },
        {
            "id": "3616cdca-4f92-4413-a1b2-000000000002",
            "name": "never-deployed",
            "cluster": "ecs",
            "deployed": False,
            "groups": [{"id": "8123db90-880f-486f-b1c2-000000000002", "name": "_DEFAULT_GROUP"}],
        },
        {
            "id": "3616cdca-4f92-4413-a1b2-000000000003",
            "name": "on-kubernetes",
            "cluster": "kubernetes",
            "groups": [{"id": "8123db90-880f-486f-b1c2-000000000003", "name": "_DEFAULT_GROUP"}],
        },
    ],
}


def read_world(file: Path | None, switches: Iterable[str] = ()) -> World:
    """Build the world that a command line asks for.

    Args:
        file: a world file; None is the built-in world.
        switches: switches as NAME=VALUE, overruling those of the file; a value that is JSON is taken as that.

    Raises:
        InputError: the file cannot be read, or the first thing that is wrong in it or in a switch.
    """
    given: dict[str, Any] = {}
    for pair in switches:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--switch takes NAME=VALUE, not '{pair}'.")
        try:
            given[name] = parse_json(value)
        except InputError:
            given[name] = value
    try:
        data = BUILT_IN_WORLD if file is None else parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"The world file {file} cannot be read: {error}") from error
    return build_world(data, given)


def build_world(data: object, switches: Mapping[str, Any] | None = None) -> World:
    """Build a world from the parsed JSON of a world file.

    Args:
        data: the parsed file.
        switches: switches that overrule those of the file.

    Raises:
        InputError: the first thing that is wrong, by its JSON path.
    """
    refuse_half_characters(data, "$")
    root = Fields.of(data, "$", {"region", "accessKeys", "clusters", "applications", "switches"})
    world = World(
        region=root.text("region"),
        access_keys=[
            AccessKey(key.text("id"), key.text("secret"), key.text_or_none("securityToken"))
            for index, entry in enumerate(root.entries("accessKeys"))
            for key in [Fields.of(entry, f"$.accessKeys[{index}]", {"id", "secret", "securityToken"})]
        ],
    )
    world.switches.update(mapping_of(root.data.get("switches", {}), "$.switches"), "$.switches")
    world.switches.update(switches or {})
    for index, entry in enumerate(root.entries("clusters")):
        _add_cluster(world, entry, f"$.clusters[{index}]")
    for index, entry in enumerate(root.entries("applications")):
        add_application(world, entry, f"$.applications[{index}]")
    world.reset_lowest_running()
    return world


def _add_cluster(world: World, data: object, path: str) -> None:
    entry = Fields.of(data, path, {"id", "name", "type", "ecus", "instances"})
    cluster = Cluster(
        id=entry.text("id", default=lambda: world.ids.next("cluster")),
        name=entry.text("name", default=lambda: f"cluster-{len(world.clusters) + 1}"),
        type=entry.one_of("type", (ECS_CLUSTER, *KUBERNETES_CLUSTERS), ECS_CLUSTER),
        created_at=CREATED_AT,
    )
    if cluster.id in world.clusters:
        raise InputError(f"{path}.id: {cluster.id!r} is used by another cluster")
    world.clusters[cluster.id] = cluster
    for index, machine in enumerate(entry.entries("ecus")):
        add_machine(world, cluster, machine, f"{path}.ecus[{index}]", ready_at=0.0)
    for index, instance_id in enumerate(entry.entries("instances")):
        machine = {"instanceId": instance_id} if isinstance(instance_id, str) else instance_id
        add_machine(world, cluster, machine, f"{path}.instances[{index}]", ready_at=math.inf)


_MACHINE_KEYS = {
    *("instanceId", "ecuId", "ip", "publicIp", "zone", "name", "online"),
    *("cpu", "memoryMb", "startState", "startTaskState"),
}


def add_machine(  # noqa: PLR0913 - a place and a moment for one machine
    world: World,
    cluster: Cluster,
    data: object,
    path: str,
    *,
    ready_at: float,
    created_at: float = CREATED_AT,
) -> Ecu:
    """Put one ECS instance into a cluster; `instanceId` is all that must be given."""
    entry = Fields.of(data, path, _MACHINE_KEYS)
    instance_id = entry.text("instanceId")
    # Counted for all clusters, so that no two machines share an invented address.
    number = world.ids.next_number("machine")
    if number > MAX_ENTRIES:
        raise InputError(f"{path}: at most {MAX_ENTRIES} machines in all clusters")
    ecu = Ecu(
        ecu_id=entry.text("ecuId", default=lambda: world.ids.next("ecu")),
        instance_id=instance_id,
        cluster_id=cluster.id,
        ip=entry.text("ip", default=lambda: f"172.16.{number // 250}.{number % 250 + 1}"),
        public_ip=entry.text("publicIp", default=lambda: f"203.0.113.{number % 250 + 1}"),
        zone=entry.text("zone", default=lambda: f"{world.region}-a"),
        name=entry.text("name", default=lambda: f"{instance_id}-node"),
        created_at=created_at,
        online=entry.flag("online", default=True),
        cpu=entry.whole("cpu", 2),
        memory_mb=entry.whole("memoryMb", 4096),
        ready_at=ready_at,
        start_state=AppState(entry.one_of("startState", tuple(AppState), AppState.RUNNING)),
        start_task_state=TaskState(entry.one_of("startTaskState", tuple(TaskState), TaskState.SUCCESS)),
    )
    for other in world.machines():
        if other.instance_id == instance_id:
            raise InputError(f"{path}.instanceId: {instance_id!r} is in cluster {other.cluster_id!r} already")
        if other.ecu_id == ecu.ecu_id:
            raise InputError(f"{path}.ecuId: {ecu.ecu_id!r} is used by {other.instance_id!r}")
    cluster.ecus[ecu.ecu_id] = ecu
    return ecu


def add_application(world: World, data: object, path: str) -> Application:
    """Add an application with its groups and members."""
    entry = Fields.of(
        data, path, {"id", "name", "cluster", "type", "namespace", "deployed", "listed", "groups"}
    )
    name = entry.text("cluster")
    cluster = next((each for each in world.clusters.values() if name in (each.id, each.name)), None)
    if cluster is None:
        raise InputError(f"{path}.cluster: there is no cluster {name!r}")
    application = Application(
        id=entry.text("id", default=lambda: world.ids.next("application")),
        name=entry.text("name"),
        cluster_id=cluster.id,
        type=entry.text("type", default=lambda: "FatJar"),
        namespace=entry.text("namespace", default=lambda: world.region),
        created_at=CREATED_AT,
        listed=entry.flag("listed", default=True),
    )
    if application.id in world.applications:
        raise InputError(f"{path}.id: {application.id!r} is used by another application")
    world.applications[application.id] = application
    deployed = entry.flag("deployed", default=True)
    groups = entry.entries("groups") or [{"name": DEFAULT_GROUP_NAME}]
    for index, group in enumerate(groups):
        _add_group(world, application, group, f"{path}.groups[{index}]", deployed=deployed)
    return application


def _add_group(world: World, application: Application, data: object, path: str, *, deployed: bool) -> None:
    entry = Fields.of(data, path, {"id", "name", "deployed", "members"})
    name = entry.text("name")
    deployed = entry.flag("deployed", default=deployed)
    group = Group(
        id=entry.text("id", default=lambda: world.ids.next("group")),
        name=name,
        type=0 if name == DEFAULT_GROUP_NAME else 1,
        created_at=CREATED_AT,
        app_version_id="changeorder_a00_1760000_00" if deployed else "",
        package_version_id=world.ids.next("package") if deployed else "",
    )
    if application.group_named(name) is not None:
        raise InputError(f"{path}.name: {name!r} is used by another group of the application")
    if any(group.id in other.groups for other in world.applications.values()):
        raise InputError(f"{path}.id: {group.id!r} is used by another group")
    application.groups[group.id] = group
    for index, member in enumerate(entry.entries("members")):
        _add_member(world, application, group, member, f"{path}.members[{index}]")


def _add_member(world: World, application: Application, group: Group, data: object, path: str) -> None:
    given = {"instanceId": data} if isinstance(data, str) else data
    entry = Fields.of(given, path, {"instanceId", "eccId", "appState", "taskState"})
    instance_id = entry.text("instanceId")
    machines = world.clusters[application.cluster_id].ecus.values()
    ecu = next((machine for machine in machines if machine.instance_id == instance_id), None)
    if ecu is None:
        raise InputError(f"{path}: {instance_id!r} is not in cluster {application.cluster_id!r}")
    owner = world.owner_of(ecu.ecu_id)
    if owner is not None:
        raise InputError(f"{path}: {instance_id!r} is a member of application {owner.name!r} already")
    state = AppState.RUNNING if group.deployed else AppState.STOPPED
    member = Member(
        ecc_id=entry.text("eccId", default=lambda: world.ids.next("ecc")),
        ecu_id=ecu.ecu_id,
        group_id=group.id,
        created_at=CREATED_AT,
        updated_at=CREATED_AT,
        app_state=AppState(entry.one_of("appState", tuple(AppState), state)),
        task_state=TaskState(entry.one_of("taskState", tuple(TaskState), TaskState.SUCCESS)),
    )
    application.members[member.ecc_id] = member
