"""The world file: which clusters, machines, applications, groups and members an emulator starts with.

The law of this file: a world is either read completely or refused with the JSON path of the first thing that
is wrong. README.md documents the format; `BUILT_IN_WORLD` is an example of every part of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator.json_text import JsonTextError, parse_json
from pulumi_edas_scale.emulator.switches import SwitchError
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
    from collections.abc import Iterable
    from pathlib import Path

# Everything in a world file was there before the emulator started; a fixed moment keeps two starts the same.
CREATED_AT = 1_760_000_000.0
# Per list, and machines in all; a guard against a wrong file, not a statement about EDAS.
MAX_ENTRIES = 20_000

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


class WorldFileError(ValueError):
    """A world file is wrong; the message begins with the JSON path."""


def read_world(file: Path | None, switches: Iterable[str] = ()) -> World:
    """Build the world that a command line asks for.

    Args:
        file: a world file; None is the built-in world.
        switches: switches as NAME=VALUE, overruling those of the file; a value that is JSON is taken as that.

    Raises:
        WorldFileError: the file cannot be read, or the first thing that is wrong in it or in a switch.
    """
    given: dict[str, Any] = {}
    for pair in switches:
        name, equals, value = pair.partition("=")
        if not equals:
            raise WorldFileError(f"--switch takes NAME=VALUE, not '{pair}'.")
        try:
            given[name] = parse_json(value)
        except JsonTextError:
            given[name] = value
    try:
        data = BUILT_IN_WORLD if file is None else parse_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorldFileError(f"The world file {file} cannot be read: {error}") from error
    return build_world(data, given)


def build_world(data: object, switches: Mapping[str, Any] | None = None) -> World:
    """Build a world from the parsed JSON of a world file.

    Args:
        data: the parsed file.
        switches: switches that overrule those of the file.

    Raises:
        WorldFileError: the first thing that is wrong, by its JSON path.
    """
    root = _object(data, "$", {"region", "accessKeys", "clusters", "applications", "switches"})
    world = World(
        region=_text(root, "region", "$"),
        access_keys=[
            _access_key(entry, f"$.accessKeys[{index}]")
            for index, entry in enumerate(_list(root, "accessKeys", "$"))
        ],
    )
    try:
        world.switches.update(_object(root.get("switches", {}), "$.switches"), "$.switches")
        world.switches.update(switches or {})
    except SwitchError as error:
        raise WorldFileError(str(error)) from None
    for index, entry in enumerate(_list(root, "clusters", "$")):
        _add_cluster(world, entry, f"$.clusters[{index}]")
    for index, entry in enumerate(_list(root, "applications", "$")):
        add_application(world, entry, f"$.applications[{index}]")
    world.reset_lowest_running()
    return world


def _access_key(data: object, path: str) -> AccessKey:
    entry = _object(data, path, {"id", "secret", "securityToken"})
    token = _text(entry, "securityToken", path) if "securityToken" in entry else None
    return AccessKey(_text(entry, "id", path), _text(entry, "secret", path), token)


def _add_cluster(world: World, data: object, path: str) -> None:
    entry = _object(data, path, {"id", "name", "type", "ecus", "instances"})
    cluster = Cluster(
        id=_text(entry, "id", path, default=lambda: world.ids.next("cluster")),
        name=_text(entry, "name", path, default=lambda: f"cluster-{len(world.clusters) + 1}"),
        type=_one_of(entry, "type", path, (ECS_CLUSTER, *KUBERNETES_CLUSTERS), ECS_CLUSTER),
        created_at=CREATED_AT,
    )
    if cluster.id in world.clusters:
        raise WorldFileError(f"{path}.id: {cluster.id!r} is used by another cluster")
    world.clusters[cluster.id] = cluster
    for index, machine in enumerate(_list(entry, "ecus", path)):
        add_machine(world, cluster, machine, f"{path}.ecus[{index}]", ready_at=0.0)
    for index, instance_id in enumerate(_list(entry, "instances", path)):
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
    entry = _object(data, path, _MACHINE_KEYS)
    instance_id = _text(entry, "instanceId", path)
    number = world.ids.next_number("machine")
    if number > MAX_ENTRIES:
        raise WorldFileError(f"{path}: at most {MAX_ENTRIES} machines in all clusters")
    ecu = Ecu(
        ecu_id=_text(entry, "ecuId", path, default=lambda: world.ids.next("ecu")),
        instance_id=instance_id,
        cluster_id=cluster.id,
        ip=_text(entry, "ip", path, default=lambda: f"172.16.{number // 250}.{number % 250 + 1}"),
        public_ip=_text(entry, "publicIp", path, default=lambda: f"203.0.113.{number % 250 + 1}"),
        zone=_text(entry, "zone", path, default=lambda: f"{world.region}-a"),
        name=_text(entry, "name", path, default=lambda: f"{instance_id}-node"),
        created_at=created_at,
        online=_boolean(entry, "online", path, default=True),
        cpu=_whole(entry, "cpu", path, 2),
        memory_mb=_whole(entry, "memoryMb", path, 4096),
        ready_at=ready_at,
        start_state=AppState(_one_of(entry, "startState", path, tuple(AppState), AppState.RUNNING)),
        start_task_state=TaskState(
            _one_of(entry, "startTaskState", path, tuple(TaskState), TaskState.SUCCESS)
        ),
    )
    for other in world.machines():
        if other.instance_id == instance_id:
            raise WorldFileError(
                f"{path}.instanceId: {instance_id!r} is in cluster {other.cluster_id!r} already"
            )
        if other.ecu_id == ecu.ecu_id:
            raise WorldFileError(f"{path}.ecuId: {ecu.ecu_id!r} is used by {other.instance_id!r}")
    cluster.ecus[ecu.ecu_id] = ecu
    return ecu


def add_application(world: World, data: object, path: str) -> Application:
    """Add an application with its groups and members."""
    entry = _object(
        data, path, {"id", "name", "cluster", "type", "namespace", "deployed", "listed", "groups"}
    )
    cluster = _cluster_named(world, _text(entry, "cluster", path), f"{path}.cluster")
    application = Application(
        id=_text(entry, "id", path, default=lambda: world.ids.next("application")),
        name=_text(entry, "name", path),
        cluster_id=cluster.id,
        type=_text(entry, "type", path, default=lambda: "FatJar"),
        namespace=_text(entry, "namespace", path, default=lambda: world.region),
        created_at=CREATED_AT,
        listed=_boolean(entry, "listed", path, default=True),
    )
    if application.id in world.applications:
        raise WorldFileError(f"{path}.id: {application.id!r} is used by another application")
    world.applications[application.id] = application
    deployed = _boolean(entry, "deployed", path, default=True)
    groups = _list(entry, "groups", path) or [{"name": DEFAULT_GROUP_NAME}]
    for index, group in enumerate(groups):
        _add_group(world, application, group, f"{path}.groups[{index}]", deployed=deployed)
    return application


def _add_group(world: World, application: Application, data: object, path: str, *, deployed: bool) -> None:
    entry = _object(data, path, {"id", "name", "deployed", "members"})
    name = _text(entry, "name", path)
    deployed = _boolean(entry, "deployed", path, default=deployed)
    group = Group(
        id=_text(entry, "id", path, default=lambda: world.ids.next("group")),
        name=name,
        type=0 if name == DEFAULT_GROUP_NAME else 1,
        created_at=CREATED_AT,
        app_version_id="changeorder_a00_1760000_00" if deployed else "",
        package_version_id=world.ids.next("package") if deployed else "",
    )
    if application.group_named(name) is not None:
        raise WorldFileError(f"{path}.name: {name!r} is used by another group of the application")
    if any(group.id in other.groups for other in world.applications.values()):
        raise WorldFileError(f"{path}.id: {group.id!r} is used by another group")
    application.groups[group.id] = group
    for index, member in enumerate(_list(entry, "members", path)):
        _add_member(world, application, group, member, f"{path}.members[{index}]")


def _add_member(world: World, application: Application, group: Group, data: object, path: str) -> None:
    entry = {"instanceId": data} if isinstance(data, str) else _object(data, path)
    entry = _object(entry, path, {"instanceId", "eccId", "appState", "taskState"})
    instance_id = _text(entry, "instanceId", path)
    machines = world.clusters[application.cluster_id].ecus.values()
    ecu = next((machine for machine in machines if machine.instance_id == instance_id), None)
    if ecu is None:
        raise WorldFileError(f"{path}: {instance_id!r} is not in cluster {application.cluster_id!r}")
    owner = world.owner_of(ecu.ecu_id)
    if owner is not None:
        raise WorldFileError(f"{path}: {instance_id!r} is a member of application {owner.name!r} already")
    state = AppState.RUNNING if group.deployed else AppState.STOPPED
    member = Member(
        ecc_id=_text(entry, "eccId", path, default=lambda: world.ids.next("ecc")),
        ecu_id=ecu.ecu_id,
        group_id=group.id,
        created_at=CREATED_AT,
        updated_at=CREATED_AT,
        app_state=AppState(_one_of(entry, "appState", path, tuple(AppState), state)),
        task_state=TaskState(_one_of(entry, "taskState", path, tuple(TaskState), TaskState.SUCCESS)),
    )
    application.members[member.ecc_id] = member


def _cluster_named(world: World, name: str, path: str) -> Cluster:
    for cluster in world.clusters.values():
        if name in (cluster.id, cluster.name):
            return cluster
    raise WorldFileError(f"{path}: there is no cluster {name!r}")


# ---- reading JSON ----


def _object(data: object, path: str, keys: set[str] | None = None) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise WorldFileError(f"{path}: must be an object, got {type(data).__name__}")
    unknown = sorted(set(data) - keys) if keys is not None else []
    if unknown:
        raise WorldFileError(f"{path}.{unknown[0]}: no such key; known are {', '.join(sorted(keys or ()))}")
    return data


def _list(entry: Mapping[str, Any], key: str, path: str) -> list[Any]:
    value = entry.get(key, [])
    if not isinstance(value, list | tuple):
        raise WorldFileError(f"{path}.{key}: must be a list, got {type(value).__name__}")
    if len(value) > MAX_ENTRIES:
        raise WorldFileError(f"{path}.{key}: at most {MAX_ENTRIES} entries")
    return list(value)


def _text(entry: Mapping[str, Any], key: str, path: str, default: Any = None) -> str:  # noqa: ANN401 - maker of text
    if key not in entry and default is not None:
        return str(default())
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise WorldFileError(f"{path}.{key}: must be a string that is not empty, got {value!r}")
    return value


def _boolean(entry: Mapping[str, Any], key: str, path: str, *, default: bool) -> bool:
    value = entry.get(key, default)
    if not isinstance(value, bool):
        raise WorldFileError(f"{path}.{key}: must be true or false, got {value!r}")
    return value


def _whole(entry: Mapping[str, Any], key: str, path: str, default: int) -> int:
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WorldFileError(f"{path}.{key}: must be a whole number of at least 0, got {value!r}")
    return value


def _one_of(entry: Mapping[str, Any], key: str, path: str, allowed: tuple[int, ...], default: int) -> int:
    value = entry.get(key, default)
    if isinstance(value, bool) or value not in allowed:
        choices = ", ".join(str(int(choice)) for choice in allowed)
        raise WorldFileError(f"{path}.{key}: must be one of {choices}, got {value!r}")
    return int(value)
