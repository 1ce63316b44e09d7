"""The emulated EDAS itself: what exists, and how change orders change it as time passes.

The laws of this file: no I/O, no clock, no randomness. Every method that depends on the time takes `now` in seconds;
`advance(now)` carries out what time alone has brought about, in the order in which it happened, so that the same
history always leads to the same world. One ECU serves one application; a member gets a new ECC id at each join.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pulumi_edas_scale.emulator.durations import parse_duration
from pulumi_edas_scale.emulator.entities import (
    AccessKey,
    Application,
    AppState,
    Cluster,
    Ecu,
    Group,
    Member,
    Order,
    OrderKind,
    OrderStatus,
    Outcome,
    Phase,
    Target,
    TaskState,
)
from pulumi_edas_scale.emulator.faults import OrderFacts, RuleBook
from pulumi_edas_scale.emulator.identifiers import Identifiers, shaped
from pulumi_edas_scale.emulator.refusals import NotFound
from pulumi_edas_scale.emulator.scripts import AGENT_OFFLINE, CHANGE_ABORTED, OrderScript, phases_of
from pulumi_edas_scale.emulator.switches import Switches

if TYPE_CHECKING:
    from pulumi_edas_scale.emulator.entities import AccessKey as _AccessKey  # noqa: F401

# An emulator may run for weeks on a laptop; these bound its memory far above what a test run needs.
MAX_ORDERS = 10_000
MAX_LOG_ENTRIES = 100_000


class World:
    """Everything one account owns in one region, plus the emulator's switches, rules and request log."""

    def __init__(
        self, region: str, access_keys: Iterable[AccessKey], switches: Switches | None = None
    ) -> None:
        """Make an empty world."""
        self.region = region
        self.access_keys: dict[str, AccessKey] = {key.id: key for key in access_keys}
        self.switches = switches or Switches()
        self.clusters: dict[str, Cluster] = {}
        self.applications: dict[str, Application] = {}
        self.orders: dict[str, Order] = {}
        self.ids = Identifiers()
        self.rules = RuleBook()
        self.log: deque[dict[str, Any]] = deque(maxlen=MAX_LOG_ENTRIES)
        self.calls_made: Counter[str] = Counter()  # for the numbers in the log and the limits
        self.recent_calls: dict[str, deque[float]] = {}  # operation to moments within the limit window
        self.breaches: Counter[str] = Counter()
        self.version = 0  # grows with every change; a page compares it
        self._active: dict[str, Order] = {}
        self._starting: list[tuple[float, str, str]] = []  # moment, application id, ECC id
        self._lowest_running: dict[tuple[str, str], int] = {}

    # ---- reading ----------------------------------------------------------------------------------------------

    def application(self, application_id: str) -> Application:
        """Return an application.

        Raises:
            NotFound: there is none of that id.
        """
        return _found(self.applications, "Application", application_id)

    def cluster(self, cluster_id: str) -> Cluster:
        """Return a cluster, or raise NotFound."""
        return _found(self.clusters, "Cluster", cluster_id)

    def order(self, order_id: str) -> Order:
        """Return a change order, or raise NotFound."""
        return _found(self.orders, "ChangeOrder", order_id)

    def ecu(self, ecu_id: str) -> Ecu | None:
        """Return a machine by its ECU id, in any cluster, or None."""
        return next(
            (cluster.ecus[ecu_id] for cluster in self.clusters.values() if ecu_id in cluster.ecus), None
        )

    def machines(self) -> Iterator[Ecu]:
        """Yield every machine of every cluster."""
        for cluster in self.clusters.values():
            yield from cluster.ecus.values()

    def owner_of(self, ecu_id: str) -> Application | None:
        """Return the application that uses an ECU, or None."""
        return next((app for app in self.applications.values() if app.member_on(ecu_id)), None)

    def owner_of_member(self, ecc_id: str) -> Application | None:
        """Return the application an ECC belongs to, or None."""
        return next((app for app in self.applications.values() if ecc_id in app.members), None)

    def machine_of(self, member: Member, application: Application) -> Ecu:
        """Return the machine a member is on, also after it was removed from the cluster."""
        known = self.clusters[application.cluster_id].ecus.get(member.ecu_id) or self.ecu(member.ecu_id)
        return known or _removed_machine(member.ecu_id, application.cluster_id)

    def app_state(self, member: Member, application: Application) -> AppState:
        """Return the AppState EDAS shows: agent off for a machine that is offline."""
        online = self.machine_of(member, application).online
        return member.app_state if online else AppState.AGENT_OFF

    def is_running(self, member: Member, application: Application) -> bool:
        """Tell whether a member serves."""
        return self.app_state(member, application) == AppState.RUNNING

    def active_orders(self, application_id: str) -> list[Order]:
        """Return the orders of an application that have not ended, oldest first."""
        return [order for order in self._active.values() if order.application_id == application_id]

    def orders_of(self, application_id: str) -> list[Order]:
        """Return every order of an application, oldest first."""
        return [order for order in self.orders.values() if order.application_id == application_id]

    def lowest_running(self, application_id: str, group_id: str) -> int:
        """Return the smallest number of running members the group had since the last reset."""
        return self._lowest_running.get((application_id, group_id), 0)

    def reset_lowest_running(self) -> None:
        """Forget the past minima; the present numbers are the new ones."""
        self._lowest_running.clear()
        for application in self.applications.values():
            self.observe(application)

    def observe(self, application: Application) -> None:
        """Note the present numbers of running members; to be called after every change of an application."""
        self.version += 1
        for group_id in application.groups:
            running = sum(self.is_running(member, application) for member in application.members_of(group_id))
            key = (application.id, group_id)
            self._lowest_running[key] = min(running, self._lowest_running.get(key, running))

    # ---- time -------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Carry out everything that time alone has brought about until `now`, in its order."""
        while True:
            due = min(self._due_events(now), key=lambda event: event[:2], default=None)
            if due is None:
                break
            due[2]()
        for application in self.applications.values():
            if application.departed:
                application.departed = [member for member in application.departed if member.listed(now)]

    def _due_events(self, now: float) -> Iterator[tuple[float, int, Callable[[], None]]]:
        for order in self._active.values():
            if order.phase_ends_at <= now:
                yield (
                    order.phase_ends_at,
                    order.number,
                    lambda order=order: self._end_phase(order, order.phase_ends_at),
                )  # type: ignore[misc]
        for start in self._starting:
            if start[0] <= now:
                yield start[0], 0, lambda start=start: self._come_up(start)  # type: ignore[misc]

    def _come_up(self, start: tuple[float, str, str]) -> None:
        self._starting.remove(start)
        moment, application_id, ecc_id = start
        application = self.applications.get(application_id)
        member = application.members.get(ecc_id) if application else None
        if application is None or member is None or member.starts_at != moment:
            return
        member.starts_at = None
        member.app_state, member.task_state = AppState.RUNNING, TaskState.SUCCESS
        member.updated_at = moment
        self.observe(application)

    # ---- change orders ----------------------------------------------------------------------------------------

    def open_order(  # noqa: PLR0913 - everything an order is made of
        self,
        kind: OrderKind,
        application: Application,
        group_id: str,
        targets: list[Target],
        now: float,
        *,
        source: str = "pop",
        script: OrderScript | None = None,
        destination_group_id: str = "",
    ) -> Order:
        """Create a change order and start it, unless another order of the application is active.

        Args:
            kind: what it does to its targets.
            application: the application it changes.
            group_id: the deploy group it is of.
            targets: the instances it works on, in order; their batches and outcomes are set here.
            now: the moment of acceptance.
            source: `pop` for the API, `console` for an order of other people.
            script: how it runs; None asks the rules, then the switch `order_duration`.
            destination_group_id: where a change of group leads to.
        """
        number = self.ids.next_number("order")
        if script is None:
            script = (
                self.rules.script_for(self._facts_of(kind, application, group_id, targets)) or OrderScript()
            )
        _distribute(targets, script)
        order = Order(
            id=shaped("order", number),
            number=number,
            kind=kind,
            application_id=application.id,
            group_id=group_id,
            created_at=now,
            source=source,
            phases=phases_of(script, parse_duration(self.switches.as_json()["order_duration"])),
            targets=targets,
            batch_count=script.batches,
            batch_type=script.batch_type,
            scripted_end=script.end,
            destination_group_id=destination_group_id,
        )
        order.show(OrderStatus.READY, now)
        self._keep(order)
        if not self._must_queue(order):
            self._start(order, now)
        self.observe(application)
        return order

    def poll(self, order: Order, now: float) -> None:
        """Count one read of an order; a phase that is measured in polls may end by it.

        A read of an order that waits behind another one counts for that other one.
        """
        running = order
        if order.active and not order.started:
            running = next(
                (other for other in self.active_orders(order.application_id) if other.started), order
            )
        while (phase := running.phase) is not None and phase.length.polls:
            if running.phase_reads < phase.length.polls:
                running.phase_reads += 1
                return
            self._end_phase(running, now)

    def confirm(self, order: Order, now: float) -> bool:
        """Release the next batch of a held order; False when it does not wait for anybody."""
        if order.phase is None or not order.phase.until_confirmed:
            return False
        self._end_phase(order, now)
        return True

    def end_order(self, order: Order, status: int, now: float, error: str = CHANGE_ABORTED) -> None:
        """End an active order early: what is not done fails with `error`, what is done stays done."""
        for target in order.targets:
            if target.status in (OrderStatus.READY, OrderStatus.RUNNING):
                target.outcome = Outcome(error=error)
        order.scripted_end = status
        self._finish(order, now)

    def reopen(self, order: Order, now: float) -> None:
        """Let an order that ended badly work once more on the targets that failed."""
        for target in order.targets:
            if target.status == OrderStatus.FAILED:
                target.status, target.error, target.outcome = OrderStatus.READY, "", Outcome()
                target.finished_at = None
        length = parse_duration(self.switches.as_json()["order_duration"])
        order.phases = [Phase(OrderStatus.RUNNING, length, completes=True)]
        order.scripted_end = None
        order.finished_at = None
        order.started = False
        self._active[order.id] = order
        self._start(order, now)

    def remove_member(self, application: Application, ecc_id: str, now: float, lag: float = 0.0) -> None:
        """Let a member leave at once; it is listed for `lag` seconds more."""
        member = application.members.pop(ecc_id)
        machine = self.ecu(member.ecu_id)
        if machine is not None:
            machine.freed_at = now
        if lag:
            member.listed_until = now + lag
            application.departed.append(member)
        self.observe(application)

    def _facts_of(
        self, kind: OrderKind, application: Application, group_id: str, targets: list[Target]
    ) -> OrderFacts:
        group = application.groups.get(group_id)
        return OrderFacts(
            kind=kind.word,
            application=(application.id, application.name),
            group=(group_id, group.name if group else ""),
            instances=tuple(name for target in targets for name in (target.instance_id, target.ecu_id)),
        )

    def _keep(self, order: Order) -> None:
        self._active[order.id] = order
        self.orders[order.id] = order
        if len(self.orders) > MAX_ORDERS:
            oldest = next((old for old in self.orders.values() if not old.active), None)
            if oldest is not None:
                del self.orders[oldest.id]

    def _must_queue(self, order: Order) -> bool:
        others = [other for other in self.active_orders(order.application_id) if other is not order]
        if self.switches.text("second_order") == "parallel_per_group":
            others = [other for other in others if other.group_id == order.group_id]
        return bool(others)

    def _start(self, order: Order, at: float) -> None:
        order.started = True
        self._enter_phase(order, 0, at)

    def _enter_phase(self, order: Order, index: int, at: float) -> None:
        order.phase_index, order.phase_since, order.phase_reads = index, at, 0
        if index >= len(order.phases):
            self._finish(order, at)
            return
        phase = order.phases[index]
        order.show(phase.status, at)
        if phase.status == OrderStatus.RUNNING:
            self._begin_batch(order, phase.batch, at)
        if phase.length.immediate and not phase.until_confirmed:
            self._end_phase(order, at)

    def _end_phase(self, order: Order, at: float) -> None:
        phase = order.phases[order.phase_index]
        if phase.completes:
            self._complete_batch(order, phase.batch, at)
        self._enter_phase(order, order.phase_index + 1, at)

    def _begin_batch(self, order: Order, batch: int | None, at: float) -> None:
        application = self.applications.get(order.application_id)
        if application is None:
            return
        for target in order.targets:
            if target.status == OrderStatus.READY and batch in (None, target.batch):
                self._begin(order, target, application, at)
        self.observe(application)

    def _begin(self, order: Order, target: Target, application: Application, at: float) -> None:
        target.status, target.started_at = OrderStatus.RUNNING, at
        member = application.members.get(target.ecc_id)
        if member is None:
            return
        target.state_before = member.app_state
        member.task_state, member.updated_at = TaskState.PROCESSING, at
        stops = order.kind in (OrderKind.SCALE_IN, OrderKind.STOP)
        agent_works = self.machine_of(member, application).online and target.outcome.error is None
        if stops and agent_works and self.switches.text("leaver_stops") == "early":
            member.app_state = AppState.STOPPED

    def _complete_batch(self, order: Order, batch: int | None, at: float) -> None:
        application = self.applications.get(order.application_id)
        if application is None:
            return
        for target in order.targets:
            if target.status in (OrderStatus.READY, OrderStatus.RUNNING) and batch in (None, target.batch):
                self._complete(order, target, application, at)
        self.observe(application)

    def _complete(self, order: Order, target: Target, application: Application, at: float) -> None:
        member = application.members.get(target.ecc_id)
        target.error = target.outcome.error or ""
        if member is not None and not target.error and not self.machine_of(member, application).online:
            target.error = AGENT_OFFLINE
        target.status = OrderStatus.FAILED if target.error else OrderStatus.SUCCESS
        target.started_at = at if target.started_at is None else target.started_at
        target.finished_at = at
        if member is None:
            return
        member.updated_at = at
        if target.error:
            self._task_failed(order, target, member, application, at)
        else:
            self._task_succeeded(order, target, member, application, at)

    def _task_succeeded(
        self, order: Order, target: Target, member: Member, application: Application, at: float
    ) -> None:
        if order.kind is OrderKind.SCALE_IN:
            self.remove_member(application, member.ecc_id, at, self.switches.number("scale_in_lag"))
            return
        if order.kind is OrderKind.DEPLOY:
            self._mark_deployed(application.groups[member.group_id], order)
        if order.kind is OrderKind.STOP:
            member.app_state, member.task_state = AppState.STOPPED, TaskState.SUCCESS
        elif order.kind is OrderKind.CHANGE_GROUP:
            member.group_id, member.task_state = order.destination_group_id, TaskState.SUCCESS
        else:
            self._start_member(target, member, application, at)

    def _start_member(self, target: Target, member: Member, application: Application, at: float) -> None:
        """Bring a member up as its machine and its group allow: what was never deployed stays stopped."""
        machine = self.machine_of(member, application)
        deployed = application.groups[member.group_id].deployed
        member.app_state = machine.start_state if deployed else AppState.STOPPED
        member.task_state = machine.start_task_state if deployed else TaskState.SUCCESS
        if target.outcome.app_state is not None:
            member.app_state = target.outcome.app_state
        if target.outcome.task_state is not None:
            member.task_state = target.outcome.task_state
        delay = self.switches.number("start_delay")
        if delay and member.app_state == AppState.RUNNING:
            member.app_state, member.task_state = AppState.STOPPED, TaskState.PROCESSING
            member.starts_at = at + delay
            self._starting.append((at + delay, application.id, member.ecc_id))

    def _task_failed(
        self, order: Order, target: Target, member: Member, application: Application, at: float
    ) -> None:
        if order.kind is OrderKind.SCALE_OUT and self.switches.text("failed_joiner") == "leaves":
            self.remove_member(application, member.ecc_id, at)
            return
        joins = order.kind in (OrderKind.SCALE_OUT, OrderKind.DEPLOY, OrderKind.START)
        member.app_state = AppState.STOPPED if joins else target.state_before
        member.task_state = TaskState.FAILED
        if target.outcome.app_state is not None:
            member.app_state = target.outcome.app_state
        if target.outcome.task_state is not None:
            member.task_state = target.outcome.task_state

    def _mark_deployed(self, group: Group, order: Order) -> None:
        if not group.deployed:
            group.app_version_id = f"changeorder_{order.number:08d}"
            group.package_version_id = self.ids.next("package")

    def _finish(self, order: Order, at: float) -> None:
        self._complete_batch(order, None, at)
        order.finished_at = at
        order.show(self._end_of(order), at)
        self._active.pop(order.id, None)
        self._reveal_joiners(order, at)
        if order.kind is OrderKind.DEPLOY and order.status == OrderStatus.SUCCESS:
            self._deploy_empty_group(order)
        self.version += 1
        waiting = self.active_orders(order.application_id)
        if waiting and not any(other.started for other in waiting):
            self._start(waiting[0], at)

    def _deploy_empty_group(self, order: Order) -> None:
        application = self.applications.get(order.application_id)
        group = application.groups.get(order.group_id) if application else None
        if group is not None:
            self._mark_deployed(group, order)

    def _end_of(self, order: Order) -> int:
        if order.scripted_end is not None:
            return order.scripted_end
        failed = sum(target.status == OrderStatus.FAILED for target in order.targets)
        if not failed:
            return OrderStatus.SUCCESS
        partly = failed < len(order.targets) and self.switches.text("partly_failed_order") == "partial"
        return OrderStatus.PARTIAL if partly else OrderStatus.FAILED

    def _reveal_joiners(self, order: Order, at: float) -> None:
        application = self.applications.get(order.application_id)
        if application is None or order.kind is not OrderKind.SCALE_OUT:
            return
        _, _, lag = self.switches.text("joiner_visible").partition(":")
        for target in order.targets:
            member = application.members.get(target.ecc_id)
            if member is not None and member.visible_at == math.inf:
                member.visible_at = at + float(lag or 0)


def _found(things: Mapping[str, Any], entity: str, identifier: str) -> Any:  # noqa: ANN401 - one lookup for three kinds
    thing = things.get(identifier)
    if thing is None:
        raise NotFound(entity, identifier)
    return thing


def _distribute(targets: list[Target], script: OrderScript) -> None:
    for index, target in enumerate(targets):
        target.batch = index * script.batches // len(targets)
        target.outcome = script.outcome_of(target.instance_id, target.ecu_id)


def _removed_machine(ecu_id: str, cluster_id: str) -> Ecu:
    """Stand in for a machine that was removed from its cluster while a member was on it."""
    return Ecu(
        ecu_id=ecu_id,
        instance_id="",
        cluster_id=cluster_id,
        ip="",
        public_ip="",
        zone="",
        name="",
        created_at=0.0,
        online=False,
    )
