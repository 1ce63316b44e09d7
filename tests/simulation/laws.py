"""The laws of a membership, held against the emulator's own truth while a history runs.

The law of this file: it looks and never touches. It knows what every operation wants and what its state said
before, and compares with the world itself, never with what the provider was told. What other people did less
than a reading ago nobody could have known: such moments are left out, and only such moments.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pulumi_edas_scale.domain.clock import CANCELLED
from pulumi_edas_scale.emulator.world.entities import AppState, OrderKind, TaskState
from pulumi_edas_scale.emulator.world.identifiers import part_of
from pulumi_edas_scale.emulator.world.operations import BATCH_DIGITS
from tests.simulation.conduct import Conduct, Stood

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pulumi_edas_scale.domain.errors import EdasError
    from pulumi_edas_scale.emulator.world.entities import Application, Member
    from tests.simulation.edas import SimulatedEdas
    from tests.simulation.scheduler import Process, Task

SCALING: Final = {"ScaleOutApplication": "EcuInfo", "ScaleInApplication": "EccInfo"}
STEERING: Final = frozenset({"AbortChangeOrder", "ContinuePipeline"})
WRITES: Final = frozenset({*SCALING, *STEERING})

UNKNOWABLE_SECONDS: Final = 16.0
"""A shared reading may be ten seconds old, and calls travel: younger changes by others could not be known."""


LISTED_SECONDS: Final = 10.0
"""The orders are listed right before a write is decided: an end that is older is known, however the listing lags."""


class LawBrokenError(AssertionError):
    """A law of DESIGN section 3 was broken; the message begins with its number."""


def ecu_of(listed_id: str) -> str:
    """Return the ECU id of an id of either spelling; the machines of the simulation are named alike."""
    return listed_id.replace("i-", "ecu-", 1) if listed_id.startswith("i-") else listed_id


class Claimed(NamedTuple):
    """What a Check of another resource of the run has told, and when it was over."""

    group_id: str
    ecus: frozenset[str]
    moment: float


@dataclass
class Doing:
    """One create, update or delete while it runs."""

    kind: str
    urn: str
    process: Process
    app_id: str
    group_id: str
    desired: frozenset[str]
    managed: frozenset[str]
    claims: Mapping[str, Claimed]
    settled: Mapping[str, str]
    exclusive: bool
    min_running: int
    waits_for_running: bool
    batch_size: int
    max_removals: int | None
    conduct: Conduct
    outs: Counter[str] = field(default_factory=Counter)
    out_at: dict[str, float] = field(default_factory=dict)
    ins: Counter[str] = field(default_factory=Counter)
    repaired: set[str] = field(default_factory=set)

    def claimed(self, sent_at: float) -> frozenset[str]:
        """Return what other resources had claimed in the group when a call was sent."""
        return frozenset(
            ecu
            for urn, claim in self.claims.items()
            if claim.group_id == self.group_id
            and (urn != self.urn or self.deleting)
            and claim.moment < sent_at
            for ecu in claim.ecus
        )

    @property
    def deleting(self) -> bool:
        """Whether the floor and ``exclusive`` do not apply."""
        return self.kind == "delete"


@dataclass
class _Seen:
    """What was true when a call was let in."""

    operation: str
    params: Mapping[str, str]
    doing: Doing | None
    targets: tuple[tuple[str, str, str, bool, bool], ...]  # ecu, ecc, group, running, broken
    present: frozenset[str]
    running: int
    quiet: bool
    sent_at: float
    late: bool
    busy: frozenset[str]


@dataclass
class Laws:
    """The auditor of one history."""

    edas: SimulatedEdas
    doing: dict[Task, Doing] = field(default_factory=dict)
    sent_at: dict[Task, float] = field(default_factory=dict)
    sent_by_the_dead: dict[str, float] = field(default_factory=dict)
    stopped: dict[Process, str] = field(default_factory=dict)
    aborting: set[Process] = field(default_factory=set)
    lonely: bool = True  # whether one process at a time uses the account
    broken: list[str] = field(default_factory=list)
    _listed_until: dict[tuple[str, str], float] = field(default_factory=dict)
    submissions: list[str] = field(default_factory=list)

    # -- asked by SimulatedEdas ----------------------------------------------------------------------------------

    def call_starts(self, process: Process, operation: str) -> None:
        """Look at a call before it travels: after the stop sign nothing is sent but the abort."""
        task, now = self.edas.scheduler.current, self.edas.scheduler.now
        if operation in SCALING:  # the same task reads on while what it sent is late
            self.sent_at[task] = now
        if process in self.stopped and operation in WRITES - {"AbortChangeOrder"}:
            self._broken(7, f"{process.name} sends {operation} after its stop sign")
        doing = self.doing.get(task)
        if doing is not None:
            self._note(17, doing, doing.conduct.call(operation, now))

    def call_begins(self, caller: Task, operation: str, params: Mapping[str, str]) -> _Seen | None:
        """Look at the world before a call is executed."""
        for seen in self.edas.world.applications.values():
            self._listed_until |= {(seen.id, each.ecu_id): each.listed_until for each in seen.departed}
            # Whoever goes without a lag was listed at the last call that found it.
            self._listed_until |= {
                (seen.id, each.ecu_id): self.edas.scheduler.now for each in seen.members.values()
            }
        if operation in STEERING:
            self._judge_steering(caller, operation, params)
        if operation not in SCALING:
            return None
        ids = [each for each in params.get(SCALING[operation], "").split(",") if each]
        if not ids:
            self._broken(9, f"{operation} with an empty {SCALING[operation]}")
        app = self.edas.world.applications.get(params["AppId"])
        if app is None:
            return None
        return self._seen(app, operation, params, ids, caller)

    def _seen(
        self, app: Application, operation: str, params: Mapping[str, str], ids: list[str], caller: Task
    ) -> _Seen:
        doing = self.doing.get(caller)
        world = self.edas.world
        members = [app.members[each] for each in ids if each in app.members]
        group_id = params.get("DeployGroup") or (doing.group_id if doing else "")
        group = app.members_of(group_id)
        busy = {
            target.ecu_id
            for order in world.active_orders(app.id)
            for target in order.targets
            if order.source == "pop" and order.kind in {OrderKind.SCALE_OUT, OrderKind.SCALE_IN}
        }
        return _Seen(
            operation,
            dict(params),
            doing,
            tuple(
                (each.ecu_id, each.ecc_id, each.group_id, world.is_running(each, app), _is_broken(each))
                for each in members
            ),
            frozenset(each.ecu_id for each in group),
            sum(world.is_running(each, app) for each in group),
            self.is_quiet(app.id, orders_known_after=LISTED_SECONDS),
            self.sent_at.get(caller, 0.0),
            self.edas.scheduler.current is not caller,
            frozenset(busy),
        )

    def call_ends(self, before: object, entry: Mapping[str, Any]) -> None:
        """Judge a write that was accepted."""
        if not isinstance(before, _Seen) or not entry["executed"] or before.doing is None:
            return
        order_id = entry["changeOrderId"]
        forced = before.params.get("ForceStatus") == "true"
        if order_id is None and not (forced and entry["operation"] == "ScaleInApplication"):
            return
        if order_id is None and str(entry["code"]) not in {"200", "reset", "body"}:
            return
        moment = f"{self.edas.scheduler.now:8.1f}"
        ids = before.params[SCALING[before.operation]]
        self.submissions.append(f"{moment} {before.doing.urn} {before.doing.kind}: {before.operation} {ids}")
        self._judge_pause(before, before.doing, order_id)
        if len(ids.split(",")) > before.doing.batch_size:
            self._note(2, before.doing, f"sends {ids}, batchSize is {before.doing.batch_size}")
        if before.operation == "ScaleOutApplication":
            self._judge_scale_out(before, before.doing)
        else:
            self._judge_scale_in(before, before.doing)

    def call_failed(self, caller: Task, operation: str, params: Mapping[str, str], error: EdasError) -> None:
        """Judge a call whose answer was not a good one: none is repeated without a bound."""
        doing = self.doing.get(caller)
        if doing is not None:
            idle = not self.edas.world.active_orders(doing.app_id)
            self._note(15, doing, doing.conduct.fail_call(operation, params, error, idle=idle))

    def order_told(self, caller: Task, order_id: str) -> None:
        """Take note of the id that EDAS has returned to a call of an operation."""
        if caller in self.doing:
            self.doing[caller].conduct.told.add(order_id)

    # -- asked by the stack --------------------------------------------------------------------------------------

    def line_said(self, task: Task, line: str) -> None:
        """Take note of a status line of an operation."""
        doing = self.doing.get(task)
        if doing is not None:
            doing.conduct.say(line, self.edas.scheduler.now, self._stood(doing))

    def operation_ends(self, doing: Doing, error: BaseException | None) -> None:
        """Judge the time that an operation took."""
        for wrong in doing.conduct.ended(self.edas.scheduler.now, str(error or ""), self._stood(doing)):
            self._note(14, doing, wrong)

    def _stood(self, doing: Doing) -> Stood:
        """Return whether the join clock had to stand still since the last line of an operation."""
        since = doing.conduct.said_at
        orders = self.edas.world.orders_of(doing.app_id)
        starting = [
            each.task_state == TaskState.PROCESSING
            for ecu, each in self.members(doing.app_id, doing.group_id).items()
            if ecu in doing.desired and each.app_state != AppState.RUNNING
        ]
        return Stood(
            perhaps=any(each.active or (each.finished_at or 0.0) >= since for each in orders),
            surely=any(each.active and each.created_at <= since for each in orders),
            some_start=any(starting),
            all_start=bool(starting) and all(starting),
        )

    def _note(self, law: int, doing: Doing, wrong: str | None) -> None:
        if wrong is not None:
            self._broken(law, f"{doing.urn} {doing.kind} {wrong}")

    # -- the laws ------------------------------------------------------------------------------------------------

    def _judge_scale_out(self, seen: _Seen, doing: Doing) -> None:
        ecus = seen.params["EcuInfo"].split(",")
        # What a process that has died had sent may arrive after the next one has done the same; nobody can know.
        alive = not (seen.late and doing.process.dead)
        now = self.edas.scheduler.now
        if not alive:
            self.sent_by_the_dead |= dict.fromkeys(ecus, now)
        for ecu in ecus:
            if ecu not in seen.present and self.edas.changed_at.get(doing.app_id, -1e9) > doing.out_at.get(
                ecu, now
            ):
                doing.outs[ecu] = (
                    0  # other people may have taken it out again, and the program still lists it
                )
            doing.outs[ecu] += 1
            doing.out_at[ecu] = now
            if ecu not in doing.desired:
                self._broken(1, f"{doing.urn} scales out {ecu}, which nobody listed")
            if ecu in seen.busy and self.lonely and alive:
                self._broken(7, f"{doing.urn} scales out {ecu} while an order for it is active")
            alone = alive and now - self.sent_by_the_dead.get(ecu, -LISTED_SECONDS) >= LISTED_SECONDS
            if ecu in seen.present and self.is_quiet(doing.app_id) and self.lonely and alone:
                self._broken(2, f"{doing.urn} scales out {ecu}, which is a member")
            if doing.outs[ecu] > 1 + (ecu in doing.repaired):
                self._broken(7, f"{doing.urn} has {ecu} scaled out {doing.outs[ecu]} times in one operation")
        if seen.params["DeployGroup"] != doing.group_id:
            self._broken(1, f"{doing.urn} scales out into another group")

    def _judge_pause(self, seen: _Seen, doing: Doing, order_id: str | None) -> None:
        """Hold that ``batchPauseSeconds`` lie between the end of an order and the next one."""
        # An order whose answer was lost has shown its effect, perhaps before its end, and its id is not known.
        known = doing.conduct.told.intersection(doing.conduct.orders)
        before = [self.edas.world.orders[each] for each in known]
        ended = max((each.finished_at or 0.0 for each in before), default=0.0)
        gap = self.edas.scheduler.now - ended
        if not seen.late and gap < doing.conduct.pause:
            self._broken(
                3, f"{doing.urn} pauses for {gap:.1f} s, batchPauseSeconds is {doing.conduct.pause:g}"
            )
        if order_id is not None:
            doing.conduct.wrote(order_id)

    def _judge_steering(self, caller: Task, operation: str, params: Mapping[str, str]) -> None:
        """Hold that only an order of ours is confirmed or aborted, and only where somebody asked for it (law 12)."""
        doing = self.doing.get(caller)
        if doing is None:
            self._broken(12, f"{operation} outside an operation")
            return
        conduct, process = doing.conduct, doing.process
        if operation == "AbortChangeOrder":
            order_id, ours = params["ChangeOrderId"], conduct.told
            asked = process in self.aborting and self.stopped.get(process) == CANCELLED
        else:
            order_id = self._order_of(params["PipelineId"])
            ours, asked = conduct.told | conduct.recorded_orders, conduct.confirms
        if order_id not in ours:
            self._broken(12, f"{doing.urn} sends {operation} for {order_id}, which is not its own")
        if not asked:
            self._broken(12, f"{doing.urn} sends {operation}, which nobody asked for")

    def _order_of(self, pipeline_id: str) -> str:
        return next(
            each.id
            for each in self.edas.world.orders.values()
            for batch in range(each.batch_count)
            if part_of(each.id, BATCH_DIGITS, batch) == pipeline_id
        )

    def _judge_scale_in(self, seen: _Seen, doing: Doing) -> None:
        quiet = self.is_quiet(doing.app_id)
        for ecu, ecc, group_id, _, broken in seen.targets:
            doing.ins[ecu] += 1
            if ecu in doing.desired:
                self._judge_repair(doing, ecu, ecc, broken=broken, quiet=quiet)
            elif ecu not in doing.managed and (not doing.exclusive or doing.deleting):
                self._broken(4, f"{doing.urn} scales in {ecu}, which is foreign to it")
            if group_id != doing.group_id and quiet:
                self._broken(4, f"{doing.urn} scales in {ecu} of another group, {group_id}")
            if ecu in doing.claimed(seen.sent_at):
                self._broken(4, f"{doing.urn} scales in {ecu}, which another membership claims")
            if ecu in seen.busy and self.lonely:
                self._broken(7, f"{doing.urn} scales in {ecu} while an order for it is active")
            if doing.ins[ecu] > 1 + (ecu in doing.repaired):
                self._broken(7, f"{doing.urn} has {ecu} scaled in {doing.ins[ecu]} times in one operation")
        self._judge_joiners(seen, doing)
        self._judge_leavers(seen, doing)
        taken = sum(running for _, _, _, running, _ in seen.targets)
        left = seen.running - taken
        if taken and not doing.deleting and seen.quiet and self.lonely and left < doing.min_running:
            self._broken(3, f"{doing.urn} leaves {left} running, minRunning is {doing.min_running}")

    def _judge_leavers(self, seen: _Seen, doing: Doing) -> None:
        """Hold ``maxRemovals`` for the whole change, and that nobody who runs leaves before those who do not."""
        removed = doing.ins.keys() - doing.desired
        if doing.max_removals is not None and not doing.deleting and len(removed) > doing.max_removals:
            self._note(4, doing, f"removes {sorted(removed)}, maxRemovals is {doing.max_removals}")
        if not any(running for ecu, _, _, running, _ in seen.targets if ecu not in doing.desired):
            return
        app = self.edas.world.applications[doing.app_id]
        down = {
            ecu
            for ecu, member in self.members(doing.app_id, doing.group_id).items()
            if ecu in doing.managed - doing.desired - doing.claimed(seen.sent_at)
            and member.listed(self.edas.scheduler.now)  # a joiner that is not shown yet leaves when it is
            and self.edas.world.app_state(member, app) in {AppState.STOPPED, AppState.RUNNING_BUT_URL_FAILED}
        }
        later = down - {ecu for ecu, _, _, _, _ in seen.targets}
        if later and self.is_quiet(doing.app_id) and self.lonely:
            self._note(3, doing, f"takes members that run before {sorted(later)}, which do not")

    def _judge_joiners(self, seen: _Seen, doing: Doing) -> None:
        """Hold that nobody leaves before those that this operation has brought in run."""
        app = self.edas.world.applications[doing.app_id]
        leaving = {ecu for ecu, _, _, _, _ in seen.targets} - doing.desired
        if not (leaving and doing.waits_for_running and self.is_quiet(doing.app_id)):
            return
        if not app.groups[doing.group_id].deployed:
            return
        members = self.members(doing.app_id, doing.group_id)
        for ecu in sorted(doing.outs.keys() & doing.desired):
            if ecu not in members or not self.edas.world.is_running(members[ecu], app):
                self._broken(3, f"{doing.urn} scales in {sorted(leaving)} before {ecu} runs")

    def _judge_repair(self, doing: Doing, ecu: str, ecc: str, *, broken: bool, quiet: bool) -> None:
        if not quiet:
            return
        if not broken:
            self._broken(2, f"{doing.urn} scales in {ecu}, which is to stay and is not broken")
        if doing.settled.get(ecu) == ecc:
            self._broken(2, f"{doing.urn} repairs {ecu}, which is recorded as settled under {ecc}")
        if ecu in doing.repaired:
            self._broken(2, f"{doing.urn} repairs {ecu} a second time in one operation")
        doing.repaired.add(ecu)

    def is_quiet(self, app_id: str, *, orders_known_after: float = UNKNOWABLE_SECONDS) -> bool:
        """Tell whether everything other people did to an application could be known by now."""
        now = self.edas.scheduler.now
        if now - self.edas.changed_at.get(app_id, -1e9) < UNKNOWABLE_SECONDS:
            return False
        return not any(
            order.source != "pop" and (order.active or now - (order.finished_at or now) < orders_known_after)
            for order in self.edas.world.orders_of(app_id)
        )

    def _broken(self, law: int, what: str) -> None:
        self.broken.append(f"law {law}, at {self.edas.scheduler.now:.1f}: {what}")

    def broke(self, law: int, what: str) -> None:
        """Note that a law was broken, as somebody else has found."""
        self._broken(law, what)

    # -- what is true --------------------------------------------------------------------------------------------

    def members(self, app_id: str, group_id: str) -> dict[str, Member]:
        """Return the true members of a group by ECU id."""
        app = self.edas.world.applications.get(app_id)
        return {each.ecu_id: each for each in app.members_of(group_id)} if app else {}

    def listed(self, app_id: str, group_id: str) -> dict[str, Member]:
        """Return the members of a group that EDAS lists now, which may lag behind the truth."""
        app = self.edas.world.applications.get(app_id)
        found = app.listing(self.edas.scheduler.now) if app else []
        return {each.ecu_id: each for each in found if each.group_id == group_id}

    def in_flux(self, app_id: str) -> frozenset[str]:
        """Return the ECU ids that EDAS has begun or ceased to list since the oldest reading that may serve."""
        app = self.edas.world.applications[app_id]
        horizon = self.edas.scheduler.now - UNKNOWABLE_SECONDS
        return frozenset(
            each.ecu_id for each in app.members.values() if each.visible_at > horizon
        ) | frozenset(
            ecu
            for (app_id, ecu), until in self._listed_until.items()
            if app_id == app.id and until > horizon and ecu not in app.members
        )

    def state_word(self, app_id: str, member: Member) -> str:
        """Return the state of a member in the words of the outputs."""
        state = self.edas.world.app_state(member, self.edas.world.applications[app_id])
        return {0: "agentOff", 1: "stopped", 3: "unhealthy", 7: "running"}[state]


def _is_broken(member: Member) -> bool:
    return member.app_state == AppState.STOPPED and member.task_state == TaskState.FAILED
