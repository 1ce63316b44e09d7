"""The actions of the control API: what users, machines and faults do to the emulated EDAS from outside.

The law of this file: it works on the world directly, never through the API, so nothing here enters the
request log. Applications and groups are named by id or name, machines by ECS or ECU id. An action that cannot
be done is refused with a `InputError` and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator.faults import parse_script
from pulumi_edas_scale.emulator.inputs import Fields, InputError, refuse_half_characters
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
from pulumi_edas_scale.emulator.world.scripts import CHANGE_ABORTED, TASK_TIMEOUT, task_error
from pulumi_edas_scale.emulator.world.world_file import add_application, add_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pulumi_edas_scale.emulator.world.state import World


@dataclass(frozen=True)
class Action(Fields):
    """The arguments of one action, with the means to find what they name; `path` is its name."""

    world: World
    now: float

    # ---- who is meant ----

    def application(self) -> Application:
        """Find the application by `application`, else by `group`, else by `instance`."""
        if self.has("application"):
            return find_application(self.world, self.text("application"))
        if self.has("group"):
            return find_group(self.world, self.text("group"))[0]
        return self.member()[0]

    def group(self) -> tuple[Application, Group]:
        """Find the group by `group`, and `application` where several have one of that name."""
        return find_group(self.world, self.text("group"), self.text_or_none("application"))

    def machine(self) -> Ecu:
        """Find the machine by `instance`."""
        return find_machine(self.world, self.text("instance"))

    def member(self) -> tuple[Application, Member]:
        """Find the member on the machine of `instance`, and its application."""
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

    # ---- what happens ----

    def join(self) -> Json:
        """A foreign member appears: at once and running, or by an order of other people."""
        world, now = self.world, self.now
        application, group = self.group()
        machine = self.machine()
        if world.owner_of(machine.ecu_id) is not None:
            raise InputError(f"join.instance: {machine.instance_id!r} is a member already")
        if machine.cluster_id != application.cluster_id or not machine.is_ready(now):
            raise InputError(f"join.instance: {machine.instance_id!r} is no ECU of the application's cluster")
        member = operations.join(world, application, group.id, machine, now)
        if self.data.get("order"):
            targets = [operations.target_of(machine, member)]
            return self.foreign_order(OrderKind.SCALE_OUT, application, group, targets)
        member.visible_at = now
        # At once and by no order, as what happened before the provider looked.
        member.app_state = machine.start_state if group.deployed else AppState.STOPPED
        member.task_state = TaskState.SUCCESS
        world.observe(application)
        return member_json(world, application, member, now)

    def leave(self) -> Json:
        """A member leaves: at once, or by an order of other people."""
        application, member = self.member()
        if self.data.get("order"):
            targets = operations.targets_of(self.world, application, [member])
            group = application.groups[member.group_id]
            return self.foreign_order(OrderKind.SCALE_IN, application, group, targets)
        self.world.remove_member(application, member.ecc_id, self.now)
        return {"eccId": member.ecc_id}

    def move(self) -> Json:
        """A member moves to another group of its application; its ECC stays the same."""
        application, member = self.member()
        _, group = find_group(self.world, self.text("group"), application.id)
        member.group_id, member.updated_at = group.id, self.now
        self.world.observe(application)
        return member_json(self.world, application, member, self.now)

    def set_online(self, *, online: bool) -> Json:
        """The agent of a machine answers again, or stops answering."""
        machine = self.machine()
        machine.online = online
        owner = self.world.owner_of(machine.ecu_id)
        if owner is not None:
            self.world.observe(owner)
        self.world.version += 1
        return machine_json(self.world, machine, self.now)

    def set_state(self) -> Json:
        """A member's states become what is said."""
        application, member = self.member()
        app_state, task_state = self.states(member.app_state, member.task_state)
        member.app_state, member.task_state, member.starts_at = app_state, task_state, None
        member.updated_at = self.now
        self.world.observe(application)
        return member_json(self.world, application, member, self.now)

    def set_start(self) -> Json:
        """From now on applications come up on a machine as said: joined, but perhaps not running."""
        machine = self.machine()
        machine.start_state, machine.start_task_state = self.states(
            machine.start_state, machine.start_task_state
        )
        return machine_json(self.world, machine, self.now)

    def states(self, app_state: AppState, task_state: TaskState) -> tuple[AppState, TaskState]:
        """Read `app_state` and `task_state`; what is not given stays."""
        try:
            return (
                AppState(self.data.get("app_state", app_state)),
                TaskState(self.data.get("task_state", task_state)),
            )
        except ValueError as error:
            raise InputError(f"{self.path}: {error}") from None

    def import_instance(self) -> Json:
        """An ECS instance is imported into a cluster, or one that is there begins to be converted."""
        world, instance_id = self.world, self.text("instance")
        ready_at = self.now + world.switches.number("import_lag")
        known = next((machine for machine in world.machines() if machine.instance_id == instance_id), None)
        if known is not None:
            known.ready_at = min(known.ready_at, ready_at)
            world.version += 1
            return machine_json(world, known, self.now)
        cluster = self.cluster()
        given = {
            key: value for key, value in self.data.items() if key not in ("action", "instance", "cluster")
        }
        given["instanceId"] = instance_id
        machine = add_machine(world, cluster, given, "import", ready_at=ready_at, created_at=self.now)
        world.version += 1
        return machine_json(world, machine, self.now)

    def cluster(self) -> Cluster:
        """Find the cluster by `cluster`; without it, the only ECS cluster there is."""
        clusters = list(self.world.clusters.values())
        if self.has("cluster"):
            wanted = self.text("cluster")
            clusters = [cluster for cluster in clusters if wanted in (cluster.id, cluster.name)]
        else:
            clusters = [cluster for cluster in clusters if not cluster.is_kubernetes]
        if len(clusters) != 1:
            raise InputError(f"{self.path}.cluster: {len(clusters)} clusters fit; name one")
        return clusters[0]

    def remove_instance(self) -> Json:
        """A machine disappears from its cluster, and with it its member."""
        machine = self.machine()
        owner = self.world.owner_of(machine.ecu_id)
        member = owner.member_on(machine.ecu_id) if owner else None
        del self.world.cluster(machine.cluster_id).ecus[machine.ecu_id]
        if owner is not None and member is not None:
            self.world.remove_member(owner, member.ecc_id, self.now)
        self.world.version += 1
        return {"instanceId": machine.instance_id}

    def create_application(self) -> Json:
        """An application appears; `application` is written as in a world file."""
        application = add_application(
            self.world, self.data.get("application"), "create_application.application"
        )
        self.world.observe(application)
        return application_json(self.world, application, self.now)

    def delete_application(self) -> Json:
        """An application disappears with everything it has; its orders end as aborted."""
        application = self.application()
        for order in self.world.active_orders(application.id):
            progress.end_order(self.world, order, OrderStatus.ABORTED, self.now)
        for ecc_id in list(application.members):
            self.world.remove_member(application, ecc_id, self.now)
        del self.world.applications[application.id]
        self.world.version += 1
        return {"id": application.id}

    def delete_group(self) -> Json:
        """A deploy group disappears with its members."""
        application, group = self.group()
        for member in application.members_of(group.id):
            self.world.remove_member(application, member.ecc_id, self.now)
        del application.groups[group.id]
        self.world.observe(application)
        return {"id": group.id}

    def set_deployed(self) -> Json:
        """A group counts as deployed, or as never deployed; its members stay as they are."""
        application, group = self.group()
        if not self.data.get("deployed", True):
            group.app_version_id = group.package_version_id = ""
        elif not group.deployed:
            group.app_version_id, group.package_version_id = (
                "changeorder_by_hand",
                self.world.ids.next("package"),
            )
        self.world.observe(application)
        return {"id": group.id, "deployed": group.deployed}

    def set_listed(self) -> Json:
        """ListApplication shows an application or leaves it out, as it does when the caller may not see it."""
        application = self.application()
        application.listed = bool(self.data.get("listed", True))
        self.world.version += 1
        return {"id": application.id, "listed": application.listed}

    def start_order(self) -> Json:
        """Other people start an order: a deployment of a group, or what `kind` says, on its members."""
        application, group = self.group()
        word = self.data.get("kind", "deploy")
        kinds = {kind.word: kind for kind in (OrderKind.DEPLOY, OrderKind.STOP, OrderKind.START)}
        if word not in kinds:
            raise InputError(f"start_order.kind: must be one of {', '.join(kinds)}, got {word!r}")
        members = application.members_of(group.id)
        targets = operations.targets_of(self.world, application, members)
        return self.foreign_order(kinds[word], application, group, targets)

    def foreign_order(
        self, kind: OrderKind, application: Application, group: Group, targets: list[Any]
    ) -> Json:
        """Start an order as other people do, in the console."""
        script = parse_script({**self.data, "instance": None}, self.path)
        order = progress.open_order(
            self.world,
            kind,
            application,
            group.id,
            targets,
            self.now,
            source="console",
            user=self.text_or_none("user") or OWNER,
            script=script,
        )
        return order_json(order)

    def confirm_order(self) -> Json:
        """A person confirms the next batch of a held order."""
        order = self.order()
        if not progress.confirm(self.world, order, self.now):
            raise InputError(f"confirm_order: change order {order.id} does not wait for a confirmation")
        return order_json(order)

    def hold_order(self) -> Json:
        """A person lets an active order wait for a confirmation."""
        order = self.active_order()
        progress.hold(self.world, order, self.now)
        return order_json(order)

    def fail_order(self) -> Json:
        """An active order fails now for everything it has not done yet."""
        error = task_error(str(self.data["error"])) if self.has("error") else TASK_TIMEOUT
        return self.end_order(OrderStatus.FAILED, error)

    def abort_order(self) -> Json:
        """A person terminates an active order."""
        return self.end_order(OrderStatus.ABORTED, CHANGE_ABORTED)

    def active_order(self) -> Order:
        """Find the order as `order` does; one that has ended cannot be changed any more."""
        order = self.order()
        if not order.active:
            raise InputError(f"{self.path}: change order {order.id} has ended")
        return order

    def end_order(self, status: OrderStatus, error: str) -> Json:
        """End the active order early."""
        order = self.active_order()
        progress.end_order(self.world, order, status, self.now, error)
        return order_json(order)


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


ACTIONS: Mapping[str, Callable[[Action], Json]] = {
    "join": Action.join,
    "leave": Action.leave,
    "move": Action.move,
    "online": lambda action: action.set_online(online=True),
    "offline": lambda action: action.set_online(online=False),
    "set_state": Action.set_state,
    "set_start": Action.set_start,
    "import": Action.import_instance,
    "remove_instance": Action.remove_instance,
    "create_application": Action.create_application,
    "delete_application": Action.delete_application,
    "delete_group": Action.delete_group,
    "set_deployed": Action.set_deployed,
    "set_listed": Action.set_listed,
    "start_order": Action.start_order,
    "confirm_order": Action.confirm_order,
    "hold_order": Action.hold_order,
    "fail_order": Action.fail_order,
    "abort_order": Action.abort_order,
}


def act(world: World, name: str, args: Mapping[str, Any], now: float) -> Json:
    """Do one action and return what it made or changed.

    Raises:
        InputError: there is no such action, or it cannot be done.
    """
    if name not in ACTIONS:
        raise InputError(f"action: {name!r} is unknown; known are {', '.join(sorted(ACTIONS))}")
    refuse_half_characters(args, name)
    progress.advance(world, now)
    return ACTIONS[name](Action(args, name, world, now))
