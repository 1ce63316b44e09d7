"""The emulated EDAS on virtual time, and the client through which a process of the simulation asks it.

The law of this file: a call takes time both ways, may be lost on either, may be executed long after its caller
gave up, and its caller may be killed before or after it. What comes back is read by the same code as in
production (``parse.py``, ``failures.py``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from pulumi_edas_scale.domain.clock import Cancelled, DeadlineExceeded
from pulumi_edas_scale.domain.errors import EdasError
from pulumi_edas_scale.edas import parse as answers
from pulumi_edas_scale.edas.client import PATIENT_SECONDS
from pulumi_edas_scale.edas.failures import Answer, TransportError, classify_answer, classify_transport_error
from pulumi_edas_scale.emulator import control
from pulumi_edas_scale.emulator.api.wire import handle
from pulumi_edas_scale.emulator.inputs import InputError
from tests.simulation.scheduler import KilledError, Process, Scheduler, SimRuntime, Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pulumi_edas_scale.domain.clock import OperationContext
    from pulumi_edas_scale.domain.model import (
        Application,
        ApplicationSummary,
        ChangeOrder,
        Cluster,
        ClusterMember,
        Machine,
        OrderReport,
        Page,
    )
    from pulumi_edas_scale.emulator.api.wire import Response
    from pulumi_edas_scale.emulator.world.state import World

WRITES: Final = frozenset(
    {"ScaleOutApplication", "ScaleInApplication", "AbortChangeOrder", "ContinuePipeline"}
)

SLOWEST_CALL: Final = 3.0
"""Seconds. One call in thirty is that slow; the others take some tens of milliseconds."""

CALL_SECONDS: Final = 30.0
"""``callTimeoutSeconds`` at its default."""

ATTENTION_SECONDS: Final = 0.25
"""How often a call that takes its time looks whether its operation goes on."""


class Auditor(Protocol):
    """Who is told of every call."""

    def call_starts(self, process: Process, operation: str) -> None:
        """Look at a call before it travels."""
        ...

    def call_begins(self, caller: Task, operation: str, params: Mapping[str, str]) -> object:
        """Look at the world before the call of a task is executed; what is returned is given back afterwards."""
        ...

    def call_ends(self, before: object, entry: Mapping[str, Any]) -> None:
        """Look at the log line of an executed or refused call."""
        ...

    def call_failed(self, caller: Task, operation: str, params: Mapping[str, str], error: EdasError) -> None:
        """Look at an answer that reached its caller and was not a good one."""
        ...

    def order_told(self, caller: Task, order_id: str) -> None:
        """Take note that a task has learned the id of an order of its own."""
        ...


@dataclass
class Fault:
    """What happens to the n-th call of an operation in one process (of any operation when it is empty).

    ``kind``: ``not_sent`` the connection is refused; ``lost_before`` and ``lost_after`` the answer is lost and the
    call was not, or was, executed; ``late`` it is executed ``seconds`` after its caller gave up; ``kill_before``
    and ``kill_after`` the process dies.
    """

    kind: str
    operation: str = ""
    nth: int = 1
    times: int = 1
    seconds: float = 0.0
    met: int = 0

    def strikes(self, operation: str) -> bool:
        """Count a call and tell whether it is one of those."""
        if self.operation not in {"", operation}:
            return False
        self.met += 1
        return self.nth <= self.met < self.nth + self.times


@dataclass
class SimulatedEdas:
    """One account: the world, the clock and whoever watches."""

    world: World
    scheduler: Scheduler
    auditor: Auditor | None = None
    changed_at: dict[str, float] = field(default_factory=dict)
    outside: Process = field(default_factory=lambda: Process("outside"))

    def act(self, name: str, args: Mapping[str, Any]) -> bool:
        """Let somebody else do something; False when it cannot be done now."""
        before = {app.id: _fingerprint(app) for app in self.world.applications.values()}
        if name in {"hold_order", "abort_order", "confirm_order"} and "application" in args:
            active = self.world.active_orders(str(args["application"]))
            if not active:
                return False
            args = {"order": active[0].id}
        try:
            control.act(self.world, name, args, self.scheduler.now)
        except InputError:
            return False
        for app in self.world.applications.values():
            if before.get(app.id) != _fingerprint(app) or name in {"start_order", "set_start", "abort_order"}:
                self.changed_at[app.id] = self.scheduler.now
        if name in {"online", "offline", "import", "remove_instance"}:
            self.changed_at |= dict.fromkeys(self.world.applications, self.scheduler.now)
        return True

    def execute(self, caller: Task, operation: str, params: Mapping[str, str]) -> Response:
        """Execute the call of a task at this moment, under the eyes of the auditor."""
        seen = self.auditor.call_begins(caller, operation, params) if self.auditor else None
        response = handle(self.world, operation, params, self.scheduler.now)
        if self.auditor:
            self.auditor.call_ends(seen, self.world.log[-1])
        return response


def _fingerprint(app: Any) -> object:  # noqa: ANN401 - the emulator's own class
    members = sorted((each.ecc_id, each.group_id, each.app_state) for each in app.members.values())
    return members, sorted(app.groups), [group.deployed for group in app.groups.values()]


@dataclass
class SimClient:
    """``client.EdasClient`` for one process; every call may be a switch, a loss or the end of the process."""

    edas: SimulatedEdas
    process: Process
    runtime: SimRuntime
    faults: Sequence[Fault] = ()
    begun: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    context: OperationContext | None = None

    def within(self, context: OperationContext) -> SimClient:
        """Return this client for the calls of one operation: they end when it does, as those of the real one."""
        return replace(self, context=context)

    def read_application(self, app_id: str) -> Application:
        """Call QueryApplicationStatus."""
        return answers.parse_application(self._call("QueryApplicationStatus", AppId=app_id), app_id)

    def read_applications(self, page: int = 1, page_size: int | None = None) -> Page[ApplicationSummary]:
        """Call ListApplication."""
        return answers.parse_applications(self._call("ListApplication", **_paging(page, page_size)), page)

    def read_application_states(self, app_ids: Sequence[str]) -> tuple[ApplicationSummary, ...]:
        """Call ListApplication for some applications."""
        body = self._call(
            "ListApplication", AppIds=json.dumps(list(app_ids)), CurrentPage="1", PageSize=str(len(app_ids))
        )
        return answers.parse_applications(body).items

    def read_scale_out_machines(self, cluster_id: str, app_id: str = "") -> tuple[Machine, ...]:
        """Call ListScaleOutEcu."""
        asked = {"ClusterId": cluster_id} if cluster_id else {"AppId": app_id}
        return answers.parse_machines(self._call("ListScaleOutEcu", **asked))

    def read_cluster_members(
        self, cluster_id: str, page: int = 1, page_size: int | None = None
    ) -> Page[ClusterMember]:
        """Call ListClusterMembers."""
        body = self._call("ListClusterMembers", ClusterId=cluster_id, **_paging(page, page_size))
        return answers.parse_cluster_members(body, page)

    def read_cluster(self, cluster_id: str) -> Cluster:
        """Call GetCluster."""
        return answers.parse_cluster(self._call("GetCluster", ClusterId=cluster_id), cluster_id)

    def read_change_orders(self, app_id: str) -> tuple[ChangeOrder, ...]:
        """Call ListRecentChangeOrder."""
        return answers.parse_change_orders(self._call("ListRecentChangeOrder", AppId=app_id))

    def read_change_order(self, order_id: str) -> OrderReport:
        """Call GetChangeOrderInfo."""
        body = self._call("GetChangeOrderInfo", ChangeOrderId=order_id)
        return answers.parse_order_report(body, order_id)

    def submit_scale_out(self, app_id: str, group_id: str, ecu_ids: Sequence[str]) -> str:
        """Call ScaleOutApplication."""
        body = self._call(
            "ScaleOutApplication", AppId=app_id, DeployGroup=group_id, EcuInfo=",".join(ecu_ids)
        )
        return self._told(answers.parse_order_id("ScaleOutApplication", body))

    def submit_scale_in(self, app_id: str, ecc_ids: Sequence[str], *, force: bool) -> str | None:
        """Call ScaleInApplication."""
        params = {"AppId": app_id, "EccInfo": ",".join(ecc_ids)} | ({"ForceStatus": "true"} if force else {})
        body = self._call("ScaleInApplication", **params)
        if not force:
            return self._told(answers.parse_order_id("ScaleInApplication", body))
        order_id = answers.parse_forced_order_id("ScaleInApplication", body)
        return None if order_id is None else self._told(order_id)

    def submit_abort(self, order_id: str) -> None:
        """Call AbortChangeOrder."""
        self._call("AbortChangeOrder", ChangeOrderId=order_id)

    def submit_confirmation(self, pipeline_id: str) -> None:
        """Call ContinuePipeline."""
        self._call("ContinuePipeline", PipelineId=pipeline_id, Confirm="true")

    # -- one call ------------------------------------------------------------------------------------------------

    def _told(self, order_id: str) -> str:
        if self.edas.auditor:
            self.edas.auditor.order_told(self.edas.scheduler.current, order_id)
        return order_id

    def _call(self, operation: str, **params: str) -> object:
        try:
            return self._ask(operation, params)
        except EdasError as error:
            if self.edas.auditor:
                self.edas.auditor.call_failed(self.edas.scheduler.current, operation, params, error)
            raise

    def _ask(self, operation: str, params: dict[str, str]) -> object:
        scheduler = self.edas.scheduler
        self._live()
        assert not self.runtime.held_by(scheduler.current), f"{operation} is called while the monitor is held"
        if self.edas.auditor:
            self.edas.auditor.call_starts(self.process, operation)
        self.begun.append((scheduler.now, operation, params))
        gives_up_at = scheduler.now + self._patience()
        struck = [fault for fault in self.faults if fault.strikes(operation)]
        kinds = {fault.kind: fault for fault in struck}
        if "kill_before" in kinds:
            self._die()
        if "not_sent" in kinds:
            scheduler.sleep(0.01)
            raise classify_transport_error(operation, TransportError.REFUSED, "simulated")
        self._await_answer(operation, self._travel(), gives_up_at, params)
        if "late" in kinds:
            self._execute_later(operation, params, kinds["late"].seconds)
        if "lost_before" in kinds or "late" in kinds:
            raise classify_transport_error(operation, TransportError.INTERRUPTED, "simulated")
        response = self.edas.execute(scheduler.current, operation, params)
        if "kill_after" in kinds:
            self._die()
        self._await_answer(operation, self._travel() + response.delay, gives_up_at)
        if "lost_after" in kinds or response.reset:
            raise classify_transport_error(operation, TransportError.INTERRUPTED, "simulated")
        answer = _answer_of(response)
        error = classify_answer(operation, answer, "simulated")
        if error is not None:
            raise error
        return answer.body

    def _patience(self) -> float:
        """Return how long a call may take, as in ``client.py``."""
        retry_timeout = self.context.retry_timeout if self.context is not None else None
        return (
            CALL_SECONDS if retry_timeout is None else min(CALL_SECONDS, max(retry_timeout, PATIENT_SECONDS))
        )

    def _await_answer(
        self, operation: str, seconds: float, gives_up_at: float, unsent: Mapping[str, str] | None = None
    ) -> None:
        """Let a call travel, unless its operation ends before; what is on its way then is executed all the same."""
        scheduler = self.edas.scheduler
        end = scheduler.now + seconds
        try:
            while (left := end - scheduler.now) > 0:
                scheduler.sleep(min(left, ATTENTION_SECONDS))
                if self.context is not None:
                    self.context.check()
                if scheduler.now >= gives_up_at:
                    raise classify_transport_error(operation, TransportError.TIMED_OUT, "simulated")
        except (Cancelled, DeadlineExceeded, EdasError):
            if unsent is not None:
                self._execute_later(operation, unsent, max(end - scheduler.now, 0.0))
            raise

    def _travel(self) -> float:
        rng = self.edas.scheduler.rng
        return rng.uniform(0.005, 0.06) if rng.random() < 0.97 else rng.uniform(0.06, SLOWEST_CALL)

    def _live(self) -> None:
        if self.process.dead:
            raise KilledError

    def _die(self) -> None:
        self.process.dead = True
        raise KilledError

    def _execute_later(self, operation: str, params: Mapping[str, str], seconds: float) -> None:
        """Execute a call after its caller gave up, even when it lives no more."""
        caller = self.edas.scheduler.current
        self.edas.scheduler.spawn(
            f"late {operation}",
            self.edas.outside,
            lambda: _ignore(self.edas.execute(caller, operation, params)),
            delay=seconds,
        )


def _paging(page: int, page_size: int | None) -> dict[str, str]:
    return {} if page_size is None else {"CurrentPage": str(page), "PageSize": str(page_size)}


def _ignore(_: object) -> None:
    """Drop a result that nobody waits for."""


def _answer_of(response: Response) -> Answer:
    """Return what the SDK would have handed over (see ``edas/sdk.py``)."""
    try:
        body = json.loads(response.body)
    except ValueError:
        return Answer(response.status, None, text=response.body.decode())
    retry_after = response.headers.get("x-acs-retry-after")
    return Answer(response.status, body, retry_after=int(retry_after) / 1000 if retry_after else None)
