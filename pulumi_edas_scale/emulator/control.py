"""The actions of the control API: what users, machines and faults do to the emulated EDAS from outside.

The law of this file: it works on the world directly, never through the API, so nothing here enters the
request log. Applications and groups are named by id or name, machines by ECS or ECU id. An action that cannot
be done is refused with a `InputError` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from pulumi_edas_scale.emulator.faults import parse_script
from pulumi_edas_scale.emulator.inputs import Fields, InputError
from pulumi_edas_scale.emulator.views import Json, application_json, machine_json, member_json, order_json
from pulumi_edas_scale.emulator.world import operations, progress
from pulumi_edas_scale.emulator.world.entities import (
    OWNER,
    Application,
    AppState,
    Cluster,
    Ecu,
    Group,
    Member,
    Order,
    OrderKind,
    OrderStatus,
    TaskState,
)
from pulumi_edas_scale.emulator.world.scripts import TASK_TIMEOUT, task_error
from pulumi_edas_scale.emulator.world.world_file import add_application, add_machine

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator.world.state import World


# ---- who is meant ----


@dataclass(frozen=True)
class _Request(Fields):
    """The arguments of one action, with the means to find what they name; `path` is its name."""

    world: World
    now: float

    def application(self) -> Application:
        """Find the application by `application`, else by `group`, else by `instance`."""
        if self.has("application"):
            return find_application(self.world, self.text("application"))
        if self.has("group"):
            return find_group(self.world, self.text("group"))[0]
        return self.member()[0]

    def group(self) -> tuple[Application, Group]:
        return find_group(self.world, self.text("group"), self.text_or_none("application"))

    def machine(self) -> Ecu:
        return find_machine(self.world, self.text("instance"))

    def member(self) -> tuple[Application, Member]:
        machine = self.machine()
        owner = self.world.owner_of(machine.ecu_id)
        member = owner.member_on(machine.ecu_id) if owner else None
        if owner is None or member is None:
            raise InputError(f"{self.path}.instance: {machine.instance_id!r} is not a member of any group")
        return owner, member

    def order(self) -> Order:
        """Find the order by `order`; without it, the only active order there is."""
        if self.has("order"):
            order = self.world.orders.get(self.text("order"))
            if order is None:
                raise InputError(f"{self.path}.order: there is no change order {self.text('order')!r}")
            return order
        active = [
            order for app in self.world.applications.values() for order in self.world.active_orders(app.id)
        ]
        if len(active) != 1:
            raise InputError(f"{self.path}.order: must be given, {len(active)} orders are active")
        return active[0]


def find_application(world: World, name: str) -> Application:
    """Return the application of that id or name, or raise InputError."""
    for application in world.applications.values():
        if name in (application.id, application.name):
            return application
    raise InputError(f"there is no application {name!r}")


def find_group(world: World, name: str, application: str | None = None) -> tuple[Application, Group]:
    """Return the group of that id or name; a name that several applications use needs the application."""
    applications = (
        [find_application(world, application)] if application else list(world.applications.values())
    )
    found = [
        (app, group)
        for app in applications
        for group in app.groups.values()
        if name in (group.id, group.name)
    ]
    if not found:
        raise InputError(f"there is no deploy group {name!r}")
    if len(found) > 1:
        raise InputError(f"{len(found)} applications have a deploy group {name!r}: name the application too")
    return found[0]


def find_machine(world: World, name: str) -> Ecu:
    """Return the machine of that ECS or ECU id, or raise InputError."""
    for machine in world.machines():
        if name in (machine.instance_id, machine.ecu_id):
            return machine
    raise InputError(f"there is no instance {name!r}")


# ---- what happens ----

Action: TypeAlias = Callable[[_Request], Json]


def act(world: World, name: str, args: Mapping[str, Any], now: float) -> Json:
    """Do one action and return what it made or changed.

    Raises:
        InputError: there is no such action, or it cannot be done.
    """
    action = ACTIONS.get(name)
    if action is None:
        raise InputError(f"action: {name!r} is unknown; known are {', '.join(sorted(ACTIONS))}")
    progress.advance(world, now)
    return action(_Request(args, name, world, now))


def _join(request: _Request) -> Json:
    """A foreign member appears: at once and running, or by an order of other people."""
    world, now = request.world, request.now
    application, group = request.group()
    machine = request.machine()
    if world.owner_of(machine.ecu_id) is not None:
        raise InputError(f"join.instance: {machine.instance_id!r} is a member already")
    if machine.cluster_id != application.cluster_id or not machine.is_ready(now):
        raise InputError(f"join.instance: {machine.instance_id!r} is no ECU of the application's cluster")
    member = operations.join(world, application, group.id, machine, now)
    if request.data.get("order"):
        targets = [operations.target_of(machine, member)]
        return _foreign_order(request, OrderKind.SCALE_OUT, application, group, targets)
    member.visible_at = now
    member.app_state = machine.start_state if group.deployed else AppState.STOPPED
    member.task_state = TaskState.SUCCESS
    world.observe(application)
    return member_json(world, application, member, now)


def _leave(request: _Request) -> Json:
    """A member leaves: at once, or by an order of other people."""
    application, member = request.member()
    if request.data.get("order"):
        targets = operations.targets_of(request.world, application, [member])
        group = application.groups[member.group_id]
        return _foreign_order(request, OrderKind.SCALE_IN, application, group, targets)
    request.world.remove_member(application, member.ecc_id, request.now)
    return {"eccId": member.ecc_id}


def _move(request: _Request) -> Json:
    """A member moves to another group of its application; its ECC stays the same."""
    application, member = request.member()
    _, group = find_group(request.world, request.text("group"), application.id)
    member.group_id, member.updated_at = group.id, request.now
    request.world.observe(application)
    return member_json(request.world, application, member, request.now)


def _set_online(request: _Request, *, online: bool) -> Json:
    machine = request.machine()
    machine.online = online
    owner = request.world.owner_of(machine.ecu_id)
    if owner is not None:
        request.world.observe(owner)
    request.world.version += 1
    return machine_json(request.world, machine, request.now)


def _online(request: _Request) -> Json:
    """The agent of a machine answers again."""
    return _set_online(request, online=True)


def _offline(request: _Request) -> Json:
    """The agent of a machine stops answering."""
    return _set_online(request, online=False)


def _set_state(request: _Request) -> Json:
    """A member's states become what is said."""
    application, member = request.member()
    app_state, task_state = _states(request, member.app_state, member.task_state)
    member.app_state, member.task_state, member.starts_at = app_state, task_state, None
    member.updated_at = request.now
    request.world.observe(application)
    return member_json(request.world, application, member, request.now)


