"""What the tasks of a change order do to its members, when they begin and when they are over.

The law of this file: one target at a time, and only what its kind of order, its machine, its group and its
scripted outcome say. When a task runs is decided in `progress.py`.
"""

from __future__ import annotations

import math

from pulumi_edas_scale.emulator.world.entities import (
    Application,
    AppState,
    Group,
    Member,
    Order,
    OrderKind,
    OrderStatus,
    Target,
    TaskState,
)
from pulumi_edas_scale.emulator.world.scripts import AGENT_OFFLINE
from pulumi_edas_scale.emulator.world.state import Start, World

_STARTING_KINDS = (OrderKind.SCALE_OUT, OrderKind.DEPLOY, OrderKind.START)
_STOPPING_KINDS = (OrderKind.SCALE_IN, OrderKind.STOP)


def begin_task(world: World, order: Order, target: Target, application: Application, at: float) -> None:
    """Begin the task of one target: a leaving member stops now, unless the switch says at the end."""
    target.status, target.started_at = OrderStatus.RUNNING, at
    member = application.members.get(target.ecc_id)
    if member is None:
        return
    target.state_before = member.app_state
    member.task_state, member.updated_at = TaskState.PROCESSING, at
    agent_works = world.machine_of(member, application).online and target.outcome.error is None
    if order.kind in _STOPPING_KINDS and agent_works and world.switches.text("leaver_stops") == "early":
        member.app_state = AppState.STOPPED


def complete_task(world: World, order: Order, target: Target, application: Application, at: float) -> None:
    """End the task of one target: badly where the script says so or the agent does not answer, else well."""
    member = application.members.get(target.ecc_id)
    # What a script says of an instance comes before what its agent would do.
    target.error = target.outcome.error or ""
    if member is not None and not target.error and not world.machine_of(member, application).online:
        target.error = AGENT_OFFLINE
    target.status = OrderStatus.FAILED if target.error else OrderStatus.SUCCESS
    target.started_at = at if target.started_at is None else target.started_at
    target.finished_at = at
    if member is None:
        return
    member.updated_at = at
    if not target.error:
        _succeed(world, order, target, application, at)
    elif order.kind is OrderKind.SCALE_OUT and world.switches.text("failed_joiner") == "leaves":
        world.remove_member(application, member.ecc_id, at)
    else:
        member.app_state = AppState.STOPPED if order.kind in _STARTING_KINDS else target.state_before
        member.task_state = TaskState.FAILED
        _override(member, target)


def mark_deployed(world: World, group: Group, order: Order) -> None:
    """Give a group the version ids of its first deployment."""
    if not group.deployed:
        group.app_version_id = f"changeorder_{order.number:08d}"
        group.package_version_id = world.ids.next("package")


def reveal_joiners(world: World, order: Order, at: float) -> None:
    """Let the joiners of an ended scale out be listed, as late as the switch `joiner_visible` says."""
    application = world.applications.get(order.application_id)
    if application is None or order.kind is not OrderKind.SCALE_OUT:
        return
    _, _, lag = world.switches.text("joiner_visible").partition(":")
    for target in order.targets:
        member = application.members.get(target.ecc_id)
        if member is not None and member.visible_at == math.inf:
            member.visible_at = at + float(lag or 0)


def _succeed(world: World, order: Order, target: Target, application: Application, at: float) -> None:
    member = application.members[target.ecc_id]
    if order.kind is OrderKind.SCALE_IN:
        world.remove_member(application, member.ecc_id, at, world.switches.number("scale_in_lag"))
        return
    if order.kind is OrderKind.DEPLOY:
        # A provider that knows members by ECC id alone would take a redeployed one for a stranger.
        if world.switches.text("redeployed_ecc") == "new":
            member.ecc_id = target.ecc_id = world.ids.next("ecc")
            application.members = {each.ecc_id: each for each in application.members.values()}
        mark_deployed(world, application.groups[member.group_id], order)
    member.task_state = TaskState.SUCCESS
    if order.kind is OrderKind.STOP:
        member.app_state = AppState.STOPPED
    else:
        _bring_up(world, target, member, application, at)


def _bring_up(world: World, target: Target, member: Member, application: Application, at: float) -> None:
    """Start a member as its machine and its group allow: what was never deployed stays stopped."""
    machine = world.machine_of(member, application)
    deployed = application.groups[member.group_id].deployed
    member.app_state = machine.start_state if deployed else AppState.STOPPED
    member.task_state = machine.start_task_state if deployed else TaskState.SUCCESS
    _override(member, target)
    delay = world.switches.number("start_delay")
    if delay and member.app_state == AppState.RUNNING:
        member.app_state, member.task_state = AppState.STOPPED, TaskState.PROCESSING
        member.starts_at = at + delay
        world.starting.append(Start(at + delay, application.id, member.ecc_id))


def _override(member: Member, target: Target) -> None:
    """Let the script have the last word on the states."""
    if target.outcome.app_state is not None:
        member.app_state = target.outcome.app_state
    if target.outcome.task_state is not None:
        member.task_state = target.outcome.task_state
