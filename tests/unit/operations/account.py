"""One application of EDAS in a few dicts, on virtual time, and an operation that changes it.

The law of this file: it shows what a test put into it and remembers every write; nothing here judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from pulumi_edas_scale.domain.clock import OperationContext
from pulumi_edas_scale.domain.errors import BusinessError, EdasError
from pulumi_edas_scale.domain.model import (
    Application,
    ApplicationSummary,
    ChangeOrder,
    Cluster,
    ClusterMember,
    DeployGroup,
    Listed,
    Machine,
    Member,
    MemberState,
    OrderReport,
    Page,
    Policy,
    Recorded,
    RecordedMember,
    Scope,
    TaskState,
)
from pulumi_edas_scale.operations.observe import Target
from pulumi_edas_scale.operations.outcome import Operation
from pulumi_edas_scale.operations.ownership import Ownership
from pulumi_edas_scale.operations.reconcile import Reconciler
from pulumi_edas_scale.operations.session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pulumi_edas_scale.domain.model import Outcome

APP: Final = "app"
SCOPE: Final = Scope("cn-test", APP, "web")
SUCCESS, FAILED, HELD, RUNNING = 2, 3, 8, 1


@dataclass
class TimedRuntime:
    """One thread on virtual time; what was put ``at`` a moment happens when somebody waits beyond it."""

    moment: float = 1000.0
    events: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        """Free nothing: there is one thread."""

    def now(self) -> float:
        """Return the virtual moment."""
        return self.moment

    def random(self) -> float:
        """Return the middle of all chances."""
        return 0.5

    def wait(self, seconds: float) -> None:
        """Let time pass, and what belongs into it happen."""
        end = self.moment + seconds
        while due := sorted((each for each in self.events if each[0] <= end), key=lambda each: each[0]):
            self.events.remove(due[0])
            self.moment = max(self.moment, due[0][0])
            due[0][1]()
        self.moment = max(self.moment, end)

    def notify(self) -> None:
        """Wake nobody: there is one thread."""

    def after(self, seconds: float, event: Callable[[], object]) -> None:
        """Let something happen later."""
        self.events.append((self.moment + seconds, event))


@dataclass
class SentOrder:
    """One change order of the account."""

    line: ChangeOrder
    ips: frozenset[str]
    ends_at: float
    end: int = SUCCESS
    held: bool = False


@dataclass
class Account:
    """An ``EdasClient`` of one application with the groups ``web`` and ``beta``.

    Attributes:
        runtime: the clock.
        order_seconds: how long an order takes.
        ends: how the next orders end, instead of well.
        answers: what happens to the next writes: an error to raise, and whether the write is executed before.
        listing_lag, leaving_lag: how long after its order a joiner is not listed yet, a leaver is listed still.
        start_states: in which state the next joiners come up, instead of running.
        held: whether orders wait for a confirmation.
        groups: the groups of the application.
        deployed: whether its groups were ever deployed.
        gone: whether the application does not exist any more.
        cluster_type: on which kind of cluster it runs.
        refuse_writes: errors of aborts and of the next confirmation, by operation.
        before_write: what happens just before each of the next writes arrives.
        call_seconds: how long a reading takes; what it shows is that of its end.
        confirmation_lag: for how long an order stays held after its confirmation.
        calls: every call with its moment.
        writes: every write that arrived, in words.
    """

    runtime: TimedRuntime = field(default_factory=TimedRuntime)
    order_seconds: float = 5.0
    ends: list[int] = field(default_factory=list)
    answers: list[tuple[Exception, bool]] = field(default_factory=list)
    listing_lag: float = 0.0
    leaving_lag: float = 0.0
    start_states: dict[str, tuple[MemberState, TaskState]] = field(default_factory=dict)
    held: bool = False
    members: dict[str, Member] = field(default_factory=dict)
    machines: dict[str, Machine] = field(default_factory=dict)
    cluster: dict[str, ClusterMember] = field(default_factory=dict)
    orders: dict[str, SentOrder] = field(default_factory=dict)
    calls: list[tuple[float, str]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    refuse_reads: dict[str, EdasError] = field(default_factory=dict)
    refuse_writes: dict[str, EdasError] = field(default_factory=dict)
    before_write: list[Callable[[], object]] = field(default_factory=list)
    confirmation_lag: float = 0.0
    call_seconds: float = 0.0
    groups: tuple[str, ...] = ("beta", "web")
    deployed: bool = True
    gone: bool = False
    cluster_type: int = 2
    numbers: int = 0

    # -- what a test does --------------------------------------------------------------------------------------------

    def free(self, *names: str) -> Account:
        """Let machines be in the cluster and in no application."""
        for name in names:
            self.machines[f"ecu-{name}"] = Machine(
                f"ecu-{name}", f"i-{name}", f"10.0.0.{ord(name[0])}", "", online=True
            )
        return self

    def running(self, *names: str, group: str = "web") -> Account:
        """Let machines be running members of a group."""
        for name in names:
            self.join(f"ecu-{name}", group)
        return self

    def join(self, ecu_id: str, group: str = "web") -> None:
        """List a machine as a member, under a new ECC."""
        self.numbers += 1
        name = ecu_id.removeprefix("ecu-")
        self.machines.pop(ecu_id, None)
        state, task = self.start_states.get(ecu_id, (MemberState.RUNNING, TaskState.SUCCESS))
        self.members[ecu_id] = Member(
            ecu_id,
            f"i-{name}",
            f"ecc-{self.numbers}",
            f"10.0.0.{ord(name[0])}",
            "",
            group,
            state,
            task,
            online=True,
        )

    def leave(self, ecc_id: str) -> None:
        """Cease to list a placement."""
        for each in [each for each in self.members.values() if each.ecc_id == ecc_id]:
            del self.members[each.ecu_id]
            self.free(each.ecu_id.removeprefix("ecu-"))

    def set_state(self, name: str, state: MemberState, task: TaskState = TaskState.SUCCESS) -> None:
        """Let a member be in a state."""
        self.members[f"ecu-{name}"] = replace(self.members[f"ecu-{name}"], state=state, task=task)

    def start(
        self,
        co_type: str,
        names: Sequence[str],
        *,
        seconds: float,
        held: bool = False,
        end: int = SUCCESS,
        by: str = "colleague",
        effect: Callable[[], object] | None = None,
    ) -> str:
        """Start a change order; its effect happens at its end."""
        order_id = f"order-{len(self.orders) + 1}"
        line = ChangeOrder(
            order_id, "web", RUNNING, co_type, by, f"2026-01-01 {len(self.orders):02}:00:00", co_type
        )
        ips = frozenset(f"10.0.0.{ord(name[0])}" for name in names)
        self.orders[order_id] = SentOrder(line, ips, self.runtime.moment + seconds, end, held)
        if not held:
            self._end_later(order_id, seconds, effect)
        else:
            self.orders[order_id].ends_at = float("inf")
            self._effects[order_id] = effect
        return order_id

    _effects: dict[str, Callable[[], object] | None] = field(default_factory=dict)

    def confirm(self, order_id: str, seconds: float = 1.0) -> None:
        """Confirm a held order, which then ends."""
        order = self.orders[order_id]
        order.held, order.ends_at = False, self.runtime.moment + seconds
        self._end_later(order_id, seconds, self._effects.pop(order_id, None))

    def _end_later(self, order_id: str, seconds: float, effect: Callable[[], object] | None) -> None:
        if effect is not None and self.orders[order_id].end == SUCCESS:
            self.runtime.after(seconds, effect)

    def status(self, order_id: str) -> int:
        """Return EDAS's number for an order."""
        order = self.orders[order_id]
        if order.held:
            return HELD
        return order.end if self.runtime.moment >= order.ends_at else RUNNING

    # -- readings ----------------------------------------------------------------------------------------------------

    def within(self, context: OperationContext) -> Account:
        """Return the client for one operation: no call takes time here."""
        assert context is not None, "no call is without bounds"
        return self

    def _called(self, operation: str) -> None:
        self.calls.append((self.runtime.moment, operation))
        if self.call_seconds:
            self.runtime.wait(self.call_seconds)
        if operation in self.refuse_reads:
            raise self.refuse_reads[operation]

    def read_application(self, app_id: str) -> Application:
        """Return who is listed."""
        self._called("QueryApplicationStatus")
        assert app_id == APP, "there is one application"
        if self.gone:
            raise BusinessError("QueryApplicationStatus", "601", "application not exist")
        groups = tuple(DeployGroup(each, each, self.deployed) for each in self.groups)
        members = tuple(self.members[each] for each in sorted(self.members))
        return Application(app_id, "shop", "cluster", groups, members)

    def read_applications(self, page: int = 1, page_size: int | None = None) -> Page[ApplicationSummary]:
        """Return the one application."""
        self._called("ListApplication")
        del page_size
        known = page == 1 and not self.gone
        return Page((ApplicationSummary(APP, "shop", "cluster", self.cluster_type),) if known else (), 1)

    def read_application_states(self, app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        """Return the one application if it is asked for."""
        self._called("ListApplication")
        return (ApplicationSummary(APP, "shop", "cluster", self.cluster_type),) if APP in app_ids else ()

    def read_scale_out_machines(self, cluster_id: str, app_id: str = "") -> tuple[Machine, ...]:
        """Return the free machines."""
        self._called("ListScaleOutEcu")
        return tuple(self.machines.values()) if cluster_id or app_id else ()

    def read_cluster_members(
        self, cluster_id: str, page: int = 1, page_size: int | None = None
    ) -> Page[ClusterMember]:
        """Return the instances of the cluster."""
        self._called("ListClusterMembers")
        del page_size
        return Page(tuple(self.cluster.values()) if cluster_id and page == 1 else (), len(self.cluster))

    def read_cluster(self, cluster_id: str) -> Cluster:
        """Return the cluster, one of ECS instances."""
        self._called("GetCluster")
        return Cluster(cluster_id, self.cluster_type, present=True)

    def read_change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Return the orders."""
        self._called("ListRecentChangeOrder")
        assert app_id == APP, "there is one application"
        return tuple(replace(each.line, status=self.status(name)) for name, each in self.orders.items())

    def read_change_order(self, order_id: str) -> OrderReport:
        """Return the state of an order."""
        self._called("GetChangeOrderInfo")
        status = self.status(order_id)
        pipeline = f"pipeline-{order_id}" if status == HELD else None
        line = self.orders[order_id].line
        return OrderReport(
            order_id, status, line.description, line.created_by, (), pipeline, self.orders[order_id].ips
        )

    # -- writes ------------------------------------------------------------------------------------------------------

    def submit_scale_out(self, app_id: str, group_id: str, ecu_ids: Sequence[str]) -> str:
        """Start a scale out."""
        assert app_id == APP, "there is one application"
        names = [each.removeprefix("ecu-") for each in ecu_ids]
        self._called("ScaleOutApplication")
        self.writes.append(f"out {' '.join(names)}")

        def joined() -> None:
            for each in ecu_ids:
                self.runtime.after(self.listing_lag, lambda each=each: self.join(each, group_id))  # type: ignore[misc]

        return self._accept("Application Scale Out", names, joined)

    def submit_scale_in(self, app_id: str, ecc_ids: Sequence[str], *, force: bool) -> str | None:
        """Start a scale in."""
        assert app_id == APP, "there is one application"
        names = [each.ecu_id.removeprefix("ecu-") for each in self.members.values() if each.ecc_id in ecc_ids]
        self._called("ScaleInApplication")
        self.writes.append(f"in {' '.join(sorted(names))}{' forced' if force else ''}")

        def left() -> None:
            for each in ecc_ids:
                self.runtime.after(self.leaving_lag, lambda each=each: self.leave(each))  # type: ignore[misc]

        return self._accept("Application Scale In", names, left)

    def _accept(self, co_type: str, names: Sequence[str], effect: Callable[[], object]) -> str:
        if self.before_write:
            self.before_write.pop(0)()
        error, executed = self.answers.pop(0) if self.answers else (None, True)
        order_id = ""
        if executed:
            if any(self.status(each) in {RUNNING, HELD} for each in self.orders):
                raise BusinessError("ScaleOutApplication", "601", "another change order is running")
            end = self.ends.pop(0) if self.ends else SUCCESS
            seconds = self.order_seconds
            order_id = self.start(
                co_type, names, seconds=seconds, held=self.held, end=end, by="us", effect=effect
            )
        if error is not None:
            raise error
        return order_id

    def submit_abort(self, order_id: str) -> None:
        """Abort an order."""
        if "AbortChangeOrder" in self.refuse_writes:
            raise self.refuse_writes["AbortChangeOrder"]
        self.writes.append(f"abort {order_id}")

    def submit_confirmation(self, pipeline_id: str) -> None:
        """Confirm a batch."""
        if "ContinuePipeline" in self.refuse_writes:
            raise self.refuse_writes.pop("ContinuePipeline")
        self.writes.append(f"confirm {pipeline_id.removeprefix('pipeline-')}")
        order_id = pipeline_id.removeprefix("pipeline-")
        self.runtime.after(self.confirmation_lag, lambda: self.confirm(order_id))

    # -- operations --------------------------------------------------------------------------------------------------

    def count(self, operation: str) -> int:
        """Return how often an operation was called."""
        return sum(name == operation for _, name in self.calls)


@dataclass
class Heard:
    """What an operation said."""

    progressed: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def progress(self, text: str) -> None:
        """Keep a status line."""
        self.progressed.append(text)

    def info(self, text: str) -> None:
        """Keep a line."""
        self.progressed.append(text)

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.warned.append(text)


@dataclass
class Stack:
    """Operations on one account, one after the other, as one process runs them."""

    account: Account
    recorded: Recorded = field(default_factory=Recorded)
    heard: Heard = field(default_factory=Heard)
    stopped: list[str] = field(default_factory=list)
    abort_on_stop: bool = False
    ownership: Ownership = field(default_factory=Ownership)

    def session(self) -> Session:
        """Open a session: another process."""
        return open_session(self.account, self.account.runtime, self.ownership)

    def operation(
        self,
        names: Sequence[str],
        *,
        deleting: bool = False,
        **policy: Any,  # noqa: ANN401 - the fields of a Policy
    ) -> Operation:
        """Return a create, update or delete that wants these machines."""
        listed = tuple(Listed(f"instanceIds[{place}]", f"i-{name}") for place, name in enumerate(names))
        target = Target("web", SCOPE, listed, Policy(**policy), self.recorded, deleting)
        runtime = self.account.runtime
        context = OperationContext(runtime, stopped=lambda: self.stopped[0] if self.stopped else None)
        return Operation(self.session(), target, context, self.heard, self.abort_on_stop)

    def up(self, *names: str, **policy: Any) -> Outcome:  # noqa: ANN401 - as above
        """Bring the group to these machines, and record the outcome, of a failure too."""
        return self._run(self.operation(names, **policy))

    def destroy(self, **policy: Any) -> Outcome:  # noqa: ANN401 - as above
        """Delete the membership."""
        return self._run(self.operation((), deleting=True, **policy))

    def _run(self, operation: Operation) -> Outcome:
        from pulumi_edas_scale.operations.outcome import ChangeError  # noqa: PLC0415 - only the failing ones

        try:
            outcome = Reconciler(operation).run()
        except ChangeError as failure:
            if failure.outcome is not None:
                self.recorded = recorded_of(operation, failure.outcome)
            raise
        self.recorded = recorded_of(operation, outcome)
        return outcome


def recorded_of(operation: Operation, outcome: Outcome) -> Recorded:
    """Return what state would say after an operation."""
    return Recorded(
        members=tuple(
            RecordedMember(each.ecu_id, each.instance_id, each.ecc_id, each.ip, each.state, joined)
            for each, joined in outcome.members
        ),
        listed=operation.target.listed,
        change_order_ids=outcome.change_order_ids,
        unsettled=outcome.unsettled,
        cluster_id=outcome.cluster_id,
        group_name=outcome.group_name,
        policy=operation.target.policy,
    )