def _set_start(request: _Request) -> Json:
    """From now on applications come up on a machine as said: joined, but perhaps not running."""
    machine = request.machine()
    machine.start_state, machine.start_task_state = _states(
        request, machine.start_state, machine.start_task_state
    )
    return machine_json(request.world, machine, request.now)


def _states(request: _Request, app_state: AppState, task_state: TaskState) -> tuple[AppState, TaskState]:
    try:
        return (
            AppState(request.data.get("app_state", app_state)),
            TaskState(request.data.get("task_state", task_state)),
        )
    except ValueError as error:
        raise InputError(f"{request.path}: {error}") from None


def _import_instance(request: _Request) -> Json:
    """An ECS instance is imported into a cluster, or one that is there begins to be converted."""
    world, instance_id = request.world, request.text("instance")
    ready_at = request.now + world.switches.number("import_lag")
    known = next((machine for machine in world.machines() if machine.instance_id == instance_id), None)
    if known is not None:
        known.ready_at = min(known.ready_at, ready_at)
        world.version += 1
        return machine_json(world, known, request.now)
    cluster = _cluster_of(request)
    given = {
        key: value for key, value in request.data.items() if key not in ("action", "instance", "cluster")
    }
    given["instanceId"] = instance_id
    machine = add_machine(world, cluster, given, "import", ready_at=ready_at, created_at=request.now)
    world.version += 1
    return machine_json(world, machine, request.now)


def _cluster_of(request: _Request) -> Cluster:
    """Find the cluster by `cluster`; without it, the only ECS cluster there is."""
    clusters = list(request.world.clusters.values())
    if request.has("cluster"):
        wanted = request.text("cluster")
        clusters = [cluster for cluster in clusters if wanted in (cluster.id, cluster.name)]
    else:
        clusters = [cluster for cluster in clusters if not cluster.is_kubernetes]
    if len(clusters) != 1:
        raise InputError(f"{request.path}.cluster: {len(clusters)} clusters fit; name one")
    return clusters[0]


def _remove_instance(request: _Request) -> Json:
    """A machine disappears from its cluster, and with it its member."""
    machine = request.machine()
    owner = request.world.owner_of(machine.ecu_id)
    member = owner.member_on(machine.ecu_id) if owner else None
    del request.world.cluster(machine.cluster_id).ecus[machine.ecu_id]
    if owner is not None and member is not None:
        request.world.remove_member(owner, member.ecc_id, request.now)
    request.world.version += 1
    return {"instanceId": machine.instance_id}


