"""What the operations of the EDAS API do to the world, and when EDAS refuses them.

The law of this file: it changes and selects; how an answer looks is written in `shapes.py`. A refusal changes
nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pulumi_edas_scale.emulator.world import progress
from pulumi_edas_scale.emulator.world.entities import (
    Application,
    AppState,
    Ecu,
    Figures,
    Member,
    Order,
    OrderKind,
    OrderStatus,
    Target,
    TaskState,
)
from pulumi_edas_scale.emulator.world.identifiers import part_of
from pulumi_edas_scale.emulator.world.refusals import BusyError, NotFoundError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pulumi_edas_scale.emulator.world.state import World

# How many orders "recent" means is not documented; the console shows a few pages of three months.
MAX_RECENT_ORDERS = 50

BATCH_DIGITS = "ba7c"


def scale_out(world: World, application_id: str, group_id: str, ecu_ids: list[str], now: float) -> Order:
    """Let ECUs join a deploy group; the order says how it went.

    Raises:
        RefusedError: no such application or group, another order is active, or an ECU cannot join.
    """
    application = _changeable(world, application_id)
    if group_id not in application.groups:
        raise RefusedError("group_missing", id=group_id)
    _require_free(world, application, group_id)
    _check_ids(world, ecu_ids, "EcuInfo")
    joining = [
        ecu for ecu_id in unique(ecu_ids) if (ecu := _joinable(world, application, group_id, ecu_id, now))
    ]
    limit = int(world.switches.number("max_group_members"))
    if limit and len(application.members_of(group_id)) + len(joining) > limit:
        raise RefusedError("group_full", limit=limit)
    targets = [target_of(ecu, join(world, application, group_id, ecu, now)) for ecu in joining]
    return progress.open_order(world, OrderKind.SCALE_OUT, application, group_id, targets, now)


def join(world: World, application: Application, group_id: str, ecu: Ecu, now: float) -> Member:
    """Make an ECU a member that is about to be started; it is listed as the switch `joiner_visible` says."""
    early = world.switches.text("joiner_visible") == "early"
    member = Member(
        ecc_id=world.ids.next("ecc"),
        ecu_id=ecu.ecu_id,
        group_id=group_id,
        created_at=now,
        updated_at=now,
        app_state=AppState.STOPPED,
        task_state=TaskState.PROCESSING,
        visible_at=now if early else math.inf,
    )
    application.members[member.ecc_id] = member
    return member


def scale_in(
    world: World, application_id: str, ecc_ids: list[str], now: float, *, force: bool
) -> Order | None:
    """Let members leave; None when they were removed by force, which makes no order.

    Raises:
        RefusedError: no such application, another order is active, or a member cannot leave.
    """
    application = _changeable(world, application_id)
    known = [application.members[ecc_id] for ecc_id in ecc_ids if ecc_id in application.members]
    # Before the ids are looked at: EDAS refuses a busy application whatever the call names.
    _require_free(world, application, known[0].group_id if known else next(iter(application.groups), ""))
    leaving = _leaving(world, application, ecc_ids)
    if world.switches.text("last_member_scale_in") == "refused":
        for left in unique(member.group_id for member in leaving):
            if all(member in leaving for member in application.members_of(left)):
                raise RefusedError("last_member")
    if force:
        for member in leaving:
            world.remove_member(application, member.ecc_id, now, world.switches.number("force_scale_in_lag"))
        return None
    group_id = leaving[0].group_id if leaving else next(iter(application.groups), "")
    return progress.open_order(
        world, OrderKind.SCALE_IN, application, group_id, targets_of(world, application, leaving), now
    )


def abort(world: World, order_id: str, now: float) -> Order:
    """Stop an active order; what is done is not undone."""
    order = world.order(order_id)
    if not order.active:
        raise RefusedError("order_ended", id=order_id)
    progress.end_order(world, order, OrderStatus.ABORTED, now)
    return order


def continue_pipeline(world: World, pipeline_id: str, now: float, *, confirm: bool) -> None:
    """Release the next batch of a held order, or, with `confirm` false, leave it held."""
    found = (
        order
        for order in world.orders.values()
        if pipeline_id in (part_of(order.id, BATCH_DIGITS, batch) for batch in range(order.batch_count))
    )
    order = next(found, None)
    if order is None:
        raise NotFoundError("Pipeline", pipeline_id)
    if order.phase is None or not order.phase.until_confirmed:
        raise RefusedError("not_waiting", id=order.id)
    if confirm:
        progress.confirm(world, order, now)


def free_ecus(world: World, cluster_id: str, now: float) -> list[Ecu]:
    """Return the ECUs of a cluster that no application uses, as far as EDAS has noticed."""
    used = {member.ecu_id for app in world.applications.values() for member in app.members.values()}
    lag = world.switches.number("freed_ecu_lag")
    return [
        ecu
        for ecu in world.cluster(cluster_id).ecus.values()
        if ecu.is_ready(now) and ecu.ecu_id not in used and ecu.freed_at + lag <= now
    ]


def listed_figures(world: World, application: Application, now: float) -> Figures | None:
    """Return what ListApplication shows of an application, or None when it is left out."""
    past = application.past
    # ListApplication is a hint and no witness: it may lag, keep a state, or leave an application out.
    side = world.switches.text("list_application")
    if side == "missing":
        return None
    if side == "same_state":
        return past[-1]._replace(state=past[0].state)
    horizon = now - (world.switches.seconds("list_application") or 0.0)
    return next((figures for figures in reversed(past) if figures.since <= horizon), None)


def recent_orders(world: World, application_id: str, now: float) -> list[Order]:
    """Return the orders EDAS lists now for an application, in the order of the switch `recent_order_list`."""
    horizon = now - world.switches.number("recent_order_lag")
    listed = [order for order in world.orders_of(application_id) if order.created_at <= horizon][
        -MAX_RECENT_ORDERS:
    ]
    return listed if world.switches.text("recent_order_list") == "oldest_first" else listed[::-1]


def target_of(ecu: Ecu, member: Member) -> Target:
    """Return the target of an order for one member on one machine."""
    return Target(
        ecc_id=member.ecc_id,
        ecu_id=ecu.ecu_id,
        instance_id=ecu.instance_id,
        ip=ecu.ip,
        public_ip=ecu.public_ip,
        name=ecu.name,
        state_before=member.app_state,
    )


def targets_of(world: World, application: Application, members: Iterable[Member]) -> list[Target]:
    """Return the targets of an order for several members."""
    return [target_of(world.machine_of(member, application), member) for member in members]


def unique(ids: Iterable[str]) -> list[str]:
    """Return each id once, in the order of first mention."""
    return list(dict.fromkeys(ids))


def _changeable(world: World, application_id: str) -> Application:
    application = world.application(application_id)
    if world.cluster(application.cluster_id).is_kubernetes:
        raise RefusedError("kubernetes", id=application_id)
    return application


def _require_free(world: World, application: Application, group_id: str) -> None:
    """Refuse while another order is active, as far as the switch `second_order` says."""
    rule = world.switches.text("second_order")
    active = world.active_orders(application.id)
    if rule == "parallel_per_group":
        active = [order for order in active if order.group_id == group_id]
    if active and rule != "queued":
        raise BusyError


def _check_ids(world: World, ids: list[str], name: str) -> None:
    limit = int(world.switches.number("max_ids_per_call"))
    if not ids:
        raise RefusedError("ids_empty", name=name)
    if limit and len(ids) > limit:
        raise RefusedError("ids_too_many", limit=limit)


def _joinable(world: World, application: Application, group_id: str, ecu_id: str, now: float) -> Ecu | None:
    """Return the machine that joins; None for a present member that the switch lets pass."""
    ecu = world.cluster(application.cluster_id).ecus.get(ecu_id)
    if ecu is None or not ecu.is_ready(now):
        raise RefusedError("ecu_missing", id=ecu_id)
    owner = world.owner_of(ecu_id)
    if owner is None:
        return ecu
    member = application.member_on(ecu_id)
    if member is None or member.group_id != group_id:
        raise RefusedError("ecu_used", id=ecu_id)
    if world.switches.text("known_member") == "refused":
        raise RefusedError("ecu_known", id=ecu_id)
    return None


def _leaving(world: World, application: Application, ecc_ids: list[str]) -> list[Member]:
    if not ecc_ids:
        rule = world.switches.text("empty_ecc_info")
        if rule == "refused":
            raise RefusedError("ids_empty", name="EccInfo")
        return list(application.members.values()) if rule == "all_leave" else []
    _check_ids(world, ecc_ids, "EccInfo")
    if world.switches.text("unknown_member_scale_in") == "ignored":
        ecc_ids = [ecc_id for ecc_id in ecc_ids if ecc_id in application.members]
    for ecc_id in ecc_ids:
        if ecc_id not in application.members:
            raise RefusedError("ecc_missing", id=ecc_id)
    return [application.members[ecc_id] for ecc_id in unique(ecc_ids)]
