"""How change orders run: they are opened, pass through phases as time passes or they are read, and end.

The laws of this file: every function takes `now`, and `advance` carries out what time alone has brought about
in the order in which it happened, so that the same history always leads to the same world. An application has
one started order at a time, unless the switch `second_order` says otherwise; the others wait as ready (0).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from pulumi_edas_scale.emulator.faults import OrderFacts
from pulumi_edas_scale.emulator.world.durations import parse_duration
from pulumi_edas_scale.emulator.world.effects import begin_task, complete_task, mark_deployed, reveal_joiners
from pulumi_edas_scale.emulator.world.entities import (
    OWNER,
    Application,
    AppState,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    Phase,
    Target,
    TaskState,
)
from pulumi_edas_scale.emulator.world.identifiers import shaped
from pulumi_edas_scale.emulator.world.scripts import CHANGE_ABORTED, OrderScript, phases_of

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator.world.state import Start, World

# An emulator may run for weeks on a laptop; this bounds its memory far above what a test run needs.
MAX_ORDERS = 10_000

_Event: TypeAlias = tuple[float, int, Callable[[], None]]  # moment, tie-break, what happens


def advance(world: World, now: float) -> None:
    """Carry out everything that time alone has brought about until `now`, in its order."""
    while True:
        due = min(_due_events(world, now), key=lambda event: event[:2], default=None)
        if due is None:
            break
        world.moment = due[0]
        due[2]()
    world.moment = now
    for application in world.applications.values():
        if application.departed:
            application.departed = [member for member in application.departed if member.listed(now)]
            world.observe(application)


def open_order(  # noqa: PLR0913, PLR0917 - everything an order is made of
    world: World,
    kind: OrderKind,
    application: Application,
    group_id: str,
    targets: list[Target],
    now: float,
    *,
    source: str = "pop",
    user: str = OWNER,
    script: OrderScript | None = None,
) -> Order:
    """Create a change order and start it, unless it has to wait for another one.

    Args:
        world: the emulated EDAS.
        kind: what it does to its targets.
        application: the application it changes.
        group_id: the deploy group it is of.
        targets: the instances it works on, in order; their batches and outcomes are set here.
        now: the moment of acceptance.
        source: `pop` for the API, `console` for an order of other people.
        user: who is shown to have created it.
        script: how it runs; None asks the rules, then the switch `order_duration`.
    """
    if script is None:
        facts = _facts_of(kind, application, group_id, targets)
        script = world.rules.script_for(facts) or OrderScript()
    for index, target in enumerate(targets):
        target.batch = index * script.batches // len(targets)
        target.outcome = script.outcome_of(target.instance_id, target.ecu_id)
    number = world.ids.next_number("order")
    order = Order(
        id=shaped("order", number),
        number=number,
        kind=kind,
        application_id=application.id,
        group_id=group_id,
        created_at=now,
        source=source,
        user=user,
        phases=phases_of(script, parse_duration(world.switches.as_json()["order_duration"])),
        targets=targets,
        batch_count=script.batches,
        batch_type=script.batch_type,
        scripted_end=script.end,
    )
    order.show(OrderStatus.READY, now)
    world.active[order.id] = world.orders[order.id] = order
    oldest = next((old for old in world.orders.values() if not old.active), None)
    if oldest is not None and len(world.orders) > MAX_ORDERS:
        del world.orders[oldest.id]
    if not _must_wait(world, order):
        _start(world, order, now)
    world.observe(application)
    return order


def poll(world: World, order: Order, now: float) -> None:
    """Count one read of an order; a phase that is measured in polls may end by it.

    A read of an order that waits behind another one counts for that other one.
    """
    running = order
    if order.active and not order.started:
        running = next((other for other in world.active_orders(order.application_id) if other.started), order)
    while (phase := running.phase) is not None and phase.length.polls:
        if running.phase_reads < phase.length.polls:
            running.phase_reads += 1
            return
        _end_phase(world, running, now)
    if running is not order and order.started:  # this read let it begin, and is the first to show it
        poll(world, order, now)


def confirm(world: World, order: Order, now: float) -> bool:
    """Release the next batch of a held order; False when it does not wait for anybody."""
    if order.phase is None or not order.phase.until_confirmed:
        return False
    _end_phase(world, order, now)
    return True


def hold(world: World, order: Order, now: float) -> None:
    """Let an active order wait (8) for a confirmation; what runs now starts over after it."""
    # The phase stays in the list behind the new one, so that what ran is done again and not skipped.
    index = order.phase_index
    batch = order.phases[index].batch if index < len(order.phases) else None
    order.phases.insert(index, Phase(OrderStatus.HELD, until_confirmed=True, batch=batch or 0))
    order.batch_type = "Manual"
    if order.started:
        _enter_phase(world, order, index, now)


def end_order(world: World, order: Order, status: int, now: float, error: str = CHANGE_ABORTED) -> None:
    """End an active order early: what is not done fails with `error`, what is done stays done."""
    for target in order.targets:
        if not target.done:
            target.outcome = Outcome(error=error)
    order.scripted_end = status
    _finish(world, order, now)


# ---- events of time ----


def _due_events(world: World, now: float) -> Iterator[_Event]:
    for order in world.active.values():
        if order.phase_ends_at <= now:
            yield order.phase_ends_at, order.number, partial(_end_phase, world, order, order.phase_ends_at)
    for start in world.starting:
        if start.at <= now:
            yield start.at, 0, partial(_come_up, world, start)


def _come_up(world: World, start: Start) -> None:
    world.starting.remove(start)
    application = world.applications.get(start.application_id)
    member = application.members.get(start.ecc_id) if application else None
    if application is None or member is None or member.starts_at != start.at:
        return
    member.starts_at = None
    member.app_state, member.task_state = AppState.RUNNING, TaskState.SUCCESS
    member.updated_at = start.at
    world.observe(application)


# ---- the life of one order ----


def _start(world: World, order: Order, at: float) -> None:
    order.started = True
    _enter_phase(world, order, 0, at)


def _enter_phase(world: World, order: Order, index: int, at: float) -> None:
    order.phase_index, order.phase_since, order.phase_reads = index, at, 0
    if index >= len(order.phases):
        _finish(world, order, at)
        return
    phase = order.phases[index]
    order.show(phase.status, at)
    if phase.status == OrderStatus.RUNNING:
        _work_on(world, order, phase.batch, at, complete=False)
    world.version += 1
    if phase.length.immediate and not phase.until_confirmed:
        _end_phase(world, order, at)


def _end_phase(world: World, order: Order, at: float) -> None:
    phase = order.phases[order.phase_index]
    if phase.completes:
        _work_on(world, order, phase.batch, at, complete=True)
    _enter_phase(world, order, order.phase_index + 1, at)


def _work_on(world: World, order: Order, batch: int | None, at: float, *, complete: bool) -> None:
    """Begin or complete the open tasks of a batch; of all batches when it is None."""
    application = world.applications.get(order.application_id)
    if application is None:
        return
    for target in order.targets:
        if target.done or batch not in (None, target.batch):
            continue
        if complete:
            complete_task(world, order, target, application, at)
        elif target.status == OrderStatus.READY:
            begin_task(world, order, target, application, at)
    world.observe(application)


def _finish(world: World, order: Order, at: float) -> None:
    _work_on(world, order, None, at, complete=True)
    order.finished_at = at
    order.show(_end_of(world, order), at)
    world.active.pop(order.id, None)
    # After the end is shown: with `joiner_visible` at `end` the listing follows the order, never the other way.
    reveal_joiners(world, order, at)
    application = world.applications.get(order.application_id)
    group = application.groups.get(order.group_id) if application else None
    if order.kind is OrderKind.DEPLOY and order.status == OrderStatus.SUCCESS and group is not None:
        mark_deployed(world, group, order)
    if application is not None:
        world.observe(application)
    for waiting in world.active_orders(order.application_id):
        if not waiting.started and not _must_wait(world, waiting):
            _start(world, waiting, at)


def _end_of(world: World, order: Order) -> int:
    if order.scripted_end is not None:
        return order.scripted_end
    failed = sum(target.status == OrderStatus.FAILED for target in order.targets)
    if not failed:
        return OrderStatus.SUCCESS
    partly = failed < len(order.targets) and world.switches.text("partly_failed_order") == "partial"
    return OrderStatus.PARTIAL if partly else OrderStatus.FAILED


def _must_wait(world: World, order: Order) -> bool:
    """Return whether an earlier order is in the way."""
    others = [other for other in world.active_orders(order.application_id) if other.number < order.number]
    if world.switches.text("second_order") == "parallel_per_group":
        others = [other for other in others if other.group_id == order.group_id]
    return bool(others)


def _facts_of(kind: OrderKind, application: Application, group_id: str, targets: list[Target]) -> OrderFacts:
    group = application.groups.get(group_id)
    return OrderFacts(
        kind=kind.word,
        application=(application.id, application.name),
        group=(group_id, group.name if group else ""),
        instances=tuple(name for target in targets for name in (target.instance_id, target.ecu_id)),
    )