def _create_application(request: _Request) -> Json:
    """An application appears; `application` is written as in a world file."""
    application = add_application(
        request.world, request.data.get("application"), "create_application.application"
    )
    request.world.observe(application)
    return application_json(request.world, application, request.now)


def _delete_application(request: _Request) -> Json:
    """An application disappears with everything it has; its orders end as aborted."""
    application = request.application()
    for order in request.world.active_orders(application.id):
        progress.end_order(request.world, order, OrderStatus.ABORTED, request.now)
    for ecc_id in list(application.members):
        request.world.remove_member(application, ecc_id, request.now)
    del request.world.applications[application.id]
    request.world.version += 1
    return {"id": application.id}


def _delete_group(request: _Request) -> Json:
    """A deploy group disappears with its members."""
    application, group = request.group()
    for member in application.members_of(group.id):
        request.world.remove_member(application, member.ecc_id, request.now)
    del application.groups[group.id]
    request.world.observe(application)
    return {"id": group.id}


def _set_deployed(request: _Request) -> Json:
    """A group counts as deployed, or as never deployed; its members stay as they are."""
    application, group = request.group()
    if not request.data.get("deployed", True):
        group.app_version_id = group.package_version_id = ""
    elif not group.deployed:
        group.app_version_id, group.package_version_id = (
            "changeorder_by_hand",
            request.world.ids.next("package"),
        )
    request.world.observe(application)
    return {"id": group.id, "deployed": group.deployed}


def _set_listed(request: _Request) -> Json:
    """ListApplication shows an application or leaves it out, as it does when the caller may not see it."""
    application = request.application()
    application.listed = bool(request.data.get("listed", True))
    request.world.version += 1
    return {"id": application.id, "listed": application.listed}


def _start_order(request: _Request) -> Json:
    """Other people start an order: a deployment of a group, or what `kind` says, on its members."""
    application, group = request.group()
    word = request.data.get("kind", "deploy")
    kinds = {kind.word: kind for kind in (OrderKind.DEPLOY, OrderKind.STOP, OrderKind.START)}
    if word not in kinds:
        raise InputError(f"start_order.kind: must be one of {', '.join(kinds)}, got {word!r}")
    members = application.members_of(group.id)
    targets = operations.targets_of(request.world, application, members)
    return _foreign_order(request, kinds[word], application, group, targets)


def _foreign_order(
    request: _Request, kind: OrderKind, application: Application, group: Group, targets: list[Any]
) -> Json:
    script = parse_script({**request.data, "instance": None}, request.path)
    order = progress.open_order(
        request.world,
        kind,
        application,
        group.id,
        targets,
        request.now,
        source="console",
        user=request.text_or_none("user") or OWNER,
        script=script,
    )
    return order_json(order)


def _confirm_order(request: _Request) -> Json:
    """A person confirms the next batch of a held order."""
    order = request.order()
    if not progress.confirm(request.world, order, request.now):
        raise InputError(f"confirm_order: change order {order.id} does not wait for a confirmation")
    return order_json(order)


def _hold_order(request: _Request) -> Json:
    """A person lets an active order wait for a confirmation."""
    order = _active(request)
    progress.hold(request.world, order, request.now)
    return order_json(order)


def _fail_order(request: _Request) -> Json:
    """An active order fails now for everything it has not done yet."""
    error = task_error(str(request.data["error"])) if request.has("error") else TASK_TIMEOUT
    return _end_order(request, OrderStatus.FAILED, error)


def _abort_order(request: _Request) -> Json:
    """A person terminates an active order."""
    return _end_order(request, OrderStatus.ABORTED, None)


def _active(request: _Request) -> Order:
    order = request.order()
    if not order.active:
        raise InputError(f"{request.path}: change order {order.id} has ended")
    return order


def _end_order(request: _Request, status: OrderStatus, error: str | None) -> Json:
    order = _active(request)
    if error is None:
        progress.end_order(request.world, order, status, request.now)
    else:
        progress.end_order(request.world, order, status, request.now, error)
    return order_json(order)


ACTIONS: Mapping[str, Action] = {
    "join": _join,
    "leave": _leave,
    "move": _move,
    "online": _online,
    "offline": _offline,
    "set_state": _set_state,
    "set_start": _set_start,
    "import": _import_instance,
    "remove_instance": _remove_instance,
    "create_application": _create_application,
    "delete_application": _delete_application,
    "delete_group": _delete_group,
    "set_deployed": _set_deployed,
    "set_listed": _set_listed,
    "start_order": _start_order,
    "confirm_order": _confirm_order,
    "hold_order": _hold_order,
    "fail_order": _fail_order,
    "abort_order": _abort_order,
}
